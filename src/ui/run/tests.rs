//! The loop over a terminal in memory, in virtual time.

mod written;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use futures_util::stream;
use ratatui::backend::{ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Size};
use tokio::sync::{mpsc, watch};

use super::*;
use crate::command::Command;
use crate::ui::sample;
use crate::ui::theme::{Look, Palette, Role, Scheme};

/// A test backend whose errors are I/O errors, and which counts its frames.
struct Counting(TestBackend, usize);

fn never<T>(result: Result<T, Infallible>) -> io::Result<T> {
    result.map_err(|never| match never {})
}

impl Backend for Counting {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        self.1 += 1;
        never(self.0.draw(content))
    }
    fn hide_cursor(&mut self) -> io::Result<()> {
        never(self.0.hide_cursor())
    }
    fn show_cursor(&mut self) -> io::Result<()> {
        never(self.0.show_cursor())
    }
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        never(self.0.get_cursor_position())
    }
    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        never(self.0.set_cursor_position(position))
    }
    fn clear(&mut self) -> io::Result<()> {
        never(self.0.clear())
    }
    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        never(self.0.clear_region(region))
    }
    fn size(&self) -> io::Result<Size> {
        never(self.0.size())
    }
    fn window_size(&mut self) -> io::Result<WindowSize> {
        never(self.0.window_size())
    }
    fn flush(&mut self) -> io::Result<()> {
        never(self.0.flush())
    }
}

fn terminal() -> Terminal<Counting> {
    Terminal::new(Counting(TestBackend::new(80, 24), 0)).unwrap()
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> io::Result<Event> {
    Ok(Event::Key(KeyEvent::new(code, modifiers)))
}

fn char(c: char) -> io::Result<Event> {
    key(KeyCode::Char(c), KeyModifiers::NONE)
}

type Held = (watch::Sender<Arc<View>>, mpsc::UnboundedReceiver<Command>);

/// Runs over this input, which then stays silent, until `stop` or the end.
async fn run_over(
    terminal: &mut Terminal<Counting>,
    input: Vec<io::Result<Event>>,
    view: View,
    during: impl AsyncFnOnce(&watch::Sender<Arc<View>>),
) -> (Option<Left>, Held) {
    run_with(terminal, input, view, Options::default(), during).await
}

async fn run_with(
    terminal: &mut Terminal<Counting>,
    input: Vec<io::Result<Event>>,
    view: View,
    options: Options,
    during: impl AsyncFnOnce(&watch::Sender<Arc<View>>),
) -> (Option<Left>, Held) {
    let (sender, views) = watch::channel(Arc::new(view));
    let (commands, taken) = mpsc::unbounded_channel();
    let input = stream::iter(input).chain(stream::pending());
    let left = tokio::select! {
        biased;
        left = run(terminal, input, Link::One { views, commands }, options, std::future::pending()) => {
            Some(left.unwrap())
        }
        () = during(&sender) => None,
    };
    (left, (sender, taken))
}

fn text(terminal: &Terminal<Counting>) -> String {
    terminal.backend().0.buffer().content().iter().map(Cell::symbol).collect()
}

async fn a_second(_: &watch::Sender<Arc<View>>) {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn draws_at_once_and_then_only_on_change() {
    let mut terminal = terminal();
    let (left, _) = run_over(&mut terminal, Vec::new(), sample::healthy(), a_second).await;
    assert!(left.is_none());
    assert_eq!(terminal.backend().1, 1);
    assert!(text(&terminal).contains("Going well"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_views_is_drawn_thirty_times_a_second_at_most() {
    let mut terminal = terminal();
    let seeding = sample::seeding();
    let flood = async |views: &watch::Sender<Arc<View>>| {
        for n in 0..1000 {
            let mut view = seeding.clone();
            view.rates.up_bps = n;
            views.send_replace(Arc::new(view));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    run_over(&mut terminal, Vec::new(), sample::healthy(), flood).await;
    assert!((20..=32).contains(&terminal.backend().1), "{}", terminal.backend().1);
    assert!(text(&terminal).contains("seeding"));
}

/// Keys as the terminal's stream gives them: it wakes only the one that looked first since the last one.
#[derive(Clone, Default)]
struct Typed(Arc<Mutex<(VecDeque<Event>, Option<Waker>)>>);

impl Typed {
    fn press(&self, event: io::Result<Event>) {
        let mut typed = self.0.lock().unwrap();
        typed.0.push_back(event.unwrap());
        typed.1.take().into_iter().for_each(Waker::wake);
    }
}

impl Stream for Typed {
    type Item = io::Result<Event>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut typed = self.0.lock().unwrap();
        if let Some(event) = typed.0.pop_front() {
            return Poll::Ready(Some(Ok(event)));
        }
        typed.1.get_or_insert_with(|| context.waker().clone());
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn every_key_is_answered_within_a_frame_though_no_view_comes() {
    let mut terminal = terminal();
    let (_views_to, views) = watch::channel(Arc::new(sample::healthy()));
    let (commands, mut taken) = mpsc::unbounded_channel();
    let typed = Typed::default();
    let user = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            typed.press(char('p'));
            tokio::time::sleep(Duration::from_millis(40)).await;
            assert_eq!(taken.try_recv().unwrap(), Command::Pause);
        }
    };
    let never = std::future::pending();
    tokio::select! {
        _ = run(&mut terminal, typed.clone(), Link::One { views, commands }, Options::default(), never) => unreachable!("nobody left"),
        () = user => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_view_that_looks_the_same_writes_nothing() {
    let mut terminal = terminal();
    let same = async |views: &watch::Sender<Arc<View>>| {
        for _ in 0..20 {
            views.send_replace(Arc::new(sample::healthy()));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    run_over(&mut terminal, Vec::new(), sample::healthy(), same).await;
    assert_eq!(terminal.backend().1, 1);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_takes_nothing_gets_nothing_more_and_keys_work_on() {
    let mut terminal = terminal();
    let (taken_to, taken) = watch::channel(false);
    let options = Options { taken: Some(taken), ..Options::default() };
    let during = async |views: &watch::Sender<Arc<View>>| {
        for _ in 0..20 {
            views.send_replace(Arc::new(sample::paused()));
            views.send_replace(Arc::new(sample::seeding()));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        taken_to.send_replace(true);
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    let (_, (_, mut commands)) =
        run_with(&mut terminal, vec![char('p')], sample::healthy(), options, during).await;
    assert_eq!(commands.try_recv().unwrap(), Command::Pause);
    assert_eq!(terminal.backend().1, 2, "the first frame, and the newest once it was taken");
    assert!(text(&terminal).contains("seeding"));
}

#[tokio::test(start_paused = true)]
async fn keys_pressed_while_the_terminal_takes_nothing_are_answered_by_one_frame() {
    let mut terminal = terminal();
    let (taken_to, taken) = watch::channel(false);
    let options = Options { taken: Some(taken), ..Options::default() };
    let (views_to, views) = watch::channel(Arc::new(sample::healthy()));
    let (commands, mut wishes) = mpsc::unbounded_channel();
    let typed = Typed::default();
    let user = async {
        for page in ['2', '3', '4', '5', '?', '?', 'p', '6'] {
            typed.press(char(page));
            views_to.send_replace(Arc::new(sample::healthy()));
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        assert_eq!(wishes.try_recv().unwrap(), Command::Pause, "a key does what it does within a frame");
        taken_to.send_replace(true);
        tokio::time::sleep(Duration::from_millis(40)).await;
    };
    let never = std::future::pending();
    tokio::select! {
        _ = run(&mut terminal, typed.clone(), Link::One { views, commands }, options, never) => unreachable!("nobody left"),
        () = user => {}
    }
    assert_eq!(terminal.backend().1, 2, "the first frame, and the answer to the last key");
    assert!(text(&terminal).contains("time since the start"));
}

#[tokio::test(start_paused = true)]
async fn completion_is_told_once_with_its_path_and_a_ring_of_the_bell() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static RINGS: AtomicU32 = AtomicU32::new(0);
    let ring = || {
        RINGS.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let mut terminal = terminal();
    let options = Options { bell: Some(ring), ..Options::default() };
    let during = async |views: &watch::Sender<Arc<View>>| {
        for _ in 0..4 {
            views.send_replace(Arc::new(sample::seeding()));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    run_with(&mut terminal, Vec::new(), sample::healthy(), options.clone(), during).await;
    assert_eq!(RINGS.load(Ordering::SeqCst), 1);
    let shown = text(&terminal);
    assert!(shown.contains("Complete: ~/iso/debian-12.2.0-amd64-DVD-1.iso"));
    assert!(shown.trim_end().ends_with("? keys  q quit"), "keys stand beside the news: {shown}");
    let later = async |views: &watch::Sender<Arc<View>>| {
        for seconds in [0, 5] {
            let mut view = sample::seeding();
            view.at += Duration::from_secs(seconds);
            views.send_replace(Arc::new(view));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    run_with(&mut terminal, Vec::new(), sample::healthy(), Options::default(), later).await;
    assert!(text(&terminal).contains("p pause"), "after four seconds the others are back");
    run_with(&mut terminal, Vec::new(), sample::seeding(), options, a_second).await;
    assert_eq!(RINGS.load(Ordering::SeqCst), 1, "what was there at the start is no news");
}

#[tokio::test(start_paused = true)]
async fn control_c_quits_at_once_even_behind_an_open_page() {
    let mut terminal = terminal();
    let input = vec![char('?'), key(KeyCode::Char('c'), KeyModifiers::CONTROL)];
    let (left, (_, mut commands)) = run_over(&mut terminal, input, sample::healthy(), a_second).await;
    assert_eq!(left.unwrap().reason, Reason::Quit);
    assert_eq!(commands.try_recv().unwrap(), Command::Quit);
}

/// What the terminal's reader makes of its answer.
fn answer(colour: &str) -> Vec<io::Result<Event>> {
    let mut events = vec![key(KeyCode::Char(']'), KeyModifiers::ALT)];
    events.extend(format!("11;rgb:{colour}").chars().map(char));
    events.push(key(KeyCode::Char('g'), KeyModifiers::CONTROL));
    events
}

fn asking() -> Options {
    let light = Palette::of(Scheme::Light);
    Options { background: Some(Question { ask: || Ok(()), light }), ..Options::default() }
}

/// Which palette a frame is drawn in.
fn palette_of(terminal: &Terminal<Counting>) -> Option<Scheme> {
    let texts = |scheme| Look { palette: Palette::of(scheme), ..Look::default() }.style(Role::Text).fg;
    let cells = terminal.backend().0.buffer().content();
    let seen = |scheme: &Scheme| cells.iter().any(|cell| Some(cell.fg) == texts(*scheme));
    [Scheme::Dark, Scheme::Light].into_iter().find(seen)
}

#[tokio::test(start_paused = true)]
async fn the_first_frame_waits_a_moment_for_the_background_and_a_late_answer_changes_its_colours() {
    for (colour, expected) in [("ffff/ffff/ffff", Scheme::Light), ("0000/2b2b/3636", Scheme::Dark)] {
        let mut terminal = terminal();
        run_with(&mut terminal, answer(colour), sample::healthy(), asking(), a_second).await;
        assert_eq!((palette_of(&terminal), terminal.backend().1), (Some(expected), 1));
    }
    // Nobody answers.
    let mut silent = terminal();
    let soon = async |_: &watch::Sender<Arc<View>>| tokio::time::sleep(Duration::from_millis(60)).await;
    run_with(&mut silent, Vec::new(), sample::healthy(), asking(), soon).await;
    assert_eq!((palette_of(&silent), silent.backend().1), (Some(Scheme::Dark), 1));
    // It answers late.
    let mut late = terminal();
    let (_views_to, views) = watch::channel(Arc::new(sample::healthy()));
    let (commands, mut wishes) = mpsc::unbounded_channel();
    let typed = Typed::default();
    let user = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        answer("fdfd/f6f6/e3e3").into_iter().for_each(|event| typed.press(event));
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let never = std::future::pending();
    tokio::select! {
        _ = run(&mut late, typed.clone(), Link::One { views, commands }, asking(), never) => unreachable!("nobody left"),
        () = user => {}
    }
    assert_eq!((palette_of(&late), late.backend().1), (Some(Scheme::Light), 2));
    assert!(wishes.try_recv().is_err(), "no key was pressed");
    assert!(!text(&late).contains("frozen"), "{}", text(&late));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_be_an_answer_is_taken_a_moment_later() {
    let mut terminal = terminal();
    let input = vec![char('?'), key(KeyCode::Esc, KeyModifiers::NONE)];
    run_with(&mut terminal, input, sample::healthy(), asking(), a_second).await;
    assert!(text(&terminal).contains("Going well"), "{}", text(&terminal));
    let input = vec![char('?'), key(KeyCode::Char('c'), KeyModifiers::CONTROL)];
    let (left, _) = run_with(&mut terminal, input, sample::healthy(), asking(), a_second).await;
    assert_eq!(left.unwrap().reason, Reason::Quit);
}

#[tokio::test(start_paused = true)]
async fn q_asks_before_it_stops_a_download() {
    let mut terminal = terminal();
    let (left, (_, mut commands)) =
        run_over(&mut terminal, vec![char('q')], sample::healthy(), a_second).await;
    assert!(left.is_none());
    assert!(
        text(&terminal).contains("q again stops the download at 12 %; the same command goes on from there")
    );
    assert!(commands.try_recv().is_err());
    let twice = vec![char('q'), char('q')];
    let (left, _) = run_over(&mut terminal, twice, sample::healthy(), a_second).await;
    assert_eq!(left.unwrap().reason, Reason::Quit);
}

#[tokio::test(start_paused = true)]
async fn ends_when_no_more_views_come() {
    let (sender, views) = watch::channel(Arc::new(sample::healthy()));
    let (commands, _taken) = mpsc::unbounded_channel();
    drop(sender);
    let mut terminal = terminal();
    let never = std::future::pending();
    let run = run(&mut terminal, stream::pending(), Link::One { views, commands }, Options::default(), never);
    assert_eq!(run.await.unwrap().reason, Reason::Ended);
}
