//! One peer: its way, its names, its attempts.

use super::*;

#[test]
fn a_live_connection_has_at_least_the_bytes_of_its_payload() {
    let mut run = Script::downloading(4);
    let live = run.peer("80.1.1.1:6881");
    run.live(live);
    let sample = PeerSample { down_bytes: 5000, up_bytes: 300, ..PeerSample::default() };
    run.tell(Event::PeerSample { peer: live, sample });
    let bytes = |run: &mut Script| {
        let record = run.record(live);
        record.bytes_of(&record.attempts[0])
    };
    let (bytes_in, bytes_out) = bytes(&mut run);
    assert!(bytes_in >= 5000 && bytes_out >= 300, "{bytes_in} {bytes_out}");
    run.tell(Event::Traffic { peer: live, bytes_in: 7000, bytes_out: 900 });
    assert_eq!(bytes(&mut run), (7000, 900));
    run.tell(Event::PeerSample { peer: live, sample: PeerSample { down_bytes: 6000, ..sample } });
    assert_eq!(bytes(&mut run), (7000, 900), "what is known is not lost");
}

#[test]
fn follows_a_peer_from_its_address_to_its_blocks_and_away() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    let record = run.record(peer);
    assert_eq!(
        (record.stage, record.group, record.cause),
        (Stage::Queued, Group::Queued, Some(Cause::Queued))
    );
    run.wait_ms(100).dial(peer);
    let record = run.record(peer);
    assert_eq!((record.stage, record.group, record.cause), (Stage::Dialling, Group::Trying, None));
    run.wait_ms(60).tell(Event::Connected { peer });
    assert_eq!(run.record(peer).stage, Stage::Connected);
    run.tell(Event::HandshakeSent { peer, sent: vec![1; 68] });
    assert_eq!(run.record(peer).stage, Stage::HandshakeSent);
    run.wait_ms(61).handshake(peer, b"-TR4060-abcdefghijkl");
    let record = run.record(peer);
    assert_eq!((record.stage, record.group, record.cause), (Stage::Handshaken, Group::Live, None));
    assert_eq!(record.reserved, Some([0, 0, 0, 0, 0, 0x10, 0, 5]));
    assert_eq!(record.peer_id.map(|id| id.printable()).as_deref(), Some("-TR4060-abcdefghijkl"));
    run.want(peer).unchoke(peer);
    assert_eq!(run.record(peer).stage, Stage::Unchoked);
    run.tell(Event::FirstBlock { peer });
    let record = run.record(peer);
    assert_eq!(record.stage, Stage::Transferring);
    assert!(record.is_sending(run.at));
    run.send(&[peer], 1000, 2).wait(1).tell(Event::AttemptEnded {
        peer,
        cause: Cause::ClosedByPeer,
        error: None,
        detail: Some("end of file".to_owned()),
        bytes_in: 2100,
        bytes_out: 90,
    });
    let record = run.record(peer);
    assert_eq!(
        (record.stage, record.group, record.cause),
        (Stage::Transferring, Group::Left, Some(Cause::ClosedByPeer))
    );
    assert_eq!((record.down_bytes, record.has.is_none(), record.flags), (2000, true, Flags::default()));
    assert_eq!(record.since, run.at);
    let attempt = &record.attempts[0];
    let ms = |at: Option<At>| at.map(|at| at.as_millis());
    assert_eq!((attempt.number, attempt.began.as_millis(), ms(attempt.connected)), (1, 100, Some(160)));
    assert_eq!((ms(attempt.handshake_sent), ms(attempt.handshaken)), (Some(160), Some(221)));
    assert_eq!((attempt.bytes_in, attempt.bytes_out, attempt.received.len()), (2100, 90, 68));
}

#[test]
fn one_that_we_hang_up_on_counts_as_it_stood_whatever_comes_of_the_next_way() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).tell(Event::HungUp { peer, bytes_in: 900, bytes_out: 100 });
    let stands = |run: &mut Script| {
        let (now, view) = (run.at, run.view());
        let record = run.record(peer);
        let over = record.attempts.iter().filter(|attempt| attempt.ended.is_some()).count();
        let held = view.pieces.seeds;
        (record.group, record.cause, record.held_back_by(now), over, held)
    };
    let stood = |over| (Group::Live, None, Some(Cause::NeverUnchoked), over, 1);
    assert_eq!(stands(&mut run), stood(1));
    assert_eq!((run.record(peer).attempts[0].cause, run.record(peer).attempts[0].bytes_in), (None, 900));
    run.tell(Event::AttemptBegan {
        peer,
        direction: Direction::Out,
        transport: Transport::Utp,
        encryption: Encryption::Plain,
    });
    assert_eq!(run.record(peer).group, Group::Trying);
    run.wait(5).end(peer, Cause::ConnectTimeout);
    assert_eq!(stands(&mut run), stood(2));
    let record = run.record(peer);
    assert_eq!(record.resolved(&record.attempts[1]), Some(Cause::TransportBlocked));
    // Without a handshake there is nothing to hang up on.
    let other = run.peer("80.1.1.2:6881");
    run.dial(other).tell(Event::HungUp { peer: other, bytes_in: 0, bytes_out: 0 });
    assert_eq!(run.record(other).group, Group::Trying);
}

#[test]
fn who_stops_sending_is_not_shown_to_send_nothing() {
    let choked: fn(&mut Script, PeerKey) = |run, peer| {
        run.tell(Event::Choking { peer, by: Side::Them, choking: true });
    };
    let paused: fn(&mut Script, PeerKey) = |run, peer| {
        run.tell(Event::Interested { peer, by: Side::Us, interested: false });
    };
    for stop in [choked, paused] {
        let mut run = Script::downloading(4);
        let peer = run.open_seeds(1)[0];
        run.send(&[peer], 1000, 2);
        stop(&mut run, peer);
        assert!(run.record(peer).is_sending(run.at), "until a second brings nothing");
        run.wait(1).asked_in_vain(peer);
        assert!(!run.record(peer).is_sending(run.at));
        assert_eq!(run.record(peer).since, run.at);
    }
}

#[test]
fn flags_a_peer_whose_two_names_contradict_each_other() {
    let named = |id: &[u8; 20], calls_itself: Option<&str>| {
        let mut run = Script::downloading(4);
        let peer = run.peer("80.1.1.1:6881");
        run.connect(peer).handshake(peer, id);
        let calls_itself = calls_itself.map(str::to_owned);
        let info = PeerInfo { calls_itself, ..PeerInfo::default() };
        run.tell(Event::Introduced { peer, info });
        run.record(peer).claims_two_clients()
    };
    let transmission = b"-TR4060-abcdefghijkl";
    assert!(!named(transmission, None), "it said nothing of itself");
    assert!(!named(transmission, Some("Transmission 4.0.6")));
    assert!(!named(transmission, Some("transmission/4.0.6 (38c164933e)")));
    assert!(named(transmission, Some("qBittorrent/5.0.1")));
    assert!(named(b"-LT20C0-abcdefghijkl", Some("\u{b5}Torrent 3.5.5")));
    assert!(!named(b"-ZQ1234-abcdefghijkl", Some("Transmission 4.0.6")), "a peer id that tells nothing");
}

#[test]
fn takes_the_cause_of_the_attempt_that_got_furthest_and_the_plain_one_on_a_tie() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.connect(peer).end(peer, Cause::ClosedBeforeHandshake);
    run.begin(peer, Direction::Out, Encryption::Mse).tell(Event::Connected { peer });
    run.tell(Event::HandshakeSent { peer, sent: Vec::new() }).end(peer, Cause::EncryptionFailed);
    assert_eq!(run.record(peer).cause, Some(Cause::ClosedBeforeHandshake));
    run.fail(peer, Cause::ConnectTimeout);
    assert_eq!(
        run.record(peer).cause,
        Some(Cause::ClosedBeforeHandshake),
        "it got further than the last one"
    );
    run.connect(peer).end(peer, Cause::HandshakeTimeout);
    assert_eq!(run.record(peer).cause, Some(Cause::HandshakeTimeout), "the later one of two alike");
    run.begin(peer, Direction::Out, Encryption::Mse)
        .handshake(peer, b"-TR4060-abcdefghijkl")
        .end(peer, Cause::BadMessage);
    let record = run.record(peer);
    assert_eq!(
        (record.cause, record.group),
        (Some(Cause::BadMessage), Group::Failed),
        "a fault after the handshake"
    );
}

#[test]
fn lets_old_attempts_go_but_not_the_one_that_decides() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.live(peer).end(peer, Cause::ClosedByPeer);
    for _ in 0..30 {
        run.wait(60).fail(peer, Cause::ConnectTimeout);
    }
    let record = run.record(peer);
    assert_eq!((record.cause, record.group), (Some(Cause::ClosedByPeer), Group::Left));
    assert_eq!(record.attempts.len(), 8);
    assert_eq!((record.attempts[0].number, record.attempts[7].number), (1, 31));
}

#[test]
fn bans_for_a_time_and_drops_until_taken_back() {
    let mut run = Script::downloading(4);
    let peers = run.peers(2);
    run.seed(peers[0]).seed(peers[1]);
    let until = run.at + Duration::from_secs(3600);
    run.tell(Event::Banned { peer: peers[0], until: Some(until), reason: "wrong data".to_owned() });
    assert_eq!(run.record(peers[0]).group, Group::Live, "until its connection is closed");
    run.end(peers[0], Cause::Banned);
    assert_eq!(
        (run.record(peers[0]).group, run.record(peers[0]).cause),
        (Group::Banned, Some(Cause::Banned))
    );
    run.tell(Event::Dropped { peer: peers[1], dropped: true }).end(peers[1], Cause::DroppedByUser);
    assert_eq!(run.record(peers[1]).cause, Some(Cause::DroppedByUser));
    assert_eq!(run.record(peers[1]).group, Group::Left);
    run.wait(3601);
    let record = run.record(peers[0]);
    assert_eq!((record.group, record.since), (Group::Failed, until), "the ban is over");
}

#[test]
fn a_ban_ends_at_its_time_whatever_comes_first_after_it() {
    let mut run = Script::downloading(4);
    let peer = run.peers(1)[0];
    let until = run.at + Duration::from_secs(10);
    run.seed(peer).tell(Event::Banned { peer, until: Some(until), reason: "wrong data".to_owned() });
    run.end(peer, Cause::Banned).wait_ms(11_000);
    run.tell(Event::Phase { phase: Phase::Paused, reason: None });
    assert_eq!(run.record(peer).since, until, "nobody looked before the pause");
}

#[test]
fn merges_an_incoming_peer_into_the_row_of_its_address() {
    let mut run = Script::downloading(4);
    let listed = run.peer("80.1.1.1:6881");
    run.connect(listed).end(listed, Cause::ClosedBeforeHandshake).wait(5);
    let caller = run.called_by("80.1.1.1:40022");
    run.has(caller, &[0]).want(caller).send(&[caller], 1000, 2);
    run.tell(Event::PeerMerged { gone: caller, into: listed });
    let view = run.view();
    assert_eq!((view.peers.len(), view.funnel.known, view.groups.live), (1, 1, 1));
    let record = find(&view, listed);
    assert_eq!(record.sources, [Source::Tracker(TrackerKey(0)), Source::Incoming]);
    assert_eq!(
        record.attempts.iter().map(|a| (a.number, a.direction)).collect::<Vec<_>>(),
        [(1, Direction::Out), (2, Direction::In)]
    );
    assert_eq!((record.down_bytes, view.down_bytes, view.pieces.held_by[0]), (2000, 2000, 1));
    assert!(record.flags.am_interested);
    run.send(&[listed], 1000, 1);
    assert_eq!(run.record(listed).down_bytes, 3000);
    run.end(listed, Cause::ClosedByPeer);
    assert_eq!((run.record(listed).down_bytes, run.view().pieces.held_by[0]), (3000, 0));
    assert_eq!(run.view().incoming, IncomingCounts { public_handshaken: 1, handshaken: 1, failed: 0 });
}

#[test]
fn keeps_what_answered_and_what_passed_with_the_attempt() {
    let mut run = Script::downloading(4);
    let (web, live) = (run.peer("80.1.1.1:80"), run.peer("80.1.1.2:6881"));
    run.connect(web)
        .tell(Event::LooksLike { peer: web, what: LooksLike::Http })
        .end(web, Cause::NotBittorrent);
    run.tell(Event::LooksLike { peer: web, what: LooksLike::Ssh });
    assert_eq!(run.record(web).attempts[0].looks_like, Some(LooksLike::Http), "it is over");
    run.connect(live).handshake(live, b"-TR4060-abcdefghijkl");
    run.tell(Event::Traffic { peer: live, bytes_in: 700, bytes_out: 90 });
    let attempt = &run.record(live).attempts[0];
    assert_eq!((attempt.bytes_in, attempt.bytes_out, attempt.looks_like), (700, 90, None));
}

#[test]
fn a_plain_try_is_resolved_by_an_encrypted_one_that_alone_shook_hands() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.connect(peer).end(peer, Cause::ClosedBeforeHandshake);
    let record = run.record(peer);
    assert_eq!(record.resolved(&record.attempts[0]), None, "nothing is proven yet");
    run.begin(peer, Direction::Out, Encryption::Mse).tell(Event::Connected { peer });
    run.handshake(peer, b"-TR4060-abcdefghijkl");
    let record = run.record(peer);
    assert_eq!(record.resolved(&record.attempts[0]), Some(Cause::EncryptionRequired));
    assert_eq!((record.resolved(&record.attempts[1]), record.cause), (None, None));
}

#[test]
fn a_dial_that_did_not_get_through_is_resolved_by_one_over_the_other_transport() {
    let (out, plain) = (Direction::Out, Encryption::Plain);
    let began = |run: &mut Script, peer, direction, transport| {
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption: plain });
    };
    for (failing, cause, blocked) in [
        (Transport::Tcp, Cause::ConnectTimeout, true),
        (Transport::Tcp, Cause::ConnectionRefused, true),
        (Transport::Tcp, Cause::ResetBeforeHandshake, true),
        (Transport::Utp, Cause::ConnectTimeout, true),
        (Transport::Tcp, Cause::ClosedBeforeHandshake, false),
        (Transport::Tcp, Cause::NetworkUnreachable, false),
        (Transport::Tcp, Cause::NoLocalPorts, false),
        (Transport::Utp, Cause::LostRace, false),
    ] {
        let mut run = Script::downloading(4);
        let peer = run.peer("80.1.1.1:6881");
        began(&mut run, peer, out, failing);
        run.end(peer, cause);
        // Who calls us over the other one proves nothing of what we dial.
        began(&mut run, peer, Direction::In, failing.other());
        run.handshake(peer, b"-TR4060-abcdefghijkl").end(peer, Cause::ClosedByPeer);
        let record = run.record(peer);
        assert_eq!(record.resolved(&record.attempts[0]), None, "{cause:?}: nothing is proven yet");
        began(&mut run, peer, out, failing.other());
        run.handshake(peer, b"-TR4060-abcdefghijkl");
        let record = run.record(peer);
        let resolved = blocked.then_some(Cause::TransportBlocked);
        assert_eq!(record.resolved(&record.attempts[0]), resolved, "{cause:?}");
        assert_eq!(record.blocked_over(), blocked.then_some(failing), "{cause:?}");
        assert_eq!((record.resolved(&record.attempts[2]), record.cause), (None, None), "{cause:?}");
        // Once it got through there, that way is not blocked.
        run.end(peer, Cause::ClosedByPeer);
        began(&mut run, peer, Direction::In, failing);
        run.handshake(peer, b"-TR4060-abcdefghijkl");
        let record = run.record(peer);
        assert_eq!(record.resolved(&record.attempts[0]), None, "{cause:?}");
    }
}

#[test]
fn what_a_third_peer_brought_about_says_nothing_of_a_dial_without_one() {
    let mut run = Script::downloading(4);
    let (peer, relay) = (run.peer("80.1.1.1:6881"), run.peer("80.1.1.2:6881"));
    run.fail(peer, Cause::ConnectTimeout);
    let (direction, transport, encryption) = (Direction::Out, Transport::Utp, Encryption::Plain);
    run.tell(Event::AttemptBegan { peer, direction, transport, encryption });
    run.tell(Event::Punch { peer, step: PunchStep::Asked { relay } });
    run.handshake(peer, b"-TR4060-abcdefghijkl");
    let record = run.record(peer);
    assert_eq!(record.resolved(&record.attempts[0]), None);
}

#[test]
fn the_rate_of_the_only_sender_is_that_of_the_whole() {
    let mut run = Script::downloading(100);
    let peer = run.peers(1)[0];
    run.seed(peer).unchoke(peer);
    // It comes in bursts, then it ends.
    for bps in [90_000, 0, 240_000, 30_000, 0, 0, 300_000, 60_000, 60_000, 0, 0, 0] {
        run.second(&[peer], bps);
        let view = run.view();
        let (whole, its) = (view.rates.down_bps, find(&view, peer).rates.down_bps);
        assert_eq!(whole, its, "after a second of {bps} at {:?}", view.at);
    }
}

#[test]
fn whoever_took_takes_nothing_as_soon_as_it_is_paused() {
    let mut run = Script::downloading(100);
    let peer = run.peers(1)[0];
    run.live(peer).has(peer, &[]);
    let mut bytes = 0;
    let mut second = |run: &mut Script| {
        bytes += 40_000;
        let sample = PeerSample { up_bps: 40_000, up_bytes: bytes, ..PeerSample::default() };
        run.wait(1).tell(Event::PeerSample { peer, sample });
        run.tell(Event::Sample(Sample { down_bps: 0, up_bps: 40_000 }));
        run.record(peer).is_taking()
    };
    assert!(second(&mut run) && second(&mut run));
    run.phase(Phase::Paused);
    assert!(!run.record(peer).is_taking());
    assert!(!second(&mut run), "what was on its way");
    run.phase(Phase::Downloading);
    assert!(second(&mut run));
}

#[test]
fn the_log_has_sentences_and_leaves_the_names_of_errors_to_the_page_of_the_peer() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.dial(peer);
    let error = Some(OsError { code: Some(111), text: "Connection refused (os error 111)".to_owned() });
    let (cause, detail) = (Cause::ConnectionRefused, None);
    run.tell(Event::AttemptEnded { peer, cause, error, detail, bytes_in: 0, bytes_out: 0 });
    let tracker = run.tracker(1);
    run.refuse_saying(tracker, TrackerError::ConnectFailed, "connection refused: nothing listens there");
    let said: Vec<String> = run.view().log.iter().rev().take(2).map(|line| line.text.clone()).collect();
    assert!(said[0].ends_with(": no connection: connection refused: nothing listens there."), "{}", said[0]);
    let silent = run.tracker(2);
    run.refuse_saying(silent, TrackerError::Timeout, "no answer within 15 s");
    assert!(run.view().log.last().unwrap().text.ends_with(":6969: no answer within 15 s."));
    assert!(said[1].contains("refused. ") && !said[1].contains("os error"), "{}", said[1]);
}

#[test]
fn rates_add_up_to_that_of_the_whole() {
    let mut run = Script::downloading(100);
    let peers = run.open_seeds(3);
    for (sending, bps) in [(3, 50_000), (1, 90_000), (2, 10_000), (3, 7_000), (2, 120_000)] {
        run.second(&peers[..sending], bps).wait_ms(200);
        let view = run.view();
        let sum: u64 = peers.iter().map(|peer| find(&view, *peer).rates.down_bps).sum();
        assert!(view.rates.down_bps.abs_diff(sum) <= 3, "{} and {sum}", view.rates.down_bps);
    }
}

#[test]
fn the_last_seconds_of_a_connection_are_kept_while_it_lasts() {
    let mut run = Script::downloading(100);
    let peers = run.open_seeds(2);
    for bps in [90_000, 0, 240_000] {
        run.second(&peers[..1], bps);
    }
    let kept = |run: &mut Script, peer| {
        let record = run.record(peer);
        record.recent.seconds().iter().map(|second| second.down_bps).collect::<Vec<_>>()
    };
    assert_eq!(kept(&mut run, peers[0]), [90_000, 0, 240_000]);
    assert!(kept(&mut run, peers[1]).is_empty(), "it sent nothing");
    run.end(peers[0], Cause::ClosedByPeer);
    assert!(kept(&mut run, peers[0]).is_empty());
}

#[test]
fn a_peer_has_a_rate_as_soon_as_its_first_second_is_told() {
    let mut run = Script::downloading(100);
    let peer = run.open_seeds(1)[0];
    run.wait_ms(1000).tell(Event::Sample(Sample { down_bps: 30_000, up_bps: 0 }));
    assert_eq!(run.record(peer).rates.down_bps, 0);
    let sample = PeerSample { down_bps: 30_000, down_bytes: 30_000, ..PeerSample::default() };
    run.wait_ms(400).tell(Event::PeerSample { peer, sample });
    assert_eq!(run.record(peer).rates.down_bps, 30_000, "not nothing beside the rate of all");
    run.wait_ms(600).tell(Event::Sample(Sample { down_bps: 30_000, up_bps: 0 }));
    assert_eq!(run.record(peer).rates.down_bps, 15_000, "the mean of two seconds");
}

#[test]
fn how_a_stream_goes_belongs_to_its_connection() {
    let mut run = Script::downloading(4);
    let peers = run.peers(2);
    let (over_utp, over_tcp) = (peers[0], peers[1]);
    let begin = |run: &mut Script, peer, transport| {
        let (direction, encryption) = (Direction::Out, Encryption::Plain);
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption })
            .tell(Event::Connected { peer });
        run.handshake(peer, b"-TR4060-abcdefghijkl");
    };
    let told = |run: &mut Script, peer, sent| {
        let figures = StreamFigures { sent, rtt_us: Some(40_000), ..StreamFigures::default() };
        run.tell(Event::Stream { peer, figures });
        run.record(peer).stream.map(|figures| figures.sent)
    };
    assert_eq!(told(&mut run, over_utp, 1), None, "there is no connection");
    begin(&mut run, over_utp, Transport::Utp);
    begin(&mut run, over_tcp, Transport::Tcp);
    assert_eq!(run.record(over_utp).stream, None, "nothing was told yet");
    assert_eq!(told(&mut run, over_utp, 2), Some(2));
    assert_eq!(told(&mut run, over_utp, 3), Some(3));
    assert_eq!(told(&mut run, over_tcp, 4), None, "TCP has none");
    run.end(over_utp, Cause::ClosedByPeer);
    assert_eq!(told(&mut run, over_utp, 5), Some(3), "it is how it ended");
    run.dial(over_utp);
    assert_eq!(run.record(over_utp).stream, None, "it is another connection");
}

#[test]
fn how_the_stream_of_a_caller_goes_is_there_when_it_says_where_it_listens() {
    let mut run = Script::downloading(4);
    let listed = run.peer("80.1.1.1:6881");
    let caller = run.peer_from("80.1.1.1:40000", Source::Incoming);
    let (direction, encryption) = (Direction::In, Encryption::Plain);
    run.tell(Event::AttemptBegan { peer: caller, direction, transport: Transport::Utp, encryption });
    run.handshake(caller, b"-TR4060-abcdefghijkl");
    let figures = StreamFigures { sent: 7, ..StreamFigures::default() };
    run.tell(Event::Stream { peer: caller, figures }).tell(Event::PeerMerged { gone: caller, into: listed });
    assert_eq!(run.record(listed).stream.as_deref(), Some(&figures));
}
