#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The real fail2ban and firewalld beside us, as Debian has them: what they write is theirs, and stays so over a hundred applies, to
# the byte and to the handle; ours stays over their bans, reloads, and ends. neighbours.sh has others' tables by heart; here the
# programs write them. They are unpacked, never installed: installed, they would begin to filter this machine.
#
#   daemons.sh       tests; what is not there is told and skipped
#   daemons.sh -P    fetches the packages with apt and unpacks them in the cache, and stops
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
cache=${XDG_CACHE_HOME:-/var/cache}/patronus-daemons
if [ "${1:-}" = -P ]; then
	set -e
	rm -rf "$cache.new"
	mkdir -p "$cache.new/root"
	cd "$cache.new"
	apt-get -q -o APT::Sandbox::User=root download fail2ban firewalld python3-firewall python3-nftables isc-dhcp-server
	for deb in *.deb; do dpkg-deb -x "$deb" root; done
	rm -rf "$cache" ./*.deb
	mv "$cache.new" "$cache"
	exit
fi
ptfw=${PTFW:-$build/ptfw}
peer=$build/contrib/demo/peer
root=$cache/root
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
needs nft
[ -x "$root/usr/sbin/firewalld" ] || skip_all "needs fail2ban and firewalld unpacked: $0 -P"

lab_ns fw out
lab_link fw eth0 out eth0
lab_addr fw eth0 10.0.0.1/24 fd00::1/64
lab_addr out eth0 10.0.0.2/24 fd00::2/64
lab_settle fw out
lab_bg fw "$peer" serve fw tcp/22 tcp/80
word() { in_ns out "$peer" tcp "$1" "$2" 2>&1 | cut -d' ' -f1; }
words() { printf '%s %s' "$(word 10.0.0.1 "$1")" "$(word fd00::1 "$1")"; }
ours() { in_ns fw nft -n list table inet patronus | sed 's/packets [0-9]* bytes [0-9]*//'; }
theirs()
{
	in_ns fw nft -n -a list ruleset | awk '/^table /{ours = $3 ~ /^patronus/} !ours' | sed 's/packets [0-9]* bytes [0-9]*//'
}
listens() { [ "$(words 80)" = 'answered answered' ]; }
ok 'somebody listens' lab_wait 5 listens

cat >"$lab_tmp/a.conf" <<'CONF'
interface wan { device = "eth0" }
firewall { rules = { "block all", "pass in on wan proto tcp to self port { 22, 80 }" } }
CONF
sed 's/80 }/80, 443 }/' "$lab_tmp/a.conf" >"$lab_tmp/b.conf"
# The python of Debian, which has its modules.
python() { in_ns fw env PYTHONPATH="$root/usr/lib/python3/dist-packages" DBUS_SYSTEM_BUS_ADDRESS="$bus" /usr/bin/python3 "$@"; }
python_bg() { lab_bg fw env PYTHONPATH="$root/usr/lib/python3/dist-packages" DBUS_SYSTEM_BUS_ADDRESS="$bus" /usr/bin/python3 "$@"; }
bus=unix:path=/run/bus

# A hundred applies beside WHO, of both engines.
hundred()
{
	before=$(theirs)
	like "$before" 'hook input' "$1: it has its chains"
	failed=0
	for engine in nft bpf; do
		i=0
		while [ "$i" -lt 25 ]; do
			for file in b a; do
				in_ns fw "$ptfw" -q apply --engine "$engine" -f "$lab_tmp/$file.conf" || failed=$((failed + 1))
			done
			i=$((i + 1))
		done
	done
	is "$failed" 0 "$1: a hundred applies"
	is "$(theirs)" "$before" "$1: what it wrote is the same, byte for byte, with its handles"
	mine=$(ours)
}

unharmed()
{
	is "$(ours)" "$mine" "$1"
	exits 0 "$1: diff finds nothing" in_ns fw "$ptfw" diff --engine bpf -f "$lab_tmp/a.conf"
}

# ---- fail2ban ----
ban() { python "$root/usr/bin/fail2ban-client" -c "$lab_tmp/f2b" -s /run/f2b.sock "$@"; }
banned() { theirs | grep -q 'elements = .*10\.0\.0\.2' && theirs | grep -q 'elements = .*fd00::2'; }
free() { ! banned; }
fail2ban()
{
	cp -r "$root/etc/fail2ban" "$lab_tmp/f2b"
	rm -f "$lab_tmp"/f2b/jail.d/*
	: >"$lab_tmp/auth.log"
	cat >"$lab_tmp/f2b/jail.local" <<-JAIL
		[DEFAULT]
		banaction = nftables-multiport
		backend = polling
		[sshd]
		enabled = true
		filter = sshd
		logpath = $lab_tmp/auth.log
	JAIL
	python_bg "$root/usr/bin/fail2ban-server" -c "$lab_tmp/f2b" -s /run/f2b.sock -p /run/f2b.pid -f \
		--logtarget "$lab_tmp/f2b.log" start >"$lab_tmp/f2b.out" 2>&1
	server=$lab_last
	lab_wait 30 ban ping || {
		fail 'fail2ban: it runs'
		diag "$(cat "$lab_tmp/f2b.out" "$lab_tmp/f2b.log")"
		return
	}
	in_ns fw "$ptfw" -q apply --engine bpf -f "$lab_tmp/a.conf"
	mine=$(ours)
	# Failures that it reads, as sshd writes them.
	for i in 1 2 3 4 5 6; do
		date "+%b %e %H:%M:%S fw sshd[$i]: Failed password for root from 10.0.0.2 port 4000$i ssh2"
		date "+%b %e %H:%M:%S fw sshd[10$i]: Failed password for root from fd00::2 port 4000$i ssh2"
	done >>"$lab_tmp/auth.log"
	ok 'fail2ban: bans who fails' lab_wait 30 banned
	unharmed 'fail2ban: a ban leaves ours as it was'
	is "$(words 22), $(words 80)" 'refused refused, answered answered' 'fail2ban: whom it bans is refused, although we admit him'
	hundred fail2ban
	is "$(words 22), $(words 80)" 'refused refused, answered answered' 'fail2ban: and is after them'
	ok 'fail2ban: reload' ban reload
	ok 'fail2ban: it bans again' lab_wait 30 banned
	unharmed 'fail2ban: its reload leaves ours as it was'
	ok 'fail2ban: forgives' ban unban --all
	ok 'fail2ban: nobody is banned' lab_wait 30 free
	is "$(words 22)" 'answered answered' 'fail2ban: then he is admitted again'
	lab_stop "$server"
	is "$(theirs)" '' 'fail2ban: ends, and takes its table with it'
	unharmed 'fail2ban: its end leaves ours as it was'
}
fail2ban

# ---- firewalld ----
cmd() { python "$root/usr/bin/firewall-cmd" -q "$@"; }
firewalld()
{
	{ /usr/bin/python3 -c 'import dbus, gi' && command -v dbus-daemon; } >/dev/null 2>&1 || {
		skip 'needs dbus-daemon, python3-dbus and python3-gi' 'firewalld'
		return
	}
	mkdir "$lab_tmp/fwd"
	cp -r "$root/etc/firewalld/." "$lab_tmp/fwd"
	cat >"$lab_tmp/bus.conf" <<-BUS
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig><type>system</type><listen>$bus</listen><auth>EXTERNAL</auth>
		<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
		</busconfig>
	BUS
	lab_bg fw dbus-daemon "--config-file=$lab_tmp/bus.conf" --nofork --nopidfile --nosyslog >"$lab_tmp/bus.out" 2>&1
	lab_wait 10 in_ns fw test -S "${bus#*=}"
	python_bg "$root/usr/sbin/firewalld" --nofork --nopid --default-config "$root/usr/lib/firewalld" --system-config "$lab_tmp/fwd" \
		--log-target file --log-file "$lab_tmp/fwd.log" >"$lab_tmp/fwd.out" 2>&1
	server=$lab_last
	lab_wait 30 cmd --state || {
		fail 'firewalld: it runs'
		diag "$(cat "$lab_tmp/bus.out" "$lab_tmp/fwd.out" "$lab_tmp/fwd.log")"
		return
	}
	unharmed 'firewalld: its start leaves ours as it was'
	is "$(words 22), $(words 80)" 'answered answered, unreachable unreachable' 'firewalld: what it does not admit is refused, although we do'
	ok 'firewalld: admits a service' cmd --add-service=http
	is "$(words 80)" 'answered answered' 'firewalld: what both admit passes'
	ok 'firewalld: admits another port' cmd --add-port=8080/tcp
	is "$(words 8080)" 'silence silence' 'firewalld: what we block it cannot admit'
	hundred firewalld
	is "$(words 22), $(words 80)" 'answered answered, answered answered' 'firewalld: and all is as before'
	ok 'firewalld: reload' cmd --reload
	unharmed 'firewalld: its reload leaves ours as it was'
	is "$(words 80)" 'unreachable unreachable' 'firewalld: it forgot the service'
	ok 'firewalld: complete reload' cmd --complete-reload
	unharmed 'firewalld: a complete one, too'
	lab_stop "$server"
	is "$(theirs)" '' 'firewalld: ends, and takes its tables with it'
	unharmed 'firewalld: its end leaves ours as it was'
	is "$(words 80), $(words 8080)" 'answered answered, silence silence' 'our rules are in force'
}
firewalld
done_testing
