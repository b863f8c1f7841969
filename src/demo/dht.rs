//! The demonstration's DHT: five nodes that know a seed no tracker names, and one that lies.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::address;
use crate::dht::{Action, Dht, Input, Settings};
use crate::engine::clock::Clock;
use crate::metainfo::InfoHash;
use crate::wire::krpc::{Body, Message, NodeId, Query, Reply};

/// Nodes that do as they should.
const NODES: usize = 5;
/// The number of the first among all addresses of the demonstration.
const FIRST: usize = 80;
/// Where nothing is due, it is looked all the same after this time.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Longer than any packet of theirs.
const LONGEST: usize = 2048;

/// The running nodes; they end when this is dropped.
pub(super) struct Nodes {
    /// Where they are.
    pub(super) addrs: Vec<SocketAddr>,
    _tasks: JoinSet<()>,
}

impl Nodes {
    /// Starts them. The first is that of the seed, and announces it: where somebody looks before that, he looks again, for few
    /// nodes answer.
    ///
    /// # Errors
    ///
    /// When no port of loopback can be had.
    pub(super) async fn start(info_hash: InfoHash, seed: SocketAddr, clock: Clock) -> io::Result<Self> {
        let mut sockets = vec![UdpSocket::bind((seed.ip(), 0)).await?];
        for n in 1..=NODES {
            sockets.push(bind(address(FIRST + n)).await?);
        }
        let addrs = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<Vec<_>>>()?;
        let mut tasks = JoinSet::new();
        tasks.extend(sockets.pop().map(lie));
        for (n, socket) in sockets.into_iter().enumerate() {
            let settings = Settings { seed: n as u64, v4: true, port: seed.port(), ..Settings::default() };
            let mut node = Node { dht: Dht::new(settings), socket, clock };
            let others = addrs.iter().copied().filter(|addr| *addr != addrs[n]).collect();
            node.dht.handle(clock.now(), Input::Bootstrap { addrs: others });
            if n == 0 {
                node.dht.handle(clock.now(), Input::Add { info_hash, announce: true });
            }
            tasks.spawn(node.run());
        }
        Ok(Self { addrs, _tasks: tasks })
    }
}

/// A free port of this loopback address, or of 127.0.0.1 where the system has no other.
async fn bind(ip: Ipv4Addr) -> io::Result<UdpSocket> {
    match UdpSocket::bind((ip, 0)).await {
        Ok(socket) => Ok(socket),
        Err(_) => UdpSocket::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await,
    }
}

/// One that does as it should.
struct Node {
    dht: Dht,
    socket: UdpSocket,
    clock: Clock,
}

impl Node {
    async fn run(mut self) {
        let mut packet = [0; LONGEST];
        loop {
            while let Some(action) = self.dht.poll() {
                self.act(action).await;
            }
            let due = self.clock.instant(self.dht.deadline().min(self.clock.now() + LONGEST_SLEEP));
            tokio::select! {
                Ok((length, from)) = self.socket.recv_from(&mut packet) => {
                    self.dht.handle(self.clock.now(), Input::Datagram { from, bytes: &packet[..length] });
                }
                () = sleep_until(due) => self.dht.handle(self.clock.now(), Input::Tick),
            }
        }
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Send { to, bytes } => {
                // As on any network, what is lost is lost.
                let _ = self.socket.send_to(&bytes, to).await;
            }
            Action::Bootstrap | Action::Peers { .. } | Action::Told(..) | Action::Lookup(..) => {}
        }
    }
}

/// One that answers who looks for peers under another id each time, and everything else as it should.
async fn lie(socket: UdpSocket) {
    let (own, mut other) = (NodeId([0x6c; 20]), 0u8);
    let mut packet = [0; LONGEST];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut packet).await else { continue };
        let Ok(Message { transaction, body: Body::Query { query, .. }, .. }) =
            Message::decode(&packet[..length])
        else {
            continue;
        };
        let id = match query {
            Query::GetPeers { .. } => {
                other = other.wrapping_add(1);
                NodeId([other; 20])
            }
            _ => own,
        };
        let body = Body::Reply(Reply::of(id));
        let message = Message { transaction, seen_at: Some(from), read_only: false, body };
        let _ = socket.send_to(&message.encode(), from).await;
    }
}
