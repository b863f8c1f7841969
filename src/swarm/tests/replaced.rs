//! Who gives way when every place is taken.

use super::*;

const PLACES: u16 = 10;

fn limited() -> Settings {
    Settings { max_peers: usize::from(PLACES), ..Settings::default() }
}

/// What a caller says of itself.
#[derive(Clone, Copy, Default)]
struct Caller {
    has: bool,
    unchokes: bool,
    interested: bool,
}

impl World {
    /// Somebody calls from the address; its connection.
    fn call(&mut self, n: u16, caller: Caller) -> ConnKey {
        let conn = ConnKey(self.next_conn);
        self.next_conn += 1;
        let id = PeerId::ours(1000 + u64::from(n));
        let so_far = vec![(self.now, Step::Connected)];
        self.tell(Input::Handshaken { conn, peer: None, addr: addr(n), peer_id: id, so_far });
        let count = self.geometry.piece_count();
        let has = if caller.has { Bitfield::full(count) } else { Bitfield::empty(count) };
        self.tell(Input::News(conn, News::Has(has)));
        if caller.unchokes {
            self.tell(Input::News(conn, News::Unchoked));
        }
        if caller.interested {
            self.tell(Input::News(conn, News::Interested(true)));
        }
        conn
    }

    fn fill(&mut self, caller: Caller) -> Vec<ConnKey> {
        (0..PLACES).map(|n| self.call(100 + n, caller)).collect()
    }

    /// The connections told to close because of another, since it was asked last. They are closed.
    fn replaced(&mut self) -> Vec<ConnKey> {
        let closing = self.swarm.live.iter().filter(|(_, live)| live.closing).map(|(conn, _)| *conn);
        let closing: Vec<ConnKey> = closing.collect();
        let end = Closed { cause: Cause::Replaced, error: None, detail: None, bytes_in: 0, bytes_out: 0 };
        for conn in &closing {
            self.tell(Input::Closed(*conn, end.clone()));
        }
        closing
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += SECOND;
            self.tell(Input::Tick);
        }
    }

    fn is_in(&self, conn: ConnKey) -> bool {
        self.swarm.live.get(&conn).is_some_and(|live| !live.closing)
    }
}

const IDLE: Caller = Caller { has: false, unchokes: false, interested: false };
const CHOKES: Caller = Caller { has: true, ..IDLE };
const SILENT: Caller = Caller { has: true, unchokes: true, interested: false };
const WAITS: Caller = Caller { interested: true, ..IDLE };

#[test]
fn who_is_of_no_use_gives_way_to_the_next_who_calls() {
    let mut world = World::new(1 << 20, 16384, limited());
    let idle = world.fill(IDLE);
    world.pass(30);
    let early = world.call(1, SILENT);
    assert!(!world.is_in(early), "nobody was idle for long");
    world.replaced();
    world.pass(40);
    let good = world.call(2, SILENT);
    assert!(world.is_in(good));
    assert_eq!(world.replaced(), idle[..1], "one for one, the first to come");
    assert!(
        world.events.iter().any(|event| matches!(event, Event::AttemptEnded { cause: Cause::Replaced, .. }))
    );
    assert_eq!(world.swarm.live.len(), usize::from(PLACES));
}

#[test]
fn where_there_is_room_nobody_gives_way() {
    let mut world = World::new(1 << 20, 16384, limited());
    let idle: Vec<ConnKey> = (0..PLACES - 1).map(|n| world.call(100 + n, IDLE)).collect();
    world.pass(3600);
    world.call(1, SILENT);
    assert_eq!(world.replaced(), []);
    assert!(idle.iter().all(|conn| world.is_in(*conn)));
}

#[test]
fn who_may_be_of_use_keeps_its_place_for_longer() {
    for (caller, early, late) in [(IDLE, 55, 65), (SILENT, 110, 125), (CHOKES, 290, 305), (WAITS, 110, 125)] {
        let settings = Settings { upload_slots: UploadSlots::Fixed(3), ..limited() };
        let mut world = World::new(1 << 20, 16384, settings);
        let taken = world.fill(caller);
        for conn in &taken {
            // Whoever was granted blocks owes them from now on.
            let owes = world.swarm.picker.asked_of(*conn).len() as u32;
            let window = WindowState { outstanding: owes, target: 64, ..WindowState::default() };
            world.tell(Input::News(*conn, News::Window { blocks: 0, window }));
        }
        world.pass(early);
        let first = world.call(1, IDLE);
        assert!(!world.is_in(first), "{early}");
        world.replaced();
        world.pass(late - early);
        let second = world.call(2, IDLE);
        assert!(world.is_in(second), "{late}");
    }
}

#[test]
fn who_sends_or_takes_keeps_its_place_and_a_byte_now_and_then_is_neither() {
    for (bps, seconds, keeps) in [(200, 600, true), (1, 600, false), (200, 1000, true)] {
        for taking in [false, true] {
            // Who takes and sends nothing keeps a place for a quarter of an hour.
            let keeps = keeps && !(taking && seconds > 900);
            let mut world = World::new(1 << 20, 16384, limited());
            let taken = world.fill(if taking { WAITS } else { SILENT });
            for _ in 0..seconds {
                world.pass(1);
                for conn in &taken {
                    let (down_bps, up_bps) = if taking { (0, bps) } else { (bps, 0) };
                    let sample = PeerSample { down_bps, up_bps, requests_out: 2, ..PeerSample::default() };
                    world.tell(Input::News(*conn, News::Sample(sample)));
                }
            }
            let next = world.call(1, SILENT);
            assert_eq!(!world.is_in(next), keeps, "{bps} {taking} {seconds}");
        }
    }
}

#[test]
fn choking_and_unchoking_is_no_use() {
    let mut world = World::new(1 << 20, 16384, limited());
    let taken = world.fill(SILENT);
    for _ in 0..130 {
        world.pass(1);
        for conn in &taken {
            world.tell(Input::News(*conn, News::Choked));
            world.tell(Input::News(*conn, News::Unchoked));
            let sample = PeerSample { requests_out: 2, ..PeerSample::default() };
            world.tell(Input::News(*conn, News::Sample(sample)));
        }
    }
    let next = world.call(1, IDLE);
    assert!(world.is_in(next));
}

#[test]
fn whom_the_user_holds_or_added_keeps_its_place() {
    let mut world = World::new(1 << 20, 16384, Settings { max_peers: 2, ..Settings::default() });
    world.add(1, Script { bps: 0, ..world.seed(0) });
    world.pass(1);
    let held = world.call(2, IDLE);
    let peer = world.swarm.live[&held].peer;
    world.tell(Input::Command(Command::Hold(peer)));
    assert_eq!(world.swarm.live.len(), 2);
    world.pass(3600);
    let next = world.call(3, SILENT);
    assert!(!world.is_in(next) && world.is_in(held));
}

#[test]
fn an_address_takes_a_place_when_it_turns_out_to_be_a_peer() {
    let mut world = World::new(1 << 20, 16384, limited());
    let idle = world.fill(IDLE);
    let source = Source::Tracker(TrackerKey(0));
    world.pass(61);
    // Nobody is at the first hundred of them.
    for n in 200..300 {
        world.tell(Input::Learned { addr: addr(n), source });
    }
    assert!(idle.iter().all(|conn| world.is_in(*conn)), "nobody gives way to an address");
    let good = addr(300);
    world.listeners.insert(good, world.seed(1 << 20));
    world.tell(Input::Learned { addr: good, source });
    for _ in 0..120 {
        world.pass(1);
        world.replaced();
    }
    assert!(world.swarm.live.values().any(|live| live.addr == good));
    let left = idle.iter().filter(|conn| world.is_in(**conn)).count();
    assert_eq!(left, usize::from(PLACES) - 1);
}

#[test]
fn who_gave_way_does_not_take_the_place_of_the_next_at_once() {
    let mut world = World::new(1 << 20, 16384, limited());
    let source = Source::Tracker(TrackerKey(0));
    for n in 0..3 * PLACES {
        world.listeners.insert(addr(n), Script { has: Bitfield::empty(64), ..world.seed(0) });
        world.tell(Input::Learned { addr: addr(n), source });
    }
    world.pass(1800);
    let replaced = world.closed.iter().filter(|(_, cause)| *cause == Cause::Replaced).count();
    // Each has had its chance, and nobody came again sooner than in a quarter of an hour.
    assert!((usize::from(2 * PLACES)..=usize::from(5 * PLACES)).contains(&replaced), "{replaced}");
}
