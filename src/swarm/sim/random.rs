//! Swarms put together at random, each from its seed, and what happens to them.

use super::runs;
use super::world::Reach;
use super::*;
use crate::command::Command;
use crate::event::{Event, PeerKey, Phase, Source, TrackerKey, Transport};
use crate::metainfo::FilePriority::{High, Low, Normal, Skip};
use crate::metainfo::address::Scope;
use crate::swarm::{Input, TransportPolicy, UploadSlots};
use crate::wire::ExtensionHandshake;

/// Runs in an ordinary test, and the same for every machine.
const QUICK_RUNS: u64 = 40;
/// Swarms that failed once: the first four because a peer that refused everything, or sent little, kept to itself a
/// piece that had failed its check, the fifth because such a piece was begun anew whenever its only peer refused a
/// block; the tenth because a peer that lost its only block to another waited for the next look; the last two because a
/// block that was granted again came late and was asked for all the same, and because a pause went on serving what had
/// been allowed in spite of a choke; the others because the simulated disk, or a simulated peer, did what no real one
/// does.
const FAILED_ONCE: [u64; 12] = [
    287_860_617_987_229_185,
    379_420_933_570_380_258,
    9_156_148_445_961_173_283,
    4_216_527_834_756_615_584,
    2_471_057_691_965_945_290,
    5_650_794_407_830_027_106,
    3_101_408_391_088_091_361,
    7_855_728_425_424_933_140,
    287_554_615_863_199_756,
    951_688_664_351_152_103,
    5_896_865_147_542_383_512,
    4_101_255_720_689_090_039,
];
/// Simulated time in which one honest seed must be enough.
const ENOUGH: Duration = secs(3600);
/// How long it may wait for a place.
const PLACE_AFTER: Duration = secs(12 * 3600);
const STEP: Duration = secs(5);
/// So often something happens before it must complete.
pub(crate) const TURNS: usize = 60;

/// The seeds of a test's runs.
pub(crate) fn seeds() -> Vec<u64> {
    runs::seeds(QUICK_RUNS, &FAILED_ONCE)
}

pub(super) fn script(random: &mut fastrand::Rng, geometry: Geometry) -> Script {
    let bps = random.choice([1, 2 * KIB, 40 * KIB, 300 * KIB, 3 * MIB]).unwrap_or(1);
    let (salt, share) = (random.u32(..1000), random.u32(1..11));
    let mut script = match random.u8(..4) {
        0 => Script::with(geometry, bps, move |piece| (piece.number() * 37 + salt) % 10 < share),
        1 => Script {
            takes: true,
            ..Script::with(geometry, bps, move |piece| (piece.number() + salt) % 10 < share)
        },
        _ => Script::seed(geometry, bps),
    };
    let some = |random: &mut fastrand::Rng, one_in: u8| random.u8(..one_in) == 0;
    let soon = |random: &mut fastrand::Rng, most_ms: u64| ms(random.u64(1..most_ms));
    if some(random, 3) {
        script.unchokes = if random.bool() { None } else { Some(soon(random, 30_000)) };
    }
    if some(random, 4) {
        script.lies_every = Some(random.u32(1..20));
    }
    if some(random, 4) {
        script.silent_after = Some(random.u32(..60));
    }
    if some(random, 5) {
        script.flickers = Some((soon(random, 9_000), soon(random, 9_000)));
    }
    if some(random, 5) {
        script.leaves_after = Some(soon(random, 60_000));
    }
    if some(random, 6) {
        script.rejects_every = Some(random.u32(1..8));
    }
    script.ignores_cancel = some(random, 5);
    if some(random, 12) {
        script.repeats_every = Some(random.u32(1..30));
    }
    if some(random, 4) {
        script.gains = Some((soon(random, 5_000), random.u32(1..6)));
    }
    if some(random, 10) {
        script.floods = Some((soon(random, 1_000), random.usize(1..1500)));
    }
    script.mute = some(random, 6);
    script.fast = salt % 2 == 0 || script.rejects_every.is_some();
    script
}

fn link(random: &mut fastrand::Rng) -> Link {
    Link {
        latency: ms(random.u64(1..400)),
        bps: random.choice([u64::MAX, MIB, 60 * KIB]).unwrap_or(u64::MAX),
        breaks: (random.u8(..3) == 0).then(|| secs(random.u64(2..120))),
    }
}

fn disk(random: &mut fastrand::Rng) -> Disk {
    match random.u8(..4) {
        0 => Disk::slow(random.u64(100 * KIB..4 * MIB)),
        1 => Disk::with_room(random.u64(..4 * MIB)),
        _ => Disk::quick(),
    }
}

/// A world at random: its client, and everybody it knows.
fn build(seed: u64) -> (World, NodeKey, Vec<NodeKey>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let lengths =
        [(3 * MIB + 5, 65_536), (40 * 40_000, 40_000), (10, 16_384), (6 << 20, 2 << 20), (700_000, 1024)];
    let (total, piece) = random.choice(lengths).unwrap_or((10, 16_384));
    let mut world = World::new(total, piece, seed);
    world.of_seed = true;
    let mut trackers: Vec<tracker::Tracker> =
        (0..random.usize(..3)).map(|_| tracker::Tracker::naming(Vec::new())).collect();
    trackers.iter_mut().for_each(|tracker| tracker.up = random.bool());
    world.trackers = trackers;
    let settings = Settings {
        memory_bytes: random.choice([64 * KIB, 400_000, 24 * MIB]).unwrap_or(MIB),
        max_peers: random.choice([2, 5, 200]).unwrap_or(200),
        down_bps: random.choice([None, None, None, Some(200_000)]).flatten(),
        upload_slots: UploadSlots::Fixed(random.usize(..5)),
        ..Settings::default()
    };
    let mut ways = ways_of(seed);
    let transport = ways.as_mut().map_or(TransportPolicy::Tcp, transports);
    let client = world.client(random.u64(..2 * MIB), Settings { transport, ..settings });
    world.at_mut(client).disk = disk(&mut random);
    let others: Vec<NodeKey> = (0..random.u16(1..14))
        .map(|n| {
            let (script, link) = (script(&mut random, world.geometry), link(&mut random));
            let node = world.fake_over(script, link);
            if random.u8(..6) == 0 {
                world.move_to(node, SocketAddr::from(([8, 8, 4, 4], 7000 + n)));
            }
            world.reach(
                node,
                random
                    .choice([Reach::Answers, Reach::Answers, Reach::Answers, Reach::Dark, Reach::Refuses])
                    .unwrap_or(Reach::Dark),
            );
            node
        })
        .collect();
    (world, client, others)
}

/// What transports are used, by chance of their own: the seeds that failed once know of TCP alone.
fn ways_of(seed: u64) -> Option<fastrand::Rng> {
    (!FAILED_ONCE.contains(&seed)).then(|| fastrand::Rng::with_seed(seed.rotate_left(48)))
}

fn transports(random: &mut fastrand::Rng) -> TransportPolicy {
    use TransportPolicy::{Both, Tcp, Utp};
    random.choice([Both, Both, Both, Tcp, Utp]).unwrap_or_default()
}

/// A swarm at random, and what the user and the world do to it.
pub(crate) struct RandomRun {
    world: World,
    client: NodeKey,
    others: Vec<NodeKey>,
    random: fastrand::Rng,
    /// What strangers do, by chance of their own: the seeds that failed once are without them.
    strange: Option<fastrand::Rng>,
    /// Which files the user chooses, where any are chosen.
    chooses: Option<fastrand::Rng>,
    /// Over what others are reached, where not all are over everything.
    ways: Option<fastrand::Rng>,
}

impl RandomRun {
    pub(crate) fn new(seed: u64) -> Self {
        let (world, client, others) = build(seed);
        let random = fastrand::Rng::with_seed(!seed);
        let strange = (!FAILED_ONCE.contains(&seed)).then(|| fastrand::Rng::with_seed(seed.rotate_left(32)));
        Self { world, client, others, random, strange, chooses: None, ways: ways_of(seed) }
    }

    /// All that is learned is kept for [`Self::learned`], and what costs much is looked at once a second.
    pub(crate) fn listened_to(mut self) -> Self {
        self.world.at_mut(self.client).keeps_all = true;
        self.world.thorough = false;
        self
    }

    /// The user chooses files time and again.
    fn choosing(mut self, seed: u64) -> Self {
        self.chooses = Some(fastrand::Rng::with_seed(seed.rotate_left(16)));
        self
    }

    pub(crate) fn now(&self) -> At {
        self.world.now
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.world.geometry
    }

    pub(crate) fn swarm(&self) -> &Swarm {
        &self.world.at(self.client).swarm
    }

    pub(crate) fn connections(&self) -> usize {
        self.world.connections(self.client)
    }

    /// What was learned since it was asked last.
    pub(crate) fn learned(&mut self) -> Vec<(At, Event)> {
        self.world.forget(self.client)
    }

    pub(crate) fn wish(&mut self, command: Command) {
        self.world.wish(self.client, command);
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.world.run(time);
    }

    /// Something happens, and some time goes by.
    pub(crate) fn turn(&mut self) {
        self.ordinary();
        self.stranger();
        self.choice();
        self.way();
        let time = self.random.choice([1, 50, 900, 7_000]).unwrap_or(1);
        self.world.run(ms(time));
    }

    /// Something the user or the world does.
    fn ordinary(&mut self) {
        let Self { world, client, others, random, .. } = self;
        let client = *client;
        let other = others[random.usize(..others.len())];
        let peer = PeerKey(random.u32(..others.len() as u32 + 2));
        match random.u8(..24) {
            0..=5 => world.introduce(client, other),
            6..=8 => world.call(other, client),
            9 => world.cut(other),
            10 => world.cut(client),
            11 => world.reach(
                other,
                random.choice([Reach::Answers, Reach::Dark, Reach::Refuses]).unwrap_or(Reach::Dark),
            ),
            12 => world.wish(client, Command::Pause),
            13 | 14 => world.wish(client, Command::Resume),
            15 => world.wish(client, Command::Hold(peer)),
            16 => world.wish(client, Command::Drop(peer)),
            17 => world.wish(client, Command::Ban(peer)),
            18 => world.wish(client, Command::Retry(peer)),
            19 => world.wish(client, Command::Undo),
            20 => {
                let until = world.now + ms(random.u64(..20_000));
                world.at_mut(client).disk.fails_until = until;
            }
            21 => world.trackers.iter_mut().for_each(|tracker| tracker.up = !tracker.up),
            22 => {
                let down_bps = random.choice([None, Some(30_000), Some(2_000_000)]).flatten();
                world.wish(client, Command::Limit { down_bps, up_bps: None });
            }
            _ => world.at_mut(client).disk.room_bytes = random.u64(..8 * MIB),
        }
    }

    /// Something those do who are not what they say, or whom several name.
    fn stranger(&mut self) {
        let Some(random) = &mut self.strange else { return };
        let (world, client) = (&mut self.world, self.client);
        let other = self.others[random.usize(..self.others.len())];
        let addr = SocketAddr::new(world.addr(other).ip(), random.u16(6995..7015));
        // Whom the user adds keeps a place for good: nobody is there.
        let source = [Source::Tracker(TrackerKey(2)), Source::Resume, Source::Tracker(TrackerKey(1))]
            [random.usize(..3)];
        match random.u8(..9) {
            0 => {
                let (tracker, scope) = (TrackerKey(3), Scope::Public);
                world.tell(client, Input::Reached { tracker, scope, seen_at: None });
                let source = Source::Tracker(tracker);
                world.tell(client, Input::Learned { addr: world.addr(other), source });
            }
            1 => world.tell(client, Input::Learned { addr: world.addr(other), source }),
            2 => world.wish(client, Command::AddPeer(SocketAddr::new(addr.ip(), addr.port() - 1000))),
            3 => {
                world.tell(client, Input::IncomingFailed { addr: addr.ip(), cause: Cause::HandshakeTimeout })
            }
            // It is somebody else from now on: another of them, or ourselves.
            4 => {
                let like = self.others[random.usize(..self.others.len())];
                world.call_itself(other, if random.bool() { client } else { like });
            }
            // It listens elsewhere, and may want nothing any more.
            5 | 6 => {
                let upload_only = random.choice([None, Some(false), Some(true)]).flatten();
                let (listen_port, rest) = (Some(addr.port()), ExtensionHandshake::default());
                let says = ExtensionHandshake { listen_port, upload_only, ..rest };
                world.say(other, &Message::Extended { id: 0, payload: says.encode().into() });
            }
            7 if random.u8(..8) == 0 => {
                world.wish(client, Command::Limit { down_bps: Some(0), up_bps: None })
            }
            _ => {
                let piece = random.u32(..world.geometry.piece_count());
                world.allow_fast(other, piece);
            }
        }
    }

    /// The user wants other files, or in another order.
    fn choice(&mut self) {
        let Some(random) = self.chooses.as_mut() else { return };
        let files = self.world.at(self.client).files.len() as u32;
        let command = match random.u8(..12) {
            0..6 => return,
            6 => Command::InOrder(random.bool()),
            7 => Command::Undo,
            _ => {
                let (from, priorities) = (random.u32(..files), [Skip, Skip, Low, Normal, High]);
                let priority = random.choice(priorities).unwrap_or_default();
                Command::Choose { from, to: random.u32(from + 1..=files), priority }
            }
        };
        self.world.wish(self.client, command);
    }

    /// Somebody is reached over another transport, or not as soon.
    fn way(&mut self) {
        let Some(random) = &mut self.ways else { return };
        let other = self.others[random.usize(..self.others.len())];
        let transport = if random.bool() { Transport::Tcp } else { Transport::Utp };
        let otherwise =
            [Cause::ConnectTimeout, Cause::ConnectionRefused, Cause::LocalError][random.usize(..3)];
        match random.u8(..6) {
            0 | 1 => self.world.reach(other, Reach::Over(transport, otherwise)),
            2 => self.world.slow_over_tcp(other, ms(random.u64(..1_000))),
            3 => self.world.reach(other, Reach::Answers),
            _ => {}
        }
    }

    /// Whatever happened, one honest seed is enough to complete once it has a place, while everybody else goes on as
    /// before. Those who send a little keep theirs, so that it may have to wait for one; the user lets go of those held.
    pub(crate) fn must_complete(&mut self, mut each: impl FnMut(&mut Self)) {
        let client = self.client;
        self.mend();
        let seed = self.world.fake(Script::seed(self.world.geometry, MIB));
        let (mut left, mut may_wait) = (ENOUGH, PLACE_AFTER);
        while !self.world.at(client).is_complete() {
            let world = &mut self.world;
            if left.is_zero() || may_wait.is_zero() {
                eprintln!("{}", world.at(client).describe(world.now));
                let have = world.at(client).written.count();
                panic!("{have} pieces of {}, {may_wait:?} left to wait", world.geometry.piece_count());
            }
            if matches!(world.at(client).swarm.phase(), Phase::Paused | Phase::Stopped) {
                world.wish(client, Command::Resume);
            }
            if world.neighbours(client).contains(&seed) {
                left = left.saturating_sub(STEP);
            } else {
                may_wait = may_wait.saturating_sub(STEP);
                world.call(seed, client);
            }
            world.run(STEP);
            each(self);
        }
    }

    fn mend(&mut self) {
        let client = self.world.at_mut(self.client);
        client.disk = std::mem::replace(&mut client.disk, Disk::quick()).mended();
        let held = client.swarm.live.iter().filter(|(_, live)| live.held).map(|(_, live)| live.peer);
        let held: Vec<PeerKey> = held.collect();
        self.wish(Command::Limit { down_bps: None, up_bps: None });
        held.into_iter().for_each(|peer| self.wish(Command::Hold(peer)));
    }
}

#[test]
fn holds_and_completes_whatever_the_swarm_is_made_of() {
    for seed in seeds() {
        let mut run = RandomRun::new(seed);
        (0..TURNS).for_each(|_| run.turn());
        run.must_complete(|_| {});
    }
}

#[test]
fn completes_what_is_wanted_whichever_files_are_chosen_meanwhile_and_the_rest_when_it_is() {
    for seed in seeds() {
        let mut run = RandomRun::new(seed).choosing(seed);
        (0..TURNS).for_each(|_| run.turn());
        run.chooses = None;
        run.must_complete(|_| {});
        let files = run.world.at(run.client).files.len() as u32;
        run.wish(Command::Choose { from: 0, to: files, priority: Normal });
        run.must_complete(|_| {});
        assert!(run.world.at(run.client).written.is_full(), "everything was wanted at last");
    }
}
