"""Hosts on a bridge: each a network namespace of its own with public-looking addresses, each in a network of its own.

The number `n` stands for 198.18.n.7 and 2001:db8:n::7. The bridge itself is number 0. What is sent to any other address
reaches the bridge, which forwards nothing: no packet leaves.
"""

import subprocess

PORT = 6881


def v4(number):
    return f"198.18.{number}.7"


def v6(number):
    return f"2001:db8:{number:x}::7"


def at(number, family=4, port=PORT):
    """The address and port that programs take."""
    return f"{v4(number)}:{port}" if family == 4 else f"[{v6(number)}]:{port}"


def ip(*words, host=None):
    subprocess.run([*(host.inside() if host else ()), "ip", *words], check=True)


class Net:
    """The bridge."""

    def __init__(self):
        self.hosts = []
        ip("link", "add", "br0", "type", "bridge")
        ip("address", "add", f"{v4(0)}/15", "dev", "br0")
        ip("address", "add", f"{v6(0)}/32", "dev", "br0", "nodad")
        ip("link", "set", "br0", "up")

    def host(self, *numbers, families=(4, 6)):
        """A machine that has the addresses of all these numbers."""
        host = Host(len(self.hosts), numbers, families)
        self.hosts.append(host)
        return host

    def end(self):
        for host in self.hosts:
            host.end()


class Host:
    def __init__(self, index, numbers, families):
        self.number = numbers[0]
        # A process that does nothing but keep the namespace, until its standard input closes.
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo here; read -r _"], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.readline() != "here\n":
            raise OSError("no network namespace can be made")
        outside = f"h{index}"
        ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        ip("link", "set", outside, "master", "br0", "up")
        lines = ["link set lo up", "link set eth0 up"]
        if 4 in families:
            lines += [f"address add {v4(number)}/15 dev eth0" for number in numbers]
            lines.append(f"route add default via {v4(0)}")
        if 6 in families:
            lines += [f"address add {v6(number)}/32 dev eth0 nodad" for number in numbers]
            lines.append(f"-6 route add default via {v6(0)}")
        for line in lines:
            ip(*line.split(), host=self)

    def inside(self):
        """What a command begins with that is to run there."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()
