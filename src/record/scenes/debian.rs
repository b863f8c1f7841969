//! The founding scene: fifty peers, of which seven send, and most of the rest are of no use. Three minutes in, the
//! download is paused, the disk fills up, the user holds, drops and bans, and a piece fails its check.

use std::ops::Range;
use std::time::Duration;

use super::story::{Flow, Story};
use super::swarm::CONNECTED;
use crate::event::{
    Cause, Encryption, Event, Finder, FinderStatus, PeerKey, Phase, Severity, Source, TrackerError,
};
use crate::ledger::{FileFacts, Metadata, TorrentFacts};
use crate::metainfo::{Geometry, InfoHash};

const PIECES: u32 = 15_104;
const PIECE_BYTES: u32 = 256 * 1024;
/// Pieces of an earlier run.
const THERE_BEFORE: u32 = 200;
/// When the download is shown, seconds.
const NOW: u64 = 182;
/// When it ends, seconds.
const END: u64 = 240;

pub(super) fn facts() -> TorrentFacts {
    let name = "debian-12.2.0-amd64-DVD-1.iso".to_owned();
    let geometry = Geometry::new(u64::from(PIECES) * u64::from(PIECE_BYTES), PIECE_BYTES).unwrap();
    let hash = *b"\x26\x7d\x63\xff\xd3\x17\x70\xe4\x0c\x99\x2b\x1f\x6e\x55\xa0\x31\x8d\x7e\x44\x19";
    TorrentFacts {
        info_hash: InfoHash(hash),
        metadata: Some(Metadata {
            name: name.clone(),
            geometry,
            private: false,
            files: vec![FileFacts {
                path: name,
                offset_bytes: 0,
                length_bytes: geometry.total_bytes(),
                number: 0,
            }],
        }),
        magnet_name: None,
        output: "/home/me/iso".into(),
        peer_id: "-Tu0100-7f3kQ0xWm2Lp".to_owned(),
    }
}

const fn ago(seconds: u64) -> u64 {
    (NOW - seconds) * 1000
}

pub(super) fn story() -> Story {
    let mut story = Story::new(facts(), END * 1000);
    let named = trackers(&mut story);
    let rows = learn_all(&mut story, named);
    served(&mut story, &rows);
    waiting(&mut story, &rows);
    lost(&mut story, &rows);
    user(&mut story, &rows);
    story
}

/// The start: what is on disk is looked at while the trackers are asked.
fn trackers(story: &mut Story) -> Source {
    story.check(1900, THERE_BEFORE);
    for (at, done) in [(1950, 0), (2100, 2), (2300, 5), (2600, 9)] {
        story.tell(at, Event::Preparing { done, of: 10 });
    }
    story.tell(600, Event::Listening { port: 6881 }).phase(2800, Phase::Downloading);
    story.tell(600, Event::Finder { finder: Finder::Pex, status: FinderStatus::Pending, detail: None });
    let debian = story.tracker(0, "http://bttracker.debian.org:6969");
    let silent = story.tracker(1, "udp://tracker.opentrackr.org:1337");
    story.tracker_answers(debian, 700, (45, 212, 31));
    let why = (TrackerError::Timeout, "no answer within 15 s");
    story.tracker_fails(silent, 15_200, why, 60_000).tracker_fails(silent, 90_400, why, 140_000);
    Source::Tracker(debian)
}

/// Which rows a peer names, by its own row, and when; it names one each time that is known already.
const NAMED: [(usize, u64, &[usize]); 2] = [(0, ago(75), &[15, 16]), (2, ago(5), &[17, 48, 49])];

/// The fifty rows: 17 that connect, 1 that is being tried, 28 that fail, 2 that leave, 2 that wait. Five of them are named
/// by other peers, the rest by the tracker.
fn learn_all(story: &mut Story, named: Source) -> Vec<PeerKey> {
    let connected = CONNECTED.iter().map(|who| who.addr.to_owned());
    let fixed = ["102.129.252.107:51413", "213.239.217.8:51413", "188.165.230.19:33721", "192.0.2.80:80"];
    let silent = (0..16).map(|n| format!("198.18.{}.{}:{}", n * 13 % 256, 200 - n * 7, 6881 + n * 311));
    let others = (0..9).map(|n| format!("203.0.113.{}:{}", 10 + n * 3, 51413 + n));
    let left = (0..2).map(|n| format!("80.6.7.8:{}", 7000 + n));
    let queued = (0..2).map(|n| format!("100.64.7.{}:6881", 9 + n));
    let all = connected.chain(fixed.map(str::to_owned)).chain(silent).chain(others).chain(left).chain(queued);
    let by_peer = |row| NAMED.iter().find(|(_, _, rows)| rows.contains(&row));
    let learned = all.enumerate().map(|(row, addr)| match by_peer(row) {
        Some((by, at, _)) => story.learn(*at, &addr, Source::Pex(PeerKey(*by as u32))),
        None => story.learn(700, &addr, named),
    });
    let rows: Vec<PeerKey> = learned.collect();
    for (by, at, new) in NAMED {
        let new = new.len() as u32;
        story.tell(at, Event::Named { peer: rows[by], named: new + 1, new });
    }
    rows
}

/// The seven that send: when they let us download, seconds ago, and at which rates, bytes a second.
const SENDERS: [(u64, u64, u64); 7] = [
    (130, 6_400_000, 0),
    (118, 5_030_000, 0),
    (118, 4_090_000, 206_000),
    (91, 2_730_000, 0),
    (80, 1_200_000, 0),
    (75, 640_000, 88_000),
    (60, 300_000, 0),
];

/// They send little at first; in the last half minute they come to their full rate. Two more let us download, and send
/// nothing.
fn served(story: &mut Story, rows: &[PeerKey]) {
    for (at, who) in (0..).zip(&CONNECTED[..9]) {
        story.joins(rows[at as usize], 3500 + at * 300, who);
    }
    for ((began, down_bps, up_bps), at) in SENDERS.into_iter().zip(0..) {
        let (peer, seconds) = (rows[at as usize], NOW - began..END);
        let climb = (NOW - 28 + at / 2, 14);
        story.sends(Flow { peer, seconds: seconds.clone(), down_bps, up_bps: 0, climb });
        if up_bps > 0 {
            story.takes(peer, seconds, up_bps);
        }
    }
    for (peer, since) in [(rows[7], 34), (rows[8], 50)] {
        let seconds = NOW - since..END;
        story.choke(peer, seconds.start * 1000, false);
        let climb = (seconds.start, 1);
        story.flows.push(Flow { peer, seconds, down_bps: 0, up_bps: 0, climb });
    }
}

/// The eight that choke us; two of them take from us what they lack.
fn waiting(story: &mut Story, rows: &[PeerKey]) {
    let joined = [177, 170, 99, 88, 70, 64, 45, 30];
    for ((peer, who), joined) in rows[9..17].iter().zip(&CONNECTED[9..]).zip(joined) {
        story.joins(*peer, ago(joined), who);
    }
    let until = END;
    let turns: [(usize, Range<u64>, u64); 2] = [(9, NOW - 60..until, 90_000), (11, NOW - 72..until, 38_000)];
    for (at, seconds, up_bps) in turns {
        story.takes(rows[at], seconds, up_bps);
    }
}

/// Those that never came to anything, or left.
fn lost(story: &mut Story, rows: &[PeerKey]) {
    use Encryption::{Mse, Plain};
    let again = |seconds: u64| (NOW + seconds) * 1000;
    story.dial(rows[17], ago(3) - 40, Plain).open(rows[17], ago(3));
    let hung_up = Cause::ClosedBeforeHandshake;
    story.fails(rows[18], ago(18), Plain, hung_up, ago(8)).fails(rows[18], ago(8), Mse, hung_up, again(240));
    let silent = Cause::ConnectTimeout;
    story.fails(rows[19], 13_100, Plain, silent, ago(22)).fails(rows[19], ago(12), Plain, silent, again(252));
    story.fails(rows[20], ago(20), Plain, Cause::NotBittorrent, again(900));
    for (n, peer) in (0..).zip(&rows[21..37]) {
        story.fails(*peer, 13_200 + n * 40, Plain, silent, ago(40 + n));
        story.fails(*peer, ago(30 + n), Plain, silent, again(200 + n * 9));
    }
    let causes = [
        Cause::ConnectionRefused,
        Cause::ConnectionRefused,
        Cause::ConnectionRefused,
        hung_up,
        hung_up,
        hung_up,
        Cause::HandshakeTimeout,
        Cause::HandshakeTimeout,
        Cause::InfoHashMismatch,
    ];
    for ((n, cause), peer) in (0..).zip(causes).zip(&rows[37..46]) {
        story.fails(*peer, 14_000 + n * 300, Plain, cause, again(300));
    }
    for (n, peer) in (0..).zip(&rows[46..48]) {
        story.joins(*peer, 5000 + n * 300, &CONNECTED[13]);
        story.end(*peer, ago(90 - n), Cause::ClosedByPeer, None, (1400, 400)).again(
            *peer,
            ago(90 - n),
            again(600),
        );
    }
}

/// What the user does afterwards: a pause, a full disk, then hold, drop and ban while it goes on. A piece fails its
/// check.
fn user(story: &mut Story, rows: &[PeerKey]) {
    story
        .phase(182_300, Phase::Paused)
        .answer(182_300, "Paused, until you go on.")
        .phase(196_100, Phase::Downloading)
        .answer(196_100, "Goes on.");
    let reason = "The disk is full: /home/me/iso/debian-12.2.0-amd64-DVD-1.iso cannot be written";
    story
        .tell(196_300, Event::Phase { phase: Phase::Stopped, reason: Some(reason.to_owned()) })
        .tell(196_300, Event::Note { severity: Severity::Error, text: reason.to_owned(), answer: true })
        .phase(220_100, Phase::Downloading)
        .answer(220_100, "Goes on.");
    let held = Event::Held { peer: rows[0], held: true };
    let until = Some(Duration::from_secs(226 + 3600));
    story
        .tell(224_100, held)
        .answer(
            224_100,
            "83.148.245.186:51414 is held: it stays connected, and nothing is asked of it or sent to it.",
        )
        .tell(225_100, Event::Dropped { peer: rows[22], dropped: true })
        .tell(225_100, Event::NotDialled { peer: rows[22], cause: Some(Cause::DroppedByUser) })
        .tell(226_100, Event::Banned { peer: rows[23], until, reason: "by you".to_owned() })
        .tell(226_100, Event::NotDialled { peer: rows[23], cause: Some(Cause::Banned) })
        .answer(
            226_100,
            "198.18.26.186:7503 is banned for an hour. It is not dialled, and refused if it calls.",
        );
    let bad = story.facts.piece(7000).unwrap();
    story
        .tell(227_100, Event::PieceOpened { piece: bad })
        .tell(227_400, Event::PieceFailed { piece: bad, from: vec![rows[5]] });
}
