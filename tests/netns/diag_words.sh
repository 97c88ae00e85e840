#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What ptdiag says when it is this machine that is in the way: its routes, what was typed, the rights that lack. And that
# a terminal of 80 columns has room for what is said.
#
#     a  10.0.1.1 ---- z  10.0.1.2
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 setpriv jq nft

lab_ns a z
lab_link a e0 z e0
long=2001:db8:1111:2222:3333:4444:5555
lab_addr a e0 10.0.1.1/24 fd01::1/64 $long:6661/112
lab_addr z e0 10.0.1.2/24 fd01::2/64 $long:6662/112
lab_settle a z
diag_a() { in_ns a "$ptdiag" "$@"; }

# ---- routes of this machine ----
# says TYPE NET WORDS
says()
{
	lab_route a "$1" "10.9.$2.0/24"
	lab_route a "$1" "fd09:$2::/64"
	for host in "10.9.$2.1" "fd09:$2::1"; do
		for command in ping trace mtr; do
			exits 2 "$command: $1, $host" diag_a $command "$host"
			like "$tap_out" "$host: $3" 'in the words of who made the route'
			like "$tap_out" "ptdiag route get $host" 'and where to look'
		done
	done
}
says blackhole 1 'a route of this machine drops what goes there'
says prohibit 2 'a route of this machine prohibits it'
says unreachable 3 'a route of this machine says that it cannot be reached'
exits 3 'port: blackhole' diag_a port 10.9.1.1 80
like "$tap_out" 'unreachable: a route of this machine drops it \(blackhole\)' 'and said'
exits 3 'port: prohibit' diag_a port fd09:2::1 80
like "$tap_out" 'unreachable: a route of this machine prohibits it' 'and said'
exits 3 'iperf: blackhole' diag_a iperf 10.9.1.1
like "$tap_out" 'a route of this machine drops what goes there \(blackhole\)' 'and said'
exits 3 'iperf: prohibit' diag_a iperf fd09:2::1
like "$tap_out" 'a route of this machine prohibits it' 'and said'
exits 1 'an address of ours that cannot go there is no blackhole' diag_a ping 10.0.1.2 from 127.0.0.1
unlike "$tap_out" 'blackhole' 'and not called one'

# ---- what was typed ----
# refuses WORDS COMMAND...
refuses()
{
	words=$1
	shift
	exits 1 "refused: $*" diag_a "$@"
	like "$tap_out" "$words" 'and why'
}
refuses 'is a broadcast address' ping 10.0.1.255
refuses 'is a multicast address' mtr ff02::1%e0
refuses 'is a multicast address' trace 224.0.0.1
refuses 'no host has this address' ping 0.0.0.0
refuses 'no host has this address' ping ::
refuses 'on every link: say which one' ping fe80::1
for host in 010.0.1.2 10.1 0x0a000102 167772418 300.1.1.1; do
	refuses 'four numbers of 0 to 255' ping $host
	refuses 'four numbers of 0 to 255' port $host 22
	refuses 'four numbers of 0 to 255' dns x @$host
done
refuses 'is an address of IPv6, and -4' -4 ping fd01::2
refuses 'is an address of IPv4, and -6' -6 mtr 10.0.1.2
refuses 'of the other family' -6 port 10.0.1.2 22
# shellcheck disable=SC2016 # what is typed must stay so
for host in '; reboot' '$(x)' '-oProxyCommand=x' "$(printf 'a\nb')" "$(printf 'a\033]0;x\a')"; do
	for command in ping trace mtr port iperf; do
		refuses '' $command -- "$host" 22
		unlike "$tap_out" "$(printf '[\033\a]')" 'and shown without control characters'
	done
done

# ---- a machine without /proc is not one that has nothing to do ----
# shellcheck disable=SC2016 # for another shell
exits 2 'activity without /proc' in_ns a unshare -m sh -c 'mount -t tmpfs none /proc && exec "$1" activity' sh "$ptdiag"
like "$tap_out" 'is /proc mounted' 'is refused'

# ---- rights that lack: the capability, and not another one ----
cp "$ptdiag" "$lab_tmp/ptdiag"
chmod 755 "$lab_tmp" "$lab_tmp/ptdiag"
as_nobody() { in_ns a setpriv --reuid 65534 --regid 65534 --clear-groups env LD_LIBRARY_PATH="$build" "$lab_tmp/ptdiag" "$@"; }
exits 4 'TCP needs a raw socket' as_nobody trace 10.0.1.2 mode tcp
like "$tap_out" 'needs CAP_NET_RAW' 'which is said'
unlike "$tap_out" CAP_NET_ADMIN 'alone'
exits 4 'a namespace is entered by root' as_nobody --netns /proc/self/ns/net ping 10.0.1.2
like "$tap_out" 'needs CAP_SYS_ADMIN' 'which is said'

# ---- ports: told to stop, and a server that never ends ----
cat >"$lab_tmp/drip.py" <<'PYTHON'
import socket, time
s = socket.socket()
s.bind(('10.0.1.2', 7))
s.listen()
print('ready', flush=True)
while True:
    c = s.accept()[0]
    try:
        for i in range(600):
            c.sendall(b'.')
            time.sleep(0.03)
    except OSError:
        pass
PYTHON
lab_bg z python3 "$lab_tmp/drip.py" >"$lab_tmp/drip"
lab_wait 10 grep -q ready "$lab_tmp/drip"
# 600 drops in a row are 18 seconds, of which 512 are taken.
out=$(diag_a -j port 10.0.1.2 7 banner timeout 400ms)
ok 'a server that says a byte now and then is left in time' [ "$(printf '%s' "$out" | jq '.ports[0].bytes | length')" -lt 256 ]
ok 'and what it said is shown' [ "$(printf '%s' "$out" | jq '.ports[0].bytes | length')" -gt 0 ]
# Two windows of 64: the first has what refuses, the second one waits for a host that drops.
in_ns z nft add table inet t '{ chain i { type filter hook input priority 0; tcp dport 1064-1200 drop; }; }'
lab_bg a "$ptdiag" -d port 10.0.1.2 1000-1150 timeout 60s >"$lab_tmp/ports" 2>&1
lab_wait 20 grep -q '1063: refused' "$lab_tmp/ports"
kill -TERM "$lab_last" # who runs in the background of a script hears no SIGINT
rc=0
wait "$lab_last" || rc=$?
is "$rc" 3 'told to stop: the status is that of what is known'
like "$(tail -n 1 "$lab_tmp/ports")" '^64 refused, stopped with 87 not known$' 'and the sum tells of the rest'

# ---- names of devices in commands that are there to be pasted ----
# shellcheck disable=SC2016 # for another shell
for name in '$(x)' "a'b;c" '`x`'; do
	in_ns z ip link add name "$name" type veth peer name p0
	in_ns z ip link set "$name" up
	in_ns z ip address add 10.7.0.1/24 dev "$name"
	next=$(in_ns z "$ptdiag" -j check only link-down | jq -r '.findings[0].next')
	is "$(sh -c "printf '%s ' ${next#ptnet }")" "link show $name -d " "check: a shell reads the name: $next"
	in_ns z ip neighbour replace 10.7.0.9 dev "$name" nud failed
	next=$(in_ns z "$ptdiag" -j why 10.7.0.9 on "$name" | jq -r '[.steps[] | select(.next != null)][0].next')
	like "$(sh -c "printf '<%s> ' ${next#ptnet }")" "<$(printf '%s' "$name" | sed 's/[$()]/\\&/g')> " "why: a shell reads the name: $next"
	in_ns z ip link del "$name"
done

# ---- a batch ----
printf 'ping 10.0.1.9 count 1 timeout 50ms quiet\nping 10.0.1.2 count 1 quiet\n' >"$lab_tmp/batch"
exits 3 'a no ends a batch' diag_a --batch "$lab_tmp/batch"
like "$tap_out" 'batch:1: the answer is no, and the batch ends here; --force goes on' 'which is said'
exits 3 'but not with --force' diag_a --batch "$lab_tmp/batch" --force
like "$tap_out" '^1 sent, 1 received' 'then the next line is run'
unlike "$tap_out" 'ends here' 'and nothing is said'

# ---- completion: only options that some command of the tool takes ----
for option in $("$ptdiag" complete -- --); do
	# shellcheck disable=SC2016 # for another shell
	ok "$option is in the help" sh -c '"$1" -h | grep -q -e "$2"' sh "$ptdiag" "$option"
done

# ---- 80 columns ----
cat >"$lab_tmp/terminal.py" <<'PYTHON'
import fcntl, os, pty, re, select, struct, sys, termios, time
keys, command = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if not pid:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    os.environ['TERM'] = 'linux'
    os.execv(command[0], command)
seen, end, sent = b'', time.time() + 60, False
while time.time() < end:
    if select.select([fd], [], [], 0.1)[0]:
        try: d = os.read(fd, 65536)
        except OSError: break
        if not d: break
        seen += d
    if keys and not sent and seen.count(b'\x1b[1;1H') >= 4:
        os.write(fd, keys.encode())
        sent = True
os.waitpid(pid, 0)
for line in re.split(r'\r?\n|\x1b\[[0-9;]*H', seen.decode('latin1')):
    print(re.sub(r'\x1b\[[?0-9;]*[A-Za-z]', '', line).rstrip())
PYTHON
on_terminal() { in_ns a python3 "$lab_tmp/terminal.py" "$@"; }
wide() { printf '%s\n' "$1" | awk 'length > 80' | head -3; }
out=$(on_terminal '' "$ptdiag" ping 10.0.1.9 count 1 timeout 50ms)
like "$out" 'ptdiag why 10\.0\.1\.9$' 'where nothing answers, who looks for the reason is named'
out=$(on_terminal '' "$ptdiag" mtr $long:6662 report count 1)
is "$(wide "$out")" '' 'a report has room'
like "$out" "^ +1 $long:6662\$" 'with a line for an address that leaves none for figures'
like "$out" '^ {19,} *0\.0 % +1( +[0-9.]+){6}$' 'all of them'
out=$(on_terminal q "$ptdiag" mtr 10.0.1.2 interval 100ms)
like "$out" '^hop host +loss +sent +last +avg +best +worst +stddev +jitter$' 'the live table has all columns'
like "$out" '^ +1 10\.0\.1\.2 +0\.0 % +[0-9]+( +[0-9.]+){6}$' 'and all figures'
out=$(on_terminal q "$ptdiag" mtr $long:6662 interval 100ms)
like "$out" "^ +1 $long:6662\$" 'the live table, with long addresses'
like "$out" '^ {19,} *0\.0 % +[0-9]+( +[0-9.]+){6}$' 'and all figures'
out=$(on_terminal q "$ptdiag" activity live interval 200ms)
is "$(wide "$out")" '' 'activity has room'
like "$out" '^CPU +USER +NICE +SYSTEM +IDLE +IOWAIT +IRQ +SOFTIRQ +STEAL$' 'for what packets cost'
like "$out" '^all( +[0-9.]+%){8}$' 'in figures'
for words in '' ping 'state show' dns capture; do
	# shellcheck disable=SC2086
	is "$(wide "$(diag_a $words -h)")" '' "help has room: $words"
done
done_testing
