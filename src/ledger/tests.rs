//! Events in, view out.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::script::{Script, facts, find};
use super::*;
use crate::event::*;
use crate::metainfo::{Bitfield, Geometry};

fn known_causes(loss: &Loss) -> Vec<(&'static str, u32)> {
    loss.causes
        .iter()
        .map(|(cause, count)| (cause.map_or("on its way", |cause| cause.info().code), *count))
        .collect()
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
        let (extensions, reqq, listen_port) = (Vec::new(), None, None);
        run.tell(Event::Extended { peer, calls_itself, extensions, reqq, listen_port });
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
fn puts_every_peer_in_one_group_and_counts_its_losses() {
    let mut run = Script::downloading(4);
    let peers = run.peers(12);
    run.fail(peers[0], Cause::ConnectTimeout).fail(peers[1], Cause::ConnectTimeout);
    run.fail(peers[2], Cause::ConnectionRefused).dial(peers[3]);
    run.connect(peers[4]).end(peers[4], Cause::ClosedBeforeHandshake).connect(peers[5]);
    run.seed(peers[6]).seed(peers[7]).unchoke(peers[7]).seed(peers[8]).unchoke(peers[8]);
    run.tell(Event::FirstBlock { peer: peers[8] });
    run.live(peers[9]).end(peers[9], Cause::ClosedByPeer);
    run.tell(Event::NotDialled { peer: peers[10], cause: Some(Cause::InvalidAddress) });
    run.wait(11);
    let view = run.view();
    assert_eq!(
        view.funnel,
        Funnel { known: 12, dialled: 10, connected: 6, handshaken: 4, unchoked: 2, transferring: 1 }
    );
    assert_eq!(view.groups, Groups { live: 3, trying: 2, failed: 5, left: 1, queued: 1, banned: 0 });
    assert_eq!(known_causes(&view.losses[0]), [("queued", 1), ("invalid_address", 1)]);
    assert_eq!(
        known_causes(&view.losses[1]),
        [("connect_timeout", 2), ("connection_refused", 1), ("on its way", 1)]
    );
    assert_eq!(known_causes(&view.losses[2]), [("closed_before_handshake", 1), ("on its way", 1)]);
    assert_eq!(known_causes(&view.losses[3]), [("never_unchoked", 1), ("closed_by_peer", 1)]);
    assert_eq!(view.serving, Serving { unchoked: 2, sending: 0 }, "who sent for long is not who sends");
    assert_eq!(known_causes(&view.losses[4]), [("snubbed", 2)]);
}

#[test]
fn the_last_steps_count_who_serves_us_now() {
    let mut run = Script::downloading(4);
    let peers = run.open_seeds(4);
    run.send(&peers, 1000, 2);
    assert_eq!(run.view().way(), [4, 4, 4, 4, 4, 4]);
    run.tell(Event::Choking { peer: peers[0], by: Side::Them, choking: true });
    run.end(peers[1], Cause::ClosedByPeer);
    run.tell(Event::Held { peer: peers[2], held: true });
    run.send(&peers[3..], 1000, 5);
    let view = run.view();
    assert_eq!((view.way(), view.funnel.unchoked), ([4, 4, 4, 4, 2, 1], 4));
    assert_eq!(known_causes(&view.losses[3]), [("never_unchoked", 1), ("closed_by_peer", 1)]);
    assert_eq!(known_causes(&view.losses[4]), [("held", 1)], "whom we hold is not silent");
    run.phase(Phase::Paused);
    let view = run.view();
    assert_eq!((view.way(), view.rates), ([4, 4, 4, 4, 2, 0], Sample::default()), "at once");
    assert_eq!(known_causes(&view.losses[4]), [("held", 1), ("torrent_paused", 1)]);
    assert!(view.peers.iter().all(|record| !record.is_sending(view.at)));
    run.phase(Phase::Downloading).send(&peers[3..], 1000, 1);
    assert_eq!(run.view().way(), [4, 4, 4, 4, 2, 1]);
    run.send(&peers[3..], 1000, 2).phase(Phase::Seeding);
    assert_eq!((run.view().serving.sending, run.view().rates.down_bps), (0, 0), "complete: nothing comes");
}

#[test]
fn counts_a_connection_to_ourselves_nowhere() {
    let mut run = Script::downloading(4);
    let peers = run.peers(2);
    run.connect(peers[0]).end(peers[0], Cause::SelfConnection);
    let view = run.view();
    assert_eq!((view.funnel.known, view.groups.failed, view.peers.len()), (1, 0, 2));
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
fn keeps_the_rate_columns_honest_about_since_when() {
    let mut run = Script::downloading(100);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).wait(5).unchoke(peer);
    assert_eq!(run.record(peer).since.as_secs(), 5);
    run.wait(2).send(&[peer], 1000, 10);
    assert_eq!(run.record(peer).since.as_secs(), 8, "since the first block");
    run.send(&[], 0, 10);
    assert_eq!(run.record(peer).since.as_secs(), 20, "since three seconds after the last one");
}

#[test]
fn counts_who_holds_what_while_they_are_live() {
    let mut run = Script::downloading(3);
    let peers = run.peers(3);
    run.live(peers[0]).has(peers[0], &[0, 1]).seed(peers[1]);
    run.connect(peers[2]).has(peers[2], &[2]);
    let held =
        |view: &View| (0..3).map(|n| view.pieces.held_by[n] as u32 + view.pieces.seeds).collect::<Vec<_>>();
    assert_eq!(held(&run.view()), [2, 2, 1], "a peer without a handshake does not count");
    run.handshake(peers[2], b"-TR4060-abcdefghijkl");
    assert_eq!(held(&run.view()), [2, 2, 2]);
    let piece = run.piece(2);
    run.tell(Event::Have { peer: peers[0], piece }).tell(Event::Have { peer: peers[0], piece });
    let view = run.view();
    assert_eq!((held(&view), view.pieces.seeds), (vec![2, 2, 3], 2), "it became a seed");
    assert!(find(&view, peers[0]).has.as_ref().unwrap().is_full());
    run.end(peers[1], Cause::ClosedByPeer).end(peers[0], Cause::ClosedByPeer);
    assert_eq!(held(&run.view()), [0, 0, 1]);
}

#[test]
fn follows_pieces_and_bytes() {
    let mut run = Script::downloading(4);
    let peers = run.peers(2);
    let (p0, p1, p2) = (run.piece(0), run.piece(1), run.piece(2));
    let mut had = Bitfield::empty(4);
    had.set(p0);
    run.tell(Event::Had { pieces: Arc::new(had) });
    run.tell(Event::PieceOpened { piece: p1 }).tell(Event::PieceOpened { piece: p0 });
    assert_eq!(run.view().pieces.states[..3], [PieceState::Good, PieceState::Arriving, PieceState::Missing]);
    run.tell(Event::PieceFailed { piece: p1, from: peers.clone() });
    assert_eq!((run.view().pieces.failed, run.view().pieces.failures), (1, 1));
    assert_eq!(run.record(peers[1]).failed_pieces, 1);
    run.tell(Event::PieceOpened { piece: p1 }).tell(Event::PieceVerified { piece: p1, from: vec![] });
    run.tell(Event::PieceOpened { piece: p2 }).tell(Event::PieceClosed { piece: p2 });
    let view = run.view();
    assert_eq!((view.pieces.good, view.pieces.arriving, view.pieces.failed), (2, 0, 0));
    assert_eq!(view.have_bytes, 2 * u64::from(script::PIECE_BYTES));
}

#[test]
fn tells_the_time_left_only_when_it_can_be_told() {
    let mut run = Script::downloading(100);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).unchoke(peer);
    assert_eq!(run.view().eta, None);
    run.send(&[peer], 16 * 1024, 3);
    assert_eq!(run.view().eta, Some(Duration::from_secs(100)));
    assert_eq!((run.view().rates.down_bps, run.view().down_bytes), (16 * 1024, 48 * 1024));
    run.phase(Phase::Paused);
    assert_eq!(run.view().eta, None);
    run.phase(Phase::Downloading).wait(10);
    assert_eq!((run.view().eta, run.view().rates.down_bps), (None, 0));
}

#[test]
fn tells_how_far_checking_and_making_files_are_until_they_are_done() {
    let mut run = Script::with_ledger(9, Ledger::new(facts(9)));
    run.tell(Event::Checked { done: 4, of: 9 });
    assert_eq!((run.view().checked, run.view().preparing), (Some((4, 9)), None));
    run.tell(Event::Preparing { done: 64, of: 200 });
    assert_eq!(run.view().preparing, Some((64, 200)));
    run.phase(Phase::Downloading);
    assert_eq!((run.view().checked, run.view().preparing), (None, None));
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
fn counts_calls_from_outside() {
    let mut run = Script::downloading(4);
    run.called_by("192.168.1.7:5000");
    run.called_by("80.9.9.9:5000");
    run.tell(Event::IncomingFailed { addr: "80.9.9.10".parse().unwrap(), cause: Cause::NotBittorrent });
    assert_eq!(run.view().incoming, IncomingCounts { public_handshaken: 1, handshaken: 2, failed: 1 });
    let view = run.view();
    assert_eq!((view.funnel.dialled, view.funnel.connected), (2, 2), "who called us counts as dialled");
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
fn counts_failed_calls_by_address_and_cause_and_never_our_own() {
    let mut run = Script::downloading(4);
    let addr = "80.1.1.1".parse().unwrap();
    for cause in [Cause::UnknownInfoHash, Cause::NotBittorrent, Cause::UnknownInfoHash, Cause::SelfConnection]
    {
        run.tell(Event::IncomingFailed { addr, cause });
    }
    let view = run.view();
    let of = |cause, count| FailedCalls { addr: Some(addr), cause, count };
    assert_eq!(*view.failed_calls, [of(Cause::NotBittorrent, 1), of(Cause::UnknownInfoHash, 2)]);
    assert_eq!(view.incoming.failed, 3);
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
fn follows_trackers_and_whom_they_named() {
    let mut run = Script::downloading(4);
    let (first, second) = (run.tracker(0), run.tracker(1));
    run.tell(Event::AnnounceBegan { tracker: first, kind: AnnounceKind::Started });
    assert_eq!(run.view().trackers[0].asking, Some(AnnounceKind::Started));
    run.answer(first, 2).refuse(second, TrackerError::Timeout).refuse(second, TrackerError::DnsFailed);
    let peers = run.peers(2);
    run.tell(Event::PeerLearned {
        peer: peers[0],
        addr: "80.0.0.1:6881".parse().unwrap(),
        source: Source::Tracker(second),
    });
    run.live(peers[0]);
    let view = run.view();
    assert_eq!((view.trackers[0].peers, view.trackers[0].handshaken), (2, 1));
    assert_eq!((view.trackers[1].peers, view.trackers[1].handshaken, view.trackers[1].failures), (1, 1, 2));
    run.tell(Event::AnnounceBegan { tracker: first, kind: AnnounceKind::Stopped }).answer(first, 0);
    let TrackerStatus::Ok(answer) = &run.view().trackers[0].status else { panic!("it answered") };
    assert_eq!(answer.peers, 2, "the answer to a goodbye says nothing");
}

#[test]
fn folds_the_oldest_peers_that_never_shook_hands_and_still_counts_them() {
    let mut run = Script::with_ledger(4, Ledger::with_most_rows(facts(4), 64));
    run.tracker(0);
    let early = run.peers(40);
    run.live(early[3]);
    for peer in &early[10..20] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    run.peers(400);
    let view = run.view();
    assert!(view.peers.len() <= 64, "{} rows", view.peers.len());
    assert!(view.peers.iter().any(|record| record.key == early[3]), "it shook hands");
    assert!(view.peers.iter().all(|record| record.key != early[10]), "an old failed one");
    assert_eq!((view.funnel.known, view.groups.failed, view.groups.live), (440, 10, 1));
    assert_eq!(known_causes(&view.losses[1]), [("connect_timeout", 10)]);
    assert_eq!(view.trackers[0].peers, 440);
    run.dial(early[10]);
    let view = run.view();
    assert_eq!(find(&view, early[10]).group, Group::Trying, "it came back when it was dialled again");
    assert_eq!((view.funnel.known, view.groups.failed, view.groups.trying), (440, 9, 1));
}

#[test]
fn folds_those_that_shook_hands_and_are_gone_when_there_are_no_others() {
    let mut run = Script::with_ledger(4, Ledger::with_most_rows(facts(4), 64));
    let stays = run.peers(1)[0];
    run.live(stays);
    for _ in 0..400 {
        let peer = run.peers(1)[0];
        run.live(peer).end(peer, Cause::ClosedByPeer);
    }
    let view = run.view();
    assert!(view.peers.len() <= 64, "{} rows", view.peers.len());
    assert!(view.peers.iter().any(|record| record.key == stays), "it is connected");
    assert_eq!((view.funnel.known, view.funnel.handshaken), (401, 401));
    assert_eq!((view.groups.live, view.groups.left), (1, 400));
}

#[test]
fn writes_the_log_in_words() {
    let mut run = Script::downloading(4);
    let tracker = run.tracker(0);
    run.answer(tracker, 3);
    let peers = run.peers(3);
    run.fail(peers[0], Cause::ConnectTimeout).fail(peers[1], Cause::ConnectTimeout);
    run.connect(peers[2]).wait_ms(61).handshake(peers[2], b"-TR4060-abcdefghijkl").unchoke(peers[2]);
    let piece = run.piece(1);
    run.tell(Event::PieceFailed { piece, from: vec![peers[2]] });
    run.tell(Event::Note { severity: Severity::Info, text: "Held.".to_owned(), answer: true });
    run.wait(130).end(peers[2], Cause::ClosedByPeer);
    let view = run.view();
    let lines: Vec<&str> = view.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        [
            "Downloading.",
            "http://t0.example:6969 named 3 peers.",
            "2 peers: no answer; the last was 80.0.1.1:6881. Nothing answered: it is offline, or a firewall or router drops our packets.",
            "80.0.2.1:6881 shook hands after 61 ms: Transmission 4.0.6.",
            "80.0.2.1:6881 (Transmission 4.0.6) lets us download.",
            "Piece 1 failed its check. Its data came from 80.0.2.1:6881 (Transmission 4.0.6).",
            "Held.",
            "80.0.2.1:6881 (Transmission 4.0.6): left after 2m 10s. It closed the connection.",
        ]
    );
    assert_eq!(view.answer, Some((Duration::from_millis(61), "Held.".to_owned())));
    assert_eq!(view.log[5].peer, Some(peers[2]));
}

#[test]
fn tells_of_a_piece_who_is_asked_who_sent_it_and_who_is_at_fault() {
    let mut run = Script::downloading(4);
    let peers = run.peers(3);
    let (piece, other) = (run.piece(1), run.piece(2));
    let here = |peer| vec![BlockRun { count: 1, state: BlockState::Here(peer) }];
    run.wait(5).tell(Event::PieceOpened { piece }).wait(1);
    run.tell(Event::PieceBlocks { piece, blocks: here(peers[0]) });
    run.tell(Event::PieceBlocks { piece: other, blocks: here(peers[0]) });
    let view = run.view();
    let history = &view.pieces.history;
    let under_way = history.under_way(piece).unwrap();
    assert_eq!((under_way.since.as_secs(), under_way.told.unwrap().as_secs()), (5, 6));
    assert_eq!(under_way.blocks, here(peers[0]));
    assert_eq!(history.under_way(other), None, "nothing of it was asked for");
    run.tell(Event::PieceFailed { piece, from: peers.clone() }).wait(1);
    run.tell(Event::PieceOpened { piece }).tell(Event::PieceVerified { piece, from: vec![peers[2]] });
    let view = run.view();
    let history = &view.pieces.history;
    assert_eq!(history.under_way(piece), None);
    assert_eq!(history.senders(1).unwrap().only(), Some(peers[2]));
    assert_eq!(history.verified(1), Some(Duration::from_secs(7)));
    let failures = history.failures(piece).unwrap();
    assert_eq!((failures.count, &failures.tries[0].from.named), (1, &peers));
    // What was there before came from nobody we know.
    let mut had = Bitfield::empty(4);
    had.set(run.piece(0));
    run.tell(Event::Had { pieces: Arc::new(had) });
    assert_eq!(run.view().pieces.history.verified(0), None);
    assert_eq!(run.view().pieces.history.senders(1), None, "it is gone");
}

#[test]
fn shares_with_the_last_view_what_did_not_change() {
    let mut run = Script::downloading(1000);
    let peers = run.peers(3);
    run.seed(peers[0]).seed(peers[1]);
    let first = run.view();
    run.wait_ms(250).unchoke(peers[0]);
    let second = run.view();
    assert!(!Arc::ptr_eq(&first.peers[0], &second.peers[0]));
    assert!(Arc::ptr_eq(&first.peers[1], &second.peers[1]) && Arc::ptr_eq(&first.peers[2], &second.peers[2]));
    assert!(Arc::ptr_eq(&first.pieces, &second.pieces) && Arc::ptr_eq(&first.series, &second.series));
}

#[test]
fn keeps_fewer_attempts_of_each_of_a_crowd() {
    let mut run = Script::downloading(4);
    let peers = run.peers(300);
    for _ in 0..9 {
        run.wait(60).fail(peers[7], Cause::ConnectTimeout);
    }
    let numbers: Vec<u32> = run.record(peers[7]).attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [6, 7, 8, 9]);
}

fn peer_key() -> impl Strategy<Value = PeerKey> {
    (0u32..12).prop_map(PeerKey)
}

/// Any event about a handful of peers, pieces and trackers, in and out of range.
fn event() -> impl Strategy<Value = Event> {
    let cause = (0..Cause::ALL.len()).prop_map(|index| Cause::ALL[index]);
    let piece = (0u32..40).prop_map(|number| Geometry::new(40, 1).unwrap().piece(number).unwrap());
    let state = prop_oneof![
        Just(BlockState::Free),
        proptest::collection::vec(peer_key(), 0..6).prop_map(BlockState::Asked),
        peer_key().prop_map(BlockState::Here),
    ];
    let run = (0u32..9, state).prop_map(|(count, state)| BlockRun { count, state });
    let blocks = proptest::collection::vec(run, 0..4);
    let side = prop_oneof![Just(Side::Us), Just(Side::Them)];
    let direction = prop_oneof![Just(Direction::Out), Just(Direction::In)];
    let encryption = prop_oneof![Just(Encryption::Plain), Just(Encryption::Mse)];
    let at = (0u64..500_000).prop_map(Duration::from_millis);
    let tracker = (0u16..3).prop_map(TrackerKey);
    let source =
        prop_oneof![tracker.clone().prop_map(Source::Tracker), Just(Source::Manual), Just(Source::Incoming)];
    let bitfield = (prop_oneof![Just(30u32), Just(29), Just(0)], any::<u64>(), any::<bool>()).prop_map(
        |(len, bits, full)| {
            let geometry = Geometry::new(30, 1).unwrap();
            let mut field = if full { Bitfield::full(len) } else { Bitfield::empty(len) };
            for piece in geometry.pieces().filter(|piece| bits >> piece.number() & 1 == 1) {
                field.set(piece);
            }
            Arc::new(field)
        },
    );
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let sample = (any::<u64>(), any::<u64>(), 0u32..9).prop_map(|(down, up, out)| PeerSample {
        down_bps: down,
        up_bps: up,
        down_bytes: down,
        up_bytes: up,
        requests_out: out,
        ..Default::default()
    });
    let phase = prop_oneof![
        Just(Phase::Checking),
        Just(Phase::Downloading),
        Just(Phase::Seeding),
        Just(Phase::Paused),
        Just(Phase::Stopped)
    ];
    let key = peer_key;
    let of_peers = prop_oneof![
        6 => (key(), any::<[u8; 4]>(), 0u16..9, source).prop_map(|(peer, ip, port, source)| Event::PeerLearned { peer, addr: (ip, port).into(), source }),
        6 => (key(), direction, encryption).prop_map(|(peer, direction, encryption)| Event::AttemptBegan { peer, direction, transport: Transport::Tcp, encryption }),
        4 => key().prop_map(|peer| Event::Connected { peer }),
        3 => (key(), bytes.clone()).prop_map(|(peer, sent)| Event::HandshakeSent { peer, sent }),
        3 => (key(), bytes).prop_map(|(peer, received)| Event::HandshakeBytes { peer, received }),
        5 => key().prop_map(|peer| Event::Handshaken { peer }),
        4 => (key(), bitfield.clone()).prop_map(|(peer, pieces)| Event::Has { peer, pieces }),
        5 => (key(), piece.clone()).prop_map(|(peer, piece)| Event::Have { peer, piece }),
        4 => (key(), side.clone(), any::<bool>()).prop_map(|(peer, by, choking)| Event::Choking { peer, by, choking }),
        3 => (key(), side, any::<bool>()).prop_map(|(peer, by, interested)| Event::Interested { peer, by, interested }),
        3 => key().prop_map(|peer| Event::FirstBlock { peer }),
        3 => (key(), sample).prop_map(|(peer, sample)| Event::PeerSample { peer, sample }),
        6 => (key(), cause.clone()).prop_map(|(peer, cause)| Event::AttemptEnded { peer, cause, error: None, detail: None, bytes_in: 1, bytes_out: 2 }),
        2 => (key(), key()).prop_map(|(gone, into)| Event::PeerMerged { gone, into }),
        1 => (key(), proptest::option::of(cause.clone())).prop_map(|(peer, cause)| Event::NotDialled { peer, cause }),
        1 => (key(), any::<bool>()).prop_map(|(peer, dropped)| Event::Dropped { peer, dropped }),
        1 => (key(), any::<bool>()).prop_map(|(peer, held)| Event::Held { peer, held }),
        1 => (key(), proptest::option::of(at.clone())).prop_map(|(peer, until)| Event::Banned { peer, until, reason: "so".to_owned() }),
        1 => (key(), proptest::option::of(at)).prop_map(|(peer, at)| Event::NextTry { peer, at }),
        1 => (key(), 0u64..9, 0u64..9).prop_map(|(peer, bytes_in, bytes_out)| Event::Traffic { peer, bytes_in, bytes_out }),
        1 => key().prop_map(|peer| Event::LooksLike { peer, what: LooksLike::Ssh }),
        1 => key().prop_map(|peer| Event::Agreed { peer, payload: Payload::Rc4 }),
        1 => any::<bool>().prop_map(|on| Event::Recording { on }),
    ];
    let of_the_rest = prop_oneof![
        piece.clone().prop_map(|piece| Event::PieceOpened { piece }),
        piece.clone().prop_map(|piece| Event::PieceClosed { piece }),
        (piece.clone(), proptest::collection::vec(peer_key(), 0..3))
            .prop_map(|(piece, from)| Event::PieceVerified { piece, from }),
        (piece.clone(), blocks).prop_map(|(piece, blocks)| Event::PieceBlocks { piece, blocks }),
        (piece, proptest::collection::vec(key(), 0..6))
            .prop_map(|(piece, from)| Event::PieceFailed { piece, from }),
        bitfield.prop_map(|pieces| Event::Had { pieces }),
        phase.prop_map(|phase| Event::Phase { phase, reason: None }),
        (any::<u32>(), any::<u32>()).prop_map(|(done, of)| Event::Checked { done, of }),
        (any::<u32>(), any::<u32>()).prop_map(|(done, of)| Event::Preparing { done, of }),
        any::<u16>().prop_map(|port| Event::Listening { port }),
        proptest::option::of(any::<u64>()).prop_map(|down_bps| Event::Limits { down_bps, up_bps: None }),
        (any::<u64>(), any::<u64>())
            .prop_map(|(down_bps, up_bps)| Event::Sample(Sample { down_bps, up_bps })),
        (any::<[u8; 4]>(), cause).prop_map(|(ip, cause)| Event::IncomingFailed { addr: ip.into(), cause }),
        tracker.clone().prop_map(|tracker| Event::TrackerKnown {
            tracker,
            tier: 0,
            url: "udp://t".to_owned()
        }),
        tracker.clone().prop_map(|tracker| Event::AnnounceAnswered { tracker, answer: Announced::default() }),
        tracker.prop_map(|tracker| Event::AnnounceFailed {
            tracker,
            error: TrackerError::Timeout,
            text: String::new()
        }),
    ];
    prop_oneof![3 => of_peers, 1 => of_the_rest]
}

/// The same, but only what a run can have.
pub(crate) fn possible_event() -> impl Strategy<Value = Event> {
    let smaller = event().prop_map(|mut event| {
        match &mut event {
            Event::PeerSample { sample, .. } => {
                let PeerSample { down_bps, up_bps, down_bytes, up_bytes, .. } = sample;
                [down_bps, up_bps, down_bytes, up_bytes].into_iter().for_each(|number| *number >>= 24);
            }
            Event::Sample(Sample { down_bps, up_bps }) => {
                [down_bps, up_bps].into_iter().for_each(|bps| *bps >>= 24);
            }
            Event::Limits { down_bps, .. } => *down_bps = down_bps.map(|bps| bps >> 24),
            Event::HandshakeSent { sent: bytes, .. } | Event::HandshakeBytes { received: bytes, .. } => {
                bytes.truncate(68);
            }
            _ => {}
        }
        event
    });
    let geometry = Geometry::new(30, 1).unwrap();
    smaller.prop_filter("possible", move |event| event.clone().check(&geometry).is_ok())
}

/// What must hold of every view.
fn holds(view: &View, before: Option<&View>) -> Result<(), TestCaseError> {
    let groups = view.groups;
    let sum = groups.live + groups.trying + groups.failed + groups.left + groups.queued + groups.banned;
    prop_assert_eq!(sum, view.funnel.known);
    let funnel = view.funnel;
    let steps = [
        funnel.known,
        funnel.dialled,
        funnel.connected,
        funnel.handshaken,
        funnel.unchoked,
        funnel.transferring,
    ];
    for pair in steps.windows(2) {
        prop_assert!(pair[1] <= pair[0]);
    }
    for (step, pair) in view.way().windows(2).enumerate() {
        prop_assert!(pair[1] <= pair[0]);
        let lost: u32 = view.losses[step].causes.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(lost, pair[0] - pair[1], "step {}", step);
    }
    prop_assert!(!view.verdicts.is_empty());
    if let Err(words) = agrees_with_counts(view) {
        prop_assert!(false, "{words}");
    }
    for record in &view.peers {
        let open = record.attempts.iter().filter(|attempt| attempt.ended.is_none()).count();
        prop_assert!(open <= 1);
        prop_assert_eq!(open == 1, matches!(record.group, Group::Live | Group::Trying));
        prop_assert_eq!(record.cause.is_none(), open == 1, "a reason, or a connection: {:?}", record);
        let old = before.and_then(|view| view.peers.iter().find(|old| old.key == record.key));
        prop_assert!(old.is_none_or(|old| old.stage <= record.stage), "the stage went back");
    }
    let map = &view.pieces;
    for (index, held) in map.held_by.iter().enumerate() {
        let piece = view.torrent.geometry.piece(index as u32).unwrap();
        let sets =
            view.peers.iter().filter(|record| record.is_live()).filter_map(|record| record.has.as_ref());
        prop_assert_eq!(usize::from(*held), sets.filter(|set| !set.is_full() && set.has(piece)).count());
    }
    Ok(())
}

proptest! {
    #[test]
    fn takes_any_events_in_any_order(steps in proptest::collection::vec((0u64..3000, event()), 1..120), most_rows in 4usize..20) {
        let mut run = Script::with_ledger(30, Ledger::with_most_rows(facts(30), most_rows));
        let mut before = None;
        for (ms, event) in steps {
            run.wait_ms(ms).tell(event);
            let view = run.view();
            holds(&view, before.as_deref())?;
            before = Some(view);
        }
    }

    #[test]
    fn the_same_events_give_the_same_view(steps in proptest::collection::vec((0u64..3000, event()), 1..80), looks in any::<u64>()) {
        let (mut one, mut other) = (Script::downloading(30), Script::downloading(30));
        for (number, (ms, event)) in steps.into_iter().enumerate() {
            one.wait_ms(ms).tell(event.clone());
            other.wait_ms(ms).tell(event);
            if looks >> (number % 64) & 1 == 1 {
                other.view();
            }
        }
        prop_assert_eq!(one.view(), other.view(), "looking changes nothing");
    }
}
