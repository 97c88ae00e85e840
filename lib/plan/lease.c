/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files of leases: read by who wants to know, and forgotten. See lease_event.c for how they come. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <patronus/record.h>

#include "plan/lease.h"
#include "plan/network.h"

void pt_leases_path(char out[PT_LEASES_PATH])
{
	char note[NETWORK_NOTE_PATH];

	/* Both are of one network namespace, whose number the note's name ends with. */
	network_note_path(note, sizeof(note));
	snprintf(out, PT_LEASES_PATH, PT_RUN_DIR "/leases%s", strrchr(note, '.'));
}

int lease_file(const char *folder, const char *device, const char *suffix, char *out, size_t size)
{
	int n;

	if (!device[0] || strlen(device) >= PT_LINK_NAME || device[0] == '.' || strpbrk(device, "/ \n"))
		return -EINVAL;
	n = snprintf(out, size, "%s/%s.%s", folder, device, suffix);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

uint32_t pt_lease_left(const struct pt_lease *l, uint32_t lifetime)
{
	uint64_t now = pt_boottime() / LEASE_SECOND, end = l->at + lifetime;

	if (lifetime == PT_LEASE_FOR_EVER)
		return lifetime;
	return end > now && l->at <= now ? (uint32_t)(end - now) : 0;
}

/* ---- reading ---- */

static uint32_t to_u32(const char *s)
{
	uint64_t n;

	return pt_parse_uint(s, UINT32_MAX, &n) ? 0 : (uint32_t)n;
}

/* "10.0.0.5/24 3600 1800" */
static int read_address(const char *s, struct pt_lease_address *out)
{
	char text[64], *valid, *preferred;

	if (strlen(s) >= sizeof(text))
		return -EBADMSG;
	memcpy(text, s, strlen(s) + 1);
	valid = strchr(text, ' ');
	preferred = valid ? strchr(valid + 1, ' ') : NULL;
	if (!preferred)
		return -EBADMSG;
	*valid++ = *preferred++ = '\0';
	out->valid = to_u32(valid);
	out->preferred = to_u32(preferred);
	return pt_prefix_parse(text, &out->prefix) ? -EBADMSG : 0;
}

static int read_list(struct pt_lease_addrs *l, const char *s)
{
	if (l->n == PT_LEASE_MOST || pt_addr_parse(s, &l->v[l->n]))
		return -EBADMSG;
	l->n++;
	return 0;
}

/* Where the value of KEY goes, if it is a list of addresses, or a text. */
static struct pt_lease_addrs *list_of(struct pt_lease *l, const char *key)
{
	return !strcmp(key, "router") ? &l->routers : !strcmp(key, "dns") ? &l->dns : !strcmp(key, "ntp") ? &l->ntp : NULL;
}

static const char **text_of(struct pt_lease *l, const char *key)
{
	const struct {
		const char *key, **text;
	} texts[] = { { "server", &l->server }, { "domain", &l->domain }, { "search", &l->search }, { "hostname", &l->hostname },
		      { "refused", &l->refused } };

	for (size_t i = 0; i < PT_ARRAY_SIZE(texts); i++)
		if (!strcmp(texts[i].key, key))
			return texts[i].text;
	return NULL;
}

static int read_line(struct pt_lease *l, const char *key, const char *value)
{
	bool delegated = !strcmp(key, "delegated");
	struct pt_lease_addrs *list = list_of(l, key);
	const char **text = text_of(l, key);

	if (list)
		return read_list(list, value);
	if (text) {
		*text = pt_arena_strdup(l->arena, value);
		return *text ? 0 : -ENOMEM;
	}
	if (delegated && l->delegated.n < PT_LEASE_MOST)
		return read_address(value, &l->delegated.v[l->delegated.n++]);
	if (!strcmp(key, "address") && l->addresses.n < PT_LEASE_MOST)
		return read_address(value, &l->addresses.v[l->addresses.n++]);
	return 0;
}

int pt_lease_read(const char *folder, const char *device, bool six, struct pt_arena *a, struct pt_lease *out, struct pt_err *e)
{
	char path[PT_LEASES_PATH + 40];
	struct pt_record r;
	int rc = lease_file(folder, device, lease_suffix(six), path, sizeof(path));

	*out = (struct pt_lease){ .arena = a, .six = six };
	if (!rc)
		rc = pt_record_read(path, LEASE_KIND, &r, e);
	if (rc)
		return rc;
	memcpy(out->device, device, strlen(device) + 1);
	out->stamp = pt_record_number(&r, "at");
	out->at = out->stamp / LEASE_SECOND;
	out->time = pt_record_number(&r, "time");
	out->renew = (uint32_t)pt_record_number(&r, "renew");
	out->mtu = (uint32_t)pt_record_number(&r, "mtu");
	for (size_t i = 0; !rc && i < r.lines.n; i++)
		rc = read_line(out, r.lines.v[i].key, r.lines.v[i].value);
	pt_record_fini(&r);
	return rc ? pt_err_sys(e, rc, "reading %s", path) : 0;
}

int pt_lease_forget(const char *folder, const char *device, bool six, struct pt_err *e)
{
	char path[PT_LEASES_PATH + 40];
	int rc = lease_file(folder, device, lease_suffix(six), path, sizeof(path));

	if (!rc && unlink(path) && errno != ENOENT)
		rc = -errno;
	return rc ? pt_err_sys(e, rc, "forgetting the lease of %s", device) : 0;
}

/* ---- watching ---- */

int lease_watch(struct pt_err *e)
{
	char folder[PT_LEASES_PATH];
	int fd, rc;

	pt_leases_path(folder);
	rc = pt_mkdirs(folder, e);
	if (rc)
		return rc;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd >= 0 && inotify_add_watch(fd, folder, IN_MOVED_TO | IN_DELETE) >= 0)
		return fd;
	rc = pt_err_sys(e, -errno, "watching %s", folder);
	if (fd >= 0)
		close(fd);
	return rc;
}

bool lease_watch_take(int fd)
{
	char events[4096] __attribute__((aligned(8)));
	bool leases = false;
	ssize_t n;

	while ((n = read(fd, events, sizeof(events))) > 0)
		for (char *p = events; p < events + n;) {
			const struct inotify_event *ev = (const struct inotify_event *)(void *)p;
			const char *dot = ev->len && ev->name[0] != '.' ? strrchr(ev->name, '.') : NULL;

			leases = leases || ev->mask & IN_Q_OVERFLOW ||
				 (dot && (!strcmp(dot + 1, lease_suffix(false)) || !strcmp(dot + 1, lease_suffix(true))));
			p += sizeof(*ev) + ev->len;
		}
	return leases;
}
