//! The requests that one peer made of us: which wait, which are being read, what of them goes out.
//!
//! Reading and the limit are for others ([`Upload::next`], [`Upload::begin`]); what they bring is handed in.

use std::collections::VecDeque;

use bytes::Bytes;

use super::output::Output;
use crate::metainfo::PieceIndex;
use crate::wire::{BlockSpec, PieceHeader};

/// Requests we say we queue (`reqq` of the extension handshake, BEP 10).
pub const OFFERED_REQQ: u32 = 500;
/// A peer with more waiting than this floods us; well past what we offered, for requests that cross our answers.
pub(crate) const MOST_QUEUED: usize = 2 * OFFERED_REQQ as usize;
/// Requests we may have to refuse a peer in a second before that is a flood too.
pub(crate) const MOST_REFUSED: u32 = 4 * OFFERED_REQQ;
/// Requests looked at for how much is wanted of the limit: more than a turn of it is never given.
const COUNTED: usize = 64;

/// Too many requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flood;

/// The requests of one peer. All in it name pieces we have and bytes inside them.
#[derive(Debug, Default)]
pub struct Upload {
    queue: VecDeque<(PieceIndex, BlockSpec)>,
    /// The run being read; a cancelled request is taken out, the bytes of it thrown away.
    reading: Vec<BlockSpec>,
    reading_begin: u32,
    reading_bytes: usize,
    /// Bytes at the end of the run being read that the limit did not let pass yet.
    reading_unpaid: u64,
    /// Bytes that the limit let pass and that were not sent yet.
    paid_bytes: u64,
    whole: bool,
    refused: u32,
    held: bool,
}

impl Upload {
    /// Queues a request.
    ///
    /// # Errors
    ///
    /// [`Flood`] when far more are waiting than we offered to queue.
    pub fn request(&mut self, piece: PieceIndex, spec: BlockSpec) -> Result<(), Flood> {
        if self.queue.len() >= MOST_QUEUED {
            return Err(Flood);
        }
        self.queue.push_back((piece, spec));
        Ok(())
    }

    /// Counts a request that cannot be served.
    ///
    /// # Errors
    ///
    /// [`Flood`] when there are too many such.
    pub fn refuse(&mut self) -> Result<(), Flood> {
        self.refused += 1;
        if self.refused > MOST_REFUSED { Err(Flood) } else { Ok(()) }
    }

    /// A second went by.
    pub fn tick(&mut self) {
        self.refused = self.refused.saturating_sub(OFFERED_REQQ);
    }

    /// Takes a request back; whether it was waiting, so that it is not answered.
    pub fn cancel(&mut self, spec: BlockSpec, output: &mut Output) -> bool {
        if let Some(at) = self.queue.iter().position(|(_, queued)| *queued == spec) {
            self.queue.remove(at);
            return true;
        }
        let reading = self.reading.iter().position(|reading| *reading == spec);
        let paid = match reading {
            Some(at) => {
                self.reading.remove(at);
                Some(u64::from(spec.length) - std::mem::take(&mut self.reading_unpaid))
            }
            None => output.drop_block(header_of(spec)).map(|free| free as u64),
        };
        self.paid_bytes += paid.unwrap_or(0);
        paid.is_some()
    }

    /// Forgets every request whose block was not begun, and names them.
    pub fn forget(&mut self, output: &mut Output) -> Vec<BlockSpec> {
        let (written, free) = output.drop_blocks();
        let specs = written.into_iter().map(|header| BlockSpec {
            index: header.index,
            begin: header.begin,
            length: header.length,
        });
        let reading = self.reading.iter().map(|spec| u64::from(spec.length)).sum::<u64>();
        self.paid_bytes += free as u64 + reading - std::mem::take(&mut self.reading_unpaid);
        specs.chain(self.reading.drain(..)).chain(self.queue.drain(..).map(|(_, spec)| spec)).collect()
    }

    /// Nothing more is read while held.
    pub fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Whether blocks leave whole, not in parts. What we have to say to a peer waits until a block left that was begun:
    /// for long under a small limit, which must not be where we ask for blocks of its.
    pub fn set_whole(&mut self, whole: bool) {
        self.whole = whole;
    }

    /// Bytes that the limit must have let pass before the first request is served, where parts have `part` at least.
    pub fn due_bytes(&self, part: u64) -> u64 {
        let first = self.queue.front().map_or(0, |(_, spec)| u64::from(spec.length));
        if self.whole { first } else { first.min(part) }
    }

    /// Requests waiting.
    pub fn waiting(&self) -> usize {
        self.queue.len() + self.reading.len()
    }

    /// The first request to be served; none while held.
    pub fn next(&self) -> Option<(PieceIndex, BlockSpec)> {
        self.queue.front().filter(|_| !self.held).copied()
    }

    /// Bytes that may leave under the limit before it is asked again.
    pub fn paid_bytes(&self) -> u64 {
        self.paid_bytes
    }

    /// Bytes that are wanted of the limit, as far as it is worth counting them: for what is held back of the block
    /// before, and for the queue.
    pub fn unpaid_bytes(&self, output: &Output) -> u64 {
        let queued = self.queue.iter().take(COUNTED).map(|(_, spec)| u64::from(spec.length)).sum::<u64>();
        (output.held_back() as u64 + queued).saturating_sub(self.paid_bytes)
    }

    /// Lets as much leave of what is held back as is paid for.
    pub fn release(&mut self, output: &mut Output) {
        let paid = usize::try_from(self.paid_bytes).unwrap_or(usize::MAX).min(output.held_back());
        self.paid_bytes -= paid as u64;
        output.hold_back(output.held_back() - paid);
    }

    /// The limit lets so many bytes pass.
    pub fn pay(&mut self, bytes: u64) {
        self.paid_bytes += bytes;
    }

    /// What the limit let pass and was not sent: there is nothing to send, or it never will be.
    pub fn take_paid(&mut self) -> u64 {
        std::mem::take(&mut self.paid_bytes)
    }

    /// Bytes from the first request on that the next ones go on without a gap.
    pub fn run_length(&self, most: u32) -> u32 {
        let Some(&(piece, first)) = self.queue.front() else { return 0 };
        let mut length = first.length;
        for &(next_piece, next) in self.queue.iter().skip(1) {
            let follows = next_piece == piece && next.begin == first.begin + length;
            if !follows || length + next.length > most {
                break;
            }
            length += next.length;
        }
        length
    }

    /// So many bytes from the first request on are being read. Under a limit what is not paid for is held back later.
    pub fn begin(&mut self, length: u32, is_limited: bool) {
        let Some((_, first)) = self.queue.front() else { return };
        self.reading_unpaid = if is_limited { u64::from(length).saturating_sub(self.paid_bytes) } else { 0 };
        self.paid_bytes = self.paid_bytes.saturating_sub(u64::from(length));
        (self.reading_begin, self.reading_bytes) = (first.begin, length as usize);
        self.take_run(first.begin + length);
    }

    fn take_run(&mut self, end: u32) {
        self.reading.clear();
        while let Some((_, spec)) = self.queue.pop_front() {
            self.reading.push(spec);
            if spec.begin + spec.length == end {
                break;
            }
        }
    }

    /// What was being read is here and goes to `output`; whether it has the right length.
    pub fn read(&mut self, bytes: &Bytes, output: &mut Output) -> bool {
        let whole = bytes.len() == self.reading_bytes;
        for spec in std::mem::take(&mut self.reading).into_iter().filter(|_| whole) {
            let from = (spec.begin - self.reading_begin) as usize;
            output.push_block(header_of(spec), bytes.slice(from..from + spec.length as usize));
        }
        let unpaid = std::mem::take(&mut self.reading_unpaid);
        if whole {
            output.hold_back(usize::try_from(unpaid).unwrap_or(0));
        }
        whole
    }
}

fn header_of(spec: BlockSpec) -> PieceHeader {
    PieceHeader { index: spec.index, begin: spec.begin, length: spec.length }
}
