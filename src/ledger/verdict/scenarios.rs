//! What users run into, told as events: what is said first, and what beside it.

use std::sync::Arc;
use std::time::Duration;

use super::VerdictCode::{self, *};
use crate::event::{
    AnnounceKind, Announced, Cause, Direction, Encryption, Event, Phase, Severity, Source, TrackerError,
};
use crate::ledger::script::{Script, facts};
use crate::ledger::{Ledger, LookOn};
use crate::metainfo::Bitfield;

const MIB: u64 = 1 << 20;

/// What is said of this moment, by code; each line of text may be looked into.
fn says(run: &mut Script, codes: &[VerdictCode], words: &[&str]) {
    let verdicts = run.verdicts();
    let told: Vec<VerdictCode> = verdicts.iter().map(|verdict| verdict.code).collect();
    assert_eq!(told, codes, "{verdicts:#?}");
    let all: String =
        verdicts.iter().map(|verdict| format!("{}\n{}\n", verdict.text, verdict.advice)).collect();
    for words in words {
        assert!(all.contains(words), "{words:?} in {all}");
    }
    for verdict in &verdicts {
        assert!(!verdict.evidence.is_empty(), "{:?} rests on numbers", verdict.code);
        assert!(verdict.text.ends_with('.'), "{}", verdict.text);
    }
}

#[test]
fn the_vpn_is_down_and_no_packet_gets_out() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse(tracker, TrackerError::DnsFailed);
    let peers = run.peers(12);
    run.fail_all(&peers, Cause::NetworkUnreachable);
    says(
        &mut run,
        &[AddressFamilyDead, TrackersFailing],
        &["Nothing arrives: none of the 12 IPv4 peers can be reached", "the network and the VPN"],
    );
}

#[test]
fn the_vpn_is_down_and_swallows_every_packet() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse(tracker, TrackerError::Timeout);
    let peers = run.peers(30);
    run.fail_all(&peers, Cause::ConnectTimeout).wait(40);
    says(&mut run, &[DialsTimeOut, TrackersFailing], &["30 of the 30", "ttui cannot tell which from here"]);
}

#[test]
fn a_download_without_peers_says_when_trackers_are_asked_for_more() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    let answer = Announced { interval_s: 1800, ..Announced::default() };
    run.tell(Event::AnnounceAnswered { tracker, answer });
    run.tell(Event::NextAnnounce { tracker, at: Some(Duration::from_secs(1800)) }).wait(20);
    assert!(!run.first().text.contains("for more peers"), "{:?}", run.first());
    // Nobody is left to dial: it is asked sooner.
    run.tell(Event::NextAnnounce { tracker, at: Some(Duration::from_secs(60)) });
    says(&mut run, &[NoPeersKnown], &["for more peers as soon as they allow it, in about 40 seconds."]);
    run.wait(40).tell(Event::AnnounceBegan { tracker, kind: AnnounceKind::Interval });
    says(&mut run, &[NoPeersKnown], &["Trackers are being asked for more peers."]);
}

#[test]
fn a_local_firewall_forbids_every_connection() {
    let mut run = Script::downloading(100);
    let peers = run.peers(8);
    run.fail_all(&peers, Cause::PermissionDenied);
    says(
        &mut run,
        &[AddressFamilyDead],
        &["this machine forbids the connections", "local firewall or sandbox"],
    );
}

#[test]
fn the_provider_cuts_every_handshake_off() {
    let mut run = Script::downloading(100);
    let peers = run.peers(12);
    run.refuse_hands(&peers, Cause::ResetBeforeHandshake);
    for peer in &peers {
        run.begin(*peer, Direction::Out, Encryption::Mse).tell(Event::Connected { peer: *peer });
        run.end(*peer, Cause::ResetBeforeHandshake);
    }
    run.wait(40);
    says(
        &mut run,
        &[Stalled],
        &["(12 reset)", "lets no BitTorrent through", "ttui cannot tell which from here"],
    );
}

#[test]
fn the_provider_lets_only_encryption_through() {
    let mut run = Script::downloading(10_000);
    let peers = run.peers(6);
    run.refuse_hands(&peers, Cause::ResetBeforeHandshake);
    for peer in &peers {
        run.begin(*peer, Direction::Out, Encryption::Mse).handshake(*peer, b"-TR4060-abcdefghijkl");
        run.has_all(*peer).want(*peer).unchoke(*peer);
    }
    run.send(&peers, MIB, 5);
    says(
        &mut run,
        &[Healthy, EncryptionWanted],
        &["6 of the 6 peers that shook hands did so only encrypted"],
    );
}

#[test]
fn this_machine_has_no_ipv6() {
    let mut run = Script::downloading(10_000);
    let far: Vec<_> = (1..6).map(|n| run.peer(&format!("[2a01:4f8::{n}]:6881"))).collect();
    run.fail_all(&far, Cause::NetworkUnreachable);
    let peers = run.open_seeds(4);
    run.send(&peers, MIB, 5);
    says(
        &mut run,
        &[Healthy, AddressFamilyDead],
        &["None of the 5 IPv6 peers", "whether this machine has IPv6 at all"],
    );
}

#[test]
fn our_port_is_closed() {
    let mut run = Script::downloading(100_000);
    run.tell(Event::Listening { port: 6881 });
    let peers = run.open_seeds(2);
    run.send(&peers, MIB, 200);
    says(
        &mut run,
        &[Healthy, PortUnreached],
        &["Nobody has reached us on port 6881 in 3 minutes", "port 6881"],
    );
}

#[test]
fn the_swarm_is_old() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.answer(tracker, 50);
    let peers = run.peers(50);
    run.fail_all(&peers[..31], Cause::ConnectionRefused);
    run.fail_all(&peers[31..], Cause::ConnectTimeout).wait(40);
    says(&mut run, &[StaleTracker], &["named 50 peers, and none of them can be reached", "seem to be old"]);
}

#[test]
fn the_tracker_names_the_same_stale_fifty_over_and_over() {
    let mut run = Script::downloading(10_000);
    let tracker = run.tracker(0);
    let seed = run.peer_from("81.2.3.4:6881", Source::Manual);
    run.seed(seed).unchoke(seed);
    run.answer(tracker, 50);
    let peers = run.peers(50);
    for _ in 0..3 {
        run.fail_all(&peers, Cause::ConnectTimeout).send(&[seed], MIB, 20);
        run.answer(tracker, 50);
        says(
            &mut run,
            &[Healthy, DialsTimeOut, StaleTracker, Healthy],
            &["others do answer", "named 50 peers, and none of them can be reached"],
        );
    }
}

#[test]
fn the_tracker_names_only_ourselves() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.answer(tracker, 1);
    let peer = run.peers(1)[0];
    run.connect(peer).end(peer, Cause::SelfConnection).wait(6);
    says(&mut run, &[NoPeersKnown], &["the only address that was named is our own"]);
}

#[test]
fn the_one_seed_chokes_everybody() {
    let mut run = Script::downloading(100);
    run.seeds(1);
    run.wait(60);
    says(&mut run, &[AllChokeUs], &["Nothing arrives: the one live peer is choking us"]);
}

#[test]
fn all_wait_and_we_give_nothing() {
    let mut run = Script::downloading(100);
    run.tell(Event::Limits { down_bps: None, up_bps: Some(0) });
    run.seeds(3);
    run.wait(20);
    says(&mut run, &[AllChokeUs], &["raise our upload limit, which is 0"]);
}

#[test]
fn nobody_who_is_here_has_anything_yet() {
    let mut run = Script::downloading(100);
    for peer in run.peers(3) {
        run.live(peer);
    }
    run.wait(40);
    says(&mut run, &[PiecesMissing], &["no peer we are connected to has any of the 100 missing pieces."]);
}

#[test]
fn all_are_stuck_at_the_same_percentage() {
    let mut run = Script::downloading(500);
    run.have_all_but(&[499]);
    let (all_but, peers) = ((0..499).collect::<Vec<_>>(), run.peers(3));
    for peer in peers {
        run.live(peer).has(peer, &all_but);
    }
    let gone = run.peers(40);
    run.fail_all(&gone, Cause::ConnectTimeout).wait(60);
    says(
        &mut run,
        &[PiecesMissing, DialsTimeOut],
        &["Nothing arrives: no peer we are connected to has the one missing piece."],
    );
}

#[test]
fn the_ratio_tracker_does_not_know_the_torrent() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse_saying(tracker, TrackerError::Refused, "unregistered torrent").wait(10);
    says(
        &mut run,
        &[TrackersFailing],
        &[
            "Nothing arrives: the tracker fails: it refused: “unregistered torrent”.",
            "the tracker's words say",
        ],
    );
}

#[test]
fn the_passkey_is_wrong() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse_saying(tracker, TrackerError::Refused, "Invalid passkey.");
    says(&mut run, &[TrackersFailing], &["it refused: “Invalid passkey”.", "your passkey"]);
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse_saying(tracker, TrackerError::HttpStatus, "403 Forbidden");
    says(&mut run, &[TrackersFailing], &["it answered with an error status"]);
}

#[test]
fn no_name_can_be_looked_up() {
    let mut run = Script::downloading(100);
    let trackers = [run.tracker(0), run.tracker(1), run.tracker(2)];
    for tracker in trackers {
        run.refuse(tracker, TrackerError::DnsFailed);
    }
    says(&mut run, &[TrackersFailing], &["all 3 trackers fail: its name has no address", "DNS"]);
}

#[test]
fn the_clock_is_wrong_and_no_certificate_holds() {
    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse(tracker, TrackerError::TlsFailed);
    says(&mut run, &[TrackersFailing], &["this machine's clock"]);
}

#[test]
fn trackers_fail_while_old_acquaintances_send() {
    let mut run = Script::downloading(10_000);
    let tracker = run.tracker(0);
    run.refuse(tracker, TrackerError::Timeout);
    let peers = run.open_seeds(2);
    run.send(&peers, MIB, 5);
    says(&mut run, &[Healthy, TrackersFailing], &[]);
    assert_eq!(run.verdicts()[1].severity, Severity::Info, "it costs nothing now");
}

#[test]
fn the_disk_is_full() {
    let mut run = Script::downloading(10_000);
    let peers = run.open_seeds(2);
    run.send(&peers, MIB, 5);
    let reason = Some("No space left in /home/me/iso.".to_owned());
    run.tell(Event::Phase { phase: Phase::Stopped, reason }).wait(20);
    says(&mut run, &[DiskTrouble], &["Stopped: No space left in /home/me/iso.", "then go on."]);
    assert_eq!(run.first().look.words(run.at), "when you go on");
}

#[test]
fn whatever_slows_it_the_evidence_does_not_say() {
    let mut run = Script::downloading(100_000);
    let peers = run.open_seeds(3);
    run.send(&peers, 4 * 1024, 40);
    says(
        &mut run,
        &[Slow],
        &["Slow. All 3 live peers are sending: 12.0 KiB/s on average over half a minute"],
    );
}

#[test]
fn our_limit_is_reached() {
    for limit in [2 * MIB, 16 * 1024] {
        let mut run = Script::downloading(100_000);
        run.limit_down(limit);
        let peers = run.open_seeds(2);
        run.send(&peers, limit / 2, 60);
        says(&mut run, &[Healthy, OwnLimits], &["Our own limit of", "raise it."]);
    }
}

#[test]
fn one_peer_poisons_and_is_banned() {
    let mut run = Script::downloading(100_000);
    let peers = run.open_seeds(3);
    for number in 0..3 {
        let piece = run.piece(number);
        run.tell(Event::PieceFailed { piece, from: vec![peers[0]] });
    }
    let until = Some(run.at + Duration::from_secs(3600));
    run.tell(Event::Banned { peer: peers[0], until, reason: "wrong data".to_owned() });
    run.end(peers[0], Cause::HashFailures).send(&peers[1..], MIB, 5);
    says(
        &mut run,
        &[Healthy, BadDataOnePeer],
        &["sent wrong data: 3 pieces failed the check. It is banned, and the pieces are fetched again."],
    );
}

#[test]
fn everybody_poisons_or_our_memory_does() {
    let mut run = Script::downloading(100_000);
    let peers = run.open_seeds(5);
    for (number, peer) in peers.iter().enumerate() {
        let piece = run.piece(number as u32);
        run.tell(Event::PieceFailed { piece, from: vec![*peer] });
    }
    run.send(&peers, MIB, 5);
    let both = "ttui cannot tell which from the data alone";
    says(&mut run, &[BadDataManyPeers], &["Wrong data keeps coming: 5 pieces failed", both]);
    run.send(&peers, MIB, 40);
    says(&mut run, &[Healthy, BadDataManyPeers], &["5 pieces failed the check", both]);
}

#[test]
fn a_private_torrent_has_nobody() {
    let mut private = (*facts(100)).clone();
    private.metadata.as_mut().unwrap().private = true;
    let mut run = Script::with_ledger(100, Ledger::new(Arc::new(private)));
    run.phase(Phase::Downloading);
    let tracker = run.tracker(0);
    run.answer(tracker, 0).wait(6);
    says(&mut run, &[NoPeersKnown], &["(the torrent is private)", "on the tracker's page"]);
}

#[test]
fn everybody_is_a_seed_and_we_are_too() {
    let mut run = Script::downloading(100);
    run.seeds(3);
    run.have_all_but(&[]).phase(Phase::Seeding).wait(5);
    says(&mut run, &[Complete, SeedsOnly], &["The 3 live peers have everything too"]);
}

#[test]
fn encryption_is_off_and_all_want_it() {
    let mut run = Script::downloading(100);
    let peers = run.peers(5);
    run.refuse_hands(&peers, Cause::EncryptionRequired);
    says(
        &mut run,
        &[EncryptionWanted],
        &[
            "Nothing arrives: 5 peers take encrypted connections only, and our setting forbids them",
            "prefer-plain",
        ],
    );
}

#[test]
fn encryption_is_required_and_none_has_it() {
    let mut run = Script::downloading(100);
    for peer in run.peers(5) {
        run.begin(peer, Direction::Out, Encryption::Mse).tell(Event::Connected { peer });
        run.end(peer, Cause::EncryptionMismatch);
    }
    says(
        &mut run,
        &[EncryptionWanted],
        &["5 peers answered without the encryption that our setting requires"],
    );
}

#[test]
fn the_limit_of_open_files_is_reached() {
    let mut run = Script::downloading(100);
    let peers = run.peers(20);
    run.fail_all(&peers, Cause::TooManyOpenFiles);
    says(&mut run, &[OwnLimits], &["Nothing arrives: 20 peers could not be dialled", "ulimit -n"]);
    let mut run = Script::downloading(100);
    let peers = run.peers(20);
    run.fail_all(&peers, Cause::NoLocalPorts);
    says(&mut run, &[OwnLimits], &["no free port"]);
}

#[test]
fn a_peer_we_know_calls_itself_by_the_same_id_twice() {
    let mut run = Script::downloading(10_000);
    let peers = run.open_seeds(2);
    let again = run.peers(1)[0];
    run.connect(again).end(again, Cause::DuplicatePeerId).send(&peers, MIB, 5);
    says(&mut run, &[Healthy], &["Both live peers are sending"]);
}

#[test]
fn it_is_paused_and_goes_on() {
    let mut run = Script::downloading(10_000);
    let peers = run.open_seeds(2);
    run.send(&peers, MIB, 5).phase(Phase::Paused).wait(60);
    says(&mut run, &[Paused], &["go on."]);
    run.phase(Phase::Downloading);
    says(&mut run, &[Unknown], &[]);
    run.send(&peers, MIB, 1);
    says(&mut run, &[Healthy], &[]);
}

#[test]
fn the_link_goes_away_under_everybody() {
    let mut run = Script::downloading(10_000);
    let peers = run.open_seeds(10);
    run.send(&peers, MIB, 5);
    peers.iter().for_each(|peer| {
        run.end(*peer, Cause::ConnectionLost);
    });
    run.wait(1);
    says(&mut run, &[Unknown], &["10 of the 10 peers shook hands and went away"]);
    assert_eq!(run.first().severity, Severity::Warn);
    run.fail_all(&peers, Cause::ConnectTimeout).wait(40);
    says(&mut run, &[Stalled], &["went away"]);
}

#[test]
fn the_user_holds_everybody() {
    let mut run = Script::downloading(10_000);
    for peer in run.open_seeds(2) {
        run.tell(Event::Held { peer, held: true });
    }
    run.wait(20);
    says(&mut run, &[OwnLimits], &["Nothing arrives: you hold all 2 live peers", "let go."]);
}

#[test]
fn they_let_us_and_send_nothing() {
    let mut run = Script::downloading(10_000);
    for peer in run.open_seeds(3) {
        run.asked_in_vain(peer);
    }
    run.wait(16);
    says(
        &mut run,
        &[UnchokedButSilent],
        &["Nothing arrives: the 3 peers that let us download have sent nothing"],
    );
}

#[test]
fn most_snub_us_and_one_sends() {
    let mut run = Script::downloading(10_000);
    let peers = run.open_seeds(5);
    for peer in &peers[1..] {
        run.asked_in_vain(*peer);
    }
    run.send(&peers[..1], MIB, 25);
    says(&mut run, &[Healthy, SnubbedByMost], &["4 of the 5 peers that let us download send nothing"]);
}

#[test]
fn every_tracker_keeps_silent() {
    let mut run = Script::downloading(100);
    let trackers = [run.tracker(0), run.tracker(1)];
    for tracker in trackers {
        run.tell(Event::AnnounceBegan { tracker, kind: AnnounceKind::Started });
    }
    run.wait(10);
    says(&mut run, &[Unknown], &["Asking 2 trackers for peers"]);
    run.wait(30);
    says(&mut run, &[Stalled], &["no peer is known, and 2 trackers have not answered"]);
}

#[test]
fn what_nobody_has_is_not_promised() {
    let mut run = Script::downloading(1000);
    let peer = run.peers(1)[0];
    run.live(peer).has(peer, &(0..990).collect::<Vec<_>>()).want(peer).unchoke(peer).send(&[peer], MIB, 40);
    let first = run.first();
    assert_eq!((first.code, first.text.as_str()), (Healthy, "Going well. The one live peer is sending."));
    says(&mut run, &[Healthy, PiecesMissing], &["10 of the 1 000 missing pieces"]);
}

/// How often what judges the whole changes while these seconds are told.
fn changes(run: &mut Script, seconds: u64, mut second: impl FnMut(&mut Script, u64)) -> usize {
    let mut told = vec![run.first().code];
    for number in 0..seconds {
        second(run, number);
        told.push(run.first().code);
    }
    told.dedup();
    told.len() - 1
}

#[test]
fn a_turn_taken_back_at_once_changes_nothing() {
    let mut run = Script::downloading(10_000);
    let peers = run.seeds(3);
    run.wait(20);
    assert_eq!(run.first().code, AllChokeUs);
    let flickers = changes(&mut run, 60, |run, second| {
        let choking = second % 2 == 1;
        run.wait(1).tell(Event::Choking { peer: peers[0], by: crate::event::Side::Them, choking });
    });
    assert!(flickers <= 12, "at most at every look: {flickers}");
    run.tell(Event::Choking { peer: peers[0], by: crate::event::Side::Them, choking: true }).wait(1);
    assert_eq!(run.first().code, AllChokeUs);
    run.unchoke(peers[0]).send(&peers[..1], MIB, 1);
    assert_eq!(run.codes(), [Healthy], "data flows: nothing that explained its want is told any longer");
}

#[test]
fn a_rate_at_the_edge_of_slow_does_not_flicker() {
    let mut run = Script::downloading(1_000_000);
    let peers = run.open_seeds(1);
    run.send(&peers, 31 * 1024, 40);
    assert_eq!(run.first().code, Slow);
    let changed = changes(&mut run, 300, |run, second| {
        run.send(&peers, if second % 40 < 20 { 31 * 1024 } else { 36 * 1024 }, 1);
    });
    assert_eq!(changed, 0);
    run.send(&peers, 60 * 1024, 45);
    assert_eq!(run.first().code, Healthy);
}

#[test]
fn a_block_now_and_then_is_slow_and_stays_so() {
    let mut run = Script::downloading(1_000_000);
    let peers = run.open_seeds(1);
    run.send(&peers, 4096, 40);
    assert_eq!(run.first().code, Slow);
    let changed = changes(&mut run, 120, |run, second| {
        let senders = if second % 15 == 14 { &peers[..] } else { &[] };
        run.second(senders, 16 * 1024);
    });
    assert_eq!(changed, 0);
}

#[test]
fn dialling_them_all_again_does_not_take_back_what_earlier_tries_told() {
    let mut run = Script::downloading(100);
    let peers = run.peers(20);
    run.fail_all(&peers, Cause::ConnectTimeout).wait(5);
    let changed = changes(&mut run, 20, |run, second| {
        run.wait(1).dial(peers[second as usize]);
    });
    assert_eq!((changed, run.first().code), (0, DialsTimeOut));
}

#[test]
fn every_judgement_says_when_it_is_looked_at_again() {
    let mut run = Script::downloading(100);
    run.seeds(2);
    run.wait(12);
    let first = run.first();
    assert_eq!((first.code, first.look.on), (AllChokeUs, LookOn::Every(5)));
    assert_eq!(first.look.words(run.at), "in 3 s");
    run.wait(2);
    assert_eq!(run.first().look.words(run.at), "in 1 s");
    run.wait(1);
    assert_eq!(run.first().look.words(run.at), "in 5 s", "it was looked at, and still holds");

    let mut run = Script::downloading(100);
    let tracker = run.tracker(0);
    run.refuse(tracker, TrackerError::Timeout);
    assert_eq!(run.first().look.words(run.at), "when a tracker answers");
    run.tell(Event::NextAnnounce { tracker, at: Some(Duration::from_secs(250)) });
    assert_eq!(run.first().look.words(run.at), "when a tracker is asked again, in 4m");

    let mut run = Script::downloading(100);
    let peers = run.peers(9);
    run.fail_all(&peers, Cause::ConnectTimeout);
    run.tell(Event::NextTry { peer: peers[3], at: Some(Duration::from_secs(61)) });
    assert_eq!(run.first().look.words(run.at), "when the next peer is dialled again, in 1m");
}

#[test]
fn what_was_told_survives_being_written_down() {
    let mut run = Script::downloading(100);
    run.seeds(2);
    run.wait(15);
    let written = serde_json::to_string(&run.ledger.run.judged).unwrap();
    let read: super::Judged = serde_json::from_str(&written).unwrap();
    assert_eq!(read, run.ledger.run.judged);
    let renamed: super::Judged = serde_json::from_str(&written.replace("choking", "no such number")).unwrap();
    assert_eq!(renamed.verdicts(false)[0].evidence.len(), 2);
}

#[test]
fn pieces_of_a_field_of_another_length_change_nothing() {
    let mut run = Script::downloading(100);
    let peer = run.peers(1)[0];
    run.live(peer).tell(Event::Has { peer, pieces: Arc::new(Bitfield::full(7)) }).wait(40);
    says(&mut run, &[PiecesMissing], &["100"]);
}
