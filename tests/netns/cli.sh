#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptfw as people and scripts use it, on real flows between two namespaces: conventions of the command line,
# tables, states, JSON against its schemas, exit status, and refusals that change nothing.
# What stands in single quotes is for other shells and for people.
# shellcheck disable=SC2016
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
table bad   { persist = true counters = true timeout = "1h" }
table fixed { addresses = { "192.0.2.0/24" } const = true persist = true }
table other { persist = true }
firewall { rules = {
	"block return in on wan label closed",
	"pass out label out",
	"pass in on wan proto tcp to self port 80 label web",
	"block in quick on wan from <bad> label bad",
} }
CONF

# ---- help, abbreviations, usage ----
ok 'help exits 0' pt help
like "$(pt help)" 'rule show \[LABEL\]' 'help lists the commands'
like "$(pt help table)" 'replace NAME' 'help of one object'
like "$(pt rule help)" 'rule show' 'OBJECT help'
like "$(pt table add help)" 'Usage: ptfw \[OPTIONS\] table add NAME' 'OBJECT COMMAND help'
like "$(pt -V)" '^ptfw \(Patronus\) [0-9]' 'version'
exits 1 'an unknown command' pt frobnicate
like "$(pt chekc 2>&1)" "did you mean 'check'" 'did you mean'
exits 1 'an ambiguous word' pt s
like "$(pt s 2>&1)" 'stop, state' 'an ambiguous word lists its candidates'
exits 1 'an option that a command has no use for' pt stop -j
exits 1 'an unknown option' pt check --frob
exits 1 'a missing value' pt check -f
like "$(pt apply office.conf 2>&1)" 'usage: ptfw apply \(a file is named with -f\)$' 'a file without -f'
like "$(pt apply office.conf 2>&1)" 'see .ptfw apply -h.' 'and which help to ask'
exits 1 'a file that is not there, as in pfctl' pt -f office.conf
is "$(pt -n -f "$conf")" "$(pt -nf "$conf")" '-n -f is -nf'
like "$(pt explain -h)" 'WORD$' 'a long synopsis is continued, not cut'
for word in flags type code port tag tos mac user group at state; do
	ok "help of explain tells of $word" sh -c '"$0" explain -h | grep -Eq "^  .*\b$1 [A-Zn]"' "$ptfw" "$word"
done
like "$(pt -h)" "pfctl's letters" 'help tells of the letters'
exits 1 'a file that is not there' pt apply -f "$lab_tmp/nofile"
if [ ! -e /etc/patronus/patronus.conf ]; then
	exits 1 'no file of the usual name' pt apply
	like "$(pt apply 2>&1)" 'reading /etc/patronus/patronus.conf: ' 'which is named'
	like "$(pt apply 2>&1)" 'name a file with -f' 'with what to do'
else
	skip 'there is /etc/patronus/patronus.conf' 'no file of the usual name'
fi
sed 's/^table other.*/table other { persist = true file = "missing" }/' "$conf" >"$lab_tmp/missing.conf"
is "$(pt check -f "$lab_tmp/missing.conf" 2>&1 | grep -c error)" 1 'a missing file of a table is one error'
like "$(pt check -f "$lab_tmp/missing.conf" 2>&1)" 'missing.conf:4:.*/missing: No such file' 'at its place, with its name'
like "$(sed 's/port 80/port x/' "$conf" | pt check -f - 2>&1)" '^standard input:8:' 'standard input has its name'
ok 'options after the words' pt check -f "$conf" -q
is "$(pt check -qf "$conf")" '' 'quiet is quiet'
is "$(pt complete -- ta | tr '\n' ' ')" 'table ' 'completion of objects'
is "$(pt complete -- table re | tr '\n' ' ')" 'replace ' 'completion of commands'
like "$(pt complete -- rule show --d | tr '\n' ' ')" '--details' 'completion of options'
is "$(pt complete -- -f x.conf che)" check 'completion behind the value of an option'

# ---- before anything is loaded ----
exits 2 'rule show without rules' pt rule show
like "$(pt info)" 'not loaded' 'info says so'
like "$(pt apply -n -f "$conf")" '^\+ pass out all label out' 'a dry run tells which rules would come'
like "$(pt apply -n -v -f "$conf")" 'add chain' 'with -v also what it would write'
like "$(pt info)" 'not loaded' 'and writes nothing'
ok 'apply' pt apply -f "$conf"
is "$(pt complete -- rule show w)" web 'completion of labels'
is "$(pt complete -- table show 'fi')" fixed 'completion of tables'
is "$(pt complete -- state kill label w)" web 'completion of labels behind their word'

# ---- rules and counters with packets of both families ----
lab_bg fw "$peer" serve web tcp/80
sleep 0.3
for to in 10.0.0.1 fd00::1; do
	is "$(in_ns out "$peer" tcp "$to" 81 || :)" refused "closed port of $to answers"
done
n=$(pt rule show closed -sj | jq '.rules[0].packets')
is "$n" 2 'the counter of the rule that refused them'

# ---- log: the packet that is judged, to nflog group 80, under the rule's name ----
if command -v tcpdump >/dev/null; then
	sed 's/pass in on wan/pass in log on wan/' "$conf" >"$lab_tmp/log.conf"
	ok 'apply with log' pt apply -f "$lab_tmp/log.conf"
	for to in 10.0.0.1 fd00::1; do
		lab_bg fw tcpdump -p -U -c 1 -i nflog:80 -w "$lab_tmp/log.pcap" 2>/dev/null
		logger=$lab_last
		sleep 1
		in_ns out "$peer" tcp "$to" 80 >/dev/null
		sleep 2 # the kernel hands a lone packet over after a second
		lab_stop "$logger"
		like "$(tr -d '\000' <"$lab_tmp/log.pcap" | grep -ac 'web')" '^[1-9]' "a connection to $to is logged under its rule's name"
	done
	ok 'apply without' pt apply -f "$conf"
	pt state kill net 10.0.0.0/24 -q
	pt state kill net fd00::/64 -q
else
	skip 'no tcpdump' 'log'
fi

# ---- tables ----
like "$(pt table add bad 198.51.100.0/24 2001:db8::/32 10.0.0.2 fd00::2)" '4 ranges added, 0 deleted' 'table add'
like "$(pt table add bad 198.51.100.7)" '0 ranges added' 'an address that is covered already'
for to in 10.0.0.1 fd00::1; do
	is "$(in_ns out "$peer" tcp "$to" 80 || :)" silence "<bad> is blocked at $to"
done
like "$(pt table test bad 198.51.100.9 192.0.2.1)" '1/2 addresses match' 'table test'
exits 3 'not all match' pt table test bad 198.51.100.9 192.0.2.1
exits 0 'all match' pt table test bad 198.51.100.9 2001:db8:1::1
like "$(pt table test bad 198.51.99.255 198.51.100.0 198.51.100.1)" '^2/3 ' 'neighbours are counted one by one'
like "$(printf '198.51.100.1 198.51.100.2 # two\n\n2001:db8::1\n192.0.2.9' | pt table test bad --file -)" '^3/4 ' 'so are those of a file'
is "$(pt table show -sj | jq -c '.tables[] | select(.name == "fixed") | .addresses')" 1 'table show without a name lists the tables'
is "$(pt table list -6j | jq -c '.tables[] | select(.name == "bad") | .addresses')" 2 'their addresses of one family'
is "$(pt table -j | jq '.tables | length')" 3 'table alone, too'
like "$(pt table show bad -sj | jq '[.addresses[].packets] | add')" '^[1-9]' 'counters of addresses'
ok 'table zero' pt table zero bad
is "$(pt table show bad -j | jq '[.addresses[].packets] | add')" 0 'counters at zero'
like "$(pt -t bad -T delete 10.0.0.2)" '0 ranges added, 1 deleted' "pfctl's letters"
like "$(echo 10.0.0.2 | pt -tbad -Tadd -f -)" '1 range added' "pfctl's -f behind -T is a file of addresses"
like "$(pt -t bad -T test 10.0.0.2)" '^1/1 ' '-T test'
ok '-T delete' pt -q -t bad -T delete 10.0.0.2
is "$(pt -sr)" "$(pt rule show)" '-sr'
is "$("$ptfw" --netns "/proc/$(cat "$lab_tmp/fw.pid")/ns/net" -sT)" "$(pt table list)" '--netns NAME -sT'
is "$(pt -sr -v | wc -l)" "$(pt rule show -s | wc -l)" '-sr -v'
exits 1 'three -k' pt -k 192.0.2.1 -k 192.0.2.2 -k 192.0.2.3
exits 1 'nothing to test' pt table test bad '!192.0.2.1'
ok 'a ban of a network' pt -q table add bad 198.51.100.0/23 --timeout 1s
sleep 1.2
like "$(pt table test bad 198.51.100.0/24)" '^1/1' 'what is there for good outlives a ban around it'
is "$(pt table show bad -4)" 198.51.100.0/24 'and nothing else is left'
is "$(pt -s info -j | jq -r .schema)" patronus.info.v1 '-s info'
is "$(pt -sT)" "$(pt table list)" '-sT'
like "$(pt -nf "$conf")" 'no errors' '-nf'
exits 1 '-t without -T' pt -t bad
like "$(pt table delete bad 198.51.100.128/25)" 'deleted' 'part of a prefix'
is "$(pt table show bad -4 | tr '\n' ' ')" '198.51.100.0/25 ' 'what is left of it'
exits 1 'a const table' pt table add fixed 203.0.113.1
exits 3 'a table that is not there' pt table show nosuch
exits 3 'adding to it' pt table add nosuch 192.0.2.1
exits 3 'a rule that is not there' pt rule show nosuch
exits 3 'states of a rule that is not there' pt state show label nosuch
like "$(pt -q table add other 192.0.2.1; pt table show other -s; pt -q table flush other)" 'packets -  bytes -' \
	'a table that does not count says so'
like "$(pt table list)" '^NAME +RANGES' 'what is counted are ranges'
exits 1 'a bad address' pt table add bad 300.1.1.1
exits 1 'bits beyond the prefix length' pt table add bad 10.1.2.3/8
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "11.%d.%d.%d\n", i / 32768, (i / 128) % 256, (i * 2) % 256 }' >"$lab_tmp/many"
like "$(pt table replace other --file - <"$lab_tmp/many")" '100000 ranges added, 0 deleted' '100,000 addresses at once'
sed '1,10s/^11/12/' "$lab_tmp/many" >"$lab_tmp/many2"
like "$(pt table replace other --file - <"$lab_tmp/many2")" '10 ranges added, 10 deleted' 'ten of them replaced'
is "$(pt table show other | wc -l | tr -d ' ')" 100000 'all of them shown'
like "$(pt table flush other)" '100000 ranges deleted' 'table flush'
ok 'apply keeps what tables learned' pt apply -f "$conf"
exits 0 'learned addresses are still there' pt table test bad 2001:db8::1
ok 'an address with a time of its own' pt table add bad 203.0.113.5 --timeout 2h
like "$(pt table show bad -sj | jq -c '.addresses[] | select(.address == "203.0.113.5") | .timeout')" 7200 'its time-out'
like "$(pt table expire bad 1h)" '^0 ranges deleted' 'nothing is older than an hour'
sleep 2
like "$(pt table expire bad 1)" '^[1-9][0-9]* ranges? deleted' 'everything is older than a second'
pt table flush bad -q

# ---- states ----
in_ns out "$peer" tcp 10.0.0.1 80 >/dev/null
in_ns out "$peer" tcp fd00::1 80 >/dev/null
like "$(pt state show)" 'tcp 10.0.0.2:[0-9]* -> 10.0.0.1:80 [A-Z_]* \[web\]' 'a state names its rule'
is "$(pt state show -6j | jq '.states | length')" 1 'only one family'
is "$(pt state show label web -j | jq '.states | length')" 2 'by label'
is "$(pt state show interface wan proto tcp -j | jq '.states | length')" 2 'by interface'
is "$(pt state show network 10.0.0.0/24 -j | jq '.states | length')" 1 'by network'
is "$(pt state show host 10.0.0.2 host 10.0.0.1 -j | jq '.states | length')" 1 'by both ends'
is "$(pt state show host 10.0.0.2 network fd00::/64 -j | jq '.states | length')" 0 'all filters must hold'
is "$(pt state show host 10.9.9.9 -j | jq '.states | length')" 0 'by a host without states'
like "$(pt state kill host fd00::2)" '^1 state ended' 'state kill'
is "$(pt state show -j | jq '.states | length')" 1 'the other one lives'
exits 1 'kill needs a filter' pt state kill
like "$(pt state kill host 10.0.0.0/8 2>&1)" 'write .network 10.0.0.0/8.' 'a network is no host'
is "$(pt complete -- state kill interface wa)" wan 'completion of interfaces'
is "$(pt complete -- state kill interface eth)" eth0 'and devices'
exits 1 'an unknown filter' pt state kill colour red
like "$(pt state count)" '^1 of [1-9]' 'state count'

# ---- JSON ----
if python3 -c 'import jsonschema' 2>/dev/null; then
	for w in 'rule:rule show -sdj' 'nat:nat show -j' 'tables:table list -j' 'table:table show bad -j' 'anchor:anchor list -j' 'state:state show -j' \
		'state-count:state count -j' 'info:info -j' "check:check -j -f $conf" "diff:diff -j -f $conf"; do
		# The words are words, to be split.
		# shellcheck disable=SC2086
		pt ${w#*:} >"$lab_tmp/out.json" 2>"$lab_tmp/why"
		ok "JSON of '${w#*:}' fits its schema" python3 -c '
import json, jsonschema, sys
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' \
			"$lab_tmp/out.json" "contrib/schema/patronus.${w%%:*}.v1.json"
	done
else
	skip 'no python3-jsonschema' 'JSON fits its schemas'
fi
like "$(pt rule show web -o)" 'name=web .*packets=[0-9]' 'one line a record'

# ---- where the output goes ----
ok 'a reader that has seen enough is no error' in_ns fw bash -o pipefail -c '"$0" rule show -d | :' "$ptfw"
exits 2 'a full disk is one' in_ns fw sh -c '"$0" rule show >/dev/full' "$ptfw"
exits 2 'a closed output, too, and nothing goes into a socket' in_ns fw sh -c '"$0" rule show >&-' "$ptfw"
exits 0 'what is done stays done where it cannot be said' in_ns fw sh -c '"$0" table add bad 192.0.2.77 >/dev/full' "$ptfw"
exits 0 'it is' pt table test bad 192.0.2.77
ok 'away with it' pt -q table delete bad 192.0.2.77
exits 1 'an empty file is not applied' in_ns fw "$ptfw" apply -f - </dev/null
like "$(in_ns fw "$ptfw" check -f "$lab_tmp/$(printf 'a\033b')" 2>&1 || :)" 'a\\x1bb' 'names of files are escaped'

# ---- hostile-22: the environment has no say ----
sed 's/label web/label "w${HOME}"/' "$conf" >"$lab_tmp/env.conf"
pt -nf "$lab_tmp/env.conf" >"$lab_tmp/env.1" 2>&1
(cd / && in_ns fw env -i PATH=/nowhere IFS=abc LC_ALL=tr_TR.UTF-8 TZ=../../etc/passwd TERM='%s%n' HOME=/evil \
	LD_DEBUG_OUTPUT=/evil COLUMNS=-1 PATRONUS_CONF=/evil "$ptfw" check -f "$lab_tmp/env.conf") >"$lab_tmp/env.2" 2>&1
ok 'check says the same in a hostile environment' cmp "$lab_tmp/env.1" "$lab_tmp/env.2"
ok 'nothing is expanded' sh -c '! grep -q /evil "$0"' "$lab_tmp/env.2"
is "$(in_ns fw env -i LC_ALL=tr_TR.UTF-8 TERM='%s' TZ=:/etc/shadow "$ptfw" rule show -d)" "$(pt rule show -d)" \
	'and so does rule show'

# ---- follow ----
# Without "on wan", or the kernel's own routing table would answer for it.
sed 's/pass in on wan proto tcp to self/pass in proto tcp to (wan)/' "$conf" >"$lab_tmp/follow.conf"
ok 'apply a rule with (wan)' pt apply -f "$lab_tmp/follow.conf"
lab_bg fw "$ptfw" follow >"$lab_tmp/follow.out" 2>&1
follower=$lab_last
sleep 0.5
lab_addr fw eth0 10.0.0.77/24 fd00::77/64
sleep 1
for to in 10.0.0.77 fd00::77; do
	like "$(in_ns out "$peer" tcp "$to" 80 || :)" '^answered web' "(wan) follows the kernel: $to"
done
like "$(cat "$lab_tmp/follow.out")" '^following the interfaces' 'follow says what it does'
like "$(cat "$lab_tmp/follow.out")" 'addresses changed' 'follow says so at once'
kill "$follower"
wait "$follower"
is $? 0 'SIGTERM ends it cleanly'
ok 'apply without' pt apply -f "$conf"

# ---- diff: rules as texts, moved ones among them ----
sed -e 's/label web/label www/' -e '/label out/d' -e 's/label bad",/&\n"pass out label out",/' "$conf" >"$lab_tmp/diff.conf"
is "$(pt diff -f "$lab_tmp/diff.conf" | grep '^[-+]')" '+ pass in on wan proto tcp to self port 80 label www
+ block in quick on wan from <bad> label bad
- pass in on wan proto tcp to self port 80 label web
- block in quick on wan from <bad> label bad' 'diff shows the rules that go, come and move'
like "$(pt diff -f "$lab_tmp/diff.conf")" '^# [0-9]+ operations' 'and how much is to do in the kernel'
unlike "$(pt diff -f "$lab_tmp/diff.conf")" '^(add|delete) ' 'which it lists'
like "$(pt diff -v -f "$lab_tmp/diff.conf")" '^(add|delete) ' 'with -v'
unlike "$(pt diff -v -f "$lab_tmp/diff.conf")" 'ptfw.applied' 'without the note of what is applied'
is "$(pt diff -v -f "$conf")" '' 'nothing where nothing differs'
{ cat "$conf"; echo '# more'; } >"$lab_tmp/diff.conf"
is "$(pt diff -f "$lab_tmp/diff.conf")" '# no rule changes; the file does' 'a comment is no rule'

sed 's/^table other.*/table other { persist = true addresses = { "192.0.2.0\/24" } }/' "$conf" >"$lab_tmp/contents.conf"
pt -q apply -f "$lab_tmp/contents.conf"
pt -q table add other 198.51.100.7 2001:db8::7
pt -q table delete other 192.0.2.0/25
is "$(pt diff -f "$lab_tmp/contents.conf" | tr '\n' ' ')" \
	'+ <other> 192.0.2.0/25 ' 'contents of tables are told, too; what was added at run time stays'
sed -i 's/192.0.2.0/203.0.113.0/' "$lab_tmp/contents.conf"
is "$(pt diff -f "$lab_tmp/contents.conf" | grep '<other>' | tr '\n' ' ')" \
	'- <other> 192.0.2.128/25 + <other> 203.0.113.0/24 ' 'of those that the file does not name any more, too'
like "$(pt apply -f "$lab_tmp/contents.conf")" '^removed: <other> ' 'apply tells what leaves them'
exits 0 'which is not what was added' pt table test other 198.51.100.7 2001:db8::7
pt -q apply -f "$conf"
pt -q table flush other

# ---- habits from elsewhere ----
hint() { sed "s/pass in on wan .*/$1\",/" "$conf" | pt check -f - 2>&1; }
like "$(hint 'pass in on wan from bad')" 'a table stands in marks: <bad>' 'a table without its marks'
like "$(hint 'pass in on wan from (www.a.com)')" 'the name of a host stands alone' 'a host name in parentheses'
like "$(hint 'pass in on wan from (www.a-very-long-name.example.com)')" 'the name of a host stands alone' 'a long one'
like "$(hint 'pass in on wan proto tcp to 10.0.0.1:22')" 'write ADDRESS port NUMBER' 'a port behind a colon'
like "$(hint 'pass in on wan keep-state')" 'write two words: .keep state.' 'keep-state'
like "$(hint 'pass in on wan inet proto icmp icmp-type echorequest')" "did you mean 'echoreq'" 'echorequest'

# ---- engines ----
{
	sed '/^} }/d' "$conf"
	seq 100 199 | sed 's/.*/"pass in on wan proto tcp from 10.9.0.& to self port & label many-&",/'
	echo '} }'
} >"$lab_tmp/many.conf"
like "$(pt apply -v -f "$lab_tmp/many.conf")" 'in force, 104 rules, engine (bpf|nft)' 'apply -v tells the engine'
if [ "$(pt info -j | jq -r '.info[0].engine')" = bpf ]; then
	like "$(pt info)" '^Engine: *bpf' 'info tells it, too'
	is "$(pt info -j | jq -c '.info[0] | [.constant_rules >= 100, .dynamic_rules >= 1, .groups >= 1, .classifier_steps > 0,
		.classifier_bytes > 0, (.devices | index("eth0") != null), .devices_without, .engine_why]')" \
		'[true,true,true,true,true,true,[],null]' 'with its numbers and devices'
	like "$(pt rule show -d many-150)" 'judged  in: classifier' 'a constant rule is the classifier'"'"'s'
	like "$(pt rule show -d bad)" 'judged  in: group [0-9]' 'one with a table is in a group'
	is "$(pt rule show out -j | jq -c '.rules[0] | [.judged_in, .judged_out]')" '[null,"list"]' 'what leaves is judged by a list'
	in_ns fw ip link add extra0 type veth peer name extra1
	like "$(pt info)" 'closed, for want of the program:.* extra0' 'a new device without the program is named'
	in_ns fw ip link del extra0
else
	skip 'no BPF here' 'the classifier in info and rule show'
fi
ok 'apply with another engine' pt -q apply --engine nft -f "$lab_tmp/many.conf"
is "$(pt info -j | jq -r '.info[0].engine')" nft 'which info tells'
like "$(pt info)" 'not the classifier: ' 'and why'
like "$(pt rule show -d many-150)" 'judged  in: list' 'and rule show'
exits 1 'an engine that there is not' pt apply --engine steam -f "$conf"
ok 'apply few rules' pt -q apply -f "$conf"
like "$(pt info)" 'not the classifier: few constant rules' 'info says why'

# ---- refusals change nothing ----
before=$(in_ns fw nft list ruleset)
sed 's/port 80/port 99999/' "$conf" >"$lab_tmp/bad.conf"
exits 1 'a bad file' pt apply -f "$lab_tmp/bad.conf"
like "$(pt apply -f "$lab_tmp/bad.conf" 2>&1)" 'bad.conf:8:[0-9]*: .*99999' 'names line and column'
like "$(pt check -j -f "$lab_tmp/bad.conf" | jq -c '[.errors, .diagnostics[0].line]')" '\[1,8\]' 'and so does the JSON'
is "$(in_ns fw nft list ruleset)" "$before" 'the rules in force are as before'
ok 'the kernel tries the rules in a namespace of its own' pt check --kernel -f "$conf"
is "$(in_ns fw nft list ruleset)" "$before" 'and not in this one'
if command -v setpriv >/dev/null; then
	cp "$ptfw" "$lab_tmp/ptfw"
	chmod 755 "$lab_tmp" "$lab_tmp/ptfw"
	like "$(in_ns fw setpriv --reuid 65534 --regid 65534 --clear-groups "$lab_tmp/ptfw" rule show 2>&1)" \
		'run it as root, or with CAP_NET_ADMIN' 'what to do without privilege'
	exits 4 'without privilege' in_ns fw setpriv --reuid 65534 --regid 65534 --clear-groups "$lab_tmp/ptfw" rule show
	exits 4 'apply without privilege' in_ns fw setpriv --reuid 65534 --regid 65534 --clear-groups "$lab_tmp/ptfw" apply -f - \
		<"$conf"
fi

# ---- batch ----
printf 'table add bad 192.0.2.1\n# comment\ntable add bad nonsense\ntable add bad 192.0.2.2\n' >"$lab_tmp/batch"
exits 1 'a batch ends at its first error' pt --batch "$lab_tmp/batch"
like "$(pt --batch "$lab_tmp/batch" 2>&1)" 'batch:3:' 'and names its line'
exits 3 'what follows did not run' pt table test bad 192.0.2.2
pt --batch "$lab_tmp/batch" --force >/dev/null 2>&1
exits 0 'with --force it does' pt table test bad 192.0.2.2
printf 'table test bad 192.0.2.2\n--netns /proc/%s/ns/net info\ntable test bad 192.0.2.2\n' \
	"$(cat "$lab_tmp/out.pid")" >"$lab_tmp/batch"
is "$(pt --batch "$lab_tmp/batch" | grep -Eo '^1/1|not loaded' | tr '\n' ' ')" '1/1 not loaded 1/1 ' \
	'a line in another namespace is followed by one in ours'
printf 'table test bad 192.0.2.2\n' >"$lab_tmp/batch"
like "$("$ptfw" --netns "/proc/$(cat "$lab_tmp/fw.pid")/ns/net" --batch "$lab_tmp/batch")" '^1/1' \
	'a whole batch in another namespace'

printf 'table add bad 192.0.2.3\0 192.0.2.4\n' >"$lab_tmp/batch"
exits 1 'a NUL in a batch' pt --batch "$lab_tmp/batch"

# ---- the lock ----
lock=$(in_ns fw sh -c 'echo /run/patronus/lock.*')
lab_bg fw flock "$lock" sleep 1
sleep 0.3
ok 'an apply waits for another editor' pt -q apply -f "$conf"

# ---- other people's tables ----
in_ns fw nft add table inet theirs
in_ns fw nft add chain inet theirs c '{ type filter hook input priority 5; }'
in_ns fw nft add rule inet theirs c counter
theirs=$(in_ns fw nft list table inet theirs)
sed 's/label web/label www/' "$conf" >"$lab_tmp/new.conf"
ok 'apply beside a foreign table' pt apply -f "$lab_tmp/new.conf"
ok 'stop' pt stop
is "$(in_ns fw nft list table inet theirs)" "$theirs" 'the foreign table is untouched'
exits 2 'nothing in force' pt rule show
exits 2 'nor are there tables' pt table list
is "$(pt table list 2>&1)" "$(pt rule show 2>&1)" 'which is told alike'
is "$(pt table show bad 2>&1)" "$(pt rule show 2>&1)" 'for one table too'
is "$(pt info -j | jq -r '.info[0].status')" stopped 'stopped'
pt -q stop --open
is "$(pt info -j | jq -r '.info[0].status')" open 'stop --open is told apart'
ok 'apply once more' pt -q apply -f "$conf"
in_ns fw sh -c 'rm /run/patronus/applied/*'
ok 'a lost copy of the applied file comes back' pt -q apply -f "$conf"
ok 'and the rules can be shown' pt rule show
done_testing
