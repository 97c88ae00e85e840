# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers for tests: talkers.py CERT KEY KIND:PORT... - each on all addresses, until killed.

banner sends two lines; echo returns what it gets, by TCP and UDP; mute accepts and says nothing; nasty sends escape sequences; smtp,
imap, pop3 and ftp know as much as STARTTLS needs; inject goes on in plain text behind its consent; refuse knows no STARTTLS.
"""
import socket
import ssl
import sys
import threading
import time

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(sys.argv[1], sys.argv[2])

SCRIPTS = {
    'smtp': [(None, b'220-hello\r\n220 there\r\n'), (b'EHLO', b'250-server\r\n250-SIZE 1\r\n250 STARTTLS\r\n'), (b'STARTTLS', b'220 go\r\n')],
    'imap': [(None, b'* OK hello\r\n'), (b'a STARTTLS', b'* CAPABILITY IMAP4rev1\r\na OK go\r\n')],
    'pop3': [(None, b'+OK hello\r\n'), (b'STLS', b'+OK go\r\n')],
    'ftp': [(None, b'220 hello\r\n'), (b'AUTH TLS', b'234 go\r\n')],
    'inject': [(None, b'+OK hello\r\n'), (b'STLS', b'+OK go\r\nand more\r\n')],
    'refuse': [(None, b'+OK hello\r\n'), (b'STLS', b'-ERR \x1b]0;pwn\x07 no\r\n')],
}


def script(kind, c):
    f = c.makefile('rb')
    for want, say in SCRIPTS[kind]:
        if want is not None and not f.readline().startswith(want):
            return
        c.sendall(say)
    s = CONTEXT.wrap_socket(c, server_side=True)
    time.sleep(1)
    s.close()


def serve(kind, c):
    try:
        if kind == 'banner':
            c.sendall(b'SSH-2.0-test\r\n')
            time.sleep(0.02)
            c.sendall(b'second')
            time.sleep(1)
        elif kind == 'nasty':
            c.sendall(b'\x1b]0;pwn\x07\x00\xff\\' + b'A' * 2000)
        elif kind == 'echo':
            c.sendall(c.recv(2000))
        elif kind == 'mute':
            time.sleep(20)
        else:
            script(kind, c)
    except (OSError, ssl.SSLError):
        pass
    c.close()


def listen(kind, port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('::', port))
    s.listen(100)
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(kind, c), daemon=True).start()


def datagrams(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(('::', port))
    while True:
        data, who = s.recvfrom(2000)
        s.sendto(b'you said ' + data, who)


for arg in sys.argv[3:]:
    kind, port = arg.split(':')
    threading.Thread(target=listen, args=(kind, int(port)), daemon=True).start()
    if kind == 'echo':
        threading.Thread(target=datagrams, args=(int(port),), daemon=True).start()
time.sleep(0.2)
print('ready', flush=True)
time.sleep(86400)
