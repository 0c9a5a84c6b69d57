/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The names that the kernel's <linux/types.h> gives; with it comes nothing of a C library. */
#ifndef TESTS_CONSUMER_LINUX_TYPES_H
#define TESTS_CONSUMER_LINUX_TYPES_H

typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;

#endif
