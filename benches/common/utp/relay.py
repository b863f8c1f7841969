"""Carries UDP packets between those who send to it and one host, late, out of order and twice.

  relay.py LISTEN_IP:PORT TO_IP:PORT --delay-ms N [--late PERCENT] [--twice PERCENT]

Each packet waits for half of the delay on each way; those that are late for up to 5 ms more, so that others overtake them.
Prints `ready`.
"""

import argparse
import heapq
import random
import select
import socket
import time

BUFFER = 16 << 20
LATE_MS = 5


def address(text):
    ip, port = text.rsplit(":", 1)
    return ip, int(port)


def opened(where):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    made.bind(where)
    made.setblocking(False)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("listen", type=address)
    parser.add_argument("to", type=address)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--late", type=float, default=0, help="packets of a hundred")
    parser.add_argument("--twice", type=float, default=0, help="packets of a hundred")
    options = parser.parse_args()
    near, far = opened(options.listen), opened((options.listen[0], 0))
    far.connect(options.to)
    back_to, waiting, number = None, [], 0
    print("ready", flush=True)
    while True:
        left = waiting[0][0] - time.monotonic() if waiting else 1
        ready = select.select([near, far], [], [], max(left, 0))[0]
        now = time.monotonic()
        for source in ready:
            for _ in range(64):
                try:
                    packet, came_from = source.recvfrom(2048)
                except (BlockingIOError, ConnectionRefusedError):
                    break
                if source is near:
                    back_to = came_from
                times = 2 if random.random() * 100 < options.twice else 1
                for _ in range(times):
                    late = options.delay_ms / 2
                    if random.random() * 100 < options.late:
                        late += random.random() * LATE_MS
                    number += 1
                    heapq.heappush(waiting, (now + late / 1000, number, source is near, packet))
        while waiting and waiting[0][0] <= now:
            _, _, forth, packet = heapq.heappop(waiting)
            try:
                if forth:
                    far.send(packet)
                elif back_to:
                    near.sendto(packet, back_to)
            except (BlockingIOError, ConnectionRefusedError):
                # The line is full, or nobody is there: the packet is lost.
                pass


main()
