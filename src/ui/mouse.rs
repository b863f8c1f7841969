//! What the mouse does: where things stand that can be clicked, and what a click on them means.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use crate::command::Command;
use crate::event::PeerKey;
use crate::ledger::View;

use super::action::{Action, Scope};
use super::columns;
use super::model::{Model, Panel, Shown};
use super::update::{narrow, update};

/// Rows that a step of the wheel moves by.
const WHEEL_ROWS: usize = 3;

/// Something that can be clicked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// Does what a key does.
    Do(Action),
    /// A peer's row.
    Peer(PeerKey),
    /// The head of a column.
    Head(&'static str),
    /// A tab of the list of peers.
    Tab(Shown),
}

/// Where the things of a frame stand that can be clicked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Targets(Vec<(Rect, Target)>);

impl Targets {
    pub(crate) fn add(&mut self, area: Rect, target: Target) {
        if !area.is_empty() {
            self.0.push((area, target));
        }
    }

    /// What stands at a place; of several what was drawn last.
    pub(crate) fn at(&self, column: u16, row: u16) -> Option<Target> {
        let hit = self.0.iter().rev().find(|(area, _)| area.contains((column, row).into()));
        hit.map(|(_, target)| *target)
    }
}

/// Carries out what the mouse did on a frame with these targets. While something is typed it does nothing.
pub(super) fn moved(model: &mut Model, event: &MouseEvent, on: &Targets, view: &View) -> Option<Command> {
    if model.prompt.is_some() {
        return None;
    }
    match event.kind {
        MouseEventKind::ScrollUp => (0..WHEEL_ROWS).find_map(|_| update(model, Action::Up, view)),
        MouseEventKind::ScrollDown => (0..WHEEL_ROWS).find_map(|_| update(model, Action::Down, view)),
        MouseEventKind::Down(MouseButton::Left) => click(model, on.at(event.column, event.row)?, view),
        _ => None,
    }
}

/// Leaves the mouse to the terminal, or takes it.
pub(super) fn hand_over(model: &mut Model) {
    model.mouse = !model.mouse;
    let key = model.keys.name(Action::Mouse);
    let whose = if model.mouse {
        format!("The mouse is taken, for clicks and the wheel. {key} leaves it to the terminal.")
    } else {
        format!("The mouse is left to the terminal: it selects text. {key} takes it.")
    };
    model.say(whose, false);
}

fn click(model: &mut Model, target: Target, view: &View) -> Option<Command> {
    match target {
        Target::Do(action) => return update(model, action, view),
        Target::Peer(key) => {
            model.panel = Panel::Peers;
            model.selected = Some(key);
            model.order.moved(model.clock);
        }
        Target::Head(id) if Scope::PeerList.holds(model) => {
            if let Some(column) = columns::column(id) {
                model.order.by(column.id);
                model.take_in(view);
            }
        }
        Target::Head(_) => {}
        Target::Tab(shown) => narrow(model, view, shown),
    }
    None
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::crossterm::event::KeyModifiers;

    use super::*;
    use crate::ledger::Group;
    use crate::ui::model::Screen;
    use crate::ui::{Look, draw, sample};

    /// A screen, its text by rows, and where things stand on it.
    fn drawn(model: &Model, view: &View) -> (Vec<String>, Targets) {
        let area = Rect::new(0, 0, model.size.0, model.size.1);
        let mut buf = Buffer::empty(area);
        let targets = draw(&mut buf, area, model, view);
        let row = |y| (0..area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        ((0..area.height).map(row).collect(), targets)
    }

    fn at_start(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.size = (120, 40);
        model.take_in(view);
        model
    }

    /// Clicks on the first place where this stands.
    fn click_on(model: &mut Model, text: &str, view: &View) -> Option<Command> {
        let (rows, targets) = drawn(model, view);
        let place = rows
            .iter()
            .enumerate()
            .find_map(|(y, row)| Some((row.split_once(text)?.0.chars().count() as u16, y as u16)));
        let (column, row) = place.unwrap_or_else(|| panic!("no {text}\n{}", rows.join("\n")));
        act(model, MouseEventKind::Down(MouseButton::Left), (column, row), &targets, view)
    }

    fn act(
        model: &mut Model,
        kind: MouseEventKind,
        (column, row): (u16, u16),
        targets: &Targets,
        view: &View,
    ) -> Option<Command> {
        moved(model, &MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }, targets, view)
    }

    #[test]
    fn a_click_selects_the_peer_of_the_row() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        let second = model.rows(&view).nth(1).unwrap();
        let addr = crate::ui::model::peer(&view, second).unwrap().addr.to_string();
        assert_eq!(click_on(&mut model, &addr, &view), None);
        assert_eq!(model.selected, Some(second));
    }

    #[test]
    fn a_click_on_the_head_of_a_column_sorts_by_it_and_again_turns_it_around() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        click_on(&mut model, "CLIENT", &view);
        assert_eq!((model.order.column, model.order.reversed), (Some("client"), false));
        click_on(&mut model, "CLIENT", &view);
        assert_eq!((model.order.column, model.order.reversed), (Some("client"), true));
        click_on(&mut model, "STATE", &view);
        assert_eq!((model.order.column, model.order.reversed), (None, false));
    }

    #[test]
    fn a_click_on_the_key_line_does_what_the_key_does() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        model.size = (200, 60);
        click_on(&mut model, "3 pieces", &view);
        assert_eq!(model.screen, Screen::Pieces);
        assert_eq!(click_on(&mut model, "p pause", &view), Some(Command::Pause));
    }

    #[test]
    fn a_click_on_a_tab_shows_its_peers() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        model.screen = Screen::Peers;
        click_on(&mut model, "failed 28", &view);
        assert_eq!(model.shown, Shown::Of(Group::Failed));
    }

    #[test]
    fn the_wheel_moves_by_rows_and_nothing_moves_while_something_is_typed() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        let rows: Vec<PeerKey> = model.rows(&view).collect();
        let (_, targets) = drawn(&model, &view);
        act(&mut model, MouseEventKind::ScrollDown, (5, 30), &targets, &view);
        assert_eq!(model.selected, Some(rows[3]));
        update(&mut model, Action::AddPeer, &view);
        act(&mut model, MouseEventKind::ScrollUp, (5, 30), &targets, &view);
        assert_eq!(model.selected, Some(rows[3]));
    }
}
