//! Taking the terminal, and giving it back whatever happens.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::Command;
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use tokio::sync::watch;

use super::terminal_writer::{self, Port};

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();
/// The thread that draws.
static OWNER: Mutex<Option<ThreadId>> = Mutex::new(None);
/// Reports of panics elsewhere, told once the terminal is given back.
static UNTOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// The size of a terminal that does not know its own.
const USUAL_SIZE: Size = Size { width: 80, height: 24 };
/// How long a terminal that takes nothing is waited for in the end.
const PATIENCE: Duration = Duration::from_millis(300);
/// Be told of clicks, the wheel and moves with a button held down, in a form that reaches every column; other moves are
/// not told.
const TAKE_MOUSE: &str = "\x1b[?1000h\x1b[?1006h\x1b[?1002h";
const LEAVE_MOUSE: &str = "\x1b[?1002l\x1b[?1006l\x1b[?1000l";
/// Keep the window's title aside (xterm's control sequences), and put it back. Where that is not known, the title
/// is at least cleared.
const KEEP_TITLE: &str = "\x1b[22;2t";
const OLD_TITLE: &str = "\x1b]2;\x07\x1b[23;2t";

/// A terminal in raw mode, on its alternate screen, with the cursor hidden. Dropping it gives the terminal back, and
/// so does a panic of the thread that took it, before its report is printed. What panics elsewhere meanwhile is
/// reported when the terminal is given back.
#[derive(Debug)]
pub struct Guard {
    /// The terminal to draw on. Nobody waits for it: see [`taken`].
    pub terminal: Terminal<CrosstermBackend<Port>>,
}

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// When standard output is no terminal, or cannot be written to.
    pub fn take() -> io::Result<Self> {
        // Colours are chosen by the theme alone: with NO_COLOR set, crossterm would write resets in their place
        // and wipe bold and reverse with them.
        force_color_output(true);
        *OWNER.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        HOOK.call_once(|| {
            let report = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if TAKEN.load(Ordering::SeqCst) && !is_owner() {
                    keep_untold(info);
                } else {
                    give_back();
                    report(info);
                }
            }));
        });
        take_over()?;
        let opened = open();
        if opened.is_err() {
            give_back();
        }
        opened.map(|terminal| Self { terminal })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether the terminal has taken everything that was written. As long as it has not, drawing more would only
/// queue up.
pub fn taken() -> watch::Receiver<bool> {
    terminal_writer::taken()
}

/// Shows a text as the title of the terminal's window. The text must be cleaned for showing.
///
/// # Errors
///
/// When the terminal cannot be written to.
pub fn set_title(title: &str) -> io::Result<()> {
    terminal_writer::send(written(SetTitle(title)).as_bytes())
}

/// Takes the mouse, so that clicks and the wheel are told, or leaves it to the terminal.
///
/// # Errors
///
/// When the terminal cannot be written to.
pub fn set_mouse(taken: bool) -> io::Result<()> {
    terminal_writer::send(if taken { TAKE_MOUSE } else { LEAVE_MOUSE }.as_bytes())
}

/// Asks the terminal which background it has (OSC 11). It answers among the keys, or never.
///
/// # Errors
///
/// When the terminal cannot be written to.
pub fn ask_background() -> io::Result<()> {
    terminal_writer::send(b"\x1b]11;?\x07")
}

/// Rings the terminal's bell.
///
/// # Errors
///
/// When the terminal cannot be written to.
pub fn ring() -> io::Result<()> {
    terminal_writer::send(b"\x07")
}

/// Puts a text on the clipboard of the terminal (OSC 52); terminals that cannot do that ignore it.
///
/// # Errors
///
/// When the terminal cannot be written to.
pub fn copy(text: &str) -> io::Result<()> {
    terminal_writer::send(written(CopyToClipboard::to_clipboard_from(text)).as_bytes())
}

/// Whether the terminal took everything, its giving back included. As long as it did not, more would not be seen.
pub fn is_heard() -> bool {
    terminal_writer::is_heard()
}

fn is_owner() -> bool {
    *OWNER.lock().unwrap_or_else(PoisonError::into_inner) == Some(thread::current().id())
}

fn keep_untold(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let report = format!("thread {} {info}", thread.name().unwrap_or("without a name"));
    UNTOLD.lock().unwrap_or_else(PoisonError::into_inner).push(report);
}

/// A terminal that follows the size of the window. One that does not know its size (a serial line) is drawn on as
/// if it were of the usual one, until somebody tells it.
fn open() -> io::Result<Terminal<CrosstermBackend<Port>>> {
    let backend = CrosstermBackend::new(Port::default());
    let size = backend.size()?;
    if size.width > 0 && size.height > 0 {
        return Terminal::new(backend);
    }
    let viewport = Viewport::Fixed(Rect::from((Position::ORIGIN, USUAL_SIZE)));
    Terminal::with_options(backend, TerminalOptions { viewport })
}

/// The bytes of a command; none where it has no ANSI form.
fn written(command: impl Command) -> String {
    let mut bytes = String::new();
    // Writing to a string cannot fail.
    let _ = command.write_ansi(&mut bytes);
    bytes
}

fn take_over() -> io::Result<()> {
    // What is written are escape sequences, and a console reads those only once it is asked to.
    #[cfg(windows)]
    if !crossterm::ansi_support::supports_ansi() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "this console takes no escape sequences"));
    }
    terminal_writer::open()?;
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = terminal_writer::send([KEEP_TITLE, &screen_of_our_own()].concat().as_bytes());
    if entered.is_err() {
        give_back();
    }
    entered
}

/// The alternate screen, without a cursor, with pastes told from typing.
fn screen_of_our_own() -> String {
    [written(EnterAlternateScreen), written(EnableBracketedPaste), written(Hide)].concat()
}

/// Takes the terminal once more, after somebody stopped the process behind its back and others had the terminal.
///
/// # Errors
///
/// When the terminal cannot be written to.
pub fn retake() -> io::Result<()> {
    if !TAKEN.load(Ordering::SeqCst) {
        return Ok(());
    }
    // The program before may have left it in modes of its own; only what is not raw is made so.
    disable_raw_mode()?;
    enable_raw_mode()?;
    terminal_writer::send(screen_of_our_own().as_bytes())
}

/// Gives the terminal back, if it is ours. A terminal that takes nothing any more is not waited for.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let no_paste = written(DisableBracketedPaste);
    let leave = [LEAVE_MOUSE, &no_paste, &written(LeaveAlternateScreen), &written(Show), OLD_TITLE].concat();
    let heard = terminal_writer::close(leave.as_bytes(), PATIENCE);
    let _ = disable_raw_mode();
    let untold = std::mem::take(&mut *UNTOLD.lock().unwrap_or_else(PoisonError::into_inner));
    if heard {
        let mut err = io::stderr().lock();
        // Where standard error is closed there is nobody to tell.
        untold.iter().for_each(|report| drop(writeln!(err, "{report}")));
    }
}

/// Gives the terminal back, stops the process until somebody lets it go on, and takes the terminal again.
///
/// # Errors
///
/// When the process cannot be stopped, or the terminal cannot be taken again.
#[cfg(unix)]
pub fn suspend() -> io::Result<()> {
    give_back();
    // Every thread stops here, and goes on here after `fg`. The whole group stops, as it does for Ctrl-Z elsewhere:
    // the shell waits for all of it.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    take_over()
}

/// Nobody could let the process go on again.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn suspend() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::{Buffer, Cell};
    use ratatui::style::Modifier;

    use super::*;
    use crate::ui::theme::{Colours, Look};
    use crate::ui::{Model, draw, sample};

    /// A frame, and the bytes it writes.
    fn written(colours: Colours) -> (Buffer, Vec<u8>) {
        force_color_output(true);
        let view = sample::healthy();
        let mut model = Model::new(Look { colours, ..Look::default() });
        model.take_in(&view);
        let area = Rect::new(0, 0, 80, 24);
        let mut buf = Buffer::empty(area);
        draw(&mut buf, area, &model, &view);
        let mut bytes = Vec::new();
        let cells = Buffer::empty(area);
        CrosstermBackend::new(&mut bytes).draw(cells.diff(&buf).into_iter()).unwrap();
        (buf, bytes)
    }

    /// What this test wants of a process of its own, which is this program once more.
    const ROLE: &str = "TTUI_TEST_ROLE";

    /// Runs a test of this program in a process of its own, on a terminal of its own: what it wrote, and whether the
    /// terminal's modes are as before.
    fn on_a_terminal(test: &str, role: &str) -> (String, bool) {
        use portable_pty::{CommandBuilder, PtySize, native_pty_system};
        use std::io::Read;

        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let before = modes(&*pair.master);
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.env(ROLE, role);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut written = Vec::new();
        // On Linux the end of the last program on a terminal is an error there.
        let _ = reader.read_to_end(&mut written);
        child.wait().unwrap();
        let is_as_before = modes(&*pair.master) == before;
        (String::from_utf8_lossy(&written).into_owned(), is_as_before)
    }

    /// The modes of a terminal, where it has any of its own.
    fn modes(master: &dyn portable_pty::MasterPty) -> String {
        #[cfg(unix)]
        return format!("{:?}", master.get_termios());
        #[cfg(not(unix))]
        return format!("{:?}", master.get_size().is_ok());
    }

    /// Where a text stands in what was written.
    #[track_caller]
    fn place(written: &str, text: &str) -> usize {
        written.find(text).unwrap_or_else(|| panic!("no {text:?} in {written:?}"))
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_its_report() {
        const NAME: &str = "ui::terminal::tests::a_panic_gives_the_terminal_back_before_its_report";
        if std::env::var_os(ROLE).is_some() {
            let mut guard = Guard::take().unwrap();
            guard.terminal.draw(|frame| frame.buffer_mut()[(0, 0)] = Cell::new("@")).unwrap();
            panic!("the ship sinks");
        }
        let (written, is_as_before) = on_a_terminal(NAME, "panics");
        let parts = ["\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h", "the ship sinks"];
        let places = parts.map(|part| place(&written, part));
        assert!(places.is_sorted(), "{places:?} {written:?}");
        assert!(is_as_before);
    }

    #[test]
    fn a_panic_elsewhere_leaves_the_screen_alone_and_is_told_after_it() {
        const NAME: &str =
            "ui::terminal::tests::a_panic_elsewhere_leaves_the_screen_alone_and_is_told_after_it";
        if std::env::var_os(ROLE).is_some() {
            let mut guard = Guard::take().unwrap();
            let other = thread::Builder::new().name("stoker".to_owned());
            assert!(other.spawn(|| panic!("the boiler bursts")).unwrap().join().is_err());
            guard.terminal.draw(|frame| frame.buffer_mut()[(0, 0)] = Cell::new("@")).unwrap();
            // What is not on its way yet when the terminal is given back is not drawn any more.
            while !is_heard() {
                thread::yield_now();
            }
            drop(guard);
            return;
        }
        let (written, is_as_before) = on_a_terminal(NAME, "panics elsewhere");
        let parts = ["\x1b[?1049h", "@", "\x1b[?1049l", "thread stoker panicked at ", "the boiler bursts"];
        let places = parts.map(|part| place(&written, part));
        assert!(places.is_sorted(), "{places:?} {written:?}");
        assert!(is_as_before);
    }

    #[test]
    fn mono_keeps_bold_reverse_and_dim_and_writes_no_colour() {
        let (buf, bytes) = written(Colours::None);
        let mut terminal = vt100::Parser::new(24, 80, 0);
        terminal.process(&bytes);
        let mut seen = Modifier::empty();
        for (at, cell) in buf.content().iter().enumerate().filter(|(_, cell)| cell.symbol() != " ") {
            let shown = terminal.screen().cell((at / 80) as u16, (at % 80) as u16).unwrap();
            assert_eq!(shown.contents(), cell.symbol());
            assert_eq!((shown.fgcolor(), shown.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
            let attributes = (shown.bold(), shown.inverse(), shown.dim());
            let meant =
                [Modifier::BOLD, Modifier::REVERSED, Modifier::DIM].map(|one| cell.modifier.contains(one));
            assert_eq!(attributes, meant.into(), "{} at {at}", cell.symbol());
            seen |= cell.modifier;
        }
        assert_eq!(seen, Modifier::BOLD | Modifier::REVERSED | Modifier::DIM);
    }

    #[test]
    fn colours_are_written_in_their_tier() {
        let text = |colours| String::from_utf8(written(colours).1).unwrap();
        assert!(text(Colours::True).contains("38;2;46;192;131"));
        assert!(text(Colours::Indexed).contains("38;5;42"));
        assert!(!text(Colours::Sixteen).contains("48;"), "the bar is reversed there");
    }
}
