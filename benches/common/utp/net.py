"""Two hosts and the line between them, in network namespaces: a veth pair with an MTU of 1 500, or two and a router in
which packets are dropped or wait.

Behind a router packets leave one by one (`gso_max_segs`): what is dropped or waits there is a packet, not a bundle of 64.
"""

import os
import subprocess

PORT = 6881


class Host:
    """A machine of its own."""

    def __init__(self, address):
        self.address = address
        # A process that does nothing but keep the namespace, until its standard input closes.
        self.holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo here; read -r _"], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.readline() != "here\n":
            raise OSError("no network namespace can be made")
        self.run("ip link set lo up")

    def inside(self):
        """What a command begins with that is to run there."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]

    def run(self, words):
        subprocess.run([*self.inside(), *words.split()], check=True)

    def shell(self, line):
        subprocess.run([*self.inside(), "sh", "-c", line], check=True)

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


def connect(one, other, names, addresses):
    """A veth pair between them, with these names and addresses."""
    subprocess.run(["ip", "link", "add", names[0], "netns", str(one.holder.pid), "mtu", "1500", "type", "veth",
                    "peer", "name", names[1], "netns", str(other.holder.pid), "mtu", "1500"], check=True)
    for host, name, address in zip((one, other), names, addresses):
        host.run(f"ip address add {address}/24 dev {name}")
        host.run(f"ip link set {name} up")


class Direct:
    """Nothing but a cable."""

    def __init__(self):
        self.sender, self.receiver = Host("10.78.0.1"), Host("10.78.0.99")
        connect(self.sender, self.receiver, ("to0", "to1"), ("10.78.0.1", "10.78.0.99"))

    def close(self):
        self.sender.end()
        self.receiver.end()


class Routed:
    """A router between them."""

    def __init__(self):
        self.sender, self.router, self.receiver = Host("10.78.1.1"), Host("10.78.1.2"), Host("10.78.2.1")
        connect(self.sender, self.router, ("to0", "left"), ("10.78.1.1", "10.78.1.2"))
        connect(self.receiver, self.router, ("to0", "right"), ("10.78.2.1", "10.78.2.2"))
        self.sender.run("ip route add default via 10.78.1.2")
        self.receiver.run("ip route add default via 10.78.2.2")
        self.router.shell("echo 1 > /proc/sys/net/ipv4/ip_forward")
        for host, names in ((self.sender, ["to0"]), (self.receiver, ["to0"]), (self.router, ["left", "right"])):
            for name in names:
                host.run(f"ip link set dev {name} gso_max_segs 1")

    def lose(self, of_hundred):
        """Drops this many UDP packets of a hundred, both ways."""
        self.router.shell(f"""nft '
            add table ip lossy
            add chain ip lossy forward {{ type filter hook forward priority 0; }}
            add rule ip lossy forward meta l4proto udp numgen random mod 100 < {of_hundred} drop'""")

    def narrow(self, mbit, queue_s):
        """What is sent to the receiver goes at this rate, and waits for up to this time."""
        limit = mbit * 125_000 * queue_s
        self.router.run(f"tc qdisc add dev right root tbf rate {mbit}mbit burst 4kb limit {limit}")

    def carried(self):
        """Bytes that went to the receiver, as its interface counts them."""
        lines = subprocess.run([*self.receiver.inside(), "cat", "/proc/net/dev"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
        return next(int(line.split(":")[1].split()[0]) for line in lines if line.strip().startswith("to0:"))

    def close(self):
        for host in (self.sender, self.router, self.receiver):
            host.end()


def cpu(pid):
    """CPU seconds of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
