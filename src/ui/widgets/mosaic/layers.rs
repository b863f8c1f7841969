//! What the grid of pieces can show beside what is here: who holds pieces, who sent them, and when.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::event::PeerKey;
use crate::ledger::{PieceState, View};
use crate::ui::theme::Role;

/// A glyph of a layer, and how it looks.
pub(super) type Glyph = (&'static str, Role);

/// What stands for a cell without good pieces, of which some are arriving or none.
pub(super) const ARRIVING: Glyph = ("░", Role::Arriving);
pub(super) const MISSING: Glyph = ("·", Role::Rule);

fn empty(view: &View, range: Range<usize>) -> Glyph {
    if view.pieces.states[range].contains(&PieceState::Arriving) { ARRIVING } else { MISSING }
}

/// What stands for pieces that only we have.
pub(super) const OURS_ALONE: Glyph = ("0", Role::Dim);

/// How many live peers have the rarest piece of the cell; of pieces that no peer has, those that are missing count first.
pub(super) fn availability(view: &View, range: Range<usize>) -> Glyph {
    let held = view.pieces.held_by.get(range.clone()).unwrap_or(&[]);
    let least = held.iter().min().copied().unwrap_or(0);
    let seeds = u64::from(view.pieces.seeds);
    let states = view.pieces.states[range].iter();
    let missing = states.zip(held).any(|(state, held)| *state != PieceState::Good && *held == 0);
    match u64::from(least) + seeds {
        0 if !missing && !held.is_empty() => OURS_ALONE,
        peers => had_by(peers),
    }
}

/// What stands for so many.
pub(super) fn had_by(peers: u64) -> Glyph {
    const DIGITS: [&str; 10] = ["!", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    match peers {
        0 => ("!", Role::Trouble),
        1 | 2 => (DIGITS[peers as usize], Role::Strong),
        3..=9 => (DIGITS[peers as usize], Role::Text),
        _ => ("+", Role::Dim),
    }
}

/// How long ago the newest piece of the cell came.
pub(super) fn age(view: &View, range: Range<usize>) -> Glyph {
    let history = &view.pieces.history;
    let newest = range.clone().filter_map(|piece| history.verified(piece)).max();
    let Some(newest) = newest else {
        let any = view.pieces.states[range.clone()].contains(&PieceState::Good);
        return if any { ON_DISK } else { empty(view, range) };
    };
    AGES[age_of(view.at.saturating_sub(newest).as_secs())]
}

/// A piece that was here before the run.
pub(super) const ON_DISK: Glyph = ("■", Role::Dim);
/// What stands for pieces of the last ten seconds, of the last minute, and so on.
pub(super) const AGES: [Glyph; 5] = [
    ("█", Role::Progress),
    ("▓", Role::Progress),
    ("▒", Role::Progress),
    ("-", Role::Text),
    ("_", Role::Dim),
];

fn age_of(seconds: u64) -> usize {
    [10, 60, 600, 3600].iter().filter(|end| seconds >= **end).count()
}

/// Letters for those that sent pieces, those that sent most first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters {
    /// Everyone who sent any, those with a letter first.
    senders: Vec<(PeerKey, u32)>,
    /// How many of them have one.
    lettered: usize,
    /// What stands for each group of senders.
    of_group: Vec<u8>,
}

const LETTERS: [&str; 26] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U",
    "V", "W", "X", "Y", "Z",
];
/// What stands for several senders, and for one that has no letter.
pub(super) const TOGETHER: Glyph = ("&", Role::Text);
pub(super) const OTHERS: Glyph = ("+", Role::Text);
/// The numbers of those that are no letters, and of what was here before.
const OTHER: u8 = 26;
const SEVERAL: u8 = 27;
const BEFORE: u8 = 28;

impl Letters {
    /// The letters of a moment.
    pub(crate) fn of(view: &View) -> Self {
        let groups = view.pieces.history.groups();
        let mut sent: BTreeMap<PeerKey, u32> = BTreeMap::new();
        for group in groups {
            for peer in &group.senders.named {
                let pieces = sent.entry(*peer).or_default();
                *pieces = pieces.saturating_add(group.pieces);
            }
        }
        let mut senders: Vec<(PeerKey, u32)> = sent.into_iter().filter(|(_, pieces)| *pieces > 0).collect();
        senders.sort_by_key(|(peer, pieces)| (std::cmp::Reverse(*pieces), *peer));
        let lettered = senders.len().min(LETTERS.len());
        let letters: BTreeMap<PeerKey, u8> =
            senders[..lettered].iter().map(|(peer, _)| *peer).zip(0..).collect();
        let letter = |peer: PeerKey| letters.get(&peer).copied().unwrap_or(OTHER);
        let of_group = groups.iter().map(|group| group.senders.only().map_or(SEVERAL, letter)).collect();
        Self { senders, lettered, of_group }
    }

    /// The same with letters for at most so many; the other senders are others.
    pub(crate) fn fewer(&self, most: usize) -> Self {
        let lettered = self.lettered.min(most);
        let mut letters = Self { lettered, ..self.clone() };
        let has_none = |letter: &&mut u8| **letter < OTHER && usize::from(**letter) >= lettered;
        letters.of_group.iter_mut().filter(has_none).for_each(|letter| *letter = OTHER);
        letters
    }

    /// How many have one.
    pub(crate) fn count(&self) -> usize {
        self.lettered
    }

    /// Those that have a letter.
    pub(super) fn senders(&self) -> impl Iterator<Item = (Glyph, PeerKey)> {
        self.senders[..self.lettered].iter().enumerate().map(|(at, (peer, _))| (letter(at), *peer))
    }

    /// Whether somebody sent pieces who has none.
    pub(super) fn are_too_few(&self) -> bool {
        self.lettered < self.senders.len()
    }

    /// Who sent most of the cell.
    pub(super) fn cell(&self, view: &View, range: Range<usize>) -> Glyph {
        let mut counts = [0_usize; BEFORE as usize + 1];
        let mut good = 0;
        for piece in range.clone().filter(|piece| view.pieces.states[*piece] == PieceState::Good) {
            let group = view.pieces.history.group_of(piece);
            counts[usize::from(
                group.map_or(BEFORE, |group| self.of_group.get(group).copied().unwrap_or(OTHER)),
            )] += 1;
            good += 1;
        }
        if good == 0 {
            return empty(view, range);
        }
        let most = counts.iter().position(|count| count * 2 > good).map_or(SEVERAL, |most| most as u8);
        match most {
            BEFORE => ON_DISK,
            SEVERAL => TOGETHER,
            OTHER => OTHERS,
            at => letter(usize::from(at)),
        }
    }
}

/// The letter of the sender at this place; that of who sent most stands out.
fn letter(at: usize) -> Glyph {
    (LETTERS[at], if at == 0 { Role::Strong } else { Role::Text })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Event;
    use crate::ledger::script::Script;

    /// Ten pieces: two of `a`, one of both, one that was there, one arriving.
    fn view() -> (Arc<View>, PeerKey) {
        let mut run = Script::downloading(10);
        let peers = run.peers(2);
        let mut had = crate::metainfo::Bitfield::empty(10);
        had.set(run.piece(0));
        run.tell(Event::Had { pieces: Arc::new(had) });
        run.wait(10);
        for (number, from) in [(1, vec![peers[1]]), (2, vec![peers[1]]), (3, peers.clone())] {
            let piece = run.piece(number);
            run.tell(Event::PieceOpened { piece }).tell(Event::PieceVerified { piece, from });
        }
        let piece = run.piece(4);
        run.tell(Event::PieceOpened { piece });
        run.seed(peers[0]).live(peers[1]).has(peers[1], &[1, 2]);
        (run.view(), peers[1])
    }

    #[test]
    fn who_sent_a_cell_has_a_letter_and_who_sent_most_has_the_first() {
        let (view, most) = view();
        let letters = Letters::of(&view);
        assert_eq!(letters.senders().next(), Some((("A", Role::Strong), most)));
        assert!(!letters.are_too_few());
        let cell = |range| letters.cell(&view, range).0;
        assert_eq!([cell(0..1), cell(1..2), cell(3..4), cell(4..5), cell(5..6)], ["■", "A", "&", "░", "·"]);
        assert_eq!([cell(1..4), cell(0..2)], ["A", "&"], "more than half of it, or several");
        let none = letters.fewer(0);
        assert_eq!(none.cell(&view, 1..2).0, "+", "who has no letter is one of the others");
        assert!(none.are_too_few() && none.senders().next().is_none());
    }

    #[test]
    fn the_newest_piece_of_a_cell_tells_its_age() {
        let (view, _) = view();
        let mut later = (*view).clone();
        let mut cell = |seconds, range| {
            later.at = view.at + std::time::Duration::from_secs(seconds);
            age(&later, range).0
        };
        assert_eq!([cell(0, 1..2), cell(0, 0..1), cell(0, 5..6)], ["█", "■", "·"]);
        assert_eq!(
            [cell(20, 0..9), cell(100, 0..9), cell(1000, 0..9), cell(9999, 0..9)],
            ["▓", "▒", "-", "_"]
        );
    }

    #[test]
    fn the_rarest_piece_of_a_cell_tells_how_many_hold_it() {
        let (view, _) = view();
        assert_eq!(availability(&view, 1..3).0, "2");
        assert_eq!(availability(&view, 1..4).0, "1");
        let nobody = Script::downloading(3).view();
        assert_eq!(availability(&nobody, 0..3), ("!", Role::Trouble));
    }
}
