//! How much a steady download writes to the terminal, on every page.

use std::sync::atomic::{AtomicUsize, Ordering};

use ratatui::backend::CrosstermBackend;

use super::*;
use crate::event::{Event as Fact, PeerKey, PeerSample, Sample};
use crate::ledger::script::Script;

const PIECES: u32 = 100_000;
/// The promise, bytes a second to a terminal of 80 by 24.
const MOST_BPS: usize = 4096;
const SECONDS: usize = 20;

/// Counts what is written.
struct Written(Arc<AtomicUsize>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes that a terminal would be sent, and a size.
struct Line(CrosstermBackend<Written>);

impl Backend for Line {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.0.draw(content)
    }
    fn hide_cursor(&mut self) -> io::Result<()> {
        self.0.hide_cursor()
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        self.0.show_cursor()
    }
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.0.set_cursor_position(position)
    }
    fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }
    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.0.clear_region(region)
    }
    fn size(&self) -> io::Result<Size> {
        Ok(Size::new(80, 24))
    }
    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: Size::new(80, 24), pixels: Size::default() })
    }
    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.0)
    }
}

/// Two mebibytes a second from twenty peers, none of which is steady.
struct Steady {
    script: Script,
    senders: Vec<PeerKey>,
    random: fastrand::Rng,
    pieces: u64,
    quarters: usize,
}

impl Steady {
    fn new() -> Self {
        let mut script = Script::downloading(PIECES);
        let tracker = script.tracker(0);
        script.answer(tracker, 20);
        let senders = script.open_seeds(20);
        let mut steady =
            Self { script, senders, random: fastrand::Rng::with_seed(3), pieces: 0, quarters: 0 };
        (0..40).for_each(|_| drop(steady.quarter()));
        steady
    }

    /// What a quarter of a second brings.
    fn quarter(&mut self) -> Arc<View> {
        self.script.wait_ms(250);
        self.quarters += 1;
        if self.quarters.is_multiple_of(4) {
            let mut down_bps = 0;
            for &peer in &self.senders {
                let sample = PeerSample {
                    down_bps: self.random.u64(80_000..130_000),
                    down_bytes: 26_000 * self.quarters as u64,
                    requests_out: self.random.u32(6..12),
                    ..PeerSample::default()
                };
                down_bps += sample.down_bps;
                self.script.tell(Fact::PeerSample { peer, sample });
            }
            self.script.tell(Fact::Sample(Sample { down_bps, up_bps: 0 }));
            self.script.verdicts();
        }
        for _ in 0..32 {
            self.pieces += 1;
            // Spread, as rarest first does.
            let piece = self.script.piece((self.pieces * 61_813 % u64::from(PIECES)) as u32);
            let from = vec![self.senders[self.random.usize(..self.senders.len())]];
            self.script.tell(Fact::PieceOpened { piece }).tell(Fact::PieceVerified { piece, from });
        }
        self.script.view()
    }
}

/// Bytes a second on the page where these keys lead.
async fn written_on(keys: &str) -> usize {
    let written = Arc::new(AtomicUsize::new(0));
    let backend = Line(CrosstermBackend::new(Written(Arc::clone(&written))));
    let mut terminal = Terminal::new(backend).unwrap();
    let mut steady = Steady::new();
    let (views_to, views) = watch::channel(steady.quarter());
    let (commands, _taken) = mpsc::unbounded_channel();
    let input = stream::iter(keys.chars().map(char).collect::<Vec<_>>()).chain(stream::pending());
    let counted = async {
        let mut before = 0;
        for quarter in 0..4 * (SECONDS + 2) {
            if quarter == 8 {
                // The page stands there as a whole.
                before = written.load(Ordering::Relaxed);
            }
            views_to.send_replace(steady.quarter());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        (written.load(Ordering::Relaxed) - before) / SECONDS
    };
    let never = std::future::pending();
    tokio::select! {
        biased;
        _ = run(&mut terminal, input, Link::One { views, commands }, Options::default(), never) => unreachable!("nobody left"),
        bytes_per_second = counted => bytes_per_second,
    }
}

#[tokio::test(start_paused = true)]
async fn a_steady_download_writes_little_on_every_page() {
    let mut all = Vec::new();
    for keys in ["1", "1z", "2", "2c", "3", "3v", "3vv", "3vvv", "3++", "4", "5", "6", "?"] {
        let bytes_per_second = written_on(keys).await;
        assert!(bytes_per_second <= MOST_BPS, "{bytes_per_second} bytes a second after {keys}");
        all.push(bytes_per_second);
    }
    assert!(all[0] > 0, "the overview moves: {all:?}");
}
