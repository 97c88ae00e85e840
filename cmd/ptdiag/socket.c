/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ptdiag socket: who listens, who is connected, which process it is, and how it goes. */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <patronus/link.h>
#include <patronus/socket.h>

#include "ptdiag.h"

#define SHOWN_PROCESSES 4 /* of one socket, in a table */

struct socket_words {
	bool listen;
	unsigned int state, protocol; /* in their choices */
	uint64_t port;
	const char *address, *process, *user;
};

/* By number, from 1; what is beyond them is another word for one of them. */
static const char *const states[] = { "any", "established", "syn-sent", "syn-received", "fin-wait-1",
				      "fin-wait-2", "time-wait", "closed", "close-wait", "last-ack",
				      "listen", "closing", "new-syn-received", "unconnected", NULL };
static const char *const protocols[] = { "any", "tcp", "udp", "raw", "unix", NULL };
#define UNCONNECTED 13

const struct pt_cli_word socket_words[] = {
	{ "listen", PT_CLI_FLAG, offsetof(struct socket_words, listen), NULL, "only those that wait for others", 0, 0,
	  NULL },
	{ "state", PT_CLI_CHOICE, offsetof(struct socket_words, state), "NAME", "only those in this one", 0, 0,
	  states },
	{ "protocol", PT_CLI_CHOICE, offsetof(struct socket_words, protocol), "tcp|udp|raw|unix", "only of this one", 0,
	  0, protocols },
	{ "port", PT_CLI_COUNT, offsetof(struct socket_words, port), "N", "of either end", 1, 65535, NULL },
	{ "address", PT_CLI_TEXT, offsetof(struct socket_words, address), "ADDRESS[/LENGTH]",
	  "of either end, or the network of one", 0, 0, NULL },
	{ "process", PT_CLI_TEXT, offsetof(struct socket_words, process), "NAME|PID", "only those that it has open", 0,
	  0, NULL },
	{ "user", PT_CLI_TEXT, offsetof(struct socket_words, user), "NAME|NUMBER", "only this one's", 0, 0, NULL },
	{ NULL, PT_CLI_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

struct view {
	struct pt_cli *c;
	struct socket_words w;
	struct pt_socket_filter f;
	struct pt_arena *arena;
	struct pt_sockets all;
	struct pt_socket_owners owners;
	struct pt_links links;
	struct pt_out *o;
	struct pt_buf text; /* scratch */
	uint32_t uid;       /* of USER, if that is known */
	char user[PT_PROCESS_NAME];
	int pid;            /* of PROCESS, 0: none: the sockets of one process mostly come in a row */
	char process[PT_PROCESS_NAME];
	size_t shown;
};

/* ---- the words ---- */

static int ask_user(struct view *v, const char *name)
{
	const struct passwd *p = getpwnam(name);
	uint64_t n;

	v->f.has_uid = true;
	if (p)
		v->f.uid = p->pw_uid;
	else if (!pt_parse_uint(name, UINT32_MAX, &n))
		v->f.uid = (uint32_t)n;
	else
		return pt_cli_usage(v->c, "there is no user %s", name);
	return 0;
}

static int ask(struct view *v)
{
	int rc = pt_cli_words(v->c, &v->w);

	v->f.af = v->c->af;
	v->f.details = v->c->details;
	v->f.port = (uint16_t)v->w.port;
	if (v->w.protocol)
		v->f.protocols = 1u << (v->w.protocol - 1);
	if (v->w.state)
		v->f.states = 1u << (v->w.state == UNCONNECTED ? PT_SOCKET_CLOSE : v->w.state);
	if (!rc && v->w.listen && v->w.state)
		return pt_cli_usage(v->c, "listen is a state already");
	if (v->w.listen)
		v->f.states = 1u << PT_SOCKET_LISTEN | 1u << PT_SOCKET_CLOSE;
	if (!rc && v->w.address) {
		v->f.has_prefix = true;
		if (pt_prefix_parse(v->w.address, &v->f.prefix))
			return pt_cli_usage(v->c, "address %s: no address, and no network", v->w.address);
	}
	return rc || !v->w.user ? rc : ask_user(v, v->w.user);
}

/* ---- one socket ---- */

/* With letters only: a name is whatever a process likes. */
static void put_bytes(struct pt_buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pt_buf_chr(b, s[i] ? s[i] : '@');
}

static const char *user_name(struct view *v, uint32_t uid)
{
	const struct passwd *p;

	if (v->user[0] && v->uid == uid)
		return v->user;
	p = getpwuid(uid);
	v->uid = uid;
	v->text.n = 0;
	if (p)
		pt_buf_fmt(&v->text, "%.*s", (int)sizeof(v->user) - 1, p->pw_name);
	else
		pt_buf_fmt(&v->text, "%u", uid);
	pt_out_fail(v->o, v->text.err);
	if (!v->text.err)
		memcpy(v->user, v->text.s, v->text.n + 1);
	return v->user;
}

static void end_text(struct view *v, const struct pt_socket *s, const char *key, struct pt_addr a, uint16_t port)
{
	const struct pt_link *l = s->device ? pt_links_index(&v->links, s->device) : NULL;

	v->text.n = 0;
	if (s->protocol == PT_SOCKET_UNIX) {
		bool local = *key == 'l';

		if (local && s->name)
			put_bytes(&v->text, s->name, s->name_len);
		else if (!local && s->peer)
			pt_buf_fmt(&v->text, "inode %u", s->peer);
		else
			pt_buf_chr(&v->text, '-');
	} else {
		if (!a.v && s->dual)
			pt_buf_chr(&v->text, '*');
		else if (a.af == PT_AF_INET6 && s->protocol != PT_SOCKET_RAW)
			pt_buf_chr(&v->text, '[');
		if (a.v || !s->dual)
			pt_addr_fmt(&v->text, a);
		if (*key == 'l' && l)
			pt_buf_fmt(&v->text, "%%%s", l->name);
		if ((a.v || !s->dual) && a.af == PT_AF_INET6 && s->protocol != PT_SOCKET_RAW)
			pt_buf_chr(&v->text, ']');
		if (s->protocol == PT_SOCKET_RAW && *key == 'l')
			pt_buf_fmt(&v->text, " protocol %u", port);
		else if (port)
			pt_buf_fmt(&v->text, ":%u", port);
		else if (s->protocol != PT_SOCKET_RAW)
			pt_buf_str(&v->text, ":*");
	}
	pt_out_fail(v->o, v->text.err);
	pt_out_str(v->o, key, v->text.s);
}

static void show_ends(struct view *v, const struct pt_socket *s)
{
	static const char *const keys[] = { "local", "local_port", "remote", "remote_port" };
	const struct pt_link *l = s->device ? pt_links_index(&v->links, s->device) : NULL;

	if (pt_out_format(v->o) == PT_OUT_TABLE) {
		end_text(v, s, "local", s->local, s->lport);
		end_text(v, s, "remote", s->remote, s->rport);
		return;
	}
	if (s->protocol == PT_SOCKET_UNIX) {
		for (size_t i = 0; i < PT_ARRAY_SIZE(keys); i++)
			pt_out_null(v->o, keys[i]);
	} else {
		pt_out_addr(v->o, keys[0], s->local);
		pt_out_u64(v->o, keys[1], s->lport);
		pt_out_addr(v->o, keys[2], s->remote);
		pt_out_u64(v->o, keys[3], s->rport);
	}
	v->text.n = 0;
	put_bytes(&v->text, s->name ? s->name : "", s->name_len);
	pt_out_fail(v->o, v->text.err);
	pt_out_str(v->o, "name", s->name ? v->text.s : NULL);
	pt_out_str(v->o, "device", l ? l->name : NULL);
	pt_out_bool(v->o, "dual_stack", s->dual);
	pt_out_u64(v->o, "inode", s->inode);
	pt_out_u64(v->o, "peer", s->peer);
}

static const char *process_name(struct view *v, int pid)
{
	if (v->pid != pid)
		pt_process_name(pid, v->process);
	v->pid = pid;
	return v->process;
}

static void show_processes(struct view *v, const struct pt_socket *s)
{
	bool table = pt_out_format(v->o) == PT_OUT_TABLE;
	const char *name;
	size_t n;
	const struct pt_socket_owner *w = pt_socket_owners_of(&v->owners, s->inode, &n);

	v->text.n = 0;
	if (!table)
		pt_out_arr(v->o, "processes");
	for (size_t i = 0; i < n; i++) {
		if (table && i == SHOWN_PROCESSES) {
			pt_buf_fmt(&v->text, ",+%zu", n - i);
			break;
		}
		name = process_name(v, w[i].pid);
		if (table) {
			pt_buf_fmt(&v->text, "%s%s(%d)", i ? "," : "", name, w[i].pid);
			continue;
		}
		pt_out_obj(v->o, NULL);
		pt_out_str(v->o, "name", name);
		pt_out_u64(v->o, "pid", (uint64_t)w[i].pid);
		pt_out_u64(v->o, "descriptor", (uint64_t)w[i].fd);
		pt_out_obj_end(v->o);
	}
	pt_out_fail(v->o, v->text.err);
	if (table)
		pt_out_str(v->o, "processes", n ? v->text.s : NULL);
	else
		pt_out_arr_end(v->o);
}

static void show_details(struct view *v, const struct pt_socket *s)
{
	static const char *const timers[] = { NULL, "retransmission", "keepalive", "time-wait", "zero-window" };
	const struct {
		const char *key;
		uint64_t n;
	} numbers[] = { { "retransmitted", s->retransmitted },
			{ "lost", s->lost },
			{ "window", s->window },
			{ "mss", s->mss } };

	for (int i = 0; i < 2; i++) {
		const char *key = i ? "rtt_variance" : "rtt";

		if (s->has_info && s->state != PT_SOCKET_LISTEN)
			pt_out_decimal(v->o, key, i ? s->rtt_variance : s->rtt, 3);
		else
			pt_out_null(v->o, key);
	}
	for (size_t i = 0; i < PT_ARRAY_SIZE(numbers); i++)
		if (s->has_info && s->state != PT_SOCKET_LISTEN)
			pt_out_u64(v->o, numbers[i].key, numbers[i].n);
		else
			pt_out_null(v->o, numbers[i].key);
	pt_out_str(v->o, "congestion", s->congestion[0] ? s->congestion : NULL);
	pt_out_str(v->o, "timer", s->timer < PT_ARRAY_SIZE(timers) ? timers[s->timer] : "other");
	if (s->timer)
		pt_out_decimal(v->o, "expires", s->expires, 3);
	else
		pt_out_null(v->o, "expires");
	pt_out_u64(v->o, "retries", s->retries);
}

static const char *protocol_name(const struct view *v, const struct pt_socket *s)
{
	static const char *const kinds[] = { [1] = "unix-stream", [2] = "unix-datagram", [5] = "unix-seqpacket" };

	if (s->protocol != PT_SOCKET_UNIX || pt_out_format(v->o) != PT_OUT_TABLE)
		return pt_socket_protocols[s->protocol];
	return s->type < PT_ARRAY_SIZE(kinds) && kinds[s->type] ? kinds[s->type] : "unix";
}

static void show(struct view *v, const struct pt_socket *s)
{
	static const char *const types[] = { [1] = "stream", [2] = "datagram", [5] = "seqpacket" };

	pt_out_rec(v->o);
	pt_out_str(v->o, "protocol", protocol_name(v, s));
	if (pt_out_format(v->o) != PT_OUT_TABLE) {
		pt_out_str(v->o, "family",
			   s->protocol == PT_SOCKET_UNIX ? "unix" :
				   s->af == PT_AF_INET ? "inet" :
							   "inet6");
		pt_out_str(v->o, "type", s->type < PT_ARRAY_SIZE(types) ? types[s->type] : NULL);
	}
	pt_out_str(v->o, "state", pt_socket_state_name(s));
	pt_out_u64(v->o, "recv_q", s->receive_queue);
	pt_out_u64(v->o, "send_q", s->send_queue);
	show_ends(v, s);
	pt_out_str(v->o, "user", s->has_uid ? user_name(v, s->uid) : NULL);
	show_processes(v, s);
	if (v->c->details)
		show_details(v, s);
	pt_out_rec_end(v->o);
}

/* ---- all of them ---- */

static bool is_of_process(struct view *v, const struct pt_socket *s)
{
	uint64_t pid = 0;
	size_t n;
	const struct pt_socket_owner *w = pt_socket_owners_of(&v->owners, s->inode, &n);

	if (pt_parse_uint(v->w.process, INT32_MAX, &pid))
		pid = 0;
	for (size_t i = 0; i < n; i++) {
		if (pid && w[i].pid == (int)pid)
			return true;
		if (!strcmp(process_name(v, w[i].pid), v->w.process))
			return true;
	}
	return false;
}

static int read_all(struct view *v)
{
	struct pt_nl *diag = NULL, *route = NULL;
	int rc = pt_nl_open(&diag, NETLINK_SOCK_DIAG, &v->c->err);

	if (!rc)
		rc = pt_sockets_read(diag, &v->f, v->arena, &v->all, &v->c->err);
	for (size_t i = 0; !rc && !route && i < v->all.v.n; i++)
		if (v->all.v.v[i].device)
			rc = pt_nl_open(&route, NETLINK_ROUTE, &v->c->err);
	if (!rc && route)
		rc = pt_links_read(route, v->arena, &v->links, &v->c->err);
	if (!rc && v->all.v.n)
		rc = pt_socket_owners_read(v->arena, &v->owners, &v->c->err);
	pt_nl_close(diag);
	pt_nl_close(route);
	return rc;
}

/* What is not seen here is there all the same. */
static void tell_unseen(struct view *v)
{
	if (v->owners.refused)
		pt_err_add(
			&v->c->err, PT_WARNING, NULL, geteuid() ? "root sees them all" : NULL,
			"the sockets of %zu %s cannot be told from those of others: they may not be looked at",
			v->owners.refused, v->owners.refused == 1 ? "process" : "processes");
	for (enum pt_socket_protocol p = 0; p < PT_SOCKET_PROTOCOLS; p++)
		if (v->all.untold & 1u << p)
			pt_err_add(&v->c->err, PT_WARNING, NULL, NULL, "this kernel does not tell of %s sockets",
				   pt_socket_protocols[p]);
}

int cmd_socket(struct pt_cli *c)
{
	struct view v = { .c = c };
	int rc = ask(&v);

	if (rc)
		return rc;
	v.arena = v.links.arena = pt_arena_new();
	rc = v.arena ? read_all(&v) : pt_err_sys(&c->err, -ENOMEM, "reading the sockets");
	v.o = rc ? NULL : pt_cli_out(c, PT_OUT_TABLE, "patronus.socket.v1", "sockets");
	if (!rc && !v.o)
		rc = -ENOMEM;
	if (v.o)
		pt_out_top_u64(v.o, "processes_not_permitted", v.owners.refused);
	for (size_t i = 0; v.o && i < v.all.v.n; i++)
		if (!v.w.process || is_of_process(&v, &v.all.v.v[i])) {
			show(&v, &v.all.v.v[i]);
			v.shown++;
		}
	if (v.o)
		rc = pt_cli_end(c, v.o);
	if (!rc)
		tell_unseen(&v);
	pt_arena_free(v.arena);
	pt_buf_fini(&v.text);
	return rc ? rc : !v.shown && (c->argc || c->af) ? PT_EXIT_NO : 0;
}
