//! The program on a terminal: a pty, a terminal that remembers every byte, and what it shows.

#![allow(dead_code, reason = "every file of tests uses a part of it")]

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crossterm::event::KeyCode;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;
use ttui::ui::action::Key;
use vt100::{Callbacks, Parser, Screen};

use super::support::{Lab, PATIENCE};

/// How often a process is looked at that nobody tells us of.
const TICK: Duration = Duration::from_millis(5);
/// Clears the whole screen.
const CLEAR: &[u8] = b"\x1b[2J";

/// A program on a terminal of its own; killed when it is dropped.
pub(crate) struct Pty {
    shared: Arc<Shared>,
    writer: Box<dyn Write + Send>,
    /// None: the window was closed.
    master: Option<Box<dyn MasterPty + Send>>,
    child: Box<dyn Child + Send + Sync>,
    pid: Pid,
    ended: Option<ExitStatus>,
    modes_before: String,
}

struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

struct State {
    bytes: Vec<u8>,
    parser: Parser<Calls>,
    /// The bytes are kept, but nobody looks at them.
    blind: bool,
    pace: Pace,
    /// The reader lets go of the terminal after the next bytes.
    close_soon: bool,
    closed: bool,
}

/// How fast the terminal reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pace {
    AtOnce,
    BytesPerSecond(u64),
    NotAtAll,
}

/// What reaches the user beside the screen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) titles: Vec<String>,
    pub(crate) bells: usize,
}

impl Callbacks for Calls {
    fn audible_bell(&mut self, _: &mut Screen) {
        self.bells += 1;
    }

    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.titles.push(String::from_utf8_lossy(title).into_owned());
    }

    /// A title with semicolons in it, which terminals show and the emulator takes for something else.
    fn unhandled_osc(&mut self, screen: &mut Screen, params: &[&[u8]]) {
        if let [b"0" | b"2", title @ ..] = params {
            self.set_window_title(screen, &title.join(&b';'));
        }
    }
}

/// `ttui` in the folders of a lab, on a terminal with colours in a UTF-8 locale.
pub(crate) fn ttui(lab: &Lab, arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_ttui"));
    command.args(arguments);
    settle(&mut command, lab);
    command
}

/// Gives a command the folders of a lab and nothing else of the surroundings.
pub(crate) fn settle(command: &mut CommandBuilder, lab: &Lab) {
    command.env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", lab.path("home"));
    command.env("XDG_CONFIG_HOME", lab.path("config"));
    command.env("TMPDIR", lab.path("."));
    command.env("XDG_STATE_HOME", lab.path("state"));
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.cwd(lab.path("."));
}

impl Pty {
    pub(crate) fn spawn(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        Self::spawn_paced(command, columns, rows, Pace::AtOnce)
    }

    pub(crate) fn spawn_paced(command: CommandBuilder, columns: u16, rows: u16, pace: Pace) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let (reader, writer) = (pair.master.try_clone_reader().unwrap(), pair.master.take_writer().unwrap());
        let modes_before = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        let pid = Pid::from_raw(child.process_id().unwrap() as i32).unwrap();
        // One that does not know its size has some all the same.
        let (columns, rows) = if columns == 0 { (80, 24) } else { (columns, rows) };
        let state = State {
            bytes: Vec::new(),
            parser: Parser::new_with_callbacks(rows, columns, 0, Calls::default()),
            blind: false,
            pace,
            close_soon: false,
            closed: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), moved: Condvar::new() });
        let reads = Arc::clone(&shared);
        thread::spawn(move || reads.read(reader));
        Self { shared, writer, master: Some(pair.master), child, pid, ended: None, modes_before }
    }

    /// Looks at the terminal now.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Screen) -> T) -> T {
        at(self.shared.state().parser.screen())
    }

    pub(crate) fn text(&self) -> String {
        self.look(Screen::contents)
    }

    pub(crate) fn calls(&self) -> Calls {
        self.shared.state().parser.callbacks().clone()
    }

    /// Waits for what reaches the user beside the screen.
    #[track_caller]
    pub(crate) fn until_called(&self, what: &str, found: impl Fn(&Calls) -> bool) {
        let hit = self.shared.wait(PATIENCE, |state| found(state.parser.callbacks()).then_some(()));
        assert!(hit.is_some(), "waited in vain: {what}: {:?}\n{}", self.calls(), self.text());
    }

    /// Bytes that came so far.
    pub(crate) fn count(&self) -> usize {
        self.shared.state().bytes.len()
    }

    /// What came after so many bytes.
    pub(crate) fn bytes_from(&self, from: usize) -> Vec<u8> {
        self.shared.state().bytes[from..].to_vec()
    }

    /// Waits until the terminal shows what is looked for.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut found: impl FnMut(&Screen) -> Option<T>) -> T {
        let hit = self.shared.wait(PATIENCE, |state| found(state.parser.screen()));
        hit.unwrap_or_else(|| panic!("waited in vain: {what}\n{}", self.text()))
    }

    #[track_caller]
    pub(crate) fn until_shown(&self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text).then_some(()));
    }

    /// Waits until the terminal shows this, and tells how many bytes behind so many others it took to, within a
    /// dozen or two: however late the test hears of it.
    #[track_caller]
    pub(crate) fn taken_until_shown(&self, from: usize, text: &str) -> usize {
        const STEP: usize = 32;
        let mut again: Option<(Parser, usize)> = None;
        let hit = self.shared.wait(PATIENCE, |state| {
            let (again, at) = again.get_or_insert_with(|| {
                let (rows, columns) = state.parser.screen().size();
                let mut again = Parser::new(rows, columns, 0);
                again.process(&state.bytes[..from]);
                (again, from)
            });
            while *at < state.bytes.len() {
                let step = &state.bytes[*at..state.bytes.len().min(*at + STEP)];
                again.process(step);
                *at += step.len();
                if again.screen().contents().contains(text) {
                    return Some(*at - from);
                }
            }
            None
        });
        hit.unwrap_or_else(|| panic!("waited in vain: {text}\n{}", self.text()))
    }

    #[track_caller]
    pub(crate) fn until_gone(&self, text: &str) {
        self.until(&format!("no {text}"), |screen| (!screen.contents().contains(text)).then_some(()));
    }

    /// Waits until these bytes came behind so many others.
    #[track_caller]
    pub(crate) fn until_written(&self, from: usize, bytes: &[u8]) {
        let hit = self.shared.wait(PATIENCE, |state| position(&state.bytes[from..], bytes));
        assert!(hit.is_some(), "never came: {:?}\n{}", String::from_utf8_lossy(bytes), self.text());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).unwrap();
        self.writer.flush().unwrap();
    }

    pub(crate) fn press(&mut self, key: Key) {
        self.write(&bytes_of(key));
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.shared.state().parser.screen_mut().set_size(rows, columns);
        self.resize_unseen(columns, rows);
    }

    /// A new size that the emulator is not told, because nobody looks.
    pub(crate) fn resize_unseen(&self, columns: u16, rows: u16) {
        self.master.as_ref().expect("the window is open").resize(size(columns, rows)).unwrap();
    }

    /// From now on bytes are only kept: the emulator trips over itself where sizes change all the time.
    pub(crate) fn look_away(&self) {
        self.shared.state().blind = true;
    }

    /// Looks again, with an emulator that was never of another size, at what came since everything was last
    /// cleared, and waits until that shows what is looked for.
    #[track_caller]
    pub(crate) fn look_again(
        &self,
        what: &str,
        from: usize,
        (columns, rows): (u16, u16),
        found: impl Fn(&Screen) -> bool,
    ) {
        let hit = self.shared.wait(PATIENCE, |state| {
            let bytes = &state.bytes[from..];
            let cleared = bytes.windows(CLEAR.len()).rposition(|window| window == CLEAR)?;
            let mut parser = Parser::new_with_callbacks(rows, columns, 0, Calls::default());
            parser.process(&bytes[cleared..]);
            let hit = found(parser.screen());
            state.parser = parser;
            hit.then(|| state.blind = false)
        });
        assert!(hit.is_some(), "waited in vain: {what}\n{}", self.text());
    }

    pub(crate) fn pace(&self, pace: Pace) {
        self.shared.state().pace = pace;
        self.shared.moved.notify_all();
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.status().is_none() {
            kill_process(self.pid, signal).unwrap();
        }
    }

    fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended.clone()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// Waits for the end of the process for so long, and says with which status it ended.
    #[track_caller]
    pub(crate) fn ended_within(&mut self, most: Duration) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.status() {
                assert!(status.signal().is_none(), "{status}\n{}", self.text());
                return status.exit_code();
            }
            assert!(began.elapsed() < most, "it runs on after {most:?}\n{}", self.text());
            thread::sleep(TICK);
        }
    }

    /// Waits until everything came that was written before the end.
    #[track_caller]
    pub(crate) fn until_closed(&self) {
        let closed = self.shared.wait(PATIENCE, |state| state.closed.then_some(()));
        assert!(closed.is_some(), "somebody holds the terminal open");
    }

    /// The terminal's modes are as before the program.
    pub(crate) fn has_its_modes_back(&self) -> bool {
        self.master.as_ref().is_some_and(|master| modes(&**master) == self.modes_before)
    }

    /// Waits until the terminal is no more in the program's hands.
    #[track_caller]
    pub(crate) fn until_modes_are_back(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.has_its_modes_back() {
            assert!(Instant::now() < deadline, "the terminal was never given back\n{}", self.text());
            thread::sleep(TICK);
        }
    }

    /// Closes the window: nobody holds the terminal any more, and what was typed last stays.
    pub(crate) fn close_window(&mut self) {
        self.shared.state().close_soon = true;
        self.until_closed();
        self.writer = Box::new(std::io::sink());
        self.master = None;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn wait<T>(&self, most: Duration, mut found: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + most;
        let mut state = self.state();
        loop {
            if let Some(hit) = found(&mut state) {
                return Some(hit);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.moved.wait_timeout(state, left).unwrap().0;
        }
    }

    fn read(&self, mut reader: Box<dyn Read + Send>) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let pace = self.state().pace;
            let most = match pace {
                Pace::AtOnce => buffer.len(),
                Pace::BytesPerSecond(bps) => (bps / 20) as usize,
                Pace::NotAtAll => {
                    let held = |state: &mut State| state.pace == Pace::NotAtAll && !state.closed;
                    let state = self.moved.wait_while(self.state(), held).unwrap();
                    if state.closed {
                        return;
                    }
                    continue;
                }
            };
            let read = reader.read(&mut buffer[..most]).unwrap_or(0);
            let mut state = self.state();
            state.bytes.extend_from_slice(&buffer[..read]);
            if !state.blind {
                state.parser.process(&buffer[..read]);
            }
            state.closed = read == 0 || state.close_soon;
            if state.closed {
                drop(reader);
                self.moved.notify_all();
                return;
            }
            self.moved.notify_all();
            drop(state);
            if matches!(pace, Pace::BytesPerSecond(_)) {
                // The pace of the terminal, not a wait for something.
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.status().is_none() {
            let _ = kill_process(self.pid, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has modes"))
}

/// Where one stretch of bytes begins in another.
pub(crate) fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// What a terminal sends for a key.
pub(crate) fn bytes_of(key: Key) -> Vec<u8> {
    let named: &[u8] = match key.code {
        KeyCode::Char(c) if key.ctrl => return vec![c as u8 & 0x1f],
        KeyCode::Char(c) => return c.to_string().into_bytes(),
        KeyCode::Up => b"\x1b[A",
        KeyCode::Down => b"\x1b[B",
        KeyCode::Right => b"\x1b[C",
        KeyCode::Left => b"\x1b[D",
        KeyCode::Home => b"\x1b[H",
        KeyCode::End => b"\x1b[F",
        KeyCode::PageUp => b"\x1b[5~",
        KeyCode::PageDown => b"\x1b[6~",
        KeyCode::Enter => b"\r",
        KeyCode::Tab => b"\t",
        KeyCode::BackTab => b"\x1b[Z",
        KeyCode::Esc => b"\x1b",
        code => panic!("no test knows what a terminal sends for {code:?}"),
    };
    named.to_vec()
}
