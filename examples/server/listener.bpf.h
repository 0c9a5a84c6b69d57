/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sockets: which one a segment belongs to, and what the kernel knows of a listening one. The
 * latter is in no UAPI; it is read by the kernel's own type information (BTF).
 */
#ifndef MPTCPLB_SERVER_LISTENER_BPF_H
#define MPTCPLB_SERVER_LISTENER_BPF_H

#include <bpf/bpf_core_read.h>

#include "packet.bpf.h"

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct netns_ipv4 {
	__u8 sysctl_tcp_syncookies;
} KERNEL_TYPE;

struct net {
	struct netns_ipv4 ipv4;
} KERNEL_TYPE;

typedef struct {
	struct net *net;
} KERNEL_TYPE possible_net_t;

struct sock_common {
	possible_net_t skc_net;
} KERNEL_TYPE;

struct sock_reuseport {
	unsigned int synq_overflow_ts;
} KERNEL_TYPE;

struct sock {
	struct sock_common __sk_common;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	__u8 sk_userlocks;
	struct sock_reuseport *sk_reuseport_cb;
} KERNEL_TYPE;

struct inet_sock {
	struct sock sk;
} KERNEL_TYPE;

struct request_queue_length {
	int counter;
} KERNEL_TYPE;

struct request_sock_queue {
	struct request_queue_length qlen;
} KERNEL_TYPE;

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	struct request_sock_queue icsk_accept_queue;
} KERNEL_TYPE;

struct tcp_options_received {
	int ts_recent_stamp;
} KERNEL_TYPE;

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	struct tcp_options_received rx_opt;
	__u32 window_clamp;
	bool is_mptcp;
} KERNEL_TYPE;

/* The bit of sk_userlocks that says: the application has set SO_RCVBUF. */
#define SOCK_RCVBUF_LOCK 2

/* A listening socket. */
struct listener {
	enum server_listener kind;
	__u32 mark; /* jiffies of the last cookie it sent; 0: never */
	__u32 requests; /* half-open */
	bool accepts; /* its accept queue has room */
	bool cookies; /* its network namespace may send SYN cookies */
	bool plain; /* nothing was set that changes its SYN/ACKs, or the route that they take */
};

/* The socket that a segment belongs to, to be released; NULL when there is none. */
static __always_inline struct bpf_sock *find_socket(struct __sk_buff *skb, const struct network *ip,
						    __be16 source, __be16 destination)
{
	struct bpf_sock_tuple tuple = {};

	if (ip->version == 6) {
		__builtin_memcpy(tuple.ipv6.saddr, &ip->source, sizeof(ip->source));
		__builtin_memcpy(tuple.ipv6.daddr, &ip->destination, sizeof(ip->destination));
		tuple.ipv6.sport = source;
		tuple.ipv6.dport = destination;
		return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	tuple.ipv4.saddr = ip->source.words[3];
	tuple.ipv4.daddr = ip->destination.words[3];
	tuple.ipv4.sport = source;
	tuple.ipv4.dport = destination;
	return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
}

/* Look at a socket that is in the state BPF_TCP_LISTEN. */
static __always_inline void describe_listener(struct bpf_sock *socket, struct listener *listener)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(socket);
	struct sock_reuseport *group;
	struct sock *sock;
	struct net *net;

	if (!tcp)
		return;
	sock = &tcp->inet_conn.icsk_inet.sk;
	group = sock->sk_reuseport_cb;
	net = sock->__sk_common.skc_net.net;
	listener->kind = tcp->is_mptcp ? SERVER_LISTENER_MPTCP : SERVER_LISTENER_TCP;
	listener->mark = group ? group->synq_overflow_ts : tcp->rx_opt.ts_recent_stamp;
	listener->requests = tcp->inet_conn.icsk_accept_queue.qlen.counter;
	listener->accepts = sock->sk_ack_backlog <= sock->sk_max_ack_backlog;
	listener->cookies = net && net->ipv4.sysctl_tcp_syncookies;
	/* A field of bits in Linux 6.1. */
	listener->plain = !(BPF_CORE_READ_BITFIELD(sock, sk_userlocks) & SOCK_RCVBUF_LOCK) &&
			  !tcp->window_clamp;
}

/* Whether the kernel has more than a listener for a segment: then it knows what to do. */
static __always_inline bool has_socket(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_sock *socket =
		find_socket(skb, &packet->ip, packet->tcp.source, packet->tcp.dest);
	bool found;

	if (!socket)
		return false;
	found = socket->state != BPF_TCP_LISTEN;
	bpf_sk_release(socket);
	return found;
}

#endif
