//! What the loop holds: where the user is, what is known, and whether that may differ from what is shown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::Event;
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::calls::{self, Told};
use super::canvas::Canvas;
use super::input;
use super::options::Options;
use crate::command::Command;
use crate::ledger::View;
use crate::ui::model::Model;
use crate::ui::replay::{Replayed, Watched};
use crate::ui::screens;

pub(super) struct Screen {
    pub(super) model: Model,
    pub(super) view: Arc<View>,
    /// They may differ from what is on the terminal.
    pub(super) changed: bool,
    canvas: Canvas,
    told: Told,
    replayed: Option<Replayed>,
    began: Instant,
}

impl Screen {
    pub(super) fn new(options: &Options, views: &mut watch::Receiver<Arc<View>>, size: Size) -> Self {
        let mut model = Model::new(options.look);
        model.size = (size.width, size.height);
        model.started = options.started.into();
        let replayed = options.replayed.clone();
        model.replay = replayed
            .as_ref()
            .map(|shown| Watched::new(&shown.name, shown.replay.playback().borrow().clone()));
        model.mouse = options.mouse_taken;
        model.welcome = options.welcome;
        model.keys = Arc::clone(&options.keys);
        model.columns = options.columns.clone();
        model.log_by_day = options.log_by_day;
        model.about = Arc::clone(&options.about);
        let view = Arc::clone(&views.borrow_and_update());
        model.take_in(&view);
        Self {
            model,
            view,
            changed: true,
            canvas: Canvas::default(),
            told: Told::default(),
            replayed,
            began: Instant::now(),
        }
    }

    /// Takes the newest view in; where the time of day is known, it is so late now.
    pub(super) fn look_at(&mut self, views: &mut watch::Receiver<Arc<View>>, now: Option<Duration>) {
        self.view = Arc::clone(&views.borrow_and_update());
        self.wake();
        if let Some(now) = now {
            self.model.started.set(self.view.at, now);
        }
        if let (Some(shown), Some(replay)) = (&self.replayed, &mut self.model.replay) {
            replay.playback = shown.replay.playback().borrow().clone();
        }
        self.model.take_in(&self.view);
    }

    /// When what is said to the user goes away.
    pub(super) fn noted_until(&self) -> Option<Instant> {
        let until = self.model.note.as_ref()?.since + screens::ANSWER_STANDS;
        (until > self.model.clock).then(|| self.began + until)
    }

    /// Time went on, and nothing else.
    pub(super) fn wake(&mut self) {
        self.model.clock = self.began.elapsed();
        self.changed = true;
    }

    /// Takes a key, a click, a paste or a size in, and sends on what they ask for.
    pub(super) fn take(&mut self, event: &Event, commands: &mpsc::UnboundedSender<Command>) {
        self.model.clock = self.began.elapsed();
        let (command, changed) = input::take(&mut self.model, event, &self.canvas.targets, &self.view);
        for command in command.into_iter().chain(self.model.more.drain(..)) {
            // Nobody takes commands when the engine is gone; then the views end too.
            let _ = commands.send(command);
        }
        self.ask_the_replay();
        self.changed |= changed;
    }

    /// Hands on what keys asked of the recording.
    fn ask_the_replay(&mut self) {
        if let (Some(shown), Some(replay)) = (&self.replayed, &mut self.model.replay) {
            replay.asked.drain(..).for_each(|control| shown.replay.send(control));
        }
    }

    /// Does what keys asked of the caller.
    pub(super) fn carry_out(&mut self, options: &Options) -> io::Result<()> {
        calls::carry_out(&mut self.model, &self.view, options)
    }

    /// Others had the terminal: what it shows and takes is not known.
    pub(super) fn begin_anew(&mut self) {
        self.model.redraw = true;
        self.told.forget();
        self.changed = true;
    }

    /// Brings the terminal up to what is known.
    pub(super) fn show<B>(&mut self, terminal: &mut Terminal<B>, options: &Options) -> io::Result<()>
    where
        B: Backend,
        B::Error: Into<io::Error>,
    {
        self.canvas.draw(terminal, &mut self.model, &self.view)?;
        self.changed = false;
        self.told.call(&mut self.model, &self.view, options)
    }
}
