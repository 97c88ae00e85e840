/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ptsh - the console over all tools. It has no power of its own: it runs their tables of commands, and edits the one file. Lines
 * come from a terminal, from -c, from files or from standard input.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "candidate.h"

static const char usage[] =
	"ptsh: the console of Patronus\n"
	"\n"
	"Usage: ptsh [OPTIONS] [FILE...]\n"
	"       ptsh tutorial\n"
	"\n"
	"`tutorial` is a guided first session, in a laboratory of its own.\n"
	"Without FILE and -c, lines come from the terminal or from standard input.\n"
	"\n"
	"  -c LINE          run this line; commands are parted by `;`\n"
	"  -e               end at the first command that fails\n"
	"  -f FILE          the common file\n"
	"  --strict         nothing may be shortened\n"
	"  -h, --help       this\n"
	"  -V, --version    version\n";

enum { STRICT = 256 };

static const struct option options[] = {
	{ "strict", no_argument, NULL, STRICT },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* `ptsh complete -- WORDS`: options that may stand in place of the last word; files are the shell's to complete. */
static int complete(int argc, char **argv)
{
	static const char first[] = "tutorial";
	static const char *const words[] = { "-c", "-e", "-f", "--strict", "--help", "--version", "-h", "-V" };
	const char *last = argc > 3 ? argv[argc - 1] : "", *before = argc > 4 ? argv[argc - 2] : "";

	if (argc <= 4 && !strncmp(first, last, strlen(last)))
		puts(first);
	for (size_t i = 0; last[0] == '-' && i < PT_ARRAY_SIZE(words); i++)
		if (!strncmp(words[i], last, strlen(last)) && strcmp(before, "-c") != 0 && strcmp(before, "-f") != 0)
			puts(words[i]);
	return PT_EXIT_OK;
}

static bool is_name(const char *s)
{
	return *s && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(s);
}

/* Several accounts may have one number: it is that of the login, if it has this number at all. */
static const struct passwd *account(void)
{
	const char *name = secure_getenv("LOGNAME");
	const struct passwd *p = name ? getpwnam(name) : NULL;

	return p && p->pw_uid == geteuid() ? p : getpwuid(geteuid());
}

/* Who became root; his groups count, and the log names him. */
static const struct passwd *sudoer(void)
{
	const char *number = geteuid() ? NULL : secure_getenv("SUDO_UID");
	uint64_t uid;

	return number && !pt_parse_uint(number, UINT32_MAX, &uid) && uid ? getpwuid((uid_t)uid) : NULL;
}

static void begin(struct console *c)
{
	const struct passwd *by = sudoer(), *p;

	(void)signal(SIGTSTP, SIG_IGN); /* there is no shell to go back to */
	(void)signal(SIGXFSZ, SIG_IGN); /* an error of write(2) will do */
	c->mode = &operate_mode;
	c->profile = profile_of_user(by);
	(void)snprintf(c->user, sizeof(c->user), "%s", by ? by->pw_name : "?");
	p = account();
	if (p && !by)
		(void)snprintf(c->user, sizeof(c->user), "%s", p->pw_name);
	(void)snprintf(c->home, sizeof(c->home), "%s", p ? p->pw_dir : "/");
	if (by && c->profile != PROFILE_ADMIN)
		c->home[0] = '\0'; /* root writes into no home that is another's */
	if (gethostname(c->host, sizeof(c->host) - 1))
		(void)snprintf(c->host, sizeof(c->host), "patronus");
	c->host[strcspn(c->host, ".")] = '\0';
	if (!is_name(c->host)) /* it stands on a terminal */
		(void)snprintf(c->host, sizeof(c->host), "patronus");
}

/* A script that ends with changes it did not commit did not do what it was for. */
static void leave(struct console *c, const char *name)
{
	if (c->candidate && candidate_differs(c->candidate)) {
		fprintf(stderr, "%s: it ends with changes that are not committed: they are forgotten\n", name);
		c->status = c->status ? c->status : PT_EXIT_CONFIG;
	}
	configure_end(c);
}

/* Each line by itself, with its place in messages. */
static int run_stream(struct console *c, FILE *f, const char *name)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	for (size_t number = 1; !c->ends && (n = getline(&line, &room, f)) >= 0; number++) {
		char at[4200];

		(void)snprintf(at, sizeof(at), "%s:%zu", name, number);
		if (n && line[n - 1] == '\n')
			n--;
		(void)line_run(c, line, (size_t)n, at);
		if (c->status && c->stops)
			break;
	}
	leave(c, name);
	free(line);
	return c->status;
}

static int run_file(struct console *c, const char *path)
{
	FILE *f = fopen(path, "re");
	int rc;

	if (!f) {
		fprintf(stderr, "ptsh: reading %s: %s\n", path, strerror(errno));
		return PT_EXIT_CONFIG;
	}
	rc = run_stream(c, f, path);
	(void)fclose(f);
	return rc;
}

/* Files are for those who may do everything: what one says is told in messages, also when it is no script. */
static int confine(const struct console *c, bool scripts)
{
	int rc = profile_confine(c);

	if (rc)
		fprintf(stderr, "ptsh: leaving the environment: %s\n", strerror(-rc));
	else if (scripts || c->file)
		fprintf(stderr, "ptsh: error: files are not permitted to %s\n", profile_name(c->profile));
	return rc || scripts || c->file ? PT_EXIT_PERM : 0;
}

int main(int argc, char **argv)
{
	struct console c = { 0 };
	const char *line = NULL;
	int opt, rc = 0;
	bool learns;

	if (argc > 2 && !strcmp(argv[1], "complete") && !strcmp(argv[2], "--"))
		return complete(argc, argv);
	while ((opt = getopt_long(argc, argv, "+c:ef:hV", options, NULL)) >= 0) {
		switch (opt) {
		case 'c':
			line = optarg;
			break;
		case 'e':
			c.stops = true;
			break;
		case 'f':
			c.file = optarg;
			break;
		case STRICT:
			c.strict = true;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return PT_EXIT_OK;
		case 'V':
			printf("ptsh (Patronus) %s\n", PT_VERSION);
			return PT_EXIT_OK;
		default:
			fprintf(stderr, "ptsh: see `ptsh -h`\n");
			return PT_EXIT_CONFIG;
		}
	}
	begin(&c);
	learns = !line && optind + 1 == argc && !strcmp(argv[optind], "tutorial");
	if (c.profile != PROFILE_ADMIN && confine(&c, optind < argc && !learns))
		return PT_EXIT_PERM;
	if (line) {
		(void)line_run(&c, line, strlen(line), NULL);
		leave(&c, "-c");
		return c.status;
	}
	if (learns)
		return tutorial_run(&c, NULL);
	for (int i = optind; i < argc && !c.ends; i++)
		rc = run_file(&c, argv[i]);
	if (optind < argc)
		return rc;
	c.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	c.piped = !isatty(STDIN_FILENO);
	return c.interactive ? input_run(&c) : run_stream(&c, stdin, "standard input");
}
