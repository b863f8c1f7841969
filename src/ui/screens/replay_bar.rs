//! The bar of a replay, in place of the key line.
//!
//! ```text
//!  0:09 ━━━━━━━━━━━╸─────✗─✗✗──────▲─── 28:51  space stop  , . step  < > speed  ? keys  q close
//! ```

use ratatui::layout::Rect;

use crate::event::At;
use crate::record::MarkKind;
use crate::ui::action::{Action, Scope};
use crate::ui::model::{Model, Screen};
use crate::ui::paint::{self, Pen, Spans, clip};
use crate::ui::replay::{Standing, time};
use crate::ui::theme::Role;

/// Columns the bar has before a second key is named beside it.
const LEAST_BAR: u16 = 14;
/// Columns it has before any is.
const LEAST: u16 = 10;
/// What the keys of the screens are called together.
const SCREENS: &str = "screens";

/// How the replay stands, as a glyph and as many words as so many columns take; nothing where they take none.
pub(super) fn state(replay: &Standing, columns: u16) -> Spans {
    let playback = &replay.playback;
    let (glyph, role, stands) = match () {
        () if playback.playing => ("▸", Role::Progress, ""),
        () if replay.is_over() => ("‖", Role::Barred, ", its end"),
        () => ("‖", Role::Barred, ", stopped"),
    };
    let speed = playback.speed;
    let named = |most| format!(" replay of {}, {speed}×{stands}", clip(&replay.name, most));
    let wordings = [
        named(40),
        named(20),
        format!(" replay {speed}×{stands}"),
        format!(" replay {speed}×"),
        format!(" {speed}×"),
    ];
    let fits = wordings.into_iter().find(|words| paint::width(words) < usize::from(columns));
    fits.map_or_else(Spans::new, |words| Spans::new().add(role, glyph).add(Role::Text, words))
}

/// Draws the bar and the keys into the area's first row.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, replay: &Standing, model: &Model) {
    let (from, to) = (time(replay.playback.position), time(replay.playback.end));
    let times = (from.len() + to.len() + 2) as u16;
    let mut keys = keys(replay, model);
    let columns = |keys: &[Keys]| keys.iter().map(Keys::columns).sum::<u16>();
    while keys.len() > 1 && columns(&keys) + times + LEAST_BAR > area.width {
        let heaviest = keys.iter().enumerate().max_by_key(|(at, item)| (item.weight, *at));
        let heaviest = heaviest.map_or(0, |(at, _)| at);
        keys.remove(heaviest);
    }
    if columns(&keys) + times + LEAST > area.width {
        keys.clear();
    }
    let bar = area.width.saturating_sub(times + columns(&keys));
    let mut x = area.x + pen.put(area.x, area.y, area.width, &from, Role::Strong) + 1;
    marks(pen, Rect { x, width: bar, ..area }, replay);
    x += bar + 1;
    x += pen.put(x, area.y, area.right().saturating_sub(x), &to, Role::Text);
    for item in &keys {
        x += 2;
        x += pen.put(x, area.y, area.right().saturating_sub(x), &item.keys, Role::Text) + 1;
        x += pen.put(x, area.y, area.right().saturating_sub(x), item.label, Role::Dim);
    }
}

/// The line of time, with the marks on it. Where it is always shows.
fn marks(pen: &mut Pen<'_>, area: Rect, replay: &Standing) {
    let playback = &replay.playback;
    let last = u128::from(area.width.saturating_sub(1));
    let whole = playback.end.saturating_sub(playback.begin).as_millis().max(1);
    let column = |at: At| {
        let gone = at.saturating_sub(playback.begin).as_millis();
        (gone * last / whole).min(last) as u16
    };
    let here = column(playback.position);
    for at in 0..area.width {
        let (glyph, role) = if at < here { ("━", Role::Progress) } else { ("─", Role::Dim) };
        pen.put(area.x + at, area.y, 1, glyph, role);
    }
    // There are fewer verdicts than failures: they go on top.
    for kind_is_failure in [true, false] {
        for mark in playback.marks.iter().filter(|mark| (mark.kind == MarkKind::Failure) == kind_is_failure) {
            let glyph = if kind_is_failure { "✗" } else { "▲" };
            pen.put(area.x + column(mark.at), area.y, area.width.min(1), glyph, Role::Trouble);
        }
    }
    pen.put(area.x + here, area.y, area.width.min(1), "╸", Role::Progress);
}

/// Keys that share a word.
struct Keys {
    keys: String,
    label: &'static str,
    weight: u8,
    is_of_replay: bool,
}

impl Keys {
    fn columns(&self) -> u16 {
        (2 + paint::width(&self.keys) + 1 + paint::width(self.label)) as u16
    }
}

fn keys(replay: &Standing, model: &Model) -> Vec<Keys> {
    let mut items: Vec<Keys> = Vec::new();
    for (binding, bound) in model.keys.lines().filter(|(_, bound)| !bound.is_empty()) {
        let weight_of = |weight| match binding.action {
            _ if binding.scope == Scope::Replay => Some(weight),
            Action::Show(Screen::Overview) if model.open.is_empty() => Some(1),
            Action::Keys => Some(1),
            Action::Quit => Some(0),
            _ => None,
        };
        let Some((label, weight)) =
            binding.label.and_then(|(label, weight)| Some((label, weight_of(weight)?)))
        else {
            continue;
        };
        let label = match label {
            "stop" if !replay.playback.playing => "play",
            "quit" if model.open.is_empty() => "close",
            "quit" => "back",
            _ if matches!(binding.action, Action::Show(_)) => SCREENS,
            label => label,
        };
        let key = match binding.action {
            Action::Show(_) => model.keys.screens(),
            _ => bound[0].name(),
        };
        match items.iter_mut().find(|item| item.label == label) {
            Some(item) => item.keys = format!("{} {key}", item.keys),
            None => {
                let is_of_replay = binding.scope == Scope::Replay;
                items.push(Keys { keys: key, label, weight, is_of_replay });
            }
        }
    }
    // What a recording can do comes first, then what every screen can.
    if let Some(at) = items.iter().position(|item| item.label == SCREENS) {
        let screens = items.remove(at);
        let behind = items.iter().rposition(|item| item.is_of_replay).map_or(0, |last| last + 1);
        items.insert(behind, screens);
    }
    items
}
