//! Magnets: what is said while their metadata come, and where nobody gives them.

use super::*;
use crate::event::MetadataStep;
use crate::ledger::agrees_with_counts;

/// Peers that are connected to us, of this number.
fn with_peers(count: u32) -> (Script, Vec<PeerKey>) {
    let mut run = Script::magnet();
    let peers = run.peers(count);
    for peer in &peers {
        run.live(*peer);
    }
    (run, peers)
}

fn step(run: &mut Script, peer: PeerKey, step: MetadataStep) {
    run.tell(Event::Metadata { peer, step });
}

fn offer(run: &mut Script, peers: &[PeerKey]) {
    for peer in peers {
        step(run, *peer, MetadataStep::Offered { bytes: 190_000 });
    }
    run.tell(Event::MetadataParts { got: 0, of: 12, bytes: 190_000 });
}

fn ask(run: &mut Script, peers: &[PeerKey], answer: Option<fn(u32) -> MetadataStep>) {
    for (peer, part) in peers.iter().zip(0..) {
        step(run, *peer, MetadataStep::Asked { part });
        if let Some(answer) = answer {
            step(run, *peer, answer(part));
        }
    }
}

/// Judges the whole as a magnet whose metadata nobody gives, with these numbers.
fn is_missing(run: &mut Script, text: &str, numbers: &[(&str, u64)]) {
    run.wait(4);
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::MetadataMissing, Severity::Warn), "{first:?}");
    assert_eq!(first.text, text);
    assert_eq!(first.headline, "No peer gives the metadata.");
    for (name, number) in numbers {
        assert_eq!(evidence(&first, name), *number, "{name}");
    }
}

#[test]
fn nobody_has_the_metadata() {
    let (mut run, _) = with_peers(3);
    assert_eq!(run.first().code, VerdictCode::Unknown, "they have not said yet who they are");
    let text = "Nothing arrives: no peer gives the metadata: 3 have none.";
    is_missing(&mut run, text, &[("without", 3), ("asked", 0)]);
    assert!(run.first().advice.starts_with("leave it running until somebody comes who has them;"));
}

#[test]
fn while_others_are_dialled_it_is_not_said_at_once_that_nobody_has_the_metadata() {
    let (mut run, _) = with_peers(3);
    let late = run.peers(1)[0];
    run.dial(late).wait(2);
    assert_eq!(run.first().code, VerdictCode::Unknown, "the fourth may have them");
    run.wait(1);
    assert_eq!(run.first().code, VerdictCode::MetadataMissing);
}

#[test]
fn a_check_says_who_gave_the_metadata_and_not_what_came_of_pieces() {
    let (mut run, peers) = with_peers(4);
    run.tell(Event::Probing);
    offer(&mut run, &peers[..3]);
    ask(&mut run, &peers[..1], Some(|part| MetadataStep::Gave { part }));
    run.tell(Event::MetadataParts { got: 1, of: 12, bytes: 190_000 });
    run.end(peers[0], Cause::ClosedByPeer);
    ask(&mut run, &peers[1..3], Some(|part| MetadataStep::Refused { part }));
    let first = run.wait(1).first();
    assert_eq!(first.code, VerdictCode::MetadataMissing);
    let text =
        "No peer gives the metadata: 1 has none, 2 refuse, 1 stopped half way. 1 of 12 parts are here.";
    assert_eq!((first.text.as_str(), run.view().availability), (text, None));
    // Somebody gave the rest: it is known, and the run goes on with asking.
    run.tell(Event::MetadataParts { got: 12, of: 12, bytes: 190_000 });
    let at = run.at;
    run.ledger.know(at, crate::ledger::script::facts(100));
    let first = run.first();
    assert_eq!(first.code, VerdictCode::Healthy);
    assert_eq!(
        first.text,
        "It works: 4 of the 4 known peers shook hands, and 1 gave metadata: all 12 parts came, and they are right."
    );
    let view = run.view();
    assert_eq!((view.availability, view.metadata.map(|progress| progress.refused)), (None, Some(2)));
    assert_eq!(
        crate::ledger::script::find(&view, peers[1]).held_back_by(view.at),
        Some(Cause::MetadataRefused)
    );
}

#[test]
fn all_refuse_the_metadata() {
    let (mut run, peers) = with_peers(4);
    offer(&mut run, &peers);
    ask(&mut run, &peers, Some(|part| MetadataStep::Refused { part }));
    let text = "Nothing arrives: no peer gives the metadata: 4 refuse.";
    is_missing(&mut run, text, &[("asked", 4), ("refused", 4), ("parts", 12)]);
}

#[test]
fn all_are_silent_who_are_asked_for_the_metadata() {
    let (mut run, peers) = with_peers(2);
    offer(&mut run, &peers);
    ask(&mut run, &peers, None);
    run.wait(6);
    assert_eq!(run.first().code, VerdictCode::Unknown, "they have time left");
    ask(&mut run, &peers, Some(|part| MetadataStep::Silent { part }));
    let text = "Nothing arrives: no peer gives the metadata: 2 say nothing.";
    is_missing(&mut run, text, &[("asked", 2), ("silent", 2)]);
}

#[test]
fn one_gives_half_of_the_metadata_and_goes() {
    let (mut run, peers) = with_peers(3);
    offer(&mut run, &peers[..1]);
    for part in 0..6 {
        step(&mut run, peers[0], MetadataStep::Asked { part });
        step(&mut run, peers[0], MetadataStep::Gave { part });
        run.tell(Event::MetadataParts { got: part + 1, of: 12, bytes: 190_000 });
    }
    let first = run.first();
    assert_eq!((first.code, first.severity), (VerdictCode::Healthy, Severity::Good));
    assert_eq!(first.text, "80.0.0.1:6881 (Transmission 4.0.6) gives the metadata: 6 of 12 parts are here.");
    run.end(peers[0], Cause::ClosedByPeer);
    let text = "Nothing arrives: no peer gives the metadata: 2 have none, 1 stopped half way. 6 of 12 parts are here.";
    is_missing(&mut run, text, &[("without", 2), ("stopped", 1), ("parts_here", 6)]);
}

#[test]
fn wrong_metadata_are_told_of_and_another_peer_that_gives_them_ends_it() {
    let (mut run, peers) = with_peers(2);
    offer(&mut run, &peers);
    ask(&mut run, &peers[..1], Some(|part| MetadataStep::Gave { part }));
    step(&mut run, peers[0], MetadataStep::Wrong { reason: "its hash".to_owned() });
    ask(&mut run, &peers[1..], Some(|part| MetadataStep::Refused { part }));
    let text = "Nothing arrives: no peer gives the metadata: 1 refuses, 1 gave wrong ones.";
    is_missing(&mut run, text, &[("wrong", 1), ("refused", 1)]);
    step(&mut run, peers[1], MetadataStep::Gave { part: 0 });
    assert_eq!(run.first().code, VerdictCode::Healthy);
}

#[test]
fn a_peer_whose_parts_are_wrong_is_praised_no_longer_at_once() {
    let (mut run, peers) = with_peers(2);
    offer(&mut run, &peers);
    ask(&mut run, &peers[..1], Some(|part| MetadataStep::Gave { part }));
    run.tell(Event::MetadataParts { got: 10, of: 12, bytes: 190_000 });
    assert!(run.first().text.starts_with("80.0.0.1:6881 (Transmission 4.0.6) gives"), "{}", run.first().text);
    step(&mut run, peers[0], MetadataStep::Wrong { reason: "its hash".to_owned() });
    run.tell(Event::MetadataParts { got: 0, of: 12, bytes: 190_000 }).wait_ms(250);
    let first = run.view().verdicts[0].text.clone();
    assert!(!first.contains("gives the metadata"), "{first}");

    step(&mut run, peers[1], MetadataStep::Asked { part: 0 });
    step(&mut run, peers[1], MetadataStep::Gave { part: 0 });
    run.tell(Event::MetadataParts { got: 1, of: 12, bytes: 190_000 });
    let first = run.first().text;
    assert_eq!(first, "80.0.1.1:6881 (Transmission 4.0.6) gives the metadata: 1 of 12 parts are here.");
    run.tell(Event::MetadataParts { got: 2, of: 12, bytes: 190_000 });
    let now = run.view().verdicts[0].text.clone();
    assert_eq!(now, "80.0.1.1:6881 (Transmission 4.0.6) gives the metadata: 2 of 12 parts are here.");
}

#[test]
fn nothing_is_said_of_pieces_before_there_are_any() {
    use VerdictCode::*;
    let (mut run, peers) = with_peers(8);
    offer(&mut run, &peers[..4]);
    ask(&mut run, &peers[..4], Some(|part| MetadataStep::Refused { part }));
    for peer in &peers[..6] {
        run.unchoke(*peer);
    }
    let of_pieces = [
        AllChokeUs,
        UnchokedButSilent,
        PiecesMissing,
        SnubbedByMost,
        BadDataOnePeer,
        BadDataManyPeers,
        SeedsOnly,
        Complete,
        Slow,
        Stalled,
        OwnLimits,
        DiskSlow,
        Healthy,
    ];
    for _ in 0..60 {
        run.wait(2);
        let codes = run.codes();
        assert!(codes.iter().all(|code| !of_pieces.contains(code)), "{codes:?}");
    }
}

#[test]
fn a_magnet_that_names_nobody_is_told_at_once() {
    let mut run = Script::magnet();
    run.wait(1);
    let first = run.first();
    assert_eq!(first.code, VerdictCode::NoPeersKnown);
    assert_eq!(first.text, "Nothing arrives: no peers are known: the magnet names no tracker.");
}

#[test]
fn what_keeps_peers_from_being_reached_is_told_of_a_magnet_too() {
    let mut run = Script::magnet();
    let peers = run.peers(12);
    run.fail_all(&peers, Cause::ConnectTimeout).wait(4);
    assert_eq!(run.first().code, VerdictCode::DialsTimeOut);
    let mut run = Script::magnet();
    let peers = run.peers(6);
    run.refuse_hands(&peers, Cause::InfoHashMismatch).wait(4);
    assert_eq!(run.first().code, VerdictCode::OtherTorrent);
}

#[test]
fn parts_in_thousands_are_told_as_they_are_counted() {
    let (mut run, peers) = with_peers(1);
    offer(&mut run, &peers);
    ask(&mut run, &peers, Some(|part| MetadataStep::Gave { part }));
    run.tell(Event::MetadataParts { got: 1_001, of: 4_000, bytes: 65_536_000 });
    let view = run.view();
    assert!(view.verdicts[0].text.ends_with(": 1 001 of 4 000 parts are here."), "{}", view.verdicts[0].text);
    agrees_with_counts(&view).unwrap();
}
