//! What came of it all, as a table.

use std::collections::BTreeMap;
use std::fmt;

use super::aim::Phase;

/// What came of the kills of all torrents.
#[derive(Debug)]
pub(crate) struct Tally {
    torrents: Vec<OfTorrent>,
}

/// What came of the kills of one.
#[derive(Debug)]
pub(crate) struct OfTorrent {
    what: &'static str,
    kills: BTreeMap<Phase, u32>,
    pub(crate) runs: u32,
    pub(crate) downloads: u32,
    /// Pieces said to be here, held against the payload.
    pub(crate) claims: u64,
    /// Pieces that stood in a resume file, held against the payload.
    pub(crate) remembered: u64,
    /// Pieces that lay whole on disk at the start of a run, and must not be asked for.
    pub(crate) kept: u64,
    /// Blocks of unfinished pieces that were named as written at the start of a run, and must not be asked for.
    pub(crate) blocks: u64,
    /// Pieces asked for.
    pub(crate) asked: u64,
    pub(crate) breaches: Vec<String>,
}

impl OfTorrent {
    pub(crate) fn killed(&mut self, phase: Phase) {
        *self.kills.entry(phase).or_default() += 1;
    }

    pub(crate) fn kills(&self) -> u32 {
        self.kills.values().sum()
    }

    pub(crate) fn breach(&mut self, what: String) {
        println!("BREACH: {}: {what}", self.what);
        self.breaches.push(what);
    }
}

impl Tally {
    pub(crate) fn new(torrents: impl Iterator<Item = &'static str>) -> Self {
        let of = |what| OfTorrent {
            what,
            kills: BTreeMap::new(),
            runs: 0,
            downloads: 0,
            claims: 0,
            remembered: 0,
            kept: 0,
            blocks: 0,
            asked: 0,
            breaches: Vec::new(),
        };
        Self { torrents: torrents.map(of).collect() }
    }

    pub(crate) fn of(&mut self, torrent: usize) -> &mut OfTorrent {
        &mut self.torrents[torrent]
    }

    pub(crate) fn kills(&self) -> u32 {
        self.torrents.iter().map(OfTorrent::kills).sum()
    }

    pub(crate) fn breaches(&self) -> Vec<String> {
        self.torrents.iter().flat_map(|torrent| torrent.breaches.clone()).collect()
    }

    fn in_phase(&self, phase: Phase) -> u32 {
        self.torrents.iter().filter_map(|torrent| torrent.kills.get(&phase)).sum()
    }

    pub(crate) fn phases_missed(&self) -> Vec<&'static str> {
        Phase::ALL.into_iter().filter(|phase| self.in_phase(*phase) == 0).map(Phase::name).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads =
            ["kills", "runs", "complete", "claimed", "remembered", "kept", "blocks", "asked", "breaches"];
        write!(f, "{:<34}", "torrent")?;
        heads.iter().try_for_each(|head| write!(f, "{head:>11}"))?;
        let row = |torrent: &OfTorrent| {
            [
                u64::from(torrent.kills()),
                u64::from(torrent.runs),
                u64::from(torrent.downloads),
                torrent.claims,
                torrent.remembered,
                torrent.kept,
                torrent.blocks,
                torrent.asked,
                torrent.breaches.len() as u64,
            ]
        };
        let mut sum = [0; 9];
        for torrent in &self.torrents {
            write!(f, "\n{:<34}", torrent.what)?;
            for (number, sum) in row(torrent).into_iter().zip(&mut sum) {
                write!(f, "{number:>11}")?;
                *sum += number;
            }
        }
        write!(f, "\n{:<34}", "all")?;
        sum.iter().try_for_each(|number| write!(f, "{number:>11}"))?;
        writeln!(f, "\n\nkilled while")?;
        for phase in Phase::ALL {
            writeln!(f, "{:<34}{:>11}", phase.name(), self.in_phase(phase))?;
        }
        writeln!(
            f,
            "\nclaimed: pieces told to peers; remembered: pieces in a resume file; both were held against the payload.\n\
             kept: pieces whole on disk at the start of a run; none of them was asked for again, or it is a breach.\n\
             blocks: those of unfinished pieces that were named as written; the same holds for them."
        )
    }
}
