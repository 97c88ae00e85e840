/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the commands of ptfw. */
#ifndef PTFW_H
#define PTFW_H

#include <patronus/cli.h>
#include <patronus/ct.h>
#include <patronus/plan.h>

#include "states.h"

/* pfctl.c: runs a command line, in pfctl's letters or in our words */
int pfctl_main(const struct pt_cli_tool *tool, int argc, char **argv);
/* whole.c */
int cmd_check(struct pt_cli *c);
int cmd_diff(struct pt_cli *c);
int cmd_apply(struct pt_cli *c);
int cmd_stop(struct pt_cli *c);
int cmd_follow(struct pt_cli *c);
int cmd_name_follow(struct pt_cli *c);
int complete_follow(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* lint.c */
int cmd_lint(struct pt_cli *c);
/* info.c */
int cmd_info(struct pt_cli *c);
const char *engine_name(enum pt_engine engine);
/* diff.c: what applying P changes, beside the file in force */
int print_plan(struct pt_cli *c, const struct pt_plan *p, struct pt_nl *nf);
/* enforce.c: P's rules hold for the states, too; BEFORE were in force before, NULL: not known. A dry run lists the
 * states that would end. */
int enforce(struct pt_cli *c, const struct pt_plan *p, const struct pt_policy *before, struct pt_nl *nf);
/* explain.c, explain_tried.c, explain_lines.c; see explain.h */
int cmd_explain(struct pt_cli *c);
int complete_packet(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* reach.c */
int cmd_reach(struct pt_cli *c);
int complete_reach(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* trace.c */
int cmd_trace(struct pt_cli *c);
int complete_trace(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* learn.c */
int cmd_learn(struct pt_cli *c);
int complete_learn(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* explain.c: names of interfaces and devices */
void complete_interfaces(struct pt_cli *c, void (*word)(const char *w, void *arg), void *arg);
/* meaning.c: what two files, or a file and the rules in force, say differently about packets */
int diff_meaning(struct pt_cli *c);
/* test.c */
int cmd_test(struct pt_cli *c);
int complete_test(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* The statements of P's tests, of which each that does not hold is told, as a warning with --force. 0: P may go on; an
 * exit status, or a negative errno. */
int tests_hold(struct pt_cli *c, struct pt_plan *p, enum pt_expect_tables tables, struct pt_nl *nf);
/* import.c */
int cmd_import_pf(struct pt_cli *c);
/* rule.c */
int cmd_rule_show(struct pt_cli *c);
int cmd_nat_show(struct pt_cli *c);
/* P's rules in the order of the file; NULL: no memory. */
const struct pt_pol_rule **rules_as_written(const struct pt_policy *p, struct pt_arena *a);
/* In how many of the first N anchor rules the written rule number AST stands. */
int depth_in_places(const struct pt_policy *p, size_t n, uint32_t ast);
/* contents.c: changes of tables' contents, each as OP and TEXT, which the callee may use and alter */
void contents_walk(const struct pt_plan *p, void (*tell)(const char *op, struct pt_buf *text, void *arg), void *arg);
bool contents_of_table(const char *kind, const char *name);
/* judged.c: who finds the rules of P's policy, by their place in it */
struct judged {
	const struct pt_policy *policy;
	struct judged_place *places;
};
int judged_find(const struct pt_plan *p, struct pt_arena *a, struct judged *out);
/* Of the written rule that begins at place I, in direction DIR: "classifier", "group 3", "list"; nothing
 * where it has no part in that. */
void judged_text(const struct judged *j, size_t i, enum pt_dir dir, struct pt_buf *out);
/* anchor.c */
int cmd_anchor_list(struct pt_cli *c);
int cmd_anchor_show(struct pt_cli *c);
int cmd_anchor_load(struct pt_cli *c);
int cmd_anchor_flush(struct pt_cli *c);
int complete_anchor(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* Rules or a place for PATH, which may end in a star, are there; else the answer is no. */
bool anchor_known(const struct pt_plan *p, const char *path);
int anchor_unknown(struct pt_cli *c, const struct pt_plan *p, const char *path);
/* What programs loaded and the rules of P do not ask for; PATTERN NULL: any. */
void anchor_tell_idle(struct pt_cli *c, const struct pt_plan *p, const char *pattern);
/* rule.c: the rules in force of the anchors that PATTERN names */
int show_anchor(struct pt_cli *c, const char *pattern);
/* table.c */
int cmd_table_list(struct pt_cli *c);
int cmd_table_show(struct pt_cli *c);
int cmd_table_add(struct pt_cli *c);
int cmd_table_delete(struct pt_cli *c);
int cmd_table_replace(struct pt_cli *c);
int cmd_table_test(struct pt_cli *c);
int cmd_table_flush(struct pt_cli *c);
int cmd_table_zero(struct pt_cli *c);
int cmd_table_expire(struct pt_cli *c);
int complete_table(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* name.c */
int cmd_name_show(struct pt_cli *c);
int cmd_name_refresh(struct pt_cli *c);
int complete_name(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* log.c */
int cmd_log_show(struct pt_cli *c);
int cmd_log_follow(struct pt_cli *c);
int cmd_log_summary(struct pt_cli *c);
int cmd_log_record(struct pt_cli *c);
int complete_log(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);

/* common.c: the two sockets of most commands; 0 or a negative errno with a record */
struct sockets {
	struct pt_nl *nf, *route;
};
int sockets_open(struct sockets *s, struct pt_err *e);
void sockets_close(struct sockets *s);
/* Names of what is in force: rules, those of them that translate, and others. */
int complete_known(struct pt_cli *c, enum pt_plan_kind kind, void (*word)(const char *w, void *arg), void *arg);
int complete_translation(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
int complete_label(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg);
/* The applied file in P, which stays empty where none can be read: what is asked then has no names.
 * -ENOMEM with a record. */
int applied_or_none(struct pt_nl *nf, struct pt_plan *p, struct pt_err *e);
/* A name was asked for that the kernel has not, RC -ENOENT: the answer is no where a file is in force; where
 * none is, the same error for everything, in place of what was recorded. Another RC comes back. */
int not_there(struct pt_cli *c, struct pt_nl *nf, int rc);
/* The text form of a record; its key KEY. Both empty the buffer, and fail the output when it failed. */
void show_text(struct pt_out *o, struct pt_buf *text);
void show_key(struct pt_out *o, const char *key, struct pt_buf *text);

#endif
