//! A row as a snapshot writes it down.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{MOST_ATTEMPTS, Row, Service};
use crate::event::validate::{self, Holds, ensure};
use crate::event::{Attempt, Cause, Invalid, Sample, Source, StreamFigures};
use crate::ledger::conn;
use crate::ledger::peer::{Group, PeerRecord};
use crate::ledger::pieces::Pieces;
use crate::ledger::series::Recent;
use crate::metainfo::Bitfield;

/// A row, written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::ledger) struct SavedRow {
    record: Arc<PeerRecord>,
    has: SavedHas,
    before: (u64, u64),
    not_dialled: Option<Cause>,
    past: Option<(Group, Option<Cause>)>,
    standing: Service,
    #[serde(default)]
    until: Option<(u64, u64)>,
    #[serde(default)]
    passed: Option<Passed>,
}

/// What an earlier version wrote down in place of the recent seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Passed {
    until: (u64, u64),
    seconds: [(u64, u64); 3],
}

impl Holds for SavedRow {
    fn bytes(&self) -> usize {
        let PeerRecord { sources, attempts, info, recent, metadata, stream, .. } = &*self.record;
        let lists = sources.capacity() * size_of::<Source>()
            + attempts.capacity() * size_of::<Attempt>()
            + recent.seconds().capacity() * size_of::<Sample>();
        let metadata = metadata.as_ref().map_or(0, |talk| talk.bytes());
        let stream = stream.as_ref().map_or(0, |_| size_of::<StreamFigures>());
        let extensions = info.extensions.capacity() * size_of::<String>();
        size_of::<Self>() + size_of::<PeerRecord>() + lists + extensions + metadata + stream
    }
}

/// The pieces of a peer, written down: seeds are many, and all the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum SavedHas {
    NotSaid,
    All,
    These(Arc<Bitfield>),
}

impl Row {
    pub(in crate::ledger) fn snapshot(&self) -> SavedRow {
        let Self { record, before, not_dialled, past, standing, until, most_attempts: _, counted: _ } = self;
        let has = match &record.has {
            None => SavedHas::NotSaid,
            Some(has) if has.is_full() => SavedHas::All,
            Some(has) => SavedHas::These(Arc::clone(has)),
        };
        let (record, before, not_dialled) = (Arc::clone(record), *before, *not_dialled);
        SavedRow {
            record,
            has,
            before,
            not_dialled,
            past: *past,
            standing: *standing,
            until: Some(*until),
            passed: None,
        }
    }

    /// The row again; its pieces are counted if it is live.
    pub(in crate::ledger) fn restore(kept: SavedRow, pieces: &mut Pieces) -> Result<Self, Invalid> {
        let SavedRow { mut record, has, before, not_dialled, past, standing, until, passed } = kept;
        check(Arc::make_mut(&mut record))?;
        validate::totals([before.0, before.1])?;
        let most_attempts = MOST_ATTEMPTS.0;
        if let Some(passed) = &passed {
            let recent = &mut Arc::make_mut(&mut record).recent;
            *recent = Recent::default();
            passed.seconds.iter().for_each(|(down_bps, up_bps)| {
                recent.push(Sample { down_bps: *down_bps, up_bps: *up_bps });
            });
        }
        let until = until.or_else(|| passed.map(|passed| passed.until));
        let until = until.unwrap_or((record.sample.down_bytes, record.sample.up_bytes));
        let mut row =
            Self { record, before, not_dialled, past, standing, until, most_attempts, counted: false };
        let has = match has {
            SavedHas::NotSaid => None,
            SavedHas::All => Some(pieces.all().ok_or(Invalid("pieces of a torrent that has none"))?),
            SavedHas::These(set) => Some(pieces.adopt(&set).ok_or(Invalid("pieces of another torrent"))?),
        };
        ensure(has.is_none() || row.open().is_some(), "pieces of a peer that is not connected")?;
        if has.is_some() {
            row.edit().has = has;
        }
        conn::count(&mut row, pieces);
        Ok(row)
    }
}

/// Holds a record that was read against what a row relies on, and makes its texts safe to show.
fn check(record: &mut PeerRecord) -> Result<(), Invalid> {
    let (_, over) = record.attempts.split_last().unzip();
    ensure(over.into_iter().flatten().all(|attempt| attempt.ended.is_some()), "two attempts at once")?;
    let races = record.rival.as_ref().map(|rival| rival.ended);
    let goes_on = record.attempts.last().is_some_and(|attempt| attempt.ended.is_none());
    ensure(races.is_none_or(|ended| ended.is_none() && goes_on), "a rival of no attempt")?;
    validate::check(record, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{At, PeerKey};
    use crate::ledger::script::facts;

    #[test]
    fn the_last_seconds_that_an_earlier_version_wrote_down_are_taken_up() {
        let row = Row::new(PeerKey(1), "80.1.1.1:6881".parse().unwrap(), At::ZERO);
        let passed = Passed { until: (900, 0), seconds: [(300, 0), (0, 0), (600, 3)] };
        let kept = SavedRow { until: None, passed: Some(passed), ..row.snapshot() };
        let mut row = Row::restore(kept, &mut Pieces::new(facts(4).geometry())).unwrap();
        assert_eq!(row.record.recent.mean(3), Sample { down_bps: 300, up_bps: 1 });
        row.end_second(3);
        assert_eq!((row.record.recent.seconds().len(), row.until), (4, (0, 0)));
    }
}
