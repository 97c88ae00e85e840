#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The boot of a machine, each time in a namespace without any rules: the block set, then the last confirmed revision, whatever
# is damaged, missing or full. hostile-38. Real reboots are tests/vm/boot.t.
#
#     out  10.0.0.2 fd00::2 ---- eth0 [ fwN ] eth1 ---- 10.1.0.2 fd01::2  lan
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptconf=$build/ptconf
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

state=$lab_tmp/state
conf=$lab_tmp/patronus.conf
round=0
asked=
# boots: a machine that has just come up, links and all; its namespaces are fw$round, out$round, lan$round.
boots()
{
	round=$((round + 1))
	fw=fw$round out=out$round lan=lan$round
	lab_ns "$fw" "$out" "$lan"
	[ "${1:-}" = bare ] || links
}
links()
{
	lab_link "$fw" eth0 "$out" eth0
	lab_link "$fw" eth1 "$lan" eth0
	lab_addr "$fw" eth0 10.0.0.1/24 fd00::1/64
	lab_addr "$out" eth0 10.0.0.2/24 fd00::2/64
	lab_addr "$fw" eth1 10.1.0.1/24 fd01::1/64
	lab_addr "$lan" eth0 10.1.0.2/24 fd01::2/64
	lab_route "$out" default via 10.0.0.1
	lab_route "$out" default via fd00::1
	lab_route "$lan" default via 10.1.0.1
	lab_route "$lan" default via fd01::1
	lab_settle "$fw" "$out" "$lan"
	lab_bg "$fw" "$peer" serve fw tcp/22 tcp/80
	lab_bg "$lan" "$peer" serve lan tcp/80
	lab_wait 5 listens
}
word() { in_ns "$1" "$peer" tcp "$2" "$3" 2>&1 | cut -d' ' -f1; }
listens() { [ "$(word "$fw" 127.0.0.1 80) $(word "$lan" 127.0.0.1 80)" = 'answered answered' ]; }
pt() { in_ns "$fw" "$ptconf" --state "$state" -f "$conf" "$@"; }
# passes NAME ANSWERS: SSH and web from lan, web from out, web of lan from out; both families agree
passes()
{
	for ask in "$lan 10.1.0.1 22" "$lan 10.1.0.1 80" "$out 10.0.0.1 80" "$out 10.1.0.2 80" \
		"$lan fd01::1 22" "$lan fd01::1 80" "$out fd00::1 80" "$out fd01::2 80"; do
		# The three are words, to be split.
		# shellcheck disable=SC2086
		word $ask >"$lab_tmp/word $ask" &
		asked="$asked $!"
	done
	# shellcheck disable=SC2086
	wait $asked
	asked=
	four=$(cat "$lab_tmp/word $lan 10.1.0.1 22" "$lab_tmp/word $lan 10.1.0.1 80" "$lab_tmp/word $out 10.0.0.1 80" \
		"$lab_tmp/word $out 10.1.0.2 80" | tr '\n' ' ')
	six=$(cat "$lab_tmp/word $lan fd01::1 22" "$lab_tmp/word $lan fd01::1 80" "$lab_tmp/word $out fd00::1 80" \
		"$lab_tmp/word $out fd01::2 80" | tr '\n' ' ')
	is "$four/$six" "$2 /$2 " "$1"
}
bare='silence silence silence silence'
blocked='answered silence silence silence'
ruled='silence silence answered answered'

write()
{
	cat >"$conf" <<-CONF
		system { forwarding = true }
		interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
		interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }
		boot { ssh-on = { "lan" } }
		firewall { rules = { "block all", "pass in on wan proto tcp to port 80 label $1", "pass out on lan" } }
	CONF
}

# ---- nothing was ever confirmed ----
rm -f "$conf"
boots
exits 1 'no history, no file: boot says so' pt boot
passes 'no history, no file: the bare block set' "$bare"
write first
boots
said=$(pt boot 2>&1)
like "$said" 'no confirmed revision' 'no history: boot tells what is missing'
like "$said" 'block set stays' 'no history: and what is in force'
passes 'no history: the block set of the file, where it is right' "$blocked"

# ---- the usual boot ----
ok 'a first revision' pt apply
write second
ok 'a second one' pt apply
boots
like "$(pt boot block)" 'block set of r2' 'boot block tells whose block set it is'
passes 'the block set' "$blocked"
is "$(in_ns "$fw" cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' ')" '0 0 ' \
	'nothing is forwarded yet'
like "$(pt boot)" 'r2 is in force' 'boot'
passes 'the rules' "$ruled"
is "$(in_ns "$fw" cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' ')" '1 1 ' \
	'forwarding, now'
like "$(pt boot)" 'they stay' 'boot again changes nothing'
like "$(pt boot block)" 'they stay' 'boot block does not take rules away'
passes 'they did stay' "$ruled"
if command -v nft >/dev/null; then
	in_ns "$fw" nft flush ruleset
	ok 'somebody emptied everything: boot' pt boot
	passes 'the rules are back' "$ruled"
else
	skip 'needs nft' 'somebody emptied everything'
fi
echo 'firewall { rules = { "nonsense" } }' >"$conf"
boots
ok 'the file is wrong: boot' pt boot
passes 'the file is wrong: the confirmed rules' "$ruled"
rm "$conf"
boots
ok 'the file is gone: boot' pt boot
passes 'the file is gone: the confirmed rules' "$ruled"

# ---- interfaces come later ----
boots bare
ok 'no link yet: boot block' pt boot block
ok 'no link yet: boot' pt boot
links
passes 'links that came later have the rules' "$ruled"

# ---- the disk ----
boots
in_ns "$fw" mount -n --bind "$state" "$state"
in_ns "$fw" mount -n -o remount,bind,ro "$state"
like "$(pt boot 2>&1)" 'cannot be written' 'a disk that cannot be written: boot says so'
passes 'a disk that cannot be written: the rules' "$ruled"
boots
# shellcheck disable=SC2016 # its own arguments
in_ns "$fw" sh -c 'mkdir "$1.full"; mount -n -t tmpfs -o size=256k,mode=700 tmpfs "$1.full"; cp -r "$1/." "$1.full/"
	mount -n --move "$1.full" "$1"; cat /dev/zero >"$1/filler" 2>/dev/null || :' sh "$state"
ok 'a full disk: boot' pt boot
passes 'a full disk: the rules' "$ruled"
in_ns "$fw" umount "$state"

# ---- damage ----
cp -r "$state" "$lab_tmp/sound"
# damaged NAME WANTED COMMAND...: after the command, run in the state folder
damaged()
{
	name=$1
	wanted=$2
	shift 2
	rm -rf "$state"
	cp -r "$lab_tmp/sound" "$state"
	(cd "$state" && "$@")
	boots
	said=$(pt boot block 2>&1; pt boot 2>&1)
	case $wanted in r?) like "$said" "$wanted is in force" "$name: $wanted is in force" ;; *) pass "$name" ;; esac
	case $wanted in
	r?) passes "$name: its rules" "$ruled" ;;
	*) passes "$name: the block set" "$wanted" ;;
	esac
}
truncated() { : >"history/$1"; }
damaged 'an empty revision' r1 truncated 000002.conf
damaged 'half of a revision' r1 truncated 000002.meta
damaged 'no pointer to the confirmed one' r2 rm confirmed
damaged 'an empty pointer' r2 sh -c ': >confirmed'
damaged 'garbage in the pointer' r2 sh -c 'head -c 64 /dev/urandom >confirmed'
# shellcheck disable=SC2016 # its own variable
damaged 'all revisions empty' "$bare" sh -c 'for f in history/*.conf; do : >"$f"; done'
damaged 'no history' "$bare" rm -r history
rm -rf "$state"
boots
exits 1 'no state folder at all: no success' pt boot
passes 'no state folder at all: the block set' "$bare"
done_testing
