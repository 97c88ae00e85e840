#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rules of arriving packets change one at a time, each by an apply that reads no other (see patch.sh), and real packets of both families
# follow at once: what passed is blocked and the other way round, counters of what is new begin at nothing, and what is established
# goes on. Then the apply is killed at any moment: for packets it is the old rule or the new one, and the next apply mends the rest.
#
#   PATRONUS_SEED=N   other moments
#
#     lan 10.1.0.2 fd01::2 ---- eth1 [ fw ] eth0 ---- 10.0.0.2 fd00::2 out
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
needs python3 perl nft tc jq

lab_ns fw out lan
lab_link fw eth0 out eth0
lab_link fw eth1 lan eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_addr fw eth1 10.1.0.1/24 fd01::1/64
lab_addr lan eth0 10.1.0.2/24 fd01::2/64
for via in 10.0.0.1 fd00::1; do lab_route out default via $via; done
for via in 10.1.0.1 fd01::1; do lab_route lan default via $via; done
lab_forward fw
lab_settle fw out lan
pt() { in_ns fw "$ptfw" "$@"; }
chains() { in_ns fw nft list chains inet | grep -c 'chain ptfw\.applied\.'; }

# file NAME ACTION [MORE]: 90 rules; those for the ports 5000 (UDP) and 5001 (TCP) have that action and MORE behind.
file()
{
	{
		echo 'interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }'
		echo 'interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }'
		echo 'firewall { rules = { "block", "pass out",'
		awk 'BEGIN { for (i = 0; i < 86; i++) printf "\"pass in on wan proto udp from 10.77.%d.0/24 to any port 9\",\n", i }'
		for rule in 'inet proto udp to any port 5000' 'inet6 proto udp to any port 5000' 'inet proto tcp to any port 5001 flags any' \
			'inet6 proto tcp to any port 5001 flags any'; do
			case $rule in
			"$1"*) printf '"%s in on lan %s%s",\n' "$2" "$rule" "${3:+ $3}" ;;
			*) printf '"pass in on lan %s",\n' "$rule" ;;
			esac
		done
		echo '} }'
	} >"$lab_tmp/$4"
}
# word PROTO ADDRESS PORT: answered or not
word() { in_ns lan "$peer" "$1" "$2" "$3" 2>&1 | cut -d' ' -f1; }
counted() { pt rule show -sj | jq --arg what "$1" '[.rules[] | select(.rule | contains($what)) | .packets] | add'; }

lab_bg out "$peer" serve out udp/5000 tcp/5001
# A flow of each kind that goes on all the time, and says how far it came.
cat >"$lab_tmp/flows.py" <<'PY'
import os, socket, sys, threading, time
folder, where = sys.argv[1:3]
def serve(kind):
    s = socket.socket(socket.AF_INET6, kind)
    s.bind(("::", 6000))
    if kind == socket.SOCK_DGRAM:
        while True:
            data, who = s.recvfrom(99); s.sendto(data, who)
    s.listen(9)
    def echo(c):
        while True: c.sendall(c.recv(99))
    while True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
def flow(kind, to):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, kind)
    s.settimeout(1)
    s.connect((to, 6000))
    n = 0
    while True:
        s.send(b"x")
        try: n += len(s.recv(99))
        except socket.timeout: pass
        with open("%s/flow.%d.%s" % (folder, kind, "6" if ":" in to else "4"), "w") as f: f.write("%d\n" % n)
        time.sleep(0.02)
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    for to in ("10.0.0.2", "fd00::2") if where == "lan" else ("",):
        threading.Thread(target=flow if to else serve, args=(kind, to) if to else (kind,), daemon=True).start()
open("%s/ready.%s" % (folder, where), "w").close()
threading.Event().wait()
PY

file '' pass '' a
for kind in 'inet proto udp' 'inet6 proto udp' 'inet proto tcp' 'inet6 proto tcp'; do file "$kind" block '' "b.$(echo "$kind" | tr ' ' .)"; done
# The flows' own rule, which takes part in everything.
sed -i 's/"pass out",/"pass out", "pass in on lan proto { udp, tcp } to any port 6000",/' "$lab_tmp"/a "$lab_tmp"/b.*
pt -q apply -f "$lab_tmp/a" || fail 'the first apply'
lab_bg out python3 "$lab_tmp/flows.py" "$lab_tmp" out
lab_wait 5 test -e "$lab_tmp/ready.out"
lab_bg lan python3 "$lab_tmp/flows.py" "$lab_tmp" lan
begun() { for f in 1.4 1.6 2.4 2.6; do [ "$(cat "$lab_tmp/flow.$f")" -gt 2 ] || return 1; done; }
ok 'flows of both families' lab_wait 5 begun

# ---- each kind: pass, block, pass ----
for kind in 'inet proto udp' 'inet6 proto udp' 'inet proto tcp' 'inet6 proto tcp'; do
	proto=${kind##* }
	port=$([ "$proto" = udp ] && echo 5000 || echo 5001)
	to=$([ "${kind%% *}" = inet ] && echo 10.0.0.2 || echo fd00::2)
	this="on lan $kind to any port $port"
	for round in 1 2; do
		is "$(word "$proto" "$to" "$port")" answered "$kind passes, round $round"
		isnt "$(counted "$this")" 0 "$kind: and counts"
		before=$(chains)
		pt -q apply -f "$lab_tmp/b.$(echo "$kind" | tr ' ' .)" || fail "$kind: block"
		is "$(chains)" $((before + 1)) "$kind: blocked in the short way"
		is "$(counted "$this")" 0 "$kind: it counts from nothing"
		isnt "$(word "$proto" "$to" "$port")" answered "$kind is blocked, round $round"
		isnt "$(counted "$this")" 0 "$kind: and counts those"
		is "$(counted 10.77.3.)" 0 "$kind: no other rule does"
		[ "$(chains)" -lt 14 ] || pt -q apply --engine linear -f "$lab_tmp/a"
		[ "$(chains)" -gt 0 ] || pt -q apply -f "$lab_tmp/b.$(echo "$kind" | tr ' ' .)"
		before=$(chains)
		pt -q apply -f "$lab_tmp/a" || fail "$kind: pass"
		is "$(chains)" $((before + 1)) "$kind: passed in the short way"
		is "$(counted "$this")" 0 "$kind: it counts from nothing again"
	done
done
for f in 1.4 1.6 2.4 2.6; do cp "$lab_tmp/flow.$f" "$lab_tmp/flow.$f.old"; done

# ---- the rule of what is established ----
sed 's/pass in on lan proto { udp, tcp }/block in on lan proto { udp, tcp }/' "$lab_tmp/a" >"$lab_tmp/c"
pt -q apply -f "$lab_tmp/c"
goes_on() { for f in 1.4 1.6 2.4 2.6; do [ "$(cat "$lab_tmp/flow.$f")" -gt $(($(cat "$lab_tmp/flow.$f.old") + 10)) ] || return 1; done; }
ok 'established flows go on' lab_wait 10 goes_on
pt -q apply -f "$lab_tmp/a"

# ---- killed ----
# One line for each kill: "KIND WHAT"; KIND is before, after (it was in force), done (it was over), or wrong.
cat >"$lab_tmp/kill.pl" <<'PERL'
use strict;
use warnings;
use Time::HiRes qw(time usleep);

my ($ptfw, $dir, $seed, $kills, $lan, $peer) = @ARGV;
srand($seed);
my %file = (a => "$dir/a", b => "$dir/b.inet.proto.udp");

sub start {
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	open STDOUT, '>', "$dir/said" or die;
	open STDERR, '>&', \*STDOUT or die;
	exec @_ or die "exec: $!";
}
sub run { waitpid start(@_), 0; return $?; }
sub apply { return run($ptfw, '-q', 'apply', '-f', $file{$_[0]}); }
sub said { local (@ARGV, $/) = "$dir/said"; return (<> // '') =~ tr/\n/ /r; }
sub chains { return scalar grep { /chain ptfw\.applied\.\d/ } `nft list chains inet`; }
sub passes { return `nsenter -n -t $lan $peer udp 10.0.0.2 5000 2>&1` =~ /^answered/ ? 'a' : 'b'; }

my ($usual, $killed, $old) = (0, 0, 'a');
for my $i (0 .. 10) {
	apply($old = $old eq 'a' ? 'b' : 'a') == 0 or die "apply: " . said();
	my $from = time;
	apply($old = $old eq 'a' ? 'b' : 'a') == 0 or die "apply: " . said();
	$usual = time - $from if !$usual || time - $from < $usual;
}
for (my $i = 1; $killed < $kills && $i <= 6 * $kills; $i++) {
	my $new = $old eq 'a' ? 'b' : 'a';
	my $at = rand 1.3 * $usual;
	my $pid = start($ptfw, '-q', 'apply', '-f', $file{$new});
	usleep $at * 1e6;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	my $dead = $? == 9;
	$killed += $dead;
	# The tables may be ahead of the note; packets know one of the two.
	my $now = $i % 10 ? '' : passes();
	my $next = rand() < 0.5 ? 'a' : 'b';
	if (apply($next) != 0) {
		print "wrong apply after kill $i: ", said(), "\n";
	}
	if (run($ptfw, 'diff', '-f', $file{$next}) != 0) {
		print "wrong diff after kill $i: ", said(), "\n";
	}
	print "wrong packets after kill $i\n" if $i % 10 == 0 && passes() ne $next;
	printf "%s %d %.1f ms %s\n", $dead ? 'killed' : 'done', $i, $at * 1000, $now;
	$old = $next;
}
PERL

elements() { for map in in.pass in.act; do in_ns fw nft -j list map inet patronus $map | jq '[.nftables[] | .map? // empty | .elem[]?] | length'; done | awk '{ n += $1 } END { print n }'; }
pt -q apply --engine linear -f "$lab_tmp/a"
pt -q apply -f "$lab_tmp/a"
whole=$(elements)
seed=${PATRONUS_SEED:-$(date +%s)}
kills=150
diag "PATRONUS_SEED=$seed"
in_ns fw perl "$lab_tmp/kill.pl" "$ptfw" "$lab_tmp" "$seed" "$kills" "$(cat "$lab_tmp/lan.pid")" "$peer" >"$lab_tmp/kills" 2>&1
is "$?" 0 'the apply was killed again and again'
is "$(grep -vE '^(killed|done) ' "$lab_tmp/kills" | head -n 5)" '' 'and the next one mends it'
is "$(grep -c '^killed' "$lab_tmp/kills")" "$kills" "after each of $kills kills"
diag "$(grep -c '^killed.* a$' "$lab_tmp/kills") times packets passed after it, $(grep -c '^killed.* b$' "$lab_tmp/kills") times they did not"
in_ns fw nft add table ip foreign
pt -q apply -f "$lab_tmp/b.inet.proto.udp"
pt -q apply --engine bpf -v -f "$lab_tmp/a" >/dev/null
is "$(elements) $(chains)" "$whole 0" 'nothing is left behind after an apply of all'
done_testing
