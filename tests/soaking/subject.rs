//! The program under test, in a process of its own, and what the kernel says it costs.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, SockAddr, Socket, Type};
use ttui::wire::HANDSHAKE_BYTES;

use crate::seeds::{Content, Seed};
use crate::support::program::command;
use crate::support::{Lab, Program};

const PORT: u16 = 6881;
/// Where it is called.
pub(crate) const ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(11, 0, 0, 1)), PORT);

/// What a process has of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) rss_kib: u64,
    pub(crate) files: u64,
    pub(crate) threads: u64,
}

impl Cost {
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        Self {
            rss_kib: field("VmRSS:"),
            files: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64,
            threads: field("Threads:"),
        }
    }
}

/// A download under way.
#[derive(Debug)]
pub(crate) struct Subject {
    program: Program,
    /// Removed when this goes, after the program.
    _lab: Lab,
}

impl Subject {
    /// Starts it, with these seeds to dial, and waits until bytes come.
    pub(crate) async fn start(content: &Content, seeds: &[Seed]) -> Self {
        let lab = Lab::new();
        let torrent = lab.write("it.torrent", &content.torrent_bytes);
        let mut start = command(&lab);
        start.arg("--json").arg(torrent).arg("-o").arg(lab.out()).args(["--port", &PORT.to_string()]);
        for seed in seeds {
            start.args(["--peer", &seed.addr.to_string()]);
        }
        let subject = Self { program: Program::spawn(&mut start), _lab: lab };
        subject.program.until("bytes come", |line| line["have_bytes"].as_u64() > Some(0)).await;
        subject
    }

    pub(crate) fn cost(&self) -> Cost {
        Cost::of(self.program.pid() as u32)
    }

    /// The last line it wrote.
    pub(crate) fn says(&self) -> Value {
        self.program.output().json().last().cloned().unwrap_or(Value::Null)
    }

    /// What the seeds send in this time, bytes; and its peak of memory meanwhile, KiB.
    pub(crate) fn watch(&self, seeds: &[Seed], time: Duration) -> (u64, u64) {
        let served = || seeds.iter().map(Seed::served).sum::<u64>();
        let (before, end) = (served(), Instant::now() + time);
        let mut peak_kib = 0;
        while Instant::now() < end {
            peak_kib = peak_kib.max(self.cost().rss_kib);
            thread::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now())));
        }
        (served() - before, peak_kib)
    }
}

/// Connects from this address, waiting so long at most.
pub(crate) fn call(from: Ipv4Addr, to: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SockAddr::from(SocketAddr::from((from, 0))))?;
    socket.connect_timeout(&SockAddr::from(to), patience)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Calls as a peer does, and tells how long it took to shake hands.
pub(crate) fn shake_hands(content: &Content, from: Ipv4Addr, patience: Duration) -> io::Result<Duration> {
    let began = Instant::now();
    let mut stream = call(from, ADDR, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(&content.handshake())?;
    stream.read_exact(&mut [0; HANDSHAKE_BYTES])?;
    Ok(began.elapsed())
}
