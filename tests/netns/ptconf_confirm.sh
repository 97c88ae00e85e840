#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Changes that undo themselves: the window for a confirmation, whoever dies in it, clocks that are set, probes, and what comes back:
# rules, tables with what they learned, settings of the machine.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
ptconf=$build/ptconf
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
lab_ns fw far
lab_link fw eth0 far eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr far eth0 10.0.0.2/24 fd00::2/64
lab_settle fw far

pc() { in_ns fw "$ptconf" "$@"; }
fw() { in_ns fw "$ptfw" "$@"; }
state=/var/lib/patronus
run() { tap_run_rc=0; said=$(pc "$@" 2>&1) || tap_run_rc=$?; }
rules() { fw rule show 2>/dev/null | sed -n 's/.*label //p' | tr '\n' ' '; }
are() { [ "$(rules)" = "$1" ]; }
sysctl_is() { [ "$(in_ns fw cat "/proc/sys/net/$1")" = "$2" ]; }
reaches() { in_ns far ping -c 1 -W 1 -q "$1"; }
# waits SECONDS: until the rules are the old ones.
undone() { lab_wait "$1" are 'learned old '; }
last() { pc history -o 2>/dev/null | head -n 1; }
guard() { pc status -j | sed -n 's/.*"guard":\([0-9]*\).*/\1/p'; }

cat >"$lab_tmp/old.conf" <<-CONF
	system { forwarding = true }
	interface wan { device = "eth0" }
	table learned { persist = true }
	firewall { rules = { "block in from <learned> label learned", "pass label old" } }
CONF
cat >"$lab_tmp/new.conf" <<-CONF
	system { forwarding = false }
	interface wan { device = "eth0" }
	firewall { rules = { "block all label new", "pass out" } }
CONF

# ---- nothing was there before ----
ok 'the first apply of all, with a window' pc apply -f "$lab_tmp/new.conf" --confirm 1
exits 1 'cuts off' reaches 10.0.0.1
ok 'and without a confirmation there is access again' lab_wait 6 reaches 10.0.0.1
ok 'for IPv6 too' reaches fd00::1
like "$(pc status)" '^confirmed none' 'nothing is confirmed'

# ---- the window ----
ok 'a configuration that is confirmed' pc apply -f "$lab_tmp/old.conf"
fw table add learned 192.0.2.1 2001:db8::/48 >/dev/null
fw table add learned 198.51.100.7 --timeout 2h >/dev/null
run apply -f "$lab_tmp/new.conf" --confirm 2
is "$tap_run_rc: $said" "0: $lab_tmp/new.conf: in force as r3; it is undone in 2 s unless you say \`ptconf confirm\`" 'another one, for two seconds'
exits 1 'it cuts off' reaches 10.0.0.1
is "$(in_ns fw cat /proc/sys/net/ipv4/ip_forward)" 0 'and does not forward'
like "$(pc status)" '^pending +r3 by .*, undone in [01] s unless it is confirmed$' 'status tells of it'
like "$(pc status -j)" '"pending":\{"revision":"r3","author":".*","switching":false,"seconds_left":[01],"strict":false,"guard":[0-9]+\}' 'as JSON'
isnt "$(guard)" '' 'a guard is alive'
run apply -f "$lab_tmp/old.conf"
is "$tap_run_rc" 2 'nobody applies meanwhile'
like "$said" 'revision r3 of .* waits for its confirmation' 'and is told why'
tap_run_rc=0; said=$(fw apply -f "$lab_tmp/old.conf" 2>&1) || tap_run_rc=$?
is "$tap_run_rc" 2 'nor with ptfw'
like "$said" 'revision r3 of .* waits for its confirmation' 'which names the window'
ok 'in time it is undone' undone 7
ok 'there is access' reaches 10.0.0.1
ok 'for IPv6 too' reaches fd00::1
ok 'what a table had learned is there' fw table test learned 192.0.2.1 2001:db8::/48
like "$(fw table show learned -s)" 'expires in (719|720|1h59|2h)' 'with the time that is left'
ok 'it forwards again' lab_wait 3 sysctl_is ipv4/ip_forward 1
ok 'also IPv6' sysctl_is ipv6/conf/all/forwarding 1
like "$(last)" 'state=undone by=guard' 'the history says who undid it'
run confirm
is "$tap_run_rc" 3 'then there is nothing to confirm'
like "$said" 'r3 was undone by guard: not confirmed in time' 'which is told'
is "$(in_ns fw ls $state)" 'confirmed
history
lock' 'and nothing is left over'

# ---- confirmed, or not wanted ----
run apply -f "$lab_tmp/new.conf" --confirm 2
ok 'confirmed in time' pc confirm
sleep 2.5
is "$(rules)" 'new ' 'it stays'
ok 'back' pc rollback 1
run apply -f "$lab_tmp/new.conf" --confirm 60
run rollback
like "$said" 'r[0-9]+ undone: r[0-9]+ is in force again' 'who does not want to wait says rollback'
is "$(rules)" 'learned old ' 'and has the old rules'
like "$(last)" 'state=undone by=root' 'by whom is known'
run rollback 1 --confirm 60
like "$said" 'it is undone in 60 s' 'rollback has a window, too'
run apply -f "$lab_tmp/old.conf" --confirm 60 --force
like "$said" 'it is undone in 60 s' '--force puts another one in its place'
run apply -f "$lab_tmp/new.conf" --confirm 1 --force
ok 'and the way back stays the confirmed one' undone 6

# ---- who must confirm ----
run apply -f "$lab_tmp/new.conf" --confirm 5 --strict
run confirm
is "$tap_run_rc" 4 '--strict: not from the same session'
like "$said" 'from another session' 'which is told'
ok 'but from another one' in_ns fw setsid -w "$ptconf" confirm
ok 'and back' pc rollback 1
exits 1 '--strict without a window is no use' pc apply -f "$lab_tmp/new.conf" --strict
for bad in 0 -1 x 1d1s 2d; do
	exits 1 "--confirm $bad is no window" pc apply -f "$lab_tmp/new.conf" --confirm "$bad"
done

# ---- everybody dies ----
cat >"$lab_tmp/session" <<-SH
	'$ptconf' apply -f '$lab_tmp/new.conf' --confirm 3
	touch '$lab_tmp/applied'
	exec sleep 60
SH
session()
{
	rm -f "$lab_tmp/applied"
	lab_bg fw setsid -w sh "$lab_tmp/session"
	lab_wait 10 test -e "$lab_tmp/applied"
}
session
in_ns fw setsid sh -c "for s in HUP INT TERM QUIT ALRM USR1 USR2 PIPE TSTP; do kill -\$s $(guard); done"
lab_stop "$lab_last"
is "$(rules)" 'new ' 'hostile-35: the session dies, and every signal is sent'
ok 'hostile-35: and the guard does its work' undone 8
like "$(last)" 'by=guard' 'it was the guard'

session
kill -9 "$lab_last" 2>/dev/null
in_ns fw sh -c "kill -9 $(guard)"
sleep 0.2
like "$(pc status 2>&1)" 'another one took its place' 'hostile-35: a guard that is killed has a successor with the next command'
isnt "$(guard)" '' 'it is alive'
ok 'hostile-35: which does its work' undone 8

session
in_ns fw sh -c "kill -9 $(guard)"
sleep 3.2
is "$(rules)" 'new ' 'hostile-35: without one, and without a command, nobody is there'
run confirm
is "$tap_run_rc" 3 'hostile-35: too late is too late: the next command undoes it'
is "$(rules)" 'learned old ' 'and the old rules are there'
like "$(last)" 'by=guard why="?not confirmed in time|state=undone' 'and the history says so'

# The caller has hardly any memory to give, and no open files.
in_ns fw sh -c "ulimit -c 0; ulimit -v 300000; exec 0<&- 1>&- 2>&-; '$ptconf' apply -f '$lab_tmp/new.conf' --confirm 1"
is "$(rules)" 'new ' 'no files are open, and there is little memory'
ok 'the guard has its own' undone 6

# The process that applies is stopped in the middle, with the lock in its hands.
in_ns fw sh -c "'$ptconf' apply -f '$lab_tmp/new.conf' --confirm 2; :" >/dev/null
lab_bg fw flock -F -x $state/lock sleep 60
holder=$lab_last
lab_wait 3 in_ns fw sh -c "! flock -n $state/lock true"
in_ns fw sh -c "echo '$holder 1700000000 somebody' >$state/lock"
lab_freeze "$holder"
ok 'hostile-35: somebody stopped holds the lock, and is ended' undone 10
kill -CONT "$holder" 2>/dev/null

# ---- no room anywhere ----
fw table add learned 192.0.2.1 2001:db8::/48 >/dev/null
run apply -f "$lab_tmp/new.conf" --confirm 2
# shellcheck disable=SC2016 # for the shell there
in_ns fw sh -c 'for d in /run /var/lib; do mount -o remount,size=2m $d; dd if=/dev/zero of=$d/fill bs=4k 2>/dev/null; done'
exits 1 'hostile-38: the disks are full' in_ns fw sh -c 'echo x >/run/y && echo x >/var/lib/y'
ok 'hostile-38: and it is undone in time' undone 8
ok 'hostile-38: with what its table learned' fw table test learned 192.0.2.1 2001:db8::/48
run apply -f "$lab_tmp/new.conf" --confirm 60
is "$tap_run_rc" 2 'hostile-38: then nothing new is applied'
in_ns fw rm /run/fill /var/lib/fill
run apply -f "$lab_tmp/new.conf" --confirm 60
in_ns fw sh -c 'dd if=/dev/zero of=/var/lib/fill bs=4k 2>/dev/null'
ok 'hostile-38: on a full disk it can be confirmed' pc confirm
like "$(pc status)" "^confirmed r$(in_ns fw cat $state/confirmed)" 'which holds'
in_ns fw rm /var/lib/fill
ok 'back' pc apply -f "$lab_tmp/old.conf"

# ---- another boot ----
run apply -f "$lab_tmp/new.conf" --confirm 60
in_ns fw sh -c "kill -9 $(guard); boot=\$(cat /proc/sys/kernel/random/boot_id)
	sed '/^check = /d; s/^boot = .*/boot = 00000000-0000-0000-0000-000000000000/' $state/window >/run/w
	echo \"check = \$(sha256sum </run/w | cut -d' ' -f1)\" >>/run/w; cat /run/w >$state/window"
ok 'hostile-36: after another boot' pc apply -f "$lab_tmp/old.conf"
like "$(pc history -o)" 'state=undone by=reboot' 'hostile-36: the window is over and was not confirmed'

# ---- a note that is damaged ----
run apply -f "$lab_tmp/new.conf" --confirm 60
in_ns fw sh -c "kill -9 $(guard); echo x >>$state/window"
run status
is "$(rules)" 'learned old ' 'a window that cannot be read is not confirmed'
run apply -f "$lab_tmp/new.conf" --confirm 1
in_ns fw sh -c "for f in $state/snapshot.*; do echo x >>\$f; done"
ok 'a damaged snapshot does not keep the rules from coming back' undone 6
run apply -f "$lab_tmp/new.conf" --confirm 1
in_ns fw sh -c "echo x >>$state/history/\$(printf %06d \$(cat $state/confirmed)).conf"
ok 'nor does a damaged revision: the one before it comes' lab_wait 6 sh -c "! '$ptconf' status 2>/dev/null | grep -q pending"
ok 'which is confirmed' lab_wait 6 are 'learned old '
ok 'start again' pc apply -f "$lab_tmp/old.conf"

# ---- the files of tables are gone ----
printf '192.0.2.0/24\n2001:db8:1::/48\n' >"$lab_tmp/list"
sed 's/table learned/table list { file = "list" persist = true }\n&/' "$lab_tmp/old.conf" >"$lab_tmp/list.conf"
ok 'a table from a file' pc apply -f "$lab_tmp/list.conf"
run apply -f "$lab_tmp/new.conf" --confirm 1
rm "$lab_tmp/list"
ok 'whose file is gone meanwhile: the rules come back all the same' undone 6
ok 'with the addresses of when they were applied' fw table test list 192.0.2.0/24 2001:db8:1::/48
run rollback r"$(in_ns fw cat $state/confirmed)"
like "$said" 'warning: the file of table list cannot be read: the addresses of when it was applied are used' 'which is told'
exits 1 'the file itself is not applied without it' pc apply -f "$lab_tmp/list.conf"
echo 192.0.2.128/25 >"$lab_tmp/list"
ok 'and with another one it counts' pc rollback
exits 3 'not the copy' fw table test list 192.0.2.1
ok 'start again' pc apply -f "$lab_tmp/old.conf"

# ---- probes ----
run apply -f "$lab_tmp/new.conf" --probe 'icmp 10.0.0.2' --probe 'icmp fd00::2' --confirm 5
is "$tap_run_rc: $said" "0: $lab_tmp/new.conf: in force and confirmed as r$(in_ns fw cat $state/confirmed)" 'probes that answer confirm it'
like "$(last)" 'state=confirmed by=probe' 'by themselves'
ok 'back' pc apply -f "$lab_tmp/old.conf"
run apply -f "$lab_tmp/new.conf" --probe 'icmp 10.0.0.2' --probe 'tcp 10.0.0.2:22' --confirm 2
is "$tap_run_rc" 5 'one that does not undoes it'
like "$said" 'no answer to the probe "tcp 10.0.0.2:22": r[0-9]+ is undone' 'and is named'
is "$(rules)" 'learned old ' 'the old rules are there'
like "$(last)" 'state=undone by=probe' 'as the history says'
# Another change in its place meanwhile is not the probe's to judge.
pc apply -f "$lab_tmp/new.conf" --probe 'tcp 10.0.0.2:22' --confirm 4 >"$lab_tmp/first" 2>&1 &
first=$!
i=0
while [ "$i" -lt 50 ] && ! pc status -j | grep -q '"waits_for_seconds":\|"pending"'; do
	i=$((i + 1))
	sleep 0.1
done
pc apply -f "$lab_tmp/old.conf" --force --confirm 30 >/dev/null 2>&1
wait "$first"
is $? 5 'a probe whose change was replaced gives no verdict'
like "$(cat "$lab_tmp/first")" 'waits no more' 'and says so'
ok 'the other one still waits' pc confirm
cat >"$lab_tmp/listen" <<-'PERL'
	use IO::Socket::IP;
	my $s = IO::Socket::IP->new(LocalAddr => $ARGV[0], LocalPort => 22, Listen => 5, ReuseAddr => 1) or die;
	my $u = IO::Socket::IP->new(LocalAddr => $ARGV[0], LocalPort => 53, Proto => 'udp') or die;
	open my $f, '>', $ARGV[1]; close $f;
	while ($u->recv(my $q, 512)) { substr($q, 2, 1) = "\x84"; $u->send($q); }
PERL
if command -v perl >/dev/null; then
	for a in 10.0.0.2 fd00::2; do
		case $a in *:*) at="[$a]" ;; *) at=$a ;; esac
		rm -f "$lab_tmp/listens"
		lab_bg far perl "$lab_tmp/listen" "$a" "$lab_tmp/listens"
		lab_wait 5 test -e "$lab_tmp/listens"
		ok "tcp and dns probes of $a" pc apply -f "$lab_tmp/new.conf" --probe "tcp $at:22" --probe "dns example.org @$a" --confirm 5
		exits 5 'a name that the server of nobody knows' pc apply -f "$lab_tmp/old.conf" --probe 'dns example.org @10.0.0.9' --confirm 1
		ok 'back' pc apply -f "$lab_tmp/old.conf"
		lab_stop "$lab_last"
	done
else
	skip 'needs perl' 'tcp and dns probes'
fi
for bad in 'tcp 10.0.0.2' 'tcp 10.0.0.2:0' 'icmp host' 'dns example.org' 'dns a..b @10.0.0.2' 'udp 10.0.0.2:53' ''; do
	exits 1 "'$bad' is no probe" pc apply -f "$lab_tmp/new.conf" --probe "$bad"
done
is "$(rules)" 'learned old ' 'and nothing was applied'
done_testing
