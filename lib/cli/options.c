/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of all tools: one table gives their parsing, their help and their completion. */
#include <errno.h>
#include <string.h>

#include "cli/internal.h"

#define FLAG(field)                                                            \
	static int set_##field(struct pt_cli *c, const char *value)            \
	{                                                                      \
		(void)value;                                                   \
		c->field = true;                                               \
		return 0;                                                      \
	}

#define TEXT(field)                                                            \
	static int set_##field(struct pt_cli *c, const char *value)            \
	{                                                                      \
		c->field = value;                                              \
		return 0;                                                      \
	}

FLAG(json)
FLAG(line)
FLAG(brief)
FLAG(details)
FLAG(dry)
FLAG(kernel)
FLAG(open)
FLAG(quiet)
FLAG(force)
FLAG(enforce)
FLAG(meaning)
FLAG(strict)
FLAG(steal)
FLAG(release)
FLAG(watch)
TEXT(file)
TEXT(input)
TEXT(timeout)
TEXT(netns)
TEXT(engine)
TEXT(batch)
TEXT(store)
TEXT(pcap)
TEXT(size)
TEXT(bytes)
TEXT(confirm)
TEXT(comment)
TEXT(state)

static int set_probe(struct pt_cli *c, const char *value)
{
	return pt_vec_push(NULL, &c->probes, value);
}

static int set_pretty(struct pt_cli *c, const char *value)
{
	(void)value;
	c->json = c->pretty = true;
	return 0;
}

static int set_stats(struct pt_cli *c, const char *value)
{
	(void)value;
	c->stats++;
	return 0;
}

static int set_verbose(struct pt_cli *c, const char *value)
{
	(void)value;
	c->verbose++;
	return 0;
}

static int set_inet(struct pt_cli *c, const char *value)
{
	(void)value;
	c->af = PT_AF_INET;
	return 0;
}

static int set_inet6(struct pt_cli *c, const char *value)
{
	(void)value;
	c->af = PT_AF_INET6;
	return 0;
}

/* Addresses are never resolved to names; -N is taken for the habit of it. */
static int set_numeric(struct pt_cli *c, const char *value)
{
	(void)c;
	(void)value;
	return 0;
}

static int set_colour(struct pt_cli *c, const char *value)
{
	static const char *const modes[] = { "never", "auto", "always" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(value, modes[i])) {
			c->colour = i - 1;
			return 0;
		}
	pt_err_add(&c->err, PT_ERROR, NULL, "auto, always or never", "-c=%s is no mode of colour", value);
	return -EINVAL;
}

const struct cli_option cli_options[] = {
	{ 'j', "json", NULL, PT_CLI_JSON, "JSON", set_json },
	{ 'p', "pretty", NULL, PT_CLI_JSON, "JSON, indented", set_pretty },
	{ 'o', "oneline", NULL, PT_CLI_LINE, "one line a record", set_line },
	{ 'b', "brief", NULL, PT_CLI_BRIEF, "brief", set_brief },
	{ 's', "statistics", NULL, PT_CLI_STATS, "with counters", set_stats },
	{ 'd', "details", NULL, PT_CLI_DETAILS, "with details", set_details },
	{ '4', NULL, NULL, PT_CLI_FAMILY, "IPv4 only", set_inet },
	{ '6', NULL, NULL, PT_CLI_FAMILY, "IPv6 only", set_inet6 },
	{ 'n', "dry-run", NULL, PT_CLI_DRY, "print what would change, change nothing", set_dry },
	{ 'f', NULL, "FILE", PT_CLI_FILE, "the common file, - for standard input", set_file },
	{ 0, "file", "FILE", PT_CLI_INPUT, "addresses, rules or packets from a file, - for standard input", set_input },
	{ 0, "timeout", "TIME", PT_CLI_TIMEOUT, "how long added addresses stay, such as 1h30m", set_timeout },
	{ 0, "kernel", NULL, PT_CLI_KERNEL, "let the kernel try the rules too, in a namespace of their own", set_kernel },
	{ 0, "engine", "ENGINE", PT_CLI_ENGINE, "who judges arriving packets: auto, bpf, nft or linear", set_engine },
	{ 0, "meaning", NULL, PT_CLI_MEANING, "what changes for packets, instead of for rules", set_meaning },
	{ 0, "enforce", NULL, PT_CLI_ENFORCE, "end the states that the rules would not admit now", set_enforce },
	{ 0, "open", NULL, PT_CLI_OPEN, "pass everything instead of blocking everything", set_open },
	{ 0, "store", "PATH", PT_CLI_STORE, "the folder of the log, or one pcapng file", set_store },
	{ 0, "pcap", "FILE", PT_CLI_PCAP, "write the packets to a pcapng file, - for standard output", set_pcap },
	{ 0, "size", "SIZE", PT_CLI_SIZE, "of all files of the log, such as 64M", set_size },
	{ 0, "bytes", "N", PT_CLI_BYTES, "how much of each packet is kept", set_bytes },
	{ 0, "confirm", "TIME", PT_CLI_CONFIRM, "undo it unless it is confirmed within TIME, such as 120 or 5m", set_confirm },
	{ 0, "strict", NULL, PT_CLI_CONFIRM, "only another session can confirm it", set_strict },
	{ 0, "probe", "PROBE", PT_CLI_CONFIRM, "confirm it when PROBE answers: \"tcp 192.0.2.1:22\", \"icmp 192.0.2.1\"", set_probe },
	{ 0, "comment", "TEXT", PT_CLI_COMMENT, "what the history says of it", set_comment },
	{ 0, "state", "FOLDER", PT_CLI_STATE, "where the history is, instead of /var/lib/patronus", set_state },
	{ 0, "steal", NULL, PT_CLI_LOCK, "take the lock from whoever holds it", set_steal },
	{ 0, "release", NULL, PT_CLI_LOCK, "give the lock back", set_release },
	{ 0, "watch", NULL, PT_CLI_WATCH, "go on, and tell what happens as it does", set_watch },
	{ 'N', "numeric", NULL, PT_CLI_ALWAYS, "never resolve addresses (the default)", set_numeric },
	{ 'c', "color", "[=auto|always|never]", PT_CLI_ALWAYS, "colour", set_colour },
	{ 'q', "quiet", NULL, PT_CLI_ALWAYS, "no messages of success", set_quiet },
	{ 'v', "verbose", NULL, PT_CLI_VERBOSE, "tell the steps too", set_verbose },
	{ 0, "netns", "NAME", PT_CLI_ALWAYS, "act in that network namespace", set_netns },
	{ 0, "batch", "FILE", PT_CLI_ALWAYS, "commands from a file, one a line, or questions to one", set_batch },
	{ 0, "force", NULL, PT_CLI_ALWAYS, "go on after an error in a batch, or where the command says so", set_force },
	{ 'h', "help", NULL, PT_CLI_ALWAYS, "help", NULL },
	{ 'V', "version", NULL, PT_CLI_ALWAYS, "version", NULL },
	{ 0, NULL, NULL, 0, NULL, NULL },
};

static const struct cli_option *by_letter(char letter)
{
	for (const struct cli_option *o = cli_options; o->help; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static const struct cli_option *by_name(const char *name, size_t n)
{
	for (const struct cli_option *o = cli_options; o->help; o++)
		if (o->name && strlen(o->name) == n && !memcmp(o->name, name, n))
			return o;
	return NULL;
}

static int unknown(struct pt_cli *c, const char *word)
{
	struct pt_buf hint = { 0 };

	pt_buf_fmt(&hint, "see `%s -h`", c->tool->name);
	pt_err_add(&c->err, PT_ERROR, NULL, hint.s, "unknown option %s", word);
	pt_buf_fini(&hint);
	return -EINVAL;
}

/* 1: help or version is asked for, and wins over everything else. */
static int apply(struct pt_cli *c, const struct cli_option *o, const char *value)
{
	if (!o->set)
		return o->letter == 'h' ? 1 : 2;
	c->given |= o->bit;
	return o->set(c, value);
}

static int missing(struct pt_cli *c, const struct cli_option *o, const char *word)
{
	pt_err_add(&c->err, PT_ERROR, NULL, NULL, "option %s needs a value: %s", word, o->arg);
	return -EINVAL;
}

/* --name, --name=value, --name value; *I moves when a word is taken. */
static int long_option(struct pt_cli *c, size_t argc, char **argv, size_t *i)
{
	const char *word = argv[*i], *equal = strchr(word, '=');
	const struct cli_option *o = by_name(word + 2, equal ? (size_t)(equal - word - 2) : strlen(word + 2));
	const char *value = equal ? equal + 1 : NULL;

	if (!o)
		return unknown(c, word);
	if (!o->arg)
		return value ? unknown(c, word) : apply(c, o, NULL);
	if (o->arg[0] == '[')
		return apply(c, o, value ? value : "always");
	if (!value) {
		if (*i + 1 >= argc)
			return missing(c, o, word);
		value = argv[++*i];
	}
	return apply(c, o, value);
}

/* -sj, -f FILE, -fFILE, -c=always */
static int letters(struct pt_cli *c, size_t argc, char **argv, size_t *i)
{
	const char *word = argv[*i];
	int rc = 0;

	for (const char *p = word + 1; *p && !rc; p++) {
		const struct cli_option *o = by_letter(*p);

		if (!o)
			return unknown(c, word);
		if (!o->arg) {
			rc = apply(c, o, NULL);
			continue;
		}
		if (o->arg[0] == '[')
			return p[1] == '=' ? apply(c, o, p + 2) : p[1] ? unknown(c, word) : apply(c, o, "always");
		if (p[1])
			return apply(c, o, p + 1);
		if (*i + 1 >= argc)
			return missing(c, o, word);
		return apply(c, o, argv[++*i]);
	}
	return rc;
}

const struct cli_option *cli_option_waits(const char *word)
{
	const struct cli_option *o = NULL;

	if (word[0] != '-' || !word[1])
		return NULL;
	if (word[1] == '-')
		o = by_name(word + 2, strlen(word + 2));
	for (const char *p = word + 1; word[1] != '-' && *p; p++) {
		o = by_letter(*p);
		if (!o || (o->arg && p[1])) /* unknown, or its value is here */
			return NULL;
	}
	return o && o->arg && o->arg[0] != '[' ? o : NULL;
}

int cli_options_parse(struct pt_cli *c, size_t argc, char **argv, struct cli_words *words)
{
	int rc = 0;

	for (size_t i = 1; i < argc && !rc; i++) {
		if (!words->ended && !strcmp(argv[i], "--")) {
			words->ended = true;
			words->literal = words->n;
		} else if (words->ended || argv[i][0] != '-' || !argv[i][1]) {
			rc = pt_vec_push(NULL, words, argv[i]);
		} else if (argv[i][1] == '-') {
			rc = long_option(c, argc, argv, &i);
		} else {
			rc = letters(c, argc, argv, &i);
		}
	}
	return rc;
}
