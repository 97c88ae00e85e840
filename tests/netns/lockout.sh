#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Administrators who cut their own way in: each logs in over SSH, applies something with --confirm 3 that keeps everybody out, most
# of them make it worse on top of that, and no one confirms. New logins over IPv4 and IPv6 must be seen to fail, each family on its
# own, and be possible again within the deadline and 5 seconds, and what was before must hold then, rules, addresses and routes:
# not less, and not more.
#
#     adm  192.0.2.2 fd99::2 (lo)  10.0.0.2 fd00::2 ---- eth0 [ fw, sshd ]        one such pair for each case
#
# A name that ends in a "?" is a case that may come too early to lose anything: it must be as before then.
#
#   lockout.sh [NAME...]
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
ptconf=$build/ptconf
peer=$build/contrib/demo/peer
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
needs python3 nft
sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip_all 'needs sshd'

window=3
grace=5
at_once=4 # cases beside each other: two processors do as much without making a probe wait for another case
ssh-keygen -q -t ed25519 -N '' -f "$lab_tmp/host"
ssh-keygen -q -t ed25519 -N '' -f "$lab_tmp/key"
chmod 755 "$lab_tmp"

# Tries to log in all the time, over both families beside each other, and tells when that was possible first, when it stopped to be
# and when it was again. One failure may be the machine's: two in a row are the firewall's.
cat >"$lab_tmp/watch.py" <<'PY'
import os, socket, sys, threading, time
def say(what, family, when): os.write(1, b"%s%s %.2f\n" % (what, family, when)) # whole lines, of two threads
def now(): return time.clock_gettime(time.CLOCK_BOOTTIME)
def greets(address, source):
    try:
        with socket.create_connection((address, 22), 0.4, (source, 0) if source else None) as s:
            s.settimeout(1)
            return s.recv(4) == b"SSH-"
    except OSError:
        return False
def watch(family, address, source):
    lost, failed, here = None, None, False
    while True:
        if greets(address, source):
            failed = None
            if not here:
                here = True
                say(b"here", family, now())
            if lost is not None:
                lost = None
                say(b"back", family, now())
        elif not here:
            pass  # an address of the file may be tentative still
        elif lost is None and failed is not None:
            lost = failed
            say(b"lost", family, lost)
        elif failed is None:
            failed = now()
        time.sleep(0.1)
for args in ((b"4", "10.0.0.1", sys.argv[1]), (b"6", "fd00::1", sys.argv[2])):
    threading.Thread(target=watch, args=args, daemon=True).start()
time.sleep(40)
PY

# Runs a command and kills it in the moment in which the kernel has new rules: before it can write that down.
cat >"$lab_tmp/killer.py" <<'PY'
import os, signal, socket, subprocess, sys
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.bind((0, 0))
s.setsockopt(270, 1, 7)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES
p = subprocess.Popen(sys.argv[2:])
s.recv(65536)
p.send_signal(signal.SIGKILL)
with open(sys.argv[1], "w") as f:
    f.write("%d\n" % p.wait())
PY

# What each of them applies, and does then. $apply applies bad.conf; $stamp notes the time.
# shellcheck disable=SC2016 # for the shell of the session
cases='drop-ssh|"block all", "pass in on lan proto tcp to self port 80"|$apply; $stamp
block-all|"block all"|$apply; $stamp
no-rules||$apply; $stamp
order|"pass in proto tcp to self port 22", "block all"|$apply; $stamp
quick|"block in quick all", "pass"|$apply; $stamp
wrong-network|"block all", "pass in on lan from { 10.9.0.0/16, fd09::/16 }", "pass out"|$apply; $stamp
wrong-interface|"block all", "pass in on other proto tcp to self port 22", "pass out"|$apply; $stamp
moved-address|"block all", "pass in on lan proto tcp to { 10.0.0.254, fd00::254 } port 22", "pass out"|$apply; $stamp
own-address|"pass all", "block in quick from { 10.0.0.2, fd00::2 }"|$apply; $stamp
no-answers|"block out all", "pass in proto tcp to self port 22 no state"|$apply; $stamp
hijacked|"pass all", "pass in on lan inet proto tcp to self port 22 rdr-to 10.0.0.99", "pass in on lan inet6 proto tcp to self port 22 rdr-to fd00::99"|$apply; $stamp
resets|"block return all"|$apply; $stamp
closed-schedule|"block all", "pass in on lan proto tcp to self port 22 schedule never", "pass out"|$apply; $stamp
hang-up|"block all"|$apply; $stamp; kill -HUP 0
parent-killed|"block all"|$apply; $stamp; kill -9 $PPID
session-killed|"block all"|$apply; $stamp; kill -9 0
sshd-killed|"block all"|$apply; $stamp; kill -9 $(cat /run/sshd.pid)
shell-stopped|"block all"|$apply; $stamp; kill -STOP $$
closed-terminal|"block all"|$apply >&- 2>&- <&-; $stamp
dead-pipe|"block all"|$apply 2>&1 | true; $stamp
full-disk|"block all"|$apply; $stamp; cat /dev/zero >/var/lib/filler 2>/dev/null
full-before|"block all"|cat /dev/zero >/var/lib/filler 2>/dev/null; head -c -60000 /var/lib/filler >/run/f; cat /run/f >/var/lib/filler; rm /run/f; $apply; $stamp; cat /dev/zero >>/var/lib/filler 2>/dev/null
full-run|"block all"|$apply; $stamp; cat /dev/zero >/run/filler 2>/dev/null
read-only|"block all"|$apply; $stamp; mount -o remount,ro /var/lib
interface-again|"block all"|$apply; $stamp; touch $dir/replug
interface-down|"block all"|$apply; $stamp; ip link set eth0 down; sleep 1; ip link set eth0 up; ip address replace fd00::1/64 dev eth0 nodad
table-deleted|"block all"|$apply; $stamp; sleep 1; nft delete table inet patronus
table-edited|"block all"|$apply; $stamp; sleep 1; nft insert rule inet patronus prerouting drop
table-dormant|"block all"|$apply; $stamp; sleep 1; nft add table inet patronus "{ flags dormant; }"
twice|"block all"|$apply; $apply --force; $stamp
another-after|"block all"|$apply; $stamp; $pt apply -f $dir/good.conf
stopped-too|"block all"|$apply; $stamp; $fw -q stop
guard-killed|"block all"|$apply; $stamp; kill -9 $($pt status -j | sed -n "s/.*\"guard\":\([0-9]*\).*/\1/p"); sleep 0.3; $pt status
rolled-back|"block all"|$pt apply -f $dir/bad.conf >/dev/null; $pt apply -f $dir/good.conf; $pt rollback 1 --confirm '$window'; $stamp
no-memory|"block all"|ulimit -v 200000; ulimit -n 20; $apply; $stamp
probe|"block all"|$pt apply -f $dir/bad.conf --confirm '$window' --probe "tcp 10.0.0.2:9"; $stamp
killed-switched|"block all"|$killer $apply; $stamp
killed-with-all|"block all"|$killer $apply; $stamp; kill -9 0
killed-at-once?|"block all"|$apply & sleep 0.01; kill -9 $!; $stamp
killed-sooner?|"block all"|$apply & sleep 0.03; kill -9 $!; $stamp
killed-later?|"block all"|$apply & sleep 0.1; kill -9 $!; $stamp
lan-address-moved|address = { "10.0.0.254/24", "fd00::254/64" }|$apply; $stamp
lan-network-moved|address = { "10.7.0.1/24", "fd07::1/64" }|$apply; $stamp
lan-address-gone|address = { }|$apply; $stamp
lan-disabled|address = { "10.0.0.1/24", "fd00::1/64" } enabled = false|$apply; $stamp
lan-address-and-killed|address = { "10.0.0.254/24", "fd00::254/64" }|$apply; $stamp; kill -9 0
route-deleted|routes = { }|$apply; $stamp
route-blackhole|routes = { "blackhole 0.0.0.0/0", "blackhole ::/0" }|$apply; $stamp
route-unreachable|routes = { "default via 10.0.0.2", "default via fd00::2", "unreachable 192.0.2.0/24", "prohibit fd99::/64" }|$apply; $stamp
route-wrong-gateway|routes = { "default via 10.0.0.99", "default via fd00::99" }|$apply; $stamp
route-by-rule|routes = { "default via 10.0.0.2", "default via fd00::2" } rules = { "to 192.0.2.0/24 blackhole", "to fd99::/64 blackhole" }|$apply; $stamp
route-and-hang-up|routes = { }|$apply; $stamp; kill -HUP 0'

allows='"block all", "pass in on lan proto tcp to self port 22", "pass out"'
lan='address = { "10.0.0.1/24", "fd00::1/64" }'
ways='routes = { "default via 10.0.0.2", "default via fd00::2" }'

# RULES, what else `interface lan` says, what `network` does.
conf()
{
	cat <<-CONF
		interface lan { device = "eth0" ${2:-} }
		interface other { device = "eth7" }
		schedule never { dates = { "2001-01-01" } }
		network { ${3:-} }
		firewall { rules = { $1 } }
	CONF
}

# good.conf and bad.conf of a case. What is about addresses and routes leaves the rules alone, and has them from the file.
write_confs()
{
	case $name in
	lan-*)
		conf "$allows" "$lan"
		conf "$allows" "$rules" >&3
		;;
	route-*)
		conf "$allows" "$lan" "$ways"
		conf "$allows" "$lan" "$rules" >&3
		;;
	*)
		conf "$allows"
		conf "$rules" >&3
		;;
	esac >"$dir/good.conf" 3>"$dir/bad.conf"
}

# The addresses of fw's eth0, unless they are the file's.
give_addresses()
{
	case $name in
	lan-* | route-*) in_ns "$fw" ip link set eth0 up ;;
	*) lab_addr "$fw" eth0 10.0.0.1/24 fd00::1/64 ;;
	esac
	lab_addr "$adm" eth0 10.0.0.2/24 fd00::2/64
}

# What the kernel has of interfaces, without what counts or ends by itself.
network()
{
	in_ns "$fw" sh -c 'ip -o link show eth0 | grep -o "[<,]UP[,>]"; ip -o address show eth0; ip -4 route show table all; ip -6 route show table all
		ip rule; ip -6 rule' 2>&1 | sed 's/ \(valid_lft\|expires\).*//' | grep -v '^ff00\|^multicast ff00\|fe80' | sort
}

uptime() { cut -d' ' -f1 /proc/uptime; }

# Whether the watch has told so of both families since the case's script began.
both()
{
	awk -v what="$1" -v began="$(cut -d' ' -f1 "$dir/began" 2>/dev/null)" '$2 >= began + 0 { told[$1] }
		END { exit !((what "4") in told && (what "6") in told) }' "$dir/watch"
}

# Both families are back; or none was lost until long after the deadline, where that may be.
came_out()
{
	both back && return
	case $1 in *'?') ;; *) return 1 ;; esac
	[ -s "$dir/stamp" ] && ! grep -q ^lost "$dir/watch" &&
		awk -v s="$(cut -d' ' -f1 "$dir/stamp")" -v now="$(uptime)" -v w="$window" 'BEGIN { exit !(now > s + w + 2) }'
}

# The whole of one case, in a process of its own; what came of it is in FILE.result.
one()
{
	name=${1%\?}
	rules=$2
	script=$3
	dir=$lab_tmp/$name
	fw=fw-$name
	adm=adm-$name
	mkdir "$dir"
	{
		lab_ns "$fw" "$adm" && lab_link "$fw" eth0 "$adm" eth0 &&
			give_addresses
		lab_settle "$fw" "$adm"
	} >"$dir/setup" 2>&1 || { cat "$dir/setup"; return 1; }
	in_ns "$fw" sh -c 'mkdir -p /run/sshd; mount -n -o remount,size=8m /var/lib; mount -n -o remount,size=8m /run'
	# What a supervisor does.
	lab_bg "$fw" sh -c "trap 'kill \$p; exit' TERM; while :; do $sshd -D -p 22 -f /dev/null -h '$lab_tmp/host' -o StrictModes=no -o UsePAM=no \
		-o PidFile=/run/sshd.pid -o PermitRootLogin=yes -o AuthorizedKeysFile='$lab_tmp/key.pub' -o MaxStartups=100 & p=\$!; wait \$p; sleep 0.2; done" \
		>/dev/null 2>&1
	lab_bg "$fw" "$peer" serve fw tcp/80
	write_confs
	in_ns "$fw" "$ptconf" -q apply -f "$dir/good.conf" 2>"$dir/setup" || return 1
	from=
	case $name in
	route-*)
		in_ns "$adm" sh -c 'ip address add 192.0.2.2/32 dev lo; ip address add fd99::2/128 dev lo'
		from='192.0.2.2 fd99::2'
		;;
	esac
	cat >"$dir/script" <<-SCRIPT
		pt='$ptconf' fw='$ptfw' dir='$dir'
		apply="\$pt apply -f \$dir/bad.conf --confirm $window"
		killer="python3 $lab_tmp/killer.py $dir/killed"
		stamp="cp /proc/uptime \$dir/stamp"
		cp /proc/uptime \$dir/began
		$script
	SCRIPT
	lab_bg "$adm" python3 "$lab_tmp/watch.py" "${from%% *}" "${from##* }" >"$dir/watch"
	watcher=$lab_last
	lab_wait 40 both here || return 1
	network >"$dir/network"
	in_ns "$adm" timeout 15 ssh -F /dev/null -n -i "$lab_tmp/key" ${from:+-b "${from%% *}"} -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@10.0.0.1 "sh '$dir/script'" >"$dir/said" 2>&1 &
	client=$!
	if [ "$name" = interface-again ] && lab_wait 8 test -e "$dir/replug"; then
		in_ns "$fw" ip link delete eth0
		lab_link "$fw" eth0 "$adm" eth0
		give_addresses
	fi
	lab_wait 14 came_out "$1"
	# What could not be written down yet is, as soon as it can.
	in_ns "$fw" mount -n -o remount,rw /var/lib
	# shellcheck disable=SC2016 # its own argument
	lab_wait 8 in_ns "$fw" sh -c '! "$1" status | grep -q ^pending' sh "$ptconf"
	# One that is lost again is seen to be.
	sleep 1
	kill "$client" "$watcher" 2>/dev/null
	in_ns "$adm" "$peer" tcp 10.0.0.1 80 >"$dir/web" 2>&1
	in_ns "$adm" "$peer" tcp fd00::1 80 >>"$dir/web" 2>&1
	in_ns "$fw" "$ptconf" status >"$dir/status" 2>&1
	in_ns "$fw" "$ptfw" rule show >"$dir/rules" 2>&1
	network >"$dir/network.after"
	lab_stop "$(cat "$lab_tmp/$fw.pid")" # and all that is in there
	lab_stop "$(cat "$lab_tmp/$adm.pid")"
}

# When the apply came back, how long FAMILY was lost, and when it was back; times after the apply.
outcome()
{
	awk -v f="$1" -v s="${stamp:-0}" -v began="${began:-0}" -v w="$window" -v g="$grace" '
		# What was over before the apply is none of its doing.
		$1 == "back" f && $2 < began { l = last = 0; next }
		$1 == "lost" f && !l { l = $2 }
		$1 == "back" f { b = $2 }
		$1 == "lost" f { last = $2 }
		END {
			if (!s) print "no apply"
			else if (!l) print "never lost"
			else if (b <= last) print "never back"
			else if (b > s + w + g) printf "back %.1f s late\n", b - s - w
			else printf "lost, back %.1f s after the deadline\n", b - s - w
		}' "$dir/watch"
}

judge()
{
	name=${1%\?}
	dir=$lab_tmp/$name
	stamp=$(cut -d' ' -f1 "$dir/stamp" 2>/dev/null)
	began=$(cut -d' ' -f1 "$dir/began" 2>/dev/null)
	why=
	for family in 4 6; do
		told=$(outcome "$family" 2>&1)
		case $1,$told in
		*,'lost, back '*'after the deadline' | *'?,never lost') ;;
		*) why="$why IPv$family" ;;
		esac
		eval "told$family=\$told"
	done
	[ "$(cut -d' ' -f1 "$dir/web" | tr '\n' ' ')" = 'silence silence ' ] || why="$why another-port"
	! grep -q '^pending' "$dir/status" || why="$why pending"
	grep -q 'port 22' "$dir/rules" || why="$why rules"
	case $name in
	killed-switched | killed-with-all) [ "$(cat "$dir/killed" 2>/dev/null)" = -9 ] || why="$why not-killed" ;;
	esac
	case $name in
	interface-*) ;; # what others did to it is theirs
	*) cmp -s "$dir/network" "$dir/network.after" || why="$why network" ;;
	esac
	# shellcheck disable=SC2154 # of the eval
	if [ -z "$why" ]; then
		pass "lock-out $name: IPv4 $told4; IPv6 $told6"
	else
		fail "lock-out $name: IPv4 ${told4:-?}; IPv6 ${told6:-?} ($why )"
		diag "$(cat "$dir/setup" "$dir/began" "$dir/stamp" "$dir/watch" "$dir/said" "$dir/web" "$dir/status" "$dir/rules" 2>&1)"
		diag "$(diff "$dir/network" "$dir/network.after" 2>&1)"
	fi
}

# As many tokens as cases may run: whoever ends gives his back.
mkfifo "$lab_tmp/tokens"
exec 9<>"$lab_tmp/tokens"
for _ in $(seq "$at_once"); do echo >&9; done
names=
jobs=
while IFS='|' read -r name rules script; do
	case " $* " in '  ' | *" ${name%\?} "*) ;; *) continue ;; esac
	names="$names $name"
	read -r _ <&9
	{
		one "$name" "$rules" "$script" </dev/null
		echo >&9
	} &
	jobs="$jobs $!"
done <<CASES
$cases
CASES
# Those are numbers.
# shellcheck disable=SC2086
wait ${jobs:-}
set -f # names may end in a "?"
for name in $names; do judge "$name"; done
done_testing
