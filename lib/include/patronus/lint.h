/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lint - what is wrong with rules that are correct: rules that never decide, that say the same twice, that leave a
 * family or the internet open by mistake; names that nobody uses. Nothing here guesses: a finding has a proof, which is
 * the rules that cover it, or a witness, which is a packet.
 */
#ifndef PATRONUS_LINT_H
#define PATRONUS_LINT_H

#include <patronus/policy.h>

enum pt_lint_code {
	PT_LINT_CONTRADICTORY, /* another rule with the same packets says otherwise, and is asked before */
	PT_LINT_SHADOWED,      /* it never decides: rules asked before it cover it, and not all of them do as it does */
	PT_LINT_REDUNDANT,     /* without it nothing would be different */
	PT_LINT_NEVER,         /* no packet meets its conditions */
	PT_LINT_WIDE,          /* it opens all of something to the internet */
	PT_LINT_TWIN,          /* the other family's packets have another verdict */
	PT_LINT_UNADMITTED,    /* what it translates is not let through */
	PT_LINT_UNUSED,        /* a name without use */
	PT_LINT_PARTLY,        /* a part of it never decides */
	PT_LINT_GENERALISES,   /* rules with the other verdict are exceptions of it */
	PT_LINT_UNDECIDED,     /* it would take too long to know */
	PT_LINT_ALLOWED,       /* a comment that silences, and there is nothing to silence */
	PT_LINT_CODES,
};
enum pt_lint_sev { PT_LINT_ERROR, PT_LINT_WARNING, PT_LINT_NOTE };

#define PT_LINT_BY_MAX 16 /* rules that one finding names */
#define PT_LINT_STEPS 20000

struct pt_finding {
	enum pt_lint_code code;
	enum pt_lint_sev sev;
	struct pt_loc loc;              /* of the rule, or of what else it is about */
	const struct pt_pol_rule *rule; /* NULL: it is about something else */
	const struct pt_pol_rule *by[PT_LINT_BY_MAX];
	size_t n_by, more_by;           /* the cover, or the others of the message; MORE_BY are not named */
	const char *message;
	const char *witness[2];         /* as `ptfw explain` takes them; NULL: none */
};

/* The findings of one policy. Strings are in ARENA or in the policy. */
struct pt_lint {
	struct pt_arena *arena;
	PT_VEC(struct pt_finding) v;
	bool failed;                    /* out of memory: pt_lint_end() tells */
};

struct pt_lint_input {
	const struct pt_policy *policy;
	const struct pt_host *host;
	const struct pt_eval *eval;
	const char *const *outside;     /* devices that face the internet */
	size_t n_outside;
	uint64_t now;                   /* seconds since the epoch: schedules are looked at from here on; 0: as a whole */
	bool details;                   /* generalising rules, too */
	uint64_t steps;                 /* for one question; 0: PT_LINT_STEPS */
};

PT_API const char *pt_lint_code_name(enum pt_lint_code code);
PT_API int pt_lint_code_find(const char *name, size_t len, enum pt_lint_code *out) PT_MUST;
PT_API const char *pt_lint_sev_name(enum pt_lint_sev sev);

PT_API int pt_lint_init(struct pt_lint *l) PT_MUST;
PT_API void pt_lint_fini(struct pt_lint *l);
/* Adds an empty finding about R, or with R NULL about the place LOC; NULL: out of memory, which pt_lint_end() tells. */
PT_API struct pt_finding *pt_lint_add(struct pt_lint *l, enum pt_lint_code code, enum pt_lint_sev sev,
				      const struct pt_pol_rule *r, const struct pt_loc *loc);
PT_API void pt_lint_by(struct pt_finding *f, const struct pt_pol_rule *r);
/* F may be NULL. */
PT_API void pt_lint_say(struct pt_lint *l, struct pt_finding *f, const char *fmt, ...) PT_PRINTF(3, 4);

/* All that can be told by the rules and the file. 0 or a negative errno with a record. */
PT_API int pt_lint_policy(struct pt_lint *l, const struct pt_lint_input *in, struct pt_err *e) PT_MUST;
/* Takes away what the file's comments allow, and puts the rest in the order of the file. */
PT_API int pt_lint_end(struct pt_lint *l, const struct pt_policy *p, struct pt_err *e) PT_MUST;

#endif
