//! Decisions and ledger under whatever may happen: peers that come, choke, lie, refuse and go in any order, and a
//! user who presses every key. After every step both must be consistent, and agree; at the end one honest seed
//! must be enough to complete.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use crate::command::Command;
use crate::event::{At, Cause, Event, PeerInfo, PeerKey, PeerSample, Phase, Source, TrackerKey};
use crate::ledger::script::facts_of;
use crate::ledger::{Group, Ledger};
use crate::metainfo::{Bitfield, BlockRef, Geometry, PeerId, PieceIndex};
use crate::peer::{News, Step};
use crate::swarm::address::Scope;
use crate::swarm::{Action, Closed, ConnKey, Input, Order, Settings, Swarm, WindowState};

const OURS: u64 = 0;

/// A connection as its task would know it.
#[derive(Default)]
struct Conn {
    granted: Vec<BlockRef>,
    /// Blocks taken back that may come all the same.
    late: Vec<BlockRef>,
    has: Option<Bitfield>,
    unchoked: bool,
    closing: Option<Cause>,
    honest: bool,
}

struct Run {
    now: At,
    geometry: Geometry,
    most_peers: usize,
    swarm: Swarm,
    ledger: Ledger,
    random: fastrand::Rng,
    dialling: BTreeMap<PeerKey, SocketAddr>,
    conns: BTreeMap<ConnKey, Conn>,
    next_conn: u32,
    next_peer_id: u64,
    /// Blocks here of each open piece, and bytes of them told as written.
    here: BTreeMap<PieceIndex, (BTreeSet<u32>, u64)>,
    /// Peers with an attempt under way.
    attempts: BTreeSet<PeerKey>,
    left: bool,
}

impl Run {
    fn new(geometry: Geometry, settings: Settings, seed: u64) -> Self {
        let most_peers = settings.max_peers;
        let have = Bitfield::empty(geometry.piece_count());
        let mut run = Self {
            now: At::ZERO,
            geometry,
            most_peers,
            swarm: Swarm::new(At::ZERO, geometry, have, settings),
            ledger: Ledger::new(facts_of(geometry)),
            random: fastrand::Rng::with_seed(seed),
            dialling: BTreeMap::new(),
            conns: BTreeMap::new(),
            next_conn: 0,
            next_peer_id: 1000,
            here: BTreeMap::new(),
            attempts: BTreeSet::new(),
            left: false,
        };
        run.act();
        run
    }

    fn tell(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
        self.act();
        assert!(self.swarm.deadline() > self.now, "a deadline that time does not move past");
    }

    fn act(&mut self) {
        while let Some(action) = self.swarm.poll() {
            match action {
                Action::Dial { peer, addr, .. } => {
                    assert!(matches!(self.swarm.phase(), Phase::Downloading | Phase::Seeding) && !self.left);
                    assert!(self.dialling.insert(peer, addr).is_none(), "dialled twice at once");
                }
                Action::Order(conn, order) => self.obey(conn, order),
                Action::Discard(piece) => {
                    let here = self.here.remove(&piece).map_or(0, |(blocks, _)| blocks.len());
                    assert!(here < self.geometry.blocks_in(piece) as usize, "given up when all was here");
                }
                Action::Emit(at, event) => self.emit(at, &event),
                Action::Have(_)
                | Action::Digest(_)
                | Action::LimitUp(_)
                | Action::Recheck(_)
                | Action::Lose(_)
                | Action::Found(_)
                | Action::WantPeers(_)
                | Action::Finished
                | Action::Entered(_) => {}
            }
        }
    }

    fn obey(&mut self, conn: ConnKey, order: Order) {
        let conn = self.conns.get_mut(&conn).expect("orders go to connections that are open");
        match order {
            Order::Grant(blocks) => conn.granted.extend(blocks),
            Order::Revoke(blocks) => {
                conn.granted.retain(|block| !blocks.contains(block));
                conn.late.extend(blocks);
            }
            Order::Close(cause) => conn.closing = conn.closing.or(Some(cause)),
            Order::Choke(_) | Order::AllowFast(_) | Order::Interested(_) | Order::Hold(_) => {}
        }
    }

    fn emit(&mut self, at: At, event: &Event) {
        match event {
            Event::AttemptBegan { peer, .. } => {
                assert!(self.attempts.insert(*peer), "{peer:?}: the attempt before goes on");
            }
            Event::AttemptEnded { peer, .. } => assert!(self.attempts.remove(peer), "{peer:?}: none to end"),
            Event::Handshaken { peer } | Event::FirstBlock { peer } | Event::Has { peer, .. } => {
                assert!(self.attempts.contains(peer), "{peer:?}: no attempt under way");
            }
            Event::PeerMerged { gone, into } => {
                assert!(self.attempts.remove(gone) && self.attempts.insert(*into));
            }
            _ => {}
        }
        self.ledger.apply(at, event);
    }

    fn check(&mut self) {
        self.swarm.assert_consistent();
        let staying = self.conns.values().filter(|conn| conn.closing.is_none() && conn.has.is_some()).count();
        assert!(staying <= self.most_peers, "{staying} connections");
        let view = self.ledger.view(self.now);
        let ourselves = view.peers.iter().filter(|peer| peer.cause == Some(Cause::SelfConnection)).count();
        let groups = view.groups;
        let sum = groups.live + groups.trying + groups.failed + groups.left + groups.queued + groups.banned;
        assert_eq!((sum, sum as usize), (view.funnel.known, view.peers.len() - ourselves));
        let live: BTreeSet<PeerKey> =
            view.peers.iter().filter(|peer| peer.group == Group::Live).map(|peer| peer.key).collect();
        assert_eq!(live, self.swarm.live_peers().into_keys().collect(), "who is live");
        let have: u64 = self
            .swarm
            .have()
            .numbers()
            .filter_map(|number| self.geometry.piece(number))
            .fold(0, |sum, piece| sum + u64::from(self.geometry.length_of(piece)));
        assert_eq!((view.have_bytes, view.phase), (have, self.swarm.phase()));
    }

    fn addr(&mut self) -> SocketAddr {
        // A few addresses, some with many ports, so that they meet again.
        let host = self.random.u8(0..3);
        let port = 6881 + u16::from(self.random.u8(0..10));
        SocketAddr::from(([[10, 0, 0, 1], [8, 8, 4, 4], [127, 0, 0, 1]][usize::from(host)], port))
    }

    fn some_conn(&mut self) -> Option<ConnKey> {
        let conns: Vec<ConnKey> = self.conns.keys().copied().collect();
        self.random.choice(conns)
    }

    fn some_peer(&mut self) -> PeerKey {
        PeerKey(self.random.u32(0..30))
    }

    fn some_piece(&mut self) -> PieceIndex {
        self.geometry.piece(self.random.u32(0..self.geometry.piece_count())).expect("a piece of the torrent")
    }

    fn end(&mut self, cause: Cause) -> Closed {
        Closed { cause, error: None, detail: None, bytes_in: self.random.u64(0..100), bytes_out: 0 }
    }

    fn shaken(&mut self, peer: Option<PeerKey>, addr: SocketAddr, honest: bool) -> ConnKey {
        let conn = ConnKey(self.next_conn);
        self.next_conn += 1;
        self.next_peer_id += 1;
        let id = if honest || self.random.bool() { self.next_peer_id } else { self.random.u64(OURS..6) };
        let so_far = if peer.is_some() { Vec::new() } else { vec![(self.now, Step::Connected)] };
        self.conns.insert(conn, Conn { honest, ..Conn::default() });
        self.tell(Input::Handshaken { conn, peer, addr, peer_id: PeerId::ours(id), so_far });
        let count = self.geometry.piece_count();
        let has = match self.random.u8(0..4) {
            _ if honest => Bitfield::full(count),
            0 => Bitfield::full(count),
            1 => Bitfield::empty(count),
            _ => {
                let mut some = Bitfield::empty(count);
                for piece in self.geometry.pieces() {
                    if self.random.bool() {
                        some.set(piece);
                    }
                }
                some
            }
        };
        if let Some(state) = self.conns.get_mut(&conn) {
            state.has = Some(has.clone());
        }
        self.tell(Input::News(conn, News::Has(has)));
        conn
    }

    fn close(&mut self, conn: ConnKey, cause: Cause) {
        let Some(state) = self.conns.remove(&conn) else { return };
        let end = self.end(state.closing.unwrap_or(cause));
        self.tell(Input::Closed(conn, end));
    }

    fn deliver(&mut self, conn: ConnKey, most: usize) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let mut blocks: Vec<BlockRef> = state.granted.drain(..most.min(state.granted.len())).collect();
        if self.random.u8(0..4) == 0 {
            blocks.extend(state.late.pop());
        }
        for block in blocks {
            if self.swarm.block_arrived(self.now, conn, block) {
                let (here, _) = self.here.entry(block.piece()).or_default();
                assert!(here.insert(block.number()), "wanted twice");
            }
        }
        self.act();
        self.window(conn);
    }

    fn window(&mut self, conn: ConnKey) {
        let Some(state) = self.conns.get(&conn) else { return };
        let target = self.random.u32(2..70);
        let out = (state.granted.len() as u32).min(target);
        let window = WindowState {
            granted: state.granted.len() as u32 - out,
            outstanding: out,
            target,
            down_bps: self.random.u64(0..4) * 100_000,
            oldest_request_ms: 0,
            round_trip_ms: self.random.u32(0..3) * 200,
            begun_bytes: self.random.u32(0..16_384),
        };
        self.tell(Input::News(conn, News::Window { blocks: 0, window }));
    }

    fn samples(&mut self) {
        for conn in self.conns.keys().copied().collect::<Vec<_>>() {
            let Some(state) = self.conns.get(&conn) else { continue };
            let requests_out = (state.granted.len() as u32).min(64);
            self.tell(Input::News(
                conn,
                News::Sample(PeerSample { requests_out, request_target: 64, ..PeerSample::default() }),
            ));
        }
    }

    /// What the disk threads come to tell.
    fn disk(&mut self, good: bool) {
        let open: Vec<PieceIndex> = self.here.keys().copied().collect();
        let Some(piece) = self.random.choice(open) else { return };
        let Some((here, written)) = self.here.get_mut(&piece) else { return };
        if here.len() == self.geometry.blocks_in(piece) as usize {
            self.here.remove(&piece);
            self.tell(Input::PieceDone { piece, good, blocks: Vec::new() });
            return;
        }
        // What cannot be hashed soon is written to its place.
        let length =
            |number: &u32| self.geometry.block(piece, *number).map(|block| self.geometry.block_length(block));
        let bytes = here.iter().filter_map(length).map(u64::from).sum::<u64>();
        if bytes > *written {
            let fresh = bytes - std::mem::replace(written, bytes);
            self.tell(Input::Written { piece, bytes: fresh });
        }
    }

    fn wish(&mut self) {
        let peer = self.some_peer();
        let command = match self.random.u8(0..12) {
            0 | 1 => Command::Pause,
            2..=4 => Command::Resume,
            5 => Command::Hold(peer),
            6 => Command::Drop(peer),
            7 => Command::Ban(peer),
            8 => Command::Undo,
            9 => Command::Retry(peer),
            10 => Command::AddPeer(self.addr()),
            _ => {
                let down_bps = self.random.choice([None, Some(0), Some(1000), Some(1_000_000)]).flatten();
                Command::Limit { down_bps, up_bps: None }
            }
        };
        self.tell(Input::Command(command));
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.tell(Input::Tick);
    }

    /// One thing that may happen.
    fn step(&mut self, kind: u8) {
        match kind {
            0 | 1 => {
                let (addr, tracker) = (self.addr(), TrackerKey(self.random.u16(0..2)));
                let source = self.random.choice([Source::Manual, Source::Tracker(tracker), Source::Resume]);
                let source = source.unwrap_or(Source::Manual);
                let scopes = [Scope::Public, Scope::Private, Scope::Loopback];
                if let Some(scope) = self.random.choice(scopes).filter(|_| self.random.u8(0..8) == 0) {
                    self.tell(Input::Reached { tracker, scope, seen_at: None });
                }
                self.tell(Input::Learned { addr, source });
            }
            2 => {
                let Some((peer, _)) = self.dialling.pop_first() else { return };
                let causes = [Cause::ConnectTimeout, Cause::NotBittorrent, Cause::ClosedBeforeHandshake];
                let cause = self.random.choice(causes).unwrap_or(Cause::ConnectTimeout);
                let end = self.end(cause);
                self.tell(Input::DialFailed { peer, end });
            }
            3 | 4 => {
                if let Some((peer, addr)) = self.dialling.pop_first() {
                    self.shaken(Some(peer), addr, false);
                }
            }
            5 => {
                let ip = self.addr().ip();
                let addr = SocketAddr::new(ip, self.random.u16(6881..6900));
                // Two connections cannot come from one port at once.
                let taken = self.ledger.view(self.now).peers.iter().any(|peer| peer.addr == addr);
                if !taken || self.random.bool() {
                    self.shaken(None, addr, false);
                }
            }
            14 => self.wish(),
            15 => {
                let good = self.random.bool();
                self.disk(good);
            }
            16 => {
                let ms = self.random.choice([1, 100, 1000, 15_000, 61_000, 4_000_000]).unwrap_or(1);
                self.wait(Duration::from_millis(ms));
            }
            17 => {
                if self.random.u8(0..8) == 0 {
                    self.tell(Input::DiskFailed { piece: None, reason: "full".to_owned() });
                }
            }
            18 => self.samples(),
            19 => {
                let closing = self.conns.iter().filter(|(_, state)| state.closing.is_some());
                for conn in closing.map(|(conn, _)| *conn).collect::<Vec<_>>() {
                    self.close(conn, Cause::Shutdown);
                }
            }
            // A busy moment: everybody serves us, and the disk keeps up.
            20 | 21 => {
                for conn in self.conns.keys().copied().collect::<Vec<_>>() {
                    if self.conns.get(&conn).is_some_and(|state| !state.unchoked) {
                        self.step_of(conn, 7);
                    }
                    let most = self.random.usize(0..4);
                    self.deliver(conn, most);
                }
                let good = self.random.bool();
                self.disk(good);
            }
            _ => {
                if let Some(conn) = self.some_conn() {
                    self.step_of(conn, kind);
                }
            }
        }
    }

    fn step_of(&mut self, conn: ConnKey, kind: u8) {
        match kind {
            6 => {
                let listen_port = Some(self.random.u16(6881..6891));
                let upload_only = Some(self.random.u8(..4) == 0);
                let info = PeerInfo { listen_port, upload_only, ..PeerInfo::default() };
                self.tell(Input::News(conn, News::Introduced(info)));
            }
            7 | 8 => {
                let Some(state) = self.conns.get_mut(&conn) else { return };
                state.unchoked = !state.unchoked;
                if state.unchoked {
                    self.tell(Input::News(conn, News::Unchoked));
                } else {
                    let voided = std::mem::take(&mut state.granted);
                    state.late.extend(voided);
                    self.tell(Input::News(conn, News::Choked));
                }
            }
            9 => {
                let interested = self.random.bool();
                self.tell(Input::News(conn, News::Interested(interested)));
                let piece = self.some_piece();
                self.tell(Input::News(conn, News::AllowedFast(piece)));
            }
            10 => {
                let pieces = vec![self.some_piece(), self.some_piece()];
                self.tell(Input::News(conn, News::Have(pieces)));
            }
            11 => {
                let Some(state) = self.conns.get_mut(&conn) else { return };
                let refused: Vec<BlockRef> = state.granted.drain(..state.granted.len() / 2).collect();
                self.tell(Input::News(conn, News::Rejected(refused)));
            }
            12 | 13 => {
                let cause = self.random.choice([Cause::ClosedByPeer, Cause::DiskError, Cause::IdleTimeout]);
                self.close(conn, cause.unwrap_or(Cause::ClosedByPeer));
            }
            _ => {
                let most = self.random.usize(0..30);
                self.deliver(conn, most);
            }
        }
    }

    /// One honest seed comes; half of the others stay and say nothing any more.
    fn must_complete(&mut self) {
        let staying: Vec<ConnKey> = self.conns.keys().copied().collect();
        for (at, conn) in staying.into_iter().enumerate() {
            if at % 2 == 0 || at + 1 >= self.most_peers || self.conns[&conn].closing.is_some() {
                self.close(conn, Cause::ClosedByPeer);
            }
        }
        self.tell(Input::Command(Command::Limit { down_bps: None, up_bps: None }));
        self.tell(Input::Command(Command::Resume));
        let mut seed = None;
        let deadline = self.now + Duration::from_secs(400);
        while !self.swarm.have().is_full() {
            assert!(self.now < deadline, "stuck with {} pieces", self.swarm.have().count());
            while let Some((peer, _)) = self.dialling.pop_first() {
                let end = self.end(Cause::ConnectTimeout);
                self.tell(Input::DialFailed { peer, end });
            }
            let closing = self.conns.iter().filter(|(_, state)| state.closing.is_some());
            for conn in closing.map(|(conn, _)| *conn).collect::<Vec<_>>() {
                self.close(conn, Cause::Shutdown);
            }
            let conn = *seed.get_or_insert_with(|| {
                let conn = self.shaken(None, SocketAddr::from(([10, 9, 9, 9], 50_000)), true);
                self.tell(Input::News(conn, News::Unchoked));
                conn
            });
            assert!(self.conns.get(&conn).is_some_and(|conn| conn.honest), "the seed was sent away");
            self.deliver(conn, 1000);
            for _ in 0..4 {
                self.disk(true);
            }
            self.wait(Duration::from_millis(500));
            self.samples();
            self.check();
        }
    }
}

fn geometries() -> impl Strategy<Value = Geometry> {
    let lengths = [(16 * 65_536 + 5, 65_536), (20 * 40_000, 40_000), (10, 16_384), (5 << 20, 2 << 20)];
    proptest::sample::select(
        lengths.map(|(total, piece)| Geometry::new(total, piece).expect("lengths")).to_vec(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn swarm_and_ledger_hold_together_whatever_happens(
        geometry in geometries(),
        memory_bytes in proptest::sample::select(vec![65_536u64, 400_000, 24 << 20]),
        max_peers in proptest::sample::select(vec![1usize, 2, 5, 200]),
        down_bps in proptest::sample::select(vec![None, Some(0u64), Some(50_000)]),
        steps in proptest::collection::vec(0u8..26, 0..400),
        seed: u64,
    ) {
        let peer_id = PeerId::ours(OURS);
        let settings = Settings { max_peers, memory_bytes, down_bps, peer_id, seed, ..Settings::default() };
        let mut run = Run::new(geometry, settings, seed);
        for (number, kind) in steps.into_iter().enumerate() {
            run.step(kind);
            run.swarm.assert_consistent();
            if number % 8 == 0 {
                run.check();
            }
        }
        run.check();
        run.must_complete();
    }

    #[test]
    fn nothing_begins_once_it_ends(steps in proptest::collection::vec(0u8..26, 0..150), seed: u64) {
        let geometry = Geometry::new(1 << 20, 65_536).expect("lengths");
        let mut run = Run::new(geometry, Settings { peer_id: PeerId::ours(OURS), seed, ..Settings::default() }, seed);
        let half = steps.len() / 2;
        for (number, kind) in steps.into_iter().enumerate() {
            if number == half {
                run.tell(Input::Command(Command::Quit));
                run.left = true;
            }
            run.step(kind);
            run.check();
        }
        run.tell(Input::Command(Command::Quit));
        prop_assert!(run.conns.values().all(|conn| conn.closing.is_some()));
    }
}
