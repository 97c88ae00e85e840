#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A change that waits, and what goes on around it: a namespace that is made anew, a stop, somebody who would confirm himself, processes
# that are stopped or killed, files that are damaged or gone. Whoever asks is told what is so.
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
lab_ns fw

pc() { in_ns fw "$ptconf" "$@"; }
fw() { in_ns fw "$ptfw" "$@"; }
state=/var/lib/patronus
run() { tap_run_rc=0; said=$("$@" 2>&1) || tap_run_rc=$?; }
rules() { fw rule show 2>/dev/null | sed -n 's/.*label //p' | tr '\n' ' '; }
are() { [ "$(rules)" = "$1" ]; }
last() { pc history -o 2>/dev/null | head -n 1; }
guard() { pc status -j | sed -n 's/.*"guard":\([0-9]*\).*/\1/p'; }
confirmed() { in_ns fw cat $state/confirmed; }

echo 'firewall { rules = { "pass label old" } }' >"$lab_tmp/old.conf"
echo 'firewall { rules = { "block all label new" } }' >"$lab_tmp/new.conf"
echo 'firewall { rules = { "block all label other", "pass out" } }' >"$lab_tmp/other.conf"
ok 'a configuration that is confirmed' pc apply -f "$lab_tmp/old.conf"

# ---- a network namespace that is not there any more ----
# The same folder in both, as it is where a script makes its namespaces anew.
cat >"$lab_tmp/inner" <<-SH
	'$ptconf' apply -f '$lab_tmp/new.conf' --confirm 600
	kill -9 \$('$ptconf' status -j | sed -n 's/.*"guard":\([0-9]*\).*/\1/p')
SH
ok 'a change in another network namespace' in_ns fw unshare -n sh "$lab_tmp/inner"
run pc status
like "$said" 'waited for its confirmation in a network namespace that is gone: it counts as undone' 'which is gone: status says so'
unlike "$said" '^pending' 'and nothing waits'
like "$(last)" 'state=undone by=namespace' 'as the history says'
in_ns fw unshare -n sh "$lab_tmp/inner" >/dev/null
ok 'nor does it stop an apply' pc apply -f "$lab_tmp/other.conf"
is "$(rules)" 'other ' 'which is in force'
in_ns fw unshare -n "$ptconf" -q apply -f "$lab_tmp/new.conf" --confirm 600
in_ns fw nft delete table inet patronus
ok 'nor a boot, though the guard is still in there' pc boot
is "$(rules)" 'other ' 'which brings the confirmed revision'
echo ". '$lab_tmp/inner'; touch '$lab_tmp/there'; exec sleep 60" >"$lab_tmp/stays"
lab_bg fw unshare -n sh "$lab_tmp/stays"
lab_wait 10 test -e "$lab_tmp/there"
run pc apply -f "$lab_tmp/old.conf"
is "$tap_run_rc" 2 'while it is there, it does'
like "$said" 'waits for its confirmation in another network namespace' 'which is told'
like "$(pc status)" '^pending .*in another network namespace' 'by status too'
lab_stop "$lab_last"
ok 'not any more' pc apply -f "$lab_tmp/old.conf"

# ---- stopped while a change waits ----
n=$(confirmed)
pc -q apply -f "$lab_tmp/new.conf" --confirm 3
run fw stop
is "$tap_run_rc" 0 'a stop while a change waits'
like "$said" "waits for its confirmation: in [0-3] s r$n is put in force, and the firewall is no longer stopped" 'says what will happen'
ok 'and so it is' lab_wait 9 are 'old '
run fw stop
unlike "$said" 'confirmation' 'without a change there is nothing to say'
ok 'again' pc rollback

# ---- who must confirm ----
pc -q apply -f "$lab_tmp/new.conf" --confirm 60 --strict
like "$(pc status)" 'unless it is confirmed from another session' 'a strict window: status says so'
like "$(pc history -o)" 'state=pending.* strict=yes' 'and the history'
run pc apply -f "$lab_tmp/other.conf" --force
is "$tap_run_rc" 4 'it is not confirmed by another apply of the same session'
like "$said" 'is to be confirmed from another session than this one, and so is what takes its place' 'which is told'
run pc rollback 0 --force
is "$tap_run_rc" 4 'nor by going back to a revision'
run pc apply -f "$lab_tmp/other.conf" --force --probe 'icmp 127.0.0.1'
is "$tap_run_rc" 4 'nor by a probe'
is "$(rules)" 'new ' 'and it is in force'
run pc apply -f "$lab_tmp/other.conf" --force --confirm 60
like "$said" 'unless you say .ptconf confirm. in another session' 'what takes its place is strict, too'
is "$(rules)" 'other ' 'and in force'
like "$(last)" 'state=pending.* strict=yes' 'as the history says'
run pc confirm
is "$tap_run_rc" 4 'it is not confirmed by the same session'
ok 'another session puts a third in its place, and confirms it by that' in_ns fw setsid -w "$ptconf" apply -f "$lab_tmp/new.conf" --force
is "$(last | grep -o 'state=[a-z]*')" 'state=confirmed' 'it is confirmed'
ok 'back' pc apply -f "$lab_tmp/old.conf"

# ---- somebody is stopped ----
pc -q apply -f "$lab_tmp/new.conf" --confirm 600
g=$(guard)
lab_freeze "$g"
run pc status
like "$said" 'another one took its place' 'a guard that is stopped is none: status starts another one'
isnt "$(guard)" "$g" 'which is another process'
kill -CONT "$g"
ok 'and undone once' pc rollback
ok 'the first one ends' lab_wait 5 sh -c "! kill -0 $g"
lab_bg fw flock -F -x $state/lock sleep 60
holder=$lab_last
lab_wait 3 in_ns fw sh -c "! flock -n $state/lock true"
in_ns fw sh -c "echo '$holder 1700000000 bob on pts/3' >$state/lock"
lab_freeze "$holder"
run pc apply -f "$lab_tmp/other.conf"
is "$tap_run_rc" 5 'somebody who is stopped at work is not waited for for ever'
like "$said" "held by bob on pts/3, process $holder, since 2023.*, which is stopped" 'who it is, since when, and that he is stopped, is told'
like "$(pc status)" "^at work +bob on pts/3, process $holder, since 2023.*, which is stopped" 'by status, too'
kill -CONT "$holder"
lab_stop "$holder"
run fw apply -f "$lab_tmp/old.conf"
lock=/run/patronus/lock.$(in_ns fw stat -Lc %i /proc/self/ns/net)
lab_bg fw flock -F -x "$lock" sleep 60
holder=$lab_last
lab_wait 3 in_ns fw sh -c "! flock -n $lock true"
in_ns fw sh -c "echo '$holder 1700000000' >$lock"
lab_freeze "$holder"
exits 5 'nor is an apply of ptfw' fw apply -f "$lab_tmp/other.conf"
kill -CONT "$holder"
lab_stop "$holder"

# ---- what cannot be read ----
n=$(confirmed)
run pc status
is "$tap_run_rc" 0 'all can be read'
in_ns fw chmod 0777 $state
run pc status
is "$tap_run_rc" 4 'a folder that everybody writes in'
like "$said" "error: .*$state" 'is told'
in_ns fw chmod 0755 $state
for bad in '' x 999; do
	in_ns fw sh -c "printf '%s' '$bad' >$state/confirmed"
	run pc status
	is "$tap_run_rc" 2 "a pointer to what is confirmed with '$bad' in it"
	like "$said" "error: .*$state.*confirmed|r999" 'is told'
	like "$(pc status -j 2>/dev/null)" '"problem":"' 'also as JSON'
done
in_ns fw sh -c "printf '%s\n' '$n' >$state/confirmed"
in_ns fw mv /run/patronus/applied /run/patronus/gone
run pc status
is "$tap_run_rc" 2 'the copy of what is in force is gone'
like "$said" '^in force  something that cannot be read' 'which is not nothing'
like "$said" 'error: the copy of the applied file .* cannot be read' 'and told'
in_ns fw mv /run/patronus/gone /run/patronus/applied
run pc status
is "$tap_run_rc" 0 'and all is well again'

# ---- notes that are damaged: nothing crashes ----
pc -q apply -f "$lab_tmp/new.conf"
pc -q apply -f "$lab_tmp/old.conf"
n=$(confirmed)
in_ns fw cp -a $state /var/lib/whole
wrong=
for file in history/000001.end history/000001.meta "history/$(printf %06d "$n").end" "history/$(printf %06d "$n").meta" confirmed window guard editor lock; do
	for how in ': >F' 'printf x >F' 'printf "patronus end 1\ncheck = " >F' 'head -c 100 /dev/urandom >F' 'head -c 30 F >F.c; mv F.c F' \
		'rm -f F; mkdir F' 'rm -f F; ln -s /dev/zero F' 'rm -f F; mkfifo F'; do
		in_ns fw sh -c "touch $state/$file; $(printf '%s' "$how" | sed "s|F|$state/$file|g")" 2>/dev/null
		for words in history 'history -j' status 'show r1' 'compare 1 0'; do
			# shellcheck disable=SC2086
			in_ns fw timeout 20 "$ptconf" $words >"$lab_tmp/out" 2>&1
			rc=$?
			[ "$rc" -le 5 ] || wrong="$wrong $file ($how) $words: $rc;"
		done
		in_ns fw sh -c "rm -rf $state; cp -a /var/lib/whole $state"
	done
done
is "$wrong" '' 'files that are cut, random, folders, links and pipes: history, status, show and compare answer'
in_ns fw sh -c "echo x >>$state/history/000001.end"
like "$(pc history)" 'r1 .* unknown ' 'what became of a revision whose note is damaged is unknown'
in_ns fw sh -c "rm -rf $state; mv /var/lib/whole $state"

# ---- a second pair of eyes ----
# kept NAME TOOL...: a program that runs all the time undoes what nobody else would.
kept()
{
	what=$1
	shift
	ok "$what: the confirmed rules" pc apply -f "$lab_tmp/old.conf"
	lab_bg fw "$@" >"$lab_tmp/kept" 2>&1
	keeper=$lab_last
	sleep 0.5
	pc -q apply -f "$lab_tmp/new.conf" --confirm 3
	kill -9 "$(guard)"
	is "$(rules)" 'new ' "$what: the guard is killed"
	ok "$what: and it is undone in time, by no command" lab_wait 9 are 'old '
	like "$(last)" 'state=undone by=guard .*why="not confirmed in time"' "$what: as the history says"
	ok "$what: and the program" lab_wait 3 grep -q 'was not confirmed, and its guard was gone' "$lab_tmp/kept"
	pc -q apply -f "$lab_tmp/new.conf" --confirm 3
	kill -9 "$(guard)"
	sleep 1.2
	in_ns fw rm -rf $state
	is "$(rules)" 'new ' "$what: the guard is killed and the state folder is gone"
	ok "$what: all the same" lab_wait 9 are 'old '
	pc -q apply -f "$lab_tmp/old.conf"
	pc -q apply -f "$lab_tmp/new.conf" --confirm 2
	pc -q confirm
	sleep 3
	is "$(rules)" 'new ' "$what: what is confirmed stays"
	lab_stop "$keeper"
}
kept follow "$ptfw" follow
ok 'start again' pc apply -f "$lab_tmp/old.conf"
pc -q apply -f "$lab_tmp/new.conf" --confirm 2
in_ns fw rm -rf $state
ok 'the guard does its work without the state folder, too' lab_wait 8 are 'old '

done_testing
