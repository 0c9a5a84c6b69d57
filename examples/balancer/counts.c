// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "counts.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Values of @words 64-bit integers for each CPU: zeros, to be freed; NULL: out of memory. */
static __u64 *make_values(size_t words, size_t *count)
{
	int cpus = libbpf_num_possible_cpus();

	*count = cpus > 0 ? (size_t)cpus * words : 0;
	return *count ? calloc(*count, sizeof(__u64)) : NULL;
}

/* Add a value of @words 64-bit integers to @total, over all CPUs. */
static int add(int map, uint32_t index, __u64 *total, size_t words)
{
	size_t count;
	__u64 *values = make_values(words, &count);
	int error = values ? bpf_map_lookup_elem(map, &index, values) : -ENOMEM;

	for (size_t i = 0; !error && i < count; i++)
		total[i % words] += values[i];
	free(values);
	return error;
}

static uint32_t counters_index(uint32_t service)
{
	return service == BALANCER_NO_SERVER ? 0 : service + 1;
}

int counts_of_service(const struct dataplane_maps *maps, uint32_t service,
		      struct balancer_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	return add(maps->fds[DATAPLANE_COUNTERS], counters_index(service), counters->values,
		   BALANCER_COUNTER_COUNT);
}

int counts_of_all(const struct dataplane_maps *maps, struct balancer_counters *counters)
{
	int error = 0;

	memset(counters, 0, sizeof(*counters));
	for (uint32_t i = 0; !error && i < BALANCER_COUNTED; i++)
		error = add(maps->fds[DATAPLANE_COUNTERS], i, counters->values,
			    BALANCER_COUNTER_COUNT);
	return error;
}

_Static_assert(sizeof(struct balancer_traffic) % sizeof(__u64) == 0, "64-bit integers alone");
#define TRAFFIC_WORDS (sizeof(struct balancer_traffic) / sizeof(__u64))

int counts_of_server(const struct dataplane_maps *maps, uint32_t server,
		     struct balancer_traffic *traffic)
{
	memset(traffic, 0, sizeof(*traffic));
	return add(maps->fds[DATAPLANE_TRAFFIC], server, (__u64 *)traffic, TRAFFIC_WORDS);
}

void counts_wait(void)
{
	const struct timespec packet = { .tv_nsec = 20000000 };

	/* To the kernel this is an RCU grace period, and XDP programs run in RCU's read side. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		/* With nohz_full= there is none to be had: far longer than a packet takes. */
		nanosleep(&packet, NULL);
}

static int restart(int map, uint32_t index, size_t words)
{
	size_t count;
	__u64 *zeros = make_values(words, &count);
	int error = zeros ? bpf_map_update_elem(map, &index, zeros, BPF_ANY) : -ENOMEM;

	free(zeros);
	return error;
}

int counts_restart_service(const struct dataplane_maps *maps, uint32_t service)
{
	const int map = maps->fds[DATAPLANE_COUNTERS];
	const uint32_t index = counters_index(service), gone = BALANCER_COUNTED_GONE;
	size_t count;
	__u64 *values = make_values(BALANCER_COUNTER_COUNT, &count);
	struct balancer_counters sum = { 0 };
	int error = values ? add(map, index, sum.values, BALANCER_COUNTER_COUNT) : -ENOMEM;

	if (!error)
		error = bpf_map_lookup_elem(map, &gone, values);
	for (size_t i = 0; !error && i < BALANCER_COUNTER_COUNT; i++)
		values[i] += sum.values[i];
	if (!error)
		error = bpf_map_update_elem(map, &gone, values, BPF_ANY);
	free(values);
	return error ? error : restart(map, index, BALANCER_COUNTER_COUNT);
}

int counts_restart_server(const struct dataplane_maps *maps, uint32_t server)
{
	return restart(maps->fds[DATAPLANE_TRAFFIC], server, TRAFFIC_WORDS);
}
