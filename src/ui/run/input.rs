//! Keys, clicks, pastes and sizes, from the terminal into the model.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::Stream;
use ratatui::crossterm::event::{Event, KeyEventKind};

use crate::command::Command;
use crate::ledger::View;
use crate::ui::action::Key;
use crate::ui::model::Model;
use crate::ui::mouse::{self, Targets};
use crate::ui::prompt;

/// Takes an event in: the command it asks for, and whether it may have changed what is to be seen.
pub(super) fn take(
    model: &mut Model,
    event: &Event,
    targets: &Targets,
    view: &View,
) -> (Option<Command>, bool) {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            model.welcome = false;
            (prompt::press(model, Key::from_event(key), view), true)
        }
        Event::Mouse(event) => (mouse::moved(model, event, targets, view), true),
        Event::Paste(text) => {
            prompt::paste(model, text, view);
            (None, true)
        }
        Event::Resize(columns, rows) => {
            model.size = (*columns, *rows);
            // What the terminal made of the old frame is not known, even when its size is as before.
            model.redraw = true;
            (None, true)
        }
        _ => (None, false),
    }
}

/// The next event, where there is one. It is looked for as the task that runs the screen: the terminal's stream
/// remembers who looked first, and would wake nobody else when the next key comes.
pub(super) async fn there_already<S: Stream>(input: &mut Pin<&mut S>) -> Option<S::Item> {
    poll_fn(|context| match input.as_mut().poll_next(context) {
        Poll::Ready(event) => Poll::Ready(event),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
