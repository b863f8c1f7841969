//! A gateway that behaves as a test says, in virtual time.

mod any;
mod rounds;
mod upnp;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Action, Answer, Input, Mapper, Order, Settings};
use crate::event::{At, MappedTransport, MappingFact, MappingProtocol, MappingStep};
use crate::wire::{nat_pmp, pcp};

const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
const PORT: u16 = 6881;
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const TCP: Option<MappedTransport> = Some(MappedTransport::Tcp);
const UDP: Option<MappedTransport> = Some(MappedTransport::Udp);

/// How a gateway answers one of the protocols of port 5351.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Speaks {
    Never,
    /// It does not know the protocol, and says so by the one that it knows.
    OtherVersion,
    Refuses(u8),
    Grants,
}

/// A gateway.
#[derive(Clone, Debug)]
struct Router {
    pcp: Speaks,
    nat_pmp: Speaks,
    /// Nothing listens on port 5351.
    closed: bool,
    /// What it answers by UPnP, one order after the other; it is silent afterwards.
    upnp: Vec<Answer>,
    outside: Ipv4Addr,
    lease_s: u32,
    /// It gives a port that is so much higher than the one that is asked for.
    higher: u16,
    booted: At,
    /// From where it answers, and after how long.
    from: SocketAddr,
    after: Duration,
    /// Outside ports by transport, true for TCP.
    mapped: BTreeMap<bool, u16>,
}

impl Default for Router {
    fn default() -> Self {
        Self {
            pcp: Speaks::Never,
            nat_pmp: Speaks::Never,
            closed: false,
            upnp: Vec::new(),
            outside: Ipv4Addr::new(203, 0, 113, 7),
            lease_s: 1200,
            higher: 0,
            booted: At::ZERO,
            from: (GATEWAY, pcp::PORT).into(),
            after: Duration::from_millis(2),
            mapped: BTreeMap::new(),
        }
    }
}

impl Router {
    fn answer(&mut self, now: At, request: &[u8]) -> Option<Vec<u8>> {
        let epoch = (now.saturating_sub(self.booted).as_secs() as u32).to_be_bytes();
        let opcode = request[1] | 0x80;
        let by_pcp = request[0] == pcp::VERSION;
        let result = match if by_pcp { self.pcp } else { self.nat_pmp } {
            Speaks::Never => return None,
            Speaks::OtherVersion => return Some([&[0, opcode, 0, 1][..], &epoch].concat()),
            Speaks::Refuses(code) => code,
            Speaks::Grants => 0,
        };
        if by_pcp {
            let mut answer = request.to_vec();
            (answer[1], answer[3]) = (opcode, result);
            answer[8..12].copy_from_slice(&epoch);
            if result == 0 {
                let (lease_s, port) = self.map(request[36] == 6, &request[4..8], &request[42..44]);
                answer[4..8].copy_from_slice(&lease_s);
                answer[42..44].copy_from_slice(&port);
                answer[44..60].copy_from_slice(&self.outside.to_ipv6_mapped().octets());
            }
            return Some(answer);
        }
        let head = [&[0, opcode, 0, result][..], &epoch].concat();
        match (result, request[1]) {
            (0, 0) => Some([&head[..], &self.outside.octets()].concat()),
            (0, about) => {
                let (lease_s, port) = self.map(about == 2, &request[8..12], &request[6..8]);
                Some([&head[..], &request[4..6], &port, &lease_s].concat())
            }
            _ => Some(head),
        }
    }

    /// Returns for how long it maps, and to which port.
    fn map(&mut self, tcp: bool, asked_s: &[u8], wish: &[u8]) -> ([u8; 4], [u8; 2]) {
        if asked_s == [0; 4] {
            self.mapped.remove(&tcp);
            return ([0; 4], [0; 2]);
        }
        let wish = u16::from_be_bytes([wish[0], wish[1]]);
        let port = *self.mapped.entry(tcp).or_insert(wish + self.higher);
        (self.lease_s.to_be_bytes(), port.to_be_bytes())
    }
}

/// What is under way to the mapper.
#[derive(Clone, Debug)]
enum Coming {
    Packet(SocketAddr, Vec<u8>),
    Closed,
    Upnp(Answer),
}

/// A mapper before a gateway.
struct Run {
    mapper: Mapper,
    router: Router,
    now: At,
    coming: Vec<(At, Coming)>,
    facts: Vec<(At, MappingFact)>,
    /// What was sent and asked, and when.
    sent: Vec<(At, Vec<u8>)>,
    orders: Vec<(At, Order)>,
    outside_ports: Vec<u16>,
}

impl Run {
    fn new(router: Router) -> Self {
        let settings = Settings {
            seed: 1,
            secret: 7,
            gateway: GATEWAY,
            client: Ipv4Addr::new(192, 168, 1, 2),
            port: PORT,
        };
        Self {
            mapper: Mapper::new(settings),
            router,
            now: At::ZERO,
            coming: Vec::new(),
            facts: Vec::new(),
            sent: Vec::new(),
            orders: Vec::new(),
            outside_ports: Vec::new(),
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        self.mapper.handle(self.now, input);
        while let Some(action) = self.mapper.poll() {
            match action {
                Action::Send(packet) => {
                    let answer = self
                        .router
                        .answer(self.now, &packet)
                        .map(|answer| Coming::Packet(self.router.from, answer));
                    let closed = self.router.closed.then_some(Coming::Closed);
                    self.coming
                        .extend(closed.or(answer).map(|coming| (self.now + self.router.after, coming)));
                    self.sent.push((self.now, packet));
                }
                Action::Upnp(order) => {
                    let answer =
                        if self.router.upnp.is_empty() { Answer::Silent } else { self.router.upnp.remove(0) };
                    let wait =
                        if answer == Answer::Silent { Duration::from_secs(6) } else { self.router.after };
                    self.coming.push((self.now + wait, Coming::Upnp(answer)));
                    self.orders.push((self.now, order));
                }
                Action::OutsidePort(port) => self.outside_ports.push(port),
                Action::Told(at, fact) => {
                    assert_eq!((at, fact.gateway), (self.now, Some(GATEWAY.into())));
                    self.facts.push((at, fact));
                }
            }
        }
    }

    /// Lets time pass.
    fn until(&mut self, end: At) {
        self.handle(Input::Tick);
        loop {
            self.coming.sort_by_key(|(at, _)| *at);
            let coming = self.coming.first().map(|(at, _)| *at);
            let Some(next) =
                coming.into_iter().chain(self.mapper.deadline()).min().filter(|next| *next <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            if coming != Some(next) {
                self.handle(Input::Tick);
                continue;
            }
            match self.coming.remove(0).1 {
                Coming::Packet(from, packet) => self.handle(Input::Datagram { from, bytes: &packet }),
                Coming::Closed => self.handle(Input::Closed),
                Coming::Upnp(answer) => self.handle(Input::Upnp(answer)),
            }
        }
        self.now = end;
    }

    fn until_s(&mut self, seconds: u64) {
        self.until(At::from_secs(seconds));
    }

    /// What became known since the last call.
    fn steps(&mut self) -> Vec<(MappingStep, Option<MappingProtocol>, Option<MappedTransport>)> {
        self.facts.drain(..).map(|(_, fact)| (fact.step, fact.protocol, fact.transport)).collect()
    }

    /// The facts of one kind so far.
    fn all(&self, step: MappingStep) -> Vec<&MappingFact> {
        self.facts.iter().map(|(_, fact)| fact).filter(|fact| fact.step == step).collect()
    }

    /// When facts of one kind came, in seconds.
    fn times(&self, step: MappingStep) -> Vec<u64> {
        self.facts.iter().filter(|(_, fact)| fact.step == step).map(|(at, _)| at.as_secs()).collect()
    }
}
