#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What goes wrong with interfaces and is made good: links that are made anew with all that stands on them, in the apply that
# also changes what is on them; a refusal after links were deleted, which leaves what was; and `ptnet watch` beside links of others that
# have our names, links that the kernel refuses, and an apply that could not be noted.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptnet=$build/ptnet
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
lab_ns fw
in_ns fw sh -c 'ip link add e0 type veth peer name e1; ip link add e2 type veth peer name e3; ip link set e1 up; ip link set e3 up'

conf=$lab_tmp/fw.conf
other=$lab_tmp/other.conf
log=$lab_tmp/log
: >"$log"
pt() { in_ns fw "$ptnet" "$@"; }
same() { pt diff -f "$conf" >"$lab_tmp/diff" 2>&1; }
says() { grep -Eq -e "$1" "$log"; }
calm() { sleep 0.7; }

cat >"$conf" <<'CONF'
interface e0 { address = { "10.0.0.1/24", "fd00::1/64" } mtu = 1400 }
interface lan { type = bridge members = { e2 } address = { "10.1.0.1/24", "fd01::1/64" } }
interface e2 { }
interface vx { type = vxlan id = 5 local = "10.0.0.1" remotes = { "10.0.0.2", "10.0.0.3" } address = { "10.3.0.1/24" } }
interface mv { type = macvlan parent = vx address = { "10.2.0.1/24" } }
network {
	routes = { "default via 10.0.0.2", "10.9.0.0/16 via 10.1.0.2", "10.8.0.0/16 via 10.2.0.2", "fd99::/64 via fd01::2", "default via 10.3.0.2 table 8001" }
	rules = { "from 10.1.0.0/24 lookup 8001" }
	neighbours = { "10.1.0.9 lladdr 02:00:00:00:00:09 dev lan" }
}
CONF

# ---- anew ----
ok 'the file is put in force' pt apply -f "$conf"
sed 's/id = 5/id = 6/; s/10\.3\.0/10.33.0/g; s/10\.2\.0/10.22.0/g' "$conf" >"$other"
ok 'a link of another number, what stands on it, and their addresses, in one apply' pt apply -f "$other"
ok 'all of it is in force' pt diff -f "$other"
ok 'and back' pt apply -f "$conf"
ok 'all of that, too' same

# ---- refused ----
printf 'interface e0 { address = { "10.0.0.1/24" } }\nnetwork { routes = { "default via 10.55.0.1" } }\n' >"$other"
refused=$(pt apply -f "$other" 2>&1)
like "$refused" 'refuses to change route default via 10.55.0.1' 'a refusal after links were deleted'
is "$(printf '%s\n' "$refused" | grep -c 'put back')" 0 'is undone'
ok 'links, their ports, addresses, routes, rules and neighbours are what they were' same
is "$(cat "$lab_tmp/diff")" '' 'nothing is left'

# ---- two at once ----
sed 's/id = 5/id = 6/; s/10\.1\.0\.1/10.1.0.78/' "$conf" >"$other"
printf 'interface e0 { }\n' >"$lab_tmp/little.conf"
mixed=0
failed=0
n=0
while [ "$n" -lt 20 ]; do
	n=$((n + 1))
	pt apply -f "$lab_tmp/little.conf" >/dev/null || failed=$((failed + 1))
	pt apply -f "$conf" >"$lab_tmp/one" 2>&1 &
	one=$!
	pt apply -f "$other" >"$lab_tmp/two" 2>&1 || failed=$((failed + 1))
	wait "$one" || failed=$((failed + 1))
	same || pt diff -f "$other" >/dev/null || mixed=$((mixed + 1))
done
is "$failed" 0 "20 times two applies at once: none is refused ($(cat "$lab_tmp/one" "$lab_tmp/two" | tr '\n' ' '))"
is "$mixed" 0 'and what one of them wants is in force'
ok 'the file is put in force again' pt apply -f "$conf"

# ---- nobody ----
if setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
	nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	cp "$ptnet" "$lab_tmp/ptnet"
	chmod 755 "$lab_tmp"
	chmod 644 "$conf" "$other"
	# shellcheck disable=SC2086
	in_ns fw $nobody "$lab_tmp/ptnet" apply -f "$other" >/dev/null 2>&1
	is $? 4 'an apply without privilege: status 4'
else
	pass 'status without privilege # SKIP setpriv cannot'
fi

# ---- beside ptconf ----
ptconf() { in_ns fw "$build/ptconf" "$@"; }
if [ -n "$lab_mounts" ]; then
	ok 'ptconf puts the file in force' ptconf apply -f "$conf"
	in_ns fw ip rule del priority 20000
	like "$(ptconf drift)" '^rule 20000: from 10.1.0.0/24 lookup 8001 is gone$' 'drift tells of a rule for routes in its own words'
	ok 'which comes back' pt apply -f "$conf"
	ok 'a change waits for its confirmation' ptconf apply -f "$other" --confirm 60
	like "$(pt apply -f "$conf" 2>&1)" 'waits for its confirmation' 'then ptnet apply is refused'
	ok 'and what waits is in force' pt diff -f "$other"
	ok 'it is taken back' ptconf rollback
	ok 'what was before is in force' same
	ok 'which ptnet may apply' pt apply -f "$conf"
else
	pass 'no history of its own here # SKIP'
fi

# ---- watch: links of others ----
lab_bg fw "$ptnet" watch >>"$log" 2>&1
watcher=$lab_last
ok 'watch begins' lab_wait 5 says '^watching over'
kill -STOP "$watcher"
printf 'link del mv\nlink add mv type ifb\n' | in_ns fw ip -batch -
kill -CONT "$watcher"
ok 'a link of somebody else that has our name is told' lab_wait 5 says 'device mv is there already, and Patronus did not make it'
calm
like "$(in_ns fw ip -d link show mv)" ' ifb ' 'and stays'
is "$(in_ns fw ip address show mv scope global | grep -c inet)" 0 'without our addresses'
in_ns fw ip address del 10.1.0.1/24 dev lan
ok 'what else is wanted is seen to' lab_wait 5 says '^add route 10.9.0.0/16 via 10.1.0.2'
in_ns fw ip link del mv
ok 'ours comes when that one went' lab_wait 5 same

# ---- watch: a link that the kernel refuses ----
: >"$log"
kill -STOP "$watcher"
printf 'link del vx\nlink add elsewhere type vxlan id 5 local 10.0.0.1 dstport 4789\n' | in_ns fw ip -batch -
kill -CONT "$watcher"
ok 'a link that the kernel refuses is told' lab_wait 5 says 'refuses to add link vx'
in_ns fw ip address del 10.1.0.1/24 dev lan
ok 'routes that do not need it are put back' lab_wait 5 says '^add route 10.9.0.0/16 via 10.1.0.2'
ok 'so are neighbours' lab_wait 5 says '^add neighbour 10.1.0.9'
in_ns fw ip rule del priority 20000
ok 'and rules' lab_wait 5 says '^add rule 20000'
in_ns fw ip link del elsewhere
ok 'and all of it when nothing is in its way' lab_wait 5 same

# ---- an apply that cannot be noted ----
if [ -n "$lab_mounts" ]; then
	sed 's/10\.1\.0\.1/10.1.0.77/' "$conf" >"$other"
	in_ns fw sh -c 'mount -o remount,size=64k /run; cat /dev/zero >/run/fill' 2>/dev/null
	like "$(pt apply -f "$other" 2>&1)" 'ptnet watch. does not know' 'without room for the note an apply says so'
	in_ns fw ip link set e1 down
	in_ns fw ip link set e1 up
	calm
	like "$(in_ns fw ip address show dev lan)" '10.1.0.77/24' 'and nobody puts back what was before'
	in_ns fw rm /run/fill
else
	pass 'no mounts of its own here # SKIP'
fi
lab_stop "$watcher"
done_testing
