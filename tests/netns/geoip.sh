#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Countries in rules and tables, with real packets of both families, and the whole of Debian's list where it is
# installed.
#
#     lan  10.1.0.2 fd01::2 ---- eth1 [ fw ] eth0 ---- 10.0.0.2 .3 .4 fd00::2 ::3 ::4  out
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

lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 10.0.0.3/24 10.0.0.4/24 fd00::2/64 fd00::3/64 fd00::4/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr lan eth0 10.1.0.2/24 fd01::2/64
lab_route out default via 10.0.0.1
lab_route out default via fd00::1
lab_route lan default via 10.1.0.1
lab_route lan default via fd01::1
lab_forward fw
lab_settle fw out lan
lab_bg out "$peer" serve out udp/53 >/dev/null
lab_wait 10 in_ns out "$peer" ping 10.0.0.1
pt() { in_ns fw "$ptfw" "$@"; }

conf=$lab_tmp/patronus.conf
list=$lab_tmp/list
# conf RULES [SECTION]
conf()
{
	cat >"$conf" <<-CONF
		interface wan { device = "eth0" }
		interface lan { device = "eth1" }
		geoip { file = "list" }
		$2
		firewall { rules = { "pass out on wan no state", "pass in on wan no state", "pass out on lan no state", $1 } }
	CONF
}
reached()
{
	rm -f "$lab_tmp"/answer.*
	r_pids=
	for r_a in 10.0.0.2 10.0.0.3 10.0.0.4 fd00::2 fd00::3 fd00::4; do
		in_ns "$1" "$peer" udp "$r_a" 53 >"$lab_tmp/answer.$r_a" 2>&1 &
		r_pids="$r_pids $!"
	done
	# The pids are words, to be split.
	# shellcheck disable=SC2086
	wait $r_pids
	r=
	for r_a in 10.0.0.2 10.0.0.3 10.0.0.4 fd00::2 fd00::3 fd00::4; do
		! grep -q answered "$lab_tmp/answer.$r_a" || r="$r $r_a"
	done
	echo "${r# }"
}
cat >"$list" <<-LIST
	10.0.0.2,10.0.0.2,DE
	10.0.0.3,10.0.0.3,FR
	fd00::2,fd00::2,FR
	fd00::4,fd00::4,DE
LIST

conf '"pass in on lan to geoip DE no state"' ''
ok 'a country in a rule' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.2 fd00::4' 'its addresses, and no others'
like "$(pt apply -f "$conf")" 'in force already, nothing written' 'the same file again writes nothing'
conf '"pass in on lan to ! geoip DE no state"' ''
ok 'all but a country' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.3 10.0.0.4 fd00::2 fd00::3' 'the others'
conf '"pass in on lan to { geoip DE, geoip FR, 10.0.0.4 } no state"' ''
ok 'a list' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.2 10.0.0.3 10.0.0.4 fd00::2 fd00::4' 'all of it'
conf '"pass in on lan to <near> no state"' \
	'table near { geoip = { DE, "FR" } addresses = { "!10.0.0.3", "10.0.0.4" } }'
ok 'a table of countries' pt apply -f "$conf"
is "$(reached lan)" '10.0.0.2 10.0.0.4 fd00::2 fd00::4' 'without what is taken out of it'
is "$(pt table show near | tr '\n' ' ')" '10.0.0.2 10.0.0.4 fd00::2 fd00::4 ' 'table show'
like "$(pt apply -f "$conf")" 'in force already, nothing written' 'again, nothing is written'
echo '10.0.0.4,10.0.0.255,DE' >>"$list"
like "$(pt diff -f "$conf")" '<near> 10.0.0.5-10.0.0.255' 'a new list is a difference'
ok 'and in force after an apply' pt apply -f "$conf"
lab_bg fw "$ptfw" follow >"$lab_tmp/follow" 2>&1
follow=$lab_last
echo '10.0.0.3,10.0.0.3,DE' >>"$list"
in_ns fw ip address add 10.9.9.9/32 dev lo
sleep 1
is "$(pt table test near 10.0.0.3)" '0/1 addresses match' 'follow leaves countries to the next apply'
lab_stop "$follow"

conf '"pass in on lan to geoip UK no state"' 'table t { geoip = { QQ } }'
said=$(pt check -f "$conf" 2>&1)
like "$said" "'UK' is the code of no country" 'a code that is none'
like "$said" 'did you mean GB' 'with what is meant'
like "$said" "'QQ' is the code of no country" 'in a table, too'
conf '"pass in on lan to geoip DE no state"' ''
grep -v : "$list" >"$list.4"
sed -i 's/"list"/"list.4"/' "$conf"
like "$(pt check -f "$conf" 2>&1)" 'has no IPv6 addresses' 'a list of one family is refused'
sed -i 's/"list.4"/"nowhere"/' "$conf"
exits 1 'so is one that is not there' pt check -f "$conf"
ok 'but where no rule asks, it is not read' sh -c "sed -i 's/geoip DE/any/' '$conf' && '$ptfw' check -f '$conf'"

# ---- the whole world ----
if [ -r /usr/share/tor/geoip ]; then
	awk -F, '!/^#/ && $3 != "??" && $3 != "UK" { print $3 }' /usr/share/tor/geoip | sort -u | while read -r cc; do
		printf '"%s", ' "$cc"
	done >"$lab_tmp/all"
	cat >"$conf" <<-CONF
		interface wan { device = "eth0" }
		table world { geoip = { $(cat "$lab_tmp/all") } }
		firewall { rules = { "block in on wan from ! <world>", "pass in on wan from geoip US" } }
	CONF
	command -v python3 >/dev/null && ok 'the world in less than 150 MB' in_ns fw python3 -c '
import resource, subprocess, sys
rc = subprocess.run([sys.argv[1], "apply", "-f", sys.argv[2]]).returncode
mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print("%.0f MB" % mb)
sys.exit(rc or mb >= 150)' "$ptfw" "$conf"
	like "$(pt apply -f "$conf")" 'in force already, nothing written' 'the same world again writes nothing'
	is "$(pt table test world 8.8.8.8 2001:4860:4860::8888 10.1.2.3 || :)" '2/3 addresses match' 'known addresses are in it'
else
	skip 'tor-geoipdb is not installed' 'the whole world'
fi
done_testing
