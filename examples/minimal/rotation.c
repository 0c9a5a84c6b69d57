// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * How a farm changes its secret while connections live: balancers learn the new epoch first, then
 * servers mint in it, and the old one is retired when its last connection is gone.
 *
 *     rotation               plays it through with one balancer and one server
 */
#include <mptcplb/keyring.h>
#include <mptcplb/random.h>
#include <mptcplb/token.h>

#include <stdio.h>
#include <stdlib.h>

/* End the program when a step fails: in this example none does. */
static void must(int error, const char *step)
{
	if (error) {
		fprintf(stderr, "rotation: %s: %s\n", step, mptcplb_strerror(error));
		exit(1);
	}
}

/* Whether the balancer can tell the server of a token. */
static int routable(const struct mptcplb_keyring *balancer, const char *when, uint32_t token)
{
	struct mptcplb_token_parts parts;
	int error = mptcplb_token_decode(balancer, &parts, token);

	printf("%-24s token %08x: %s\n", when, token, error ? mptcplb_strerror(error) : "server 7");
	return !error && parts.server_id == 7;
}

int main(void)
{
	uint8_t first[MPTCPLB_SECRET_SIZE], second[MPTCPLB_SECRET_SIZE];
	struct mptcplb_keyring balancer, server;
	uint32_t old_token, new_token;
	int fine;

	must(mptcplb_random_bytes(NULL, first, sizeof(first)), "first secret");
	must(mptcplb_random_bytes(NULL, second, sizeof(second)), "second secret");

	must(mptcplb_keyring_init(&server, 1, 8), "start");
	must(mptcplb_keyring_add(&server, 0, first), "epoch 0");
	must(mptcplb_keyring_activate(&server, 0), "epoch 0");
	balancer = server;
	must(mptcplb_token_generate(&server, &old_token, 7, NULL), "a token of epoch 0");
	fine = routable(&balancer, "before", old_token);

	/* every balancer first: from now on it understands both */
	must(mptcplb_keyring_add(&balancer, 1, second), "epoch 1 at the balancer");

	/* then the servers; connections that they have keep their tokens */
	must(mptcplb_keyring_add(&server, 1, second), "epoch 1 at the server");
	must(mptcplb_keyring_activate(&server, 1), "minting in epoch 1");
	must(mptcplb_token_generate(&server, &new_token, 7, NULL), "a token of epoch 1");
	fine = routable(&balancer, "during, old connection", old_token) && fine;
	fine = routable(&balancer, "during, new connection", new_token) && fine;

	/*
	 * The last connection of epoch 0 is gone, and so can its secret be. A balancer mints nothing,
	 * but an epoch that is active is never retired by mistake, there neither.
	 */
	must(mptcplb_keyring_activate(&balancer, 1), "epoch 1 at the balancer");
	must(mptcplb_keyring_retire(&balancer, 0), "retiring epoch 0 at the balancer");
	must(mptcplb_keyring_retire(&server, 0), "retiring epoch 0 at the server");
	fine = routable(&balancer, "after, new connection", new_token) && fine;
	fine = !routable(&balancer, "after, old connection", old_token) && fine;

	mptcplb_keyring_wipe(&balancer);
	mptcplb_keyring_wipe(&server);
	mptcplb_wipe(first, sizeof(first));
	mptcplb_wipe(second, sizeof(second));
	return !fine;
}
