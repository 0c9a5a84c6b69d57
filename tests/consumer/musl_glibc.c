// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * Debian's libsodium.a is built for glibc, with fortification. This is the one function that it
 * then asks for and musl does not have; a libsodium built for musl does not need it.
 */
#include <stddef.h>

void __explicit_bzero_chk(void *buffer, size_t length, size_t size);

void __explicit_bzero_chk(void *buffer, size_t length, size_t size)
{
	volatile unsigned char *bytes = buffer;

	(void)size;
	for (size_t i = 0; i < length; i++)
		bytes[i] = 0;
}
