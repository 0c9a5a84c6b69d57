// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool check: what a farm file says, and what to think about. */
#include "tool.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>

/* From so many tries on, making a key takes about 10 ms of a core. */
#define TRIES_MANY 32768

/* A service as "ADDRESS port N" or "ADDRESS ports N-M". */
struct service_text {
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE + 24];
};

static const char *service_text(struct service_text *text,
				const struct mptcplb_farm_service *service)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	mptcplb_farm_address_text(&service->address, address);
	if (service->port == service->port_last)
		snprintf(text->text, sizeof(text->text), "%s port %u", address, service->port);
	else
		snprintf(text->text, sizeof(text->text), "%s ports %u-%u", address, service->port,
			 service->port_last);
	return text->text;
}

/* A farm's digest as 16 hex digits. */
struct digest_text {
	char text[17];
};

static const char *digest_text(struct digest_text *text, const struct mptcplb_farm *farm)
{
	snprintf(text->text, sizeof(text->text), "%016" PRIx64, mptcplb_farm_digest(farm));
	return text->text;
}

static uint32_t id_space(const struct mptcplb_farm *farm)
{
	return 1U << farm->keyring.server_id_bits;
}

/* Keys that a search of mode rfc8684 looks at in the mean. */
static double expected_tries(const struct mptcplb_farm *farm,
			     const struct mptcplb_farm_server *server)
{
	return (double)id_space(farm) * (1U << farm->keyring.epoch_bits) / (double)server->id_count;
}

static double id_share(const struct mptcplb_farm *farm, size_t ids)
{
	return (double)ids / id_space(farm);
}

static size_t owned_ids(const struct mptcplb_farm *farm)
{
	size_t owned = 0;

	for (size_t i = 0; i < farm->server_count; i++)
		owned += farm->servers[i].id_count;
	return owned;
}

__attribute__((format(printf, 2, 3))) static void warn(json_t *warnings, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(warnings, json_string(text));
}

static void warn_of_server(json_t *warnings, const struct mptcplb_farm *farm,
			   const struct mptcplb_farm_server *server)
{
	double tries = expected_tries(farm, server);

	if (server->state == MPTCPLB_FARM_DRAINING)
		warn(warnings, "%s is draining: it gets no new connections", server->name);
	if (server->state == MPTCPLB_FARM_DOWN)
		warn(warnings, "%s is down: joins of its connections are unroutable", server->name);
	if (tries > TRIES_MANY)
		warn(warnings,
		     "%s needs %.0f tries for a key: give it more ids, or use fewer server_id_bits",
		     server->name, tries);
}

static void warn_of_service(json_t *warnings, const struct mptcplb_farm *farm,
			    const struct mptcplb_farm_service *service)
{
	struct service_text text;

	for (size_t i = 0; i < service->server_count; i++) {
		if (farm->servers[service->servers[i]].state == MPTCPLB_FARM_UP)
			return;
	}
	warn(warnings, "service %s has no server that is up", service_text(&text, service));
}

static json_t *list_warnings(const struct mptcplb_farm *farm)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < farm->server_count; i++)
		warn_of_server(warnings, farm, &farm->servers[i]);
	for (size_t i = 0; i < farm->service_count; i++)
		warn_of_service(warnings, farm, &farm->services[i]);
	if (farm->keyring.epoch_bits == 0)
		warn(warnings, "epoch_bits is 0: the secret cannot be rotated");
	if (owned_ids(farm) == id_space(farm))
		warn(warnings, "every id has an owner: each forged token finds a server");
	return warnings;
}

static json_t *list_epochs(const struct mptcplb_farm *farm)
{
	json_t *epochs = json_array();

	for (uint32_t i = 0; i < MPTCPLB_EPOCHS_MAX; i++) {
		if (farm->keyring.present >> i & 1)
			json_array_append_new(epochs, json_integer(i));
	}
	return epochs;
}

static json_t *describe_server(const struct mptcplb_farm *farm,
			       const struct mptcplb_farm_server *server)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	json_t *ids = json_array();

	for (size_t i = 0; i < server->id_count; i++)
		json_array_append_new(ids, json_integer(server->ids[i]));
	return json_pack("{s:s, s:s, s:s, s:i, s:o, s:f, s:f, s:I}", "name", server->name,
			 "address", mptcplb_farm_address_text(&server->address, address), "state",
			 mptcplb_farm_state_text(server->state), "weight", (int)server->weight,
			 "ids", ids, "id_share", id_share(farm, server->id_count), "key_tries",
			 expected_tries(farm, server), "peak_connections",
			 (json_int_t)server->peak_connections);
}

static json_t *describe_service(const struct mptcplb_farm *farm,
				const struct mptcplb_farm_service *service)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	json_t *servers = json_array();

	for (size_t i = 0; i < service->server_count; i++)
		json_array_append_new(servers,
				      json_string(farm->servers[service->servers[i]].name));
	return json_pack("{s:s, s:i, s:i, s:o}", "address",
			 mptcplb_farm_address_text(&service->address, address), "port",
			 service->port, "port_last", service->port_last, "servers", servers);
}

static void print_json(const struct mptcplb_farm *farm, json_t *warnings)
{
	json_t *servers = json_array();
	json_t *balancers = json_array();
	json_t *services = json_array();
	json_t *object;
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	struct digest_text digest;

	for (size_t i = 0; i < farm->server_count; i++)
		json_array_append_new(servers, describe_server(farm, &farm->servers[i]));
	for (size_t i = 0; i < farm->balancer_count; i++)
		json_array_append_new(
			balancers,
			json_pack("{s:s, s:s}", "name", farm->balancers[i].name, "address",
				  mptcplb_farm_address_text(&farm->balancers[i].address, address)));
	for (size_t i = 0; i < farm->service_count; i++)
		json_array_append_new(services, describe_service(farm, &farm->services[i]));
	object = json_pack("{s:s, s:i, s:i, s:i, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:O}", "digest",
			   digest_text(&digest, farm), "server_id_bits",
			   farm->keyring.server_id_bits, "epoch_bits", farm->keyring.epoch_bits,
			   "active", farm->keyring.active, "epochs", list_epochs(farm),
			   "nonces_per_id", (json_int_t)mptcplb_keyring_nonce_count(&farm->keyring),
			   "ids", (json_int_t)id_space(farm), "ids_owned",
			   (json_int_t)owned_ids(farm), "servers", servers, "balancers", balancers,
			   "services", services, "warnings", warnings);
	print_json_line(object);
	json_decref(object);
}

/* Ids in ascending order, runs of them as 3-7. */
static void print_ids(const struct mptcplb_farm_server *server)
{
	for (size_t i = 0; i < server->id_count;) {
		size_t run = 1;

		while (i + run < server->id_count && server->ids[i + run] == server->ids[i] + run)
			run++;
		printf("%s%" PRIu32, i ? "," : "", server->ids[i]);
		if (run > 1)
			printf("-%" PRIu32, server->ids[i + run - 1]);
		i += run;
	}
	putchar('\n');
}

static void print_servers(const struct mptcplb_farm *farm)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	int name_width = 6;
	int address_width = 7;

	for (size_t i = 0; i < farm->server_count; i++) {
		int length = (int)strlen(farm->servers[i].name);

		name_width = length > name_width ? length : name_width;
		mptcplb_farm_address_text(&farm->servers[i].address, address);
		length = (int)strlen(address);
		address_width = length > address_width ? length : address_width;
	}
	printf("\n%-*s  %-*s  %-8s  %6s  %8s  %10s  %10s  %s\n", name_width, "SERVER",
	       address_width, "ADDRESS", "STATE", "WEIGHT", "ID SHARE", "KEY TRIES", "PEAK", "IDS");
	for (size_t i = 0; i < farm->server_count; i++) {
		const struct mptcplb_farm_server *server = &farm->servers[i];

		printf("%-*s  %-*s  %-8s  %6" PRIu32 "  %7.3f%%  %10.0f  ", name_width,
		       server->name, address_width,
		       mptcplb_farm_address_text(&server->address, address),
		       mptcplb_farm_state_text(server->state), server->weight,
		       100 * id_share(farm, server->id_count), expected_tries(farm, server));
		if (server->peak_connections)
			printf("%10" PRIu32 "  ", server->peak_connections);
		else
			printf("%10s  ", "-");
		print_ids(server);
	}
}

static void print_format(const struct mptcplb_farm *farm)
{
	struct digest_text digest;

	printf("digest          %s\n", digest_text(&digest, farm));
	printf("server_id_bits  %d (%" PRIu32 " ids, %zu owned: %.3f%%)\n",
	       farm->keyring.server_id_bits, id_space(farm), owned_ids(farm),
	       100 * id_share(farm, owned_ids(farm)));
	printf("nonces per id   %" PRIu32 "\n", mptcplb_keyring_nonce_count(&farm->keyring));
	printf("epoch_bits      %d\nepochs         ", farm->keyring.epoch_bits);
	for (uint32_t i = 0; i < MPTCPLB_EPOCHS_MAX; i++) {
		if (farm->keyring.present >> i & 1)
			printf(" %" PRIu32 "%s", i, i == farm->keyring.active ? " (active)" : "");
	}
	putchar('\n');
}

static void print_rest(const struct mptcplb_farm *farm, const json_t *warnings)
{
	char address[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < farm->balancer_count; i++)
		printf("%sbalancer %s  %s\n", i ? "" : "\n", farm->balancers[i].name,
		       mptcplb_farm_address_text(&farm->balancers[i].address, address));
	for (size_t i = 0; i < farm->service_count; i++) {
		const struct mptcplb_farm_service *service = &farm->services[i];
		struct service_text text;

		printf("%sservice  %s  %zu of %zu servers\n", i ? "" : "\n",
		       service_text(&text, service), service->server_count, farm->server_count);
	}
	for (size_t i = 0; i < json_array_size(warnings); i++)
		printf("%swarning: %s\n", i ? "" : "\n",
		       json_string_value(json_array_get(warnings, i)));
}

int cmd_check(const struct arguments *arguments)
{
	const struct mptcplb_farm *farm = arguments->farm;
	json_t *warnings = list_warnings(farm);

	if (arguments->given & OPTION_JSON) {
		print_json(farm, warnings);
	} else {
		print_format(farm);
		print_servers(farm);
		print_rest(farm, warnings);
	}
	json_decref(warnings);
	return TOOL_FINE;
}
