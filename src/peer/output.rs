//! What a connection has yet to send: small messages, and blocks behind them. Of the last block some bytes may be held
//! back: under a small limit it leaves in parts.

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

    fn is_begun(&self) -> bool {
        self.written > 0
    }
}

/// Bytes to send, written in as few calls as can be. Small messages overtake blocks that were not begun.
#[derive(Debug, Default)]
pub struct Output {
    small: BytesMut,
    blocks: VecDeque<OutBlock>,
    /// Bytes of the last block, from its end, that may not leave yet.
    held_back: usize,
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

    /// Holds the last `bytes` of the last block back, fewer than it has. Nothing may be added behind it meanwhile.
    pub fn hold_back(&mut self, bytes: usize) {
        self.held_back = bytes;
    }

    /// Bytes that are held back.
    pub fn held_back(&self) -> usize {
        self.held_back
    }

    /// Takes back every block not begun and names them, with the bytes of theirs that were free to leave.
    pub fn drop_blocks(&mut self) -> (Vec<PieceHeader>, usize) {
        let begun = usize::from(self.blocks.front().is_some_and(OutBlock::is_begun));
        let dropped = self.blocks.drain(begun..).map(|block| block.piece_header).collect::<Vec<_>>();
        let mut free = dropped.iter().map(|header| header.length as usize).sum();
        if !dropped.is_empty() {
            free -= std::mem::take(&mut self.held_back);
        }
        (dropped, free)
    }

    /// Takes back one block if it was not begun, and returns the bytes of it that were free to leave.
    pub fn drop_block(&mut self, header: PieceHeader) -> Option<usize> {
        let at = self.blocks.iter().position(|block| block.piece_header == header && !block.is_begun())?;
        let is_last = at + 1 == self.blocks.len();
        let block = self.blocks.remove(at)?;
        Some(block.data.len() - if is_last { std::mem::take(&mut self.held_back) } else { 0 })
    }

    /// Whether there is nothing that may be sent.
    pub fn is_empty(&self) -> bool {
        match self.blocks.front() {
            None => self.small.is_empty(),
            Some(block) => {
                block.is_begun() && self.blocks.len() == 1 && block.written + self.held_back == block.len()
            }
        }
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
        let mut blocks = self.blocks.iter().enumerate().peekable();
        // What of a block's data may leave.
        let free = |at: usize, block: &OutBlock| {
            let held_back = if at + 1 == self.blocks.len() { self.held_back } else { 0 };
            block.data.len() - held_back
        };
        let mut offer = |slice| {
            slices[count] = IoSlice::new(slice);
            count += usize::from(!<[u8]>::is_empty(slice));
            count
        };
        let mut used = 0;
        let mut is_whole = true;
        if let Some((at, block)) = blocks.next_if(|(_, block)| block.is_begun()) {
            offer(&block.header[block.written.min(PIECE_HEADER_BYTES)..]);
            let end = free(at, block);
            used = offer(&block.data[block.written.saturating_sub(PIECE_HEADER_BYTES)..end]);
            is_whole = end == block.data.len();
        }
        if is_whole {
            used = offer(&self.small);
            for (at, block) in blocks {
                if used + 2 > MOST_SLICES {
                    break;
                }
                offer(&block.header);
                used = offer(&block.data[..free(at, block)]);
            }
        }
        write(&slices[..used])
    }

    /// `n` of the bytes handed out last are written.
    pub fn advance(&mut self, mut n: usize) {
        self.bytes += n as u64;
        if self.blocks.front().is_some_and(OutBlock::is_begun) {
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
            steps in proptest::collection::vec((0u8..4, 0u32..200, 0usize..500), 1..60)
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
                    // Part of the last block waits; what may leave does, and nothing else.
                    2 => if let Some(last) = output.blocks.back().filter(|block| !block.is_begun() && number > 0) {
                        output.hold_back((number as usize).min(last.data.len().saturating_sub(1)));
                        while !output.is_empty() {
                            let before = stream.len();
                            write(&mut output, most.max(1), &mut stream);
                            prop_assert!(stream.len() > before);
                        }
                        output.hold_back(0);
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
        assert_eq!(output.drop_block(block(1, 100).0), None);
        assert_eq!(output.drop_block(block(2, 100).0), Some(100));
        assert_eq!(output.drop_blocks(), (vec![block(3, 100).0], 100));
        assert_eq!(output.block_bytes(), 100);
    }
}
