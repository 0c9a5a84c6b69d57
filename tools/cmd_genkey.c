// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool genkey: a new secret, on standard output. */
#include "tool.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mptcplb/random.h>

static void warn_when_readable(void)
{
	struct stat status;

	if (fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & (S_IROTH | S_IWOTH)))
		fprintf(stderr,
			"mptcplb-tool: warning: writing a secret to a file that others can access "
			"(mode %04o): chmod o-rwx it, or set umask 077 before\n",
			status.st_mode & 07777);
}

int cmd_genkey(const struct arguments *arguments)
{
	uint8_t secret[MPTCPLB_SECRET_SIZE];
	char text[2 * MPTCPLB_SECRET_SIZE + 1];
	int error = mptcplb_random_bytes(NULL, secret, sizeof(secret));

	(void)arguments;
	if (error)
		return fail("%s", mptcplb_strerror(error));
	warn_when_readable();
	format_hex(text, secret, sizeof(secret));
	puts(text);
	mptcplb_wipe(secret, sizeof(secret));
	mptcplb_wipe(text, sizeof(text));
	return TOOL_FINE;
}
