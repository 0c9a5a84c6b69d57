// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "tcx.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <bpf/bpf.h>

#define PROGRAMS_MAX 64

/* enum bpf_attach_type: BPF_TCX_INGRESS and BPF_TCX_EGRESS. */
static const enum bpf_attach_type attach_types[TCX_SIDES] = {
	[TCX_INGRESS] = (enum bpf_attach_type)46,
	[TCX_EGRESS] = (enum bpf_attach_type)47,
};

/* enum bpf_link_type: BPF_LINK_TYPE_TCX. */
#define LINK_TYPE_TCX 11

/* struct bpf_link_info: tcx. It lies where the other kinds of links have theirs. */
struct link_info_tcx {
	uint32_t ifindex; /* 0: the interface is gone */
	uint32_t attach_type;
};

int tcx_attach(int program, unsigned int ifindex, enum tcx_side side)
{
	int link = bpf_link_create(program, (int)ifindex, attach_types[side], NULL);

	return link < 0 ? -errno : link;
}

int tcx_programs(unsigned int ifindex, enum tcx_side side, unsigned int *ids, unsigned int room)
{
	uint32_t count = room;

	if (bpf_prog_query((int)ifindex, attach_types[side], 0, NULL, ids, &count))
		return -errno;
	return (int)count;
}

bool tcx_is_attached(int link, unsigned int ifindex, enum tcx_side side)
{
	unsigned int ids[PROGRAMS_MAX];
	struct bpf_link_info info = { 0 };
	struct link_info_tcx tcx;
	uint32_t size = sizeof(info);
	int count;

	if (bpf_obj_get_info_by_fd(link, &info, &size) || info.type != (uint32_t)LINK_TYPE_TCX)
		return false;
	memcpy(&tcx, &info.xdp, sizeof(tcx));
	if (tcx.ifindex != ifindex || tcx.attach_type != (uint32_t)attach_types[side])
		return false;
	/* The index alone may be one of another network namespace. */
	count = tcx_programs(ifindex, side, ids, PROGRAMS_MAX);
	while (count > 0) {
		if (ids[--count] == info.prog_id)
			return true;
	}
	return false;
}
