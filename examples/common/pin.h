/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Pins: files in a directory of a BPF file system that keep BPF maps and links while no process
 * has them open. The kernel allows no dot in their names.
 */
#ifndef MPTCPLB_EXAMPLES_PIN_H
#define MPTCPLB_EXAMPLES_PIN_H

#include <stdbool.h>

/* Make the directory, in a BPF file system, if need be. Returns 0, or -1 after an error message. */
int pin_directory(const char *directory);

/* Whether a directory is there, and in a BPF file system. */
bool pin_is_possible(const char *directory);

/*
 * Keep other processes from using the directory until the descriptor that is returned is closed.
 * Returns -1 after an error message.
 */
int pin_lock(const char *directory);

/* The descriptor of what is pinned, or -errno: -ENOENT when nothing is. */
int pin_open(const char *directory, const char *name);

/*
 * Pin a map or link in place of what is there, in one step, so that there is always one. Returns
 * 0, or -1 after an error message.
 */
int pin_replace(const char *directory, const char *name, int fd);

/* Remove a pin. Returns 0 or -errno. */
int pin_remove(const char *directory, const char *name);

#endif
