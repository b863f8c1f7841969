//! Several torrents in one file, and facts that come late.

use super::*;
use crate::event::{Direction, Encryption, MetadataStep, PeerKey, Phase, Source, Transport};
use crate::ledger::script::magnet;
use crate::record::frame::{self, Kind};
use crate::record::schema::{self, Root, Schema};

fn at(seconds: u64) -> At {
    Duration::from_secs(seconds)
}

fn learned(number: u32) -> Event {
    let addr = format!("192.0.2.{number}:6881").parse().unwrap();
    Event::PeerLearned { peer: PeerKey(number), addr, source: Source::Manual }
}

#[test]
fn of_several_torrents_the_first_is_shown_and_the_others_are_told() {
    let (other, late) = (TorrentKey(7), TorrentKey(9));
    let named = |name: &str| {
        let mut facts = (*facts(30)).clone();
        facts.metadata.as_mut().unwrap().name = name.to_owned();
        facts
    };
    let mut ledger = Ledger::new(facts(30));
    let mut writer = Writer::begin(Vec::new(), 0).unwrap();
    writer.facts(at(0), TORRENT, &facts(30)).unwrap();
    writer.facts(at(0), other, &named("another")).unwrap();
    let nothing = Ledger::new(facts(30)).snapshot();
    writer.snapshot(at(0), &[(other, &nothing), (TORRENT, &nothing)]).unwrap();
    let mut batcher = Batcher::default();
    let mut tell = |second, torrent, event: Event| {
        batcher.push(at(second), torrent, &event);
        if torrent == TORRENT {
            ledger.apply(at(second), &event);
        }
    };
    // The two have peers of the same number, one after the other and at once.
    tell(1, TORRENT, learned(1));
    tell(1, other, learned(1));
    tell(1, other, learned(2));
    tell(1, TORRENT, Event::Phase { phase: Phase::Downloading, reason: None });
    let sample = |down_bps| crate::event::PeerSample { down_bps, ..Default::default() };
    for second in 2..9 {
        for (torrent, down_bps) in [(TORRENT, 1000 * second), (other, 9)] {
            let (peer, piece) = (PeerKey(1), facts(30).piece(second as u32).unwrap());
            tell(second, torrent, Event::PeerSample { peer, sample: sample(down_bps) });
            tell(second, torrent, Event::Have { peer, piece });
        }
    }
    // What is told of the session, every torrent is told.
    batcher.push(at(9), other, &Event::Listening { port: 4242 });
    ledger.apply(at(9), &Event::Listening { port: 4242 });
    writer.write(batcher.take(at(9))).unwrap();
    // One is added in the middle, and one snapshot has nothing of ours.
    writer.facts(at(10), late, &named("a third")).unwrap();
    writer.snapshot(at(10), &[(late, &nothing), (TORRENT, &ledger.snapshot()), (other, &nothing)]).unwrap();
    let file = writer.end(at(11)).unwrap();

    let mut player = open(&file).unwrap();
    assert_eq!(player.damage(), None);
    assert_eq!(player.left_out().unwrap().to_string(), "of 3 torrents the first is shown");
    for second in [9, 10, 11, 9, 11] {
        player.go_to(at(second));
        assert_eq!(player.view(), ledger.view(at(second)), "after {second} s");
    }
    assert_eq!(player.view().peers.len(), 1);
}

#[test]
fn a_name_and_what_a_torrent_is_made_of_may_come_late() {
    #[derive(serde::Serialize)]
    struct Magnet {
        torrent: TorrentKey,
        name: Option<String>,
        info_hash: crate::metainfo::InfoHash,
        geometry: Option<crate::metainfo::Geometry>,
    }
    let whole = facts(30);
    let magnet = |geometry| Magnet { torrent: TORRENT, name: None, info_hash: whole.info_hash, geometry };
    let (mut schema, mut file) = (Schema::default(), frame::header(0).to_vec());
    let mut frame = |kind, second, schema: &mut Schema, body: &[u8]| {
        if let Some(added) = schema.take_added() {
            frame::write(&mut file, Kind::Schema, at(second), &added).unwrap();
        }
        frame::write(&mut file, kind, at(second), body).unwrap();
        file.clone()
    };
    let mut body = Vec::new();
    schema::write(&mut schema, Root::Facts, &magnet(None), &mut body).unwrap();
    frame(Kind::Facts, 0, &mut schema, &body);
    let nothing = frame(Kind::Snapshot, 0, &mut schema, &[]);
    assert_eq!(open(&nothing).unwrap().view().torrent.metadata, None);
    body.clear();
    schema::write(&mut schema, Root::Facts, &magnet(whole.geometry()), &mut body).unwrap();
    frame(Kind::Facts, 5, &mut schema, &body);
    let file = frame(Kind::Events, 6, &mut schema, &[]);
    let mut player = open(&file).unwrap();
    assert_eq!((player.damage(), player.end()), (None, at(6)));
    player.go_to(at(6));
    let torrent = Arc::clone(&player.view().torrent);
    assert_eq!((torrent.geometry(), torrent.name()), (whole.geometry(), Some(&*whole.info_hash.to_string())));
    player.go_to(at(4));
    assert_eq!(player.view().torrent.geometry(), None, "it was not known then");
}

#[test]
fn a_magnet_shows_at_every_second_what_was_known_then() {
    let addr = "192.0.2.7:6881".parse().unwrap();
    let (peer, direction, transport) = (PeerKey(1), Direction::Out, Transport::Tcp);
    let step = |step| Event::Metadata { peer, step };
    for always_snapshot in [false, true] {
        let mut run = Run::with_ledger(Ledger::new(magnet()), At::ZERO);
        run.always_snapshot = always_snapshot;
        run.wait_ms(1).tell(Event::Phase { phase: Phase::Metadata, reason: None });
        run.tell(Event::PeerLearned { peer, addr, source: Source::Manual });
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption: Encryption::Plain });
        run.wait_ms(700).tell(Event::Connected { peer }).tell(Event::Handshaken { peer });
        run.tell(step(MetadataStep::Offered { bytes: 30_000 }));
        run.tell(Event::MetadataParts { got: 0, of: 2, bytes: 30_000 });
        for part in 0..2 {
            run.tell(step(MetadataStep::Asked { part })).wait_ms(900).tell(step(MetadataStep::Gave { part }));
            run.tell(Event::MetadataParts { got: part + 1, of: 2, bytes: 30_000 });
        }
        // All in one second: what was told before and after stays on its side.
        run.know(facts(30)).tell(Event::Phase { phase: Phase::Downloading, reason: None });
        run.tell(Event::Has { peer, pieces: Arc::new(crate::metainfo::Bitfield::full(30)) });
        for number in 0..9 {
            let piece = facts(30).piece(number).unwrap();
            run.wait_ms(400).tell(Event::PieceVerified { piece, from: vec![peer] });
        }
        let shown = run.shown.clone();
        let (file, last) = run.end();
        assert_eq!((last.pieces.good, last.metadata), (9, None));
        let mut player = open(&file).unwrap();
        assert_eq!((player.damage(), player.left_out(), player.end()), (None, None, last.at));
        let mut ways: Vec<&Arc<View>> = shown.iter().chain(shown.iter().rev()).collect();
        ways.extend(shown.iter().step_by(3));
        for view in ways {
            player.go_to(view.at);
            assert_eq!(&player.view(), view, "{:?}", view.at);
        }
        assert!(shown[0].torrent.metadata.is_none() && shown.last().unwrap().torrent.metadata.is_some());
        // Cut off before it was known, it plays up to there.
        let cut = (0..file.len()).rev().step_by(20).find_map(|end| {
            let mut player = open(&file[..end]).ok()?;
            player.go_to(At::MAX);
            player
                .view()
                .torrent
                .metadata
                .is_none()
                .then(|| player.view().metadata.map(|progress| progress.of))
        });
        assert_eq!(cut, Some(Some(2)));
    }
}
