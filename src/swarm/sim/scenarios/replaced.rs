//! Who gives way when every place is taken.

use super::super::client::end;
use super::one::{One, addr};
use super::*;
use crate::event::{Event, PeerSample, Source, TrackerKey};
use crate::peer::News;
use crate::swarm::{ConnKey, Input, UploadSlots, WindowState};

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

impl One {
    /// A call from the address is told of; its connection.
    fn call(&mut self, n: u16, caller: Caller) -> ConnKey {
        let conn = ConnKey(10_000 + u32::from(n));
        self.shaken(conn.0, None, addr(n), 1000 + u64::from(n));
        let count = self.geometry.piece_count();
        let has = if caller.has { Bitfield::full(count) } else { Bitfield::empty(count) };
        self.news(conn, News::Has(has));
        if caller.unchokes {
            self.news(conn, News::Unchoked);
        }
        if caller.interested {
            self.news(conn, News::Interested(true));
        }
        conn
    }

    fn fill(&mut self, caller: Caller) -> Vec<ConnKey> {
        (0..PLACES).map(|n| self.call(100 + n, caller)).collect()
    }

    /// The connections told to close because of another, since it was asked last. They are closed.
    fn replaced(&mut self) -> Vec<ConnKey> {
        let closing = self.swarm().live.iter().filter(|(_, live)| live.closing).map(|(conn, _)| *conn);
        let closing: Vec<ConnKey> = closing.collect();
        for conn in &closing {
            self.tell(Input::Closed(*conn, end(Cause::Replaced)));
        }
        closing
    }

    fn is_in(&self, conn: ConnKey) -> bool {
        self.swarm().live.get(conn).is_some_and(|live| !live.closing)
    }
}

const IDLE: Caller = Caller { has: false, unchokes: false, interested: false };
const CHOKES: Caller = Caller { has: true, ..IDLE };
const SILENT: Caller = Caller { has: true, unchokes: true, interested: false };
const WAITS: Caller = Caller { interested: true, ..IDLE };

#[test]
fn who_is_of_no_use_gives_way_to_the_next_who_calls() {
    let mut one = One::new(1 << 20, 16384, limited());
    let idle = one.fill(IDLE);
    one.run(secs(30));
    let early = one.call(1, SILENT);
    assert!(!one.is_in(early), "nobody was idle for long");
    one.replaced();
    one.run(secs(40));
    let good = one.call(2, SILENT);
    assert!(one.is_in(good));
    assert_eq!(one.replaced(), idle[..1], "one for one, the first to come");
    assert!(one.events().any(|event| matches!(event, Event::AttemptEnded { cause: Cause::Replaced, .. })));
    assert_eq!(one.swarm().live.len(), usize::from(PLACES));
}

#[test]
fn where_there_is_room_nobody_gives_way() {
    let mut one = One::new(1 << 20, 16384, limited());
    let idle: Vec<ConnKey> = (0..PLACES - 1).map(|n| one.call(100 + n, IDLE)).collect();
    one.run(secs(3600));
    one.call(1, SILENT);
    assert_eq!(one.replaced(), []);
    assert!(idle.iter().all(|conn| one.is_in(*conn)));
}

#[test]
fn who_may_be_of_use_keeps_its_place_for_longer() {
    for (caller, early, late) in [(IDLE, 55, 65), (SILENT, 110, 125), (CHOKES, 290, 305), (WAITS, 110, 125)] {
        let settings = Settings { upload_slots: UploadSlots::Fixed(3), ..limited() };
        let mut one = One::new(1 << 20, 16384, settings);
        let taken = one.fill(caller);
        for conn in &taken {
            // Whoever was granted blocks owes them from now on.
            let owes = one.swarm().picker().asked_of(*conn).len() as u32;
            let window = WindowState { outstanding: owes, target: 64, ..WindowState::default() };
            one.news(*conn, News::Window { blocks: 0, window });
        }
        one.run(secs(early));
        let first = one.call(1, IDLE);
        assert!(!one.is_in(first), "{early}");
        one.replaced();
        one.run(secs(late - early));
        let second = one.call(2, IDLE);
        assert!(one.is_in(second), "{late}");
    }
}

#[test]
fn who_sends_or_takes_keeps_its_place_and_a_byte_now_and_then_is_neither() {
    for (bps, seconds, keeps) in [(200, 600, true), (1, 600, false), (200, 1000, true)] {
        for taking in [false, true] {
            // Who takes and sends nothing keeps a place for a quarter of an hour.
            let keeps = keeps && !(taking && seconds > 900);
            let mut one = One::new(1 << 20, 16384, limited());
            let taken = one.fill(if taking { WAITS } else { SILENT });
            for _ in 0..seconds {
                one.run(secs(1));
                for conn in &taken {
                    let (down_bps, up_bps) = if taking { (0, bps) } else { (bps, 0) };
                    let sample = PeerSample { down_bps, up_bps, requests_out: 2, ..PeerSample::default() };
                    one.news(*conn, News::Sample(sample));
                }
            }
            let next = one.call(1, SILENT);
            assert_eq!(!one.is_in(next), keeps, "{bps} {taking} {seconds}");
        }
    }
}

#[test]
fn choking_and_unchoking_is_no_use() {
    let mut one = One::new(1 << 20, 16384, limited());
    let taken = one.fill(SILENT);
    for _ in 0..130 {
        one.run(secs(1));
        for conn in &taken {
            one.news(*conn, News::Choked);
            one.news(*conn, News::Unchoked);
            let sample = PeerSample { requests_out: 2, ..PeerSample::default() };
            one.news(*conn, News::Sample(sample));
        }
    }
    let next = one.call(1, IDLE);
    assert!(one.is_in(next));
}

#[test]
fn whom_the_user_holds_or_added_keeps_its_place() {
    let mut one = One::new(1 << 20, 16384, Settings { max_peers: 2, ..Settings::default() });
    one.add(1, Script { bps: 0, ..one.seed(0) });
    one.run(secs(1));
    let held = one.call(2, IDLE);
    let peer = one.swarm().live.get(held).unwrap().peer;
    one.wish(Command::Hold(peer));
    assert_eq!(one.swarm().live.len(), 2);
    one.run(secs(3600));
    let next = one.call(3, SILENT);
    assert!(!one.is_in(next) && one.is_in(held));
}

#[test]
fn an_address_takes_a_place_when_it_turns_out_to_be_a_peer() {
    let mut one = One::new(1 << 20, 16384, limited());
    let idle = one.fill(IDLE);
    let source = Source::Tracker(TrackerKey(0));
    one.run(secs(61));
    // Nobody is at the first hundred of them.
    for n in 200..300 {
        one.tell(Input::Learned { addr: addr(n), source });
    }
    assert!(idle.iter().all(|conn| one.is_in(*conn)), "nobody gives way to an address");
    let good = addr(300);
    one.listen(300, one.seed(2 * KIB));
    one.tell(Input::Learned { addr: good, source });
    for _ in 0..120 {
        one.run(secs(1));
        one.replaced();
    }
    assert!(one.swarm().live.iter().any(|(_, live)| live.addr == good));
    let left = idle.iter().filter(|conn| one.is_in(**conn)).count();
    assert_eq!(left, usize::from(PLACES) - 1);
}

#[test]
fn who_gave_way_does_not_take_the_place_of_the_next_at_once() {
    let mut one = One::new(1 << 20, 16384, limited());
    let source = Source::Tracker(TrackerKey(0));
    for n in 0..3 * PLACES {
        one.listen(n, Script { has: Some(Vec::new()), ..one.seed(0) });
        one.tell(Input::Learned { addr: addr(n), source });
    }
    one.run(secs(1800));
    let replaced = one.ended().iter().filter(|(_, cause)| *cause == Cause::Replaced).count();
    // Each has had its chance, and nobody came again sooner than in a quarter of an hour.
    assert!((usize::from(2 * PLACES)..=usize::from(5 * PLACES)).contains(&replaced), "{replaced}");
}
