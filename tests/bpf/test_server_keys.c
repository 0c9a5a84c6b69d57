// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The agent's own side of the maps: which keys it offers, and when it replaces them. */
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "clock.h"
#include "keys.h"
#include "live.h"
#include "unit/unit.h"

#define SLOTS 64
#define BUCKETS 256
#define EPOCH 1
#define ENDLESS_NS (3600 * SERVER_SECOND_NS)

static const uint32_t ids[] = { 3, 30 };
static const struct mptcplb_farm_server server = { .ids = ids, .id_count = 2 };
static struct mptcplb_keyring keyring;
static struct tokens tokens;
static struct keys keys;

/* Memory that stands in for a map. */
static int map_of(size_t size)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

/* Keys and tokens that no test shares: each runs in a process of its own. */
static void open_keys(void)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	const int slots = map_of(SLOTS * sizeof(struct server_slot));
	const int buckets = map_of(SERVER_BUCKETS_MAX * sizeof(uint64_t));

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 5), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, EPOCH, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, EPOCH), MPTCPLB_OK);
	ck_assert_int_eq(tokens_open(&tokens, buckets, BUCKETS), 0);
	ck_assert_int_eq(keys_open(&keys, slots, SLOTS), 0);
	keys.tokens = &tokens;
	keys_use(&keys, &keyring, &server);
	close(slots);
	close(buckets);
}

static void set_live(const uint32_t *live, size_t count)
{
	tokens.live = realloc(tokens.live, (count + 1) * sizeof(*live));
	ck_assert_ptr_nonnull(tokens.live);
	memcpy(tokens.live, live, count * sizeof(*live));
	tokens.live_count = count;
}

static int compare(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

START_TEST(every_slot_gets_a_key_that_names_the_server)
{
	uint32_t offered[SLOTS], i;

	open_keys();
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_uint_eq(keys_filled(&keys), SLOTS);
	for (i = 0; i < SLOTS; i++) {
		struct mptcplb_token_parts parts;

		ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_RFC8684, &offered[i],
						   (const uint8_t *)&keys.slots[i].key, 8),
				 MPTCPLB_OK);
		ck_assert_uint_eq(keys.slots[i].token, offered[i]);
		ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, offered[i]), MPTCPLB_OK);
		ck_assert_uint_eq(parts.epoch, EPOCH);
		ck_assert(parts.server_id == ids[0] || parts.server_id == ids[1]);
	}
	qsort(offered, SLOTS, sizeof(*offered), compare);
	for (i = 1; i < SLOTS; i++)
		ck_assert_uint_ne(offered[i], offered[i - 1]);
}
END_TEST

START_TEST(no_key_of_a_full_bucket_is_offered)
{
	uint32_t i;

	open_keys();
	for (i = 0; i < BUCKETS; i += 2)
		tokens.buckets[i] = SERVER_BUCKET_TOKENS_MAX;
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	for (i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(keys.slots[i].token % 2, 1);
}
END_TEST

START_TEST(token_in_use_is_not_available)
{
	const uint32_t live[] = { 10, 20, 30 };

	open_keys();
	set_live(live, 3);
	ck_assert_int_eq(tokens_add_recent(&tokens, 40), 0);
	tokens.buckets[50] = SERVER_BUCKET_TOKENS_MAX;
	ck_assert(!tokens_available(&tokens, 10));
	ck_assert(!tokens_available(&tokens, 30));
	ck_assert(!tokens_available(&tokens, 40));
	ck_assert(!tokens_available(&tokens, 50 + BUCKETS));
	ck_assert(tokens_available(&tokens, 11));
}
END_TEST

/* Show a slot's key, so long ago. */
static void show(uint32_t index, uint64_t ago)
{
	keys.slots[index].shown_to = 1;
	keys.slots[index].first_shown_at = clock_now() - ago;
}

START_TEST(key_that_was_found_in_bpf_stays)
{
	const uint64_t found = 0x1234;
	uint32_t token;

	open_keys();
	keys.slots[5].key = found;
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_uint_eq(keys.slots[5].key, found);
	ck_assert_uint_eq(keys_filled(&keys), SLOTS);
	/* Nor is a slot filled for a key that has been used up twice. */
	keys_add_empty(&keys, 5);
	ck_assert_uint_eq(keys.empty_count, 0);
	/* When it is replaced its own token is remembered, for it stays good for a moment. */
	show(5, 61 * SERVER_SECOND_NS);
	ck_assert_int_eq(keys_age(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_key_token(MPTCPLB_MODE_RFC8684, &token, (const uint8_t *)&found,
					   sizeof(found)),
			 MPTCPLB_OK);
	ck_assert_uint_eq(keys.tokens_before[5], token);
}
END_TEST

START_TEST(slot_waits_once_and_is_found_without_its_event)
{
	open_keys();
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	keys.slots[5].key = 0;
	keys_add_empty(&keys, 5);
	keys_add_empty(&keys, 5);
	ck_assert_uint_eq(keys.empty_count, 1);
	keys.slots[6].key = 0;
	ck_assert_int_eq(keys_age(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_uint_eq(keys.empty_count, 2);
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_uint_eq(keys_filled(&keys), SLOTS);
}
END_TEST

START_TEST(key_that_was_shown_long_ago_is_replaced)
{
	uint64_t before[SLOTS];
	uint32_t i;

	open_keys();
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	for (i = 0; i < SLOTS; i++)
		before[i] = keys.slots[i].key;
	show(3, 61 * SERVER_SECOND_NS);
	show(4, 59 * SERVER_SECOND_NS);
	ck_assert_int_eq(keys_age(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_uint_eq(keys.aged, 1);
	for (i = 0; i < SLOTS; i++) {
		if (i != 3)
			ck_assert_uint_eq(keys.slots[i].key, before[i]);
	}
	ck_assert_uint_ne(keys.slots[3].key, 0);
	ck_assert_uint_ne(keys.slots[3].key, before[3]);
	ck_assert_uint_eq(keys.slots[3].previous_key, before[3]);
	ck_assert_uint_lt(clock_now() - keys.slots[3].replaced_at, 10 * SERVER_SECOND_NS);
	ck_assert_uint_eq(keys.slots[3].shown_to, 0);
	ck_assert_uint_eq(keys.slots[3].first_shown_at, 0);
}
END_TEST

START_TEST(ageing_keeps_to_its_time_and_goes_on_where_it_was)
{
	uint32_t i, rounds;

	open_keys();
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	for (i = 0; i < SLOTS; i++)
		show(i, 61 * SERVER_SECOND_NS);
	ck_assert_int_eq(keys_age(&keys, 0), MPTCPLB_OK);
	ck_assert_uint_lt(keys.aged, SLOTS);
	for (rounds = 0; keys.aged < SLOTS && rounds < 100 * SLOTS; rounds++)
		ck_assert_int_eq(keys_age(&keys, 1000), MPTCPLB_OK);
	ck_assert_uint_eq(keys.aged, SLOTS);
	ck_assert_uint_eq(keys_filled(&keys), SLOTS);
}
END_TEST

static void enter(int map, uint32_t token, uint64_t ago)
{
	const struct server_live value = { .flow = 1, .entered_at = clock_now() - ago };

	ck_assert_int_eq(bpf_map_update_elem(map, &token, &value, BPF_ANY), 0);
}

static bool is_entered(int map, uint32_t token)
{
	struct server_live value;

	return bpf_map_lookup_elem(map, &token, &value) == 0;
}

START_TEST(programs_are_told_which_tokens_are_live)
{
	const uint32_t live[] = { 10, 20, 30 };
	uint32_t token;
	int map = bpf_map_create(BPF_MAP_TYPE_HASH, "live", sizeof(uint32_t),
				 sizeof(struct server_live), 8192, NULL);

	open_keys();
	ck_assert_int_ge(map, 0);
	set_live(live, 3);
	enter(map, 20, 60 * SERVER_SECOND_NS);
	enter(map, 40, 0); /* has just come, and is not on the kernel's list yet */
	for (token = 1000; token < 6000; token++)
		enter(map, token, 60 * SERVER_SECOND_NS);
	ck_assert_int_eq(live_refresh(map, &tokens), 0);
	for (token = 0; token < 6000; token++)
		ck_assert_int_eq(is_entered(map, token),
				 token == 10 || token == 20 || token == 30 || token == 40);
	set_live(live, 0);
	ck_assert_int_eq(live_refresh(map, &tokens), 0);
	ck_assert(!is_entered(map, 20));
	ck_assert(is_entered(map, 10)); /* entered by the last refresh */
	close(map);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_slot_gets_a_key_that_names_the_server,
		no_key_of_a_full_bucket_is_offered,
		token_in_use_is_not_available,
		key_that_was_found_in_bpf_stays,
		slot_waits_once_and_is_found_without_its_event,
		key_that_was_shown_long_ago_is_replaced,
		ageing_keeps_to_its_time_and_goes_on_where_it_was,
		programs_are_told_which_tokens_are_live,
		NULL,
	};

	return run_suite("server-keys", tests);
}
