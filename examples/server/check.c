// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include "commands.h"

int command_check(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
