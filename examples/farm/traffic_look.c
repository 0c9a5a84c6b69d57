// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "traffic.h"

#include <linux/mptcp.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>

/* TCP_ESTABLISHED of <netinet/tcp.h>, which does not go with <linux/tcp.h>. */
#define STATE_ESTABLISHED 1

struct traffic_look traffic_look(int fd, uint64_t since_ms)
{
	struct {
		struct mptcp_subflow_data head;
		struct tcp_info subflows[TRAFFIC_SUBFLOWS];
	} answer = {
		.head = { .size_subflow_data = sizeof(answer.head),
			  .size_user = sizeof(answer.subflows[0]) },
	};
	struct mptcp_info info = { 0 };
	struct traffic_look look = { 0 };
	socklen_t info_size = sizeof(info);
	socklen_t answer_size = sizeof(answer);

	if (getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &info_size) ||
	    info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK ||
	    !(info.mptcpi_flags & MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED))
		return look;
	look.mptcp = true;
	if (getsockopt(fd, SOL_MPTCP, MPTCP_TCPINFO, &answer, &answer_size))
		return look;
	for (uint32_t i = 0; i < answer.head.num_subflows && i < TRAFFIC_SUBFLOWS; i++) {
		const struct tcp_info *subflow = &answer.subflows[i];

		look.both_ways += subflow->tcpi_data_segs_in && subflow->tcpi_data_segs_out;
		look.moving += subflow->tcpi_state == STATE_ESTABLISHED &&
			       subflow->tcpi_last_data_recv < since_ms &&
			       subflow->tcpi_last_data_sent < since_ms;
	}
	return look;
}
