#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Administrators who cut their own way in: each logs in over SSH, applies something with --confirm 3 that keeps everybody out, most
# of them make it worse on top of that, and no one confirms. New logins over IPv4 and IPv6 must be possible again within the
# deadline and 5 seconds, each time, and the rules of before must hold then: not less, and not more.
#
#     adm  10.0.0.2 fd00::2 ---- eth0 [ fw, sshd ]        one such pair for each case
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
for tool in python3 nft; do command -v "$tool" >/dev/null || skip_all "needs $tool"; done
sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip_all 'needs sshd'

window=3
grace=5
at_once=6 # cases beside each other
ssh-keygen -q -t ed25519 -N '' -f "$lab_tmp/host"
ssh-keygen -q -t ed25519 -N '' -f "$lab_tmp/key"
chmod 755 "$lab_tmp"

# Tries to log in all the time, over both families, and tells when that stopped to be possible and when it was again.
cat >"$lab_tmp/watch.py" <<'PY'
import socket, sys, time
def now(): return time.clock_gettime(time.CLOCK_BOOTTIME)
def greets(address):
    try:
        with socket.create_connection((address, 22), 0.4) as s:
            s.settimeout(0.6)
            return s.recv(4) == b"SSH-"
    except OSError:
        return False
end = now() + float(sys.argv[1])
lost = back = None
while now() < end:
    began = now()
    both = [greets(a) for a in ("10.0.0.1", "fd00::1")]
    if not all(both) and (lost is None or back):
        if lost is None: print("lost %.2f" % began, flush=True)
        lost, back = began, None
    elif all(both) and lost is not None and back is None:
        back = now()
        print("back %.2f" % back, flush=True)
    time.sleep(0.1)
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
killed-early|"block all"|$apply & sleep 0.01; kill -9 $!; $stamp
killed-sooner|"block all"|$apply & sleep 0.03; kill -9 $!; $stamp
killed-later|"block all"|$apply & sleep 0.06; kill -9 $!; $stamp
killed-last|"block all"|$apply & sleep 0.1; kill -9 $!; $stamp'

conf()
{
	cat <<-CONF
		interface lan { device = "eth0" }
		interface other { device = "eth7" }
		schedule never { dates = { "2001-01-01" } }
		firewall { rules = { $1 } }
	CONF
}

# The whole of one case, in a process of its own; what came of it is in FILE.result.
one()
{
	name=$1
	rules=$2
	script=$3
	dir=$lab_tmp/$name
	fw=fw-$name
	adm=adm-$name
	mkdir "$dir"
	{
		lab_ns "$fw" "$adm" && lab_link "$fw" eth0 "$adm" eth0 &&
			lab_addr "$fw" eth0 10.0.0.1/24 fd00::1/64 && lab_addr "$adm" eth0 10.0.0.2/24 fd00::2/64
		lab_settle "$fw" "$adm"
	} >"$dir/setup" 2>&1 || { cat "$dir/setup"; return 1; }
	in_ns "$fw" sh -c 'mkdir -p /run/sshd; mount -n -o remount,size=8m /var/lib; mount -n -o remount,size=8m /run'
	# What a supervisor does.
	lab_bg "$fw" sh -c "trap 'kill \$p; exit' TERM; while :; do $sshd -D -p 22 -f /dev/null -h '$lab_tmp/host' -o StrictModes=no -o UsePAM=no \
		-o PidFile=/run/sshd.pid -o PermitRootLogin=yes -o AuthorizedKeysFile='$lab_tmp/key.pub' -o MaxStartups=100 & p=\$!; wait \$p; sleep 0.2; done" \
		>/dev/null 2>&1
	lab_bg "$fw" "$peer" serve fw tcp/80
	conf '"block all", "pass in on lan proto tcp to self port 22", "pass out"' >"$dir/good.conf"
	conf "$rules" >"$dir/bad.conf"
	in_ns "$fw" "$ptconf" -q apply -f "$dir/good.conf" 2>"$dir/setup" || return 1
	cat >"$dir/script" <<-SCRIPT
		pt='$ptconf' fw='$ptfw' dir='$dir'
		apply="\$pt apply -f \$dir/bad.conf --confirm $window"
		stamp="cp /proc/uptime \$dir/stamp"
		cp /proc/uptime \$dir/began
		$script
	SCRIPT
	lab_bg "$adm" python3 "$lab_tmp/watch.py" 25 >"$dir/watch"
	sleep 0.5
	in_ns "$adm" timeout 15 ssh -F /dev/null -n -i "$lab_tmp/key" -o BatchMode=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@10.0.0.1 "sh '$dir/script'" >"$dir/said" 2>&1 &
	client=$!
	if lab_wait 8 test -e "$dir/replug"; then
		in_ns "$fw" ip link delete eth0
		lab_link "$fw" eth0 "$adm" eth0
		lab_addr "$fw" eth0 10.0.0.1/24 fd00::1/64
		lab_addr "$adm" eth0 10.0.0.2/24 fd00::2/64
	fi
	lab_wait 12 grep -q ^back "$dir/watch"
	# One that was never lost, or is lost again, is seen to be steady.
	sleep 3
	kill "$client" 2>/dev/null
	in_ns "$adm" "$peer" tcp 10.0.0.1 80 >"$dir/web" 2>&1
	in_ns "$adm" "$peer" tcp fd00::1 80 >>"$dir/web" 2>&1
	# What could not be written down yet is, as soon as it can.
	in_ns "$fw" mount -n -o remount,rw /var/lib
	# shellcheck disable=SC2016 # its own argument
	lab_wait 5 in_ns "$fw" sh -c '! "$1" status | grep -q ^pending' sh "$ptconf"
	in_ns "$fw" "$ptconf" status >"$dir/status" 2>&1
	in_ns "$fw" "$ptfw" rule show >"$dir/rules" 2>&1
}

judge()
{
	name=$1
	dir=$lab_tmp/$name
	stamp=$(cut -d' ' -f1 "$dir/stamp" 2>/dev/null)
	lost=$(sed -n 's/^lost //p' "$dir/watch" | head -n 1)
	back=$(sed -n 's/^back //p' "$dir/watch" | tail -n 1)
	# Times after the apply that cut off had returned.
	told=$(awk -v s="${stamp:-0}" -v l="${lost:-0}" -v b="${back:-0}" -v w="$window" -v g="$grace" 'BEGIN {
		if (!s) print "no apply"; else if (!l) print "never lost"; else if (b <= l) print "never back"
		else if (b > s + w + g) printf "back %.1f s late\n", b - s - w; else printf "back %.1f s after the deadline\n", b - s - w }')
	case $told in 'back '*'after the deadline') good=yes ;; *) good= ;; esac
	case $name,$told in killed-*,'never lost') good=yes ;; esac
	if [ -n "$good" ] && [ "$(cut -d' ' -f1 "$dir/web" | tr '\n' ' ')" = 'silence silence ' ] && ! grep -q '^pending' "$dir/status" &&
		grep -q 'port 22' "$dir/rules"; then
		pass "lock-out $name: $told"
	else
		fail "lock-out $name: $told"
		diag "$(cat "$dir/began" "$dir/stamp" "$dir/watch" "$dir/said" "$dir/web" "$dir/status" "$dir/rules" 2>&1)"
	fi
}

names=
running=0
while IFS='|' read -r name rules script; do
	case " $* " in '  ' | *" $name "*) ;; *) continue ;; esac
	names="$names $name"
	one "$name" "$rules" "$script" &
	jobs="${jobs:-} $!"
	running=$((running + 1))
	[ "$running" -lt "$at_once" ] || {
		# Those are numbers.
		# shellcheck disable=SC2086
		wait $jobs
		jobs=
		running=0
	}
done <<CASES
$cases
CASES
# shellcheck disable=SC2086
wait ${jobs:-}
for name in $names; do judge "$name"; done
done_testing
