// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* A farm file, which lies in memory. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string.h>

#include <mptcplb/farm.h>

#include "fuzz.h"

static int file = -1;
static char path[32];

/* Other users must not read it, since it may have secrets in it. */
static void make_file(void)
{
	file = memfd_create("farm", MFD_CLOEXEC);
	MUST(file >= 0 && fchmod(file, 0600) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
}

/* A farm that was read is sound. */
static void check_farm(const struct mptcplb_farm *farm)
{
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	MUST(farm->server_count > 0 && farm->keyring.present >> farm->keyring.active & 1);
	for (size_t i = 0; i < farm->server_count; i++) {
		const struct mptcplb_farm_server *server = &farm->servers[i];

		MUST(server->id_count > 0);
		MUST(strlen(server->name) > 0 && strlen(server->name) <= MPTCPLB_FARM_NAME_MAX);
		MUST(mptcplb_farm_server_by_name(farm, server->name) == server);
		for (size_t j = 0; j < server->id_count; j++)
			MUST(mptcplb_farm_owner(farm, server->ids[j]) == server);
		MUST(strlen(mptcplb_farm_address_text(&server->address, text)) > 0);
	}
	for (size_t i = 0; i < farm->service_count; i++) {
		const struct mptcplb_farm_service *service = &farm->services[i];

		MUST(service->port > 0 && service->port_last >= service->port);
		MUST(service->server_count > 0);
		for (size_t j = 0; j < service->server_count; j++)
			MUST(mptcplb_farm_serves(farm, service,
						 &farm->servers[service->servers[j]]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm;

	if (file < 0)
		make_file();
	MUST(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	memset(&error, 0xee, sizeof(error));
	farm = mptcplb_farm_load(path, &error);
	if (farm)
		check_farm(farm);
	else
		MUST(memchr(error.text, 0, sizeof(error.text)) && !strchr(error.text, '\n') &&
		     strncmp(error.text, path, strlen(path)) == 0);
	mptcplb_farm_free(farm);
	return 0;
}
