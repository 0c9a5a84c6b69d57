// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "maglev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A backend's walk over its own permutation of the slots. */
struct walk {
	const struct maglev_backend *backend;
	uint32_t slot; /* the next one it would like to have */
	uint32_t skip;
	uint32_t credit; /* it takes a slot for every weight_max of it */
};

static uint64_t hash_name(const char *name, uint64_t seed)
{
	uint64_t hash = balancer_mix(seed);

	for (; *name; name++)
		hash = balancer_mix(hash ^ (uint8_t)*name);
	return hash;
}

static int compare_names(const void *left, const void *right)
{
	const struct walk *a = left;
	const struct walk *b = right;

	return strcmp(a->backend->name, b->backend->name);
}

static uint32_t walks_start(struct walk *walks, const struct maglev_backend *backends, size_t count)
{
	uint32_t weight_max = 0;

	for (size_t i = 0; i < count; i++) {
		const struct maglev_backend *backend = &backends[i];

		walks[i] = (struct walk){
			.backend = backend,
			.slot = (uint32_t)(hash_name(backend->name, 1) % BALANCER_MAGLEV_SIZE),
			.skip = (uint32_t)(hash_name(backend->name, 2) %
					   (BALANCER_MAGLEV_SIZE - 1)) +
				1,
		};
		if (backend->weight > weight_max)
			weight_max = backend->weight;
	}
	qsort(walks, count, sizeof(*walks), compare_names);
	return weight_max;
}

static void take_slot(uint16_t *slots, struct walk *walk)
{
	while (slots[walk->slot] != BALANCER_NO_SERVER)
		walk->slot = (walk->slot + walk->skip) % BALANCER_MAGLEV_SIZE;
	slots[walk->slot] = walk->backend->value;
}

int maglev_fill(uint16_t slots[BALANCER_MAGLEV_SIZE], const struct maglev_backend *backends,
		size_t count)
{
	uint32_t weight_max, filled = 0;
	struct walk *walks;

	for (size_t i = 0; i < BALANCER_MAGLEV_SIZE; i++)
		slots[i] = BALANCER_NO_SERVER;
	if (count == 0)
		return 0;
	walks = calloc(count, sizeof(*walks));
	if (!walks)
		return -ENOMEM;
	weight_max = walks_start(walks, backends, count);

	while (filled < BALANCER_MAGLEV_SIZE) {
		for (size_t i = 0; i < count && filled < BALANCER_MAGLEV_SIZE; i++) {
			walks[i].credit += walks[i].backend->weight;
			if (walks[i].credit < weight_max)
				continue;
			walks[i].credit -= weight_max;
			take_slot(slots, &walks[i]);
			filled++;
		}
	}
	free(walks);
	return 0;
}
