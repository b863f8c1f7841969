"""What a host sends, as `tshark` reads it."""

import os
import subprocess
import time

from clients import until
from hosts import PORT

FIELDS = ("frame.number", "ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "udp.dstport", "tcp.dstport", "_ws.col.Protocol",
          "_ws.expert.message", "udp.payload")
# Packets that the kernel sends by itself: ARP, neighbours, members of groups, what cannot be reached.
KERNEL = {"ARP", "ICMP", "ICMPv6", "IGMPv2", "IGMPv3"}


class Capture:
    def __init__(self, host, file):
        self.file = file
        with open(f"{file}.log", "wb") as log:
            self.process = subprocess.Popen([*host.inside(), "dumpcap", "-q", "-i", "eth0", "-w", file], stdout=log,
                                            stderr=log)
        until("dumpcap to begin", 20, lambda: os.path.exists(file) and os.path.getsize(file) > 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # What left is on its way through the kernel for a moment.
        time.sleep(0.5)
        self.process.terminate()
        self.process.wait()

    def sent(self, *addresses):
        """Packets from these addresses, a dictionary of fields each."""
        wanted = " || ".join(f"{'ipv6' if ':' in address else 'ip'}.src == {address}" for address in addresses)
        command = ["tshark", "-n", "-r", self.file, "-d", f"udp.port=={PORT},bt-dht", "-Y", wanted, "-T", "fields",
                   "-E", "separator=|", *(word for field in FIELDS for word in ("-e", field))]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        return [dict(zip(FIELDS, line.split("|"))) for line in lines.splitlines()]


def to(packet):
    return packet["ip.dst"] or packet["ipv6.dst"]


def payload(packet):
    return bytes.fromhex(packet["udp.payload"].replace(":", ""))
