// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "attach.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "clsact.h"
#include "control.h"
#include "daemon.h"
#include "pin.h"

#define PIN_NAME_SIZE 32

static const char *const side_names[TCX_SIDES] = {
	[TCX_INGRESS] = "ingress",
	[TCX_EGRESS] = "egress",
};

const char *attach_way_text(enum attach_way way)
{
	static const char *const texts[] = { "not attached", "tcx", "clsact" };

	return texts[way];
}

/* Interfaces have dots in their names, pins have none: so a link is pinned by its index. */
static const char *pin_name(char name[PIN_NAME_SIZE], unsigned int ifindex, enum tcx_side side)
{
	snprintf(name, PIN_NAME_SIZE, "%s-%u", side_names[side], ifindex);
	return name;
}

bool attach_open(struct attachments *attachments, const char *const interfaces[], size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct attachment *attachment = &attachments->list[attachments->count++];

		*attachment =
			(struct attachment){ .interface = interfaces[i], .links = { -1, -1 } };
		attachment->lock = control_listen("server-interface", interfaces[i]);
		if (attachment->lock < 0) {
			log_error("interface \"%s\": another agent runs on it: %s", interfaces[i],
				  strerror(-attachment->lock));
			return false;
		}
		if (!daemon_interface(interfaces[i]))
			return false;
	}
	return true;
}

/* The link that an earlier agent has pinned for a side of an interface, or -1. */
static int take_over_link(const struct attachments *attachments, unsigned int ifindex,
			  enum tcx_side side)
{
	char name[PIN_NAME_SIZE];
	int link;

	if (!attachments->pin)
		return -1;
	link = pin_open(attachments->pin, pin_name(name, ifindex, side));
	if (link < 0 || tcx_is_attached(link, ifindex, side))
		return link < 0 ? -1 : link;
	close(link);
	return -1;
}

static void drop_link(const struct attachments *attachments, struct attachment *attachment,
		      enum tcx_side side)
{
	char name[PIN_NAME_SIZE];

	if (attachments->pin)
		(void)pin_remove(attachments->pin, pin_name(name, attachment->ifindex, side));
	if (attachment->links[side] >= 0)
		close(attachment->links[side]);
	attachment->links[side] = -1;
}

/* Returns 0 or -errno: -EINVAL when the kernel has no TCX. */
static int attach_tcx_side(const struct attachments *attachments, struct attachment *attachment,
			   enum tcx_side side)
{
	const int program = attachments->programs[side];
	int *link = &attachment->links[side];
	char name[PIN_NAME_SIZE];

	if (*link < 0)
		*link = take_over_link(attachments, attachment->ifindex, side);
	if (program < 0) {
		drop_link(attachments, attachment, side);
		return 0;
	}
	if (*link >= 0)
		return bpf_link_update(*link, program, NULL) ? -errno : 0;
	*link = tcx_attach(program, attachment->ifindex, side);
	if (*link < 0)
		return *link;
	if (attachments->pin &&
	    pin_replace(attachments->pin, pin_name(name, attachment->ifindex, side), *link))
		return -EIO;
	return 0;
}

static int attach_tcx(const struct attachments *attachments, struct attachment *attachment)
{
	int side, error = 0;

	for (side = 0; !error && side < TCX_SIDES; side++)
		error = attach_tcx_side(attachments, attachment, (enum tcx_side)side);
	if (!error)
		attachment->way = ATTACH_TCX;
	return error;
}

static void detach_tcx(const struct attachments *attachments, struct attachment *attachment)
{
	int side;

	for (side = 0; side < TCX_SIDES; side++)
		drop_link(attachments, attachment, (enum tcx_side)side);
}

static bool attach_clsact(const struct attachments *attachments, struct attachment *attachment)
{
	const unsigned int ifindex = attachment->ifindex;
	/* Without a name nothing is told. */
	const char *name = attachment->failed ? NULL : attachment->interface;
	int side, created = clsact_create(name, ifindex);

	if (created < 0)
		return false;
	attachment->qdisc_created |= created;
	attachment->way = ATTACH_CLSACT;
	for (side = 0; side < TCX_SIDES; side++) {
		if (attachments->programs[side] < 0)
			clsact_detach(ifindex, (enum tcx_side)side);
		else if (!clsact_attach(name, ifindex, (enum tcx_side)side,
					attachments->programs[side]))
			return false;
	}
	return true;
}

static void detach_clsact(unsigned int ifindex, bool destroy)
{
	int side;

	for (side = 0; side < TCX_SIDES; side++)
		clsact_detach(ifindex, (enum tcx_side)side);
	if (destroy)
		clsact_destroy(ifindex);
}

/* Attach to an interface that is there; the other way to do it is given up after that. */
static bool attach(const struct attachments *attachments, struct attachment *attachment)
{
	int error = -EINVAL;

	if (attachments->way != ATTACH_CLSACT)
		error = attach_tcx(attachments, attachment);
	if (!error) {
		detach_clsact(attachment->ifindex, attachment->qdisc_created);
		attachment->qdisc_created = false;
		return true;
	}
	if (attachments->way == ATTACH_TCX || error != -EINVAL) {
		if (!attachment->failed)
			log_error("interface \"%s\": cannot attach by TCX: %s%s",
				  attachment->interface, strerror(-error),
				  error == -EINVAL ? " (it needs Linux 6.6 or later)" : "");
		return false;
	}
	if (!attach_clsact(attachments, attachment))
		return false;
	detach_tcx(attachments, attachment);
	return true;
}

/* What the agent before has told of its qdiscs, by the interface. */
static bool qdisc_was_created(const struct server_state *state, unsigned int ifindex)
{
	int i;

	for (i = 0; i < SERVER_INTERFACES_MAX; i++) {
		if (state->clsact[i].ifindex == ifindex)
			return state->clsact[i].qdisc_created;
	}
	return false;
}

static const struct attachment *find(const struct attachments *attachments, unsigned int ifindex)
{
	size_t i;

	for (i = 0; i < attachments->count; i++) {
		if (attachments->list[i].ifindex == ifindex)
			return &attachments->list[i];
	}
	return NULL;
}

/* Remove links that an earlier agent had on interfaces that are not ours. */
static void drop_other_links(const struct attachments *attachments)
{
	DIR *directory = attachments->pin ? opendir(attachments->pin) : NULL;
	const struct dirent *entry;
	unsigned int ifindex;

	while (directory && (entry = readdir(directory))) {
		const char *number = strrchr(entry->d_name, '-');

		if (!number)
			continue;
		ifindex = (unsigned int)strtoul(number + 1, NULL, 10);
		if (!find(attachments, ifindex))
			(void)pin_remove(attachments->pin, entry->d_name);
	}
	if (directory)
		closedir(directory);
}

static void drop_other_filters(const struct attachments *attachments,
			       const struct server_state *state)
{
	int i;

	for (i = 0; i < SERVER_INTERFACES_MAX; i++) {
		unsigned int ifindex = state->clsact[i].ifindex;

		if (ifindex && !find(attachments, ifindex))
			detach_clsact(ifindex, state->clsact[i].qdisc_created);
	}
}

static void tell_state(const struct attachments *attachments, struct server_state *state)
{
	size_t i;

	memset(state->clsact, 0, sizeof(state->clsact));
	for (i = 0; i < attachments->count; i++) {
		const struct attachment *attachment = &attachments->list[i];

		if (attachment->way != ATTACH_CLSACT)
			continue;
		state->clsact[i].ifindex = attachment->ifindex;
		state->clsact[i].qdisc_created = attachment->qdisc_created;
	}
}

bool attach_programs(struct attachments *attachments, const int programs[TCX_SIDES],
		     struct server_state *state)
{
	size_t i;

	memcpy(attachments->programs, programs, sizeof(attachments->programs));
	for (i = 0; i < attachments->count; i++) {
		struct attachment *attachment = &attachments->list[i];

		if (attachment->way == ATTACH_AUTO) {
			attachment->ifindex = if_nametoindex(attachment->interface);
			attachment->qdisc_created = qdisc_was_created(state, attachment->ifindex);
			attachment->failed = false;
		}
		if (attachment->ifindex && !attach(attachments, attachment))
			return false;
	}
	drop_other_links(attachments);
	drop_other_filters(attachments, state);
	tell_state(attachments, state);
	return true;
}

static void detach(const struct attachments *attachments, struct attachment *attachment)
{
	detach_tcx(attachments, attachment);
	if (attachment->way == ATTACH_CLSACT)
		detach_clsact(attachment->ifindex, attachment->qdisc_created);
	attachment->way = ATTACH_AUTO;
	attachment->qdisc_created = false;
}

/* Whether there was something to do. */
static bool refresh(const struct attachments *attachments, struct attachment *attachment)
{
	unsigned int ifindex = if_nametoindex(attachment->interface);

	if (ifindex == attachment->ifindex && (!ifindex || attachment->way != ATTACH_AUTO))
		return false;
	if (attachment->ifindex && attachment->ifindex != ifindex) {
		log_warning("interface \"%s\" is gone", attachment->interface);
		detach(attachments, attachment);
	}
	attachment->ifindex = ifindex;
	if (!ifindex) {
		attachment->failed = false;
	} else if (attach(attachments, attachment)) {
		log_info("interface \"%s\" is there: attached", attachment->interface);
		attachment->failed = false;
	} else {
		/* As if it were not there, so that the next refresh tries again. */
		detach(attachments, attachment);
		attachment->ifindex = 0;
		attachment->failed = true;
	}
	return true;
}

bool attach_refresh(struct attachments *attachments, struct server_state *state)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < attachments->count; i++)
		changed |= refresh(attachments, &attachments->list[i]);
	if (changed)
		tell_state(attachments, state);
	return changed;
}

void attach_remove(struct attachments *attachments)
{
	size_t i;

	for (i = 0; i < attachments->count; i++)
		detach(attachments, &attachments->list[i]);
}

void attach_close(struct attachments *attachments)
{
	for (; attachments->count > 0; attachments->count--) {
		struct attachment *attachment = &attachments->list[attachments->count - 1];
		int side;

		for (side = 0; side < TCX_SIDES; side++) {
			if (attachment->links[side] >= 0)
				close(attachment->links[side]);
		}
		if (attachment->lock >= 0)
			close(attachment->lock);
	}
}

/* Remove the filters that an agent has told of. */
static void remove_told(const char *pin)
{
	const struct attachments nobody = { .count = 0 };
	struct server_state state = { 0 };
	const uint32_t zero = 0;
	int map = pin_open(pin, "state");

	if (map < 0)
		return;
	if (!bpf_map_lookup_elem(map, &zero, &state) && state.layout == SERVER_LAYOUT)
		drop_other_filters(&nobody, &state);
	close(map);
}

bool attach_is_pinned(const char *pin)
{
	DIR *directory = opendir(pin);
	const struct dirent *entry;
	bool found = false, empty = true;

	if (!directory)
		return false;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		empty = false;
		found |= !strcmp(entry->d_name, "state") || !strcmp(entry->d_name, "slots") ||
			 strstr(entry->d_name, "gress-");
	}
	closedir(directory);
	return found || empty;
}

int attach_remove_pinned(const char *pin)
{
	DIR *directory = opendir(pin);
	const struct dirent *entry;
	int error = 0, result;

	if (!directory)
		return -errno;
	remove_told(pin);
	/* What cannot be removed keeps nothing else. */
	while ((entry = readdir(directory))) {
		result = entry->d_name[0] == '.' ? 0 : pin_remove(pin, entry->d_name);
		error = error ? error : result;
	}
	closedir(directory);
	if (error)
		return error;
	return rmdir(pin) < 0 ? -errno : 0;
}
