#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Lines that fingers know from pfctl, on a machine with a file in force and traffic: what they print is what our own words print,
# their exit status is right, and none of them opens what was closed. What each is turned into is tests/unit/pfctl.c's.
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

lab_ns fw out
lab_link fw eth0 out eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_settle fw out
pt() { in_ns fw "$ptfw" "$@"; }

conf=$lab_tmp/patronus.conf
cat >"$conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
table bad { persist = true counters = true timeout = "1h" }
macro web { value = "{ 80, 8080 }" }
firewall { rules = {
	"block return in on wan label closed",
	"pass out label out",
	"pass in on wan proto tcp to self port $web label web",
	"block in quick on wan from <bad> label bad",
} }
CONF
sed 's/on wan/on wann/' "$conf" >"$lab_tmp/bad.conf"
printf '192.0.2.1\n192.0.2.16/28\n' >"$lab_tmp/list"

# same LETTERS... -- WORDS...: both print the same, with the same status.
same()
{
	letters='' words='' half=1
	for w; do
		if [ "$w" = -- ]; then half=2; elif [ "$half" = 1 ]; then letters="$letters $w"; else words="$words $w"; fi
	done
	# The words are to be split.
	# shellcheck disable=SC2086
	one=$(pt $letters 2>&1; echo "status $?")
	# shellcheck disable=SC2086
	two=$(pt $words 2>&1; echo "status $?")
	is "$one" "$two" "ptfw$letters is ptfw$words"
}

# passes FAMILY-ADDRESS PORT: what a connection from outside comes to.
tries() { in_ns out "$peer" tcp "$1" "$2" || :; }

# ---- files ----
exits 0 '-nf of a good file' pt -nf "$conf"
exits 0 '-n -f' pt -n -f "$conf"
exits 1 '-nf of a bad file' pt -nf "$lab_tmp/bad.conf"
like "$(pt -nf "$lab_tmp/bad.conf" 2>&1)" "unknown interface 'wann'" 'with its reason'
like "$(pt -vnf "$conf")" '^pass in on wan proto tcp to self port \{ http, 8080 \} label web|^pass in on wan proto tcp to self port \{ 80, 8080 \} label web|^pass in on wan proto tcp from any to self port' '-vnf prints the rules, macros written out'
exits 1 '-f of a bad file changes nothing' pt -f "$lab_tmp/bad.conf"
like "$(pt info)" 'not loaded' 'as one sees'
exits 0 '-f' pt -f "$conf"
exits 0 '-ef once more' pt -ef "$conf"
like "$(pt -f "$conf")" 'in force' '-f tells that it is in force'
is "$(pt -qf "$conf")" '' '-qf says nothing'
exits 0 '-Fr -f replaces' pt -Fr -f "$conf"
lab_bg fw "$peer" serve web tcp/80
sleep 0.3
for to in 10.0.0.1 fd00::1; do
	is "$(tries "$to" 81)" refused "closed for $to"
	isnt "$(tries "$to" 80)" refused "open for $to"
done

# ---- shows ----
same -sr -- rule show
same -s rules -- rule show
same -vsn -- nat show -s
same -sn -- nat show
same -sm -- state count
same -sT -- table list
same -s Tables -- table list
same -sr -j -- rule show -j
is "$(pt -vvsr | grep -c judged)" "$(pt rule show -sd | grep -c judged)" '-vvsr tells the details'
like "$(pt -ss)" '10\.0\.0\.2' '-ss shows the states'
like "$(pt -vss)" '10\.0\.0\.2' '-vss too'
like "$(pt -i eth0 -ss; pt -i wan -ss)" '10\.0\.0\.2' '-i with -ss'
like "$(pt -si)" 'patronus|loaded|in force' '-si'
like "$(pt -sl)" 'web' '-sl names the labels'
like "$(pt -sa)" '^TRANSLATION RULES:$' '-sa has titles'
like "$(pt -sa)" '^TABLES:$' 'down to the tables'
for w in q t o Interfaces nonsense; do exits 1 "-s $w is refused" pt -s "$w"; done
like "$(pt -st 2>&1)" 'conntrack' 'with the reason'

# ---- tables ----
like "$(pt -t bad -T add 198.51.100.7 203.0.113.0/24)" '2 ranges added' '-T add'
like "$(pt -t bad -T add -f "$lab_tmp/list")" '2 ranges added' '-T add -f'
same -t bad -T show -- table show bad
same -t bad -vTshow -- table show bad -s
exits 0 '-T test of what is there' pt -t bad -T test 203.0.113.9
exits 3 '-T test of what is not' pt -t bad -T test 203.0.114.9
like "$(pt -qt bad -Td 198.51.100.7; pt -t bad -T test 198.51.100.7)" '^0/1' '-T delete, shortened'
like "$(pt -t bad -T expire 3600)" '^0 ranges deleted' '-T expire'
exits 0 '-T zero' pt -t bad -T zero
like "$(pt -t bad -T replace -f "$lab_tmp/list")" '1 deleted' '-T replace'
exits 3 'a table that is not there' pt -t nowhere -T show
exits 0 '-T flush' pt -t bad -T flush
is "$(pt -t bad -T show)" '' 'empties it'
exits 1 '-T kill is refused' pt -t bad -T kill
exits 1 '-T load is refused' pt -t bad -T load -f "$conf"

# ---- states ----
tries 10.0.0.1 80 >/dev/null
tries fd00::1 80 >/dev/null
like "$(pt -k 10.0.0.2 -k 10.0.0.1)" '^[1-9][0-9]* states? ended' '-k from one to another'
like "$(pt -k 10.0.0.2 -k 10.0.0.1)" '^0 states ended' 'ends all of them'
like "$(pt -k label -k web)" '^[1-9][0-9]* states? ended' '-k label'
tries 10.0.0.1 80 >/dev/null
like "$(pt -k 10.0.0.0/24)" '^[1-9][0-9]* states? ended' '-k network'
like "$(pt -F states)" 'ended' '-F states'
is "$(pt -ss | grep -c '10\.0\.0\.')" 0 'ends all'
exits 1 '-k id is refused' pt -k id -k 5

# ---- what flushes does not open ----
like "$(pt -F rules 2>&1)" 'nothing passes here' '-F rules says that nothing passes'
for to in 10.0.0.1 fd00::1; do
	is "$(tries "$to" 80)" silence "and nothing does to $to"
done
exits 0 '-e is apply' pt -f "$conf"
exits 0 '-F all' pt -F all
exits 1 '-F Tables is refused' pt -F Tables
exits 1 '-F info is refused' pt -F info
exits 1 '-D is refused' pt -D web=80 -f "$conf"
exits 1 '-x is refused' pt -x loud
like "$(pt -d)" 'everything passes' '-d opens, and says so'
exits 0 '-f again' pt -f "$conf"
for to in 10.0.0.1 fd00::1; do
	is "$(tries "$to" 81)" refused "closed again for $to"
done

# ---- a file of pf, imported and in force ----
cat >"$lab_tmp/pf.conf" <<'PF'
ext = em0
services = "{ 80 8443 }"
set block-policy return
set skip on lo0
rdr pass on $ext inet proto tcp to ($ext) port 8080 -> 10.0.0.1 port 80
block in
pass in on $ext proto tcp to port $services
pass out
antispoof quick for $ext
PF
pt import pf "$lab_tmp/pf.conf" em0=eth0 >"$lab_tmp/made.conf" 2>"$lab_tmp/told"
is "$?" 0 'a file of pf is carried'
chmod 644 "$lab_tmp/made.conf"
ok 'and put in force' pt -f "$lab_tmp/made.conf"
for to in 10.0.0.1 fd00::1; do
	isnt "$(tries "$to" 80)" refused "what it passes is open for $to"
	is "$(tries "$to" 81)" refused "what it blocks is closed for $to, with an answer"
	isnt "$(tries "$to" 80)" silence "and answers $to"
done
isnt "$(tries 10.0.0.1 8080)" refused 'its rdr leads to the service'
isnt "$(tries 10.0.0.1 8080)" silence 'which answers'
is "$(tries fd00::1 8080)" refused 'and is for IPv4 only'
like "$(pt nat show)" 'rdr-to 10\.0\.0\.1 port (80|http)' 'as nat show tells'

done_testing
