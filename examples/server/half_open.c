// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "half_open.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define TCP_FLAGS_OFFSET 13

socklen_t half_open_address(struct sockaddr_storage *to, const struct mptcplb_farm_address *address,
			    uint16_t port)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (address->version == 4) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		memcpy(&ipv4->sin_addr, address->bytes, sizeof(ipv4->sin_addr));
		return sizeof(*ipv4);
	}
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons(port);
	memcpy(&ipv6->sin6_addr, address->bytes, sizeof(ipv6->sin6_addr));
	return sizeof(*ipv6);
}

/* Drop what has the SYN flag: an RST still says that nobody listens. */
static int ignore_synacks(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_OFFSET),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int half_open_connect(const struct mptcplb_farm_address *address, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t size = half_open_address(&to, address, port);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int error;

	if (fd < 0)
		return -errno;
	if (ignore_synacks(fd) == 0 &&
	    (connect(fd, (struct sockaddr *)&to, size) == 0 || errno == EINPROGRESS))
		return fd;
	error = -errno;
	close(fd);
	return error;
}
