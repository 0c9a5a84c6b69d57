/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What parsing and building an option share: its layout, and cursors over its bytes. */
#ifndef MPTCPLB_OPTION_PRIVATE_H
#define MPTCPLB_OPTION_PRIVATE_H

#include <string.h>

#include <mptcplb/key.h>
#include <mptcplb/option.h>

/* The bytes that every option has: kind, length, and the subtype with four bits. */
#define OPTION_HEAD_SIZE 3
/* The same, and the byte that all but REMOVE_ADDR, MP_PRIO and the unknown ones have. */
#define OPTION_BASE_SIZE 4

#define TOKEN_SIZE 4

/* How many bytes of an integer field there are, by a flag of DSS. */
static inline uint8_t dss_number_size(uint16_t flags, uint16_t flag)
{
	return flags & flag ? 8 : 4;
}

/* The length of a DSS without checksum. */
static inline uint8_t dss_length(uint16_t flags)
{
	uint8_t length = OPTION_BASE_SIZE;

	if (flags & MPTCPLB_DSS_A)
		length = (uint8_t)(length + dss_number_size(flags, MPTCPLB_DSS_a));
	if (flags & MPTCPLB_DSS_M)
		length = (uint8_t)(length + dss_number_size(flags, MPTCPLB_DSS_m) + 4 + 2);
	return length;
}

/* The field IPVer of an ADD_ADDR of version 0. */
static inline uint8_t ip_version(uint8_t address_length)
{
	return address_length == 4 ? 4 : 6;
}

/* Whether addresses of IPv4 or IPv6 have this length. */
static inline bool is_address_length(uint8_t length)
{
	return length == 4 || length == 16;
}

/* Whether keys of some mode have this length. */
static inline bool is_key_length(size_t length)
{
	return length == MPTCPLB_KEY_SIZE || length == MPTCPLB_KEY_SIZE_COMPACT_A ||
	       length == MPTCPLB_KEY_SIZE_COMPACT_B;
}

/* Take a big-endian integer of @size bytes from *@at, and go behind it. */
static inline uint64_t take_number(const uint8_t **at, unsigned int size)
{
	uint64_t number = 0;

	while (size--)
		number = number << 8 | *(*at)++;
	return number;
}

static inline uint16_t take16(const uint8_t **at)
{
	return (uint16_t)take_number(at, 2);
}

static inline uint32_t take32(const uint8_t **at)
{
	return (uint32_t)take_number(at, 4);
}

static inline const uint8_t *take_bytes(const uint8_t **at, size_t size)
{
	const uint8_t *bytes = *at;

	*at += size;
	return bytes;
}

/* An option that is being built. */
struct option_writer {
	uint8_t bytes[MPTCPLB_TCP_OPTIONS_MAX];
	size_t length; /* more than there is room for: it did not fit */
	bool missing; /* bytes were to be written from a NULL pointer */
};

static inline void put_number(struct option_writer *writer, uint64_t number, unsigned int size)
{
	while (size--) {
		if (writer->length < sizeof(writer->bytes))
			writer->bytes[writer->length] = (uint8_t)(number >> 8 * size);
		writer->length++;
	}
}

static inline void put_bytes(struct option_writer *writer, const uint8_t *bytes, size_t size)
{
	if (size && !bytes)
		writer->missing = true;
	else if (size && writer->length + size <= sizeof(writer->bytes))
		memcpy(writer->bytes + writer->length, bytes, size);
	writer->length += size;
}

/* MP_CAPABLE, from its version on. @length is the option's; the results are errors or MPTCPLB_OK. */
int option_parse_mp_capable(const struct mptcplb_option_context *context,
			    struct mptcplb_option *option, const uint8_t *bytes, uint8_t length);
int option_build_mp_capable(const struct mptcplb_option *option, struct option_writer *writer);

#endif
