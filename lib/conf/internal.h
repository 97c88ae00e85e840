/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * internal - what the files of this module share.
 *
 * The way of a file: scan.c cuts the text into tokens; tree.c reads sections, options and values
 * from them, reports what is wrong, and writes what is right as a clean text; parse.c has
 * libconfuse read that text; model.c takes libconfuse's values into the typed model.
 */
#ifndef CONF_INTERNAL_H
#define CONF_INTERNAL_H

#include <patronus/conf.h>

/* ---- scan.c ---- */

struct conf_lexer {
	const char *file, *text;
	size_t len, pos;
	uint32_t line, col; /* of POS */
	struct pt_err *e;
	size_t errors;
	bool open; /* the newest token is a string or comment without its end */
};

void conf_lex_init(struct conf_lexer *l, const char *file, const char *text, size_t len,
		   struct pt_err *e);
/* The next token; false at the end of the text. Errors are recorded and passed over. */
bool conf_lex(struct conf_lexer *l, struct pt_src_tok *tok);

/* ---- bytes.c ---- */

/* Records every line with a byte that no text file has; how many there were. */
size_t conf_check_bytes(const char *file, const char *text, size_t len, struct pt_err *e);
/* Length of the well-formed UTF-8 sequence at P (1..4), or 0. */
size_t conf_utf8_len(const char *p, const char *end);
/* A byte, alone or as UTF-8's C1 range, that acts on a terminal instead of being shown. */
bool conf_is_control(const char *p, const char *end);
/* Nothing but visible ASCII and blanks: fit to be repeated in a message. */
bool conf_is_printable(const char *s);

/* ---- locate.c: from what is written to what is meant ---- */

enum conf_esc {
	CONF_ESC_NONE, /* the byte stands for itself */
	CONF_ESC_CODE, /* an escape that names its byte by number or letter */
	CONF_ESC_BAD, /* not an escape: "\9", "\777" */
};

struct conf_step {
	size_t next; /* offset behind what was read */
	int byte; /* 0..255, or -1: nothing (a continued line, CR of CRLF) */
	enum conf_esc esc;
};

/* One step at offset POS of TEXT, in a string of QUOTE (0: a bare word) that ends at END. */
struct conf_step conf_decode_step(const char *text, size_t pos, size_t end, char quote);
/* Where the value of a word or string begins and ends, and its quote (0: none). */
struct conf_span {
	size_t from, to;
	char quote;
};
struct conf_span conf_span(const char *text, const struct pt_src_tok *tok);

/* ---- schema.c, schema_interface.c, check.c ---- */

extern const struct pt_schema conf_interface_options[];

const struct pt_schema *conf_schema_find(const struct pt_schema *rows, const char *name);
/* The nearest name in ROWS, for hints, or NULL. */
const char *conf_schema_nearest(const struct pt_schema *rows, const char *name);

int conf_check_interface(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_device(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_block_policy(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_group(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_table(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_anchor(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_macro(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_macro_text(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_host_name(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_description(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_path(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_if_address(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_source(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_entry(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_test(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_schedule(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_host(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_timezone(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_days(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_hours(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_dates(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* A name of at most 31 bytes that rules use; WHAT it is. */
int conf_check_macro_like(const char *what, const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_country(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* limits.c */
int conf_check_timeout(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_limit(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_state_policy(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* The number that "NAME VALUE" gives is one of C's. It was checked. */
int conf_put_timeout(struct pt_conf *c, const char *s);
int conf_put_limit(struct pt_conf *c, const char *s);
int conf_check_rule(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* "true", "on", "yes" 1; "false", "off", "no" 0; else -1. As libconfuse. */
int conf_parse_bool(const char *s);

int conf_check_mac(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_addr(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_prefix(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_offload(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_route(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_route_rule(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_neighbour(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_vlans(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* Decimal, or hexadecimal with 0x. -EINVAL; -ERANGE beyond MAX. */
int conf_parse_number(const char *s, uint64_t max, uint64_t *out) PT_MUST;

/* ---- entry.c: one entry of a table ---- */

struct conf_entry {
	enum pt_af af;
	bool neg;
	pt_u128 lo, hi;
};

/* N bytes at S, not NUL-terminated. -EINVAL with a record. */
int conf_entry_parse(const char *s, size_t n, struct conf_entry *out, const struct pt_loc *loc,
		     struct pt_err *e) PT_MUST;

/* ---- schedule.c ---- */

/* One value each; -EINVAL. */
int conf_days_parse(const char *s, uint8_t *mask) PT_MUST; /* adds to the mask */
int conf_hours_parse(const char *s, struct pt_conf_hours *out) PT_MUST;
int conf_dates_parse(const char *s, struct pt_conf_dates *out) PT_MUST;

/* ---- tree.c ---- */

struct conf_section {
	const struct pt_schema *row;
	const char *title; /* NULL where the section has none */
	struct pt_loc loc; /* of the title, or of the section's name */
	uint32_t hash; /* of row and title */
	uint32_t clean_line;
	size_t source; /* it stands in: index into the configuration's */
	uint32_t model; /* index in the model's vector of its kind */
	bool bad; /* something in it was refused */
};

/* One value that was found right. */
struct conf_leaf {
	const struct pt_schema *opt;
	uint32_t section; /* index */
	uint32_t off, len; /* of the value in the file, inside the quotes */
	uint32_t line, col;
	uint32_t clean_line;
};

struct conf_tree {
	PT_VEC(struct conf_section) sections;
	PT_VEC(struct conf_leaf) leaves; /* on the heap: gone once libconfuse has been heard */
	struct pt_buf clean; /* what is right, one token a line, strings in single quotes */
	bool incomplete; /* reading stopped before the end of the file */
};

/* More sections of one kind than this are refused: libconfuse compares each title with each. */
#define CONF_MAX_SECTIONS 10000
#define CONF_MAX_VALUES 2000000 /* of the file */
#define CONF_MAX_OPTIONS 80 /* of one section */

/* ---- include.c ---- */

struct conf_includes {
	struct pt_conf *c;
	const struct pt_conf_more *more; /* what was read before; NULL: nothing */
	bool files; /* others may be read */
	size_t depth, bytes; /* of those that are being read; of all that were */
	struct pt_err *e;
};
/* The file NAME, named at LOC, becomes the last source of the configuration. -EINVAL with a record. */
int conf_include(struct conf_includes *inc, const char *name, const struct pt_loc *loc) PT_MUST;

/* INC's configuration, whose first source it begins with. -EINVAL with records, the tree holding what was right;
 * -ENOMEM; 0. */
int conf_tree_read(struct conf_includes *inc, struct conf_tree *t) PT_MUST;
void conf_tree_fini(struct conf_tree *t);

/* ---- confuse.c ---- */

/* Has libconfuse read the clean text and gives each value, in order, to PUT. */
typedef int (*conf_put)(void *arg, const struct conf_leaf *leaf, const char *value);
int conf_confuse_read(const char *file, const struct conf_tree *t, struct pt_arena *a, conf_put put,
		      void *arg, struct pt_err *e) PT_MUST;

/* ---- model.c ---- */

/* Makes the model's objects, one a section. */
int conf_model_begin(struct pt_conf *c, struct conf_tree *t) PT_MUST;
struct conf_model {
	struct pt_conf *c;
	const struct conf_tree *tree;
};
int conf_model_put(void *model, const struct conf_leaf *leaf, const char *value);

/* ---- anchor.c ---- */

/* Takes the loaded anchors among MORE into C, with their lines as rules. -EINVAL with records. */
int conf_anchors_load(struct pt_conf *c, struct pt_conf_more *more, struct pt_err *e) PT_MUST;

/* ---- expect.c ---- */

/* R, which was read from TEXT at AT, as the statement of a test. -EINVAL with records, which lack their line. */
int conf_check_expect(const struct pt_ast_rule *r, const struct pt_conf_rule *text, const struct pt_conf_at *at,
		      struct pt_err *e) PT_MUST;

/* ---- cross.c ---- */

/* What no single value shows: defaults, clashes between sections. */
int conf_model_check(struct pt_conf *c, const struct conf_tree *t, struct pt_err *e) PT_MUST;

/* ---- link.c ---- */

/* What links need and what does not fit together. -EINVAL with records. */
int conf_check_links(const struct pt_conf *c, const struct conf_tree *t, struct pt_err *e) PT_MUST;

/* ---- link_among.c ---- */

int conf_check_links_among(const struct pt_conf *c, struct pt_err *e) PT_MUST;

/* ---- dhcp.c ---- */

int conf_check_dhcp_name(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_client_id(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_delegate(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* What is said to servers of addresses; interfaces that get a part of a delegated prefix follow the kernel. -EINVAL with records. */
int conf_check_dhcp(struct pt_conf *c, struct pt_err *e) PT_MUST;

/* ---- network.c ---- */

int conf_check_network(const struct pt_conf *c, struct pt_err *e) PT_MUST;

/* ---- schema_qos.c, qos.c ---- */

extern const struct pt_schema conf_shaper_options[], conf_queue_options[];
int conf_check_rate(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_microseconds(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_queue(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_shaper(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_each_of(const char *s, const struct pt_loc *loc, struct pt_err *e);
/* An option of shaper or queue number AT; what it means is found when all are there. */
int conf_qos_put(struct pt_conf *c, const char *section, size_t at, const struct pt_conf_option *o) PT_MUST;
/* Takes the options into the typed fields, and says what does not fit together. -EINVAL with records. */
/* vip.c: gives interfaces the addresses of the sections `vip`, and rules their names. */
int conf_check_vips(struct pt_conf *c, const struct conf_tree *t, struct pt_err *e) PT_MUST;
int conf_check_vip_address(const char *s, const struct pt_loc *loc, struct pt_err *e);
int conf_check_qos(struct pt_conf *c, const struct conf_tree *t, struct pt_err *e) PT_MUST;

/* ---- qos_each.c ---- */

struct conf_each_owner {
	const char *what, *name;              /* "queue", "guests" */
	const struct pt_conf_option *options; /* as written */
	size_t n;
	uint64_t most;                        /* what all hosts together can have; 0: not known */
	bool bad;                             /* something in the section was refused */
};
/* Takes the options of O about hosts into EACH, and says what does not fit together. */
int conf_each_read(struct pt_arena *a, const struct conf_each_owner *o, struct pt_conf_each *each, struct pt_err *e) PT_MUST;

/* ---- report.c ---- */

/* Puts the records from number FIRST on that point into NAME into the order of their places. */
void conf_order(struct pt_err *e, size_t first, const char *name);
/* Gives the records from number FIRST on that point into NAME their line of TEXT. */
int conf_add_sources(struct pt_err *e, size_t first, const char *name, const char *text,
		     size_t len) PT_MUST;

/* Two results of checks as one: what is wrong is told of both, but no memory ends it. */
static inline int conf_both(int x, int y)
{
	return x == -ENOMEM || !y ? x : y;
}

#endif
