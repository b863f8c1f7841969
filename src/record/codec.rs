//! Entries to bytes and back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::batch::Entry;
use crate::event::sound::{sound, times};
use crate::event::{At, Event, PeerKey, PeerSample, Stamped, Unsound};
use crate::metainfo::{Geometry, PieceIndex};

/// An entry as it is written. Times are nanoseconds since the entry before.
#[derive(Serialize, Deserialize)]
enum Written {
    One(i64, Event),
    /// The first piece, then how far on each next one is.
    Haves(i64, PeerKey, Vec<u32>),
    /// Which fields are not what was expected after the last sample (a bit each), and by how much.
    Sample(i64, PeerKey, u8, Vec<i64>),
}

/// Samples are told by what changed: what both ends have to remember for that.
#[derive(Clone, Debug, Default)]
struct Samples(BTreeMap<PeerKey, PeerSample>);

impl Samples {
    /// Forgets what an event makes the ledger forget.
    fn follow(&mut self, event: &Event) {
        match event {
            Event::AttemptBegan { peer, .. } | Event::AttemptEnded { peer, .. } => {
                self.0.remove(peer);
            }
            Event::PeerMerged { gone, into } => {
                self.0.remove(gone);
                self.0.remove(into);
            }
            _ => {}
        }
    }

    /// What changed; `None` when nothing did.
    fn changes(&mut self, peer: PeerKey, sample: &PeerSample) -> Option<(u8, Vec<i64>)> {
        let last = self.0.insert(peer, *sample);
        if last == Some(*sample) {
            return None;
        }
        let pairs = fields(sample).into_iter().zip(expected(last, sample.down_bps, sample.up_bps));
        let (mut mask, mut changes) = (0, Vec::new());
        for (bit, (is, expected)) in pairs.enumerate().filter(|(_, (is, expected))| is != expected) {
            mask |= 1 << bit;
            changes.push(is.wrapping_sub(expected).cast_signed());
        }
        Some((mask, changes))
    }

    /// The sample again.
    fn apply(&mut self, peer: PeerKey, mask: u8, changes: Vec<i64>) -> Option<PeerSample> {
        let last = self.0.get(&peer).copied();
        let mut changes = changes.into_iter();
        let mut next = |bit: u8, expected: u64| match mask >> bit & 1 {
            0 => Some(expected),
            _ => changes.next().map(|change| expected.wrapping_add_signed(change)),
        };
        let before = fields(&last.unwrap_or_default());
        let (down_bps, up_bps) = (next(0, before[0])?, next(1, before[1])?);
        let expected = expected(last, down_bps, up_bps);
        let mut rest = [0; 6];
        for (bit, field) in (2..).zip(&mut rest) {
            *field = next(bit, expected[usize::from(bit)])?;
        }
        let [down_bytes, up_bytes, small @ ..] = rest;
        let [requests_out, request_target, oldest_request_ms, latency_ms] =
            small.map(|field| field.try_into().ok());
        let sample = PeerSample {
            down_bps,
            up_bps,
            down_bytes,
            up_bytes,
            requests_out: requests_out?,
            request_target: request_target?,
            oldest_request_ms: oldest_request_ms?,
            latency_ms: latency_ms?,
        };
        self.0.insert(peer, sample);
        changes.next().is_none().then_some(sample)
    }
}

fn fields(sample: &PeerSample) -> [u64; 8] {
    let PeerSample { down_bps, up_bps, down_bytes, up_bytes, .. } = *sample;
    let PeerSample { requests_out, request_target, oldest_request_ms, latency_ms, .. } = *sample;
    let small = [requests_out, request_target, oldest_request_ms, latency_ms].map(u64::from);
    [down_bps, up_bps, down_bytes, up_bytes, small[0], small[1], small[2], small[3]]
}

/// What the fields are likely to be: as they were, and a second of this rate further.
fn expected(last: Option<PeerSample>, down_bps: u64, up_bps: u64) -> [u64; 8] {
    let mut fields = fields(&last.unwrap_or_default());
    fields[2] = fields[2].wrapping_add(down_bps);
    fields[3] = fields[3].wrapping_add(up_bps);
    fields
}

/// Writes entries. A new one, or one that was reset, begins without memory, as a reader does at a snapshot.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoder {
    samples: Samples,
}

impl Encoder {
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Appends an entry that comes after one of `before`; returns its own time.
    pub(super) fn encode(&mut self, before: At, entry: Entry, out: Vec<u8>) -> (At, Vec<u8>) {
        let at = entry.at();
        let after = nanos(at) - nanos(before);
        let written = match entry {
            Entry::One(Stamped { event: Event::PeerSample { peer, sample }, .. }) => {
                match self.samples.changes(peer, &sample) {
                    Some((mask, changes)) => Written::Sample(after, peer, mask, changes),
                    None => return (before, out),
                }
            }
            Entry::One(Stamped { event, .. }) => {
                self.samples.follow(&event);
                Written::One(after, event)
            }
            Entry::Haves(_, peer, pieces) => {
                let mut last = 0;
                let gaps = pieces.into_iter().map(|piece| {
                    let gap = piece.number() - last;
                    last = piece.number();
                    gap
                });
                Written::Haves(after, peer, gaps.collect())
            }
        };
        let out =
            postcard::to_extend(&written, out).expect("events are plain data, and a vector takes all of it");
        (at, out)
    }
}

/// Reads entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    samples: Samples,
}

impl Decoder {
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The next entry, which comes after one of `before`, and the bytes behind it.
    pub(super) fn decode<'a>(
        &mut self,
        before: At,
        bytes: &'a [u8],
        geometry: &Geometry,
    ) -> Result<(Entry, &'a [u8]), Unsound> {
        let (written, rest) =
            postcard::take_from_bytes(bytes).map_err(|_| Unsound("an event that cannot be read"))?;
        let entry = match written {
            Written::One(after, mut event) => {
                event.check(geometry)?;
                self.samples.follow(&event);
                Entry::One(Stamped { at: later(before, after)?, event })
            }
            Written::Haves(after, peer, gaps) => {
                let mut number = 0u32;
                let pieces = gaps.into_iter().map(|gap| {
                    number = number.checked_add(gap)?;
                    geometry.piece(number)
                });
                let pieces: Option<Vec<PieceIndex>> = pieces.collect();
                let pieces = pieces.ok_or(Unsound("a piece that the torrent does not have"))?;
                Entry::Haves(later(before, after)?, peer, pieces)
            }
            Written::Sample(after, peer, mask, changes) => {
                let sample = self.samples.apply(peer, mask, changes);
                let sample = sample.ok_or(Unsound("a sample that cannot be read"))?;
                sample.check()?;
                Entry::One(Stamped { at: later(before, after)?, event: Event::PeerSample { peer, sample } })
            }
        };
        sound(rest.len() < bytes.len(), "an event without bytes")?;
        Ok((entry, rest))
    }
}

fn nanos(at: At) -> i64 {
    // 292 years.
    i64::try_from(at.as_nanos()).unwrap_or(i64::MAX)
}

fn later(before: At, after: i64) -> Result<At, Unsound> {
    let at = nanos(before)
        .checked_add(after)
        .and_then(|nanos| u64::try_from(nanos).ok())
        .map(Duration::from_nanos);
    let at = at.ok_or(Unsound("a time before the run"))?;
    times([Some(at)])?;
    Ok(at)
}
