#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptconf: what is applied and what is kept of it. Revisions and their names, what differs, damage, who holds the lock, full and
# hostile disks; all or nothing over the subsystems.
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
run() { tap_run_rc=0; said=$(pc "$@" 2>&1) || tap_run_rc=$?; }
rules() { fw rule show 2>/dev/null | sed -n 's/.*label //p' | tr '\n' ' '; }

conf()
{
	cat >"$lab_tmp/$1.conf" <<-CONF
		# version $1
		system { forwarding = $2 }
		table learned { persist = true }
		firewall { rules = { "block all label closed", "block in from <learned> label learned",
			"pass in proto tcp to port 22 label $1" } }
	CONF
}
conf a true
conf b false
conf c true
sed -e 's/port 22/port 80/' "$lab_tmp/b.conf" >"$lab_tmp/b2.conf" && mv "$lab_tmp/b2.conf" "$lab_tmp/b.conf"
sed -e 's/port 22/port 23/' "$lab_tmp/a.conf" >"$lab_tmp/shut.conf"
sed 's/on lann//; s/pass in proto/pass in on nowhere proto/' "$lab_tmp/a.conf" >"$lab_tmp/wrong.conf"

# ---- applying ----
ok 'check says the file is right' pc check -f "$lab_tmp/a.conf"
exits 1 'and that one is wrong' pc check -f "$lab_tmp/wrong.conf"
like "$(pc check -j -f "$lab_tmp/wrong.conf")" '"schema":"patronus.check.v1".*"line":5,"column":13' 'with its place, as JSON'
run status
is "$said" "confirmed none
in force  nothing" 'at first nothing is there'
run apply -f "$lab_tmp/a.conf" --comment 'the "first" one'
is "$tap_run_rc: $said" "0: $lab_tmp/a.conf: in force and confirmed as r1" 'the first apply'
is "$(in_ns fw cat /proc/sys/net/ipv4/ip_forward)" 1 'sets forwarding too'
run apply -f "$lab_tmp/a.conf"
is "$said" "$lab_tmp/a.conf: in force and confirmed already, nothing written" 'the same again writes nothing'
is "$(pc history | wc -l)" 2 'and is no revision'
exits 1 'a wrong file is refused' pc apply -f "$lab_tmp/wrong.conf"
exits 1 'so is an empty one' in_ns fw sh -c ": >/run/empty; '$ptconf' apply -f /run/empty"
is "$(rules)" 'closed learned a ' 'and the rules are as before'
exits 1 'a file that is not there is an error of configuration' pc apply -f "$lab_tmp/none.conf"
run apply -n -f "$lab_tmp/b.conf"
like "$said" 'add +rule +in/b' 'a dry run tells the operations'
like "$said" 'set +setting +net/ipv4/ip_forward 0' 'of every subsystem'
is "$(rules)" 'closed learned a ' 'and changes nothing'

# ---- one subsystem refuses ----
in_ns fw sh -c 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys'
run apply -f "$lab_tmp/b.conf"
is "$tap_run_rc" 2 'settings that cannot be written: the change is refused'
like "$said" 'refused the change: nothing of it stays' 'which is told'
is "$(rules)" 'closed learned a ' 'and the rules, which were in force already, are the old ones again'
like "$(pc history -o | head -n 1)" 'state=undone by=apply .*why=.*Read-only' 'as the history says'
run apply -f "$lab_tmp/b.conf" --confirm 60
is "$tap_run_rc" 2 'so it is with a window'
unlike "$(pc status)" pending 'and nothing waits'
in_ns fw umount /proc/sys
in_ns fw rm -rf $state
ok 'start again' pc apply -f "$lab_tmp/a.conf" --comment 'the "first" one'
is "$(pc history -o | sed 's/ number=.*//; s/time=[^ ]* //')" 'back=0 revision=r1 author=- state=confirmed by=ptfw comment="in force before the first ptconf apply"' 'what was in force is the first revision'
in_ns fw rm -rf $state
in_ns fw nft delete table inet patronus
ok 'and again' pc apply -f "$lab_tmp/a.conf" --comment 'the "first" one'

# ---- what differs ----
run diff -f "$lab_tmp/b.conf"
is "$tap_run_rc" 3 'diff: something would change'
like "$said" '^-# version a$' 'the text that goes'
like "$said" '^\+# version b$' 'the text that comes'
like "$said" '^ table learned' 'and what is around it'
like "$said" '^pass instead of block: in .*' 'what packets it lets through now'
like "$said" '^ +such as in [a-z0-9]+ tcp ' 'with one of them'
like "$said" '^set setting net/ipv4/ip_forward 0$' 'and operations'
like "$(pc diff -j -f "$lab_tmp/shut.conf")" '"meaning":\[.*"old_verdict":"pass","new_verdict":"block"' 'as JSON, the other way round'
exits 0 'diff of what is in force is nothing' pc diff -f "$lab_tmp/a.conf"
like "$(pc diff -j -f "$lab_tmp/b.conf")" '"schema":"patronus.diff.v1".*"operations":\[\{"operation"' 'diff as JSON'

# ---- the history ----
ok 'another version' pc apply -f "$lab_tmp/b.conf"
ok 'and a third' pc apply -f "$lab_tmp/c.conf" --comment third
is "$(pc history | awk 'NR > 1 { print $1, $2, $5 }')" "0 r3 confirmed
1 r2 confirmed
2 r1 confirmed" 'the history, the last one first'
like "$(pc history)" 'r1 .* the "first" one$' 'with comments'
like "$(pc history -j)" '"schema":"patronus.history.v1","confirmed":3,' 'as JSON'
is "$(pc show 2)" "$(cat "$lab_tmp/a.conf")" 'show by how far back'
is "$(pc show r2)" "$(cat "$lab_tmp/b.conf")" 'show by number'
ok 'the bytes are those that were applied' in_ns fw cmp "$lab_tmp/a.conf" $state/history/000001.conf
exits 3 'there is no ninth' pc show 9
exits 1 'a word is no revision' pc show last
run compare 1 0
like "$said" '^\+# version c$' 'compare two'
run compare r3 r2
like "$said" '^-# version c$' 'by number'
exits 0 'one is not other than itself' pc compare 1 r2
run compare 1 -f "$lab_tmp/a.conf"
like "$said" '^\+# version a$' 'the file against one'
ok 'the difference is one that patch takes' in_ns fw sh -c "command -v patch >/dev/null || exit 0
	cp '$lab_tmp/b.conf' /run/p.conf; '$ptconf' compare r2 r3 >/run/p; patch -s /run/p.conf </run/p && cmp /run/p.conf '$lab_tmp/c.conf'"
run rollback 2
is "$said" "$lab_tmp/a.conf: in force and confirmed as r4" 'back to the one before the one before'
is "$(rules)" 'closed learned a ' 'its rules are in force'
like "$(pc history)" '0 +r4 .*back to r1$' 'the history says so'
ok 'a revision needs its file no more' in_ns fw sh -c "mv '$lab_tmp/b.conf' '$lab_tmp/b.away' && '$ptconf' rollback r2 && mv '$lab_tmp/b.away' '$lab_tmp/b.conf'"
is "$(rules)" 'closed learned b ' 'and comes back from the history'

# ---- files that are included ----
mkdir "$lab_tmp/rules.d"
echo 'table included { persist = true addresses = { "192.0.2.1" } }' >"$lab_tmp/rules.d/t.conf"
sed 's/# version c/include("rules.d\/t.conf")/' "$lab_tmp/c.conf" >"$lab_tmp/inc.conf"
ok 'a file that includes another one' pc apply -f "$lab_tmp/inc.conf"
like "$(pc show)" 'table included' 'both are in the history'
echo 'table included { persist = true addresses = { "192.0.2.2" } }' >"$lab_tmp/rules.d/t.conf"
like "$(pc compare 0 -f "$lab_tmp/inc.conf")" '^\+table included .*192.0.2.2' 'what differs in an included file is told'
ok 'apply that' pc apply -f "$lab_tmp/inc.conf"
rm "$lab_tmp/rules.d/t.conf"
ok 'the revision before has the included file as it was' pc rollback 1
ok 'and its table' fw table test included 192.0.2.1
ok 'back to plain files' pc apply -f "$lab_tmp/a.conf"

# ---- names of revisions in another folder ----
ok 'a relative path is one of its folder' in_ns fw sh -c "cd '$lab_tmp' && '$ptconf' apply -f b.conf && cd / && '$ptconf' compare 0 -f '$lab_tmp/b.conf'"

# ---- ptfw beside it ----
ok 'ptfw applies alone' fw apply -f "$lab_tmp/c.conf"
like "$(pc status)" '^in force  .*c\.conf as .ptfw apply. read it, which is no revision' 'status says so'
like "$(pc status -j)" '"schema":"patronus.status.v1".*"in_force":"other"' 'also as JSON'
ok 'rollback without a number is back at the confirmed one' pc rollback
is "$(rules)" 'closed learned b ' 'which it is'

# ---- damage ----
n=$(pc history -j | sed 's/.*"confirmed":\([0-9]*\),.*/\1/')
good=$(pc history | awk 'NR == 3 { print $2 }')
in_ns fw sh -c "echo '# x' >>$state/history/$(printf %06d "$n").conf"
run history
like "$said" 'damaged' 'a changed revision is told from one that holds'
like "$said" "revision r$n is damaged" 'with a message'
exits 2 'it is not shown' pc show "r$n"
is "$(pc history 2>/dev/null | awk '$2 == "'"$good"'" { print $1 }')" 0 'and does not count'
in_ns fw sh -c ": >$state/history/000001.conf; rm $state/history/000002.conf"
is "$(pc history 2>/dev/null | awk '$2 == "r1" || $2 == "r2"' | grep -c damaged)" 2 'an empty one and a missing one are damaged, too'
exits 2 'nobody goes back to damage' pc rollback r1
in_ns fw sh -c "echo garbage >$state/confirmed"
run status
like "$said" '^confirmed none' 'a number that is none'
ok 'an apply goes on after all that' pc apply -f "$lab_tmp/a.conf"
in_ns fw rm -rf $state

# ---- the disk ----
full=$lab_tmp/full
mkdir "$full"
pcs() { in_ns fw "$ptconf" "$@" --state "$full/state"; }
in_ns fw mount -t tmpfs -o size=64k,mode=755 tmpfs "$full"
ok 'a small disk' pcs apply -f "$lab_tmp/a.conf"
in_ns fw sh -c "dd if=/dev/zero of=$full/fill bs=4k 2>/dev/null"
run apply -f "$lab_tmp/b.conf" --state "$full/state"
is "$tap_run_rc" 2 'hostile-38: on a full disk an apply is refused'
like "$said" 'No space left' 'and says why'
is "$(rules)" 'closed learned a ' 'the rules are the old ones'
exits 0 'and nothing waits' in_ns fw sh -c "'$ptconf' status --state '$full/state' | grep -q pending && exit 1; exit 0"
in_ns fw rm "$full/fill"
# At each size of what is left: the old rules or the new ones, and the history knows which.
wrong=
for left in 1 2 3 4 5 6 7 8 9 10 11; do
	in_ns fw sh -c "dd if=/dev/zero of=$full/fill bs=4k 2>/dev/null; dd if=/dev/null of=$full/fill bs=4k seek=\$((\$(stat -c %s $full/fill) / 4096 - $left)) 2>/dev/null"
	v=b
	[ "$(rules)" = 'closed learned b ' ] && v=c
	before=$(rules)
	run apply -f "$lab_tmp/$v.conf" --state "$full/state"
	after=$(rules)
	in_ns fw rm "$full/fill"
	case $tap_run_rc in
	0) [ "$after" = "closed learned $v " ] || wrong="$wrong $left:$after" ;;
	*) [ "$after" = "$before" ] || wrong="$wrong $left:$tap_run_rc:$after" ;;
	esac
	[ "$(pcs status | sed -n 's/^in force  \(r[0-9]*\),.*/\1/p')" = "$(pcs status | sed -n 's/^confirmed //p')" ] || wrong="$wrong $left:status"
done
is "$wrong" '' 'hostile-32: wherever the room ends, the old rules or the new ones are in force, and are the confirmed revision'
in_ns fw mount -o remount,ro "$full"
exits 2 'hostile-38: a state folder that cannot be written keeps an apply from changing anything' pcs apply -f "$lab_tmp/a.conf"
ok 'but not a look' pcs history
in_ns fw umount "$full"

in_ns fw mkdir -m 777 /run/open
exits 4 'hostile-20: a folder that others can write is refused' pc apply -f "$lab_tmp/a.conf" --state /run/open
in_ns fw sh -c 'mkdir -m 755 /run/real; ln -s real /run/link'
run apply -f "$lab_tmp/a.conf" --state /run/link
like "$tap_run_rc: $said" '^1: .*/run/link: a symbolic link' 'hostile-19: so is a link'
in_ns fw sh -c "mkdir -m 755 /run/other; chown 65534 /run/other"
exits 4 'and one of somebody else' pc apply -f "$lab_tmp/a.conf" --state /run/other

# ---- locks ----
ok 'start again' pc apply -f "$lab_tmp/a.conf"
ok 'one takes the lock' in_ns fw "$ptconf" lock
run apply -f "$lab_tmp/b.conf"
is "$tap_run_rc" 0 'his session may apply'
run() { tap_run_rc=0; said=$(in_ns fw setsid -w "$ptconf" "$@" 2>&1) || tap_run_rc=$?; }
run apply -f "$lab_tmp/a.conf"
is "$tap_run_rc" 2 'another session may not'
like "$said" "$(id -un).* holds the lock of the configuration since 20.*T.*Z \(session of process [0-9]+\)" 'and is told who it is and since when'
run lock
is "$tap_run_rc" 2 'nor take the lock'
like "$said" 'lock --steal' 'but is told how'
run apply -f "$lab_tmp/a.conf" --force
is "$tap_run_rc" 0 'unless it insists'
run lock --steal
like "$said" '^taken over from .*, who was at work' 'or takes it over'
run lock
like "$said" '^taken over from .*, whose session is gone' 'a lock dies with its session'
ok 'and is given back' in_ns fw sh -c "'$ptconf' lock && '$ptconf' lock --release"
unlike "$(pc status)" editor 'then nobody has it'

# Somebody who dies at work leaves his note, but no lock.
in_ns fw sh -c "echo '4242 1700000000 alice from 192.0.2.7' >$state/lock"
run confirm
like "$said" 'warning: the lock of somebody who died at work is taken over: alice from 192.0.2.7, process 4242, since 2023' 'a dead one is told of'
command -v flock >/dev/null && {
	lab_bg fw sh -c "exec flock -F -x $state/lock sleep 20"
	lab_wait 5 in_ns fw sh -c "! flock -n $state/lock true"
	in_ns fw sh -c "echo '4243 1700000000 bob on pts/3' >$state/lock"
	run apply -f "$lab_tmp/b.conf"
	is "$tap_run_rc" 5 'two applies at once: the second is refused'
	like "$said" 'held by bob on pts/3, process 4243, since 2023' 'and told who is at work'
	lab_stop "$lab_last"
}

# ---- a batch ----
echo status >"$lab_tmp/batch"
run --netns /proc/self/ns/net --batch "$lab_tmp/batch"
like "$said" 'a path needs --state' 'lines of a batch in another namespace do not take the history of this one'

# ---- JSON as it is described ----
if python3 -c 'import jsonschema' 2>/dev/null; then
	pc apply -q -f "$lab_tmp/b.conf" --confirm 60
	for w in 'history:history' 'status:status' "diff:diff -f $lab_tmp/a.conf" 'compare:compare 1 0' 'revision:show' 'change:apply --force' \
		'change:confirm' 'change:rollback 1' 'change:apply --confirm 60' 'change:rollback' 'change:confirm' 'lock:lock' 'lock:lock --steal' \
		'lock:lock --release'; do
		# shellcheck disable=SC2046,SC2086 # words
		pc ${w#*:} -j $(case $w in *apply*) echo "-f $lab_tmp/c.conf" ;; esac) >"$lab_tmp/out.json" 2>/dev/null
		ok "schema of ${w#*:}" python3 -c 'import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$lab_tmp/out.json" "contrib/schema/patronus.${w%%:*}.v1.json"
	done
else
	skip 'needs python3-jsonschema' 'JSON as the schemas describe it'
fi


# ---- what is done, as JSON ----
pc apply -q -f "$lab_tmp/a.conf"
pc apply -q -f "$lab_tmp/b.conf" --confirm 60
n=$(pc status -j | sed 's/.*"pending":{"revision":"r\([0-9]*\).*/\1/')
is "$(pc confirm -j)" "{\"schema\":\"patronus.change.v1\",\"revision\":$n,\"state\":\"confirmed\",\"window\":60,\"writes\":0,\"operations\":[]}" \
	'confirm -j'
run confirm -j
is "$tap_run_rc" 3 'confirm -j: nothing waits'
like "$said" '^{"schema":"patronus.change.v1","revision":0,"state":"unchanged",' 'and a document says so'
pc apply -q -f "$lab_tmp/a.conf" --confirm 60
is "$(pc rollback -j)" "{\"schema\":\"patronus.change.v1\",\"revision\":$((n + 1)),\"state\":\"undone\",\"window\":60,\"writes\":0,\"again\":$n,\"operations\":[]}" \
	'rollback -j: what it undid, and what is in force again'
is "$(pc lock -j)" '{"schema":"patronus.lock.v1","lock":[{"state":"taken","other":null}]}' 'lock -j'
is "$(pc lock -j --release)" '{"schema":"patronus.lock.v1","lock":[{"state":"free","other":null}]}' 'lock --release -j'
if command -v setsid >/dev/null; then
	lab_bg fw setsid sh -c "'$ptconf' -q lock; : >'$lab_tmp/locked'; sleep 30"
	lab_wait 10 test -e "$lab_tmp/locked"
	run lock -j
	is "$tap_run_rc" 2 'lock -j: another session has it'
	like "$said" '{"state":"held","other":\{"author":"[^"]+","since":"[^"]+","process":[0-9]+,"alive":true\}\}' 'and which'
	run lock -j --release
	is "$tap_run_rc" 2 'lock --release -j: of another session'
	like "$said" '{"state":"held","other":\{' 'is told'
	like "$(pc lock -j --steal)" '{"state":"taken","other":\{.*"alive":true' 'lock --steal -j: from whom'
	pc lock -q --release
	lab_stop "$lab_last"
fi
# A note of what became of a revision may be cut, or written by others: then nobody knows.
end=$state/history/$(printf '%06d' "$((n + 1))").end
# shellcheck disable=SC2016
in_ns fw sh -c 'head -c 20 "$1" >"$1.cut" && mv "$1.cut" "$1"' sh "$end"
like "$(pc history -j 2>/dev/null)" "\"revision\":\"r$((n + 1))\"[^}]*\"state\":\"unknown\"" 'history -j: what became of a revision is not known'
# shellcheck disable=SC2016
in_ns fw sh -c 'head -c 4000 /dev/urandom >"$1"' sh "$end"
like "$(pc history -j 2>/dev/null)" "\"revision\":\"r$((n + 1))\"[^}]*\"state\":\"unknown\"" 'nor where its note is noise'
# shellcheck disable=SC2016
in_ns fw sh -c 'rm "$1"; mkdir "$1"' sh "$end"
like "$(pc history 2>/dev/null)" " r$((n + 1)) .* unknown" 'nor where it is a folder'
in_ns fw rmdir "$end"

# ---- as many as are kept ----
v=a
for i in $(seq 55); do
	case $v in a) v=b ;; *) v=a ;; esac
	in_ns fw "$ptconf" apply -q -f "$lab_tmp/$v.conf" || diag "apply $i failed"
done
is "$(pc history | wc -l)" 51 'fifty revisions are kept'
is "$(pc history -j | grep -o '"back":[0-9]*' | tail -n 1)" '"back":49' 'all of them confirmed'
# Tabs are text as any other.
printf 'interface lan {\n\tdevice = "eth0"\n}\n' >"$lab_tmp/tabs.conf"
pc apply -q -f "$lab_tmp/tabs.conf"
is "$(pc show | od -c)" "$(od -c <"$lab_tmp/tabs.conf")" 'show is the file, tabs and all'
done_testing
