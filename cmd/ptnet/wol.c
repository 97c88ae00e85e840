/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `ptnet wol`: the machines of the file that can be woken, and waking one. */
#include <errno.h>
#include <string.h>

#include <patronus/rule.h>
#include <patronus/wake.h>

#include "ptnet.h"

struct waking {
	struct pt_cli *c;
	struct pt_wake w;
	const char *dev;         /* of the arguments, or of the host; NULL: by all interfaces of the file */
	uint16_t port;           /* 0: a frame of its own */
	size_t sent;
};

static const struct pt_conf_host *find_host(const struct pt_conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->hosts.n; i++)
		if (!strcmp(conf->hosts.v[i].name, name))
			return &conf->hosts.v[i];
	return NULL;
}

/* "dev DEVICE", "udp [PORT]", "password MAC", behind the host. */
static int parse_words(struct waking *k)
{
	struct pt_cli *c = k->c;
	uint64_t n;

	for (size_t i = 1; i < c->argc; i++) {
		const char *word = c->argv[i], *value = i + 1 < c->argc ? c->argv[i + 1] : "";

		if (!strcmp(word, "udp")) {
			k->port = PT_WAKE_PORT;
			if (!pt_parse_uint(value, UINT16_MAX, &n)) {
				if (!n)
					return pt_cli_usage(c, "'%s' is no port", value);
				k->port = (uint16_t)n;
				i++;
			}
		} else if (!strcmp(word, "dev") && i + 1 < c->argc) {
			k->dev = value;
			i++;
		} else if (!strcmp(word, "password") && i + 1 < c->argc) {
			if (pt_mac_parse(value, &k->w.password))
				return pt_cli_usage(c, "'%s' is no password: six bytes, as 01:02:03:04:05:06", value);
			k->w.has_password = true;
			i++;
		} else {
			return pt_cli_usage(c, "'%s' is none of dev DEVICE, udp [PORT], password BYTES", word);
		}
	}
	return 0;
}

static int send_by(struct waking *k, const char *device)
{
	int rc = pt_wake_send(&k->w, device, k->port, &k->c->err);

	k->sent += !rc;
	return rc;
}

/* A device that is away, or down, is no reason not to try the others. */
static int send_by_all(struct waking *k, const struct pt_conf *conf)
{
	int rc = 0, one;

	for (size_t i = 0; i < conf->interfaces.n; i++) {
		one = send_by(k, conf->interfaces.v[i].device);
		rc = rc ? rc : one;
	}
	if (!conf->interfaces.n)
		return pt_cli_usage(k->c, "write dev DEVICE: the file has no interfaces");
	if (k->sent)
		pt_err_fini(&k->c->err);
	return k->sent ? 0 : rc;
}

/* With a MAC and a device no file is needed. */
static int wake(struct waking *k, const struct pt_conf *conf)
{
	const struct pt_conf_host *h = conf ? find_host(conf, k->c->argv[0]) : NULL;
	const struct pt_conf_if *i = h && h->interface ? pt_conf_find_if(conf, h->interface) : NULL;

	if (h && pt_mac_parse(h->mac, &k->w.mac))
		return -EINVAL;
	if (!h && pt_mac_parse(k->c->argv[0], &k->w.mac)) {
		pt_err_add(&k->c->err, PT_ERROR, NULL, "`ptnet wol show` lists them; or write its link address", "the file has no host %s",
			   k->c->argv[0]);
		return PT_EXIT_NO;
	}
	if (k->dev)
		return send_by(k, k->dev);
	if (i)
		return send_by(k, i->device);
	return conf ? send_by_all(k, conf) : -EINVAL;
}

int cmd_wol_send(struct pt_cli *c)
{
	struct waking k = { .c = c };
	struct pt_conf *conf = NULL;
	uint64_t mac;
	int rc = parse_words(&k);

	if (!rc && (!k.dev || pt_mac_parse(c->argv[0], &mac)))
		rc = load_file(c, &conf);
	if (!rc)
		rc = wake(&k, conf);
	pt_conf_free(conf);
	if (!rc)
		pt_cli_say(c, "%zu sent\n", k.sent);
	return rc;
}

int cmd_wol_show(struct pt_cli *c)
{
	struct pt_conf *conf;
	struct pt_out *o;
	int rc = load_file(c, &conf);

	if (rc)
		return rc;
	o = pt_cli_out(c, PT_OUT_TABLE, "patronus.wol.v1", "hosts");
	for (size_t i = 0; o && i < conf->hosts.n; i++) {
		pt_out_rec(o);
		pt_out_str(o, "name", conf->hosts.v[i].name);
		pt_out_str(o, "mac", conf->hosts.v[i].mac);
		pt_out_str(o, "interface", conf->hosts.v[i].interface);
		pt_out_rec_end(o);
	}
	rc = o ? pt_cli_end(c, o) : -ENOMEM;
	pt_conf_free(conf);
	return rc;
}

static const char *const words[] = { "dev", "udp", "password" };

int complete_wol(struct pt_cli *c, size_t n, void (*word)(const char *w, void *arg), void *arg)
{
	struct pt_conf *conf;

	if (n && !strcmp(c->argv[n - 1], "dev"))
		return complete_link(c, n, word, arg);
	for (size_t i = 0; n && i < PT_ARRAY_SIZE(words); i++)
		word(words[i], arg);
	if (n || load_file(c, &conf))
		return 0;
	for (size_t i = 0; i < conf->hosts.n; i++)
		word(conf->hosts.v[i].name, arg);
	pt_conf_free(conf);
	return 0;
}
