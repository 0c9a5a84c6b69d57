// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
// How fast the library is, and what it is compared with. An item is a token, a key or a trial of
// a search; bench/run turns items into nanoseconds.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <sodium.h>

#include <mptcplb/keyring.h>
#include <mptcplb/token.h>

#include "check.h"
#include "quic_lb.h"

extern "C" {
#include "lanes.h"
}

namespace
{

constexpr size_t tokens_count = 4096;
constexpr uint32_t server_id = 7;

// Two epochs, as is usual: the current one and the one before.
mptcplb_keyring make_keyring()
{
	mptcplb_keyring keyring;
	std::array<uint8_t, MPTCPLB_SECRET_SIZE> secret;

	check(mptcplb_keyring_init(&keyring, 1, 8) == MPTCPLB_OK, "mptcplb_keyring_init");
	for (uint32_t epoch = 0; epoch < 2; epoch++) {
		randombytes_buf(secret.data(), secret.size());
		check(mptcplb_keyring_add(&keyring, epoch, secret.data()) == MPTCPLB_OK,
		      "mptcplb_keyring_add");
	}
	return keyring;
}

std::vector<uint32_t> make_tokens()
{
	std::vector<uint32_t> tokens(tokens_count);

	randombytes_buf(tokens.data(), tokens.size() * sizeof(tokens[0]));
	for (uint32_t &token : tokens)
		token |= 1; // none is 0
	return tokens;
}

void decode(benchmark::State &state)
{
	const mptcplb_keyring keyring = make_keyring();
	const std::vector<uint32_t> tokens = make_tokens();
	mptcplb_token_parts parts;

	for (auto _ : state) {
		for (uint32_t token : tokens) {
			check(mptcplb_token_decode(&keyring, &parts, token) == MPTCPLB_OK,
			      "mptcplb_token_decode");
			benchmark::DoNotOptimize(parts);
		}
	}
	state.SetItemsProcessed(state.iterations() * tokens_count);
}

void peer_quic_lb(benchmark::State &state)
{
	std::array<uint8_t, QUIC_LB_KEY_SIZE> key;
	std::vector<std::array<uint8_t, QUIC_LB_SIZE>> ids(tokens_count);
	quic_lb *lb;

	randombytes_buf(key.data(), key.size());
	randombytes_buf(ids.data(), ids.size() * sizeof(ids[0]));
	lb = quic_lb_create(key.data());
	check(lb != nullptr, "quic_lb_create");
	for (auto id : ids) {
		auto there_and_back = id;

		quic_lb_encrypt(lb, there_and_back.data());
		check(there_and_back != id, "quic_lb_encrypt");
		quic_lb_decrypt(lb, there_and_back.data());
		check(there_and_back == id, "quic_lb_decrypt");
	}
	for (auto _ : state) {
		for (auto &id : ids) {
			quic_lb_decrypt(lb, id.data());
			benchmark::DoNotOptimize(id);
		}
	}
	quic_lb_destroy(lb);
	state.SetItemsProcessed(state.iterations() * tokens_count);
}

#ifdef QUIC_LB_AES_NI
void peer_quic_lb_aes_ni(benchmark::State &state)
{
	std::array<uint8_t, QUIC_LB_KEY_SIZE> key;
	std::vector<uint8_t> bytes(tokens_count * QUIC_LB_SIZE);
	auto *ids = reinterpret_cast<uint8_t(*)[QUIC_LB_SIZE]>(bytes.data());
	quic_lb *lb;

	randombytes_buf(key.data(), key.size());
	randombytes_buf(bytes.data(), bytes.size());
	const std::vector<uint8_t> start = bytes;
	lb = quic_lb_create(key.data());
	check(lb != nullptr, "quic_lb_create");
	for (size_t i = 0; i < tokens_count; i++)
		quic_lb_encrypt(lb, ids[i]);
	quic_lb_destroy(lb);
	quic_lb_aes_ni_decrypt(key.data(), ids, tokens_count);
	check(bytes == start, "quic_lb_aes_ni_decrypt");
	for (auto _ : state) {
		quic_lb_aes_ni_decrypt(key.data(), ids, tokens_count);
		benchmark::ClobberMemory();
	}
	state.SetItemsProcessed(state.iterations() * tokens_count);
}
#endif

void decode_batch(benchmark::State &state, const lanes *variant)
{
	const mptcplb_keyring keyring = make_keyring();
	const std::vector<uint32_t> tokens = make_tokens();
	std::vector<mptcplb_token_parts> parts(tokens_count);
	std::vector<int> errors(tokens_count);

	lanes_use(variant);
	for (auto _ : state)
		check(mptcplb_token_decode_batch(&keyring, parts.data(), errors.data(),
						 tokens.data(), tokens_count) == tokens_count,
		      "mptcplb_token_decode_batch");
	lanes_use(nullptr);
	state.SetItemsProcessed(state.iterations() * tokens_count);
}

void key_search(benchmark::State &state, const lanes *variant)
{
	const mptcplb_keyring keyring = make_keyring();
	struct mptcplb_key_search search = {};
	mptcplb_key_found found;
	int64_t tries = 0;

	search.size = sizeof(search);
	search.server_ids = &server_id;
	search.server_id_count = 1;
	lanes_use(variant);
	for (auto _ : state) {
		check(mptcplb_key_search(&keyring, &found, &search, nullptr) == MPTCPLB_OK,
		      "mptcplb_key_search");
		tries += static_cast<int64_t>(found.tries);
	}
	lanes_use(nullptr);
	state.SetItemsProcessed(tries);
}

void key_tokens(benchmark::State &state, const lanes *variant)
{
	std::array<uint8_t[MPTCPLB_KEY_SIZE], 1024> keys;
	std::array<uint32_t, 1024> tokens;

	randombytes_buf(&keys, sizeof(keys));
	for (auto _ : state) {
		variant->key_tokens(tokens.data(), keys.data(), keys.size());
		benchmark::DoNotOptimize(tokens);
	}
	state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(keys.size()));
}

void peer_crypto_hash_sha256(benchmark::State &state)
{
	std::array<uint8_t[MPTCPLB_KEY_SIZE], 1024> keys;
	std::array<uint8_t, crypto_hash_sha256_BYTES> digest;

	randombytes_buf(&keys, sizeof(keys));
	for (auto _ : state) {
		for (const auto &key : keys) {
			crypto_hash_sha256(digest.data(), key, sizeof(key));
			benchmark::DoNotOptimize(digest);
		}
	}
	state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(keys.size()));
}

void register_variants()
{
	size_t count;
	const lanes *const *all = lanes_all(&count);

	for (size_t i = 0; i < count; i++) {
		const lanes *variant = all[i];
		const std::string suffix = std::string("/") + variant->name;

		if (!variant->runs_here())
			continue;
		benchmark::RegisterBenchmark(("decode_batch" + suffix).c_str(), decode_batch,
					     variant);
		benchmark::RegisterBenchmark(("key_tokens" + suffix).c_str(), key_tokens, variant);
		benchmark::RegisterBenchmark(("key_search" + suffix).c_str(), key_search, variant);
	}
}

} // namespace

int main(int argc, char **argv)
{
	check(sodium_init() >= 0, "sodium_init");
	benchmark::RegisterBenchmark("decode", decode);
	benchmark::RegisterBenchmark("peer_quic_lb", peer_quic_lb);
#ifdef QUIC_LB_AES_NI
	if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1"))
		benchmark::RegisterBenchmark("peer_quic_lb_aes_ni", peer_quic_lb_aes_ni);
#endif
	benchmark::RegisterBenchmark("peer_crypto_hash_sha256", peer_crypto_hash_sha256);
	register_variants();
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	benchmark::RunSpecifiedBenchmarks();
	return EXIT_SUCCESS;
}
