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

#include "netlink.h"

int tokens_append(struct tokens *tokens, uint32_t token)
{
	if (tokens->count == tokens->room) {
		size_t larger = tokens->room ? tokens->room * 2 : 1024;
		uint32_t *grown = reallocarray(tokens->list, larger, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		tokens->list = grown;
		tokens->room = larger;
	}
	tokens->list[tokens->count++] = token;
	return 0;
}

void tokens_close(struct tokens *tokens)
{
	free(tokens->list);
	*tokens = (struct tokens){ 0 };
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
		    tokens_append(dump->tokens, info->mptcpi_token))
			dump->error = -ENOMEM;
	}
}

/* A request for MPTCP connections. */
struct diag_request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
	struct rtattr attribute;
	uint32_t protocol; /* larger than the request's own field */
};

static struct diag_request make_request(uint8_t family)
{
	return (struct diag_request){
		.header = { .nlmsg_len = sizeof(struct diag_request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY },
		.diag = { .sdiag_family = family, .sdiag_protocol = IPPROTO_RAW },
		.attribute = { .rta_len = RTA_LENGTH(sizeof(uint32_t)),
			       .rta_type = INET_DIAG_REQ_PROTOCOL },
		.protocol = IPPROTO_MPTCP,
	};
}

/* Add the connections of an address family, in all states but listening. */
static int list_family(struct tokens *tokens, uint8_t family)
{
	struct diag_request request = make_request(family);
	struct diag_dump dump = { .tokens = tokens };
	int error;

	request.diag.idiag_ext = 1 << (INET_DIAG_INFO - 1);
	request.diag.idiag_states = ~(1U << TCP_LISTEN);
	error = netlink_dump(NETLINK_SOCK_DIAG, &request.header, add_live, &dump);
	return error ? error : dump.error;
}

static int compare_tokens(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

int tokens_list(struct tokens *tokens)
{
	int error;

	tokens->count = 0;
	error = list_family(tokens, AF_INET);
	if (!error)
		error = list_family(tokens, AF_INET6);
	if (tokens->count)
		qsort(tokens->list, tokens->count, sizeof(*tokens->list), compare_tokens);
	return error;
}

const uint32_t *tokens_find(const struct tokens *tokens, uint32_t token)
{
	if (!tokens->count)
		return NULL;
	return bsearch(&token, tokens->list, tokens->count, sizeof(token), compare_tokens);
}

static void ignore(void *context, const struct nlmsghdr *message)
{
	(void)context;
	(void)message;
}

int tokens_ask(uint32_t token)
{
	struct diag_request request = make_request(AF_INET);

	/* Where other protocols have a cookie, MPTCP looks for a token. */
	request.diag.id.idiag_cookie[0] = token;
	return netlink_get(NETLINK_SOCK_DIAG, &request.header, ignore, NULL);
}
