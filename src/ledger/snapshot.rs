//! The ledger written down, and taken up again from what was written.
//!
//! Only what cannot be worked out again is kept: sums over pieces and rows are rebuilt. What is read may come
//! from a stranger, so it is held against everything the ledger relies on before it becomes one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::finder::FinderState;
use super::fold::{Ledger, Run};
use super::log::{Log, MOST_LINES, SavedLine};
use super::lookup::LookupRecord;
use super::peers::{Peers, SavedPeers};
use super::pieces::{PieceMap, Pieces};
use super::series::SeriesFold;
use super::tracker::{TrackerRecord, TrackerStatus};
use super::view::TorrentFacts;
use crate::event::validate::{LONGEST_RUN, bounded, check, rates, sanitise, times, totals};
use crate::event::{At, Invalid};

/// Trackers taken from what was written down: a torrent has at most 500.
const MOST_TRACKERS: usize = 1000;

/// Everything a ledger knows at one moment, less the torrent's facts. Cheap to take: what is large is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    run: Run,
    peers: SavedPeers,
    pieces: Arc<PieceMap>,
    #[serde(deserialize_with = "bounded::<_, _, MOST_TRACKERS>")]
    trackers: Vec<Arc<TrackerRecord>>,
    series: SeriesFold,
    #[serde(deserialize_with = "bounded::<_, _, MOST_LINES>")]
    log: Vec<SavedLine>,
}

impl Ledger {
    /// Everything known now, to be written down.
    pub fn snapshot(&self) -> Snapshot {
        let Self { facts: _, run, peers, pieces, trackers, series, log } = self;
        Snapshot {
            run: run.clone(),
            peers: peers.snapshot(),
            pieces: Arc::clone(pieces.map()),
            trackers: trackers.values().cloned().collect(),
            series: series.clone(),
            log: log.snapshot(),
        }
    }

    /// A ledger that knows what the snapshot's did: from here on the same events give the same views.
    ///
    /// # Errors
    ///
    /// When no ledger of this torrent can have written the snapshot.
    pub fn restore(facts: Arc<TorrentFacts>, snapshot: Snapshot) -> Result<Self, Invalid> {
        let Snapshot { mut run, peers, pieces: kept, trackers, series, log } = snapshot;
        run.check()?;
        let mut pieces = Pieces::restore(facts.geometry(), &kept)?;
        pieces.choose(&facts, run.choice.as_deref());
        let mut peers = Peers::restore(peers, &mut pieces)?;
        peers.rested(run.rests());
        peers.lack_metadata(facts.metadata.is_none() || run.tries_a_magnet());
        pieces.count_from(kept.generation);
        let trackers = trackers.into_iter().map(tracker).map(|record| Ok((record.key, Arc::new(record))));
        Ok(Self {
            facts,
            run,
            peers,
            pieces,
            trackers: trackers.collect::<Result<_, Invalid>>()?,
            series: series.checked()?,
            log: Log::restore(log)?,
        })
    }
}

impl Run {
    fn check(&mut self) -> Result<(), Invalid> {
        let Self { phase: _, phase_since, phase_reason, checked: _, down_bytes, up_bytes, .. } = self;
        let Self {
            last_block,
            time_left,
            last_failure,
            limits,
            listening,
            incoming: _,
            callers,
            probing: _,
            answer,
            disk,
            judged,
            finders,
            session,
            lookups,
            web_seeds,
            ..
        } = self;
        times([
            Some(*phase_since),
            *last_block,
            *last_failure,
            listening.map(|(_, at)| at),
            answer.as_ref().map(|(at, _)| *at),
        ])?;
        *time_left = time_left.map(|left| left.min(LONGEST_RUN));
        callers.check()?;
        check(disk, None)?;
        judged.check()?;
        totals([*down_bytes, *up_bytes])?;
        rates([limits.0.unwrap_or(0), limits.1.unwrap_or(0)])?;
        finders.values_mut().for_each(FinderState::check);
        Arc::make_mut(session).check()?;
        Arc::make_mut(lookups).values_mut().try_for_each(LookupRecord::check)?;
        web_seeds.iter_mut().try_for_each(|record| check(record, None))?;
        phase_reason.iter_mut().chain(answer.iter_mut().map(|(_, text)| text)).for_each(sanitise);
        Ok(())
    }
}

fn tracker(record: Arc<TrackerRecord>) -> TrackerRecord {
    let mut record = Arc::unwrap_or_clone(record);
    sanitise(&mut record.url);
    match &mut record.status {
        TrackerStatus::Pending => {}
        TrackerStatus::Ok(answer) => answer.warning.iter_mut().for_each(sanitise),
        TrackerStatus::Failed(_, text) => sanitise(text),
    }
    let late = |at: &mut Option<At>| *at = at.map(|at| at.min(LONGEST_RUN));
    late(&mut record.answered);
    late(&mut record.next);
    record.announces.iter_mut().for_each(|announce| announce.at = announce.at.min(LONGEST_RUN));
    record
}

#[cfg(test)]
mod tests;
