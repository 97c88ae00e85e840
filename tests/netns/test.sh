#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a file expects of its rules, proved by `ptfw test`, check and apply: an apply that breaks it changes nothing, and the packet
# that is shown is really one that the rules judge so. And `diff --meaning` between what is in force and what may be.
#
#     lan  192.168.1.2 fd00:1::2 ---- eth1 [ fw ] eth0 ---- 203.0.113.7 2001:db8:5::7  wan
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns fw wan lan
lab_link fw eth0 wan eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 203.0.113.2/24 2001:db8:5::2/64
lab_addr wan eth0 203.0.113.7/24 2001:db8:5::7/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
lab_addr lan eth0 192.168.1.2/24 fd00:1::2/64
lab_settle fw wan lan
pt() { in_ns fw "$ptfw" "$@"; }

# conf NAME RULES STATEMENTS
conf()
{
	cat >"$lab_tmp/$1.conf" <<-CONF
	interface wan { device = "eth0" address = { dhcp } }
	interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
	table bad { persist = true }
	table printers { addresses = { "192.168.1.66" } }
	firewall { rules = {
	$2
	} }
	test office { expect = {
	$3
	} }
	CONF
	chmod 600 "$lab_tmp/$1.conf"
}

rules='"block", "pass out", "pass in on lan from lan:network", "block in quick on lan from <printers> to (wan:network)",
	"block in quick from <bad>", "pass in proto { icmp, icmp6 }"'
expected='"pass in on lan proto tcp from lan:network to self port ssh",
	"block in on wan proto tcp"'

conf good "$rules" '"pass in on lan proto tcp from fd00:1::/64 to any port https",
	"block in on lan from <printers> to (wan:network)",
	"block in on wan proto tcp",
	"pass out proto udp to any port domain"'
conf broken "$rules" "$expected"

# ---- ptfw test ----
exits 0 'all hold' pt test -f "$lab_tmp/good.conf"
is "$(pt test -f "$lab_tmp/good.conf")" "$lab_tmp/good.conf: 4 of 4 statements hold" 'their number is told'
is "$(pt test -v -f "$lab_tmp/good.conf" | head -n 1)" \
	'test office holds: pass in on lan proto tcp from fd00:1::/64 to any port 443' '-v lists them'
exits 3 'one does not' pt test -f "$lab_tmp/broken.conf"
said=$(pt test -f "$lab_tmp/broken.conf" 2>&1)
like "$said" "broken.conf:10:[0-9]+: error: test office does not hold: in lan tcp 192.168.1.66:[0-9]+ to 203.0.113.2:22 flags S is blocked, by [^ ]*broken.conf:6" \
	'where it stands, a packet and the rule are told'
like "$said" '\^~~~' 'with a caret'
exits 0 'a name chooses a test' pt test -f "$lab_tmp/good.conf" office
exits 3 'a name that no test has' pt test -f "$lab_tmp/good.conf" ofice
like "$(pt test -f "$lab_tmp/good.conf" ofice 2>&1)" "did you mean 'office'" 'what is near is told'
exits 1 'a file that is not there' pt test -f "$lab_tmp/none.conf"
chmod 755 "$lab_tmp"
mkdir -m 755 "$lab_tmp/open"
cp "$ptfw" "$lab_tmp/good.conf" "$lab_tmp/open"
chmod 644 "$lab_tmp/open/good.conf"
ok 'without privilege' in_ns fw setpriv --reuid 65534 --regid 65534 --clear-groups "$lab_tmp/open/ptfw" test \
	-f "$lab_tmp/open/good.conf"
exits 2 'nothing is in force yet' pt test

# The packet of the message is judged so by explain, in its words.
# shellcheck disable=SC2016 # a quote of Markdown
words=$(printf '%s\n' "$said" | sed -n 's/.*`ptfw explain \(.*\)` tells more/\1/p' | head -n 1)
# shellcheck disable=SC2086 # they are words
exits 3 'explain blocks the packet that is shown' pt explain $words

# ---- routes, built-in rules, what cannot be ----
in_ns fw ip route add default via 203.0.113.7
in_ns fw ip route add default via 2001:db8:5::7
conf routes '"block", "block in quick from urpf-failed label spoof", "pass in on wan proto tcp to self port 22", "pass out from self",
	"pass in on lan from lan:network"' '"pass in on wan inet proto tcp from 198.51.100.7 to self port 22",
	"pass in on wan proto tcp from 2001:db8:9::7 to self port 22", "pass in on lan from lan:network",
	"block in on wan from { 192.168.1.9, fd00:1::9 }", "block in on wan from lan:network",
	"block in on wan proto icmp6 to self", "block out on lan to lan:network received-on wan"'
is "$(pt test -f "$lab_tmp/routes.conf" 2>&1)" "$lab_tmp/routes.conf: 7 of 7 statements hold" 'each address comes by the device that its route tells'
exits 0 'as explain says' pt explain -f "$lab_tmp/routes.conf" in wan tcp 198.51.100.7 to 203.0.113.2:22
exits 3 'of both' pt explain -f "$lab_tmp/routes.conf" in wan tcp 192.168.1.9 to 203.0.113.2:22
in_ns fw ip route del default via 203.0.113.7
exits 3 'without a route it does not come so' pt test -f "$lab_tmp/routes.conf"
like "$(pt test -f "$lab_tmp/routes.conf" 2>&1)" 'in wan tcp 198.51.100.7:[0-9]+ to 203.0.113.2:22 .*is blocked, by .*routes.conf:' 'and the rule is told'
in_ns fw ip -6 route del default via 2001:db8:5::7

# ---- check ----
exits 0 'check proves them' pt check -f "$lab_tmp/good.conf"
exits 3 'check: one does not hold' pt check -f "$lab_tmp/broken.conf"
like "$(pt check -jf "$lab_tmp/broken.conf" 2>/dev/null)" '"errors":1,.*"severity":"error","message":"test office does not hold: ' 'check -j tells it'

# ---- apply ----
exits 0 'apply' pt apply -f "$lab_tmp/good.conf"
before=$(in_ns fw nft -s list ruleset)
exits 3 'apply of a file whose tests do not hold is refused' pt apply -f "$lab_tmp/broken.conf"
is "$(in_ns fw nft -s list ruleset)" "$before" 'nothing has changed'
exits 3 'apply -n tells it' pt apply -n -f "$lab_tmp/broken.conf"
exits 3 'apply --enforce, too' pt apply --enforce -f "$lab_tmp/broken.conf"
is "$(in_ns fw nft -s list ruleset)" "$before" 'still nothing has changed'
exits 0 'ping from the wan' in_ns wan ping -c 1 -W 2 203.0.113.2
exits 0 'ping from the wan, IPv6' in_ns wan ping -c 1 -W 2 2001:db8:5::2
exits 0 '--force applies it' pt apply --force -f "$lab_tmp/broken.conf"
like "$(pt apply --force -f "$lab_tmp/broken.conf" 2>&1)" 'warning: --force: 1 statement that does not hold is ignored' 'and says what it ignored'
exits 3 'what is in force is tested' pt test
exits 0 'and the good one again' pt apply -f "$lab_tmp/good.conf"
exits 0 'which holds' pt test
exits 1 '--force belongs to apply' pt check --force -f "$lab_tmp/good.conf"

# ---- tables: of the kernel for what is in force, and for tables that the file does not fill ----
conf tabled "$rules" '"pass in on lan proto tcp from lan:network to self port ssh tagged X", "pass in on lan proto udp from fd00:1::2"'
exits 0 'with an empty table it holds' pt apply -f "$lab_tmp/tabled.conf"
like "$(pt test 2>&1)" 'warning: test office: no packet is like this, so that this says nothing' 'what says nothing is told'
exits 0 'a source is blocked' pt table add bad fd00:1::2
exits 3 'then it does not' pt test
like "$(pt test 2>&1)" 'in lan udp \[fd00:1::2\]' 'for just that source'
exits 0 'the file alone does' pt test -f "$lab_tmp/tabled.conf"
exits 3 'an apply sees the table' pt apply -f "$lab_tmp/tabled.conf"
exits 0 'and it is taken out' pt table flush bad
exits 0 'then it holds' pt test

# ---- what changes for packets ----
sed 's/ from lan:network"/ from any"/' "$lab_tmp/good.conf" >"$lab_tmp/wide.conf"
chmod 600 "$lab_tmp/wide.conf"
exits 0 'in force' pt apply -f "$lab_tmp/good.conf"
exits 0 'the same means the same' pt diff --meaning -f "$lab_tmp/good.conf"
is "$(pt diff --meaning -f "$lab_tmp/good.conf")" '' 'and nothing is said'
exits 3 'a wider rule does not' pt diff --meaning -f "$lab_tmp/wide.conf"
said=$(pt diff --meaning "$lab_tmp/good.conf" "$lab_tmp/wide.conf")
like "$said" '^block -> pass' 'what changes'
like "$said" 'old: block, .*good.conf:6  block all' 'the old rule'
like "$said" 'new: pass, .*wide.conf:6  pass in on lan all' 'the new rule'
words=$(printf '%s\n' "$said" | sed -n 's/.*such as //p' | head -n 1)
# shellcheck disable=SC2086 # they are words
exits 3 'the packet that is shown is blocked now' pt explain $words
# shellcheck disable=SC2086
like "$(pt explain -j -f "$lab_tmp/wide.conf" $words)" '"by":null|"verdict":"(pass|block)"' 'and judged by the other file'
sed '/^table bad/i interface dmz { device = "eth2" address = { "10.0.5.1/24" } }' "$lab_tmp/good.conf" |
	sed 's/^"block", "pass out"/"block", "match out on wan inet from { lan:network, dmz:network } nat-to (wan)", "pass out"/' >"$lab_tmp/nat.conf"
sed 's/{ lan:network, dmz:network }/lan:network/' "$lab_tmp/nat.conf" >"$lab_tmp/less.conf"
chmod 600 "$lab_tmp/nat.conf" "$lab_tmp/less.conf"
exits 0 'the same translations' pt diff --meaning "$lab_tmp/nat.conf" "$lab_tmp/nat.conf"
exits 2 'a network that loses its translation is not nothing' pt diff --meaning "$lab_tmp/nat.conf" "$lab_tmp/less.conf"
like "$(pt diff -j --meaning "$lab_tmp/nat.conf" "$lab_tmp/less.conf" 2>/dev/null)" '"uncompared":"match out on wan .*nat-to' 'and JSON names the rule'
like "$(pt diff -j --meaning "$lab_tmp/nat.conf" "$lab_tmp/nat.conf")" '"uncompared":null' 'or none'
exits 1 'two names or none' pt diff --meaning "$lab_tmp/good.conf"
exits 1 'names without --meaning' pt diff "$lab_tmp/good.conf" "$lab_tmp/wide.conf"
# another order, other words, the same meaning
sed 's/"pass out", "pass in on lan from lan:network"/"pass in on lan from { 192.168.1.0\/25, 192.168.1.128\/25, fd00:1::\/64 }", "pass out"/' \
	"$lab_tmp/good.conf" >"$lab_tmp/same.conf"
chmod 600 "$lab_tmp/same.conf"
exits 0 'written otherwise' pt diff --meaning "$lab_tmp/good.conf" "$lab_tmp/same.conf"
exits 0 'a source is blocked at run time' pt table add bad 192.168.1.77
exits 0 'which an apply would leave there' pt diff --meaning -f "$lab_tmp/good.conf"

if command -v python3 >/dev/null && python3 -c 'import jsonschema' 2>/dev/null; then
	for what in "test:test -f $lab_tmp/broken.conf" "meaning:diff --meaning $lab_tmp/good.conf $lab_tmp/wide.conf"; do
		# shellcheck disable=SC2086
		pt ${what#*:} -j >"$lab_tmp/out.json" 2>/dev/null
		ok "${what%%:*}: the JSON is as its schema says" python3 -c 'import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$lab_tmp/out.json" \
			"contrib/schema/patronus.${what%%:*}.v1.json"
	done
fi

# ---- files that are strange ----
printf 'test t { expect = { "pass in\0 quick" } }\n' >"$lab_tmp/nul.conf"
chmod 600 "$lab_tmp/nul.conf"
exits 1 'a NUL in a statement' pt test -f "$lab_tmp/nul.conf"
exits 1 'a folder' pt test -f "$lab_tmp"
exits 1 'a folder to compare with' pt diff --meaning "$lab_tmp/good.conf" "$lab_tmp"
printf 'firewall { rules = { "block" } }\n' >"$lab_tmp/plain.conf"
chmod 600 "$lab_tmp/plain.conf"
is "$(pt test -f "$lab_tmp/plain.conf")" "$lab_tmp/plain.conf: it has no tests" 'a file without tests'
done_testing
