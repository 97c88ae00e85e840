#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The console in the hands of somebody who is in a hurry, and of somebody who means it harm: programs behind `|` that do not end, what
# stands at each place, texts that no keyboard has, files and limits that are not as they should be.
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
top=$PWD
build=${PATRONUS_BUILD:-$PWD/build}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
[ -n "$lab_mounts" ] || skip_all 'the kernel does not let mounts be private here'
command -v python3 >/dev/null || skip_all 'needs python3'
lab_ns fw
chmod 755 "$lab_tmp"
mkdir -m 755 "$lab_tmp/etc" "$lab_tmp/home"
cat >"$lab_tmp/etc/patronus.conf" <<'CONF'
interface wan { device = "eth0" description = "to the provider" }
interface lan { device = "eth1" }
table bad { addresses = { "192.0.2.1" } }
firewall { rules = {
	"block label all",
	"pass out label out",
	"pass in on wan proto tcp to self port 22 label ssh",
	"pass in on wan proto tcp to self port 80",
} }
CONF
chmod 600 "$lab_tmp/etc/patronus.conf"
in_ns fw ip link add eth0 type veth peer name eth1

cat >"$lab_tmp/hostile.py" <<'PY'
import os, sys, time
sys.path.insert(0, sys.argv[1] + '/tests/lib')
from console import Console, told

ptsh, folder = sys.argv[2] + '/ptsh', sys.argv[3]
file = folder + '/etc/patronus.conf'
home = {'HOME': folder + '/home'}


def console(*words, **more):
    c = Console([ptsh, '-f', file, *words], home, **more)
    if not c.wait('[>#] $'):
        told(False, 'a prompt', c.text())
    return c


# ---- programs behind | ----
c = console()
c.type('help | !"trap \'\' INT; echo deaf; while :; do sleep 0.1; done"\r')
told(c.wait('^deaf'), 'a program that takes no Ctrl-C', c.text())
c.type('\x03')
told(c.wait('> $', 15), 'is ended after a while, and the console is back', c.text())
c.type('help | !yes | !"trap \'\' INT; sleep 1000; sleep 1000"\r')
time.sleep(1)
c.type('\x03')
told(c.wait('> $', 15), 'also when it does not read what another one writes', c.text())
c.type('help | !"trap \'\' INT; sleep 1000; sleep 1000" | count\r')
time.sleep(0.5)
c.type('\x03\x03\x03')
told(c.wait('> $', 15), 'or at the third time', c.text())
c.type('help | !cat | match configure | !tr a-z A-Z | count\r')
told(c.wait('^1\n'), 'programs and stages in any order', c.text())
c.type('fw ?')
told(c.wait('rule') and not c.wait('nothing is known', 0.1), 'and all is as it was', c.text())
c.close()

# ---- what may stand at a place ----
c = console()
c.type('help | ?')
told(c.wait('!  *COMMAND'), '? knows programs', c.text())
c.type('!?')
told(c.wait('COMMAND: a program'), 'and what stands behind the sign', c.text())
c.type('\x15configure\r')
c.wait('# $')
c.type('set interface ?')
told(c.wait('wan +to the provider') and c.wait('lan +eth1') and c.wait('NAME: 1 to 15 letters'), '? of names tells what they are', c.text())
c.type('\x15set interface wan mtu ?')
told(c.wait('68 to 65535.*MTU|68 to 65535'), '? of a number tells its range', c.text())
c.type('\x15insert firewall rules pass in quick proto tcp label new ?')
told(c.wait('^  before ') and c.wait('^  after '), 'insert: behind a rule comes its place', c.text())
c.type('bef\t')
told(c.wait('before '), 'which completes', c.text())
c.type('?')
told(c.wait('^  ssh +pass in on wan') and c.wait('^  4 +pass in on wan'), 'then a rule, by its label or its number', c.text())
c.type('ss\t\r')
c.wait('# $')
c.type('show firewall | no-more\r')
told(c.wait('label out".*label new".*label ssh"'), 'and it is there', c.text())
c.type('insert table bad addresses 192.0.2.2 before ?')
told(c.wait('^  192.0.2.1'), 'of other lists their elements', c.text())
c.type('\x15exit discard\r')
c.wait('> $')
c.close()
PY
in_ns fw python3 "$lab_tmp/hostile.py" "$top" "$build" "$lab_tmp" >"$lab_tmp/told" 2>&1 || echo "fail it ended early" >>"$lab_tmp/told"
while read -r how name; do
	case $how in
	pass) pass "$name" ;;
	fail) fail "$name" ;;
	*) diag "$how $name" ;;
	esac
done <"$lab_tmp/told"
done_testing
