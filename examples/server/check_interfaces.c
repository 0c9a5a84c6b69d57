// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "checks.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "clsact.h"
#include "environment.h"
#include "tcx.h"

#define PROGRAMS_MAX 64

static const char *const side_texts[TCX_SIDES] = { "ingress", "egress" };
static const char *const own_programs[TCX_SIDES] = { "server_ingress", "server_egress" };

/* A program's name; "?" when this process may not ask. */
static void program_name(uint32_t id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	strcpy(name, "?");
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	close(fd);
}

static int flags_of(const char *interface, unsigned long request, struct ifreq *asked)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result;

	strncpy(asked->ifr_name, interface, IFNAMSIZ - 1);
	result = ioctl(fd, request, asked);
	close(fd);
	return result;
}

static void check_up(struct check *check, const char *interface)
{
	struct ifreq asked = { 0 };

	if (flags_of(interface, SIOCGIFFLAGS, &asked) == 0 && !(asked.ifr_flags & IFF_UP))
		check_tell(check, "interface %s is down: ip link set %s up", interface, interface);
}

static void check_offload(struct check *check, const char *interface)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq asked = { .ifr_data = (void *)&value };

	if (flags_of(interface, SIOCETHTOOL, &asked) == 0 && value.data & ETH_FLAG_LRO)
		check_tell(check,
			   "interface %s merges segments in a way that loses their options: "
			   "ethtool -K %s lro off",
			   interface, interface);
}

/* The larger one of the two values counts. */
static void check_filter(struct check *check, const char *interface)
{
	char path[64];
	int own, all = environment_sysctl("net/ipv4/conf/all/rp_filter");

	snprintf(path, sizeof(path), "net/ipv4/conf/%s/rp_filter", interface);
	own = environment_sysctl(path);
	if ((own > all ? own : all) == 1)
		check_tell(check,
			   "rp_filter of interface %s is strict, and drops packets that a "
			   "balancer sent on when their client is routed otherwise: "
			   "sysctl -w net.ipv4.conf.%s.rp_filter=2",
			   interface, interface);
}

static void check_xdp(struct check *check, const char *interface, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char name[BPF_OBJ_NAME_LEN];

	if (bpf_xdp_query((int)ifindex, 0, &query) || !query.prog_id)
		return;
	program_name(query.prog_id, name);
	if (!strcmp(name, "balancer"))
		return; /* mptcplb-balancer in its role of redirector */
	check_tell(check,
		   "interface %s has an XDP program (%s, id %u) that sees packets first: it "
		   "must pass IP-in-IP and packets of the services",
		   interface, name, query.prog_id);
}

/* Whether the kernel has TCX. */
static bool check_tcx(struct check *check, const char *interface, unsigned int ifindex,
		      enum tcx_side side)
{
	unsigned int ids[PROGRAMS_MAX];
	int i, count = tcx_programs(ifindex, side, ids, PROGRAMS_MAX);
	char name[BPF_OBJ_NAME_LEN];

	for (i = 0; i < count; i++) {
		program_name(ids[i], name);
		if (!strcmp(name, own_programs[side]))
			break;
		check_tell(check,
			   "the BPF program %s (id %u) on the TCX %s of interface %s comes "
			   "before the agent: it must return TCX_NEXT for packets of the "
			   "services, or be attached after it",
			   name, ids[i], side_texts[side], interface);
	}
	return count >= 0;
}

struct clsact_check {
	struct check *check;
	const char *interface;
	enum tcx_side side;
	uint32_t told; /* priority of the last one: some kinds have several entries for one */
};

static void check_one_filter(void *context, const struct clsact_filter *filter)
{
	struct clsact_check *clsact = context;

	if (filter->priority >= CLSACT_PRIORITY || filter->priority == clsact->told)
		return;
	clsact->told = filter->priority;
	check_tell(clsact->check,
		   "the %s filter %s with priority %u on the %s of interface %s comes before the "
		   "agent (%d): it must return TC_ACT_UNSPEC for packets of the services, or get a "
		   "higher number",
		   filter->kind, filter->name, filter->priority, side_texts[clsact->side],
		   clsact->interface, CLSACT_PRIORITY);
}

static void check_hooks(struct check *check, const char *interface, unsigned int ifindex)
{
	int side;

	check_xdp(check, interface, ifindex);
	for (side = 0; side < TCX_SIDES; side++) {
		struct clsact_check clsact = { .check = check,
					       .interface = interface,
					       .side = (enum tcx_side)side };
		bool tcx = check_tcx(check, interface, ifindex, (enum tcx_side)side);

		/* TCX comes before clsact. */
		if (!tcx || check->options->attach == ATTACH_CLSACT)
			(void)clsact_filters(ifindex, (enum tcx_side)side, check_one_filter,
					     &clsact);
	}
}

void check_interfaces(struct check *check)
{
	size_t i;

	check_up(check, "lo");
	for (i = 0; i < check->options->interface_count; i++) {
		const char *interface = check->options->interfaces[i];
		unsigned int ifindex = if_nametoindex(interface);

		if (!ifindex) {
			check_tell(check,
				   "interface %s: %s. Say --interface with one that is there",
				   interface, strerror(errno));
			continue;
		}
		check_up(check, interface);
		check_offload(check, interface);
		check_filter(check, interface);
		check_hooks(check, interface, ifindex);
	}
}
