#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# hostile-33: apply, confirm and rollback of everything are killed at any moment. With the next command one of the two versions is in
# force in every subsystem, and it is the one that the history calls confirmed; no file is empty or half written.
#
#   PATRONUS_SEED=N   other moments
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
needs perl
lab_ns fw

for v in a b; do
	case $v in a) forward=true ;; *) forward=false ;; esac
	cat >"$lab_tmp/$v.conf" <<-CONF
		system { forwarding = $forward }
		interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }
		table learned { persist = true }
		firewall { rules = { "block all label closed", "block in from <learned>", "pass in on wan proto tcp to self port 80 label web-$v" } }
	CONF
done

# One line for each kill: "KIND COMMAND"; KIND is old, new, done (it was over), or wrong. The moments are uniform within the
# usual time of the command.
cat >"$lab_tmp/kill.pl" <<'PERL'
use strict;
use warnings;
use Time::HiRes qw(time usleep);

my ($ptconf, $ptfw, $dir, $seed, $kills) = @ARGV;
my $state = '/var/lib/patronus';
srand($seed);

sub start {
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	open STDOUT, '>', "$dir/out" or die;
	open STDERR, '>&', \*STDOUT or die;
	exec @_ or die "exec: $!";
}
sub run { waitpid start($ptconf, @_), 0; return $? >> 8; }
sub said { local (@ARGV, $/) = "$dir/out"; return <> // ''; }
sub slurp { local (@ARGV, $/) = @_; my $text = <>; return $text; }

my @commands = (
	[ 'apply', sub { ('apply', '-f', "$dir/$_[0].conf") }, sub { } ],
	[ 'window', sub { ('apply', '-f', "$dir/$_[0].conf", '--confirm', 100) }, sub { } ],
	[ 'confirm', sub { 'confirm' }, sub { run('apply', '-f', "$dir/$_[0].conf", '--confirm', 100) } ],
	[ 'undo', sub { 'rollback' }, sub { run('apply', '-f', "$dir/$_[0].conf", '--confirm', 100) } ],
	[ 'back', sub { ('rollback', 1) }, sub { } ],
);

# What is in force: the version, or what is wrong.
sub version {
	my %same = map { $_ => run('diff', '-f', "$dir/$_.conf") } qw(a b);
	my $now = $same{a} == 0 ? 'a' : $same{b} == 0 ? 'b' : '';
	return "diff says a $same{a}, b $same{b}: " . said() if !$now || $same{a} + $same{b} != 3;
	my $forwards = slurp('/proc/sys/net/ipv4/ip_forward') + 0;
	return "rules of $now, forwarding $forwards" if $forwards != ($now eq 'a');
	waitpid start($ptfw, 'table', 'test', 'learned', '192.0.2.1', '2001:db8::1'), 0;
	return "what was learned is lost: " . said() if $?;
	return $now;
}

sub files {
	for my $f (glob("$state/history/*"), "$state/confirmed") {
		return "empty: $f" if !-s $f && $f !~ /\.next$/;
	}
	return run('history') == 0 && said() !~ /damaged/ ? '' : 'damaged: ' . said();
}

sub settle {
	run('status');
	my $text = said();
	if ($text =~ /^pending/m) {
		return "pending, and still being put in force: $text" if $text =~ /being put in force/;
		my $how = rand() < 0.5 ? 'confirm' : 'rollback';
		run($how) == 0 or return "$how: " . said();
		run('status');
		$text = said();
	}
	return "status: $text" if $text =~ /^pending/m || $text !~ /^confirmed (r\d+)\nin force  \1,/;
	return '';
}

run('apply', '-f', "$dir/a.conf") == 0 or die said();
waitpid start($ptfw, 'table', 'add', 'learned', '192.0.2.1', '2001:db8::/32'), 0;
my %usual;
my $old = 'a';
for my $c (@commands) {
	my @took;
	for (1 .. 7) {
		my $new = $old eq 'a' ? 'b' : 'a';
		$c->[2]->($new);
		my $from = time;
		run($c->[1]->($new));
		push @took, time - $from;
		my $wrong = settle();
		die "$c->[0]: $wrong" if $wrong;
		$old = version();
		die "$c->[0]: $old" if length $old > 1;
	}
	$usual{$c->[0]} = (sort { $a <=> $b } @took)[3];
	printf "usual %s %.1f ms\n", $c->[0], $usual{$c->[0]} * 1000;
}
my $killed = 0;
for (my $i = 1; $killed < $kills && $i <= 4 * $kills; $i++) {
	my $c = $commands[rand @commands];
	my $new = $old eq 'a' ? 'b' : 'a';
	$c->[2]->($new);
	my $pid = start($ptconf, $c->[1]->($new));
	usleep rand($usual{$c->[0]}) * 1e6;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	my $dead = $? == 9;
	$killed += $dead;
	my $wrong = settle() || files();
	my $now = $wrong ? '' : version();
	if ($wrong || length $now > 1) {
		print "wrong $c->[0] at kill $i: ", ($wrong || $now) =~ tr/\n/ /r, "\n";
		last;
	}
	printf "%s %s\n", !$dead ? 'done' : $now eq $old ? 'old' : 'new', $c->[0];
	$old = $now;
}
PERL

seed=${PATRONUS_SEED:-$(date +%s)}
kills=500
diag "PATRONUS_SEED=$seed"
in_ns fw perl "$lab_tmp/kill.pl" "$build/ptconf" "$build/ptfw" "$lab_tmp" "$seed" "$kills" >"$lab_tmp/kills" 2>&1
is "$?" 0 'hostile-33: apply, confirm and rollback were killed again and again'
count() { grep -c "^$1 " "$lab_tmp/kills"; }
diag "$(grep '^usual' "$lab_tmp/kills" | sed 's/^usual //' | tr '\n' ';') $(count old) kills left what was, $(count new) what came, $(count 'done') came too late"
grep -E -v '^(old|new|done|usual) ' "$lab_tmp/kills" | head -n 5 | while read -r line; do diag "$line"; done
is "$(grep -c '^wrong' "$lab_tmp/kills")" 0 'hostile-33: with the next command one version is in force everywhere, and is the confirmed one'
is "$(grep -Ec '^(old|new) ' "$lab_tmp/kills")" "$kills" "hostile-33: after each of $kills kills"
for what in apply window confirm undo back; do
	ok "hostile-33: $what was killed, too" grep -Eq "^(old|new) $what" "$lab_tmp/kills"
done
lab_wait 5 in_ns fw sh -c 'exit 0'
is "$(in_ns fw find /var/lib/patronus -maxdepth 1 -name 'window*' -o -name 'snapshot*' -maxdepth 1)" '' 'hostile-33: nothing waits at the end'
done_testing
