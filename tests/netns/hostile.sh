#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ptfw on its worst day: files that are no files or not ours, names and texts that mean harm, sets too big,
# two editors at once, files swapped while they are read. Nothing of it may open the firewall, change
# what is in force without being asked to, or hang. Numbers are those of the list of hostile cases.
# Texts in single quotes are meant as they stand; formats are made of the bytes under test.
# shellcheck disable=SC2016,SC2059
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

# The file in force while others are refused.
good=$lab_tmp/good.conf
bad=$lab_tmp/bad.conf
wan='interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }'
cat >"$good" <<CONF
$wan
table t { addresses = { "192.0.2.1", "2001:db8::1" } }
firewall { rules = { "block all", "block in from <t> label bad" } }
CONF
ok 'the file in force' pt apply -f "$good"
lab_bg fw nft monitor >"$lab_tmp/monitor" 2>&1
monitor=$lab_last
sleep 0.3
before=$(in_ns fw nft -s list ruleset)

# refused CASE NAME REGEX: exit 1 for the file $bad, and the first line of the message.
refused()
{
	refused_rc=0
	said=$(pt apply -f "$bad" 2>&1) || refused_rc=$?
	like "$refused_rc $said" "^1 .*$3" "hostile-$1: $2"
}

# A rule, at line 2.
refused_rule()
{
	printf '%s\nfirewall { rules = { "block all", "%s" } }\n' "$wan" "$3" >"$bad"
	refused "$1" "$2" "bad.conf:2:[0-9]*: error: $4"
}

# ---- hostile-10: texts that would be commands if anybody ran them ----
drop=' ; flush ruleset ; '
refused_rule 10 'a quote in a label' "pass in on wan label \\\"a\\\\\\\"$drop\\\\\\\"b\\\"" 'a label with a character'
printf 'system { description = "\\"%s\\"" }\ninterface wan { device = "eth0" description = "\\"%s\\"" }\n%s\n' "$drop" "$drop" \
	"firewall { rules = { \"block all\", \"pass in on wan label '$drop' tag '$drop'\" } }" >"$lab_tmp/text.conf"
cp "$good" "$lab_tmp/other.conf"
ok 'hostile-10: label, tag and descriptions with commands in them' pt check -f "$lab_tmp/text.conf"

# ---- hostile-11 and 12: names ----
long=$(printf '%300s' '' | tr ' ' a)
for name in '' .. inet -f "$long" 'a b' '$(reboot)'; do
	shown=$(printf '%.12s' "$name")
	echo "table '$name' { persist = true }" >"$bad"
	refused 11 "the table name '$shown'" 'bad.conf:1:[0-9]*: error: .*table name'
done
for name in '' .. -f "$long" 'a b' '1' '$(reboot)'; do
	shown=$(printf '%.12s' "$name")
	echo "macro '$name' { value = \"lan\" }" >"$bad"
	refused 11 "the macro name '$shown'" 'bad.conf:1:[0-9]*: error: .*macro name'
done
for name in a/b 0123456789abcdef 'lo;x' '' .. 'a%d' 'eth0:1' 'a b'; do
	echo "interface wan { device = '$name' }" >"$bad"
	refused 12 "the device name '$name'" 'bad.conf:1:[0-9]*: error: .*device name'
	echo "interface '$name' { device = \"eth0\" }" >"$bad"
	refused 12 "the interface name '$name'" 'bad.conf:1:[0-9]*: error: .*interface name'
done
if command -v strace >/dev/null; then
	exits 1 'hostile-11: refused under strace' in_ns fw strace -f -o "$lab_tmp/trace" \
		-e trace=sendto,sendmsg,sendmmsg,execve "$ptfw" apply -f "$bad"
	is "$(grep -c . "$lab_tmp/trace") $(grep -c execve "$lab_tmp/trace")" '2 1' 'hostile-11: before any question to the kernel'
else
	skip 'no strace' 'hostile-11: before any question to the kernel'
fi

# ---- hostile-13 to 15: addresses and ports ----
refused_rule 13 'an IPv6 address in a rule for inet' 'pass in on wan inet to fd00::1' 'an IPv6 address in a rule for inet'
like "$said" 'write inet6, or an IPv4 address' 'hostile-13: says what to do'
refused_rule 13 'an IPv4 address in a rule for inet6' 'pass in on wan inet6 to 10.0.0.1' 'an IPv4 address in a rule for inet6'
refused_rule 13 'source and destination of two families' 'pass in on wan from 10.0.0.2 to fd00::1' 'addresses of different families'
for port in 0 65536 22-21 22:21 010 0x16 -1 22: 99999999999999999999; do
	refused_rule 14 "port $port" "pass in on wan proto tcp to port $port" '.*(port|zero)'
done
for prefix in 10.0.0.1/8 192.0.2.129/25 fd00::1/8 2001:db8::1/127; do
	refused_rule 15 "bits beyond the prefix length in a rule, $prefix" "pass in on wan to $prefix" '.*bits set'
	echo "table x { addresses = { \"$prefix\" } persist = true }" >"$bad"
	refused 15 "the same in a table, $prefix" 'bad.conf:1:[0-9]*: error: .*bits set'
	exits 1 "hostile-15: the same on the command line, $prefix" pt table add t "$prefix"
done

# ---- hostile-18 to 20: what is no file, or not ours ----
secret='root:$6$hunter2'
echo "$secret" >"$lab_tmp/secret"
mkdir "$lab_tmp/folder" "$lab_tmp/real"
mkfifo "$lab_tmp/fifo"
truncate -s 5G "$lab_tmp/sparse"
ln -s "$lab_tmp/secret" "$lab_tmp/link"
ln -s /etc/shadow "$lab_tmp/shadow"
ln -s "$lab_tmp/real" "$lab_tmp/linked"
ln -s /nowhere "$lab_tmp/dangling"
cp "$good" "$lab_tmp/real/good.conf"

# refused_file CASE PATH WHY: as the common file, and as that of a table; each within a second.
refused_file()
{
	for verb in check apply; do
		file_rc=0
		said=$(in_ns fw timeout 1 "$ptfw" "$verb" -f "$2" 2>&1) || file_rc=$?
		like "$file_rc $said" "^[14] .*$3" "hostile-$1: $verb of ${2##*/}"
		unlike "$said" 'hunter2|root:' "hostile-$1: nothing of ${2##*/} is shown"
	done
	printf 'table x { file = "%s" persist = true }\n' "$2" >"$bad"
	file_rc=0
	said=$(in_ns fw timeout 1 "$ptfw" apply -f "$bad" 2>&1) || file_rc=$?
	like "$file_rc $(echo "$said" | tr '\n' ' ')" "^[14] .*bad.conf:1:[0-9]*: error: table x.*$3" \
		"hostile-$1: ${2##*/} as the file of a table"
	unlike "$said" 'hunter2|root:' "hostile-$1: nothing of ${2##*/} is shown"
}
refused_file 18 "$lab_tmp/folder" "reading $lab_tmp/folder: it is a folder"
refused_file 18 "$lab_tmp/fifo" "reading $lab_tmp/fifo: not a regular file"
refused_file 18 /dev/zero 'reading /dev/zero: not a regular file'
refused_file 18 "$lab_tmp/sparse" "reading $lab_tmp/sparse: larger than [0-9]* bytes"
refused_file 19 "$lab_tmp/link" "reading $lab_tmp/link: a symbolic link"
refused_file 19 "$lab_tmp/shadow" "reading $lab_tmp/shadow: a symbolic link"
refused_file 19 "$lab_tmp/dangling" "reading $lab_tmp/dangling: a symbolic link"
refused_file 19 "$lab_tmp/linked/good.conf" "reading $lab_tmp/linked: a symbolic link"
f=$lab_tmp/real/good.conf
for mode in 0664 0646; do
	chmod "$mode" "$f"
	refused_file 20 "$f" "reading $f: it can be written by others"
done
chmod 0644 "$f"
for mode in 0775 0757; do
	chmod "$mode" "$lab_tmp/real"
	refused_file 20 "$f" "the folder $lab_tmp/real can be written by others"
done
chmod 0755 "$lab_tmp/real"
chown 65534 "$f"
refused_file 20 "$f" "reading $f: it belongs to another user"
chown 0 "$f"
chown 65534 "$lab_tmp/real"
refused_file 20 "$f" "the folder $lab_tmp/real belongs to another user"
chown 0 "$lab_tmp/real"
ok 'hostile-20: the same file, mended' pt check -f "$f"

# ---- hostile-23: bytes that are no text ----
printf '%s\nsystem { description = "a\000b" }\n' "$wan" >"$bad"
refused 23 'NUL in a string' 'bad.conf:2:26: error: a NUL byte'
printf '%s\nsystem { description = "a\351b" }\n' "$wan" >"$bad"
refused 23 'Latin-1' 'bad.conf:2:26: error: byte 0xe9 is not UTF-8'
printf '%s\nsystem { description = "a\033]0;x\007b" }\n' "$wan" >"$bad"
refused 23 'an escape sequence' 'bad.conf:2:26: error: a control character'
unlike "$(printf '%s' "$said" | tr '\033' '#')" '#\]' 'hostile-23: it does not reach the terminal'
printf '%s\nsystem { \r description = "a" }\n' "$wan" >"$bad"
refused 23 'CR inside a line' 'bad.conf:2:10: error: a carriage return'
printf '\357\273\277' | cat - "$good" | sed 's/$/\r/' >"$lab_tmp/dos.conf"
ok 'hostile-23: CR LF and a byte order mark are taken' pt check -f "$lab_tmp/dos.conf"
like "$(pt apply -n -f "$lab_tmp/dos.conf")" '^# no rule changes; the file does' 'hostile-23: and mean the same rules'
for byte in '\000' '\351' '\033'; do
	printf "192.0.2.1\\n$byte\\n" >"$lab_tmp/bytes"
	printf 'table x { file = "bytes" persist = true }\n' >"$bad"
	refused 23 "$byte in the file of a table" "bytes:2:1: error"
done
printf '\357\273\277192.0.2.1\r\n2001:db8::1\r\n' >"$lab_tmp/bytes"
ok 'hostile-23: CR LF and a byte order mark in one are taken' pt check -f "$bad"

# ---- hostile-24: twice is an error, never the last one ----
refused_rule 24 'two rules with one label' 'pass in on wan label a", "pass out on wan label a' '.*label'
like "$said" 'first in line 2|line 2' 'hostile-24: names the other place'
twice()
{
	printf "$2" >"$bad"
	refused 24 "$1 twice" 'bad.conf:[0-9]*:[0-9]*: error: .*(given twice|is given|already)'
}
twice 'an option' 'interface wan {\ndevice = "eth0"\ndevice = "eth1"\n}\n'
twice 'a list' 'firewall {\nrules = { "block all" }\nrules = { "pass all" }\n}\n'
twice 'a section' 'firewall { rules = { "block all" } }\nfirewall { rules = { "pass all" } }\n'
twice 'an interface' 'interface wan { device = "eth0" }\ninterface wan { device = "eth1" }\n'
twice 'a table' 'table x { persist = true }\ntable x { const = true }\n'
twice 'a macro' 'macro x { value = "a" }\nmacro x { value = "b" }\n'

# ---- nothing of all that changed anything ----
is "$(in_ns fw nft -s list ruleset)" "$before" 'the rules in force are as before'
sleep 0.3
is "$(cat "$lab_tmp/monitor")" '' 'and no transaction reached the kernel'
ok 'hostile-10: apply texts with commands in them' pt apply -f "$lab_tmp/text.conf"
sleep 0.3
like "$(cat "$lab_tmp/monitor")" 'add chain inet patronus' 'one that does is seen'
lab_stop "$monitor"
like "$(pt rule show -j | jq -r '.rules[1].name')" "^$drop\$" 'hostile-10: the label is stored verbatim'
is "$(pt info -j | jq -r '.info[0].description')" "\"$drop\"" 'hostile-10: and so is the description'
is "$(in_ns fw nft list tables)" 'table inet patronus' 'hostile-10: the ruleset is otherwise unchanged'

# ---- a device that is not there yet ----
cat >"$good" <<CONF
$wan
interface late { device = "eth9" }
firewall { rules = { "block all", "pass in on late proto tcp to port 80 label late" } }
CONF
ok 'rules of a missing device' pt apply -f "$good"
lab_bg fw "$peer" serve web tcp/80
sleep 0.3
for to in 10.0.0.1 fd00::1; do
	is "$(in_ns out "$peer" tcp "$to" 80 || :)" silence "open no other: $to"
done
lab_link fw eth9 out eth9
lab_addr fw eth9 10.9.0.1/24 fd09::1/64
lab_addr out eth9 10.9.0.2/24 fd09::2/64
lab_settle fw out
for to in 10.9.0.1 fd09::1; do
	like "$(in_ns out "$peer" tcp "$to" 80 || :)" '^answered web' "and hold when it appears: $to"
done

# ---- two versions of a file: which one is in force ----
for v in a b; do
	mkdir "$lab_tmp/$v"
	cp "$good" "$lab_tmp/$v/two.conf"
done
cat >"$lab_tmp/a.conf" <<CONF
$wan
table t { file = "a.list" }
firewall { rules = { "block all", "block in from <t> label a1", "pass in on wan label a2" } }
CONF
cat >"$lab_tmp/b.conf" <<CONF
table t { file = "b.list" }
$wan
firewall { rules = { "block all", "block in from <t> label b1", "pass out on wan label b2", "match in tag b3 label b3" } }
CONF
awk 'BEGIN { for (i = 0; i < 8000; i++) printf "11.0.%d.%d\n", i / 128, (i * 2) % 256 }' >"$lab_tmp/a.list"
awk 'BEGIN { for (i = 0; i < 9000; i++) printf "2001:db8::%x:%x\n", i / 128, (i * 2) % 256 }' >"$lab_tmp/b.list"
for v in a b; do
	ok "version $v" pt apply -f "$lab_tmp/$v.conf"
	pt rule show >"$lab_tmp/$v.rules"
	pt table show t >"$lab_tmp/$v.table"
	pt info -j | jq -r '.info[0].digest' >"$lab_tmp/$v.digest"
	is "$(cat "$lab_tmp/$v.digest")" "$(sha256sum <"$lab_tmp/$v.conf" | cut -d' ' -f1)" "version $v: info has its digest"
done

# in_force: a or b, when digest, rules and copy are those of one version; else what is wrong.
in_force()
{
	pt info -j | jq -r '.info[0].digest' >"$lab_tmp/now.digest"
	for v in a b; do
		cmp -s "$lab_tmp/now.digest" "$lab_tmp/$v.digest" || continue
		pt rule show >"$lab_tmp/now.rules" 2>&1
		cmp -s "$lab_tmp/now.rules" "$lab_tmp/$v.rules" || { echo "digest of $v, other rules"; return; }
		in_ns fw cmp -s "/run/patronus/applied/$(cat "$lab_tmp/now.digest").conf" "$lab_tmp/$v.conf" ||
			{ echo "digest of $v, other copy"; return; }
		echo "$v"
		return
	done
	echo "digest of neither"
}
with_table()
{
	now=$(in_force)
	pt table show t >"$lab_tmp/now.table"
	cmp -s "$lab_tmp/now.table" "$lab_tmp/$now.table" && echo "$now" || echo "$now with another table"
}

# ---- two editors at once ----
rounds=20
mixes=
for _ in $(seq "$rounds"); do
	pt apply -f "$lab_tmp/a.conf" >"$lab_tmp/a.out" 2>&1 &
	first=$!
	pt apply -f "$lab_tmp/b.conf" >"$lab_tmp/b.out" 2>&1 &
	second=$!
	wait "$first"
	first=$?
	wait "$second"
	second=$?
	now=$(with_table)
	case $first$second$now in
	00[ab] | 02a | 20b) ;;
	*) mixes="$mixes exits $first $second, in force: $now;" ;;
	esac
done
is "$mixes" '' "$rounds times two editors: one after the other, or one of them only"

# Whoever waits too long is told who holds the lock. The holder here is one that was stopped.
lock=/run/patronus/lock.$(in_ns fw stat -Lc %i /proc/self/ns/net)
in_ns fw sh -c 'exec 9<>"$0" && flock 9 && echo $$ "$(date +%s)" >"$0" && : >"$1" && exec sleep 60' "$lock" "$lab_tmp/held" &
holder=$!
lab_wait 5 test -e "$lab_tmp/held"
exits 5 'a lock that is held for long' pt apply -f "$lab_tmp/b.conf"
like "$tap_out" "process [0-9]+ holds it since 20[0-9-]*T[0-9:]*Z" 'who holds it and since when'
kill "$(in_ns fw cut -d' ' -f1 "$lock")"
wait "$holder"
ok 'a dead holder holds nothing' pt apply -f "$lab_tmp/b.conf"

# ---- hostile-16: a million addresses ----
# In a namespace of its own, beside what follows.
lab_ns big
big=$lab_tmp/big.conf
sed 's/a\.list/big.list/' "$lab_tmp/a.conf" >"$big"
awk 'BEGIN { for (i = 0; i < 1000000; i++) printf "%d.%d.%d.%d\n", 11 + i / 8388608, (i / 32768) % 256, (i / 128) % 256, (i * 2) % 256 }' \
	>"$lab_tmp/big.list"
ok 'a small table' in_ns big "$ptfw" apply -f "$lab_tmp/b.conf"
small=$(in_ns big nft -s list table inet patronus | sha256sum)
for mib in 64 96; do
	exits 2 "hostile-16: a million addresses in $mib MiB" in_ns big prlimit --as=$((mib << 20)) "$ptfw" apply -f "$big"
	like "$tap_out" 'Cannot allocate memory' 'hostile-16: says why'
	is "$(in_ns big nft -s list table inet patronus | sha256sum)" "$small" 'hostile-16: the old rules are kept'
done
in_ns big python3 -c '
import resource, subprocess, sys, time
start = time.time()
run = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
status = run.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("status %d\nseconds %.1f\ncpu %d\nkb %d" %
      (status, time.time() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 // 1000))' \
	"$ptfw" apply -f "$big" >"$lab_tmp/big.out" 2>&1 &
loader=$!

# ---- hostile-21: a file that is renamed away under us: the bytes checked are the bytes applied ----
sed 's/label b2/label b2 port 99999/' "$lab_tmp/b.conf" >"$lab_tmp/c.conf"
renames=10000
mkdir "$lab_tmp/race"
cp "$lab_tmp/a.list" "$lab_tmp/b.list" "$lab_tmp/race"
cp "$lab_tmp/a.conf" "$lab_tmp/race/now.conf"
# A pause between two renames, or all of them would fall into one run.
# shellcheck disable=SC2016
perl -MTime::HiRes=usleep -e 'my ($dir, $to, $n) = @ARGV;
	for my $i (1 .. $n) {
		my $v = ("a", "b", "a", "b", "c")[$i % 5];
		link "$dir/$v.conf", "$to.new" or die "link: $!";
		rename "$to.new", $to or die "rename: $!";
		unlink "$to.new"; # two names of one file: nothing was renamed
		usleep 1000;
	}
	print "$n renames\n"' "$lab_tmp" "$lab_tmp/race/now.conf" "$renames" >"$lab_tmp/renames" 2>&1 &
swapper=$!
seen_a=0 seen_b=0 refusals=0 wrong=
previous=$(in_force)
while kill -0 "$swapper" 2>/dev/null; do
	said=$(pt check -f "$lab_tmp/race/now.conf" 2>&1)
	case "$? $said" in
	"0 "*": 3 rules, no errors" | "0 "*": 4 rules, no errors" | "1 "*now.conf:3:*99999*) ;;
	*) wrong="$wrong check: $said;" ;;
	esac
	said=$(pt apply -f "$lab_tmp/race/now.conf" 2>&1)
	rc=$?
	now=$(in_force)
	case "$rc $now $said" in
	"0 a "*force*) seen_a=$((seen_a + 1)) ;;
	"0 b "*force*) seen_b=$((seen_b + 1)) ;;
	"1 $previous "*now.conf:3:*99999*) refusals=$((refusals + 1)) ;;
	*) wrong="$wrong apply: exit $rc, in force: $now, before: $previous, $said;" ;;
	esac
	previous=$now
done
wait "$swapper"
is "$(cat "$lab_tmp/renames")" "$renames renames" "hostile-21: the file was renamed $renames times"
is "$wrong" '' 'hostile-21: what was checked is what is in force'
diag "applied: $seen_a times one version, $seen_b times the other; $refusals refused"
ok 'hostile-21: each of the three was met' [ "$seen_a" -gt 0 -a "$seen_b" -gt 0 -a "$refusals" -gt 0 ]

wait "$loader"
diag "a million addresses: $(tr '\n' ' ' <"$lab_tmp/big.out")"
like "$(cat "$lab_tmp/big.out")" '^status 0$' 'hostile-16: a million addresses'
# On a machine that others keep busy the kernel takes as long as it takes: then less than nft needs there and then.
cpu=$(sed -n 's/^cpu //p' "$lab_tmp/big.out")
if [ "$cpu" -lt 10 ]; then
	ok 'hostile-16: in less than ten seconds, the kernel included' true
else
	{
		printf 'table inet peer {\n set t {\n type ipv4_addr\n flags interval\n elements = {\n'
		sed 's/$/,/' "$lab_tmp/big.list"
		printf '}\n}\n}\n'
	} >"$lab_tmp/big.nft"
	lab_ns peer
	peer=$(in_ns peer bash -c 'TIMEFORMAT=%U+%S; { time nft -f "$1"; } 2>&1' - "$lab_tmp/big.nft" | awk -F+ '{ print int($1 + $2) }')
	diag "nft takes $peer s for them now"
	ok "hostile-16: $cpu s, less than nft takes on this machine now" [ "$cpu" -lt "$peer" ]
fi
ok 'hostile-16: in less than 100 MB' [ "$(sed -n 's/^kb //p' "$lab_tmp/big.out")" -lt 100000 ]
# No dump of a million, which takes the kernel a minute.
exits 0 'hostile-16: file and kernel agree' in_ns big timeout 10 "$ptfw" diff -f "$big"
like "$(in_ns big timeout 10 "$ptfw" table test t 11.0.0.0 11.0.0.1 11.30.132.126 11.30.132.127)" '^2/4 ' 'hostile-16: the first and the last are in it'
ok 'hostile-16: one more' in_ns big timeout 10 "$ptfw" table add t 192.0.2.1
like "$(in_ns big timeout 10 "$ptfw" table test t 192.0.2.1)" '^1/1 ' 'hostile-16: is in it, too'

# ---- without privilege, and without a place for the lock ----
mkdir -m 755 "$lab_tmp/open"
cp "$ptfw" "$lab_tmp/open/ptfw"
chmod 755 "$lab_tmp"
before=$(in_ns fw nft -s list table inet patronus | sha256sum)
for verb in "apply -f $lab_tmp/a.conf" "diff -f $lab_tmp/a.conf" stop 'table add t 192.0.2.9' 'state kill proto tcp' 'rule show'; do
	# The words are words, to be split.
	# shellcheck disable=SC2086
	exits 4 "as nobody: $verb" in_ns fw setpriv --reuid 65534 --regid 65534 --clear-groups "$lab_tmp/open/ptfw" $verb
	# shellcheck disable=SC2086
	exits 4 "as root without CAP_NET_ADMIN: $verb" in_ns fw setpriv --bounding-set -net_admin --inh-caps -net_admin "$ptfw" $verb
done
if [ -n "$lab_mounts" ]; then
	exits 2 'a read-only /run' in_ns fw unshare -m sh -c 'mount -n -o remount,ro /run && exec "$0" apply -f "$1"' "$ptfw" "$lab_tmp/a.conf"
	like "$tap_out" '/run/patronus.*Read-only file system' 'says where and why'
else
	skip 'no private mounts' 'a read-only /run'
fi
is "$(in_ns fw nft -s list table inet patronus | sha256sum)" "$before" 'nothing was changed'
done_testing
