# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the DNS that lies: dns_liar.py ADDRESS. The first label of the name asked for says how.

Where a lie is not the last word, the truth (192.0.2.80) follows a little later.
"""
import socket
import struct
import sys
import threading
import time

ADDRESS = sys.argv[1]


def question(msg):
    end = 12
    while msg[end]:
        end += msg[end] + 1
    return msg[12:end + 5]


def label(msg):
    return msg[13:13 + msg[12]].decode('ascii', 'replace').lower()


def answer(msg, records=None, flags=0x8580, number=None, asked=None, opt=b''):
    """RECORDS are (type, data)."""
    if records is None:
        records = [(1, bytes([192, 0, 2, 80]))]
    out = (msg[:2] if number is None else number) + struct.pack('>HHHHH', flags, 1, len(records), 0, 1 if opt else 0)
    out += question(msg) if asked is None else asked
    for kind, data in records:
        out += b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 60, len(data)) + data
    return out + opt


def edns(options, extended=0):
    return b'\0' + struct.pack('>HHBBHH', 41, 1232, extended, 0, 0, len(options)) + options


def other(msg):
    return bytes([msg[0] ^ 1, msg[1]])


def reply(msg):
    """What is sent by UDP: (seconds, bytes, from another port)."""
    how, truth = label(msg), answer(msg)
    has_edns = msg[10:12] != b'\0\0'
    if how == 'number':
        return [(0, answer(msg, [(1, b'\6\6\6\6')], number=other(msg)), False)] * 3 + [(.1, truth, False)]
    if how == 'elsewhere':
        return [(0, answer(msg, [(1, b'\6\6\6\6')]), True)] * 2 + [(.1, truth, False)]
    if how == 'question':
        lie = b'\4evil\4test\0\0\1\0\1'
        return [(0, answer(msg, [(1, b'\6\6\6\6')], asked=lie), False), (.1, truth, False)]
    if how == 'query':
        return [(0, answer(msg, flags=0x0100), False), (.1, truth, False)]
    if how == 'short':
        return [(0, msg[:7], False), (.1, truth, False)]
    if how == 'loop':
        return [(0, msg[:2] + bytes.fromhex('85800001000100000000') + question(msg) + b'\xc0\xff', False)]
    if how == 'forward':
        return [(0, answer(msg, [(2, b'\xc0\xf0')]), False)]
    if how == 'escape':
        return [(0, answer(msg, [(16, b'\x09\x1b]0;pwn\x07\xff')]), False)]
    if how == 'many':
        return [(0, msg[:2] + bytes.fromhex('85800001ffffffffffff') + question(msg), False)]
    if how == 'old':
        return [(0, answer(msg, [], flags=0x8181) if has_edns else truth, False)]
    if how == 'blocked':
        text = b'no \x1b[31m'
        return [(0, answer(msg, [], flags=0x8583, opt=edns(struct.pack('>HHH', 15, 2 + len(text), 15) + text)), False)]
    if how == 'extended':
        return [(0, answer(msg, [], flags=0x8580, opt=edns(b'', 1)), False)]
    if how in ('cut', 'hang', 'drip', 'lies'):
        return [(0, answer(msg, [], flags=0x8780), False)]
    if how == 'flood':
        return [(0, answer(msg, number=other(msg)), False)] * 500 + [(.1, truth, False)]
    return []


def talk(c):
    try:
        msg = c.recv(2000)[2:]
        how, truth = label(msg), answer(msg)
        if how == 'lies':
            lie = answer(msg, [(1, b'\6\6\6\6')], number=other(msg))
            c.sendall(struct.pack('>H', len(lie)) + lie + struct.pack('>H', len(truth)) + truth)
        elif how == 'drip':
            for byte in struct.pack('>H', 60000) + truth * 1000:
                c.sendall(bytes([byte]))
                time.sleep(.05)
        elif how == 'hang':
            time.sleep(5)
    except OSError:
        pass
    c.close()


def streams():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((ADDRESS, 53))
    s.listen()
    while True:
        threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()


threading.Thread(target=streams, daemon=True).start()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((ADDRESS, 53))
stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
stranger.bind((ADDRESS, 5353))
print('ready', flush=True)
while True:
    data, who = udp.recvfrom(2000)
    for wait, out, strange in reply(data):
        time.sleep(wait)
        (stranger if strange else udp).sendto(out, who)
