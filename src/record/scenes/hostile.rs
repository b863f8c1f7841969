//! Names of torrent, files, clients and trackers at their worst. A recording may come from a stranger: here they
//! stand in it as they are, and the reader has to make them harmless.

use std::time::Duration;

use super::story::{Flow, Story, Who};
use crate::event::{Cause, Encryption, Event, Phase, Source, TrackerError, Transport};
use crate::ledger::{FileFacts, Metadata, TorrentFacts};
use crate::metainfo::{Geometry, InfoHash};

const PIECES: u32 = 300;
const PIECE_BYTES: u32 = 16 * 1024;

fn facts() -> TorrentFacts {
    let geometry = Geometry::new(u64::from(PIECES) * u64::from(PIECE_BYTES), PIECE_BYTES).unwrap();
    let half = geometry.total_bytes() / 2;
    let file = |path: String, offset_bytes| {
        let number = u32::from(offset_bytes > 0);
        FileFacts { path, offset_bytes, length_bytes: half, number }
    };
    TorrentFacts {
        info_hash: InfoHash([0xee; 20]),
        metadata: Some(Metadata {
            name: "日本語のとても長い名前のファイル…\x1b[31m\x07".repeat(40),
            geometry,
            private: false,
            files: vec![
                file("名前/e\u{301}\u{301}\u{301}\u{301}/مرحبا/👩\u{200d}👩\u{200d}👧.bin".repeat(30), 0),
                file("a".repeat(10_000), half),
            ],
        }),
        magnet_name: None,
        output: "/home/me/\x1b]0;title\x07".into(),
        peer_id: "-Tu0100-7f3kQ0xWm2Lp".to_owned(),
    }
}

pub(super) fn story() -> Story {
    let mut story = Story::new(facts(), 70_000);
    story.check(900, 0).tell(400, Event::Listening { port: 6881 }).phase(1000, Phase::Downloading);
    let dead = story.tracker(0, &"http://例え.テスト".repeat(20));
    let words = format!("\x1b[2J{}", "否".repeat(2000));
    story.tracker_fails(dead, 700, (TrackerError::Refused, &words), 1_800_000);
    let names = [
        "漢".repeat(60),
        "a\u{300}\u{301}\u{302}".repeat(10_000),
        "🇩🇪👨\u{200d}👩\u{200d}👧 العربية \u{202e}txet".to_owned(),
        "\x1b[31mred\x1b[0m\r\n\t\u{feff}".to_owned(),
    ];
    for (n, calls_itself) in (0..).zip(&names) {
        let addr = format!("198.51.100.{}:{}", 7 + n, 6881 + n);
        let id = [b"-\x1b[2J\x07-\xff", b"\xff\xff\xff\xff\xff\xff\xff\xff"][n as usize % 2];
        let who = Who {
            addr: &addr,
            id,
            calls_itself,
            answers_ms: 9999,
            encrypted: false,
            percent: 100,
            over: Transport::Tcp,
        };
        let peer = story.learn(700, &addr, Source::Manual);
        story.joins(peer, 12_000 + n, &who);
        let seconds = 14..70;
        // More than anybody has to give.
        story.flows.push(Flow {
            peer,
            seconds: seconds.clone(),
            down_bps: 0,
            up_bps: 1 << 41,
            climb: (14, 1),
        });
        story.sends(Flow { peer, seconds, down_bps: 17_000, up_bps: 0, climb: (14, 1) });
    }
    for n in 0..3 {
        let peer =
            story.learn(700, &format!("[2001:db8:1234:5678:9abc:def0:1234:{n}]:65535"), Source::Manual);
        let detail = "詳\x1b[5m".repeat(500);
        let began = 15_000 + n * 1000;
        story.dial(peer, began, Encryption::Mse).open(peer, began + 40);
        story.tell(began + 60, Event::HandshakeBytes { peer, received: vec![0x1b; 19 * n as usize] });
        story.end(peer, began + 90, Cause::EncryptionFailed, Some(&detail), (u64::from(u32::MAX), 68));
    }
    let reason = "理由".repeat(500);
    let banned = story.learn(700, "203.0.113.9:1", Source::Manual);
    story.tell(
        20_000,
        Event::Banned { peer: banned, until: Some(Duration::from_secs(90 * 366 * 86_400)), reason },
    );
    story.answer(68_500, &"答".repeat(1000));
    story
}
