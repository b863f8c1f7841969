//! What the grid of pieces can show beside what is here: who holds pieces, who sent them, and when.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::event::PeerKey;
use crate::ledger::{PieceState, View};
use crate::ui::atlas::Layer;
use crate::ui::theme::Role;

/// What a glyph of a layer means.
pub(crate) type Legend = Vec<(String, String)>;

/// What stands for a cell without good pieces.
fn empty(view: &View, range: Range<usize>) -> (&'static str, Role) {
    match view.pieces.states[range].contains(&PieceState::Arriving) {
        true => ("░", Role::Good),
        false => ("·", Role::Dim),
    }
}

/// How many live peers hold the rarest piece of the cell.
pub(super) fn availability(view: &View, range: Range<usize>) -> (&'static str, Role) {
    const DIGITS: [&str; 10] = ["!", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let least = view.pieces.held_by.get(range).unwrap_or(&[]).iter().min().copied().unwrap_or(0);
    let holders = u64::from(least) + u64::from(view.pieces.seeds);
    match holders {
        0 => ("!", Role::Trouble),
        1 | 2 => (DIGITS[holders as usize], Role::Strong),
        3..=9 => (DIGITS[holders as usize], Role::Text),
        _ => ("+", Role::Dim),
    }
}

/// How long ago the newest piece of the cell came.
pub(super) fn age(view: &View, range: Range<usize>) -> (&'static str, Role) {
    let history = &view.pieces.history;
    let newest = range.clone().filter_map(|piece| history.verified(piece)).max();
    let Some(newest) = newest else {
        let any = view.pieces.states[range.clone()].contains(&PieceState::Good);
        return if any { ("■", Role::Dim) } else { empty(view, range) };
    };
    match view.at.saturating_sub(newest).as_secs() {
        0..10 => ("█", Role::Progress),
        10..60 => ("▓", Role::Progress),
        60..600 => ("▒", Role::Progress),
        600..3600 => ("-", Role::Text),
        _ => ("_", Role::Dim),
    }
}

/// Letters for those that sent pieces, those that sent most first.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    senders: Vec<(PeerKey, u32)>,
    /// What stands for each group of senders.
    of_group: Vec<u8>,
}

const LETTERS: [&str; 26] = [
    "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T", "U",
    "V", "W", "X", "Y", "Z",
];
/// What stands for one that has no letter, for several, and for what was here before.
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
        senders.truncate(LETTERS.len());
        let letters: BTreeMap<PeerKey, u8> = senders.iter().map(|(peer, _)| *peer).zip(0..).collect();
        let letter = |peer: PeerKey| letters.get(&peer).copied().unwrap_or(OTHER);
        let of_group = groups.iter().map(|group| group.senders.only().map_or(SEVERAL, letter)).collect();
        Self { senders, of_group }
    }

    /// Those that have a letter, with how many pieces they sent blocks of.
    pub(crate) fn senders(&self) -> impl Iterator<Item = (&'static str, PeerKey, u32)> {
        LETTERS.iter().zip(&self.senders).map(|(letter, (peer, pieces))| (*letter, *peer, *pieces))
    }

    /// Who sent most of the cell.
    pub(super) fn cell(&self, view: &View, range: Range<usize>) -> (&'static str, Role) {
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
            BEFORE => ("■", Role::Dim),
            SEVERAL => ("&", Role::Text),
            OTHER => ("+", Role::Text),
            letter => (LETTERS[usize::from(letter)], if letter == 0 { Role::Strong } else { Role::Text }),
        }
    }
}

/// What the glyphs of a layer mean; names of peers come from `name`.
pub(crate) fn legend(layer: Layer, letters: &Letters, name: impl Fn(PeerKey) -> String) -> Legend {
    let fixed = |pairs: &[(&str, &str)]| -> Legend {
        pairs.iter().map(|(glyph, means)| ((*glyph).to_owned(), (*means).to_owned())).collect()
    };
    match layer {
        Layer::State => fixed(&[
            ("█", "good"),
            ("▓▒", "partly good"),
            ("░", "arriving"),
            ("·", "missing"),
            ("!", "held by nobody"),
            ("x", "failed its check"),
        ]),
        Layer::Availability => fixed(&[
            ("1–9", "so many live peers hold the rarest of the cell"),
            ("+", "ten or more"),
            ("!", "nobody"),
        ]),
        Layer::Provenance => {
            let mut legend =
                fixed(&[("■", "was on disk"), ("&", "several"), ("+", "others"), ("·", "missing")]);
            let named = letters.senders().map(|(letter, peer, _)| (letter.to_owned(), name(peer)));
            legend.splice(0..0, named.take(4));
            legend
        }
        Layer::Age => fixed(&[
            ("█", "within 10 s"),
            ("▓", "a minute"),
            ("▒", "10 minutes"),
            ("-", "an hour"),
            ("_", "longer ago"),
            ("■", "was on disk"),
            ("░", "arriving"),
        ]),
    }
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
        assert_eq!(letters.senders().next(), Some(("A", most, 3)));
        let cell = |range| letters.cell(&view, range).0;
        assert_eq!([cell(0..1), cell(1..2), cell(3..4), cell(4..5), cell(5..6)], ["■", "A", "&", "░", "·"]);
        assert_eq!([cell(1..4), cell(0..2)], ["A", "&"], "more than half of it, or several");
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
