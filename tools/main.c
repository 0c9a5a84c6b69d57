// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* mptcplb-tool: the table of commands, and the command line that they share. */
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct command {
	const char *words; /* one or two */
	command_run *run;
	const char *description;
	const char *operands; /* NULL: none; else at least one */
	unsigned int needs; /* OPTION_* that must be given */
	unsigned int takes; /* others that may be */
} commands[] = {
	{ "genkey", cmd_genkey, "make a secret for an epoch: 32 hex digits", NULL, 0, 0 },
	{ "check", cmd_check, "check a farm file and sum it up", NULL, OPTION_CONFIG, OPTION_JSON },
	{ "token decode", cmd_token_decode, "tell whose tokens these are", "TOKEN…", OPTION_CONFIG,
	  OPTION_JSON },
	{ "token generate", cmd_token_generate, "make tokens of a server", NULL,
	  OPTION_CONFIG | OPTION_SERVER, OPTION_NONCE | OPTION_COUNT | OPTION_JSON },
	{ "key derive", cmd_key_derive, "give the token and IDSN of MPTCP keys", "KEY…",
	  OPTION_MODE, OPTION_CONFIG | OPTION_JSON },
	{ "key generate", cmd_key_generate, "make MPTCP keys whose token is of a server", NULL,
	  OPTION_CONFIG | OPTION_SERVER | OPTION_MODE, OPTION_COUNT | OPTION_JSON },
	{ "option decode", cmd_option_decode, "read the options of a TCP header", "HEX…", 0,
	  OPTION_JSON },
	{ "pcap", cmd_pcap, "list the MPTCP connections of a capture", "FILE|-", 0,
	  OPTION_CONFIG | OPTION_OPTIONS | OPTION_JSON },
	{ "simulate", cmd_simulate, "count what random tokens cost a farm, and what ours do", NULL,
	  0,
	  OPTION_SERVERS | OPTION_CONNECTIONS | OPTION_BALANCERS | OPTION_ROUNDS | OPTION_CHURN |
		  OPTION_SEED | OPTION_JSON },
};

static const struct {
	struct option option;
	const char *argument;
	const char *description;
} options[] = {
	{ { "config", required_argument, NULL, OPTION_CONFIG },
	  "FILE",
	  "the farm file (docs/farm-file.md)" },
	{ { "server", required_argument, NULL, OPTION_SERVER },
	  "NAME|ID",
	  "a server of the farm, with all its ids, or one server id" },
	{ { "nonce", required_argument, NULL, OPTION_NONCE },
	  "N",
	  "count nonces up from N, in the server's lowest id; otherwise they are random" },
	{ { "count", required_argument, NULL, OPTION_COUNT }, "N", "how many; 1 by default" },
	{ { "mode", required_argument, NULL, OPTION_MODE },
	  "MODE",
	  "how a key gives its token: rfc8684 or implicit" },
	{ { "options", no_argument, NULL, OPTION_OPTIONS },
	  "",
	  "list each MPTCP option of each packet instead" },
	{ { "servers", required_argument, NULL, OPTION_SERVERS },
	  "N",
	  "how many; 1000 by default" },
	{ { "connections", required_argument, NULL, OPTION_CONNECTIONS },
	  "N",
	  "how many are live at any time; 1000000 by default" },
	{ { "balancers", required_argument, NULL, OPTION_BALANCERS },
	  "N",
	  "how many; 4 by default" },
	{ { "rounds", required_argument, NULL, OPTION_ROUNDS },
	  "N",
	  "how often every connection opens a join; once by default" },
	{ { "churn", required_argument, NULL, OPTION_CHURN },
	  "PERCENT",
	  "how many connections are replaced before each further round; 10 by default" },
	{ { "seed", required_argument, NULL, OPTION_SEED },
	  "N",
	  "what the random numbers depend on; 1 by default" },
	{ { "json", no_argument, NULL, OPTION_JSON }, "", "print JSON, one object a line" },
};

/* Options whose argument is a number, and what it may be. */
static const struct {
	unsigned int option;
	uint32_t min;
	uint32_t max;
	size_t offset; /* in struct arguments */
} numbers[] = {
	{ OPTION_NONCE, 0, UINT32_MAX, offsetof(struct arguments, nonce) },
	{ OPTION_COUNT, 1, 1000000, offsetof(struct arguments, count) },
	{ OPTION_SERVERS, 1, 1 << 20, offsetof(struct arguments, servers) },
	{ OPTION_CONNECTIONS, 1, UINT32_MAX, offsetof(struct arguments, connections) },
	{ OPTION_BALANCERS, 1, 1 << 20, offsetof(struct arguments, balancers) },
	{ OPTION_ROUNDS, 1, 1000000, offsetof(struct arguments, rounds) },
	{ OPTION_CHURN, 0, 100, offsetof(struct arguments, churn) },
	{ OPTION_SEED, 0, UINT32_MAX, offsetof(struct arguments, seed) },
};

static const struct arguments defaults = {
	.count = 1,
	.servers = 1000,
	.connections = 1000000,
	.balancers = 4,
	.rounds = 1,
	.churn = 10,
	.seed = 1,
};

static void print_help(FILE *stream)
{
	fprintf(stream, "Usage: mptcplb-tool COMMAND [OPTION…] …\n\n"
			"MPTCP tokens that name their server.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stream, "  %-16s %s\n", commands[i].words, commands[i].description);
	fprintf(stream, "\nmptcplb-tool COMMAND --help tells its options; --version the version.\n"
			"Exit codes: 0 fine, 1 the operation failed, 2 wrong command line.\n");
}

static int print_command_help(const struct command *command)
{
	unsigned int all = command->needs | command->takes;

	printf("Usage: mptcplb-tool %s", command->words);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		bool needed = command->needs & (unsigned int)options[i].option.val;

		if (all & (unsigned int)options[i].option.val)
			printf(" %s--%s%s%s%s", needed ? "" : "[", options[i].option.name,
			       options[i].argument[0] ? " " : "", options[i].argument,
			       needed ? "" : "]");
	}
	printf("%s%s\n\nTo %s.\n\n", command->operands ? " " : "",
	       command->operands ? command->operands : "", command->description);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char text[32];

		snprintf(text, sizeof(text), "--%s %s", options[i].option.name,
			 options[i].argument);
		if (all & (unsigned int)options[i].option.val)
			printf("  %-18s %s\n", text, options[i].description);
	}
	return TOOL_FINE;
}

static int take_number(struct arguments *arguments, const char *name, unsigned int option,
		       const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint32_t *number = (uint32_t *)((char *)arguments + numbers[i].offset);

		if (numbers[i].option != option)
			continue;
		if (!parse_number(number, value, numbers[i].max) || *number < numbers[i].min)
			return fail_usage("--%s: '%s' is not a number from %" PRIu32 " to %" PRIu32,
					  name, value, numbers[i].min, numbers[i].max);
	}
	return TOOL_FINE;
}

static int take_option(struct arguments *arguments, const char **config,
		       const struct option *option, const char *value)
{
	switch (option->val) {
	case OPTION_CONFIG:
		*config = value;
		return TOOL_FINE;
	case OPTION_SERVER:
		arguments->server = value;
		return TOOL_FINE;
	case OPTION_MODE:
		if (mptcplb_mode_from_name(&arguments->mode, value))
			return fail_usage("--mode: '%s' is no mode: expected rfc8684 or implicit",
					  value);
		return TOOL_FINE;
	default:
		return take_number(arguments, option->name, (unsigned int)option->val, value);
	}
}

static int check_needs(const struct command *command, const struct arguments *arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		unsigned int option = (unsigned int)options[i].option.val;

		if (command->needs & ~arguments->given & option)
			return fail_usage("%s: --%s is missing", command->words,
					  options[i].option.name);
	}
	if (command->operands && arguments->operand_count == 0)
		return fail_usage("%s: expected %s", command->words, command->operands);
	/* What a stray operand is does not show: it may be a secret. */
	if (!command->operands && arguments->operand_count > 0)
		return fail_usage("%s: takes no arguments beside options", command->words);
	return TOOL_FINE;
}

/* Run it with the farm of the file, if there is one. */
static int run_with_farm(const struct command *command, struct arguments *arguments,
			 const char *config)
{
	struct mptcplb_farm_error error;
	struct mptcplb_farm *farm = NULL;
	int result;

	if (config) {
		farm = mptcplb_farm_load(config, &error);
		if (!farm)
			return fail("%s", error.text);
	}
	arguments->farm = farm;
	result = command->run(arguments);
	mptcplb_farm_free(farm);
	return result;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct option known[ARRAY_SIZE(options) + 2] = { { "help", no_argument, NULL, 'h' } };
	struct arguments arguments = defaults;
	const char *config = NULL;
	size_t known_count = 1;
	int option, error, place;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if ((command->needs | command->takes) & (unsigned int)options[i].option.val)
			known[known_count++] = options[i].option;
	}
	while ((option = getopt_long(argc, argv, "h", known, &place)) != -1) {
		if (option == 'h')
			return print_command_help(command);
		if (option == '?')
			return fail_usage("%s: wrong option", command->words);
		if (arguments.given & (unsigned int)option)
			return fail_usage("%s: an option is there twice", command->words);
		error = take_option(&arguments, &config, &known[place], optarg);
		if (error)
			return error;
		arguments.given |= (unsigned int)option;
	}
	arguments.operands = argv + optind;
	arguments.operand_count = argc - optind;
	error = check_needs(command, &arguments);
	return error ? error : run_with_farm(command, &arguments, config);
}

static bool is_help(const char *argument)
{
	return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;
}

/* The help of all commands whose first of two words is this one. Returns how many there are. */
static size_t print_group_help(const char *word)
{
	const size_t length = strlen(word);
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strncmp(commands[i].words, word, length) != 0 ||
		    commands[i].words[length] != ' ')
			continue;
		if (count++)
			putchar('\n');
		print_command_help(&commands[i]);
	}
	return count;
}

/* How many arguments a command's words take up: 0 when it is another command. */
static int match_words(const struct command *command, int argc, char **argv)
{
	const char *second = strchr(command->words, ' ');
	size_t length = strcspn(command->words, " ");

	if (argc < 2 || strlen(argv[1]) != length || memcmp(argv[1], command->words, length) != 0)
		return 0;
	if (!second)
		return 1;
	return argc > 2 && strcmp(argv[2], second + 1) == 0 ? 2 : 0;
}

static size_t common_start(const char *a, const char *b)
{
	size_t length = 0;

	while (a[length] && a[length] == b[length])
		length++;
	return length;
}

/* Name the commands that start most like the word. What looks like a secret does not show. */
static int fail_unknown(const char *word)
{
	const char *shown =
		strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word) ? word : "…";
	char meant[256] = "";
	size_t longest = 2;
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		size_t common = common_start(commands[i].words, word);

		if (common < longest)
			continue;
		if (common > longest)
			used = 0;
		longest = common;
		used += (size_t)snprintf(meant + used, sizeof(meant) - used, "%s%s",
					 used ? ", " : ": did you mean ", commands[i].words);
	}
	return fail_usage("no command '%.16s'%s%s", shown, meant, meant[0] ? "?" : "");
}

/* Secrets pass through this process: keep them out of core dumps. */
static void forbid_core_dumps(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static int dispatch(int argc, char **argv)
{
	if (argc >= 2 && is_help(argv[1])) {
		print_help(stdout);
		return TOOL_FINE;
	}
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		printf("mptcplb-tool %s\n", MPTCPLB_VERSION);
		return TOOL_FINE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		int words = match_words(&commands[i], argc, argv);

		if (words) {
			argv[words] = argv[0];
			return run_command(&commands[i], argc - words, argv + words);
		}
	}
	if (argc == 3 && is_help(argv[2]) && print_group_help(argv[1]) > 0)
		return TOOL_FINE;
	if (argc >= 2)
		return fail_unknown(argv[1]);
	print_help(stderr);
	return TOOL_USAGE;
}

int main(int argc, char **argv)
{
	int result;

	forbid_core_dumps();
	result = dispatch(argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fail("cannot write to standard output");
	return result;
}
