//! All torrents of a run at one moment: a row each, and what they come to together.
//!
//! A row is made from the torrent's own [`View`], or from what is kept of a torrent that does not run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::removable::Removable;
use super::{Verdict, VerdictCode, View};
pub use crate::event::Queued;
use crate::event::{At, Phase, Severity};
use crate::metainfo::InfoHash;

/// What a torrent is doing, among others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing is known of it yet.
    Opening,
    /// A magnet: peers are asked for its metadata (BEP 9).
    Metadata,
    /// What is on the disk is verified.
    Checking,
    /// Pieces are missing, and come.
    Downloading,
    /// Pieces are missing, and none came for a while.
    Stalled,
    /// Everything is here, and peers are served.
    Seeding,
    /// Every file is skipped.
    Unwanted,
    /// Its files are moved to another folder.
    Moving {
        /// How much of that is done.
        percent: u8,
    },
    /// The user paused it.
    Paused,
    /// It waits for its turn.
    Queued(Queued),
    /// It was complete, and nothing goes on with it.
    Done,
    /// Another process runs it.
    Elsewhere {
        /// Its process id.
        process: u32,
    },
    /// It cannot go on; the user can have it tried again.
    Failed(String),
}

/// What earlier runs left of a torrent's totals.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Before {
    /// Payload received, bytes.
    pub downloaded_bytes: u64,
    /// Payload sent, bytes.
    pub uploaded_bytes: u64,
    /// Time spent seeding.
    pub seeded: Duration,
}

/// One torrent among others.
#[derive(Clone, PartialEq, Debug)]
pub struct TorrentRow {
    /// Which.
    pub id: InfoHash,
    /// What to call it, cleaned for showing.
    pub name: String,
    /// What it is doing.
    pub standing: Standing,
    /// Bytes of it that are wanted, once that is known.
    pub total_bytes: Option<u64>,
    /// Those of them in good pieces.
    pub have_bytes: u64,
    /// Received now, bytes a second.
    pub down_bps: u64,
    /// Sent now, bytes a second.
    pub up_bps: u64,
    /// Peers that send to us; where everything is here, those that are sent to.
    pub sending: u32,
    /// Peers connected after a valid handshake.
    pub live: u32,
    /// Peers with an address.
    pub known: u32,
    /// Time to completion at the present rate; `None`: no telling.
    pub eta: Option<Duration>,
    /// Payload received in all runs, bytes.
    pub downloaded_bytes: u64,
    /// Payload sent in all runs, bytes.
    pub uploaded_bytes: u64,
    /// The rate limits of this torrent alone, bytes a second: down, up.
    pub limits: (Option<u64>, Option<u64>),
    /// Somebody from outside shook hands: the port is reached.
    pub reached: bool,
    /// What judges the whole, where it is worth a word.
    pub verdict: Option<Verdict>,
    /// The output folder.
    pub output: PathBuf,
}

impl TorrentRow {
    /// The row of a torrent that runs.
    #[must_use]
    pub fn of(view: &View, before: Before) -> Self {
        let standing = standing(view);
        let sending = match standing {
            Standing::Seeding => view.peers.iter().filter(|peer| peer.rates.up_bps > 0).count() as u32,
            _ => view.serving.sending,
        };
        let judges = |verdict: &&Verdict| verdict.severity > Severity::Good && is_news(verdict.code);
        Self {
            id: view.torrent.info_hash,
            name: view.torrent.title().into_owned(),
            standing,
            total_bytes: view.wanted_bytes,
            have_bytes: view.have_bytes,
            down_bps: view.rates.down_bps,
            up_bps: view.rates.up_bps,
            sending,
            live: view.groups.live,
            known: view.funnel.known,
            eta: view.eta,
            downloaded_bytes: before.downloaded_bytes.saturating_add(view.down_bytes),
            uploaded_bytes: before.uploaded_bytes.saturating_add(view.up_bytes),
            limits: (None, None),
            reached: view.incoming.public_handshaken > 0,
            verdict: view.verdicts.first().filter(judges).cloned(),
            output: view.torrent.output.clone(),
        }
    }

    /// The row of a torrent that does not run, and of which no more is known than this.
    #[must_use]
    pub fn resting(id: InfoHash, name: String, output: PathBuf, standing: Standing) -> Self {
        Self {
            id,
            name,
            standing,
            total_bytes: None,
            have_bytes: 0,
            down_bps: 0,
            up_bps: 0,
            sending: 0,
            live: 0,
            known: 0,
            eta: None,
            downloaded_bytes: 0,
            uploaded_bytes: 0,
            limits: (None, None),
            reached: false,
            verdict: None,
            output,
        }
    }

    /// The same torrent with nothing going on in it.
    #[must_use]
    pub fn at_rest(&self, standing: Standing) -> Self {
        let Self { total_bytes, have_bytes, downloaded_bytes, uploaded_bytes, limits, .. } = *self;
        let resting = Self::resting(self.id, self.name.clone(), self.output.clone(), standing);
        Self { total_bytes, have_bytes, downloaded_bytes, uploaded_bytes, limits, ..resting }
    }

    /// How much of it is here, from 0 to 1; nothing before its length is known.
    #[must_use]
    pub fn done(&self) -> f64 {
        match self.total_bytes {
            None => 0.0,
            Some(0) if self.standing == Standing::Unwanted => 0.0,
            Some(0) => 1.0,
            Some(total) => self.have_bytes.min(total) as f64 / total as f64,
        }
    }

    /// How often it was given on, in all runs; `None`: its length is not known.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let total = self.total_bytes.filter(|total| *total > 0)?;
        Some(self.uploaded_bytes as f64 / total as f64)
    }

    /// What is the matter, in a row of 40 columns; empty where all is well.
    #[must_use]
    pub fn why(&self) -> &str {
        match (&self.standing, &self.verdict) {
            (Standing::Failed(text), _) => text,
            (_, Some(verdict)) => &verdict.headline,
            (_, None) => "",
        }
    }
}

/// Whether a judgement says more than what the torrent is doing.
fn is_news(code: VerdictCode) -> bool {
    use VerdictCode::{Complete, Healthy, Paused, Unknown};
    !matches!(code, Healthy | Complete | Paused | Unknown)
}

fn standing(view: &View) -> Standing {
    match view.phase {
        Phase::Checking if view.checked.is_none() => Standing::Opening,
        Phase::Checking => Standing::Checking,
        Phase::Metadata => Standing::Metadata,
        Phase::Downloading if view.stalled_for().is_some() => Standing::Stalled,
        Phase::Downloading => Standing::Downloading,
        Phase::Seeding if view.wants_nothing() => Standing::Unwanted,
        Phase::Seeding => Standing::Seeding,
        Phase::Paused => Standing::Paused,
        Phase::Queued(Queued::Enough) => Standing::Done,
        Phase::Queued(why) => Standing::Queued(why),
        Phase::Stopped => Standing::Failed(view.phase_reason.clone().unwrap_or_default()),
    }
}

/// What the torrents come to together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Received now, bytes a second.
    pub down_bps: u64,
    /// Sent now, bytes a second.
    pub up_bps: u64,
    /// Those that download, metadata included.
    pub downloading: u32,
    /// Those that seed.
    pub seeding: u32,
    /// Those that miss pieces of which none come.
    pub stalled: u32,
    /// Those that look at the disk.
    pub checking: u32,
    /// Those whose files are moved.
    pub moving: u32,
    /// Those that wait for their turn.
    pub queued: u32,
    /// Those that the user paused.
    pub paused: u32,
    /// Those that cannot go on.
    pub failed: u32,
    /// Those with which nothing goes on, here or in this process.
    pub resting: u32,
}

impl Totals {
    /// Those of these rows.
    #[must_use]
    pub fn of(rows: &[Arc<TorrentRow>]) -> Self {
        let mut totals = Self::default();
        for row in rows {
            totals.down_bps += row.down_bps;
            totals.up_bps += row.up_bps;
            *match row.standing {
                Standing::Metadata | Standing::Downloading => &mut totals.downloading,
                Standing::Seeding => &mut totals.seeding,
                Standing::Stalled => &mut totals.stalled,
                Standing::Opening | Standing::Checking => &mut totals.checking,
                Standing::Moving { .. } => &mut totals.moving,
                Standing::Queued(_) => &mut totals.queued,
                Standing::Paused => &mut totals.paused,
                Standing::Failed(_) => &mut totals.failed,
                Standing::Unwanted | Standing::Done | Standing::Elsewhere { .. } => &mut totals.resting,
            } += 1;
        }
        totals
    }
}

/// What was said to a wish that is no single torrent's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Counts answers from 1, so that none is read twice.
    pub number: u64,
    /// When.
    pub at: At,
    /// The number that came with the wish, where one did.
    pub ticket: Option<u32>,
    /// The torrent that was added, brought back, or is there already.
    pub torrent: Option<InfoHash>,
    /// Worse than a note: what was wished for did not happen.
    pub severity: Severity,
    /// The answer, for people.
    pub text: String,
}

/// All torrents, at one moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Torrents {
    /// The moment.
    pub at: At,
    /// A row of each, in the order of the queue. One whose torrent did not change is the same as before.
    pub rows: Vec<Arc<TorrentRow>>,
    /// The port we listen on.
    pub port: u16,
    /// The rate limits of all together, bytes a second: down, up.
    pub limits: (Option<u64>, Option<u64>),
    /// What the rows come to.
    pub totals: Totals,
    /// The last answers, newest last.
    pub answers: Vec<Arc<Answer>>,
    /// Torrents that were released, and whose files are not closed yet.
    pub leaving: Vec<InfoHash>,
    /// What of torrents can be deleted, as far as it was asked for.
    pub removable: Vec<Arc<Removable>>,
}

impl Torrents {
    /// The row of this torrent, if there is one.
    #[must_use]
    pub fn row(&self, id: InfoHash) -> Option<&Arc<TorrentRow>> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// The place of this torrent in the queue, from 0.
    #[must_use]
    pub fn place(&self, id: InfoHash) -> Option<usize> {
        self.rows.iter().position(|row| row.id == id)
    }

    /// Whether somebody from outside shook hands with any of them.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.rows.iter().any(|row| row.reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::script::Script;

    fn row(number: u8, standing: Standing) -> TorrentRow {
        let id = InfoHash([number; 20]);
        TorrentRow::resting(id, format!("torrent {number}"), PathBuf::from("."), standing)
    }

    #[test]
    fn what_is_done_and_given_on_counts_from_a_length_that_is_known() {
        let mut row = row(1, Standing::Metadata);
        assert_eq!((row.done(), row.ratio()), (0.0, None));
        (row.total_bytes, row.have_bytes, row.uploaded_bytes) = (Some(1000), 250, 1500);
        assert_eq!((row.done(), row.ratio()), (0.25, Some(1.5)));
        row.total_bytes = Some(0);
        assert_eq!((row.done(), row.ratio()), (1.0, None), "an empty torrent is whole");
    }

    #[test]
    fn a_row_says_what_its_view_says() {
        let mut run = Script::downloading(100);
        let peers = run.open_seeds(3);
        run.peers(2);
        run.send(&peers[..2], 1000, 5);
        let view = run.view();
        let before = Before { uploaded_bytes: 7, downloaded_bytes: 1_000_000, ..Before::default() };
        let row = TorrentRow::of(&view, before);
        assert_eq!((row.name.as_str(), &row.standing), ("debian.iso", &Standing::Downloading));
        assert_eq!((row.sending, row.live, row.known), (2, 3, 5));
        assert_eq!((row.down_bps, row.uploaded_bytes), (view.rates.down_bps, 7));
        assert_eq!(row.downloaded_bytes, 1_000_000 + view.down_bytes);
        run.wait(40);
        let row = TorrentRow::of(&run.view(), before);
        assert_eq!((&row.standing, row.down_bps), (&Standing::Stalled, 0));
        assert!(!row.why().is_empty(), "nothing came for a while, and something explains it");
        run.phase(Phase::Paused);
        let row = TorrentRow::of(&run.view(), before);
        assert_eq!((&row.standing, row.why()), (&Standing::Paused, ""));
    }

    #[test]
    fn a_magnet_stands_among_the_others_without_a_length() {
        let row = TorrentRow::of(&Script::magnet().view(), Before::default());
        assert_eq!((&row.standing, row.total_bytes), (&Standing::Metadata, None));
        assert_eq!(row.name, "magnet 07070707… “debian”");
    }

    #[test]
    fn every_torrent_is_counted_once() {
        let most = 5;
        let standings = [
            Standing::Opening,
            Standing::Metadata,
            Standing::Checking,
            Standing::Downloading,
            Standing::Stalled,
            Standing::Seeding,
            Standing::Unwanted,
            Standing::Moving { percent: 43 },
            Standing::Paused,
            Standing::Queued(Queued::Downloading { most }),
            Standing::Done,
            Standing::Elsewhere { process: 7 },
            Standing::Failed("the disk is full".to_owned()),
        ];
        let rows: Vec<Arc<TorrentRow>> = standings
            .into_iter()
            .zip(1..)
            .map(|(standing, number)| {
                Arc::new(TorrentRow { down_bps: 10, up_bps: 1, ..row(number, standing) })
            })
            .collect();
        let all = Totals::of(&rows);
        assert_eq!((all.down_bps, all.up_bps), (130, 13));
        assert_eq!((all.checking, all.downloading, all.resting, all.moving), (2, 2, 3, 1));
        assert_eq!((all.stalled, all.seeding, all.paused, all.queued, all.failed), (1, 1, 1, 1, 1));
        assert_eq!(rows[12].why(), "the disk is full");
        let torrents = Torrents { totals: all, rows, ..Torrents::default() };
        let last = InfoHash([13; 20]);
        assert_eq!((torrents.place(last), torrents.row(last).map(|row| row.id)), (Some(12), Some(last)));
        assert!(!torrents.is_reached());
    }
}
