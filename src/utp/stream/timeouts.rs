//! What time brings to a stream.

use super::super::End;
use super::super::rtt::FIRST_TIMEOUT;
use super::super::send_buffer::Fate;
use super::super::seq::{MILLISECOND, Micros, NEVER, SECOND};
use super::sending::HEADER_BYTES_U16;
use super::{State, Stream, payload_of};

/// How long the answer to each SYN is waited for.
const SYN_TIMEOUTS: [Micros; 3] = [SECOND, 3 * SECOND / 2, 2 * SECOND];
/// After this many time-outs in a row with nothing heard it is over.
const MOST_UNHEARD: u32 = 7;
/// After this many with nothing acknowledged it is over, though the peer says something.
const MOST_VAIN: u32 = 20;
/// The time that is waited doubles this often.
const MOST_DOUBLINGS: u32 = 3;
/// NATs forget what nothing passes through: most remember it for half a minute.
const KEEP_ALIVE: Micros = 29 * SECOND;
/// Buffers that nobody used for this long are given back.
const IDLE: Micros = SECOND;
/// The least that the acknowledgement of a last packet is waited for before it is sent again.
const LEAST_TAIL: Micros = 20 * MILLISECOND;
/// The same for packets of which the peer said that they are missing.
const LEAST_MISSING: Micros = 2 * MILLISECOND;
/// The last packet is sent again this often, each time after twice as long: it may be lost again, or its acknowledgement.
const MOST_TAIL_PROBES: u8 = 3;
/// A peer without room is asked again after one of these, twice that and so on.
const WINDOW_PROBE: Micros = SECOND;
const MOST_WINDOW_PROBE: Micros = 15 * SECOND;

/// Who is done answers what comes twice, and goes on for as long as the peer may wait before it sends it once more, which is
/// this many times the time-out; never for longer than a minute.
const RESTED_TIMEOUTS: Micros = (1 << MOST_DOUBLINGS) + 1;
const MOST_REST: Micros = 60 * SECOND;

/// When what is due; [`NEVER`]: nothing of that kind is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// The SYN is sent again.
    pub(super) syn: Micros,
    /// More may leave.
    pub(super) pace: Micros,
    /// What is under way is taken for lost.
    pub(super) resend: Micros,
    /// What the peer misses is sent again, or else the last packet under way, in case it alone is lost.
    pub(super) tail: Micros,
    /// A peer without room is asked whether it has some now.
    pub(super) window_probe: Micros,
    /// It is forgotten.
    pub(super) linger: Micros,
    /// Memory is given back.
    pub(super) shrink: Micros,
}

impl Default for Due {
    fn default() -> Self {
        Self {
            syn: NEVER,
            pace: NEVER,
            resend: NEVER,
            tail: NEVER,
            window_probe: NEVER,
            linger: NEVER,
            shrink: NEVER,
        }
    }
}

impl Stream {
    /// When it wants to be looked at.
    pub(in crate::utp) fn deadline(&self) -> Micros {
        let waits = self.state == State::Open && !self.ack_due;
        let keep_alive = if waits { self.last_sent + KEEP_ALIVE } else { NEVER };
        let Due { syn, pace, resend, tail, window_probe, linger, shrink } = self.due;
        [keep_alive, syn, pace, resend, tail, window_probe, linger, shrink].into_iter().min().unwrap_or(NEVER)
    }

    /// Sets what is waited for by what is under way; called whenever something happened.
    pub(in crate::utp) fn set_timers(&mut self, now: Micros) {
        if !matches!(self.state, State::Open | State::Closing) {
            return;
        }
        self.pacer.count(now, self.pace());
        self.due.pace = self.paced_until();
        if self.send.packets() == 0 {
            (self.due.resend, self.due.tail) = (NEVER, NEVER);
        } else if self.due.resend == NEVER {
            self.wait_for_acks(now);
        }
        let stuck = self.peer_window == 0
            && self.send.unsent() > 0
            && self.send.packets() == 0
            && !self.window_probe_due;
        if !stuck {
            self.due.window_probe = NEVER;
        } else if self.due.window_probe == NEVER {
            let wait = WINDOW_PROBE << self.window_probes.min(4);
            self.due.window_probe = now + wait.min(MOST_WINDOW_PROBE);
        }
        let idle = self.send.buffered() == 0 && self.receive.readable() == 0 && !self.receive.has_gap();
        if !idle || !self.holds_memory {
            self.due.shrink = NEVER;
        } else if self.due.shrink == NEVER {
            self.due.shrink = now + IDLE;
        }
    }

    /// From now on acknowledgements of what is under way are waited for.
    pub(super) fn wait_for_acks(&mut self, now: Micros) {
        let timeout = self.rtt.timeout();
        self.due.resend = now + (timeout << self.timeouts.min(MOST_DOUBLINGS));
        self.wait_for_tail(now);
    }

    /// The same of the last packet under way, which is waited for less long, and of what the peer misses.
    pub(super) fn wait_for_tail(&mut self, now: Micros) {
        let least = if self.missing_until.is_some() { LEAST_MISSING } else { LEAST_TAIL };
        let tail = self.rtt.patience().map(|patience| patience.max(least) << self.tail_probes);
        let probes = self.timeouts == 0 && self.tail_probes < self.most_tail_probes();
        let timeout = self.rtt.timeout();
        self.due.tail = tail.filter(|tail| probes && *tail < timeout).map_or(NEVER, |tail| now + tail);
    }

    /// Does what is due.
    pub(in crate::utp) fn expire(&mut self, now: Micros) {
        if now >= self.due.syn {
            self.syn_unanswered();
        }
        if now >= self.due.tail {
            self.due.tail = NEVER;
            self.lose_missing(now);
            self.probe_tail(now);
        }
        if now >= self.due.resend {
            self.nothing_acked(now);
        }
        if now >= self.due.window_probe {
            self.due.window_probe = NEVER;
            self.window_probes += 1;
            self.window_probe_due = true;
        }
        if now >= self.due.shrink {
            self.due.shrink = NEVER;
            self.shrink();
        }
        if self.state == State::Open && now >= self.last_sent + KEEP_ALIVE {
            self.ack_due = true;
        }
        if now >= self.due.linger {
            self.state = State::Gone;
        }
    }

    fn shrink(&mut self) {
        self.holds_memory = false;
        self.send.shrink();
        self.receive.shrink();
    }

    /// Both sides are done: what the peer sends again is answered, since it may not have heard.
    pub(super) fn rest(&mut self, now: Micros) {
        if self.state != State::Resting {
            self.state = State::Resting;
            self.rests_until = now + MOST_REST;
            self.shrink();
        }
        // One that sent little knows of no round trip.
        let time = RESTED_TIMEOUTS * self.rtt.timeout().max(FIRST_TIMEOUT);
        self.due = Due { linger: self.rests_until.min(now + time), ..Due::default() };
    }

    fn syn_unanswered(&mut self) {
        self.due.syn = NEVER;
        if usize::from(self.syns) >= SYN_TIMEOUTS.len() {
            self.finish_with(End::Unanswered);
        } else {
            self.syn_due = true;
        }
    }

    /// A SYN is on its way.
    pub(super) fn syn_sent(&mut self, now: Micros) {
        self.syn_due = false;
        self.due.syn = now + SYN_TIMEOUTS[usize::from(self.syns).min(SYN_TIMEOUTS.len() - 1)];
        self.syns += 1;
    }

    /// Who has no room takes nothing, however often it comes.
    fn most_tail_probes(&self) -> u8 {
        if self.peer_window == 0 { 1 } else { MOST_TAIL_PROBES }
    }

    fn probe_tail(&mut self, now: Micros) {
        if self.tail_probes >= self.most_tail_probes() {
            return;
        }
        if self.send.has_lost() {
            // Where it waits for room nothing may be under way any more: what was may be lost, or word of it.
            self.may_exceed = true;
        } else if let Some(last) = self.send.last_flying() {
            self.send.set_fate(last, Fate::Lost);
        } else {
            return;
        }
        self.tail_probes += 1;
        self.wait_for_tail(now);
    }

    fn nothing_acked(&mut self, now: Micros) {
        self.timeouts += 1;
        self.unheard += 1;
        if self.unheard >= MOST_UNHEARD || (self.timeouts >= MOST_VAIN && self.peer_window > 0) {
            self.finish_with(End::Silent);
            return;
        }
        let first = self.send.get(0).map_or(0, |sent| sent.length);
        let length = first.saturating_add(HEADER_BYTES_U16);
        self.mtu.probe_lost(now);
        self.send.lose_all();
        self.congestion.timed_out(now);
        if self.mtu.vanishes(self.timeouts, length, self.to.is_ipv4()) {
            self.congestion.set_packet(payload_of(self.mtu.size()));
        }
        self.wait_for_acks(now);
    }
}
