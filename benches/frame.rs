//! What a frame costs: 500 peers and 100 000 pieces, every page at 200×60 and at 300×100; and the grid of pieces alone in each of its
//! layers, 100 000 and 1 000 000 of them into the cells of 80×24 and 200×60.
//!
//! `cargo bench --bench frame` prints the median and the slowest tenth of each. The view is folded from events, as
//! in a run; between two frames it changes as it does in a quarter of a second of one.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and stops where it cannot go on"
)]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures by the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use ttui::event::{
    BlockRun, BlockState, Cause, Direction, Encryption, Event, PeerKey, PeerSample, Phase, Sample, Side,
    Source, Transport,
};
use ttui::ledger::{FileFacts, Ledger, Metadata, Standing, TorrentFacts, TorrentRow, Torrents, Totals, View};
use ttui::metainfo::{Bitfield, Geometry, InfoHash};
use ttui::ui::action::Action;
use ttui::ui::model::Screen;
use ttui::ui::{Look, Model, draw, draw_grid, update};

const PEERS: u32 = 500;
const PIECES: u32 = 100_000;
const MANY_PIECES: u32 = 1_000_000;
const FILES: u64 = 100_000;
const PIECE_BYTES: u32 = 256 * 1024;
const TORRENTS: u32 = 5000;
const FRAMES: usize = 400;

/// A run under way.
struct Run {
    ledger: Ledger,
    geometry: Geometry,
    at: Duration,
    next: u32,
}

impl Run {
    fn new(pieces: u32) -> Self {
        let total = u64::from(pieces) * u64::from(PIECE_BYTES);
        let geometry = Geometry::new(total, PIECE_BYTES).unwrap();
        let length_bytes = total / FILES;
        let file = |number: u64| FileFacts {
            path: format!("many/{:03}/file number {number}.bin", number / 100),
            offset_bytes: number * length_bytes,
            length_bytes,
            number: number as u32,
        };
        let ledger = Ledger::new(Arc::new(TorrentFacts {
            info_hash: InfoHash([7; 20]),
            metadata: Some(Metadata {
                name: "many".to_owned(),
                geometry,
                private: false,
                files: (0..FILES).map(file).collect(),
            }),
            magnet_name: None,
            output: "/home/me".into(),
            peer_id: "-Tu0100-0123456789ab".to_owned(),
        }));
        let mut run = Self { ledger, geometry, at: Duration::ZERO, next: 0 };
        run.tell(&Event::Phase { phase: Phase::Downloading, reason: None });
        for number in 0..PEERS {
            run.peer(number);
        }
        (0..pieces * 3 / 10).for_each(|_| run.piece());
        for second in 0..3600 {
            run.tell(&Event::Sample(Sample { down_bps: 20_000_000 + second * 1000, up_bps: 400_000 }));
            run.at += Duration::from_secs(1);
        }
        run.second();
        run
    }

    fn tell(&mut self, event: &Event) {
        self.ledger.apply(self.at, event);
    }

    fn peer(&mut self, number: u32) {
        let peer = PeerKey(number);
        let addr = ([80, 1, (number / 250) as u8, (number % 250) as u8], 6881).into();
        self.tell(&Event::PeerLearned { peer, addr, source: Source::Manual });
        let (direction, transport, encryption) = (Direction::Out, Transport::Tcp, Encryption::Plain);
        self.tell(&Event::AttemptBegan { peer, direction, transport, encryption });
        if number % 5 == 4 {
            let cause = Cause::ConnectTimeout;
            let (error, detail, bytes_in, bytes_out) = (None, None, 0, 0);
            return self.tell(&Event::AttemptEnded { peer, cause, error, detail, bytes_in, bytes_out });
        }
        self.tell(&Event::Connected { peer });
        let mut bytes = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
        bytes.extend([7; 20]);
        bytes.extend(format!("-TR4060-{number:012}").bytes());
        self.tell(&Event::HandshakeSent { peer, sent: bytes.clone() });
        self.tell(&Event::HandshakeBytes { peer, received: bytes });
        self.tell(&Event::Handshaken { peer });
        let mut has = Bitfield::empty(self.geometry.piece_count());
        for piece in self.geometry.pieces().filter(|piece| piece.number() % 500 <= number) {
            has.set(piece);
        }
        self.tell(&Event::Has { peer, pieces: Arc::new(has) });
        self.tell(&Event::Interested { peer, by: Side::Us, interested: true });
        if number.is_multiple_of(2) {
            self.tell(&Event::Choking { peer, by: Side::Them, choking: false });
        }
    }

    /// One piece more comes, and another is begun.
    fn piece(&mut self) {
        self.next += 1;
        // Spread, as rarest first does.
        let pieces = u64::from(self.geometry.piece_count());
        let place = |number: u32| u64::from(number) * 61_813 % pieces;
        let piece = self.geometry.piece(place(self.next) as u32).unwrap();
        let from = vec![PeerKey(self.next % 40 * 2)];
        self.tell(&Event::PieceVerified { piece, from: from.clone() });
        let opened = self.geometry.piece(place(self.next + 100) as u32).unwrap();
        self.tell(&Event::PieceOpened { piece: opened });
        let blocks = vec![
            BlockRun { count: 9, state: BlockState::Here(from[0]) },
            BlockRun { count: 7, state: BlockState::Asked(from) },
        ];
        self.tell(&Event::PieceBlocks { piece: opened, blocks });
    }

    /// What a second of it brings.
    fn second(&mut self) {
        self.at += Duration::from_millis(250);
        for number in (0..PEERS).filter(|number| number % 5 != 4 && number % 2 == 0) {
            let down_bytes = u64::from(number) + self.at.as_millis() as u64 * 100;
            let down_bps = 100_000 + u64::from(number) * 300;
            let sample = PeerSample { down_bps, down_bytes, requests_out: 30, ..PeerSample::default() };
            self.tell(&Event::PeerSample { peer: PeerKey(number), sample });
        }
        (0..20).for_each(|_| self.piece());
        self.tell(&Event::Sample(Sample { down_bps: 20_000_000, up_bps: 400_000 }));
    }

    fn view(&mut self) -> Arc<View> {
        self.ledger.view(self.at)
    }
}

/// The median and the slowest tenth.
fn told(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 9 / 10])
}

/// A page: its name, its screen, and what leads from there to what is measured.
type Page = (&'static str, Screen, &'static [Action]);

const PAGES: &[Page] = &[
    ("overview", Screen::Overview, &[]),
    ("overview: the peers alone", Screen::Overview, &[Action::Zoom]),
    ("overview: the funnel alone", Screen::Overview, &[Action::NextPanel, Action::Zoom]),
    ("why", Screen::Overview, &[Action::Why]),
    ("peers", Screen::Peers, &[]),
    ("peers: choosing columns", Screen::Peers, &[Action::Columns]),
    ("a peer's page", Screen::Peers, &[Action::First, Action::Open]),
    ("a peer's page: all bytes", Screen::Peers, &[Action::First, Action::Open, Action::Open]),
    ("pieces", Screen::Pieces, &[]),
    ("pieces: how many have them", Screen::Pieces, &[Action::Layer]),
    ("pieces: who sent them", Screen::Pieces, &[Action::Layer, Action::Layer]),
    ("pieces: when they came", Screen::Pieces, &[Action::Layer, Action::Layer, Action::Layer]),
    ("pieces: closer", Screen::Pieces, &[Action::Closer]),
    ("pieces: much closer", Screen::Pieces, &[Action::Closer; 4]),
    ("pieces: their blocks", Screen::Pieces, &[Action::Closer; 12]),
    ("trackers", Screen::Trackers, &[]),
    ("files, 100 000 of them", Screen::Files, &[]),
    ("log", Screen::Log, &[]),
    ("the torrent's page", Screen::Overview, &[Action::Torrent]),
    ("keys", Screen::Overview, &[Action::Keys]),
];

fn main() {
    let mut run = Run::new(PIECES);
    for area in [Rect::new(0, 0, 200, 60), Rect::new(0, 0, 300, 100)] {
        println!("{PEERS} peers, {PIECES} pieces, {} x {}: median, slowest tenth", area.width, area.height);
        let mut worst = Duration::ZERO;
        for page in PAGES {
            worst = worst.max(measure(&mut run, area, page));
        }
        println!("the slowest screen: {worst:.1?} a frame");
    }
    torrents(&mut run);
    grids(&mut run, PIECES);
    grids(&mut Run::new(MANY_PIECES), MANY_PIECES);
}

/// Draws frame after frame of a page of a run that goes on. Returns the median.
fn measure(run: &mut Run, area: Rect, (name, screen, keys): &Page) -> Duration {
    let view = run.view();
    let mut model = model(area, &view);
    update(&mut model, Action::Show(*screen), &view);
    for key in *keys {
        update(&mut model, *key, &view);
    }
    let mut buf = Buffer::empty(area);
    let (mut frames, mut views, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    for frame in 0..FRAMES {
        if frame % 8 == 0 {
            run.second();
        }
        let began = Instant::now();
        let view = run.view();
        views.push(began.elapsed());
        let began = Instant::now();
        model.clock += Duration::from_millis(250);
        model.take_in(&view);
        taken.push(began.elapsed());
        let began = Instant::now();
        buf.reset();
        draw(&mut buf, area, &model, &view);
        frames.push(began.elapsed());
    }
    let (median, tenth) = told(frames);
    let ((view, _), (take_in, _)) = (told(views), told(taken));
    println!(
        "{name:<28} {median:>10.1?} {tenth:>10.1?}   rows in order {take_in:>8.1?}, the view itself {view:>8.1?}"
    );
    median
}

/// The list of many torrents.
fn torrents(run: &mut Run) {
    let view = run.view();
    let standings = [Standing::Downloading, Standing::Seeding, Standing::Stalled, Standing::Paused];
    let row = |number: u32| {
        let mut id = [0; 20];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let standing = standings[number as usize % standings.len()].clone();
        let name = format!("torrent number {number} of many.iso");
        let mut row = TorrentRow::resting(InfoHash(id), name, "/home/me/iso".into(), standing);
        (row.total_bytes, row.have_bytes) = (Some(1 << 30), u64::from(number) * 10_000);
        Arc::new(row)
    };
    let rows: Vec<Arc<TorrentRow>> = (0..TORRENTS).map(row).collect();
    for area in [Rect::new(0, 0, 80, 24), Rect::new(0, 0, 200, 60)] {
        let mut model = model(area, &view);
        update(&mut model, Action::Show(Screen::Torrents), &view);
        let mut buf = Buffer::empty(area);
        let (mut frames, mut taken) = (Vec::new(), Vec::new());
        for frame in 0..FRAMES {
            let mut rows = rows.clone();
            let changed = frame * 7 % rows.len();
            Arc::make_mut(&mut rows[changed]).down_bps = frame as u64 * 1000;
            let torrents = Arc::new(Torrents { totals: Totals::of(&rows), rows, ..Torrents::default() });
            let began = Instant::now();
            model.clock += Duration::from_millis(250);
            model.take_in_torrents(&torrents);
            taken.push(began.elapsed());
            update(&mut model, Action::Down, &view);
            let began = Instant::now();
            buf.reset();
            draw(&mut buf, area, &model, &view);
            frames.push(began.elapsed());
        }
        let ((median, tenth), (take_in, _)) = (told(frames), told(taken));
        println!(
            "{TORRENTS} torrents, {} x {}: {median:>10.1?} {tenth:>10.1?}   rows in order {take_in:>8.1?}",
            area.width, area.height
        );
    }
}

/// The grid alone, in each of its layers.
fn grids(run: &mut Run, pieces: u32) {
    let view = run.view();
    for area in [Rect::new(0, 0, 80, 24), Rect::new(0, 0, 200, 60)] {
        println!("{pieces} pieces into {} x {} cells: median, slowest tenth", area.width, area.height);
        let mut model = model(area, &view);
        update(&mut model, Action::Show(Screen::Pieces), &view);
        let first = model.piece_map.layer;
        loop {
            let layer = model.piece_map.layer.name();
            let mut buf = Buffer::empty(area);
            let mut times = Vec::new();
            for _ in 0..FRAMES {
                let began = Instant::now();
                draw_grid(&mut buf, area, &model, &view);
                times.push(began.elapsed());
            }
            let (median, tenth) = told(times);
            println!("{layer:<28} {median:>10.1?} {tenth:>10.1?}");
            update(&mut model, Action::Layer, &view);
            if model.piece_map.layer == first {
                break;
            }
        }
    }
}

fn model(area: Rect, view: &View) -> Model {
    let mut model = Model::new(Look::default());
    model.size = (area.width, area.height);
    model.take_in(view);
    model
}
