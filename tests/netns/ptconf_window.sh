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

done_testing
