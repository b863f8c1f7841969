"""What ttui may never send: packets that are malformed, that leave the lab, any but to its tracker for a private torrent,
and from `check` an announce or an answer."""

import contextlib
import http.server
import ipaddress
import json
import re
import subprocess
import threading
import time

from clients import Libtorrent, Ttui, until
from hosts import PORT, at, v4, v6
from liars import bencode, compact
from packets import KERNEL, Capture, payload, to
from swarm import BOOTSTRAP, SEEDS, Torrent

LAB = [ipaddress.ip_network(network) for network in ("198.18.0.0/15", "2001:db8::/32")]
PRIVATE, CHECKS, PRIVATE_SEED = 230, 231, 232
# What is asked of a router is none of a torrent's.
NO_ROUTER = ("--no-port-mapping",)
# So long ttui goes on with a private torrent after it is complete.
WATCHED_S = 20


class Tracker(http.server.ThreadingHTTPServer):
    """Names one peer."""

    def __init__(self, peer):
        self.peer, self.heard = peer, []
        super().__init__((v4(0), 8080), Answers)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.heard.append(self.path)
        body = bencode({b"interval": 1800, b"peers": self.server.peer})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def is_utp(packet):
    """Whether it begins as packets of uTP do (BEP 29), which `sends_nothing_malformed_over_utp` of the interop tests reads."""
    data = payload(packet)
    return len(data) >= 20 and data[0] & 15 == 1 and data[0] >> 4 <= 4


def malformed(packets):
    """Those that tshark finds fault with, and those to nodes of the DHT, which peers are, too, that it does not take for
    messages of the DHT."""
    ours = [packet for packet in packets if packet["_ws.col.Protocol"] not in KERNEL]
    return [packet for packet in ours if re.search("malformed", packet["_ws.expert.message"], re.IGNORECASE)
            or packet["udp.dstport"] == str(PORT) and packet["_ws.col.Protocol"] != "BT-DHT"
            and not is_utp(packet)]


def outside(packets):
    """Those to addresses that are not of the lab, less multicast on the link."""
    addresses = {to(packet) for packet in packets if packet["_ws.col.Protocol"] not in KERNEL}
    return sorted(address for address in addresses if not ipaddress.ip_address(address).is_multicast
                  and not any(ipaddress.ip_address(address) in network for network in LAB))


def private(trials):
    """A private torrent, with everything on by which peers are found: what is sent besides to its tracker and its peer."""
    swarm, file = trials.swarm, trials.folder("private.pcapng")
    tracker = Tracker(compact(v4(PRIVATE_SEED), PORT))
    torrent = Torrent(swarm.work, "private", info={"private": 1}, announce=f"http://{v4(0)}:8080/announce".encode())
    seed = swarm.began(Libtorrent(swarm.net.host(PRIVATE_SEED), trials.folder("seed"), trials.options.libtorrent_python))
    seed.node(PRIVATE_SEED, [])
    seed.ask("add", PRIVATE_SEED, torrent=torrent.file, folder=torrent.parent)
    host = swarm.net.host(PRIVATE)
    nodes = [at(number, family) for number in BOOTSTRAP for family in (4, 6)]
    with Capture(host, file) as capture:
        with contextlib.closing(Ttui(host, trials.folder("ttui"), trials.options.ttui, torrent.file, nodes,
                                     more=["--seed", *(word for word in NO_ROUTER if word in trials.options.known)])):
            until("the private torrent to be complete", 60,
                  lambda: any("event=completed" in path for path in tracker.heard))
            time.sleep(WATCHED_S)
    tracker.shutdown()
    sent = capture.sent(v4(PRIVATE), v6(PRIVATE))
    allowed = {(v4(0), "8080"), (v4(PRIVATE_SEED), str(PORT))}
    calls = {(to(packet), packet["tcp.dstport"]) for packet in sent if packet["tcp.dstport"]}
    # What answers a connection of the seed goes to a port of its choice.
    strangers = {place for place in calls - allowed if place[0] != v4(PRIVATE_SEED)}
    return {**{kind: sum(bool(packet[f"{kind}.dstport"]) for packet in sent) for kind in ("tcp", "udp")},
            "strangers": sorted(strangers)}


def check(trials):
    """`check` of a torrent that the DHT knows, and of one that nobody has: what it reports, how long it takes, and what
    it sends."""
    swarm, file = trials.swarm, trials.folder("check.pcapng")
    host, results = swarm.net.host(CHECKS), {}
    unknown = Torrent(swarm.work, "unknown", mib=1)
    nodes = [word for number in BOOTSTRAP for word in ("--dht-node", at(number))]
    with Capture(host, file) as capture:
        for name, torrent in ("known", swarm.torrents["libtorrent"]), ("unknown", unknown):
            began = time.monotonic()
            command = [*host.inside(), trials.options.ttui, "check", torrent.file, "--json", *nodes,
                       *(word for word in trials.more if word in trials.options.known_by_check)]
            said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, env=trials.homes(), timeout=120).stdout)
            results[name] = {"seconds": time.monotonic() - began, "live": [
                peer["addr"] for peer in said["peers"] if peer.get("live")]}
    sent = [payload(packet) for packet in capture.sent(v4(CHECKS), v6(CHECKS))
            if packet["udp.payload"] and packet["_ws.col.Protocol"] not in KERNEL]
    queries = [packet for packet in sent if b"1:y1:q" in packet]
    results["sent"] = {"queries": len(queries), "not read-only": sum(b"2:roi1e" not in packet for packet in queries),
                       "others": len(sent) - len(queries), "announces": sum(b"announce_peer" in packet for packet in sent)}
    seed = SEEDS["libtorrent"]
    results["seed found"] = any(place in results["known"]["live"] for place in (at(seed), at(seed, 6)))
    return results
