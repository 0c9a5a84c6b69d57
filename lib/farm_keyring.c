// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The token section of a farm file: format parameters, and a secret for each epoch. */
#include "farm_private.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/keyring.h>
#include <mptcplb/random.h>

#define SECRET_DIGITS (2 * MPTCPLB_SECRET_SIZE)

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Read a secret; @where names its field. What it is must not show in the error. */
static int parse_secret(struct farm_load *load, size_t line, const char *where,
			uint8_t secret[MPTCPLB_SECRET_SIZE], const uint8_t *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (hex_value(text[i]) < 0)
			return farm_fail(load, line,
					 "%s: character %zu of the secret is not a hex digit: "
					 "expected %d hex digits",
					 where, i + 1, SECRET_DIGITS);
	}
	if (length != SECRET_DIGITS)
		return farm_fail(load, line, "%s: the secret has %zu hex digits: expected %d",
				 where, length, SECRET_DIGITS);
	for (size_t i = 0; i < MPTCPLB_SECRET_SIZE; i++)
		secret[i] = (uint8_t)(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
	return 0;
}

/* A path in the file starts at the file's directory. */
static int resolve_path(const struct farm_load *load, char path[PATH_MAX], const char *file)
{
	const char *slash = strrchr(load->path, '/');
	int directory = file[0] == '/' || !slash ? 0 : (int)(slash - load->path) + 1;

	return snprintf(path, PATH_MAX, "%.*s%s", directory, load->path, file) < PATH_MAX ? 0 : -1;
}

static int read_secret_file(struct farm_load *load, size_t line, const char *where,
			    uint8_t secret[MPTCPLB_SECRET_SIZE], const char *file)
{
	struct farm_text text;
	char path[PATH_MAX], buffer[128];
	const char *problem;
	size_t length;
	int error;

	if (resolve_path(load, path, file) < 0)
		return farm_fail(load, line, "%s: the path is too long", where);
	problem = farm_read(&text, path, FARM_SECRET_FILE_MAX, buffer);
	if (problem)
		return farm_fail(load, line, "%s: %.128s: %s", where, path, problem);
	length = text.length;
	if (length && text.bytes[length - 1] == '\n')
		length--;
	if (farm_mode_open_to_others(text.mode))
		error = farm_fail(
			load, line,
			"%s: %.128s: others can read or write it (mode %04o): chmod o-rwx %.128s",
			where, path, text.mode, path);
	else
		error = parse_secret(load, line, where, secret, text.bytes, length);
	farm_text_wipe(&text);
	return error;
}

static int read_secret(struct farm_load *load, uint32_t index, unsigned int mode,
		       uint8_t secret[MPTCPLB_SECRET_SIZE])
{
	const struct farm_raw_epoch *raw = &load->farm->raw->token.epochs[index];
	const char *field = raw->secret_file ? "secret_file" : "secret";
	char where[64];
	size_t line = farm_line(load, "token.epochs[%u].%s", index, field);

	if (!raw->secret == !raw->secret_file)
		return farm_fail(
			load, line,
			"token.epochs[%u]: expected either secret or secret_file, found %s", index,
			raw->secret ? "both" : "neither");
	snprintf(where, sizeof(where), "token.epochs[%u].%s", index, field);
	if (raw->secret_file)
		return read_secret_file(load, line, where, secret, raw->secret_file);
	if (farm_mode_open_to_others(mode))
		return farm_fail(
			load, line,
			"%s: others can read or write this file (mode %04o): chmod o-rwx %.128s",
			where, mode, load->path);
	return parse_secret(load, line, where, secret, (const uint8_t *)raw->secret,
			    strlen(raw->secret));
}

static int add_epoch(struct farm_load *load, uint32_t index, unsigned int mode)
{
	struct mptcplb_keyring *keyring = &load->farm->public.keyring;
	uint32_t epoch = load->farm->raw->token.epochs[index].epoch;
	size_t line = farm_line(load, "token.epochs[%u].epoch", index);
	uint8_t secret[MPTCPLB_SECRET_SIZE];
	int error;

	if (epoch >= 1U << keyring->epoch_bits)
		return farm_fail(load, line,
				 "token.epochs[%u].epoch: %u is out of range: expected 0 to %u",
				 index, epoch, (1U << keyring->epoch_bits) - 1);
	error = read_secret(load, index, mode, secret);
	if (error)
		goto out;
	error = mptcplb_keyring_add(keyring, epoch, secret);
	if (error == MPTCPLB_ERR_EPOCH_OCCUPIED)
		error = farm_fail(load, line, "token.epochs[%u]: epoch %u is there twice", index,
				  epoch);
	else if (error == MPTCPLB_ERR_SECRET_REUSED)
		error = farm_fail(load, line,
				  "token.epochs[%u]: an epoch above has the same secret: "
				  "expected one of its own",
				  index);
	else if (error == MPTCPLB_ERR_SECRET_ZERO)
		error = farm_fail(
			load, line,
			"token.epochs[%u]: the secret is all zero: expected a random one, "
			"as mptcplb-tool genkey makes",
			index);
out:
	mptcplb_wipe(secret, sizeof(secret));
	return error;
}

int farm_keyring_load(struct farm_load *load, unsigned int mode)
{
	const struct farm_raw_token *raw = &load->farm->raw->token;
	struct mptcplb_keyring *keyring = &load->farm->public.keyring;

	if (raw->server_id_bits < MPTCPLB_SERVER_ID_BITS_MIN ||
	    raw->server_id_bits > MPTCPLB_SERVER_ID_BITS_MAX)
		return farm_fail(load, farm_line(load, "token.server_id_bits"),
				 "token.server_id_bits: %u is out of range: expected %d to %d",
				 raw->server_id_bits, MPTCPLB_SERVER_ID_BITS_MIN,
				 MPTCPLB_SERVER_ID_BITS_MAX);
	if (mptcplb_keyring_init(keyring, raw->epoch_bits, raw->server_id_bits))
		return farm_fail(load, farm_line(load, "token.epoch_bits"),
				 "token.epoch_bits: %u is out of range: expected 0 to %d",
				 raw->epoch_bits, MPTCPLB_EPOCH_BITS_MAX);
	for (uint32_t i = 0; i < raw->epochs_count; i++) {
		if (add_epoch(load, i, mode) < 0)
			return -1;
	}
	if (mptcplb_keyring_activate(keyring, raw->active))
		return farm_fail(
			load, farm_line(load, "token.active"),
			"token.active: epoch %u has no secret: expected one of token.epochs",
			raw->active);
	return 0;
}
