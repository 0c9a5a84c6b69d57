// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "events.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/mptcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mptcp_netlink.h"
#include "netlink.h"

/* Room in the kernel for some thousand events. */
#define RECEIVE_BUFFER_SIZE (4 << 20)

/* Messages that are read at a time, so many times in one call. */
#define BATCH 64
#define BATCHES 64

/* The kernel's messages have 28 to about 120 bytes, and the token in front. */
#define MESSAGE_SIZE 256

/* Two of some ten kinds: the others shall neither wake us up nor fill the buffer. */
static int filter_events(int fd)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct genlmsghdr, cmd)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MPTCP_EVENT_CREATED, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MPTCP_EVENT_CLOSED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(steps) / sizeof(steps[0]), steps };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int join_group(int fd, uint32_t group)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	const int size = RECEIVE_BUFFER_SIZE;

	/* Without CAP_NET_ADMIN in the first user namespace the buffer stays as it is. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return filter_events(fd) || bind(fd, (const struct sockaddr *)&any, sizeof(any)) ||
	       setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
}

int events_open(struct events *events)
{
	struct mptcp_netlink netlink;
	int error = mptcp_netlink_find(&netlink);

	events->fd = -1;
	events->lost = false;
	if (!error && !netlink.events)
		error = -EOPNOTSUPP; /* before Linux 5.12 */
	if (error)
		return error;
	events->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	if (events->fd < 0)
		return -errno;
	if (join_group(events->fd, netlink.events)) {
		error = -errno;
		events_close(events);
	}
	return error;
}

void events_close(struct events *events)
{
	if (events->fd >= 0)
		close(events->fd);
	events->fd = -1;
}

struct batch {
	union {
		struct nlmsghdr header;
		char bytes[MESSAGE_SIZE];
	} messages[BATCH];
	struct sockaddr_nl senders[BATCH];
	struct iovec parts[BATCH];
	struct mmsghdr heads[BATCH];
};

static int receive(int fd, struct batch *batch)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		batch->parts[i] = (struct iovec){ &batch->messages[i], MESSAGE_SIZE };
		batch->heads[i].msg_hdr = (struct msghdr){ .msg_name = &batch->senders[i],
							   .msg_namelen = sizeof(*batch->senders),
							   .msg_iov = &batch->parts[i],
							   .msg_iovlen = 1 };
	}
	return recvmmsg(fd, batch->heads, BATCH, 0, NULL);
}

/* The token that a message from the kernel tells of, or 0. */
static uint32_t token_in(const struct batch *batch, int i)
{
	const struct nlmsghdr *message = &batch->messages[i].header;

	if (batch->senders[i].nl_pid != 0 || !NLMSG_OK(message, batch->heads[i].msg_len) ||
	    message->nlmsg_len < NLMSG_LENGTH(sizeof(struct genlmsghdr)))
		return 0;
	return netlink_number(mptcp_netlink_attribute(message, MPTCP_ATTR_TOKEN));
}

bool events_take(struct events *events, void (*each)(void *context, uint32_t token, bool created),
		 void *context)
{
	struct batch batch;
	int batches, count, i;

	for (batches = 0; batches < BATCHES; batches++) {
		count = receive(events->fd, &batch);
		if (count < 0 && errno == ENOBUFS) {
			events->overruns++;
			events->lost = true;
			continue;
		}
		for (i = 0; i < count; i++) {
			const struct genlmsghdr *generic = NLMSG_DATA(&batch.messages[i].header);
			const uint32_t token = token_in(&batch, i);

			if (token)
				each(context, token, generic->cmd == MPTCP_EVENT_CREATED);
			events->taken += token != 0;
		}
		if (count < BATCH)
			return true;
	}
	return false;
}
