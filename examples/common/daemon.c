// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "daemon.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

/* Room for a message of log_error() with its NUL, to be kept. */
#define REASON_SIZE 512

static const char *program_name = "mptcplb";
static char reason[REASON_SIZE];

static void log_prefix(int level)
{
	/* systemd takes "<3>" at the start of a line for its level, and sets this variable. */
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", level);
	fprintf(stderr, "%s: ", program_name);
}

static void log_line(int level, const char *format, va_list arguments)
{
	log_prefix(level);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_ERR, format, arguments);
	va_end(arguments);
	if (reason[0])
		return;
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
}

const char *log_reason(void)
{
	return reason;
}

void log_forget(void)
{
	reason[0] = '\0';
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_WARNING, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_INFO, format, arguments);
	va_end(arguments);
}

void daemon_start(const char *program)
{
	const struct rlimit none = { 0, 0 };

	program_name = program;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		log_warning("cannot switch core dumps off: %s", strerror(errno));
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_warning("cannot hide this process's memory: %s", strerror(errno));
}

static int libbpf_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN)
		return 0;
	log_prefix(LOG_ERR);
	return vfprintf(stderr, format, arguments); /* its messages end with a newline */
}

void daemon_libbpf_log(void)
{
	libbpf_set_print(libbpf_log);
}

int daemon_signals(void)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static bool has_capability(const struct __user_cap_data_struct *data, unsigned int capability)
{
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

bool daemon_capable(void)
{
	static const struct {
		unsigned int number;
		const char *name;
		bool admin_will_do; /* CAP_SYS_ADMIN includes it */
	} needed[] = {
		{ CAP_BPF, "CAP_BPF", true },
		{ CAP_PERFMON, "CAP_PERFMON", true }, /* for pointer arithmetic in BPF */
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", false },
	};
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	bool capable = true;

	if (syscall(SYS_capget, &header, data) < 0) {
		log_error("cannot read the capabilities of this process: %s", strerror(errno));
		return false;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (has_capability(data, needed[i].number) ||
		    (needed[i].admin_will_do && has_capability(data, CAP_SYS_ADMIN)))
			continue;
		log_error("%s is missing: start as root, or with CAP_BPF, CAP_PERFMON and "
			  "CAP_NET_ADMIN",
			  needed[i].name);
		capable = false;
	}
	return capable;
}

void daemon_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = path ? strlen(path) : 0;
	int fd;

	if (length == 0 || length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract name */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
	close(fd);
}

unsigned int daemon_interface(const char *name)
{
	unsigned int index = if_nametoindex(name);

	if (index == 0)
		log_error("interface \"%s\": %s", name, strerror(errno));
	return index;
}
