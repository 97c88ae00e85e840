/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag capture: packets off the wire or out of a file: on a line each, kept, counted, one connection joined. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <patronus/sandbox.h>

#include "capture.h"

#define TOP 10
#define SHORT 256 /* bytes of an expression that libpcap has read at once */
#define LIMIT ((uint64_t)1 << 20)

static const char *const directions[] = { "both", "in", "out", NULL };

const struct pt_cli_word capture_words[] = {
	{ "on", PT_CLI_DEVICE, offsetof(struct capture_words, on), "DEVICE[,DEVICE...]",
	  "these devices; without it, or any: all", 0, 0, NULL },
	{ "direction", PT_CLI_CHOICE, offsetof(struct capture_words, direction), "in|out|both",
	  "only what comes in, or goes out", 0, 0, directions },
	{ "count", PT_CLI_COUNT, offsetof(struct capture_words, count), "N", "end after N packets", 1, UINT64_MAX,
	  NULL },
	{ "time", PT_CLI_SECONDS, offsetof(struct capture_words, time), "TIME", "end after this time", 1, 31536000,
	  NULL },
	{ "size", PT_CLI_TEXT, offsetof(struct capture_words, size), "SIZE",
	  "end after so many bytes of packets, such as 10M", 0, 0, NULL },
	{ "snap", PT_CLI_COUNT, offsetof(struct capture_words, snap), "BYTES", "take so much of each packet: 262144",
	  14, PT_CAPTURE_SNAP, NULL },
	{ "promiscuous", PT_CLI_FLAG, offsetof(struct capture_words, promiscuous), NULL, "what is for others, too", 0,
	  0, NULL },
	{ "buffer", PT_CLI_TEXT, offsetof(struct capture_words, buffer), "SIZE",
	  "room in the kernel for each device: 16M", 0, 0, NULL },
	{ "own", PT_CLI_FLAG, offsetof(struct capture_words, own), NULL,
	  "also the packets of the SSH session that this runs in", 0, 0, NULL },
	{ "write", PT_CLI_PATH, offsetof(struct capture_words, write), "FILE",
	  "into a new pcapng file; - is standard output", 0, 0, NULL },
	{ "files", PT_CLI_COUNT, offsetof(struct capture_words, files), "N", "into a ring of FILE.1 … FILE.N", 2,
	  PT_CAPTURE_FILES, NULL },
	{ "file-size", PT_CLI_TEXT, offsetof(struct capture_words, file_size), "SIZE",
	  "of one of them, before the next", 0, 0, NULL },
	{ "file-time", PT_CLI_SECONDS, offsetof(struct capture_words, file_time), "TIME",
	  "of one of them, before the next", 1, 31536000, NULL },
	{ "rules", PT_CLI_FLAG, offsetof(struct capture_words, rules), NULL,
	  "which rule decides about each, as the evaluator answers", 0, 0, NULL },
	{ "read", PT_CLI_PATH, offsetof(struct capture_words, read), "FILE",
	  "packets of a pcap or pcapng file, not of the wire", 0, 0, NULL },
	{ "show", PT_CLI_FLAG, offsetof(struct capture_words, show), NULL, "a line a packet, also with write", 0, 0,
	  NULL },
	{ "quiet", PT_CLI_FLAG, offsetof(struct capture_words, quiet), NULL, "only the summary", 0, 0, NULL },
	{ "hex", PT_CLI_FLAG, offsetof(struct capture_words, hex), NULL, "the bytes of each, too", 0, 0, NULL },
	{ "top", PT_CLI_COUNT, offsetof(struct capture_words, top), "N", "flows in the summary: 10", 0, PT_FLOWS_MAX,
	  NULL },
	{ "stream", PT_CLI_FLAG, offsetof(struct capture_words, stream), NULL,
	  "the bytes of one connection of TCP, in their order", 0, 0, NULL },
	{ "number", PT_CLI_COUNT, offsetof(struct capture_words, number), "N", "which of them: 1, the first one met", 1,
	  4096, NULL },
	{ "limit", PT_CLI_COUNT, offsetof(struct capture_words, limit), "BYTES", "of a stream that are shown: 1048576",
	  1, UINT64_MAX, NULL },
	{ "filter", PT_CLI_REST, offsetof(struct capture_words, filter), "EXPRESSION",
	  "of pcap-filter(7), to the end of the line", 0, 0, NULL },
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

/* ---- words ---- */

static int read_size(struct pt_cli *c, const char *name, const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	static const char units[] = "KMG";
	char digits[24] = "";
	size_t n = s ? strlen(s) : 0;
	const char *unit = n ? strchr(units, s[n - 1]) : NULL;
	unsigned int shift = unit ? (unsigned int)(unit - units + 1) * 10 : 0;
	uint64_t v;

	if (!s)
		return 0;
	n -= unit != NULL;
	if (n && n < sizeof(digits)) {
		(void)snprintf(digits, sizeof(digits), "%.*s", (int)n, s);
		if (!pt_parse_uint(digits, UINT64_MAX >> shift, &v) && v << shift >= min && v << shift <= max) {
			*out = v << shift;
			return 0;
		}
	}
	return pt_cli_usage(c, "%s %s: not a size from %llu to %llu bytes; 10M is one", name, s,
			    (unsigned long long)min, (unsigned long long)max);
}

/* Words that say nothing together with another. */
static int check_words(struct pt_cli *c, const struct capture_words *w)
{
	const struct {
		bool wrong;
		const char *why;
	} wrong[] = {
		{ w->read && (w->on || w->promiscuous || w->buffer || w->own || w->time || w->snap != PT_CAPTURE_SNAP),
		  "on, promiscuous, buffer, own, time and snap are of the wire: a file that is read has its packets "
		  "already" },
		{ w->read && w->rules, "rules needs packets of now: the rules of a file's time are not known" },
		{ w->files && !w->write, "files needs write" },
		{ w->files && !w->file_size && !w->file_time,
		  "files needs file-size or file-time: when the next one begins" },
		{ !w->files && (w->file_size || w->file_time), "file-size and file-time need files: how many" },
		{ w->files && w->write && !strcmp(w->write, "-"), "standard output is one file: no files" },
		{ w->stream && (w->show || w->rules), "stream shows a connection, not packets: no show, no rules" },
		{ w->write && !strcmp(w->write, "-") && (w->show || w->stream || c->json),
		  "standard output has the packets: no show, stream or -j" },
		{ w->write && !strcmp(w->write, "-") && isatty(STDOUT_FILENO),
		  "standard output is a terminal, and a capture no text" },
		{ w->quiet && w->show, "quiet and show are opposites" },
		{ !w->stream && w->number != 1, "number is of stream" },
	};

	for (size_t i = 0; i < PT_ARRAY_SIZE(wrong); i++)
		if (wrong[i].wrong)
			return pt_cli_usage(c, "%s", wrong[i].why);
	return 0;
}

/* The four words of SSH_CONNECTION as a filter; the environment is anybody's. */
static void own_filter(struct capture_run *r, struct pt_buf *b)
{
	const char *s = getenv("SSH_CONNECTION");
	char word[4][64] = { "" };
	uint64_t ports[2];
	struct pt_addr a;

	for (size_t i = 0; s && i < 4; i++) {
		size_t n = strcspn(s, " ");

		memcpy(word[i], s, n < 63 ? n : 63);
		word[i][strcspn(word[i], "%")] = '\0'; /* of a link-local address */
		s = s[n] ? s + n + 1 : NULL;
	}
	if (pt_addr_parse(word[0], &a) || pt_addr_parse(word[2], &a) || pt_parse_uint(word[1], 65535, &ports[0]) ||
	    pt_parse_uint(word[3], 65535, &ports[1]))
		return;
	pt_buf_fmt(b, "not (tcp and host %s and host %s and port %s and port %s)", word[0], word[2], word[1], word[3]);
	r->own_left_out = true;
}

/* Ours first: a `vlan` in an expression moves what stands behind it. */
static int make_filter(struct capture_run *r)
{
	struct pt_cli *c = r->c;
	struct pt_buf *b = &r->filter;

	if (!r->w.own && !r->w.read)
		own_filter(r, b);
	if (c->af)
		pt_buf_fmt(b, "%s%s", b->n ? " and " : "", c->af == PT_AF_INET6 ? "ip6" : "(ip or arp)");
	if (r->w.filter) {
		pt_buf_fmt(b, "%s", b->n ? " and (" : "");
		for (size_t i = r->w.filter; i < c->argc; i++)
			pt_buf_fmt(b, "%s%s", i > r->w.filter ? " " : "", c->argv[i]);
		pt_buf_fmt(b, "%s", r->own_left_out || c->af ? ")" : "");
	}
	return b->err ? pt_err_sys(&c->err, b->err, "making the filter") : 0;
}

/* ---- each packet ---- */

static bool lines(const struct capture_run *r)
{
	return r->o && !r->w.quiet && !r->w.stream && (!r->w.write || r->w.show);
}

/* Of a pipe whose reader has seen enough nothing is told. */
static int kept(struct capture_run *r, int rc)
{
	if (rc && rc != -EPIPE && !r->keeping_failed) {
		r->keeping_failed = true;
		pt_err_sys(&r->c->err, rc, "writing %s", r->w.write);
	}
	return rc;
}

static int on_packet(const struct pt_capture_packet *p, void *arg)
{
	struct capture_judged judgements, *judged = NULL;
	struct capture_run *r = arg;
	struct pt_flow *flow;
	struct pt_seen s;
	int rc;

	pt_seen_read(p->link, p->data, p->n, &s);
	flow = pt_flows_add(r->flows, p, &s, &rc);
	if (!rc && r->rules && flow && capture_rules_judge(r->rules, flow, p, &s, &judgements))
		judged = &judgements;
	if (!rc && r->writer)
		rc = kept(r, pt_capture_writer_add(r->writer, p, judged ? judged->records : NULL));
	if (!rc && r->join) {
		rc = pt_join_add(r->join, p->time, &s);
		if (!rc && pt_join_ends(r->join)->ended)
			rc = -ECANCELED;
	}
	if (!rc && lines(r)) {
		capture_show(r, p, &s, judged);
		rc = pt_out_failed(r->o);
	}
	r->packets++;
	r->bytes += p->size;
	if (!rc && ((r->w.count && r->packets >= r->w.count) || (r->size && r->bytes >= r->size)))
		rc = -ECANCELED;
	return rc;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Nothing waits: what was held back for speed goes out. */
static int on_pause(void *arg)
{
	struct capture_run *r = arg;
	int rc = r->writer ? kept(r, pt_capture_writer_flush(r->writer)) : 0;

	if (!rc && r->o)
		rc = pt_out_flush(r->o);
	if (r->w.write && !r->w.show && !r->c->quiet && isatty(STDERR_FILENO) && now_ns() - r->shown_at > 500000000) {
		r->shown_at = now_ns();
		(void)fprintf(stderr, "\r%llu packet%s, %llu byte%s\033[K", (unsigned long long)r->packets,
			      pt_plural(r->packets), (unsigned long long)r->bytes, pt_plural(r->bytes));
	}
	return rc;
}

/* ---- what is needed ---- */

static int begin_keeping(struct capture_run *r, struct pt_capture_keep *k)
{
	int rc = read_size(r->c, "file-size", r->w.file_size, 4096, (uint64_t)1 << 40, &k->size);

	k->files = (uint32_t)r->w.files;
	k->time = (uint64_t)r->w.file_time * 1000000000;
	k->about = r->rules ? capture_rules_about(r->rules) : NULL;
	return rc || !r->w.write ? rc : pt_capture_writer_new(k, &r->writer, &r->c->err);
}

/* What is read is open already: where that fails no file is made. */
static int begin(struct capture_run *r, struct pt_capture_keep *k)
{
	int rc = r->w.rules ? capture_rules_new(&r->rules, &r->c->err) : 0;

	if (!rc)
		rc = begin_keeping(r, k);
	if (rc)
		return rc;
	r->flows = pt_flows_new();
	r->join = r->w.stream ? pt_join_new(r->w.number, capture_stream_on, r) : NULL;
	if (!r->w.write || strcmp(r->w.write, "-"))
		r->o = pt_cli_monitor(r->c, "patronus.capture.v1", "events");
	else
		r->w.quiet = true;
	tzset(); /* its file cannot be read later */
	return r->flows && (r->join || !r->w.stream) && (r->o || (r->w.write && !strcmp(r->w.write, "-"))) ? 0 :
	       pt_err_sys(&r->c->err, -ENOMEM, "beginning the capture");
}

/* ---- from the wire ---- */

static int read_devices(struct capture_run *r, struct pt_capture_options *o, char *names, size_t size)
{
	size_t n = r->w.on ? strlen(r->w.on) : 0;
	char *save = NULL;

	if (n >= size)
		return pt_cli_usage(r->c, "on: too many devices");
	memcpy(names, r->w.on ? r->w.on : "", n + 1);
	for (char *s = strtok_r(names, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		if (o->n_devices >= PT_CAPTURE_DEVICES)
			return pt_cli_usage(r->c, "on: more than %d devices; any has all", PT_CAPTURE_DEVICES);
		if (strlen(s) >= PT_LOG_DEVICE_MAX)
			return pt_cli_usage(r->c, "on %s: not the name of a device", s);
		for (size_t i = 0; i < o->n_devices; i++)
			if (!strcmp(o->devices[i], s))
				return pt_cli_usage(r->c, "on: %s stands there twice", s);
		o->devices[o->n_devices++] = s;
	}
	for (size_t i = 0; i < o->n_devices && o->n_devices > 1; i++)
		if (!strcmp(o->devices[i], "any"))
			return pt_cli_usage(r->c, "on: any has all devices, no other beside it");
	if (!o->n_devices && r->w.on)
		return pt_cli_usage(r->c, "on: no device");
	if (!o->n_devices)
		o->devices[o->n_devices++] = "any";
	return 0;
}

static void say_left_out(const struct capture_run *r)
{
	if (r->own_left_out && !r->c->quiet)
		(void)fputs("ptdiag: packets of this SSH session are left out; the word own shows them\n", stderr);
}

static int confine(struct capture_run *r)
{
	/* Open files are emptied, or cut where a disk is full; the evaluator reads settings of devices. */
	unsigned int may = (r->writer ? PT_SANDBOX_RESIZE : 0u) | (r->rules ? PT_SANDBOX_READ : 0u);

	return r->c->nested ? 0 : pt_sandbox(may, &r->c->err);
}

static int run_wire(struct capture_run *r, struct pt_capture *cap, int stop_fd)
{
	uint64_t until = r->w.time ? now_ns() + (uint64_t)r->w.time * 1000000000 : 0;
	uint64_t seen;
	int rc = confine(r);

	if (!rc) {
		say_left_out(r);
		rc = pt_capture_run(cap, stop_fd, until, on_packet, on_pause, r, &r->c->err);
	}
	pt_capture_counts(cap, &seen, &r->dropped);
	return rc;
}

static int capture_wire(struct capture_run *r)
{
	char names[PT_CAPTURE_DEVICES * PT_LOG_DEVICE_MAX];
	struct pt_capture_options o = { .snap = (uint32_t)r->w.snap,
					.buffer = PT_CAPTURE_BUFFER,
					.promiscuous = r->w.promiscuous,
					.dir = (enum pt_dir)r->w.direction,
					.filter = r->filter.n ? r->filter.s : NULL };
	struct pt_capture_keep k = { .path = r->w.write };
	struct pt_capture *cap = NULL;
	int rc = read_devices(r, &o, names, sizeof(names)), stop_fd = -1;

	if (!rc)
		rc = read_size(r->c, "buffer", r->w.buffer, 1 << 20, (uint64_t)1 << 30, &o.buffer);
	if (!rc)
		rc = pt_capture_open(&o, &cap, &r->c->err);
	for (size_t i = 0; !rc && i < o.n_devices; i++)
		k.devices[k.n_devices++] = (struct pt_capture_device){ o.devices[i], pt_capture_link(cap, i) };
	if (!rc)
		rc = begin(r, &k);
	if (!rc) {
		stop_fd = pt_cli_signals(r->c);
		rc = stop_fd < 0 ? stop_fd : run_wire(r, cap, stop_fd);
	}
	pt_capture_close(cap);
	if (stop_fd >= 0)
		close(stop_fd);
	return rc == -ETIME ? -ECANCELED : rc;
}

/* ---- from a file ---- */

static const uint16_t file_links[] = { PT_LINK_ETHERNET, PT_LINK_COOKED,  PT_LINK_COOKED2, PT_LINK_RAW, PT_LINK_IP4,
				       PT_LINK_IP6,	 PT_LINK_RAW_BSD, PT_LINK_NULL,	   PT_LINK_LOOP };

_Static_assert(PT_ARRAY_SIZE(file_links) == CAPTURE_LINKS, "a filter for each");

static bool make_filter_for(struct capture_run *r, size_t i, struct pt_err *e)
{
	r->tried[i] = true;
	return !pt_capture_filter_new(r->filter.s, file_links[i], PT_CAPTURE_SNAP, NULL, &r->filters[i], e);
}

/*
 * A file may have packets of several links, each with its own code for the filter, and an expression may be wrong for
 * some of them. libpcap is loaded, and names of hosts are asked for, while that is allowed; long ones, which take their
 * time, are made for what is met.
 */
static int make_file_filters(struct capture_run *r)
{
	struct pt_err others = { 0 };
	bool some = make_filter_for(r, 0, &others);

	for (size_t i = 1; i < CAPTURE_LINKS && (!some || r->filter.n < SHORT); i++)
		some |= make_filter_for(r, i, &others);
	pt_err_fini(&others);
	if (some)
		return 0;
	return pt_capture_filter_new(r->filter.s, file_links[0], PT_CAPTURE_SNAP, NULL, &r->filters[0], &r->c->err);
}

static bool meets_filter(struct capture_run *r, const struct pt_capture_packet *p)
{
	struct pt_err not_for_it = { 0 };
	size_t i = 0;

	if (r->w.direction && (unsigned int)p->dir != r->w.direction)
		return false;
	if (!r->filter.n)
		return true;
	while (i < CAPTURE_LINKS && file_links[i] != p->link)
		i++;
	if (i < CAPTURE_LINKS && !r->tried[i])
		(void)make_filter_for(r, i, &not_for_it);
	pt_err_fini(&not_for_it);
	if (i < CAPTURE_LINKS && r->filters[i])
		return pt_capture_filter_match(r->filters[i], p);
	r->unfiltered++;
	return false;
}

static int read_packets(struct capture_run *r, struct pt_capture_reader *reader)
{
	struct pt_capture_packet p;
	int rc;

	while ((rc = pt_capture_reader_next(reader, &p)) > 0) {
		rc = meets_filter(r, &p) ? on_packet(&p, r) : 0;
		if (rc)
			return rc;
	}
	if (r->unfiltered)
		pt_err_add(&r->c->err, PT_WARNING, NULL, NULL,
			   "%llu packet%s left out: the filter is not for the kind of their link",
			   (unsigned long long)r->unfiltered, r->unfiltered == 1 ? " is" : "s are");
	if (rc == -EBADMSG) {
		pt_err_add(&r->c->err, PT_ERROR, NULL, NULL, "%s is damaged behind packet %llu", r->w.read,
			   (unsigned long long)r->packets);
		return rc;
	}
	if (!rc && pt_capture_reader_cut(reader))
		pt_err_add(&r->c->err, PT_WARNING, NULL, NULL, "%s ends within a packet, which is left out", r->w.read);
	return rc ? pt_err_sys(&r->c->err, rc, "reading %s", r->w.read) : 0;
}

static int capture_file(struct capture_run *r)
{
	struct pt_capture_keep k = { .path = r->w.write };
	struct pt_capture_reader *reader = NULL;
	struct stat st = { .st_mode = 0 };
	int fd = open(r->w.read, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fstat(fd, &st)) {
		rc = pt_err_sys(&r->c->err, -errno, "opening %s", r->w.read);
	} else if (!S_ISREG(st.st_mode)) {
		pt_err_add(&r->c->err, PT_ERROR, NULL, NULL, "%s is no regular file", r->w.read);
		rc = -EINVAL;
	}
	if (!rc && r->filter.n)
		rc = make_file_filters(r);
	if (!rc)
		rc = pt_capture_reader_new(fd, &reader, &r->c->err);
	if (!rc)
		rc = begin(r, &k);
	if (!rc)
		rc = confine(r);
	if (!rc)
		rc = read_packets(r, reader);
	pt_capture_reader_free(reader);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- all of it ---- */

/* What there was is shown however it ended, damage too. */
static int show_end(struct capture_run *r, int rc)
{
	if (rc == -ECANCELED)
		rc = 0;
	if (r->join && (!rc || rc == -EBADMSG)) {
		int end = r->cut ? 0 : pt_join_end(r->join);

		if (end && end != -ECANCELED && !rc)
			rc = end;
		capture_stream_summary(r);
	} else if (r->o && (!rc || rc == -EBADMSG || rc == -ENETDOWN || r->keeping_failed)) {
		capture_show_summary(r);
	}
	if (!rc && r->join)
		return pt_join_ends(r->join)->found ? 0 : PT_EXIT_NO;
	return rc ? rc : r->packets ? 0 : PT_EXIT_NO;
}

static int finish(struct capture_run *r, int rc)
{
	int end;

	if (r->w.write && !r->w.show && !r->c->quiet && r->shown_at)
		(void)fputs("\r\033[K", stderr);
	end = pt_capture_writer_close(r->writer);
	if (end && end != -EPIPE && (!rc || rc == PT_EXIT_NO))
		rc = pt_err_sys(&r->c->err, end, "writing %s", r->w.write);
	end = r->o ? pt_cli_end(r->c, r->o) : 0;
	pt_join_free(r->join);
	pt_flows_free(r->flows);
	capture_rules_free(r->rules);
	for (size_t i = 0; i < CAPTURE_LINKS; i++)
		pt_capture_filter_free(r->filters[i]);
	pt_buf_fini(&r->filter);
	return rc && rc != PT_EXIT_NO ? rc : end ? end : rc;
}

int cmd_capture(struct pt_cli *c)
{
	struct capture_run r = { .c = c, .w = { .snap = PT_CAPTURE_SNAP, .top = TOP, .number = 1, .limit = LIMIT } };
	int rc = pt_cli_words(c, &r.w);

	if (!rc)
		rc = check_words(c, &r.w);
	if (!rc)
		rc = read_size(c, "size", r.w.size, 1, UINT64_MAX >> 1, &r.size);
	if (!rc)
		rc = make_filter(&r);
	if (!rc) {
		rc = r.w.read ? capture_file(&r) : capture_wire(&r);
		if (rc == -EPIPE) /* the reader has seen enough */
			rc = -ECANCELED;
		rc = rc > 0 ? rc : show_end(&r, rc);
	}
	return finish(&r, rc);
}
