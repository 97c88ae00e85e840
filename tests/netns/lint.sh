#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `ptfw lint` as people and scripts use it: what it prints and its status, JSON against its schema, comments that allow a
# finding, the devices that face the internet, and what the manual shows. That findings are true is asked in tests/unit.
# What stands in single quotes is for other shells and for people.
# shellcheck disable=SC2016
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"

lab_ns fw wan
lab_link fw eth0 wan eth0
lab_link fw eth1 wan eth1
lab_addr fw eth0 203.0.113.2/24 2001:db8::2/64
lab_addr fw eth1 192.168.1.1/24 fd00:1::1/64
lab_settle fw wan
pt() { in_ns fw "$ptfw" "$@"; }
conf=$lab_tmp/fw.conf
# of RULES, each in quotes with its comma
file()
{
	cat >"$conf" <<-CONF
		interface wan { device = "eth0" address = { "203.0.113.2/24", "2001:db8::2/64" } }
		interface lan { device = "eth1" address = { "192.168.1.1/24", "fd00:1::1/64" } }
		firewall { rules = {
		$1
		} }
	CONF
}

# ---- status ----
file '"block log label none", "pass out on { wan, lan }", "pass in on lan from lan:network",'
ok 'nothing is wrong with an ordinary file' pt lint -f "$conf"
is "$tap_out" '' 'and nothing is said'
file '"pass in on { wan, lan } proto udp to any port 53", "block in on wan proto udp to self",
"block in on wan proto udp to any port 53",'
ok 'notes alone are nothing' pt lint -f "$conf"
like "$(pt lint -f "$conf")" 'note: partly: a part of it is never reached: on wan' 'but they are told'
file '"pass in on lan proto udp", "block in on lan",  "pass out on wan",'
exits 3 'an error is' pt lint -f "$conf"
is "$tap_out" "$conf:4:2: error: shadowed: it never decides: the rule of line 4, later in the file, wins for all its packets
    \"pass in on lan proto udp\", \"block in on lan\",  \"pass out on wan\",
     ^~~~
    by $conf:4  block in on lan all" 'and told with its line, its place and its proof'
file '"pass in on lan proto udp", # lint: shadowed (to be moved)
"block in on lan",  "pass out on wan",'
ok 'what is allowed is nothing' pt lint -f "$conf"
file '"pass in on lam",'
exits 1 'a file that is wrong' pt lint -f "$conf"
like "$(pt lint -f "$conf" 2>&1)" "did you mean 'lan'" 'is told as by check'
exits 1 'a file that is not there' pt lint -f "$lab_tmp/nothing"
exits 1 'an argument' pt lint "$conf"
is "$(file '"pass in on lan proto udp", "block in on lan", "pass out on wan",'; pt lint -f - <"$conf" | sed 's/:.*//;q')" \
	'standard input' 'a file from standard input'
exits 3 'without privilege' in_ns fw sh -c 'setpriv --reuid=65534 --regid=65534 --clear-groups "$0" lint -f - <"$1"' "$ptfw" "$conf"

# ---- what the machine tells ----
file '"pass in on lan",'
ok 'an interface inside may be open' pt lint -f "$conf"
file '"pass in on wan",'
exits 3 'one with a public address not' pt lint -f "$conf"
like "$tap_out" 'warning: wide: it lets in what comes from the internet' 'and why'
like "$tap_out" 'such as in wan tcp .* to .* flags S' 'with a packet'
packet=$(pt lint -j -f "$conf" | sed -n 's/.*"witness":\["\([^"]*\)".*/\1/p')
# Words, to be split.
# shellcheck disable=SC2086
like "$(pt explain $packet -f "$conf")" 'judged in   pass by r' 'explain says the same of it'
file '"pass in on lan",'
lab_route fw default via 192.168.1.7
exits 3 'one with the default route neither' pt lint -f "$conf"
in_ns fw ip route del default

# ---- for programs ----
file '"pass in on wan inet proto tcp to any port 22 rdr-to 192.168.1.20", "pass in on lan inet proto tcp to any port 22",
"block in on lan inet proto tcp to any port 22:23", "pass in on wan",'
if python3 -c 'import jsonschema' 2>/dev/null; then
	for w in '' -d; do
		# shellcheck disable=SC2086 # nothing or a word
		pt lint -j $w -f "$conf" >"$lab_tmp/out.json"
		ok "JSON with '$w' fits its schema" python3 -c '
import json, jsonschema, sys
d = json.load(open(sys.argv[1]))
jsonschema.validate(d, json.load(open(sys.argv[2])))
assert d["errors"] and d["warnings"] and len(d["findings"]) == d["errors"] + d["warnings"] + d["notes"]' \
			"$lab_tmp/out.json" contrib/schema/patronus.lint.v1.json
	done
else
	skip 'no python3-jsonschema' 'JSON fits its schema'
fi
is "$(pt complete -- lin)" lint 'completion'

# ---- what the manual shows ----
mkdir -m 755 "$lab_tmp/try"
awk '/^\$ cat try\.conf/ { on = 1; next } /^\$ ptfw lint/ { on = 2; next } /^\.Ed/ { on = 0 }
	on { print > (on == 1 ? file : shown) }' file="$lab_tmp/try/try.conf" shown="$lab_tmp/shown" man/ptfw.8
is "$(cd "$lab_tmp/try" && in_ns fw "$ptfw" lint -f try.conf)" "$(cat "$lab_tmp/shown")" 'the manual shows what lint says'
done_testing
