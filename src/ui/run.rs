//! The loop of the screen: views and keys come in, frames and commands go out.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyEventKind};
use ratatui::layout::{Position, Rect, Size};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::command::Command;
use crate::event::Phase;
use crate::ledger::View;
use crate::units;

use super::action::Key;
use super::export::Export;
use super::keymap::Keymap;
use super::model::Model;
use super::mouse::{self, Targets};
use super::prompt;
use super::replay::{Replayed, Standing};
use super::screens;
use super::theme::Look;

/// Keys taken from one burst of input before the screen is drawn again.
const BURST: usize = 256;
/// Characters of the torrent's name in the title of the window.
const TITLE_CHARS: usize = 60;

/// Writes what is seen to a file: where it is now, or why it is not.
pub type Write = fn(&Export, &View) -> Result<String, String>;

/// How the screen is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Colours, glyphs and units.
    pub look: Look,
    /// Which keys do what.
    pub keys: Arc<Keymap>,
    /// Frames a second at most.
    pub frames_per_second: u16,
    /// Stops the process and, when it goes on, makes the terminal ready again; `None`: Ctrl-Z does nothing.
    pub suspend: Option<fn() -> io::Result<()>>,
    /// Whether the terminal has taken what was drawn so far; as long as not, nothing more is drawn. `None`: what is
    /// drawn is taken at once.
    pub taken: Option<watch::Receiver<bool>>,
    /// Takes the terminal again after others had it, when `woken` says so.
    pub retake: Option<fn() -> io::Result<()>>,
    /// Changes when the process goes on after it was stopped.
    pub woken: Option<watch::Receiver<()>>,
    /// Takes the mouse, or leaves it to the terminal; `None`: it is never taken.
    pub mouse: Option<fn(bool) -> io::Result<()>>,
    /// Whether the mouse is taken at first.
    pub mouse_taken: bool,
    /// Somebody is here for the first time.
    pub welcome: bool,
    /// Shows a text as the title of the terminal's window; `None`: its title is left alone.
    pub title: Option<fn(&str) -> io::Result<()>>,
    /// Rings the bell, when the download becomes complete; `None`: it stays silent.
    pub bell: Option<fn() -> io::Result<()>>,
    /// Writes what is seen to a file: where it is, or why it is not; `None`: nothing can be written.
    pub export: Option<Write>,
    /// Copies a text to the clipboard; `None`: it is only shown.
    pub copy: Option<fn(&str) -> io::Result<()>>,
    /// When the run began, since 1970 (UTC); `None`: times are shown since the start.
    pub started: Option<Duration>,
    /// The recording whose views are shown; `None`: the run is live.
    pub replayed: Option<Replayed>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            look: Look::default(),
            keys: Arc::default(),
            frames_per_second: 30,
            suspend: None,
            taken: None,
            retake: None,
            woken: None,
            mouse: None,
            mouse_taken: false,
            welcome: false,
            title: None,
            bell: None,
            export: None,
            copy: None,
            started: None,
            replayed: None,
        }
    }
}

/// Why the screen was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The user quit.
    Quit,
    /// `stop` was ready: a signal, say.
    Stopped,
    /// There are no more views: whoever publishes them ended.
    Ended,
    /// There is no more input: the terminal is gone.
    InputClosed,
}

/// How the screen was left, and what was last known.
#[derive(Clone, Debug)]
pub struct Left {
    /// Why.
    pub reason: Reason,
    /// The newest view.
    pub view: Arc<View>,
}

/// Shows views and takes keys until the user leaves, `stop` is ready, or either stream ends.
///
/// Writes only when what is shown changed, at most `frames_per_second` times a second, and always the newest view:
/// a slow terminal misses frames, and nothing waits for it. Quitting sends [`Command::Quit`] and returns at once.
///
/// # Errors
///
/// When the terminal cannot be written to, or its input fails.
pub async fn run<B, S, F>(
    terminal: &mut Terminal<B>,
    input: S,
    mut views: watch::Receiver<Arc<View>>,
    commands: mpsc::UnboundedSender<Command>,
    mut options: Options,
    stop: F,
) -> io::Result<Left>
where
    B: Backend,
    B::Error: Into<io::Error>,
    S: Stream<Item = io::Result<Event>>,
    F: Future<Output = ()>,
{
    let mut input = std::pin::pin!(input);
    let mut stop = std::pin::pin!(stop);
    let mut screen = Screen::new(&options, &mut views, terminal.size().map_err(Into::into)?);
    let frame = Duration::from_secs(1) / u32::from(options.frames_per_second.max(1));
    screen.draw(terminal)?;
    screen.call(&options)?;
    let mut next_frame = Instant::now() + frame;
    let left = |screen: &Screen, reason| Ok(Left { reason, view: Arc::clone(&screen.view) });
    loop {
        let noted_until = screen.noted_until();
        tokio::select! {
            biased;
            () = &mut stop => return left(&screen, Reason::Stopped),
            event = input.next() => {
                let Some(event) = event else { return left(&screen, Reason::InputClosed) };
                screen.take(&event?, &commands);
                // Keys that are there already are taken before anything is drawn.
                for _ in 0..BURST {
                    match there_already(&mut input).await {
                        Some(event) => screen.take(&event?, &commands),
                        None => break,
                    }
                }
                screen.carry_out(&options)?;
                if screen.model.leaving {
                    return left(&screen, Reason::Quit);
                }
            }
            changed = views.changed() => {
                screen.look_at(&mut views);
                if changed.is_err() {
                    return left(&screen, Reason::Ended);
                }
            }
            () = tokio::time::sleep_until(noted_until.unwrap_or(next_frame)), if noted_until.is_some() => {
                screen.wake();
            }
            () = woken(&mut options.woken) => {
                if let Some(retake) = options.retake {
                    retake()?;
                }
                screen.begin_anew();
            }
            () = may_draw(next_frame, &mut options.taken), if screen.changed => {
                screen.draw(terminal)?;
                screen.call(&options)?;
                next_frame = Instant::now() + frame;
            }
        }
        if screen.model.suspend {
            screen.model.suspend = false;
            if let Some(suspend) = options.suspend {
                suspend()?;
                screen.begin_anew();
            }
        }
    }
}

/// The next event, where there is one. It is looked for as the task that runs the screen: the terminal's stream
/// remembers who looked first, and would wake nobody else when the next key comes.
async fn there_already<S: Stream>(input: &mut Pin<&mut S>) -> Option<S::Item> {
    poll_fn(|context| match input.as_mut().poll_next(context) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until the process goes on after it was stopped.
async fn woken(woken: &mut Option<watch::Receiver<()>>) {
    if let Some(woken) = woken
        && woken.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Waits for the time of the next frame, and until the terminal has taken the one before.
async fn may_draw(next_frame: Instant, taken: &mut Option<watch::Receiver<bool>>) {
    tokio::time::sleep_until(next_frame).await;
    if let Some(taken) = taken {
        // Nobody left to say so is nobody left to wait for.
        let _ = taken.wait_for(|taken| *taken).await;
    }
}

/// The model, the newest view, whether they may differ from what is on the terminal, and what that is.
struct Screen {
    model: Model,
    view: Arc<View>,
    changed: bool,
    shown: Buffer,
    title: String,
    replayed: Option<Replayed>,
    /// The terminal was told that the mouse is ours.
    mouse: bool,
    /// What can be clicked on it.
    targets: Targets,
    began: Instant,
}

impl Screen {
    fn new(options: &Options, views: &mut watch::Receiver<Arc<View>>, size: Size) -> Self {
        let mut model = Model::new(options.look);
        model.size = (size.width, size.height);
        model.started = options.started;
        let replayed = options.replayed.clone();
        model.replay = replayed
            .as_ref()
            .map(|shown| Standing::new(&shown.name, shown.replay.playback().borrow().clone()));
        model.mouse = options.mouse_taken;
        model.welcome = options.welcome;
        model.keys = Arc::clone(&options.keys);
        let view = Arc::clone(&views.borrow_and_update());
        model.take_in(&view);
        Self {
            model,
            view,
            changed: true,
            shown: Buffer::default(),
            title: String::new(),
            replayed,
            mouse: false,
            targets: Targets::default(),
            began: Instant::now(),
        }
    }

    fn look_at(&mut self, views: &mut watch::Receiver<Arc<View>>) {
        self.view = Arc::clone(&views.borrow_and_update());
        self.model.clock = self.began.elapsed();
        if let (Some(shown), Some(replay)) = (&self.replayed, &mut self.model.replay) {
            replay.playback = shown.replay.playback().borrow().clone();
        }
        self.model.take_in(&self.view);
        self.changed = true;
    }

    /// Hands on what keys asked of the recording.
    fn ask_the_replay(&mut self) {
        if let (Some(shown), Some(replay)) = (&self.replayed, &mut self.model.replay) {
            replay.asked.drain(..).for_each(|control| shown.replay.send(control));
        }
    }

    /// When what is said to the user goes away.
    fn noted_until(&self) -> Option<Instant> {
        let until = self.model.note.as_ref()?.since + screens::ANSWER_STANDS;
        (until > self.model.clock).then(|| self.began + until)
    }

    /// Time went on, and nothing else.
    fn wake(&mut self) {
        self.model.clock = self.began.elapsed();
        self.changed = true;
    }

    /// Does what the keys asked of whoever runs the screen.
    fn carry_out(&mut self, options: &Options) -> io::Result<()> {
        if let (Some(text), Some(copy)) = (self.model.copy.take(), options.copy) {
            copy(&text)?;
        }
        if let (Some(export), Some(write)) = (self.model.export.take(), options.export) {
            let (count, of) = export.what.count();
            match write(&export, self.model.shown_view(&self.view)) {
                Ok(path) => {
                    self.model.say(format!("Wrote {} {of} to {path}.", units::count(count as u64)), false)
                }
                Err(why) => self.model.say(why, true),
            }
        }
        Ok(())
    }

    /// Sends what a key or a click asked for.
    fn ask(&mut self, command: Option<Command>, commands: &mpsc::UnboundedSender<Command>) {
        for command in command.into_iter().chain(self.model.more.drain(..)) {
            // Nobody takes commands when the engine is gone; then the views end too.
            let _ = commands.send(command);
        }
        self.ask_the_replay();
        self.changed = true;
    }

    fn take(&mut self, event: &Event, commands: &mpsc::UnboundedSender<Command>) {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.model.clock = self.began.elapsed();
                self.model.welcome = false;
                let command = prompt::press(&mut self.model, Key::from_event(key), &self.view);
                self.ask(command, commands);
            }
            Event::Mouse(event) => {
                self.model.clock = self.began.elapsed();
                let command = mouse::moved(&mut self.model, event, &self.targets, &self.view);
                self.ask(command, commands);
            }
            Event::Paste(text) => {
                prompt::paste(&mut self.model, text, &self.view);
                self.changed = true;
            }
            Event::Resize(columns, rows) => {
                self.model.size = (*columns, *rows);
                // What the terminal made of the old frame is not known, even when its size is as before.
                self.model.redraw = true;
                self.changed = true;
            }
            _ => {}
        }
    }

    /// Others had the terminal: what it shows and takes is not known.
    fn begin_anew(&mut self) {
        self.model.redraw = true;
        self.mouse = false;
        self.title.clear();
        self.changed = true;
    }

    fn draw<B>(&mut self, terminal: &mut Terminal<B>) -> io::Result<()>
    where
        B: Backend,
        B::Error: Into<io::Error>,
    {
        let afresh = std::mem::take(&mut self.model.redraw);
        if afresh {
            // Clears without asking the terminal where its cursor stands, as `clear` does.
            let window = Rect::from((Position::ORIGIN, terminal.size().map_err(Into::into)?));
            let area = if window.is_empty() { terminal.get_frame().area() } else { window };
            terminal.resize(area).map_err(Into::into)?;
        } else {
            terminal.autoresize().map_err(Into::into)?;
        }
        let mut frame = terminal.get_frame();
        let area = frame.area();
        self.model.size = (area.width, area.height);
        self.targets = screens::draw(frame.buffer_mut(), area, &self.model, &self.view);
        let drawn = terminal.current_buffer_mut();
        if *drawn == self.shown && !afresh {
            drawn.reset();
        } else {
            self.shown.clone_from(drawn);
            terminal.apply_buffer().map_err(Into::into)?;
        }
        self.changed = false;
        Ok(())
    }

    /// What reaches the user beside the screen: the window's title, and the bell.
    fn call(&mut self, options: &Options) -> io::Result<()> {
        let title = title(&self.view, &self.model);
        if let Some(set_title) = options.title.filter(|_| title != self.title) {
            set_title(&title)?;
            self.title = title;
        }
        if let Some(take) = options.mouse.filter(|_| self.mouse != self.model.mouse) {
            take(self.model.mouse)?;
            self.mouse = self.model.mouse;
        }
        match options.bell.filter(|_| std::mem::take(&mut self.model.bell)) {
            Some(ring) => ring(),
            None => Ok(()),
        }
    }
}

/// The title of the window: how far it is, and what it is.
fn title(view: &View, model: &Model) -> String {
    let name = crate::text::clean(&view.torrent.name, TITLE_CHARS);
    let is_ascii = model.look.is_ascii();
    let dot = if is_ascii { "-" } else { "·" };
    let far = match view.phase {
        _ if model.replay.is_some() => "replay of ".to_owned(),
        Phase::Checking => String::new(),
        Phase::Paused => format!("paused {} % ", screens::percent(view)),
        Phase::Stopped => format!("stopped {} % ", screens::percent(view)),
        Phase::Downloading | Phase::Seeding => format!("{} % ", screens::percent(view)),
    };
    let title = format!("{far}{name} {dot} ttui");
    if is_ascii { title.replace(|c: char| !c.is_ascii(), "?") } else { title }
}

/// Three lines for the ordinary screen after leaving: what was done, where it is, why it stopped short.
pub fn summary(view: &View) -> String {
    let binary = units::Units::Binary;
    let total = view.torrent.geometry.total_bytes();
    let complete = view.pieces.good == view.torrent.geometry.piece_count();
    let name = &view.torrent.name;
    let done = if complete {
        format!("{name}: complete, {}", units::bytes(total, binary))
    } else {
        let percent = (u128::from(view.have_bytes) * 100 / u128::from(total.max(1))).min(99);
        format!("{name}: {percent} % of {}", units::bytes(total, binary))
    };
    let output = crate::text::clean(&view.torrent.output.to_string_lossy(), 400);
    let (down, up) = (units::bytes(view.down_bytes, binary), units::bytes(view.up_bytes, binary));
    let time = units::duration(view.at);
    let short = match (complete, view.phase) {
        (true, _) => "Nothing is missing.".to_owned(),
        (false, Phase::Stopped) => {
            format!("It stopped: {}", view.phase_reason.as_deref().unwrap_or("the disk refused."))
        }
        (false, Phase::Paused) => "It is paused, and stays so until p at the next start.".to_owned(),
        (false, _) => "The same command goes on where it stopped.".to_owned(),
    };
    format!("{done}, in {output}\n{down} received and {up} sent in {time}.\n{short}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::sync::Mutex;
    use std::task::{Context, Waker};

    use futures_util::stream;
    use ratatui::backend::{ClearType, TestBackend, WindowSize};
    use ratatui::buffer::Cell;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;
    use crate::ui::sample;

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
            left = run(terminal, input, views, commands, options, std::future::pending()) => Some(left.unwrap()),
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

    /// Keys as the terminal's stream gives them: it wakes only whoever looked first since the last one.
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
            _ = run(&mut terminal, typed.clone(), views, commands, Options::default(), never) => unreachable!("nobody left"),
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

    #[test]
    fn the_title_says_how_far_it_is() {
        let look = Model::new(Look::default());
        assert_eq!(title(&sample::healthy(), &look), "12 % debian-12.2.0-amd64-DVD-1.iso · ttui");
        assert_eq!(title(&sample::checking(), &look), "debian-12.2.0-amd64-DVD-1.iso · ttui");
        assert!(title(&sample::paused(), &look).starts_with("paused 12 % "));
        assert!(title(&sample::stopped(), &look).starts_with("stopped 12 % "));
        assert!(title(&sample::seeding(), &look).starts_with("100 % "));
        let ascii = Model::new(Look { glyphs: crate::ui::Glyphs::Ascii, ..look.look });
        let hostile = title(&sample::hostile(), &ascii);
        assert!(hostile.is_ascii() && hostile.len() < 90, "{hostile}");
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
        assert!(text(&terminal).contains("Complete: ~/iso/debian-12.2.0-amd64-DVD-1.iso"));
        let later = async |views: &watch::Sender<Arc<View>>| {
            for seconds in [0, 5] {
                let mut view = sample::seeding();
                view.at += Duration::from_secs(seconds);
                views.send_replace(Arc::new(view));
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        run_with(&mut terminal, Vec::new(), sample::healthy(), Options::default(), later).await;
        assert!(text(&terminal).contains("q quit"), "after four seconds the keys are back");
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

    #[tokio::test(start_paused = true)]
    async fn q_asks_before_it_stops_a_download() {
        let mut terminal = terminal();
        let (left, (_, mut commands)) =
            run_over(&mut terminal, vec![char('q')], sample::healthy(), a_second).await;
        assert!(left.is_none());
        assert!(text(&terminal).contains("q again stops the download (it resumes later)"));
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
        let run = run(&mut terminal, stream::pending(), views, commands, Options::default(), never);
        assert_eq!(run.await.unwrap().reason, Reason::Ended);
    }

    #[test]
    fn the_summary_says_what_was_done_and_how_to_go_on() {
        let said = summary(&sample::healthy());
        assert_eq!(said.lines().count(), 3, "{said}");
        assert!(said.contains("goes on where it stopped"), "{said}");
        assert!(summary(&sample::seeding()).contains("complete, 3.7 GiB, in /home/me/iso"));
        assert!(summary(&sample::stopped()).contains("The disk is full"));
    }
}
