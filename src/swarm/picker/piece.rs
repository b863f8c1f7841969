//! One piece that was begun: which peers are asked for each block, and who sent it.

use std::collections::BTreeSet;

use super::ConnKey;
use crate::event::{At, BlockRun, BlockState, PeerKey};
use crate::metainfo::BLOCK_LENGTH;

/// Marks of a block that nobody sent yet; every other number is the key of the peer that sent it.
const FREE: u32 = u32::MAX;
const ASKED: u32 = u32::MAX - 1;
/// Mark of a block that is here from an earlier run.
const KEPT: u32 = u32::MAX - 2;

/// A piece that was begun. A block takes four bytes, and more only while somebody is asked for it.
#[derive(Debug)]
pub(super) struct Piece {
    /// Who sent each block, or one of the marks.
    blocks: Vec<u32>,
    /// Who is asked for which block.
    asked: BTreeSet<(u32, ConnKey)>,
    free: u32,
    here: u32,
    /// No block below this one is free.
    first_free: u32,
    /// One more than the highest block that was ever asked for.
    high: u32,
    /// Whose piece it is while that peer is quick.
    pub(super) owner: Option<ConnKey>,
    /// Only its owner may send any of it: it failed before, and this shows who sends wrong data.
    pub(super) alone: bool,
    /// It is not wanted any more: nothing of it is asked for, and what came of it is kept.
    pub(super) shelved: bool,
    /// When it was begun, or the download last went on after a pause.
    pub(super) since: At,
    /// When a block of it last came.
    pub(super) touched: At,
    /// Bytes that are here and not written.
    pub(super) unwritten: u64,
    /// When its blocks were last told of.
    pub(super) told: At,
    /// Whether any of them changed since.
    pub(super) changed: bool,
}

impl Piece {
    pub(super) fn new(blocks: u32, now: At) -> Self {
        Self {
            blocks: vec![FREE; blocks as usize],
            asked: BTreeSet::new(),
            free: blocks,
            here: 0,
            first_free: 0,
            high: 0,
            owner: None,
            alone: false,
            shelved: false,
            since: now,
            touched: now,
            unwritten: 0,
            told: now,
            changed: false,
        }
    }

    /// Whether a block of it can be asked for that is neither here nor asked of anybody.
    pub(super) fn has_free(&self) -> bool {
        self.free > 0 && !self.shelved
    }

    /// Bytes that the disk has: all that are not written, where it is whole.
    pub(super) fn in_hand(&self) -> u64 {
        if self.missing() == 0 { self.unwritten } else { 0 }
    }

    /// Whether nothing of it is here.
    pub(super) fn is_empty(&self) -> bool {
        self.here == 0
    }

    /// Blocks that are not here.
    pub(super) fn missing(&self) -> u32 {
        self.blocks.len() as u32 - self.here
    }

    /// Bytes of blocks that are not here, all taken for whole ones.
    pub(super) fn missing_bytes(&self) -> u64 {
        u64::from(self.missing() * BLOCK_LENGTH)
    }

    /// The blocks nobody is asked for.
    pub(super) fn free_blocks(&self) -> impl Iterator<Item = u32> + '_ {
        (self.first_free..self.blocks.len() as u32).filter(|number| self.blocks[*number as usize] == FREE)
    }

    /// How many blocks that nobody is asked for follow each other from the first on.
    pub(super) fn first_free_run(&self) -> u32 {
        let mut free = self.free_blocks();
        let Some(first) = free.next() else { return 0 };
        1 + free.zip(first + 1..).take_while(|(number, next)| number == next).count() as u32
    }

    /// The number of the first block nobody is asked for, as far as known.
    pub(super) fn first_free(&self) -> u32 {
        self.first_free
    }

    /// Whether blocks were given back below others that are asked for or here.
    pub(super) fn has_gap(&self) -> bool {
        self.first_free < self.high
    }

    /// Asks the connection for up to `most` free blocks, the lowest first, leaving out those that it `refuses`.
    pub(super) fn ask(&mut self, of: ConnKey, most: u32, refuses: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut asked = Vec::new();
        let mut skipped = None;
        for number in self.first_free..self.blocks.len() as u32 {
            if asked.len() == most as usize {
                break;
            }
            if self.blocks[number as usize] != FREE {
                continue;
            }
            if refuses(number) {
                skipped = skipped.or(Some(number));
                continue;
            }
            self.blocks[number as usize] = ASKED;
            self.asked.insert((number, of));
            asked.push(number);
        }
        self.free -= asked.len() as u32;
        self.changed |= !asked.is_empty();
        if let Some(last) = asked.last() {
            self.first_free = skipped.unwrap_or(last + 1);
            self.high = self.high.max(last + 1);
        }
        asked
    }

    /// Asks one more connection for a block that others are asked for.
    pub(super) fn ask_too(&mut self, number: u32, of: ConnKey) {
        if self.blocks[number as usize] == ASKED {
            self.changed |= self.asked.insert((number, of));
        }
    }

    /// Who is asked for the block.
    pub(super) fn owners(&self, number: u32) -> impl Iterator<Item = ConnKey> + '_ {
        self.asked.range((number, ConnKey(0))..=(number, ConnKey(u32::MAX))).map(|(_, conn)| *conn)
    }

    /// The connections that are asked for blocks of it, with those blocks.
    pub(super) fn asked(&self) -> impl Iterator<Item = (u32, ConnKey)> + '_ {
        self.asked.iter().copied()
    }

    /// The connection is asked for the block no more; whether the block is free by that.
    pub(super) fn release(&mut self, number: u32, from: ConnKey) -> bool {
        if !self.asked.remove(&(number, from)) {
            return false;
        }
        self.changed = true;
        let freed = self.owners(number).next().is_none();
        if freed {
            self.set_free(number);
        }
        freed
    }

    fn set_free(&mut self, number: u32) {
        self.blocks[number as usize] = FREE;
        self.free += 1;
        self.first_free = self.first_free.min(number);
    }

    /// The block came from this peer. Returns who else was asked for it, or `None` where it was here already.
    pub(super) fn arrived(&mut self, number: u32, peer: PeerKey, now: At) -> Option<Vec<ConnKey>> {
        match self.blocks[number as usize] {
            FREE => self.free -= 1,
            ASKED => {}
            _ => return None,
        }
        let owners: Vec<ConnKey> = self.owners(number).collect();
        for owner in &owners {
            self.asked.remove(&(number, *owner));
        }
        self.blocks[number as usize] = peer.0;
        self.here += 1;
        self.high = self.high.max(number + 1);
        (self.touched, self.changed) = (now, true);
        Some(owners)
    }

    /// A block is here from an earlier run.
    pub(super) fn keep(&mut self, number: u32) {
        if self.blocks[number as usize] == FREE {
            self.blocks[number as usize] = KEPT;
            self.free -= 1;
            self.here += 1;
            self.high = self.high.max(number + 1);
            self.changed = true;
        }
    }

    /// A block that was here is missing again.
    pub(super) fn lost(&mut self, number: u32) {
        if self.blocks[number as usize] < ASKED {
            self.here -= 1;
            self.changed = true;
            self.set_free(number);
        }
    }

    /// Two rows turned out to be one peer.
    pub(super) fn rename(&mut self, gone: PeerKey, into: PeerKey) {
        self.blocks.iter_mut().filter(|block| **block == gone.0).for_each(|block| *block = into.0);
    }

    /// Who sent each of its blocks that are here, in order; `None` for those of an earlier run.
    pub(super) fn senders(&self) -> Vec<Option<PeerKey>> {
        let here = self.blocks.iter().filter(|block| **block < ASKED);
        here.map(|block| (*block != KEPT).then_some(PeerKey(*block))).collect()
    }

    /// How its blocks stand, those that stand alike together.
    pub(super) fn runs(&self, peer_of: impl Fn(ConnKey) -> Option<PeerKey>) -> Vec<BlockRun> {
        let mut runs: Vec<BlockRun> = Vec::new();
        for (number, block) in self.blocks.iter().enumerate() {
            let state = match *block {
                FREE => BlockState::Free,
                ASKED => BlockState::Asked(self.owners(number as u32).filter_map(&peer_of).collect()),
                KEPT => BlockState::Kept,
                peer => BlockState::Here(PeerKey(peer)),
            };
            match runs.last_mut() {
                Some(last) if last.state == state => last.count += 1,
                _ => runs.push(BlockRun { count: 1, state }),
            }
        }
        runs
    }
}

#[cfg(test)]
impl Piece {
    pub(super) fn describe(&self) -> String {
        let Self { free, here, owner, alone, shelved, since, touched, unwritten, .. } = self;
        format!(
            "{free} free, {here} here of {}, {unwritten} bytes unwritten, owner {owner:?}, alone {alone}, shelved {shelved}, since {since:?}, touched {touched:?}",
            self.blocks.len()
        )
    }

    pub(super) fn assert_consistent(&self) {
        let count =
            |wanted: fn(u32) -> bool| self.blocks.iter().filter(|block| wanted(**block)).count() as u32;
        assert_eq!(self.free, count(|block| block == FREE));
        assert_eq!(self.here, count(|block| block < ASKED));
        let first = self.blocks.iter().position(|block| *block == FREE).unwrap_or(self.blocks.len());
        assert!(self.first_free as usize <= first, "a free block is not found");
        for number in 0..self.blocks.len() as u32 {
            let asked = self.blocks[number as usize] == ASKED;
            assert_eq!(asked, self.owners(number).next().is_some(), "who is asked for block {number}");
        }
    }
}
