#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Documents of ptdiag: each command has a schema of its own, each schema has its file, and what comes fits it, lines that come one by one
# as well. A command that is not in the table here is told.
#
#     a  10.0.1.1 fd01::1 ---- b  10.0.1.2 fd01::2
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptdiag=$build/ptdiag
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs jq nft ping
python3 -c 'import jsonschema' 2>/dev/null || skip_all 'needs python3-jsonschema'
lab_ns a b
lab_link a eth0 b eth0
lab_addr a eth0 10.0.1.1/24 fd01::1/64
lab_addr b eth0 10.0.1.2/24 fd01::2/64
lab_route a default via 10.0.1.2
lab_settle a b
# Connections are tracked where a rule looks at them.
in_ns a nft -f - <<'NFT'
table inet t { chain i { type filter hook input priority 0; ct state new accept; }; }
NFT

# How it ends (document, or a line each), schema, command
cat >"$lab_tmp/table" <<'TABLE'
document ping ping 10.0.1.2 count 2 interval 10ms
document ping ping fd01::9 count 1 timeout 100ms
line ping-event ping fd01::2 interval 20ms
document traceroute trace 10.0.1.2
document mtr mtr fd01::2 count 1
line capture capture on eth0 count 3
document dns dns example.org @10.0.1.2 timeout 100ms
document port port 10.0.1.2 80
line iperf iperf 10.0.1.2 for 1s
line iperf iperf fd01::2 for 1s udp rate 4Mbit bidir -d
document neighbour neighbour
document findings check quick
document checks check list
document why why 10.0.1.2
document route route show
document route_get route get 10.0.1.2
document socket socket
document activity activity interval 100ms
line activity-event activity interval 100ms count 2
document state state show
document state-count state count
document state-summary state summary
document state-top state top
line state-event state follow
TABLE

# What goes on meanwhile: somebody is there, and something comes by.
lab_bg b "$ptdiag" iperf server allow any count 9 -q >/dev/null 2>&1
lab_bg b sh -c 'while :; do ping -c 1 -W 1 10.0.1.1; ping -c 1 -W 1 fd01::1; sleep 0.1; done' >/dev/null 2>&1

cat >"$lab_tmp/fits.py" <<'PYTHON'
import json, jsonschema, sys
text, schema = open(sys.argv[1]).read(), json.load(open(sys.argv[3]))
found = [json.loads(line) for line in text.splitlines()] if sys.argv[2] == 'line' else [json.loads(text)]
assert found, 'nothing came'
for one in found:
    jsonschema.validate(one, schema)
    assert one.get('schema', '') in ('', sys.argv[3].split('/')[-1][:-len('.json')]), 'it is something else'
PYTHON
while read -r how schema words; do
	file=contrib/schema/patronus.$schema.v1.json
	if [ "$schema" = capture ] && [ ! -e "$file" ]; then
		skip 'what capture tells has no schema' "$words"
		continue
	fi
	# shellcheck disable=SC2086
	in_ns a timeout -s INT 3 "$ptdiag" $words -j >"$lab_tmp/out" 2>"$lab_tmp/error" </dev/null
	ok "$words: $schema" python3 "$lab_tmp/fits.py" "$lab_tmp/out" "$how" "$file"
done <"$lab_tmp/table"

# ---- nothing is left out ----
"$ptdiag" complete -- '' | grep -vx help | sort >"$lab_tmp/commands"
cut -d' ' -f3 "$lab_tmp/table" | sort -u >"$lab_tmp/tried"
is "$(comm -23 "$lab_tmp/commands" "$lab_tmp/tried" | tr '\n' ' ')" '' 'each command stands in the table'
cut -d' ' -f2 "$lab_tmp/table" | sort -u >"$lab_tmp/tried"
grep -hoE '"patronus\.[a-z_-]+\.v1"' cmd/ptdiag/*.[ch] | sed 's/"patronus\.\(.*\)\.v1"/\1/' | sort -u >"$lab_tmp/named"
is "$(comm -23 "$lab_tmp/named" "$lab_tmp/tried" | tr '\n' ' ')" '' 'and each schema'
for file in contrib/schema/*.json; do
	name=$(basename "$file" .json)
	is "$(jq -r --arg n "$name" '[.. | objects | .schema? | objects | .const? | strings | select(. != $n)] | unique | join(" ")' "$file")" '' \
		"$name: names itself"
done
done_testing
