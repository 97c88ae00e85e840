#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An apply that reads only the one rule that differs gives what the apply of all gives. Edits at random, one after the other: each
# file is applied over the one before, and by an apply of all into an empty table of a second namespace that has the same devices.
# Both kernels then lead the same packets to the same ends, and nothing is left to do. That the short way was taken shows in
# chains of ours, one for each rule, that the next apply of all takes away.
#
#   PATRONUS_SEED=N   other edits     PATRONUS_EDITS=N   more of them
set -u

cd "${PATRONUS_TOP:-$(dirname "$0")/../..}" || exit 1
build=${PATRONUS_BUILD:-$PWD/build}
ptfw=${PTFW:-$build/ptfw}
# shellcheck source=tests/lib/tap.sh
. tests/lib/tap.sh
# shellcheck source=tests/lib/lab.sh
. tests/lib/lab.sh
lab_begin || skip_all "$lab_why"
needs python3 nft tc

lab_ns short whole
for ns in short whole; do
	for i in 0 1; do
		in_ns "$ns" ip link add "eth$i" address "02:00:00:00:00:0$i" type veth peer name "peer$i" address "02:00:00:00:01:0$i"
		in_ns "$ns" ip link set "peer$i" up
	done
	lab_addr "$ns" eth0 10.0.0.1/24 fd00::1/64
	lab_addr "$ns" eth1 10.1.0.1/24 fd01::1/64
done
lab_settle short whole

cat >"$lab_tmp/kernel.py" <<'PY'
# What a namespace's kernel does, without the numbers that depend on what was before.
import ctypes, json, os, platform, re, struct, subprocess

libc = ctypes.CDLL(None, use_errno=True)
BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
OURS, MASK = 0x800000, 0xffffff
PATCH_MAX = 8 # rules at a time

class Namespace:
    def __init__(self, pid, mounts):
        self.enter = ["nsenter", "-n"] + (["-m", "--wdns=" + os.getcwd()] if mounts else []) + ["-t", pid]
    def run(self, *command):
        r = subprocess.run(self.enter + list(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return r.returncode, r.stdout
    def get(self, *command):
        r = subprocess.run(self.enter + list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert r.returncode == 0, (command, r.stderr)
        return r.stdout # nft has much to say about what others wrote

# ---- the classifier's tables ----

def bpf(command, attr):
    attr = ctypes.create_string_buffer(attr, 128)
    fd = libc.syscall(BPF, command, attr, len(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d)" % command)
    return fd

def info(fd, size, fields=b""):
    buf = ctypes.create_string_buffer(fields, size)
    bpf(15, struct.pack("=IIQ", fd, size, ctypes.addressof(buf)))
    return buf.raw

def value(fd, size):
    key, buf = ctypes.c_uint32(0), ctypes.create_string_buffer(size)
    bpf(1, struct.pack("=IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(buf), 0))
    return buf.raw

def tables(ns):
    prog = [f["options"]["prog"]["id"] for f in json.loads(ns.get("tc", "-j", "filter", "show", "dev", "eth0", "ingress")) if "options" in f]
    opened = []
    try:
        opened.append(bpf(13, struct.pack("=I", prog[0])))
        ids = (ctypes.c_uint32 * 4)()
        n = struct.unpack_from("=I", info(opened[0], 64, struct.pack("=52xIQ", 4, ctypes.addressof(ids))), 52)[0]
        for i in ids[:n]:
            opened.append(bpf(14, struct.pack("=I", i)))
            if struct.unpack_from("=I", info(opened[-1], 40))[0] == 12:
                opened.append(bpf(14, value(opened[-1], 4)))
                return value(opened[-1], struct.unpack_from("=I", info(opened[-1], 40), 12)[0])
    finally:
        for fd in opened:
            os.close(fd)

M64 = (1 << 64) - 1
def mix(word, i):
    h = (word + (i + 1) * 0x9e3779b97f4a7c15) & M64
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9 & M64
    h = (h ^ h >> 27) * 0x94d049bb133111eb & M64
    return h ^ h >> 31

def digest_holds(raw):
    # How many words count is not told: the rest of them is 0.
    words = struct.unpack("=%dQ" % (len(raw) // 8), raw)
    h, last = 0, max((i for i, w in enumerate(words[:-1]) if w), default=0)
    for i, w in enumerate(words[:-1]):
        h = (h + mix(w, i)) & M64
        if i >= last and (h + i + 1) & M64 == words[-1]:
            return True
        if i > last + 64:
            return False
    return False

# ---- the rules ----

def strip(x):
    if isinstance(x, dict):
        return {k: strip(v) for k, v in x.items() if k not in ("handle", "packets", "bytes", "index", "size")}
    if isinstance(x, list):
        return [strip(v) for v in x]
    return re.sub(r"^(in|in-reply|ptfw\.none)\.[01]$", r"\1.T", x) if isinstance(x, str) else x

class Kernel:
    def __init__(self, ns, ptfw):
        self.objects, self.chains, self.elements, self.live, self.patches = [], {}, {}, {}, 0
        rules = {}
        for x in json.loads(ns.get("nft", "-j", "list", "ruleset"))["nftables"]:
            kind, o = next(iter(x.items()))
            if kind == "metainfo":
                continue
            o = strip(o)
            if kind == "chain" and o["name"].startswith("ptfw.applied"):
                self.patches += o["name"] != "ptfw.applied"
            elif kind == "map" and o["name"] in ("in.pass", "in.act"):
                for e in o.pop("elem", []):
                    el = e[0]["elem"]
                    assert el["val"] not in self.elements, "one key in both maps"
                    self.elements[el["val"]] = (el.get("comment"), o["name"], json.dumps(e[1], sort_keys=True))
                self.objects.append(json.dumps(o, sort_keys=True))
            elif kind == "rule":
                text = json.dumps(o, sort_keys=True)
                if o.get("comment", "").startswith("ptfw.turn."): # whose rules the packet was judged by
                    text = re.sub(r'turn\.[01]|"80(80)?:0"', "T", text)
                rules.setdefault(o.pop("chain"), []).append(text)
            elif kind == "chain":
                rules.setdefault(o["name"], [])
                self.chains[o["name"]] = o
            else:
                self.objects.append(json.dumps(o, sort_keys=True))
        self.rules = rules
        self.tables = tables(ns)
        self.shown = re.sub(r" packets=\d+ bytes=\d+", "", ns.get(ptfw, "rule", "show", "-o"))
    # What a key leads to: of a chain of its own, what stands in it.
    def end(self, key):
        e = self.elements.get(key)
        if not e:
            return None
        name = re.search(r'"(act\.[0-9a-f]+)"', e[2])
        return (e[0], e[1], "\n".join(self.rules[name.group(1)])) if name else e
    def others(self):
        chains = {n: (json.dumps({k: v for k, v in c.items() if k != "name"}, sort_keys=True), self.rules[n])
                  for n, c in self.chains.items() if not n.startswith("act.")}
        return sorted(self.objects), chains

def counters(before, now, short):
    """Rules that do what they did under their names keep their elements, which count; others begin with new ones."""
    for end, key in now.live.items():
        if before.live.get(end, key) != key:
            return "%s lost its counters: %08x, before %08x" % (end, key, before.live[end])
        if short and end not in before.live and key in before.elements:
            return "%s counts on with %08x of %s" % (end, key, before.elements[key])
    return ""

def differ(a, b):
    """What A, which got there step by step, does otherwise than B; "": nothing."""
    if a.shown != b.shown:
        return "rule show: %s" % str(next((p for p in zip(a.shown.split("\n"), b.shown.split("\n")) if p[0] != p[1]), "length"))
    ao, ac = a.others()
    bo, bc = b.others()
    if ao != bo:
        return "objects: %s" % sorted(set(ao) ^ set(bo))[:2]
    if ac != bc:
        return "chains: %s" % [(n, ac.get(n), bc.get(n)) for n in sorted(set(ac) | set(bc)) if ac.get(n) != bc.get(n)][:1]
    if not digest_holds(a.tables) or not digest_holds(b.tables):
        return "tables: the digest is of others"
    x, y = ([n for n in struct.unpack("=%dI" % ((len(k.tables) - 8) // 4), k.tables[:-8])] for k in (a, b))
    if len(x) != len(y):
        return "tables: not of one size"
    led = set()
    for i, (m, n) in enumerate(zip(x, y)):
        if n & MASK in b.elements:
            led.add(m & MASK)
        if m == n:
            continue
        if m & MASK == n & MASK == OURS: # no rule
            continue
        if (m ^ n) & 0x7f000000 or a.end(m & MASK) is None or a.end(m & MASK) != b.end(n & MASK):
            return "tables: number %d is %08x %s, not %08x %s" % (i, m, a.end(m & MASK), n, b.end(n & MASK))
    a.live = {a.end(k): k for k in led if k in a.elements}
    left = [k for k in a.elements if k not in led]
    if len(left) > a.patches: # a note for each rule that went
        return "%d elements that nothing leads to, but %d notes" % (len(left), a.patches)
    if len(a.elements) - len(left) != len(b.elements):
        return "%d elements, not %d" % (len(a.elements) - len(left), len(b.elements))
    return ""
PY

cat >"$lab_tmp/edits.py" <<'PY'
import os, random, sys
from kernel import PATCH_MAX, Namespace, Kernel, counters, differ

ptfw, folder, mounts, seed, edits = sys.argv[1:6]
short, whole = (Namespace(open("%s/%s.pid" % (folder, n)).read().strip(), mounts) for n in ("short", "whole"))
conf = folder + "/patronus.conf"
rnd = random.Random(int(seed))

class Rule:
    """A rule of arriving packets that needs no more than a verdict and a label, but for the dynamic ones."""
    def __init__(self, n):
        self.six = rnd.random() < 0.4
        self.action = rnd.choice(("pass", "block"))
        self.quick = rnd.random() < 0.3
        self.on = rnd.choice((" on wan", " on lan", " on { wan lan }", ""))
        self.proto = rnd.choice(("udp", "udp", "udp", "tcp", "icmp", ""))
        self.src = rnd.choice(("any", "2001:db8:%x::/48" % n if self.six else "10.%d.%d.0/24" % (n // 200 + 20, n % 200)))
        self.to = "any"
        # What others may change meanwhile is no matter of the classifier.
        self.dynamic = rnd.choice(("<bad>", "! <good>", "(wan)", "self")) if rnd.random() < 0.1 else ""
        self.two = self.proto == "udp" and rnd.random() < 0.1 # rules of one
        self.port = 1000 + n
        self.stateless = self.action == "pass" and rnd.random() < 0.2
        self.label = "l%d" % n if rnd.random() < 0.4 else ""
        self.words = rnd.choice((" ", " ", "  "))
    def text(self):
        proto = {"icmp": ("icmp6 icmp6-type echoreq" if self.six else "icmp icmp-type echoreq")}.get(self.proto, self.proto)
        port = " port %d" % self.port if self.proto in ("udp", "tcp") else ""
        if self.proto == "icmp" or not self.proto: # the port tells them apart
            port, proto = "", (" proto " + proto) if proto else ""
            src = "2001:db8:%x::%x" % (self.port, self.port) if self.six else "10.99.%d.%d" % (self.port // 256, self.port % 256)
        else:
            proto, src = " proto " + ("{ udp tcp }" if self.two else proto), self.src
        head, icmp, kind = proto.partition(" icmp-type" if not self.six else " icmp6-type")
        return "%s%sin%s%s %s%s from %s to %s%s%s%s%s%s" % (
            self.action, self.words, " quick" if self.quick else "", self.on, "inet6" if self.six else "inet", head,
            self.dynamic if "<" in self.dynamic else src, self.dynamic if self.dynamic in ("(wan)", "self") else self.to, port, icmp, kind, " no state" if self.stateless else "", " label " + self.label if self.label else "")
    def has_flags(self): # of TCP packets, a rule that keeps state passes the first one only
        return self.proto in ("tcp", "")

OTHERS = ["pass out", "block return in on wan proto tcp to any port 113", "pass in log on lan proto udp to any port 53 label dns",
    "pass in on lan proto tcp to any port 2000 tag LAN", "pass out on wan tagged LAN", "pass in on lan proto tcp to any port 2001 keep state (max 100)",
    "block proto udp to any port { 7 9 }", "pass proto udp to any port 2002", "pass in on lan proto tcp to any port $web",
    "pass in on wan proto { tcp udp } from { 192.0.2.7 2001:db8::7 } to any port { 80 443 } label web",
    "block in from <bad> to (lan:network)", "pass out proto udp to any port 5000 no state", "match in on wan inet proto udp to any port 2003 tag MATCH",
    "block in log quick on wan inet from <bad>", "pass in quick on lan proto udp to any port 2004 keep state (max-src-states 5)",
    "pass in on wan inet proto udp to any port 3000", "pass in on wan inet proto udp to any port 3000",
    "pass in on wan inet6 proto udp to any port 3001 no state", "pass in on wan inet6 proto udp to any port 3001 no state",
    "block return-icmp in on lan inet proto udp to any port 2005", "pass in on lan inet proto icmp icmp-type { echoreq unreach }",
    "pass in on lan proto tcp to any port 2006 flags any"]

class File:
    def __init__(self):
        self.head = ['interface wan { device = "eth0" address = { "10.0.0.1/24", "fd00::1/64" } }',
            'interface lan { device = "eth1" address = { "10.1.0.1/24", "fd01::1/64" } }',
            'table bad { addresses = { "192.0.2.1", "2001:db8:bad::/48" } }', 'table good { addresses = { "10.0.0.0/8", "fd00::/16" } }',
            'macro web { value = "{ 80, 8080 }" }', "# the rules"]
        self.rules = [Rule(i) for i in range(115)] + OTHERS + ["# a comment, with \"quotes\"", "# another"]
        rnd.shuffle(self.rules)
        self.tail, self.comma = ["} }", "# the end"], ","
    def text(self):
        lines = []
        for i, r in enumerate(self.rules):
            s = r if isinstance(r, str) else r.text()
            lines.append(("\t" if isinstance(r, Rule) and r.port % 3 else "") + (s if s.startswith("#") else '"%s"%s' % (s, self.comma)))
        return "\n".join(self.head + ["firewall { rules = {"] + lines + self.tail) + "\n"
    def copy(self):
        import copy
        return copy.deepcopy(self)

# ---- the edits: what must be done in the short way, True; what must not, False; None: not said ----

f, next_number = File(), 200
def some(want=lambda r: True, simple=True):
    found = [i for i, r in enumerate(f.rules) if isinstance(r, Rule) and bool(r.dynamic or r.two) != simple and want(r)]
    return f.rules[rnd.choice(found)] if found else None
def turn(r):
    r.action, r.stateless = "block" if r.action == "pass" else "pass", False
def flip():
    turn(some(lambda r: not r.has_flags()))
    return True
def flip_stateless():
    r = some(lambda r: r.has_flags())
    if r.action == "pass" and r.stateless:
        turn(r)
        return True
    r.action, r.stateless = "pass", True
    return None # blocked before: it asked the same; or kept state, and asked for more
def flip_flags():
    r = some(lambda r: r.has_flags() and not r.stateless)
    turn(r)
    return None
def flip_other():
    r = some(simple=False)
    turn(r)
    return False if r.dynamic in ("<bad>", "! <good>", "(wan)") else None
def fresh():
    global next_number
    next_number += 1
    return "l%d" % next_number
def label_add():
    some(lambda r: not r.label).label = fresh()
    return True
def label_remove():
    some(lambda r: r.label).label = ""
    return True
def label_rename():
    some(lambda r: r.label).label = fresh()
    return True
def label_taken():
    a = some(lambda r: r.label)
    b = some(lambda r: r is not a)
    b.label = rnd.choice((a.label, "dns", "web"))
    return False
def stateless():
    r = some(lambda r: r.action == "pass" and not r.has_flags())
    r.stateless = not r.stateless
    return True
def stateless_flags():
    r = some(lambda r: r.action == "pass" and r.has_flags())
    r.stateless = not r.stateless
    return None
def port():
    some(lambda r: r.proto in ("udp", "tcp")).port += 1000
    return None
def address():
    r = some(lambda r: r.proto in ("udp", "tcp"))
    r.src = "2001:db8:77:%x::/64" % rnd.randrange(999) if r.six else "10.77.%d.0/24" % rnd.randrange(256)
    return None
def device():
    r = some()
    r.on = " on lan" if r.on == " on wan" else " on wan"
    return None
def quick():
    r = some()
    r.quick = not r.quick
    return None
def words():
    r = some()
    r.words = "  " if r.words == " " else " "
    return None
def same_text():
    import copy
    a, i = some(lambda r: not r.label), rnd.choice([i for i, r in enumerate(f.rules) if isinstance(r, Rule)])
    f.rules[i] = copy.deepcopy(a)
    return None if f.rules[i] is not a else None
def become_twin(): # by its action alone, the text of another
    i = rnd.choice([i for i, r in enumerate(f.rules) if isinstance(r, str) and "port 300" in r])
    f.rules[i] = f.rules[i].replace("pass", "block") if "pass" in f.rules[i] else f.rules[i].replace("block", "pass")
    return None
def delete():
    if len(f.rules) > 110:
        del f.rules[rnd.randrange(len(f.rules))]
    return None
def insert():
    global next_number
    next_number += 1
    f.rules.insert(rnd.randrange(len(f.rules)), Rule(next_number))
    return None
def swap():
    a, b = (rnd.choice([i for i, r in enumerate(f.rules) if not isinstance(r, str)]) for _ in range(2))
    f.rules[a], f.rules[b] = f.rules[b], f.rules[a]
    return None
def place():
    i = rnd.randrange(len(f.rules) - 2)
    return rnd.choice((i, i, i, 0, len(f.rules) - 2))
def swap_neighbours():
    i = place()
    f.rules[i:i + 2] = reversed(f.rules[i:i + 2])
def change_neighbours():
    i = place()
    for r in f.rules[i:i + rnd.randrange(2, 5)]:
        if isinstance(r, Rule):
            rnd.choice((turn, lambda r: setattr(r, "port", r.port + 1000), lambda r: setattr(r, "label", fresh())))(r)
def copy_neighbour():
    import copy
    i = place()
    f.rules.insert(i + rnd.randrange(2), copy.deepcopy(f.rules[i]))
    if rnd.random() < 0.7 and isinstance(f.rules[i], Rule):
        f.rules[i].port, f.rules[i].label = f.rules[i].port + 3000, ""
def insert_some():
    global next_number
    i = place()
    for _ in range(rnd.randrange(1, 11)):
        next_number += 1
        f.rules.insert(i, rnd.choice((Rule(next_number), Rule(next_number), '# "pass in", and more')))
def delete_some():
    i = place()
    if len(f.rules) > 115:
        del f.rules[i:i + rnd.randrange(1, 11)]
def comment_out():
    i = rnd.choice([i for i, r in enumerate(f.rules) if isinstance(r, Rule)])
    f.rules[i] = '# "%s",' % f.rules[i].text()
def comment_in():
    i = rnd.choice([i for i, r in enumerate(f.rules) if isinstance(r, str) and r.startswith('# "')] or [place()])
    if f.rules[i] in ('# "pass in", and more', '# a comment, with "quotes"'):
        del f.rules[i]
    elif isinstance(f.rules[i], str):
        f.rules[i] = f.rules[i][2:].strip('",')
def two():
    label_rename()
    delete()
    return None
def outside():
    f.head[2] = 'table bad { addresses = { "192.0.2.%d", "2001:db8:bad::/48" } }' % rnd.randrange(1, 250)
    return False
def macro():
    f.head[4] = 'macro web { value = "{ 80, %d }" }' % rnd.randrange(8000, 9000)
    return False
def comment():
    where = rnd.choice((f.head, f.tail, f.rules))
    i = rnd.choice([i for i, r in enumerate(where) if isinstance(r, str) and r.startswith("#")])
    where[i] = where[i].rstrip(" !") + " " * rnd.randrange(2) + "!" * rnd.randrange(1, 9)
    return None
def space():
    f.comma = {",": " ,", " ,": ","}[f.comma]
    return None
def nothing():
    return None
def other_action():
    i = rnd.choice([i for i, r in enumerate(f.rules) if isinstance(r, str) and r.startswith(("pass", "block ")) and "match" not in r
                    and "label" not in r and "state" not in r and "tag" not in r])
    f.rules[i] = "block" + f.rules[i][4:] if f.rules[i].startswith("pass") else f.rules[i].replace("block", "pass", 1).replace("pass return-icmp", "pass").replace("pass return", "pass")
    return None
def nonsense():
    r = some()
    r.quick, r.label = False, rnd.choice(("a b", "x y z", '"', "bad label in", "\\"))
    return False

KINDS = [flip, flip_stateless, label_add, label_remove, label_rename, stateless, flip, label_rename, stateless,
    flip_flags, flip_other, label_taken, stateless_flags, port, address, device, quick, words, same_text, become_twin, delete, insert, swap,
    swap_neighbours, change_neighbours, copy_neighbour, insert_some, delete_some, comment_out, comment_in, change_neighbours,
    comment_out, insert_some, delete_some, two, outside, macro, comment, space, nothing, other_action, nonsense]

# ---- each ----

def write():
    with open(conf, "w") as out:
        out.write(f.text())

last = None

def step(kind, expect, before):
    global last
    write()
    rc, said = short.run(ptfw, "apply", "-f", conf)
    whole.run("nft", "delete", "table", "inet", "patronus")
    rc_whole, said_whole = whole.run(ptfw, "apply", "-f", conf)
    if rc_whole:
        if os.environ.get("PATRONUS_KEEP"):
            print("#", kind, said)
        if (rc, said) != (rc_whole, said_whole):
            return "%d %s: in an empty table %d %s" % (rc, said, rc_whole, said_whole), "refused", before
        return "", "refused", before
    if rc:
        return "%d %s: in an empty table it is applied" % (rc, said), "refused", before
    a, b = Kernel(short, ptfw), Kernel(whole, ptfw)
    way = "short" if before < a.patches <= min(before + PATCH_MAX, 16) else "nothing" if "nothing written" in said else "whole" if not a.patches else "odd"
    why = differ(a, b)
    if not why and last:
        why = counters(last, a, way == "short")
    if not why:
        rc, said_diff = short.run(ptfw, "diff", "-f", conf)
        why = "diff: %d %s" % (rc, said_diff) if rc else ""
    if not why and way == "odd" or b.patches:
        why = "%d chains, before %d" % (a.patches, before)
    if not why and way == "short" and said != said_whole:
        why = "says %s, not %s" % (said, said_whole)
    if not why and expect is not None and way != "nothing" and (way == "short") != (expect and before < 16):
        why = "the way was %s" % way
    last = a
    return why, way, a.patches

# A rule that changed has, or had, the name of another one but for a number.
def has_twin(old, new):
    texts = [[" ".join(r.text().split()) if isinstance(r, Rule) else r for r in g.rules] for g in (old, new)]
    return any(t.count(x) > 1 for pair in zip(*texts) if pair[0] != pair[1] for x, t in zip(pair, texts))

def main():
    global f
    patches = 0
    why, way, patches = step("first", False, 0)
    print("first", way, "wrong " + why if why else "")
    assert way == "whole", "the file is refused"
    for n in range(int(edits)):
        # Mostly short ones now and then, so that the most there can be are reached.
        kind = KINDS[n] if n < len(KINDS) else rnd.choice(KINDS[:9] if n // 25 % 2 else KINDS)
        old = f.copy()
        try:
            expect = kind()
        except AttributeError: # there is no such rule now
            f = old
            continue
        if expect and has_twin(old, f) or f.text() == old.text():
            expect = None
        why, way, patches = step(kind.__name__, expect, patches)
        print(kind.__name__, way, patches, "wrong at edit %d: %s" % (n, why) if why else "", flush=True)
        if why and os.environ.get("PATRONUS_KEEP"):
            for name, g in ("old", old), ("new", f):
                with open("%s/%d.%s.conf" % (os.environ["PATRONUS_KEEP"], n, name), "w") as out:
                    out.write(g.text())
        if way == "refused":
            f = old
main()
PY

seed=${PATRONUS_SEED:-$(date +%s)}
edits=${PATRONUS_EDITS:-170}
diag "PATRONUS_SEED=$seed"
PYTHONDONTWRITEBYTECODE=1 python3 "$lab_tmp/edits.py" "$ptfw" "$lab_tmp" "$lab_mounts" "$seed" "$edits" >"$lab_tmp/edits" 2>"$lab_tmp/errors"
is "$? $(tail -n 3 "$lab_tmp/errors")" '0 ' "$edits edits"
is "$(grep wrong "$lab_tmp/edits" | head -n 5)" '' 'each gives what the apply of all gives'
# shellcheck disable=SC2013
for kind in flip flip_stateless label_add label_remove label_rename stateless; do
	n=$(grep -c "^$kind short " "$lab_tmp/edits")
	diag "$kind: $n in the short way"
	ok "$kind: in the short way" [ "$n" -gt 0 ]
done
diag "in all $(grep -c '^[a-z_]* short ' "$lab_tmp/edits") in the short way, $(grep -c '^[a-z_]* whole ' "$lab_tmp/edits") as a whole," \
	"$(grep -c '^[a-z_]* nothing ' "$lab_tmp/edits") of nothing, $(grep -c '^[a-z_]* refused ' "$lab_tmp/edits") refused"
n=$(grep -cE '^(port|address|insert|insert_some|delete|delete_some|comment_out|comment_in|change_neighbours) short ' "$lab_tmp/edits")
diag "rules that come, go, or ask something else: $n in the short way"
ok 'rules come, go and ask something else in the short way' [ "$n" -gt 0 ]
ok 'some were refused' grep -q '^label_taken refused' "$lab_tmp/edits"
done_testing
