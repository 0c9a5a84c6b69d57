// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Which fields a farm file has, and of what type: libcyaml's part of the work. */
#include "farm_private.h"

#include <cyaml/cyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/random.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
/* Deepest path: servers[0].ids[0]. */
#define PATH_MAX_STEPS 6

static const cyaml_schema_value_t number_schema = {
	CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t),
};

static const cyaml_schema_value_t name_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t epoch_fields[] = {
	CYAML_FIELD_UINT("epoch", CYAML_FLAG_DEFAULT, struct farm_raw_epoch, epoch),
	CYAML_FIELD_STRING_PTR("secret", CYAML_FLAG_OPTIONAL, struct farm_raw_epoch, secret, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("secret_file", CYAML_FLAG_OPTIONAL, struct farm_raw_epoch,
			       secret_file, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t epoch_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct farm_raw_epoch, epoch_fields),
};

static const cyaml_schema_field_t token_fields[] = {
	CYAML_FIELD_UINT("server_id_bits", CYAML_FLAG_DEFAULT, struct farm_raw_token,
			 server_id_bits),
	CYAML_FIELD_UINT("epoch_bits", CYAML_FLAG_DEFAULT, struct farm_raw_token, epoch_bits),
	CYAML_FIELD_UINT("active", CYAML_FLAG_DEFAULT, struct farm_raw_token, active),
	CYAML_FIELD_SEQUENCE("epochs", CYAML_FLAG_POINTER, struct farm_raw_token, epochs,
			     &epoch_schema, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_strval_t states[] = {
	{ "up", MPTCPLB_FARM_UP },
	{ "draining", MPTCPLB_FARM_DRAINING },
	{ "down", MPTCPLB_FARM_DOWN },
};

static const cyaml_schema_field_t server_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_DEFAULT, struct farm_raw_server, name, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_DEFAULT, struct farm_raw_server, address, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("ids", CYAML_FLAG_POINTER, struct farm_raw_server, ids, &number_schema,
			     1, CYAML_UNLIMITED),
	CYAML_FIELD_ENUM("state", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct farm_raw_server,
			 state, states, ARRAY_SIZE(states)),
	CYAML_FIELD_UINT_PTR("weight", CYAML_FLAG_OPTIONAL, struct farm_raw_server, weight),
	CYAML_FIELD_UINT_PTR("peak_connections", CYAML_FLAG_OPTIONAL, struct farm_raw_server,
			     peak_connections),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t server_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct farm_raw_server, server_fields),
};

static const cyaml_schema_field_t balancer_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_DEFAULT, struct farm_raw_balancer, name, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_DEFAULT, struct farm_raw_balancer, address, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t balancer_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct farm_raw_balancer, balancer_fields),
};

static const cyaml_schema_field_t service_fields[] = {
	CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_DEFAULT, struct farm_raw_service, address, 0,
			       CYAML_UNLIMITED),
	CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, struct farm_raw_service, port),
	CYAML_FIELD_UINT_PTR("port_last", CYAML_FLAG_OPTIONAL, struct farm_raw_service, port_last),
	CYAML_FIELD_SEQUENCE("servers", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER,
			     struct farm_raw_service, servers, &name_schema, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t service_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct farm_raw_service, service_fields),
};

static const cyaml_schema_field_t farm_fields[] = {
	CYAML_FIELD_MAPPING("token", CYAML_FLAG_DEFAULT, struct farm_raw, token, token_fields),
	CYAML_FIELD_SEQUENCE("servers", CYAML_FLAG_POINTER, struct farm_raw, servers,
			     &server_schema, 1, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("balancers", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct farm_raw,
			     balancers, &balancer_schema, 0, CYAML_UNLIMITED),
	CYAML_FIELD_SEQUENCE("services", CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, struct farm_raw,
			     services, &service_schema, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t farm_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct farm_raw, farm_fields),
};

/* In front of each block that libcyaml allocates; as large as any type's alignment. */
union block {
	size_t capacity;
	max_align_t alignment;
};

/*
 * libcyaml's memory, wiped when it is freed or moved, since it holds secrets. libcyaml grows a
 * list by one element at a time, hence the doubling.
 */
static void *allocate(void *context, void *pointer, size_t size)
{
	union block *old = pointer ? (union block *)pointer - 1 : NULL;
	union block *new = NULL;
	size_t capacity = 16;

	(void)context;
	if (old && size && size <= old->capacity)
		return pointer;
	if (size) {
		while (capacity < size)
			capacity *= 2;
		new = malloc(sizeof(*new) + capacity);
		if (!new)
			return NULL;
		new->capacity = capacity;
		if (old)
			memcpy(new + 1, old + 1, old->capacity);
	}
	if (old) {
		mptcplb_wipe(old + 1, old->capacity);
		free(old);
	}
	return new ? new + 1 : NULL;
}

/* What libcyaml logs of an error: a message, then where it was, innermost first. */
struct report {
	char message[160];
	struct {
		char field[32]; /* empty: an entry of a list */
		unsigned int entry; /* from 1 */
	} steps[PATH_MAX_STEPS];
	size_t step_count;
};

static void catch_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
	struct report *report = context;
	char line[256];
	size_t i = report->step_count;

	(void)level;
	vsnprintf(line, sizeof(line), format, arguments);
	if (strncmp(line, "Load: ", 6) == 0) {
		if (!report->message[0])
			snprintf(report->message, sizeof(report->message), "%.*s",
				 (int)strcspn(line + 6, "\n"), line + 6);
		return;
	}
	if (i == PATH_MAX_STEPS)
		return;
	report->step_count +=
		sscanf(line, " in mapping field '%31[^']'", report->steps[i].field) == 1 ||
		sscanf(line, " in sequence entry '%u'", &report->steps[i].entry) == 1;
}

/* The path of the first @count outer steps as text, and the schema of what is there. */
static const cyaml_schema_value_t *report_path(const struct report *report, size_t count,
					       char *path, size_t size)
{
	const cyaml_schema_value_t *schema = &farm_schema;
	size_t used = 0;

	path[0] = '\0';
	for (size_t i = report->step_count; i > report->step_count - count; i--) {
		const char *field = report->steps[i - 1].field;
		const cyaml_schema_field_t *found;

		if (!field[0]) {
			used += (size_t)snprintf(path + used, size - used, "[%u]",
						 report->steps[i - 1].entry - 1);
			schema = schema->sequence.entry;
			continue;
		}
		used += (size_t)snprintf(path + used, size - used, "%s%s", used ? "." : "", field);
		for (found = schema->mapping.fields; strcmp(found->key, field) != 0; found++)
			;
		schema = &found->value;
	}
	return schema;
}

static void list_fields(const cyaml_schema_value_t *schema, char *text, size_t size)
{
	size_t used = 0;

	for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
					 field->key);
}

static const char *kind_text(const char *word)
{
	if (strncmp(word, "MAPPING", 7) == 0)
		return "a mapping";
	if (strncmp(word, "SEQUENCE", 8) == 0)
		return "a list";
	if (strncmp(word, "UINT", 4) == 0)
		return "a number";
	if (strncmp(word, "SCALAR", 6) == 0)
		return "a single value";
	return "a text";
}

/* A field that should not be there, or one that should: said of the mapping around the error. */
static int fail_field(struct farm_load *load, const struct report *report, size_t depth,
		      const char *format, const char *field)
{
	const cyaml_schema_value_t *schema;
	char path[128], expected[128], problem[128];
	size_t line;

	schema = report_path(report, depth, path, sizeof(path));
	list_fields(schema, expected, sizeof(expected));
	snprintf(problem, sizeof(problem), format, FARM_QUOTE(field));
	line = farm_line(load, "%s%s%.32s", path, path[0] ? "." : "", field);
	return farm_fail(load, line, "%s%s%s: expected %s", path, path[0] ? ": " : "", problem,
			 expected);
}

static int fail_schema(struct farm_load *load, const struct report *report, cyaml_err_t error)
{
	static const char unexpected[] = "Unexpected key: ";
	static const char missing[] = "Missing required mapping field: ";
	static const char enumeration[] = "Invalid ENUM value: ";
	const char *message = report->message;
	char path[128], expected[16], found[32];
	size_t depth = report->step_count;
	/* libcyaml counts the field read before as a step, unless none was. */
	size_t outer = depth && report->steps[0].field[0] ? depth - 1 : depth;
	size_t line;

	if (strncmp(message, unexpected, sizeof(unexpected) - 1) == 0)
		return fail_field(load, report, outer, "unknown field %s",
				  message + sizeof(unexpected) - 1);
	if (strncmp(message, missing, sizeof(missing) - 1) == 0)
		return fail_field(load, report, outer, "the field %s is missing",
				  message + sizeof(missing) - 1);
	if (error == CYAML_ERR_SEQUENCE_ENTRIES_MIN) {
		report_path(report, depth - 1, path, sizeof(path));
		return farm_fail(load, farm_line(load, "%s", path),
				 "%s: the list is empty: expected at least one entry", path);
	}
	report_path(report, depth, path, sizeof(path));
	line = farm_line(load, "%s", path);
	if (strncmp(message, enumeration, sizeof(enumeration) - 1) == 0)
		return farm_fail(load, line, "%s: %s is unknown: expected up, draining or down",
				 path, FARM_QUOTE(message + sizeof(enumeration) - 1));
	if (sscanf(message, "Expecting %15[A-Z], got event: %31[A-Z_]", expected, found) == 2)
		return farm_fail(load, line, "%s: expected %s, found %s",
				 path[0] ? path : "the file", kind_text(expected),
				 kind_text(found));
	return farm_fail(load, line, "%s: %s", path[0] ? path : "the file", cyaml_strerror(error));
}

int farm_schema_load(struct farm_load *load, struct farm_raw **raw, const struct farm_text *text)
{
	struct report report = { 0 };
	const cyaml_config_t config = {
		.log_fn = catch_log,
		.log_ctx = &report,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = allocate,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	cyaml_data_t *data = NULL;
	cyaml_err_t error;

	error = cyaml_load_data(text->bytes, text->length, &config, &farm_schema, &data, NULL);
	if (error == CYAML_ERR_OOM)
		return farm_fail_memory(load);
	if (error)
		return fail_schema(load, &report, error);
	*raw = data;
	return 0;
}

void farm_schema_free(struct farm_raw *raw)
{
	const cyaml_config_t config = { .mem_fn = allocate };

	if (raw)
		cyaml_free(&config, &farm_schema, raw, 0);
}
