//! Which keys there are, and what the glyphs and words mean: made from the tables, so it cannot be wrong.

use ratatui::layout::Rect;

use crate::ui::action::{BINDINGS, Scope};
use crate::ui::columns::PEER_COLUMNS;
use crate::ui::model::{Mode, Model};
use crate::ui::paint::{Pen, Spans, inset, take_top, wrap};
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

/// Columns for the keys themselves.
const KEYS: usize = 13;

/// The lines of the help.
pub(super) fn lines(columns: u16, model: &Model) -> Vec<Spans> {
    let room = usize::from(columns).saturating_sub(KEYS + 4).clamp(8, 90);
    let mut lines = Vec::new();
    let entry = |lines: &mut Vec<Spans>, key: &str, text: &str| {
        for (at, line) in wrap(text, room).into_iter().enumerate() {
            let key = if at == 0 { key } else { "" };
            lines.push(Spans::new().add(Role::Strong, format!("  {key:<KEYS$}")).add(Role::Text, line));
        }
    };
    // The keys of what lies below the help come first.
    let mut below = model.clone();
    below.open.retain(|mode| *mode != Mode::Keys);
    let mut scopes = vec![
        Scope::PeerPage,
        Scope::Overview,
        Scope::Peers,
        Scope::Trackers,
        Scope::Log,
        Scope::PeerList,
        Scope::Peer,
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
    for scope in scopes {
        // Nothing of a recording can be changed.
        let works = |action| model.replay.is_none() || !replay::is_for_the_engine(action);
        let bindings = BINDINGS.iter().filter(|binding| binding.scope == scope && works(binding.action));
        let bindings: Vec<_> = bindings.collect();
        if bindings.is_empty() {
            continue;
        }
        lines.push(Spans::new());
        lines.push(Spans::new().add(Role::Dim, scope.title()));
        for binding in bindings {
            let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
            entry(&mut lines, &keys.join(" "), binding.help);
        }
    }
    lines.push(Spans::new());
    lines.push(Spans::new().add(Role::Dim, "Glyphs"));
    for (glyph, means) in GLYPHS {
        entry(&mut lines, glyph, means);
    }
    lines.push(Spans::new());
    lines.push(Spans::new().add(Role::Dim, "Columns"));
    for column in PEER_COLUMNS {
        entry(&mut lines, column.title.trim(), column.help);
    }
    lines
}

/// Draws the help.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let mut body = area;
    pen.rule(inset(take_top(&mut body, 1), 1, 1), "Keys", "", "↑ ↓ scroll · Esc back");
    let lines = lines(area.width, model);
    let off = model.scrolls.keys.min(lines.len().saturating_sub(usize::from(body.height)));
    for line in lines.iter().skip(off) {
        let row = take_top(&mut body, 1);
        if row.is_empty() {
            return;
        }
        pen.spans(row.x + 1, row.y, row.width.saturating_sub(2), line);
    }
}
