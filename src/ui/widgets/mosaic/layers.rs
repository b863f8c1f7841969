//! What the grid of pieces can show beside what is here: who holds pieces, who sent them, and when.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::event::PeerKey;
use crate::ledger::{PieceState, View};
use crate::metainfo::Bitfield;
use crate::ui::hues::{self, Hues};
use crate::ui::theme::{Colours, HUES, Look, Role};

/// A glyph of a layer, and how it looks.
pub(super) type Glyph = (&'static str, Role);

/// What stands for a cell without good pieces, of which some are arriving or none.
pub(super) const ARRIVING: Glyph = ("▄", Role::Arriving);
pub(super) const MISSING: Glyph = ("·", Role::Rule);

fn empty(view: &View, range: Range<usize>) -> Glyph {
    if view.pieces.states[range].contains(&PieceState::Arriving) { ARRIVING } else { MISSING }
}

/// What stands for pieces that only we have.
pub(super) const OURS_ALONE: Glyph = ("0", Role::Dim);

/// How many live peers have the rarest piece of the cell, and whether we have all of them; of pieces that no peer has,
/// those that are missing count first. In digits where colours are too few for a ramp.
pub(super) fn availability(view: &View, range: Range<usize>, digits: bool) -> Glyph {
    let held = view.pieces.held_by.get(range.clone()).unwrap_or(&[]);
    let least = held.iter().min().copied().unwrap_or(0);
    let seeds = u64::from(view.pieces.seeds);
    let ours = view.pieces.states[range.clone()].iter().all(|state| *state == PieceState::Good);
    let states = view.pieces.states[range].iter();
    let missing = states.zip(held).any(|(state, held)| *state != PieceState::Good && *held == 0);
    match u64::from(least) + seeds {
        0 if !missing && !held.is_empty() => OURS_ALONE,
        peers => had_by(peers, ours, digits),
    }
}

/// What stands for pieces that no peer has.
pub(super) const HAD_BY_NONE: Glyph = ("!", Role::Trouble);
/// From this number of peers on a piece is as common as it gets.
pub(super) const COMMON: u64 = 10;
/// Up to this number it is rare.
const RARE: u64 = 2;

/// What stands for so many, of pieces that we have and of others: a block of a ramp, or a digit.
pub(super) fn had_by(peers: u64, ours: bool, digits: bool) -> Glyph {
    const DIGITS: [&str; 10] = ["!", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    if peers == 0 {
        return HAD_BY_NONE;
    }
    if digits {
        let digit = DIGITS.get(usize::try_from(peers).unwrap_or(usize::MAX)).copied().unwrap_or("+");
        return match () {
            () if ours => (digit, Role::Dim),
            () if peers <= RARE => (digit, Role::Strong),
            () => (digit, Role::Text),
        };
    }
    let role = Role::Availability(Role::step(peers.min(COMMON) - 1, COMMON - 1));
    (if ours { "▒" } else { "█" }, role)
}

/// What stands for pieces that a peer has: all of a cell, over half of them, some.
pub(super) const HAD: [&str; 3] = ["█", "▓", "▒"];
/// How they look where we lack one of them, and where we have what it has.
pub(super) const OFFERED: Role = Role::Down;
pub(super) const SHARED: Role = Role::Verified;

/// What one peer has of the pieces of the cell, and whether we lack any of that.
pub(super) fn had_by_one(view: &View, range: Range<usize>, has: &Bitfield) -> Glyph {
    let pieces = range.len();
    let is_had = |piece: &usize| view.torrent.piece(*piece as u32).is_some_and(|piece| has.has(piece));
    let (mut had, mut offered) = (0, false);
    for piece in range.filter(is_had) {
        had += 1;
        offered |= view.pieces.states[piece] != PieceState::Good;
    }
    let [all, most, some] = HAD;
    let glyph = match had {
        0 => return MISSING,
        _ if had == pieces => all,
        _ if had * 2 > pieces => most,
        _ => some,
    };
    (glyph, if offered { OFFERED } else { SHARED })
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
pub(super) const ON_DISK: Glyph = ("■", Role::Rule);
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

/// Who sent the pieces: those with a hue, where there are no colours with its letter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letters {
    /// Those with a hue that sent any, those that sent most first, and how many pieces.
    senders: Vec<(u8, PeerKey, u32)>,
    /// How many of them are named.
    named: usize,
    /// Whether anybody else sent any.
    others: bool,
    /// Letters in the place of hues.
    bare: bool,
    /// Digits in the place of a ramp.
    pub(super) digits: bool,
    /// What stands for each group of senders.
    of_group: Vec<u8>,
}

/// What stands for several senders, and for one that has no hue.
pub(super) const TOGETHER: Glyph = ("▓", Role::Rule);
pub(super) const OTHERS: Glyph = ("▒", Role::Rule);
/// The numbers of those that have no hue, and of what was here before.
const OTHER: u8 = HUES;
const SEVERAL: u8 = HUES + 1;
const BEFORE: u8 = HUES + 2;

impl Letters {
    /// None: for layers that tell of no senders.
    pub(crate) fn none(look: &Look) -> Self {
        let digits = look.is_ascii() || matches!(look.colours, Colours::None | Colours::Sixteen);
        Self { digits, ..Self::default() }
    }

    /// Those of a moment; with letters where hues would not be seen.
    pub(crate) fn of(view: &View, hues: &Hues, look: &Look) -> Self {
        let groups = view.pieces.history.groups();
        let mut sent: BTreeMap<PeerKey, u32> = BTreeMap::new();
        for group in groups {
            for peer in &group.senders.named {
                let pieces = sent.entry(*peer).or_default();
                *pieces = pieces.saturating_add(group.pieces);
            }
        }
        let hued = |(number, key)| Some((number, key, sent.get(&key).copied().filter(|pieces| *pieces > 0)?));
        let mut senders: Vec<(u8, PeerKey, u32)> = hues.peers().filter_map(hued).collect();
        senders.sort_by_key(|(number, _, pieces)| (std::cmp::Reverse(*pieces), *number));
        let others = sent.iter().any(|(key, pieces)| *pieces > 0 && hues.of(*key).is_none());
        let number = |key| hues.of(key).unwrap_or(OTHER);
        let of_group = groups.iter().map(|group| group.senders.only().map_or(SEVERAL, number)).collect();
        let bare = look.is_ascii() || look.colours == Colours::None;
        Self { named: senders.len(), senders, others, bare, of_group, ..Self::none(look) }
    }

    /// The same with at most so many named; the other senders are others.
    pub(crate) fn fewer(&self, most: usize) -> Self {
        let named = self.named.min(most);
        let mut letters = Self { named, ..self.clone() };
        let unnamed: Vec<u8> = self.senders[named..].iter().map(|(number, ..)| *number).collect();
        let has_none = |number: &&mut u8| unnamed.contains(number);
        letters.of_group.iter_mut().filter(has_none).for_each(|number| *number = OTHER);
        letters
    }

    /// How many are named.
    pub(crate) fn count(&self) -> usize {
        self.named
    }

    /// Those that are.
    pub(super) fn senders(&self) -> impl Iterator<Item = (Glyph, PeerKey)> {
        self.senders[..self.named].iter().map(|(number, peer, _)| (self.glyph(*number), *peer))
    }

    /// Whether somebody sent pieces who is not.
    pub(super) fn are_too_few(&self) -> bool {
        self.others || self.named < self.senders.len()
    }

    /// What stands for a hue.
    fn glyph(&self, number: u8) -> Glyph {
        if self.bare { (hues::letter(number), Role::Peer(number)) } else { ("█", Role::Peer(number)) }
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
            number => self.glyph(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Event;
    use crate::ledger::script::Script;
    use crate::ui::theme::STEPS;

    /// Ten pieces: two of `a`, one of both, one that was there, one arriving.
    fn view() -> (Arc<View>, PeerKey) {
        let mut run = Script::downloading(10);
        let peers = run.peers(2);
        let mut had = Bitfield::empty(10);
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
    fn who_sent_a_cell_has_its_hue_and_without_colours_its_letter() {
        let (view, most) = view();
        let mut hues = Hues::default();
        assert!(Letters::of(&view, &hues, &Look::default()).senders().next().is_none(), "nobody has one");
        hues.give(3, most);
        let letters = Letters::of(&view, &hues, &Look::default());
        assert_eq!(letters.senders().next(), Some((("█", Role::Peer(3)), most)));
        assert!(letters.are_too_few(), "one that sent a part has none");
        let bare = Letters::of(&view, &hues, &Look { colours: Colours::None, ..Look::default() });
        let cell = |range| bare.cell(&view, range).0;
        assert_eq!([cell(0..1), cell(1..2), cell(3..4), cell(4..5), cell(5..6)], ["■", "D", "▓", "▄", "·"]);
        assert_eq!([cell(1..4), cell(0..2)], ["D", "▓"], "more than half of it, or several");
        let none = bare.fewer(0);
        assert_eq!(none.cell(&view, 1..2).0, "▒", "who is not named is one of the others");
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
        assert_eq!(availability(&view, 1..3, true), ("2", Role::Dim), "we have them");
        assert_eq!(availability(&view, 1..4, true).0, "1");
        assert_eq!(availability(&view, 5..6, true), ("1", Role::Strong));
        let nobody = Script::downloading(3).view();
        assert_eq!(availability(&nobody, 0..3, false), HAD_BY_NONE);
    }

    #[test]
    fn the_rarer_the_brighter_and_what_we_have_has_another_block() {
        let steps: Vec<Glyph> = (1..=COMMON).map(|peers| had_by(peers, false, false)).collect();
        assert_eq!(steps[0], ("█", Role::Availability(0)));
        assert_eq!(*steps.last().unwrap(), ("█", Role::Availability(STEPS - 1)));
        assert_eq!(had_by(1000, true, false), ("▒", Role::Availability(STEPS - 1)));
        let digits =
            [(1, false), (9, false), (10, false), (1, true)].map(|(peers, ours)| had_by(peers, ours, true));
        assert_eq!(digits, [("1", Role::Strong), ("9", Role::Text), ("+", Role::Text), ("1", Role::Dim)]);
    }
}
