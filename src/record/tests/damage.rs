//! Files that were cut, changed, or never written by us.

use super::*;
use crate::event::{PeerInfo, PeerKey, Source, Subject};
use crate::ledger::{FileFacts, TorrentFacts};
use crate::record::batch::{Entry, Told};
use crate::record::facts as written;
use crate::record::frame::{self, Kind};

/// A small run of three seconds, with a snapshot in every one.
fn small() -> (Vec<u8>, Vec<Arc<View>>) {
    let mut run = Run::new(30);
    run.always_snapshot = true;
    for event in every_kind::events().into_iter().take(30) {
        run.tell(event).wait_ms(100);
    }
    let mut shown = run.shown.clone();
    let (file, last) = run.end();
    shown.push(last);
    (file, shown)
}

/// Bytes of the frame that begins there.
fn frame_length(bytes: &[u8]) -> usize {
    frame::HEAD_BYTES + u32::from_le_bytes(*bytes[1..].first_chunk().unwrap()) as usize
}

/// Where a file may end and be whole.
fn frame_ends(file: &[u8]) -> Vec<usize> {
    let mut ends = vec![frame::HEADER_BYTES];
    while let Some(rest) = ends.last().map(|end| &file[*end..]).filter(|rest| !rest.is_empty()) {
        ends.push(file.len() - rest.len() + frame_length(rest));
    }
    ends
}

#[test]
fn a_recording_cut_at_any_byte_shows_every_whole_second() {
    let (file, shown) = small();
    let whole = Recording::open(Cursor::new(file.clone())).unwrap();
    // Frames of all kinds, and the first that tells anything.
    let boundaries = frame_ends(&file);
    let first = whole.places[0].byte as usize + frame_length(&file[whole.places[0].byte as usize..]);
    // Most lie within a frame, where one is as good as another.
    for length in (0..file.len()).filter(|length| length % 3 == 0 || boundaries.contains(length)) {
        let cut = &file[..length];
        if length < first {
            let error = open(cut).unwrap_err();
            assert!(
                matches!(error, RecordError::NotARecording | RecordError::Damaged(_)),
                "{length}: {error}"
            );
            continue;
        }
        let mut player = open(cut).unwrap();
        let boundary = boundaries.contains(&length);
        assert_eq!(player.damage().is_none(), boundary, "at {length}");
        player.go_to(At::MAX);
        let end = player.end();
        if let Some(view) = shown.iter().find(|view| view.at == end) {
            assert_eq!(&player.view(), view, "cut at {length}");
        }
        if let Some(damage) = player.damage() {
            assert!(damage.byte <= length as u64 && damage.at == end);
        }
    }
}

#[test]
fn any_changed_byte_is_noticed() {
    let (file, _) = small();
    // Every third, in frames of every length.
    for at in (0..file.len()).step_by(3) {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        if let Ok(mut player) = open(&changed) {
            assert!(player.damage().is_some(), "byte {at}");
            player.go_to(At::MAX);
            player.view();
        }
    }
}

#[test]
fn says_in_one_line_what_it_cannot_open() {
    let (mut file, _) = small();
    assert_eq!(
        open(b"d8:announce").unwrap_err().to_string(),
        "not a recording: expected a file that ttui wrote with --record"
    );
    assert_eq!(open(b"").unwrap_err(), RecordError::NotARecording);
    assert_eq!(
        open(&file[..30]).unwrap_err().to_string(),
        "a recording that is damaged at its very beginning: it ends there"
    );
    file[8..10].copy_from_slice(&3u16.to_le_bytes());
    let this = env!("CARGO_PKG_VERSION");
    let newer = |by: &str| {
        format!(
            "a recording of format 3, and this ttui ({this}) reads formats up to 2: replay it with {by} or newer"
        )
    };
    // The header is changed: who wrote it is not to be believed.
    assert_eq!(open(&file).unwrap_err().to_string(), newer("the ttui that wrote it"));
    file[18..24].copy_from_slice(&[0, 0, 7, 0, 1, 1]);
    let crc = crc32fast::hash(&file[..24]);
    file[24..28].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(open(&file).unwrap_err().to_string(), newer("ttui 0.7.257"));
    file.truncate(10);
    assert_eq!(open(&file).unwrap_err().to_string(), newer("the ttui that wrote it"));
}

#[test]
fn tells_where_the_damage_is() {
    let (mut file, _) = small();
    let places = Recording::open(Cursor::new(file.clone())).unwrap().places;
    let third = places[3].byte;
    file[third as usize + 30] ^= 1;
    let mut player = open(&file).unwrap();
    let damage = player.damage().unwrap();
    assert_eq!((damage.byte, damage.at), (third, places[2].until));
    let line = damage.to_string();
    assert!(
        line.starts_with(&format!("the recording is damaged at byte {third}, ")) && !line.contains('\n'),
        "{line}"
    );
    player.go_to(At::MAX);
    assert_eq!(player.position(), places[2].until);
}

/// Writes files whose checksums hold and whose bodies need not.
struct Forger {
    encoder: codec::Encoder,
    file: Vec<u8>,
    until: At,
}

impl Forger {
    fn new() -> Self {
        let mut forger = Self::without_torrent();
        forger.torrent(&facts(30));
        forger
    }

    fn without_torrent() -> Self {
        Self { encoder: codec::Encoder::default(), file: frame::header(0).to_vec(), until: At::ZERO }
    }

    fn torrent(&mut self, facts: &TorrentFacts) {
        let mut body = Vec::new();
        written::write(&mut self.encoder.schema, TORRENT, facts, &mut body).unwrap();
        self.frame(Kind::Facts, &body);
    }

    /// A frame, a second after the last one.
    fn frame(&mut self, kind: Kind, body: &[u8]) {
        if let Some(added) = self.encoder.schema.take_added() {
            frame::write(&mut self.file, Kind::Schema, self.until, &added).unwrap();
        }
        frame::write(&mut self.file, kind, self.until, body).unwrap();
        self.until += Duration::from_secs(1);
    }

    fn snapshot(&mut self, ledger: &Ledger) -> Vec<u8> {
        let mut body = Vec::new();
        written::write_ledger(&mut self.encoder.schema, TORRENT, &ledger.snapshot(), &mut body).unwrap();
        body
    }

    fn events(&mut self, events: impl IntoIterator<Item = Event>) -> Vec<u8> {
        let (mut body, of) = (Vec::new(), Subject::Torrent(TORRENT));
        let mut before = self.until;
        for event in events {
            let entry = Entry { at: At::ZERO, of, told: Told::Event(event) };
            before = self.encoder.encode(before, entry, &mut body).unwrap();
        }
        body
    }
}

fn look_at_all(file: &[u8]) {
    let Ok(mut player) = open(file) else { return };
    player.view();
    for seconds in [1, 0, 3, 2, 100] {
        player.go_to(Duration::from_secs(seconds));
        player.view();
    }
    while player.previous_failure() {}
    player.step_back();
    player.step_forward();
}

#[test]
fn a_frame_that_unpacks_to_more_than_it_says_is_refused() {
    let mut forger = Forger::new();
    let body = forger.snapshot(&Ledger::new(facts(30)));
    forger.frame(Kind::Snapshot, &body);
    let mut file = forger.file;
    let at = file.len();
    frame::write(&mut file, Kind::Events, Duration::from_secs(5), &vec![0; 1 << 20]).unwrap();
    // Says that it holds a hundred bytes; the checksum is made right again.
    file[at + 5..at + 9].copy_from_slice(&100u32.to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&file[at..at + 17]);
    crc.update(&file[at + 21..]);
    let crc = crc.finalize();
    file[at + 17..at + 21].copy_from_slice(&crc.to_le_bytes());
    let player = open(&file).unwrap();
    assert_eq!(player.damage().unwrap().what, "a frame that does not unpack to its length");
}

/// Few bytes that stand for a lot: a file of a hundred kilobytes must not become gigabytes.
#[test]
fn lists_longer_than_any_can_be_are_refused() {
    let nothing = FileFacts { path: String::new(), offset_bytes: 0, length_bytes: 0, number: 0 };
    let with_files = |count| {
        let mut torrent = (*facts(30)).clone();
        torrent.metadata.as_mut().unwrap().files = vec![nothing.clone(); count];
        let mut forger = Forger::without_torrent();
        forger.torrent(&torrent);
        let file = forger.file;
        assert!(file.len() < 20_000, "{} bytes", file.len());
        open(&file).unwrap_err()
    };
    assert_eq!(with_files(1_000_000), RecordError::Damaged("it ends there"));
    assert_eq!(with_files(1_000_001), RecordError::Damaged("facts of the torrent that cannot be read"));

    let mut ledger = Ledger::with_most_rows(facts(30), 1_000_000);
    for number in 0..100_001u32 {
        let (peer, addr) = (PeerKey(number), (std::net::Ipv4Addr::from(number), 6881).into());
        ledger.apply(At::ZERO, &Event::PeerLearned { peer, addr, source: Source::Manual });
    }
    let mut forger = Forger::new();
    let body = forger.snapshot(&ledger);
    forger.frame(Kind::Snapshot, &body);
    assert_eq!(open(&forger.file).unwrap_err(), RecordError::Damaged("a snapshot that cannot be read"));

    let damage_of = |count| {
        let info = PeerInfo { extensions: vec![String::new(); count], ..PeerInfo::default() };
        let event = Event::Introduced { peer: PeerKey(0), info };
        let mut forger = Forger::new();
        let body = forger.snapshot(&Ledger::new(facts(30)));
        forger.frame(Kind::Snapshot, &body);
        let body = forger.events([event]);
        forger.frame(Kind::Events, &body);
        let player = open(&forger.file).unwrap();
        player.damage().map(|damage| damage.what)
    };
    assert_eq!(damage_of(1000), None);
    assert_eq!(damage_of(1001), Some("an event that cannot be read"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        look_at_all(&bytes);
        let mut file = frame::header(7).to_vec();
        file.extend(&bytes);
        look_at_all(&file);
    }

    #[test]
    fn forged_bodies_never_fail(
        steps in events(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..6), 1..5)
    ) {
        let (mut ledger, mut forger) = (Ledger::new(facts(30)), Forger::new());
        let mut bodies = vec![(Kind::Snapshot, forger.snapshot(&ledger))];
        let mut at = At::ZERO;
        for part in steps.chunks(steps.len().div_ceil(3)) {
            for (ms, event) in part {
                at += Duration::from_millis(*ms / 100);
                ledger.apply(at, event);
            }
            bodies.push((Kind::Events, forger.events(part.iter().map(|(_, event)| event.clone()))));
        }
        bodies.push((Kind::Snapshot, forger.snapshot(&ledger)));
        let added = forger.encoder.schema.take_added().unwrap();
        bodies.insert(0, (Kind::Schema, added));
        for (index, byte, frame) in flips {
            let count = bodies.len();
            let body = &mut bodies[frame % count].1;
            if !body.is_empty() {
                let at = index.index(body.len());
                body[at] = byte;
            }
        }
        for (kind, body) in &bodies {
            forger.frame(*kind, body);
        }
        look_at_all(&forger.file);
    }
}
