//! The program on a terminal that takes little or nothing, and how little it writes to any.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot do its work has failed")]
#![allow(clippy::disallowed_methods, reason = "what a person waits for is measured by the clock")]

#[path = "common/pty.rs"]
mod pty;
#[path = "common/stage.rs"]
mod stage;
#[path = "common/support.rs"]
mod support;

use std::thread;
use std::time::Duration;

use pty::{Pace, Pty, bytes_of};
use rustix::process::Signal;
use stage::{PIECE, SOON, Stage, download, key};
use support::{Lab, Recipe, Script, Seed};
use tokio::time::Instant;
use ttui::ui::action::Action;
use ttui::ui::model::Screen;

/// Bytes a pty holds that its terminal has not read yet.
const UNREAD: usize = 4096;
/// What only these pages show, and only once they are whole.
const PAGES: [(Screen, &str); 4] = [
    (Screen::Peers, "[all"),
    (Screen::Trackers, "LAST ANSWER"),
    (Screen::Log, "time since the start"),
    (Screen::Overview, "Where peers drop off"),
];

/// The bytes of everything at once, on the page that is shown.
fn whole_frame(pty: &mut Pty) -> usize {
    let before = pty.count();
    pty.press(key(Action::Redraw));
    pty.until_written(before, b"\x1b[2J");
    pty.until_written(before, b"quit");
    pty.count() - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_answered_behind_one_frame_however_slow_the_terminal() {
    let stage = Stage::set().await;
    let mut pty = stage.open(80, 24);
    let frame = PAGES.iter().map(|(screen, sign)| {
        pty.press(key(Action::Show(*screen)));
        pty.until_shown(sign);
        whole_frame(&mut pty)
    });
    let frame = frame.max().unwrap();
    for bytes_per_second in [2048, 8192, 32_768] {
        pty.pace(Pace::BytesPerSecond(bytes_per_second));
        for (screen, sign) in PAGES {
            // Keys that somebody held down, and the last: what the others would have shown is not drawn.
            let others = PAGES.iter().map(|(other, _)| *other).filter(|other| *other != screen);
            let keys =
                others.cycle().take(60).chain([screen]).flat_map(|page| bytes_of(key(Action::Show(page))));
            let from = pty.count();
            pty.write(&keys.collect::<Vec<u8>>());
            let taken = pty.taken_until_shown(from, sign);
            // What was under way, and the answer: bytes are time, whatever the pace.
            assert!(
                taken <= UNREAD + 2 * frame,
                "{taken} bytes at {bytes_per_second} a second, {frame} a frame"
            );
        }
    }
    pty.pace(Pace::AtOnce);
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
}

/// How long a download takes of a seed that sends a megabyte a second to whoever asks.
async fn time_of_a_download(pace: Pace) -> Duration {
    let payload = Recipe::file("it.bin", 32 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { bps: 1_000_000, ..Script::default() }).await;
    let lab = Lab::new();
    let began = Instant::now();
    let mut pty = Pty::spawn_paced(download(&lab, &payload, &[seed.addr]), 200, 60, pace);
    seed.until("the whole of it", |seen| seen.sent.len() as u64 == payload.blocks()).await;
    let took = began.elapsed();
    pty.pace(Pace::AtOnce);
    pty.until_shown("seeding");
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
    payload.assert_at(&lab.out());
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_as_fast_on_a_terminal_that_takes_nothing() {
    let at_once = time_of_a_download(Pace::AtOnce).await;
    let not_at_all = time_of_a_download(Pace::NotAtAll).await;
    assert!(not_at_all < at_once.mul_f64(1.5) + Duration::from_secs(1), "{not_at_all:?}, else {at_once:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_terminal_slows_nothing_and_keys_are_answered() {
    let payload = Recipe::file("it.bin", 160 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 200, ..Script::default() }).await;
    let lab = Lab::new();
    let command = download(&lab, &payload, &[seed.addr]);
    let mut pty = Pty::spawn_paced(command, 80, 24, Pace::BytesPerSecond(2048));
    seed.until("the blocks it may send", |seen| seen.sent.len() == 200).await;
    pty.until_shown("Where peers drop off");
    // A frame of this size takes two seconds at this pace.
    let pressed = Instant::now();
    pty.press(key(Action::Keys));
    pty.until_shown("to the funnel and back to the peers");
    let answered = pressed.elapsed();
    assert!(answered < Duration::from_secs(5), "{answered:?}");
    let went_on = Instant::now();
    seed.allow(u64::MAX);
    seed.until("the whole of it", |seen| seen.sent.len() as u64 == payload.blocks()).await;
    let took = went_on.elapsed();
    assert!(took < Duration::from_secs(3), "the download does not wait for the terminal: {took:?}");
    pty.pace(Pace::AtOnce);
    pty.until_called("the title tells the end", |calls| {
        calls.titles.iter().any(|title| title.starts_with("100 %"))
    });
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_takes_nothing_stops_neither_keys_nor_the_end() {
    let stage = Stage::set().await;
    let mut pty = stage.open(200, 60);
    pty.pace(Pace::NotAtAll);
    // More than the system keeps for a terminal that does not read.
    for _ in 0..40 {
        pty.press(key(Action::Redraw));
        thread::sleep(Duration::from_millis(40));
    }
    pty.press(key(Action::Pause));
    let rests = |seed: &Seed| seed.seen().unanswered == 0;
    let began = Instant::now();
    while !stage.seeds.iter().all(rests) {
        assert!(began.elapsed() < support::PATIENCE, "the download was never paused");
        thread::sleep(Duration::from_millis(20));
    }
    pty.signal(Signal::TERM);
    assert_eq!(pty.ended_within(SOON), 1);
    assert!(pty.has_its_modes_back());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_is_written_while_all_goes_on_and_nothing_while_nothing_does() {
    let payload = Recipe::file("it.bin", 24 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { bps: 250_000, ..Script::default() }).await;
    let lab = Lab::new();
    let mut pty = Pty::spawn(download(&lab, &payload, &[seed.addr]), 80, 24);
    pty.until_shown("● sending");
    let (from, began) = (pty.count(), Instant::now());
    pty.until_shown("seeding");
    let bytes_per_second = (pty.count() - from) as f64 / began.elapsed().as_secs_f64();
    assert!(bytes_per_second <= 4096.0, "{bytes_per_second:.0} bytes a second");
    // The seed leaves; then nothing goes on that the list of files could show.
    drop(seed);
    pty.press(key(Action::Show(Screen::Files)));
    pty.until_shown("Files ─");
    pty.until_shown("q quit");
    let quiet = Duration::from_secs(2);
    let mut from = (pty.count(), Instant::now());
    let deadline = Instant::now() + support::PATIENCE;
    while from.1.elapsed() < quiet {
        assert!(
            Instant::now() < deadline,
            "it never rests: {:?}",
            String::from_utf8_lossy(&pty.bytes_from(from.0))
        );
        thread::sleep(Duration::from_millis(20));
        if pty.count() != from.0 {
            from = (pty.count(), Instant::now());
        }
    }
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
}
