//! Asks port 5351 of a router to map our port, by PCP or NAT-PMP: asks again, renews, gives back.

mod line;

use std::net::{IpAddr, Ipv4Addr};

use self::line::{About, Due, Line};
use super::epoch::Epoch;
use super::steps::Steps;
use super::{Action, LEASE, Settings};
use crate::event::{At, MappedTransport, MappingFact, MappingProtocol, MappingStep};
use crate::wire::pcp::{Map, Nonce};
use crate::wire::{nat_pmp, pcp};

/// One of the two protocols, from the first request to the last.
#[derive(Debug)]
pub(super) struct Talk {
    protocol: MappingProtocol,
    client: Ipv4Addr,
    port: u16,
    lines: Vec<Line>,
    epoch: Epoch,
    rng: fastrand::Rng,
    /// Whether the router ever answered.
    answered: bool,
    /// Answers that it speaks another version; each answers a request.
    other_versions: u32,
}

/// What an answer says, and of which line.
#[derive(Debug)]
struct Said {
    line: usize,
    epoch_s: u32,
    outcome: Result<Given, u16>,
}

/// What the router gives.
#[derive(Debug)]
enum Given {
    Outside(IpAddr),
    Port {
        outside_port: u16,
        /// Where it is told with the port.
        outside: Option<IpAddr>,
        lease_s: u32,
    },
}

impl Talk {
    /// Begins to ask: the next [`on_time`](Self::on_time) sends.
    pub(super) fn begin(
        protocol: MappingProtocol,
        settings: Settings,
        rng: &mut fastrand::Rng,
        steps: &mut Steps,
    ) -> Self {
        let [tcp, udp] = [MappedTransport::Tcp, MappedTransport::Udp].map(About::Port);
        let wanted: &[About] = match protocol {
            // The answer to a mapping tells the address, too.
            MappingProtocol::Pcp => &[tcp, udp],
            _ => &[About::Outside, tcp, udp],
        };
        let line =
            |about: &About| Line::begin(*about, nonce(settings.secret, *about), settings.port, steps.now);
        let lines = wanted.iter().map(line).collect();
        let talk = Self {
            protocol,
            client: settings.client,
            port: settings.port,
            lines,
            epoch: Epoch::default(),
            rng: rng.fork(),
            answered: false,
            other_versions: 0,
        };
        steps.tell(talk.step(MappingStep::Asked));
        talk
    }

    pub(super) fn protocol(&self) -> MappingProtocol {
        self.protocol
    }

    fn ports(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.about != About::Outside)
    }

    /// Whether a port is mapped.
    pub(super) fn holds(&self) -> bool {
        self.ports().any(Line::holds)
    }

    /// Whether no port is mapped, and none is asked for any more.
    pub(super) fn is_over(&self) -> bool {
        self.ports().all(Line::is_over)
    }

    /// The port that others see, if it is mapped.
    pub(super) fn outside_port(&self, transport: MappedTransport) -> Option<u16> {
        let mut lines = self.ports().filter(|line| line.holds());
        lines.find(|line| line.about == About::Port(transport)).map(|line| line.outside_port)
    }

    /// When [`on_time`](Self::on_time) is wanted.
    pub(super) fn deadline(&self) -> Option<At> {
        let due = self.lines.iter().filter_map(Line::due).min();
        due.filter(|_| !self.is_over())
    }

    /// Asks no more. What a router may map all the same ends by itself.
    pub(super) fn stop(&mut self) {
        self.lines.iter_mut().for_each(Line::end);
    }

    /// Gives back what is mapped, or may be by now.
    pub(super) fn release(&mut self, now: At) {
        self.lines.iter_mut().for_each(|line| line.release(now));
    }

    /// Sends what is due, and gives up what was not answered for too long.
    pub(super) fn on_time(&mut self, steps: &mut Steps) {
        if self.is_over() {
            return;
        }
        for index in 0..self.lines.len() {
            let line = &mut self.lines[index];
            match line.on_time(steps.now, self.protocol, &mut self.rng) {
                Some(Due::Send) => steps.out.push_back(Action::Send(self.request(index))),
                Some(Due::Lost) => steps.tell(self.step_of(index, MappingStep::Lost)),
                // Where nothing at all is answered that is told once.
                Some(Due::Silent) if self.answered => {
                    steps.tell(self.step_of(index, MappingStep::Silent));
                }
                Some(Due::Silent) | None => {}
            }
        }
        if self.is_over() && !self.answered {
            steps.tell(self.step(MappingStep::Silent));
        }
    }

    /// Nothing listens there.
    pub(super) fn closed(&mut self, steps: &mut Steps) {
        let said = Some(format!("nothing listens on UDP port {}", pcp::PORT));
        self.give_up(MappingFact { said, ..self.step(MappingStep::Refused) }, steps);
    }

    /// Nothing can be sent, for the system's reason.
    pub(super) fn failed(&mut self, error: &str, steps: &mut Steps) {
        self.give_up(MappingFact { said: Some(error.to_owned()), ..self.step(MappingStep::Failed) }, steps);
    }

    /// Where something is mapped it is asked for again until it ends: the router may be about to start.
    fn give_up(&mut self, why: MappingFact, steps: &mut Steps) {
        if !self.is_over() && !self.holds() {
            self.stop();
            steps.tell(why);
        }
    }

    /// Takes a packet of the router. Returns whether it is an answer to this protocol; what answers nothing that is asked
    /// just now changes nothing.
    pub(super) fn heard(&mut self, bytes: &[u8], steps: &mut Steps) -> bool {
        if self.protocol == MappingProtocol::Pcp && self.is_another_version(bytes) {
            let code = pcp::UNSUPPORTED_VERSION.into();
            let said = pcp::result_name(code).map(str::to_owned);
            let refused = self.step(MappingStep::Refused);
            self.give_up(MappingFact { code: Some(code), said, ..refused }, steps);
            return true;
        }
        let said = match self.protocol {
            MappingProtocol::Pcp => self.pcp(bytes),
            _ => self.nat_pmp(bytes),
        };
        let Some(Said { line, epoch_s, outcome }) = said else { return false };
        self.answered = true;
        if self.epoch.began_again(steps.now, epoch_s) && self.holds() {
            let said = Some("its clock began again".to_owned());
            steps.tell(MappingFact { said, ..self.step(MappingStep::Lost) });
            self.lines.iter_mut().for_each(|line| line.forget(steps.now));
        }
        self.take(line, outcome, steps);
        true
    }

    fn take(&mut self, index: usize, outcome: Result<Given, u16>, steps: &mut Steps) {
        let line = &mut self.lines[index];
        match outcome {
            Ok(Given::Outside(outside)) => {
                line.hold(steps.now, self.port, u32::MAX);
                steps.tell_outside(self.protocol, outside);
            }
            Ok(Given::Port { .. }) if line.is_leaving() => {
                line.end();
                steps.tell(self.step_of(index, MappingStep::Released));
            }
            Ok(Given::Port { outside_port, outside, lease_s }) => {
                line.outside = outside.unwrap_or(line.outside);
                let same = line.hold(steps.now, outside_port, lease_s);
                let step = if same { MappingStep::Renewed } else { MappingStep::Mapped };
                outside.into_iter().for_each(|outside| steps.tell_outside(self.protocol, outside));
                let fact = self.step_of(index, step);
                steps.tell(MappingFact { outside_port: Some(outside_port), lease_s: Some(lease_s), ..fact });
            }
            Err(code) => {
                let step = if line.holds() { MappingStep::Lost } else { MappingStep::Refused };
                line.end();
                let name = match self.protocol {
                    MappingProtocol::Pcp => pcp::result_name(code),
                    _ => nat_pmp::result_name(code),
                };
                let fact = self.step_of(index, step);
                steps.tell(MappingFact { code: Some(code), said: name.map(str::to_owned), ..fact });
            }
        }
    }

    /// Whether the router says that it does not speak PCP as we do. One that speaks NAT-PMP alone says so in its way, once
    /// for each request.
    fn is_another_version(&mut self, bytes: &[u8]) -> bool {
        let refused = Some(Err(u16::from(pcp::UNSUPPORTED_VERSION)));
        let says = matches!(pcp::answer(bytes), Some(pcp::Answer::OtherVersion { .. }))
            || nat_pmp::answer(bytes).map(|answer| answer.outcome) == refused;
        let ours = says && self.other_versions < self.lines.iter().map(Line::sends).sum();
        self.other_versions += u32::from(ours);
        ours
    }

    fn pcp(&self, bytes: &[u8]) -> Option<Said> {
        let Some(pcp::Answer::Map { result, lifetime_s: lease_s, epoch_s, map }) = pcp::answer(bytes) else {
            return None;
        };
        let line = self.asked(|line| {
            map.nonce == line.nonce
                && Some(map.protocol) == number(line.about)
                && map.internal_port == self.port
        })?;
        let given = Given::Port { outside_port: map.outside_port, outside: Some(map.outside), lease_s };
        let outcome = match result {
            0 => Ok(self.fitting(line, given)?),
            refused => Err(refused.into()),
        };
        Some(Said { line, epoch_s, outcome })
    }

    fn nat_pmp(&self, bytes: &[u8]) -> Option<Said> {
        let nat_pmp::Answer { about, epoch_s, outcome } = nat_pmp::answer(bytes)?;
        let about = match about? {
            nat_pmp::About::Outside => About::Outside,
            nat_pmp::About::Tcp => About::Port(MappedTransport::Tcp),
            nat_pmp::About::Udp => About::Port(MappedTransport::Udp),
        };
        let line = self.asked(|line| line.about == about)?;
        let outcome = match outcome {
            Ok(nat_pmp::Granted::Outside(outside)) => Ok(Given::Outside(outside.into())),
            Ok(nat_pmp::Granted::Map { internal_port, .. }) if internal_port != self.port => return None,
            Ok(nat_pmp::Granted::Map { outside_port, lifetime_s: lease_s, .. }) => {
                Ok(self.fitting(line, Given::Port { outside_port, outside: None, lease_s })?)
            }
            Err(refused) => Err(refused),
        };
        Some(Said { line, epoch_s, outcome })
    }

    fn asked(&self, is_it: impl Fn(&Line) -> bool) -> Option<usize> {
        self.lines.iter().position(|line| line.is_asked() && is_it(line))
    }

    /// A mapping for no time answers that it is given back, and nothing else.
    fn fitting(&self, line: usize, given: Given) -> Option<Given> {
        match given {
            Given::Port { lease_s, outside_port, .. } => {
                let ends = lease_s == 0;
                let fits = ends == self.lines[line].is_leaving() && (ends || outside_port != 0);
                fits.then_some(given)
            }
            Given::Outside(_) => Some(given),
        }
    }

    /// The packet that asks for it.
    fn request(&self, index: usize) -> Vec<u8> {
        let line = &self.lines[index];
        let lifetime_s = if line.is_leaving() { 0 } else { LEASE.as_secs() as u32 };
        match (self.protocol, line.about) {
            (_, About::Outside) => nat_pmp::OUTSIDE_REQUEST.to_vec(),
            (MappingProtocol::Pcp, about) => {
                let map = Map {
                    nonce: line.nonce,
                    protocol: number(about).unwrap_or_default(),
                    internal_port: self.port,
                    outside_port: line.outside_port,
                    outside: line.outside,
                };
                pcp::map_request(lifetime_s, self.client.into(), &map).to_vec()
            }
            (_, About::Port(transport)) => {
                // What is given back has no outside port (RFC 6886 §3.4).
                let outside_port = if line.is_leaving() { 0 } else { line.outside_port };
                let tcp = transport == MappedTransport::Tcp;
                nat_pmp::map_request(tcp, self.port, outside_port, lifetime_s).to_vec()
            }
        }
    }

    fn step(&self, step: MappingStep) -> MappingFact {
        MappingFact { step, protocol: Some(self.protocol), ..MappingFact::default() }
    }

    fn step_of(&self, index: usize, step: MappingStep) -> MappingFact {
        let transport = match self.lines[index].about {
            About::Outside => None,
            About::Port(transport) => Some(transport),
        };
        MappingFact { transport, ..self.step(step) }
    }
}

/// By what a router knows that a request is ours: the same in every round and every run.
fn nonce(secret: u64, about: About) -> Nonce {
    let mut nonce = Nonce::default();
    fastrand::Rng::with_seed(secret ^ u64::from(number(about).unwrap_or_default())).fill(&mut nonce);
    nonce
}

/// The protocol's number in the IP header.
fn number(about: About) -> Option<u8> {
    match about {
        About::Outside => None,
        About::Port(MappedTransport::Tcp) => Some(6),
        About::Port(MappedTransport::Udp) => Some(17),
    }
}
