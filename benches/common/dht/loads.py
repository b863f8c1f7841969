"""What strangers may do to the port, and what that costs: floods of queries and of packets that mean nothing."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time

from clients import Libtorrent, until
from hosts import PORT, at, v4
from swarm import BOOTSTRAP, FLOOD, TRIED, Torrent

RATE, SECONDS = 10_000, 30
SEED, SINK = 221, 0


class Flood:
    """Packets of a kind to a number, until it is over or the block ends."""

    def __init__(self, host, kind, number, seconds):
        command = [*host.inside(), sys.executable, os.path.join(os.path.dirname(__file__), "flood.py"), kind, v4(number),
                   str(RATE), str(seconds)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def sent(self):
        return int(self.process.communicate()[0])

    def close(self):
        self.process.kill()
        self.process.wait()


def cost(pid):
    """CPU seconds and resident MiB of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        rss = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), rss / 1024


def idle(trials, host, torrent):
    """CPU (of a core) and memory of ttui that seeds and is left alone: at rest, and under each kind of flood."""
    results = {}
    nodes = [at(number) for number in BOOTSTRAP]
    with contextlib.closing(trials.ttui(trials.hosts[4], torrent.file, nodes=nodes, seeds=torrent.parent,
                                        more=["--seed"])) as ttui:
        until("ttui to be announced", 60, lambda: trials.swarm.known("flood", TRIED + 4, 4))
        for kind in ("rest", "dht", "foreign"):
            cpu, rss = cost(ttui.process.pid)
            sent = 0
            if kind == "rest":
                time.sleep(SECONDS)
            else:
                sent = Flood(host, kind, TRIED + 4, SECONDS).sent()
            cpu_after, rss_after = cost(ttui.process.pid)
            results[kind] = {"sent": sent, "core": (cpu_after - cpu) / SECONDS, "mib": (rss, rss_after)}
            print(f"{kind}: {sent} packets, {results[kind]['core']:.1%} of a core, {rss:.1f} to {rss_after:.1f} MiB",
                  file=sys.stderr, flush=True)
    return results


def download(trials, host, torrent, rounds):
    """Seconds of a download from one peer while as much is sent to ttui, or to nobody who hears it, in turn."""
    results = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((v4(SINK), PORT))
        for number in range(rounds):
            result = {}
            for where in ("ttui", "sink") if number % 2 == 0 else ("sink", "ttui"):
                flood = Flood(host, "dht", TRIED + 4 if where == "ttui" else SINK, 120)
                with contextlib.closing(flood):
                    began = time.monotonic()
                    with contextlib.closing(trials.ttui(trials.hosts[4], torrent.file, nodes=[at(BOOTSTRAP[0])],
                                                        more=["--peer", at(SEED)])) as ttui:
                        status = ttui.process.wait(120)
                    result[where] = time.monotonic() - began
                    if status:
                        raise RuntimeError(f"ttui ended with {status}: see {ttui.folder}")
                    os.truncate(f"{ttui.out}/{torrent.name}", 0)
            print(f"round {number + 1}  flooded {result['ttui']:.2f} s  not {result['sink']:.2f} s", file=sys.stderr,
                  flush=True)
            results.append(result)
    return results


def floods(trials, rounds, mib):
    swarm = trials.swarm
    host = swarm.net.host(FLOOD, families=(4,))
    torrent = swarm.torrents["flood"] = Torrent(swarm.work, "flood", mib=mib)
    seed = swarm.began(Libtorrent(swarm.net.host(SEED), trials.folder("seed"), trials.options.libtorrent_python))
    seed.node(SEED, BOOTSTRAP)
    seed.ask("add", SEED, torrent=torrent.file, folder=torrent.parent)
    until("libtorrent to seed", 60, lambda: seed.ask("state", SEED)["done"] == [True])
    return idle(trials, host, torrent), download(trials, host, torrent, rounds)

