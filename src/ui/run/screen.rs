//! What the loop holds: where the user is, what is known, and whether that may differ from what is shown.

use std::io;
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::Event;
use ratatui::layout::Size;
use tokio::time::Instant;

use super::background::Background;
use super::calls::{self, Told};
use super::canvas::Canvas;
use super::input;
use super::link::{self, Link, News};
use super::options::Options;
use crate::command::SessionCommand;
use crate::ledger::View;
use crate::metainfo::InfoHash;
use crate::ui::model::{self, Model};
use crate::ui::replay::{Replayed, Watched};
use crate::ui::screens;
use crate::ui::theme::{Ground, Palette};
use crate::ui::torrent_list::rests;

pub(super) struct Screen {
    pub(super) model: Model,
    pub(super) view: Arc<View>,
    /// The torrent whose views were asked for last, and whether it ran then: one that does not has none.
    asked_for: Option<(InfoHash, bool)>,
    /// They may differ from what is on the terminal.
    pub(super) changed: bool,
    canvas: Canvas,
    told: Told,
    replayed: Option<Replayed>,
    began: Instant,
    background: Background,
    /// The colours for a dark and for a light background, until it is known which it is.
    palettes: Option<[Palette; 2]>,
}

impl Screen {
    pub(super) fn new(options: &Options, link: &mut Link, size: Size) -> Self {
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
        model.surroundings = Arc::clone(&options.surroundings);
        let looked_at = link.view();
        let first = looked_at.as_ref().map(|view| view.torrent.info_hash);
        let view = looked_at.unwrap_or_else(link::nothing);
        model.about = options.about(view.torrent.info_hash);
        model.torrents.look_at(first);
        model.take_in_torrents(&link.torrents(&view));
        model.take_in(&view);
        // Of one alone that does not run there is nothing to be seen but its row.
        if model.torrents.newest.rows.len() != 1 || !model.torrents.is_seen_in(&view) {
            model.screen = model::Screen::Torrents;
        }
        let mut screen = Self {
            model,
            view,
            asked_for: first.map(|id| (id, true)),
            changed: true,
            canvas: Canvas::default(),
            told: Told::default(),
            replayed,
            began: Instant::now(),
            background: Background::default(),
            palettes: None,
        };
        screen.look_for(link);
        screen
    }

    /// Asks the terminal which background it has.
    pub(super) fn ask_for_the_background(&mut self, options: &Options) -> io::Result<()> {
        let Some(question) = options.background else { return Ok(()) };
        self.palettes = Some([options.look.palette, question.light]);
        self.background.asked(Instant::now());
        (question.ask)()
    }

    /// Whether it did not say yet.
    pub(super) fn waits_for_the_background(&self) -> bool {
        self.palettes.is_some() && !self.model.leaving
    }

    /// Takes in what is new.
    pub(super) fn hear(&mut self, news: News, link: &mut Link, options: &Options) {
        self.wake();
        if news != News::Torrents
            && let Some(view) = link.view()
        {
            self.look_at(view, options);
        }
        if news == News::Torrents || matches!(link, Link::One { .. }) {
            self.model.take_in_torrents(&link.torrents(&self.view));
        }
        self.look_for(link);
    }

    /// Takes the newest view in; where the time of day is known, it is so late now.
    fn look_at(&mut self, view: Arc<View>, options: &Options) {
        if view.torrent.info_hash != self.view.torrent.info_hash {
            self.model.turn_to_another();
            self.model.about = options.about(view.torrent.info_hash);
        }
        self.view = view;
        if let Some(now) = options.time_of_day.and_then(|now| now()) {
            self.model.started.set(self.view.at, now);
        }
        if let (Some(shown), Some(replay)) = (&self.replayed, &mut self.model.replay) {
            replay.playback = shown.replay.playback().borrow().clone();
        }
        self.model.take_in(&self.view);
    }

    /// Asks for the views of the torrent that is looked at, where these are of another.
    fn look_for(&mut self, link: &Link) {
        let Some(row) = self.model.torrents.selected() else { return };
        let wanted = Some((row.id, !rests(row)));
        if wanted != self.asked_for {
            link.wish(SessionCommand::Look(row.id));
            self.asked_for = wanted;
        }
    }

    /// When something happens by time alone.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.noted_until().into_iter().chain(self.background.kept_until()).min()
    }

    /// When what is said to the user goes away.
    fn noted_until(&self) -> Option<Instant> {
        let until = self.model.note.as_ref()?.since + screens::ANSWER_STANDS;
        (until > self.model.clock).then(|| self.began + until)
    }

    /// Takes a key in that was kept back as long as it might have been the terminal's.
    pub(super) fn let_go(&mut self, link: &Link) {
        if let Some(event) = self.background.let_go(Instant::now()) {
            self.take_users(&event, link);
        }
    }

    /// Time went on, and nothing else.
    pub(super) fn wake(&mut self) {
        self.model.clock = self.began.elapsed();
        self.changed = true;
    }

    /// Takes what the terminal tells: what the user did, or which background it has.
    pub(super) fn take(&mut self, event: &Event, link: &Link) {
        let told = self.background.hear(event, Instant::now());
        if let Some(event) = &told.before {
            self.take_users(event, link);
        }
        if told.is_of_the_user {
            self.take_users(event, link);
        }
        if let Some(ground) = told.ground
            && let Some([dark, light]) = self.palettes.take()
        {
            self.model.look.palette = if ground == Ground::Light { light } else { dark };
            self.changed = true;
        }
    }

    /// Takes a key, a click, a paste or a size in, and sends on what they ask for.
    fn take_users(&mut self, event: &Event, link: &Link) {
        self.model.clock = self.began.elapsed();
        let (command, changed) = input::take(&mut self.model, event, &self.canvas.targets, &self.view);
        // Meant is the torrent that the user saw.
        let seen = self.view.torrent.info_hash;
        command.into_iter().chain(self.model.more.drain(..)).for_each(|command| link.send(seen, command));
        self.model.wishes.drain(..).for_each(|wish| link.wish(wish));
        self.look_for(link);
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
