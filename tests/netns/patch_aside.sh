#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# When an apply must not take the short way of patch.sh: others changed the kernel, the machine or the copies meanwhile, the file depends on
# more than itself, or somebody wants to see more than that it is done. Each time the apply of all comes instead, and does what it
# always did. And many short ones: what they leave behind does not pile up.
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
needs nft tc jq

lab_ns fw out
lab_link fw eth0 out eth0
lab_link fw eth1 out eth1
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_settle fw
pt() { in_ns fw "$ptfw" "$@"; }
copies=/run/patronus/applied

# rules FILE BEFORE ACTION ACTION [MORE]: sections BEFORE and 90 rules, of which two have these actions, and another one.
rules()
{
	{
		echo 'interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }'
		echo 'interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }'
		echo 'table few { addresses = { "192.0.2.1", "192.0.2.9" } }'
		[ -z "$2" ] || echo "$2"
		echo 'firewall { rules = {'
		awk -v first="$3" -v second="$4" 'BEGIN {
			for (i = 1; i <= 90; i++)
				printf "\"%s in quick on wan %s proto udp to any port %d label l%d\",\n",
					i == 30 ? first : i == 60 ? second : "pass", i % 2 ? "inet" : "inet6", 1000 + i, i
		}'
		[ -z "${5:-}" ] || echo "\"$5\","
		echo '"block in from <few>", "pass out" } }'
	} >"$lab_tmp/$1"
}
chains() { in_ns fw nft list chains inet 2>/dev/null | grep -c 'chain ptfw\.applied\.'; }
digest() { sha256sum <"$lab_tmp/$1" | cut -d' ' -f1; }
# actions: what rules 30 and 60 do
actions() { pt rule show -j | jq -r '[.rules[] | select(.name == "l30" or .name == "l60") | .action] | join(" ")'; }
wants() { sed -n 's/^"\([a-z]*\) .*label l[36]0".*/\1/p' "$lab_tmp/$1" | tr '\n' ' ' | sed 's/ $//'; }

# put WAY TITLE FILE ARGUMENTS...: an apply that takes that way, short or whole; then nothing is left to do.
put()
{
	put_way=$1
	put_title=$2
	put_file=$3
	shift 3
	put_before=$(chains)
	put_said=$(pt -q apply "$@" -f "$lab_tmp/$put_file" 2>&1)
	put_said="$? $put_said"
	put_now=$(chains)
	put_diff=$(pt diff -f "$lab_tmp/$put_file" 2>&1)
	put_diff="$? $put_diff"
	[ "$put_now" -eq $((put_before + 1)) ] && put_went=short || put_went=whole
	[ "$put_went" = short ] || [ "$put_now" -eq 0 ] || put_went="$put_now chains after $put_before"
	is "$put_went: $put_said; diff $put_diff; $(actions)" "$put_way: 0 ; diff 0 ; $(wants "$put_file")" "$put_title"
}

rules a '' pass pass
rules b '' block pass
rules c '' pass block
put whole 'the first' a
put short 'one rule otherwise' b
put short 'and back' a
put short 'another rule' c
put whole 'two rules' b

# aside WHAT COMMAND...: done by somebody else, so the next apply reads all; then the short way is open again.
last=b
aside()
{
	aside_what=$1
	shift
	aside_next=$([ "$last" = a ] && echo b || echo a)
	aside_done=$("$@" 2>&1) || fail "$aside_what: $* $aside_done"
	put whole "$aside_what" "$aside_next"
	put short "$aside_what: and then" "$last"
	put short "$aside_what: and then" "$aside_next"
	last=$aside_next
}
fw() { in_ns fw "$@"; }
key() { fw nft -j list map inet patronus "$1" | jq -r '[.nftables[] | .map? // empty | .elem[]?[0].elem.val] | .[0]'; }
drop_element() { fw nft delete element inet patronus in.pass "{ $(key in.pass) }"; }
drop_rule() { fw nft delete rule inet patronus in.final handle "$(fw nft -a list chain inet patronus in.final | sed -n 's/.* handle \([0-9]*\)$/\1/p' | tail -n 1)"; }

# ---- the kernel's rules ----
aside 'a table of somebody else comes' fw nft add table ip foreign
aside 'and goes' fw nft delete table ip foreign
aside 'an address is added to a table' pt -q table add few 192.0.2.77
exits 0 'where it stays' pt table test few 192.0.2.77
aside 'an element of ours is deleted' drop_element
aside 'a rule of ours is deleted' drop_rule
aside 'a rule comes into our table' fw nft add rule inet patronus in.final counter
aside 'a chain with a name like ours' fw nft add chain inet patronus ptfw.applied.9
aside 'the last note is deleted' fw nft delete chain inet patronus ptfw.applied.2
aside 'and the first' fw nft delete chain inet patronus ptfw.applied
fw nft add chain inet patronus ptfw.applied.1
put whole 'notes that say nothing' "$([ "$last" = a ] && echo b || echo a)"
pt -q apply --engine nft -f "$lab_tmp/$last"
put whole 'from another engine' "$last"
put short 'the short way again' "$([ "$last" = a ] && echo b || echo a)"
last=$([ "$last" = a ] && echo b || echo a)
aside 'the table is dormant' fw nft 'add table inet patronus { flags dormant; }'
aside 'the table is deleted' fw nft delete table inet patronus
aside 'stopped' pt -q stop
aside 'stopped and open' pt -q stop --open

# ---- the machine ----
aside 'the classifier is taken from a device' fw tc filter del dev eth0 ingress
aside 'and its hook' fw tc qdisc del dev eth1 clsact
aside 'a device comes' fw ip link add new0 type veth peer name new1
aside 'and has another name' fw ip link set new0 name newer0
aside 'and goes' fw ip link del newer0
aside 'an address comes' fw ip addr add 10.0.0.7/24 dev eth0
aside 'an IPv6 address comes' fw ip addr add fd00::7/64 dev eth1 nodad
aside 'and goes' fw ip addr del fd00::7/64 dev eth1
aside 'and the other one' fw ip addr del 10.0.0.7/24 dev eth0
fw ip link set eth1 down
fw ip link set eth1 name eth9
put whole 'a device of the file is gone' "$([ "$last" = a ] && echo b || echo a)"
put short 'and it is told each time' "$last"
said=$(pt apply -f "$lab_tmp/$([ "$last" = a ] && echo b || echo a)")
like "$said" "interface lan: there is no device 'eth1' yet" 'as ever'
fw ip link set eth9 name eth1
fw ip link set eth1 up
lab_settle fw
put whole 'it comes back' "$last"

# ---- the copies ----
# of what is in force: damage HOW SUFFIX
damage()
{
	# shellcheck disable=SC2016
	fw sh -c 'case $2 in
		longer) echo "# more" >>"$1" ;;
		shorter) truncate -s -40 "$1" ;;
		empty) : >"$1" ;;
		gone) rm "$1" ;;
		other) sed -i "s/patronus rules [0-9]/patronus rules x/" "$1" ;;
		letter) sed -i "s/udp/tcp/" "$1" ;;
		byte) printf "\\377" | dd of="$1" bs=1 seek=700 conv=notrunc status=none ;;
		zeros) size=$(stat -c %s "$1") && truncate -s 0 "$1" && truncate -s "$size" "$1" ;;
		noise) size=$(stat -c %s "$1") && head -c "$size" /dev/urandom >"$1" ;;
		large) truncate -s 200M "$1" ;;
		head) head -c 130 "$1" >"$1.new" && mv "$1.new" "$1" ;;
		pipe) rm "$1" && mkfifo "$1" ;;
		link) mv "$1" "$1.there" && ln -s "$1.there" "$1" ;;
		writable) chmod 666 "$1" ;;
		esac' damage "$copies/$(digest "$last")$2" "$1"
}
# lost WHAT COMMAND...: of the copy of what is in force. The apply of all tells what that means; the next may read all for that.
lost()
{
	lost_what=$1
	shift
	"$@"
	lost_next=$([ "$last" = a ] && echo b || echo a)
	lost_said=$(pt -q apply -f "$lab_tmp/$lost_next" 2>&1)
	is "$? $(chains) $(actions) $(printf '%s\n' "$lost_said" | head -n 1)" \
		"0 0 $(wants "$lost_next") ptfw: warning: what programs loaded into anchors is lost: the copy of the applied file cannot be read" \
		"$lost_what"
	exits 0 "$lost_what: nothing is left to do" pt diff -f "$lab_tmp/$lost_next"
	pt -q apply -f "$lab_tmp/$last"
	put short "$lost_what: and then" "$lost_next"
	last=$lost_next
}
for how in longer shorter empty gone letter noise pipe link; do
	lost "the copy is $how" damage "$how" .conf
	fw rm -f "$copies"/*.there
done
damage zeros .conf
exits 2 'a copy that could be one of anchors is no way to lose them' pt apply -f "$lab_tmp/$([ "$last" = a ] && echo b || echo a)"
lost 'and without it' damage gone .conf
for how in longer shorter empty gone other byte zeros noise large head pipe link; do
	aside "the rules beside it: $how" damage "$how" .rules
	fw rm -f "$copies"/*.there
done
other=$([ "$last" = a ] && echo b || echo a)
put short 'rules of another file to be kept' "$other"
fw cp "$copies/$(digest "$other").rules" "$lab_tmp/other.rules"
put short 'and back' "$last"
exits 2 'beside a file that is not in force any more there are none' fw ls "$copies/$(digest "$other").rules"
exits 2 'nor what is asked' fw ls "$copies/$(digest "$other").items"
other_rules() { fw cp "$lab_tmp/other.rules" "$copies/$(digest "$last").rules"; }
aside 'the rules beside it are those of another file' other_rules
# What the classifier asks of the rules stands by itself: a change of a key alone needs none of it, another port does.
sed 's/port 1060 /port 2060 /' "$lab_tmp/a" >"$lab_tmp/port"
pt -q apply -f "$lab_tmp/a"
put short 'another port' port
put short 'and back' a
last=a
for how in shorter empty gone byte zeros noise pipe link; do
	damage "$how" .items
	put whole "what is asked is $how, and another port" port
	put short "what is asked is $how: and then" a
	fw rm -f "$copies"/*.there
done
words() { fw sh -c "head -c 200 /dev/urandom >$copies/$(digest "$last").words"; }
words
last=$([ "$last" = a ] && echo b || echo a)
put short 'the words are of no consequence' "$last"
lost 'all copies are gone' fw rm -r "$copies"
lost 'all of /run/patronus is' fw rm -r /run/patronus

# ---- what is asked ----
put short 'to compare with' "$([ "$last" = a ] && echo b || echo a)"
last=$([ "$last" = a ] && echo b || echo a)
next() { [ "$last" = a ] && echo b || echo a; }
for argument in '--engine nft' '--engine linear' -v -j -o --enforce; do
	# shellcheck disable=SC2086
	before=$(pt apply $argument -f "$lab_tmp/$(next)" 2>&1)
	is "$? $(chains) $(actions)" "0 0 $(wants "$(next)")" "$argument: all is read"
	case $argument in
	*engine*) is "$(pt info -j | jq -r '.info[0].engine')" "${argument#--engine }" "$argument: and that is the engine" ;;
	-v) like "$before" 'engine bpf' "$argument: is told more" ;;
	-j) is "$(printf %s "$before" | jq -r .schema)" patronus.diff.v1 "$argument: is told in JSON" ;;
	esac
	last=$(next)
	pt -q apply -f "$lab_tmp/$last"
	put short "$argument: and without" "$(next)"
	last=$(next)
done
put short '--engine bpf is what it is' "$(next)" --engine bpf
last=$(next)
count=$(chains)
in_ns fw "$ptfw" -n apply -f "$lab_tmp/$(next)" >"$lab_tmp/dry" 2>&1
is "$? $(chains) $(actions)" "0 $count $(wants "$last")" '-n changes nothing'
like "$(cat "$lab_tmp/dry")" '^\+ .*label l30' '-n: and says what would be'
is "$(in_ns fw sh -c "'$ptfw' -q apply -f - <'$lab_tmp/$(next)'" 2>&1; chains; actions)" "0
$(wants "$(next)")" 'standard input'
last=$(next)
pt -q apply -f "$lab_tmp/$last"
mkfifo "$lab_tmp/pipe"
for file in /dev/stdin "$lab_tmp/pipe"; do
	(cat "$lab_tmp/$(next)" >"$lab_tmp/pipe") &
	writer=$!
	with=$(in_ns fw timeout 5 "$ptfw" apply -v -f "$file" 2>&1 <"$lab_tmp/$(next)")
	with="$? $with"
	without=$(in_ns fw timeout 5 "$ptfw" apply -f "$file" 2>&1 <"$lab_tmp/$(next)")
	is "$? $without" "$with" "$(basename "$file") is what it was"
	kill "$writer" 2>/dev/null
	wait "$writer" 2>/dev/null
done
is "$(actions)" "$(wants "$last")" 'and nothing changed'
chmod 755 "$lab_tmp"
said=$(in_ns fw setpriv --reuid 65534 --clear-groups "$ptfw" apply -f "$lab_tmp/$(next)" 2>&1)
is "$?" 4 'nobody may not'
said_all=$(in_ns fw setpriv --reuid 65534 --clear-groups "$ptfw" apply -v -f "$lab_tmp/$(next)" 2>&1)
is "$said" "$said_all" 'and is told the same'
is "$(actions)" "$(wants "$last")" 'nothing changed'
chmod 666 "$lab_tmp/$(next)"
said=$(pt apply -f "$lab_tmp/$(next)" 2>&1)
status=$?
said_all=$(pt apply -v -f "$lab_tmp/$(next)" 2>&1)
is "$status $said" "$? $said_all" 'a file that others may write'
isnt "$status" 0 'is refused'
chmod 644 "$lab_tmp/$(next)"
is "$(actions)" "$(wants "$last")" 'and changes nothing'

# ---- what waits for its confirmation ----
lab_state() { in_ns fw "$ptconf" -q "$@"; }
ok 'a change waits for its confirmation' lab_state apply -f "$lab_tmp/$last" --confirm 600
exits 2 'an apply is refused meanwhile' pt apply -f "$lab_tmp/$(next)"
is "$(actions)" "$(wants "$last")" 'and changes nothing'
said=$tap_out
tap_out=$(pt apply -v -f "$lab_tmp/$(next)" 2>&1)
is "$(printf '%s\n' "$said" | sed 's/in [0-9]* s/in N s/')" "$(printf '%s\n' "$tap_out" | grep -A9 '^ptfw:' | sed 's/in [0-9]* s/in N s/')" 'it says what it always said'
ok 'confirmed' lab_state confirm
pt -q apply -f "$lab_tmp/$last"
put short 'then it is as before' "$(next)"
last=$(next)

# ---- files that depend on more than themselves ----
echo 'table listed { addresses = { "192.0.2.200" } }' >"$lab_tmp/included.conf"
echo 192.0.2.201 >"$lab_tmp/listed"
chmod 644 "$lab_tmp/included.conf" "$lab_tmp/listed"
# depends WHAT SECTIONS [RULE]
depends()
{
	rules da "$2" pass pass "${3:-}"
	rules db "$2" block pass "${3:-}"
	put whole "$1: the first" da
	put whole "$1: one rule otherwise" db
	put whole "$1: and back" da
}
depends 'an include' 'include("included.conf")'
depends 'a table of a file' 'table listed { file = "listed" }' 'block in from <listed>'
depends 'a schedule' 'schedule office { days = { mon-fri } hours = { "08:00-18:00" } }' 'pass in on lan proto tcp to port 80 schedule office'
depends 'an anchor' 'anchor a { rules = { "pass in on lan proto tcp to port 80" } }' 'anchor a'
depends 'an owner' '' 'pass out proto tcp user root'
depends 'tests' 'test t { expect = { "pass in on wan inet6 proto udp to port 1002" } }'
rules da 'test t { expect = { "pass in on wan inet6 proto udp to port 1030" } }' pass pass
rules db 'test t { expect = { "pass in on wan inet6 proto udp to port 1030" } }' block pass
put whole 'a test that holds' da
exits 3 'one that does not' pt apply -f "$lab_tmp/db"
is "$(actions)" 'pass pass' 'changes nothing'
rules ga "system { }" pass pass
put whole 'without all that' a
put short 'it is the short way' b
put whole 'another section' ga

# ---- few rules ----
for action in pass block; do
	echo "firewall { rules = { \"$action in proto udp to port 9 label nine\", \"pass out\", \"pass in proto tcp to port 22\" } }" >"$lab_tmp/few"
	said=$(pt -q apply -f "$lab_tmp/few" 2>&1)
	is "$? $said $(chains) $(pt info -j | jq -r '.info[0].engine')" "0  0 linear" "few rules have no classifier: $action"
done

# ---- many ----
put whole 'before many' a
most=0
i=0
while [ $i -lt 40 ]; do
	i=$((i + 1))
	pt -q apply -f "$lab_tmp/$([ $((i % 2)) = 0 ] && echo a || echo b)" || fail "apply number $i"
	n=$(chains)
	[ "$n" -le "$most" ] || most=$n
	[ $((i % 10)) -ne 0 ] || is "$(pt diff -f "$lab_tmp/a" 2>&1)" '' "nothing is left to do after $i"
done
is "$most" 16 'the most chains after 40'
is "$(chains)" 6 'an apply of all takes them away in between: after 40 = 16 + 1 + 16 + 1 + 6'
elements() { for map in in.pass in.act; do fw nft -j list map inet patronus $map | jq '[.nftables[] | .map? // empty | .elem[]?] | length'; done | awk '{ n += $1 } END { print n }'; }
left=$(elements)
fw nft add table ip foreign
put whole 'others' b
isnt "$(elements)" "$left" 'elements without rules go with the notes'
new=$(elements)
pt -q stop
pt -q apply -f "$lab_tmp/b"
is "$(elements)" "$new" 'after a stop there are as many'
is "$(fw sh -c "ls $copies | grep -c rules")" "$(fw sh -c "ls $copies | grep -c '\.rules'")" 'no half-written copies'

# ---- two at the same time ----
i=0
odd=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	pt -q apply -f "$lab_tmp/a"
	in_ns fw "$ptfw" -q apply -f "$lab_tmp/b" &
	one=$!
	in_ns fw "$ptfw" -q apply -f "$lab_tmp/c" || odd=$((odd + 1))
	wait $one || odd=$((odd + 1))
	found=
	for file in a b c; do ! pt diff -f "$lab_tmp/$file" >/dev/null 2>&1 || found="$found$file $(actions) $(wants "$file");"; done
	case $found in
	'b block pass block pass;' | 'c pass block pass block;') ;;
	*) odd=$((odd + 1)) && diag "round $i: $found" ;;
	esac
done
is "$odd" 0 'two at the same time: one of the files is in force then'
done_testing
