/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * console - how long a program on a terminal takes to its prompt, and to answer keys.
 *
 *   console STEPS PROGRAM [ARGUMENT...]
 *
 * STEPS is a file of lines "NAME KEYS", in KEYS \t \r \\ and \xHH; those called "-" are typed and not told. Prints "NAME WALL_MS
 * CPU_MS BYTES" for each of the others, and first one called "start". The clock is that of the last byte of the answer; the processor's
 * is the program's own, without what it starts.
 */
#include "lib/terminal.h"

static void unescape(const char *s, char *out)
{
	static const char names[] = "tr\\", means[] = "\t\r\\";

	while (*s && *s != '\n') {
		const char *name = *s == '\\' && s[1] ? strchr(names, s[1]) : NULL;
		unsigned int byte;

		if (name) {
			*out++ = means[name - names];
			s += 2;
		} else if (*s == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &byte) == 1) {
			*out++ = (char)byte;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static void tell(const struct terminal *t, const char *name)
{
	printf("%s %.3f %.3f %zu\n", name, t->wall, t->cpu, t->bytes);
}

static bool step(struct terminal *t, char *line)
{
	char keys[4096], *rest = strchr(line, ' ');

	if (!rest || strlen(rest) >= sizeof(keys))
		return false;
	*rest++ = '\0';
	unescape(rest, keys);
	if (!terminal_type(t, keys))
		return false;
	if (strcmp(line, "-") != 0)
		tell(t, line);
	if (getenv("CONSOLE_SHOW"))
		fprintf(stderr, "---- %s\n%.2000s\n", line, t->out);
	return true;
}

int main(int argc, char **argv)
{
	static struct terminal t;
	char line[4096];
	FILE *f = argc > 2 ? fopen(argv[1], "re") : NULL;
	int rc = 0;

	if (!f) {
		fprintf(stderr, "console: console STEPS PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	if (!terminal_open(&t, (const char *const *)argv + 2, 24, 80)) {
		fprintf(stderr, "console: %s has no prompt\n", argv[2]);
		return 1;
	}
	tell(&t, "start");
	while (!rc && fgets(line, sizeof(line), f))
		if (!step(&t, line)) {
			fprintf(stderr, "console: no answer to: %s\n", line);
			rc = 1;
		}
	(void)terminal_close(&t);
	(void)fclose(f);
	return rc;
}
