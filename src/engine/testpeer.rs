//! A peer for tests of one connection, and the content of all their torrents.

#[allow(dead_code, reason = "tests over sockets use all of it")]
#[path = "../../tests/common/wire.rs"]
mod wire;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::wire::{Heard, PATIENCE, Wire};
use crate::metainfo::{BlockRef, Geometry};
use crate::wire::{BlockSpec, ExtensionHandshake, Message};

/// The byte at `at` of a piece in all tests' torrents.
pub(crate) fn content(piece: u32, at: u32) -> u8 {
    (piece.wrapping_mul(131) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8
}

/// A block's bytes in all tests' torrents.
pub(crate) fn block_content(geometry: &Geometry, block: BlockRef) -> Vec<u8> {
    let begin = block.begin();
    (begin..begin + geometry.block_length(block)).map(|at| content(block.piece().number(), at)).collect()
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// Sends a block.
    pub(crate) async fn send(&mut self, spec: BlockSpec) {
        let bytes: Vec<u8> =
            (spec.begin..spec.begin + spec.length).map(|at| content(spec.index, at)).collect();
        self.send_block(spec, &bytes).await;
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
}
