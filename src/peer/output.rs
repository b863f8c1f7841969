//! What a connection has yet to send: small messages, and blocks behind them.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::wire::{Message, PIECE_HEADER_BYTES, PieceHeader};

/// Slices of one write.
pub const MOST_SLICES: usize = 66;

#[derive(Debug)]
struct OutBlock {
    header: [u8; PIECE_HEADER_BYTES],
    piece_header: PieceHeader,
    data: Bytes,
    written: usize,
}

impl OutBlock {
    fn len(&self) -> usize {
        PIECE_HEADER_BYTES + self.data.len()
    }
}

/// Bytes to send, written in as few calls as can be. Small messages overtake blocks that were not begun.
#[derive(Debug, Default)]
pub struct Output {
    small: BytesMut,
    blocks: VecDeque<OutBlock>,
    payload_bytes: u64,
    bytes: u64,
}

impl Output {
    /// Adds a small message.
    pub fn push(&mut self, message: &Message) {
        message.encode(&mut self.small);
    }

    /// Adds a block; `data` has the length that `header` names.
    pub fn push_block(&mut self, header: PieceHeader, data: Bytes) {
        self.blocks.push_back(OutBlock { header: header.to_bytes(), piece_header: header, data, written: 0 });
    }

    /// Takes back every block not begun and names them.
    pub fn drop_blocks(&mut self) -> Vec<PieceHeader> {
        let begun = usize::from(self.blocks.front().is_some_and(|block| block.written > 0));
        self.blocks.drain(begun..).map(|block| block.piece_header).collect()
    }

    /// Takes back one block if it was not begun; whether it was.
    pub fn drop_block(&mut self, header: PieceHeader) -> bool {
        let at = self.blocks.iter().position(|block| block.piece_header == header && block.written == 0);
        at.and_then(|at| self.blocks.remove(at)).is_some()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.small.is_empty() && self.blocks.is_empty()
    }

    /// Bytes of small messages waiting.
    pub fn small_bytes(&self) -> usize {
        self.small.len()
    }

    /// Bytes of block data waiting.
    pub fn block_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.data.len()).sum()
    }

    /// Block data sent so far, in bytes.
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// All bytes sent so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hands the next bytes to `write`, in order: the rest of a block begun, the small messages, further blocks.
    pub fn write_with<R>(&self, write: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut slices: [IoSlice<'_>; MOST_SLICES] = std::array::from_fn(|_| IoSlice::new(&[]));
        let mut count = 0;
        let mut blocks = self.blocks.iter().peekable();
        let mut offer = |slice| {
            slices[count] = IoSlice::new(slice);
            count += usize::from(!<[u8]>::is_empty(slice));
            count
        };
        if let Some(block) = blocks.next_if(|block| block.written > 0) {
            offer(&block.header[block.written.min(PIECE_HEADER_BYTES)..]);
            offer(&block.data[block.written.saturating_sub(PIECE_HEADER_BYTES)..]);
        }
        let mut used = offer(&self.small);
        for block in blocks {
            if used + 2 > MOST_SLICES {
                break;
            }
            offer(&block.header);
            used = offer(&block.data);
        }
        write(&slices[..used])
    }

    /// `n` of the bytes handed out last are written.
    pub fn advance(&mut self, mut n: usize) {
        self.bytes += n as u64;
        if self.blocks.front().is_some_and(|block| block.written > 0) {
            n = self.advance_block(n);
        }
        let small = n.min(self.small.len());
        self.small.advance(small);
        n -= small;
        while n > 0 && !self.blocks.is_empty() {
            n = self.advance_block(n);
        }
    }

    fn advance_block(&mut self, n: usize) -> usize {
        let Some(block) = self.blocks.front_mut() else { return n };
        let taken = n.min(block.len() - block.written);
        let payload_before = block.written.saturating_sub(PIECE_HEADER_BYTES);
        block.written += taken;
        self.payload_bytes += (block.written.saturating_sub(PIECE_HEADER_BYTES) - payload_before) as u64;
        if block.written == block.len() {
            self.blocks.pop_front();
        }
        n - taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Head;

    fn block(index: u32, length: u32) -> (PieceHeader, Bytes) {
        (PieceHeader { index, begin: 0, length }, Bytes::from(vec![index as u8; length as usize]))
    }

    /// Reads a stream of whole messages: numbers of `have`s, and pieces of blocks less a thousand.
    fn parse(mut stream: &[u8]) -> Vec<i64> {
        let mut seen = Vec::new();
        while !stream.is_empty() {
            match Head::of(stream).unwrap() {
                Head::Short => panic!("cut short"),
                Head::Frame(length) => {
                    let Message::Have(piece) = Message::decode(&stream[4..4 + length]).unwrap() else {
                        panic!("not a have")
                    };
                    seen.push(i64::from(piece));
                    stream = &stream[4 + length..];
                }
                Head::Piece(header) => {
                    let end = PIECE_HEADER_BYTES + header.length as usize;
                    assert!(stream[PIECE_HEADER_BYTES..end].iter().all(|&byte| byte == header.index as u8));
                    seen.push(i64::from(header.index) - 1000);
                    stream = &stream[end..];
                }
            }
        }
        seen
    }

    proptest! {
        #[test]
        fn messages_stay_whole_under_any_writes(
            steps in proptest::collection::vec((0u8..3, 0u32..200, 0usize..500), 1..60)
        ) {
            let mut output = Output::default();
            let mut stream = Vec::new();
            let mut pushed = Vec::new();
            let write = |output: &mut Output, most: usize, stream: &mut Vec<u8>| {
                let n = output.write_with(|slices| {
                    let before = stream.len();
                    for slice in slices {
                        let room = most - (stream.len() - before);
                        stream.extend_from_slice(&slice[..slice.len().min(room)]);
                    }
                    stream.len() - before
                });
                output.advance(n);
            };
            for (what, number, most) in steps {
                match what {
                    0 => { output.push(&Message::Have(number)); pushed.push(i64::from(number)); }
                    1 => {
                        let (header, data) = block(number, number);
                        output.push_block(header, data);
                        pushed.push(i64::from(number) - 1000);
                    }
                    _ => write(&mut output, most, &mut stream),
                }
            }
            while !output.is_empty() {
                write(&mut output, 333, &mut stream);
            }
            prop_assert_eq!(output.bytes(), stream.len() as u64);
            let mut seen = parse(&stream);
            let (of_blocks, blocks): (Vec<_>, Vec<_>) = (seen.iter().filter(|&&n| n < 0).collect(), pushed.iter().filter(|&&n| n < 0).collect());
            prop_assert_eq!(of_blocks, blocks);
            let payload: i64 = pushed.iter().filter(|&&n| n < 0).map(|n| n + 1000).sum();
            prop_assert_eq!(output.payload_bytes() as i64, payload);
            seen.sort_unstable();
            pushed.sort_unstable();
            prop_assert_eq!(seen, pushed);
        }
    }

    #[test]
    fn small_messages_overtake_blocks_that_were_not_begun() {
        let mut output = Output::default();
        for index in 1..=3 {
            let (header, data) = block(index, 100);
            output.push_block(header, data);
        }
        output.advance(20);
        output.push(&Message::Have(7));
        let stream: Vec<u8> =
            output.write_with(|slices| slices.iter().flat_map(|slice| slice.to_vec()).collect());
        assert_eq!(parse(&stream[93..]), [7, -998, -997]);
    }

    #[test]
    fn a_block_that_was_begun_cannot_be_taken_back() {
        let mut output = Output::default();
        for index in 1..=3 {
            let (header, data) = block(index, 100);
            output.push_block(header, data);
        }
        output.advance(5);
        assert!(!output.drop_block(block(1, 100).0));
        assert!(output.drop_block(block(2, 100).0));
        assert_eq!(output.drop_blocks(), [block(3, 100).0]);
        assert_eq!(output.block_bytes(), 100);
    }
}
