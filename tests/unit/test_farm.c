// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The farm file: what a valid one becomes, and what is said of each kind of broken one. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mptcplb/farm.h>
#include <mptcplb/token.h>

#include "unit.h"

#define SECRET_0 "df6af1d8303e61cdc4bb86c3d1c42710"
#define SECRET_1 "3f1c7a52e0d94b8896a5c10b7e2d6f43"

/* Lines 1 to 6. */
#define TOKEN                   \
	"token:\n"              \
	"  server_id_bits: 8\n" \
	"  epoch_bits: 1\n"     \
	"  active: 0\n"         \
	"  epochs:\n"           \
	"    - {epoch: 0, secret: " SECRET_0 "}\n"
/* Lines 7 to 9. */
#define SERVERS                                               \
	"servers:\n"                                          \
	"  - {name: web-1, address: 192.0.2.11, ids: [17]}\n" \
	"  - {name: web-2, address: 192.0.2.12, ids: [19, 18], state: draining}\n"

static char directory[] = "/tmp/mptcplb-test-farm-XXXXXX";
static char farm_path[64];
static char secret_path[64];
static struct mptcplb_farm_error error;

static void write_file(const char *path, const char *text, size_t length, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static struct mptcplb_farm *load_bytes(const char *text, size_t length)
{
	memset(&error, 0, sizeof(error));
	write_file(farm_path, text, length, 0600);
	return mptcplb_farm_load(farm_path, &error);
}

static struct mptcplb_farm *load(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* The farm is refused, and the error is FILE:LINE: followed by these words somewhere. */
static void assert_error(const struct mptcplb_farm *farm, unsigned int line, const char *words)
{
	char start[96];

	ck_assert_ptr_null(farm);
	if (line)
		snprintf(start, sizeof(start), "%s:%u: ", farm_path, line);
	else
		snprintf(start, sizeof(start), "%s: ", farm_path);
	ck_assert_msg(strncmp(error.text, start, strlen(start)) == 0, "expected %s…, got: %s",
		      start, error.text);
	ck_assert_msg(strstr(error.text, words) != NULL, "expected …%s…, got: %s", words,
		      error.text);
	ck_assert_ptr_null(strchr(error.text, '\n'));
	ck_assert_ptr_null(strstr(error.text, "df6af1d8"));
	ck_assert_ptr_null(strstr(error.text, "3f1c7a52"));
}

static void assert_refused(unsigned int line, const char *words, const char *text)
{
	assert_error(load(text), line, words);
}

START_TEST(a_full_farm_is_read)
{
	struct mptcplb_farm *farm = load(
		TOKEN "    - {epoch: 1, secret: " SECRET_1 "}\n"
		      "servers:\n"
		      "  - {name: web-1, address: 192.0.2.11, ids: [17], weight: 1000}\n"
		      "  - {name: web-2, address: 192.0.2.12, ids: [19, 0, 255], state: draining}\n"
		      "  - name: web.3_x\n"
		      "    address: 192.0.2.13\n"
		      "    ids: [1]\n"
		      "    state: down\n"
		      "    peak_connections: 1048576\n"
		      "balancers:\n"
		      "  - {name: lb-1, address: 192.0.2.1}\n"
		      "services:\n"
		      "  - {address: 198.51.100.1, port: 443}\n"
		      "  - {address: 198.51.100.1, port: 65535, servers: [web.3_x, web-1]}\n");
	char text[MPTCPLB_FARM_ADDRESS_TEXT_SIZE];
	uint32_t token;
	const struct mptcplb_token_parts parts = { 1, 17, 5 };

	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_uint_eq(farm->keyring.server_id_bits, 8);
	ck_assert_uint_eq(farm->keyring.epoch_bits, 1);
	ck_assert_uint_eq(farm->keyring.present, 3);
	ck_assert_uint_eq(farm->keyring.active, 0);
	ck_assert_int_eq(mptcplb_token_encode(&farm->keyring, &token, &parts), MPTCPLB_OK);

	ck_assert_uint_eq(farm->server_count, 3);
	ck_assert_str_eq(farm->servers[0].name, "web-1");
	ck_assert_uint_eq(farm->servers[0].weight, 1000);
	ck_assert_int_eq(farm->servers[0].state, MPTCPLB_FARM_UP);
	ck_assert_uint_eq(farm->servers[0].peak_connections, 0);
	ck_assert_uint_eq(farm->servers[1].weight, 100);
	ck_assert_int_eq(farm->servers[1].state, MPTCPLB_FARM_DRAINING);
	ck_assert_uint_eq(farm->servers[1].id_count, 3);
	ck_assert_uint_eq(farm->servers[1].ids[0], 0);
	ck_assert_uint_eq(farm->servers[1].ids[2], 255);
	ck_assert_str_eq(mptcplb_farm_address_text(&farm->servers[1].address, text), "192.0.2.12");
	ck_assert_int_eq(farm->servers[2].state, MPTCPLB_FARM_DOWN);
	ck_assert_uint_eq(farm->servers[2].peak_connections, 1048576);

	ck_assert_uint_eq(farm->balancer_count, 1);
	ck_assert_str_eq(farm->balancers[0].name, "lb-1");
	ck_assert_str_eq(mptcplb_farm_address_text(&farm->balancers[0].address, text), "192.0.2.1");

	ck_assert_uint_eq(farm->service_count, 2);
	ck_assert_uint_eq(farm->services[0].server_count, 3);
	ck_assert_uint_eq(farm->services[1].port, 65535);
	ck_assert_uint_eq(farm->services[1].port_last, 65535);
	ck_assert_uint_eq(farm->services[1].server_count, 2);
	ck_assert_uint_eq(farm->services[1].servers[0], 0);
	ck_assert_uint_eq(farm->services[1].servers[1], 2);
	mptcplb_farm_free(farm);
}
END_TEST

START_TEST(owners_names_and_services_are_found)
{
	struct mptcplb_farm *farm =
		load(TOKEN SERVERS
		     "  - {name: a, address: 192.0.2.14, ids: [0, 255, 20]}\n"
		     "balancers: [{name: lb, address: 192.0.2.1}]\n"
		     "services: [{address: 198.51.100.1, port: 80, servers: [a, web-1]}]\n");

	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_ptr_eq(mptcplb_farm_owner(farm, 17), &farm->servers[0]);
	ck_assert_ptr_eq(mptcplb_farm_owner(farm, 18), &farm->servers[1]);
	ck_assert_ptr_eq(mptcplb_farm_owner(farm, 19), &farm->servers[1]);
	ck_assert_ptr_eq(mptcplb_farm_owner(farm, 0), &farm->servers[2]);
	ck_assert_ptr_eq(mptcplb_farm_owner(farm, 255), &farm->servers[2]);
	ck_assert_ptr_null(mptcplb_farm_owner(farm, 16));
	ck_assert_ptr_null(mptcplb_farm_owner(farm, 21));
	ck_assert_ptr_null(mptcplb_farm_owner(farm, UINT32_MAX));
	ck_assert_ptr_eq(mptcplb_farm_server_by_name(farm, "web-1"), &farm->servers[0]);
	ck_assert_ptr_eq(mptcplb_farm_server_by_name(farm, "web-2"), &farm->servers[1]);
	ck_assert_ptr_eq(mptcplb_farm_server_by_name(farm, "a"), &farm->servers[2]);
	ck_assert_ptr_null(mptcplb_farm_server_by_name(farm, "lb"));
	ck_assert_ptr_null(mptcplb_farm_server_by_name(farm, "web-3"));
	ck_assert(mptcplb_farm_serves(farm, &farm->services[0], &farm->servers[0]));
	ck_assert(!mptcplb_farm_serves(farm, &farm->services[0], &farm->servers[1]));
	ck_assert(mptcplb_farm_serves(farm, &farm->services[0], &farm->servers[2]));
	mptcplb_farm_free(farm);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(mptcplb_farm_state_text(MPTCPLB_FARM_UP), "up");
	ck_assert_str_eq(mptcplb_farm_state_text(MPTCPLB_FARM_DRAINING), "draining");
	ck_assert_str_eq(mptcplb_farm_state_text(MPTCPLB_FARM_DOWN), "down");
}
END_TEST

START_TEST(nothing_can_be_freed)
{
	mptcplb_farm_free(NULL);
}
END_TEST

#define FILE_TOKEN(file)        \
	"token:\n"              \
	"  server_id_bits: 8\n" \
	"  epoch_bits: 1\n"     \
	"  active: 0\n"         \
	"  epochs:\n"           \
	"    - {epoch: 0, secret_file: " file "}\n"

static struct mptcplb_farm *load_with_secret(const char *secret, size_t length, mode_t mode)
{
	write_file(secret_path, secret, length, mode);
	return load(FILE_TOKEN("epoch0.key") SERVERS);
}

START_TEST(a_secret_file_is_read)
{
	struct mptcplb_farm *inline_farm = load(TOKEN SERVERS);
	struct mptcplb_farm *farm = load_with_secret(SECRET_0 "\n", 33, 0640);

	ck_assert_ptr_nonnull(inline_farm);
	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_mem_eq(&farm->keyring, &inline_farm->keyring, sizeof(farm->keyring));
	mptcplb_farm_free(farm);
	farm = load_with_secret(SECRET_0, 32, 0400);
	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_mem_eq(&farm->keyring, &inline_farm->keyring, sizeof(farm->keyring));
	mptcplb_farm_free(farm);
	mptcplb_farm_free(inline_farm);
}
END_TEST

START_TEST(a_secret_file_of_another_content_is_refused)
{
	assert_error(load_with_secret(SECRET_0 "a\n", 34, 0600), 6,
		     "has 33 hex digits: expected 32");
	assert_error(load_with_secret("df6a\n", 5, 0600), 6, "has 4 hex digits: expected 32");
	assert_error(load_with_secret("", 0, 0600), 6, "has 0 hex digits: expected 32");
	assert_error(load_with_secret(SECRET_0 "\n\n", 34, 0600), 6, "character 33 ");
	assert_error(load_with_secret(SECRET_0 " ", 33, 0600), 6, "character 33 ");
	assert_error(load_with_secret("xf6af1d8303e61cdc4bb86c3d1c42710", 32, 0600), 6,
		     "character 1 of the secret is not a hex digit");
}
END_TEST

START_TEST(a_secret_file_that_is_not_there_is_refused)
{
	assert_refused(6, "No such file", FILE_TOKEN("missing.key") SERVERS);
	assert_refused(6, "is not a regular file", FILE_TOKEN("/dev/zero") SERVERS);
	assert_refused(6, "is not a regular file", FILE_TOKEN("../") SERVERS);
}
END_TEST

START_TEST(a_secret_file_open_to_others_is_refused)
{
	assert_error(load_with_secret(SECRET_0, 32, 0644), 6, "mode 0644");
	ck_assert_ptr_nonnull(strstr(error.text, "chmod o-rwx"));
	ck_assert_ptr_nonnull(strstr(error.text, secret_path));
	assert_error(load_with_secret(SECRET_0, 32, 0602), 6, "mode 0602");
}
END_TEST

START_TEST(a_farm_file_with_secrets_open_to_others_is_refused)
{
	struct mptcplb_farm *farm;

	write_file(farm_path, TOKEN SERVERS, strlen(TOKEN SERVERS), 0644);
	assert_error(mptcplb_farm_load(farm_path, &error), 6, "mode 0644");
	ck_assert_ptr_nonnull(strstr(error.text, "chmod o-rwx"));
	/* without secrets in it everybody may read it */
	write_file(secret_path, SECRET_0, 32, 0600);
	write_file(farm_path, FILE_TOKEN("epoch0.key") SERVERS,
		   strlen(FILE_TOKEN("epoch0.key") SERVERS), 0644);
	farm = mptcplb_farm_load(farm_path, &error);
	ck_assert_msg(farm != NULL, "%s", error.text);
	mptcplb_farm_free(farm);
}
END_TEST

START_TEST(a_farm_file_that_others_can_write_is_refused)
{
	write_file(secret_path, SECRET_0, 32, 0600);
	write_file(farm_path, FILE_TOKEN("epoch0.key") SERVERS,
		   strlen(FILE_TOKEN("epoch0.key") SERVERS), 0646);
	assert_error(mptcplb_farm_load(farm_path, &error), 0, "others can write it (mode 0646)");
	ck_assert_ptr_nonnull(strstr(error.text, "chmod o-w"));
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	unlink(farm_path);
	assert_error(mptcplb_farm_load(farm_path, &error), 0, "No such file");
	ck_assert_int_eq(mkfifo(farm_path, 0600), 0);
	assert_error(mptcplb_farm_load(farm_path, &error), 0, "is not a regular file");
	unlink(farm_path);
	ck_assert_ptr_null(mptcplb_farm_load(directory, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "is not a regular file"));
}
END_TEST

START_TEST(a_huge_file_is_refused)
{
	size_t length = ((size_t)4 << 20) + 1;
	char *text = malloc(length);

	ck_assert_ptr_nonnull(text);
	memset(text, '#', length);
	assert_error(load_bytes(text, length), 0, "is larger than 4194304 bytes");
	free(text);
}
END_TEST

/* A row: a broken file, the line of the fault, and words of the message. */
struct broken {
	const char *text;
	unsigned int line;
	const char *words;
};

static void assert_all_refused(const struct broken *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_refused(rows[i].line, rows[i].words, rows[i].text);
}

static const struct broken broken_yaml[] = {
	{ "", 1, "the file is empty" },
	{ "# nothing\n", 1, "the file is empty" },
	{ "---\n---\n" TOKEN SERVERS, 2, "a second YAML document" },
	{ TOKEN SERVERS "---\nfoo: 1\n", 10, "a second YAML document" },
	{ TOKEN SERVERS "...\n}}}\n", 11, "not valid YAML" },
	{ TOKEN "servers:\n\t- {name: a}\n", 8, "not valid YAML" },
	{ TOKEN "servers:\n  - {name: a, ids: [1]\n", 8, "not valid YAML" },
	{ TOKEN "servers:\n  - {name: [\n", 8,
	  "not valid YAML: did not find expected node content" },
	{ TOKEN "servers:\n  - {name: \"a\n", 8,
	  "a quoted scalar that starts on line 8: found unexpected end" },
	{ "a: 1\n b: 2\n", 2, "not valid YAML" },
	{ "token: 1\n\x01\n", 2, "control characters are not allowed" },
	{ "token: 1\nb: \"\xff\"\n", 2, "invalid leading UTF-8" },
	{ "\x7f"
	  "ELF\x02\x01\x01",
	  1, "not valid YAML" },
	{ "a: *b\n", 1, "a YAML alias" },
	{ "a: &a [*a]\n", 1, "a YAML alias" },
	{ "a: &a [x]\nb: [*a, *a, *a]\n", 2, "a YAML alias" },
	{ "a: [[[[[[[[[[[]]]]]]]]]]]\n", 1, "nested deeper than 8" },
	{ "token: \"a\\0b\"\n", 1, "zero byte" },
	{ "{[a]: b}\n", 1, "the key of a field is not a text" },
	{ "token\n", 1, "the file: expected a mapping, found a single value" },
	{ "- token\n", 1, "the file: expected a mapping, found a list" },
	{ TOKEN SERVERS "token: 1\n", 10, "the field 'token' is already on line 1" },
	{ TOKEN "servers:\n  - {name: a,\n    ids: [1],\n    name: b}\n", 10,
	  "the field 'name' is already on line 8" },
};

START_TEST(broken_yaml_is_refused)
{
	assert_all_refused(broken_yaml, ARRAY_SIZE(broken_yaml));
}
END_TEST

#define SERVER(fields) TOKEN SERVERS "  - {name: web-3, address: 192.0.2.13" fields "}\n"

static const struct broken broken_schema[] = {
	{ SERVERS, 1, "the field 'token' is missing: expected token, servers" },
	{ TOKEN, 1, "the field 'servers' is missing" },
	{ TOKEN SERVERS "frob: 1\n", 10,
	  "unknown field 'frob': expected token, servers, balancers, services" },
	{ SERVER(", ids: [1],\n frob: 1"), 11,
	  "servers[2]: unknown field 'frob': expected name, address, ids" },
	{ SERVER(", ids: [1], " SECRET_1 ": 1"), 10, "(hidden: it may be a secret)" },
	{ SERVER(""), 10, "servers[2]: the field 'ids' is missing" },
	{ TOKEN "servers:\n  - {frob: 1}\n", 8, "servers[0]: unknown field 'frob'" },
	{ TOKEN "servers:\n  - {}\n", 8, "servers[0]: the field 'name' is missing" },
	{ TOKEN "servers:\n", 7, "servers: expected a list, found a single value" },
	{ TOKEN "servers: {a: b}\n", 7, "servers: expected a list, found a mapping" },
	{ TOKEN "servers: []\n", 7, "servers: the list is empty" },
	{ TOKEN "servers: [a]\n", 7, "servers[0]: expected a mapping, found a single value" },
	{ "token: [1]\n" SERVERS, 1, "token: expected a mapping, found a list" },
	{ "token: {}\n" SERVERS, 1, "token: the field 'server_id_bits' is missing" },
	{ SERVER(", ids: 1"), 10, "servers[2].ids: expected a list, found a single value" },
	{ SERVER(", ids: []"), 10, "servers[2].ids: the list is empty" },
	{ SERVER(", ids: [[1]]"), 10, "servers[2].ids[0]: expected a number, found a list" },
	{ SERVER(", ids: [1,\n 2, x]"), 11, "ids: 'x' is not a number" },
	{ SERVER(", ids: [1], state: frob"), 10,
	  "servers[2].state: 'frob' is unknown: expected up, draining or down" },
	{ SERVER(", ids: [1], state: 1"), 10, "servers[2].state: '1' is unknown" },
	{ SERVER(", ids: [1], weight: 3x"), 10, "weight: '3x' is not a number" },
	{ SERVER(", ids: [1], weight: 010"), 10, "weight: '010' is not a number" },
	{ SERVER(", ids: [1], weight: 0x10"), 10, "weight: '0x10' is not a number" },
	{ SERVER(", ids: [1], weight: -1"), 10, "weight: '-1' is not a number" },
	{ SERVER(", ids: [1], weight: \"7\""), 10, "weight: '7' is not a number" },
	{ SERVER(", ids: [1], weight: "), 10, "weight: '' is not a number" },
	{ SERVER(", ids: [1], weight: 4294967296"), 10, "weight: '4294967296' is too large" },
	{ SERVER(", ids: [1], weight: 18446744073709551617"), 10, "is too large" },
	{ SERVER(", ids: [1], weight: " SECRET_0), 10, "(hidden: it may be a secret)" },
	{ TOKEN "servers:\n  - {name: [a], address: 192.0.2.13, ids: [1]}\n", 8,
	  "servers[0].name: expected a text, found a list" },
};

START_TEST(another_schema_is_refused)
{
	assert_all_refused(broken_schema, ARRAY_SIZE(broken_schema));
}
END_TEST

#define BITS(server_id_bits, epoch_bits, active, epochs) \
	"token:\n"                                       \
	"  server_id_bits: " server_id_bits "\n"         \
	"  epoch_bits: " epoch_bits "\n"                 \
	"  active: " active "\n"                         \
	"  epochs:\n" epochs SERVERS
#define EPOCH(epoch, secret) "    - {epoch: " epoch ", secret: " secret "}\n"

static const struct broken broken_token[] = {
	{ BITS("0", "1", "0", EPOCH("0", SECRET_0)), 2,
	  "server_id_bits: 0 is out of range: expected 1 to 24" },
	{ BITS("25", "1", "0", EPOCH("0", SECRET_0)), 2, "server_id_bits: 25 is out of range" },
	{ BITS("8", "3", "0", EPOCH("0", SECRET_0)), 3,
	  "epoch_bits: 3 is out of range: expected 0 to 2" },
	{ BITS("8", "1", "0", EPOCH("2", SECRET_0)), 6,
	  "epoch: 2 is out of range: expected 0 to 1" },
	{ BITS("8", "0", "0", EPOCH("1", SECRET_0)), 6,
	  "epoch: 1 is out of range: expected 0 to 0" },
	{ BITS("8", "1", "1", EPOCH("0", SECRET_0)), 4, "token.active: epoch 1 has no secret" },
	{ BITS("8", "1", "77", EPOCH("0", SECRET_0)), 4, "token.active: epoch 77 has no secret" },
	{ BITS("8", "1", "0", "    []\n"), 5, "token.epochs: the list is empty" },
	{ BITS("8", "1", "0", EPOCH("0", SECRET_0) EPOCH("0", SECRET_1)), 7,
	  "epoch 0 is there twice" },
	{ BITS("8", "1", "0", EPOCH("0", SECRET_0) EPOCH("1", SECRET_0)), 7, "same secret" },
	{ BITS("8", "1", "0", EPOCH("0", "DF6AF1D8303E61CDC4BB86C3D1C42710") EPOCH("1", SECRET_0)),
	  7, "same secret" },
	{ BITS("8", "1", "0", EPOCH("0", "'00000000000000000000000000000000'")), 6,
	  "token.epochs[0]: the secret is all zero: expected a random one" },
	{ BITS("8", "1", "0", EPOCH("0", "df6a")), 6,
	  "secret: the secret has 4 hex digits: expected 32" },
	{ BITS("8", "1", "0", EPOCH("0", SECRET_0 "0")), 6, "the secret has 33 hex digits" },
	{ BITS("8", "1", "0", EPOCH("0", "zz6af1d8303e61cdc4bb86c3d1c42710")), 6,
	  "character 1 of the secret" },
	{ BITS("8", "1", "0", "    - {epoch: 0}\n"), 6,
	  "expected either secret or secret_file, found neither" },
	{ BITS("8", "1", "0", "    - {epoch: 0, secret: " SECRET_0 ", secret_file: x}\n"), 6,
	  "found both" },
	{ BITS("8", "1", "0", "    - {secret: " SECRET_0 "}\n"), 6,
	  "token.epochs[0]: the field 'epoch' is missing" },
};

START_TEST(a_broken_token_section_is_refused)
{
	assert_all_refused(broken_token, ARRAY_SIZE(broken_token));
}
END_TEST

#define NAMED(name) TOKEN SERVERS "  - {name: " name ", address: 192.0.2.13, ids: [1]}\n"
#define ADDRESSED(address) TOKEN SERVERS "  - {name: web-3, address: \"" address "\", ids: [1]}\n"
#define NAME_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890"

static const struct broken broken_member[] = {
	{ TOKEN SERVERS "balancers:\n  - {name: lb, address: 192.0.2.256}\n", 11,
	  "address: '192.0.2.256' is not an address" },
	{ NAMED("\"\""), 10, "name: '': expected 1 to 63 of the characters" },
	{ NAMED(NAME_63 "1"), 10, "expected 1 to 63" },
	{ NAMED("\"a b\""), 10, "name: 'a b'" },
	{ NAMED("\"a\\n\\x1b\""), 10,
	  "name: 'a?"
	  "?'" },
	{ NAMED("a/b"), 10, "name: 'a/b'" },
	{ NAMED("web-1"), 10, "name: 'web-1' is already on line 8" },
	{ TOKEN SERVERS "balancers:\n  - {name: web-2, address: 192.0.2.1}\n", 11,
	  "name: 'web-2' is already on line 9" },
	{ ADDRESSED("192.0.2"), 10, "address: '192.0.2' is not an address" },
	{ ADDRESSED("192.0.2.256"), 10, "is not an address" },
	{ ADDRESSED("web.example"), 10, "is not an address" },
	{ ADDRESSED(""), 10, "address: '' is not an address" },
	{ ADDRESSED("0.0.0.0"), 10, "is not the address of one host" },
	{ ADDRESSED("224.0.0.1"), 10, "is not the address of one host" },
	{ ADDRESSED("255.255.255.255"), 10, "is not the address of one host" },
	{ ADDRESSED("::"), 10, "is not the address of one host" },
	{ ADDRESSED("ff02::1"), 10, "is not the address of one host" },
	{ ADDRESSED("::ffff:192.0.2.11"), 10, "is not the address of one host" },
	{ ADDRESSED("192.0.2.11"), 10, "192.0.2.11 of web-3 is also that of web-1 on line 8" },
	{ TOKEN "servers:\n"
		"  - {name: a, address: 2001:db8::12, ids: [1]}\n"
		"  - {name: b, address: 2001:db8:0::12, ids: [2]}\n",
	  9, "2001:db8::12 of b is also that of a on line 8" },
	{ ADDRESSED("2001:db8::12"), 10,
	  "2001:db8::12 of web-3 is IPv6, that of web-1 on line 8 is IPv4: expected one version" },
	{ TOKEN SERVERS "balancers:\n  - {name: lb, address: 2001:db8::1}\n", 11,
	  "2001:db8::1 of lb is IPv6, that of web-1 on line 8 is IPv4: expected one version" },
	{ TOKEN SERVERS "balancers:\n  - {name: lb, address: 192.0.2.11}\n", 11,
	  "192.0.2.11 of lb is also that of web-1 on line 8" },
	{ SERVER(", ids: [256]"), 10,
	  "ids: 256 of web-3 does not fit into 8 server_id_bits: expected 0 to 255" },
	{ SERVER(", ids: [3,\n 18]"), 11, "ids: 18 of web-3 is already owned by web-2 on line 9" },
	{ SERVER(", ids: [3,\n 4,\n 3]"), 12,
	  "ids: 3 of web-3 is already owned by web-3 on line 10" },
	{ SERVER(", ids: [1], weight: 0"), 10,
	  "weight: 0 of web-3 is out of range: expected 1 to 1000" },
	{ SERVER(", ids: [1], weight: 1001"), 10, "weight: 1001 of web-3 is out of range" },
	{ SERVER(", ids: [1], peak_connections: 1048577"), 10,
	  "peak_connections: 1048577 of web-3 is more than its ids (1) allow: expected at most 1048576" },
	{ SERVER(", ids: [1, 2], peak_connections: 2097153"), 10, "expected at most 2097152" },
};

START_TEST(a_broken_member_is_refused)
{
	assert_all_refused(broken_member, ARRAY_SIZE(broken_member));
}
END_TEST

#define SERVICES(text) TOKEN SERVERS "services:\n  - {address: 198.51.100.1, port: 443}\n" text

static const struct broken broken_service[] = {
	{ SERVICES("  - {address: 198.51.100.1, port: 0}\n"), 12,
	  "port: 0 is out of range: expected 1 to 65535" },
	{ SERVICES("  - {address: 198.51.100.1, port: 65536}\n"), 12,
	  "port: 65536 is out of range" },
	{ SERVICES("  - {address: 198.51.100.1, port: 8000, port_last: 7999}\n"), 12,
	  "port_last: 7999 is out of range: expected 8000 to 65535" },
	{ SERVICES("  - {address: 198.51.100.1, port: 8000, port_last: 65536}\n"), 12,
	  "port_last: 65536 is out of range" },
	{ SERVICES("  - {address: 198.51.100.1, port: 8000, port_last: 0x1f41}\n"), 12,
	  "port_last: '0x1f41' is not a number" },
	{ SERVICES("  - {address: 198.51.100.1, port: 400, port_last: 443}\n"), 11,
	  "198.51.100.1 port 443 is already on line 12" },
	{ SERVICES("  - {address: 198.51.100.1, port: https}\n"), 12,
	  "port: 'https' is not a number" },
	{ SERVICES("  - {address: 198.51.100, port: 80}\n"), 12, "is not an address" },
	{ SERVICES("  - {address: 198.51.100.1, port: 443}\n"), 12,
	  "198.51.100.1 port 443 is already on line 11" },
	{ SERVICES("  - {address: 198.51.100.1, port: 80, servers: [web-1, frob]}\n"), 12,
	  "'frob' is no server" },
	{ SERVICES("  - {address: 198.51.100.1, port: 80, servers: [web-1, web-1]}\n"), 12,
	  "'web-1' is there twice" },
	{ SERVICES("  - {address: 198.51.100.1, port: 80, servers: []}\n"), 12,
	  "services[1].servers: the list is empty" },
	{ SERVICES("  - {address: 198.51.100.1, port: 80, servers: [lb]}\n"
		   "balancers:\n  - {name: lb, address: 192.0.2.1}\n"),
	  12, "'lb' is no server" },
};

START_TEST(a_broken_service_is_refused)
{
	assert_all_refused(broken_service, ARRAY_SIZE(broken_service));
}
END_TEST

START_TEST(services_may_share_a_port_or_an_address)
{
	struct mptcplb_farm *farm =
		load(TOKEN SERVERS "services:\n"
				   "  - {address: 198.51.100.2, port: 443}\n"
				   "  - {address: 198.51.100.1, port: 444, port_last: 500}\n"
				   "  - {address: 198.51.100.1, port: 443}\n"
				   "  - {address: \"2001:db8::1\", port: 443, port_last: 500}\n");

	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_uint_eq(farm->service_count, 4);
	ck_assert_uint_eq(farm->services[1].port_last, 500);
	mptcplb_farm_free(farm);
}
END_TEST

START_TEST(lists_may_be_empty_or_absent_where_a_farm_can_do_without)
{
	struct mptcplb_farm *farm = load(TOKEN SERVERS "balancers: []\nservices: []\n");

	ck_assert_msg(farm != NULL, "%s", error.text);
	ck_assert_uint_eq(farm->balancer_count, 0);
	ck_assert_uint_eq(farm->service_count, 0);
	mptcplb_farm_free(farm);
	farm = load(NAMED(NAME_63));
	ck_assert_msg(farm != NULL, "%s", error.text);
	mptcplb_farm_free(farm);
}
END_TEST

/* Any prefix of a file is refused or read, and never anything else. */
START_TEST(truncation_is_harmless)
{
	static const char text[] =
		TOKEN SERVERS "balancers:\n  - {name: lb, address: 192.0.2.1}\n"
			      "services:\n  - {address: 198.51.100.1, port: 443}\n";
	size_t refused = 0;

	for (size_t length = 0; length < sizeof(text); length++) {
		struct mptcplb_farm *farm = load_bytes(text, length);

		refused += !farm;
		ck_assert(farm || strncmp(error.text, farm_path, strlen(farm_path)) == 0);
		mptcplb_farm_free(farm);
	}
	ck_assert_uint_gt(refused, strlen(TOKEN));
}
END_TEST

START_TEST(deep_nesting_ends_early)
{
	size_t length = (size_t)1 << 20;
	char *text = malloc(length);

	ck_assert_ptr_nonnull(text);
	memset(text, '[', length);
	assert_error(load_bytes(text, length), 1, "nested deeper than 8");
	free(text);
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_message)
{
	char path[1024];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_ptr_null(mptcplb_farm_load(path, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "File name too long"));
}
END_TEST

/* A farm with all that a digest is made of, and what may become of it. */
#define DIGEST_TOKEN TOKEN "    - {epoch: 1, secret: " SECRET_1 "}\n"
#define DIGEST_WEB_1 "  - {name: web-1, address: 192.0.2.11, ids: [17, 18], peak_connections: 5}\n"
#define DIGEST_WEB_2 "  - {name: web-2, address: 192.0.2.12, ids: [19]}\n"
#define DIGEST_LB_1 "  - {name: lb-1, address: 192.0.2.1}\n"
#define DIGEST_LB_2 "  - {name: lb-2, address: 192.0.2.2}\n"
#define DIGEST_HTTP "  - {address: 198.51.100.1, port: 80, servers: [web-1, web-2]}\n"
#define DIGEST_HTTPS "  - {address: 198.51.100.1, port: 443, port_last: 444, servers: [web-1]}\n"
#define DIGEST_FARM                                                                                \
	DIGEST_TOKEN "servers:\n" DIGEST_WEB_1 DIGEST_WEB_2 "balancers:\n" DIGEST_LB_1 DIGEST_LB_2 \
		     "services:\n" DIGEST_HTTP DIGEST_HTTPS

#define DIGEST 0x0b5fe7dadf5c5244ULL

static uint64_t digest_of(const char *text)
{
	struct mptcplb_farm *farm = load(text);
	uint64_t digest;

	ck_assert_msg(farm != NULL, "%s", error.text);
	digest = mptcplb_farm_digest(farm);
	mptcplb_farm_free(farm);
	return digest;
}

START_TEST(a_digest_does_not_depend_on_the_order)
{
	/* Nor on the machine's byte order and word size: one of little-endian 64 bits said so. */
	ck_assert_uint_eq(digest_of(DIGEST_FARM), DIGEST);
	ck_assert_uint_eq(digest_of("services:\n" DIGEST_HTTPS
				    "  - {port: 80, address: 198.51.100.1}\n"
				    "balancers:\n" DIGEST_LB_2 DIGEST_LB_1
				    "servers:\n" DIGEST_WEB_2 DIGEST_WEB_1 DIGEST_TOKEN),
			  DIGEST);
}
END_TEST

START_TEST(a_digest_depends_on_each_value)
{
	static const struct {
		const char *from, *to;
	} edits[] = {
		{ "server_id_bits: 8", "server_id_bits: 9" },
		{ "epoch_bits: 1", "epoch_bits: 2" },
		{ "active: 0", "active: 1" },
		{ SECRET_0, "00000000000000000000000000000001" },
		{ SECRET_1, "3f1c7a52e0d94b8896a5c10b7e2d6f53" },
		{ "    - {epoch: 1, secret: " SECRET_1 "}\n", "" },
		{ "192.0.2.12", "192.0.2.13" },
		{ "[17, 18]", "[17, 20]" },
		{ "[17, 18]", "[17]" },
		{ "ids: [19]", "ids: [19], state: draining" },
		{ "ids: [19]", "ids: [19], weight: 99" },
		{ "peak_connections: 5", "peak_connections: 6" },
		{ "name: lb-2", "name: lb-3" },
		{ "192.0.2.2}", "192.0.2.3}" },
		{ "  - {name: lb-2, address: 192.0.2.2}\n", "" },
		{ "198.51.100.1, port: 80", "198.51.100.2, port: 80" },
		{ "port: 80", "port: 81" },
		{ "port_last: 444", "port_last: 445" },
		{ "[web-1]", "[web-2]" },
		{ DIGEST_HTTP, "" },
	};
	uint64_t digests[sizeof(edits) / sizeof(edits[0])];
	char text[2048];

	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		char from[1024] = DIGEST_FARM, *at;

		at = strstr(from, edits[i].from);
		ck_assert_msg(at != NULL, "%s", edits[i].from);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - from), from, edits[i].to,
			 at + strlen(edits[i].from));
		digests[i] = digest_of(text);
		ck_assert_msg(digests[i] != DIGEST, "%s", edits[i].to);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(digests[i] != digests[j], "%s", edits[i].to);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_full_farm_is_read,
		owners_names_and_services_are_found,
		states_have_names,
		nothing_can_be_freed,
		a_secret_file_is_read,
		a_secret_file_of_another_content_is_refused,
		a_secret_file_that_is_not_there_is_refused,
		a_secret_file_open_to_others_is_refused,
		a_farm_file_with_secrets_open_to_others_is_refused,
		a_farm_file_that_others_can_write_is_refused,
		what_is_no_file_is_refused,
		a_huge_file_is_refused,
		broken_yaml_is_refused,
		another_schema_is_refused,
		a_broken_token_section_is_refused,
		a_broken_member_is_refused,
		a_broken_service_is_refused,
		services_may_share_a_port_or_an_address,
		lists_may_be_empty_or_absent_where_a_farm_can_do_without,
		truncation_is_harmless,
		deep_nesting_ends_early,
		a_long_path_leaves_room_for_the_message,
		a_digest_does_not_depend_on_the_order,
		a_digest_depends_on_each_value,
		NULL,
	};
	int result;

	if (!mkdtemp(directory))
		return EXIT_FAILURE;
	snprintf(farm_path, sizeof(farm_path), "%s/farm.yaml", directory);
	snprintf(secret_path, sizeof(secret_path), "%s/epoch0.key", directory);
	result = run_suite("farm", tests);
	unlink(farm_path);
	unlink(secret_path);
	rmdir(directory);
	return result;
}
