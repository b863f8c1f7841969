//! One connection of a client: the real protocol, and what its carrier does for it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::{At, BlockRef, Geometry, Said};
use crate::metainfo::BLOCK_LENGTH;
use crate::peer::{Connection, Fault, Ours};
use crate::wire::{Head, Message, PIECE_HEADER_BYTES, Reserved};

/// The bytes of every block: nobody looks at them.
static BLOCK: [u8; BLOCK_LENGTH as usize] = [0; BLOCK_LENGTH as usize];

pub(super) struct Conn {
    pub(super) addr: SocketAddr,
    pub(super) protocol: Connection,
    /// Blocks of use that came and were not told of, and whether each is right.
    pub(super) came: Vec<(BlockRef, bool)>,
    /// Bytes counted of the block that is arriving.
    begun_bytes: u64,
}

impl Conn {
    pub(super) fn new(ours: &Arc<Ours>, reserved: Reserved, addr: SocketAddr, now: At) -> Self {
        let protocol = Connection::new(Arc::clone(ours), reserved, now);
        Self { addr, protocol, came: Vec::new(), begun_bytes: 0 }
    }

    pub(super) fn hear(&mut self, now: At, geometry: Geometry, said: Said) -> Result<(), Fault> {
        match said {
            Said::Messages(messages) => {
                messages.into_iter().try_for_each(|message| self.protocol.message(now, message))
            }
            Said::Block(block, right) => {
                let length = u64::from(geometry.block_length(block));
                let more = length - std::mem::take(&mut self.begun_bytes).min(length);
                self.protocol.progressed(now, more, 0);
                if self.protocol.block(now, block)? {
                    self.came.push((block, right));
                }
                Ok(())
            }
        }
    }

    /// Of a block `begun` bytes are here, and it may be time to look at what went by.
    pub(super) fn second(&mut self, now: At, begun: u64) -> Result<(), Fault> {
        let more = begun.saturating_sub(std::mem::replace(&mut self.begun_bytes, begun));
        if more > 0 {
            self.protocol.progressed(now, more, u32::try_from(begun).unwrap_or(u32::MAX));
        }
        if now >= self.protocol.deadline() { self.protocol.tick(now) } else { Ok(()) }
    }

    /// What is to be said now, blocks left out.
    pub(super) fn write(&mut self, now: At) -> Option<Said> {
        self.protocol.refill(now);
        if self.protocol.output().is_empty() {
            return None;
        }
        let (bytes, messages) = self.protocol.output().write_with(|slices| {
            let messages = slices.iter().flat_map(|slice| decode(slice)).collect();
            (slices.iter().map(|slice| slice.len()).sum(), messages)
        });
        self.protocol.sent(bytes);
        Some(Said::Messages(messages))
    }

    /// Takes the next block it was asked for, to send it.
    pub(super) fn take(&mut self, geometry: Geometry) -> Option<BlockRef> {
        let (upload, output) = self.protocol.serve();
        let (_, spec) = upload.next()?;
        upload.begin(spec.length, false);
        assert!(upload.read(&Bytes::from_static(&BLOCK[..spec.length as usize]), output));
        assert_eq!(output.small_bytes(), 0, "messages go first");
        let bytes = PIECE_HEADER_BYTES + output.block_bytes();
        self.protocol.sent(bytes);
        geometry.block_at(spec.index, spec.begin)
    }
}

/// The messages of what is written, which are whole.
fn decode(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Ok(Head::Frame(length)) = Head::of(bytes) {
        messages.push(Message::decode(&bytes[4..4 + length]).expect("a message of ours"));
        bytes = &bytes[4 + length..];
    }
    assert!(bytes.is_empty(), "no message: {bytes:?}");
    messages
}
