//! Samples of peers, told by what changed.
//!
//! A sample is a row of numbers, in the order of its fields. Which field is which the schema tells, so a
//! sample may get and lose fields like everything else.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::schema::{self, ReadError, Root, Schema, Unknown, WriteError};
use crate::event::{Event, PeerKey, PeerSample, Subject};

/// Totals are likely to have grown by a second of their rate.
const GROW_BY: [(&str, &str); 2] = [("down_bytes", "down_bps"), ("up_bytes", "up_bps")];
/// Numbers of a row that can be told by what changed: a bit each says which did.
const MOST_NUMBERS: usize = u64::BITS as usize;

/// How a sample is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// Not at all: it is like the last one.
    Nothing,
    /// Which numbers are not what was expected (a bit each), and by how much.
    Some(u64, Vec<i64>),
    /// As it is: some of it is no number.
    Whole,
}

/// The last sample of every connection: what both ends have to remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    last: BTreeMap<(Subject, PeerKey), Vec<u64>>,
    /// Of each number the place of the rate it grows by; `None` where samples cannot be told by numbers. A sample has the
    /// same fields throughout a file.
    rates: OnceCell<Option<Vec<Option<usize>>>>,
}

impl Samples {
    /// Forgets what an event makes the ledger forget.
    pub(super) fn follow(&mut self, of: Subject, event: &Event) {
        match event {
            Event::AttemptBegan { peer, .. }
            | Event::AttemptEnded { peer, .. }
            | Event::HungUp { peer, .. }
            | Event::PeerSample { peer, .. } => {
                self.last.remove(&(of, *peer));
            }
            Event::PeerMerged { gone, into } => {
                self.last.remove(&(of, *gone));
                self.last.remove(&(of, *into));
            }
            _ => {}
        }
    }

    /// What changed.
    pub(super) fn changes(
        &mut self,
        schema: &mut Schema,
        of: Subject,
        peer: PeerKey,
        sample: &PeerSample,
    ) -> Result<Change, WriteError> {
        let mut bytes = Vec::new();
        schema::write(schema, Root::Sample, sample, &mut bytes)?;
        let row = numbers(&bytes);
        let rates = self.rates.get_or_init(|| rates(schema)).as_ref();
        let Some(rates) = rates.filter(|rates| rates.len() == row.len()) else { return Ok(Change::Whole) };
        let last = self.last.insert((of, peer), row.clone());
        if last.as_ref() == Some(&row) {
            return Ok(Change::Nothing);
        }
        let last = last.unwrap_or_else(|| vec![0; row.len()]);
        let (mut mask, mut changes) = (0, Vec::new());
        for (bit, ((is, last), rate)) in row.iter().zip(&last).zip(rates).enumerate() {
            let expected = last.wrapping_add(rate.map_or(0, |rate| row[rate]));
            if *is != expected {
                mask |= 1 << bit;
                changes.push(is.wrapping_sub(expected).cast_signed());
            }
        }
        Ok(Change::Some(mask, changes))
    }

    /// The sample again.
    pub(super) fn apply(
        &mut self,
        schema: &Schema,
        unknown: &mut Unknown,
        (of, peer): (Subject, PeerKey),
        mask: u64,
        changes: &[i64],
    ) -> Result<PeerSample, ReadError> {
        let broken = || ReadError::broken("a sample that does not fit its schema");
        let rates = self.rates.get_or_init(|| rates(schema)).as_ref().ok_or_else(broken)?;
        if mask.count_ones() as usize != changes.len()
            || mask.checked_shr(rates.len() as u32).unwrap_or(0) > 0
        {
            return Err(broken());
        }
        let mut row = self.last.remove(&(of, peer)).unwrap_or_else(|| vec![0; rates.len()]);
        let mut changes = changes.iter();
        for (bit, number) in row.iter_mut().enumerate() {
            if mask >> bit & 1 == 1 {
                *number = number.wrapping_add_signed(*changes.next().ok_or_else(broken)?);
            }
        }
        for (total, rate) in rates.iter().enumerate() {
            let grown = rate.map_or(0, |rate| row[rate]);
            row[total] = row[total].wrapping_add(grown);
        }
        let mut bytes = Vec::new();
        row.iter().for_each(|number| schema::unsigned(*number, &mut bytes));
        self.last.insert((of, peer), row);
        schema::read(schema, unknown, Root::Sample, &bytes).map(|(sample, _)| sample)
    }
}

fn rates(schema: &Schema) -> Option<Vec<Option<usize>>> {
    let names = schema.numbers(Root::Sample).filter(|names| names.len() <= MOST_NUMBERS)?;
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let rate = |name: &&str| {
        let (_, rate) = GROW_BY.into_iter().find(|(total, _)| total == name)?;
        place(rate)
    };
    Some(names.iter().map(rate).collect())
}

/// The numbers of a row.
fn numbers(bytes: &[u8]) -> Vec<u64> {
    let ends = |byte: &u8| *byte < 0x80;
    let number =
        |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f));
    bytes.split_inclusive(ends).map(number).collect()
}
