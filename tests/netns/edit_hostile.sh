#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The worst day of `ptconf get`, `set`, `delete`, `edit`, `check` and `diff`: files that are none or are not ours, files that change
# under us, memory and disks that fail at each step, and death at any moment. The file is the old or the new one, whole, each time.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptconf=$build/ptconf
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
lab_ns fw
export VISUAL='' EDITOR=true
# shellcheck disable=SC2016 # it is text
secret='root:$6$hunter2'
mkdir -m 755 "$lab_tmp/etc"
chmod 755 "$lab_tmp"
cd "$lab_tmp/etc" || exit 1
file=$lab_tmp/etc/patronus.conf

fresh()
{
	cat >"$file" <<-CONF
		# The office.
		system { name = "one" }
		table admins { addresses = { "192.168.1.9" } } # ours
		firewall { rules = { "block all label closed", "pass out label out" } }
	CONF
}
fresh
cp "$file" "$lab_tmp/old"
"$ptconf" -q -f "$file" set system name two
cp "$file" "$lab_tmp/new"
cp "$lab_tmp/old" "$file"

# each CASE PATH WHY: every command that reads the file refuses it, within a second, and shows nothing of it. An editor may mend what
# the file includes.
each()
{
	bad=
	for command in 'get system name' 'get firewall' 'set system name x' 'set -n system name x' 'delete system name' edit check 'check -j' diff apply; do
		case $1,$command in 17,edit) continue ;; esac
		rc=0
		# The words are words, to be split.
		# shellcheck disable=SC2086
		said=$(in_ns fw timeout 1 "$ptconf" -f "$2" $command 2>&1 </dev/null) || rc=$?
		case $rc in 1 | 4) ;; *) bad="$bad [$command: status $rc]" ;; esac
		printf '%s\n' "$said" | grep -Eq -e "$3" || bad="$bad [$command: $said]"
		! printf '%s\n' "$said" | grep -Eq 'hunter2|root:' || bad="$bad [$command shows what is in it]"
	done
	is "$bad" '' "hostile-$1: every command refuses ${2##*/}"
}

# ---- hostile-17: includes ----
mkdir many
i=0
awk 'BEGIN { for (i = 0; i < 10000; i++) { f = sprintf("many/%d.conf", i); printf "include(\"many/%d.conf\")\n", i + 1 >f; close(f) } }'
echo 'system { name = "deep" }' >many/10000.conf
printf 'include("many/0.conf")\n' >deep.conf
each 17 "$lab_tmp/etc/deep.conf" 'more than 16 deep|more than 256 files'
awk 'BEGIN { for (i = 0; i < 10000; i++) printf "include(\"many/%d.conf\")\n", i }' >wide.conf
for i in $(seq 0 300); do echo "macro m$i { value = lan }" >"many/$i.conf"; done
each 17 "$lab_tmp/etc/wide.conf" 'more than 256 files'
printf 'include("self.conf")\n' >self.conf
each 17 "$lab_tmp/etc/self.conf" 'includes itself'
rm -rf many deep.conf wide.conf self.conf

# ---- hostile-18 to 20: what is no file, or not ours ----
echo "$secret" >"$lab_tmp/secret"
mkdir "$lab_tmp/folder" "$lab_tmp/real"
mkfifo "$lab_tmp/fifo"
truncate -s 5G "$lab_tmp/sparse"
ln -s "$lab_tmp/secret" "$lab_tmp/link"
ln -s /etc/shadow "$lab_tmp/shadow"
ln -s "$lab_tmp/real" "$lab_tmp/linked"
cp "$file" "$lab_tmp/real/good.conf"
each 18 "$lab_tmp/folder" 'it is a folder'
each 18 "$lab_tmp/fifo" 'not a regular file'
each 18 /dev/zero 'not a regular file|Permission denied|can be written'
each 18 "$lab_tmp/sparse" 'larger than [0-9]* bytes'
each 19 "$lab_tmp/link" 'a symbolic link'
each 19 "$lab_tmp/shadow" 'a symbolic link'
each 19 "$lab_tmp/linked/good.conf" 'a symbolic link'
f=$lab_tmp/real/good.conf
chmod 0664 "$f"
each 20 "$f" "reading $f: it can be written by others"
chmod 0644 "$f"
chmod 0757 "$lab_tmp/real"
each 20 "$f" "the folder $lab_tmp/real can be written by others"
chmod 0755 "$lab_tmp/real"
chown 65534 "$f"
each 20 "$f" "reading $f: it belongs to another user"
chown 0 "$f"
chown 65534 "$lab_tmp/real"
each 20 "$f" "the folder $lab_tmp/real belongs to another user"
chown 0 "$lab_tmp/real"
ok 'hostile-20: all is as it was' cmp "$lab_tmp/old" "$f"

# ---- hostile-21: the file changes under us ----
# A set either has replaced what it read, or says that somebody changed it: it never puts one version over another's bytes.
{ sed 's/"one"/"theirs"/; s/ours/of theirs/' "$lab_tmp/old"; } >"$lab_tmp/theirs"
(
	trap 'exit 0' TERM
	while :; do
		cp "$lab_tmp/theirs" "$lab_tmp/etc/.t" && mv "$lab_tmp/etc/.t" "$file"
		cp "$lab_tmp/old" "$lab_tmp/etc/.o" && mv "$lab_tmp/etc/.o" "$file"
	done
) &
renamer=$!
took=0
changed=0
third=0
for i in $(seq 60); do
	rc=0
	said=$("$ptconf" -q -f "$file" set table admins addresses "10.0.0.$i" 2>&1) || rc=$?
	case $rc in 0) took=$((took + 1)) ;; 2) changed=$((changed + 1)) ;; *) third=$((third + 1)); diag "$rc: $said" ;; esac
	cp "$file" "$lab_tmp/seen"
	case $(grep -o '"one"\|"theirs"\|# ours\|# of theirs' "$lab_tmp/seen" | tr '\n' ' ') in
	'"one" # ours ' | '"theirs" # of theirs ') ;; # one version in whole, perhaps with an address more
	*) third=$((third + 1)); diag "$(cat "$lab_tmp/seen")" ;;
	esac
done
kill "$renamer"
wait "$renamer" 2>/dev/null
rm -f .t .o
is "$third" 0 "hostile-21: a file that is replaced all the time: $took sets took it, $changed were told of it"
is "$(find . -name '.*.conf*' | grep -c .)" 0 'hostile-21: nothing is left beside it'
cp "$lab_tmp/old" "$file"

# old_or_new: and that is what the file is.
old_or_new() { cmp -s "$file" "$lab_tmp/old" || cmp -s "$file" "$lab_tmp/new"; }
# left: files beside it, the lock's aside.
left() { find . -type f ! -name patronus.conf ! -name .patronus.conf.lock | grep -c .; }

# ---- hostile-31: every allocation fails once ----
cat >"$lab_tmp/fail.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t k);
void *__libc_realloc(void *p, size_t n);
static long left = -1;
static int failing(const void *caller)
{
	Dl_info who;

	/* those inside other libraries are not ours to refuse */
	if (left == -2 || !dladdr(caller, &who) || (!strstr(who.dli_fname, "ptconf") && !strstr(who.dli_fname, "libpatronus")))
		return 0;
	if (left == -1) {
		const char *s = getenv("FAIL_AT");
		left = s ? strtol(s, NULL, 10) : -2;
	}
	if (left < 0 || left--)
		return 0;
	close(open(getenv("FAIL_TOLD"), O_CREAT | O_WRONLY, 0600));
	left = -2;
	return 1;
}
void *malloc(size_t n) { return failing(__builtin_return_address(0)) ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t k) { return failing(__builtin_return_address(0)) ? NULL : __libc_calloc(n, k); }
void *realloc(void *p, size_t n) { return failing(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n); }
C
if command -v cc >/dev/null && cc -shared -fPIC -o "$lab_tmp/fail.so" "$lab_tmp/fail.c" 2>"$lab_tmp/cc"; then
	for command in 'set system name two' 'delete table admins addresses 192.168.1.9' 'get -d firewall' check edit; do
		bad=
		n=0
		cp "$lab_tmp/old" "$file"
		while [ "$n" -lt 3000 ]; do
			rm -f "$lab_tmp/told"
			rc=0
			# shellcheck disable=SC2086
			FAIL_AT=$n FAIL_TOLD=$lab_tmp/told LD_PRELOAD=$lab_tmp/fail.so "$ptconf" -q -f "$file" $command >"$lab_tmp/said" 2>&1 </dev/null || rc=$?
			[ -e "$lab_tmp/told" ] || break
			case $rc in [0-5]) ;; *) bad="$bad [allocation $n: status $rc]" ;; esac
			[ "$rc" -ne 0 ] || [ "${command%% *}" != set ] || cmp -s "$file" "$lab_tmp/new" || bad="$bad [allocation $n: nothing done, nothing said]"
			[ "$rc" -eq 0 ] || cmp -s "$file" "$lab_tmp/old" || bad="$bad [allocation $n: done, but status $rc]"
			[ "$(left)" -eq 0 ] || { bad="$bad [allocation $n: $(ls -A)]"; rm -f .patronus.conf.*; }
			cp "$lab_tmp/old" "$file"
			n=$((n + 1))
		done
		is "$bad" '' "hostile-31: each of $n allocations of $command fails"
		isnt "$n" 0 'and there were some'
	done
else
	skip 'needs cc' 'hostile-31: every allocation fails once'
fi

# ---- hostile-32: every step of writing fails ----
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	for call in write fsync renameat fchmod openat ftruncate flock unlinkat close; do
		# The loader opens and closes, too.
		case $call in
		openat | close) only="-P $file -P $lab_tmp/etc -P $lab_tmp/etc/.patronus.conf.lock" ;;
		*) only= ;;
		esac
		for code in EIO ENOSPC; do
			bad=
			met=0
			for n in 1 2 3 4 5 6 7 8; do
				cp "$lab_tmp/old" "$file"
				rc=0
				# shellcheck disable=SC2086
				said=$(strace -o "$lab_tmp/trace" $only -e trace="$call" \
					-e inject="$call:error=$code:when=$n" "$ptconf" -q -f "$file" set system name two 2>&1) || rc=$?
				grep -q INJECTED "$lab_tmp/trace" || break
				met=$((met + 1))
				old_or_new || bad="$bad [$call $n $code: a third]"
				case $rc in [0-5]) ;; *) bad="$bad [$call $n $code: status $rc]" ;; esac
				[ "$rc" -eq 0 ] || [ -n "$said" ] || bad="$bad [$call $n $code: nothing is said]"
			done
			is "$bad" '' "hostile-32: $call fails with $code, $met times"
			isnt "$met" 0 'which it does'
		done
	done
	for call in write fsync renameat fchmod; do
		cp "$lab_tmp/old" "$file"
		strace -o "$lab_tmp/trace" -e trace="$call" -e inject="$call:error=EINTR:when=1" "$ptconf" -q -f "$file" set system name two >/dev/null 2>&1
		ok "hostile-32: $call is interrupted: the file is whole" old_or_new
	done
	rm -f .patronus.conf.*
else
	skip 'needs strace' 'hostile-32: every step of writing fails'
fi

# ---- hostile-33: death at any moment ----
third=0
olds=0
news=0
for i in $(seq 80); do
	cp "$lab_tmp/old" "$file"
	"$ptconf" -q -f "$file" set system name two 2>/dev/null &
	pid=$!
	sleep "0.0$(printf '%02d' $((i % 20)))"
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	if cmp -s "$file" "$lab_tmp/old"; then
		olds=$((olds + 1))
	elif cmp -s "$file" "$lab_tmp/new"; then
		news=$((news + 1))
	else
		third=$((third + 1))
	fi
done
is "$third" 0 "hostile-33: killed 80 times: $olds times the old file, $news times the new one"
cp "$lab_tmp/old" "$file"
ok 'hostile-33: nobody dead holds the lock' "$ptconf" -q -f "$file" set system name two
ok 'hostile-33: and the file is the new one' cmp "$lab_tmp/new" "$file"
done_testing
