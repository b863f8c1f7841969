"""When the first packet of each kind leaves a host: a query of the DHT by its method, a connection by where it is opened
to. Run on the host, this file says it in a line of JSON each. Times are those of the machine's monotonic clock."""

import json
import os
import re
import socket
import subprocess
import sys
import time

OUTGOING = 4
QUERY = re.compile(rb"1:q(?:4:(ping)|9:(find_node|get_peers)|13:(announce_peer))")
UDP, TCP, SYN, ACK = 17, 6, 2, 16


def kind(packet):
    """What an IP packet is, if it is of interest."""
    if packet[0] >> 4 == 4:
        head, protocol, to = (packet[0] & 15) * 4, packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20])
    else:
        head, protocol, to = 40, packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
    body = packet[head:]
    if protocol == UDP:
        found = QUERY.search(body)
        return next(filter(None, found.groups())).decode() if found else None
    if protocol == TCP and body[13] & (SYN | ACK) == SYN:
        return f"to {to} {int.from_bytes(body[2:4], 'big')}"
    return None


class Watch:
    """What leaves a host from now on."""

    def __init__(self, host):
        self.seen = {}
        self.process = subprocess.Popen([*host.inside(), sys.executable, os.path.abspath(__file__)],
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self):
        while line := self.process.stdout.readline():
            said = json.loads(line)
            self.seen[said["what"]] = said["at"]

    def wait(self, what, limit_s):
        end = time.monotonic() + limit_s
        while what not in self.seen:
            if time.monotonic() > end:
                raise TimeoutError(f"{limit_s} s are over, waiting for {what}; seen: {sorted(self.seen)}")
            time.sleep(0.005)
            self.read()

    def since(self, began):
        """Seconds from then to the first of each kind."""
        return {what: at - began for what, at in self.seen.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def main():
    seen, line = set(), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    print("{}", flush=True)
    while True:
        packet, (_, protocol, direction, *_) = line.recvfrom(2048)
        if direction != OUTGOING or protocol not in (0x0800, 0x86dd):
            continue
        what = kind(packet)
        if what and what not in seen:
            seen.add(what)
            print(json.dumps({"at": time.monotonic(), "what": what}), flush=True)


if __name__ == "__main__":
    main()
