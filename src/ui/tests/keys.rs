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
        model.atlas,
        model.screen,
        model.open,
        model.panel,
        model.selected,
        model.step,
        model.columns_off,
        model.piece,
        model.log_of,
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
    (middle.columns_off, middle.piece, middle.atlas.zoom) = (3, 5000, 1);
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
                command.is_some() || told(&after) != told(start)
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
        assert!(foot.contains("q quit"), "{foot}");
    }
}
