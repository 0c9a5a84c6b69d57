/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a farm file becomes a farm. The text is read (farm_read.c), parsed into a tree that knows
 * its lines (farm_document.c), loaded into the structs below by libcyaml (farm_schema.c), and
 * then checked and indexed (farm_keyring.c, farm_members.c, farm_services.c).
 *
 * Functions that return int give 0, or -1 after farm_fail() said why.
 */
#ifndef MPTCPLB_LIB_FARM_PRIVATE_H
#define MPTCPLB_LIB_FARM_PRIVATE_H

#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include <mptcplb/farm.h>

/* Largest farm file and largest secret file, in bytes. */
#define FARM_FILE_MAX ((size_t)4 << 20)
#define FARM_SECRET_FILE_MAX ((size_t)4096)

/* What is in the file, before any check of values. Pointers to numbers are NULL when absent. */
struct farm_raw_epoch {
	uint32_t epoch;
	char *secret;
	char *secret_file;
};

struct farm_raw_token {
	uint32_t server_id_bits;
	uint32_t epoch_bits;
	uint32_t active;
	struct farm_raw_epoch *epochs;
	uint32_t epochs_count;
};

struct farm_raw_server {
	char *name;
	char *address;
	uint32_t *ids;
	uint32_t ids_count;
	int state;
	uint32_t *weight;
	uint32_t *peak_connections;
};

struct farm_raw_balancer {
	char *name;
	char *address;
};

struct farm_raw_service {
	char *address;
	uint32_t port;
	uint32_t *port_last;
	char **servers; /* NULL: all */
	uint32_t servers_count;
};

struct farm_raw {
	struct farm_raw_token token;
	struct farm_raw_server *servers;
	uint32_t servers_count;
	struct farm_raw_balancer *balancers;
	uint32_t balancers_count;
	struct farm_raw_service *services;
	uint32_t services_count;
};

/* Who owns an id; sorted by id. */
struct farm_owner {
	uint32_t id;
	uint32_t server; /* index into the farm's servers */
	uint32_t position; /* index into the server's ids, as the file has them */
};

/* A server or balancer by name; sorted by name. */
struct farm_name {
	const char *name;
	uint32_t index; /* into the farm's servers, or, above them, balancers */
};

/* The farm that callers see, with what finds its parts and owns its memory. */
struct farm {
	struct mptcplb_farm public;
	struct farm_raw *raw; /* names and ids of the public farm point into it */
	struct farm_name *names; /* server_count + balancer_count */
	struct farm_owner *owners;
	size_t owner_count;
	uint32_t *every_server; /* 0, 1, …: the servers of services that name none */
};

/* A load under way. */
struct farm_load {
	const char *path;
	struct mptcplb_farm_error *error;
	yaml_document_t document;
	struct farm *farm;
};

/* The bytes of a file. */
struct farm_text {
	uint8_t *bytes;
	size_t length;
	unsigned int mode; /* permission bits */
};

/*
 * Set the error text to "FILE:LINE: message", or "FILE: message" when @line is 0. Returns -1.
 */
__attribute__((format(printf, 3, 4))) int farm_fail(struct farm_load *load, size_t line,
						    const char *format, ...);

int farm_fail_memory(struct farm_load *load);

/* A value from a file as an error text may show it: short, printable, and never a secret. */
struct farm_quoted {
	char text[48];
};

const char *farm_quote(struct farm_quoted *quoted, const char *value);

#define FARM_QUOTE(value) farm_quote(&(struct farm_quoted){ "" }, value)

/*
 * Read a regular file of at most @limit bytes. Returns NULL, or what is wrong, as words that
 * follow the file's name; @buffer is room for them.
 */
const char *farm_read(struct farm_text *text, const char *path, size_t limit, char buffer[128]);

void farm_text_wipe(struct farm_text *text);

/* Whether others than owner and group can read or write a file of this mode. */
int farm_mode_open_to_others(unsigned int mode);

/* Parse the text; after success the document is to be wiped with farm_document_wipe(). */
int farm_document_parse(struct farm_load *load, const struct farm_text *text);

void farm_document_wipe(yaml_document_t *document);

/*
 * The line of a node by its path, e.g. farm_line(load, "servers[%zu].ids[%zu]", i, j); of a
 * mapping's field it is the line of the key. What is absent has the line of what holds it.
 */
__attribute__((format(printf, 2, 3))) size_t farm_line(struct farm_load *load, const char *format,
						       ...);

/* Load the text into a new farm_raw with libcyaml. */
int farm_schema_load(struct farm_load *load, struct farm_raw **raw, const struct farm_text *text);

/* Wipe and free. NULL is allowed. */
void farm_schema_free(struct farm_raw *raw);

/* Check the token section and fill the keyring. @mode is that of the farm file. */
int farm_keyring_load(struct farm_load *load, unsigned int mode);

/* Check servers and balancers, and fill the farm's arrays of them, its names and its owners. */
int farm_members_load(struct farm_load *load);

/* Check services and fill the farm's array of them; after farm_members_load(). */
int farm_services_load(struct farm_load *load);

/* Read an address that a member or service can have; @line is that of the address. */
int farm_address_parse(struct farm_load *load, size_t line, struct mptcplb_farm_address *address,
		       const char *text);

/* Order of addresses: version, then bytes. */
int farm_address_compare(const struct mptcplb_farm_address *a,
			 const struct mptcplb_farm_address *b);

/* The member of a name: an index below server_count is a server. NULL when there is none. */
const struct farm_name *farm_name_find(const struct farm *farm, const char *name);

#endif
