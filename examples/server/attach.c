// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "attach.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "control.h"
#include "daemon.h"
#include "netlink.h"

/* Make the clsact qdisc. That it is there already is fine, and no reason for libbpf to warn. */
static bool create_qdisc(struct attachment *attachment)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)attachment->ifindex,
		    .attach_point = BPF_TC_INGRESS);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int error = bpf_tc_hook_create(&hook);

	libbpf_set_print(print);
	attachment->qdisc_created = error == 0;
	if (error == 0 || error == -EEXIST)
		return true;
	log_error("interface \"%s\": cannot add a clsact qdisc: %s "
		  "(the kernel needs CONFIG_NET_SCH_INGRESS)",
		  attachment->interface, strerror(-error));
	return false;
}

static void program_name_of(__u32 id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0) {
		(void)bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
	}
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
}

/* Whether a program of the name that ours has is at our place: one that a killed agent left. */
static bool is_left_behind(const struct bpf_tc_hook *hook, int program)
{
	LIBBPF_OPTS(bpf_tc_opts, found, .handle = ATTACH_HANDLE, .priority = ATTACH_PRIORITY);
	char name[BPF_OBJ_NAME_LEN];
	struct bpf_prog_info own = {};
	__u32 size = sizeof(own);

	if (bpf_tc_query(hook, &found) || bpf_obj_get_info_by_fd(program, &own, &size))
		return false;
	program_name_of(found.prog_id, name);
	return memcmp(name, own.name, sizeof(name)) == 0;
}

static bool add_filter(const struct attachment *attachment, enum bpf_tc_attach_point point,
		       int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)attachment->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = ATTACH_HANDLE, .priority = ATTACH_PRIORITY,
		    .prog_fd = program);
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	bool replace = is_left_behind(&hook, program);
	int error;

	libbpf_set_print(print);
	options.flags = replace ? BPF_TC_F_REPLACE : 0;
	error = bpf_tc_attach(&hook, &options);
	if (error)
		log_error("interface \"%s\": cannot attach to tc at priority %d, handle %#x: %s",
			  attachment->interface, ATTACH_PRIORITY, ATTACH_HANDLE, strerror(-error));
	return error == 0;
}

static void remove_filter(const struct attachment *attachment, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)attachment->ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = ATTACH_HANDLE, .priority = ATTACH_PRIORITY);
	int error = bpf_tc_detach(&hook, &options);

	if (error && error != -ENODEV && error != -ENOENT)
		log_warning("interface \"%s\": cannot detach from tc: %s", attachment->interface,
			    strerror(-error));
}

static void note_filter(void *context, const struct nlmsghdr *message)
{
	bool *found = context;

	*found |= message->nlmsg_type == RTM_NEWTFILTER;
}

/* Whether anybody has a filter on one side of the clsact qdisc; true when in doubt. */
static bool has_filters(unsigned int ifindex, __u32 side)
{
	struct {
		struct nlmsghdr header;
		struct tcmsg message;
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETTFILTER },
		.message = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = (int)ifindex,
			     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, side) },
	};
	bool found = false;

	return netlink_dump(NETLINK_ROUTE, &request.header, note_filter, &found) || found;
}

static void destroy_qdisc(const struct attachment *attachment)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)attachment->ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (has_filters(attachment->ifindex, TC_H_MIN_INGRESS) ||
	    has_filters(attachment->ifindex, TC_H_MIN_EGRESS))
		return;
	(void)bpf_tc_hook_destroy(&hook);
}

bool attach_add(struct attachment *attachment, const char *interface, int ingress, int egress)
{
	*attachment = (struct attachment){ .interface = interface, .lock = -1 };
	attachment->ifindex = daemon_interface(interface);
	if (!attachment->ifindex)
		return false;
	attachment->lock = control_listen("server-interface", interface);
	if (attachment->lock < 0) {
		log_error("interface \"%s\": another agent runs on it: %s", interface,
			  strerror(-attachment->lock));
		return false;
	}
	if (!create_qdisc(attachment))
		return false;
	attachment->ingress = add_filter(attachment, BPF_TC_INGRESS, ingress);
	attachment->egress =
		attachment->ingress && egress >= 0 && add_filter(attachment, BPF_TC_EGRESS, egress);
	return attachment->ingress && (attachment->egress || egress < 0);
}

void attach_remove(struct attachment *attachment)
{
	if (attachment->egress)
		remove_filter(attachment, BPF_TC_EGRESS);
	if (attachment->ingress)
		remove_filter(attachment, BPF_TC_INGRESS);
	if (attachment->qdisc_created)
		destroy_qdisc(attachment);
	if (attachment->lock >= 0)
		close(attachment->lock);
	*attachment = (struct attachment){ .lock = -1 };
}
