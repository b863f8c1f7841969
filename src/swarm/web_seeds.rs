//! Which web seed is asked for what (BEP 19), and when again after it failed.
//!
//! A web seed has everything and chokes nobody. It is asked for a run of blocks at a time, over one to four lines: the
//! picker says which, as long as its rate earns, and the next before the last is through. What it sends goes the way of all blocks.
//! One that fails is left alone for a time that doubles; one that sends wrong data is not asked again in this run.

use std::collections::VecDeque;
use std::time::Duration;

use super::picker::Picker;
use super::{ConnKey, WindowState};
use crate::event::{At, Cause, PeerKey, PeerSample, WebSeedKey, WebSeedStep};
use crate::metainfo::BLOCK_LENGTH;
use crate::peer::MOST_LINES;
use crate::text;

/// Web seeds that are used of a torrent.
const MOST_SEEDS: usize = 64;
/// What one run is for at most, and at least where the rate is not known, blocks.
const MOST_BLOCKS: u64 = 16 * 1024 * 1024 / BLOCK_LENGTH as u64;
const LEAST_BLOCKS: u64 = 256 * 1024 / BLOCK_LENGTH as u64;
/// A run is for what comes in this time.
const RUN_SECONDS: u64 = 2;
/// Where there was nothing to ask for, it is looked again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A server that was asked and says nothing at all for so long has failed, whatever its connection does.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// The same where it answered and sends nothing, or less than a block.
const SENDS_WITHIN: Duration = Duration::from_secs(10);
const BLOCK_WITHIN: Duration = Duration::from_secs(30);
/// How long a server is left alone the first time: one that may come back soon, and one that says no.
const FIRST_WAITS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// The longest that a server may ask to be left alone.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);
/// Another line must bring a seventh more within this time, or no more are tried.
const LINE_PAYS_WITHIN: Duration = Duration::from_secs(3);

/// What happened on a line to a web seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WebNews {
    /// It answered.
    Answered {
        /// The status of HTTP.
        status: u16,
        /// Whether it gives parts of files.
        ranges: bool,
    },
    /// What it was asked for does not come.
    Failed(WebFailure),
}

/// Why a web seed does not give what it was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebFailure {
    /// Why.
    pub cause: Cause,
    /// The status of HTTP, where one came.
    pub status: Option<u16>,
    /// More exactly, for people.
    pub detail: String,
    /// How long it wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl WebFailure {
    /// It failed so, without a word on when to ask again.
    pub fn new(cause: Cause, status: Option<u16>, detail: impl Into<String>) -> Self {
        Self { cause, status, detail: detail.into(), retry_after: None }
    }

    /// Whether asking again soon is of no use.
    fn lasts(&self) -> bool {
        let says_no = |status| (400..500).contains(&status) && ![408, 425, 429].contains(&status);
        self.cause == Cause::RangeRefused || self.status.is_some_and(says_no)
    }

    /// How long the server is left alone when it failed so often: as long as it asks for, and no shorter than any other.
    fn wait(&self, failures: u32) -> Duration {
        let first = if self.lasts() { FIRST_WAITS.1 } else { FIRST_WAITS.0 };
        let wait = (first * (1 << failures.saturating_sub(1).min(10))).min(LONGEST_WAIT);
        self.retry_after.map_or(wait, |asked| asked.clamp(wait, LONGEST_ASKED))
    }
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Output {
    /// Close the request of this line.
    Close(ConnKey, Cause),
    /// This was learned.
    Told(WebSeedKey, WebSeedStep),
}

/// The web seeds of a torrent.
#[derive(Debug, Default)]
pub(super) struct WebSeeds {
    seeds: Vec<Seed>,
    out: VecDeque<Output>,
}

#[derive(Debug)]
struct Seed {
    key: WebSeedKey,
    state: State,
    lines: Vec<Line>,
    most_lines: u8,
    /// When the last line was added, and what came before it, bytes a second.
    grown: (At, u64),
    failures: u32,
    /// Whether it gives parts of files, once that is known.
    ranges: Option<bool>,
    status: Option<u16>,
    asks: bool,
    bytes: u64,
    /// What was told last: bytes a second, and bytes.
    told: (u64, u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ready,
    Waits(At),
    Dropped,
}

/// Requests one after the other.
#[derive(Debug)]
struct Line {
    conn: ConnKey,
    joined: bool,
    answered: bool,
    asked_at: At,
    /// When bytes of it last came, and when a block.
    heard: At,
    block_at: At,
    /// Blocks of the last run.
    run: usize,
    bps: u64,
    bytes: u64,
    begun: u32,
    counted: u64,
    /// Nothing was found to ask for: when it is looked again.
    look_at: Option<At>,
}

impl Line {
    fn new(conn: ConnKey) -> Self {
        Self {
            conn,
            joined: false,
            answered: false,
            asked_at: At::ZERO,
            heard: At::ZERO,
            block_at: At::ZERO,
            run: 0,
            bps: 0,
            bytes: 0,
            begun: 0,
            counted: 0,
            look_at: Some(At::ZERO),
        }
    }

    /// Why it is given up, if so: it was asked, and little or nothing comes.
    fn silence(&self, now: At) -> Option<WebFailure> {
        let since = |at: At| now.saturating_sub(at);
        let failed = |detail: &str| Some(WebFailure::new(Cause::WebUnreachable, None, detail));
        match () {
            () if !self.answered && since(self.asked_at) >= ANSWERS_WITHIN => failed("no answer for 60 s"),
            () if self.answered && since(self.heard) >= SENDS_WITHIN => failed("sent nothing for 10 s"),
            () if self.answered && since(self.block_at) >= BLOCK_WITHIN => {
                failed("sent less than 16 KiB in 30 s")
            }
            () => None,
        }
    }
}

impl WebSeeds {
    /// The torrent names these.
    pub(super) fn know(&mut self, urls: &[String]) {
        for (url, number) in urls.iter().take(MOST_SEEDS).zip(0..) {
            let key = WebSeedKey(number);
            self.out.push_back(Output::Told(key, WebSeedStep::Known { url: text::url_shown(url) }));
            self.seeds.push(Seed {
                key,
                state: State::Ready,
                lines: vec![Line::new(ConnKey::of_web_seed(key, 0))],
                most_lines: MOST_LINES,
                grown: (At::ZERO, 0),
                failures: 0,
                ranges: None,
                status: None,
                asks: false,
                bytes: 0,
                told: (0, 0),
            });
        }
    }

    /// What is to be done next.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Self::on_time`] is wanted at the latest, while anything is missing.
    pub(super) fn deadline(&self) -> Option<At> {
        let wants = |seed: &Seed| match seed.state {
            State::Ready => seed.lines.iter().filter_map(|line| line.look_at).min(),
            State::Waits(until) => Some(until),
            State::Dropped => None,
        };
        self.seeds.iter().filter_map(wants).min()
    }

    /// Asks for what is due.
    pub(super) fn on_time(&mut self, now: At, picker: &mut Picker) {
        if !picker.is_active() {
            return;
        }
        for seed in &mut self.seeds {
            if matches!(seed.state, State::Waits(until) if now >= until) {
                seed.state = State::Ready;
            }
            if seed.state == State::Ready {
                seed.ask(now, picker, &mut self.out);
            }
        }
    }

    /// A block came on the line.
    pub(super) fn arrived(&mut self, now: At, conn: ConnKey, bytes: u32) {
        if let Some((seed, place)) = at(&mut self.seeds, conn) {
            let line = &mut seed.lines[place];
            (line.heard, line.block_at, line.begun) = (now, now, 0);
            line.bytes += u64::from(bytes);
            seed.bytes += u64::from(bytes);
        }
    }

    /// What the line is about, told with blocks and while bytes come.
    pub(super) fn window(
        &mut self,
        now: At,
        conn: ConnKey,
        blocks: usize,
        window: WindowState,
        picker: &mut Picker,
    ) {
        let line = at(&mut self.seeds, conn).map(|(seed, place)| &mut seed.lines[place]);
        if let Some(line) = line.filter(|line| line.joined) {
            if blocks > 0 || window.begun_bytes != line.begun {
                line.heard = now;
            }
            (line.bps, line.begun) = (window.down_bps, window.begun_bytes);
            picker.window(now, conn, window);
        }
    }

    /// Something happened on the line.
    pub(super) fn news(&mut self, now: At, conn: ConnKey, news: WebNews, picker: &mut Picker) {
        let Some((seed, place)) = at(&mut self.seeds, conn) else { return };
        let line = &mut seed.lines[place];
        if !line.joined {
            return;
        }
        match news {
            WebNews::Answered { status, ranges } => {
                line.answered = true;
                (line.heard, line.block_at) = (now, now);
                seed.ranges = Some(ranges && seed.ranges != Some(false));
                if seed.status.replace(status) != Some(status) {
                    let key = seed.key;
                    self.out.push_back(Output::Told(key, WebSeedStep::Answered { status }));
                }
            }
            WebNews::Failed(failure) => self.failed(now, conn, failure, picker),
        }
    }

    /// A second went by.
    pub(super) fn second(&mut self, now: At, picker: &mut Picker) {
        let mut silent = Vec::new();
        for seed in &mut self.seeds {
            let before = seed.bytes_counted();
            for line in seed.lines.iter_mut().filter(|line| line.joined) {
                let all = line.bytes + u64::from(line.begun);
                let came = all.saturating_sub(std::mem::replace(&mut line.counted, all));
                let asked = picker.asked_count(line.conn);
                let sample = PeerSample {
                    down_bps: came,
                    down_bytes: line.bytes,
                    requests_out: if line.answered { asked as u32 } else { 0 },
                    request_target: MOST_BLOCKS as u32,
                    ..PeerSample::default()
                };
                picker.sampled(now, line.conn, &sample);
                let failure = (asked > 0).then(|| line.silence(now)).flatten();
                silent.extend(failure.map(|failure| (line.conn, failure)));
            }
            let down_bps = seed.bytes_counted().saturating_sub(before);
            let told = (down_bps, seed.bytes);
            if std::mem::replace(&mut seed.told, told) != told {
                let step = WebSeedStep::Sample { down_bps, down_bytes: seed.bytes };
                self.out.push_back(Output::Told(seed.key, step));
            }
            seed.grow(now, down_bps, picker);
        }
        for (conn, failure) in silent {
            self.failed(now, conn, failure, picker);
        }
    }

    /// It sent wrong data.
    pub(super) fn drop_liar(&mut self, seed: WebSeedKey, reason: &str, picker: &mut Picker) {
        let Some(seed) = self.seeds.get_mut(usize::from(seed.0)) else { return };
        if std::mem::replace(&mut seed.state, State::Dropped) == State::Dropped {
            return;
        }
        seed.leave(Cause::HashFailures, picker, &mut self.out);
        let (cause, detail) = (Cause::HashFailures, reason.to_owned());
        let step = WebSeedStep::Failed { cause, status: None, detail, next: None };
        self.out.push_back(Output::Told(seed.key, step));
    }

    fn failed(&mut self, now: At, conn: ConnKey, failure: WebFailure, picker: &mut Picker) {
        let Some(seed) = conn.web_seed().and_then(|seed| self.seeds.get_mut(usize::from(seed.0))) else {
            return;
        };
        if seed.state != State::Ready {
            return;
        }
        let going = |line: &Line| {
            line.conn != conn && line.answered && now.saturating_sub(line.heard) < LINE_PAYS_WITHIN
        };
        // It may take fewer connections than we tried.
        if seed.lines.iter().any(going) && seed.lines.last().is_some_and(|line| line.conn == conn) {
            picker.left(conn);
            self.out.push_back(Output::Close(conn, failure.cause));
            seed.lines.pop();
            seed.most_lines = seed.lines.len() as u8;
            return;
        }
        seed.failures += 1;
        let until = now + failure.wait(seed.failures);
        seed.state = State::Waits(until);
        seed.leave(failure.cause, picker, &mut self.out);
        let WebFailure { cause, status, detail, .. } = failure;
        let step = WebSeedStep::Failed { cause, status, detail, next: Some(until) };
        self.out.push_back(Output::Told(seed.key, step));
    }
}

/// The web seed of the line, and the line's place.
fn at(seeds: &mut [Seed], conn: ConnKey) -> Option<(&mut Seed, usize)> {
    let seed = seeds.get_mut(usize::from(conn.web_seed()?.0))?;
    let place = seed.lines.iter().position(|line| line.conn == conn)?;
    Some((seed, place))
}

impl Seed {
    /// Asks for a run on each line that will be through soon.
    fn ask(&mut self, now: At, picker: &mut Picker, out: &mut VecDeque<Output>) {
        let piece_blocks = picker.piece_blocks();
        // Where it may give whole files only, what comes first is asked for first.
        let in_order = self.ranges != Some(true);
        for line in &mut self.lines {
            if !std::mem::replace(&mut line.joined, true) {
                picker.web_seed_joined(now, line.conn, PeerKey::of_web_seed(self.key));
            }
            let has = picker.asked_count(line.conn);
            if has * 4 > line.run || line.look_at.is_some_and(|at| now < at) {
                continue;
            }
            if line.run > 0 && has < line.run && line.answered {
                self.failures = 0;
            }
            let earned = line.bps * RUN_SECONDS / u64::from(BLOCK_LENGTH);
            let most = earned.max(piece_blocks).clamp(LEAST_BLOCKS, MOST_BLOCKS);
            let bytes = picker.request_run(now, line.conn, most as u32, in_order);
            if bytes == 0 {
                line.look_at = Some(now + LOOK_AGAIN);
                continue;
            }
            line.run = picker.asked_count(line.conn);
            // While it is busy nothing is due by time: what comes says when there is room for more.
            line.look_at = None;
            if has == 0 {
                (line.asked_at, line.heard, line.block_at, line.answered) = (now, now, now, false);
            }
            if !std::mem::replace(&mut self.asks, true) {
                out.push_back(Output::Told(self.key, WebSeedStep::Asked { bytes }));
            }
        }
    }

    /// Adds a line where it sends and the last one paid.
    fn grow(&mut self, now: At, down_bps: u64, picker: &Picker) {
        let busy = |line: &Line| line.joined && line.answered && picker.asked_count(line.conn) > 0;
        let full = self.lines.len() >= usize::from(self.most_lines);
        if full || self.ranges != Some(true) || down_bps == 0 || !self.lines.iter().all(busy) {
            return;
        }
        let (at, before) = self.grown;
        if before > 0 && now.saturating_sub(at) < LINE_PAYS_WITHIN {
            return;
        }
        if before > 0 && down_bps < before + before / 7 {
            self.most_lines = self.lines.len() as u8;
            return;
        }
        self.grown = (now, down_bps);
        self.lines.push(Line::new(ConnKey::of_web_seed(self.key, self.lines.len() as u8)));
    }

    /// Asks for nothing any more.
    fn leave(&mut self, cause: Cause, picker: &mut Picker, out: &mut VecDeque<Output>) {
        for line in self.lines.drain(1..).filter(|line| line.joined) {
            picker.left(line.conn);
            out.push_back(Output::Close(line.conn, cause));
        }
        let line = &mut self.lines[0];
        if line.joined {
            picker.left(line.conn);
            out.push_back(Output::Close(line.conn, cause));
        }
        *line = Line::new(line.conn);
        (self.status, self.asks, self.grown) = (None, false, (At::ZERO, 0));
    }

    /// What of it was counted, second by second, bytes.
    fn bytes_counted(&self) -> u64 {
        self.lines.iter().map(|line| line.counted).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_left_alone_as_long_as_it_asks_for_but_no_longer_than_a_day_nor_shorter_than_others() {
        let second = Duration::from_secs;
        let wait = |status, asked: Option<u64>, failures| {
            let retry_after = asked.map(second);
            let failure = WebFailure::new(Cause::HttpStatus, Some(status), "");
            WebFailure { retry_after, ..failure }.wait(failures).as_secs()
        };
        assert_eq!([1, 2, 3, 99].map(|failures| wait(503, None, failures)), [5, 10, 20, 3600]);
        assert_eq!([1, 2, 99].map(|failures| wait(404, None, failures)), [300, 600, 3600]);
        assert_eq!(
            [0, 700, 100_000, u64::MAX].map(|asked| wait(429, Some(asked), 1)),
            [5, 700, 86_400, 86_400]
        );
        assert_eq!(wait(503, Some(0), 4), 40, "no time is no leave to ask at once");
    }

    #[test]
    fn no_more_web_seeds_are_used_than_sixty_four() {
        let mut seeds = WebSeeds::default();
        seeds.know(&vec!["http://a.example/".to_owned(); 1000]);
        assert_eq!(std::iter::from_fn(|| seeds.poll()).count(), MOST_SEEDS);
        assert!(seeds.seeds.iter().all(|seed| seed.most_lines == 4));
    }
}
