//! The picture: drawn where it changed, when the terminal has taken the one before.

use std::io;

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ledger::View;
use crate::ui::model::Model;
use crate::ui::mouse::Targets;
use crate::ui::screens;

/// What is on the terminal.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    shown: Buffer,
    /// What can be clicked on it.
    pub(super) targets: Targets,
}

impl Canvas {
    /// Draws, and writes what differs from what is shown.
    pub(super) fn draw<B>(
        &mut self,
        terminal: &mut Terminal<B>,
        model: &mut Model,
        view: &View,
    ) -> io::Result<()>
    where
        B: Backend,
        B::Error: Into<io::Error>,
    {
        let afresh = std::mem::take(&mut model.redraw);
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
        model.size = (area.width, area.height);
        self.targets = screens::draw(frame.buffer_mut(), area, model, view);
        let drawn = terminal.current_buffer_mut();
        if *drawn == self.shown && !afresh {
            drawn.reset();
        } else {
            self.shown.clone_from(drawn);
            terminal.apply_buffer().map_err(Into::into)?;
        }
        Ok(())
    }
}

/// Waits for the time of the next frame, and until the terminal has taken the one before.
pub(super) async fn may_draw(next_frame: Instant, taken: &mut Option<watch::Receiver<bool>>) {
    tokio::time::sleep_until(next_frame).await;
    if let Some(taken) = taken {
        // Nobody left to say so is nobody left to wait for.
        let _ = taken.wait_for(|taken| *taken).await;
    }
}
