"""Nodes of the DHT that answer, and lie: python3 liars.py BOOTSTRAP ADDRESS... . Each is at an address of its own, near to
the info-hashes that the environment names (TARGETS), and lies in a way of its own in turn. Says who asked how often, in
JSON, when a line comes."""

import collections
import itertools
import json
import os
import random
import selectors
import socket
import sys
import time

PORT = 6881
# How often they say to some node that they are there.
SHOWN_EVERY_S = 5
# And how soon to the same one again, of those that others name.
AGAIN_S = 60


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def bdecode(data, at=0):
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = bdecode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    if end > len(data):
        raise ValueError("ends early")
    return data[colon + 1:end], end


def compact(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.inet_pton(family, host) + port.to_bytes(2, "big")


class Liar:
    LIES = ("itself", "ten_thousand", "transaction", "port", "loopback", "id", "error", "garbage", "nearest", "silence")

    def __init__(self, number, address, targets):
        self.six = ":" in address
        family = socket.AF_INET6 if self.six else socket.AF_INET
        self.address, self.targets, self.met = address, targets, {}
        self.lie = self.LIES[number % len(self.LIES)]
        self.id = targets[number % len(targets)][:10] + random.randbytes(10)
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, PORT))
        self.other = socket.socket(family, socket.SOCK_DGRAM)
        self.other.bind((address, PORT + 1))

    def near(self, target):
        return target[:12] + random.randbytes(8)

    def anybody(self):
        if self.six:
            return compact("2001:db8:dead:%x::%x" % (random.randrange(65536), random.randrange(1, 65536)), PORT)
        return bytes([198, 19, random.randrange(256), random.randrange(1, 255)]) + PORT.to_bytes(2, "big")

    def show(self, to):
        """Asks a node for something, so that it knows this one."""
        asked = {b"t": b"ll", b"y": b"q", b"q": b"find_node",
                 b"a": {b"id": self.id, b"target": random.choice(self.targets)}}
        self.send(self.socket, bencode(asked), to)

    def hear(self, data, source):
        try:
            asked = bdecode(data)[0]
            if asked[b"y"] != b"q":
                return self.meet(asked)
            query, said, transaction = asked[b"q"], asked[b"a"], asked[b"t"]
        except (ValueError, KeyError, TypeError, IndexError):
            return
        # A ping it answers as it should, or nobody would know it.
        lie = None if query == b"ping" else self.lie
        target = said.get(b"info_hash", said.get(b"target", self.targets[0]))
        nodes, peers = b"nodes6" if self.six else b"nodes", b"values"
        reply = {b"id": self.id, b"token": b"lies"}
        out, seen_at = self.socket, compact(source[0], source[1])
        if lie == "itself":
            reply[nodes] = (self.id + compact(self.address, PORT)) * 8
        elif lie == "ten_thousand":
            reply[nodes] = b"".join(self.near(target) + self.anybody() for _ in range(1600 if self.six else 2300))
        elif lie == "transaction":
            transaction = bytes(255 - byte for byte in transaction)
        elif lie == "port":
            out = self.other
        elif lie == "loopback":
            own = compact("::1" if self.six else "127.0.0.1", PORT)
            reply[nodes], reply[peers] = self.near(target) + own, [own]
        elif lie == "id":
            reply[b"id"] = self.near(target)
        elif lie == "error":
            return self.send(out, bencode({b"t": transaction, b"y": b"e", b"e": [202, b"no\x1b[2J"]}), source)
        elif lie == "garbage":
            return self.send(out, b"d1:rd2:idi1ee1:t", source)
        elif lie == "nearest":
            reply[nodes] = b"".join(self.near(target) + self.anybody() for _ in range(8))
            seen_at = self.anybody()
        elif lie == "silence":
            return
        self.send(out, bencode({b"t": transaction, b"y": b"r", b"r": reply, b"ip": seen_at}), source)

    def meet(self, answer):
        """Whom an answer names gets to know this one, too."""
        said = answer.get(b"r", {})
        each = 38 if self.six else 26
        nodes = said.get(b"nodes6" if self.six else b"nodes", b"")
        for at in range(0, len(nodes), each):
            place, now = nodes[at + 20:at + each], time.monotonic()
            if self.met.get(place, -AGAIN_S) + AGAIN_S > now:
                continue
            self.met[place] = now
            family = socket.AF_INET6 if self.six else socket.AF_INET
            self.show((socket.inet_ntop(family, place[:-2]), int.from_bytes(place[-2:], "big")))

    def send(self, out, data, to):
        try:
            out.sendto(data, to[:2])
        except OSError:
            pass


def main(bootstrap, *addresses):
    targets = [bytes.fromhex(target) for target in os.environ["TARGETS"].split(",")]
    liars, waits = [], selectors.DefaultSelector()
    for number, address in enumerate(addresses):
        liars.append(Liar(number // 2, address, targets))
        waits.register(liars[-1].socket, selectors.EVENT_READ, liars[-1])
    v4, v6 = bootstrap.split(",")
    waits.register(sys.stdin, selectors.EVENT_READ)
    turns, next_shown, asked = itertools.cycle(liars), 0, collections.Counter()
    while True:
        now = time.monotonic()
        if now >= next_shown:
            liar = next(turns)
            liar.show((v6, PORT) if liar.six else (v4, PORT))
            next_shown = now + SHOWN_EVERY_S / len(liars)
        for key, _ in waits.select(max(0, next_shown - now)):
            if key.fileobj is sys.stdin:
                if not sys.stdin.readline():
                    return
                print(json.dumps(asked), flush=True)
                continue
            data, source = key.fileobj.recvfrom(65536)
            asked[source[0]] += b"1:y1:q" in data
            key.data.hear(data, source)


if __name__ == "__main__":
    main(*sys.argv[1:])
