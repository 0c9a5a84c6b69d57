// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "describe.h"

#include "farm_status.h"
#include "program.h"

static json_t *describe_interfaces(const struct attachments *attachments)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < attachments->count; i++) {
		const struct attachment *attachment = &attachments->list[i];

		json_array_append_new(array,
				      json_pack("{s:s, s:s}", "name", attachment->interface,
						"attached", attach_way_text(attachment->way)));
	}
	return array;
}

static json_t *describe_counters(const struct agent *agent)
{
#define COUNTER_NAME(symbol, name, meaning) [SERVER_##symbol] = name,
	static const char *const names[] = { SERVER_COUNTERS(COUNTER_NAME) };
#undef COUNTER_NAME
	const struct keys *keys = &agent->keys;
	uint64_t counters[SERVER_COUNTER_COUNT];
	json_t *object = json_object();
	size_t i;

	if (program_counters(agent->program, counters))
		return object;
	for (i = 0; i < SERVER_COUNTER_COUNT; i++)
		json_object_set_new(object, names[i], json_integer((json_int_t)counters[i]));
	json_object_set_new(object, "keys_refilled", json_integer((json_int_t)keys->refilled));
	json_object_set_new(object, "keys_aged", json_integer((json_int_t)keys->aged));
	json_object_set_new(object, "keys_renewed", json_integer((json_int_t)keys->renewed));
	json_object_set_new(object, "live_events", json_integer((json_int_t)agent->events.taken));
	json_object_set_new(object, "live_events_overruns",
			    json_integer((json_int_t)agent->events.overruns));
	json_object_set_new(object, "live_lists", json_integer((json_int_t)agent->refreshes));
	return object;
}

static json_t *describe_settings(const struct agent *agent)
{
	const struct agent_options *options = agent->options;

	return json_pack(
		"{s:s, s:s, s:s, s:s?, s:b, s:b, s:b, s:i, s:o}", "server", agent->server->name,
		"state", mptcplb_farm_state_text(agent->server->state), "config", options->config,
		"pin", options->pin, "taken_over", agent->taken_over, "decapsulate_only",
		options->decapsulate_only, "cookies_for_all", options->cookies_for_all, "epoch",
		(int)agent->farm->keyring.active, "ids", farm_status_ids(agent->server));
}

json_t *describe_status(const struct agent *agent)
{
	const struct keys *keys = &agent->keys;
	json_t *status = describe_settings(agent);
	json_t *farm = farm_status(agent->farm);
	json_t *now = json_pack(
		"{s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:I, s:I, s:o}", "interfaces",
		describe_interfaces(&agent->attachments), "services", (int)agent->marks.count,
		"services_ready", (int)marks_ready(&agent->marks), "slots",
		(int)agent->options->slots, "slots_filled",
		keys->slots ? (int)keys_filled(keys) : 0, "slots_unchecked", (int)keys->unchecked,
		"live_tokens", (int)live_count(&agent->live), "events_followed",
		agent->events.fd >= 0, "token_buckets", (int)agent->bucket_count, "reloads",
		(json_int_t)agent->reloads, "reloads_refused", (json_int_t)agent->reloads_refused,
		"counters", describe_counters(agent));

	if (status && farm && now) {
		json_object_update(status, farm);
		json_object_update(status, now);
	}
	json_decref(farm);
	json_decref(now);
	return status;
}
