//! The ledger written down, and taken up again from what was written.
//!
//! Only what cannot be worked out again is kept: sums over pieces and rows are rebuilt. What is read may come
//! from a stranger, so it is held against everything the ledger relies on before it becomes one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::fold::{Ledger, Run};
use super::log::{Kept, Log};
use super::peers::{Peers, PeersKept};
use super::pieces::{PieceMap, Pieces};
use super::series::SeriesFold;
use super::tracker::{TrackerRecord, TrackerStatus};
use super::view::TorrentFacts;
use crate::event::{At, Attempt, PeerSample, Sample};
use crate::text::clean_in_place;

/// No run lasts a hundred years: times beyond it are made up, and would overflow where times are added.
pub(super) const LONGEST: At = At::from_secs(100 * 366 * 24 * 3600);
/// More a second, or in all, no machine moves; sums of so much cannot overflow.
const MOST_BPS: u64 = 1 << 44;
const MOST_BYTES: u64 = 1 << 48;
const LONGEST_TEXT: usize = 8192;

/// What was written is not what any ledger writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct Unsound(pub(super) &'static str);

/// Everything a ledger knows at one moment, less the torrent's facts. Cheap to take: what is large is shared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    run: Run,
    peers: PeersKept,
    pieces: Arc<PieceMap>,
    trackers: Vec<Arc<TrackerRecord>>,
    series: SeriesFold,
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
        let peers = Peers::again(peers, &mut pieces)?;
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
        let Self { last_block, limits, listening, incoming: _, answer, .. } = self;
        times([Some(*phase_since), *last_block, listening.map(|(_, at)| at), answer.as_ref().map(|(at, _)| *at)])?;
        let sums = [*down_bytes, *up_bytes].into_iter().all(|bytes| bytes <= MOST_BYTES);
        sound(sums && rates([limits.0.unwrap_or(0), limits.1.unwrap_or(0)]), "a sum no run reaches")?;
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
    let late = |at: &mut Option<At>| *at = at.map(|at| at.min(LONGEST));
    late(&mut record.answered);
    late(&mut record.next);
    record
}

pub(super) fn sound(holds: bool, what: &'static str) -> Result<(), Unsound> {
    if holds { Ok(()) } else { Err(Unsound(what)) }
}

pub(super) fn times(times: impl IntoIterator<Item = Option<At>>) -> Result<(), Unsound> {
    sound(times.into_iter().flatten().all(|at| at <= LONGEST), "a time beyond any run")
}

fn rates(rates: impl IntoIterator<Item = u64>) -> bool {
    rates.into_iter().all(|bps| bps <= MOST_BPS)
}

pub(super) fn sample_is_sound(sample: &Sample) -> bool {
    rates([sample.down_bps, sample.up_bps])
}

pub(super) fn peer_sample_is_sound(sample: &PeerSample) -> bool {
    rates([sample.down_bps, sample.up_bps]) && [sample.down_bytes, sample.up_bytes].into_iter().all(is_total)
}

pub(super) fn is_total(bytes: u64) -> bool {
    bytes <= MOST_BYTES
}

/// Makes text safe to show, should it not be.
pub(super) fn shown(text: &mut String) {
    clean_in_place(text, LONGEST_TEXT);
}

pub(super) fn check_attempt(attempt: &mut Attempt) -> Result<(), Unsound> {
    let Attempt { number: _, direction: _, transport: _, encryption: _, cause: _, .. } = attempt;
    let Attempt { began, connected, handshake_sent, handshaken, unchoked, first_block, ended, .. } = attempt;
    times([Some(*began), *connected, *handshake_sent, *handshaken, *unchoked, *first_block, *ended])?;
    let Attempt { sent, received, bytes_in, bytes_out, error, detail, .. } = attempt;
    sound(is_total(*bytes_in) && is_total(*bytes_out), "a sum no connection reaches")?;
    sound(sent.len().max(received.len()) <= super::conn::HANDSHAKE_BYTES, "a handshake of more than 68 bytes")?;
    error.iter_mut().map(|error| &mut error.text).chain(detail).for_each(shown);
    Ok(())
}

#[cfg(test)]
mod tests;
