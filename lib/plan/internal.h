/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the files of the plan module. */
#ifndef PLAN_INTERNAL_H
#define PLAN_INTERNAL_H

#include <patronus/bpf.h>
#include <patronus/ct.h>
#include <patronus/plan.h>
#include <patronus/subsystem.h>

/* offline.c */
void plan_digest(const char *text, size_t len, char out[65]);
int plan_build(struct pt_plan *p, struct pt_err *e);
/* Compiles anew for nft's own engine, for the reason WHY (a constant). */
int plan_fall_back(struct pt_plan *p, const char *why, struct pt_err *e);
int plan_observe(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e);

/* tables.c: the classifier's tables */
/* The devices that packets are judged on, to be freed. */
int plan_devices(const struct pt_host *h, struct pt_class_device **out, size_t *n, struct pt_err *e);
/* Begins to build them from p->policy, which is not to change before the end. */
int plan_tables_begin(struct pt_plan *p, struct pt_err *e);
/* Brings them into p->tables, with the keys of now; where that is not possible, AUTO chooses another engine. */
int plan_tables_end(struct pt_plan *p, struct pt_err *e);
void plan_tables_free(struct pt_tables_work *w);

/* contents.c: V's table NAME becomes what the kernel has of it, if it has it */
int plan_table_learn(struct pt_eval *v, struct pt_nl *nf, const char *name, struct pt_err *e);
/* Those of P that are used; V knows what is written. */
int plan_tables_learn(const struct pt_policy *p, struct pt_eval *v, enum pt_expect_tables tables, struct pt_nl *nf,
		      struct pt_err *e);

/* explainer.c: what is in force, with the rules as the kernel has them */
const struct pt_plan *plan_explainer_plan(const struct pt_explainer *x);

/* words.c: a policy of N rules in words, with the names of configuration C, which must outlive it */
struct plan_words {
	struct pt_conf conf;
	struct pt_conf_source source;
	struct pt_conf_rule *rules;
	struct pt_buf text;
	struct pt_plan plan;     /* conf and policy only */
};
/* NAME stands for their file in messages. */
int plan_words_build(const struct pt_conf *c, const char *name, const char *const *rules, size_t n, struct plan_words *w,
		     struct pt_err *e) PT_MUST;
void plan_words_fini(struct plan_words *w);

/* outside.c: names of hosts and countries of the policy */
enum plan_ask {
	PLAN_ASK_NONE, /* nothing is known of names: offline */
	PLAN_ASK_KEPT, /* what is kept of names; the kernel's sets of countries stay */
	PLAN_ASK_READ, /* what is kept of names, and countries from their files */
	PLAN_ASK_DUE,  /* those are asked for whose time is over */
};
/* Names without an address are told of; with ANCHOR, a path, only those that its rules brought. */
int plan_outside(struct pt_plan *p, enum plan_ask ask, const char *anchor, struct pt_err *e);
int plan_names_ask(const struct pt_policy *p, bool all, size_t *n, struct pt_err *e);
int plan_names_due(const struct pt_policy *p, uint64_t *due, struct pt_err *e);
int plan_follow_ask(struct pt_nl *nf, bool all, size_t *n, uint64_t *due, struct pt_err *e);
int plan_watch_applies(bool answers);
int plan_names_load(struct pt_names **out, struct pt_err *e);
#define PT_NAMES_RUN PT_RUN_DIR "/names"

/* vanished.c: ends the states that were given an address of SEEN which the machine does not have any more, then makes SEEN
 * what translations of P to interfaces use now. The vector is malloc'ed. */
struct plan_addrs {
	struct pt_addr *v;
	size_t n, cap;
};
int plan_vanished(struct plan_addrs *seen, const struct pt_plan *p, struct pt_nl *nf, struct pt_err *e);

/* path.c: the broadcast address that Linux takes for its own on the network of an address; af NONE: none */
struct pt_addr plan_network_broadcast(const struct pt_host_addr *a);

/* store.c: copies of applied files under PT_RUN_DIR, named by their digest */
#define PLAN_STORE_DIR PT_RUN_DIR "/applied"
/* The copy of DIGEST, SUFFIX ".conf", or what stands beside it. */
#define PLAN_STORE_PATH (sizeof(PLAN_STORE_DIR) + 80)
int plan_store_path(const char *digest, const char *suffix, char out[PLAN_STORE_PATH]);
/* Both folders are there, and nobody else's. */
int plan_store_folder(struct pt_err *e) PT_MUST;
struct plan_texts {
	char *text; /* of the file */
	size_t len;
	PT_VEC(struct pt_conf_source) more; /* what else there was; points into the list */
	char *list;
	size_t list_len;
};
bool plan_store_has(const struct pt_plan *p);
int plan_store_write(const struct pt_plan *p, struct pt_err *e);
bool plan_store_is_list(const char *digest);
void plan_store_drop(const char *digest); /* of a list that nothing in force names any more */
int plan_store_read(const char *digest, struct plan_texts *out, struct pt_err *e);
void plan_texts_fini(struct plan_texts *t);
/* store_words.c: names that the copy of P has, for those who complete; without it they read the copy */
void plan_words_write(const struct pt_plan *p);
/* applied.c: of what is in force by HAVE */
int plan_copy_parse(const struct pt_nft_state *have, struct pt_conf **conf, struct pt_policy **policy, struct pt_err *e);
/* What the copy of a configuration of several texts holds: its digest is that of these bytes. */
int plan_list_make(const struct pt_conf *c, struct pt_buf *out);

/* anchor.c */
/* The texts that were loaded into anchors, of what is in force or was until it was stopped; DIGEST tells of what. None
 * where nothing is. */
int plan_loaded(struct pt_nl *nf, struct plan_texts *out, char digest[65], struct pt_err *e);
/* Under the lock: P anew where anchors were loaded since it was made. */
int plan_loaded_again(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e);

/* commit.c */
/* -ETIMEDOUT: somebody has it for longer than is to be waited for. */
int plan_lock(int *fd, struct pt_err *e);
/* -EWOULDBLOCK: somebody has it. */
int plan_lock_now(int *fd, struct pt_err *e);
/* Under the lock: the copy, then the commit. */
int plan_switch(struct pt_plan *p, struct pt_nl *nf, size_t *writes, struct pt_err *e);
int plan_commit(struct pt_plan *p, struct pt_nl *nf, size_t *writes, struct pt_err *e);

/* ingress.c: the classifier's program and tables. The steps of an apply are called in this order, with the
 * transactions of the chains between them. */
int plan_ingress_observe(struct pt_plan *p, struct pt_err *e);
void plan_ingress_free(struct pt_ingress *g);
size_t plan_ingress_writes(const struct pt_ingress *g);
void plan_ingress_walk(const struct pt_plan *p, pt_nft_op_cb cb, void *arg);
int plan_ingress_prepare(struct pt_plan *p, struct pt_err *e);
int plan_ingress_switch(struct pt_plan *p, struct pt_err *e);
void plan_ingress_undo(struct pt_plan *p);
/* One number of the tables that are in use, see pt_bpf_tables_change(). */
int plan_ingress_change(struct pt_plan *p, const struct pt_bpf_number *x, uint64_t *digest, struct pt_err *e) PT_MUST;
int plan_ingress_retire(struct pt_plan *p, struct pt_err *e);

/* ahead.c: what takes long in the kernel, begun while the file is read. NULL: not worth it, or no memory */
struct pt_ahead *plan_ahead_start(const char *path);
/* What the kernel held a moment ago, see pt_nft_read_ahead(), for the caller to free; NULL: not known. Only once. */
struct pt_nft_state *plan_ahead_state(struct pt_plan *p);
/* The program with room for tables of BYTES; NULL: there is none, for whatever reason. */
struct pt_bpf *plan_ahead_take(struct pt_plan *p, size_t bytes);
void plan_ahead_free(struct pt_ahead *a);

/* generation.c: a file in force, as far as logged packets need it */
struct plan_place {
	const char *name, *file;
	uint32_t line;
};
struct plan_device {
	const char *device, *name;
};
struct plan_generation {
	char digest[65];            /* "" none is in force */
	uint64_t applied;           /* seconds since the epoch */
	uint64_t since;             /* nanoseconds: what came from then on was judged by it */
	bool known;                 /* the copy of the file was there */
	struct pt_arena *arena;
	PT_VEC(struct plan_place) places; /* by name */
	PT_VEC(struct plan_device) devices;
};
/* *NOW is another one when the file in force is; the old one stays the caller's. *NOW may be NULL. */
int plan_generation_new(struct pt_nl *nf, struct plan_generation **now, struct pt_err *e);
void plan_generation_free(struct plan_generation *g);
/* NULL: no such rule. */
const struct plan_place *plan_generation_find(const struct plan_generation *g, const char *name);
/* What the file calls DEVICE, "" nothing. */
const char *plan_generation_device(const struct plan_generation *g, const char *device);
/* notices.c: the limits of connections, as far as the kernel cannot see to them */
struct plan_notices;
int plan_notices_open(struct plan_notices **out, struct pt_err *e) PT_MUST;
void plan_notices_close(struct plan_notices *n);
int plan_notices_fd(const struct plan_notices *n); /* -1 of NULL */
/* Judges what came; WHO hears whose states were ended. */
int plan_notices_take(struct plan_notices *n, struct pt_nl *nf, const struct pt_follower *who, struct pt_err *e) PT_MUST;

/* settings.c: forwarding, where C says something of it */
int plan_forwarding_apply(const struct pt_conf *c, struct pt_err *e) PT_MUST;
extern const struct pt_subsystem plan_settings; /* the machine's settings */
/* firewall.c */
extern const struct pt_subsystem plan_firewall;
/* drift.c */
int plan_firewall_drift(struct pt_whole *w, pt_nft_op_cb cb, void *arg, struct pt_err *e) PT_MUST;
/* network.c: interfaces */
extern const struct pt_subsystem plan_network;

/* limits.c: what the file limits beside its rules; warnings where that has no effect */
int plan_limits_apply(const struct pt_plan *p, struct pt_err *e) PT_MUST;

/* adopt.c: states for the connections that were there before the first rules */
void plan_adopt(struct pt_plan *p, struct pt_nl *nf, struct pt_err *e);

#endif
