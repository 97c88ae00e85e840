/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel takes what the compiler makes: every file of tests/corpus/nft and every example, put
 * into a fresh namespace, read back without a difference, stopped and started, and one after the
 * other in the same namespace. Where nft is installed it must be able to list them.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <patronus/conf.h>
#include <patronus/net.h>
#include <patronus/nft.h>
#include <patronus/policy.h>

#include "netns/lab.h"

struct made {
	struct pt_conf *conf;
	struct pt_policy *policy;
	struct pt_nft_prog *prog;
};

static void show(const struct pt_err *e)
{
	for (size_t i = 0; i < e->list.n; i++)
		print_message("# line %u: %s\n", e->list.v[i].loc.line, e->list.v[i].msg);
}

static void made_free(struct made *m)
{
	pt_nft_prog_free(m->prog);
	pt_policy_free(m->policy);
	pt_conf_free(m->conf);
}

/* False: a file that is wrong on purpose, or not for the engine. */
static bool make(struct made *m, const char *path, enum pt_engine engine)
{
	struct pt_nft_source from = { .digest = "digest", .path = path, .engine = engine };
	struct pt_nl *route = NULL;
	struct pt_host *host = NULL;
	struct pt_err e = { 0 };
	int rc;

	memset(m, 0, sizeof(*m));
	rc = pt_nl_open(&route, NETLINK_ROUTE, &e);
	if (!rc)
		rc = pt_net_read(route, &host, &e);
	if (!rc)
		rc = pt_conf_load(path, &m->conf, &e);
	if (!rc)
		rc = pt_policy_build(m->conf, &m->policy, &e);
	from.policy = m->policy;
	from.host = host;
	if (!rc)
		rc = pt_nft_compile(&from, &m->prog, &e);
	pt_host_free(host);
	pt_nl_close(route);
	if (rc && !strstr(path, "unknown") && engine == PT_ENGINE_LINEAR)
		show(&e);
	pt_err_fini(&e);
	return !rc;
}

/* Puts P in force and returns the messages it took; then nothing may differ. */
static size_t apply(struct pt_nl *nf, const struct pt_nft_prog *p)
{
	size_t writes[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		struct pt_nft_state *have = NULL;
		struct pt_nft_plan *plan = NULL;
		struct pt_err e = { 0 };
		int rc;

		rc = pt_nft_read(nf, &have, &e);
		if (!rc)
			rc = pt_nft_diff(p, have, &plan, &e);
		if (!rc) {
			writes[i] = pt_nft_plan_writes(plan);
			rc = pt_nft_commit(nf, plan, &e);
		}
		if (rc)
			show(&e);
		assert_int_equal(rc, 0);
		pt_nft_plan_free(plan);
		pt_nft_state_free(have);
		pt_err_fini(&e);
	}
	assert_int_equal(writes[1], 0);
	return writes[0];
}

/* `nft list` decodes every rule: no word on standard error. */
static void list_with_nft(void)
{
	static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft" };
	char words[256];
	int err[2], status;
	ssize_t n;
	pid_t pid;

	if (access(paths[0], X_OK) && access(paths[1], X_OK))
		return;
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, 1);
		(void)dup2(err[1], 2);
		for (size_t i = 0; i < PT_ARRAY_SIZE(paths); i++)
			execl(paths[i], "nft", "list", "table", "inet", "patronus", (char *)NULL);
		_exit(127);
	}
	close(err[1]);
	n = read(err[0], words, sizeof(words) - 1);
	close(err[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (n > 0)
		print_message("# nft: %.*s\n", (int)n, words);
	assert_int_equal(n, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void machine(void)
{
	static const char *const devices[] = { "eth0", "eth1", "eth2", "eth3" };

	(void)lab_ns();
	lab_ip("link set lo up");
	for (size_t i = 0; i < PT_ARRAY_SIZE(devices); i++) {
		lab_ip("link add %s type veth peer name peer%zu", devices[i], i);
		lab_ip("link set %s up", devices[i]);
		lab_ip("addr add 192.0.2.%zu/32 dev %s", i + 1, devices[i]);
		lab_ip("addr add 2001:db8::%zu/128 dev %s nodad", i + 1, devices[i]);
	}
}

static void one_file(void **state)
{
	struct pt_nft_prog *stop[2] = { NULL };
	struct pt_err e = { 0 };
	struct pt_nl *nf = NULL;
	struct made m, keys = { 0 };
	bool made_keys;

	machine();
	if (!make(&m, *state, PT_ENGINE_LINEAR)) {
		assert_non_null(strstr(*state, "unknown"));
		made_free(&m);
		return;
	}
	made_keys = make(&keys, *state, PT_ENGINE_BPF);
	assert_int_equal(pt_nl_open(&nf, NETLINK_NETFILTER, &e), 0);
	assert_int_equal(pt_nft_compile_stop(false, &stop[0], &e), 0);
	assert_int_equal(pt_nft_compile_stop(true, &stop[1], &e), 0);
	assert_true(apply(nf, m.prog) > 0);
	list_with_nft();
	for (size_t i = 0; i < PT_ARRAY_SIZE(stop); i++) {
		assert_true(apply(nf, stop[i]) > 0);
		list_with_nft();
		assert_true(apply(nf, m.prog) > 0);
		pt_nft_prog_free(stop[i]);
	}
	for (int i = 0; made_keys && i < 2; i++) { /* from one engine to the other and back */
		assert_true(apply(nf, i ? m.prog : keys.prog) > 0);
		list_with_nft();
	}
	made_free(&keys);
	pt_nl_close(nf);
	pt_err_fini(&e);
	made_free(&m);
}

static glob_t files;

static void one_after_the_other(void **state)
{
	struct pt_err e = { 0 };
	struct pt_nl *nf = NULL;

	(void)state;
	machine();
	assert_int_equal(pt_nl_open(&nf, NETLINK_NETFILTER, &e), 0);
	for (size_t i = 0; i < 2 * files.gl_pathc; i++) {
		struct made m;

		/* there in order, back with a stride that meets other neighbours */
		if (make(&m, files.gl_pathv[i < files.gl_pathc ? i : i * 7 % files.gl_pathc],
			 i % 3 ? PT_ENGINE_BPF : PT_ENGINE_LINEAR))
			apply(nf, m.prog);
		made_free(&m);
	}
	pt_nl_close(nf);
	pt_err_fini(&e);
}

int main(void)
{
	const char *top = getenv("PATRONUS_TOP"), *why = lab_lacks();
	struct CMUnitTest *tests;
	char pattern[512];
	int rc;

	if (why)
		return lab_skip(why);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	(void)snprintf(pattern, sizeof(pattern), "%s/{tests/corpus/nft,contrib/examples}/*.conf",
		       top ? top : ".");
	if (glob(pattern, GLOB_BRACE, NULL, &files) || files.gl_pathc < 40) {
		printf("Bail out! no files at %s\n", pattern);
		return 1;
	}
	tests = calloc(files.gl_pathc + 1, sizeof(*tests));
	if (!tests)
		abort();
	for (size_t i = 0; i < files.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){ strrchr(files.gl_pathv[i], '/') + 1, one_file, NULL,
						NULL, files.gl_pathv[i] };
	tests[files.gl_pathc] = (struct CMUnitTest)cmocka_unit_test(one_after_the_other);
	rc = _cmocka_run_group_tests("nft_compile", tests, files.gl_pathc + 1, NULL, NULL);
	free(tests);
	globfree(&files);
	return rc;
}
