/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who changes something, in words; and whether two are the same session. */
#include <string.h>

#include <patronus/history.h>

void pt_author_fmt(struct pt_buf *b, const struct pt_author *a)
{
	pt_buf_str(b, a->user[0] ? a->user : "somebody");
	if (a->client[0])
		pt_buf_fmt(b, " from %s", a->client);
	if (a->tty[0])
		pt_buf_fmt(b, " on %s", !strncmp(a->tty, "/dev/", 5) ? a->tty + 5 : a->tty);
}

bool pt_author_elsewhere(const struct pt_author *a, const struct pt_author *who)
{
	bool same_leader = a->leader == who->leader && a->leader_started == who->leader_started;
	bool same_tty = a->tty[0] && !strcmp(a->tty, who->tty);

	if (a->session && who->session && a->session != who->session)
		return true; /* logged in twice: even a terminal with the same name is another one */
	if (a->session && a->session == who->session)
		return false;
	return !same_leader && !same_tty;
}
