//! The congestion window (LEDBAT): grows below the target delay, shrinks above it, and is halved by losses.

use super::seq::{MILLISECOND, Micros, SECOND};
use crate::event::DELAY_TARGET;

/// The delay over its base that is aimed at, microseconds.
#[expect(clippy::cast_possible_truncation, reason = "it is a fraction of a second")]
const TARGET: u32 = DELAY_TARGET.as_micros() as u32;
/// Exponential growth ends here: what is under way by then makes as much again.
const SLOW_START_DELAY: u32 = TARGET / 2;
/// Bytes that the window grows by in a round trip, at most.
const GAIN: f64 = 3_000.0;
/// Packets that fit the first window.
const FIRST_PACKETS: u32 = 10;
/// Packets that always fit.
const LEAST_PACKETS: u32 = 2;
/// The window is halved at most once in this time.
const CUT_INTERVAL: Micros = 100 * MILLISECOND;
/// A window that was not full for this long says nothing of the line, and does not grow.
const UNTRIED: Micros = SECOND;

/// What the window follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Governor {
    /// Losses, or nothing yet.
    Loss,
    /// The delay.
    Delay,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    window: f64,
    slow_start: bool,
    threshold: f64,
}

/// The congestion window of a stream.
#[derive(Debug)]
pub(super) struct Congestion {
    shape: Shape,
    packet: u32,
    most: f64,
    cut: Option<Micros>,
    full_at: Option<Micros>,
    governor: Governor,
    before_timeout: Option<Shape>,
}

/// What an acknowledgement tells of the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acked {
    /// Bytes that it is the first to acknowledge.
    pub(super) bytes: u32,
    /// Bytes that were under way before.
    pub(super) in_flight: u32,
    /// The delay over the base, microseconds, with what the clocks are blamed for.
    pub(super) delay: u32,
}

impl Congestion {
    /// For packets with `packet` bytes of payload and a window of at most `most` bytes.
    pub(super) fn new(packet: u32, most: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a bound on bytes of memory")]
        let most = most as f64;
        let shape =
            Shape { window: f64::from(packet * FIRST_PACKETS), slow_start: true, threshold: f64::INFINITY };
        Self { shape, packet, most, cut: None, full_at: None, governor: Governor::Loss, before_timeout: None }
    }

    /// Bytes that may be under way.
    pub(super) fn window(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by `most`")]
        let window = self.shape.window as u32;
        window
    }

    pub(super) fn governor(&self) -> Governor {
        self.governor
    }

    /// Bytes of payload that a packet has from now on.
    pub(super) fn set_packet(&mut self, packet: u32) {
        self.packet = packet;
        self.bound();
    }

    /// Something would be sent if the window were larger.
    pub(super) fn was_full(&mut self, now: Micros) {
        self.full_at = Some(now);
    }

    pub(super) fn acked(&mut self, now: Micros, acked: Acked) {
        let bytes = f64::from(acked.bytes);
        let window = self.shape.window;
        let off_target = (f64::from(TARGET) - f64::from(acked.delay)) / f64::from(TARGET);
        let mut gain = GAIN * bytes.min(window) / bytes.max(window) * off_target;
        let tried = self.full_at.is_some_and(|at| now.saturating_sub(at) <= UNTRIED);
        if gain > 0.0 && !tried {
            gain = 0.0;
        }
        if self.shape.slow_start {
            if acked.delay > SLOW_START_DELAY {
                (self.shape.slow_start, self.shape.threshold) = (false, window);
                self.governor = Governor::Delay;
            } else if window + bytes > self.shape.threshold {
                self.shape.slow_start = false;
            } else if f64::from(acked.in_flight) * 2.0 >= window {
                gain = bytes;
            }
        }
        if !self.shape.slow_start && off_target < 0.5 {
            self.governor = Governor::Delay;
        }
        self.shape.window += gain;
        self.bound();
    }

    /// A packet that was sent at `sent_at` is lost. Says whether the window was halved for it.
    pub(super) fn lost(&mut self, now: Micros, sent_at: Micros, round_trip: Micros) -> bool {
        let again = |cut: Micros| now >= cut + CUT_INTERVAL.max(round_trip) && sent_at >= cut;
        if !self.cut.is_none_or(again) {
            return false;
        }
        self.cut = Some(now);
        self.shape.window /= 2.0;
        self.bound();
        (self.shape.slow_start, self.shape.threshold) = (false, self.shape.window);
        self.governor = Governor::Loss;
        true
    }

    /// Nothing came for as long as an acknowledgement is waited for: begins again.
    pub(super) fn timed_out(&mut self, now: Micros) {
        self.before_timeout.get_or_insert(self.shape);
        self.cut = Some(now);
        let threshold = (self.shape.window / 2.0).max(self.least());
        self.shape = Shape { window: self.least(), slow_start: true, threshold };
        self.governor = Governor::Loss;
    }

    /// What had been taken for lost had only been late.
    pub(super) fn was_only_late(&mut self) {
        if let Some(shape) = self.before_timeout.take() {
            self.shape = Shape { slow_start: false, ..shape };
        }
    }

    /// What was sent after a time-out is acknowledged.
    pub(super) fn recovered(&mut self) {
        self.before_timeout = None;
    }

    /// Nothing was under way for `idle`: the window says less and less of the line.
    pub(super) fn rested(&mut self, idle: Micros, timeout: Micros) {
        let first = f64::from(self.packet * FIRST_PACKETS);
        let mut rests = idle / timeout.max(1);
        while rests > 0 && self.shape.window > first {
            self.shape.window = (self.shape.window * 2.0 / 3.0).max(first);
            rests -= 1;
        }
    }

    fn least(&self) -> f64 {
        f64::from(self.packet * LEAST_PACKETS)
    }

    fn bound(&mut self) {
        self.shape.window = self.shape.window.min(self.most).max(self.least());
    }
}
