//! One thing that is wanted of a router: when it is asked for, again, and for how long it holds.

use std::net::IpAddr;
use std::time::Duration;

use crate::event::{At, MappedTransport, MappingProtocol};
use crate::mapping::LEASE;
use crate::wire::pcp::{self, Nonce};

/// What is not answered for so long is not answered.
const PATIENCE: Duration = Duration::from_secs(12);
/// The first repetition of PCP comes after this time (RFC 6887 §8.1.1), each later one after twice the time.
const PCP_WAIT: Duration = Duration::from_secs(3);
/// The same of NAT-PMP (RFC 6886 §3.1).
const NAT_PMP_WAIT: Duration = Duration::from_millis(250);
/// Nothing is renewed more often, however short it is granted (RFC 6887 §11.2.1).
const LEAST_RENEWAL: Duration = Duration::from_secs(4);
/// What is given back is asked for again after this time, once: the end of a run waits for it.
const RELEASE_WAIT: Duration = Duration::from_millis(250);
const MOST_RELEASES: u32 = 2;
/// Longer grants are taken for a day.
const LONGEST_LEASE_S: u32 = 24 * 60 * 60;

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum About {
    /// The address that others see.
    Outside,
    /// A port.
    Port(MappedTransport),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Wanted,
    Held { until: At },
    Leaving,
    Over,
}

/// What a moment brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// It is to be asked for.
    Send,
    /// It was not answered for too long.
    Silent,
    /// The same, and what was granted before is over.
    Lost,
}

/// One thing that is wanted.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) about: About,
    pub(super) nonce: Nonce,
    /// The port that others see: the one given last, at first our own.
    pub(super) outside_port: u16,
    /// The address that others see, as it was told with the port.
    pub(super) outside: IpAddr,
    state: State,
    /// Requests since the last answer, and when the first of them was.
    sends: u32,
    asked_at: At,
    due: At,
}

impl Line {
    /// Due at once.
    pub(super) fn begin(about: About, nonce: Nonce, port: u16, now: At) -> Self {
        Self {
            about,
            nonce,
            outside_port: port,
            outside: pcp::ANY,
            state: State::Wanted,
            sends: 0,
            asked_at: now,
            due: now,
        }
    }

    pub(super) fn holds(&self) -> bool {
        matches!(self.state, State::Held { .. })
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.state == State::Leaving
    }

    /// Whether it was asked for and not answered yet.
    pub(super) fn is_asked(&self) -> bool {
        self.sends > 0 && !self.is_over()
    }

    /// Requests since the last answer.
    pub(super) fn sends(&self) -> u32 {
        self.sends
    }

    pub(super) fn due(&self) -> Option<At> {
        (!self.is_over()).then_some(self.due)
    }

    pub(super) fn end(&mut self) {
        self.state = State::Over;
    }

    /// It is to be given back, if it was ever asked for: what was not granted yet may be granted by now.
    pub(super) fn release(&mut self, now: At) {
        let mapped = self.about != About::Outside && (self.holds() || self.is_asked());
        self.state = if mapped { State::Leaving } else { State::Over };
        (self.sends, self.due) = (0, now);
    }

    /// The router has forgotten it: it is asked for again.
    pub(super) fn forget(&mut self, now: At) {
        if self.holds() {
            (self.state, self.sends, self.due) = (State::Wanted, 0, now);
        }
    }

    /// It is granted for so long. Returns whether it was held before as it is now.
    pub(super) fn hold(&mut self, now: At, outside_port: u16, lease_s: u32) -> bool {
        let same = self.holds() && self.outside_port == outside_port;
        let lease = Duration::from_secs(lease_s.min(LONGEST_LEASE_S).into());
        self.outside_port = outside_port;
        self.state = State::Held { until: now + lease };
        self.sends = 0;
        self.due = now + half(lease);
        same
    }

    /// What is due now, if anything.
    pub(super) fn on_time(
        &mut self,
        now: At,
        protocol: MappingProtocol,
        rng: &mut fastrand::Rng,
    ) -> Option<Due> {
        if self.is_over() || now < self.due {
            return None;
        }
        let in_vain = self.sends > 0 && now >= self.asked_at + PATIENCE;
        match self.state {
            State::Held { until } if now >= until => {
                self.end();
                return Some(Due::Lost);
            }
            State::Held { until } if in_vain => {
                self.sends = 0;
                self.due = until.min(now + half(until - now));
                return None;
            }
            State::Leaving if self.sends == MOST_RELEASES => {
                self.end();
                return Some(Due::Silent);
            }
            State::Wanted if in_vain => {
                self.end();
                return Some(Due::Silent);
            }
            _ => {}
        }
        if self.sends == 0 {
            self.asked_at = now;
        }
        self.sends += 1;
        let last = match self.state {
            State::Held { until } => until.min(self.asked_at + PATIENCE),
            _ => self.asked_at + PATIENCE,
        };
        self.due = last.min(now + self.wait(protocol, rng));
        Some(Due::Send)
    }

    /// Until it is asked for again. Machines that were switched on together are not to go on asking together.
    fn wait(&self, protocol: MappingProtocol, rng: &mut fastrand::Rng) -> Duration {
        let doubled = 1 << (self.sends - 1).min(10);
        match protocol {
            _ if self.is_leaving() => RELEASE_WAIT,
            MappingProtocol::Pcp => (PCP_WAIT * doubled).mul_f64(0.9 + 0.2 * rng.f64()),
            _ => NAT_PMP_WAIT * doubled,
        }
    }
}

/// When something that holds for so long is renewed: half-way, and at least as often as what is granted as asked.
fn half(lease: Duration) -> Duration {
    (lease.min(LEASE) / 2).max(LEAST_RENEWAL)
}
