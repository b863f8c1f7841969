//! What reaches the user beside the picture: the title of the window, the bell, the mouse, files and the clipboard.

use std::io;

use super::options::Options;
use crate::event::Phase;
use crate::ledger::{Torrents, View};
use crate::ui::model::Model;
use crate::ui::prompt;
use crate::ui::screens;
use crate::units;

/// Characters of the torrent's name in the title of the window.
const TITLE_CHARS: usize = 60;

/// What the terminal was told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    title: String,
    /// That the mouse is ours.
    mouse: bool,
}

impl Told {
    /// Others had the terminal: what it was told does not hold any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Tells the terminal what changed, and rings once where that is asked.
    pub(super) fn call(&mut self, model: &mut Model, view: &View, options: &Options) -> io::Result<()> {
        let title = title(view, model);
        if let Some(set_title) = options.title.filter(|_| title != self.title) {
            set_title(&title)?;
            self.title = title;
        }
        if let Some(take) = options.mouse.filter(|_| self.mouse != model.mouse) {
            take(model.mouse)?;
            self.mouse = model.mouse;
        }
        match options.bell.filter(|_| std::mem::take(&mut model.bell)) {
            Some(ring) => ring(),
            None => Ok(()),
        }
    }
}

/// Copies and writes what keys asked for.
pub(super) fn carry_out(model: &mut Model, view: &View, options: &Options) -> io::Result<()> {
    if let (Some(text), Some(copy)) = (model.copy.take(), options.copy) {
        copy(&text)?;
    }
    if let (Some(export), Some(write)) = (model.export.take(), options.export) {
        let (count, of) = export.what.count();
        match write(&export, model.shown_view(view)) {
            Ok(path) => model.say(format!("Wrote {} {of} to {path}.", units::count(count as u64)), false),
            Err(why) => prompt::not_written(model, &export, why),
        }
    }
    Ok(())
}

/// The title of the window: how far it is, and what it is.
fn title(view: &View, model: &Model) -> String {
    let is_ascii = model.look.is_ascii();
    let dot = if is_ascii { "-" } else { "·" };
    if model.torrents.are_none() {
        return "ttui".to_owned();
    }
    if model.torrents.are_several() || !model.torrents.is_seen_in(view) {
        let title = of_several(model, dot);
        return if is_ascii { title.replace(|c: char| !c.is_ascii(), "?") } else { title };
    }
    let name = crate::text::clean(&view.torrent.title(), TITLE_CHARS);
    let far = match view.phase {
        _ if model.replay.is_some() => "replay of ".to_owned(),
        Phase::Checking => {
            let (doing, percent) = screens::long_work(view);
            format!("{doing} {percent} % ")
        }
        Phase::Metadata => "metadata ".to_owned(),
        Phase::Paused => format!("paused {} % ", screens::percent(view)),
        Phase::Queued(_) => format!("queued {} % ", screens::percent(view)),
        Phase::Stopped => format!("stopped {} % ", screens::percent(view)),
        Phase::Downloading | Phase::Seeding => format!("{} % ", screens::percent(view)),
    };
    let title = format!("{far}{name} {dot} ttui");
    if is_ascii { title.replace(|c: char| !c.is_ascii(), "?") } else { title }
}

/// The title where there are several torrents: what they come to.
fn of_several(model: &Model, dot: &str) -> String {
    let Torrents { rows, totals, .. } = &*model.torrents.newest;
    let rate = |bps| units::rate(bps, model.look.units);
    let (down, up) = if model.look.is_ascii() { ("v", "^") } else { ("↓", "↑") };
    let rates = format!("{down} {} {up} {}", rate(totals.down_bps), rate(totals.up_bps));
    let torrents = if rows.len() == 1 { "torrent" } else { "torrents" };
    format!("{rates} {dot} {} {torrents} {dot} ttui", units::count(rows.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::sample;
    use crate::ui::theme::{Glyphs, Look};

    #[test]
    fn the_title_of_several_says_what_they_come_to() {
        let view = sample::healthy();
        let mut model = Model::new(Look::default());
        model.take_in_torrents(&sample::torrents(&view));
        model.take_in(&view);
        let totals = model.torrents.newest.totals;
        let rate = |bps| units::rate(bps, model.look.units);
        let expected = format!("↓ {} ↑ {} · 13 torrents · ttui", rate(totals.down_bps), rate(totals.up_bps));
        assert_eq!(title(&view, &model), expected);
        model.look.glyphs = Glyphs::Ascii;
        assert!(title(&view, &model).is_ascii());
    }

    #[test]
    fn the_title_says_how_far_it_is() {
        let look = Model::new(Look::default());
        assert_eq!(title(&sample::healthy(), &look), "12 % debian-12.2.0-amd64-DVD-1.iso · ttui");
        assert!(title(&sample::checking(), &look).starts_with("verifying "));
        assert!(title(&sample::moment("preparing"), &look).starts_with("making files "));
        assert!(title(&sample::paused(), &look).starts_with("paused 12 % "));
        assert!(title(&sample::stopped(), &look).starts_with("stopped 12 % "));
        assert!(title(&sample::seeding(), &look).starts_with("100 % "));
        let ascii = Model::new(Look { glyphs: Glyphs::Ascii, ..look.look });
        let hostile = title(&sample::hostile(), &ascii);
        assert!(hostile.is_ascii() && hostile.len() < 90, "{hostile}");
    }
}
