/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The documents of iperf3's protocol: what the client asks for, and what each end counted.
 *
 * They come from the network. Numbers are looked at as they are before they become integers: JSON has no sizes, and a
 * double beyond an integer's range is undefined behaviour and not merely wrong.
 */
#include <errno.h>
#include <string.h>

#include <jansson.h>

#include <patronus/iperf.h>

/* jansson's own bound of nesting holds; documents are short, so what is in them is, too. All numbers are doubles: some
 * builds of iperf3 write -1 as 18446744073709551615, which is no integer to jansson. */
static int parse(const char *text, size_t n, json_t **out, const char **why)
{
	json_error_t error;

	*why = "";
	*out = NULL;
	if (n > PT_IPERF_MESSAGE_MAX) {
		*why = "a document that is too long";
		return -EPROTO;
	}
	*out = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	if (!*out && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		*why = "what is no JSON object";
		return -EPROTO;
	}
	return 0;
}

/* A number of 0..MAX; absent: 0. A fraction is cut off. */
static int read_number(const json_t *o, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);
	double d;

	*out = 0;
	if (!v)
		return 0;
	if (!json_is_real(v))
		return -EINVAL;
	d = json_real_value(v);
	if (!(d >= 0) || d >= 9e18 || (uint64_t)d > max)
		return -ERANGE;
	*out = (uint64_t)d;
	return 0;
}

/* Flags are true, or a number that is not 0. */
static bool read_flag(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_true(v) || json_number_value(v) > 0;
}

/* ---- what is asked for ---- */

struct number {
	const char *key;
	size_t offset;
	bool wide;
	uint64_t max;
	const char *why;
};

#define TEST(field) offsetof(struct pt_iperf_test, field)
static const struct number numbers[] = {
	{ "time", TEST(seconds), false, PT_IPERF_SECONDS_MAX, "a time that cannot be" },
	{ "omit", TEST(omit), false, 600, "an omitted time that cannot be" },
	{ "parallel", TEST(streams), false, PT_IPERF_STREAMS_MAX, "a number of streams that cannot be" },
	{ "len", TEST(block), false, PT_IPERF_BLOCK_MAX, "a length that cannot be" },
	{ "MSS", TEST(mss), false, 65535, "a segment size that cannot be" },
	{ "bandwidth", TEST(rate), true, INT64_MAX, "a rate that cannot be" },
	{ "num", TEST(bytes), true, INT64_MAX, "a number of bytes that cannot be" },
	{ "window", TEST(window), true, PT_IPERF_WINDOW_MAX, "a window that cannot be" },
};

static int read_numbers(const json_t *o, struct pt_iperf_test *out, const char **why)
{
	uint64_t v;

	for (size_t i = 0; i < PT_ARRAY_SIZE(numbers); i++) {
		const struct number *n = &numbers[i];
		char *at = (char *)out + n->offset;
		uint32_t narrow;

		if (read_number(o, n->key, n->max, &v)) {
			*why = n->why;
			return -EPROTO;
		}
		narrow = (uint32_t)v;
		memcpy(at, n->wide ? (const void *)&v : &narrow, n->wide ? sizeof(v) : sizeof(narrow));
	}
	if (read_number(o, "TOS", UINT8_MAX, &v)) {
		*why = "a type of service that cannot be";
		return -EPROTO;
	}
	out->tos = (uint8_t)v;
	return 0;
}

/* It becomes the name of a kernel module: letters, digits and what stands between them. */
static int read_congestion(const json_t *o, char out[PT_IPERF_CONGESTION_MAX], const char **why)
{
	const char *s = json_string_value(json_object_get(o, "congestion"));

	if (!s)
		return 0;
	if (strlen(s) >= PT_IPERF_CONGESTION_MAX || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(s)) {
		*why = "a congestion control that cannot be";
		return -EPROTO;
	}
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int check_test(const struct pt_iperf_test *t, const char **why)
{
	if (!t->streams)
		*why = "a test without streams";
	else if (t->reverse && t->both)
		*why = "a test that is both reverse and of both directions";
	else if (t->udp && (t->block < PT_IPERF_DATAGRAM_MIN || t->block > PT_IPERF_DATAGRAM_MAX))
		*why = "a length of datagrams that cannot be";
	else
		return 0;
	return -EPROTO;
}

int pt_iperf_test_read(const char *text, size_t n, struct pt_iperf_test *out, const char **why)
{
	json_t *o;
	int rc = parse(text, n, &o, why);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	out->udp = read_flag(o, "udp");
	out->reverse = read_flag(o, "reverse");
	out->both = read_flag(o, "bidirectional");
	out->no_delay = read_flag(o, "nodelay");
	out->wide = read_flag(o, "udp_counters_64bit");
	if (read_flag(o, "tcp") == out->udp) {
		*why = "a protocol that is neither TCP nor UDP";
		rc = -EPROTO;
	}
	if (!rc)
		rc = read_numbers(o, out, why);
	if (!rc)
		rc = read_congestion(o, out->congestion, why);
	if (!rc)
		rc = check_test(out, why);
	json_decref(o);
	return rc;
}

void pt_iperf_test_write(struct pt_buf *b, const struct pt_iperf_test *t)
{
	pt_buf_fmt(b, "{\"%s\":true,\"omit\":%u,\"time\":%u,\"num\":%llu,\"blockcount\":0,\"parallel\":%u",
		   t->udp ? "udp" : "tcp", t->omit, t->seconds, (unsigned long long)t->bytes, t->streams);
	if (t->reverse)
		pt_buf_str(b, ",\"reverse\":true");
	if (t->both)
		pt_buf_str(b, ",\"bidirectional\":true");
	if (t->no_delay)
		pt_buf_str(b, ",\"nodelay\":true");
	if (t->mss)
		pt_buf_fmt(b, ",\"MSS\":%u", t->mss);
	if (t->window)
		pt_buf_fmt(b, ",\"window\":%llu", (unsigned long long)t->window);
	if (t->block)
		pt_buf_fmt(b, ",\"len\":%u", t->block);
	if (t->rate)
		pt_buf_fmt(b, ",\"bandwidth\":%llu", (unsigned long long)t->rate);
	if (t->tos)
		pt_buf_fmt(b, ",\"TOS\":%u", t->tos);
	if (t->congestion[0])
		pt_buf_fmt(b, ",\"congestion\":\"%s\"", t->congestion);
	if (t->udp && t->wide)
		pt_buf_str(b, ",\"udp_counters_64bit\":1");
	pt_buf_str(b, ",\"pacing_timer\":1000,\"client_version\":\"patronus " PT_VERSION "\"}");
}

/* ---- what was counted ---- */

static double read_real(const json_t *o, const char *key)
{
	double d = json_number_value(json_object_get(o, key));

	return d >= 0 && d < 1e9 ? d : 0;
}

static int read_stream(const json_t *o, struct pt_iperf_count *out)
{
	double seconds = read_real(o, "end_time") - read_real(o, "start_time");

	memset(out, 0, sizeof(*out));
	if (read_number(o, "bytes", INT64_MAX, &out->bytes) || read_number(o, "packets", INT64_MAX, &out->packets))
		return -EPROTO;
	/* Duplicates and what came late may have made it negative. */
	if (read_number(o, "errors", INT64_MAX, &out->lost))
		out->lost = 0;
	out->resends = json_object_get(o, "retransmits") &&
		!read_number(o, "retransmits", INT64_MAX, &out->retransmits);
	out->jitter = read_real(o, "jitter");
	out->seconds = seconds > 0 ? seconds : 0;
	return 0;
}

static struct pt_iperf_flow *find(struct pt_iperf_flow *flows, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (flows[i].id == id)
			return &flows[i];
	return NULL;
}

int pt_iperf_results_read(const char *text, size_t n, struct pt_iperf_flow *flows, size_t n_flows, const char **why)
{
	const json_t *streams, *s;
	json_t *o;
	size_t i;
	int rc = parse(text, n, &o, why);

	if (rc)
		return rc;
	streams = json_object_get(o, "streams");
	if (!json_is_array(streams)) {
		*why = "results without streams";
		rc = -EPROTO;
	}
	json_array_foreach(streams, i, s) {
		uint64_t id;
		struct pt_iperf_flow *f = json_is_object(s) && !read_number(s, "id", UINT32_MAX, &id) ?
			find(flows, n_flows, id) :
			NULL;

		if (!f || f->told || read_stream(s, &f->there)) {
			*why = f ? "results that cannot be" : "results of a stream that there is not";
			rc = -EPROTO;
			break;
		}
		f->told = true;
	}
	json_decref(o);
	return rc;
}

static void write_stream(struct pt_buf *b, const struct pt_iperf_flow *f)
{
	const struct pt_iperf_count *c = &f->here;

	pt_buf_fmt(b, "{\"id\":%u,\"bytes\":%llu,\"retransmits\":%lld,\"jitter\":%.9f,\"errors\":%llu,\"packets\":%llu,"
		      "\"start_time\":0,\"end_time\":%.6f}",
		   f->id, (unsigned long long)c->bytes, c->resends ? (long long)c->retransmits : -1LL, c->jitter,
		   (unsigned long long)c->lost, (unsigned long long)c->packets, c->seconds);
}

void pt_iperf_results_write(struct pt_buf *b, const struct pt_iperf_test *t, const struct pt_iperf_flow *flows,
			    size_t n, const double cpu[3])
{
	bool sends = false;

	for (size_t i = 0; i < n; i++)
		sends = sends || flows[i].sends;
	pt_buf_fmt(
		b,
		"{\"cpu_util_total\":%.6f,\"cpu_util_user\":%.6f,\"cpu_util_system\":%.6f,"
		"\"sender_has_retransmits\":%d,\"streams\":[",
		cpu[0], cpu[1], cpu[2],
		!sends ? -1 :
			t->udp ? 0 :
				 1);
	for (size_t i = 0; i < n; i++) {
		pt_buf_str(b, i ? "," : "");
		write_stream(b, &flows[i]);
	}
	pt_buf_str(b, "]}");
}
