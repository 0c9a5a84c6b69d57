// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The agent's own side of the maps: which keys it offers, and when it replaces them. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <mptcplb/key.h>
#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "clock.h"
#include "keys.h"
#include "unit/unit.h"

#define SLOTS 64
#define MANY_SLOTS 16384
#define BUCKETS 256
#define EPOCH 1
#define ENDLESS_NS (3600 * SERVER_SECOND_NS)

static const uint32_t ids[] = { 3, 30 };
static const struct mptcplb_farm_server server = { .ids = ids, .id_count = 2 };
static const struct mptcplb_farm_server small_server = { .ids = ids, .id_count = 1 };
static struct mptcplb_keyring keyring;
static struct live live;
static struct keys keys;

static struct server_live *find(uint32_t token, uint32_t in_place)
{
	struct server_live *places = live.buckets[token % BUCKETS].places;
	int i;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++) {
		if ((uint32_t)places[i].entry == in_place)
			return &places[i];
	}
	return NULL;
}

/* As a program does. */
static void enter(uint32_t token, uint64_t ago)
{
	struct server_live *place = find(token, token);

	if (!place)
		place = find(token, 0);
	ck_assert_ptr_nonnull(place);
	*place = (struct server_live){ server_live_entry(token, clock_now() - ago), 1 };
}

static bool is_entered(uint32_t token)
{
	return find(token, token) != NULL;
}

static uint32_t count_in_bucket(uint32_t bucket)
{
	const struct server_live *places = live.buckets[bucket].places;
	uint32_t i, count = 0;

	for (i = 0; i < SERVER_BUCKET_TOKENS_MAX; i++)
		count += places[i].entry != 0;
	return count;
}

/* Fill a bucket up with tokens that no key has. */
static void fill_bucket(uint32_t bucket)
{
	uint32_t token = 0xf0000000 + bucket;

	for (; count_in_bucket(bucket) < SERVER_BUCKET_TOKENS_MAX; token += BUCKETS)
		enter(token, 0);
}

/* What the kernel is to answer when it is asked for its connections: see CMakeLists.txt. */
static uint32_t connections[8];
static size_t connection_count;
static int list_error;
static bool overlooks; /* its list leaves out the first */
static uint32_t let_in; /* by a program while the kernel answers; 0: nothing */
int __wrap_tokens_list(struct tokens *tokens);
int __wrap_tokens_ask(uint32_t token);

int __wrap_tokens_list(struct tokens *tokens)
{
	size_t i;

	if (let_in)
		enter(let_in, 0);
	tokens->count = 0;
	for (i = overlooks; i < connection_count; i++)
		ck_assert_int_eq(tokens_append(tokens, connections[i]), 0);
	return list_error;
}

int __wrap_tokens_ask(uint32_t token)
{
	const struct tokens all = { .list = connections, .count = connection_count };

	return tokens_find(&all, token) ? 0 : -ENOENT;
}

/* The kernel's connections from now on: their tokens in ascending order. */
static void set_connections(const uint32_t *tokens, size_t count)
{
	if (count)
		memcpy(connections, tokens, count * sizeof(*tokens));
	connection_count = count;
}

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
	const int buckets = map_of(BUCKETS * sizeof(struct server_bucket));

	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 1, 5), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, EPOCH, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, EPOCH), MPTCPLB_OK);
	ck_assert_int_eq(live_open(&live, buckets, BUCKETS), 0);
	ck_assert_int_eq(keys_open(&keys, slots, SLOTS), 0);
	keys.live = &live;
	keys_use(&keys, &keyring, &server);
	close(slots);
	close(buckets);
}

static int compare(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* What the programs take for the token of a slot's key. */
static uint32_t token_in_slot(uint32_t index)
{
	return server_token_of(keys.slots[index].key, keys.slots[index].token);
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
		ck_assert_uint_eq(token_in_slot(i), offered[i]);
		ck_assert_int_eq(mptcplb_token_decode(&keyring, &parts, offered[i]), MPTCPLB_OK);
		ck_assert_uint_eq(parts.epoch, EPOCH);
		ck_assert(parts.server_id == ids[0] || parts.server_id == ids[1]);
	}
	qsort(offered, SLOTS, sizeof(*offered), compare);
	for (i = 1; i < SLOTS; i++)
		ck_assert_uint_ne(offered[i], offered[i - 1]);
}
END_TEST

START_TEST(no_token_is_offered_twice)
{
	static const uint8_t secret[MPTCPLB_SECRET_SIZE] = "sixteen bytes...";
	static uint32_t offered[MANY_SLOTS];
	const int slots = map_of(MANY_SLOTS * sizeof(struct server_slot));
	uint32_t i;

	/* So many of the 2^24 tokens of one id that, drawn blindly, some eight would be the same. */
	open_keys();
	keys_close(&keys);
	keys = (struct keys){ .live = &live };
	ck_assert_int_eq(mptcplb_keyring_init(&keyring, 0, 8), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_add(&keyring, 0, secret), MPTCPLB_OK);
	ck_assert_int_eq(mptcplb_keyring_activate(&keyring, 0), MPTCPLB_OK);
	ck_assert_int_eq(keys_open(&keys, slots, MANY_SLOTS), 0);
	keys_use(&keys, &keyring, &small_server);
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	for (i = 0; i < MANY_SLOTS; i++)
		offered[i] = token_in_slot(i);
	qsort(offered, MANY_SLOTS, sizeof(*offered), compare);
	for (i = 1; i < MANY_SLOTS && offered[i] != offered[i - 1]; i++)
		;
	ck_assert_uint_eq(i, MANY_SLOTS);
	close(slots);
}
END_TEST

START_TEST(no_key_of_a_full_bucket_is_offered)
{
	uint32_t i;

	open_keys();
	for (i = 0; i < BUCKETS; i += 2)
		fill_bucket(i);
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	for (i = 0; i < SLOTS; i++)
		ck_assert_uint_eq(token_in_slot(i) % 2, 1);
}
END_TEST

START_TEST(token_in_use_is_not_available)
{
	const uint32_t listed[] = { 10, 20, 30 };

	open_keys();
	set_connections(listed, 3);
	enter(40, 0);
	ck_assert_int_eq(live_refresh(&live), 0);
	fill_bucket(50);
	ck_assert(!live_is_available(&live, 10));
	ck_assert(!live_is_available(&live, 30));
	ck_assert(!live_is_available(&live, 40));
	ck_assert(!live_is_available(&live, 50 + BUCKETS));
	ck_assert(live_is_available(&live, 11));
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
	keys_look(&keys);
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

START_TEST(filling_keeps_to_its_time)
{
	uint32_t rounds;

	open_keys();
	ck_assert_int_eq(keys_fill(&keys, 0), MPTCPLB_OK);
	ck_assert_uint_lt(keys_filled(&keys), SLOTS);
	for (rounds = 0; keys.empty_count && rounds < 100 * SLOTS; rounds++)
		ck_assert_int_eq(keys_fill(&keys, 1000), MPTCPLB_OK);
	ck_assert_uint_eq(keys_filled(&keys), SLOTS);
	ck_assert_uint_eq(keys.refilled, SLOTS);
}
END_TEST

START_TEST(keys_are_renewed_by_what_their_own_tokens_name)
{
	uint64_t found;

	open_keys();
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	/* A program has found two keys since: a good one, and one that names anybody. */
	found = keys.slots[4].key;
	keys.slots[5].key = 0;
	keys_look(&keys);
	keys.slots[5].key = found;
	keys.slots[6].key = 0x1234;
	keys_use(&keys, &keyring, &server);
	ck_assert_int_eq(keys_renew(&keys, ENDLESS_NS), MPTCPLB_OK);
	ck_assert_uint_eq(keys.renewed, 1);
	ck_assert_uint_eq(keys.slots[5].key, found);
	ck_assert_uint_eq(keys.slots[6].previous_key, 0x1234);
}
END_TEST

START_TEST(slot_waits_once_whoever_finds_it)
{
	open_keys();
	ck_assert_int_eq(keys_fill(&keys, ENDLESS_NS), MPTCPLB_OK);
	keys.slots[5].key = 0;
	keys_look(&keys);
	keys_look(&keys);
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
	ck_assert_uint_eq(token_in_slot(3), keys.tokens_offered[3]);
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

START_TEST(programs_are_told_which_tokens_are_live)
{
	const uint32_t listed[] = { 10, 20, 30 };
	uint32_t token;

	open_keys();
	set_connections(listed, 3);
	enter(20, 60 * SERVER_SECOND_NS);
	enter(40, 0); /* has just come, and is not on the kernel's list yet */
	for (token = 1000; token < 1600; token++)
		enter(token, 60 * SERVER_SECOND_NS);
	ck_assert_int_eq(live_refresh(&live), 0);
	for (token = 1; token < 1600; token++)
		ck_assert_int_eq(is_entered(token),
				 token == 10 || token == 20 || token == 30 || token == 40);
	ck_assert_uint_eq(live_count(&live), 4);
	ck_assert(live.unsure);
	set_connections(NULL, 0);
	enter(40, 60 * SERVER_SECOND_NS);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert_uint_eq(live_count(&live), 0);
	ck_assert(!live.unsure);
}
END_TEST

START_TEST(connection_that_is_created_is_known_and_gone_once_it_has_closed)
{
	const uint32_t mine = 10 + BUCKETS, listed[] = { mine };

	open_keys();
	set_connections(listed, 1);
	live_created(&live, mine);
	live_created(&live, mine);
	ck_assert_uint_eq(live.confirmed, 1);
	ck_assert(!live_is_available(&live, mine));
	ck_assert_uint_eq(count_in_bucket(10), 1);
	/* Until its last segment is acknowledged it has its token. */
	ck_assert_int_eq(live_closing(&live, mine), 0);
	live_tidy(&live);
	ck_assert(!live_is_available(&live, mine));
	set_connections(NULL, 0);
	live_tidy(&live);
	ck_assert(live_is_available(&live, mine));
	ck_assert_uint_eq(count_in_bucket(10), 0);
	ck_assert_uint_eq(live.closing.count, 0);
	/* What nobody knew of takes nothing away. */
	enter(10, 0);
	ck_assert_int_eq(live_closing(&live, mine), 0);
	live_tidy(&live);
	ck_assert(is_entered(10));
}
END_TEST

START_TEST(many_that_close_are_listed)
{
	const uint32_t listed = 7;
	uint32_t token;

	open_keys();
	for (token = 1; token <= 1024; token++) {
		live_created(&live, token);
		ck_assert_int_eq(live_closing(&live, token), 0);
	}
	ck_assert_int_eq(live_closing(&live, token), 0);
	live_tidy(&live);
	ck_assert(live.unsure);
	ck_assert_uint_eq(live_count(&live), 1024);
	set_connections(&listed, 1);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(!live.unsure);
	ck_assert_uint_eq(live_count(&live), 1);
	ck_assert_uint_eq(live.closing.count, 1);
	set_connections(NULL, 0);
	live_tidy(&live);
	ck_assert_uint_eq(live_count(&live), 0);
}
END_TEST

START_TEST(list_knows_better_than_events)
{
	const uint32_t listed[] = { 10 };

	open_keys();
	set_connections(listed, 1);
	live_created(&live, 10);
	live_created(&live, 20);
	ck_assert_int_eq(live_closing(&live, 10), 0);
	ck_assert_int_eq(live_closing(&live, 20), 0);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(is_entered(10));
	ck_assert(!is_entered(20)); /* however short a time it was there */
	ck_assert_uint_eq(live_count(&live), 1);
	set_connections(NULL, 0);
	live_tidy(&live);
	ck_assert(!is_entered(10));
	ck_assert_uint_eq(live_count(&live), 0);
}
END_TEST

START_TEST(connection_that_the_list_leaves_out_is_not_gone)
{
	const uint32_t listed[] = { 10, 20 };

	open_keys();
	set_connections(listed, 2);
	enter(10, 60 * SERVER_SECOND_NS);
	enter(20, 60 * SERVER_SECOND_NS);
	ck_assert_int_eq(live_refresh(&live), 0);
	overlooks = true;
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(is_entered(10));
	ck_assert_uint_eq(live_count(&live), 2);
	set_connections(listed, 1);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(is_entered(10));
	ck_assert(!is_entered(20));
	set_connections(NULL, 0);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert_uint_eq(live_count(&live), 0);
}
END_TEST

START_TEST(what_is_let_in_while_the_list_is_read_counts_once)
{
	uint32_t listed = 0;

	for (open_keys(); listed <= 10; listed += 10) {
		set_connections(&listed, listed ? 1 : 0);
		let_in = 10;
		memset(&live.buckets[10], 0, sizeof(live.buckets[10]));
		ck_assert_int_eq(live_refresh(&live), 0);
		ck_assert(is_entered(10));
		ck_assert_uint_eq(count_in_bucket(10), 1);
	}
}
END_TEST

START_TEST(list_that_fails_changes_nothing)
{
	const uint32_t listed[] = { 10 };

	open_keys();
	set_connections(listed, 1);
	enter(20, 60 * SERVER_SECOND_NS);
	list_error = -ENOMEM;
	ck_assert_int_eq(live_refresh(&live), -ENOMEM);
	ck_assert(is_entered(20));
	ck_assert(!is_entered(10));
}
END_TEST

START_TEST(bucket_that_is_full_is_told)
{
	const uint32_t one_more = 7 + 4 * BUCKETS;
	uint32_t listed[] = { 7, 7 + BUCKETS, 7 + 2 * BUCKETS, 7 + 3 * BUCKETS, one_more, 9 };

	open_keys();
	set_connections(listed, 4);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(!live.unsure);
	live_created(&live, one_more);
	ck_assert(!is_entered(one_more));
	ck_assert(live.unsure);
	/* What can be entered is. */
	qsort(listed, 6, sizeof(*listed), compare);
	set_connections(listed, 6);
	ck_assert_int_eq(live_refresh(&live), -E2BIG);
	ck_assert(live.unsure);
	ck_assert_uint_eq(live_count(&live), 5);
	ck_assert(is_entered(9));
	/* As soon as one is gone there is room for the other. */
	ck_assert_uint_eq(listed[0], 7);
	set_connections(listed + 1, 5);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(!live.unsure);
	ck_assert(is_entered(one_more));
}
END_TEST

START_TEST(what_is_listed_displaces_what_is_not)
{
	const uint32_t listed[] = { 9, 7 + 4 * BUCKETS };
	uint32_t i;

	/* These have just come, and are not on the kernel's list, which may be for they have gone. */
	open_keys();
	for (i = 0; i < 4; i++)
		enter(7 + i * BUCKETS, 0);
	set_connections(listed, 2);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(is_entered(listed[1]));
	ck_assert_uint_eq(live_count(&live), 5);
	ck_assert(live.unsure);
}
END_TEST

START_TEST(what_was_listed_goes_with_the_next_list)
{
	const uint32_t listed[] = { 10, 20 };

	open_keys();
	set_connections(listed, 2);
	enter(10, 0);
	enter(30, 0);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert_uint_eq(live_count(&live), 3);
	set_connections(listed + 1, 1);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(!is_entered(10)); /* however short a time it was there */
	ck_assert(is_entered(30));
	ck_assert(live.unsure);
	enter(30, SERVER_SECOND_NS);
	ck_assert_int_eq(live_refresh(&live), 0);
	ck_assert(!is_entered(30));
	ck_assert(!live.unsure);
}
END_TEST

START_TEST(entry_tells_its_age_for_years)
{
	const uint64_t year = 365 * 24 * 3600 * SERVER_SECOND_NS;
	const uint64_t then = 3 * year, tick = 1ULL << SERVER_TICK_SHIFT;
	const uint64_t entry = server_live_entry(0xfedcba98, then);

	ck_assert_uint_eq((uint32_t)entry, 0xfedcba98);
	ck_assert_int_eq(server_live_age(entry, then), 0);
	ck_assert_int_eq(server_live_age(entry, then + 15 * tick), 15);
	ck_assert_int_lt(server_live_age(entry, then - tick), 0);
	ck_assert_int_gt(server_live_age(entry, then + 9 * year), 15);
	/* The ticks themselves run over in between. */
	ck_assert_int_eq(server_live_age(server_live_entry(1, tick * UINT32_MAX), tick << 32), 1);
}
END_TEST

START_TEST(set_of_tokens)
{
	struct token_set set;
	uint32_t in[64] = { 0 }, round, i;
	bool found;

	/* Few tokens in few places, so that they are in each other's way; some are in it twice. */
	ck_assert_int_eq(token_set_open(&set, 64), 0);
	srandom(1);
	for (round = 0; round < 20000; round++) {
		const uint32_t token = 1 + (uint32_t)random() % 40 * 7;
		uint32_t *place = &in[(uint32_t)random() % 64];

		token_set_remove(&set, *place);
		*place = random() % 3 ? token : 0;
		token_set_add(&set, *place);
		for (i = 0, found = true; i < 64; i++)
			found &= !in[i] || token_set_has(&set, in[i]);
		ck_assert(found);
	}
	for (i = 0; i < 64; i++)
		token_set_remove(&set, in[i]);
	for (i = 0; i <= set.mask; i++)
		ck_assert_uint_eq(set.places[i], 0);
	ck_assert(!token_set_has(&set, 0));
	token_set_close(&set);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_slot_gets_a_key_that_names_the_server,
		no_token_is_offered_twice,
		no_key_of_a_full_bucket_is_offered,
		token_in_use_is_not_available,
		key_that_was_found_in_bpf_stays,
		filling_keeps_to_its_time,
		keys_are_renewed_by_what_their_own_tokens_name,
		slot_waits_once_whoever_finds_it,
		key_that_was_shown_long_ago_is_replaced,
		ageing_keeps_to_its_time_and_goes_on_where_it_was,
		programs_are_told_which_tokens_are_live,
		connection_that_is_created_is_known_and_gone_once_it_has_closed,
		many_that_close_are_listed,
		list_knows_better_than_events,
		connection_that_the_list_leaves_out_is_not_gone,
		what_is_let_in_while_the_list_is_read_counts_once,
		list_that_fails_changes_nothing,
		bucket_that_is_full_is_told,
		what_is_listed_displaces_what_is_not,
		what_was_listed_goes_with_the_next_list,
		entry_tells_its_age_for_years,
		set_of_tokens,
		NULL,
	};

	return run_suite("server-keys", tests);
}
