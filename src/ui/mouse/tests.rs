//! Clicks, drags and the wheel on frames as they are drawn.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyModifiers;

use super::*;
use crate::ledger::Group;
use crate::record::Control;
use crate::ui::funnel::Funnel;
use crate::ui::prompt::Ask;
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
    click_on(&mut model, "4 sources", &view);
    assert_eq!(model.screen, Screen::Trackers);
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
    update(&mut model, Action::Add, &view);
    act(&mut model, MouseEventKind::ScrollUp, (5, 30), &targets, &view);
    assert_eq!(model.selected, Some(rows[3]));
}

/// A replay at this size, and its line of time.
fn replayed(size: (u16, u16), view: &View) -> (Model, Targets, Timeline) {
    let mut model = replay::tests::standing(view);
    model.size = size;
    let (rows, targets) = drawn(&model, view);
    let line = (0..size.1).rev().find_map(|row| match targets.at(size.0 / 2, row) {
        Some(Target::Time(line)) => Some(line),
        _ => None,
    });
    let line = line.unwrap_or_else(|| panic!("no line of time\n{}", rows.join("\n")));
    (model, targets, line)
}

fn asked(model: &mut Model) -> Vec<Control> {
    std::mem::take(&mut model.replay.as_mut().unwrap().asked)
}

#[test]
fn a_click_on_the_bar_of_a_replay_goes_there() {
    let view = sample::healthy();
    let press = MouseEventKind::Down(MouseButton::Left);
    for size in [(40, 10), (80, 24), (120, 40), (200, 60)] {
        let (mut model, targets, line) = replayed(size, &view);
        let (y, right) = (line.area.y, line.area.right() - 1);
        let end = model.replay.as_ref().unwrap().playback.end;
        for (column, at) in [(line.area.x, std::time::Duration::ZERO), (right, end)] {
            assert_eq!(act(&mut model, press, (column, y), &targets, &view), None);
            assert_eq!(asked(&mut model), [Control::GoTo(at)], "{size:?}");
        }
        let middle = line.area.x + line.area.width / 2;
        act(&mut model, press, (middle, y), &targets, &view);
        let [Control::GoTo(at)] = asked(&mut model)[..] else { panic!("it goes nowhere") };
        assert!(at.abs_diff(end / 2) < end / 10, "{at:?}");
        // The row below is its curve, or the keys where there is none.
        assert_eq!(targets.at(middle, y + 1) == Some(Target::Time(line)), size != (40, 10));
    }
}

#[test]
fn a_drag_along_the_bar_of_a_replay_goes_with_the_pointer_until_the_button_is_released() {
    let view = sample::healthy();
    let (mut model, targets, line) = replayed((80, 24), &view);
    let (down, drag) = (MouseEventKind::Down(MouseButton::Left), MouseEventKind::Drag(MouseButton::Left));
    let begin = line.area.x;
    // Only what began on the bar is a drag along it.
    act(&mut model, drag, (begin + 9, line.area.y), &targets, &view);
    act(&mut model, down, (5, 18), &targets, &view);
    act(&mut model, drag, (begin + 9, line.area.y), &targets, &view);
    assert_eq!(asked(&mut model), []);
    act(&mut model, down, (begin + 3, line.area.y), &targets, &view);
    assert_eq!(asked(&mut model), [Control::GoTo(line.moment(begin + 3))]);
    // It goes on wherever the pointer leaves the row; what was not handed on yet is not gone to any more.
    for column in [begin + 4, begin + 9, begin + 30] {
        act(&mut model, drag, (column, 2), &targets, &view);
    }
    assert_eq!(asked(&mut model), [Control::GoTo(line.moment(begin + 30))]);
    act(&mut model, drag, (0, 2), &targets, &view);
    assert_eq!(asked(&mut model), [Control::GoTo(std::time::Duration::ZERO)]);
    act(&mut model, MouseEventKind::Up(MouseButton::Left), (0, 2), &targets, &view);
    act(&mut model, drag, (begin + 9, line.area.y), &targets, &view);
    assert_eq!(asked(&mut model), []);
}

#[test]
fn the_wheel_on_the_bar_of_a_replay_goes_on_and_back_in_time() {
    let view = sample::healthy();
    for size in [(40, 10), (120, 40)] {
        let (mut model, targets, line) = replayed(size, &view);
        let here = model.replay.as_ref().unwrap().playback.position;
        let place = (line.area.x + 2, line.area.y);
        let selected = model.selected;
        act(&mut model, MouseEventKind::ScrollDown, place, &targets, &view);
        act(&mut model, MouseEventKind::ScrollDown, place, &targets, &view);
        let on = line.beside(line.beside(here, true), true);
        assert_eq!(asked(&mut model), [Control::GoTo(on)], "{size:?}");
        act(&mut model, MouseEventKind::ScrollUp, place, &targets, &view);
        assert_eq!(asked(&mut model), [Control::GoTo(line.beside(here, false))]);
        assert_eq!(model.selected, selected, "nothing else moves");
    }
}

#[test]
fn a_click_picks_a_step_of_the_small_funnel_and_another_lists_its_peers() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    model.size = (40, 10);
    click_on(&mut model, "unchoked", &view);
    assert_eq!((model.panel, model.step, model.screen), (Panel::Funnel, (4, 0), Screen::Overview));
    let (rows, targets) = drawn(&model, &view);
    assert!(rows.iter().any(|row| row.contains("▸unchoked")), "{}", rows.join("\n"));
    let (column, row) = place(&model, "unchoked", &view);
    act(&mut model, MouseEventKind::ScrollUp, (column, row), &targets, &view);
    assert_eq!(model.step, (3, 0), "the wheel goes step by step");
    click_on(&mut model, "unchoked", &view);
    click_on(&mut model, "unchoked", &view);
    assert_eq!((model.screen, model.shown), (Screen::Peers, Shown::Reached(Funnel::Fetching, 4)));
}

#[test]
fn a_click_on_a_tab_of_the_help_shows_it_and_the_wheel_scrolls_it() {
    let view = sample::healthy();
    for size in [(40, 10), (80, 24), (200, 60)] {
        let mut model = at_start(&view);
        model.size = size;
        update(&mut model, Action::Keys, &view);
        let (_, targets) = drawn(&model, &view);
        act(&mut model, MouseEventKind::ScrollDown, (5, 5), &targets, &view);
        assert_eq!(
            model.scrolls.keys > 0,
            size == (40, 10),
            "{size:?}: the card is one screen where it fits"
        );
        for (name, tab) in [("words", Help::Words), ("keys", Help::Keys), ("card", Help::Card)] {
            click_on(&mut model, name, &view);
            assert_eq!((model.help, model.scrolls.keys), (tab, 0), "{size:?}");
            let (_, targets) = drawn(&model, &view);
            act(&mut model, MouseEventKind::ScrollDown, (5, 5), &targets, &view);
            let furthest = screens::furthest(&model, &view);
            assert_eq!(model.scrolls.keys, furthest.min(3), "{size:?} {name}");
            assert!(
                furthest == 0 || tab != Help::Card || size == (40, 10),
                "{size:?}: the card is one screen"
            );
        }
    }
}

#[test]
fn a_click_on_what_a_key_does_does_that_on_the_page_behind_the_help() {
    let view = sample::healthy();
    for size in [(40, 10), (80, 24), (120, 40)] {
        let mut model = at_start(&view);
        (model.size, model.screen) = (size, Screen::Pieces);
        update(&mut model, Action::Keys, &view);
        click_on(&mut model, "4 sources", &view);
        assert_eq!((model.screen, model.mode()), (Screen::Trackers, Mode::Browse), "{size:?}");
    }
    let mut model = at_start(&view);
    (model.size, model.screen) = ((80, 24), Screen::Pieces);
    let layer = model.piece_map.layer;
    update(&mut model, Action::Keys, &view);
    click_on(&mut model, "what cells show", &view);
    assert_eq!((model.piece_map.layer, model.mode()), (layer.next(), Mode::Browse));
}

#[test]
fn a_click_in_the_help_changes_nothing_of_the_run_and_does_not_leave_it() {
    let view = sample::healthy();
    for screen in [Screen::Overview, Screen::Peers, Screen::Trackers] {
        for help in Help::TABS {
            let mut model = at_start(&view);
            (model.size, model.screen) = ((80, 200), screen);
            update(&mut model, Action::Keys, &view);
            model.help = help;
            let (_, targets) = drawn(&model, &view);
            for row in 1..190 {
                let mut clicked = model.clone();
                let press = MouseEventKind::Down(MouseButton::Left);
                assert_eq!(act(&mut clicked, press, (4, row), &targets, &view), None);
                let asks = clicked.prompt.as_ref().map(|prompt| prompt.ask);
                assert!(
                    !clicked.leaving && !clicked.suspend && !matches!(asks, Some(Ask::Add | Ask::DownLimit))
                );
            }
        }
    }
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
    assert_eq!((model.screen, model.shown), (Screen::Peers, Shown::Lost(Funnel::Fetching, 2, "no answer")));
    assert_eq!(model.rows(&view).count(), 17);
}

#[test]
fn a_click_among_all_torrents_leads_to_the_step_on_the_overview_of_the_selected_one() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    model.take_in_torrents(&sample::torrents(&view));
    update(&mut model, Action::Show(Screen::Torrents), &view);
    let (rows, _) = drawn(&model, &view);
    assert!(!rows.iter().any(|row| row.contains("picks a step")), "no key does that here");
    click_on(&mut model, "handshaken", &view);
    assert_eq!((model.screen, model.panel, model.step), (Screen::Overview, Panel::Funnel, (3, 0)));
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
    let mut grids = cells.filter(|(column, row)| matches!(targets.at(*column, *row), Some(Target::Grid(_))));
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
    act(&mut model, MouseEventKind::Down(MouseButton::Left), (30, 12), &targets, &view);
    let (after, _) = drawn(&model, &view);
    assert!(after[12].starts_with('▸'), "{}", after.join("\n"));
    // The selected one goes on with why.
    let text = |row: &str| row.chars().skip(1).take(43).collect::<String>();
    assert_eq!(text(&after[12]), text(&before[12]), "what is read stays where it is");
    // From there the arrows go on.
    update(&mut model, Action::Down, &view);
    let (after, _) = drawn(&model, &view);
    let next = after.iter().find(|row| row.starts_with('▸')).unwrap();
    assert_eq!(text(next), text(&before[13]));
    update(&mut model, Action::Last, &view);
    assert_eq!(model.scrolls.log_back, 0);
}

#[test]
fn a_click_on_the_newest_events_of_the_overview_shows_the_log() {
    let mut view = sample::seeding();
    view.peers.truncate(5);
    let mut model = at_start(&view);
    model.size = (120, 50);
    let newest = view.log.last().unwrap().text.clone();
    let (_, what) = newest.split_once(' ').unwrap();
    click_on(&mut model, what, &view);
    assert_eq!(model.screen, Screen::Log);
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
        let way = if screen == Screen::Log { MouseEventKind::ScrollUp } else { MouseEventKind::ScrollDown };
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
