// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-farm-traffic: the client and the servers' application of the farm in a box. */
#include "traffic.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: mptcplb-farm-traffic serve --address A --port P\n"
	"       mptcplb-farm-traffic connect --address A --port P --bind A [OPTION…]\n"
	"\n"
	"serve answers each byte with its complement. connect sends a pattern, checks every byte of\n"
	"the answers and prints what came of it as JSON. With --repeat it goes on until SIGTERM, and\n"
	"prints on SIGUSR1 how its connections are.\n"
	"\n"
	"  --connections N  how many (default 1)\n"
	"  --parallel N     at most so many at once (default 64)\n"
	"  --interval MS    from the start of one to the start of the next (default 0)\n"
	"  --hold MS        pause after the first quarter of the data (default 0)\n"
	"  --bytes N        each connection sends (default 65536)\n"
	"  --repeat         the same data again after each pause\n"
	"  --timeout S      what is not complete by then hangs (default 60)\n";

struct arguments {
	const char *address;
	const char *port;
	const char *bind;
	struct traffic_plan plan;
};

static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "mptcplb-farm-traffic: %s: %s\n%s", what, value, usage);
	return 2;
}

/* Read a decimal number of at most @max. Returns 0, or -1 when it is none. */
static int number(const char *text, uint64_t max, uint64_t *value)
{
	unsigned long long parsed;
	char *end;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	parsed = strtoull(text, &end, 10);
	if (errno || *end || parsed > max)
		return -1;
	*value = parsed;
	return 0;
}

/* Returns 0, or -1 when the value of a numeric option is out of range. */
static int set_number(struct traffic_plan *plan, int option, const char *text)
{
	uint64_t max = option == 't'   ? TRAFFIC_TIME_MAX_MS / 1000
		       : option == 'y' ? UINT64_C(1) << 40
				       : TRAFFIC_TIME_MAX_MS;
	uint64_t value;

	if (number(text, max, &value))
		return -1;
	switch (option) {
	case 'n':
		plan->connections = (uint32_t)value;
		return value ? 0 : -1;
	case 'k':
		plan->parallel = (uint32_t)value;
		return value ? 0 : -1;
	case 'i':
		plan->interval_ms = (uint32_t)value;
		return 0;
	case 'h':
		plan->hold_ms = (uint32_t)value;
		return 0;
	case 't':
		plan->timeout_ms = (uint32_t)value * 1000;
		return value ? 0 : -1;
	default:
		plan->bytes = value;
		return value ? 0 : -1;
	}
}

/* Returns 0, or an exit code. */
static int parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "bind", required_argument, NULL, 'b' },
		{ "connections", required_argument, NULL, 'n' },
		{ "parallel", required_argument, NULL, 'k' },
		{ "interval", required_argument, NULL, 'i' },
		{ "hold", required_argument, NULL, 'h' },
		{ "bytes", required_argument, NULL, 'y' },
		{ "repeat", no_argument, NULL, 'r' },
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return usage_error("unknown option or missing value", argv[optind - 1]);
		if (option == 'a')
			arguments->address = optarg;
		else if (option == 'p')
			arguments->port = optarg;
		else if (option == 'b')
			arguments->bind = optarg;
		else if (option == 'r')
			arguments->plan.repeat = true;
		else if (set_number(&arguments->plan, option, optarg))
			return usage_error("number out of range", optarg);
	}
	if (optind != argc)
		return usage_error("unexpected argument", argv[optind]);
	if (!arguments->address || !arguments->port)
		return usage_error("missing", "--address and --port are needed");
	return 0;
}

/* Returns 0, or -1 after a message. */
static int resolve(const char *address, const char *port, struct sockaddr_storage *result)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	int error = getaddrinfo(address, port, &hints, &found);

	if (error) {
		fprintf(stderr, "mptcplb-farm-traffic: %s port %s: %s\n", address, port,
			gai_strerror(error));
		return -1;
	}
	memset(result, 0, sizeof(*result));
	memcpy(result, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

int traffic_socket(const struct sockaddr_storage *local)
{
	int on = 1;
	int fd =
		socket(local->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd < 0) {
		perror("mptcplb-farm-traffic: MPTCP socket");
		return -1;
	}
	/* Many clients bind to one address and let the kernel choose the port at connect(). */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)local, sizeof(*local))) {
		perror("mptcplb-farm-traffic: bind");
		close(fd);
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.plan = {
			.connections = 1,
			.parallel = 64,
			.timeout_ms = 60000,
			.bytes = 65536,
		},
	};
	struct sockaddr_storage address;
	struct sockaddr_storage local;
	int error;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc < 2 || (strcmp(argv[1], "serve") && strcmp(argv[1], "connect")))
		return usage_error("expected", "serve or connect");
	error = parse(argc - 1, argv + 1, &arguments);
	if (error)
		return error;
	if (resolve(arguments.address, arguments.port, &address))
		return 2;
	if (!strcmp(argv[1], "serve"))
		return traffic_serve(&address);
	if (!arguments.bind)
		return usage_error("missing", "--bind is needed to connect");
	if (resolve(arguments.bind, "0", &local))
		return 2;
	return traffic_connect(&local, &address, &arguments.plan);
}
