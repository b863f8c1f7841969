//! One end of a connection between peers, driven by a test.

use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use ttui::metainfo::{InfoHash, PeerId};
use ttui::wire::{BlockSpec, HANDSHAKE_BYTES, Handshake, Judged, Message, PieceHeader, Reserved};

use super::{Payload, soon};

/// What is heard.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Heard {
    /// Any message but a block.
    Message(Message),
    /// A block.
    Block(PieceHeader, Vec<u8>),
    /// The other side closed, or reset.
    End,
}

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    unread: BytesMut,
}

/// A peer id of a client that does not exist.
pub(crate) fn some_peer_id() -> PeerId {
    let mut id = *b"-XX0001-abcdefghijkl";
    id[8..].fill_with(|| fastrand::alphanumeric() as u8);
    PeerId(id)
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: BytesMut::new() }
    }

    /// Connects and shakes hands for the torrent; without any extension, not even the fast one.
    pub(crate) async fn dial(addr: SocketAddr, info_hash: InfoHash) -> Self {
        let stream = soon("a connection", TcpStream::connect(addr)).await.unwrap();
        let mut wire = Self::new(stream);
        let ours = Handshake { reserved: Reserved::default(), info_hash, peer_id: some_peer_id() };
        wire.raw(&ours.to_bytes()).await;
        let theirs = soon("a handshake in answer", wire.handshake()).await.expect("a handshake in answer");
        assert_eq!(theirs.info_hash, info_hash);
        wire
    }

    /// Reads a handshake; `None` when none comes.
    pub(crate) async fn handshake(&mut self) -> Option<Handshake> {
        while self.unread.len() < HANDSHAKE_BYTES {
            if !matches!(self.stream.read_buf(&mut self.unread).await, Ok(1..)) {
                return None;
            }
        }
        match Handshake::judge(&self.unread.split_to(HANDSHAKE_BYTES)) {
            Judged::Whole(handshake) => Some(handshake),
            _ => None,
        }
    }

    /// Sends bytes as they are. One that no longer listens hears nothing.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let _ = soon("the other side reads", self.stream.write_all(bytes)).await;
    }

    /// Closes, once the other side has, so that nothing is reset.
    pub(crate) async fn leave(mut self) {
        let _ = self.stream.shutdown().await;
        while !matches!(self.stream.read_buf(&mut self.unread).await, Ok(0) | Err(_)) {}
    }

    /// Resets the connection.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Sends bytes one by one, each in a packet of its own.
    pub(crate) async fn dribble(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.raw(&[*byte]).await;
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn say(&mut self, messages: &[Message]) {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut out));
        self.raw(&out).await;
    }

    pub(crate) async fn send_block(&mut self, spec: BlockSpec, content: &[u8]) {
        let header = PieceHeader { index: spec.index, begin: spec.begin, length: spec.length };
        let mut out = header.to_bytes().to_vec();
        out.extend(content);
        self.raw(&out).await;
    }

    /// The next thing heard.
    pub(crate) async fn hear(&mut self) -> Heard {
        soon("something is said", self.read()).await
    }

    /// Hears until something is what is looked for.
    pub(crate) async fn hear_until<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        let look = async {
            loop {
                let heard = self.read().await;
                if let Some(value) = found(&heard) {
                    return value;
                }
                assert_ne!(heard, Heard::End, "the connection ended before: {what}");
            }
        };
        soon(what, look).await
    }

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

    /// What is read and not yet heard is kept when this is given up half way.
    pub(crate) async fn read(&mut self) -> Heard {
        loop {
            if let Some(length) = self.unread.first_chunk().map(|prefix| u32::from_be_bytes(*prefix) as usize)
                && self.unread.len() >= 4 + length
            {
                let frame = self.unread.split_to(4 + length);
                return match Message::decode(&frame[4..]).expect("a sound message") {
                    Message::Piece(header) => Heard::Block(header, frame[13..].to_vec()),
                    message => Heard::Message(message),
                };
            }
            if !matches!(self.stream.read_buf(&mut self.unread).await, Ok(1..)) {
                return Heard::End;
            }
        }
    }
}
