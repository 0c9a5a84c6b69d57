// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "tokens.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/mptcp.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "netlink.h"

#define BUCKETS_MAP_SIZE (SERVER_BUCKETS_MAX * sizeof(uint64_t))

/* Append to a growing array. Returns 0 or -ENOMEM. */
static int append(uint32_t **array, size_t *count, size_t *room, uint32_t value)
{
	if (*count == *room) {
		size_t larger = *room ? *room * 2 : 1024;
		uint32_t *grown = reallocarray(*array, larger, sizeof(**array));

		if (!grown)
			return -ENOMEM;
		*array = grown;
		*room = larger;
	}
	(*array)[(*count)++] = value;
	return 0;
}

int tokens_open(struct tokens *tokens, int buckets_map, uint32_t bucket_count)
{
	void *mapped =
		mmap(NULL, BUCKETS_MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, buckets_map, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	tokens->buckets = mapped;
	tokens->bucket_mask = bucket_count - 1;
	return 0;
}

void tokens_close(struct tokens *tokens)
{
	if (tokens->buckets)
		munmap(tokens->buckets, BUCKETS_MAP_SIZE);
	free(tokens->live);
	free(tokens->recent);
	tokens->buckets = NULL;
	tokens->live = NULL;
	tokens->recent = NULL;
}

struct diag_dump {
	struct tokens *tokens;
	int error;
};

static void add_live(void *context, const struct nlmsghdr *message)
{
	struct diag_dump *dump = context;
	const struct inet_diag_msg *diag = NLMSG_DATA(message);
	const struct rtattr *attribute;
	int length;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*diag)))
		return;
	length = (int)(message->nlmsg_len - NLMSG_LENGTH(sizeof(*diag)));
	for (attribute = (const struct rtattr *)(diag + 1); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length)) {
		const struct mptcp_info *info = RTA_DATA(attribute);

		if (attribute->rta_type == INET_DIAG_INFO &&
		    RTA_PAYLOAD(attribute) >= offsetof(struct mptcp_info, mptcpi_token) +
						      sizeof(info->mptcpi_token) &&
		    append(&dump->tokens->live, &dump->tokens->live_count, &dump->tokens->live_room,
			   info->mptcpi_token))
			dump->error = -ENOMEM;
	}
}

/* Add the MPTCP connections of an address family, in all states but listening. */
static int read_live(struct tokens *tokens, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 diag;
		struct rtattr attribute;
		uint32_t protocol; /* larger than the request's own field */
	} request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = SOCK_DIAG_BY_FAMILY },
		.diag = { .sdiag_family = family,
			  .sdiag_protocol = IPPROTO_RAW,
			  .idiag_ext = 1 << (INET_DIAG_INFO - 1),
			  .idiag_states = ~(1U << TCP_LISTEN) },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(uint32_t)),
			       .rta_type = INET_DIAG_REQ_PROTOCOL },
		.protocol = IPPROTO_MPTCP,
	};
	struct diag_dump dump = { .tokens = tokens };
	int error = netlink_dump(NETLINK_SOCK_DIAG, &request.header, add_live, &dump);

	return error ? error : dump.error;
}

static int compare_tokens(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* The older half of the recent tokens is live by now, or was refused. */
static void age_recent(struct tokens *tokens)
{
	tokens->recent_count -= tokens->recent_old;
	if (tokens->recent_old)
		memmove(tokens->recent, tokens->recent + tokens->recent_old,
			tokens->recent_count * sizeof(*tokens->recent));
	tokens->recent_old = tokens->recent_count;
}

int tokens_refresh(struct tokens *tokens)
{
	size_t i;
	int error;

	/*
	 * What ingress adds from now on is kept, since only differences to these counts are
	 * applied. A token that was added just before is a connection by the time it is listed.
	 */
	for (i = 0; i <= tokens->bucket_mask; i++)
		tokens->counted[i] = __atomic_load_n(&tokens->buckets[i], __ATOMIC_RELAXED);
	tokens->live_count = 0;
	error = read_live(tokens, AF_INET);
	if (!error)
		error = read_live(tokens, AF_INET6);
	if (tokens->live_count)
		qsort(tokens->live, tokens->live_count, sizeof(*tokens->live), compare_tokens);
	age_recent(tokens);
	if (error)
		return error;
	for (i = 0; i < tokens->live_count; i++)
		tokens->counted[tokens->live[i] & tokens->bucket_mask]--;
	for (i = 0; i <= tokens->bucket_mask; i++) {
		if (tokens->counted[i])
			__atomic_fetch_sub(&tokens->buckets[i], tokens->counted[i],
					   __ATOMIC_RELAXED);
	}
	return 0;
}

int tokens_add_recent(struct tokens *tokens, uint32_t token)
{
	return append(&tokens->recent, &tokens->recent_count, &tokens->recent_room, token);
}

const uint32_t *tokens_find_live(const struct tokens *tokens, uint32_t token)
{
	if (!tokens->live_count)
		return NULL;
	return bsearch(&token, tokens->live, tokens->live_count, sizeof(token), compare_tokens);
}

bool tokens_available(const struct tokens *tokens, uint32_t token)
{
	size_t i;

	if (__atomic_load_n(&tokens->buckets[token & tokens->bucket_mask], __ATOMIC_RELAXED) >=
	    SERVER_BUCKET_TOKENS_MAX)
		return false;
	for (i = 0; i < tokens->recent_count; i++) {
		if (tokens->recent[i] == token)
			return false;
	}
	return !tokens_find_live(tokens, token);
}
