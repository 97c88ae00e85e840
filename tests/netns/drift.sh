#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What others change of what is in force: each kind of change is named, once and as it happens, with who did it; what
# belongs to others and what we do ourselves is not.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs tc nft jq

lab_ns fw out
lab_link fw eth0 out eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
state=$lab_tmp/state
conf() { in_ns fw "$build/ptconf" "$@"; }
drift() { conf drift --state "$state" "$@"; }
nft() { in_ns fw nft "$@"; }

file=$lab_tmp/patronus.conf
cat >"$file" <<'END'
system { forwarding = true }
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
table admins { const = true addresses = { "10.0.0.9", "10.0.0.10" } }
table learned { persist = true }
table ports { addresses = { "10.0.0.20" } }
firewall {
    rules = {
        "block label default",
        "pass out label out",
        "pass in on wan proto tcp from <admins> to any port ssh label admin",
        "pass in on wan proto tcp from <ports> to any port http label web",
        "block in from <learned> label learned",
    }
}
END

apply() { in_ns fw "$build/ptfw" -q apply -f "${1:-$file}" --engine "${2:-nft}"; }

exits 1 'nothing was applied: there is nothing to compare with' drift
ok 'apply' apply
exits 0 'right after an apply there is no drift' drift
is "$(drift -j | jq -c '[.schema, (.differences | length)]')" '["patronus.drift.v1",0]' 'JSON, without any'

# ---- once: each kind of change ----

chain=$(nft -j list chains | jq -r '[.nftables[] | .chain? | select(. and .table == "patronus")][0].name')
handle_of() { nft -j -a list table inet patronus | jq -r --arg l "$1" '[.nftables[] | .rule? | select(. and ((.comment // "") | test($l)))][0].handle'; }
chain_of() { nft -j -a list table inet patronus | jq -r --arg l "$1" '[.nftables[] | .rule? | select(. and ((.comment // "") | test($l)))][0].chain'; }
mend() { apply >/dev/null 2>&1; drift >/dev/null || fail "after $1 an apply mends it"; }

# found NAME PATTERN: a difference is told so.
found()
{
	exits 3 "$1: status 3" drift
	like "$(drift)" "$2" "$1: in words"
}

delete_rule() { nft delete rule inet patronus "$(chain_of admin)" handle "$(handle_of admin)"; }
delete_rule
found 'a rule deleted' 'rule .*admin.* is gone from chain'
is "$(drift -j | jq -r '.differences[0] | .subsystem, .change, .kind' | tr '\n' ' ')" 'firewall missing rule ' 'JSON: what it was'
mend 'a deleted rule'

nft add rule inet patronus "$chain" tcp dport 4444 accept
found 'a foreign rule' 'a rule is not of Patronus, in chain|rule .* is not of Patronus'
mend 'a foreign rule'

nft flush set inet patronus t.admins.4
found 'a set flushed' 'table admins lacks 10\.0\.0\.9'
mend 'a flushed set'

nft add element inet patronus t.admins.4 '{ 10.0.0.77 }'
found 'an element added' 'table admins has.* 10\.0\.0\.77'
mend 'a foreign element'

in_ns fw "$build/ptfw" -q table add learned 10.0.0.66
nft add element inet patronus t.ports.4 '{ 10.0.0.78 }'
exits 0 'tables that may change are no drift' drift

nft add chain inet patronus mine
found 'a foreign chain' 'chain mine is not of Patronus'
mend 'a foreign chain'

nft flush chain inet patronus "$chain"
found 'a chain flushed' "gone from chain $chain"
mend 'a flushed chain'

in_ns fw sysctl -qw net.ipv4.ip_forward=0
found 'forwarding switched off' 'net/ipv4/ip_forward is 0 instead of 1'
mend 'forwarding'

# ---- what is none ----

nft add table inet docker
nft add chain inet docker DOCKER
nft add table ip patrons
exits 0 'tables of others are no drift' drift

# ---- as it happens ----

log=$lab_tmp/watch
: >"$log"
lab_bg fw "$build/ptconf" drift --watch -j --state "$state" >"$log" 2>"$lab_tmp/watch.err"
watcher=$lab_last
sleep 1

now_ms() { date +%s%3N; }
lines() { wc -l <"$log"; }

# expect NAME JQ: a line that JQ is true of comes within five seconds.
expect()
{
	from=$(now_ms)
	before=${seen:-0}
	until [ -n "$(tail -n +$((before + 1)) "$log" | jq -c "select($2)" 2>/dev/null)" ]; do
		[ $(($(now_ms) - from)) -lt 5000 ] || { fail "watch: $1"; tail -n 3 "$log" | sed 's/^/# /'; return 1; }
		sleep 0.02
	done
	took=$(($(now_ms) - from))
	pass "watch: $1"
	echo "# told after $took ms"
	[ "$took" -le "${worst:-0}" ] || worst=$took
}

# restore: an apply of ours mends it, and that is told as such, not as a change.
restore()
{
	seen=$(lines)
	apply >/dev/null 2>&1
	expect "$1 is as it should be again" '.restored'
	sleep 1
	is "$(tail -n +$((seen + 1)) "$log" | jq -c 'select(.restored | not)')" '' "watch: the apply after $1 is no drift"
	seen=$(lines)
}

seen=0
delete_rule
expect 'a rule deleted' '.kind == "rule" and .change == "missing" and (.process == "nft") and .pid > 0'
restore 'a deleted rule'
nft add rule inet patronus "$chain" tcp dport 4444 accept
expect 'a foreign rule' '.kind == "rule" and .change == "foreign"'
restore 'a foreign rule'
nft flush set inet patronus t.admins.4
expect 'a set flushed' '.kind == "element" and .change == "missing"'
restore 'a flushed set'
nft add chain inet patronus mine
expect 'a foreign chain' '.kind == "chain" and .change == "foreign"'
restore 'a foreign chain'
in_ns fw sysctl -qw net.ipv4.ip_forward=0
expect 'forwarding switched off' '.kind == "setting" and .pid == null'
restore 'forwarding'
in_ns fw ip addr del 10.0.0.1/24 dev eth0
expect 'an address deleted' '.kind == "address" and .change == "missing" and .pid > 0'
in_ns fw ip addr add 10.0.0.1/24 dev eth0
expect 'and put back by hand' '.kind == "address" and .restored'
sleep 1
seen=$(lines)
nft delete table inet patronus
expect 'the table deleted' '.kind == "table" and .change == "missing"'
is "$(tail -n +$((seen + 1)) "$log" | jq -c 'select(.kind == "rule")')" '' 'watch: and not each rule of it'
restore 'a deleted table'

in_ns fw "$build/ptfw" -q stop
expect 'the firewall stopped' '.kind == "firewall" and .text == "the firewall is stopped: no file is in force"'
is "$(tail -n +$((seen + 1)) "$log" | jq -r .kind)" firewall 'watch: and nothing besides'
restore 'a stop'

# Another file of ours: what it has and the old one had not is no drift.
sed 's/label web/label www/; s/port http/port https/' "$file" >"$lab_tmp/other.conf"
apply "$lab_tmp/other.conf"
sleep 2
is "$(tail -n +$((seen + 1)) "$log")" '' 'watch: another file put in force is no drift'
apply
sleep 2
is "$(tail -n +$((seen + 1)) "$log")" '' 'watch: nor is the way back'

# A flood of changes that mean nothing to us, and one in it that does.
flood=$lab_tmp/flood.nft
for i in $(seq 1 3000); do
	printf 'add element inet docker s { 10.%d.%d.1 }\n' $((i / 250)) $((i % 250))
done >"$flood"
nft add set inet docker s '{ type ipv4_addr; }'
ticks() { awk '{ print $14 + $15 }' "/proc/$watcher/stat" 2>/dev/null || echo 0; }
cpu=$(ticks)
for i in 1 2 3; do
	nft -f "$flood"
	nft flush set inet docker s
done
is "$(tail -n +$((seen + 1)) "$log")" '' 'watch: a flood of others is no drift'
echo "# $(($(ticks) - cpu)) ticks of the processor for 9000 elements of others"
for i in $(seq 1 40); do
	nft add chain inet patronus mine
	nft delete chain inet patronus mine
done
delete_rule
expect 'a rule deleted in a flood' '.kind == "rule" and .change == "missing"'
restore 'a flood'

ok 'watch: it is still there' kill -0 "$watcher"
lab_stop "$watcher"
is "$(cat "$lab_tmp/watch.err")" '' 'watch: nothing was wrong'
echo "# the longest wait: ${worst:-?} ms"

# ---- the classifier ----

if ! in_ns fw "$build/ptfw" -q apply -f "$file" --engine bpf 2>"$lab_tmp/why"; then
	skip "no classifier here: $(cat "$lab_tmp/why")" 'the classifier'
else
	exits 0 'the classifier is at work: no drift' drift
	: >"$log"
	lab_bg fw "$build/ptconf" drift --watch -j --state "$state" >"$log" 2>"$lab_tmp/watch.err"
	watcher=$lab_last
	sleep 1
	seen=0
	in_ns fw tc filter del dev eth0 ingress pref 80
	expect 'the program taken away' '.kind == "classifier on" and .change == "missing"'
	like "$(drift)" "program is missing on eth0" 'the program taken away: in words'
	apply "$file" bpf
	exits 0 'an apply puts it there again' drift
	in_ns fw ip link del eth0
	expect 'a device taken away' '.kind == "device" and .name == "eth0"'
	lab_stop "$watcher"
fi

done_testing
