//! Holds what was read from a recording against what the rest of the program relies on.
//!
//! A recording may come from a stranger: times, sums and piece numbers out of any range would make later sums
//! overflow, and texts could act on a terminal.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use super::parts::{Inspect, Parts};
use super::{At, Event, METADATA_PART_BYTES, MOST_METADATA_BYTES};
use crate::metainfo::{Geometry, PieceIndex};
use crate::text::clean_in_place;

/// No run lasts a hundred years: times beyond it are made up.
pub const LONGEST_RUN: At = At::from_secs(100 * 366 * 24 * 3600);
/// Bytes of a handshake (BEP 3).
pub const HANDSHAKE_BYTES: usize = 68;

/// More a second, or in all, no machine moves; sums of so much cannot overflow.
const MOST_BPS: u64 = 1 << 44;
const MOST_BYTES: u64 = 1 << 48;
const LONGEST_TEXT: usize = 8192;

/// What was read is nothing that a run can have written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// Fails with `what` unless it holds.
///
/// # Errors
///
/// When it does not hold.
pub fn ensure(holds: bool, what: &'static str) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid(what)) }
}

/// # Errors
///
/// When a time lies beyond any run.
pub fn times(times: impl IntoIterator<Item = Option<At>>) -> Result<(), Invalid> {
    ensure(times.into_iter().flatten().all(|at| at <= LONGEST_RUN), "a time beyond any run")
}

/// # Errors
///
/// When a rate (bytes a second) is more than any machine moves.
pub fn rates(rates: impl IntoIterator<Item = u64>) -> Result<(), Invalid> {
    ensure(rates.into_iter().all(|bps| bps <= MOST_BPS), "a rate that no machine reaches")
}

/// # Errors
///
/// When a number of bytes is more than any run moves.
pub fn totals(totals: impl IntoIterator<Item = u64>) -> Result<(), Invalid> {
    ensure(totals.into_iter().all(|bytes| bytes <= MOST_BYTES), "a sum that no run reaches")
}

/// Makes text safe to show, should it not be.
pub fn sanitise(text: &mut String) {
    clean_in_place(text, LONGEST_TEXT);
}

/// Reads a list of no more than `MOST`: a few bytes of a stranger's file can stand for much in memory.
///
/// # Errors
///
/// When there are more, or one of them cannot be read.
pub fn bounded<'de, T: Deserialize<'de>, D: Deserializer<'de>, const MOST: usize>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    from.deserialize_seq(Bounded { most: MOST, fits: |_: &T| true, of: PhantomData })
}

/// The same, where what its items hold comes to no more than `MOST_BYTES` in memory either.
///
/// # Errors
///
/// When there are more, they hold more, or one of them cannot be read.
pub fn bounded_within<'de, T: Holds + Deserialize<'de>, D, const MOST: usize, const MOST_BYTES: usize>(
    from: D,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
{
    let mut room = Room(MOST_BYTES);
    from.deserialize_seq(Bounded { most: MOST, fits: |item: &T| room.takes(item), of: PhantomData })
}

/// What can be asked how much memory it takes.
pub trait Holds {
    /// Bytes it takes, with everything that it alone points to, as near as makes no odds.
    fn bytes(&self) -> usize;
}

/// Bytes that are left.
struct Room(usize);

impl Room {
    fn takes(&mut self, item: &impl Holds) -> bool {
        let left = self.0.checked_sub(item.bytes());
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

struct Bounded<T, F> {
    most: usize,
    fits: F,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(&T) -> bool> Visitor<'de> for Bounded<T, F> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {}", self.most)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == self.most || !(self.fits)(&item) {
                return Err(A::Error::custom("a list longer than any can be"));
            }
            list.push(item);
        }
        Ok(list)
    }
}

/// Reads a table of no more than `MOST`, whose values come to no more than `MOST_BYTES` in memory.
///
/// # Errors
///
/// When there are more, they hold more, or one of them cannot be read.
pub fn bounded_entries<'de, K, V, D, const MOST: usize, const MOST_BYTES: usize>(
    from: D,
) -> Result<BTreeMap<K, V>, D::Error>
where
    K: Deserialize<'de> + Ord,
    V: Holds + Deserialize<'de>,
    D: Deserializer<'de>,
{
    from.deserialize_map(BoundedEntries { most: MOST, room: Room(MOST_BYTES), of: PhantomData })
}

struct BoundedEntries<K, V> {
    most: usize,
    room: Room,
    of: PhantomData<(K, V)>,
}

impl<'de, K, V> Visitor<'de> for BoundedEntries<K, V>
where
    K: Deserialize<'de> + Ord,
    V: Holds + Deserialize<'de>,
{
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a table of at most {}", self.most)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut table = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            if table.len() == self.most || !self.room.takes(&value) {
                return Err(A::Error::custom("a table longer than any can be"));
            }
            table.insert(key, value);
        }
        Ok(table)
    }
}

/// Holds every part against what any run can have, and makes texts safe to show.
struct Check {
    /// Pieces of the torrent, where it matters how many there are.
    pieces: Option<u32>,
    found: Result<(), Invalid>,
}

impl Check {
    fn hold(&mut self, held: Result<(), Invalid>) {
        self.found = self.found.and(held);
    }
}

impl Inspect for Check {
    fn text(&mut self, text: &mut String) {
        sanitise(text);
    }

    fn ip(&mut self, _: &mut IpAddr) {}

    fn time(&mut self, time: At) {
        self.hold(times([Some(time)]));
    }

    fn piece(&mut self, piece: PieceIndex) {
        let exists = self.pieces.is_none_or(|pieces| piece.number() < pieces);
        self.hold(ensure(exists, "a piece that the torrent does not have"));
    }

    fn rate(&mut self, bps: u64) {
        self.hold(rates([bps]));
    }

    fn total(&mut self, bytes: u64) {
        self.hold(totals([bytes]));
    }

    fn handshake(&mut self, bytes: &[u8]) {
        self.hold(ensure(bytes.len() <= HANDSHAKE_BYTES, "a handshake of more than 68 bytes"));
    }
}

/// Holds all parts of it against what any run can have with a torrent of this number of pieces, and makes its texts safe to
/// show.
///
/// # Errors
///
/// When no run can have it.
pub(crate) fn check(it: &mut impl Parts, pieces: Option<u32>) -> Result<(), Invalid> {
    let mut check = Check { pieces, found: Ok(()) };
    it.each(&mut check);
    check.found
}

impl Event {
    /// Holds it against a torrent of this geometry, and makes its texts safe to show. A magnet has no piece before its
    /// geometry is known. Sets of pieces of another length are no news to the ledger.
    ///
    /// # Errors
    ///
    /// When no run with this torrent can have it.
    pub fn check(&mut self, geometry: Option<&Geometry>) -> Result<(), Invalid> {
        if let Self::Limits { down_bps, up_bps } = self {
            rates([*down_bps, *up_bps].into_iter().flatten())?;
        }
        if let Self::MetadataParts { got, of, bytes } = self {
            let parts = bytes.div_ceil(METADATA_PART_BYTES);
            ensure(got <= of && *of == parts && *bytes <= MOST_METADATA_BYTES, "metadata that no run takes")?;
        }
        check(self, Some(geometry.map_or(0, Geometry::piece_count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Some(u8);

    impl Holds for Some {
        fn bytes(&self) -> usize {
            usize::from(self.0)
        }
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Lists {
        #[serde(deserialize_with = "bounded_within::<_, _, 4, 20>")]
        list: Vec<Some>,
        #[serde(deserialize_with = "bounded_entries::<_, _, _, 4, 20>")]
        table: BTreeMap<u8, Some>,
    }

    #[test]
    fn lists_and_tables_are_read_as_far_as_number_and_memory_allow() {
        let reads = |list: &[u8], table: &[u8]| {
            let list = list.iter().copied().map(Some).collect();
            let table = (0..).zip(table.iter().copied().map(Some)).collect();
            let bytes = postcard::to_stdvec(&Lists { list, table }).unwrap();
            postcard::from_bytes::<Lists>(&bytes).is_ok()
        };
        assert!(reads(&[5, 5, 5, 5], &[5, 5, 5, 5]) && reads(&[20], &[20]));
        assert!(!reads(&[0; 5], &[]) && !reads(&[], &[0; 5]));
        assert!(!reads(&[5, 5, 11], &[]) && !reads(&[], &[5, 5, 11]));
    }
}
