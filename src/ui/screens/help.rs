//! A card to begin with, which keys there are, and what the glyphs and words mean: made from the tables, so it cannot
//! be wrong.
//!
//! ```text
//!  Help  [card]  keys  words ───────────────────────── Tab keys · / finds · Esc back ──
//! ```
//!
//! A click on a tab shows it, and one on what a key does on the page behind does that, unless it changes the run.

use ratatui::layout::Rect;

use super::more;
use crate::ui::action::{Action, Binding, Scope};
use crate::ui::columns::PEER_COLUMNS;
use crate::ui::glossary;
use crate::ui::model::{Help, Mode, Model, Screen};
use crate::ui::mouse::Target;
use crate::ui::paint::{Pen, Spans, clip, inset, take_top, width, wrap};
use crate::ui::piece_map::Layer;
use crate::ui::replay;
use crate::ui::theme::Role;
use crate::ui::widgets::mosaic::{self, Letters};
use crate::ui::widgets::rule;
use crate::ui::words::Standing;

/// From so many columns on the lines stand in two halves.
const TWO_HALVES: u16 = 150;
/// Columns for the keys and words themselves, at least and at most.
const NAMES: (usize, usize) = (13, 16);

/// Something that is explained.
struct Entry {
    /// What: keys, a glyph, a word.
    name: String,
    /// How it is explained.
    text: String,
    /// What a click on it does.
    click: Option<Action>,
}

/// A title, and what is explained below it.
type Section = (&'static str, Vec<Entry>);

/// A line of the help, and what a click on it does.
pub(super) type Line = (Spans, Option<Action>);

/// Keys that the card names of the page it was asked on.
const USED_MOST: usize = 10;
/// Columns that the card has at least where something stands beside it.
const CARD_COLUMNS: u16 = 58;
/// Columns of the names on the card.
const CARD_NAMES: usize = 13;

/// The page that the help was asked on.
fn below(model: &Model) -> Model {
    let mut below = model.clone();
    below.open.retain(|mode| *mode != Mode::Keys);
    below
}

/// What a click on a key's line does: what the key does on the page behind, unless that changes the run, which takes the
/// key itself.
fn click(binding: &Binding, below: &Model) -> Option<Action> {
    let harmless = !binding.action.is_for_the_engine()
        && !matches!(binding.action, Action::Quit | Action::QuitNow | Action::Suspend | Action::Mouse);
    (harmless && binding.scope.holds(below)).then_some(binding.action)
}

/// What the help tells on the tab that is shown, or on both where it is filtered.
fn sections(model: &Model) -> Vec<Section> {
    let below = below(model);
    let mut told = Vec::new();
    let filtered = !model.filters.keys.is_empty();
    let (mut keys, mut words) = (key_sections(model, &below), word_sections(&below));
    // What is of use on the page below comes first.
    if filtered || model.help == Help::Keys {
        told.append(&mut keys);
    }
    if filtered || model.help == Help::Words {
        told.append(&mut words);
    }
    for (_, entries) in &mut told {
        entries.retain(|entry| takes(model, entry));
    }
    told.retain(|(_, entries)| !entries.is_empty());
    told
}

/// Whether the filter of the help takes it.
fn takes(model: &Model, entry: &Entry) -> bool {
    model.filters.keys.takes(&format!("{} {}", entry.name, entry.text))
}

/// The words, those of the page below first.
fn word_sections(below: &Model) -> Vec<Section> {
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        glossary::sections().into_iter().partition(|(place, ..)| place.is_at(below));
    let word = |(name, text)| Entry { name, text, click: None };
    let explained = |(_, title, entries): (_, _, Vec<_>)| (title, entries.into_iter().map(word).collect());
    let mut sections: Vec<Section> = here.into_iter().chain(elsewhere).map(explained).collect();
    let columns =
        PEER_COLUMNS.iter().map(|column| word((column.title.trim().to_owned(), column.help.to_owned())));
    sections.push(("Columns of the lists of peers", columns.collect()));
    sections
}

/// The keys, those of the page below first, then those that hold everywhere.
fn key_sections(model: &Model, below: &Model) -> Vec<Section> {
    let mut scopes = vec![
        Scope::PeerPage,
        Scope::TrackerPage,
        Scope::Torrents,
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
        Scope::DeletePage,
        Scope::OrderMenu,
        Scope::Everywhere,
    ];
    scopes.sort_by_key(|scope| *scope != Scope::Everywhere && !scope.holds(below));
    if model.replay.is_some() {
        scopes.insert(0, Scope::Replay);
    }
    let keys_of = |scope: Scope| {
        let of_scope = model
            .keys
            .lines()
            .filter(move |(line, keys)| line.scope == scope && !keys.is_empty())
            .filter(|(line, _)| replay::works(model, line.action));
        of_scope.map(|(binding, keys)| Entry {
            name: keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "),
            text: binding.help.to_owned(),
            click: click(binding, below),
        })
    };
    let is_here =
        |scope: &Scope| *scope == Scope::Replay || (*scope != Scope::Everywhere && scope.holds(below));
    let (here, elsewhere): (Vec<Scope>, Vec<Scope>) = scopes.into_iter().partition(is_here);
    let titled = |scope: Scope| (scope.title(), keys_of(scope).collect());
    here.into_iter().chain(elsewhere).map(titled).collect()
}

/// How many things are explained, on all tabs.
pub(super) fn count(model: &Model) -> usize {
    let below = below(model);
    let all = key_sections(model, &below).into_iter().chain(word_sections(&below));
    all.map(|(_, entries)| entries.iter().filter(|entry| takes(model, entry)).count()).sum()
}

/// What one needs to begin: the screens, the keys used most on the page below, and the glyphs.
fn card(columns: u16, model: &Model) -> Vec<Line> {
    let below = below(model);
    let room = usize::from(columns).saturating_sub(CARD_NAMES + 4).clamp(8, 90);
    let plain = |spans: Spans| (spans, None);
    let title = |text: &str| plain(rule::line(text, "", usize::from(columns.saturating_sub(2))));
    let mut lines = vec![title("The screens")];
    let bound = || model.keys.lines().filter(|(_, keys)| !keys.is_empty());
    let row = |lines: &mut Vec<Line>, name: &str, binding: &Binding| {
        // What a key does comes before the colon, what that means behind it.
        let brief = binding.help.split([':', ';']).next().unwrap_or_default();
        for (at, line) in wrap(brief, room).into_iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            let gap = " ".repeat(CARD_NAMES.saturating_sub(width(name)).max(1));
            let spans = Spans::new().add(Role::Strong, format!("  {name}{gap}")).add(Role::Text, line);
            lines.push((spans, click(binding, &below)));
        }
    };
    // With one torrent the screen of all says no more than the others.
    let is_shown = |action| match action {
        Action::Show(Screen::Torrents) => model.torrents.are_several(),
        action => matches!(action, Action::Show(_)),
    };
    for (line, keys) in bound().filter(|(line, _)| is_shown(line.action)) {
        let name = line.label.map_or("", |(label, _)| label);
        row(&mut lines, &format!("{} {name}", keys[0].name()), line);
    }
    lines.push(title("Used most on the page behind this one"));
    for (key, binding) in used_most(model, &below) {
        row(&mut lines, &key, binding);
    }
    let glyphs = glyphs(usize::from(columns).saturating_sub(3));
    // The card is one screen: where it is short of a row, the glyphs have no title.
    if lines.len() + glyphs.len() < rows_in(super::body(model)) {
        lines.push(title("Glyphs of peers and pieces"));
    }
    lines.extend(glyphs.into_iter().map(plain));
    lines
}

/// Rows for the lines: all but that of the tabs.
pub(super) fn rows_in(body: Rect) -> usize {
    usize::from(body.height.saturating_sub(1))
}

/// The keys used most on a page: those of its key line, the most useful first, then others of it.
fn used_most(model: &Model, below: &Model) -> Vec<(String, &'static Binding)> {
    let holds = |scope: Scope| scope.holds(below) && (scope != Scope::Replay || model.replay.is_some());
    let mut lines: Vec<_> = model
        .keys
        .lines()
        .filter(|(line, keys)| !keys.is_empty() && holds(line.scope) && replay::works(model, line.action))
        .filter(|(line, _)| !matches!(line.action, Action::Show(_) | Action::Keys))
        .collect();
    lines.sort_by_key(|(line, _)| (line.label.map_or(u8::MAX, |(_, weight)| weight), line.scope));
    lines.truncate(USED_MOST);
    lines.into_iter().map(|(line, keys)| (keys[0].name(), line)).collect()
}

/// The glyphs of peers and of pieces with their words, in rows of so many columns.
fn glyphs(columns: usize) -> Vec<Spans> {
    let peers = [
        Standing::Sending,
        Standing::Unchoked,
        Standing::Choked,
        Standing::Trying,
        Standing::Failed,
        Standing::Queued,
        Standing::Left,
        Standing::Banned,
    ];
    let of_peer =
        |standing: Standing| (vec![(standing.glyph(), standing.roles().0)], standing.word().to_owned());
    let legend = mosaic::legend(Layer::State, &Letters::default(), |_| String::new());
    let of_cell = legend.entries().map(|(glyphs, [_, brief])| (glyphs.to_vec(), brief.to_owned()));
    [peers.into_iter().map(of_peer).collect::<Vec<_>>(), of_cell.collect()]
        .into_iter()
        .flat_map(|entries| flow(entries, columns))
        .collect()
}

/// Glyphs with their words behind each other, in as many rows as they need.
fn flow(entries: Vec<(Vec<(&'static str, Role)>, String)>, columns: usize) -> Vec<Spans> {
    let mut rows = vec![Spans::new()];
    for (glyphs, word) in entries {
        let mut entry = Spans::new();
        for (glyph, role) in glyphs {
            entry.push(role, glyph);
        }
        entry.push(Role::Text, format!(" {word}"));
        let row = rows.last().map_or(0, Spans::width);
        if row > 0 && row + 2 + entry.width() > columns {
            rows.push(Spans::new());
        }
        if let Some(row) = rows.pop() {
            let gap = if row.width() > 0 { " " } else { "  " };
            rows.push(row.add(Role::Text, gap).and(entry));
        }
    }
    rows
}

/// Whether the card is shown.
fn is_card(model: &Model) -> bool {
    model.help == Help::Card && model.filters.keys.is_empty()
}

/// What stands beside the card, where its tab is shown: the keys, then the words, as far as there is room for the columns
/// of each and the card has the rows.
fn beside_the_card(columns: u16, model: &Model) -> &'static [Help] {
    static BESIDE: [Help; 2] = [Help::Keys, Help::Words];
    let rows = rows_in(super::body(model));
    let fits = |others: &usize| {
        let each = columns / (*others as u16 + 1);
        each >= CARD_COLUMNS && card(each, model).len() <= rows
    };
    let others = if is_card(model) { (1..=BESIDE.len()).rev().find(fits).unwrap_or(0) } else { 0 };
    &BESIDE[..others]
}

/// In how many columns the lines stand beside each other.
pub(super) fn halves(columns: u16, model: &Model) -> u16 {
    match beside_the_card(columns, model).len() {
        0 if columns >= TWO_HALVES => 2,
        others => others as u16 + 1,
    }
}

/// The lines of the help.
pub(super) fn lines(columns: u16, model: &Model) -> Vec<Line> {
    let each = columns / halves(columns, model);
    if !is_card(model) {
        return explained(each, model);
    }
    let mut lines = card(each, model);
    let rows = rows_in(super::body(model));
    for (others, tab) in (1..).zip(beside_the_card(columns, model)) {
        lines.resize(rows * others, (Spans::new(), None));
        let mut there = model.clone();
        there.help = *tab;
        let mut beside = explained(each, &there);
        if beside.len() > rows {
            let more = beside.len() + 1 - rows;
            beside.truncate(rows.saturating_sub(1));
            let said = format!("  ↓ {more} more lines with the tab of {}", name(*tab));
            beside.push((Spans::new().add(Role::Dim, said), None));
        }
        lines.append(&mut beside);
    }
    lines
}

/// Everything that a tab explains, `columns` wide.
fn explained(columns: u16, model: &Model) -> Vec<Line> {
    let mut lines = Vec::new();
    for (title, entries) in sections(model) {
        lines.push((rule::line(title, "", usize::from(columns.saturating_sub(2))), None));
        let longest = entries.iter().map(|entry| width(&entry.name) + 1).max().unwrap_or(0);
        let names = longest.clamp(NAMES.0, NAMES.1);
        let room = usize::from(columns).saturating_sub(names + 4).clamp(8, 90);
        for entry in entries {
            for (at, line) in wrap(&entry.text, room).into_iter().enumerate() {
                let name = if at == 0 { entry.name.as_str() } else { "" };
                let gap = " ".repeat(names.saturating_sub(width(name)));
                let spans = Spans::new().add(Role::Strong, format!("  {name}{gap}")).add(Role::Text, line);
                lines.push((spans, entry.click));
            }
        }
    }
    if lines.is_empty() {
        lines.push((Spans::new(), None));
        let way_on = model.hint(Action::Back, "shows all.");
        lines.push((Spans::new().add(Role::Dim, format!("No line has all these words. {way_on}")), None));
    }
    lines
}

/// What a tab is called.
fn name(tab: Help) -> &'static str {
    match tab {
        Help::Card => "card",
        Help::Keys => "keys",
        Help::Words => "words",
    }
}

/// The rule above the tabs' lines, with the names of all tabs in it.
fn tabs(pen: &mut Pen<'_>, rule: Rect, shown: Help, hint: &str) {
    let named = Help::TABS.map(|tab| match tab == shown {
        true => format!("[{}]", name(tab)),
        false => name(tab).to_owned(),
    });
    pen.rule(rule, &format!("Help  {}", named.join("  ")), "", hint);
    let mut x = rule.x + width("Help  ") as u16;
    for (tab, text) in Help::TABS.into_iter().zip(named) {
        let columns = width(&text) as u16;
        let place = Rect { x, width: columns, height: 1, ..rule }.intersection(rule);
        if tab != shown {
            pen.put(place.x, place.y, place.width, &text, Role::Dim);
        }
        pen.targets.add(place, Target::Help(tab));
        x += columns + 2;
    }
}

/// Draws the help.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut body = area;
    let filter = model.filters.keys.text();
    let note = if filter.is_empty() { String::new() } else { format!("{} with {filter}", count(model)) };
    let esc = match filter.is_empty() {
        true => {
            let turns = model.hint(Action::NextTab, name(model.help.turned(1)));
            format!(
                "{turns} · {} · {}",
                model.hint(Action::Filter, "finds"),
                model.hint(Action::Back, "back")
            )
        }
        false => model.hint(Action::Back, "shows all"),
    };
    let rule = inset(take_top(&mut body, 1), 1, 1);
    match filter.is_empty() {
        true => tabs(pen, rule, model.help, &esc),
        false => pen.rule(rule, "Keys and words", &clip(&note, usize::from(rule.width / 2)), &esc),
    }
    let lines = lines(area.width, model);
    let halves = halves(area.width, model);
    let (off, body) = more::window(pen, body, model, (lines.len(), usize::from(halves)), model.scrolls.keys);
    if body.is_empty() {
        return;
    }
    let a_page = usize::from(body.height) * usize::from(halves);
    let width = body.width / halves;
    for ((line, click), at) in lines.iter().skip(off).take(a_page).zip(0..) {
        let (x, y) = (body.x + at / body.height * width, body.y + at % body.height);
        pen.spans(x + 1, y, width.saturating_sub(2), line);
        if let Some(action) = click {
            pen.targets.add(Rect { x, y, width, height: 1 }, Target::Explained(*action));
        }
    }
}
