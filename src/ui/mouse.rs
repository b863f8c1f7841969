//! What the mouse does: where things stand that can be clicked, and what a click on them means. A click selects; a
//! click on what is selected opens it, as `Enter` does.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use crate::command::Command;
use crate::event::PeerKey;
use crate::ledger::View;

use super::action::{Action, Scope};
use super::atlas::Lattice;
use super::columns;
use super::model::{Mode, Model, Panel, Screen, Shown};
use super::order_menu;
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
    /// A step of the funnel, and which of its losses (0: the step itself).
    Step(usize, usize),
    /// Pieces in cells.
    Grid(Lattice),
    /// A tracker, by its place in the list.
    Tracker(usize),
    /// A file or folder, by its row.
    File(usize),
    /// The mark of a folder that is folded or not, by its row.
    Fold(usize),
    /// An event of the log, by how many are shown and not shown below it.
    Event {
        /// Below it in the window.
        under: usize,
        /// Below the window.
        below: usize,
    },
    /// A column, by its line on the page that chooses them.
    Column(usize),
    /// An order of the menu.
    Order(&'static str),
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
    let place = (event.column, event.row);
    match event.kind {
        MouseEventKind::ScrollUp => wheel(model, on.at(place.0, place.1), Action::Up, view),
        MouseEventKind::ScrollDown => wheel(model, on.at(place.0, place.1), Action::Down, view),
        MouseEventKind::Down(MouseButton::Left) => {
            let target = on.at(place.0, place.1)?;
            let held = model.held.clone();
            click(model, target, place, held.as_ref().map_or(view, |held| &held.view), view)
        }
        _ => None,
    }
}

/// Moves in the panel under the pointer.
fn wheel(model: &mut Model, on: Option<Target>, by: Action, view: &View) -> Option<Command> {
    match on {
        Some(Target::Step(..)) => model.panel = Panel::Funnel,
        Some(Target::Peer(_)) => model.panel = Panel::Peers,
        _ => {}
    }
    let few = Scope::Trackers.holds(model)
        || Scope::ColumnsPage.holds(model)
        || (Scope::Overview.holds(model) && model.panel == Panel::Funnel);
    (0..if few { 1 } else { WHEEL_ROWS }).find_map(|_| update(model, by, view))
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

/// Carries out a click on what is `shown` at a place; commands go to what is there in the newest view.
fn click(
    model: &mut Model,
    target: Target,
    (column, row): (u16, u16),
    shown: &View,
    newest: &View,
) -> Option<Command> {
    if let Target::Do(action) = target {
        return update(model, action, newest);
    }
    model.note = None;
    let in_menu = matches!(target, Target::Order(_));
    if model.mode() == Mode::AskQuit || (model.mode() == Mode::Order && !in_menu) {
        model.open.pop();
    }
    let is_again = match target {
        Target::Do(_) => false,
        Target::Peer(key) => {
            let is_chosen = model.order.moved_by_user() && model.panel == Panel::Peers;
            model.panel = Panel::Peers;
            model.order.moved(model.clock);
            model.selected.replace(key) == Some(key) && is_chosen
        }
        Target::Head(id) => {
            if let Some(column) = columns::column(id).filter(|_| Scope::PeerList.holds(model)) {
                model.order.by(column.id);
                model.take_in(newest);
            }
            false
        }
        Target::Tab(tab) => {
            narrow(model, shown, tab);
            false
        }
        Target::Step(step, loss) => {
            let is_chosen = std::mem::replace(&mut model.panel, Panel::Funnel) == Panel::Funnel;
            std::mem::replace(&mut model.step, (step, loss)) == (step, loss) && is_chosen
        }
        Target::Grid(lattice) => {
            let piece = lattice.piece_at(column, row)?;
            let is_here = model.screen == Screen::Pieces;
            let same_cell = lattice.cell_of(model.piece as usize).contains(&(piece as usize));
            if !(is_here && same_cell) {
                model.piece = piece;
                model.screen = Screen::Pieces;
            }
            is_here && same_cell
        }
        Target::Tracker(at) => std::mem::replace(&mut model.scrolls.trackers, at) == at,
        Target::File(row) | Target::Fold(row) => {
            let before = model.files.selected();
            model.files.select(row);
            matches!(target, Target::Fold(_)) || before == row
        }
        Target::Event { under, below } => {
            (model.scrolls.log_back, model.scrolls.log_under) = (under + below, under);
            false
        }
        Target::Order(id) => {
            order_menu::pick(model, id, newest);
            false
        }
        Target::Column(line) => {
            let is_again = std::mem::replace(&mut model.chooser.at, line) == line;
            return is_again.then(|| update(model, Action::Choose, newest)).flatten();
        }
    };
    is_again.then(|| update(model, Action::Open, newest)).flatten()
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::crossterm::event::KeyModifiers;

    use super::*;
    use crate::ledger::Group;
    use crate::ui::funnel::Funnel;
    use crate::ui::model::Help;
    use crate::ui::screens;
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

    /// The place of the first cell of a text.
    fn place(model: &Model, text: &str, view: &View) -> (u16, u16) {
        let (rows, _) = drawn(model, view);
        let found = rows
            .iter()
            .enumerate()
            .find_map(|(y, row)| Some((crate::ui::paint::width(row.split_once(text)?.0) as u16, y as u16)));
        found.unwrap_or_else(|| panic!("no {text}\n{}", rows.join("\n")))
    }

    #[test]
    fn a_click_picks_a_step_of_the_funnel_or_a_loss_and_another_lists_its_peers() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        click_on(&mut model, "handshaken", &view);
        assert_eq!((model.panel, model.step), (Panel::Funnel, (3, 0)));
        click_on(&mut model, "17 no answer", &view);
        assert_eq!((model.screen, model.step), (Screen::Overview, (2, 1)));
        click_on(&mut model, "17 no answer", &view);
        assert_eq!(
            (model.screen, model.shown),
            (Screen::Peers, Shown::Lost(Funnel::Fetching, 2, "no answer"))
        );
        assert_eq!(model.rows(&view).count(), 17);
    }

    #[test]
    fn a_click_on_the_selected_peer_opens_its_page_but_none_that_nobody_chose() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        let addr = crate::ui::model::peer(&view, model.selected.unwrap()).unwrap().addr.to_string();
        click_on(&mut model, &addr, &view);
        assert_eq!(model.mode(), Mode::Browse);
        click_on(&mut model, &addr, &view);
        assert_eq!(model.mode(), Mode::Peer { bytes: false });
    }

    #[test]
    fn a_click_puts_the_cursor_on_a_piece_and_another_lists_who_has_it() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        // On the overview the same cells lead to the pieces.
        let (_, targets) = drawn(&model, &view);
        let cells = (0..40).flat_map(|row| (0..120).map(move |column| (column, row)));
        let mut grids =
            cells.filter(|(column, row)| matches!(targets.at(*column, *row), Some(Target::Grid(_))));
        act(&mut model, MouseEventKind::Down(MouseButton::Left), grids.nth(200).unwrap(), &targets, &view);
        assert_eq!(model.screen, Screen::Pieces);
        assert!(model.piece > 0);
        let (_, targets) = drawn(&model, &view);
        let lattice = screens::lattice(&model, &view);
        let cell = (lattice.area.x + 7, lattice.area.y + 2);
        act(&mut model, MouseEventKind::Down(MouseButton::Left), cell, &targets, &view);
        assert_eq!(Some(model.piece), lattice.piece_at(cell.0, cell.1));
        assert_eq!(model.screen, Screen::Pieces);
        act(&mut model, MouseEventKind::Down(MouseButton::Left), cell, &targets, &view);
        assert_eq!(model.screen, Screen::Peers);
        assert_eq!(model.filters.peers.text(), format!("has:{}", model.piece));
    }

    #[test]
    fn a_click_selects_a_tracker_and_another_opens_its_page() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        model.screen = Screen::Trackers;
        let url = view.trackers[1].url.split_once("://").unwrap().1;
        click_on(&mut model, url, &view);
        assert_eq!((model.scrolls.trackers, model.mode()), (1, Mode::Browse));
        click_on(&mut model, url, &view);
        assert_eq!(model.mode(), Mode::Tracker);
    }

    #[test]
    fn a_click_selects_a_file_and_on_the_mark_of_a_folder_it_folds() {
        let view = sample::many_files();
        let mut model = at_start(&view);
        update(&mut model, Action::Show(Screen::Files), &view);
        model.take_in(&view);
        let rows = model.files.len();
        let folder = (1..rows).find(|row| model.files.entry(*row).is_some_and(|entry| entry.file.is_none()));
        let folder = folder.unwrap();
        let was_folded = model.files.is_folded(folder);
        let name = format!("{}/", model.files.name(folder));
        let (column, row) = place(&model, &name, &view);
        let (_, targets) = drawn(&model, &view);
        let press = MouseEventKind::Down(MouseButton::Left);
        act(&mut model, press, (column, row), &targets, &view);
        assert_eq!((model.files.selected(), model.files.is_folded(folder)), (folder, was_folded));
        act(&mut model, press, (column, row), &targets, &view);
        assert_eq!(model.files.is_folded(folder), !was_folded, "once more, and it is as with Enter");
        act(&mut model, press, (column - 2, row), &targets, &view);
        assert_eq!(model.files.is_folded(folder), was_folded, "its mark needs one click");
    }

    #[test]
    fn a_click_selects_a_line_of_the_log() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        model.screen = Screen::Log;
        let (_, targets) = drawn(&model, &view);
        let (before, _) = drawn(&model, &view);
        act(&mut model, MouseEventKind::Down(MouseButton::Left), (30, 10), &targets, &view);
        let (after, _) = drawn(&model, &view);
        assert!(after[10].starts_with('▸'), "{}", after.join("\n"));
        let text = |row: &str| row.chars().skip(1).take(90).collect::<String>();
        assert_eq!(text(&after[10]), text(&before[10]), "what is read stays where it is");
        // From there the arrows go on.
        update(&mut model, Action::Down, &view);
        let (after, _) = drawn(&model, &view);
        let next = after.iter().find(|row| row.starts_with('▸')).unwrap();
        assert_eq!(text(next), text(&before[11]));
        update(&mut model, Action::Last, &view);
        assert_eq!(model.scrolls.log_back, 0);
    }

    #[test]
    fn a_click_selects_a_column_and_another_shows_or_hides_it() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        model.screen = Screen::Peers;
        update(&mut model, Action::Columns, &view);
        click_on(&mut model, "peer_id ", &view);
        let before = model.columns.clone();
        assert_ne!(model.chooser.at, 0);
        click_on(&mut model, "peer_id ", &view);
        assert_ne!(model.columns, before);
    }

    #[test]
    fn a_click_in_the_menu_sorts_and_again_turns_it_around_and_elsewhere_it_closes_it() {
        let view = sample::healthy();
        for size in [(40, 10), (80, 24), (120, 40), (200, 60)] {
            let mut model = at_start(&view);
            (model.size, model.screen) = (size, Screen::Peers);
            update(&mut model, Action::Sort, &view);
            let (column, row) = place(&model, "a address", &view);
            let (_, targets) = drawn(&model, &view);
            let press = MouseEventKind::Down(MouseButton::Left);
            for reversed in [false, true] {
                act(&mut model, press, (column, row), &targets, &view);
                assert_eq!((model.order.column, model.order.reversed), (Some("address"), reversed));
            }
            assert_eq!(model.mode(), Mode::Order);
            act(&mut model, press, (5, 4), &targets, &view);
            assert_eq!(model.mode(), Mode::Browse, "{size:?}");
        }
    }

    #[test]
    fn the_wheel_moves_on_every_screen_and_page() {
        let view = sample::healthy();
        let pages = [Mode::Keys, Mode::Columns].map(Some);
        let screens =
            [Screen::Overview, Screen::Peers, Screen::Pieces, Screen::Trackers, Screen::Files, Screen::Log];
        let told = |model: &Model| {
            let place = (model.selected, model.piece, model.chooser.at, model.files.selected());
            format!("{place:?} {:?} {:?}", model.scrolls, model.step)
        };
        for (screen, page) in
            screens.map(|screen| (screen, None)).into_iter().chain(pages.map(|page| (Screen::Overview, page)))
        {
            let mut model = at_start(&view);
            model.size = (80, 24);
            model.screen = screen;
            model.open.extend(page);
            // The card is one screen, its tabs are long.
            model.help = Help::Keys;
            model.take_in(&view);
            let before = told(&model);
            let (_, targets) = drawn(&model, &view);
            let way =
                if screen == Screen::Log { MouseEventKind::ScrollUp } else { MouseEventKind::ScrollDown };
            act(&mut model, way, (30, 12), &targets, &view);
            // A torrent of one file has one row.
            assert!(screen == Screen::Files || told(&model) != before, "{screen:?} {page:?}");
        }
        // Over the funnel it goes step by step, wherever the arrows were before.
        let mut model = at_start(&view);
        let (column, row) = place(&model, "connected", &view);
        let (_, targets) = drawn(&model, &view);
        act(&mut model, MouseEventKind::ScrollDown, (column, row), &targets, &view);
        assert_eq!((model.panel, model.step), (Panel::Funnel, (1, 0)));
    }
}
