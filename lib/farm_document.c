// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The text as a tree of YAML nodes that know their lines. What libcyaml would let pass is refused
 * here: duplicate keys, numbers such as 0443 (octal) and 3x, NUL inside a text, a second document.
 */
#include "farm_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mptcplb/random.h>

/* Deepest nesting of a farm file is 5; libyaml takes quadratic time in the depth. */
#define DEPTH_MAX 8
/* More fields than any mapping of a farm file has: in so many, one is unknown or there twice. */
#define FIELDS_MAX 16

static const char *const number_fields[] = {
	"server_id_bits", "epoch_bits",	      "active", "epoch",     "ids",
	"weight",	  "peak_connections", "port",	"port_last",
};

/* How many lines end before an offset. */
static size_t count_lines(const struct farm_text *text, size_t offset)
{
	size_t lines = 0;

	for (size_t i = 0; i < offset && i < text->length; i++)
		lines += text->bytes[i] == '\n';
	return lines;
}

/* Where the parser gave up. Its reader knows an offset; behind the end there is no line. */
static size_t syntax_line(const yaml_parser_t *parser, const struct farm_text *text)
{
	size_t last = count_lines(text, text->length ? text->length - 1 : 0);
	size_t line = parser->problem_mark.line;

	if (parser->error == YAML_READER_ERROR)
		line = count_lines(text, parser->problem_offset);
	return (line < last ? line : last) + 1;
}

static int fail_syntax(struct farm_load *load, const yaml_parser_t *parser,
		       const struct farm_text *text)
{
	const char *problem = parser->problem ? parser->problem : "syntax error";
	size_t line = syntax_line(parser, text);
	size_t start;

	if (parser->error == YAML_MEMORY_ERROR)
		return farm_fail_memory(load);
	start = parser->context_mark.line + 1;
	/* what starts behind the end has no line either */
	if (!parser->context || start > line)
		return farm_fail(load, line, "not valid YAML: %s", problem);
	return farm_fail(load, line, "not valid YAML: %s that starts on line %zu: %s",
			 parser->context, start, problem);
}

static int check_event(struct farm_load *load, const yaml_event_t *event, int *depth,
		       int *documents)
{
	size_t line = event->start_mark.line + 1;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++*documents > 1)
			return farm_fail(load, line, "a second YAML document: expected one");
		return 0;
	case YAML_ALIAS_EVENT:
		return farm_fail(load, line, "a YAML alias (*name): expected a value");
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++*depth > DEPTH_MAX)
			return farm_fail(load, line, "nested deeper than %d levels", DEPTH_MAX);
		return 0;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		return 0;
	case YAML_SCALAR_EVENT:
		if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
			return farm_fail(load, line, "a value with a zero byte in it");
		return 0;
	default:
		return 0;
	}
}

/* A first pass over the whole text, which bounds what the later ones can meet. */
static int check_events(struct farm_load *load, yaml_parser_t *parser, const struct farm_text *text)
{
	int depth = 0;
	int documents = 0;
	int error = 0;
	int end = 0;

	while (!error && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event))
			return fail_syntax(load, parser, text);
		end = event.type == YAML_STREAM_END_EVENT;
		error = check_event(load, &event, &depth, &documents);
		yaml_event_delete(&event);
	}
	return error;
}

static const char *scalar_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static int check_number(struct farm_load *load, const char *field, const yaml_node_t *node)
{
	const char *text = scalar_text(node);
	size_t length;

	if (!text)
		return 0; /* the schema will say what is wrong */
	length = strlen(text);
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || length == 0 ||
	    strspn(text, "0123456789") != length || (text[0] == '0' && length > 1))
		return farm_fail(load, node->start_mark.line + 1,
				 "%s: %s is not a number: expected decimal digits, no leading zero",
				 field, FARM_QUOTE(text));
	if (length > 10 || strtoull(text, NULL, 10) > UINT32_MAX)
		return farm_fail(load, node->start_mark.line + 1,
				 "%s: %s is too large: expected at most %u", field,
				 FARM_QUOTE(text), UINT32_MAX);
	return 0;
}

static int check_numbers(struct farm_load *load, const char *field, const yaml_node_t *node)
{
	int error = 0;
	size_t i;

	for (i = 0; i < sizeof(number_fields) / sizeof(number_fields[0]); i++) {
		if (strcmp(field, number_fields[i]) == 0)
			break;
	}
	if (i == sizeof(number_fields) / sizeof(number_fields[0]))
		return 0;
	if (node->type != YAML_SEQUENCE_NODE)
		return check_number(load, field, node);
	for (const yaml_node_item_t *item = node->data.sequence.items.start;
	     !error && item < node->data.sequence.items.top; item++)
		error = check_number(load, field, yaml_document_get_node(&load->document, *item));
	return error;
}

/* The field of a mapping among the pairs before @end, or NULL. */
static const yaml_node_pair_t *find_field(yaml_document_t *document, const yaml_node_t *mapping,
					  const yaml_node_pair_t *end, const char *field,
					  size_t length)
{
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < end; pair++) {
		const char *key = scalar_text(yaml_document_get_node(document, pair->key));

		if (key && strlen(key) == length && memcmp(key, field, length) == 0)
			return pair;
	}
	return NULL;
}

static int check_mapping(struct farm_load *load, const yaml_node_t *mapping)
{
	const yaml_node_pair_t *start = mapping->data.mapping.pairs.start;
	int error = 0;

	for (const yaml_node_pair_t *pair = start;
	     !error && pair < mapping->data.mapping.pairs.top && pair - start < FIELDS_MAX;
	     pair++) {
		const yaml_node_t *key = yaml_document_get_node(&load->document, pair->key);
		const char *field = scalar_text(key);
		const yaml_node_pair_t *twin;

		if (!field)
			return farm_fail(load, key->start_mark.line + 1,
					 "the key of a field is not a text");
		twin = find_field(&load->document, mapping, pair, field, strlen(field));
		if (twin)
			return farm_fail(load, key->start_mark.line + 1,
					 "the field %s is already on line %zu", FARM_QUOTE(field),
					 yaml_document_get_node(&load->document, twin->key)
							 ->start_mark.line +
						 1);
		error = check_numbers(load, field,
				      yaml_document_get_node(&load->document, pair->value));
	}
	return error;
}

static int check_nodes(struct farm_load *load)
{
	int error = 0;

	if (!yaml_document_get_root_node(&load->document))
		return farm_fail(load, 1,
				 "the file is empty: expected the fields token and servers");
	for (const yaml_node_t *node = load->document.nodes.start;
	     !error && node < load->document.nodes.top; node++) {
		if (node->type == YAML_MAPPING_NODE)
			error = check_mapping(load, node);
	}
	return error;
}

/* One pass of a parser over the text: the check of its events, or the making of the document. */
static int parse(struct farm_load *load, const struct farm_text *text, int make_document)
{
	yaml_parser_t parser;
	int error;

	if (!yaml_parser_initialize(&parser))
		return farm_fail_memory(load);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, text->bytes, text->length);
	if (!make_document)
		error = check_events(load, &parser, text);
	else
		error = yaml_parser_load(&parser, &load->document)
				? 0
				: fail_syntax(load, &parser, text);
	mptcplb_wipe(parser.buffer.start, (size_t)(parser.buffer.end - parser.buffer.start));
	mptcplb_wipe(parser.raw_buffer.start,
		     (size_t)(parser.raw_buffer.end - parser.raw_buffer.start));
	yaml_parser_delete(&parser);
	return error;
}

int farm_document_parse(struct farm_load *load, const struct farm_text *text)
{
	int error = parse(load, text, 0);

	if (error)
		return error;
	error = parse(load, text, 1);
	if (error)
		return error;
	error = check_nodes(load);
	if (error)
		farm_document_wipe(&load->document);
	return error;
}

void farm_document_wipe(yaml_document_t *document)
{
	for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++) {
		if (node->type == YAML_SCALAR_NODE)
			mptcplb_wipe(node->data.scalar.value, node->data.scalar.length);
	}
	yaml_document_delete(document);
}

/* One step of a path: "[3]", "name" or ".name". Moves @path on; returns NULL at its end. */
static const yaml_node_t *path_step(yaml_document_t *document, const yaml_node_t *node,
				    const char **path, size_t *line)
{
	const yaml_node_pair_t *pair;
	size_t length;

	if (**path == '[') {
		char *end;
		size_t index = strtoul(*path + 1, &end, 10);

		*path = end + 1;
		if (node->type != YAML_SEQUENCE_NODE ||
		    index >= (size_t)(node->data.sequence.items.top -
				      node->data.sequence.items.start))
			return NULL;
		node = yaml_document_get_node(document, node->data.sequence.items.start[index]);
		*line = node->start_mark.line + 1;
		return node;
	}
	*path += **path == '.';
	length = strcspn(*path, ".[");
	if (length == 0 || node->type != YAML_MAPPING_NODE)
		return NULL;
	pair = find_field(document, node, node->data.mapping.pairs.top, *path, length);
	if (!pair)
		return NULL;
	*path += length;
	*line = yaml_document_get_node(document, pair->key)->start_mark.line + 1;
	return yaml_document_get_node(document, pair->value);
}

size_t farm_line(struct farm_load *load, const char *format, ...)
{
	const yaml_node_t *node = yaml_document_get_root_node(&load->document);
	char text[256];
	const char *path = text;
	size_t line = node->start_mark.line + 1;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	while (node && *path)
		node = path_step(&load->document, node, &path, &line);
	return line;
}
