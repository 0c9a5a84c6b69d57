// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Check for all 2^32 tokens and one secret that encoding what a token decodes to gives the token
 * back. Decoding goes through the lanes, encoding through the scalar cipher.
 */
#include <mptcplb/keyring.h>
#include <mptcplb/random.h>
#include <mptcplb/token.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ALL_TOKENS ((uint64_t)1 << 32)
#define CHUNK 4096
#define THREADS_MAX 64
/* Chunks between two lines of progress. */
#define PROGRESS 16384

struct range {
	const struct mptcplb_keyring *keyring;
	uint64_t start, end; /* of the tokens */
	uint64_t checked, wrong;
	int show_progress;
	pthread_t thread;
};

static void check_chunk(struct range *range, uint64_t start)
{
	static _Thread_local uint32_t tokens[CHUNK];
	static _Thread_local struct mptcplb_token_parts parts[CHUNK];
	static _Thread_local int errors[CHUNK];

	for (uint32_t i = 0; i < CHUNK; i++)
		tokens[i] = (uint32_t)(start + i);
	mptcplb_token_decode_batch(range->keyring, parts, errors, tokens, CHUNK);
	for (uint32_t i = 0; i < CHUNK; i++) {
		uint32_t token = 0;
		int fine;

		if (tokens[i] == 0)
			fine = errors[i] == MPTCPLB_ERR_TOKEN_ZERO;
		else
			fine = errors[i] == MPTCPLB_OK &&
			       mptcplb_token_encode(range->keyring, &token, &parts[i]) ==
				       MPTCPLB_OK &&
			       token == tokens[i];
		range->checked++;
		if (!fine && range->wrong++ == 0)
			fprintf(stderr,
				"all_tokens: token %08" PRIx32 " came back as %08" PRIx32 "\n",
				tokens[i], token);
	}
}

static void *check_range(void *argument)
{
	struct range *range = argument;
	uint64_t chunks = (range->end - range->start) / CHUNK;

	for (uint64_t i = 0; i < chunks; i++) {
		check_chunk(range, range->start + i * CHUNK);
		if (range->show_progress && i % PROGRESS == 0)
			fprintf(stderr, "\r%" PRIu64 " %%", 100 * i / chunks);
	}
	return NULL;
}

static int run(struct range *ranges, unsigned int threads)
{
	for (unsigned int i = 0; i < threads; i++) {
		if (pthread_create(&ranges[i].thread, NULL, check_range, &ranges[i]) != 0) {
			fprintf(stderr, "all_tokens: cannot start thread %u\n", i);
			return -1;
		}
	}
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(ranges[i].thread, NULL);
	return 0;
}

static int make_keyring(struct mptcplb_keyring *keyring)
{
	uint8_t secret[MPTCPLB_SECRET_SIZE];

	if (mptcplb_random_bytes(NULL, secret, sizeof(secret)) != MPTCPLB_OK ||
	    mptcplb_keyring_init(keyring, 0, 16) != MPTCPLB_OK ||
	    mptcplb_keyring_add(keyring, 0, secret) != MPTCPLB_OK)
		return -1;
	mptcplb_wipe(secret, sizeof(secret));
	return 0;
}

int main(void)
{
	static struct range ranges[THREADS_MAX];
	struct mptcplb_keyring keyring;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int threads = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (unsigned int)cpus;
	uint64_t checked = 0, wrong = 0;
	struct timespec begin, end;

	if (make_keyring(&keyring) < 0) {
		fprintf(stderr, "all_tokens: cannot make a keyring\n");
		return EXIT_FAILURE;
	}
	for (uint64_t i = 0; i < threads; i++) {
		ranges[i] = (struct range){
			.keyring = &keyring,
			.start = ALL_TOKENS / CHUNK * i / threads * CHUNK,
			.end = ALL_TOKENS / CHUNK * (i + 1) / threads * CHUNK,
			.show_progress = i == 0 && isatty(STDERR_FILENO),
		};
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (run(ranges, threads) < 0)
		return EXIT_FAILURE;
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (unsigned int i = 0; i < threads; i++) {
		checked += ranges[i].checked;
		wrong += ranges[i].wrong;
	}
	printf("%" PRIu64 " tokens checked, %" PRIu64 " wrong, %ld s, %u threads\n", checked, wrong,
	       (long)(end.tv_sec - begin.tv_sec), threads);
	return checked == ALL_TOKENS && wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
