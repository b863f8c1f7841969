//! What is known of every piece.

mod fold;
mod history;

pub(super) use fold::Pieces;
pub use history::{FailedTry, Failures, History, SenderGroup, Senders, UnderWay};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::metainfo::PieceIndex;

/// Where a piece stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum PieceState {
    /// Nothing of it is here.
    #[default]
    Missing,
    /// Blocks of it are on their way or here.
    Arriving,
    /// It failed its check and was not fetched again yet.
    Failed,
    /// It is good.
    Good,
}

/// Where every piece stands, and how many connected peers hold it. Sums are not written down: they follow.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PieceMap {
    /// Grows with every change, so that a drawing of an old one is known to be old.
    pub generation: u64,
    /// One entry a piece.
    pub states: Vec<PieceState>,
    /// How many live peers hold each piece, seeds left out.
    #[serde(skip)]
    pub held_by: Vec<u16>,
    /// Live peers that hold every piece.
    #[serde(skip)]
    pub seeds: u32,
    /// How many bytes of each piece are wanted; none: all.
    #[serde(skip)]
    pub wanted_bytes: Option<Arc<[u32]>>,
    /// Pieces that are good.
    #[serde(skip)]
    pub good: u32,
    /// Pieces arriving.
    #[serde(skip)]
    pub arriving: u32,
    /// Pieces that failed their check and are not fetched again yet.
    #[serde(skip)]
    pub failed: u32,
    /// Hash failures since the start.
    pub failures: u32,
    /// Where the pieces came from, and how far those under way are.
    pub history: History,
}

/// How much of a torrent is out there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Availability {
    /// Pieces of the torrent.
    pub pieces: u32,
    /// Those that anybody holds.
    pub held: u32,
    /// How many peers hold the rarest piece.
    pub whole_copies: u32,
    /// Pieces that more peers hold than that.
    pub more: u32,
}

impl Availability {
    /// The share of the torrent that anybody holds, in thousandths, 1000 only when nothing is missing.
    pub fn share_thousandths(&self) -> u64 {
        u64::from(self.held) * 1000 / u64::from(self.pieces.max(1))
    }

    /// Copies of the torrent, in thousandths: those of the rarest piece, and the share of the pieces of which there are
    /// more. 1000: each piece exists once.
    pub fn copies_thousandths(&self) -> u64 {
        u64::from(self.whole_copies) * 1000 + u64::from(self.more) * 1000 / u64::from(self.pieces.max(1))
    }
}

impl PieceMap {
    /// Whether no file that is wanted reaches into the piece.
    pub fn is_skipped(&self, piece: usize) -> bool {
        self.wanted_bytes.as_ref().is_some_and(|bytes| bytes.get(piece).is_none_or(|bytes| *bytes == 0))
    }

    /// How many live peers hold this piece.
    pub fn availability(&self, piece: PieceIndex) -> u32 {
        u32::from(self.held_by.get(piece.index()).copied().unwrap_or(0)) + self.seeds
    }

    /// How many live peers hold the rarest of the pieces that are missing; `None` when none is.
    pub fn rarest(&self) -> Option<u32> {
        let pieces = self.states.iter().zip(&self.held_by).enumerate();
        let missing = pieces.filter(|(n, (state, _))| **state != PieceState::Good && !self.is_skipped(*n));
        missing.map(|(_, (_, held))| u32::from(*held)).min().map(|held| held + self.seeds)
    }
}
