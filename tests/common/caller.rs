//! Connections of tests: shaken hands for as every connection is, and what is said and heard on them by hand.

use std::net::SocketAddr;
use std::sync::LazyLock;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use ttui::engine::clock::Clock;
use ttui::engine::handshake::{Over, Steps, accept, dial};
use ttui::engine::line::Line;
use ttui::engine::mse::{Carrier, Mse};
use ttui::event::Encryption;
use ttui::metainfo::{InfoHash, PeerId};
use ttui::swarm::EncryptionPolicy;
use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Handshake, Judged, Message, Reserved};

use super::{Heard, Payload, Wire, soon};

/// Nobody is told how the handshakes of these tests go.
static UNTOLD: LazyLock<Steps> = LazyLock::new(|| Steps::untold(Clock::start()));

/// A peer id of a client that does not exist.
pub(crate) fn some_peer_id() -> PeerId {
    let mut id = *b"-XX0001-abcdefghijkl";
    id[8..].fill_with(|| fastrand::alphanumeric() as u8);
    PeerId(id)
}

/// The handshake of a peer without any extension, not even the fast one.
pub(crate) fn plain_handshake(info_hash: InfoHash) -> Handshake {
    Handshake { reserved: Reserved::default(), info_hash, peer_id: some_peer_id() }
}

/// Answers who calls, plain or encrypted by this setting; `None` when they do not come to shake hands.
pub(crate) async fn answer(
    stream: TcpStream,
    ours: &Handshake,
    encryption: EncryptionPolicy,
) -> Option<Carrier<TcpStream>> {
    stream.set_nodelay(true).unwrap();
    let mse = Mse::new(encryption, fastrand::u64(..));
    accept(stream, (*ours).into(), &mse, &UNTOLD).await.ok().map(|(carrier, _)| carrier)
}

/// Connects and shakes hands for the torrent, plain or under RC4; without any extension, not even the fast one.
pub(crate) async fn call(addr: SocketAddr, info_hash: InfoHash, encryption: Encryption) -> Carrier {
    let (ours, mse) = (plain_handshake(info_hash), Mse::new(EncryptionPolicy::Require, fastrand::u64(..)));
    let dialled = dial(addr, Over::Tcp, &ours, encryption, &mse, &UNTOLD);
    soon("a handshake in answer", dialled).await.expect("a handshake in answer").0
}

impl Wire {
    /// Connects and shakes hands for the torrent, plain and without any extension.
    pub(crate) async fn dial(addr: SocketAddr, info_hash: InfoHash) -> Self {
        match call(addr, info_hash, Encryption::Plain).await {
            Carrier::Bare(Line::Tcp(stream)) => Self::new(stream),
            other => unreachable!("it was called in plain, over TCP: {other:?}"),
        }
    }

    /// Answers who dials without encryption; `None` when they do not come to shake hands.
    pub(crate) async fn answer(stream: TcpStream, ours: &Handshake) -> Option<Self> {
        match answer(stream, ours, EncryptionPolicy::Off).await? {
            Carrier::Bare(stream) => Some(Self::new(stream)),
            Carrier::Encrypted(_) => None,
        }
    }

    /// Reads a handshake, for one who answers it by hand or not at all; `None` when none comes.
    pub(crate) async fn handshake(&mut self) -> Option<Handshake> {
        let mut theirs = [0; HANDSHAKE_BYTES];
        self.stream.read_exact(&mut theirs).await.ok()?;
        match Handshake::judge(&theirs) {
            Judged::Whole(handshake) => Some(handshake),
            _ => None,
        }
    }

    /// Closes, once the other side has, so that nothing is reset.
    pub(crate) async fn leave(mut self) {
        let _ = self.stream.shutdown().await;
        while self.read().await != Heard::End {}
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Sends bytes one by one, each in a packet of its own.
    pub(crate) async fn dribble(&mut self, bytes: &[u8]) {
        self.stream.set_nodelay(true).unwrap();
        for byte in bytes {
            self.raw(&[*byte]).await;
            tokio::task::yield_now().await;
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// Hears until this message comes.
    pub(crate) async fn expect(&mut self, message: &Message) {
        let is_it = |heard: &Heard| (*heard == Heard::Message(message.clone())).then_some(());
        self.hear_until(&format!("{message:?}"), is_it).await;
    }

    /// Asks for a whole piece, all blocks at once, and holds it against the payload.
    pub(crate) async fn fetch(&mut self, payload: &Payload, index: u32) {
        let length = payload.piece_length(index);
        let blocks: Vec<BlockSpec> = (0..length)
            .step_by(16_384)
            .map(|begin| BlockSpec { index, begin, length: 16_384.min(length - begin) })
            .collect();
        let requests: Vec<Message> = blocks.iter().copied().map(Message::Request).collect();
        self.say(&requests).await;
        for _ in blocks {
            self.hear_until("a block that was asked for", |heard| {
                let Heard::Block(header, bytes) = heard else { return None };
                assert_eq!(header.index, index);
                assert!(
                    bytes == payload.block(index, header.begin, header.length),
                    "wrong bytes in {header:?}"
                );
                Some(())
            })
            .await;
        }
    }
}
