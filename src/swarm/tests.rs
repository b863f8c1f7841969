//! Whole downloads in virtual time: a swarm, scripted peers, no socket.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::command::Command;
use crate::event::{Cause, Encryption, LooksLike, Payload, PeerKey, PeerSample, Source, TrackerKey};
use crate::metainfo::{BLOCK_LENGTH, BlockRef, PeerId, PieceIndex};
use crate::peer::{News, Step};

mod encryption;
mod fast;
mod faults;
mod invariants;
mod recheck;
mod replaced;
mod starving;

const EITHER: &[Encryption] = &[Encryption::Plain, Encryption::Mse];
const TICK: Duration = Duration::from_millis(10);

/// How a scripted peer behaves.
#[derive(Clone)]
struct Script {
    has: Bitfield,
    /// Bytes a second.
    bps: u64,
    /// Sends wrong bytes.
    lies: bool,
    /// Falls silent after so many blocks.
    silent_after: Option<u32>,
    /// Chokes us after so many blocks, and unchokes two seconds later.
    chokes_after: Option<u32>,
    /// Shakes hands only so.
    takes: &'static [Encryption],
    /// How other dials end.
    otherwise: Cause,
}

struct Fake {
    script: Script,
    queue: VecDeque<BlockRef>,
    credit: u64,
    sent: u32,
    unchoke_at: Option<At>,
    sample_at: At,
}

struct World {
    now: At,
    geometry: Geometry,
    swarm: Swarm,
    /// Who answers where; nobody elsewhere.
    listeners: BTreeMap<SocketAddr, Script>,
    live: BTreeMap<ConnKey, (SocketAddr, Fake)>,
    arrived: BTreeMap<PieceIndex, BTreeMap<u32, bool>>,
    dials: Vec<(At, SocketAddr)>,
    /// Whom we dialled how.
    tried: Vec<(SocketAddr, Encryption)>,
    closed: Vec<(SocketAddr, Cause)>,
    /// When peers were wanted of trackers, and no more.
    wants: Vec<(At, bool)>,
    events: Vec<Event>,
    trace: Vec<String>,
    next_conn: u32,
    most_buffered: u64,
    duplicates: u32,
    /// Blocks granted, those granted to several counted for each.
    granted: usize,
    /// Blocks of long pieces are written at once.
    writes: bool,
}

fn addr(n: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 6881))
}

fn digest(right: bool) -> BlockDigest {
    BlockDigest([u8::from(right); 10])
}

impl World {
    fn new(total: u64, piece: u32, settings: Settings) -> Self {
        let geometry = Geometry::new(total, piece).unwrap();
        let swarm = Swarm::new(At::ZERO, geometry, Bitfield::empty(geometry.piece_count()), settings);
        Self {
            now: At::ZERO,
            geometry,
            swarm,
            listeners: BTreeMap::new(),
            live: BTreeMap::new(),
            arrived: BTreeMap::new(),
            dials: Vec::new(),
            tried: Vec::new(),
            closed: Vec::new(),
            wants: Vec::new(),
            events: Vec::new(),
            trace: Vec::new(),
            next_conn: 0,
            most_buffered: 0,
            duplicates: 0,
            granted: 0,
            writes: false,
        }
    }

    fn seed(&self, bps: u64) -> Script {
        let has = Bitfield::full(self.geometry.piece_count());
        Script {
            has,
            bps,
            lies: false,
            silent_after: None,
            chokes_after: None,
            takes: EITHER,
            otherwise: Cause::ClosedBeforeHandshake,
        }
    }

    fn add(&mut self, n: u16, script: Script) {
        self.listeners.insert(addr(n), script);
        self.learn(n);
    }

    fn learn(&mut self, n: u16) {
        self.tell(Input::Learned { addr: addr(n), source: Source::Manual });
    }

    fn tell(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.swarm.poll() {
            self.trace.push(format!("{:?} {action:?}", self.now));
            match action {
                Action::Dial { peer, addr, encryption } => self.dial(peer, addr, encryption),
                Action::Order(conn, order) => self.obey(conn, order),
                Action::Discard(piece) => {
                    self.arrived.remove(&piece);
                }
                Action::Digest(piece) => {
                    let blocks = vec![digest(true); self.geometry.blocks_in(piece) as usize];
                    self.tell(Input::Digested { piece, blocks });
                }
                Action::Emit(_, event) => self.events.push(event),
                Action::WantPeers(wanted) => self.wants.push((self.now, wanted)),
                Action::Have(_)
                | Action::Recheck(_)
                | Action::Lose(_)
                | Action::Found(_)
                | Action::LimitUp(_)
                | Action::Finished
                | Action::Entered(_) => {}
            }
        }
    }

    fn dial(&mut self, peer: PeerKey, addr: SocketAddr, encryption: Encryption) {
        self.dials.push((self.now, addr));
        self.tried.push((addr, encryption));
        let script = self.listeners.get(&addr).cloned();
        let refusal = match &script {
            None => Some(Cause::ConnectionRefused),
            Some(script) => (!script.takes.contains(&encryption)).then_some(script.otherwise),
        };
        let (Some(script), None) = (script, refusal) else {
            let cause = refusal.unwrap_or(Cause::ConnectionRefused);
            let end = Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 };
            self.swarm.handle(self.now, Input::DialFailed { peer, end });
            return;
        };
        let conn = ConnKey(self.next_conn);
        self.next_conn += 1;
        let has = script.has.clone();
        let sample_at = self.now + SECOND;
        let fake = Fake { script, queue: VecDeque::new(), credit: 0, sent: 0, unchoke_at: None, sample_at };
        self.live.insert(conn, (addr, fake));
        let peer_id = PeerId::ours(1000 + u64::from(conn.0));
        let shaken = Input::Handshaken { conn, peer: Some(peer), addr, peer_id, so_far: Vec::new() };
        for input in [shaken, Input::News(conn, News::Has(has)), Input::News(conn, News::Unchoked)] {
            self.swarm.handle(self.now, input);
        }
    }

    fn obey(&mut self, conn: ConnKey, order: Order) {
        let Some((_, fake)) = self.live.get_mut(&conn) else { return };
        match order {
            Order::Grant(blocks) => {
                self.granted += blocks.len();
                fake.queue.extend(blocks);
            }
            Order::Revoke(blocks) => fake.queue.retain(|block| !blocks.contains(block)),
            Order::Close(cause) => self.close(conn, cause),
            Order::Choke(_) | Order::AllowFast(_) | Order::Interested(_) | Order::Hold(_) => {}
        }
    }

    fn close(&mut self, conn: ConnKey, cause: Cause) {
        if let Some((addr, _)) = self.live.remove(&conn) {
            self.closed.push((addr, cause));
            let end = Closed { cause, error: None, detail: None, bytes_in: 0, bytes_out: 0 };
            self.swarm.handle(self.now, Input::Closed(conn, end));
        }
    }

    fn step(&mut self) {
        self.now += TICK;
        let conns: Vec<ConnKey> = self.live.keys().copied().collect();
        for conn in conns {
            self.send(conn);
        }
        if self.now >= self.swarm.deadline() {
            self.tell(Input::Tick);
        }
    }

    fn send(&mut self, conn: ConnKey) {
        let now = self.now;
        let Some((_, fake)) = self.live.get_mut(&conn) else { return };
        if fake.unchoke_at.is_some_and(|at| at <= now) {
            fake.unchoke_at = None;
            self.tell(Input::News(conn, News::Unchoked));
        }
        let Some((_, fake)) = self.live.get_mut(&conn) else { return };
        fake.credit = (fake.credit + fake.script.bps / 100).min(fake.script.bps.max(1 << 20));
        let mut blocks = Vec::new();
        while fake.credit >= u64::from(BLOCK_LENGTH)
            && fake.script.silent_after.is_none_or(|most| fake.sent < most)
        {
            let Some(block) = fake.queue.pop_front() else { break };
            fake.credit -= u64::from(BLOCK_LENGTH);
            fake.sent += 1;
            blocks.push(block);
        }
        if fake.queue.is_empty() {
            fake.credit = fake.credit.min(u64::from(BLOCK_LENGTH));
        }
        let lies = fake.script.lies;
        let queued = fake.queue.len() as u32;
        let bps = if fake.sent > 0 { fake.script.bps } else { 0 };
        let target = match fake.sent {
            0 => 64,
            _ => (fake.script.bps / 2 / u64::from(BLOCK_LENGTH)).clamp(2, 256) as u32,
        };
        let outstanding = queued.min(target);
        let window = WindowState {
            granted: queued - outstanding,
            outstanding,
            target,
            down_bps: bps,
            oldest_request_ms: 0,
            round_trip_ms: 0,
            begun_bytes: 0,
        };
        // As the task of a connection does it: with every block, and every second if it could use more.
        let second = fake.sample_at <= now;
        if second {
            fake.sample_at = now + SECOND;
        }
        let tells_window = !blocks.is_empty() || (second && queued < target);
        let sample =
            PeerSample { requests_out: outstanding, request_target: target, ..PeerSample::default() };
        let chokes = fake.script.chokes_after.is_some_and(|after| fake.sent >= after);
        if chokes {
            fake.script.chokes_after = None;
            fake.queue.clear();
            fake.unchoke_at = Some(now + Duration::from_secs(2));
        }
        for block in blocks {
            if self.swarm.block_arrived(now, conn, block) {
                self.arrived.entry(block.piece()).or_default().insert(block.number(), !lies);
                if self.writes {
                    let bytes = u64::from(self.geometry.block_length(block));
                    self.swarm.handle(now, Input::Written { piece: block.piece(), bytes });
                }
            } else {
                self.duplicates += 1;
            }
        }
        self.act();
        if chokes {
            self.tell(Input::News(conn, News::Choked));
        }
        if second {
            self.tell(Input::News(conn, News::Sample(sample)));
        }
        if tells_window {
            self.tell(Input::News(conn, News::Window { blocks: 0, window }));
        }
        let buffered =
            self.arrived.values().map(|blocks| blocks.len() as u64).sum::<u64>() * u64::from(BLOCK_LENGTH);
        self.most_buffered = self.most_buffered.max(buffered);
        let whole: Vec<PieceIndex> = self.arrived.keys().copied().collect();
        for piece in whole {
            if self.arrived[&piece].len() as u32 == self.geometry.blocks_in(piece) {
                let arrived = self.arrived.remove(&piece).unwrap();
                let good = arrived.values().all(|good| *good);
                let blocks = arrived.values().map(|good| digest(*good)).collect();
                self.tell(Input::PieceDone { piece, good, blocks });
            }
        }
    }

    /// Steps until it is so; panics after `limit`.
    fn until(&mut self, limit: Duration, what: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !what(self) {
            assert!(
                self.now < end,
                "not within {limit:?}: {} pieces of {}, {:#?}",
                self.swarm.have.count(),
                self.geometry.piece_count(),
                self.swarm.picker.describe()
            );
            self.step();
        }
    }

    fn until_complete(&mut self, limit: Duration) {
        self.until(limit, |world| world.swarm.have.is_full());
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }
}

const MIB: u64 = 1 << 20;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn completes_from_one_seed_without_asking_twice() {
    let mut world = World::new(16 * MIB + 12345, 256 * 1024, Settings::default());
    world.add(1, world.seed(4 * MIB));
    world.until_complete(secs(6));
    assert_eq!(world.duplicates, 0);
    assert_eq!(world.swarm.phase(), Phase::Seeding);
    assert_eq!(world.closed, vec![(addr(1), Cause::BothSeeds)]);
}

#[test]
fn uses_the_rates_of_all_peers_together() {
    let mut world = World::new(40 * MIB, MIB as u32, Settings::default());
    for n in 1..=4 {
        world.add(n, world.seed(2 * MIB));
    }
    world.until_complete(secs(7));
    assert!(world.duplicates < 40, "{}", world.duplicates);
}

#[test]
fn what_comes_soon_is_asked_of_one_at_the_end() {
    let mut world = World::new(64 * MIB, MIB as u32, Settings::default());
    for n in 1..=2 {
        world.add(n, world.seed(200 * MIB));
    }
    world.until_complete(secs(1));
    assert_eq!((world.granted, world.duplicates), (64 * 64, 0));
}

#[test]
fn who_falls_silent_at_the_end_is_not_waited_for() {
    let mut world = World::new(64 * MIB, MIB as u32, Settings::default());
    world.add(1, world.seed(200 * MIB));
    world.add(2, Script { silent_after: Some(1800), ..world.seed(200 * MIB) });
    // The silent one is found out after a tenth of a second, and has half a thousand blocks, of which a few at a time
    // are asked of the other.
    world.until_complete(Duration::from_millis(1500));
    assert!(world.granted > 64 * 64);
}

#[test]
fn long_pieces_grow_side_by_side_where_much_comes() {
    let open = |bps| {
        let mut world = World::new(512 * MIB, 4 * MIB as u32, Settings::default());
        world.writes = true;
        for n in 1..=2 {
            world.add(n, world.seed(bps));
        }
        world.run(Duration::from_millis(500));
        world.swarm.picker.begun_count()
    };
    assert!((1..=4).contains(&open(MIB)), "{}", open(MIB));
    assert!((8..=16).contains(&open(200 * MIB)), "{}", open(200 * MIB));
}

#[test]
fn completes_when_no_peer_has_everything() {
    let mut world = World::new(8 * MIB, 128 * 1024, Settings::default());
    let geometry = world.geometry;
    for n in 0..4 {
        let mut script = world.seed(MIB);
        script.has = Bitfield::empty(geometry.piece_count());
        for piece in geometry.pieces().filter(|piece| piece.number() % 4 == u32::from(n)) {
            script.has.set(piece);
        }
        world.add(n + 1, script);
    }
    world.until_complete(secs(10));
}

#[test]
fn a_silent_peer_loses_its_requests_to_others() {
    let mut world = World::new(8 * MIB, 256 * 1024, Settings::default());
    let mut silent = world.seed(MIB);
    silent.silent_after = Some(3);
    world.add(1, silent);
    world.run(secs(1));
    world.add(2, world.seed(MIB));
    world.until_complete(secs(22));
}

#[test]
fn the_end_does_not_wait_for_as_many_silent_peers_as_a_block_is_asked_of() {
    let mut world = World::new(2 * MIB, 64 * 1024, Settings::default());
    for n in 1..=10 {
        let mut silent = world.seed(MIB);
        silent.silent_after = Some(u32::from(n % 2 == 0));
        world.add(n, silent);
    }
    world.run(secs(1));
    world.add(11, world.seed(4 * MIB));
    world.until_complete(secs(6));
}

#[test]
fn choking_gives_its_requests_back() {
    let mut world = World::new(4 * MIB, 256 * 1024, Settings::default());
    let mut fickle = world.seed(MIB);
    fickle.chokes_after = Some(20);
    world.add(1, fickle);
    world.until_complete(secs(8));
}

#[test]
fn a_lone_liar_is_banned_and_the_piece_fetched_again() {
    let mut world = World::new(4 * MIB, 256 * 1024, Settings::default());
    let mut liar = world.seed(4 * MIB);
    liar.lies = true;
    world.add(1, liar);
    world.until(secs(5), |world| world.closed.contains(&(addr(1), Cause::HashFailures)));
    assert_eq!(world.swarm.have.count(), 0);
    world.add(2, world.seed(4 * MIB));
    world.until_complete(secs(5));
    assert!(world.events.iter().any(|event| matches!(event, Event::Banned { until: Some(_), .. })));
    assert!(!world.closed.contains(&(addr(2), Cause::HashFailures)));
}

#[test]
fn the_end_is_not_left_to_the_slowest_peer() {
    let mut world = World::new(4 * MIB, MIB as u32, Settings::default());
    world.add(1, world.seed(20 * 1024));
    world.run(secs(1));
    world.add(2, world.seed(4 * MIB));
    world.until_complete(secs(8));
}

#[test]
fn dead_peers_delay_nobody() {
    let mut world = World::new(16 * MIB, MIB as u32, Settings::default());
    for n in 1..=40 {
        world.learn(n);
    }
    for n in 41..=50 {
        world.add(n, world.seed(MIB));
    }
    world.until_complete(secs(4));
}

/// The most dials that began within some second.
fn most_in_a_second(dials: &[(At, SocketAddr)]) -> usize {
    let within =
        |first: usize| dials[first..].iter().take_while(move |(at, _)| *at < dials[first].0 + SECOND);
    (0..dials.len()).map(|first| within(first).count()).max().unwrap_or(0)
}

#[test]
fn thousands_that_refuse_are_dialled_thirty_a_second() {
    let mut world = World::new(1 << 20, 1 << 18, Settings { seed: 12, ..Settings::default() });
    (0..3000).for_each(|n| world.learn(n));
    world.run(secs(10));
    assert!(most_in_a_second(&world.dials) <= 60, "{}", most_in_a_second(&world.dials));
    let first = world.dials.iter().filter(|(at, _)| *at < SECOND / 10).count();
    assert!((30..40).contains(&first), "{first} at once");
    assert!((300..=332).contains(&world.dials.len()), "{} in ten seconds", world.dials.len());
}

#[test]
fn torrents_that_share_a_pacer_are_paced_together() {
    let settings = Settings { seed: 13, ..Settings::default() };
    let mut worlds = [(); 3].map(|()| World::new(1 << 20, 1 << 18, settings.clone()));
    for world in &mut worlds {
        (0..500).for_each(|n| world.learn(n));
        world.run(secs(5));
    }
    let dials: usize = worlds.iter().map(|world| world.dials.len()).sum();
    assert!((180..=183).contains(&dials), "{dials} in five seconds");
}

#[test]
fn a_refusing_peer_is_dialled_less_and_less() {
    let mut world = World::new(MIB, 16384, Settings::default());
    world.learn(1);
    world.run(secs(15 * 60));
    assert!((5..=7).contains(&world.dials.len()), "{:?}", world.dials);
}

#[test]
fn being_named_over_and_over_is_no_reason_to_hammer_a_refusing_peer() {
    let mut world = World::new(MIB, 16384, Settings::default());
    for second in 0..15 * 60 {
        let source = [Source::Manual, Source::Resume, Source::Tracker(TrackerKey(second % 7))];
        world.tell(Input::Learned { addr: addr(1), source: source[second as usize % 3] });
        world.run(secs(1));
    }
    assert!((5..=7).contains(&world.dials.len()), "{:?}", world.dials);
}

#[test]
fn a_download_limit_holds_within_a_tenth() {
    let settings = Settings { down_bps: Some(500_000), ..Settings::default() };
    let mut world = World::new(64 * MIB, 256 * 1024, settings);
    world.add(1, world.seed(8 * MIB));
    world.add(2, world.seed(8 * MIB));
    world.run(secs(20));
    let (down, _) = world.swarm.transferred();
    assert!((9_000_000..=11_000_000).contains(&down), "{down}");
    world.tell(Input::Command(Command::Limit { down_bps: None, up_bps: None }));
    world.until_complete(secs(8));
}

#[test]
fn long_pieces_stay_within_memory() {
    let settings = Settings { memory_bytes: 4 * MIB, ..Settings::default() };
    let mut world = World::new(64 * MIB, 16 * MIB as u32, settings);
    // Without anything written, nothing beyond the mark may be asked for.
    for n in 1..=3 {
        world.add(n, world.seed(4 * MIB));
    }
    world.run(secs(10));
    assert!(world.most_buffered <= 5 * MIB, "{}", world.most_buffered);
    assert!(world.most_buffered >= 3 * MIB);
}

#[test]
fn where_the_disk_stopped_it_connections_end_because_of_the_disk() {
    let mut world = World::new(8 * MIB, 256 * 1024, Settings::default());
    world.add(1, world.seed(MIB));
    world.run(secs(2));
    world.tell(Input::DiskFailed { piece: None, reason: "full".to_owned() });
    world.run(secs(32));
    assert_eq!(world.closed, vec![(addr(1), Cause::DiskError)]);
}

#[test]
fn pausing_stops_everything_and_resuming_goes_on() {
    let mut world = World::new(8 * MIB, 256 * 1024, Settings::default());
    world.add(1, world.seed(MIB));
    world.run(secs(2));
    world.tell(Input::Command(Command::Pause));
    assert!(world.live.values().all(|(_, fake)| fake.queue.is_empty()));
    let had = world.swarm.have.count();
    world.run(secs(29));
    assert_eq!((world.swarm.have.count(), world.live.len()), (had, 1));
    world.run(secs(3));
    assert_eq!(world.closed, vec![(addr(1), Cause::TorrentPaused)]);
    let dials = world.dials.len();
    world.run(secs(600));
    assert_eq!(world.dials.len(), dials, "nobody is dialled while paused");
    world.tell(Input::Command(Command::Resume));
    world.until_complete(secs(9));
}

#[test]
fn a_held_peer_is_not_asked_and_an_undone_hold_is() {
    let mut world = World::new(8 * MIB, 256 * 1024, Settings::default());
    world.add(1, world.seed(MIB));
    world.run(secs(1));
    world.tell(Input::Command(Command::Hold(PeerKey(0))));
    let had = world.swarm.transferred().0;
    world.run(secs(60));
    assert_eq!(world.swarm.transferred().0, had);
    assert_eq!(world.live.len(), 1);
    world.tell(Input::Command(Command::Undo));
    world.until_complete(secs(9));
}

#[test]
fn a_dropped_peer_stays_away_until_it_is_retried() {
    let mut world = World::new(8 * MIB, 256 * 1024, Settings::default());
    world.add(1, world.seed(MIB));
    world.run(secs(1));
    world.tell(Input::Command(Command::Drop(PeerKey(0))));
    assert_eq!(world.closed, vec![(addr(1), Cause::DroppedByUser)]);
    world.run(secs(3600));
    assert_eq!(world.dials.len(), 1);
    world.tell(Input::Command(Command::Retry(PeerKey(0))));
    world.until_complete(secs(9));
}

#[test]
fn rarest_pieces_come_first() {
    let mut world = World::new(4 * MIB, 64 * 1024, Settings::default());
    let geometry = world.geometry;
    let mut common = world.seed(64 * 1024);
    common.has = Bitfield::empty(geometry.piece_count());
    for piece in geometry.pieces().filter(|piece| piece.number() >= 4) {
        common.has.set(piece);
    }
    for n in 1..=3 {
        world.add(n, Script { bps: 0, ..common.clone() });
    }
    let mut has_rare = common.clone();
    for piece in geometry.pieces().filter(|piece| piece.number() == 2) {
        has_rare.has.set(piece);
    }
    world.add(4, Script { bps: 256 * 1024, ..has_rare });
    world.until(secs(5), |world| world.swarm.have.count() > 0);
    assert!(
        world.swarm.have.numbers().any(|number| number == 2),
        "{:?}",
        world.swarm.have.numbers().collect::<Vec<_>>()
    );
}

#[test]
fn the_same_seed_decides_the_same() {
    let trace = |seed| {
        let mut world = World::new(4 * MIB, 128 * 1024, Settings { seed, ..Settings::default() });
        for n in 1..=3 {
            world.add(n, world.seed(u64::from(n) * MIB / 2));
        }
        world.run(secs(2));
        world.trace
    };
    assert_eq!(trace(5), trace(5));
    assert_ne!(trace(5), trace(6));
}

#[test]
fn both_ends_dialling_at_once_leaves_one_connection() {
    let mut kept = BTreeSet::new();
    for ours in [1, 2] {
        let settings = Settings { peer_id: PeerId::ours(ours), ..Settings::default() };
        let mut world = World::new(MIB, 16384, settings);
        world.learn(1);
        world.listeners.insert(addr(1), world.seed(0));
        let theirs = PeerId::ours(3 - ours);
        let (out, inn) = (ConnKey(100), ConnKey(101));
        let called = SocketAddr::new(addr(1).ip(), 40_000);
        world.swarm.handle(
            world.now,
            Input::Handshaken {
                conn: out,
                peer: Some(PeerKey(0)),
                addr: addr(1),
                peer_id: theirs,
                so_far: Vec::new(),
            },
        );
        world.swarm.handle(
            world.now,
            Input::Handshaken { conn: inn, peer: None, addr: called, peer_id: theirs, so_far: Vec::new() },
        );
        let closed: Vec<ConnKey> = std::iter::from_fn(|| world.swarm.poll())
            .filter_map(
                |action| if let Action::Order(conn, Order::Close(_)) = action { Some(conn) } else { None },
            )
            .filter(|conn| [out, inn].contains(conn))
            .collect();
        assert_eq!(closed.len(), 1);
        kept.insert(if closed[0] == out { "theirs" } else { "ours" });
    }
    assert_eq!(kept.len(), 2, "the two ends keep the same connection");
}
