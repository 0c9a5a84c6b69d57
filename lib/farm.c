// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "farm_private.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <mptcplb/keyring.h>

static int load_checked(struct farm_load *load, const struct farm_text *text)
{
	int error;

	/* Who writes it decides where packets go, also when its secrets are in other files. */
	if (text->mode & S_IWOTH)
		return farm_fail(load, 0, "others can write it (mode %04o): chmod o-w %.128s",
				 text->mode, load->path);
	error = farm_document_parse(load, text);
	if (error)
		return error;
	error = farm_schema_load(load, &load->farm->raw, text);
	if (!error)
		error = farm_keyring_load(load, text->mode);
	if (!error)
		error = farm_members_load(load);
	if (!error)
		error = farm_services_load(load);
	farm_document_wipe(&load->document);
	return error;
}

struct mptcplb_farm *mptcplb_farm_load(const char *path, struct mptcplb_farm_error *error)
{
	struct farm_load load = { .path = path, .error = error };
	struct farm_text text;
	char buffer[128];
	const char *problem = farm_read(&text, path, FARM_FILE_MAX, buffer);
	int failed;

	if (problem) {
		farm_fail(&load, 0, "%s", problem);
		return NULL;
	}
	load.farm = calloc(1, sizeof(*load.farm));
	failed = load.farm ? load_checked(&load, &text) : farm_fail_memory(&load);
	farm_text_wipe(&text);
	if (!failed)
		return &load.farm->public;
	mptcplb_farm_free(load.farm ? &load.farm->public : NULL);
	return NULL;
}

void mptcplb_farm_free(struct mptcplb_farm *public)
{
	struct farm *farm = (struct farm *)public; /* its first member */

	if (!farm)
		return;
	for (size_t i = 0; i < public->service_count; i++) {
		if (public->services[i].servers != farm->every_server)
			free((void *)(uintptr_t) public->services[i].servers);
	}
	free((void *)(uintptr_t) public->services);
	free((void *)(uintptr_t) public->balancers);
	free((void *)(uintptr_t) public->servers);
	free(farm->every_server);
	free(farm->owners);
	free(farm->names);
	farm_schema_free(farm->raw);
	mptcplb_keyring_wipe(&public->keyring);
	free(farm);
}

const struct mptcplb_farm_server *mptcplb_farm_owner(const struct mptcplb_farm *public,
						     uint32_t server_id)
{
	const struct farm *farm = (const struct farm *)public;
	size_t low = 0;
	size_t high = farm->owner_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct farm_owner *owner = &farm->owners[middle];

		if (owner->id == server_id)
			return &public->servers[owner->server];
		if (server_id < owner->id)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct mptcplb_farm_server *mptcplb_farm_server_by_name(const struct mptcplb_farm *farm,
							      const char *name)
{
	const struct farm_name *found = farm_name_find((const struct farm *)farm, name);

	return found && found->index < farm->server_count ? &farm->servers[found->index] : NULL;
}

int mptcplb_farm_serves(const struct mptcplb_farm *farm, const struct mptcplb_farm_service *service,
			const struct mptcplb_farm_server *server)
{
	uint32_t index = (uint32_t)(server - farm->servers);
	size_t low = 0;
	size_t high = service->server_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (service->servers[middle] == index)
			return 1;
		if (index < service->servers[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return 0;
}

const char *mptcplb_farm_state_text(enum mptcplb_farm_state state)
{
	switch (state) {
	case MPTCPLB_FARM_UP:
		return "up";
	case MPTCPLB_FARM_DRAINING:
		return "draining";
	case MPTCPLB_FARM_DOWN:
		return "down";
	default:
		return "unknown";
	}
}
