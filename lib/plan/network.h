/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan/network - the parts of the network subsystem: what the file wants of links, addresses, routes. */
#ifndef PLAN_NETWORK_H
#define PLAN_NETWORK_H

#include <sys/stat.h>

#include <patronus/neighbour.h>
#include <patronus/route_rule.h>
#include <patronus/shape.h>
#include <patronus/trait.h>

#include "plan/internal.h"

/* Whoever does not insist leaves some of the differences alone. */
struct network_left {
	bool (*down)(const struct pt_link *have, void *arg);           /* a link that somebody took down */
	bool (*rests)(const char *kind, const char *name, void *arg); /* a change that others undo again and again */
	void *arg;
};

/* What there is to be, or was. */
struct network {
	const struct pt_conf *conf; /* the routes' */
	const struct pt_conf_route *routes; /* its, and those of leases */
	size_t n_routes;
	struct pt_links links;
	struct pt_traits traits;
	struct pt_addresses addresses;
	struct pt_route_rules rules;
	struct pt_neighbours neighbours;
	struct pt_shapes shapes;
	struct pt_traits before; /* what links had before the file set them, see network_before.c */
	const struct network_left *left; /* NULL: all of it is to be */
};

/* The kernel at one moment, and how it differs. */
struct difference {
	struct pt_arena *arena;
	struct network have;
	struct pt_traits wanted; /* with what is to be as it was before */
	pt_link_changes links;
	pt_link_list absent;
	pt_trait_changes traits;
	pt_address_changes addresses;
	pt_route_changes routes;
	pt_route_rule_changes rules;
	pt_neighbour_changes neighbours;
	pt_shape_changes shapes;
	PT_VEC(int) programs;    /* descriptors, until the kernel has them */
	pt_link_list left;       /* somebody took them down, and what is on them waits */
	struct pt_tally seen;    /* all of the kernel that the comparison looked at, routes included */
	struct link_cache {      /* of the name that was looked up last */
		const char *name;
		uint32_t index;
		int rc;
	} cache;
};

enum { CHANGE_LINK, CHANGE_TRAIT, CHANGE_ADDRESS, CHANGE_NEIGHBOUR, CHANGE_ROUTE, CHANGE_RULE, CHANGE_SHAPE, CHANGE_KINDS };
extern const char *const network_kinds[];
/* What a message was about travels as its cookie. */
#define NETWORK_COOKIE(kind, i) ((uint64_t)(kind) << 32 | (i))

struct network_described {
	const char *op;
	const struct pt_loc *loc; /* NULL: none */
};

struct network_refusal {
	const struct difference *d;
	struct pt_nl_refusal why;
	bool happened;
	bool goes_on;            /* one that is refused stops nothing */
	bool all;                /* nor does one that waits */
};

/* Finds the links that routes name; its cache is in D. As a pt_route_link, with a struct network_finder. */
struct network_finder {
	struct difference *d;
	const struct pt_conf *conf;
};
int network_find_link(void *arg, const char *name, uint32_t *index);

/* network_difference.c: how the kernel differs from WANT, without what WANT leaves alone. */
int network_difference_find(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e);
void network_difference_fini(struct difference *d);
size_t network_difference_size(const struct difference *d);
size_t network_changes_of(const struct difference *d, size_t kind);
/* What change COOKIE is; its text into B unless that is NULL. */
struct network_described network_describe(const struct difference *d, uint64_t cookie, struct pt_buf *b);
/* What C wants. -ENOMEM, or -EINVAL with a record. */
int network_want(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e);
/* All that can be written without another look at the kernel; R tells the first refusal. */
int network_write_round(struct difference *d, const struct network *want, struct pt_nl *route, struct network_refusal *r,
			size_t *writes, struct pt_err *e);
typedef void (*network_refused)(const struct pt_err *why, void *arg);
/* network_settle.c: writes round by round from FIRST on, past what is refused, until nothing more comes nearer to WANT. What is left is in
 * LAST, which the caller frees; nothing, where FIRST was empty. REFUSED, unless NULL, is told the first refusal of each round. */
int network_settle(const struct network *want, struct pt_nl *route, struct difference *first, struct difference *last,
		   network_refused refused, void *arg, struct pt_err *e);
int network_tell_refusal(const struct difference *d, const struct network_refusal *r, int rc, struct pt_err *e);
/* All but the routes into D->have, and what a comparison would look at of it into D->seen. */
int network_read(struct difference *d, const struct network *want, struct pt_nl *route, struct pt_err *e);
/* network_same.c: what of HAVE can make a comparison come out otherwise is added to SUM. */
void network_tally(const struct network *have, struct pt_tally *sum);
/* What a note keeps to recognise the kernel by, as it was when nothing was left to do: one line into OUT. */
void network_same_write(const struct network *want, const struct pt_tally *seen, struct pt_buf *out);
/* network_note.c: the texts of what was put in force last in this network namespace, for who watches over it. SAME is a text of
 * network_same_write(), NULL: none. */
int network_note_write(const struct pt_conf *c, const char *same, struct pt_err *e);
/* A link that somebody else made is not changed into another. -EEXIST with records, or 0. */
int network_check_owners(const struct pt_links *want, const struct pt_links *have, struct pt_err *e);
/* Nothing is in force that anybody could watch over. */
void network_note_remove(void);
/* Gives FN, in their order, the files of the note as they were, the first one first, then SAME's text with a NULL path. -ENOENT where
 * there is no note; what FN returns other than 0 ends it. */
int network_note_texts(int (*fn)(const char *path, const char *text, size_t len, void *arg), void *arg);
#define NETWORK_NOTE_PATH 60
/* Its file. */
void network_note_path(char *out, size_t size);
/* The file as it was looked at. */
struct network_note_seen {
	bool looked;
	struct stat st;         /* zero: there was none */
};
/* Whether it was changed since SEEN, which becomes what it is now; true where nobody looked. */
bool network_note_changed(struct network_note_seen *seen);
/* -ENOENT without a record: nothing was. */
int network_note_read(struct pt_conf **out, struct pt_err *e);

/* network_links.c: the interfaces of C as links, named by their devices. Memory from A. -ENOMEM or 0. */
int network_want_links(const struct pt_conf *c, struct pt_arena *a, struct pt_links *out);
/* Those of HAVE that WANT may change, as they are: wanting them undoes it. */
int network_keep_links(const struct pt_links *want, const struct pt_links *have, struct pt_arena *a, struct pt_links *out);
/* network_addresses.c: those of C's interfaces; ours among HAVE. -ENOMEM or 0. */
int network_want_addresses(const struct pt_conf *c, struct pt_arena *a, struct pt_addresses *out);
int network_keep_addresses(const struct pt_addresses *have, struct pt_arena *a, struct pt_addresses *out);
/* network_leases.c: addresses and routes that servers gave to C's interfaces, added to OUT, whose addresses and conf are there. Memory
 * from A. -ENOMEM, or a lease that cannot be read with a record. */
int network_want_leases(const struct pt_conf *c, struct pt_arena *a, struct network *out, struct pt_err *e);
/* What PREFIX of a lease of I would take from another interface; NULL: nothing. */
const struct pt_conf_if *network_lease_clash(const struct pt_conf *c, const struct pt_conf_if *i, const struct pt_prefix *p);
/* Warns where C asks servers and this machine has no client. */
void network_check_client(const struct pt_conf *c, struct pt_err *e);
/* network_traits.c: what the interfaces are to have beside. -ENOMEM or 0. */
int network_want_traits(const struct pt_conf *c, struct pt_arena *a, struct pt_traits *out);

/* network_before.c: what was noted in this network namespace; OUT is empty where nothing was, and where the note is damaged, which is a
 * warning. -ENOMEM or 0. */
int network_before_read(struct pt_arena *a, struct pt_traits *out, struct pt_err *e);
/* TEXT, which is taken apart, into OUT. -EBADMSG: it is no such note. */
int network_before_parse(char *text, struct pt_traits *out);
/* The traits of WANT, and of what was noted that of which WANT says nothing and whose link is still there. */
int network_before_want(const struct network *want, const struct pt_links *links, struct pt_arena *a, struct pt_traits *out);
/* Before the changes of D are written: what they will overwrite. */
int network_before_note(const struct difference *d, struct pt_err *e);
/* WANT is in force: what it does not name is as it was, and forgotten. */
int network_before_trim(const struct network *want, struct pt_err *e);

/* network_neighbours.c: those of C, and the addresses that its interfaces answer for; ours among HAVE. -ENOMEM or 0. */
int network_want_neighbours(const struct pt_conf *c, struct pt_arena *a, struct pt_neighbours *out);
int network_keep_neighbours(const struct pt_neighbours *have, struct pt_arena *a, struct pt_neighbours *out);
/* follow.c: what is in force learns of interfaces and addresses that came: the classifier sits on each, names in parentheses have
 * theirs. Where that fails, a warning. */
void plan_follow_once(struct pt_nl *nf, struct pt_nl *route, struct pt_err *e);

/* network_shapers.c: shapers and queues of C, and the links for packets that arrive, which are added to OUT; ours among HAVE. -ENOMEM
 * or 0. */
int network_want_ifbs(const struct pt_conf *c, struct pt_arena *a, struct pt_links *out);
int network_want_shapes(const struct pt_conf *c, struct pt_arena *a, struct pt_shapes *out);
int network_keep_shapes(const struct pt_shapes *have, struct pt_arena *a, struct pt_shapes *out);
/* Descriptors of programs that were kept. */
void network_release_shapes(struct pt_shapes *kept);
/* network_each.c: one change into the line, with the program that it needs. */
int network_put_shape(struct pt_nl_stream *s, struct difference *d, size_t i, uint64_t cookie);
/* The name of the link for the arriving packets of DEVICE. */
void network_ifb_name(const char *device, char out[PT_LINK_NAME]);
int network_check_shapers(const struct pt_conf *c, struct pt_err *e);
/* -EEXIST: where a root of WANT is to stand, there is one of somebody else. */
int network_check_foreign(const struct pt_shapes *want, const struct pt_shapes *have, struct pt_err *e);
/* What to do where the kernel refuses S with CODE; NULL: no idea. */
const char *network_shape_hint(const struct pt_shape *s, int code);

#endif
