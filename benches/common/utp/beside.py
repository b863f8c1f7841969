"""What else goes over a line.

  beside.py echo IP PORT                 answers every packet
  beside.py ping IP PORT SECONDS         prints the round trip of ten packets a second, in ms
  beside.py sink IP PORT                 takes what comes over TCP; prints the bytes of each connection when it ends
  beside.py pour IP PORT SECONDS         sends over TCP for this long
"""

import contextlib
import socket
import sys
import time


def echo(where):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(where)
        print("ready", flush=True)
        while True:
            packet, back = made.recvfrom(100)
            made.sendto(packet, back)


def ping(where, seconds):
    end = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect(where)
        while time.monotonic() < end:
            sent = time.monotonic()
            made.send(str(sent).encode())
            made.settimeout(5)
            while float(made.recv(100)) != sent:
                pass
            took = time.monotonic() - sent
            print(took * 1000, flush=True)
            time.sleep(max(0, 0.1 - took))


def sink(where):
    with socket.create_server(where) as listening:
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            total = 0
            with connection, contextlib.suppress(ConnectionResetError):
                while some := connection.recv(1 << 20):
                    total += len(some)
            print(total, flush=True)


def pour(where, seconds):
    end, some = time.monotonic() + seconds, bytes(64 << 10)
    with socket.create_connection(where) as made:
        # The one that fills queues. BBR, which a system may have instead, keeps them short, and shares.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        # What is not sent by then must not count.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        while time.monotonic() < end:
            made.send(some)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


what, ip, port, *rest = sys.argv[1:]
{"echo": echo, "ping": ping, "sink": sink, "pour": pour}[what]((ip, int(port)), *map(float, rest))
