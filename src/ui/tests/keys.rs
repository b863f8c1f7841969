//! Keys: every one of the table does something, and only those that hold are offered.

use super::*;
use crate::ui::action::{Action, BINDINGS, action_for};
use crate::ui::{replay, update};

/// What can be told of a model from outside; two that differ here differ on the screen or in what they asked for.
fn told(model: &Model) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        (&model.columns, model.chooser, &model.marked, model.held.is_some(), model.zoomed),
        model.note,
        model.filters,
        (&model.prompt, &model.replay),
        model.look,
        model.piece_map,
        model.screen,
        model.open,
        model.panel,
        model.selected,
        model.step,
        model.columns_off,
        model.piece,
        (model.log_of, model.log_by_day),
        model.window,
        (model.scrolls, model.files.selected(), model.files.len()),
        model.leaving,
        model.redraw,
        model.suspend,
        model.mouse,
        model.shown,
        model.order.column,
        model.order.reversed,
    )
}

/// Places from which every key has something to do.
fn starts(view: &View) -> Vec<Model> {
    let mut starts = Vec::new();
    for (_, change) in PAGES {
        let mut fresh = model(Look::default(), (80, 24), view);
        change(&mut fresh);
        starts.push(fresh);
    }
    let mut middle = model(Look::default(), (80, 24), view);
    update(&mut middle, Action::Down, view);
    (middle.panel, middle.step) = (Panel::Funnel, (3, 1));
    middle.log_of = Some(PeerKey(0));
    (middle.columns_off, middle.piece, middle.piece_map.zoom) = (3, 5000, 1);
    middle.scrolls.keys = 5;
    for screen in [Screen::Overview, Screen::Peers, Screen::Pieces, Screen::Log] {
        let mut there = middle.clone();
        there.screen = screen;
        starts.push(there.clone());
        there.panel = Panel::Peers;
        starts.push(there.clone());
        there.open.push(Mode::Keys);
        starts.push(there.clone());
        there.open = vec![Mode::Columns];
        there.chooser.at = 3;
        starts.push(there);
    }
    let mut second = model(Look::default(), (80, 24), view);
    (second.screen, second.scrolls.trackers) = (Screen::Trackers, 1);
    second.open.push(Mode::Tracker);
    starts.push(second);
    let mut of_several = model(Look::default(), (80, 24), view);
    of_several.take_in_torrents(&sample::torrents(view));
    of_several.screen = Screen::Torrents;
    starts.push(of_several.clone());
    update(&mut of_several, Action::Down, view);
    update(&mut of_several, Action::Reverse, view);
    of_several.torrents.forgotten = vec![view.torrent.info_hash];
    starts.push(of_several.clone());
    let mut torrents = (*of_several.torrents.newest).clone();
    torrents.removable = sample::removable(&torrents);
    of_several.take_in_torrents(&std::sync::Arc::new(torrents));
    of_several.torrents.deleting = vec![of_several.torrents.newest.rows[0].id];
    of_several.open.push(Mode::Delete);
    starts.push(of_several);
    starts.push(replay::tests::standing(view));
    starts
}

#[test]
fn every_key_of_the_table_does_something() {
    let view = sample::healthy();
    let starts = starts(&view);
    for binding in BINDINGS {
        for key in binding.keys {
            let works = starts.iter().filter(|start| binding.scope.holds(start)).any(|start| {
                let Some(action) = action_for(*key, start).filter(|action| *action == binding.action) else {
                    return false;
                };
                let mut after = start.clone();
                let command = update(&mut after, action, &view);
                let asks = command.is_some() || !after.wishes.is_empty();
                asks || told(&after) != told(start)
                    || format!("{:?}", after.torrents) != format!("{:?}", start.torrents)
            });
            assert!(works, "{} ({:?}) does nothing", key.name(), binding.action);
        }
    }
}

#[test]
fn the_key_line_offers_only_keys_that_hold() {
    let view = sample::healthy();
    for (_, change) in PAGES {
        let mut model = model(Look::default(), (200, 60), &view);
        change(&mut model);
        let rows = text_rows(&drawn(&model, &view));
        let foot = rows.last().unwrap();
        for binding in BINDINGS.iter().filter(|binding| !binding.scope.holds(&model)) {
            if let Some((label, _)) = binding.label.filter(|_| action_for(binding.keys[0], &model).is_none())
            {
                assert!(!foot.contains(label), "{foot}: {label}");
            }
        }
        let quit = if model.open.is_empty() { "q quit" } else { "q close" };
        assert!(foot.contains(quit), "{foot}");
    }
}

/// The key line of a page in so many columns.
fn foot(columns: u16, view: &View, change: fn(&mut Model)) -> String {
    let mut model = model(Look::default(), (columns, 24), view);
    change(&mut model);
    text_rows(&drawn(&model, view)).pop().unwrap()
}

#[test]
fn enter_and_tab_stand_where_they_do_something() {
    let view = sample::healthy();
    for (columns, page, shown) in [
        (80, 0, "Enter open"),
        (120, 0, "Enter open"),
        (200, 0, "Tab funnel"),
        (80, 1, "Enter open"),
        (200, 1, "Tab group"),
        (80, 2, "[ ] other peers"),
        (80, 4, "+ - zoom"),
        (80, 4, "v layer"),
        (80, 8, "q close"),
    ] {
        let foot = foot(columns, &view, PAGES[page].1);
        assert!(foot.contains(shown), "{columns} {}: {foot}", PAGES[page].0);
    }
    let in_funnel = foot(200, &view, |model| model.panel = Panel::Funnel);
    assert!(in_funnel.contains("Tab peers"), "{in_funnel}");
}

#[test]
fn a_replay_says_how_to_get_to_the_other_screens_and_to_the_keys() {
    let view = sample::healthy();
    for columns in [80, 120, 200] {
        let mut replayed = replay::tests::standing(&view);
        replayed.size = (columns, 24);
        let foot = text_rows(&drawn(&replayed, &view)).pop().unwrap();
        let screens = if columns < 200 { "1-6 screens" } else { "1 overview" };
        for shown in [screens, "? keys", "space", "q close"] {
            assert!(foot.contains(shown), "{columns}: {foot}");
        }
    }
}

#[test]
fn a_recording_that_stands_still_shows_every_moment_in_its_own_order() {
    use std::time::Duration;

    let (before, after) = (sample::moment("starting"), sample::healthy());
    let mut replayed = replay::tests::standing(&before);
    replayed.replay.as_mut().unwrap().playback.playing = true;
    replayed.clock = Duration::from_secs(10);
    replayed.take_in(&before);
    let in_order = |view: &View| model(Look::default(), (80, 24), view).rows(view).collect::<Vec<_>>();
    // Space stops it, and @ goes to another moment, all within the time in which rows rest.
    update(&mut replayed, Action::Down, &before);
    replayed.replay.as_mut().unwrap().playback.playing = false;
    replayed.take_in(&before);
    assert_eq!(replayed.rows(&before).collect::<Vec<_>>(), in_order(&before));
    replayed.take_in(&after);
    assert_eq!(replayed.rows(&after).collect::<Vec<_>>(), in_order(&after));
}

#[test]
fn the_first_run_shows_the_keys_used_most() {
    let view = sample::healthy();
    for (columns, shown) in [
        (40, &["? keys", "w why"][..]),
        (80, &["? keys · w why", "1-6 screens", "Enter opens", "/ filters", "p pauses", "q quits"][..]),
    ] {
        let foot = foot(columns, &view, |model| model.welcome = true);
        for key in shown {
            assert!(foot.contains(key), "{columns}: {foot}");
        }
    }
}

#[test]
fn the_ends_of_the_zoom_say_that_they_are_the_ends() {
    let view = sample::healthy();
    let mut model = model(Look::default(), (80, 24), &view);
    model.screen = Screen::Pieces;
    update(&mut model, Action::Further, &view);
    assert!(text_rows(&drawn(&model, &view)).pop().unwrap().contains("This is the whole torrent"));
    for _ in 0..12 {
        model.note = None;
        update(&mut model, Action::Closer, &view);
    }
    assert!(text_rows(&drawn(&model, &view)).pop().unwrap().contains("as close as it gets"));
    model.note = None;
    update(&mut model, Action::Further, &view);
    assert_eq!(model.note, None, "farther from there");
}
