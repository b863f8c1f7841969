//! What is on the disk is verified once more, while the torrent runs: meanwhile nothing is asked for, and nothing served
//! that may be wrong.

use std::sync::Arc;

use super::{Action, Phase, Swarm};
use crate::event::{At, Event, Severity};
use crate::metainfo::{Bitfield, PieceIndex};
use crate::units;

/// A recheck under way.
#[derive(Debug)]
pub(super) struct Recheck {
    /// The pieces that are looked at.
    pieces: Bitfield,
    /// Where the torrent rests afterwards, and why; `None`: it goes on.
    rests: Option<(Phase, Option<String>)>,
}

impl Swarm {
    pub(super) fn recheck(&mut self, now: At) {
        if self.recheck.is_some() {
            return self.answer(now, "It is being verified already.".to_owned());
        }
        let rests = matches!(self.phase, Phase::Paused | Phase::Stopped);
        let rests = rests.then(|| (self.phase, self.phase_reason.clone()));
        self.rest(now, Phase::Checking, None);
        // Pieces of which something came are verified when they are complete.
        self.picker.give_up_empty();
        let mut pieces = Bitfield::empty(self.geometry.piece_count());
        for piece in self.geometry.pieces().filter(|piece| !self.picker.has_begun(*piece)) {
            pieces.set(piece);
        }
        self.recheck = Some(Recheck { pieces: pieces.clone(), rests });
        self.actions.push_back(Action::Recheck(pieces));
    }

    /// Whether the torrent is to rest from now on, once it was verified: true where it is being verified.
    pub(super) fn rests_after_recheck(&mut self, phase: Phase, reason: Option<String>) -> bool {
        let Some(recheck) = &mut self.recheck else { return false };
        recheck.rests = Some((phase, reason));
        true
    }

    /// Whether the user paused it, be it verified or not.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        let after = self.recheck.as_ref().and_then(|recheck| recheck.rests.as_ref());
        self.phase == Phase::Paused || after.is_some_and(|(phase, _)| *phase == Phase::Paused)
    }

    pub(super) fn rechecked(&mut self, now: At, good: Result<Bitfield, String>) {
        let Some(Recheck { pieces, rests }) = self.recheck.take() else { return };
        let (lost, rests) = match good {
            Ok(good) => (self.take_in(now, &pieces, &good), rests),
            Err(reason) => (0, Some((Phase::Stopped, Some(reason)))),
        };
        if lost > 0 {
            for peer in self.peer_table.call_back() {
                self.emit(now, Event::NextTry { peer, at: Some(now) });
            }
        }
        match rests {
            Some((phase, reason)) => self.rest(now, phase, reason),
            None => self.go_on(now, lost > 0),
        }
    }

    /// Takes in which of these pieces are good, says so, and returns how many we have no more.
    fn take_in(&mut self, now: At, pieces: &Bitfield, good: &Bitfield) -> usize {
        let looked_at = |piece: &PieceIndex| pieces.has(*piece);
        let differs = |piece: &PieceIndex| self.have.has(*piece) != good.has(*piece);
        let (lost, found): (Vec<PieceIndex>, Vec<PieceIndex>) =
            self.geometry.pieces().filter(looked_at).filter(differs).partition(|piece| self.have.has(*piece));
        let found: Vec<PieceIndex> = found.into_iter().filter(|piece| self.picker.found(*piece)).collect();
        for piece in &lost {
            self.have.clear(*piece);
            self.picker.lost_whole(*piece);
        }
        found.iter().for_each(|piece| _ = self.have.set(*piece));
        let severity = if lost.is_empty() { Severity::Good } else { Severity::Warn };
        let text = said(self.have.count(), self.geometry.piece_count(), lost.len(), found.len());
        if !lost.is_empty() || !found.is_empty() {
            self.emit(now, Event::Had { pieces: Arc::new(self.have.clone()) });
        }
        self.emit(now, Event::Note { severity, text, answer: true });
        let count = lost.len();
        self.actions.push_back(Action::Lose(lost));
        self.actions.push_back(Action::Found(found));
        count
    }
}

/// What was found, in a sentence or two.
fn said(have: u32, of: u32, lost: usize, found: usize) -> String {
    let pieces = |count: usize| match count {
        1 => "1 piece".to_owned(),
        count => format!("{} pieces", units::count(count as u64)),
    };
    let here = match have {
        have if have == of => format!("all {} pieces are here", units::count(u64::from(of))),
        have => {
            format!("{} of {} pieces are here", units::count(u64::from(have)), units::count(u64::from(of)))
        }
    };
    match (lost, found) {
        (0, 0) => format!("Verified: {here}, and every one is right."),
        (lost, 0) => {
            let was = if lost == 1 { "was damaged or gone, and is" } else { "were damaged or gone, and are" };
            format!("Verified: {} {was} fetched again; {here}.", pieces(lost))
        }
        (0, found) => format!("Verified: {} more than was known; {here}.", pieces(found)),
        (lost, found) => format!(
            "Verified: {} damaged or gone, {} more than was known; {here}.",
            pieces(lost),
            pieces(found)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_was_found_is_a_sentence() {
        assert_eq!(said(99, 99, 0, 0), "Verified: all 99 pieces are here, and every one is right.");
        assert_eq!(
            said(98, 99, 1, 0),
            "Verified: 1 piece was damaged or gone, and is fetched again; 98 of 99 pieces are here."
        );
        assert_eq!(
            said(97, 99, 2, 0),
            "Verified: 2 pieces were damaged or gone, and are fetched again; 97 of 99 pieces are here."
        );
        assert_eq!(said(99, 99, 0, 9), "Verified: 9 pieces more than was known; all 99 pieces are here.");
    }
}
