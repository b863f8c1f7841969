//! Hosts, lines between them, and the order in which things happen.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::aimd::{Aimd, Arrival};
use super::app::{App, Pattern, REASON, Transfer};
use super::clock::Clock;
use super::liar::Liar;
use super::line::{Fate, Way};
use super::{ms, secs};
use crate::event::At;
use crate::utp::{Endpoint, Event, Settings, Transmit};

/// As often as one host may be looked at without time going on.
const MOST_LOOKS: u32 = 20_000;
/// How long a transfer may stand still where the line does not explain it.
const PATIENCE: At = secs(10);
/// After this time without anything to do nothing is left of a stream.
const LINGERS: At = secs(600);
/// UDP payload of a packet.
const MOST_PACKET_BYTES: usize = 1472;
/// How often one calls, and for how long in all.
const CALLS: usize = 3;
const DIALS_FOR: At = ms(4_500);
/// How soon others answer that are no endpoints of ours.
const STRANGERS_ANSWER: At = ms(10);

/// A machine with an endpoint.
pub(super) struct Host {
    pub(super) addr: SocketAddr,
    pub(super) endpoint: Endpoint,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    /// After it looked at what came it does not look again for this long.
    pub(super) naps: At,
    awake_at: At,
    inbox: Vec<(SocketAddr, Vec<u8>)>,
    apps: Vec<App>,
    looks_at: Option<At>,
    /// It closes whatever others begin.
    hung_up: bool,
    /// Streams that others began, strangers among them, and those among them that ended.
    pub(super) accepted: u64,
    looks: (At, u32),
}

enum Happening {
    Arrives { from: SocketAddr, to: SocketAddr, packet: Vec<u8> },
    TooBig { host: usize, to: SocketAddr, fits: usize },
    Refused { host: usize, to: SocketAddr },
    Wakes(usize),
    Aimd(Arrival),
    Lies(SocketAddr),
}

/// All of it.
pub(super) struct World {
    pub(super) now: At,
    pub(super) random: fastrand::Rng,
    pub(super) hosts: Vec<Host>,
    pub(super) ways: Vec<Way>,
    pub(super) transfers: Vec<Transfer>,
    pub(super) liars: BTreeMap<SocketAddr, Liar>,
    pub(super) aimd: Option<Aimd>,
    /// Whether transfers may stand still.
    pub(super) patient: bool,
    /// Packets to addresses at which nobody is.
    pub(super) strays: u64,
    /// Which way packets take, and the ways of each transfer.
    routes: BTreeMap<(IpAddr, IpAddr), usize>,
    paths: Vec<[usize; 2]>,
    pattern: Pattern,
    heap: BTreeMap<(At, u64), Happening>,
    happened: u64,
    buffer: Vec<u8>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now: At::ZERO,
            random: fastrand::Rng::with_seed(seed),
            hosts: Vec::new(),
            ways: Vec::new(),
            transfers: Vec::new(),
            liars: BTreeMap::new(),
            aimd: None,
            patient: false,
            strays: 0,
            routes: BTreeMap::new(),
            paths: Vec::new(),
            pattern: Pattern::new(),
            heap: BTreeMap::new(),
            happened: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn host(&mut self, addr: SocketAddr, settings: Settings) -> usize {
        let endpoint = Endpoint::new(settings.clone(), self.random.u64(..));
        self.hosts.push(Host {
            addr,
            endpoint,
            settings,
            clock: Clock::default(),
            naps: At::ZERO,
            awake_at: At::ZERO,
            inbox: Vec::new(),
            apps: Vec::new(),
            looks_at: None,
            hung_up: false,
            accepted: 0,
            looks: (At::ZERO, 0),
        });
        self.hosts.len() - 1
    }

    /// Packets of the first to the second go this way from now on.
    pub(super) fn route(&mut self, from: usize, to: usize, way: usize) {
        self.routes.insert((self.hosts[from].addr.ip(), self.hosts[to].addr.ip()), way);
    }

    /// The first dials the second for this transfer.
    pub(super) fn dial(&mut self, from: usize, to: usize, transfer: Transfer) -> usize {
        let shown = self.hosts[from].clock.shows(self.now);
        let to_addr = self.hosts[to].addr;
        let id = self.hosts[from].endpoint.connect(shown, to_addr).expect("as many streams as may be");
        let number = self.transfers.len();
        let ips = [self.hosts[from].addr.ip(), to_addr.ip()];
        self.paths.push([self.routes[&(ips[0], ips[1])], self.routes[&(ips[1], ips[0])]]);
        self.transfers.push(Transfer { begun: self.now, progress: self.now, ..transfer });
        self.hosts[from].apps.push(App::new(self.now, id, Some(number)));
        self.look(from);
        number
    }

    /// Somebody who lies begins to.
    pub(super) fn begin_to_lie(&mut self, addr: SocketAddr, liar: Liar) {
        self.liars.insert(addr, liar);
        self.put(self.now, Happening::Lies(addr));
    }

    /// A host dials somebody who lies.
    pub(super) fn dial_liar(&mut self, from: usize, to: SocketAddr) {
        let host = &mut self.hosts[from];
        let id = host.endpoint.connect(host.clock.shows(self.now), to).expect("as many streams as may be");
        host.apps.push(App::pouring(self.now, id, true));
        self.look(from);
    }

    /// A host closes all that it has, and what others begin from now on.
    pub(super) fn hang_up(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        host.hung_up = true;
        let shown = host.clock.shows(self.now);
        for app in host.apps.drain(..) {
            host.endpoint.close(shown, app.id, REASON);
        }
        self.look(number);
    }

    /// A host is sent a packet at once.
    pub(super) fn hear(&mut self, host: usize, from: SocketAddr, packet: &[u8]) {
        self.hosts[host].inbox.push((from, packet.to_vec()));
        self.look(host);
    }

    /// Its router gives a host another port.
    pub(super) fn moves(&mut self, host: usize, port: u16) {
        self.hosts[host].addr.set_port(port);
    }

    /// Nothing more is sent by the flow of another protocol until it is told to begin.
    pub(super) fn begin_aimd(&mut self, flow: Aimd) {
        self.aimd = Some(flow);
        self.put(self.now, Happening::Aimd(Arrival::Begin));
    }

    fn put(&mut self, at: At, happening: Happening) {
        self.happened += 1;
        self.heap.insert((at, self.happened), happening);
    }

    /// Runs until it holds, or to the end; tells which.
    pub(super) fn run_until(&mut self, end: At, holds: impl Fn(&Self) -> bool) -> bool {
        while !holds(self) {
            let due = |(number, host): (usize, &Host)| {
                host.endpoint.deadline().map(|at| (host.clock.when(at).max(host.awake_at), number))
            };
            let deadline = self.hosts.iter().enumerate().filter_map(due).min();
            let next = self.heap.keys().next().map(|(at, _)| *at);
            let Some(at) = deadline.map(|(at, _)| at).into_iter().chain(next).min().filter(|at| *at <= end)
            else {
                self.now = end;
                return holds(self);
            };
            self.now = self.now.max(at);
            match deadline {
                Some((at, host)) if next.is_none_or(|next| at < next) => self.look(host),
                _ => {
                    let (_, happening) = self.heap.pop_first().expect("it was there");
                    self.happen(happening);
                }
            }
            self.assert_progress();
        }
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { from, to, packet } => {
                if let Some(number) = self.hosts.iter().position(|host| host.addr == to) {
                    self.hosts[number].inbox.push((from, packet));
                    let at = self.hosts[number].awake_at;
                    if at <= self.now {
                        self.look(number);
                    } else if self.hosts[number].looks_at.is_none_or(|looks| looks > at) {
                        self.hosts[number].looks_at = Some(at);
                        self.put(at, Happening::Wakes(number));
                    }
                } else if let Some(mut liar) = self.liars.remove(&to) {
                    let said = liar.answer(from, &packet, &mut self.random);
                    self.liars.insert(to, liar);
                    self.say(said);
                } else {
                    self.strays += 1;
                }
            }
            Happening::TooBig { host, to, fits } => {
                let shown = self.hosts[host].clock.shows(self.now);
                let most = self.random.bool().then_some(fits as u16);
                self.hosts[host].endpoint.too_big(shown, to, most);
                self.look(host);
            }
            Happening::Refused { host, to } => {
                let shown = self.hosts[host].clock.shows(self.now);
                self.hosts[host].endpoint.refused(shown, to, REFUSED);
                self.look(host);
            }
            Happening::Wakes(host) => {
                if self.hosts[host].looks_at.is_some_and(|at| at <= self.now) {
                    self.hosts[host].looks_at = None;
                }
                self.look(host);
            }
            Happening::Lies(addr) => {
                let Some(mut liar) = self.liars.remove(&addr) else { return };
                let (said, again) = liar.speak(&mut self.random);
                self.liars.insert(addr, liar);
                self.say(said);
                if let Some(again) = again {
                    self.put(self.now + again, Happening::Lies(addr));
                }
            }
            Happening::Aimd(arrival) => {
                let Some(mut flow) = self.aimd.take() else { return };
                for (at, arrival) in flow.happen(self.now, arrival, &mut self.ways) {
                    self.put(at, Happening::Aimd(arrival));
                }
                self.aimd = Some(flow);
            }
        }
    }

    /// What others say to hosts.
    fn say(&mut self, said: Vec<(SocketAddr, SocketAddr, Vec<u8>)>) {
        for (from, to, packet) in said {
            self.put(self.now + STRANGERS_ANSWER, Happening::Arrives { from, to, packet });
        }
    }

    /// A host looks at what came and at the time, and does all that it can.
    fn look(&mut self, number: usize) {
        let (now, host) = (self.now, &mut self.hosts[number]);
        host.looks = if host.looks.0 == now { (now, host.looks.1 + 1) } else { (now, 0) };
        assert!(host.looks.1 < MOST_LOOKS, "a deadline that stays at {now:?}");
        let shown = host.clock.shows(now);
        for (from, packet) in std::mem::take(&mut host.inbox) {
            host.endpoint.hear(shown, from, &packet);
            host.awake_at = now + host.naps;
        }
        host.endpoint.flush(shown);
        if host.endpoint.deadline().is_some_and(|at| at <= shown) {
            host.endpoint.expire(shown);
        }
        loop {
            self.act(number, shown);
            self.send(number, shown);
            let host = &mut self.hosts[number];
            let mut heard = false;
            while let Some((id, event)) = host.endpoint.event() {
                heard = true;
                if let Event::Accepted { from } = event {
                    host.accepted += 1;
                    if host.hung_up {
                        host.endpoint.close(shown, id, REASON);
                        continue;
                    }
                    let lies = self.liars.contains_key(&from);
                    let app = if lies { App::pouring(now, id, false) } else { App::new(now, id, None) };
                    host.apps.push(app);
                }
                if let Some(app) = host.apps.iter_mut().find(|app| app.id == id) {
                    app.hear(event);
                }
            }
            if !heard {
                break;
            }
        }
        let host = &self.hosts[number];
        let deadline = host.endpoint.deadline();
        assert!(
            deadline.is_none_or(|at| at > shown),
            "due at {deadline:?}, and nothing came of it at {shown:?}"
        );
        self.assert_bounded(number);
    }

    fn act(&mut self, number: usize, shown: At) {
        let Self { now, hosts, transfers, pattern, random, .. } = self;
        let host = &mut hosts[number];
        let mut again = None;
        for app in &mut host.apps {
            let at = app.act((*now, shown), &mut host.endpoint, (transfers, pattern), random);
            again = again.into_iter().chain(at).min();
        }
        host.apps.retain(|app| !app.gone);
        if let Some(again) = again.filter(|again| host.looks_at.is_none_or(|at| at > *again || at <= *now)) {
            host.looks_at = Some(again);
            self.put(again, Happening::Wakes(number));
        }
    }

    /// Sends what is due.
    fn send(&mut self, number: usize, shown: At) {
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            let most_segments = if self.random.u8(..4) == 0 { 1 } else { self.random.usize(1..65) };
            let Some(sent) = self.hosts[number].endpoint.transmit(shown, most_segments, &mut buffer) else {
                break;
            };
            assert!(buffer.len() <= 65_000 && !buffer.is_empty(), "{} bytes at once", buffer.len());
            assert!((1..=MOST_PACKET_BYTES).contains(&sent.segment), "a segment of {}", sent.segment);
            let packets = buffer.chunks(sent.segment);
            assert!(packets.len() <= most_segments, "{} packets, not {most_segments}", packets.len());
            for packet in packets {
                self.carry(number, &sent, packet);
            }
        }
        self.buffer = buffer;
    }

    fn carry(&mut self, host: usize, sent: &Transmit, packet: &[u8]) {
        let (from, to) = (self.hosts[host].addr, sent.to);
        let arrives = || Happening::Arrives { from, to, packet: packet.to_vec() };
        let Some(way) = self.routes.get(&(from.ip(), to.ip())) else {
            return self.put(self.now + STRANGERS_ANSWER, arrives());
        };
        let way = &mut self.ways[*way];
        let (now, fits, delay) = (self.now, way.line.fits, way.line.delay);
        match way.carry(now, packet, sent.may_fragment, &mut self.random) {
            Fate::Arrives(at, again) => {
                self.put(at, arrives());
                if let Some(again) = again {
                    self.put(again, arrives());
                }
            }
            Fate::TooBig(true) => self.put(now + delay, Happening::TooBig { host, to, fits }),
            Fate::Refused => self.put(now + delay, Happening::Refused { host, to }),
            Fate::TooBig(false) | Fate::Lost => {}
        }
    }

    /// No transfer stands still for longer than its line explains.
    fn assert_progress(&self) {
        for (transfer, path) in self.transfers.iter().zip(&self.paths) {
            let waits = self.now.saturating_sub(transfer.progress);
            if waits <= PATIENCE || transfer.is_over() || transfer.was_given_up() || self.patient {
                continue;
            }
            let ways = || path.iter().map(|way| &self.ways[*way]);
            let trip: At = ways().map(|way| way.line.delay + way.line.queue_time()).sum();
            let dropped = ways().map(|way| way.dropped_since(transfer.progress)).sum::<u32>().min(6);
            let hole: At =
                ways().map(|way| way.hole_time(transfer.progress, self.now)).max().unwrap_or_default();
            // What is lost again is waited for twice as long.
            let explained = trip * 4 + (secs(2) + trip * 4) * ((1 << dropped) - 1) + hole * 4;
            assert!(
                waits <= PATIENCE + explained,
                "nothing came of it for {waits:?}, of which the line explains {explained:?}: {transfer:?}, {:?}",
                ways().map(|way| &way.line).collect::<Vec<_>>()
            );
        }
    }

    /// What a host keeps is bounded.
    fn assert_bounded(&self, number: usize) {
        let host = &self.hosts[number];
        for app in &host.apps {
            let unread = host.endpoint.unread(app.id);
            // A packet that others wait for is taken where there is no room.
            let most = host.settings.receive_window as usize + MOST_PACKET_BYTES;
            assert!(unread <= most, "{unread} bytes that nobody read");
        }
    }

    /// Whatever was to be done was, and nothing is left of any stream.
    pub(super) fn must_be_quiet(&mut self) {
        let quiet = self.run_until(self.now + LINGERS, Self::is_quiet);
        let left: Vec<_> =
            self.hosts.iter().map(|host| (host.endpoint.streams(), host.endpoint.deadline())).collect();
        assert!(quiet, "left after {LINGERS:?}: {left:?}");
    }

    /// Whether nothing is left of any stream.
    pub(super) fn is_quiet(&self) -> bool {
        self.hosts.iter().all(|host| host.endpoint.streams() == 0 && host.endpoint.deadline().is_none())
    }

    /// Whether its line lost as many packets as a dial that nobody answers takes, while it was dialled.
    pub(super) fn lost_its_calls(&self, transfer: usize) -> bool {
        let begun = self.transfers[transfer].begun;
        let dialled = begun..begun + DIALS_FOR;
        self.paths[transfer].iter().map(|way| self.ways[*way].drops_within(&dialled)).sum::<usize>() >= CALLS
    }

    /// Whether every transfer is over.
    pub(super) fn is_over(&self) -> bool {
        self.transfers.iter().all(Transfer::is_over)
    }
}

/// The number by which the system says that a connection was refused.
const REFUSED: i32 = 111;
