#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Anchors that programs fill while packets flow: what is loaded holds at once and for just whom it names, and
# survives an apply, a stop, other programs at work and their death. Real packets, both families.
#
#     out  10.0.0.2 fd00::2 (and ::66, the bad one) ---- eth0 [ fw ] eth1 ---- 10.1.0.2 fd01::2  lan
#
#   PATRONUS_SEED=N   other moments to be killed at
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3

lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 10.0.0.66/24 fd00::2/64 fd00::66/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr lan eth0 10.1.0.2/24 fd01::2/64
lab_route out 10.1.0.0/24 via 10.0.0.1
lab_route out fd01::/64 via fd00::1
lab_route lan default via 10.1.0.1
lab_route lan default via fd01::1
lab_forward fw
lab_settle fw out lan
# Answers of `block return` must not be rationed: they tell blocked from lost.
in_ns fw sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
pt() { in_ns fw "$ptfw" "$@"; }
load() { printf '%b' "$2" | in_ns fw "$ptfw" anchor load "$1"; }

cat >"$lab_tmp/main.conf" <<'CONF'
interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }
table banned { persist = true }
anchor written { rules = { "pass in proto udp to port 9 label nine" } }
firewall { rules = {
	"block label closed",
	"pass out",
	"pass in on wan proto udp to lan:network port 5000 label service",
	"anchor \"f2b/*\" in on wan",
	"anchor upnp in on wan",
	"anchor written in on wan",
	"pass in quick on lan"
} }
CONF
conf=$lab_tmp/main.conf

cat >"$lab_tmp/wire.py" <<'PY'
import itertools, select, socket, subprocess, sys, threading, time
# The kernel may choose a port again whose state still lives: in a loop of many connections each has its own.
ports = itertools.count()
def family(a): return socket.AF_INET6 if ":" in a else socket.AF_INET
def echo(ready):
    socks = []
    for a in ("0.0.0.0", "::"):
        s = socket.socket(family(a), socket.SOCK_DGRAM)
        if ":" in a: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((a, 5000))
        socks.append(s)
    open(ready, "w").close()
    while True:
        for s in select.select(socks, [], [])[0]:
            data, who = s.recvfrom(2000)
            s.sendto(who[0].encode(), who)
# A new connection from SRC: what the far end saw as its source; "refused"; "lost".
def ask(src, dst, port=5000, wait=5, own=lambda: 0):
    with socket.socket(family(src), socket.SOCK_DGRAM) as s:
        s.bind((src, own()))
        s.connect((dst, port))
        s.settimeout(wait)
        try:
            s.send(b"?")
            return s.recv(2000).decode()
        except ConnectionError: return "refused"
        except OSError: return "refused" if sys.exc_info()[1].errno in (101, 113) else "lost"
def pt(pid, *words, rules=None):
    return subprocess.run(["nsenter", "-n", "-m", "-t", pid] + list(words), input=rules, text=True, capture_output=True)
# Bans and forgives, 25 times each, while others go on talking. What is wrong is printed.
def ban(pid, ptfw):
    stop, sent, lost = [], [0], []
    def talk():
        while not stop:
            for src, dst in (("10.0.0.2", "10.1.0.2"), ("fd00::2", "fd01::2")):
                sent[0] += 1
                got = ask(src, dst, own=lambda: 1024 + next(ports) % 60000)
                if got != src: lost.append("%s: %s" % (src, got))
            time.sleep(0.002)
    t = threading.Thread(target=talk)
    t.start()
    for i in range(25):
        for rules, want in (("block return in quick from { 10.0.0.66, fd00::66 } label ban\n", "refused"), (None, "")):
            r = pt(pid, ptfw, "anchor", "load" if rules else "flush", "f2b/sshd", rules=rules)
            if r.returncode: print("round %d: %s" % (i, r.stderr))
            for src, dst in (("10.0.0.66", "10.1.0.2"), ("fd00::66", "fd01::2")):
                got = ask(src, dst, own=lambda: 1024 + next(ports) % 60000)
                if got != (want or src): print("round %d, %s: %s" % (i, src, got))
    stop.append(1)
    t.join()
    for l in lost: print("others: " + l)
    print("# %d connections of others meanwhile" % sent[0], file=sys.stderr)
PY
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$lab_tmp"
lab_bg lan python3 -c "from wire import *; echo('$lab_tmp/echo')"
lab_wait 10 test -e "$lab_tmp/echo" || skip_all 'the echo does not come up'
ask() { in_ns out python3 -c "from wire import *; print(ask($1))"; }

# ---- before any rules ----
exits 1 'nothing can be loaded before there are rules' load f2b/sshd 'block\n'
like "$tap_out" 'no rules are in force' 'and it says why'
ok 'rules with places for anchors' pt apply -f "$conf"

# ---- one anchor ----
is "$(ask "'10.0.0.66', '10.1.0.2'") $(ask "'fd00::66', 'fd01::2'")" '10.0.0.66 fd00::66' 'an empty anchor changes nothing'
is "$(pt check -v -f "$conf" | sed -n '4,7p')" 'anchor "f2b/*" in on wan all
anchor "upnp" in on wan all
anchor "written" in on wan all
  pass in proto udp to any port 9 label nine' 'check -v has anchors in their places'
ok 'rules are loaded' load f2b/sshd '# the bad one\nblock return in quick from { 10.0.0.66, \\\n  fd00::66 } label ban # both families\n'
is "$(ask "'10.0.0.66', '10.1.0.2'") $(ask "'fd00::66', 'fd01::2'")" 'refused refused' 'whom they name is blocked'
is "$(ask "'10.0.0.2', '10.1.0.2'") $(ask "'fd00::2', 'fd01::2'")" '10.0.0.2 fd00::2' 'and nobody else'
like "$(pt rule show -d)" 'f2b/sshd/ban .* anchor f2b/sshd:2 ' 'rule show tells the anchor and the line'
like "$(pt anchor show f2b/sshd -s)" 'packets 2 ' 'anchor show counts'
like "$(pt rule show f2b/sshd/ban)" '10.0.0.66' 'its rules have names'
is "$(pt anchor load f2b/sshd </dev/null >/dev/null; pt anchor list | grep sshd)" 'f2b/sshd: 0 rules, loaded' 'no rules at all are fine'
ok 'and back' load f2b/sshd 'block return in quick from { 10.0.0.66, fd00::66 } label ban\n'
like "$(load f2b/sshd 'block return in quick from { 10.0.0.66, fd00::66 } label ban\n')" 'nothing written' 'the same again writes nothing'

# ---- what is refused changes nothing ----
before=$(pt rule show)
exits 1 'a wrong rule' load f2b/sshd 'pass\nblok in\n'
like "$tap_out" '^standard input:2:1: error' 'is told with its line'
exits 1 'an unknown table' load f2b/sshd 'block in \\\n from <nix>\n'
like "$tap_out" '^standard input:2:8: error: unknown table <nix>' 'is told with its place'
exits 1 'no place for it' load f3b 'block\n'
like "$tap_out" 'the rules in force ask f2b/\*, upnp, written' 'says what places there are'
exits 1 'below a place' load f2b/a/b 'block\n'
exits 1 'the star itself' load 'f2b/*' 'block\n'
exits 1 'an anchor of the file' load written 'block\n'
like "$tap_out" '^.*main.conf:4:8: error: the rules of anchor written are written in the file' 'says where it is written'
for name in '' .. inet -- -f a//b "$(printf '%0300d' 0)" 'a b' "$(printf 'a\033b')"; do
	exits 1 "hostile-11: the name '$(printf %.10s "$name" | tr '\033' '?')'" in_ns fw "$ptfw" anchor flush -- "$name"
done
head -c 1100000 /dev/zero | tr '\0' '#' >"$lab_tmp/large"
exits 1 'a megabyte of rules' pt anchor load upnp --file "$lab_tmp/large"
printf 'block\0pass\n' >"$lab_tmp/nul"
exits 1 'a NUL' pt anchor load upnp --file "$lab_tmp/nul"
is "$(pt rule show)" "$before" 'what was refused changed nothing'
exits 3 'an anchor that is not there' pt anchor show nix

# ---- survival ----
ok 'an apply of the same file' pt apply -f "$conf"
like "$tap_out" 'nothing written' 'has nothing to do'
sed 's/port 5000/port { 5000, 5001 }/' "$conf" >"$lab_tmp/other.conf"
ok 'an apply of another file' pt apply -f "$lab_tmp/other.conf"
is "$(ask "'10.0.0.66', '10.1.0.2'") $(ask "'fd00::66', 'fd01::2'")" 'refused refused' 'keeps what was loaded'
ok 'a stop and an apply' in_ns fw sh -c "$ptfw stop && $ptfw apply -f $conf"
is "$(ask "'10.0.0.66', '10.1.0.2'") $(ask "'fd00::66', 'fd01::2'")" 'refused refused' 'keep it too'
grep -v f2b "$conf" >"$lab_tmp/without.conf"
ok 'a file without its place' pt apply -f "$lab_tmp/without.conf"
like "$tap_out" 'anchor f2b/sshd: its rules are kept, but no rule asks them' 'keeps the rules and says that nobody asks them'
is "$(ask "'10.0.0.66', '10.1.0.2'")" 10.0.0.66 'so they do not hold'
like "$(pt anchor list)" '^f2b/sshd: 1 rule, loaded, not asked' 'and are listed so'
ok 'back to the file with its place' pt apply -f "$conf"
is "$(ask "'10.0.0.66', '10.1.0.2'")" refused 'and they hold again'
ok 'a rule that needs a table of the file' load f2b/table 'block in from <banned>\n'
sed 's/^table banned.*//' "$conf" >"$lab_tmp/no-table.conf"
exits 1 'a file without that table' pt apply -f "$lab_tmp/no-table.conf"
like "$tap_out" '^anchor f2b/table:1:16: error: unknown table <banned>' 'is refused, and the anchor named'
exits 0 'and the old rules stay' pt diff -f "$conf"
ok 'flushing several' pt anchor flush 'f2b/*'
is "$(ask "'10.0.0.66', '10.1.0.2'") $(ask "'fd00::66', 'fd01::2'")" '10.0.0.66 fd00::66' 'forgives'

# ---- translations ----
ok 'a port forward is loaded' load upnp 'pass in inet proto udp to 10.0.0.1 port 7000 rdr-to 10.1.0.2 port 5000\npass in inet6 proto udp to fd00::1 port 7000 rdr-to fd01::2 port 5000\n'
is "$(ask "'10.0.0.2', '10.0.0.1', 7000") $(ask "'fd00::2', 'fd00::1', 7000")" '10.0.0.2 fd00::2' 'and works'
like "$(pt nat show)" 'port 7000 rdr-to' 'nat show has it'
ok 'and is taken back' pt -a upnp -F rules
isnt "$(ask "'10.0.0.2', '10.0.0.1', 7000, 0.3")" 10.0.0.2 'and gone'

# ---- pfctl's letters ----
printf 'block return in quick from 10.0.0.66\n' >"$lab_tmp/rules"
ok '-a PATH -nf FILE' pt -a f2b/pf -nf "$lab_tmp/rules"
is "$(pt anchor list | grep -c f2b/pf)" 0 'changes nothing'
ok '-a PATH -f FILE' pt -a f2b/pf -f "$lab_tmp/rules"
is "$(pt -a f2b/pf -sr)" 'block return in quick from 10.0.0.66' '-a PATH -sr'
like "$(pt -a f2b/pf -vsr)" 'packets 0' '-a PATH -vsr'
is "$(pt -a f2b/pf rule show)" 'block return in quick from 10.0.0.66' '-a PATH rule show'
like "$(pt -sA)" '^f2b/pf: 1 rule, loaded' '-sA'
ok '-a PATH -F rules' pt -a f2b/pf -F rules
is "$(pt anchor list | grep -c f2b/pf)" 0 'takes them away'
exits 1 '-a alone' pt -a f2b/pf

# ---- a program that bans and forgives, under traffic ----
said=$(in_ns out python3 -c "from wire import *; ban('$(cat "$lab_tmp/fw.pid")', '$ptfw')" 2>"$lab_tmp/ban.err")
cat "$lab_tmp/ban.err"
is "$said" '' 'banned and forgiven 25 times: just those, at once, and nobody else lost a packet'

# ---- several programs at once ----
many() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		printf 'block in from 192.0.2.%d label n%d\n' "$i" "$i" | in_ns fw "$ptfw" -q anchor load "f2b/$1" || return 1
	done
}
many a & first=$!
many b & second=$!
for i in 1 2 3 4 5; do pt -q apply -f "$conf" || break; done
applied=$?
wait $first && wait $second
is "$? $applied" '0 0' 'two programs and an apply at the same time'
is "$(pt anchor show 'f2b/*' | tr '\n' ';')" \
	'block in from 192.0.2.10 label n10;block in from 192.0.2.10 label n10;' 'none is lost'

# ---- killed at any moment ----
cat >"$lab_tmp/kill.py" <<'PY'
import os, random, subprocess, sys, time
ptfw, conf, seed, kills = sys.argv[1:5]
random.seed(int(seed))
def rules(n): return "block in from 192.0.2.%d label k\n" % n
def run(*words, text=None): return subprocess.run([ptfw] + list(words), input=text, text=True, capture_output=True)
took, killed, n = [], 0, 1
for i in range(5):
    at = time.time()
    run("anchor", "load", "f2b/k", text=rules(i % 2 + 1))
    took.append(time.time() - at)
usual = sorted(took)[2]
for i in range(4 * int(kills)):
    if killed == int(kills): break
    old = run("anchor", "show", "f2b/k").stdout
    n = n % 200 + 1
    p = subprocess.Popen([ptfw, "anchor", "load", "f2b/k"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    p.stdin.write(rules(n))
    p.stdin.close()
    time.sleep(usual * random.random() ** 4)
    p.kill()
    killed += p.wait() == -9
    now = run("anchor", "show", "f2b/k").stdout
    if now not in (old, rules(n)): print("kill %d: %r" % (i, now))
    d = run("diff", "-f", conf)
    if d.returncode: print("kill %d: %s%s" % (i, d.stdout, d.stderr))
    print(now == old and "before" or "after", file=sys.stderr)
print(killed)
PY
seed=${PATRONUS_SEED:-$(date +%s)}
diag "PATRONUS_SEED=$seed"
is "$(in_ns fw python3 "$lab_tmp/kill.py" "$ptfw" "$conf" "$seed" 60 2>"$lab_tmp/kills")" 60 \
	'hostile-33: killed 60 times, there are the old rules or the new ones, and what is shown is what is in force'
diag "$(grep -c before "$lab_tmp/kills") times the old ones, $(grep -c after "$lab_tmp/kills") times the new ones"
is "$(in_ns fw find /run/patronus/applied -name '*.conf' | wc -l)" "$(in_ns fw find /run/patronus/applied -name '*.conf' -size -20k | wc -l)" 'copies are small'

# ---- copies that somebody changed ----
list=$(in_ns fw grep -l 'patronus list' -r /run/patronus/applied | head -n 1)
in_ns fw sh -c "for f in /run/patronus/applied/*; do printf x >>\$f; done"
exits 2 'a changed copy' pt apply -f "$conf"
like "$tap_out" 'was changed' 'is no reason to lose what it holds'
in_ns fw sh -c 'rm /run/patronus/applied/*'
ok 'without a copy the file is applied' pt apply -f "$conf"
like "$tap_out" 'what programs loaded into anchors is lost' 'and the loss told'
[ -n "$list" ] || fail 'there was a list'

# ---- cost ----
awk 'BEGIN {
	print "interface wan { device = \"eth0\" }"; print "firewall { rules = { \"block\", \"pass in quick on wan proto udp to port 5000\","
	for (i = 0; i < 10000; i++)
		printf "\"pass in on wan proto tcp from 10.%d.%d.0/28 to port %d\",\n", i / 250, i % 250, 1000 + i % 900
	print "\"anchor f2b in on wan\", \"pass out\" } }" }' >"$lab_tmp/long.conf"
ms() { date +%s%3N; }
a=$(ms); ok 'a file of 10,000 rules' pt -q apply -f "$lab_tmp/long.conf"; b=$(ms)
for r in 'block in from 10.0.0.66\n' 'block in quick from <none>\n' 'block in from 10.0.0.67\n'; do
	c=$(ms); load f2b "$r" >/dev/null 2>&1; d=$(ms)
	diag "10,000 rules: apply $((b - a)) ms, loading '${r%%\\n}' $((d - c)) ms"
done
for engine in linear nft; do
	ok "engine $engine" pt -q apply --engine $engine -f "$lab_tmp/long.conf"
	ok 'a load' load f2b 'block in from 10.0.0.70\n'
	is "$(pt info -j | jq -r '.info[0].engine // .engine')" $engine 'leaves the engine that was asked for'
done
pt -q apply -f "$conf"
i=0
while [ $((i += 1)) -le 200 ]; do echo "block in quick proto tcp from 192.0.2.$i to port $i"; done >"$lab_tmp/rules"
ok 'many rules where there were few' pt anchor load f2b/many --file "$lab_tmp/rules"
exits 0 'are those of the usual engine, as an apply would have it' pt diff -f "$conf"
ok 'and away' pt anchor flush f2b/many
exits 0 'alike' pt diff -f "$conf"
pt -q apply -f "$lab_tmp/long.conf"
writes=$(printf 'block in from 10.0.0.68\n' | in_ns fw "$ptfw" anchor load f2b -n -j | jq '.operations | length' 2>/dev/null)
diag "operations for one exchanged rule: ${writes:-?}"
ok 'one exchanged rule is a few operations' [ "${writes:-1000}" -lt 30 ]
done_testing
