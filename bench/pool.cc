// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// What it costs to take a key from the pool and a token from the allocator. An item is one take.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>

#include <mptcplb/allocator.h>
#include <mptcplb/keyring.h>
#include <mptcplb/pool.h>

#include "check.h"

namespace
{

constexpr uint32_t pool_capacity = 65536;
constexpr uint32_t server_id = 7;

int make_item(void *, void *item)
{
	std::memset(item, 1, sizeof(mptcplb_key_found));
	return MPTCPLB_OK;
}

// Takes until the pool is empty; filling it again is not timed.
void pool_take(benchmark::State &state)
{
	mptcplb_pool_options options = {};
	mptcplb_key_found found;
	mptcplb_pool *pool;
	size_t made;

	options.size = sizeof(options);
	options.item_size = sizeof(found);
	options.capacity = pool_capacity;
	options.make = make_item;
	check(mptcplb_pool_create(&pool, &options) == MPTCPLB_OK, "mptcplb_pool_create");
	for (auto _ : state) {
		state.PauseTiming();
		check(mptcplb_pool_fill(pool, &made, pool_capacity) == MPTCPLB_OK &&
			      made == pool_capacity,
		      "mptcplb_pool_fill");
		state.ResumeTiming();
		for (uint32_t i = 0; i < pool_capacity; i++) {
			check(mptcplb_pool_take(pool, &found) == MPTCPLB_OK, "mptcplb_pool_take");
			benchmark::DoNotOptimize(found);
		}
	}
	mptcplb_pool_destroy(pool);
	state.SetItemsProcessed(state.iterations() * pool_capacity);
}

int count_up(void *context, uint8_t *buffer, size_t length)
{
	uint64_t *counter = static_cast<uint64_t *>(context);

	*counter += 0x9e3779b97f4a7c15;
	std::memcpy(buffer, counter, length);
	return 0;
}

constexpr uint32_t nonces = 1U << 23;
uint64_t counter;
// A source that costs next to nothing, so that its cost is not in the figure.
const mptcplb_random trivial = { sizeof(trivial), count_up, &counter };

// A take and a release with so many of the nonces in use.
void allocator_take_release(benchmark::State &state, const mptcplb_random *random, uint32_t used)
{
	const uint8_t secret[MPTCPLB_SECRET_SIZE] = { 1 };
	mptcplb_allocator_options options = {};
	mptcplb_allocator *allocator;
	mptcplb_token_parts parts;
	mptcplb_keyring keyring;
	uint32_t token;

	check(mptcplb_keyring_init(&keyring, 1, 8) == MPTCPLB_OK, "mptcplb_keyring_init");
	check(mptcplb_keyring_add(&keyring, 0, secret) == MPTCPLB_OK, "mptcplb_keyring_add");
	options.size = sizeof(options);
	options.server_ids = &server_id;
	options.server_id_count = 1;
	options.random = random;
	check(mptcplb_allocator_create(&allocator, &keyring, &options) == MPTCPLB_OK,
	      "mptcplb_allocator_create");
	for (uint32_t i = 0; i < used; i++)
		check(mptcplb_allocator_take(allocator, &keyring, &token, &parts) == MPTCPLB_OK,
		      "mptcplb_allocator_take");
	for (auto _ : state) {
		check(mptcplb_allocator_take(allocator, &keyring, &token, &parts) == MPTCPLB_OK,
		      "mptcplb_allocator_take");
		check(mptcplb_allocator_release(allocator, &parts) == MPTCPLB_OK,
		      "mptcplb_allocator_release");
	}
	mptcplb_allocator_destroy(allocator);
	state.SetItemsProcessed(state.iterations());
}

BENCHMARK(pool_take);
BENCHMARK_CAPTURE(allocator_take_release, , &trivial, nonces / 8)->Name("allocator");
BENCHMARK_CAPTURE(allocator_take_release, , nullptr, nonces / 8)->Name("allocator_libsodium");
BENCHMARK_CAPTURE(allocator_take_release, , &trivial, nonces - 1)->Name("allocator_last");

} // namespace

BENCHMARK_MAIN();
