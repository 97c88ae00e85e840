/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diag/activity - files of /proc as numbers. Kernels add lines and columns, so what is not known is passed over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <patronus/activity.h>

const char *const pt_activity_spents[PT_SPENTS] = { "user", "nice", "system", "idle",
						    "iowait", "irq", "softirq", "steal" };

/* The number at *S, which stands behind it then; false: there is none, or it is too long to be one. */
static bool take_number(const char **s, int base, uint64_t *out)
{
	char *end;

	while (**s == ' ' || **s == '\t')
		(*s)++;
	if (**s == '-' || **s == '+' || **s == '\n')
		return false;
	errno = 0;
	*out = strtoull(*s, &end, base);
	if (end == *s || errno)
		return false;
	*s = end;
	return true;
}

/* "12.34" as 1234 */
static bool take_hundredths(const char **s, uint32_t *out)
{
	uint64_t whole, part = 0;

	if (!take_number(s, 10, &whole) || whole > UINT32_MAX / 100 - 1)
		return false;
	if (**s == '.') {
		const char *begin = ++*s;

		if (!take_number(s, 10, &part) || *s - begin != 2)
			return false;
	}
	*out = (uint32_t)(whole * 100 + part);
	return true;
}

/* Behind the newline, NULL at the end. */
static const char *next_line(const char *s)
{
	s = strchr(s, '\n');
	return s && s[1] ? s + 1 : NULL;
}

static int parse_stat(struct pt_activity *out, const char *text)
{
	for (const char *s = text; s; s = next_line(s)) {
		struct pt_activity_cpu cpu = { 0 };
		const char *at = s + 3;
		uint64_t n = 0;
		bool all;

		if (strncmp(s, "cpu", 3) != 0)
			continue;
		all = *at == ' ';
		if (!all && (!take_number(&at, 10, &n) || n > UINT32_MAX))
			continue;
		cpu.number = (uint32_t)n;
		for (size_t i = 0; i < PT_SPENTS && take_number(&at, 10, &cpu.spent[i]); i++)
			;
		if (all)
			out->all = cpu;
		else if (pt_vec_push(out->arena, &out->cpus, cpu))
			return -ENOMEM;
	}
	return 0;
}

static int parse_meminfo(struct pt_activity *out, const char *text)
{
	const struct {
		const char *key;
		uint64_t *to;
	} keys[] = { { "MemTotal:", &out->memory },
		     { "MemAvailable:", &out->memory_available },
		     { "SwapTotal:", &out->swap },
		     { "SwapFree:", &out->swap_free } };

	for (const char *s = text; s; s = next_line(s))
		for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++) {
			const char *at = s + strlen(keys[i].key);
			uint64_t n;

			if (!strncmp(s, keys[i].key, strlen(keys[i].key)) && take_number(&at, 10, &n) &&
			    n <= UINT64_MAX / 1024)
				*keys[i].to = n * 1024;
		}
	return 0;
}

static int parse_loadavg(struct pt_activity *out, const char *text)
{
	for (size_t i = 0; i < 3 && take_hundredths(&text, &out->load[i]); i++)
		;
	return 0;
}

static int parse_softnet(struct pt_activity *out, const char *text)
{
	for (const char *s = text; s; s = next_line(s)) {
		uint64_t done, dropped, squeezed;
		const char *at = s;

		if (!take_number(&at, 16, &done) || !take_number(&at, 16, &dropped) || !take_number(&at, 16, &squeezed))
			continue;
		out->softnet_dropped += dropped;
		out->softnet_squeezed += squeezed;
	}
	return 0;
}

static int parse_conntrack(struct pt_activity *out, const char *text)
{
	out->has_conntrack = take_number(&text, 10, &out->conntrack);
	return 0;
}

static int parse_conntrack_max(struct pt_activity *out, const char *text)
{
	(void)take_number(&text, 10, &out->conntrack_max);
	return 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void parse_pressure(struct pt_activity_pressure *out, const char *text)
{
	static const char *const keys[] = { "avg10=", "avg60=", "avg300=" };

	for (const char *s = text; s; s = next_line(s)) {
		bool some = !strncmp(s, "some ", 5);
		const char *at = s + 5;
		uint32_t *to = some ? out->some : out->full;

		if (!some && strncmp(s, "full ", 5) != 0)
			continue;
		for (size_t i = 0; i < PT_ARRAY_SIZE(keys) && !strncmp(at, keys[i], strlen(keys[i])); i++) {
			at += strlen(keys[i]);
			if (!take_hundredths(&at, &to[i]) || *at != ' ')
				break;
			at++;
			out->known = true;
		}
	}
}

int pt_activity_parse(struct pt_activity *out, enum pt_activity_file file, const char *text)
{
	static int (*const parsers[])(struct pt_activity *, const char *) = {
		[PT_ACTIVITY_STAT] = parse_stat, [PT_ACTIVITY_MEMINFO] = parse_meminfo,
		[PT_ACTIVITY_LOADAVG] = parse_loadavg, [PT_ACTIVITY_SOFTNET] = parse_softnet,
		[PT_ACTIVITY_CONNTRACK] = parse_conntrack, [PT_ACTIVITY_CONNTRACK_MAX] = parse_conntrack_max,
	};

	if (file < PT_ACTIVITY_PRESSURE)
		return parsers[file](out, text);
	if (file < PT_ACTIVITY_FILES)
		parse_pressure(&out->pressure[file - PT_ACTIVITY_PRESSURE], text);
	return 0;
}

/* "42 (name) S 1 ..." where the name may hold anything, parentheses and newlines among it: the last one ends it. */
bool pt_activity_parse_process(const char *text, struct pt_activity_process *out)
{
	enum { UTIME = 14, STIME = 15, STARTED = 22, RESIDENT = 24 };
	const char *begin = strchr(text, '('), *end = strrchr(text, ')'), *at = text;
	uint64_t pid, n, v[RESIDENT + 1] = { 0 };

	memset(out, 0, sizeof(*out));
	if (!begin || !end || end < begin || !take_number(&at, 10, &pid) || pid > INT32_MAX || end[1] != ' ' || !end[2])
		return false;
	n = (uint64_t)(end - begin - 1);
	memcpy(out->name, begin + 1, n < sizeof(out->name) ? n : sizeof(out->name) - 1);
	out->pid = (int)pid;
	out->state = end[2];
	at = end + 3;
	for (size_t i = 4; i <= RESIDENT; i++) {
		while (*at == ' ')
			at++;
		at += *at == '-'; /* such as the group of a terminal that is none */
		if (!take_number(&at, 10, &v[i]))
			return false;
	}
	out->ticks = v[UTIME] + v[STIME];
	out->started = v[STARTED];
	out->memory = v[RESIDENT] * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static int by_pid(const void *x, const void *y)
{
	const struct pt_activity_process *a = x, *b = y;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

uint64_t pt_activity_busy(const struct pt_activity *before, const struct pt_activity *after,
			  const struct pt_activity_process *p)
{
	uint64_t ns = after->when - before->when, hz = (uint64_t)sysconf(_SC_CLK_TCK), ticks = p->ticks;
	const struct pt_activity_process *old =
		before->processes.n ? bsearch(p, before->processes.v, before->processes.n, sizeof(*p), by_pid) : NULL;

	/* Another one may have its number by now. */
	if (old && old->started == p->started)
		ticks = old->ticks < ticks ? ticks - old->ticks : 0;
	return ns && hz ? (uint64_t)((double)ticks * 1e12 / (double)hz / (double)ns) : 0;
}
