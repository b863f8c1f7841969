"""Programs that take part in the DHT of the lab, each steered over the port or the pipe that it has for that."""

import hashlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import xmlrpc.client

from hosts import PORT, at, v4, v6

HERE = os.path.dirname(os.path.abspath(__file__))
# How often a program is asked how far it is.
ASKED_EVERY_S = 0.05


def until(what, limit_s, holds):
    """Waits for something; returns what came of it. An error may only mean that a program is not up yet."""
    end = time.monotonic() + limit_s
    error = None
    while True:
        try:
            came = holds()
            if came:
                return came
        except (OSError, ValueError, KeyError, IndexError, xmlrpc.client.Error) as failed:
            error = failed
        if time.monotonic() > end:
            raise TimeoutError(f"{limit_s} s are over, waiting for {what}" + (f": {error!r}" if error else ""))
        time.sleep(ASKED_EVERY_S)


class Program:
    """One that runs on a host of its own."""

    def __init__(self, host, folder, nodes, torrent=None, seeds=None):
        """Takes part through these nodes; seeds what stands in a folder, or downloads into it."""
        os.makedirs(folder)
        self.host, self.folder, self.nodes = host, folder, nodes
        self.torrent, self.out = torrent, seeds or f"{folder}/out"
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def spawn(self, *command, **more):
        with open(f"{self.folder}/log", "ab") as log:
            more.setdefault("stdin", subprocess.DEVNULL)
            more.setdefault("stdout", log)
            environment = {**os.environ, "HOME": self.folder, "XDG_STATE_HOME": self.folder,
                           "XDG_CONFIG_HOME": self.folder, **more.pop("env", {})}
            self.process = subprocess.Popen([*self.host.inside(), *command], stderr=log, env=environment, **more)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Transmission(Program):
    def start(self):
        settings = {
            "download-dir": self.out, "incomplete-dir-enabled": False, "rename-partial-files": False,
            "peer-port": PORT, "port-forwarding-enabled": False, "dht-enabled": True, "lpd-enabled": False,
            "pex-enabled": False, "utp-enabled": False, "encryption": 0, "rpc-bind-address": "0.0.0.0",
            "rpc-whitelist-enabled": False, "rpc-host-whitelist-enabled": False, "rpc-authentication-required": False,
            "bind-address-ipv4": v4(self.host.number), "bind-address-ipv6": v6(self.host.number)}
        with open(f"{self.folder}/settings.json", "w", encoding="utf-8") as file:
            json.dump(settings, file)
        with open(f"{self.folder}/dht.bootstrap", "w", encoding="utf-8") as file:
            for number in self.nodes:
                file.write(f"{v4(number)} {PORT}\n{v6(number)} {PORT}\n")
        self.session = ""
        self.spawn("transmission-daemon", "--foreground", "--config-dir", self.folder, "--log-debug")
        if self.torrent:
            until("transmission to take the torrent", 20, self.add)

    def add(self):
        os.makedirs(self.out, exist_ok=True)
        return self.call("torrent-add", filename=self.torrent, **{"download-dir": self.out}) or True

    def done(self):
        torrent = self.call("torrent-get", fields=["percentDone", "status"])["torrents"][0]
        return torrent["percentDone"] == 1 and torrent["status"] in (5, 6)

    def call(self, method, **arguments):
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        request = urllib.request.Request(f"http://{v4(self.host.number)}:9091/transmission/rpc", body,
                                         {"X-Transmission-Session-Id": self.session})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                answer = json.load(answer)
        except urllib.error.HTTPError as refusal:
            self.session = refusal.headers["X-Transmission-Session-Id"]
            raise OSError("asks for its session") from refusal
        if answer["result"] != "success":
            raise ValueError(answer["result"])
        return answer["arguments"]


class Aria2(Program):
    def start(self):
        number = self.host.number
        command = ["aria2c", "--no-conf=true", "--enable-dht=true", "--enable-dht6=true",
                   f"--dht-listen-addr6={v6(number)}", f"--dht-listen-port={PORT}", f"--listen-port={PORT}", f"--dht-file-path={self.folder}/dht.dat",
                   f"--dht-file-path6={self.folder}/dht6.dat", f"--dht-entry-point={at(self.nodes[0])}",
                   f"--dht-entry-point6={at(self.nodes[0], 6)}", "--bt-enable-lpd=false",
                   "--enable-peer-exchange=false", "--check-integrity=true", "--seed-ratio=0.0",
                   "--file-allocation=none", "--enable-rpc=true", "--rpc-listen-all=true", "--log-level=info", "--log=-",
                   f"--dir={self.out}"]
        self.spawn(*command, self.torrent)

    def done(self):
        call = json.dumps({"jsonrpc": "2.0", "id": "", "method": "aria2.tellActive"}).encode()
        with urllib.request.urlopen(f"http://{v4(self.host.number)}:6800/jsonrpc", call, timeout=5) as answer:
            return json.load(answer)["result"][0]["seeder"] == "true"


class Rtorrent(Program):
    """It has IPv4 only."""

    def start(self):
        os.makedirs(self.out, exist_ok=True)
        options = [
            "system.daemon.set=true", f"session.path.set={self.folder}", f"directory.default.set={self.out}",
            f"network.scgi.open_port={v4(self.host.number)}:5000", f"network.port_range.set={PORT}-{PORT}",
            "network.port_random.set=no", "dht.mode.set=on", f"dht.port.set={PORT}", "protocol.pex.set=no",
            "protocol.encryption.set=none", "pieces.hash.on_completion.set=yes"]
        self.spawn("rtorrent", "-n", *(word for option in options for word in ("-O", option)))
        until("rtorrent to know a node", 20,
              lambda: self.call("dht.add_node", "", at(self.nodes[0])) is not None)
        if self.torrent:
            # Without a node its first announce comes to nothing, and the next one is minutes away.
            until("rtorrent to join", 60, lambda: self.call("dht.statistics", "")["nodes"] >= 4)
            with open(self.torrent, "rb") as file:
                self.hash = info_hash(file.read())
            until("rtorrent to take the torrent", 20, self.add)

    def add(self):
        # One that comes before it is ready is forgotten.
        try:
            self.call("d.state", self.hash)
            return True
        except xmlrpc.client.Fault:
            self.call("load.start", "", self.torrent)
            return False

    def done(self):
        return self.call("d.complete", self.hash) == 1 and self.call("d.hashing", self.hash) == 0

    def call(self, method, *arguments):
        body = xmlrpc.client.dumps(arguments, method).encode()
        head = b"CONTENT_LENGTH\0%d\0SCGI\x001\0" % len(body)
        with socket.create_connection((v4(self.host.number), 5000), timeout=5) as line:
            line.sendall(b"%d:%s,%s" % (len(head), head, body))
            answer = b"".join(iter(lambda: line.recv(65536), b""))
        return xmlrpc.client.loads(answer.partition(b"\r\n\r\n")[2])[0][0]


class Libtorrent(Program):
    """Several sessions of it in one process."""

    def __init__(self, host, folder, python):
        self.python = python
        super().__init__(host, folder, [])

    def start(self):
        self.spawn(self.python, f"{HERE}/nodes_libtorrent.py", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, do, number, **more):
        self.process.stdin.write(json.dumps({"do": do, "number": number, **more}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"libtorrent ended: see {self.folder}/log")
        return json.loads(answer)

    def node(self, number, nodes, families=(4, 6), state=None):
        self.ask("start", number, listen=[at(number, family) for family in families], state=state,
                 nodes=[at(other, family) for other in nodes for family in families])


class Nodes(Program):
    """Nodes of the npm package bittorrent-dht, which has IPv4 only."""

    def __init__(self, host, folder, numbers, bootstrap, modules):
        self.numbers, self.modules = numbers, modules
        super().__init__(host, folder, [bootstrap])

    def start(self):
        self.spawn("node", f"{HERE}/nodes.js", self.modules, at(self.nodes[0]), *map(v4, self.numbers),
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def joined(self):
        """How many know other nodes."""
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline() or -1)


class Ttui(Program):
    """`more` goes to its command line."""

    def __init__(self, host, folder, program, torrent, nodes=(), seeds=None, more=(), state=None):
        self.program, self.more, self.state = program, more, state
        super().__init__(host, folder, nodes, torrent, seeds)

    def start(self):
        os.makedirs(self.out, exist_ok=True)
        nodes = [word for node in self.nodes for word in ("--dht-node", node)]
        self.began = time.monotonic()
        self.spawn(self.program, "--headless", "--json", "--log", f"{self.folder}/ttui.log", "-p", str(PORT), "-o",
                   self.out, self.torrent, *nodes, *self.more,
                   env={"XDG_STATE_HOME": self.state or self.folder, "RUST_LOG": "ttui=debug"})

    def done(self):
        return self.process.poll() is not None


def info_hash(torrent):
    """In upper-case hex, of a torrent whose `info` is its last entry."""
    at_info = torrent.index(b"4:info") + 6
    return hashlib.sha1(torrent[at_info:-1]).hexdigest().upper()
