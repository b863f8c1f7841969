//! The ledger written down, and taken up again from what was written.
//!
//! Only what cannot be worked out again is kept: sums over pieces and rows are rebuilt. What is read may come
//! from a stranger, so it is held against everything the ledger relies on before it becomes one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fold::{Ledger, Run};
use super::log::{Kept, Log, MOST_LINES};
use super::peers::{Peers, PeersKept};
use super::pieces::{PieceMap, Pieces};
use super::series::SeriesFold;
use super::tracker::{TrackerRecord, TrackerStatus};
use super::view::TorrentFacts;
use crate::event::sound::{LONGEST_RUN, check, few, rates, shown, times, totals};
use crate::event::{At, Unsound};

/// Trackers taken from what was written down: a torrent has at most 500.
const MOST_TRACKERS: usize = 1000;

/// Everything a ledger knows at one moment, less the torrent's facts. Cheap to take: what is large is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    run: Run,
    peers: PeersKept,
    pieces: Arc<PieceMap>,
    #[serde(deserialize_with = "few::<_, _, MOST_TRACKERS>")]
    trackers: Vec<Arc<TrackerRecord>>,
    series: SeriesFold,
    #[serde(deserialize_with = "few::<_, _, MOST_LINES>")]
    log: Vec<Kept>,
}

impl Ledger {
    /// Everything known now, to be written down.
    pub fn snapshot(&self) -> Snapshot {
        let Self { facts: _, run, peers, pieces, trackers, series, log } = self;
        Snapshot {
            run: run.clone(),
            peers: peers.keep(),
            pieces: Arc::clone(pieces.map()),
            trackers: trackers.values().cloned().collect(),
            series: series.clone(),
            log: log.keep(),
        }
    }

    /// A ledger that knows what the snapshot's did: from here on the same events give the same views.
    ///
    /// # Errors
    ///
    /// When no ledger of this torrent can have written the snapshot.
    pub fn restore(facts: Arc<TorrentFacts>, snapshot: Snapshot) -> Result<Self, Unsound> {
        let Snapshot { mut run, peers, pieces: kept, trackers, series, log } = snapshot;
        run.check()?;
        let mut pieces = Pieces::again(facts.geometry, &kept)?;
        let mut peers = Peers::again(peers, &mut pieces)?;
        peers.rested(run.rests());
        pieces.count_from(kept.generation);
        let trackers = trackers.into_iter().map(tracker).map(|record| Ok((record.key, Arc::new(record))));
        Ok(Self {
            facts,
            run,
            peers,
            pieces,
            trackers: trackers.collect::<Result<_, Unsound>>()?,
            series: series.checked()?,
            log: Log::again(log)?,
        })
    }
}

impl Run {
    fn check(&mut self) -> Result<(), Unsound> {
        let Self { phase: _, phase_since, phase_reason, checked: _, down_bytes, up_bytes, .. } = self;
        let Self {
            last_block,
            last_failure,
            limits,
            listening,
            incoming: _,
            callers,
            probing: _,
            answer,
            disk,
            judged,
            ..
        } = self;
        times([
            Some(*phase_since),
            *last_block,
            *last_failure,
            listening.map(|(_, at)| at),
            answer.as_ref().map(|(at, _)| *at),
        ])?;
        callers.check()?;
        check(disk, None)?;
        judged.check()?;
        totals([*down_bytes, *up_bytes])?;
        rates([limits.0.unwrap_or(0), limits.1.unwrap_or(0)])?;
        phase_reason.iter_mut().chain(answer.iter_mut().map(|(_, text)| text)).for_each(shown);
        Ok(())
    }
}

fn tracker(record: Arc<TrackerRecord>) -> TrackerRecord {
    let mut record = Arc::unwrap_or_clone(record);
    shown(&mut record.url);
    match &mut record.status {
        TrackerStatus::Pending => {}
        TrackerStatus::Ok(answer) => answer.warning.iter_mut().for_each(shown),
        TrackerStatus::Failed(_, text) => shown(text),
    }
    let late = |at: &mut Option<At>| *at = at.map(|at| at.min(LONGEST_RUN));
    late(&mut record.answered);
    late(&mut record.next);
    record
}

#[cfg(test)]
mod tests;
