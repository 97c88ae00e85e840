/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration that somebody made in memory: it comes into force and into its file in one change, and goes from both when that is
 * undone. Who is killed on the way leaves both as they were, or both new, to whoever comes next.
 */
#include <errno.h>

#include <patronus/subsystem.h>

#include "ptconf.h"
#include "tools.h"

const struct pt_edit_texts *ptconf_candidate[2];

bool candidate_given(void)
{
	return ptconf_candidate[1] != NULL;
}

int texts_of_candidate(struct pt_cli *c, struct pt_texts *out)
{
	const struct pt_edit_texts *to = ptconf_candidate[1];
	const struct pt_conf_source *s = to->v.v;
	struct pt_conf_more more = { .v = s + 1, .n = to->v.n - 1, .files = to->files };
	struct pt_policy *policy = NULL;
	struct pt_conf *conf = NULL;
	int rc = pt_policy_parse_more(s->file, s->text, s->len, &more, &conf, &policy, &c->err);

	if (!rc)
		rc = pt_policy_check_here(conf, &c->err);
	pt_policy_free(policy);
	if (!rc && !conf->len) {
		pt_err_add(&c->err, PT_ERROR, NULL, "to block everything, use `ptfw stop`", "applying %s: it is empty", conf->path);
		rc = PT_EXIT_CONFIG;
	} else if (!rc && texts_of_conf(conf, true, out)) {
		rc = pt_err_sys(&c->err, -ENOMEM, "reading %s", conf->path);
	}
	pt_conf_free(conf);
	if (rc)
		pt_texts_fini(out);
	return rc;
}

int candidate_begin(struct pt_cli *c, struct file_lock *l, struct pt_change_how *how)
{
	how->from = ptconf_candidate[0];
	how->to = ptconf_candidate[1];
	return file_lock_take(l, c, "commit of ptsh");
}

void candidate_end(struct pt_cli *c, struct file_lock *l, int rc)
{
	file_lock_release(l);
	if (rc == -ESTALE)
		pt_err_add(&c->err, PT_ERROR, NULL, "`save FILE` keeps yours; `discard` and `load merge` it then",
			   "somebody else changed %s meanwhile", c->file);
}
