use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::*;
use crate::command::Command;
use crate::event::{
    AnnounceKind, Announced, Encryption, Finder, PeerInfo, Side, Source, TrackerError, TrackerKey, Transport,
};
use crate::metainfo::address::Scope;
use crate::metainfo::{InfoHash, PeerId};
use crate::peer::{MetadataNews, News, Step};
use crate::swarm::announce::{self, Output, Ticket};
use crate::swarm::peer_table::Standing;
use crate::swarm::{Action, Closed, EncryptionPolicy, Input, Order, Swarm, TransportPolicy};
use crate::wire::METADATA_NAME;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

fn settings() -> Settings {
    of(30 * S, 100)
}

fn of(until: Duration, most_open: usize) -> Settings {
    Settings {
        peer_id: PeerId(*b"-Tu0100-mmmmmmmmmmmm"),
        encryption: EncryptionPolicy::Off,
        transport: TransportPolicy::Tcp,
        seed: 1,
        ..Settings::of_check(until, most_open)
    }
}

fn addr(n: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, (n >> 8) as u8, n as u8], 6881))
}

/// A check in virtual time, and all it did.
struct Run {
    swarm: Swarm,
    now: At,
    done: Vec<(At, Action)>,
    announced: Vec<(TrackerKey, AnnounceKind, Ticket)>,
    next_conn: u32,
}

impl Run {
    fn new(settings: Settings, trackers: &[&str]) -> Self {
        let geometry = Geometry::new(10 << 20, 32 << 10).unwrap();
        Self::with(settings, trackers, geometry)
    }

    fn with(settings: Settings, trackers: &[&str], geometry: Geometry) -> Self {
        let trackers = trackers.iter().map(|url| vec![(*url).to_owned()]).collect();
        let settings = Settings { trackers, ..settings };
        let have = Bitfield::empty(geometry.piece_count());
        Self::of_swarm(Swarm::new(At::ZERO, geometry, have, settings))
    }

    fn of_swarm(swarm: Swarm) -> Self {
        let mut run = Self { swarm, now: At::ZERO, done: Vec::new(), announced: Vec::new(), next_conn: 0 };
        // Peers are named before it is known that no tracker is asked.
        run.drain();
        run
    }

    fn drain(&mut self) {
        while let Some(action) = self.swarm.poll() {
            match action {
                Action::Announce(output) => {
                    self.announce(output);
                    continue;
                }
                Action::Finished => self.tell(Input::Command(Command::Quit)),
                _ => {}
            }
            self.done.push((self.now, action));
        }
    }

    fn announce(&mut self, output: Output) {
        match output {
            Output::Announce { ticket, tracker, kind, .. } => self.announced.push((tracker, kind, ticket)),
            Output::Abandon(_) => {}
            Output::Emit(at, event) => self.done.push((self.now, Action::Emit(at, event))),
        }
    }

    fn tell(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
        self.swarm.handle(self.now, Input::Tick);
        self.drain();
    }

    fn hear(&mut self, tracker: u16, outcome: Result<Announced, TrackerError>) {
        let told = self.announced.iter().find(|(to, ..)| to.0 == tracker);
        let ticket = told.expect("it was asked").2;
        let input = match outcome {
            Ok(answer) => {
                announce::Input::Answered { ticket, answer, min_interval_s: None, tracker_id: None }
            }
            Err(error) => announce::Input::Failed { ticket, error, text: String::new() },
        };
        self.tell(Input::Announced(input));
    }

    fn is_over(&self) -> bool {
        self.swarm.check.as_ref().is_some_and(Check::is_ending) && self.swarm.live.len() == 0
    }

    /// Lets time pass, waking it whenever it wants to be woken.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while self.swarm.deadline() <= until && !self.is_over() {
            self.now = self.now.max(self.swarm.deadline());
            self.tell(Input::Tick);
            assert!(self.swarm.deadline() > self.now || self.is_over(), "it would spin");
        }
        self.now = until;
    }

    fn rows(&self) -> usize {
        self.swarm.peer_table.rows()
    }

    fn learn(&mut self, n: u16) {
        self.tell(Input::Learned { addr: addr(n), source: Source::Manual });
    }

    fn dials(&self) -> Vec<(At, PeerKey, Encryption)> {
        let dials = self.done.iter().filter_map(|(at, action)| match action {
            Action::Dial { peer, way, .. } => Some((*at, *peer, way.encryption)),
            _ => None,
        });
        dials.collect()
    }

    /// Over what was dialled, one after the other.
    fn ways(&self) -> Vec<Transport> {
        let dials = self.done.iter().filter_map(|(_, action)| match action {
            Action::Dial { way, .. } => Some(way.transport),
            _ => None,
        });
        dials.collect()
    }

    fn events(&self) -> Vec<&Event> {
        let events = self.done.iter().filter_map(|(_, action)| match action {
            Action::Emit(_, event) => Some(event),
            _ => None,
        });
        events.collect()
    }

    fn orders(&self, conn: ConnKey) -> Vec<&Order> {
        let orders = self.done.iter().filter_map(|(_, action)| match action {
            Action::Order(to, order) if *to == conn => Some(order),
            _ => None,
        });
        orders.collect()
    }

    fn granted(&self, conn: ConnKey) -> Vec<BlockRef> {
        let grants = self.orders(conn).into_iter().filter_map(|order| match order {
            Order::Grant(blocks) => Some(blocks.clone()),
            _ => None,
        });
        grants.into_iter().next_back().unwrap_or_default()
    }

    fn causes(&self) -> Vec<(PeerKey, Cause)> {
        let ends = self.events().into_iter().filter_map(|event| match event {
            Event::AttemptEnded { peer, cause, .. } => Some((*peer, *cause)),
            _ => None,
        });
        ends.collect()
    }

    fn fail(&mut self, peer: PeerKey, cause: Cause) {
        self.tell(Input::DialFailed { peer, transport: Transport::Tcp, end: Closed::because(cause) });
    }

    fn shake(&mut self, peer: Option<PeerKey>, from: SocketAddr, id: &[u8; 20]) -> ConnKey {
        self.shake_over(Transport::Tcp, peer, from, id)
    }

    fn shake_over(
        &mut self,
        transport: Transport,
        peer: Option<PeerKey>,
        from: SocketAddr,
        id: &[u8; 20],
    ) -> ConnKey {
        let conn = ConnKey(self.next_conn);
        self.next_conn += 1;
        let so_far = vec![(self.now, Step::Connected), (self.now, Step::Received(vec![0; 68]))];
        if let Some(peer) = peer {
            self.tell(Input::Step { peer, transport, at: self.now, step: Step::Connected });
        }
        self.tell(Input::Handshaken { conn, peer, transport, addr: from, peer_id: PeerId(*id), so_far });
        conn
    }

    /// A dialled peer shakes hands, has everything and unchokes.
    fn serve(&mut self, peer: PeerKey, id: &[u8; 20]) -> ConnKey {
        let conn = self.shake(Some(peer), addr(1), id);
        let count = self.swarm.geometry().unwrap().piece_count();
        self.tell(Input::News(conn, News::Has(Bitfield::full(count))));
        self.tell(Input::News(conn, News::Unchoked));
        conn
    }

    /// A block comes; whether it was missing.
    fn arrives(&mut self, conn: ConnKey, block: BlockRef) -> bool {
        let before = self.done.len();
        self.tell(Input::Block(conn, block));
        self.done[before..].contains(&(self.now, Action::Keep(conn, block)))
    }

    /// Those that are told `stopped`.
    fn goodbyes(&mut self) -> Vec<u16> {
        let announcer = &mut self.swarm.announcer;
        announcer.handle(self.now, announce::Input::Stop);
        let outputs: Vec<Output> = std::iter::from_fn(|| announcer.poll()).collect();
        outputs.into_iter().for_each(|output| self.announce(output));
        let stopped = self.announced.iter().filter(|(_, kind, _)| *kind == AnnounceKind::Stopped);
        stopped.map(|(tracker, ..)| tracker.0).collect()
    }

    fn merges(&self) -> Vec<(PeerKey, PeerKey)> {
        let merges = self.events().into_iter().filter_map(|event| match event {
            Event::PeerMerged { gone, into } => Some((*gone, *into)),
            _ => None,
        });
        merges.collect()
    }
}

const A: &[u8; 20] = b"-AA0000-aaaaaaaaaaaa";
const Z: &[u8; 20] = b"-ZZ0000-zzzzzzzzzzzz";

#[test]
fn an_address_that_one_source_may_not_name_is_dialled_when_another_names_it() {
    let mut run = Run::new(settings(), &["http://a", "http://b"]);
    for (tracker, scope) in [(TrackerKey(0), Scope::Public), (TrackerKey(1), Scope::Private)] {
        run.tell(Input::Reached { tracker, scope, seen_at: None });
    }
    for (source, dials) in
        [(Source::Tracker(TrackerKey(0)), 0), (Source::Tracker(TrackerKey(1)), 1), (Source::Manual, 1)]
    {
        run.tell(Input::Learned { addr: addr(1), source });
        run.wait(S);
        assert_eq!(run.dials().len(), dials, "{source:?}");
    }
}

#[test]
fn dials_a_thousand_a_second_and_no_more_than_there_is_room_for() {
    let mut run = Run::new(of(30 * S, 300), &["http://t"]);
    (0..1000).for_each(|n| run.learn(n));
    assert!(run.dials().len() <= 11, "{}", run.dials().len());
    run.wait(100 * MS);
    let dials = run.dials().len();
    assert!((95..=115).contains(&dials), "{dials}");
    run.wait(S);
    assert_eq!(run.dials().len(), 300);
    run.fail(PeerKey(7), Cause::ConnectionRefused);
    run.wait(5 * MS);
    assert_eq!(run.dials().len(), 301);
}

#[test]
fn tries_encrypted_once_who_opened_and_gave_no_handshake() {
    let mut run =
        Run::new(Settings { encryption: EncryptionPolicy::PreferPlain, ..settings() }, &["http://t"]);
    let causes = [
        (Cause::ConnectionRefused, false, false),
        (Cause::ClosedBeforeHandshake, true, true),
        (Cause::HandshakeTimeout, true, true),
        (Cause::NotBittorrent, true, true),
        (Cause::InfoHashMismatch, true, false),
        (Cause::SelfConnection, true, false),
    ];
    for ((cause, opened, _), n) in causes.into_iter().zip(0..) {
        run.learn(n);
        let peer = PeerKey(n.into());
        run.wait(5 * MS);
        if opened {
            run.tell(Input::Step { peer, transport: Transport::Tcp, at: run.now, step: Step::Connected });
        }
        run.fail(peer, cause);
    }
    run.wait(50 * MS);
    for ((cause, _, again), n) in causes.into_iter().zip(0..) {
        let tries: Vec<Encryption> = run
            .dials()
            .iter()
            .filter(|(_, peer, _)| peer.0 == n)
            .map(|(.., encryption)| *encryption)
            .collect();
        let expected = if again { vec![Encryption::Plain, Encryption::Mse] } else { vec![Encryption::Plain] };
        assert_eq!(tries, expected, "{cause:?}");
    }
    run.tell(Input::Step { peer: PeerKey(1), transport: Transport::Tcp, at: run.now, step: Step::Connected });
    run.fail(PeerKey(1), Cause::EncryptionFailed);
    run.wait(50 * MS);
    assert_eq!(run.dials().iter().filter(|(_, peer, _)| peer.0 == 1).count(), 2);
}

#[test]
fn asks_for_one_piece_and_again_for_what_a_choke_took_back() {
    let mut run = Run::new(settings(), &[]);
    run.learn(1);
    let conn = run.serve(PeerKey(0), A);
    assert_eq!(run.orders(conn)[0], &Order::Interested(true));
    let blocks = run.granted(conn);
    assert_eq!(blocks.len(), 2);
    assert!(run.arrives(conn, blocks[0]));
    assert!(!run.arrives(conn, blocks[0]), "it was here already");
    run.tell(Input::News(conn, News::Choked));
    run.tell(Input::News(conn, News::Unchoked));
    assert_eq!(run.granted(conn), blocks[1..]);
    assert!(run.arrives(conn, blocks[1]));
    assert!(!run.is_over());
    run.tell(Input::Hashed(conn, true));
    assert_eq!(run.orders(conn).last(), Some(&&Order::Close(Cause::Shutdown)), "that was all");
    run.tell(Input::Closed(conn, Closed { bytes_in: 40_000, ..Closed::because(Cause::Shutdown) }));
    assert!(run.is_over());
    assert!(run.causes().is_empty(), "it was live to the end");
    let traffic = Event::Traffic { peer: PeerKey(0), bytes_in: 40_000, bytes_out: 0 };
    assert!(run.events().contains(&&traffic));
}

#[test]
fn who_gave_its_answer_over_tcp_is_tried_over_utp_as_well_once_the_connection_is_closed() {
    for (shakes_hands, ends) in [(true, vec![]), (false, vec![(PeerKey(0), Cause::ConnectTimeout)])] {
        let mut run = Run::new(Settings { transport: TransportPolicy::Both, ..settings() }, &[]);
        run.learn(1);
        let conn = run.serve(PeerKey(0), A);
        for block in run.granted(conn) {
            run.arrives(conn, block);
        }
        assert!(!run.orders(conn).contains(&&Order::Close(Cause::Shutdown)), "its piece is not hashed yet");
        run.tell(Input::Hashed(conn, true));
        assert_eq!(run.orders(conn).last(), Some(&&Order::Close(Cause::Shutdown)));
        run.wait(S);
        assert_eq!((run.ways(), run.is_over()), (vec![Transport::Tcp], false), "it is not closed yet");
        run.tell(Input::Closed(conn, Closed { bytes_in: 40_000, ..Closed::because(Cause::Shutdown) }));
        let hung_up = |bytes_in| Event::HungUp { peer: PeerKey(0), bytes_in, bytes_out: 0 };
        assert!(run.events().contains(&&hung_up(40_000)));
        assert_eq!(run.ways(), [Transport::Tcp]);
        run.wait(S);
        assert_eq!(run.ways(), [Transport::Tcp, Transport::Utp]);
        if shakes_hands {
            let again = run.shake_over(Transport::Utp, Some(PeerKey(0)), addr(1), A);
            assert_eq!(run.orders(again).last(), Some(&&Order::Close(Cause::Shutdown)), "that is all");
            run.tell(Input::Closed(again, Closed { bytes_in: 68, ..Closed::because(Cause::Shutdown) }));
            assert!(run.events().contains(&&hung_up(68)));
        } else {
            let end = Closed::because(Cause::ConnectTimeout);
            run.tell(Input::DialFailed { peer: PeerKey(0), transport: Transport::Utp, end });
        }
        assert!(run.is_over());
        assert_eq!((run.ways().len(), run.causes()), (2, ends));
    }
}

#[test]
fn whose_connection_ends_is_tried_the_other_way_unless_it_is_ourselves() {
    for (cause, dials) in [(Cause::ClosedByPeer, 2), (Cause::SelfConnection, 1)] {
        let mut run = Run::new(Settings { transport: TransportPolicy::Both, ..settings() }, &[]);
        run.learn(1);
        let conn = run.shake(Some(PeerKey(0)), addr(1), A);
        run.tell(Input::Closed(conn, Closed::because(cause)));
        run.wait(2 * S);
        assert_eq!((run.ways().len(), run.causes()), (dials, vec![(PeerKey(0), cause)]), "{cause:?}");
    }
}

#[test]
fn asks_for_a_block_of_a_long_piece_and_never_for_what_the_peer_has_not() {
    let geometry = Geometry::new(100 << 20, 8 << 20).unwrap();
    let mut run = Run::with(settings(), &[], geometry);
    run.learn(1);
    let conn = run.shake(Some(PeerKey(0)), addr(1), A);
    run.tell(Input::News(conn, News::Unchoked));
    run.tell(Input::News(conn, News::Has(Bitfield::empty(13))));
    assert!(run.granted(conn).is_empty());
    run.tell(Input::News(conn, News::Have(vec![geometry.piece(5).unwrap()])));
    let blocks = run.granted(conn);
    assert_eq!(blocks.iter().map(|block| block.piece().number()).collect::<Vec<_>>(), [5]);
    assert!(run.arrives(conn, blocks[0]));
    run.tell(Input::Tick);
    assert_eq!(run.orders(conn).last(), Some(&&Order::Close(Cause::Shutdown)));
}

#[test]
fn wrong_data_ends_the_connection() {
    let mut run = Run::new(settings(), &["http://t"]);
    run.learn(1);
    let conn = run.serve(PeerKey(0), A);
    for block in run.granted(conn) {
        run.arrives(conn, block);
    }
    run.tell(Input::Hashed(conn, false));
    assert_eq!(run.orders(conn).last(), Some(&&Order::Close(Cause::HashFailures)));
    assert!(run.events().iter().any(|event| matches!(event, Event::PieceFailed { .. })));
}

#[test]
fn waits_ten_seconds_for_a_block_and_fifteen_for_a_tracker() {
    let mut run = Run::new(settings(), &[]);
    run.learn(1);
    let conn = run.shake(Some(PeerKey(0)), addr(1), A);
    run.wait(9999 * MS);
    assert_eq!(run.orders(conn).len(), 1);
    run.wait(MS);
    assert_eq!(run.orders(conn).last(), Some(&&Order::Close(Cause::Shutdown)), "it has had its time");

    let mut run = Run::new(settings(), &["http://a", "http://b"]);
    let answer = Announced { peers: 1, ..Announced::default() };
    run.hear(0, Ok(answer));
    run.wait(14_999 * MS);
    assert!(!run.is_over());
    run.wait(MS);
    assert!(run.is_over());
    assert_eq!(run.goodbyes(), [0, 1], "the silent one may have heard us");
}

#[test]
fn a_late_unchoke_has_two_seconds_to_show_a_block_and_only_once() {
    let mut run = Run::new(settings(), &[]);
    run.learn(1);
    let conn = run.shake(Some(PeerKey(0)), addr(1), b"-TR4060-aaaaaaaaaaaa");
    run.wait(9 * S + 500 * MS);
    run.tell(Input::News(conn, News::Unchoked));
    run.wait(S);
    run.tell(Input::News(conn, News::Choked));
    run.tell(Input::News(conn, News::Unchoked));
    assert!(!run.is_over(), "ten seconds are over, and two since the unchoke are not");
    run.wait(S);
    run.tell(Input::Closed(conn, Closed::because(Cause::Shutdown)));
    assert!(run.is_over(), "the second unchoke buys no more time");
}

#[test]
fn is_over_when_all_have_failed_and_tells_failed_trackers_nothing() {
    let mut run = Run::new(settings(), &["http://a"]);
    run.learn(1);
    run.fail(PeerKey(0), Cause::ConnectionRefused);
    assert!(!run.is_over());
    run.hear(0, Err(TrackerError::Timeout));
    assert!(run.is_over());
    assert!(run.goodbyes().is_empty());
}

#[test]
fn the_dht_is_waited_for_until_its_lookups_have_ended_and_for_fifteen_seconds_at_most() {
    let look = || {
        let finders = [Finder::Dht].into();
        let mut run = Run::new(Settings { finders, ..settings() }, &[]);
        run.learn(1);
        run.fail(PeerKey(0), Cause::ConnectionRefused);
        run
    };
    let began = |family| Input::LookedUp(LookupFact::Began { family, announces: false });
    let ended = |family, answered| {
        Input::LookedUp(LookupFact::Ended { family, asked: 9, answered, peers: 0, next: None })
    };
    let mut run = look();
    run.tell(began(Family::V4));
    run.tell(began(Family::V6));
    run.tell(ended(Family::V4, 9));
    assert!(!run.is_over(), "one is under way");
    run.tell(ended(Family::V6, 9));
    assert!(run.is_over());
    let mut run = look();
    run.tell(began(Family::V4));
    run.tell(ended(Family::V4, 0));
    run.wait(14 * S);
    assert!(!run.is_over(), "bootstrap nodes may answer yet");
    run.wait(S);
    assert!(run.is_over());
    let finders = [Finder::Dht].into();
    let mut private = Run::new(Settings { finders, private: true, ..settings() }, &[]);
    private.learn(1);
    private.fail(PeerKey(0), Cause::ConnectionRefused);
    assert!(private.is_over(), "private torrents are not looked up");
}

#[test]
fn at_the_end_of_its_time_nobody_is_waited_for() {
    let mut run = Run::new(of(3 * S, 100), &["http://a"]);
    (0..3).for_each(|n| run.learn(n));
    run.wait(5 * MS);
    run.shake(Some(PeerKey(0)), addr(0), A);
    let sent = Step::Sent(vec![0; 68]);
    run.tell(Input::Step { peer: PeerKey(1), transport: Transport::Tcp, at: run.now, step: sent });
    run.wait(3 * S);
    assert_eq!(run.orders(ConnKey(0)).last(), Some(&&Order::Close(Cause::NotAnswered)));
    run.tell(Input::Closed(ConnKey(0), Closed::because(Cause::NotAnswered)));
    assert!(run.is_over());
    let all: Vec<_> = [1, 2, 0].map(|n| (PeerKey(n), Cause::NotAnswered)).to_vec();
    assert_eq!(run.causes(), all);
    let told = |event: &&Event| matches!(event, Event::AttemptEnded { peer: PeerKey(1), bytes_out: 68, .. });
    assert!(run.events().iter().any(told));
}

#[test]
fn connections_that_do_not_close_are_not_waited_for() {
    let mut run = Run::new(of(S, 100), &[]);
    run.learn(1);
    run.shake(Some(PeerKey(0)), addr(1), A);
    run.wait(S);
    assert!(!run.is_over());
    run.wait(CLOSE_WITHIN);
    assert!(run.is_over());
    assert_eq!(run.causes(), [(PeerKey(0), Cause::NotAnswered)]);
}

#[test]
fn whoever_gave_its_answer_makes_room() {
    let mut run = Run::new(of(30 * S, 1), &[]);
    (0..2).for_each(|n| run.learn(n));
    let conn = run.shake(Some(PeerKey(0)), addr(0), A);
    run.wait(9 * S);
    assert_eq!((run.dials().len(), run.orders(conn).len()), (1, 1));
    run.wait(2 * S);
    assert_eq!(run.orders(conn).last(), Some(&&Order::Close(Cause::ConnectionLimit)));
    run.tell(Input::Closed(conn, Closed::because(Cause::ConnectionLimit)));
    assert_eq!(run.dials().len(), 2);
}

#[test]
fn two_dialled_peers_with_one_id_are_duplicates() {
    let mut run = Run::new(settings(), &[]);
    (0..2).for_each(|n| run.learn(n));
    run.wait(5 * MS);
    run.shake(Some(PeerKey(0)), addr(0), A);
    let second = run.shake(Some(PeerKey(1)), addr(0), A);
    assert_eq!(run.orders(second).last(), Some(&&Order::Close(Cause::DuplicatePeerId)));
    assert!(run.merges().is_empty());
}

#[test]
fn a_peer_that_calls_while_it_is_dialled_has_one_row() {
    for (id, ours_stays) in [(A, true), (Z, false)] {
        // It calls after we got through.
        let mut run = Run::new(settings(), &["http://t"]);
        run.learn(1);
        let dialled = run.shake(Some(PeerKey(0)), addr(1), id);
        let from = SocketAddr::new(addr(1).ip(), 50_000);
        let called = run.shake(None, from, id);
        let gone = if ours_stays { called } else { dialled };
        assert!(matches!(run.orders(gone).last(), Some(Order::Close(_))), "{ours_stays}");
        assert_eq!((run.rows(), run.swarm.live.len()), (1, 1));
        assert_eq!(run.swarm.live.get(dialled).is_some(), ours_stays);
        assert_eq!(run.swarm.peer_table.row(PeerKey(0)).unwrap().sources, [Source::Manual, Source::Incoming]);

        // It got through before us.
        let mut run = Run::new(settings(), &["http://t"]);
        run.learn(1);
        let called = run.shake(None, from, id);
        let dialled = run.shake(Some(PeerKey(0)), addr(1), id);
        assert_eq!(run.merges(), [(PeerKey(1), PeerKey(0))]);
        assert_eq!(run.swarm.live.get(dialled).is_some(), ours_stays);
        assert_eq!(run.swarm.live.get(called).is_some(), !ours_stays);
        let stays = if ours_stays { dialled } else { called };
        assert_eq!(run.swarm.live.get(stays).unwrap().peer, PeerKey(0));
        assert_eq!(run.swarm.peer_table.row(PeerKey(0)).unwrap().standing, Standing::Live(stays));
    }
}

#[test]
fn a_peer_that_calls_is_merged_into_the_row_of_the_port_it_listens_on() {
    let introduce = |run: &mut Run, conn| {
        run.tell(Input::News(
            conn,
            News::Introduced(PeerInfo { listen_port: Some(6881), ..PeerInfo::default() }),
        ));
    };
    let from = SocketAddr::new(addr(1).ip(), 50_000);
    // Its address failed before.
    let mut run = Run::new(settings(), &["http://t"]);
    run.learn(1);
    run.fail(PeerKey(0), Cause::ConnectTimeout);
    let conn = run.shake(None, from, A);
    introduce(&mut run, conn);
    assert_eq!(run.merges(), [(PeerKey(1), PeerKey(0))]);

    // Its address is being dialled, in vain.
    let mut run = Run::new(settings(), &["http://t"]);
    run.learn(1);
    let conn = run.shake(None, from, A);
    introduce(&mut run, conn);
    assert!(run.merges().is_empty(), "the dial may still tell something");
    run.fail(PeerKey(0), Cause::ConnectTimeout);
    assert_eq!(run.merges(), [(PeerKey(1), PeerKey(0))]);
    assert_eq!(run.swarm.live.get(conn).unwrap().peer, PeerKey(0));

    // Its address is named later.
    let mut run = Run::new(settings(), &["http://t"]);
    let conn = run.shake(None, from, A);
    introduce(&mut run, conn);
    run.learn(1);
    assert_eq!((run.dials().len(), run.rows()), (0, 1));
}

#[test]
fn never_unchokes_or_serves_anybody() {
    let mut run = Run::new(settings(), &[]);
    run.learn(1);
    let conn = run.serve(PeerKey(0), A);
    run.tell(Input::News(conn, News::Interested(true)));
    run.wait(10 * S);
    assert!(!run.orders(conn).iter().any(|order| matches!(order, Order::Choke(_))));
    assert!(!run.events().iter().any(|event| matches!(event, Event::Choking { by: Side::Us, .. })));
}

#[test]
fn of_a_magnet_everybody_is_asked_for_the_metadata_and_it_is_over_with_their_answers() {
    let info = Bytes::from(vec![7; 100]);
    let info_hash = InfoHash(Sha1::digest(&info).into());
    let mut run = Run::of_swarm(Swarm::without_metadata(At::ZERO, Settings { info_hash, ..settings() }));
    (0..5).for_each(|n| run.learn(n));
    run.wait(50 * MS);
    let conns: Vec<ConnKey> = (0..5u8)
        .map(|n| {
            let mut id = *A;
            id[19] = n;
            let conn = run.shake(Some(PeerKey(n.into())), addr(n.into()), &id);
            let info = PeerInfo {
                extensions: vec![METADATA_NAME.to_owned()],
                metadata_bytes: (n < 4).then_some(100),
                ..PeerInfo::default()
            };
            run.tell(Input::News(conn, News::Introduced(info)));
            conn
        })
        .collect();
    let asks = |run: &Run, conn| run.orders(conn).contains(&&Order::AskMetadata { part: 0 });
    assert_eq!(
        conns.iter().map(|conn| asks(&run, *conn)).collect::<Vec<_>>(),
        [true, true, true, true, false]
    );
    let gives = |bytes: Bytes| MetadataNews::Part { part: 0, total_bytes: Some(100), bytes };
    for (conn, news) in [
        (0, gives(info.clone())),
        (1, MetadataNews::Refused { part: 0 }),
        (2, gives(Bytes::from(vec![8; 100]))),
    ] {
        run.tell(Input::News(conns[conn], News::Metadata(news)));
    }
    assert!(run.done.iter().any(|(_, action)| *action == Action::Metadata(info.clone())));
    assert!(run.orders(conns[2]).contains(&&Order::Close(Cause::MetadataWrong)));
    // The silent one and the one without any have their time.
    run.wait(9 * S);
    assert!(!run.orders(conns[0]).contains(&&Order::Close(Cause::Shutdown)));
    run.wait(2 * S);
    // They were live to the end, whatever they answered.
    for conn in [0, 1, 3, 4] {
        assert!(run.orders(conns[conn]).contains(&&Order::Close(Cause::Shutdown)), "{conn}");
    }
}
