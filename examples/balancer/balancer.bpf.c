// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The data path: joins go to the owner of their token, their later packets follow. As a balancer
 * it spreads all else by a consistent hash; as a redirector, on a server, it leaves all else to
 * that server. What goes to another server is encapsulated, IP in IP; replies go straight to the
 * client.
 */
#include "flows.bpf.h"
#include "join.bpf.h"
#include "send.bpf.h"

/* What is in hand besides the packet. */
struct task {
	const struct balancer_config *farm;
	const struct balancer_table *table;
	__u32 server; /* index: where the packet goes */
	enum balancer_way way; /* why there */
	bool remember; /* that the flow goes there; false: a SYN's flow is forgotten */
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

static __always_inline const struct balancer_ports *find_address(const struct packet *packet)
{
	const struct balancer_address *address = &packet->flow.service;
	__u32 slot = balancer_address_slot(address, address_mask);

	for (int i = 0; i < BALANCER_PROBES; i++) {
		__u32 index = (slot + i) & address_mask;
		const struct balancer_ports *ports = bpf_map_lookup_elem(&addresses, &index);

		if (ports && same_address(&ports->address, address))
			return ports;
	}
	return NULL;
}

static __always_inline bool find_service(struct task *task, struct packet *packet)
{
	const struct balancer_ports *ports = find_address(packet);
	__u32 service = ports ? ports->services[packet->flow.service_port] : 0;
	__u32 index = service - 1;

	if (!service)
		return false;
	packet->flow.service_index = index;
	task->table = bpf_map_lookup_elem(&tables, &index);
	return task->table && count_for(packet, service);
}

/* The server of a join's token, or BALANCER_NO_SERVER; *unroutable: it is a join without one. */
static __always_inline __u32 owner_of_join(struct xdp_md *ctx, const struct task *task,
					   const struct packet *packet, bool *unroutable)
{
	__u32 owner, token = 0;

	if (!tokens || !find_join(ctx, packet, &token))
		return BALANCER_NO_SERVER;
	owner = find_owner(packet, task->table, &task->farm->keyring, token);
	*unroutable = owner == BALANCER_NO_SERVER;
	return owner;
}

/*
 * A packet that neither a token nor memory routes. In a slot where new flows go elsewhere than the
 * flows from before a change of the farm, both are remembered: the new ones, as their packets
 * would go with the old ones, and those, as they are to stay when nothing else leads there.
 */
static __always_inline int balance(struct task *task, const struct packet *packet)
{
	const struct balancer_table *table = task->table;
	__u32 slot = balancer_slot(&packet->flow);
	__u32 server;

	/* The compiler knows that this never happens; the verifier of Linux 6.1 does not. */
	asm volatile("" : "+r"(slot));
	if (slot >= BALANCER_MAGLEV_SIZE)
		return drop(packet, BALANCER_DROPPED_NO_SERVER);
	server = packet->syn ? table->slots[slot] : table->homes[slot];
	task->remember = table->moved && table->slots[slot] != table->homes[slot] &&
			 server != BALANCER_NO_SERVER;
	return send_to(task, server, BALANCER_BY_HASH);
}

static __always_inline int route_syn(struct xdp_md *ctx, struct task *task,
				     const struct packet *packet)
{
	bool unroutable = false;
	__u32 owner = owner_of_join(ctx, task, packet, &unroutable);

	if (owner != BALANCER_NO_SERVER && owner != task->farm->own_index) {
		task->remember = true;
		return send_to(task, owner, BALANCER_BY_TOKEN);
	}
	if (unroutable && drop_unroutable)
		return drop(packet, BALANCER_DROPPED_UNROUTABLE);
	return redirector ? pass(packet, BALANCER_PASSED_LOCAL) : balance(task, packet);
}

/*
 * An ICMP error about a flow that is not remembered may be for any server: this one takes it, and
 * user space sends copies to the others. Not of one that came from another server: that never
 * gets here.
 */
static __always_inline int tell_all(struct xdp_md *ctx, const struct packet *packet)
{
	struct balancer_error *error;
	__u32 length;

	error = may_tell(TELL_ALL) ? bpf_ringbuf_reserve(&errors, sizeof(*error), 0) : NULL;
	if (!error)
		return pass(packet, BALANCER_ICMP_NOT_TOLD);
	length = packet->length;
	if (length < sizeof(struct iphdr))
		goto discard;
	/* Two comparisons, next to the use: what the verifier of Linux 6.1 knows is gone soon. */
	asm volatile("" : "+r"(length));
	if (length > BALANCER_ERROR_SIZE ||
	    bpf_xdp_load_bytes(ctx, packet->network, error->packet, length))
		goto discard;
	error->length = length;
	bpf_ringbuf_submit(error, 0);
	return pass(packet, BALANCER_ICMP_TO_ALL);

discard:
	bpf_ringbuf_discard(error, 0);
	return pass(packet, BALANCER_ICMP_NOT_TOLD);
}

/* A packet of a flow under way, or an ICMP error about it. */
static __always_inline int route(struct xdp_md *ctx, struct task *task, const struct packet *packet,
				 __u32 remembered)
{
	int verdict;

	if (usable_server(remembered) && remembered != task->farm->own_index)
		return send_to(task, remembered, BALANCER_BY_FLOW);
	if (redirector && packet->protocol != IPPROTO_TCP)
		return tell_all(ctx, packet);
	if (redirector)
		return pass(packet, BALANCER_PASSED_LOCAL);
	verdict = balance(task, packet);
	/* A server that is down may come back; anybody may have forged an ICMP error. */
	if (remembered != BALANCER_NO_SERVER || packet->protocol != IPPROTO_TCP)
		task->remember = false;
	return verdict;
}

/*
 * Route a packet by what is remembered of its flow, and remember it if need be; a SYN that goes
 * somewhere without that makes it forgotten.
 */
static __always_inline int route_by_memory(struct xdp_md *ctx, struct task *task,
					   const struct packet *packet)
{
	const bool any = tokens || task->table->moved;
	struct places places = {};
	int verdict;

	if (any && !find_places(&places, &packet->flow))
		return drop(packet, BALANCER_DROPPED_NO_SERVER);
	if (packet->syn)
		verdict = route_syn(ctx, task, packet);
	else
		verdict = route(ctx, task, packet,
				any ? recall(packet, &places) : BALANCER_NO_SERVER);
	if (any && task->remember)
		remember(packet, &places, task->server);
	else if (any && packet->syn && verdict != XDP_DROP && task->server != BALANCER_NO_SERVER)
		forget(packet, &places);
	return verdict;
}

/* Find the flow and the service of a TCP segment. */
static __always_inline int take_segment(struct xdp_md *ctx, struct task *task,
					struct packet *packet)
{
	enum parsed parsed;

	if (packet->later_fragment) {
		if (!find_address(packet))
			return pass(packet, BALANCER_PASSED);
		return redirector ? pass(packet, BALANCER_PASSED_FRAGMENT)
				  : drop(packet, BALANCER_DROPPED_FRAGMENT);
	}
	parsed = parse_tcp(ctx, packet);
	if (parsed == CUT_SHORT)
		return find_address(packet) ? drop(packet, BALANCER_DROPPED_TRUNCATED)
					    : pass(packet, BALANCER_PASSED);
	if (!find_service(task, packet))
		return pass(packet, BALANCER_PASSED);
	return parsed == UNSOUND ? drop(packet, BALANCER_DROPPED_TRUNCATED) : XDP_TX;
}

/* The same of an ICMP error: those of the packet that it quotes. */
static __always_inline int take_icmp(struct xdp_md *ctx, struct task *task, struct packet *packet)
{
	if (!find_address(packet))
		return pass(packet, BALANCER_PASSED);
	if (!parse_icmp_error(ctx, packet) || !find_service(task, packet))
		return pass(packet, BALANCER_PASSED_ICMP);
	count(packet, BALANCER_ICMP_ERRORS);
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
		return drop(packet, BALANCER_DROPPED_SOURCE);
	/* Two hops at most: what another server has forwarded stays here. */
	if (*member == BALANCER_MEMBER_SERVER)
		return pass(packet, BALANCER_PASSED_FORWARDED);
	if (packet->later_fragment)
		return pass(packet, BALANCER_PASSED_FRAGMENT);
	packet->version = packet->protocol == IPPROTO_IPIP ? 4 : 6;
	packet->network = packet->transport;
	return parse_network(ctx, packet) ? XDP_TX : pass(packet, BALANCER_PASSED);
}

static __always_inline int take_packet(struct xdp_md *ctx, struct task *task, struct packet *packet)
{
	int verdict;

	if (!parse_link(ctx, packet) || !parse_network(ctx, packet))
		return pass(packet, BALANCER_PASSED);
	if (redirector && is_tunnel(task, packet)) {
		verdict = look_inside(ctx, packet);
		if (verdict != XDP_TX)
			return verdict;
	}
	if (packet->protocol == IPPROTO_TCP)
		return take_segment(ctx, task, packet);
	if (packet->protocol == (packet->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return take_icmp(ctx, task, packet);
	return pass(packet, BALANCER_PASSED);
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	struct task task = { .farm = bpf_map_lookup_elem(&config, &(__u32){ 0 }) };
	struct packet packet = {};
	int verdict;

	if (!task.farm || !count_for(&packet, 0))
		return XDP_PASS;
	verdict = take_packet(ctx, &task, &packet);
	if (verdict == XDP_TX)
		verdict = route_by_memory(ctx, &task, &packet);
	if (verdict != XDP_TX)
		return verdict;
	if (task.server == BALANCER_NO_SERVER)
		return drop(&packet, BALANCER_DROPPED_NO_SERVER);
	return send(ctx, &packet, task.server, task.way);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
