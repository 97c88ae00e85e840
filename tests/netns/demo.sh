#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The demonstration runs, every trial goes as its rules say, and what its table shows is
# what somebody who reads the file would expect: the rule, its line, and the address that
# the far side saw.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

conf=contrib/examples/small-office.conf
# A host of its own, so that what other tests do at the same time is not taken for its doing.
lab_ns host
# shellcheck disable=SC2016 # expands inside
host() { in_ns host sh -c 'ip -o address; ip route show table all; nft list ruleset; [ -z "$1" ] || ls -R /run' host "$lab_mounts"; }

host >"$lab_tmp/before"
start=$(date +%s)
out=$(in_ns host contrib/demo/run 2>"$lab_tmp/stderr")
rc=$?
end=$(date +%s)
host >"$lab_tmp/after"

is "$rc" 0 'the demonstration succeeds'
[ "$rc" -eq 0 ] || diag "$out" "$(cat "$lab_tmp/stderr")"
is "$(cat "$lab_tmp/stderr")" '' 'and complains of nothing'
ok "in less than 60 s ($((end - start)))" [ $((end - start)) -lt 60 ]
is "$(cat "$lab_tmp/after")" "$(cat "$lab_tmp/before")" 'the host is as it was'

# trial TITLE RESULT SAW RULE: the line of the table, with the rule's place in the file.
trial()
{
	at=$(grep -n "label $4\"" "$conf" | cut -d: -f1)
	found=$(printf '%s\n' "$out" | grep -F -e "$1  ")
	like "$found" " $2 +$3 +$4 \\(small-office\\.conf:$at\\)" "$1: $2 by $4 of line $at"
}

trial 'office -> Internet, web' answered 203.0.113.2 lan
trial 'office -> Internet, web over IPv6' answered 2001:db8:10::10 lan
trial 'administrator -> router, ssh' answered 192.168.10.10 manage
trial 'anybody else -> router, ssh' refused - lan-router
trial 'office -> foreign mail server' refused - no-direct-mail
trial 'guest -> office, web' refused - guest-inside
trial 'guest -> office, web over IPv6' refused - guest-inside
trial 'Internet -> our web server (port forward)' answered 203.0.113.1 web
trial 'Internet -> port 2222 (to ssh of the server)' answered 203.0.113.1 sftp
trial 'Internet -> media port 26390 (to 16390)' answered 203.0.113.1 media
trial 'Internet -> our web server over IPv6' answered 2001:db8:ff::1 web6
trial 'office -> our public address (reflection)' answered 192.168.10.10 web-inside
trial 'Internet -> router, ssh' silence - default
trial 'blocklisted -> our web server' silence - blocklist-in
trial 'taken out of the blocklist -> the same' answered 198.51.100.7 web
trial 'forged private source -> the same' silence - bogons
trial 'web server -> office, ssh' refused - dmz-inside
trial 'Internet -> our web server, new address' answered 203.0.113.1 web
trial 'Internet, now blocklisted -> our web server' silence - blocklist-in
like "$out" 'office -> Internet, web +answered +203\.0\.113\.77 ' 'translation follows the new address'
done_testing
