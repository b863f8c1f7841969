//! Many files in folders, of a private torrent, from two peers with little to give.

use super::story::{Flow, Story};
use super::swarm::CONNECTED;
use crate::event::{Cause, Encryption, Event, Phase, Source};
use crate::ledger::{FileFacts, Metadata, TorrentFacts};
use crate::metainfo::{Geometry, InfoHash};

const PIECES: u32 = 5_120;
const PIECE_BYTES: u32 = 256 * 1024;

/// Paths, and how many of a thousand parts of the whole they are.
const FILES: [(&str, u64); 11] = [
    ("Season 1/01 From Pole to Pole.mkv", 120),
    ("Season 1/02 Mountains.mkv", 110),
    ("Season 1/03 Fresh Water.mkv", 90),
    ("Season 1/Subtitles/01 English.srt", 0),
    ("Season 1/Subtitles/02 English.srt", 0),
    ("Season 2/01 Caves.mkv", 150),
    ("Season 2/02 Deserts, with a title that is a good deal longer than there is room for.mkv", 160),
    ("Season 2/03 冰の世界.mkv", 170),
    ("Extras/Making of.mkv", 199),
    ("Extras/Stills/cover.jpg", 1),
    ("README.txt", 0),
];

fn facts() -> TorrentFacts {
    let geometry = Geometry::new(u64::from(PIECES) * u64::from(PIECE_BYTES), PIECE_BYTES).unwrap();
    let name = "Nature documentaries".to_owned();
    let mut offset_bytes = 0;
    let mut number = 0;
    let files = FILES.map(|(path, share)| {
        let length_bytes = geometry.total_bytes() * share / 1000;
        let file = FileFacts { path: format!("{name}/{path}"), offset_bytes, length_bytes, number };
        (offset_bytes, number) = (offset_bytes + length_bytes, number + 1);
        file
    });
    TorrentFacts {
        info_hash: InfoHash([0x5c; 20]),
        metadata: Some(Metadata { name, geometry, private: true, files: files.into() }),
        magnet_name: None,
        output: "/home/me/films".into(),
        peer_id: "-Tu0100-7f3kQ0xWm2Lp".to_owned(),
    }
}

pub(super) fn story() -> Story {
    let mut story = Story::new(facts(), 95_000);
    story.check(1500, 1_400).tell(400, Event::Listening { port: 6882 }).phase(2000, Phase::Downloading);
    let tracker = story.tracker(0, "https://tracker.example.org");
    story.tracker_answers(tracker, 900, (4, 2, 2));
    let named = Source::Tracker(tracker);
    for (n, who) in (0..).zip(&CONNECTED[3..5]) {
        let peer = story.learn(900, who.addr, named);
        story.joins(peer, 6000 + n * 700, who);
        let seconds = 10 + n..95;
        let climb = (seconds.start, 3);
        story.sends(Flow { peer, seconds, down_bps: 14_000 - n * 3000, up_bps: 0, climb });
    }
    let takes = story.learn(900, CONNECTED[11].addr, named);
    story.joins(takes, 9000, &CONNECTED[11]).takes(takes, 12..95, 52_000);
    let gone = story.learn(900, "198.18.3.7:51413", named);
    story.fails(gone, 16_000, Encryption::Plain, Cause::ConnectTimeout, 320_000);
    story
}
