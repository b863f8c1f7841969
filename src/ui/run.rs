//! The loop of the screen: views and keys come in, frames and commands go out.
//!
//! | file | holds |
//! |---|---|
//! | `options` | how the screen is run, and what its caller can do for it |
//! | `screen` | what the loop holds: model, newest view, whether they may differ from what is shown |
//! | `background` | the terminal's answer to which background it has, told from keys |
//! | `link` | what is looked at, and where wishes go: one torrent, or a session of them |
//! | `input` | keys, clicks, pastes and sizes, into the model |
//! | `canvas` | the picture, and when the next may be drawn |
//! | `calls` | title, bell, mouse, files and clipboard |
//! | `suspend` | Ctrl-Z, and being stopped by others |
//! | `summary` | what is said after leaving |

mod background;
mod calls;
mod canvas;
mod input;
mod link;
mod options;
mod screen;
mod summary;
mod suspend;
#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::Event;
use tokio::time::Instant;

use self::canvas::may_draw;
use self::input::there_already;
pub use self::link::Link;
use self::link::News;
pub use self::options::{Options, Question, Write};
use self::screen::Screen;
pub use self::summary::{summary, summary_of_several};
use crate::ledger::View;
use crate::ui::columns::Choice;

/// Keys taken from one burst of input before the screen is drawn again.
const BURST: usize = 256;

/// Why the screen was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The user quit.
    Quit,
    /// `stop` was ready: a signal, say.
    Stopped,
    /// There is nothing new any more: the task that tells of it ended.
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
    /// The columns that were chosen.
    pub columns: Choice,
}

/// Shows what is looked at and takes keys until the user leaves, `stop` is ready, or the link or the input ends.
///
/// Writes only when what is shown changed, at most `frames_per_second` times a second, and always the newest view:
/// a slow terminal misses frames, and nothing waits for it. Quitting asks the link to end all, and returns at once.
///
/// # Errors
///
/// When the terminal cannot be written to, or its input fails.
pub async fn run<B, S, F>(
    terminal: &mut Terminal<B>,
    input: S,
    mut link: Link,
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
    let mut screen = Screen::new(&options, &mut link, terminal.size().map_err(Into::into)?);
    let frame = Duration::from_secs(1) / u32::from(options.frames_per_second.max(1));
    screen.ask_for_the_background(&options)?;
    let is_over = wait_for_the_background(&mut screen, &mut input, &link).await?;
    screen.show(terminal, &options)?;
    let mut next_frame = Instant::now() + frame;
    let left = |screen: &Screen, reason| {
        Ok(Left { reason, view: Arc::clone(&screen.view), columns: screen.model.columns.clone() })
    };
    if is_over {
        return left(&screen, Reason::InputClosed);
    }
    if screen.model.leaving {
        return left(&screen, Reason::Quit);
    }
    loop {
        let wakes_at = screen.wakes_at();
        tokio::select! {
            biased;
            () = &mut stop => return left(&screen, Reason::Stopped),
            event = input.next() => {
                let Some(event) = event else { return left(&screen, Reason::InputClosed) };
                screen.take(&event?, &link);
                // Keys that are there already are taken before anything is drawn.
                for _ in 0..BURST {
                    match there_already(&mut input).await {
                        Some(event) => screen.take(&event?, &link),
                        None => break,
                    }
                }
            }
            news = link.changed() => {
                screen.hear(news, &mut link, &options);
                if news == News::Over {
                    return left(&screen, Reason::Ended);
                }
            }
            () = tokio::time::sleep_until(wakes_at.unwrap_or(next_frame)), if wakes_at.is_some() => {
                screen.wake();
                screen.let_go(&link);
            }
            () = suspend::woken(&mut options.woken) => suspend::retake(&mut screen, &options)?,
            () = may_draw(next_frame, &mut options.taken), if screen.changed => {
                screen.show(terminal, &options)?;
                next_frame = Instant::now() + frame;
            }
        }
        screen.carry_out(&options)?;
        if screen.model.leaving {
            return left(&screen, Reason::Quit);
        }
        suspend::suspend_if_asked(&mut screen, &options)?;
    }
}

/// Waits a moment for the terminal to say which background it has, so that the first frame has its colours. Keys are
/// taken meanwhile. Returns whether there is no more input.
async fn wait_for_the_background<S>(
    screen: &mut Screen,
    input: &mut Pin<&mut S>,
    link: &Link,
) -> io::Result<bool>
where
    S: Stream<Item = io::Result<Event>>,
{
    let end = Instant::now() + background::PATIENCE;
    while screen.waits_for_the_background() {
        match tokio::time::timeout_at(end, input.next()).await {
            Ok(Some(event)) => screen.take(&event?, link),
            Ok(None) => return Ok(true),
            Err(_) => break,
        }
    }
    Ok(false)
}
