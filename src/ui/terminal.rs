//! Taking the terminal, and giving it back whatever happens.

use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// A terminal in raw mode, on its alternate screen, with the cursor hidden. Dropping it gives the terminal back, and
/// so does a panic, before its report is printed.
#[derive(Debug)]
pub struct Guard {
    /// The terminal to draw on.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
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
        HOOK.call_once(|| {
            let report = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                report(info);
            }));
        });
        take_over()?;
        match Terminal::new(CrosstermBackend::new(io::stdout())) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Shows a text as the title of the terminal's window. The text must be cleaned for showing.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be written to.
    pub fn set_title(&mut self, title: &str) -> io::Result<()> {
        execute!(io::stdout(), SetTitle(title))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(io::stdout(), EnterAlternateScreen, Hide);
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives the terminal back, if it is ours. What fails here fails silently: there is nobody left to tell.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = queue!(out, LeaveAlternateScreen, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
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
    // Every thread stops here, and goes on here after `fg`.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
    take_over()
}

#[cfg(test)]
mod tests {
    use ratatui::backend::Backend;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
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
    fn colours_are_written_in_their_tier_and_never_as_a_background() {
        let text = |colours| String::from_utf8(written(colours).1).unwrap();
        assert!(text(Colours::True).contains("38;2;0;158;115"));
        assert!(text(Colours::Indexed).contains("38;5;29"));
        for colours in [Colours::True, Colours::Indexed, Colours::Sixteen] {
            assert!(!text(colours).contains("48;"));
        }
    }
}
