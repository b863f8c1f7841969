//! Who sent wrong data: what each block of a failed piece was is held against what it turns out to be.
//!
//! A piece that failed and had one sender is that sender's fault. Where there were several, nobody is blamed yet: what
//! each of them sent is remembered, block by block, and the piece is fetched from one peer alone. Once it is right,
//! a peer that sent a block that is another now has lied, and no other has.

use std::collections::{BTreeMap, VecDeque};

use crate::event::PeerKey;
use crate::metainfo::PieceIndex;

/// Blocks remembered of all failed pieces together, about a mebibyte and a half. Beyond it the piece that failed
/// longest ago is forgotten: the liar will lie again.
const MOST_BLOCKS: usize = 64 * 1024;
/// Tries remembered of one piece.
const MOST_TRIES: usize = 4;

/// What a block was: the first half of its SHA-1. Who sends wrong data would have to find another block of the same
/// digest to hide it, and gains nothing by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BlockDigest(pub [u8; 10]);

/// What came of a piece, and from whom: a block each.
type Try = Vec<(PeerKey, BlockDigest)>;

/// What was sent of pieces that failed, by whom.
#[derive(Debug, Default)]
pub(super) struct SmartBan {
    tries: BTreeMap<PieceIndex, VecDeque<Try>>,
    /// The pieces, the one that failed longest ago first.
    order: VecDeque<PieceIndex>,
    blocks: usize,
}

impl SmartBan {
    /// The piece failed. Both lists name its blocks in order; where they do not fit each other, nothing is known.
    pub(super) fn failed(&mut self, piece: PieceIndex, senders: Vec<PeerKey>, blocks: Vec<BlockDigest>) {
        if senders.len() != blocks.len() || blocks.len() > MOST_BLOCKS {
            return;
        }
        if !self.tries.contains_key(&piece) {
            self.order.push_back(piece);
        }
        let tries = self.tries.entry(piece).or_default();
        if tries.len() == MOST_TRIES
            && let Some(oldest) = tries.pop_front()
        {
            self.blocks -= oldest.len();
        }
        self.blocks += blocks.len();
        tries.push_back(senders.into_iter().zip(blocks).collect());
        while self.blocks > MOST_BLOCKS
            && let Some(oldest) = self.order.front().copied()
        {
            self.forget(oldest);
        }
    }

    /// Whether anything is remembered of the piece.
    pub(super) fn knows(&self, piece: PieceIndex) -> bool {
        self.tries.contains_key(&piece)
    }

    /// The piece is right, and these are its blocks: who sent others, each once. It is forgotten.
    pub(super) fn liars(&mut self, piece: PieceIndex, right: &[BlockDigest]) -> Vec<PeerKey> {
        let tries = self.forget(piece);
        let fits = tries.iter().filter(|sent| sent.len() == right.len());
        let wrong = fits.flat_map(|sent| sent.iter().zip(right)).filter(|((_, was), is)| was != *is);
        let mut liars: Vec<PeerKey> = wrong.map(|((sender, _), _)| *sender).collect();
        liars.sort_unstable();
        liars.dedup();
        liars
    }

    /// Two rows turned out to be one peer.
    pub(super) fn rename(&mut self, gone: PeerKey, into: PeerKey) {
        for (sender, _) in self.tries.values_mut().flatten().flatten() {
            if *sender == gone {
                *sender = into;
            }
        }
    }

    fn forget(&mut self, piece: PieceIndex) -> VecDeque<Try> {
        self.order.retain(|other| *other != piece);
        let tries = self.tries.remove(&piece).unwrap_or_default();
        self.blocks -= tries.iter().map(Vec::len).sum::<usize>();
        tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::Geometry;

    fn piece(number: u32) -> PieceIndex {
        Geometry::new(1 << 40, 1 << 24).unwrap().piece(number).unwrap()
    }

    fn digests(bytes: &[u8]) -> Vec<BlockDigest> {
        bytes.iter().map(|byte| BlockDigest([*byte; 10])).collect()
    }

    fn peers(numbers: &[u32]) -> Vec<PeerKey> {
        numbers.iter().copied().map(PeerKey).collect()
    }

    #[test]
    fn who_sent_what_it_is_not_has_lied_and_nobody_else() {
        let mut blame = SmartBan::default();
        blame.failed(piece(3), peers(&[1, 2, 3, 1]), digests(&[0, 9, 0, 0]));
        blame.failed(piece(3), peers(&[4, 4, 5, 1]), digests(&[0, 0, 8, 0]));
        blame.failed(piece(4), peers(&[1, 2]), digests(&[7, 0]));
        assert_eq!(blame.liars(piece(3), &digests(&[0, 0, 0, 0])), peers(&[2, 5]));
        assert!(!blame.knows(piece(3)) && blame.knows(piece(4)));
        blame.rename(PeerKey(1), PeerKey(6));
        assert_eq!(blame.liars(piece(4), &digests(&[0, 0])), peers(&[6]));
        assert_eq!((blame.blocks, blame.order.len(), blame.tries.len()), (0, 0, 0));
    }

    #[test]
    fn what_does_not_fit_blames_nobody() {
        let mut blame = SmartBan::default();
        blame.failed(piece(0), peers(&[1, 2]), digests(&[0]));
        assert!(!blame.knows(piece(0)));
        blame.failed(piece(0), peers(&[1, 2]), digests(&[0, 1]));
        assert_eq!(blame.liars(piece(0), &digests(&[5])), []);
    }

    #[test]
    fn however_much_fails_what_is_remembered_is_bounded() {
        let mut blame = SmartBan::default();
        for number in 0..1000 {
            for _ in 0..10 {
                blame.failed(piece(number), vec![PeerKey(1); 1024], vec![BlockDigest::default(); 1024]);
                assert!(blame.blocks <= MOST_BLOCKS && blame.tries[&piece(number)].len() <= MOST_TRIES);
            }
        }
        assert_eq!(blame.tries.len(), MOST_BLOCKS / 1024 / MOST_TRIES);
        assert!(blame.knows(piece(999)) && !blame.knows(piece(0)));
    }
}
