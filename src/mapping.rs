//! Asks a router for a way in: that it hands on what comes to a port of its own, of TCP and of UDP.
//!
//! One [`Mapper`] asks one gateway. It has no socket, no clock and no randomness but its seed: [`Mapper::handle`] takes
//! what came, [`Mapper::poll`] says what to do, [`Mapper::deadline`] when [`Input::Tick`] is wanted. Who drives it speaks
//! with port 5351 of the gateway, and carries out what is asked of a device that UPnP finds.
//!
//! A round asks by PCP (RFC 6887), by NAT-PMP (RFC 6886) when that is refused or not answered for a moment, and by UPnP
//! when both are: the first that maps a port is kept, the others are asked no further. `talk` speaks the two protocols of
//! port 5351, which differ in little but their packets, `upnp` says what is asked of a device, `epoch` finds out that a
//! router has forgotten everything.

mod epoch;
mod steps;
mod talk;
mod upnp;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use self::steps::Steps;
use self::talk::Talk;
use self::upnp::Upnp;
pub use self::upnp::{Answer, Order};
use crate::event::{At, MappedTransport, MappingFact, MappingProtocol, MappingStep};
use crate::wire::pcp;

/// For how long a port is to be mapped. After this time it is free again where the program could not give it back.
pub const LEASE: Duration = Duration::from_secs(20 * 60);
/// NAT-PMP is asked after so long without a word by PCP.
const NAT_PMP_AFTER: Duration = Duration::from_secs(1);
/// UPnP is asked after so long without a mapping by the others.
const UPNP_AFTER: Duration = Duration::from_secs(2);
/// Where nothing gave a way in, all are asked again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(15 * 60);
/// Rounds begin at least so far apart, whatever a router grants and takes back.
const LEAST_ROUND: Duration = Duration::from_secs(60);

/// What a [`Mapper`] is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Where its random numbers come from.
    pub seed: u64,
    /// What our mappings are known by at a router that speaks PCP, from run to run: it would leave what was mapped under
    /// another one to somebody else.
    pub secret: u64,
    /// The router.
    pub gateway: Ipv4Addr,
    /// Our address on the way there.
    pub client: Ipv4Addr,
    /// The port to map: where we listen.
    pub port: u16,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram came.
    Datagram {
        /// From where.
        from: SocketAddr,
        /// What came.
        bytes: &'a [u8],
    },
    /// Nothing listens on port 5351 of the gateway.
    Closed,
    /// Nothing can be sent there, for the reason that the system gives.
    Unreachable(String),
    /// What came of the last [`Action::Upnp`].
    Upnp(Answer),
    /// What is mapped is to be given back: the run ends.
    Release,
    /// Time passed.
    Tick,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send a datagram to port 5351 of the gateway.
    Send(Vec<u8>),
    /// Ask it by UPnP, and hand in [`Input::Upnp`]. There is one at a time.
    Upnp(Order),
    /// Others reach us at this port from now on.
    OutsidePort(u16),
    /// Something became known.
    Told(At, MappingFact),
}

/// Asks one gateway.
#[derive(Debug)]
pub struct Mapper {
    settings: Settings,
    rng: fastrand::Rng,
    round: Option<Round>,
    /// When the next round begins, if there is none.
    next_round: At,
    releasing: bool,
    outside_port: u16,
    steps: Steps,
}

/// All protocols once, until one has a port mapped; and then that one.
#[derive(Debug)]
struct Round {
    began: At,
    pcp: Talk,
    nat_pmp: Option<Talk>,
    upnp: Option<Upnp>,
    /// The protocol that is kept.
    kept: Option<MappingProtocol>,
}

impl Mapper {
    /// Nothing is sent before the first call of [`handle`](Self::handle).
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rng: fastrand::Rng::with_seed(settings.seed),
            round: None,
            next_round: At::ZERO,
            releasing: false,
            outside_port: settings.port,
            steps: Steps::new(settings.gateway),
        }
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll) and read [`deadline`](Self::deadline) again.
    pub fn handle(&mut self, now: At, input: Input<'_>) {
        self.steps.now = now.max(self.steps.now);
        let at_gateway = SocketAddr::V4(SocketAddrV4::new(self.settings.gateway, pcp::PORT));
        match (input, &mut self.round) {
            (Input::Datagram { from, bytes }, Some(round)) if from == at_gateway => {
                let _ = round.talks().any(|talk| talk.heard(bytes, &mut self.steps));
            }
            (Input::Closed, Some(round)) => round.talks().for_each(|talk| talk.closed(&mut self.steps)),
            (Input::Unreachable(error), Some(round)) => {
                round.talks().for_each(|talk| talk.failed(&error, &mut self.steps));
            }
            (Input::Upnp(answer), Some(Round { upnp: Some(upnp), .. })) => {
                upnp.answered(answer, &mut self.rng, &mut self.steps);
            }
            (Input::Release, round) => {
                self.releasing = true;
                if let Some(round) = round {
                    round.talks().for_each(|talk| talk.release(self.steps.now));
                    round.upnp.iter_mut().for_each(Upnp::release);
                }
            }
            _ => {}
        }
        self.on_time();
    }

    /// What to do next; empty it after every call of [`handle`](Self::handle).
    #[must_use]
    pub fn poll(&mut self) -> Option<Action> {
        self.steps.out.pop_front()
    }

    /// When [`Input::Tick`] is wanted; `None`: when something else happened.
    #[must_use]
    pub fn deadline(&self) -> Option<At> {
        let Some(round) = &self.round else { return (!self.releasing).then_some(self.next_round) };
        let next = if self.releasing || round.kept.is_some() { None } else { round.next_protocol() };
        let talks = [Some(&round.pcp), round.nat_pmp.as_ref()].into_iter().flatten();
        let upnp = round.upnp.as_ref().and_then(Upnp::deadline);
        talks.filter_map(Talk::deadline).chain(upnp).chain(next).min()
    }

    /// Whether there is nothing left to give back, after [`Input::Release`].
    #[must_use]
    pub fn is_released(&self) -> bool {
        let over = |round: &Round| {
            let talks = [Some(&round.pcp), round.nat_pmp.as_ref()].into_iter().flatten();
            talks.into_iter().all(Talk::is_over) && round.upnp.as_ref().is_none_or(Upnp::is_over)
        };
        self.releasing && self.round.as_ref().is_none_or(over)
    }

    fn on_time(&mut self) {
        let now = self.steps.now;
        if self.round.is_none() && !self.releasing && now >= self.next_round {
            self.round = Some(Round::begin(self.settings, &mut self.rng, &mut self.steps));
        }
        let Some(round) = &mut self.round else { return };
        round.talks().for_each(|talk| talk.on_time(&mut self.steps));
        if !self.releasing {
            round.choose();
            round.ask_more(self.settings, &mut self.rng, &mut self.steps);
        }
        round.upnp.iter_mut().for_each(|upnp| upnp.on_time(&mut self.steps));
        let outside_port = round.outside_port().unwrap_or(self.settings.port);
        if outside_port != self.outside_port {
            self.outside_port = outside_port;
            self.steps.out.push_back(Action::OutsidePort(outside_port));
        }
        if !self.releasing && round.is_over() {
            self.next_round = if round.kept.is_some() {
                now.max(round.began + LEAST_ROUND)
            } else {
                self.steps.tell(MappingFact { step: MappingStep::GaveUp, ..MappingFact::default() });
                now + AGAIN_AFTER
            };
            self.round = None;
        }
    }
}

impl Round {
    fn begin(settings: Settings, rng: &mut fastrand::Rng, steps: &mut Steps) -> Self {
        steps.tell_gateway();
        let pcp = Talk::begin(MappingProtocol::Pcp, settings, rng, steps);
        Self { began: steps.now, pcp, nat_pmp: None, upnp: None, kept: None }
    }

    fn talks(&mut self) -> impl Iterator<Item = &mut Talk> {
        std::iter::once(&mut self.pcp).chain(&mut self.nat_pmp)
    }

    /// The first that has a port mapped is kept, and the others are asked no further.
    fn choose(&mut self) {
        if self.kept.is_some() {
            return;
        }
        let talking = self.talks().find(|talk| talk.holds()).map(|talk| talk.protocol());
        let holds = |upnp: &Upnp| upnp.holds().then_some(MappingProtocol::Upnp);
        self.kept = talking.or_else(|| self.upnp.as_ref().and_then(holds));
        let Some(kept) = self.kept else { return };
        self.talks().filter(|talk| talk.protocol() != kept).for_each(Talk::stop);
        if kept != MappingProtocol::Upnp {
            let port = self.outside_port();
            self.upnp.iter_mut().for_each(|upnp| upnp.stop(port));
        }
    }

    /// When the next protocol is asked at the latest.
    fn next_protocol(&self) -> Option<At> {
        match (&self.nat_pmp, &self.upnp) {
            (None, _) => Some(self.began + NAT_PMP_AFTER),
            (_, None) => Some(self.began + UPNP_AFTER),
            _ => None,
        }
    }

    /// Asks by the protocols whose time it is.
    fn ask_more(&mut self, settings: Settings, rng: &mut fastrand::Rng, steps: &mut Steps) {
        if self.kept.is_some() {
            return;
        }
        let since = steps.now.saturating_sub(self.began);
        if self.nat_pmp.is_none() && (self.pcp.is_over() || since >= NAT_PMP_AFTER) {
            let mut talk = Talk::begin(MappingProtocol::NatPmp, settings, rng, steps);
            talk.on_time(steps);
            self.nat_pmp = Some(talk);
        }
        let talks_are_over = self.pcp.is_over() && self.nat_pmp.as_ref().is_some_and(Talk::is_over);
        if self.upnp.is_none() && (talks_are_over || since >= UPNP_AFTER) {
            self.upnp = Some(Upnp::begin(settings, steps));
        }
    }

    /// Where others reach us over TCP, if that is mapped.
    fn outside_port(&self) -> Option<u16> {
        let talks = [Some(&self.pcp), self.nat_pmp.as_ref()].into_iter().flatten();
        let by_talks = talks.filter_map(|talk| talk.outside_port(MappedTransport::Tcp)).next();
        by_talks.or_else(|| self.upnp.as_ref()?.outside_port(MappedTransport::Tcp))
    }

    /// Whether nothing is mapped and nobody is asked any more.
    fn is_over(&self) -> bool {
        self.pcp.is_over()
            && self.nat_pmp.as_ref().map_or_else(|| self.kept.is_some(), Talk::is_over)
            && self.upnp.as_ref().map_or_else(|| self.kept.is_some(), Upnp::is_over)
    }
}
