"""Sends queries of the DHT, or packets that are none, from made-up addresses: python3 flood.py KIND ADDRESS RATE SECONDS.
Prints how many it sent."""

import random
import socket
import struct
import sys
import time

PORT = 6881
# Sent at once, at most: a machine that is busy catches up no faster.
MOST_AT_ONCE = 200


def packet(kind, target, address):
    source = bytes([random.randrange(11, 100), random.randrange(256), random.randrange(256), random.randrange(1, 255)])
    node, transaction = random.randbytes(20), random.randbytes(2)
    if kind == "get_peers":
        body = b"d1:ad2:id20:" + node + b"9:info_hash20:" + target + b"e1:q9:get_peers1:t2:" + transaction + b"1:y1:qe"
    elif kind == "announce_peer":
        body = (b"d1:ad2:id20:" + node + b"9:info_hash20:" + target + b"4:porti6881e5:token8:" + random.randbytes(8)
                + b"e1:q13:announce_peer1:t2:" + transaction + b"1:y1:qe")
    else:
        body = b"\x41" + random.randbytes(99)
    udp = struct.pack(">HHHH", random.randrange(1024, 65536), PORT, 8 + len(body), 0) + body
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, socket.inet_aton(address))
    return head + udp


def main(kind, address, rate, seconds):
    rate, seconds = int(rate), float(seconds)
    line = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    kinds = ("get_peers", "announce_peer") if kind == "dht" else (kind,)
    targets = [random.randbytes(20) for _ in range(50)]
    packets = [packet(kinds[number % len(kinds)], random.choice(targets), address) for number in range(20_000)]
    print("ready", flush=True)
    sent, lost, began = 0, 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * rate) - sent - lost
        lost += max(0, due - MOST_AT_ONCE)
        for _ in range(min(due, MOST_AT_ONCE)):
            line.sendto(packets[sent % len(packets)], (address, 0))
            sent += 1
        time.sleep(0.005)
    print(sent, flush=True)


main(*sys.argv[1:])
