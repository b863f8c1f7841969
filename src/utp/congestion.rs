//! The congestion window (LEDBAT): grows below the target delay, shrinks above it, and is cut by losses.
//!
//! It grows by the same number of bytes for each stream and shrinks by a part of itself, as in LEDBAT++: so the windows of
//! streams that measure the same delay become equal. That they measure the same is the task of `slowdown`.

use super::seq::{MILLISECOND, Micros, SECOND};
use super::slowdown::Slowdown;
use crate::event::DELAY_TARGET;

/// The delay over its base that is aimed at, microseconds.
#[expect(clippy::cast_possible_truncation, reason = "it is a fraction of a second")]
const TARGET: u32 = DELAY_TARGET.as_micros() as u32;
/// Exponential growth ends here: what is under way by then makes as much again.
const SLOW_START_DELAY: u32 = TARGET / 2;
/// A delay that says that there is no queue worth the name.
const SMALL_DELAY: u32 = TARGET / 4;
/// Where the delay is no more than this it is not made smaller for a moment either.
const SUBSTANTIAL_DELAY: u32 = TARGET / 2;
/// Bytes that the window grows by in a round trip.
const GAIN: f64 = 3_000.0;
/// Packets that fit the first window.
const FIRST_PACKETS: u32 = 10;
/// Packets that always fit.
const LEAST_PACKETS: u32 = 2;
/// Of the window this part is kept after a loss where there is no queue, as CUBIC keeps it (RFC 9438): lines lose packets
/// though they have room.
const KEPT_WITHOUT_QUEUE: f64 = 0.7;
/// The window is cut at most once in this time, where what is under way is on the line more than in a queue.
const CUT_INTERVAL: Micros = 100 * MILLISECOND;
/// After this long without a loss a line whose queue is empty is taken to have room for much more.
const FORGIVEN: Micros = 10 * SECOND;
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
    /// What was before the window was cut last, and how many packets are to blame for that.
    before_cut: Option<(Shape, u32)>,
    slowdown: Slowdown,
    /// The last delay that was told, microseconds.
    delay: u32,
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
    /// The shortest round trip that was seen: that of the line without a queue, as far as it is known.
    pub(super) least_round_trip: Micros,
}

/// What is told of packets that are lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    pub(super) packets: u32,
    /// When the newest of them was sent.
    pub(super) sent_at: Micros,
    /// The mean round trip, and the shortest that was seen.
    pub(super) round_trip: Micros,
    pub(super) least_round_trip: Micros,
}

impl Congestion {
    /// For packets with `packet` bytes of payload and a window of at most `most` bytes.
    pub(super) fn new(packet: u32, most: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a bound on bytes of memory")]
        let most = most as f64;
        let shape =
            Shape { window: f64::from(packet * FIRST_PACKETS), slow_start: true, threshold: f64::INFINITY };
        Self {
            shape,
            packet,
            most,
            cut: None,
            full_at: None,
            governor: Governor::Loss,
            before_timeout: None,
            before_cut: None,
            slowdown: Slowdown::new(),
            delay: 0,
        }
    }

    /// Bytes that may be under way.
    pub(super) fn window(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by `most`")]
        let window = self.shape.window as u32;
        window
    }

    /// Whether the window doubles in each round trip.
    pub(super) fn is_slow_start(&self) -> bool {
        self.shape.slow_start
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
        self.delay = acked.delay;
        if acked.delay <= SMALL_DELAY {
            self.slowdown.delay_is_small(now);
        }
        if self.slowdown.is_on() {
            let fits = f64::from(acked.in_flight.saturating_sub(acked.bytes)) <= self.shape.window;
            // As much as before fits again, hence it may grow quickly.
            self.shape.slow_start = self.slowdown.ends(now, fits, acked.least_round_trip);
            return;
        }
        let bytes = f64::from(acked.bytes);
        let window = self.shape.window;
        let over_target = f64::from(acked.delay) / f64::from(TARGET) - 1.0;
        let a_round_trip = if over_target > 0.0 {
            (GAIN - window * over_target).max(-window / 2.0)
        } else if acked.delay <= SMALL_DELAY / 2 && self.cut.is_none_or(|cut| now >= cut + FORGIVEN) {
            GAIN.max(window / 8.0)
        } else {
            GAIN
        };
        let mut gain = a_round_trip * bytes.min(window) / bytes.max(window);
        let tried = self.full_at.is_some_and(|at| now.saturating_sub(at) <= UNTRIED);
        if gain > 0.0 && !tried {
            gain = 0.0;
        }
        if self.shape.slow_start {
            // Up to a known threshold there is room for as much as the target allows.
            let most_delay = if self.shape.threshold.is_finite() { TARGET } else { SLOW_START_DELAY };
            if acked.delay > most_delay {
                (self.shape.slow_start, self.shape.threshold) = (false, window);
                self.governor = Governor::Delay;
            } else if window + bytes > self.shape.threshold {
                self.shape.slow_start = false;
            } else if f64::from(acked.in_flight) * 2.0 >= window {
                gain = bytes;
            }
        }
        if !self.shape.slow_start && over_target > -0.5 {
            self.governor = Governor::Delay;
        }
        self.shape.window += gain;
        self.bound();
        if !self.shape.slow_start && tried && acked.delay > SUBSTANTIAL_DELAY && self.slowdown.is_due(now) {
            self.slow_down(now, acked);
        }
    }

    /// Makes the window so small that its part of the queue empties, for a moment. After that it is what fills the line and
    /// a little of the queue: the rest is won by growing, which makes the windows of streams equal and costs nothing, since
    /// the line is full.
    fn slow_down(&mut self, now: Micros, acked: Acked) {
        // One that is small has no part worth the name.
        if self.shape.window <= 2.0 * self.least() {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a round trip")]
        let line = acked.least_round_trip as f64;
        let round_trip = line + f64::from(acked.delay);
        let window = self.shape.window;
        self.shape.threshold = window * (line + f64::from(SMALL_DELAY)) / round_trip;
        self.shape.window = window * line / round_trip / f64::from(self.slowdown.begin(now));
        self.bound();
    }

    /// Packets are lost.
    pub(super) fn lost(&mut self, now: Micros, lost: Lost) {
        // A queue that lasts longer than the line takes keeps that busy with a smaller window, and overflows again and again
        // where the window grows by more in the interval than one cut takes: on a short line that is soon.
        let is_queue = lost.round_trip > 2 * lost.least_round_trip;
        let interval = if is_queue { 0 } else { CUT_INTERVAL.max(lost.round_trip) };
        if self.cut.is_some_and(|cut| now < cut + interval || lost.sent_at < cut) {
            if let Some((_, blamed)) = &mut self.before_cut {
                *blamed += lost.packets;
            }
            return;
        }
        self.cut = Some(now);
        if self.slowdown.is_on() {
            // It is from before that.
            self.shape.threshold = (self.shape.threshold / 2.0).max(self.shape.window);
            return;
        }
        self.before_cut = Some((self.shape, lost.packets));
        self.shape.window *= if self.delay <= SMALL_DELAY { KEPT_WITHOUT_QUEUE } else { 0.5 };
        self.bound();
        (self.shape.slow_start, self.shape.threshold) = (false, self.shape.window);
        self.governor = Governor::Loss;
    }

    /// Nothing came for as long as an acknowledgement is waited for: begins again.
    pub(super) fn timed_out(&mut self, now: Micros) {
        self.before_timeout.get_or_insert(self.shape);
        self.cut = Some(now);
        self.slowdown.cancel();
        self.before_cut = None;
        let threshold = (self.shape.window / 2.0).max(self.least());
        self.shape = Shape { window: self.least(), slow_start: true, threshold };
        self.governor = Governor::Loss;
    }

    /// This many packets that had been taken for lost had only been late. When all were that made the window small, it is
    /// again what it was.
    pub(super) fn were_only_late(&mut self, packets: u32) {
        let cut = self.before_cut.as_mut();
        let undone = cut.is_some_and(|(_, blamed)| {
            *blamed = blamed.saturating_sub(packets);
            *blamed == 0
        });
        let before_cut = if undone { self.before_cut.take() } else { None };
        if let Some(shape) = self.before_timeout.take().or_else(|| before_cut.map(|(shape, _)| shape)) {
            let window = shape.window.max(self.shape.window);
            self.shape = Shape { window, slow_start: false, ..shape };
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Micros = 20 * MILLISECOND;

    /// A full window is acknowledged every round trip, for so long, with a delay that depends on the window. Gives the windows.
    fn run(congestion: &mut Congestion, time: Micros, delay: impl Fn(u32) -> u32) -> Vec<u32> {
        let round_trip = |now| {
            let window = congestion.window();
            let (bytes, delay) = (window, delay(window));
            congestion.was_full(now);
            let acked = Acked { bytes, in_flight: window, delay, least_round_trip: ROUND_TRIP };
            congestion.acked(now, acked);
            congestion.window()
        };
        (0..time).step_by(ROUND_TRIP as usize).map(round_trip).collect()
    }

    #[test]
    fn where_the_delay_stays_small_the_window_never_shrinks() {
        for delay in [0, SMALL_DELAY, SUBSTANTIAL_DELAY] {
            let mut congestion = Congestion::new(1_400, 4 << 20);
            let windows = run(&mut congestion, 60 * SECOND, |_| delay);
            assert!(windows.is_sorted(), "with a delay of {delay}");
            assert_eq!(windows.last(), Some(&(4 << 20)));
        }
    }

    /// What follows the line to a peer whose socket holds little, and who reads fast.
    #[test]
    fn a_queue_that_is_short_and_soon_full_loses_little() {
        let (packet_bytes, holds, bytes_a_microsecond, line) = (1_400, 128_000, 50, 100);
        let mut congestion = Congestion::new(packet_bytes, 4 << 20);
        let (mut now, mut sent, mut lost) = (SECOND, 0, 0);
        while now < 21 * SECOND {
            let window = congestion.window();
            let packets = window.saturating_sub(holds).div_ceil(packet_bytes);
            let sent_at = now;
            let delay = window.min(holds) / bytes_a_microsecond;
            let round_trip = line + Micros::from(delay);
            now += round_trip;
            congestion.was_full(now);
            if packets > 0 {
                congestion.lost(now, Lost { packets, sent_at, round_trip, least_round_trip: line });
            }
            let bytes = window.min(holds);
            congestion.acked(now, Acked { bytes, in_flight: window, delay, least_round_trip: line });
            (sent, lost) = (sent + window / packet_bytes, lost + packets);
        }
        assert!(lost * 50 < sent, "{lost} packets of {sent}");
        assert!(sent > 19 * 50_000_000 / packet_bytes, "{sent} packets");
    }

    #[test]
    fn where_it_does_not_the_window_is_small_for_a_moment_every_six_seconds() {
        // Of what is under way 100 kB are on the line, and each 2 kB more take a millisecond.
        let delay = |window: u32| window.saturating_sub(100_000) / 2;
        let mut congestion = Congestion::new(1_400, 4 << 20);
        run(&mut congestion, 10 * SECOND, delay);
        let windows = run(&mut congestion, 60 * SECOND, delay);
        let slowdowns = windows.windows(2).filter(|pair| pair[1] < pair[0] / 2).count();
        assert!((8..=10).contains(&slowdowns), "{slowdowns} in a minute");
        let small = windows.iter().filter(|window| **window < 100_000).count();
        assert!(small * 25 < windows.len(), "small for {small} of {} round trips", windows.len());
        let most = windows.iter().max();
        assert!(most.is_some_and(|most| (290_000..320_000).contains(most)), "{most:?}");
    }
}
