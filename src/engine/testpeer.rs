//! A peer for tests that says exactly what it is told to, and shows what it hears.

use std::fmt;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::metainfo::{BlockRef, Geometry};
use crate::wire::{BlockSpec, ExtensionHandshake, Message, PieceHeader};

/// No test waits longer for anything; under a paused clock that costs nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a scripted peer hears.
#[derive(Clone, PartialEq)]
pub(crate) enum Heard {
    /// Any message but a block.
    Message(Message),
    /// A block.
    Block(PieceHeader, Vec<u8>),
    /// The other side closed, or reset.
    End,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Block(header, _) => header.fmt(f),
            Self::End => f.write_str("the end"),
        }
    }
}

/// One end of a connection, driven by a test.
#[derive(Debug)]
pub(crate) struct TestPeer<T> {
    pub(crate) stream: T,
    unread: BytesMut,
}

/// The byte at `at` of a piece in all tests' torrents.
pub(crate) fn content(piece: u32, at: u32) -> u8 {
    (piece.wrapping_mul(131) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8
}

/// A block's bytes in all tests' torrents.
pub(crate) fn block_content(geometry: &Geometry, block: BlockRef) -> Vec<u8> {
    let begin = block.begin();
    (begin..begin + geometry.block_length(block)).map(|at| content(block.piece().number(), at)).collect()
}

impl<T: AsyncRead + AsyncWrite + Unpin> TestPeer<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { stream, unread: BytesMut::new() }
    }

    /// Sends bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.unwrap().unwrap();
    }

    /// Sends messages, all in one write.
    pub(crate) async fn say(&mut self, messages: &[Message]) {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut out));
        self.raw(&out).await;
    }

    /// Sends a block.
    pub(crate) async fn send(&mut self, spec: BlockSpec) {
        let BlockSpec { index, begin, length } = spec;
        let mut out = PieceHeader { index, begin, length }.to_bytes().to_vec();
        out.extend((begin..begin + length).map(|at| content(index, at)));
        self.raw(&out).await;
    }

    /// The next thing it hears.
    pub(crate) async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.read()).await.expect("nothing was said in time")
    }

    /// What it hears within this time; `None`: nothing.
    pub(crate) async fn hear_within(&mut self, time: Duration) -> Option<Heard> {
        timeout(time, self.read()).await.ok()
    }

    /// The next message, which must be this one.
    pub(crate) async fn expect(&mut self, message: Message) {
        assert_eq!(self.hear().await, Heard::Message(message));
    }

    /// The next message, which must be an extension handshake.
    pub(crate) async fn expect_extension_handshake(&mut self) -> ExtensionHandshake {
        match self.hear().await {
            Heard::Message(Message::Extended { id: 0, payload }) => {
                ExtensionHandshake::decode(&payload).unwrap()
            }
            other => panic!("{other:?} where an extension handshake was expected"),
        }
    }

    /// The next `n` messages, which must be requests.
    pub(crate) async fn expect_requests(&mut self, n: usize) -> Vec<BlockSpec> {
        let mut specs = Vec::new();
        while specs.len() < n {
            match self.hear().await {
                Heard::Message(Message::Request(spec)) => specs.push(spec),
                other => panic!("{other:?} after {} requests, where {n} were expected", specs.len()),
            }
        }
        specs
    }

    /// What was read and not yet heard is kept when this is given up half way.
    async fn read(&mut self) -> Heard {
        loop {
            if let Some(length) = self.unread.first_chunk().map(|prefix| u32::from_be_bytes(*prefix) as usize)
                && self.unread.len() >= 4 + length
            {
                let frame = self.unread.split_to(4 + length);
                return match Message::decode(&frame[4..]).unwrap() {
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
