//! Sequence numbers of 16 bits, which wrap, and microseconds.

use crate::event::At;

/// Microseconds since the start of the run.
pub(super) type Micros = u64;

/// No time at all: what is never due.
pub(super) const NEVER: Micros = Micros::MAX;
/// A second.
pub(super) const SECOND: Micros = 1_000_000;
/// A millisecond.
pub(super) const MILLISECOND: Micros = 1_000;

/// As the streams count it.
pub(super) fn micros(at: At) -> Micros {
    u64::try_from(at.as_micros()).unwrap_or(NEVER - 1)
}

/// How a packet says when it was sent. 0 would say nothing.
pub(super) fn stamp(now: Micros) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "time stamps wrap")]
    let stamp = now as u32;
    stamp.max(1)
}

/// How many numbers `to` is after `from`: negative where it is before.
pub(super) fn distance(from: u16, to: u16) -> i32 {
    i32::from(to.wrapping_sub(from).cast_signed())
}
