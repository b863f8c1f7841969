//! Which keys there are, and what the glyphs and words mean: made from the tables, so it cannot be wrong.

use ratatui::layout::Rect;

use super::more;
use crate::ui::action::{Action, Scope};
use crate::ui::columns::PEER_COLUMNS;
use crate::ui::glossary;
use crate::ui::model::{Mode, Model};
use crate::ui::paint::{Pen, Spans, clip, inset, take_top, width, wrap};
use crate::ui::replay;
use crate::ui::theme::Role;

/// From so many columns on the lines stand in two halves.
const TWO_HALVES: u16 = 150;
/// Columns for the keys and words themselves, at least and at most.
const NAMES: (usize, usize) = (13, 16);

/// A title, and the lines below it: what is explained, and how.
type Section = (&'static str, Vec<(String, String)>);

/// What the help tells, as far as the filter takes it.
fn sections(model: &Model) -> Vec<Section> {
    // The keys of what lies below the help come first.
    let mut below = model.clone();
    below.open.retain(|mode| *mode != Mode::Keys);
    let mut scopes = vec![
        Scope::PeerPage,
        Scope::TrackerPage,
        Scope::Overview,
        Scope::Peers,
        Scope::Pieces,
        Scope::Trackers,
        Scope::Files,
        Scope::Log,
        Scope::PeerList,
        Scope::Peer,
        Scope::KeysPage,
        Scope::ColumnsPage,
        Scope::OrderMenu,
        Scope::Everywhere,
    ];
    scopes.sort_by_key(|scope| *scope != Scope::Everywhere && !scope.holds(&below));
    if model.replay.is_some() {
        scopes.insert(0, Scope::Replay);
    }
    // Nothing of a recording can be changed.
    let works = |action| model.replay.is_none() || !replay::is_for_the_engine(action);
    let keys_of = |scope: Scope| {
        let of_scope = model
            .keys
            .lines()
            .filter(move |(line, keys)| line.scope == scope && !keys.is_empty() && works(line.action));
        of_scope.map(|(binding, keys)| {
            (keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "), binding.help.to_owned())
        })
    };
    // First what is of use here: the keys, then the words; then what holds everywhere, and the other screens.
    let is_here =
        |scope: &Scope| *scope == Scope::Replay || (*scope != Scope::Everywhere && scope.holds(&below));
    let (here, elsewhere): (Vec<Scope>, Vec<Scope>) = scopes.into_iter().partition(is_here);
    let titled = |scope: Scope| (scope.title(), keys_of(scope).collect());
    let (words, other_words): (Vec<_>, Vec<_>) =
        glossary::sections().into_iter().partition(|(place, ..)| place.is_at(&below));
    let explained = |(_, title, entries)| (title, entries);
    let mut sections: Vec<Section> = here.into_iter().map(titled).collect();
    sections.extend(words.into_iter().map(explained));
    sections.extend(elsewhere.into_iter().map(titled));
    sections.extend(other_words.into_iter().map(explained));
    let columns = PEER_COLUMNS.iter().map(|column| (column.title.trim().to_owned(), column.help.to_owned()));
    sections.push(("Columns of the lists of peers", columns.collect()));
    for (_, entries) in &mut sections {
        entries.retain(|(name, text)| model.filters.keys.takes(&format!("{name} {text}")));
    }
    sections.retain(|(_, entries)| !entries.is_empty());
    sections
}

/// How many things are explained.
pub(super) fn count(model: &Model) -> usize {
    sections(model).iter().map(|(_, entries)| entries.len()).sum()
}

/// In how many columns the lines stand beside each other.
pub(super) fn halves(columns: u16) -> u16 {
    if columns >= TWO_HALVES { 2 } else { 1 }
}

/// The lines of the help.
pub(super) fn lines(columns: u16, model: &Model) -> Vec<Spans> {
    let mut lines = Vec::new();
    for (title, entries) in sections(model) {
        lines.push(Spans::new());
        lines.push(Spans::new().add(Role::Dim, title));
        let longest = entries.iter().map(|(name, _)| width(name) + 1).max().unwrap_or(0);
        let names = longest.clamp(NAMES.0, NAMES.1);
        let room = usize::from(columns / halves(columns)).saturating_sub(names + 4).clamp(8, 90);
        for (name, text) in entries {
            for (at, line) in wrap(&text, room).into_iter().enumerate() {
                let name = if at == 0 { name.as_str() } else { "" };
                let gap = " ".repeat(names.saturating_sub(width(name)));
                lines.push(Spans::new().add(Role::Strong, format!("  {name}{gap}")).add(Role::Text, line));
            }
        }
    }
    if lines.is_empty() {
        lines.push(Spans::new());
        let way_on = model.hint(Action::Back, "shows all.");
        lines.push(Spans::new().add(Role::Dim, format!("No line has all these words. {way_on}")));
    }
    lines
}

/// Draws the help.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut body = area;
    let filter = model.filters.keys.text();
    let note = if filter.is_empty() { String::new() } else { format!("{} with {filter}", count(model)) };
    let esc = match filter.is_empty() {
        true => {
            format!("{} · {}", model.hint(Action::Filter, "finds a word"), model.hint(Action::Back, "back"))
        }
        false => model.hint(Action::Back, "shows all"),
    };
    let rule = inset(take_top(&mut body, 1), 1, 1);
    pen.rule(rule, "Keys and words", &clip(&note, usize::from(rule.width / 2)), &esc);
    let lines = lines(area.width, model);
    let halves = halves(area.width);
    let (off, body) = more::window(pen, body, model, (lines.len(), usize::from(halves)), model.scrolls.keys);
    if body.is_empty() {
        return;
    }
    let a_page = usize::from(body.height) * usize::from(halves);
    let width = body.width / halves;
    for (line, at) in lines.iter().skip(off).take(a_page).zip(0..) {
        let (x, y) = (body.x + at / body.height * width, body.y + at % body.height);
        pen.spans(x + 1, y, width.saturating_sub(2), line);
    }
}
