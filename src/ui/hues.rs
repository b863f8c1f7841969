//! Which peers have a hue: the eight that give most, each for as long as it is connected.

use std::cmp::Reverse;

use super::model::peer;
use super::paint::Spans;
use super::theme::{Colours, HUES, Look, Role};
use crate::event::PeerKey;
use crate::ledger::{PeerRecord, View};

/// The peers with a hue, by its number. Where there are no colours each is a letter, from A.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Hues([Option<PeerKey>; HUES as usize]);

impl Hues {
    /// Gives free hues to live peers that gave something, to those that gave most first. One that is gone keeps its own
    /// until somebody needs it.
    pub(crate) fn take_in(&mut self, view: &View) {
        let live = |key: &PeerKey| peer(view, *key).is_some_and(PeerRecord::is_live);
        if self.0.iter().all(|key| key.as_ref().is_some_and(live)) {
            return;
        }
        let gives = view.peers.iter().filter(|peer| peer.is_live() && peer.down_bytes > 0);
        let mut givers: Vec<_> = gives.filter(|peer| self.of(peer.key).is_none()).collect();
        givers.sort_by_key(|peer| (Reverse(peer.down_bytes), peer.key));
        for giver in givers {
            let empty = self.0.iter().position(Option::is_none);
            let left = || self.0.iter().position(|key| key.as_ref().is_some_and(|key| !live(key)));
            let Some(free) = empty.or_else(left) else { return };
            self.0[free] = Some(giver.key);
        }
    }

    #[cfg(test)]
    pub(crate) fn give(&mut self, number: u8, key: PeerKey) {
        self.0[usize::from(number)] = Some(key);
    }

    /// The number of a peer's hue.
    pub(crate) fn of(&self, key: PeerKey) -> Option<u8> {
        self.0.iter().zip(0..).find(|(has, _)| **has == Some(key)).map(|(_, number)| number)
    }

    /// The peers with a hue, in the order of their numbers.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (u8, PeerKey)> {
        self.0.iter().zip(0..).filter_map(|(key, number)| Some((number, (*key)?)))
    }
}

/// What begins with the glyph of a peer that has a hue: the glyph has it, or where there are no colours, a letter has its
/// place.
pub(crate) fn sign(look: &Look, hue: u8, said: Spans) -> Spans {
    said.with_first(Role::Peer(hue), has_letters(look).then(|| letter(hue)))
}

/// Whether hues are letters: there are no colours, or nothing but ASCII.
pub(crate) fn has_letters(look: &Look) -> bool {
    look.is_ascii() || look.colours == Colours::None
}

/// The letter that stands for a hue.
pub(crate) fn letter(number: u8) -> &'static str {
    ["A", "B", "C", "D", "E", "F", "G", "H"][usize::from(number % HUES)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Cause;
    use crate::ledger::script::Script;

    #[test]
    fn the_eight_that_give_most_have_one_while_they_are_connected() {
        let mut run = Script::downloading(100);
        let peers = run.open_seeds(10);
        let mut hues = Hues::default();
        hues.take_in(&run.view());
        assert_eq!(hues, Hues::default(), "nobody gave anything");
        for (number, key) in peers.iter().enumerate() {
            run.second(&[*key], 10_000 * (number as u64 + 1));
        }
        hues.take_in(&run.view());
        let most: Vec<PeerKey> = peers[2..].iter().rev().copied().collect();
        assert_eq!(hues.peers().map(|(_, key)| key).collect::<Vec<_>>(), most);
        assert_eq!((hues.of(peers[9]), hues.of(peers[2]), hues.of(peers[1])), (Some(0), Some(7), None));
        // Who gives more later gets none while all eight are connected.
        run.second(&peers[..1], 9_000_000);
        let before = hues;
        hues.take_in(&run.view());
        assert_eq!(hues, before);
        // One that leaves makes room for the one that gave most of the others.
        run.end(peers[5], Cause::ClosedByPeer);
        hues.take_in(&run.view());
        assert_eq!(
            (hues.of(peers[0]), hues.of(peers[5]), hues.of(peers[9])),
            (before.of(peers[5]), None, Some(0))
        );
    }

    #[test]
    fn one_that_is_gone_keeps_its_hue_until_it_is_needed() {
        let mut run = Script::downloading(100);
        let peers = run.open_seeds(1);
        run.second(&peers, 50_000);
        let mut hues = Hues::default();
        hues.take_in(&run.view());
        run.end(peers[0], Cause::ClosedByPeer);
        hues.take_in(&run.view());
        assert_eq!(hues.of(peers[0]), Some(0));
    }
}
