//! What is asked of a router by UPnP (IGD 1 and 2): one thing after the other, since each answer may change the next.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use super::steps::Steps;
use super::{Action, LEASE, Settings};
use crate::event::{At, MappedTransport, MappingFact, MappingProtocol, MappingStep};

/// The error of a router that maps ports for good, or not at all.
const ONLY_PERMANENT: u16 = 725;
/// The error of a router that has given the port to somebody else.
const CONFLICT: u16 = 718;
/// Outside ports that are tried, our own among them.
const MOST_TRIES: u32 = 4;
/// Outside ports that are tried where ours is somebody else's.
const OTHER_PORTS: std::ops::Range<u16> = 20_000..60_000;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Look for a device that is a router.
    Search,
    /// The address that others see.
    Outside,
    /// Map a port; the port on this machine is ours.
    Map {
        /// Of which transport.
        transport: MappedTransport,
        /// The port that others are to see.
        outside_port: u16,
        /// For how many seconds; 0: for good.
        lease_s: u32,
    },
    /// End a mapping.
    Unmap {
        /// Of which transport.
        transport: MappedTransport,
        /// The port that others see.
        outside_port: u16,
    },
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// There is a device, at this address.
    Found(IpAddr),
    /// Others see this address.
    Outside(IpAddr),
    /// It is done.
    Done,
    /// Nobody answers.
    Silent,
    /// The device refuses: its error code and its words.
    Refused(u16, String),
    /// It went wrong, for this reason.
    Failed(String),
}

/// A device, from the search on.
#[derive(Debug)]
pub(super) struct Upnp {
    gateway: IpAddr,
    device: Option<IpAddr>,
    /// What is not answered yet.
    asked: Option<Order>,
    next: VecDeque<Order>,
    ports: [Port; 2],
    /// When what is mapped is renewed.
    renewal: At,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    Stopped {
        /// What another protocol had the gateway map.
        kept_port: Option<u16>,
    },
    Leaving,
}

#[derive(Clone, Copy, Debug)]
struct Port {
    transport: MappedTransport,
    outside_port: u16,
    lease_s: u32,
    tries: u32,
    held: bool,
}

impl Port {
    fn map(&self) -> Order {
        Order::Map { transport: self.transport, outside_port: self.outside_port, lease_s: self.lease_s }
    }

    fn unmap(&self) -> Order {
        Order::Unmap { transport: self.transport, outside_port: self.outside_port }
    }
}

impl Upnp {
    /// Looks for a device: the next [`on_time`](Self::on_time) asks.
    pub(super) fn begin(settings: Settings, steps: &mut Steps) -> Self {
        steps.tell(step(MappingStep::Asked));
        let port = |transport| Port {
            transport,
            outside_port: settings.port,
            lease_s: LEASE.as_secs() as u32,
            tries: 1,
            held: false,
        };
        Self {
            gateway: settings.gateway.into(),
            device: None,
            asked: None,
            next: VecDeque::from([Order::Search]),
            ports: [MappedTransport::Tcp, MappedTransport::Udp].map(port),
            renewal: steps.now,
            state: State::Open,
        }
    }

    /// Whether a port is mapped.
    pub(super) fn holds(&self) -> bool {
        self.ports.iter().any(|port| port.held)
    }

    /// Whether nothing is mapped, asked or to be asked.
    pub(super) fn is_over(&self) -> bool {
        // What else is asked leaves nothing behind that would be given back.
        let maps = matches!(self.asked, Some(Order::Map { .. } | Order::Unmap { .. }));
        let awaits = if self.state == State::Leaving { maps } else { self.asked.is_some() };
        !awaits && self.next.is_empty() && !self.holds()
    }

    /// The port that others see, if it is mapped.
    pub(super) fn outside_port(&self, transport: MappedTransport) -> Option<u16> {
        let mut held = self.ports.iter().filter(|port| port.held);
        held.find(|port| port.transport == transport).map(|port| port.outside_port)
    }

    /// When [`on_time`](Self::on_time) is wanted; nothing is due while an answer is awaited.
    pub(super) fn deadline(&self) -> Option<At> {
        (self.asked.is_none() && self.holds()).then_some(self.renewal)
    }

    /// Another protocol is kept, which had the gateway map `kept_port`. A mapping that is under way is given back, unless
    /// it is that one.
    pub(super) fn stop(&mut self, kept_port: Option<u16>) {
        self.state = State::Stopped { kept_port };
        self.next.clear();
    }

    /// Gives back what is mapped.
    pub(super) fn release(&mut self) {
        self.state = State::Leaving;
        let held = self.ports.iter().filter(|port| port.held);
        self.next = held.map(Port::unmap).collect();
    }

    /// Asks the next thing, if none is under way.
    pub(super) fn on_time(&mut self, steps: &mut Steps) {
        if self.asked.is_some() {
            return;
        }
        let renews = self.state == State::Open && self.holds() && self.next.is_empty();
        if renews && steps.now >= self.renewal {
            self.next.push_back(Order::Outside);
            self.next.extend(self.ports.iter().filter(|port| port.held).map(Port::map));
        }
        self.asked = self.next.pop_front();
        steps.out.extend(self.asked.map(Action::Upnp));
    }

    /// Takes what came of the last thing that was asked.
    pub(super) fn answered(&mut self, answer: Answer, rng: &mut fastrand::Rng, steps: &mut Steps) {
        let Some(order) = self.asked.take() else { return };
        match (order, answer) {
            (Order::Search, Answer::Found(device)) => {
                self.device = Some(device);
                if self.state == State::Open {
                    self.next = VecDeque::from([Order::Outside]);
                    self.next.extend(self.ports.iter().map(Port::map));
                }
            }
            (Order::Outside, Answer::Outside(outside)) => steps.tell_outside(MappingProtocol::Upnp, outside),
            (Order::Map { transport, lease_s, .. }, Answer::Done) => self.mapped(transport, lease_s, steps),
            (Order::Unmap { transport, .. }, Answer::Done) => {
                self.port(transport).held = false;
                steps.tell(step_of(MappingStep::Released, transport));
            }
            (Order::Map { transport, .. }, Answer::Refused(code, said)) => {
                self.refused(transport, code, said, rng, steps);
            }
            (order, failure) => self.failed(order, failure, steps),
        }
    }

    fn mapped(&mut self, transport: MappedTransport, lease_s: u32, steps: &mut Steps) {
        let (state, at_gateway) = (self.state, self.device == Some(self.gateway));
        let port = self.port(transport);
        let renewed = std::mem::replace(&mut port.held, true);
        let port = *port;
        let fact = MappingFact {
            outside_port: Some(port.outside_port),
            lease_s: Some(lease_s),
            ..step_of(if renewed { MappingStep::Renewed } else { MappingStep::Mapped }, transport)
        };
        match state {
            State::Open => {
                steps.tell(fact);
                // What is mapped for good is asked for all the same: a router may forget it.
                let lease = if lease_s == 0 { LEASE } else { Duration::from_secs(lease_s.into()) };
                self.renewal = steps.now + lease / 2;
            }
            // The gateway has one mapping for both.
            State::Stopped { kept_port } if at_gateway && kept_port == Some(port.outside_port) => {
                self.port(transport).held = false;
            }
            State::Stopped { .. } | State::Leaving => self.next.push_back(port.unmap()),
        }
    }

    fn refused(
        &mut self,
        transport: MappedTransport,
        code: u16,
        said: String,
        rng: &mut fastrand::Rng,
        steps: &mut Steps,
    ) {
        let open = self.state == State::Open;
        let port = self.port(transport);
        let again = match code {
            ONLY_PERMANENT if port.lease_s != 0 => {
                port.lease_s = 0;
                true
            }
            CONFLICT if port.tries < MOST_TRIES && !port.held => {
                port.tries += 1;
                port.outside_port = rng.u16(OTHER_PORTS);
                true
            }
            _ => false,
        };
        let order = port.map();
        let why =
            MappingFact { code: Some(code), said: Some(said), ..step_of(MappingStep::Refused, transport) };
        if again && open {
            self.next.push_front(order);
            steps.tell(why);
        } else {
            self.lost(transport, why, steps);
        }
    }

    fn failed(&mut self, order: Order, failure: Answer, steps: &mut Steps) {
        let (as_step, code, said) = match failure {
            Answer::Silent => (MappingStep::Silent, None, None),
            Answer::Refused(code, said) => (MappingStep::Refused, Some(code), Some(said)),
            Answer::Failed(error) => (MappingStep::Failed, None, Some(error)),
            // It answers something else than it was asked, which no driver does.
            Answer::Found(_) | Answer::Outside(_) | Answer::Done => return,
        };
        match order {
            Order::Search | Order::Outside => steps.tell(MappingFact { code, said, ..step(as_step) }),
            Order::Map { transport, .. } | Order::Unmap { transport, .. } => {
                self.lost(transport, MappingFact { code, said, ..step_of(as_step, transport) }, steps);
            }
        }
    }

    /// A port is not mapped, or not any more, for this reason.
    fn lost(&mut self, transport: MappedTransport, why: MappingFact, steps: &mut Steps) {
        let held = std::mem::replace(&mut self.port(transport).held, false);
        let step = if held && self.state == State::Open { MappingStep::Lost } else { why.step };
        steps.tell(MappingFact { step, ..why });
    }

    fn port(&mut self, transport: MappedTransport) -> &mut Port {
        let [tcp, udp] = &mut self.ports;
        if transport == MappedTransport::Tcp { tcp } else { udp }
    }
}

fn step(step: MappingStep) -> MappingFact {
    MappingFact { step, protocol: Some(MappingProtocol::Upnp), ..MappingFact::default() }
}

fn step_of(as_step: MappingStep, transport: MappedTransport) -> MappingFact {
    MappingFact { transport: Some(transport), ..step(as_step) }
}
