//! A magnet: one gives the metadata slowly, the others refuse them, say nothing or give wrong ones; then it goes.

use super::debian;
use super::story::{Story, Who};
use crate::event::{Cause, Encryption, Event, MetadataStep, PeerInfo, PeerKey, Phase, Source, Transport};
use crate::ledger::TorrentFacts;
use crate::metainfo::InfoHash;

/// Bytes and parts of the metadata.
const METADATA: (u32, u32) = (190_311, 12);

fn facts() -> TorrentFacts {
    let hash = *b"\x26\xc4\x6c\xaf\x5b\x02\x77\xd1\x9e\x30\x8a\x44\x6f\x21\xe0\xbd\x93\x5c\x17\xf8";
    TorrentFacts {
        info_hash: InfoHash(hash),
        metadata: None,
        magnet_name: Some("sintel".to_owned()),
        output: "/home/me/films".into(),
        ..debian::facts()
    }
}

const fn who(
    addr: &'static str,
    id: &'static [u8; 8],
    calls_itself: &'static str,
    answers_ms: u64,
) -> Who<'static> {
    Who { addr, id, calls_itself, answers_ms, encrypted: false, percent: 0, over: Transport::Tcp }
}

#[rustfmt::skip]
const WHO: [Who<'static>; 6] = [
    who("203.0.113.7:51413", b"-TR4000-", "Transmission 4.0.0", 84),
    who("198.51.100.22:6881", b"-UT2210-", "µTorrent 2.2.1", 130),
    who("192.0.2.4:50001", b"-LW0102-", "LibreTorrent 1.2", 61),
    who("[2001:db8:40::2]:51413", b"-qB4650-", "qBittorrent/4.6.5", 112),
    who("198.51.100.77:6889", b"-DE211s-", "Deluge 2.1.1", 55),
    who("203.0.113.200:50413", b"-lt20B0-", "libtorrent/2.0.11.0", 98),
];

fn step(story: &mut Story, peer: PeerKey, ms: u64, step: MetadataStep) {
    story.tell(ms, Event::Metadata { peer, step });
}

pub(super) fn story() -> Story {
    let mut story = Story::new(facts(), 40_000);
    let (bytes, of) = METADATA;
    story.phase(0, Phase::Metadata).tell(500, Event::Listening { port: 6881 });
    let tracker = story.tracker(0, "udp://tracker.opentrackr.org:1337");
    story.tracker_answers(tracker, 700, (22, 7, 15));
    let named = Source::Tracker(tracker);
    let peers: Vec<PeerKey> = WHO.iter().map(|who| story.learn(700, who.addr, named)).collect();
    for ((peer, who), nth) in peers.iter().zip(&WHO).zip(0..) {
        story.meets(*peer, 1200 + nth * 210, who);
        // The fourth has none itself.
        let metadata_bytes = (nth != 3).then_some(bytes);
        let info = PeerInfo {
            calls_itself: Some(who.calls_itself.to_owned()),
            extensions: vec!["ut_pex".to_owned(), "ut_metadata".to_owned()],
            metadata_bytes,
            ..PeerInfo::default()
        };
        story.tell(1202 + nth * 210, Event::Introduced { peer: *peer, info });
        if metadata_bytes.is_some() {
            step(&mut story, *peer, 1203 + nth * 210, MetadataStep::Offered { bytes });
            story.tell(1203 + nth * 210, Event::MetadataParts { got: 0, of, bytes });
        }
    }
    let [slow, refuses, lies, _, silent, later] = peers[..] else { return story };
    step(&mut story, refuses, 1500, MetadataStep::Asked { part: 0 });
    step(&mut story, refuses, 1630, MetadataStep::Refused { part: 0 });
    step(&mut story, silent, 2400, MetadataStep::Asked { part: 1 });
    step(&mut story, silent, 5400, MetadataStep::Silent { part: 1 });
    // All of it comes from one, and is not what the magnet asks for.
    for part in 0..of {
        step(&mut story, lies, 1700 + u64::from(part) * 120, MetadataStep::Asked { part });
        step(&mut story, lies, 1760 + u64::from(part) * 120, MetadataStep::Gave { part });
        story.tell(1760 + u64::from(part) * 120, Event::MetadataParts { got: part + 1, of, bytes });
    }
    let reason = "186 KiB that do not match the magnet".to_owned();
    step(&mut story, lies, 3300, MetadataStep::Wrong { reason });
    story.tell(3300, Event::MetadataParts { got: 0, of, bytes });
    for part in 0..8 {
        let asked = 3500 + u64::from(part) * 1290;
        step(&mut story, slow, asked, MetadataStep::Asked { part });
        step(&mut story, slow, asked + 31 + u64::from(part % 3) * 4, MetadataStep::Gave { part });
        story.tell(asked + 40, Event::MetadataParts { got: part + 1, of, bytes });
    }
    // The giver goes, and the last one that could give the rest has none of it either.
    story.end(slow, 15_200, Cause::ClosedByPeer, None, (140_000, 900)).again(slow, 15_200, 75_200);
    step(&mut story, later, 15_380, MetadataStep::Asked { part: 8 });
    step(&mut story, later, 15_510, MetadataStep::Refused { part: 8 });
    for n in 0..10 {
        let addr = format!("198.{}.{}.{}:{}", 18 + n % 2, n * 29 % 256, 190 - n * 7, 6881 + n * 311);
        let peer = story.learn(700, &addr, named);
        story.fails(peer, 14_600 + n * 100, Encryption::Plain, Cause::ConnectTimeout, 120_000 + n * 900);
    }
    for n in 0..4 {
        let peer = story.learn(700, &format!("203.0.113.{}:{}", 90 + n, 51413 + n), named);
        story.fails(peer, 2_000 + n * 300, Encryption::Plain, Cause::ConnectionRefused, 90_000);
    }
    for n in 0..2 {
        story.learn(700, &format!("100.64.7.{}:6881", 9 + n), named);
    }
    story
}
