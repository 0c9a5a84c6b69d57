// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"

static int create_link(int program, unsigned int ifindex, unsigned int mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode);

	return bpf_link_create(program, (int)ifindex, BPF_XDP, &options);
}

/* A program's name, or "?" where it cannot be told. */
static const char *name_of(uint32_t id, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);
	int program = bpf_prog_get_fd_by_id(id);

	if (program < 0 || bpf_obj_get_info_by_fd(program, info, &size))
		strcpy(info->name, "?");
	if (program >= 0)
		close(program);
	return info->name;
}

static int refuse(const char *interface, unsigned int ifindex, int error)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = { 0 };

	if ((error == -EBUSY || error == -EEXIST) && bpf_xdp_query((int)ifindex, 0, &query) == 0)
		log_error("interface \"%s\" already has an XDP program, \"%s\" with id %u: detach "
			  "that first, or, if it is a balancer's that was pinned, give its --pin",
			  interface, name_of(query.prog_id, &info), query.prog_id);
	else
		log_error("cannot attach to interface \"%s\": %s", interface, strerror(-error));
	return -1;
}

int attach_xdp(int program, const char *interface, unsigned int ifindex)
{
	int link = create_link(program, ifindex, XDP_FLAGS_DRV_MODE);
	int error = link;

	if (link >= 0)
		return link;
	if (error == -EBUSY || error == -EEXIST || error == -EPERM)
		return refuse(interface, ifindex, error);

	link = create_link(program, ifindex, XDP_FLAGS_SKB_MODE);
	if (link < 0)
		return refuse(interface, ifindex, link);
	log_warning("interface \"%s\" takes no XDP program in native mode (%s): "
		    "using generic mode, which is slower",
		    interface, strerror(-error));
	return link;
}

bool attach_replace(int link, int program)
{
	if (bpf_link_update(link, program, NULL) == 0)
		return true;
	log_error("cannot put the new XDP program in the place of the old one: %s",
		  strerror(errno));
	return false;
}

bool attach_is_to(int link, const char *interface, unsigned int ifindex)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &size) == 0 && info.type == BPF_LINK_TYPE_XDP &&
	    info.xdp.ifindex == ifindex)
		return true;
	log_error("what is pinned is attached to another interface than \"%s\" (index %u): "
		  "expected a directory for each interface",
		  interface, info.xdp.ifindex);
	return false;
}

const char *attach_mode(unsigned int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query((int)ifindex, 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_SKB)
		return "generic";
	return "native";
}
