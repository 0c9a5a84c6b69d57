// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "clsact.h"

#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "daemon.h"
#include "netlink.h"

/* Names of the kernel's are cut off at this length. */
#define NAME_SIZE 64

static const struct {
	enum bpf_tc_attach_point point;
	uint32_t minor;
	const char *program; /* ours */
} sides[TCX_SIDES] = {
	[TCX_INGRESS] = { BPF_TC_INGRESS, TC_H_MIN_INGRESS, "server_ingress" },
	[TCX_EGRESS] = { BPF_TC_EGRESS, TC_H_MIN_EGRESS, "server_egress" },
};

/* That the qdisc is there already is fine, and no reason for libbpf to warn. */
int clsact_create(const char *interface, unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int error = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	if (error == 0 || error == -EEXIST)
		return error == 0;
	if (interface)
		log_error("interface \"%s\": cannot add a clsact qdisc: %s "
			  "(the kernel needs CONFIG_NET_SCH_INGRESS)",
			  interface, strerror(-error));
	return error;
}

struct filter_dump {
	void (*each)(void *context, const struct clsact_filter *filter);
	void *context;
};

static void copy_name(char name[NAME_SIZE], const struct rtattr *attribute)
{
	size_t length = RTA_PAYLOAD(attribute);

	if (length >= NAME_SIZE)
		length = NAME_SIZE - 1;
	memcpy(name, RTA_DATA(attribute), length);
	name[length] = '\0';
}

/* The name among the options of a BPF filter. */
static void find_program(char name[NAME_SIZE], const struct rtattr *options)
{
	int length = (int)RTA_PAYLOAD(options);
	const struct rtattr *attribute;

	for (attribute = RTA_DATA(options); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length)) {
		if (attribute->rta_type == TCA_BPF_NAME)
			copy_name(name, attribute);
	}
}

static void note_filter(void *context, const struct nlmsghdr *message)
{
	const struct filter_dump *dump = context;
	const struct tcmsg *tc = NLMSG_DATA(message);
	const struct rtattr *attribute, *options = NULL;
	char kind[NAME_SIZE] = "", name[NAME_SIZE] = "";
	struct clsact_filter filter = { .kind = kind, .name = name };
	int length = (int)message->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*tc));

	if (message->nlmsg_type != RTM_NEWTFILTER || length < 0)
		return;
	for (attribute = TCA_RTA(tc); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length)) {
		if (attribute->rta_type == TCA_KIND)
			copy_name(kind, attribute);
		else if (attribute->rta_type == TCA_OPTIONS)
			options = attribute;
	}
	if (options && !strcmp(kind, "bpf"))
		find_program(name, options);
	filter.priority = TC_H_MAJ(tc->tcm_info) >> 16;
	filter.handle = tc->tcm_handle;
	/* Each priority has an entry without a handle too. */
	if (filter.handle)
		dump->each(dump->context, &filter);
}

int clsact_filters(unsigned int ifindex, enum tcx_side side,
		   void (*each)(void *context, const struct clsact_filter *filter), void *context)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETTFILTER },
		.message = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = (int)ifindex,
			     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, sides[side].minor) },
	};
	struct filter_dump dump = { each, context };

	return netlink_dump(NETLINK_ROUTE, &request.header, note_filter, &dump);
}

struct own_filter {
	const char *program;
	bool found;
};

static void find_own(void *context, const struct clsact_filter *filter)
{
	struct own_filter *own = context;

	/* libbpf puts the program's id behind its name, as in "server_egress:[7]". */
	own->found |= filter->priority == CLSACT_PRIORITY && filter->handle == CLSACT_HANDLE &&
		      !strncmp(filter->name, own->program, strlen(own->program));
}

bool clsact_is_attached(unsigned int ifindex, enum tcx_side side)
{
	struct own_filter own = { .program = sides[side].program };

	return clsact_filters(ifindex, side, find_own, &own) == 0 && own.found;
}

bool clsact_attach(const char *interface, unsigned int ifindex, enum tcx_side side, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = sides[side].point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = program);
	int error;

	options.flags = clsact_is_attached(ifindex, side) ? BPF_TC_F_REPLACE : 0;
	error = bpf_tc_attach(&hook, &options);
	if (error && interface)
		log_error("interface \"%s\": cannot attach to tc at priority %d, handle %#x: %s",
			  interface, CLSACT_PRIORITY, CLSACT_HANDLE, strerror(-error));
	return error == 0;
}

void clsact_detach(unsigned int ifindex, enum tcx_side side)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = sides[side].point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);
	int error = clsact_is_attached(ifindex, side) ? bpf_tc_detach(&hook, &options) : 0;

	if (error && error != -ENODEV && error != -ENOENT)
		log_warning("interface %u: cannot detach from tc: %s", ifindex, strerror(-error));
}

static void note_any(void *context, const struct clsact_filter *filter)
{
	(void)filter;
	*(bool *)context = true;
}

void clsact_destroy(unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	bool used = false;

	/* When in doubt, it stays. */
	if (clsact_filters(ifindex, TCX_INGRESS, note_any, &used) ||
	    clsact_filters(ifindex, TCX_EGRESS, note_any, &used) || used)
		return;
	(void)bpf_tc_hook_destroy(&hook);
}
