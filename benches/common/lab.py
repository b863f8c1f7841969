"""What the scripts that measure programs share: a network of their own, the peers of benches/seed.rs, memory made
warm, and what a process cost."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ADDRESS = "10.77.0.1/16"
SEED_ADDRESS = "10.77.0.11"
# No run may take longer, in seconds.
LIMIT = 120
# How much downloads write at a time: whole pieces, runs of long ones, small files.
WARM_WRITES_KIB = (1024, 256, 64)


def target():
    return os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))


def program(path):
    """A program that is there to be run, by its whole path."""
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"no program at {path}; `cargo build --release` builds ttui")
    return path


def add_programs(parser, *benches):
    """What is measured, and with which of the benches."""
    parser.add_argument("--ttui", type=program, default=os.path.join(target(), "release", "ttui"))
    for bench in benches:
        parser.add_argument("--" + bench, type=program, help=f"the built benches/{bench}.rs (default: build it)")


def build_bench(name):
    """Builds benches/NAME.rs and returns its path."""
    command = ["cargo", "bench", "--no-run", "--bench", name, "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    built = [json.loads(line) for line in lines if line.startswith("{")]
    return [made["executable"] for made in built if made.get("target", {}).get("name") == name][-1]


def enter_namespace(options, *benches):
    """Goes on where there is no network but loopback, with these benches built."""
    if "TTUI_BENCH_INSIDE" not in os.environ:
        for bench in benches:
            if not getattr(options, bench):
                sys.argv += ["--" + bench, build_bench(bench)]
        flags = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
        os.environ["TTUI_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", *flags, sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", ADDRESS, "dev", "lo"], check=True)


class Seeds:
    """Peers that cost next to nothing, with their payload and torrent in a folder."""

    def __init__(self, program, folder, first=SEED_ADDRESS, **options):
        command = [program, folder, "--ip", first]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        self.torrent, self.payload = f"{folder}/payload.torrent", f"{folder}/payload"
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("the seed did not start")

    def cpu(self):
        """CPU seconds so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, stopped=True):
        self.process.send_signal(signal.SIGSTOP if stopped else signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def empty(path):
    """Gives back what a file takes, or those in a folder, and keeps them: ext4 without a journal goes far out of its
    way for minutes not to use the inode of a removed file again, and looks at every such one for each file that is
    made."""
    inside = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    for file in inside if os.path.isdir(path) else [path]:
        os.truncate(file, 0)


def fresh(folder):
    """An empty folder. What was in it is emptied and put aside."""
    if os.path.exists(folder) and os.listdir(folder):
        empty(folder)
        os.rename(folder, f"{folder}-aside-{time.monotonic_ns()}")
    os.makedirs(folder, exist_ok=True)


def settle(work, mib):
    """What one run left to be written must not be paid for by the next."""
    os.sync()
    # A virtual machine gives memory that was freed back to its host, and who uses it next pays for getting it:
    # seconds per GiB, once. That is paid here, with files on the same disk, which take memory in blocks as large as
    # downloads do: a write takes blocks of its own length from those that are free, and ten times the time where
    # only blocks of another length were touched before.
    for write_kib in WARM_WRITES_KIB:
        some = bytes(write_kib << 10)
        with open(f"{work}/warm-{write_kib}", "wb", buffering=0) as file:
            for _ in range((mib << 10) * 5 // 4 // write_kib):
                file.write(some)
    for write_kib in WARM_WRITES_KIB:
        os.remove(f"{work}/warm-{write_kib}")


def quiet(config):
    """Settings in this folder of settings by which ttui looks for nobody in the world and on the local network."""
    os.makedirs(f"{config}/ttui", exist_ok=True)
    with open(f"{config}/ttui/config.toml", "w") as settings:
        settings.write("dht = false\nlsd = false\nport-mapping = false\n")


def homes(state):
    """An environment in which programs keep what they remember in this folder, and ttui looks for nobody in the world
    and on the local network."""
    quiet(state)
    return {**os.environ, "XDG_STATE_HOME": state, "XDG_CONFIG_HOME": state, "XDG_CACHE_HOME": state, "HOME": state}


def run(name, command, work, done_file=None):
    """Runs it to its end; returns wall and CPU seconds and peak RSS in MiB. A program that does not end by itself says
    in `done_file` that it is done."""
    log = open(f"{work}/{name}.log", "wb")
    began = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=homes(f"{work}/state"))
    wall = None
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        now = time.monotonic() - began
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            break
        if wall is None and done_file and os.path.exists(done_file):
            wall = now
            os.remove(done_file)
            child.send_signal(signal.SIGTERM)
        elif wall and now > wall + 3 or now > LIMIT:
            child.kill()
        time.sleep(0.002)
    log.close()
    if wall is None and child.returncode != 0:
        sys.exit(f"{name} ended with status {child.returncode}: see {log.name}")
    return wall or now, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
