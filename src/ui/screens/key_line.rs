//! The key line: what the keys do where the user is, the most useful ones where not all have room.
//!
//! ```text
//!  1-6 screens  p pause  Enter open  x drop        w why  / filter  ? keys  q quit
//! ```

use ratatui::layout::Rect;

use crate::event::Phase;
use crate::ledger::View;
use crate::record::Control;
use crate::ui::action::{Action, Binding, Scope};
use crate::ui::model::{Mode, Model, Panel, Screen};
use crate::ui::mouse::Target;
use crate::ui::paint::{self, Pen};
use crate::ui::replay;
use crate::ui::theme::Role;

/// Keys from this weight on give way to the names of the screens.
const LESS_THAN_NAMES: u8 = 5;
/// The weight of what is least needed.
const LEAST: u8 = 9;
/// How a key and what it does look.
const QUIET: (Role, Role) = (Role::Text, Role::Dim);

/// One thing that keys do: usually one key, more where they go both ways (`+ - zoom`).
struct Item {
    keys: Vec<(String, Action)>,
    label: &'static str,
    weight: u8,
    gap: u16,
}

impl Item {
    fn columns(&self) -> u16 {
        let label = if self.label.is_empty() { 0 } else { 1 + paint::width(self.label) };
        let keys: usize = self.keys.iter().map(|(key, _)| paint::width(key) + 1).sum();
        (keys.saturating_sub(1) + label) as u16 + self.gap
    }

    fn draw(&self, pen: &mut Pen<'_>, x: u16, y: u16, most: u16, (key_role, label_role): (Role, Role)) {
        let end = x + (self.columns() - self.gap).min(most);
        let mut at = x;
        for (key, action) in &self.keys {
            // The last of them takes the word with it.
            pen.targets.add(Rect { x: at, y, width: end.saturating_sub(at), height: 1 }, Target::Do(*action));
            at += pen.put(at, y, end.saturating_sub(at), key, key_role) + 1;
        }
        pen.put(at, y, end.saturating_sub(at), self.label, label_role);
    }
}

/// What a key is called here; nothing where it has nothing to do.
fn label(binding: &Binding, model: &Model, view: &View) -> Option<(&'static str, u8)> {
    let (label, weight) = binding.label.filter(|_| replay::works(model, binding.action))?;
    let browsing = model.open.is_empty();
    let in_funnel = model.screen == Screen::Overview && model.panel == Panel::Funnel;
    let many = binding.scope == Scope::Peer && model.marked.is_empty() && model.selected_fold(view).is_some();
    match binding.action {
        // Where there is no torrent there is little to do.
        Action::Add | Action::Keys | Action::Quit if model.torrents.are_none() => Some((label, weight)),
        _ if model.torrents.are_none() => None,
        Action::Open if binding.scope == Scope::PeerList && model.selected.is_none() && !in_funnel => None,
        Action::Replay(Control::PlayStop)
            if model.replay.as_ref().is_some_and(|replay| !replay.playback.playing) =>
        {
            Some(("play", weight))
        }
        // On a page that shows nothing of it, pausing still works but is no news.
        Action::Pause if matches!(view.phase, Phase::Paused | Phase::Stopped) => Some(("go on", weight)),
        Action::Drop | Action::Ban | Action::Hold if many => None,
        Action::Retry if many => Some(("retry all", 1)),
        Action::Zoom if model.zoomed => Some(("shrink", 1)),
        Action::NextPanel if in_funnel => Some(("peers", weight)),
        // What is open is closed by the keys at the left.
        Action::Why if model.mode() == Mode::Why => None,
        Action::Keys if model.mode() == Mode::Keys => None,
        Action::Why if !browsing => Some((label, LEAST)),
        Action::Quit if !browsing || model.replay.is_some() => Some(("close", weight)),
        _ => Some((label, weight)),
    }
}

/// Whether the line names the screen of all torrents: with one there is no need for it.
fn tells_of_all(model: &Model) -> bool {
    model.torrents.are_several() || model.screen == Screen::Torrents
}

/// The items of the line: screens, what is done here, what is done everywhere.
fn items(model: &Model, view: &View) -> [Vec<Item>; 3] {
    let browsing = model.open.is_empty();
    let (mut screens, mut left, mut right) = (Vec::new(), Vec::new(), Vec::new());
    if !browsing {
        let keys = vec![(model.keys.name(Action::Back), Action::Back)];
        left.push(Item { keys, label: "back", weight: 0, gap: 0 });
    }
    // What a recording can do comes before what the page can.
    let (of_replay, others): (Vec<_>, Vec<_>) = model
        .keys
        .lines()
        .filter(|(line, _)| line.scope.holds(model))
        .partition(|(line, _)| line.scope == Scope::Replay);
    for (binding, keys) in of_replay.into_iter().chain(others) {
        let (Some((label, weight)), Some(key)) = (label(binding, model, view), keys.first()) else {
            continue;
        };
        let (side, gap) = match binding.action {
            Action::Show(Screen::Torrents) if !tells_of_all(model) => continue,
            Action::Show(_) if browsing => (&mut screens, 1),
            Action::Show(_) => continue,
            Action::Why | Action::Filter | Action::Keys | Action::Quit => (&mut right, 2),
            _ if browsing || binding.scope != Scope::Everywhere => (&mut left, 2),
            _ => continue,
        };
        let key = (key.name(), binding.action);
        match side.iter_mut().find(|item| item.label == label) {
            Some(item) => item.keys.push(key),
            None => side.push(Item { keys: vec![key], label, weight, gap }),
        }
    }
    [screens, left, right]
}

/// Draws the line into the area's first row.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let [mut screens, mut left, mut right] = items(model, view);
    let room = area.width;
    // The names of the screens are worth more than the least of the keys, but not than the others.
    let needed: u16 = left.iter().filter(|item| item.weight < LESS_THAN_NAMES).map(Item::columns).sum();
    if drawn(&screens, needed, &right) > room && !screens.is_empty() {
        let label = if room >= 59 { "screens" } else { "" };
        let keys = vec![(model.keys.screens(tells_of_all(model)), Action::Show(Screen::Overview))];
        screens = vec![Item { keys, label, weight: 0, gap: 0 }];
    }
    while drawn(&screens, sum(&left), &right) > room {
        match (heaviest(&left), heaviest(&right)) {
            (None, None) => break,
            (on_left, on_right)
                if on_left.map(|(weight, _)| weight) >= on_right.map(|(weight, _)| weight) =>
            {
                left.remove(on_left.map_or(0, |(_, at)| at))
            }
            (_, on_right) => right.remove(on_right.map_or(0, |(_, at)| at)),
        };
    }
    while drawn(&screens, sum(&left), &right) > room && right.len() > 1 {
        right.remove(0);
    }
    let mut x = area.x;
    for item in &screens {
        let now =
            screens.len() > 1 && item.keys.iter().any(|(_, action)| *action == Action::Show(model.screen));
        item.draw(pen, x, area.y, room, if now { (Role::Strong, Role::Strong) } else { QUIET });
        x += item.columns();
    }
    x = x.saturating_sub(screens.last().map_or(0, |item| item.gap)).max(area.x);
    for item in &left {
        x += if x > area.x { 2 } else { 0 };
        item.draw(pen, x, area.y, room, QUIET);
        x += item.columns() - item.gap;
    }
    draw_right(pen, area, &right);
}

/// Draws what keys do everywhere at the right of the area, as much of it as there is room for: beside news that stand in
/// place of the line.
pub(super) fn beside(pen: &mut Pen<'_>, area: Rect, model: &Model, view: &View) {
    let [.., mut right] = items(model, view);
    while sum(&right) > area.width {
        let Some(at) = heaviest(&right).map(|(_, at)| at) else { return };
        right.remove(at);
    }
    draw_right(pen, area, &right);
}

/// Columns of items with their gaps.
fn sum(items: &[Item]) -> u16 {
    items.iter().map(Item::columns).sum()
}

/// Columns of the whole line, where the items that stand left have so many: two blanks stand between its parts too.
fn drawn(screens: &[Item], left: u16, right: &[Item]) -> u16 {
    const GAP: u16 = 2;
    // The gap behind the last item of a part is not drawn; where a page is open, the first item has none.
    let before = screens.last().map_or(0, |last| sum(screens) - last.gap) + left;
    match (before, right.is_empty()) {
        (_, true) => before,
        (0, false) => sum(right) - GAP,
        (_, false) => before + sum(right),
    }
}

/// The weight and the place of the item that is needed least, of those that may go.
fn heaviest(items: &[Item]) -> Option<(u8, usize)> {
    let weights = items.iter().enumerate().map(|(at, item)| (item.weight, at));
    weights.filter(|(weight, _)| *weight > 0).max()
}

fn draw_right(pen: &mut Pen<'_>, area: Rect, items: &[Item]) {
    let mut x = area.right().saturating_sub(sum(items).saturating_sub(2));
    for item in items {
        item.draw(pen, x, area.y, area.right().saturating_sub(x), QUIET);
        x += item.columns();
    }
}
