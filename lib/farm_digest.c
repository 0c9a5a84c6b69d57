// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * A farm in 64 bits. Each of its parts is hashed by itself, and the hashes are added up, so that
 * the order in the file does not matter. A secret takes part by SipHash, with itself as key, of a
 * message of seven bytes: that tells nothing of it, and the cipher's messages have four.
 */
#include <string.h>

#include <mptcplb/farm.h>
#include <mptcplb/random.h>

/* SipHash's block of a message of seven bytes, which says what it is for. */
#define SECRET_BLOCK ((uint64_t)7 << 56 | 0x747365676964ULL)

enum part {
	PART_TOKEN = 1,
	PART_EPOCH,
	PART_SERVER,
	PART_BALANCER,
	PART_SERVICE,
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
	const struct mptcplb_core_secret none = { 0, 0 };
	const struct mptcplb_core_sip sip = mptcplb_core_sip_start(&none);

	return mptcplb_core_sip_finish(&sip, hash, value);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	hash = mix(hash, strlen(text));
	while (*text)
		hash = mix(hash, (unsigned char)*text++);
	return hash;
}

static uint64_t mix_address(uint64_t hash, const struct mptcplb_farm_address *address)
{
	hash = mix(hash, address->version);
	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = mix(hash, address->bytes[i]);
	return hash;
}

static uint64_t hash_token(const struct mptcplb_keyring *keyring)
{
	uint64_t hash = mix(PART_TOKEN, keyring->server_id_bits);

	hash = mix(hash, keyring->epoch_bits);
	hash = mix(hash, keyring->active);
	for (uint32_t i = 0; i < MPTCPLB_EPOCHS_MAX; i++) {
		struct mptcplb_core_sip sip;

		if (!(keyring->present >> i & 1))
			continue;
		sip = mptcplb_core_sip_start(&keyring->secrets[i]);
		hash += mix(mix(PART_EPOCH, i), mptcplb_core_sip_finish(&sip, SECRET_BLOCK, 0));
		mptcplb_wipe(&sip, sizeof(sip));
	}
	return hash;
}

static uint64_t hash_server(const struct mptcplb_farm_server *server)
{
	uint64_t hash = mix_address(mix_text(PART_SERVER, server->name), &server->address);

	hash = mix(hash, server->state);
	hash = mix(hash, server->weight);
	hash = mix(hash, server->peak_connections);
	for (size_t i = 0; i < server->id_count; i++)
		hash = mix(hash, server->ids[i]);
	return hash;
}

static uint64_t hash_service(const struct mptcplb_farm *farm,
			     const struct mptcplb_farm_service *service)
{
	uint64_t hash = mix_address(PART_SERVICE, &service->address);
	uint64_t servers = 0;

	hash = mix(hash, service->port);
	hash = mix(hash, service->port_last);
	for (size_t i = 0; i < service->server_count; i++)
		servers += mix_text(hash, farm->servers[service->servers[i]].name);
	return mix(hash, servers);
}

uint64_t mptcplb_farm_digest(const struct mptcplb_farm *farm)
{
	uint64_t digest = hash_token(&farm->keyring);

	for (size_t i = 0; i < farm->server_count; i++)
		digest += hash_server(&farm->servers[i]);
	for (size_t i = 0; i < farm->balancer_count; i++)
		digest += mix_address(mix_text(PART_BALANCER, farm->balancers[i].name),
				      &farm->balancers[i].address);
	for (size_t i = 0; i < farm->service_count; i++)
		digest += hash_service(farm, &farm->services[i]);
	return digest;
}
