"""Forty nodes of programs that are not this one, in which four seed a torrent each that has no tracker."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time

from clients import Aria2, Libtorrent, Nodes, Rtorrent, Transmission, until
from hosts import PORT, Net, v4, v6
from liars import bencode

# Which numbers are whose. The first of them is the node that the others are told of.
LIBTORRENT, NODES = range(1, 18), range(20, 30)
TRANSMISSION, ARIA2, RTORRENT = range(40, 45), range(50, 54), range(60, 64)
LIARS = range(100, 120)
# Hosts for what is tried.
TRIED, BESIDE, FLOOD = 200, 210, 220
BOOTSTRAP = (LIBTORRENT[0], LIBTORRENT[1])
# The session that is asked what the DHT knows.
OBSERVER = LIBTORRENT[-1]
# Who seeds, by name, at which number.
SEEDS = {"libtorrent": LIBTORRENT[2], "transmission": TRANSMISSION[0], "aria2": ARIA2[0], "rtorrent": RTORRENT[0]}
PIECE = 64 * 1024
# How long a program may take until the DHT knows of its seed. Some wait for minutes.
ANNOUNCED_WITHIN_S = 240


class Torrent:
    """One without a tracker, of random bytes, and what it is of."""

    def __init__(self, folder, name, mib=4, **more):
        self.parent, self.file, self.name = f"{folder}/{name}", f"{folder}/{name}.torrent", f"{name}.bin"
        self.payload = f"{self.parent}/{self.name}"
        os.makedirs(self.parent)
        random_bytes = random.Random(name).randbytes
        payload = b"".join(random_bytes(1 << 20) for _ in range(mib))
        with open(self.payload, "wb") as file:
            file.write(payload)
        pieces = b"".join(hashlib.sha1(payload[at:at + PIECE]).digest() for at in range(0, len(payload), PIECE))
        info = {b"length": len(payload), b"name": self.name.encode(), b"piece length": PIECE, b"pieces": pieces,
                **{key.encode(): value for key, value in more.pop("info", {}).items()}}
        self.info_hash = hashlib.sha1(bencode(info)).hexdigest()
        more = {key.encode(): value for key, value in more.items()}
        with open(self.file, "wb") as file:
            file.write(bencode({**more, b"info": info}))


class Swarm:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.net = Net()
        self.torrents = {name: Torrent(work, f"of-{name}") for name in SEEDS}
        self.programs, self.liars = [], None

    def start(self):
        options, work = self.options, self.work
        self.lt = self.began(Libtorrent(self.net.host(*LIBTORRENT), f"{work}/libtorrent", options.libtorrent_python))
        for number in BOOTSTRAP:
            self.lt.node(number, [other for other in BOOTSTRAP if other != number])
        self.nodes = self.began(Nodes(self.net.host(*NODES), f"{work}/nodes", NODES, BOOTSTRAP[1],
                                      options.node_modules))
        for number in TRANSMISSION:
            self.join(Transmission, number)
        # aria2 has no DHT without a torrent.
        for number in ARIA2:
            self.join(Aria2, number, self.torrents["aria2"])
        # Those of libtorrent look for others once: there have to be some.
        until("nodes to join", 60, lambda: self.lt.ask("state", BOOTSTRAP[0])["nodes"] >= 8)
        for number in LIBTORRENT[len(BOOTSTRAP):]:
            self.lt.node(number, BOOTSTRAP)
        self.lt.ask("add", SEEDS["libtorrent"], torrent=self.torrents["libtorrent"].file,
                    folder=self.torrents["libtorrent"].parent)
        for number in RTORRENT:
            self.join(Rtorrent, number)

    def join(self, kind, number, torrent=None):
        """One more program; it seeds where its number is among those of the seeds."""
        name = kind.__name__.lower()
        seeds = number in SEEDS.values()
        torrent = self.torrents[name] if seeds else torrent
        return self.began(kind(self.net.host(number), f"{self.work}/{name}-{number}", BOOTSTRAP,
                               torrent and torrent.file, torrent.parent if seeds else None))

    def began(self, program):
        self.programs.append(program)
        return program

    def lie(self):
        """Twenty liars join, who are as near to every torrent as can be."""
        host = self.net.host(*LIARS)
        command = [*host.inside(), sys.executable, os.path.join(os.path.dirname(__file__), "liars.py"),
                   f"{v4(BOOTSTRAP[0])},{v6(BOOTSTRAP[0])}", *(make(number) for number in LIARS for make in (v4, v6))]
        targets = ",".join(torrent.info_hash for torrent in self.torrents.values())
        self.liars = subprocess.Popen(command, env={**os.environ, "TARGETS": targets}, text=True, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        until("half of the programs to ask the liars", 60, lambda: len(self.asked_liars()) > 20)

    def asked_liars(self):
        """How often each address asked one of the liars."""
        self.liars.stdin.write("?\n")
        self.liars.stdin.flush()
        return json.loads(self.liars.stdout.readline())

    def ready(self):
        """Waits until the DHT names each seed, over both families where the program has both; says how long it took."""
        began = time.monotonic()
        until("nodes of bittorrent-dht to join", 60, lambda: self.nodes.joined() == len(NODES))
        for name, number in SEEDS.items():
            wanted = [[v4(number), PORT]] + ([[v6(number), PORT]] if name != "rtorrent" else [])
            until(f"the seed of {name} to be announced", ANNOUNCED_WITHIN_S, lambda: all(
                peer in self.lt.ask("lookup", OBSERVER, info_hash=self.torrents[name].info_hash)["peers"]
                for peer in wanted))
            print(f"the seed of {name} is known after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def known(self, name, number, family):
        """Whether the DHT names a peer."""
        peer = [(v4 if family == 4 else v6)(number), PORT]
        return peer in self.lt.ask("lookup", OBSERVER, info_hash=self.torrents[name].info_hash)["peers"]

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.liars:
            self.liars.kill()
            self.liars.wait()
        for program in self.programs:
            program.close()
        self.net.end()
