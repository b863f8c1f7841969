//! Everything about the torrent and this run of it.
//!
//! ```text
//!  Torrent ─────────────────────────────────────────────────────────────────
//!  Name        debian-12.2.0-amd64-DVD-1.iso
//!  Size        3.7 GiB (3 959 422 976 bytes) · 1 file
//!  Pieces      15 104 of 256 KiB each
//!  Info hash   267d63ffd31770e40c992b1f6e55a0318d7e4419
//!
//!  This run ────────────────────────────────────────────────────────────────
//!  Ratio       0.02 · 525 MiB received, 12.4 MiB sent
//!  Limits      ↓ none · ↑ 500 KiB/s
//! ```

mod lists;

use ratatui::layout::Rect;

use super::halves::{self, Line, TWO_COLUMNS_FROM};
use super::page::Page;
use super::{frame, more, overview};
use crate::ledger::View;
use crate::metainfo::Geometry;
use crate::text::clean;
use crate::ui::action::Action;
use crate::ui::metadata;
use crate::ui::model::Model;
use crate::ui::paint::{Pen, Spans, wrap_whole};
use crate::ui::theme::{Look, Role};
use crate::ui::widgets::{bar, rule};
use crate::ui::words;
use crate::units::{self, Units};

/// Columns before the text.
const NAMES: usize = 13;
/// Columns of text that can be read at a glance.
const MOST_TEXT: usize = 100;
/// Rows of a text at most.
const MOST_LINES: usize = 4;
/// Columns of the bar of what is here at most.
const BAR: usize = 24;
/// Rows that a list of the page has in any case.
const LEAST_LISTED: usize = 24;

/// What was sent in this run to what was received; where nothing was received, to what is here. `None` where there is
/// neither.
pub(super) fn ratio(view: &View) -> Option<f64> {
    let received = if view.down_bytes > 0 { view.down_bytes } else { view.have_bytes };
    (received > 0).then(|| view.up_bytes as f64 / received as f64)
}

/// A limit in words: `none`, `500 KiB/s`.
fn limit(bps: Option<u64>, look: &Look) -> String {
    bps.map_or_else(|| "none".to_owned(), |bps| units::rate(bps, look.units))
}

/// The limits in force, where there is one: `limit ↓ 500 KiB/s`.
pub(super) fn limits_in_force(view: &View, look: &Look) -> Option<String> {
    let (down, up) = view.limits;
    let named = [("↓", down), ("↑", up)].into_iter().filter(|(_, bps)| bps.is_some());
    let named: Vec<String> = named.map(|(way, bps)| format!("{way} {}", limit(bps, look))).collect();
    (!named.is_empty()).then(|| format!("limit {}", named.join(" ")))
}

/// Names and what they mean, under a title.
struct Section {
    lines: Vec<Spans>,
    columns: usize,
}

impl Section {
    fn new(columns: u16, title: &str, right: &str) -> Self {
        let columns = usize::from(columns);
        Self { lines: vec![rule::line(title, right, columns)], columns }
    }

    fn add(&mut self, mut name: &str, text: &str) {
        let room = self.columns.saturating_sub(NAMES).clamp(1, MOST_TEXT);
        for line in wrap_whole(text, room, MOST_LINES) {
            let row = Spans::new().add(Role::Dim, format!("{name:<width$}", width = NAMES - 1));
            self.lines.push(row.add(Role::Text, line));
            name = "";
        }
    }

    /// Draws how much is done behind the text that stands last.
    fn bar(&mut self, done: u64, total: u64) {
        let last = self.lines.pop().unwrap_or_default().add(Role::Text, "  ");
        let free = self.columns.saturating_sub(last.width());
        self.lines.push(last.and(bar::line_spans(free.min(BAR), done, total)));
    }
}

/// The lines of the page below its head: the torrent and its files, beside them where there is room this run of it and from
/// which clients the data came; who names peers; from whom the data came.
pub(super) fn lines(model: &Model, view: &View, columns: u16) -> Vec<Line> {
    let room = columns.saturating_sub(2);
    // However many files and peers there are, the page ends; other screens have all of them.
    let most = usize::from(model.size.1).max(LEAST_LISTED);
    let of_torrent = |columns: u16| {
        let files = lists::files(columns.into(), most, model, view);
        torrent(columns, model, view).into_iter().chain(files)
    };
    let of_run = |columns: u16| {
        let clients = lists::clients(columns.into(), most, model, view);
        run(columns, model, view).into_iter().chain(clients)
    };
    let mut lines: Vec<Line> = if columns >= TWO_COLUMNS_FROM {
        let left = room / 2;
        let right = of_run(halves::right_of(left, room)).collect();
        halves::beside(left, of_torrent(left).collect(), right).collect()
    } else {
        of_torrent(room).chain(of_run(room)).map(Line::Whole).collect()
    };
    let below = [lists::sources(room.into(), model, view), lists::peers(room.into(), most, model, view)];
    lines.extend(below.into_iter().flatten().map(Line::Whole));
    lines
}

fn torrent(columns: u16, model: &Model, view: &View) -> Vec<Spans> {
    let mut lines = Section::new(columns, "Torrent", &model.hint(Action::Units, "other units"));
    let (facts, about, in_units) = (&view.torrent, &model.about, model.look.units);
    lines.add("Name", &facts.title());
    match facts.geometry() {
        Some(geometry) => made_of(&mut lines, geometry, facts.files().len(), in_units),
        None => ["Size", "Pieces"].iter().for_each(|name| lines.add(name, metadata::TELL_LATER)),
    }
    lines.add("Folder", &clean(&facts.output.to_string_lossy(), 300));
    lines.add("Info hash", &facts.info_hash.to_string());
    let known = model.replay.is_none();
    if known {
        let version = if about.hybrid { "1, with parts of version 2, which are not used" } else { "1" };
        lines.add("Version", version);
    }
    let private = match &facts.metadata {
        None => metadata::TELL_LATER,
        Some(metadata) if metadata.private => "yes: only its trackers may name peers",
        Some(_) => "no",
    };
    lines.add("Private", private);
    if let Some(comment) = &about.comment {
        lines.add("Comment", comment);
    }
    let when = about.created_s.and_then(units::date_time);
    match (&about.created_by, when) {
        (Some(by), Some(when)) => lines.add("Created", &format!("by {by}, {when}")),
        (Some(by), None) => lines.add("Created", &format!("by {by}")),
        (None, Some(when)) => lines.add("Created", &when),
        (None, None) => {}
    }
    lines.lines
}

/// What the metadata say of its size.
fn made_of(lines: &mut Section, geometry: Geometry, files: usize, in_units: Units) {
    let files = match files {
        1 => "1 file".to_owned(),
        files => format!("{} files", units::count(files as u64)),
    };
    let total = geometry.total_bytes();
    let size = format!("{} ({} bytes) · {files}", units::bytes(total, in_units), units::count(total));
    lines.add("Size", &size);
    let a_piece = units::bytes(u64::from(geometry.piece_bytes()), in_units);
    let pieces = units::count(u64::from(geometry.piece_count()));
    lines.add("Pieces", &format!("{pieces} of {a_piece} each"));
}

fn run(columns: u16, model: &Model, view: &View) -> Vec<Spans> {
    let in_units = model.look.units;
    let mut lines = Section::new(columns, "This run", "");
    let since = words::span(view.at);
    let began = model.started.day_time(crate::event::At::ZERO).map(|at| at.as_secs().cast_signed());
    lines.add(
        "Began",
        &match began.and_then(units::date_time) {
            Some(when) => format!("{since} ago, {when}"),
            None => format!("{since} ago"),
        },
    );
    let good = units::bytes(view.have_bytes, in_units);
    lines.add("Here", &format!("{good}, {} %", frame::percent(view)));
    if let Some(total) = view.wanted_bytes {
        lines.bar(view.have_bytes, total);
    }
    let ratio = ratio(view).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
    let (received, sent) = (units::bytes(view.down_bytes, in_units), units::bytes(view.up_bytes, in_units));
    lines.add("Ratio", &format!("{ratio} · {received} received, {sent} sent"));
    let (down, up) = view.limits;
    let keys = [Action::LimitDown, Action::LimitUp].map(|action| model.keys.name(action));
    let change =
        if model.replay.is_some() { String::new() } else { format!(" · change with {}", keys.join(" ")) };
    let own = model.torrents.selected().map_or((None, None), |row| row.limits);
    let whose = if own == (None, None) { "" } else { ", its own among them" };
    let limits = format!("↓ {} · ↑ {}{whose}", limit(down, &model.look), limit(up, &model.look));
    lines.add("Limits", &format!("{limits}{change}"));
    let port = match (view.port, view.incoming.handshaken) {
        (None, _) => "none: nobody can call us".to_owned(),
        (Some(port), 0) => format!("{port} · nobody called yet"),
        (Some(port), 1) => format!("{port} · 1 call shook hands"),
        (Some(port), calls) => format!("{port} · {} calls shook hands", units::count(u64::from(calls))),
    };
    lines.add("Port", &port);
    let (live, trying) = (view.groups.live, view.groups.trying);
    let most = match model.about.most_connections {
        0 => String::new(),
        most => format!(" · at most {} connections", units::count(most as u64)),
    };
    lines.add("Connections", &format!("{live} live · {trying} trying{most}"));
    lines.add("Our peer id", &view.torrent.peer_id);
    lines.lines
}

/// Draws the page.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let page = Page::without_rule(area);
    frame::page_head(pen, &page, model, view);
    let lines = lines(model, view, area.width);
    let (off, body) = more::window(pen, page.body, model, (lines.len(), 1), model.scrolls.torrent);
    halves::draw(pen, body, &lines[off..]);
    let used = body.height.min(lines.len() as u16);
    let spare = Rect { y: body.y + used, height: body.height - used, ..body };
    overview::spare(pen, spare, model, view);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ui::about::About;
    use crate::ui::sample;

    fn told(model: &Model, view: &View, columns: u16) -> String {
        let text = |line: &Line| match line {
            Line::Whole(text) => text.text(),
            Line::Halves(_, left, right) => format!("{}  {}", left.text(), right.text()),
        };
        lines(model, view, columns).iter().map(text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn everything_about_the_torrent_stands_on_one_page() {
        let mut view = sample::healthy();
        (view.limits, view.port) = ((None, Some(500 << 10)), Some(6881));
        (view.down_bytes, view.up_bytes) = (100 << 20, 25 << 20);
        let mut model = Model::new(Look::default());
        model.about = Arc::new(About {
            hybrid: true,
            most_connections: 200,
            ..About::new(Some("for\u{1b}[2J all"), Some("mktorrent 1.1"))
        });
        let page = told(&model, &view, 80);
        for part in [
            "debian-12.2.0-amd64-DVD-1.iso",
            "15 104 of 256 KiB each",
            &view.torrent.info_hash.to_string(),
            "with parts of version 2",
            "Private     no",
            "by mktorrent 1.1",
            "0.25 · 100 MiB received, 25.0 MiB sent",
            "↓ none · ↑ 500 KiB/s · change with D U",
            "6881 · ",
            "17 live · 1 trying · at most 200 connections",
            "http://bttracker.debian.org:6969",
            &view.torrent.peer_id,
        ] {
            assert!(page.contains(part), "{part:?} in\n{page}");
        }
        assert!(page.contains("for") && !page.contains('\u{1b}'), "{page}");
        for columns in [40, 80, 120, 200] {
            for line in lines(&model, &view, columns) {
                let (fits, room) = match &line {
                    Line::Whole(text) => (text.width(), columns - 2),
                    Line::Halves(left, one, other) => {
                        assert!(one.width() <= usize::from(*left), "{columns}: {}", one.text());
                        (other.width(), halves::right_of(*left, columns - 2))
                    }
                };
                assert!(fits <= usize::from(room), "{columns}: {line:?}");
            }
        }
    }

    #[test]
    fn the_ratio_is_to_what_was_received_or_else_to_what_is_here() {
        let mut view = sample::healthy();
        (view.down_bytes, view.up_bytes, view.have_bytes) = (0, 50, 100);
        assert_eq!(ratio(&view), Some(0.5));
        view.down_bytes = 25;
        assert_eq!(ratio(&view), Some(2.0));
        (view.down_bytes, view.have_bytes) = (0, 0);
        assert_eq!(ratio(&view), None);
    }

    #[test]
    fn limits_are_told_only_where_there_are_some() {
        let mut view = sample::healthy();
        let look = Look::default();
        view.limits = (None, None);
        assert_eq!(limits_in_force(&view, &look), None);
        view.limits = (Some(500 << 10), None);
        assert_eq!(limits_in_force(&view, &look).as_deref(), Some("limit ↓ 500 KiB/s"));
    }
}
