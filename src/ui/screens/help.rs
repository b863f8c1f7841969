//! Which keys there are, and what the glyphs and words mean: made from the tables, so it cannot be wrong.

use ratatui::layout::Rect;

use crate::ui::action::{Action, Scope};
use crate::ui::columns::PEER_COLUMNS;
use crate::ui::model::{Mode, Model};
use crate::ui::paint::{Pen, Spans, clip, inset, take_top, wrap};
use crate::ui::replay;
use crate::ui::theme::Role;

/// The glyphs, their words and what they mean.
const GLYPHS: [(&str, &str); 8] = [
    ("● sending", "live, and blocks come; ● taking: it has nothing we miss, and downloads from us"),
    ("○ unchoked", "it lets us ask, but nothing comes; ○ idle: nobody wants anything"),
    ("◐ choked", "live, but it serves others first: it makes us wait"),
    ("◌ trying", "being dialled, or its handshake is awaited"),
    ("✗ failed", "no handshake, or it ended by a fault; the word says which"),
    ("· left", "was live and went without a fault"),
    ("– queued", "waits for its turn to be dialled"),
    ("⊘ banned", "banned, dropped or held by you"),
];

/// From so many columns on the lines stand in two halves.
const TWO_HALVES: u16 = 150;
/// Columns for the keys themselves.
const KEYS: usize = 13;

/// A title, and the lines below it: what is explained, and how.
type Section = (&'static str, Vec<(String, &'static str)>);

/// What the help tells, as far as the filter takes it.
fn sections(model: &Model) -> Vec<Section> {
    // The keys of what lies below the help come first.
    let mut below = model.clone();
    below.open.retain(|mode| *mode != Mode::Keys);
    let mut scopes = vec![
        Scope::PeerPage,
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
        Scope::Everywhere,
    ];
    scopes.sort_by_key(|scope| match *scope {
        Scope::Everywhere => 1,
        scope if scope.holds(&below) => 0,
        _ => 2,
    });
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
            (keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "), binding.help)
        })
    };
    let mut sections: Vec<Section> =
        scopes.into_iter().map(|scope| (scope.title(), keys_of(scope).collect())).collect();
    sections.push(("Glyphs", GLYPHS.map(|(glyph, means)| (glyph.to_owned(), means)).to_vec()));
    let columns = PEER_COLUMNS.iter().map(|column| (column.title.trim().to_owned(), column.help));
    sections.push(("Columns", columns.collect()));
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
    let room = usize::from(columns / halves(columns)).saturating_sub(KEYS + 4).clamp(8, 90);
    let mut lines = Vec::new();
    for (title, entries) in sections(model) {
        lines.push(Spans::new());
        lines.push(Spans::new().add(Role::Dim, title));
        for (name, text) in entries {
            for (at, line) in wrap(text, room).into_iter().enumerate() {
                let name = if at == 0 { name.as_str() } else { "" };
                lines.push(Spans::new().add(Role::Strong, format!("  {name:<KEYS$}")).add(Role::Text, line));
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
            let (up, down) = (model.keys.name(Action::Up), model.keys.name(Action::Down));
            format!("{up} {down} scroll · {}", model.hint(Action::Back, "back"))
        }
        false => model.hint(Action::Back, "shows all"),
    };
    let rule = inset(take_top(&mut body, 1), 1, 1);
    pen.rule(rule, "Keys", &clip(&note, usize::from(rule.width / 2)), &esc);
    let lines = lines(area.width, model);
    let halves = halves(area.width);
    let a_page = usize::from(body.height) * usize::from(halves);
    let off = model.scrolls.keys.min(lines.len().saturating_sub(a_page));
    let width = body.width / halves;
    for (line, at) in lines.iter().skip(off).take(a_page).zip(0..) {
        let (x, y) = (body.x + at / body.height * width, body.y + at % body.height);
        pen.spans(x + 1, y, width.saturating_sub(2), line);
    }
}
