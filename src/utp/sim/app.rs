//! What runs over a stream: an end that sends bytes which can be told by their place, and checks those that come.

use std::io::IoSliceMut;
use std::time::Duration;

use crate::event::At;
use crate::utp::{End, Endpoint, Event, StreamId};
use crate::wire::utp::CloseReason;

/// The first bytes say which transfer it is.
const NUMBER_BYTES: u64 = 8;
const PERIOD: usize = 65_521;
const AT_ONCE: usize = 16 << 10;
/// What one writes whose other end may say anything.
const MOST_POURED: usize = 100 << 10;

/// Bytes of streams, by transfer, direction and place.
pub(super) struct Pattern(Vec<u8>);

impl Pattern {
    pub(super) fn new() -> Self {
        let mut random = fastrand::Rng::with_seed(7);
        let period: Vec<u8> = (0..PERIOD).map(|_| random.u8(..)).collect();
        Self([&period[..], &period[..]].concat())
    }

    /// This many bytes from there on, in the direction of who dialled or of who was called.
    fn bytes(&self, transfer: usize, dialled: bool, from: u64, count: usize) -> &[u8] {
        let from = (from as usize + transfer * 977 + usize::from(dialled) * 31_337) % PERIOD;
        &self.0[from..from + count.min(AT_ONCE)]
    }
}

/// What is to go through a stream, and how far it is.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    /// Bytes that who dialled sends, at least [`Transfer::LEAST`], and those that who was called sends.
    pub(super) sends: [u64; 2],
    /// Bytes a second that each end reads at most.
    pub(super) reads_bps: [Option<u64>; 2],
    /// After this many bytes an end closes, whatever is not done.
    pub(super) leaves_after: [Option<u64>; 2],
    pub(super) open: [bool; 2],
    pub(super) written: [u64; 2],
    /// Bytes that each end read.
    pub(super) got: [u64; 2],
    pub(super) ends: [Option<End>; 2],
    pub(super) reasons: [Option<CloseReason>; 2],
    /// When it was dialled.
    pub(super) begun: At,
    /// When something became of it last.
    pub(super) progress: At,
}

impl Transfer {
    pub(super) const LEAST: u64 = NUMBER_BYTES;

    pub(super) fn new(up: u64, down: u64) -> Self {
        Self {
            sends: [up.max(Self::LEAST), down],
            reads_bps: [None; 2],
            leaves_after: [None; 2],
            open: [false; 2],
            written: [0; 2],
            got: [0; 2],
            ends: [None, None],
            reasons: [None, None],
            begun: At::ZERO,
            progress: At::ZERO,
        }
    }

    /// Whether every byte arrived and both ends know it.
    pub(super) fn is_done(&self) -> bool {
        self.got == [self.sends[1], self.sends[0]] && self.ends.iter().all(|end| *end == Some(End::Finished))
    }

    /// Whether every byte arrived, and one end knows it: what tells the other one may be lost for so long that nobody is there
    /// any more to tell it once more.
    pub(super) fn arrived(&self) -> bool {
        let all = self.got == [self.sends[1], self.sends[0]];
        let told = |end: &Option<End>| matches!(end, Some(End::Finished | End::Reset(None) | End::Silent));
        all && self.ends.contains(&Some(End::Finished)) && self.ends.iter().all(told)
    }

    /// Whether one end gave up: nothing it sent seemed to come through.
    pub(super) fn was_given_up(&self) -> bool {
        self.ends.contains(&Some(End::Silent))
    }

    /// Whether nobody waits for anything any more. Who was called and heard nothing does not know of it.
    pub(super) fn is_over(&self) -> bool {
        self.ends[0].is_some() && (self.ends[1].is_some() || !self.open[1])
    }
}

/// One end of a stream.
pub(super) struct App {
    pub(super) id: StreamId,
    /// `None`: called, and nothing was read yet.
    pub(super) transfer: Option<usize>,
    /// 0: dialled, 1: called.
    side: usize,
    /// Writes anything and reads whatever comes: the other one is no application of ours.
    pours: bool,
    poured: usize,
    first: Vec<u8>,
    may_read: bool,
    may_write: bool,
    done_writing: bool,
    pub(super) gone: bool,
    /// Bytes that it may read by now, where it reads slowly.
    allowance: f64,
    allowed_at: At,
}

/// How soon one that reads slowly looks again.
const SLOWLY: Duration = Duration::from_millis(20);

impl App {
    pub(super) fn new(now: At, id: StreamId, transfer: Option<usize>) -> Self {
        let side = usize::from(transfer.is_none());
        Self {
            id,
            transfer,
            side,
            pours: false,
            poured: 0,
            first: Vec::new(),
            may_read: side == 1,
            may_write: side == 1,
            done_writing: false,
            gone: false,
            allowance: 0.0,
            allowed_at: now,
        }
    }

    /// One whose other end may say anything.
    pub(super) fn pouring(now: At, id: StreamId, dialled: bool) -> Self {
        Self { pours: true, ..Self::new(now, id, dialled.then_some(0)) }
    }

    /// Takes an event.
    pub(super) fn hear(&mut self, event: Event) {
        match event {
            Event::Connected => (self.may_read, self.may_write) = (true, true),
            Event::Readable => self.may_read = true,
            Event::Writable => self.may_write = true,
            Event::Accepted { .. } | Event::Ended => {}
        }
    }

    /// Reads and writes what is possible; `shown` is the time of its host. Tells when it wants to look again.
    pub(super) fn act(
        &mut self,
        (now, shown): (At, At),
        endpoint: &mut Endpoint,
        (transfers, pattern): (&mut [Transfer], &Pattern),
        random: &mut fastrand::Rng,
    ) -> Option<At> {
        if self.pours {
            self.pour(shown, endpoint);
            return None;
        }
        let again = self.read((now, shown), endpoint, (transfers, pattern), random);
        let Some(number) = self.transfer else {
            if endpoint.end_of(self.id).is_some() && endpoint.readable(self.id) == 0 {
                self.gone = true;
                endpoint.close(shown, self.id, REASON);
            }
            return None;
        };
        let transfer = &mut transfers[number];
        if self.may_write && !transfer.open[self.side] {
            transfer.open[self.side] = true;
            transfer.progress = now;
        }
        if transfer.leaves_after[self.side].is_some_and(|after| transfer.got[self.side] >= after) {
            return self.leave((now, shown), endpoint, transfer, Some(End::Ours));
        }
        let ended = endpoint.end_of(self.id).cloned();
        if ended.is_none()
            && endpoint.at_end(self.id)
            && transfer.got[self.side] < transfer.sends[1 - self.side]
        {
            // The other one left.
            return self.leave((now, shown), endpoint, transfer, Some(End::Ours));
        }
        if ended.is_none() {
            self.write(shown, endpoint, (number, transfer), pattern);
        } else if endpoint.readable(self.id) == 0 {
            return self.leave((now, shown), endpoint, transfer, ended);
        }
        again
    }

    fn pour(&mut self, shown: At, endpoint: &mut Endpoint) {
        let mut buffer = [0; AT_ONCE];
        while self.may_read {
            self.may_read = endpoint.read(shown, self.id, &mut [IoSliceMut::new(&mut buffer)]) > 0;
        }
        if endpoint.end_of(self.id).is_some() || endpoint.at_end(self.id) {
            self.gone = true;
            return endpoint.close(shown, self.id, REASON);
        }
        while self.may_write && self.poured < MOST_POURED {
            let count = endpoint.write(shown, self.id, &buffer);
            self.poured += count;
            self.may_write = count == buffer.len();
        }
    }

    fn leave(
        &mut self,
        (now, shown): (At, At),
        endpoint: &mut Endpoint,
        transfer: &mut Transfer,
        end: Option<End>,
    ) -> Option<At> {
        (transfer.ends[self.side], transfer.progress, self.gone) = (end, now, true);
        transfer.reasons[self.side] = endpoint.close_reason(self.id);
        endpoint.close(shown, self.id, REASON);
        assert!(endpoint.end_of(self.id).is_none(), "a stream that was given back is unknown");
        None
    }

    fn read(
        &mut self,
        (now, shown): (At, At),
        endpoint: &mut Endpoint,
        (transfers, pattern): (&mut [Transfer], &Pattern),
        random: &mut fastrand::Rng,
    ) -> Option<At> {
        let rate = self.transfer.and_then(|number| transfers[number].reads_bps[self.side]);
        if let Some(rate) = rate {
            let most = (rate as f64).max(8.0 * AT_ONCE as f64);
            let gained = (now - self.allowed_at).as_secs_f64() * rate as f64;
            (self.allowance, self.allowed_at) = ((self.allowance + gained).min(most), now);
        }
        while self.may_read {
            let mut room = random.usize(1..AT_ONCE);
            if self.transfer.is_none() {
                room = NUMBER_BYTES as usize - self.first.len();
            } else if rate.is_some() {
                if self.allowance < 1.0 {
                    return Some(now + SLOWLY);
                }
                room = room.min(self.allowance as usize);
            }
            let mut buffer = [0; AT_ONCE];
            let (front, back) = buffer[..room].split_at_mut(room / 3);
            let before = endpoint.readable(self.id);
            let mut slices = [IoSliceMut::new(front), IoSliceMut::new(back)];
            let count = endpoint.read(shown, self.id, &mut slices);
            assert_eq!(count, room.min(before), "all that is there, as far as there is room");
            if count == 0 {
                self.may_read = false;
                break;
            }
            assert!(endpoint.readable(self.id) == before - count, "what was read is there no more");
            self.allowance -= count as f64;
            self.take(now, &buffer[..count], transfers, pattern);
        }
        None
    }

    /// Checks what came.
    fn take(&mut self, now: At, bytes: &[u8], transfers: &mut [Transfer], pattern: &Pattern) {
        let Some(number) = self.transfer else { return self.begin(now, bytes, transfers) };
        let transfer = &mut transfers[number];
        let from = transfer.got[self.side];
        assert!(from + bytes.len() as u64 <= transfer.sends[1 - self.side], "more came than was sent");
        let expected = pattern.bytes(number, self.side == 1, from, bytes.len());
        assert!(bytes == expected, "other bytes than were sent, from {from} on");
        transfer.got[self.side] += bytes.len() as u64;
        transfer.progress = now;
    }

    /// Reads which transfer it is.
    fn begin(&mut self, now: At, bytes: &[u8], transfers: &mut [Transfer]) {
        self.first.extend(bytes);
        let Ok(number) = <[u8; 8]>::try_from(&self.first[..]) else { return };
        let number = u64::from_le_bytes(number) as usize;
        let transfer =
            transfers.get_mut(number).filter(|transfer| transfer.got[1] == 0 || transfer.ends[1].is_some());
        let transfer = transfer.expect("the first bytes are those that were sent first");
        if transfer.ends[1].is_some() {
            // Who dialled did not hear that it is over, and what it sent first calls again.
            self.pours = true;
            return;
        }
        (transfer.got[1], transfer.progress) = (NUMBER_BYTES, now);
        self.transfer = Some(number);
    }

    fn write(
        &mut self,
        shown: At,
        endpoint: &mut Endpoint,
        (number, transfer): (usize, &mut Transfer),
        pattern: &Pattern,
    ) {
        let total = transfer.sends[self.side];
        while self.may_write && transfer.written[self.side] < total {
            let from = transfer.written[self.side];
            let left = (total - from).min(AT_ONCE as u64) as usize;
            let numbered = self.side == 0 && from < NUMBER_BYTES;
            let count = if numbered {
                let first = (number as u64).to_le_bytes();
                endpoint.write(shown, self.id, &first[from as usize..])
            } else {
                endpoint.write(shown, self.id, pattern.bytes(number, self.side == 0, from, left))
            };
            transfer.written[self.side] += count as u64;
            self.may_write = count == if numbered { (NUMBER_BYTES - from) as usize } else { left };
        }
        if transfer.open[self.side] && transfer.written[self.side] == total && !self.done_writing {
            self.done_writing = true;
            endpoint.finish(shown, self.id);
        }
    }
}

/// What an end gives as its reason when it closes.
pub(super) const REASON: CloseReason = CloseReason(11);
