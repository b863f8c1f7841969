//! Files of a version that has other fields and kinds than this one.

use std::net::SocketAddr;

use serde::Serialize;

use super::*;
use crate::event::{Announced, PeerInfo, PeerKey, PeerSample, Phase, Severity, Source, Subject, TrackerKey};
use crate::record::batch::Told;
use crate::record::codec::{What, Written};
use crate::record::facts as written;
use crate::record::frame::{self, Kind};
use crate::record::reader;
use crate::record::schema::{self, Root, Schema};

/// Another version writes a file: its schema, its events, its frames.
struct Other {
    schema: Schema,
    file: Vec<u8>,
    second: u64,
}

impl Other {
    fn new() -> Self {
        let nothing = Ledger::new(facts(30)).snapshot();
        Self::with_snapshot(|schema, body| written::write_ledger(schema, TORRENT, &nothing, body).unwrap())
    }

    fn with_snapshot(write: impl Fn(&mut Schema, &mut Vec<u8>)) -> Self {
        let mut other = Self { schema: Schema::default(), file: frame::header(0).to_vec(), second: 0 };
        let (mut body, mut snapshot) = (Vec::new(), Vec::new());
        written::write(&mut other.schema, TORRENT, &facts(30), &mut body).unwrap();
        other.frame(Kind::Facts, &body);
        write(&mut other.schema, &mut snapshot);
        other.frame(Kind::Snapshot, &snapshot);
        other
    }

    fn frame(&mut self, kind: Kind, body: &[u8]) {
        let until = Duration::from_secs(self.second);
        if let Some(added) = self.schema.take_added() {
            frame::write(&mut self.file, Kind::Schema, until, &added).unwrap();
        }
        frame::write(&mut self.file, kind, until, body).unwrap();
    }

    /// A frame of entries, a tenth of a second apart.
    fn second<W: Serialize>(&mut self, entries: impl IntoIterator<Item = W>) {
        self.second += 1;
        let (mut body, mut after) = (Vec::new(), -1_000_000_000);
        for what in entries {
            schema::write(&mut self.schema, Root::Entry, &Written { after, what }, &mut body).unwrap();
            after = 100_000_000;
        }
        self.frame(Kind::Events, &body);
    }
}

/// Events as a later version may have them: in another order, with more fields, and of more kinds.
#[derive(Serialize)]
enum Newer {
    /// Something new, which holds a lot.
    Wormhole {
        to: Option<SocketAddr>,
        through: Vec<(u32, Throat)>,
        wide: f64,
        name: char,
    },
    PeerLearned {
        hops: Option<u8>,
        peer: PeerKey,
        source: NewerSource,
        addr: SocketAddr,
        tags: Vec<String>,
    },
    Note {
        answer: bool,
        text: String,
        severity: Severity,
        lines: (u16, u16),
    },
    Silence,
}

#[derive(Serialize)]
enum Throat {
    Narrow(i8),
    Wide { by: i32 },
}

#[derive(Serialize)]
enum NewerSource {
    Oracle { node: [u8; 20] },
    Manual,
}

#[derive(Serialize)]
enum NewerWhat {
    Of(Subject),
    /// A new kind of entry.
    Echo {
        of: u64,
    },
    Event(Newer),
}

fn learned(number: u32, source: NewerSource) -> NewerWhat {
    let addr = format!("192.0.2.{number}:6881").parse().unwrap();
    let (hops, tags) = (Some(3), vec!["near".to_owned()]);
    NewerWhat::Event(Newer::PeerLearned { hops, peer: PeerKey(number), source, addr, tags })
}

fn note(text: &str) -> NewerWhat {
    let (severity, text) = (Severity::Warn, text.to_owned());
    NewerWhat::Event(Newer::Note { answer: true, text, severity, lines: (1, 2) })
}

#[test]
fn what_a_later_version_wrote_is_shown_as_far_as_this_one_knows_it() {
    let mut other = Other::new();
    let throats = || vec![(1, Throat::Narrow(-3)), (2, Throat::Wide { by: -70_000 })];
    let wormhole = |to: Option<&str>| {
        let to = to.map(|addr| addr.parse().unwrap());
        NewerWhat::Event(Newer::Wormhole { to, through: throats(), wide: 0.5, name: 'ö' })
    };
    let of = || NewerWhat::Of(Subject::Torrent(TORRENT));
    other.second([
        of(),
        wormhole(None),
        learned(1, NewerSource::Manual),
        NewerWhat::Echo { of: 9 },
        learned(2, NewerSource::Oracle { node: [9; 20] }),
        NewerWhat::Event(Newer::Silence),
        note("after it"),
    ]);
    other.frame(Kind::Unknown(77), b"a frame of a kind that comes later");
    other.second([of(), wormhole(Some("[2001:db8::1]:9")), note("at the end")]);

    let mut player = open(&other.file).unwrap();
    assert_eq!(player.damage(), None);
    let left_out = player.left_out().unwrap();
    assert_eq!((left_out.records, left_out.other_torrents), (6, 0));
    let told = left_out.to_string();
    let expected = format!(
        "6 records that this ttui does not know are left out; ttui {}, which wrote the recording, or a newer one \
         shows all of it",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(told, expected);
    player.go_to(At::MAX);
    let view = player.view();
    let peers: Vec<(PeerKey, &[Source])> =
        view.peers.iter().map(|peer| (peer.key, &peer.sources[..])).collect();
    assert_eq!(peers, [(PeerKey(1), &[Source::Manual][..])]);
    let notes: Vec<(&str, u128)> =
        view.log.iter().map(|line| (&line.text[..], line.at.as_millis())).collect();
    // What is left out takes its time nevertheless.
    assert_eq!(notes, [("after it", 600), ("at the end", 1200)]);
}

/// Events as an earlier version may have had them: with fewer fields.
#[derive(Serialize)]
enum Older {
    Phase { phase: Phase },
    PeerLearned { peer: PeerKey, addr: SocketAddr, source: Source },
    Extended { peer: PeerKey, calls_itself: Option<String>, extensions: Vec<String> },
    AnnounceAnswered { tracker: TrackerKey, answer: OlderAnswer },
}

#[derive(Serialize)]
struct OlderAnswer {
    peers: u32,
    /// Nobody asks for it any more.
    mood: String,
}

#[derive(Serialize)]
struct OlderSample {
    down_bytes: u64,
    mood: u16,
    down_bps: u32,
}

#[test]
fn what_an_earlier_version_wrote_lacks_what_came_later() {
    let mut other = Other::new();
    let (peer, tracker) = (PeerKey(1), TrackerKey(0));
    let addr = "192.0.2.1:6881".parse().unwrap();
    let answer = OlderAnswer { peers: 5, mood: "sunny".to_owned() };
    // The schema knows what a sample was.
    let older = OlderSample { down_bytes: 0, mood: 0, down_bps: 0 };
    schema::write(&mut other.schema, Root::Sample, &older, &mut Vec::new()).unwrap();
    other.second([
        What::Of(Subject::Torrent(TORRENT)),
        What::Event(Older::Phase { phase: Phase::Downloading }),
        What::Event(Older::PeerLearned { peer, addr, source: Source::Manual }),
        What::Event(Older::Extended { peer, calls_itself: None, extensions: vec!["ut_pex".to_owned()] }),
        What::Event(Older::AnnounceAnswered { tracker, answer }),
        // A total that is 500 more than a second of this rate, and a mood.
        What::Sample { peer, mask: 0b111, changes: vec![500, 3, 1000] },
        What::Sample { peer, mask: 0b010, changes: vec![-1] },
    ]);
    let mut recording = Recording::open(Cursor::new(&other.file)).unwrap();
    let mut cursor = reader::Cursor::after(0);
    let mut told = Vec::new();
    while let Ok(reader::Met::Entry(entry)) = cursor.next(&mut recording) {
        told.push(entry.told);
    }
    let sample = |down_bytes| {
        let sample = PeerSample { down_bytes, down_bps: 1000, ..PeerSample::default() };
        Event::PeerSample { peer, sample }
    };
    let info = PeerInfo { extensions: vec!["ut_pex".to_owned()], ..PeerInfo::default() };
    let expected = [
        Event::Phase { phase: Phase::Downloading, reason: None },
        Event::PeerLearned { peer, addr, source: Source::Manual },
        Event::Introduced { peer, info },
        Event::AnnounceAnswered { tracker, answer: Announced { peers: 5, ..Announced::default() } },
        sample(1500),
        sample(2500),
    ];
    assert_eq!(told, expected.map(Told::Event));
    let player = open(&other.file).unwrap();
    assert_eq!((player.damage(), player.left_out()), (None, None));
}

#[derive(Serialize)]
struct NewerKnown {
    torrent: TorrentKey,
    ledger: NewerLedger,
}

#[derive(Serialize)]
struct NewerLedger {
    run: NewerRun,
}

#[derive(Serialize)]
struct NewerRun {
    phase: NewerPhase,
}

#[derive(Serialize)]
enum NewerPhase {
    Hibernating,
}

/// A snapshot in which something is unknown that has to be there: what came before it is told on.
#[test]
fn a_snapshot_that_cannot_be_read_is_passed_over() {
    let newer = NewerKnown {
        torrent: TORRENT,
        ledger: NewerLedger { run: NewerRun { phase: NewerPhase::Hibernating } },
    };
    let mut other = Other::with_snapshot(|schema, body| {
        schema::write(schema, Root::Snapshot, &newer, body).unwrap();
    });
    let error = open(&other.file).unwrap_err();
    let this = env!("CARGO_PKG_VERSION");
    let said = format!(
        "a recording that begins with what this ttui ({this}) does not know (\"Hibernating\"): replay it with ttui {this} or newer"
    );
    assert_eq!(error.to_string(), said);

    // The same in the middle: the first snapshot has no torrents at all.
    other = Other::with_snapshot(|_, _| {});
    let of = || NewerWhat::Of(Subject::Torrent(TORRENT));
    other.second([of(), learned(1, NewerSource::Manual)]);
    let mut body = Vec::new();
    schema::write(&mut other.schema, Root::Snapshot, &newer, &mut body).unwrap();
    other.frame(Kind::Snapshot, &body);
    other.second([of(), learned(2, NewerSource::Manual)]);
    let mut player = open(&other.file).unwrap();
    assert_eq!((player.damage(), player.left_out().unwrap().records), (None, 1));
    for (second, peers) in [(2, 2), (1, 1), (2, 2)] {
        player.go_to(Duration::from_secs(second));
        assert_eq!(player.view().peers.len(), peers);
    }
}
