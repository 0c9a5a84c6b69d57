// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
#include <mptcplb/version.h>

uint32_t mptcplb_library_version(void)
{
	return MPTCPLB_LIBRARY_VERSION;
}
