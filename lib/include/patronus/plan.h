/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan - desired and observed into one safe change: check, plan, apply, read back, persist.
 * The only module that sees both the file and the kernel.
 */
#ifndef PATRONUS_PLAN_H
#define PATRONUS_PLAN_H

#include <patronus/classify.h>
#include <patronus/conf.h>
#include <patronus/ct.h>
#include <patronus/lint.h>
#include <patronus/log.h>
#include <patronus/net.h>
#include <patronus/nft.h>
#include <patronus/policy.h>

#define PT_RUN_DIR "/run/patronus"

/* A configuration together with the kernel it is meant for. */
struct pt_plan {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_host *host;       /* NULL when made offline */
	struct pt_nft_prog *prog;
	struct pt_nft_state *have;  /* NULL when made offline */
	struct pt_nft_plan *change; /* likewise */
	enum pt_engine wanted, engine; /* asked for; chosen: BPF, NFT or LINEAR */
	const char *engine_why;     /* AUTO did not choose BPF for more than PT_PLAN_BPF_MIN rules: why. NULL else */
	struct pt_classifier *tables; /* of the arriving packets' rules; NULL: nft judges them */
	uint64_t tables_digest;     /* pt_bpf_tables_digest() */
	struct pt_tables_work *tables_work; /* they are being built; NULL: they are not */
	struct pt_ahead *ahead;     /* what the kernel prepares for a first apply; NULL: nothing */
	bool offline;               /* no program is to be put on devices: in a trial */
	struct pt_ingress *ingress; /* the classifier in the kernel, as far as it differs; NULL when made offline */
	char digest[65];            /* of the file's bytes, and of all others that its rules were made of */
	char loaded_of[65];         /* digest of what was in force when the anchors that programs loaded were read */
	uint64_t due;               /* when the contents of sets change by themselves, seconds since the epoch */
	size_t adopted;             /* connections that a first apply gave states to, see pt_plan_apply() */
};

/* AUTO chooses the classifier where the rules fit it and so many constant ones judge arriving packets. */
#define PT_PLAN_BPF_MIN 64

/* Loads PATH, builds and compiles; no kernel, no privilege. */
PT_API int pt_plan_offline(const char *path, enum pt_engine engine, struct pt_plan *p, struct pt_err *e) PT_MUST;
/* The same of a text that is no file yet; NAME stands for its path. */
PT_API int pt_plan_offline_text(const char *name, const char *text, size_t len, enum pt_engine engine, struct pt_plan *p,
				struct pt_err *e) PT_MUST;
/* The same, then reads the kernel and computes the change. Sockets are borrowed. SOON: pt_plan_apply() will follow; the
 * kernel then already prepares what nothing depends on before that. */
PT_API int pt_plan_online(const char *path, enum pt_engine engine, bool soon, struct pt_nl *nf, struct pt_nl *route,
			  struct pt_plan *p, struct pt_err *e) PT_MUST;
/* The same of bytes that were read before, patronus/history.h; what they include is in T. AGAIN: they were in force before, and
 * nobody is asked for names of hosts, whose last answers count. */
struct pt_texts;
PT_API int pt_plan_online_texts(const struct pt_texts *t, enum pt_engine engine, bool again, struct pt_nl *nf, struct pt_nl *route,
				struct pt_plan *p, struct pt_err *e) PT_MUST;
/* Warnings about queues that rules name and the file does not have, and the other way round. -ENOMEM or 0. */
PT_API int pt_plan_queues(const struct pt_conf *c, struct pt_err *e) PT_MUST;
/* Number of writes that the change consists of, with those to the classifier; 0: nothing differs. */
PT_API size_t pt_plan_writes(const struct pt_plan *p);
PT_API void pt_plan_walk(const struct pt_plan *p, pt_nft_op_cb cb, void *arg);
PT_API void pt_plan_fini(struct pt_plan *p);

/* Loads the rules in a network namespace made for it and thrown away (unprivileged user namespace where
 * the caller is not root). 0: the kernel takes them; -EINVAL …: a refusal with its file:line; -EPERM,
 * -ENOSYS: no trial possible here, with a record that says why. */
PT_API int pt_plan_trial(struct pt_plan *p, struct pt_err *e) PT_MUST;

/* Takes the lock, puts the change in force in one transaction (planned anew when the kernel's generation
 * moved), reads back and compares, then sets forwarding where the file says so. The applied copy is written
 * under PT_RUN_DIR before the switch. A first apply gives states to the established TCP connections of this
 * machine that the new rules would let in or out, so that a remote session outlives it. WRITES counts the messages
 * written; 0: nothing differed and nothing was written. */
PT_API int pt_plan_apply(struct pt_plan *p, struct pt_nl *nf, size_t *writes, struct pt_err *e) PT_MUST;
/* The same at once, where PATH differs from the file in force by one rule that asks the same of packets as the one before, or by nothing:
 * then the other rules are not even read. Where it is not so, or not known to be so, nothing is told and nothing of it is in force, and the
 * apply of all does it. P then has the file without those rules, and the machine. For PATH "-" or another engine it never is. */
struct pt_patched {
	bool done, written;      /* WRITTEN: a rule was changed */
	size_t rules;            /* of the file */
};
PT_API int pt_plan_patch(const char *path, enum pt_engine engine, struct pt_nl *nf, struct pt_nl *route, struct pt_plan *p,
			 struct pt_patched *out, struct pt_err *e) PT_MUST;
/* Finds the states that the rules of P, made online, would not make now: each is judged as its first packet was,
 * on the devices that routes tell, and with the tables as they are after an apply. BEFORE, the policy in
 * force before P (NULL: not known), tells which rules are unchanged: their states came by the devices that they
 * name. States without our label are nobody's. With a CB they are given to it (it must not use NF), without
 * they are ended. N counts them. Memory does not grow with the number of states. */
PT_API int pt_plan_enforce(const struct pt_plan *p, const struct pt_policy *before, struct pt_nl *nf, pt_ct_cb cb,
			   void *arg, size_t *n, struct pt_err *e) PT_MUST;
/* The block set of a boot: see `boot` in patronus.conf(5). It is that of the last confirmed revision in STATE that can be read,
 * else of FILE where that is right (NULL: it is not asked), else bare. Where the rules of a file are in force they stay. */
struct pt_block {
	bool kept;               /* rules are in force already: nothing was done */
	uint32_t revision;       /* whose section it is, 0: none */
	bool ssh;                /* it admits somebody's SSH */
};
PT_API int pt_plan_block(const char *state, const char *file, struct pt_nl *nf, struct pt_block *out, size_t *writes,
			 struct pt_err *e) PT_MUST;
/* Leaves the block set of what is in force, or was last; OPEN: everything passes. */
PT_API int pt_plan_stop(bool open, struct pt_nl *nf, size_t *writes, struct pt_err *e) PT_MUST;
/* Who wants to know what pt_plan_follow() does. */
struct pt_follower {
	void (*updated)(size_t writes, void *arg);              /* addresses changed, and so did the kernel's sets */
	void (*failed)(const struct pt_err *why, void *arg);    /* they could not; told once until it works again */
	/* of a source with too many connections */
	void (*ended)(struct pt_addr source, size_t states, void *arg);
	void *arg;
	const char *state; /* changes that wait in that folder are watched over, see pt_keeper_open(); NULL: none are */
	void (*undone)(uint32_t revision, void *arg); /* such a one, whose guard was gone */
	bool names_kept; /* somebody else, pt_plan_names_follow(), asks for names: what is kept of them counts */
};
/* Whether anybody does that in this network namespace: rules with max-src-conn and flush need it. */
PT_API bool pt_plan_followed(void);
/* One of those rules; NULL: there are none. */
PT_API const struct pt_pol_rule *pt_plan_needs_follower(const struct pt_policy *p);
/* Waits for address changes, and for the end of the time of names' answers, and updates the sets of "(interface)" references
 * and of names only; returns on error or when
 * FD_STOP (>= 0) becomes readable. */
PT_API int pt_plan_follow(struct pt_nl *nf, struct pt_nl *route, int fd_stop, const struct pt_follower *who,
			  struct pt_err *e) PT_MUST;

/* Asks for the names of the applied file when their answers' time is over, keeps the answers, and touches no rule: the only part of
 * following that needs the network. Ends as pt_plan_follow(); WHO is told of failures only. */
PT_API int pt_plan_names_follow(struct pt_nl *nf, int fd_stop, const struct pt_follower *who, struct pt_err *e) PT_MUST;

/* Asks for all names of hosts in the applied file, which NAMES counts, and updates their sets; WRITES as in an apply. */
PT_API int pt_plan_names_refresh(struct pt_nl *nf, struct pt_nl *route, size_t *names, size_t *writes,
				 struct pt_err *e) PT_MUST;
/* The applied file, as pt_plan_applied(), and what is kept of names. */
PT_API int pt_plan_names(struct pt_nl *nf, struct pt_plan *p, struct pt_names **out, struct pt_err *e) PT_MUST;

/* Who wants what rules with `log` log. */
struct pt_logger {
	int (*record)(const struct pt_log_record *r, void *arg); /* negative: no more, that is the result */
	int (*pause)(void *arg);    /* a good moment to write what was gathered; alike */
	void *arg;
	uint32_t keep;              /* bytes of each packet */
};
/* What the kernel told to be lost. MORE: and some at the end that nobody can count. */
struct pt_log_loss {
	uint64_t packets;
	bool more;
};
/* Listens to the log of this network namespace and names each packet's rule and its place in the file that was in force
 * when the packet came; returns on error or when FD_STOP (>= 0) becomes readable. -EBUSY: somebody listens already.
 * NF is used for questions. */
PT_API int pt_plan_log(struct pt_nl *nf, int fd_stop, const struct pt_logger *who, struct pt_log_loss *loss,
		       struct pt_err *e) PT_MUST;

/* The configuration in force: the applied copy named by the digest in the kernel's table. -ENOENT: none, or
 * its copy is gone (a record says which). */
PT_API int pt_plan_applied(struct pt_nl *nf, struct pt_plan *p, struct pt_err *e) PT_MUST;

/* What the configuration in force has names for. */
enum pt_plan_kind {
	PT_PLAN_RULES,        /* labels, or what stands for one; in order */
	PT_PLAN_TRANSLATIONS, /* of them, those that translate */
	PT_PLAN_ANCHORS,
	PT_PLAN_HOSTS,        /* whose addresses are asked for */
	PT_PLAN_TESTS,
};
/* Calls WORD for each, without building any rule: at each key of a console, too. Where nothing is in force there are none. */
PT_API int pt_plan_offer(struct pt_nl *nf, enum pt_plan_kind kind, void (*word)(const char *w, void *arg), void *arg,
			 struct pt_err *e) PT_MUST;

/* Replaces the rules of one anchor in what is in force, which must have a place for it. */
struct pt_anchor_change {
	const char *path;  /* of the anchor; for a flush also with a star */
	const char *text;  /* its rules, one a line; NULL: none any more */
	size_t len;
	const char *file;  /* where they come from, for messages */
	bool dry;          /* plan, change nothing */
};
/* P becomes what is in force then: its tables keep what they hold, and only the difference is written. -ENOENT with
 * records: nothing is in force, or no rule asks this anchor; -EINVAL: the rules are wrong. Whoever loads
 * another anchor at the same time waits. */
PT_API int pt_plan_anchor(struct pt_nl *nf, struct pt_nl *route, const struct pt_anchor_change *what, struct pt_plan *p,
			  size_t *writes, struct pt_err *e) PT_MUST;
/* What a path with a star at its end, or without, stands for. */
PT_API bool pt_anchor_matches(const char *pattern, const char *path);

/* ---- the way of one packet ---- */

/* A packet, and where it is met. */
struct pt_question {
	struct pt_packet packet; /* partial: what is not given is not known */
	enum pt_dir dir;         /* IN: it arrives on DEVICE; OUT: this machine sends it, by DEVICE */
	const char *device;
	bool established;        /* of a known connection */
};

/* What the way of a packet depends on, beside the rules. */
struct pt_world {
	const struct pt_policy *policy;
	const struct pt_eval *eval;
	const struct pt_host *host;
	struct pt_iset self[2];  /* pt_host_self() */
	bool asks_routes;        /* some rule does: pt_world_asks_routes() */
	/* The device that a packet to DST leaves by, "" none; valid until the next call. */
	const char *(*route)(void *arg, struct pt_addr dst);
	/* Are packets of family AF that arrive on DEVICE forwarded? May those to 127.0.0.0/8 be for this machine there? */
	bool (*forwards)(void *arg, enum pt_af af, const char *device);
	bool (*loopback)(void *arg, const char *device);
	/* All ways that ROUTE would tell, in A; for pt_reach_find(). */
	int (*ways)(void *arg, struct pt_arena *a, struct pt_net_ways *out, struct pt_err *e);
	void *arg;
};
PT_API bool pt_world_asks_routes(const struct pt_policy *p);

enum pt_step_kind {
	PT_STEP_BEGIN,      /* it arrives on DEVICE, or is about to leave by it */
	PT_STEP_KNOWN,      /* its connection is known: nobody judges it */
	PT_STEP_JUDGED,     /* in direction DIR on DEVICE */
	PT_STEP_TRANSLATED, /* NAT; PACKET has the translation */
	PT_STEP_LOCAL,      /* it is for this machine */
	PT_STEP_ROUTED,     /* it is to leave by DEVICE */
	PT_STEP_DROPPED,    /* by the kernel, not by a rule: WHY */
};

struct pt_step {
	enum pt_step_kind kind;
	enum pt_dir dir;
	char device[16];
	struct pt_packet packet;     /* JUDGED: as it is judged; else as it is then */
	struct pt_decision decision; /* JUDGED */
	uint32_t nat;                /* TRANSLATED: index+1 into nats */
	bool any_of_pool;            /* TRANSLATED: the address is one of several */
	const char *why;             /* DROPPED */
};

/* What the sender of a blocked packet gets. */
enum pt_answer { PT_ANSWER_SILENCE, PT_ANSWER_RESET, PT_ANSWER_UNREACHABLE };

#define PT_PATH_STEPS 8
struct pt_path {
	struct pt_step steps[PT_PATH_STEPS];
	size_t n;
	bool pass;
	const struct pt_decision *decided; /* the last judgement of STEPS; NULL: none */
	const char *why;             /* non-NULL where no rule decided, or not alone */
	enum pt_answer answer;
	uint8_t code;                /* UNREACHABLE: ICMP's of the family */
	bool uncertain;              /* what is not known of the packet may change it, see the judgements */
};

/* The way of Q's packet. Pure but for the calls of W; no allocation. */
PT_API void pt_path_find(const struct pt_world *w, const struct pt_question *q, struct pt_path *out);

/* The rules, the tables, the addresses and the routes that packets meet: with FILE NULL those of the kernel, NF is asked
 * then; else those of a file with its written tables. ROUTE is borrowed and must live as long. */
struct pt_explainer;
PT_API int pt_explainer_new(const char *file, struct pt_nl *nf, struct pt_nl *route, struct pt_explainer **out,
			    struct pt_err *e) PT_MUST;
PT_API void pt_explainer_free(struct pt_explainer *x);
PT_API const struct pt_world *pt_explainer_world(const struct pt_explainer *x);

/* A packet in words, "in lan tcp 192.168.1.5:4000 to 1.1.1.1:443 flags S": see ptfw(8). NOW in seconds since the epoch. -EINVAL with a
 * record that shows the word. */
PT_API int pt_question_words(const struct pt_world *w, const char *const *words, size_t n, uint64_t now,
			     struct pt_question *q, struct pt_err *e) PT_MUST;
/* The same from a flat object of JSON, LEN bytes of LINE. The strings of Q live as long as W. E is not filled: *COLUMN, from 1,
 * and WHY tell what is wrong. */
PT_API int pt_question_json(const struct pt_world *w, const char *line, size_t len, uint64_t now, struct pt_question *q,
			    size_t *column, const char **why) PT_MUST;
/* The words that may follow a packet's addresses, NULL behind the last. */
PT_API const char *pt_question_word(size_t i);

/* ---- tests: what the file expects of its rules ---- */

enum pt_expect_result {
	PT_EXPECT_HOLDS,
	PT_EXPECT_FAILS,
	PT_EXPECT_NOTHING, /* no packet meets the conditions: nothing is said */
};

/* One statement, and what came of it. */
struct pt_expectation {
	const struct pt_conf_test *test;
	const char *text;    /* canonical */
	struct pt_loc loc;   /* of its first word */
	bool pass;           /* what is expected */
	enum pt_expect_result result;
	/* Of one that FAILS, a packet and its judgement: */
	enum pt_dir dir;
	const char *device;
	struct pt_packet packet;
	const char *words;   /* the packet, as pt_question_words() takes it */
	struct pt_decision decision;
};

/* Where the contents of tables come from. */
enum pt_expect_tables {
	PT_EXPECT_WRITTEN, /* the file */
	PT_EXPECT_KERNEL,  /* the kernel, as they are */
	PT_EXPECT_APPLIED, /* as an apply would leave them: written ones from the file, others from the kernel */
};

/* The file PATH, or, where that is NULL, the one in force, as far as its tests need it. */
PT_API int pt_expect_load(const char *path, struct pt_nl *nf, struct pt_nl *route, struct pt_plan *p, struct pt_err *e) PT_MUST;
/* Proves the statements of P's test NAME, NULL: of all, each for every packet that it is about, with the addresses of P's machine,
 * and gives them to FN in their order; non-zero ends it and is the result. A plan without a machine gets this one. NF may be NULL
 * with WRITTEN. -ENOENT: there is no such test; -EINVAL: a statement is wrong; -E2BIG: the rules are beyond proof, records say why. */
PT_API int pt_expect_run(struct pt_plan *p, enum pt_expect_tables tables, struct pt_nl *nf, struct pt_nl *route,
			 const char *name, int (*fn)(const struct pt_expectation *x, void *arg), void *arg,
			 struct pt_err *e) PT_MUST;

/* A statement of C that does not hold, or says nothing, as a record; SEV of the former. IN_FORCE: C is. */
PT_API void pt_expect_tell(const struct pt_conf *c, const struct pt_expectation *x, bool in_force, enum pt_sev sev,
			   struct pt_err *e);
/* Whether all tests of P hold, for who would put it in force; records tell what does not, as warnings with FORCE, and then *HOLD is
 * true. Without tests it costs nothing. Errors as of pt_expect_run(). */
PT_API int pt_expect_hold(struct pt_plan *p, enum pt_expect_tables tables, struct pt_nl *nf, bool force, bool *hold,
			  struct pt_err *e) PT_MUST;

/* Gives FN what OLD and NEW, of pt_expect_load(), say differently about packets on NEW's machine, as pt_meaning_compare(); their tags
 * may get other numbers. NF may be NULL where both tables are WRITTEN. */
struct pt_meaning;
PT_API int pt_plan_meaning(struct pt_plan *old, enum pt_expect_tables old_tables, struct pt_plan *new,
			   enum pt_expect_tables new_tables, struct pt_nl *nf,
			   int (*fn)(const struct pt_meaning *m, void *arg), void *arg, struct pt_err *e) PT_MUST;
/* Whether the match rules that translate have the same texts in the same order; else OUT are the first two that differ, NULL: it
 * has no more. */
PT_API bool pt_plan_same_match_nat(const struct pt_plan *old, const struct pt_plan *new, const struct pt_pol_rule *out[2]);

/* ---- what lint has to know of the machine ---- */

/* Devices that face the internet: a default route leaves by them, or they have a public IPv4 address. */
struct pt_lint_outside {
	const char **v;
	size_t n, cap;
};
PT_API int pt_lint_outside(const struct pt_world *w, struct pt_arena *a, struct pt_lint_outside *out) PT_MUST;
/* Adds a finding for each translation of destinations of which no packet gets through. */
PT_API int pt_lint_forwards(struct pt_lint *l, const struct pt_world *w, struct pt_err *e) PT_MUST;

/* How the configuration in force judges arriving packets. */
struct pt_plan_engine {
	enum pt_engine engine;      /* LINEAR also where no list is long enough for a tree */
	const char *why;            /* engine BPF is not in force: the likely reason */
	struct pt_order order;      /* of its rules; n_const of them are the classifier's */
	size_t n_dynamic;           /* the others: dynamic ones and effects */
	/* BPF only: */
	size_t bytes;               /* of the tables */
	uint32_t steps;             /* struct pt_classifier */
	PT_VEC(const char *) with, without; /* devices with the program and without it */
	uint64_t unjudged_packets, unjudged_bytes; /* pt_nft_unjudged() */
};
/* Of P as pt_plan_applied() made it; OUT's lists belong to A, and names to P. */
PT_API int pt_plan_engine(struct pt_plan *p, struct pt_nl *route, struct pt_arena *a, struct pt_plan_engine *out,
			  struct pt_err *e) PT_MUST;

#endif
