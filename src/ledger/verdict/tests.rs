//! Each rule provoked, and nearly.

use std::sync::Arc;
use std::time::Duration;

use super::{Verdict, VerdictCode};
use crate::event::{
    Cause, Direction, DiskSample, Encryption, Event, LooksLike, PeerKey, Phase, Severity, Side, Source,
    TrackerError,
};
use crate::ledger::script::Script;
use crate::metainfo::Bitfield;

fn evidence(verdict: &Verdict, name: &str) -> u64 {
    verdict.evidence.iter().find(|(known, _)| *known == name).map(|(_, number)| *number).unwrap()
}

/// A run in which so many of two live peers send at this rate, for so long.
fn flowing(bps: u64, seconds: u64) -> Script {
    let mut run = Script::downloading(10_000);
    let peers = run.peers(2);
    run.seed(peers[0]).seed(peers[1]).unchoke(peers[0]);
    run.send(&peers[..1], bps, seconds);
    run
}

#[test]
fn paused_speaks_for_the_whole_while_it_is() {
    let mut run = flowing(1 << 20, 5);
    assert_ne!(run.first().code, VerdictCode::Paused);
    run.phase(Phase::Paused).wait(60);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Paused, Severity::Info));
    assert_eq!(evidence(&first, "paused_s"), 60);
}

#[test]
fn disk_trouble_says_what_the_disk_said() {
    let mut run = flowing(1 << 20, 5);
    let reason = Some("No space left in /home/me/iso.".to_owned());
    run.tell(Event::Phase { phase: Phase::Stopped, reason });
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::DiskTrouble, Severity::Error));
    assert_eq!(first.text, "Stopped: No space left in /home/me/iso.");
    assert!(!first.advice.is_empty());
    run.phase(Phase::Downloading);
    assert!(run.verdict(VerdictCode::DiskTrouble).is_none());
}

#[test]
fn complete_says_where_and_who_is_served() {
    let mut run = flowing(1 << 20, 5);
    run.phase(Phase::Seeding);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Complete, Severity::Good));
    assert_eq!(first.text, "Complete. Everything is in /home/me/iso.");
}

#[test]
fn checking_counts_up() {
    let mut run = Script::downloading(100);
    run.phase(Phase::Checking).tell(Event::Checked { done: 41, of: 100 });
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Unknown, Severity::Info));
    assert_eq!(first.text, "Looking at what is already on disk: 41 of 100 pieces so far.");
}

#[test]
fn healthy_counts_senders_and_tells_the_time_left() {
    let mut run = Script::downloading(15_104);
    let peers = run.peers(17);
    for peer in &peers {
        run.seed(*peer);
    }
    for peer in &peers[..7] {
        run.unchoke(*peer);
    }
    run.send(&peers[..7], 200 * 1024, 3);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Healthy, Severity::Good));
    assert_eq!(
        first.text,
        "Going well. 7 of the 17 live peers are sending; the rest of the file arrives in about 3 minutes."
    );
    run.wait(12);
    assert_ne!(run.first().code, VerdictCode::Healthy, "nothing for twelve seconds");
}

#[test]
fn slow_needs_half_a_minute_of_little_that_is_not_our_own_limit() {
    let mut run = flowing(20 * 1024, 29);
    assert_eq!(run.first().code, VerdictCode::Healthy, "not half a minute yet");
    run = flowing(20 * 1024, 31);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Slow, Severity::Warn));
    assert!(
        first
            .text
            .starts_with("Slow. 1 of the 2 live peers is sending: 20.0 KiB/s on average over half a minute"),
        "{}",
        first.text
    );
    run.tell(Event::Limits { down_bps: Some(20 * 1024), up_bps: None });
    assert_eq!(run.first().code, VerdictCode::Healthy, "we wanted it so");
    assert_eq!(flowing(40 * 1024, 31).first().code, VerdictCode::Healthy);
}

#[test]
fn stalled_comes_after_thirty_seconds_that_nothing_explains() {
    let mut run = flowing(1 << 20, 5);
    for peer in run.view().peers.iter().map(|record| record.key) {
        run.tell(Event::Interested { peer, by: Side::Us, interested: false });
    }
    run.send(&[], 0, 29);
    assert_eq!(run.first().code, VerdictCode::Unknown);
    assert!(run.view().stalled_for().is_none());
    run.wait(1);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Stalled, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing has arrived for 30 seconds: 2 peers are connected, and none of them sends."
    );
    assert_eq!(run.view().stalled_for(), Some(Duration::from_secs(30)));
}

#[test]
fn stalled_without_anybody_names_the_reasons() {
    let mut run = Script::downloading(100);
    let peers = run.peers(5);
    for peer in &peers[..3] {
        run.fail(*peer, Cause::ConnectionRefused);
    }
    for peer in &peers[3..] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    run.wait(40);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::Stalled);
    assert_eq!(
        first.text,
        "Nothing has arrived for 40 seconds: none of the 5 peers shook hands (3 refused, 2 no answer)."
    );
}

#[test]
fn going_well_ends_with_the_last_live_peer() {
    let mut run = Script::downloading(10_000);
    let peers = run.peers(4);
    run.fail(peers[0], Cause::ConnectionRefused);
    for peer in &peers[1..3] {
        run.seed(*peer).unchoke(*peer);
    }
    run.send(&peers[1..3], 1 << 20, 5);
    assert_eq!(run.first().code, VerdictCode::Healthy);
    run.end(peers[1], Cause::ResetByPeer)
        .end(peers[2], Cause::ClosedByPeer)
        .fail(peers[3], Cause::ConnectTimeout);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Unknown, Severity::Warn));
    assert_eq!(
        first.text,
        "Nobody is connected: 2 of the 4 peers shook hands and went away; 2 failed (1 refused, 1 no answer)."
    );
    run.wait(40);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::Stalled);
    assert!(first.text.contains("2 of the 4 peers shook hands and went away"), "{}", first.text);
}

#[test]
fn a_start_that_goes_badly_says_why_at_once() {
    let mut run = Script::downloading(100);
    let peers = run.peers(4);
    for peer in &peers[..3] {
        run.fail(*peer, Cause::NotBittorrent);
    }
    run.dial(peers[3]);
    assert_eq!(run.first().text, "Getting started: 1 peer is being tried, 3 failed (3 not BT).");
    run.wait(40);
    let text = run.first().text;
    assert!(text.ends_with("none of the 4 peers shook hands (3 not BT); 1 peer is being tried."), "{text}");
}

#[test]
fn unknown_is_what_can_be_said_at_the_start() {
    let mut run = Script::downloading(100);
    run.tracker(0);
    assert_eq!(run.first().code, VerdictCode::Unknown);
    assert_eq!(run.first().text, "Asking 1 tracker for peers.");
    let peers = run.peers(3);
    run.dial(peers[0]);
    assert_eq!(run.first().text, "Getting started: 1 peer is being tried, 2 to be tried.");
    run.live(peers[1]);
    assert_eq!(run.first().text, "Getting started: 1 peer is connected, nothing has come yet.");
}

#[test]
fn no_peers_known_waits_for_the_trackers() {
    let mut run = Script::downloading(100);
    assert_eq!(run.first().code, VerdictCode::Unknown, "too early");
    run.wait(1);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::NoPeersKnown, Severity::Warn));
    assert_eq!(first.text, "Nothing arrives: no peers are known: the torrent names no tracker.");

    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.wait(20);
    assert_eq!(run.first().code, VerdictCode::Unknown, "it has not answered yet");
    run.answer(tracker, 0);
    assert_eq!(run.first().code, VerdictCode::NoPeersKnown);
    run.peers(1);
    assert!(run.verdict(VerdictCode::NoPeersKnown).is_none());
}

#[test]
fn trackers_failing_means_all_of_them() {
    let mut run = Script::downloading(100);
    let (first, second) = (run.tracker(0), run.tracker(1));
    run.refuse(first, TrackerError::Timeout);
    assert!(run.verdict(VerdictCode::TrackersFailing).is_none(), "one may still answer");
    run.refuse(second, TrackerError::Timeout);
    let verdict = run.first();
    assert_eq!((verdict.code, verdict.severity), (VerdictCode::TrackersFailing, Severity::Warn));
    assert_eq!(
        verdict.text,
        "Nothing arrives: both trackers fail: no answer. Without one, there is nobody to ask for data."
    );
    let peer = run.peer_from("80.1.1.1:6881", Source::Manual);
    run.seed(peer).unchoke(peer).send(&[peer], 1 << 20, 3);
    let verdict = run.verdict(VerdictCode::TrackersFailing).unwrap();
    assert_eq!(verdict.severity, Severity::Info, "it costs nothing while others send");
    assert_eq!(run.first().code, VerdictCode::Healthy);
    run.answer(second, 3);
    assert!(run.verdict(VerdictCode::TrackersFailing).is_none());
}

#[test]
fn dials_time_out_needs_most_of_enough() {
    let mut run = Script::downloading(100);
    let peers = run.peers(50);
    for peer in &peers[..41] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    for peer in &peers[41..45] {
        run.fail(*peer, Cause::ConnectionRefused);
    }
    for peer in &peers[45..48] {
        run.seed(*peer);
    }
    run.wait(130);
    let verdicts = run.verdicts();
    let (first, second) = (&verdicts[0], &verdicts[1]);
    assert_eq!((first.code, first.severity), (VerdictCode::DialsTimeOut, Severity::Warn));
    assert!(first.text.starts_with("Nothing arrives: 41 of the 48 peers we dialled never answered. Either"));
    assert_eq!(first.advice, "run ttui check with another torrent; if that fails too, it is near us.");
    assert_eq!((evidence(first, "timed_out"), evidence(first, "dialled")), (41, 48));
    assert_eq!(
        second.text,
        "The 3 live peers choke us (they serve others first). That often ends by itself."
    );

    let mut nearly = Script::downloading(100);
    let peers = nearly.peers(48);
    for peer in &peers[..37] {
        nearly.fail(*peer, Cause::ConnectTimeout);
    }
    for peer in &peers[37..] {
        nearly.fail(*peer, Cause::ConnectionRefused);
    }
    assert!(nearly.verdict(VerdictCode::DialsTimeOut).is_none(), "not eight of ten");
    let mut few = Script::downloading(100);
    for peer in few.peers(7) {
        few.fail(peer, Cause::ConnectTimeout);
    }
    assert!(few.verdict(VerdictCode::DialsTimeOut).is_none(), "too few to tell");
}

#[test]
fn encryption_wanted_by_those_our_setting_shuts_out() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    for peer in &peers[..2] {
        run.connect(*peer).end(*peer, Cause::EncryptionRequired);
    }
    assert!(run.verdict(VerdictCode::EncryptionWanted).is_none());
    run.connect(peers[2]).end(peers[2], Cause::EncryptionRequired);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::EncryptionWanted, Severity::Warn));
}

#[test]
fn encryption_wanted_by_those_that_hung_up_on_plain_handshakes() {
    let mut run = Script::downloading(100);
    let peers = run.peers(4);
    for peer in &peers {
        assert!(*peer == peers[3] || run.verdict(VerdictCode::EncryptionWanted).is_none());
        run.connect(*peer).end(*peer, Cause::ClosedBeforeHandshake);
        if *peer != peers[3] {
            run.begin(*peer, Direction::Out, Encryption::Mse).handshake(*peer, b"-TR4060-abcdefghijkl");
        }
    }
    let verdict = run.verdict(VerdictCode::EncryptionWanted).unwrap();
    assert_eq!(verdict.text, "3 of the 3 peers that shook hands did so only encrypted.");
}

#[test]
fn all_choke_us_means_all_that_have_what_we_miss_for_a_while() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    run.seed(peers[0]).seed(peers[1]).live(peers[2]);
    run.wait(9);
    assert!(run.verdict(VerdictCode::AllChokeUs).is_none(), "they just met us");
    run.wait(1);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::AllChokeUs, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing arrives: the 2 live peers that have what we miss choke us (they serve others first). That often ends by \
         itself."
    );
    run.unchoke(peers[1]);
    assert_eq!(run.first().code, VerdictCode::AllChokeUs, "it may be taken back at once");
    run.wait(5);
    assert!(run.verdict(VerdictCode::AllChokeUs).is_none(), "it was looked at again");
}

#[test]
fn a_peer_we_hold_does_not_choke_us() {
    let mut run = Script::downloading(100);
    let peer = run.peer("80.1.1.1:6881");
    run.seed(peer).wait(20).tell(Event::Held { peer, held: true });
    assert!(run.verdict(VerdictCode::AllChokeUs).is_none());
    let first = run.first();
    assert_eq!(first.code, VerdictCode::OwnLimits);
    assert_eq!(first.text, "Nothing arrives: you hold the one live peer, so it is not asked for data.");
}

#[test]
fn unchoked_but_silent_means_all_that_were_asked() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    run.seed(peers[0]).seed(peers[1]).unchoke(peers[0]).unchoke(peers[1]).seed(peers[2]);
    run.asked_in_vain(peers[0]).wait(34);
    assert!(run.verdict(VerdictCode::UnchokedButSilent).is_none(), "one was not asked");
    run.asked_in_vain(peers[1]);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::UnchokedButSilent);
    assert_eq!(
        first.text,
        "Nothing arrives: the 2 peers that let us download have sent nothing for 34 seconds."
    );
    run.second(&peers[..1], 1000);
    assert!(run.verdict(VerdictCode::UnchokedButSilent).is_none());
}

#[test]
fn row_and_verdict_call_a_peer_snubbed_at_the_same_moment() {
    let mut run = Script::downloading(100);
    let peer = run.open_seeds(1)[0];
    let said = |run: &mut Script| {
        let now = run.view().at;
        let row = run.record(peer).held_back_by(now) == Some(Cause::Snubbed);
        (row, run.verdict(VerdictCode::UnchokedButSilent).is_some())
    };
    run.wait(15);
    assert_eq!(said(&mut run), (false, false), "it was asked for nothing");
    run.send(&[peer], 1000, 1).asked_in_vain(peer).wait(9);
    assert_eq!(said(&mut run), (false, false));
    run.wait(1);
    assert_eq!(said(&mut run), (true, true));
}

#[test]
fn how_well_it_goes_is_what_the_rate_says() {
    let mut run = Script::downloading(100_000);
    let peers = run.open_seeds(1);
    run.tell(Event::FirstBlock { peer: peers[0] });
    let first = run.first();
    assert_eq!(
        (first.code, first.text.split_once('.').unwrap().0),
        (VerdictCode::Healthy, "Getting started")
    );
    run.send(&peers, 24 * 1024, 5);
    let first = run.first();
    assert!(first.text.starts_with("Data arrives. The one live peer is sending; the rest"), "{}", first.text);
    assert!(first.brief.0.starts_with("Data arrives. 1 peer is sending; the rest"), "{}", first.brief.0);
    run.send(&peers, 1 << 20, 5);
    assert!(run.first().text.starts_with("Going well. "));
}

#[test]
fn those_dialled_to_the_end_are_not_called_all_who_were_dialled() {
    let mut run = Script::downloading(100);
    let peers = run.peers(44);
    run.fail_all(&peers[..15], Cause::ConnectTimeout);
    run.fail_all(&peers[15..18], Cause::ConnectionRefused);
    let told = |run: &mut Script| run.verdict(VerdictCode::DialsTimeOut).unwrap().text;
    assert!(told(&mut run).contains("15 of the 18 peers we dialled never answered."));
    for peer in &peers[18..] {
        run.dial(*peer);
    }
    assert!(told(&mut run).contains("15 of the 18 peers dialled so far never answered."));
}

#[test]
fn snubbed_by_most_is_worth_a_note() {
    let mut run = Script::downloading(100);
    let peers = run.peers(5);
    for peer in &peers {
        run.seed(*peer).unchoke(*peer);
    }
    run.asked_in_vain(peers[0]).asked_in_vain(peers[1]).wait(20);
    run.send(&peers[2..], 1 << 20, 2);
    assert!(run.verdict(VerdictCode::SnubbedByMost).is_none(), "two of five");
    run.wait(20).asked_in_vain(peers[2]).send(&peers[3..], 1 << 20, 4);
    let verdict = run.verdict(VerdictCode::SnubbedByMost).unwrap();
    assert_eq!(verdict.text, "3 of the 5 peers that let us download send nothing.");
}

#[test]
fn pieces_missing_speaks_first_only_when_nothing_else_is_left() {
    let mut run = Script::downloading(4);
    let peer = run.peer("80.1.1.1:6881");
    run.live(peer).has(peer, &[0, 1, 2]).want(peer).unchoke(peer);
    run.wait(29);
    assert!(run.verdict(VerdictCode::PiecesMissing).is_none(), "others may come");
    run.send(&[peer], 1 << 20, 6);
    let verdict = run.verdict(VerdictCode::PiecesMissing).unwrap();
    assert_eq!(verdict.severity, Severity::Info);
    assert!(
        verdict.text.starts_with("No peer we are connected to has 1 of the 4 missing pieces."),
        "{}",
        verdict.text
    );
    for number in 0..3 {
        let piece = run.piece(number);
        run.tell(Event::PieceVerified { piece, from: vec![peer] });
    }
    run.tell(Event::Interested { peer, by: Side::Us, interested: false }).wait(20);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::PiecesMissing, Severity::Warn));
    assert!(
        first.text.starts_with("Nothing arrives: no peer we are connected to has the one missing piece.")
    );
    let seed = run.peers(1)[0];
    run.seed(seed);
    assert!(run.verdict(VerdictCode::PiecesMissing).is_none());
}

#[test]
fn port_unreached_needs_time_and_somebody_who_could_have_called() {
    let mut run = flowing(1 << 20, 1);
    run.tell(Event::Listening { port: 6881 });
    run.wait(179);
    assert!(run.verdict(VerdictCode::PortUnreached).is_none());
    run.wait(1);
    let verdict = run.verdict(VerdictCode::PortUnreached).unwrap();
    assert_eq!(verdict.severity, Severity::Warn);
    assert_eq!(
        verdict.text,
        "Nobody has reached us on port 6881 in 3 minutes. It may be closed; opening it can bring more peers."
    );
    run.called_by("192.168.1.4:5555");
    assert!(run.verdict(VerdictCode::PortUnreached).is_some(), "a neighbour proves nothing");
    run.called_by("81.2.3.4:5555");
    assert!(run.verdict(VerdictCode::PortUnreached).is_none());

    let mut local = Script::downloading(100);
    let peer = local.peer("127.0.0.1:6881");
    local.tell(Event::Listening { port: 6881 }).seed(peer).wait(300);
    assert!(local.verdict(VerdictCode::PortUnreached).is_none(), "nobody out there knows us");
}

#[test]
fn bad_data_is_laid_to_the_one_peer_it_came_from() {
    let mut run = flowing(1 << 20, 3);
    let liar = run.peer("80.9.9.9:51414");
    run.seed(liar);
    assert!(run.verdict(VerdictCode::BadDataOnePeer).is_none());
    let piece = run.piece(5);
    run.tell(Event::PieceFailed { piece, from: vec![liar] });
    let verdict = run.verdict(VerdictCode::BadDataOnePeer).unwrap();
    assert_eq!(verdict.severity, Severity::Warn);
    assert_eq!(
        verdict.text,
        "80.9.9.9:51414 sent wrong data: 1 piece failed the check. The piece is fetched again."
    );
    let until = Some(run.at + Duration::from_secs(3600));
    run.tell(Event::Banned { peer: liar, until, reason: "wrong data".to_owned() })
        .end(liar, Cause::HashFailures);
    let verdict = run.verdict(VerdictCode::BadDataOnePeer).unwrap();
    assert_eq!((verdict.severity, verdict.advice.as_str()), (Severity::Info, ""));
    assert_eq!(run.first().code, VerdictCode::Healthy);
}

#[test]
fn bad_data_of_many_peers_leaves_two_suspects() {
    let mut run = flowing(1 << 20, 3);
    let peers = run.peers(3);
    for (number, peer) in peers.iter().enumerate() {
        assert!(run.verdict(VerdictCode::BadDataManyPeers).is_none());
        let piece = run.piece(number as u32);
        run.tell(Event::PieceFailed { piece, from: vec![*peer] });
    }
    let verdict = run.verdict(VerdictCode::BadDataManyPeers).unwrap();
    assert!(
        verdict
            .text
            .starts_with("Wrong data keeps coming: 3 pieces failed the check, with data from 3 peers."),
        "{}",
        verdict.text
    );
    assert_eq!(run.first().code, VerdictCode::BadDataManyPeers, "data that is thrown away is no progress");
    assert!(run.verdict(VerdictCode::BadDataOnePeer).is_none());
}

#[test]
fn own_limits_speak_when_they_hold_it_back() {
    let mut run = flowing(1 << 20, 10);
    run.tell(Event::Limits { down_bps: Some(1 << 21), up_bps: None });
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "half of it is used");
    run.tell(Event::Limits { down_bps: Some(1 << 20), up_bps: None });
    let verdict = run.verdict(VerdictCode::OwnLimits).unwrap();
    assert_eq!((verdict.severity, run.first().code), (Severity::Info, VerdictCode::Healthy));
    assert_eq!(verdict.text, "Our own limit of 1.0 MiB/s is used in full.");
    run.tell(Event::Limits { down_bps: Some(1 << 19), up_bps: None });
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "it was lowered, and what was asked for comes");
    run.tell(Event::Limits { down_bps: Some(0), up_bps: None }).wait(11);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::OwnLimits, Severity::Warn));
    assert!(first.text.starts_with("Nothing arrives: our own limit lets nothing in"));
}

#[test]
fn a_slow_disk_is_named_while_much_waits_for_it() {
    let mut run = flowing(19 << 20, 10);
    let peer = run.view().peers[0].key;
    let mut second = |pending_bytes: u64| {
        let sample =
            DiskSample { written_bps: 19 << 20, pending_bytes, memory_bytes: 20 << 20, write_ms: 55 };
        run.tell(Event::Disk(sample)).send(&[peer], 19 << 20, 1);
        run.verdict(VerdictCode::DiskSlow)
    };
    assert!((0..5).all(|_| second(2 << 20).is_none()), "it keeps up");
    assert!((0..2).all(|_| second(9 << 20).is_none()), "for a moment");
    let verdict = (0..3).find_map(|_| second(9 << 20)).unwrap();
    assert_eq!(verdict.severity, Severity::Warn);
    assert_eq!(verdict.text, "The disk is the limit: it takes 19.0 MiB/s, and a write takes 55 ms.");
    assert_eq!(evidence(&verdict, "unwritten_bytes"), 9 << 20);
    run.send(&[peer], 19 << 20, 10);
    assert!(run.verdict(VerdictCode::DiskSlow).is_none(), "nothing is told of it any more");
}

#[test]
fn own_limits_count_those_that_wait_for_a_connection() {
    let mut run = flowing(1 << 20, 3);
    let peers = run.peers(2);
    assert!(run.verdict(VerdictCode::OwnLimits).is_none());
    run.tell(Event::Places { most: 3 });
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "there is one place more");
    run.live(peers[0]);
    let verdict = run.verdict(VerdictCode::OwnLimits).unwrap();
    assert_eq!(verdict.text, "1 peer waits: all 3 connections that --max-peers allows are open.");
    assert_eq!((verdict.advice.as_str(), verdict.severity), ("raise it.", Severity::Info));
    run.end(peers[0], Cause::ClosedByPeer);
    assert!(run.verdict(VerdictCode::OwnLimits).is_none(), "there is a place again");
}

#[test]
fn losses_are_called_usual_only_while_others_send() {
    let mut run = flowing(1 << 20, 3);
    let peers = run.peers(48);
    for peer in &peers[..17] {
        run.fail(*peer, Cause::ConnectTimeout);
    }
    for peer in &peers[17..28] {
        run.connect(*peer).end(*peer, Cause::ClosedBeforeHandshake);
    }
    let verdicts = run.verdicts();
    let note = verdicts[1..].iter().find(|verdict| verdict.code == VerdictCode::Healthy).unwrap();
    assert_eq!(note.severity, Severity::Info);
    assert_eq!(
        note.text,
        "28 of 50 peers failed, most of them simply offline. That is usual, and costs nothing while others send."
    );
    run.wait(20);
    assert!(run.verdict(VerdictCode::Healthy).is_none());
}

#[test]
fn address_family_dead_needs_the_other_one_alive() {
    let mut run = Script::downloading(100);
    let v6: Vec<_> = (1..4).map(|n| run.peer(&format!("[2a01:4f8::{n}]:6881"))).collect();
    for peer in &v6 {
        run.fail(*peer, Cause::NetworkUnreachable);
    }
    let first = run.first();
    assert_eq!(
        (first.code, first.severity),
        (VerdictCode::AddressFamilyDead, Severity::Warn),
        "nobody else is known"
    );
    let v4 = run.peers(1)[0];
    run.live(v4);
    let verdict = run.verdict(VerdictCode::AddressFamilyDead).unwrap();
    assert_eq!(verdict.severity, Severity::Info);
    assert_eq!(verdict.text, "None of the 3 IPv6 peers can be reached: there is no route to them from here.");
    run.live(v6[0]);
    assert!(run.verdict(VerdictCode::AddressFamilyDead).is_none());
}

#[test]
fn stale_tracker_is_one_that_named_nobody_who_answers() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.answer(tracker, 10);
    let peers = run.peers(10);
    for peer in &peers[..9] {
        run.fail(*peer, Cause::ConnectionRefused);
    }
    assert!(run.verdict(VerdictCode::StaleTracker).is_none(), "one was not tried yet");
    run.fail(peers[9], Cause::ConnectionRefused);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::StaleTracker, Severity::Warn), "at once");
    assert_eq!(
        first.text,
        "Nothing arrives: http://t0.example:6969 named 10 peers, and none of them can be reached (all refuse: no \
         client runs there): its addresses seem to be old."
    );
    run.connect(peers[4]);
    assert!(run.verdict(VerdictCode::StaleTracker).is_none());
}

#[test]
fn seeds_only_matters_while_we_seed() {
    let mut run = Script::downloading(100);
    let peers = run.peers(2);
    run.seed(peers[0]);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_none());
    run.tell(Event::Had { pieces: Arc::new(Bitfield::full(100)) }).phase(Phase::Seeding);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_none(), "they may just be on their way out");
    run.wait(3);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_some());
    run.live(peers[1]).has(peers[1], &[3]);
    assert!(run.verdict(VerdictCode::SeedsOnly).is_none());
}

#[test]
fn ranks_by_weight_after_what_judges_the_whole() {
    let mut run = flowing(1 << 20, 3);
    run.tell(Event::Listening { port: 6881 }).tell(Event::Limits { down_bps: Some(1 << 20), up_bps: None });
    let first_peer = run.view().peers[0].key;
    run.wait(200).send(&[first_peer], 1 << 20, 5);
    assert_eq!(run.codes(), [VerdictCode::Healthy, VerdictCode::PortUnreached, VerdictCode::OwnLimits]);
}

#[test]
fn judges_a_run_that_only_looks_by_who_answered() {
    let mut run = Script::downloading(4);
    run.tell(Event::Probing);
    let peers = run.peers(9);
    peers[2..].iter().for_each(|peer| {
        run.fail(*peer, Cause::ConnectTimeout);
    });
    assert_eq!(run.first().code, VerdictCode::Unknown, "too few to tell");
    run.fail(peers[0], Cause::ConnectTimeout);
    let verdict = run.first();
    assert_eq!((verdict.code, verdict.severity), (VerdictCode::DialsTimeOut, Severity::Warn));
    assert!(verdict.text.starts_with("8 of the 8"), "{}", verdict.text);
    run.live(peers[1]);
    run.unchoke(peers[1]);
    run.tell(Event::FirstBlock { peer: peers[1] }).wait(60);
    let verdict = run.first();
    assert_eq!((verdict.code, verdict.severity), (VerdictCode::Healthy, Severity::Good));
    assert_eq!(verdict.text, "It works: 1 of the 9 known peers shook hands, and 1 sent data.");
}

/// A handshake for another torrent, whose info-hash repeats this byte.
fn other_torrent(run: &mut Script, peer: PeerKey, torrent: u8) {
    let mut received = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
    received.extend([torrent; 20]);
    received.extend(b"-TR4060-abcdefghijkl");
    run.connect(peer).tell(Event::HandshakeBytes { peer, received }).end(peer, Cause::InfoHashMismatch);
}

/// An answer that no BitTorrent client gives.
fn foreign(run: &mut Script, peer: PeerKey, what: LooksLike, received: &[u8]) {
    let received = received.to_vec();
    run.connect(peer).tell(Event::HandshakeBytes { peer, received }).tell(Event::LooksLike { peer, what });
    run.end(peer, Cause::NotBittorrent);
}

#[test]
fn other_torrent_is_what_all_say_once_the_dials_ended() {
    let mut run = Script::downloading(100);
    let peers = run.peers(8);
    peers[..4].iter().for_each(|peer| other_torrent(&mut run, *peer, 9));
    assert_eq!(run.first().code, VerdictCode::Unknown, "four, and four to come");
    peers[4..7].iter().for_each(|peer| other_torrent(&mut run, *peer, 9));
    assert_eq!(run.first().code, VerdictCode::OtherTorrent, "seven of seven, whatever the last one says");
    other_torrent(&mut run, peers[7], 9);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::OtherTorrent, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing arrives: all 8 peers that answered share another torrent: 0909090909090909090909090909090909090909. Either the tracker mixes torrents up, or a newer torrent has replaced this one."
    );
    assert_eq!(first.advice, "look for the current .torrent where this one came from.");
    run.wait(60);
    assert_eq!(run.first().code, VerdictCode::OtherTorrent, "it explains, so nothing is called stalled");
    run.dial(peers[0]);
    assert_eq!(run.first().code, VerdictCode::OtherTorrent, "dialling again does not take it back");
    for peer in run.peers(3) {
        run.live(peer);
    }
    assert!(run.verdict(VerdictCode::OtherTorrent).is_none(), "eight of eleven are not most");

    let mut mixed = Script::downloading(100);
    for (peer, torrent) in mixed.peers(3).into_iter().zip(1..) {
        other_torrent(&mut mixed, peer, torrent);
    }
    assert!(mixed.first().text.ends_with("share other torrents. The tracker seems to mix torrents up."));
    let more = mixed.peers(1)[0];
    mixed.connect(more).end(more, Cause::ClosedBeforeHandshake);
    assert_eq!(mixed.first().code, VerdictCode::Stalled, "three of four are few");
}

#[test]
fn answered_by_others_needs_answers_that_are_alike() {
    let page = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n";
    let mut run = Script::downloading(100);
    let peers = run.peers(8);
    peers.iter().for_each(|peer| foreign(&mut run, *peer, LooksLike::Http, page));
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::AnsweredByOthers, Severity::Warn));
    assert_eq!(
        first.text,
        "Nothing arrives: all 8 peers that answered are no BitTorrent client but http: \
         “HTTP/1.1 302 Found\\r\\nLocation: ht…”. Something on the way (a portal, a proxy) seems to answer in their place."
    );
    let mut unlike = Script::downloading(100);
    let peers = unlike.peers(8);
    for (number, peer) in peers.iter().enumerate() {
        let what = if number % 2 == 0 { LooksLike::Http } else { LooksLike::Ssh };
        foreign(&mut unlike, *peer, what, b"what it says");
    }
    assert_eq!(unlike.first().code, VerdictCode::Stalled, "web pages and shells: services of their own");
    let mut garbage = Script::downloading(100);
    for (number, peer) in (1..).zip(garbage.peers(6)) {
        foreign(&mut garbage, peer, LooksLike::Unknown, &[number; 20]);
    }
    assert_eq!(garbage.first().code, VerdictCode::Stalled, "bytes that are not alike");
}

#[test]
fn encryption_is_wanted_where_our_setting_forbids_the_try_that_would_tell() {
    let hung_up_on = |plain_only: bool| {
        let mut run = Script::downloading(100);
        if plain_only {
            run.tell(Event::PlainOnly);
        }
        let peers = run.peers(6);
        run.refuse_hands(&peers, Cause::ClosedBeforeHandshake);
        run
    };
    let first = hung_up_on(true).first();
    assert_eq!((first.code, first.severity), (VerdictCode::EncryptionWanted, Severity::Warn));
    assert!(
        first.text.starts_with("Nothing arrives: all 6 peers that answered hang up on our plain handshake.")
    );
    assert_eq!(first.advice, "start ttui with --encryption prefer-plain.");
    assert_eq!(
        hung_up_on(false).first().code,
        VerdictCode::Stalled,
        "the encrypted try tells that it is not it"
    );
}

#[test]
fn what_is_over_is_told_at_once_and_what_may_still_come_is_waited_for() {
    let mut run = Script::downloading(100);
    let peers = run.peers(3);
    run.fail_all(&peers[..2], Cause::ConnectionRefused);
    assert_eq!(run.first().code, VerdictCode::Unknown, "one was not dialled yet");
    run.connect(peers[2]).end(peers[2], Cause::HandshakeTimeout);
    run.tell(Event::NextTry { peer: peers[2], at: Some(run.at) });
    assert_eq!(run.first().code, VerdictCode::Unknown, "it is dialled in another way at once");
    run.begin(peers[2], Direction::Out, Encryption::Mse);
    assert_eq!(run.first().code, VerdictCode::Unknown, "it is being dialled");
    run.end(peers[2], Cause::HandshakeTimeout);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Stalled, Severity::Warn));
    assert_eq!(first.text, "Nothing arrives: none of the 3 peers shook hands (2 refused, 1 silent).");
    run.dial(peers[0]);
    assert_eq!(run.first().code, VerdictCode::Stalled, "a second round does not take it back");
    run.live(peers[0]);
    assert_eq!(run.first().code, VerdictCode::Unknown);

    let mut asked = Script::downloading(100);
    asked.tracker(0);
    let peer = asked.peers(1)[0];
    asked.fail(peer, Cause::ConnectionRefused);
    assert_eq!(asked.first().code, VerdictCode::Unknown, "the tracker may name others");
}

#[test]
fn an_address_family_that_is_silent_while_the_other_answers_is_dead() {
    let silent = |v4_silent: u32| {
        let mut run = Script::downloading(10_000);
        let v6: Vec<_> = (1..11).map(|n| run.peer(&format!("[2a01:4f8::{n}]:6881"))).collect();
        run.fail_all(&v6, Cause::ConnectTimeout);
        let others = run.peers(v4_silent);
        run.fail_all(&others, Cause::ConnectTimeout);
        let seeds = run.open_seeds(3);
        run.send(&seeds, 1 << 20, 3);
        run
    };
    let mut run = silent(0);
    assert_eq!(run.codes(), [VerdictCode::Healthy, VerdictCode::AddressFamilyDead]);
    let verdict = run.verdict(VerdictCode::AddressFamilyDead).unwrap();
    assert_eq!(
        verdict.text,
        "None of the 10 IPv6 peers can be reached: all are silent, while 3 of the 3 IPv4 peers answer."
    );
    assert_eq!((evidence(&verdict, "peers"), evidence(&verdict, "other_family")), (10, 3));
    // Where the others are as silent, it is the swarm that is old.
    assert!(silent(4).verdict(VerdictCode::AddressFamilyDead).is_none());
}

#[test]
fn a_check_tells_what_is_out_there() {
    let mut run = Script::downloading(40);
    run.tell(Event::Probing);
    assert_eq!(run.view().availability, None, "nobody shook hands");
    let without = |piece: u32| (0..40).filter(|n| *n != piece).collect::<Vec<_>>();
    let peers = run.peers(5);
    for peer in &peers {
        run.live(*peer)
            .has(*peer, &without(3))
            .want(*peer)
            .unchoke(*peer)
            .tell(Event::FirstBlock { peer: *peer });
    }
    // Who goes away still has what it has.
    run.end(peers[0], Cause::ClosedByPeer);
    let out_there = run.view().availability.unwrap();
    assert_eq!((out_there.share_thousandths(), out_there.copies_thousandths()), (975, 975));
    assert_eq!(run.codes(), [VerdictCode::Healthy, VerdictCode::PiecesMissing]);
    assert_eq!(
        run.verdict(VerdictCode::PiecesMissing).unwrap().text,
        "No peer has 1 of the 40 pieces: those that shook hands hold 97.5 % of the torrent, and a download would stop there."
    );
    let last = run.peers(1)[0];
    run.live(last).has(last, &[3]);
    let out_there = run.view().availability.unwrap();
    assert_eq!((out_there.share_thousandths(), out_there.copies_thousandths()), (1000, 1975));
    assert!(run.verdict(VerdictCode::PiecesMissing).is_none());
}

#[test]
fn where_all_refuse_nothing_near_us_is_blamed() {
    let advice = |cause| {
        let mut run = Script::downloading(100);
        let peers = run.peers(2);
        run.fail(peers[0], Cause::ConnectionRefused).fail(peers[1], cause).wait(5);
        let first = run.first();
        assert_eq!(first.code, VerdictCode::Stalled, "{}", first.text);
        first.advice
    };
    assert!(advice(Cause::ConnectionRefused).starts_with("look whether clients run there"));
    assert!(advice(Cause::ClosedBeforeHandshake).contains("it is near us"));
}
