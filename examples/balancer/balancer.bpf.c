// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The data path: joins go to the owner of their token, their later packets follow. As a balancer
 * it spreads all else by a consistent hash; as a redirector, on a server, it leaves all else to
 * that server. What goes to another server is encapsulated, IP in IP; replies go straight to the
 * client.
 */
#include "flows.bpf.h"
#include "send.bpf.h"

/* What is in hand besides the packet. */
struct task {
	const struct balancer_config *farm;
	const struct balancer_table *table;
	__u32 service; /* index */
	__u32 server; /* index: where the packet goes */
	enum balancer_way way; /* why there */
};

/*
 * The steps below return an XDP verdict: XDP_TX to go on, and at the end to send the packet to
 * the task's server; anything else is final.
 */
static __always_inline int send_to(struct task *task, __u32 server, enum balancer_way way)
{
	task->server = server;
	task->way = way;
	return XDP_TX;
}

static __always_inline bool is_service_address(const struct packet *packet)
{
	struct balancer_service key = { .address = packet->flow.service };

	return bpf_map_lookup_elem(&services, &key);
}

static __always_inline bool find_service(struct task *task, const struct balancer_flow *flow)
{
	struct balancer_service key = { .address = flow->service, .port = flow->service_port };
	__u32 *index = bpf_map_lookup_elem(&services, &key);

	if (!index || !key.port)
		return false;
	task->service = *index;
	task->table = bpf_map_lookup_elem(&tables, index);
	return task->table;
}

static __always_inline void count_traffic(const struct task *task, const struct packet *packet)
{
	struct balancer_traffic *traffic = bpf_map_lookup_elem(&server_traffic, &task->server);

	if (traffic) {
		traffic->packets[task->way]++;
		traffic->bytes += packet->length;
	}
	traffic = bpf_map_lookup_elem(&service_traffic, &task->service);
	if (traffic) {
		traffic->packets[task->way]++;
		traffic->bytes += packet->length;
	}
	count(task->way == BALANCER_BY_TOKEN  ? BALANCER_ROUTED_TOKEN
	      : task->way == BALANCER_BY_FLOW ? BALANCER_ROUTED_FLOW
					      : BALANCER_ROUTED_HASH);
}

/* The server of a join's token, or BALANCER_NO_SERVER; *unroutable: it is a join without one. */
static __always_inline __u32 owner_of_join(struct xdp_md *ctx, const struct task *task,
					   const struct packet *packet, bool *unroutable)
{
	struct balancer_traffic *traffic;
	__u32 owner, token = 0;

	if (!tokens || !find_join(ctx, packet, &token))
		return BALANCER_NO_SERVER;
	owner = find_owner(task->table, &task->farm->keyring, token);
	*unroutable = owner == BALANCER_NO_SERVER;
	traffic = bpf_map_lookup_elem(&service_traffic, &task->service);
	if (*unroutable && traffic)
		traffic->unroutable++;
	return owner;
}

/*
 * A SYN that no token routes. Its flow is remembered when it may not go where the 4-tuple's flows
 * from before the last change of the farm go, and forgotten otherwise.
 */
static __always_inline int balance_syn(struct task *task, const struct balancer_flow *flow)
{
	__u32 slot = balancer_slot(flow);
	__u32 server;

	if (slot >= BALANCER_MAGLEV_SIZE)
		return drop(BALANCER_DROPPED_NO_SERVER);
	server = task->table->slots[slot];
	if (server != task->table->homes[slot])
		remember(flow, server);
	else if (tokens || task->table->moved)
		forget(flow);
	return send_to(task, server, BALANCER_BY_HASH);
}

static __always_inline int leave_here(const struct balancer_flow *flow)
{
	forget(flow);
	return pass(BALANCER_PASSED_LOCAL);
}

static __always_inline int route_syn(struct xdp_md *ctx, struct task *task,
				     const struct packet *packet)
{
	bool unroutable = false;
	__u32 owner = owner_of_join(ctx, task, packet, &unroutable);

	if (owner != BALANCER_NO_SERVER && owner != task->farm->own_index) {
		remember(&packet->flow, owner);
		return send_to(task, owner, BALANCER_BY_TOKEN);
	}
	if (unroutable && drop_unroutable) {
		forget(&packet->flow);
		return drop(BALANCER_DROPPED_UNROUTABLE);
	}
	return redirector ? leave_here(&packet->flow) : balance_syn(task, &packet->flow);
}

/* A packet of a flow under way, or an ICMP error about it. */
static __always_inline int route(struct task *task, const struct packet *packet)
{
	const struct balancer_flow *flow = &packet->flow;
	__u32 slot, server = BALANCER_NO_SERVER;

	if (tokens || task->table->moved)
		server = packet->protocol == IPPROTO_TCP ? recall(flow) : peek(flow);
	if (usable_server(server) && server != task->farm->own_index)
		return send_to(task, server, BALANCER_BY_FLOW);
	if (redirector)
		return pass(BALANCER_PASSED_LOCAL);
	slot = balancer_slot(flow);
	if (slot >= BALANCER_MAGLEV_SIZE)
		return drop(BALANCER_DROPPED_NO_SERVER);
	return send_to(task, task->table->homes[slot], BALANCER_BY_HASH);
}

/* Find the flow and the service of a TCP segment. */
static __always_inline int take_segment(struct xdp_md *ctx, struct task *task,
					struct packet *packet)
{
	enum parsed parsed;

	if (packet->later_fragment) {
		if (!is_service_address(packet))
			return pass(BALANCER_PASSED);
		return redirector ? pass(BALANCER_PASSED_FRAGMENT)
				  : drop(BALANCER_DROPPED_FRAGMENT);
	}
	parsed = parse_tcp(ctx, packet);
	if (parsed == CUT_SHORT)
		return is_service_address(packet) ? drop(BALANCER_DROPPED_TRUNCATED)
						  : pass(BALANCER_PASSED);
	if (!find_service(task, &packet->flow))
		return pass(BALANCER_PASSED);
	return parsed == UNSOUND ? drop(BALANCER_DROPPED_TRUNCATED) : XDP_TX;
}

/* The same of an ICMP error: those of the packet that it quotes. */
static __always_inline int take_icmp(struct xdp_md *ctx, struct task *task, struct packet *packet)
{
	if (!is_service_address(packet))
		return pass(BALANCER_PASSED);
	if (!parse_icmp_error(ctx, packet) || !find_service(task, &packet->flow))
		return pass(BALANCER_PASSED_ICMP);
	count(BALANCER_ICMP_ERRORS);
	return XDP_TX;
}

static __always_inline bool is_tunnel(const struct task *task, const struct packet *packet)
{
	return (packet->protocol == IPPROTO_IPIP || packet->protocol == IPPROTO_IPV6) &&
	       same_address(&packet->flow.service, &task->farm->own_address);
}

/*
 * On a server: look into IP-in-IP to it. Returns XDP_PASS for what the server's own decapsulation
 * is to take as it is, and XDP_TX when @packet is now the packet inside.
 */
static __always_inline int look_inside(struct xdp_md *ctx, struct packet *packet)
{
	__u32 *member = bpf_map_lookup_elem(&members, &packet->flow.client);

	if (!member)
		return drop(BALANCER_DROPPED_SOURCE);
	/* Two hops at most: what another server has forwarded stays here. */
	if (*member == BALANCER_MEMBER_SERVER)
		return pass(BALANCER_PASSED_FORWARDED);
	if (packet->later_fragment)
		return pass(BALANCER_PASSED_FRAGMENT);
	packet->version = packet->protocol == IPPROTO_IPIP ? 4 : 6;
	packet->network = packet->transport;
	return parse_network(ctx, packet) ? XDP_TX : pass(BALANCER_PASSED);
}

static __always_inline int take_packet(struct xdp_md *ctx, struct task *task, struct packet *packet)
{
	int verdict;

	if (!parse_link(ctx, packet) || !parse_network(ctx, packet))
		return pass(BALANCER_PASSED);
	if (redirector && is_tunnel(task, packet)) {
		verdict = look_inside(ctx, packet);
		if (verdict != XDP_TX)
			return verdict;
	}
	if (packet->protocol == IPPROTO_TCP)
		return take_segment(ctx, task, packet);
	if (packet->protocol == (packet->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return take_icmp(ctx, task, packet);
	return pass(BALANCER_PASSED);
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	struct task task = { .farm = bpf_map_lookup_elem(&config, &(__u32){ 0 }) };
	struct packet packet = {};
	int verdict;

	if (!task.farm)
		return pass(BALANCER_PASSED);
	verdict = take_packet(ctx, &task, &packet);
	if (verdict == XDP_TX)
		verdict = packet.syn ? route_syn(ctx, &task, &packet) : route(&task, &packet);
	if (verdict != XDP_TX)
		return verdict;
	if (task.server == BALANCER_NO_SERVER)
		return drop(BALANCER_DROPPED_NO_SERVER);
	count_traffic(&task, &packet);
	return send(ctx, &packet, &task.farm->own_address, task.server);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
