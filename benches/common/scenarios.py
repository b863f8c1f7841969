"""The swarms of benches/swarms: what their peers do, as common/script.rs reads it. All of it follows from the names."""

import math
import random

MS = 1000


def some(count, rate, **script):
    """Peers of the same rate. What is to differ between them is a function of their number."""
    def of(number, value):
        return value(number) if callable(value) else value

    return [{"rate": round(of(number, rate)), **{key: of(number, value) for key, value in script.items()}}
            for number in range(count)]


def on(for_s, off_s=None, from_s=0):
    """On for a while from then on, off for a while (or for ever), and so on."""
    return {"from_ms": round(from_s * MS), "on_ms": round(for_s * MS),
            "off_ms": None if off_s is None else round(off_s * MS)}


def since(from_s):
    """On from then on."""
    return {"from_ms": round(from_s * MS)}


def log_normal(rng, median, sigma):
    return lambda number: max(300, median * math.exp(rng.gauss(0, sigma)))


def shares(rng, peers, pieces, low, high):
    """Leaves each peer a random part of the pieces, and gives those that nobody has left to anybody."""
    owned = set()
    for peer in peers:
        count = max(1, round(pieces * rng.uniform(low, high)))
        peer["pieces"] = sorted(rng.sample(range(pieces), count))
        owned.update(peer["pieces"])
    for piece in sorted(set(range(pieces)) - owned):
        peer = rng.choice(peers)
        peer["pieces"] = sorted([*peer["pieces"], piece])
    return peers


def but(pieces, missing):
    return [piece for piece in range(pieces) if piece not in missing]


def unsteady(rng, peer):
    """Gives a peer one of the ways not to be relied upon."""
    way = rng.randrange(6)
    if way == 0:
        peer["serves"] = on(rng.uniform(3, 15), rng.uniform(3, 20), rng.uniform(0, 10))
    elif way == 1:
        peer.update(here=on(rng.uniform(3, 15), rng.uniform(2, 10)), dials=True)
    elif way == 2:
        peer["here"] = on(rng.uniform(2, 15))
    elif way == 3:
        peer["serves"] = since(rng.uniform(1, 12))
    elif way == 4:
        peer.update(here=since(rng.uniform(1, 12)), dials=True, named=False)
    else:
        peer["refuses_every"] = rng.randint(2, 10)
    return peer


NAMED = {}


def swarm(mib, piece_kib, what):
    """Enters a swarm of this name: its peers are made from a generator of random numbers, and how many pieces."""
    def enter(make):
        name = make.__name__.replace("_", "-")
        peers = make(random.Random(name), -(-(mib << 10) // piece_kib))
        length = f"{piece_kib} KiB" if piece_kib < 1024 else f"{piece_kib >> 10} MiB"
        NAMED[name] = {"name": name, "what": f"{what}; {mib} MiB, pieces of {length}",
                       "script": {"mib": mib, "piece_kib": piece_kib, "peers": peers}}
        return make
    return enter


# Those that ttui was slowest in when it knew only seeds that cost nothing.

@swarm(40, 1024, "30 peers at 1 KiB/s, a seed of 3 MB/s")
def trickle_1(rng, pieces):
    return some(30, 1024) + some(1, 3e6)


@swarm(40, 1024, "25 peers at 8 KiB/s, a seed of 3 MB/s")
def trickle_8(rng, pieces):
    return some(25, 8 * 1024) + some(1, 3e6)


@swarm(64, 4096, "30 peers at 2 KiB/s, a seed of 4 MB/s")
def trickle_long(rng, pieces):
    return some(30, 2 * 1024) + some(1, 4e6)


@swarm(60, 1024, "60 peers at 100 kB/s, each the only one to have one piece")
def sole_holders(rng, pieces):
    return some(60, 1e5, pieces=lambda number: [number])


@swarm(10, 256, "10 peers at 2 KiB/s, a seed of 3 MB/s: end-game")
def end_game(rng, pieces):
    return some(10, 2 * 1024) + some(1, 3e6)


@swarm(24, 1024, "80 partial peers, log-normal around 4 kB/s")
def log_normal_80(rng, pieces):
    return shares(rng, some(80, log_normal(rng, 4e3, 1)), pieces, 0.2, 0.9)


# Others.

@swarm(16, 512, "40 peers at 40 kB/s, unchoked for 10 s and choked for 20 s in turns")
def choke_turns(rng, pieces):
    return some(40, 4e4, serves=lambda number: on(10, 20, rng.uniform(0, 20)), latency_ms=40)


@swarm(16, 512, "10 peers at 50 kB/s that choke and unchoke five times a second, 10 steady ones at 40 kB/s")
def flapping(rng, pieces):
    return some(10, 5e4, serves=on(0.1, 0.1), latency_ms=20) + some(10, 4e4, latency_ms=20)


@swarm(24, 1024, "30 peers at 60 kB/s that hang up after 4 to 12 s and come back after 3 to 8 s")
def hang_ups(rng, pieces):
    return some(30, 6e4, here=lambda number: on(rng.uniform(4, 12), rng.uniform(3, 8)), dials=True, latency_ms=40)


@swarm(24, 2048, "40 peers at 50 kB/s, half of them gone for good after 2 to 12 s")
def leavers(rng, pieces):
    gone = some(20, 5e4, here=lambda number: on(rng.uniform(2, 12)), latency_ms=40)
    return gone + some(20, 5e4, latency_ms=40)


@swarm(64, 2048, "20 peers at 20 kB/s, a seed of 5 MB/s that chokes for the first 8 s")
def late_seed(rng, pieces):
    return some(20, 2e4, latency_ms=40) + some(1, 5e6, serves=since(8), latency_ms=40)


@swarm(24, 1024, "5 peers at 80 kB/s, and 30 more that dial one after the other within 15 s")
def arrivals(rng, pieces):
    late = some(30, 8e4, here=lambda number: since((number + 1) / 2), dials=True, named=False, latency_ms=60)
    return some(5, 8e4, latency_ms=60) + late


@swarm(40, 1024, "20 peers at 100 kB/s that lack two pieces, which another one has")
def rarest(rng, pieces):
    return some(20, 1e5, pieces=but(pieces, (7, 23)), latency_ms=30) + some(1, 1e5, latency_ms=30)


@swarm(48, 4096, "200 peers, log-normal around 10 kB/s")
def log_normal_200(rng, pieces):
    return some(200, log_normal(rng, 1e4, 1.2), latency_ms=lambda number: rng.randint(10, 150))


@swarm(32, 16384, "5 peers at 20, 50, 100, 400 and 1 000 kB/s")
def few(rng, pieces):
    rates = (2e4, 5e4, 1e5, 4e5, 1e6)
    return some(5, lambda number: rates[number], latency_ms=30)


@swarm(64, 16384, "50 peers at 80 kB/s")
def long_pieces(rng, pieces):
    return some(50, 8e4, latency_ms=50)


@swarm(96, 8192, "100 peers at 2 KiB/s, a seed of 7 MB/s")
def crowd(rng, pieces):
    return some(100, 2 * 1024, latency_ms=50) + some(1, 7e6, latency_ms=20)


@swarm(24, 1024, "20 peers at 100 kB/s that refuse every second request")
def refusing(rng, pieces):
    return some(20, 1e5, refuses_every=2, latency_ms=30)


@swarm(24, 1024, "20 peers at 100 kB/s that answer in random order, 200 ms away")
def disorder(rng, pieces):
    return some(20, 1e5, shuffles=True, latency_ms=200)


@swarm(32, 1024, "40 leeches at 60 kB/s that have a tenth and get the rest within 20 s, a seed of 300 kB/s")
def leeches(rng, pieces):
    def gains(number):
        order = rng.sample(range(pieces), pieces)
        begins = pieces // 10
        later = order[begins:]
        times = [round(20 * MS * (at + rng.random()) / len(later)) for at in range(len(later))]
        return order[:begins], [[piece, max(1, at)] for piece, at in zip(later, times)]

    peers = some(40, 6e4, latency_ms=60)
    for number, peer in enumerate(peers):
        peer["pieces"], peer["gains"] = gains(number)
    return peers + some(1, 3e5, latency_ms=60)


@swarm(24, 256, "120 peers with a third of the pieces, log-normal around 10 kB/s")
def partial(rng, pieces):
    return shares(rng, some(120, log_normal(rng, 1e4, 0.8), latency_ms=80), pieces, 0.25, 0.4)


@swarm(40, 2048, "20 peers at 300 B/s, 10 at 200 kB/s")
def drips(rng, pieces):
    return some(20, 300) + some(10, 2e5, latency_ms=30)


@swarm(48, 4096, "60 partial peers, log-normal around 20 kB/s, that choke, leave, come late; a seed of 1 MB/s")
def fickle(rng, pieces):
    peers = shares(rng, some(60, log_normal(rng, 2e4, 1), latency_ms=lambda number: rng.randint(10, 300)),
                   pieces, 0.2, 1)
    for peer in peers:
        unsteady(rng, peer)
    return peers + some(1, 1e6, latency_ms=50)


def log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


# Of a generated swarm: bytes a second in all, MiB, seconds at best.
MOST_RATE = 8e6
SIZES_MIB = (4, 160)
IDEALS_S = (5, 40)


def generated(seed, ideal_s):
    """The swarm of this seed. It is made again until its ideal, which `ideal_s` tells, is no shorter and no longer than
    a measurement may be."""
    for number in range(1000):
        found = draw(random.Random(f"swarm {seed}, {number}"))
        if found is None:
            continue
        took = ideal_s(found["script"])
        if took is not None and IDEALS_S[0] <= took <= IDEALS_S[1]:
            return {"name": f"generated-{seed}", **found}
    raise ValueError(f"no swarm comes from seed {seed}")


def draw(rng):
    count = round(log_uniform(rng, 5, 200))
    piece_kib = 256 << rng.randrange(7)
    median, sigma = log_uniform(rng, 2e3, 2e5), rng.uniform(0.2, 1.4)
    far_ms = round(log_uniform(rng, 5, 300))
    fickleness = rng.choice((0, 0, 0.2, 0.5))
    least_share = rng.choice((1, 1, 0.1, 0.4))
    seed_rate = rng.uniform(3e6, 7e6) if rng.random() < 0.5 else 0
    peers = some(count, log_normal(rng, median, sigma), latency_ms=lambda number: rng.randint(1, far_ms))
    sum_of_rates = sum(peer["rate"] for peer in peers)
    if sum_of_rates > MOST_RATE:
        for peer in peers:
            peer["rate"] = round(peer["rate"] * MOST_RATE / sum_of_rates)
    fickle = [peer for peer in peers if rng.random() < fickleness]
    steady = [peer for peer in peers if not any(peer is one for one in fickle)]
    rate = seed_rate + sum(peer["rate"] for peer in steady)
    if not steady or not seed_rate and len(steady) < 3:
        return None
    for peer in fickle:
        unsteady(rng, peer)
    mib = max(1, round(rate * rng.uniform(6, 30) / 2**20))
    pieces = -(-(mib << 10) // piece_kib)
    if not SIZES_MIB[0] <= mib <= SIZES_MIB[1] or pieces < 3:
        return None
    if least_share < 1:
        for peer in peers:
            peer["pieces"] = sorted(rng.sample(range(pieces), max(1, round(pieces * rng.uniform(least_share, 1)))))
        have = {piece for peer in steady for piece in peer["pieces"]}
        for piece in range(pieces):
            if piece not in have and not seed_rate:
                peer = max(rng.sample(steady, min(3, len(steady))), key=lambda peer: peer["rate"])
                peer["pieces"] = sorted([*peer["pieces"], piece])
    if seed_rate:
        peers += some(1, seed_rate, latency_ms=rng.randint(1, far_ms))
    said = [f"{count} peers, log-normal around {median / 1e3:.0f} kB/s (σ {sigma:.1f})", f"up to {far_ms} ms away"]
    said += ["with all pieces" if least_share == 1 else f"with {least_share * 100:.0f} % of the pieces or more"]
    said += [f"{len(fickle)} of them fickle"] if fickle else []
    said += [f"a seed of {seed_rate / 1e6:.1f} MB/s"] if seed_rate else []
    length = f"{piece_kib} KiB" if piece_kib < 1024 else f"{piece_kib >> 10} MiB"
    return {"what": f"{', '.join(said)}; {mib} MiB, pieces of {length}",
            "script": {"mib": mib, "piece_kib": piece_kib, "peers": peers}}
