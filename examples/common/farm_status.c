// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "farm_status.h"

#include <inttypes.h>
#include <stdio.h>

json_t *farm_status(const struct mptcplb_farm *farm)
{
	const struct mptcplb_keyring *keyring = &farm->keyring;
	json_t *epochs = json_array();
	char digest[17];

	for (json_int_t i = 0; i < MPTCPLB_EPOCHS_MAX; i++) {
		if (keyring->present >> i & 1)
			json_array_append_new(epochs, json_integer(i));
	}
	snprintf(digest, sizeof(digest), "%016" PRIx64, mptcplb_farm_digest(farm));
	return json_pack("{s:i, s:i, s:o, s:i, s:s}", "server_id_bits",
			 (int)keyring->server_id_bits, "epoch_bits", (int)keyring->epoch_bits,
			 "epochs", epochs, "active", (int)keyring->active, "digest", digest);
}

json_t *farm_status_ids(const struct mptcplb_farm_server *server)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < server->id_count; i++)
		json_array_append_new(ids, json_integer(server->ids[i]));
	return ids;
}
