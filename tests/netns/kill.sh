#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hostile-33: apply is killed at any moment. What the kernel holds then is one of the two versions in whole,
# and nothing that the dead one left behind keeps the next command from its work.
#
#   PATRONUS_SEED=N   other moments
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs perl
lab_ns fw

for v in a b; do
	cat >"$lab_tmp/$v.conf" <<-CONF
		interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
		table t { file = "$v.list" }
		firewall { rules = { "block all label closed", "block in from <t> label $v",
			"pass in on wan proto tcp to self port 80 label web-$v" } }
	CONF
done
awk 'BEGIN { for (i = 0; i < 2000; i++) printf "11.0.%d.%d\n", i / 128, (i * 2) % 256 }' >"$lab_tmp/a.list"
awk 'BEGIN { for (i = 0; i < 2000; i++) printf "2001:db8::%x:%x\n", i / 128, (i * 2) % 256 }' >"$lab_tmp/b.list"

# One line for each kill: "KIND WHAT"; KIND is before, after (the commit), done (it was over), or wrong.
# The moments are uniform within the median time of an apply that nobody disturbs.
cat >"$lab_tmp/kill.pl" <<'PERL'
use strict;
use warnings;
use Time::HiRes qw(time usleep);

my ($ptfw, $dir, $seed, $kills) = @ARGV;
srand($seed);

sub start {
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	open STDOUT, '>', "$dir/out" or die;
	open STDERR, '>&', \*STDOUT or die;
	exec $ptfw, @_ or die "exec: $!";
}
sub run { waitpid start(@_), 0; return $?; }
sub said { local (@ARGV, $/) = "$dir/out"; return <> =~ tr/\n/ /r; }

my @took;
for my $i (0 .. 10) {
	my $from = time;
	run('apply', '-f', "$dir/" . ($i % 2 ? 'b' : 'a') . '.conf') == 0 or die "apply: " . said();
	push @took, time - $from;
}
my $usual = (sort { $a <=> $b } @took)[5];
printf "usual %.1f ms\n", $usual * 1000;
my $old = 'a';
my $killed = 0;
for (my $i = 1; $killed < $kills && $i <= 4 * $kills; $i++) {
	my $new = $old eq 'a' ? 'b' : 'a';
	my $at = rand $usual;
	my $pid = start('apply', '-f', "$dir/$new.conf");
	usleep $at * 1e6;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	my $dead = $? == 9;
	$killed += $dead;
	my %same = map { $_ => run('diff', '-f', "$dir/$_.conf") } qw(a b);
	my $now = $same{a} == 0 ? 'a' : $same{b} == 0 ? 'b' : '';
	if (!$now || $same{a} + $same{b} != 3 << 8) {
		print "wrong kill $i: diff says a $same{a}, b $same{b}: ", said(), "\n";
		last;
	}
	if (run('rule', 'show') || said() !~ /label web-$now/) {
		print "wrong kill $i: rules of $now: ", said(), "\n";
	}
	printf "%s %d %.1f ms\n", !$dead ? 'done' : $now eq $new ? 'after' : 'before', $i, $at * 1000;
	$old = $now;
}
PERL

seed=${PATRONUS_SEED:-$(date +%s)}
kills=200
diag "PATRONUS_SEED=$seed"
in_ns fw perl "$lab_tmp/kill.pl" "$ptfw" "$lab_tmp" "$seed" "$kills" >"$lab_tmp/kills" 2>&1
is "$?" 0 'hostile-33: apply was killed again and again'
count() { grep -c "^$1 " "$lab_tmp/kills"; }
diag "$(grep '^usual' "$lab_tmp/kills"): $(count before) kills before the commit, $(count after) after it, $(count 'done') too late"
is "$(grep '^wrong' "$lab_tmp/kills")" '' 'hostile-33: the kernel holds one version in whole, and its rules can be shown'
is "$(grep -Ec '^(before|after) ' "$lab_tmp/kills")" "$kills" "hostile-33: after each of $kills kills"
ok 'hostile-33: some came before the commit' [ "$(count before)" -gt 0 ]
ok 'hostile-33: some came after it' [ "$(count after)" -gt 0 ]

# ---- what the dead left behind ----
for v in a b; do
	ok "hostile-33: the lock is free: version $v" in_ns fw "$ptfw" apply -f "$lab_tmp/$v.conf"
	exits 0 "hostile-33: and nothing differs from it" in_ns fw "$ptfw" diff -f "$lab_tmp/$v.conf"
done
for v in a b; do
	ok "hostile-33: the copy of version $v is whole" in_ns fw cmp "$lab_tmp/$v.conf" \
		"/run/patronus/applied/$(sha256sum <"$lab_tmp/$v.conf" | cut -d' ' -f1).conf"
done
# Half-written copies have names of their own, that nobody reads.
diag "half-written copies left: $(in_ns fw find /run/patronus/applied -name '.*.conf.*' | wc -l)"
done_testing
