//! Slowing down now and then, so that the queue of the line empties and the least delay is measured, not guessed.
//!
//! A stream that begins while another keeps a queue takes that queue for a part of the line: its base is too high, it never
//! gives way to the other, and the other gives way to it until nothing is left (the latecomer's advantage of LEDBAT). Hence a
//! stream that saw no small delay for some seconds makes its window small for a round trip, as LEDBAT++ does
//! (draft-irtf-iccrg-ledbat-plus-plus). When one with much under way does so, the others see the queue shrink too, and
//! all wait as long from then on: soon they slow down together, the queue empties, and all know the same base.
//!
//! Where the delay stays small, as on a network that is faster than its hosts, nothing is ever slowed down.

use super::seq::{Micros, SECOND};

/// After this long without a small delay the window is made small.
const PATIENCE: Micros = 6 * SECOND;
/// The window is what the line holds without a queue, divided by this: half a round trip of the line is lost each time.
const DIVISOR: u32 = 2;
/// The same for the first time: what a new stream takes for the line without a queue may be mostly the queue of others.
const FIRST_DIVISOR: u32 = 8;

/// What is done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The window is what it is otherwise.
    Usual,
    /// More is under way than the small window allows.
    Draining,
    /// What is sent now finds the queue empty, if it is ours alone: how long it takes is known at this time.
    Measuring(Micros),
}

/// When the window is made small, and for how long.
#[derive(Debug)]
pub(super) struct Slowdown {
    stage: Stage,
    /// When the delay was small last, or the window was made small.
    small_at: Micros,
    is_first: bool,
}

impl Slowdown {
    pub(super) fn new() -> Self {
        Self { stage: Stage::Usual, small_at: 0, is_first: true }
    }

    /// The delay is small: the base is as good as measured now.
    pub(super) fn delay_is_small(&mut self, now: Micros) {
        self.small_at = now;
    }

    /// Whether the window is to be made small. A new stream does so at once: its base is worth least.
    pub(super) fn is_due(&self, now: Micros) -> bool {
        self.stage == Stage::Usual && (self.is_first || now.saturating_sub(self.small_at) >= PATIENCE)
    }

    /// The window is made small now; by how much it is to be less than what the line holds without a queue.
    pub(super) fn begin(&mut self, now: Micros) -> u32 {
        (self.stage, self.small_at) = (Stage::Draining, now);
        if std::mem::take(&mut self.is_first) { FIRST_DIVISOR } else { DIVISOR }
    }

    pub(super) fn is_on(&self) -> bool {
        self.stage != Stage::Usual
    }

    /// Something is acknowledged; `fits`: no more is under way than the small window allows. Says whether it is over.
    pub(super) fn ends(&mut self, now: Micros, fits: bool, round_trip: Micros) -> bool {
        match self.stage {
            Stage::Draining if fits => self.stage = Stage::Measuring(now + round_trip),
            Stage::Measuring(until) if now >= until => {
                self.stage = Stage::Usual;
                return true;
            }
            _ => {}
        }
        false
    }

    /// Something else decides about the window.
    pub(super) fn cancel(&mut self) {
        self.stage = Stage::Usual;
    }
}
