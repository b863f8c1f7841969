//! A real seed in a process of its own, behind a relay that reads along what it is asked for.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use ttui::metainfo::Bitfield;
use ttui::wire::{HANDSHAKE_BYTES, Message};

use super::support::{Lab, Payload, Program, nobody_at, program, soon};

/// What whoever downloads said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Connections open now.
    pub(crate) open: u32,
    /// Connections in all.
    pub(crate) connections: u32,
    /// Blocks asked for.
    pub(crate) requests: u64,
    /// Blocks asked for: piece, first byte.
    pub(crate) asked: BTreeSet<(u32, u32)>,
    /// Pieces said to be here.
    pub(crate) claimed: BTreeSet<u32>,
}

/// `ttui --seed`, and the relay before it.
pub(crate) struct RealSeed {
    pub(crate) addr: SocketAddr,
    told: Arc<watch::Sender<Told>>,
    _seed: Program,
    _lab: Lab,
    _task: JoinSet<()>,
}

impl RealSeed {
    /// One that sends so many bytes a second.
    pub(crate) async fn start(payload: &Arc<Payload>, bps: u64) -> Self {
        let lab = Lab::new();
        payload.lay_out(&lab.out());
        let at = nobody_at().await;
        let port = at.port().to_string();
        let up = format!("{}K", bps / 1024);
        // Who downloads would name the other seed to it, and that seed would take what it claims for theirs.
        let more = ["--seed", "-p", &port, "--up", &up, "--encryption", "off", "--no-pex"];
        let seed = program::download(&lab, payload, &more);
        seed.until("the seed has everything", |line| line["state"] == "seeding").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let told = Arc::new(watch::channel(Told::default()).0);
        let mut task = JoinSet::new();
        let geometry = payload.torrent.geometry;
        task.spawn({
            let told = Arc::clone(&told);
            async move {
                let mut served = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    told.send_modify(|told| {
                        told.open += 1;
                        told.connections += 1;
                    });
                    let told = Arc::clone(&told);
                    served.spawn(async move {
                        relay(stream, at, geometry.piece_count(), &told).await;
                        told.send_modify(|told| told.open -= 1);
                    });
                }
            }
        });
        Self { addr, told, _seed: seed, _lab: lab, _task: task }
    }

    pub(crate) fn told(&self) -> Told {
        self.told.borrow().clone()
    }

    /// How many blocks it was asked for.
    pub(crate) fn blocks_asked(&self) -> u64 {
        self.told.borrow().requests
    }

    /// Forgets what was said, once nobody is connected.
    pub(crate) async fn begin_anew(&self) {
        let mut told = self.told.subscribe();
        soon("the relay is left alone", told.wait_for(|told| told.open == 0)).await.unwrap();
        self.told.send_replace(Told::default());
    }
}

/// Carries bytes both ways until one side ends.
async fn relay(mut near: TcpStream, at: SocketAddr, pieces: u32, told: &watch::Sender<Told>) {
    let Ok(mut far) = TcpStream::connect(at).await else { return };
    let (mut from_near, mut to_near) = near.split();
    let (mut from_far, mut to_far) = far.split();
    let out = async {
        let mut unread = BytesMut::new();
        let mut shaken = false;
        loop {
            let had = unread.len();
            if !matches!(from_near.read_buf(&mut unread).await, Ok(1..)) {
                return;
            }
            if to_far.write_all(&unread[had..]).await.is_err() {
                return;
            }
            read_along(&mut unread, &mut shaken, pieces, told);
        }
    };
    tokio::select! {
        () = out => {}
        _ = copy(&mut from_far, &mut to_near) => {}
    }
}

/// Takes whole messages off and notes what they ask for and claim.
fn read_along(unread: &mut BytesMut, shaken: &mut bool, pieces: u32, told: &watch::Sender<Told>) {
    if !*shaken {
        if unread.len() < HANDSHAKE_BYTES {
            return;
        }
        unread.advance(HANDSHAKE_BYTES);
        *shaken = true;
    }
    while let Some(length) = unread.first_chunk().map(|prefix| u32::from_be_bytes(*prefix) as usize)
        && unread.len() >= 4 + length
    {
        let frame = unread.split_to(4 + length);
        let message = Message::decode(&frame[4..]).expect("a sound message");
        told.send_modify(|told| match &message {
            Message::Request(spec) => {
                told.requests += 1;
                told.asked.insert((spec.index, spec.begin));
            }
            other => told.claimed.extend(claims(other, pieces)),
        });
    }
}

/// The pieces a message says are here.
pub(crate) fn claims(message: &Message, pieces: u32) -> Vec<u32> {
    match message {
        Message::Have(piece) => vec![*piece],
        Message::Bitfield(bytes) => {
            Bitfield::from_bytes(bytes, pieces).expect("a sound bitfield").numbers().collect()
        }
        Message::HaveAll => (0..pieces).collect(),
        _ => Vec::new(),
    }
}
