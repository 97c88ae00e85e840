#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The classifier is in the hands of others, too: somebody takes its filter away, makes a device that it does not
# know, puts filters of his own beside it, sets priorities that look like its answers, or the kernel
# refuses it. Nothing of that lets a packet in; info tells, and apply mends it.
#
#     out  10.0.0.2 fd00::2 ---- eth0 [ fw ]
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs tc nft jq python3

lab_ns fw out
lab_link fw eth0 out eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_settle fw out
pt() { in_ns fw "$ptfw" "$@"; }
tc() { in_ns fw tc "$@"; }

# Port 53 is open, 54 is not. Without built-in rules: the loopback is judged like everything else.
conf=$lab_tmp/patronus.conf
{
	echo 'interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }'
	echo 'firewall { builtin = false rules = { "block", "pass out",'
	echo '"pass proto icmp6 icmp6-type { neighbrsol, neighbradv }",'
	seq 100 199 | sed 's/.*/"block in proto tcp from 10.9.0.& to any port &",/'
	echo '"pass in proto udp to any port 53 label open", "block in proto udp to any port 54" } }'
} >"$conf"
sed 's/port 53/port { 53, 55 }/' "$conf" >"$lab_tmp/other.conf"
lab_bg fw "$peer" serve fw udp/53 udp/54
pt -q apply --engine bpf -f "$conf" 2>"$lab_tmp/why" || skip_all "no classifier here: $(cat "$lab_tmp/why")"

# open WHEN: what the rules say is what happens; closed WHEN: nothing passes.
expect()
{
	for to in 10.0.0.1 fd00::1; do
		is "$(in_ns out "$peer" udp "$to" 53 | cut -d' ' -f1)" "$1" "$2: $to port 53: $1"
		is "$(in_ns out "$peer" udp "$to" 54 | cut -d' ' -f1)" silence "$2: $to port 54: silence"
	done
}
open() { expect answered "$1"; }
closed() { expect silence "$1"; }
mended()
{
	exits 3 "$1: diff finds something to do" pt diff -f "$conf"
	ok "$1: apply" pt -q apply --engine bpf -f "$conf"
	like "$(pt info)" '^Engine: *bpf' "$1: the classifier is at work again"
	unlike "$(pt info)" 'for want of the program' "$1: on all devices"
	in_ns out ip neighbour flush dev eth0 # it asked in vain, and would only ask again after a while
	open "$1, and mended"
}
open 'in force'

# ---- the filter goes, and the hook with everything ----
for gone in 'filter del dev eth0 ingress pref 80' 'qdisc del dev eth0 clsact'; do
	# shellcheck disable=SC2086
	ok "tc $gone" tc $gone
	closed "after tc $gone"
	like "$(pt info)" 'closed, for want of the program:.* eth0' 'info names the device'
	like "$(pt info -j | jq -c '.info[0].devices_without')" 'eth0' 'in JSON, too'
	mended "after tc $gone"
done

# ---- the filter goes while packets come: none of port 54 arrives at any time ----
in_ns fw nft 'table inet watch { chain c { type filter hook input priority 100; udp dport 54 counter; }; }'
lab_bg out sh -c "while :; do $peer udp 10.0.0.1 54 & $peer udp fd00::1 54 & wait; done" >/dev/null
flood=$lab_last
for again in 1 2 3 4 5; do
	tc filter del dev eth0 ingress pref 80
	pt -q apply --engine bpf -f "$conf" || fail "apply number $again under packets"
done
lab_stop "$flood"
like "$(in_ns fw nft list table inet watch)" 'counter packets 0' 'nothing of port 54 came through meanwhile'
in_ns fw nft delete table inet watch

# ---- a device made after the apply ----
lab_link fw late0 out late0
lab_addr fw late0 10.1.0.1/24 fd01::1/64
lab_addr out late0 10.1.0.2/24 fd01::2/64
lab_settle fw out
late() { for to in 10.1.0.1 fd01::1; do is "$(in_ns out "$peer" udp "$to" 53 | cut -d' ' -f1)" "$1" "a new device, $2: $to"; done; }
late silence 'before the apply'
like "$(pt info)" 'closed, for want of the program:.* late0' 'info names it'
ok 'apply' pt -q apply --engine bpf -f "$conf"
in_ns out ip neighbour flush dev late0
late answered 'after it'
in_ns fw ip link del late0

# ---- priorities that look like answers ----
keys=$(in_ns fw nft -j list maps | jq -r '.nftables[].map | select(. != null) | .elem[]? | .[0] | (.elem.val? // .)
	| select(type == "number")' | sort -un)
like "$keys" '^[0-9]' 'there are keys'
send_with_priorities()
{
	# shellcheck disable=SC2086
	in_ns "$1" python3 -c '
import socket, sys
for to in sys.argv[1:3]:
    for key in map(int, sys.argv[3:]):
        s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, key)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, key)
        try: s.sendto(b"x", (to, 54))
        except PermissionError: pass' 10.0.0.1 fd00::1 0 1 2147483647 $keys
}
in_ns fw nft 'table inet watch { chain c { type filter hook input priority 100; udp dport 54 counter; }; }'
watched() { like "$(in_ns fw nft list table inet watch)" 'counter packets 0' "$1: no packet for port 54 got in"; }
send_with_priorities out
watched 'priorities and marks of sockets outside'
send_with_priorities fw
watched 'priorities and marks of sockets of this machine'
matchall='filter replace dev eth0 ingress pref 10 handle 1 protocol all matchall action'
# shellcheck disable=SC2086
if tc $matchall continue 2>/dev/null; then
	for key in $keys; do
		tc $matchall skbedit priority "$(printf '%x:%x' $((key >> 16)) $((key & 65535)))" mark "$key" continue ||
			fail "tc takes no priority $key"
		in_ns out python3 -c '
import socket
for to in "10.0.0.1", "fd00::1":
    socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (to, 54))'
	done
	watched 'a filter that sets priorities and marks before ours'
	open 'with such a filter'
	tc $matchall pass
	closed 'a filter of somebody else ends the classification before ours'
	tc $matchall continue
	open 'one that goes on'
	foreign=yes
else
	skip 'this kernel has no matchall' 'filters of others'
	foreign=
fi
in_ns fw nft delete table inet watch

ok 'stop' pt -q stop
[ -z "$foreign" ] || like "$(tc filter show dev eth0 ingress)" 'pref 10 matchall' 'a filter of somebody else stays when ours goes'
unlike "$(tc filter show dev eth0 ingress)" 'pref 80' 'ours goes'
unlike "$(tc qdisc show dev lo)" clsact 'a hook that nobody else uses goes, too'
closed 'stopped'
ok 'apply' pt -q apply --engine bpf -f "$conf"
open 'applied again'

# ---- somebody else has our place ----
bytecode='1,6 0 0 4294967295'
before=$(pt rule show)
for place in 'handle 1 protocol all' 'handle 1 protocol ip' 'handle 2 protocol ip'; do
	tc filter del dev eth0 ingress pref 80
	# shellcheck disable=SC2086
	ok "a filter of another program, $place" tc filter add dev eth0 ingress pref 80 $place bpf bytecode "$bytecode"
	theirs=$(tc filter show dev eth0 ingress)
	exits 2 'the classifier is refused' pt apply --engine bpf -f "$lab_tmp/other.conf"
	exits 0 'and nothing was changed' test "$(pt rule show)" = "$before"
	ok 'the kernel'"'"'s choice is another one' pt -q apply -f "$lab_tmp/other.conf"
	like "$(pt info)" '^Engine: *nft' 'which info tells'
	open "with a filter of another program, $place"
	ok 'stop' pt -q stop
	is "$(tc filter show dev eth0 ingress)" "$theirs" 'it stays as it was'
	tc filter del dev eth0 ingress pref 80
	ok 'apply' pt -q apply --engine bpf -f "$conf"
done
ok 'a filter beside ours' tc filter add dev eth0 ingress pref 80 handle 2 protocol all bpf bytecode "$bytecode"
ok 'apply beside it' pt -q apply --engine bpf -f "$lab_tmp/other.conf"
ok 'another engine beside it' pt -q apply --engine nft -f "$conf"
like "$(tc filter show dev eth0 ingress)" 'handle 0x2' 'it stays'
ok 'stop' pt -q stop

# ---- a hook of the older kind ----
tc qdisc del dev eth0 clsact
ok 'a hook of kind ingress' tc qdisc add dev eth0 ingress
ok 'apply with it' pt -q apply --engine bpf -f "$conf"
unlike "$(pt info)" 'for want of the program' 'the program is on all devices'
ok 'diff finds nothing to do' pt diff -f "$conf"
open 'with a hook of kind ingress'
ok 'stop' pt -q stop
unlike "$(tc filter show dev eth0 ingress)" 'pref 80' 'the filter goes from it'
like "$(tc qdisc show dev eth0)" 'qdisc ingress' 'the hook does not'
tc qdisc del dev eth0 ingress
ok 'apply' pt -q apply --engine bpf -f "$conf"

# ---- from engine to engine, the hook stays ----
ok 'another engine' pt -q apply --engine nft -f "$conf"
unlike "$(tc filter show dev eth0 ingress)" 'pref 80' 'the filter goes'
like "$(tc qdisc show dev lo)" clsact 'but not the hook, for which the kernel would lose packets'
open 'engine nft'

# ---- the kernel refuses BPF ----
without_bpf() { in_ns fw setpriv --bounding-set -sys_admin,-bpf,-perfmon --inh-caps -sys_admin,-bpf,-perfmon "$ptfw" "$@"; }
exits 4 'without the right to use BPF, the classifier is an error' without_bpf apply --engine bpf -f "$lab_tmp/other.conf"
open 'after that error, the old rules'
tap_said=$(without_bpf apply -f "$lab_tmp/other.conf" 2>&1)
is "$?" 0 'where it is the kernel'"'"'s choice, rules are in force without it'
like "$tap_said" 'warning: the classifier cannot be used' 'and a warning says why'
like "$(pt info)" '^Engine: *nft' 'info tells the engine'
open 'without BPF'

# ---- BPF is allowed, but not to open a program by its number, as a later apply has to ----
only_new() { in_ns fw setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$ptfw" "$@"; }
exits 4 'without CAP_SYS_ADMIN, the classifier is an error' only_new apply --engine bpf -f "$conf"
open 'after that error, the old rules'
ok 'the kernel'"'"'s choice is another one' only_new -q apply -f "$conf"
like "$(pt info)" '^Engine: *nft' 'info tells it'
ok 'and others can be applied' only_new -q apply -f "$lab_tmp/other.conf"
done_testing
