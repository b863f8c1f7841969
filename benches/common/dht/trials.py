"""What is tried among the nodes: who finds whom, and how soon."""

import contextlib
import filecmp
import os
import shutil
import sys
import time

from clients import Aria2, Libtorrent, Transmission, Ttui, until
from hosts import PORT, at, v4, v6
from swarm import BESIDE, BOOTSTRAP, SEEDS, TRIED, Torrent
from watch import Watch

# No download may take longer.
LIMIT_S = 90
# Programs that join look for others before they look for peers, some for most of a minute.
FOUND_WITHIN_S = 240
# What else finds peers stays off.
ALONE = ("--no-pex", "--no-lsd", "--no-port-mapping")


class Trials:
    def __init__(self, swarm, options):
        self.swarm, self.options, self.count = swarm, options, 0
        self.more = [option for option in ALONE if option in options.known]
        # One host a family, without a route over the other.
        self.hosts = {family: swarm.net.host(TRIED + family, families=(family,)) for family in (4, 6)}

    def folder(self, name):
        self.count += 1
        return f"{self.swarm.work}/{self.count:03}-{name}"

    def homes(self):
        """An environment for a run that keeps nothing."""
        folder = self.folder("home")
        os.makedirs(folder)
        return {**os.environ, "HOME": folder, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}

    def ttui(self, host, torrent, **more):
        more["more"] = [*self.more, *more.get("more", ())]
        return Ttui(host, self.folder("ttui"), self.options.ttui, torrent, **more)

    def state(self, kept):
        """A folder for what ttui keeps, with the table that an earlier run left in another."""
        folder = self.folder("state")
        os.makedirs(f"{folder}/ttui")
        if kept:
            shutil.copy(f"{kept}/ttui/dht.json", f"{folder}/ttui")
        return folder

    def find(self, name, family, kept=None):
        """ttui downloads what one program seeds. With the table that a run before kept no node is named to it. Returns
        seconds from its start, and the folder in which it kept its table."""
        torrent, host, folder = self.swarm.torrents[name], self.hosts[family], self.state(kept)
        nodes = [] if kept else [at(number, family) for number in BOOTSTRAP]
        with Watch(host) as watch, contextlib.closing(self.ttui(host, torrent.file, nodes=nodes, state=folder)) as ttui:
            watch.wait(peer(SEEDS[name], family), LIMIT_S)
            status = ttui.process.wait(LIMIT_S)
            ended = time.monotonic()
        if status or not filecmp.cmp(torrent.payload, f"{ttui.out}/{torrent.name}", shallow=False):
            raise RuntimeError(f"ttui ended with {status}: see {ttui.folder}")
        seen = watch.since(ttui.began)
        return {"found_s": seen[peer(SEEDS[name], family)], "ended_s": ended - ttui.began}, folder

    def be_found(self, family):
        """ttui seeds a torrent for each program, which finds it; seconds from its start until it is complete. rtorrent is
        none of them: 0.9.8 reads the addresses of peers two bytes too early, and dials 54.58.198.18 for 198.18.x.y."""
        kinds = {"libtorrent": None, "transmission": Transmission, "aria2": Aria2}
        host, folder, took = self.hosts[family], self.folder("seeds"), {}
        os.makedirs(folder)
        for name in kinds:
            part = self.swarm.torrents[name, family] = Torrent(self.swarm.work, f"for-{name}-{family}", mib=1)
            os.link(part.payload, f"{folder}/{part.name}")
        first, *others = [self.swarm.torrents[name, family].file for name in kinds]
        with contextlib.closing(self.ttui(host, first, nodes=[at(number, family) for number in BOOTSTRAP],
                                          seeds=folder, more=["--seed", *others])):
            for name in kinds:
                until(f"ttui to be announced to {name}", LIMIT_S,
                      lambda: self.swarm.known((name, family), host.number, family))
            for index, (name, kind) in enumerate(kinds.items()):
                number, began, part = 80 + family + 4 * index, time.monotonic(), self.swarm.torrents[name, family]
                out, host_of_it = self.folder(name), self.swarm.net.host(number)
                if kind:
                    with contextlib.closing(kind(host_of_it, out, BOOTSTRAP, part.file)) as program:
                        until(f"{name} to find ttui", FOUND_WITHIN_S, program.done)
                else:
                    with contextlib.closing(Libtorrent(host_of_it, out, self.options.libtorrent_python)) as program:
                        program.node(number, BOOTSTRAP)
                        program.ask("add", number, torrent=part.file, folder=out)
                        until(f"{name} to find ttui", FOUND_WITHIN_S,
                              lambda: program.ask("state", number)["done"] == [True])
                took[name] = time.monotonic() - began
                print(f"{name} found ttui over IPv{family} and was complete after {took[name]:.1f} s", file=sys.stderr,
                      flush=True)
        return took

    def race(self, rounds):
        """ttui and libtorrent in turn look for the seed of libtorrent over IPv4, through named nodes and then through
        those that they kept; seconds to the peer that is dialled, and until all is looked up and the first announce goes
        out. libtorrent's count from its session, ttui's from its process; libtorrent is told of the nodes each time."""
        torrent, results = self.swarm.torrents["libtorrent"], []
        beside = self.swarm.net.host(BESIDE, families=(4,))
        for number in range(rounds):
            result = {}
            for client in ("ttui", "libtorrent") if number % 2 == 0 else ("libtorrent", "ttui"):
                kept = None
                for start in ("bootstrap", "kept"):
                    look = self.look_ttui if client == "ttui" else self.look_libtorrent
                    seen, kept = look(self.hosts[4] if client == "ttui" else beside, torrent, kept)
                    result[client, start] = seen
                    print(f"round {number + 1}  {client:<10}  {start:<9}  " + "  ".join(
                        f"{what} {seconds:.3f}" for what, seconds in seen.items()), file=sys.stderr, flush=True)
            results.append(result)
        return results

    def look_ttui(self, host, torrent, kept):
        folder, nodes = self.state(kept), [] if kept else [at(number) for number in BOOTSTRAP]
        with Watch(host) as watch, \
                contextlib.closing(self.ttui(host, torrent.file, nodes=nodes, state=folder, more=["--seed"])) as ttui:
            seen = looked_up(watch)
        return seen(ttui.began), folder

    def look_libtorrent(self, host, torrent, kept):
        out = self.folder("libtorrent")
        with Watch(host) as watch, \
                contextlib.closing(Libtorrent(host, out, self.options.libtorrent_python)) as program:
            program.ask("ready", 0)
            began = time.monotonic()
            program.node(host.number, BOOTSTRAP, families=(4,), state=kept)
            program.ask("add", host.number, torrent=torrent.file, folder=f"{out}/out")
            seen = looked_up(watch)
            program.ask("save", host.number, file=f"{out}/kept")
        return seen(began), f"{out}/kept"


def peer(number, family):
    """How a watch calls a connection that is opened to a program."""
    return f"to {(v4 if family == 4 else v6)(number)} {PORT}"


def looked_up(watch):
    """Waits for all of a lookup; gives the seconds since a time."""
    found = peer(SEEDS["libtorrent"], 4)
    for what in (found, "announce_peer"):
        watch.wait(what, LIMIT_S)

    def since(began):
        seen = watch.since(began)
        lookup = seen["announce_peer"] - seen["get_peers"]
        return {"peer": seen[found], "announce": seen["announce_peer"], "lookup": lookup}

    return since
