//! Whole recordings: written, damaged, read, played.

mod damage;
mod every_kind;
mod evolve;
mod golden;
mod play;
mod size;
mod torrents;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::batch::{Entry, Told};
use super::*;
use crate::event::{At, Event, TorrentKey};
use crate::ledger::script::facts;
use crate::ledger::tests::any::possible_event;
use crate::ledger::{Ledger, View};

/// The torrent of most runs.
const TORRENT: TorrentKey = TorrentKey(0);

/// A run that is recorded while it goes on, and what its screen showed at the end of every second.
struct Run {
    ledger: Ledger,
    batcher: Batcher,
    writer: Writer<Vec<u8>>,
    at: At,
    next_second: At,
    shown: Vec<Arc<View>>,
    always_snapshot: bool,
}

impl Run {
    fn new(pieces: u32) -> Self {
        Self::with_ledger(Ledger::new(facts(pieces)), At::ZERO)
    }

    /// One whose recording begins now.
    fn with_ledger(ledger: Ledger, at: At) -> Self {
        let torrent = Arc::clone(&ledger.clone().view(at).torrent);
        let mut writer = Writer::begin(Vec::new(), 1_700_000_000_000).unwrap();
        writer.facts(at, TORRENT, &torrent).unwrap();
        writer.snapshot(at, &[(TORRENT, &ledger.snapshot())]).unwrap();
        let (next_second, shown) = (at + Duration::from_secs(1), Vec::new());
        Self { ledger, batcher: Batcher::default(), writer, at, next_second, shown, always_snapshot: false }
    }

    fn wait_ms(&mut self, ms: u64) -> &mut Self {
        let end = self.at + Duration::from_millis(ms);
        while self.next_second <= end {
            self.at = self.next_second;
            self.next_second += Duration::from_secs(1);
            self.second();
        }
        self.at = end;
        self
    }

    fn second(&mut self) {
        self.writer.write(self.batcher.take(self.at)).unwrap();
        if self.always_snapshot || self.writer.wants_snapshot(self.at) {
            self.writer.snapshot(self.at, &[(TORRENT, &self.ledger.snapshot())]).unwrap();
        }
        self.shown.push(self.ledger.view(self.at));
    }

    fn tell(&mut self, event: Event) -> &mut Self {
        self.batcher.push(self.at, TORRENT, &event);
        self.ledger.apply(self.at, &event);
        self
    }

    /// What the torrent is made of is known from now on.
    fn know(&mut self, facts: Arc<crate::ledger::TorrentFacts>) -> &mut Self {
        self.batcher.know(self.at, TORRENT, Arc::clone(&facts));
        self.ledger.know(self.at, facts);
        self
    }

    /// The file, and the last view.
    fn end(mut self) -> (Vec<u8>, Arc<View>) {
        self.writer.write(self.batcher.take(self.at)).unwrap();
        (self.writer.end(self.at).unwrap(), self.ledger.view(self.at))
    }
}

fn open(file: &[u8]) -> Result<Player<Cursor<Vec<u8>>>, RecordError> {
    Player::new(Recording::open(Cursor::new(file.to_vec()))?)
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    proptest::collection::vec((0u64..800, possible_event()), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn shows_at_every_second_what_the_run_showed(
        steps in events(), always_snapshot in any::<bool>(), begin in 0usize..60,
        jumps in proptest::collection::vec(any::<prop::sample::Index>(), 1..12)
    ) {
        let mut before = Ledger::with_most_rows(facts(30), 8);
        let (early, late) = steps.split_at(begin.min(steps.len()));
        let mut at = At::ZERO;
        for (ms, event) in early {
            at += Duration::from_millis(*ms);
            before.apply(at, event);
        }
        let mut run = Run::with_ledger(before, at);
        run.always_snapshot = always_snapshot;
        // Never at the very moment at which a second ends: then it is told after it.
        run.wait_ms(1);
        for (ms, event) in late {
            run.wait_ms(ms * 2).tell(event.clone());
        }
        let shown = run.shown.clone();
        let (file, last) = run.end();
        let mut player = open(&file).unwrap();
        prop_assert_eq!(player.damage(), None);
        prop_assert_eq!((player.begin(), player.end()), (at, last.at));
        for view in &shown {
            player.go_to(view.at);
            prop_assert_eq!(&player.view(), view);
        }
        player.go_to(last.at);
        prop_assert_eq!(&player.view(), &last);
        for jump in jumps.iter().filter(|_| !shown.is_empty()) {
            let view = &shown[jump.index(shown.len())];
            player.go_to(view.at);
            prop_assert_eq!(&player.view(), view, "after a jump");
        }
    }
}

#[test]
fn holds_haves_back_and_leaves_out_samples_like_the_last() {
    use crate::event::{PeerKey, PeerSample};

    let geometry = facts(30).geometry().unwrap();
    let mut batcher = Batcher::default();
    let peer = PeerKey(1);
    for number in [9, 3, 9, 4] {
        batcher.push(
            Duration::from_millis(1),
            TORRENT,
            &Event::Have { peer, piece: geometry.piece(number).unwrap() },
        );
    }
    batcher.push(Duration::from_millis(2), TORRENT, &Event::Connected { peer: PeerKey(7) });
    let sample = PeerSample { down_bps: 5000, down_bytes: 5000, ..PeerSample::default() };
    batcher.push(Duration::from_millis(3), TORRENT, &Event::PeerSample { peer, sample });
    batcher.push(Duration::from_millis(4), TORRENT, &Event::PeerSample { peer, sample });
    batcher.push(Duration::from_millis(5), TORRENT, &Event::Handshaken { peer });
    batcher.push(Duration::from_millis(6), TORRENT, &Event::Have { peer, piece: geometry.piece(5).unwrap() });
    let batch = batcher.take(Duration::from_secs(1));
    assert_eq!(batch.until(), Duration::from_secs(1));
    let (mut encoder, mut bytes, mut before) = (codec::Encoder::default(), Vec::new(), batch.until());
    for entry in batch.entries {
        before = encoder.encode(before, entry, &mut bytes).unwrap();
    }
    let file = codec::Files {
        version: VERSION,
        schema: &encoder.schema,
        torrent: TORRENT,
        geometry: Some(geometry),
    };
    let (mut decoder, mut rest, mut before) = (codec::Decoder::default(), &bytes[..], batch.until);
    decoder.begin(&file);
    let mut told = Vec::new();
    while !rest.is_empty() {
        let (at, read, after) = decoder.decode(before, rest, &file).unwrap();
        (before, rest) = (at, after);
        match read {
            codec::Read::Entry(Entry { told: Told::Event(event), .. }) => {
                told.push(format!("{event:?}").split(' ').next().unwrap().to_owned());
            }
            codec::Read::Entry(Entry { told: Told::Haves(_, pieces), .. }) => {
                told.push(format!("{:?}", pieces.iter().map(|piece| piece.number()).collect::<Vec<_>>()));
            }
            codec::Read::Other => {}
            codec::Read::Entry(Entry { told: Told::Known(_), .. }) | codec::Read::Unknown => {
                panic!("something that we do not know")
            }
        }
    }
    assert_eq!(told, ["Connected", "PeerSample", "[3, 4, 9]", "Handshaken", "[5]"]);
}
