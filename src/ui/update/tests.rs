//! What keys do to the model, on moments of recordings.

use std::time::Duration;

use super::*;
use crate::ledger::Group;
use crate::ui::filter::List;
use crate::ui::model::{Help, Shown};
use crate::ui::sample;
use crate::ui::theme::Look;

fn at_start(view: &View) -> Model {
    let mut model = Model::new(Look::default());
    model.size = (120, 40);
    model.take_in(view);
    model
}

fn press(model: &mut Model, view: &View, actions: &[Action]) -> Option<Command> {
    actions.iter().map(|action| update(model, *action, view)).last().flatten()
}

#[test]
fn pausing_a_paused_download_resumes_it() {
    let (running, paused) = (sample::healthy(), sample::paused());
    assert_eq!(press(&mut at_start(&running), &running, &[Action::Pause]), Some(Command::Pause));
    assert_eq!(press(&mut at_start(&paused), &paused, &[Action::Pause]), Some(Command::Resume));
}

#[test]
fn quitting_a_download_asks_once_and_any_other_key_goes_on() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    assert_eq!(press(&mut model, &view, &[Action::Quit, Action::Down]), None);
    assert_eq!(model.mode(), Mode::Browse);
    assert_eq!(press(&mut model, &view, &[Action::Quit, Action::Quit]), Some(Command::Quit));
    assert!(model.leaving);
    let done = sample::seeding();
    assert_eq!(press(&mut at_start(&done), &done, &[Action::Quit]), Some(Command::Quit));
}

#[test]
fn quit_quits_from_every_main_screen_and_escape_goes_back_step_by_step() {
    let view = sample::healthy();
    for screen in [Screen::Peers, Screen::Pieces, Screen::Trackers, Screen::Files, Screen::Log] {
        let mut model = at_start(&view);
        assert_eq!(press(&mut model, &view, &[Action::Show(screen), Action::Quit]), None);
        assert_eq!(model.mode(), Mode::AskQuit, "{screen:?}");
        assert_eq!(press(&mut model, &view, &[Action::Quit]), Some(Command::Quit));
    }
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::PeerLog]);
    prompt::filter(&mut model, List::Log, "hung up", &view);
    press(&mut model, &view, &[Action::Back]);
    assert!(model.filters.log.is_empty() && model.log_of.is_some(), "first the filter");
    press(&mut model, &view, &[Action::Back]);
    assert_eq!((model.screen, model.log_of), (Screen::Log, None), "then the one peer");
    press(&mut model, &view, &[Action::Back]);
    assert_eq!(model.screen, Screen::Overview, "then the page");
}

#[test]
fn after_a_drop_the_cursor_stays_on_its_row() {
    let mut view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Down]);
    let rows: Vec<_> = model.lines(&view).collect();
    assert_eq!(press(&mut model, &view, &[Action::Drop]), Some(Command::Drop(rows[1])));
    let at = view.peers.iter().position(|peer| peer.key == rows[1]).unwrap();
    let dropped = Arc::make_mut(&mut view.peers[at]);
    (dropped.group, dropped.dropped) = (Group::Left, true);
    model.clock += Duration::from_secs(1);
    model.take_in(&view);
    assert_eq!(model.selected, Some(rows[2]));
    assert_eq!(model.lines(&view).nth(1), Some(rows[2]), "in the second row, as before");
    assert_eq!(press(&mut model, &view, &[Action::Drop]), Some(Command::Drop(rows[2])));
}

#[test]
fn what_is_complete_and_verified_again_or_skipped_as_a_whole_is_no_news() {
    let done = sample::seeding();
    let mut model = at_start(&sample::healthy());
    model.take_in(&done);
    assert!(std::mem::take(&mut model.bell) && model.completed.is_some());
    let mut verifying = done.clone();
    verifying.phase = Phase::Checking;
    model.take_in(&verifying);
    model.take_in(&done);
    assert!(!model.bell, "it was complete before");
    // Where something was damaged, its coming back is.
    let mut again = done.clone();
    again.phase = Phase::Downloading;
    model.take_in(&again);
    model.take_in(&done);
    assert!(std::mem::take(&mut model.bell));
    // Where every file was skipped nothing is missing, and that is no news.
    let mut skipped = done.clone();
    skipped.wanted_files = Some(0);
    model.take_in(&again);
    model.take_in(&skipped);
    assert!(!model.bell);
}

#[test]
fn quit_closes_what_is_open_on_top_first() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Open, Action::Keys, Action::Quit]);
    assert_eq!(model.mode(), Mode::Peer { bytes: false });
    press(&mut model, &view, &[Action::Quit]);
    assert_eq!(model.mode(), Mode::Browse);
    assert!(!model.leaving);
}

#[test]
fn the_selection_stays_on_its_peer_when_rows_move() {
    let mut view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Down, Action::Down]);
    let chosen = model.selected.unwrap();
    for peer in &mut view.peers {
        let rate = u64::from(peer.key.0) * 1_000_000;
        sample::set_rate(Arc::make_mut(peer), rate);
    }
    let before: Vec<_> = model.rows(&view).collect();
    model.clock = Duration::from_secs(1);
    model.take_in(&view);
    assert_eq!(model.rows(&view).collect::<Vec<_>>(), before, "rows rest after a move");
    model.clock = Duration::from_secs(10);
    model.take_in(&view);
    assert_ne!(model.rows(&view).collect::<Vec<_>>(), before);
    assert_eq!(model.selected, Some(chosen));
}

#[test]
fn commands_go_to_the_selected_peer() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Last]);
    let key = model.selected.unwrap();
    assert_eq!(press(&mut model, &view, &[Action::Drop]), Some(Command::Drop(key)));
    assert_eq!(press(&mut model, &view, &[Action::Hold]), Some(Command::Hold(key)));
    assert_eq!(press(&mut model, &view, &[Action::Ban]), Some(Command::Ban(key)));
    assert_eq!(press(&mut model, &view, &[Action::Retry]), Some(Command::Retry(key)));
    assert_eq!(press(&mut model, &view, &[Action::Undo]), Some(Command::Undo));
}

#[test]
fn the_funnel_opens_the_peers_that_a_step_lost() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::NextPanel, Action::Down, Action::Down, Action::Right, Action::Open]);
    assert_eq!(model.screen, Screen::Peers);
    let shown: Vec<_> = model.rows(&view).filter_map(|key| crate::ui::model::peer(&view, key)).collect();
    assert_eq!(shown.len(), 17);
    assert!(shown.iter().all(|peer| peer.cause == Some(crate::event::Cause::ConnectTimeout)));
    press(&mut model, &view, &[Action::Back]);
    assert_eq!(model.rows(&view).count(), 50);
}

#[test]
fn the_help_begins_with_its_card_and_turns_to_keys_and_words() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    for (action, tab) in [
        (Action::Keys, Help::Card),
        (Action::NextTab, Help::Keys),
        (Action::Right, Help::Words),
        (Action::NextTab, Help::Card),
        (Action::PreviousTab, Help::Words),
        (Action::Left, Help::Keys),
    ] {
        model.scrolls.keys = 3;
        press(&mut model, &view, &[action]);
        assert_eq!((model.mode(), model.help, model.scrolls.keys), (Mode::Keys, tab, 0), "{action:?}");
    }
    press(&mut model, &view, &[Action::Keys, Action::Keys]);
    assert_eq!((model.mode(), model.help), (Mode::Keys, Help::Card), "it begins anew");
}

#[test]
fn a_filter_narrows_every_list_of_peers_and_escape_takes_it_away() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Last]);
    prompt::filter(&mut model, List::Peers, "client:transmission", &view);
    assert_eq!(model.rows(&view).count(), 5);
    assert!(model.rows(&view).any(|key| Some(key) == model.selected), "what keys act on is in sight");
    press(&mut model, &view, &[Action::Show(Screen::Peers), Action::NextTab, Action::NextTab]);
    assert_eq!((model.rows(&view).count(), model.selected), (0, None));
    assert_eq!(press(&mut model, &view, &[Action::Drop]), None);
    press(&mut model, &view, &[Action::Back]);
    assert_eq!(model.rows(&view).count(), 1, "the tab stays");
    press(&mut model, &view, &[Action::Back]);
    assert_eq!(model.rows(&view).count(), 50);
}

#[test]
fn enter_opens_a_tracker_and_from_there_lists_its_peers() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Show(Screen::Trackers), Action::Open]);
    assert_eq!(model.mode(), Mode::Tracker);
    press(&mut model, &view, &[Action::NextTab]);
    assert_eq!(model.scrolls.trackers, 1);
    let second = view.trackers[1].key;
    assert_eq!(press(&mut model, &view, &[Action::Announce]), Some(Command::Announce(Some(second))));
    press(&mut model, &view, &[Action::PreviousTab, Action::PreviousTab, Action::Open]);
    assert_eq!((model.screen, model.mode()), (Screen::Peers, Mode::Browse));
    assert_eq!(model.filters.peers.text(), "source:bttracker.debian.org:6969");
    assert_eq!(model.rows(&view).count(), 45);
    assert_eq!(
        press(&mut model, &view, &[Action::Show(Screen::Trackers), Action::Announce]),
        Some(Command::Announce(None))
    );
}

#[test]
fn enter_opens_what_other_peers_named_and_from_there_lists_them() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Show(Screen::Trackers), Action::Last, Action::Open]);
    assert_eq!(model.mode(), Mode::Tracker);
    assert_eq!(
        press(&mut model, &view, &[Action::Announce]),
        Some(Command::Announce(None)),
        "of all trackers"
    );
    press(&mut model, &view, &[Action::Open]);
    assert_eq!((model.screen, model.filters.peers.text()), (Screen::Peers, "source:pex"));
    assert_eq!(model.rows(&view).count(), 5);
}

#[test]
fn enter_on_a_piece_lists_the_peers_that_have_it() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Show(Screen::Peers), Action::NextTab, Action::NextTab]);
    press(&mut model, &view, &[Action::Show(Screen::Pieces), Action::Down, Action::Right, Action::Open]);
    assert_eq!((model.screen, model.shown), (Screen::Peers, Shown::All));
    let piece = view.torrent.piece(model.piece).unwrap();
    let live = model.live_rows(&view).count();
    assert_eq!(live, view.pieces.availability(piece) as usize);
    press(&mut model, &view, &[Action::Back]);
    assert_eq!(model.rows(&view).count(), 50);
}

#[test]
fn a_question_whether_to_stop_ends_with_the_download() {
    let mut view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Quit]);
    model.take_in(&view);
    assert_eq!(model.mode(), Mode::AskQuit);
    view.phase = Phase::Seeding;
    model.take_in(&view);
    assert_eq!(model.mode(), Mode::Browse);
}

#[test]
fn the_selection_stays_at_its_row_when_its_peer_leaves_the_list() {
    let mut view = sample::healthy();
    let mut model = at_start(&view);
    prompt::filter(&mut model, List::Peers, "down>10k", &view);
    press(&mut model, &view, &[Action::Down, Action::Down]);
    let rows: Vec<_> = model.rows(&view).collect();
    assert_eq!(model.selected, Some(rows[2]));
    let at = view.peers.iter().position(|peer| peer.key == rows[2]).unwrap();
    sample::set_rate(Arc::make_mut(&mut view.peers[at]), 0);
    model.take_in(&view);
    assert_eq!(model.selected, Some(rows[3]));
}

#[test]
fn tabs_go_round_and_take_the_selection_with_them() {
    let view = sample::healthy();
    let mut model = at_start(&view);
    press(&mut model, &view, &[Action::Show(Screen::Peers), Action::PreviousTab, Action::NextTab]);
    assert_eq!(model.shown, Shown::All);
    press(&mut model, &view, &[Action::NextTab, Action::NextTab, Action::NextTab]);
    assert_eq!(model.shown, Shown::Of(Group::Failed));
    let selected = crate::ui::model::peer(&view, model.selected.unwrap()).unwrap();
    assert_eq!(selected.group, Group::Failed);
}

#[test]
fn a_copied_magnet_of_a_private_torrent_is_said_to_be_of_no_use_to_others() {
    let mut view = sample::healthy();
    let note = |view: &View| {
        let mut model = at_start(view);
        press(&mut model, view, &[Action::Torrent, Action::Copy]);
        let link = model.copy.clone().unwrap();
        assert!(link.starts_with("magnet:?xt=urn:btih:"), "{link}");
        model.note.unwrap().text
    };
    assert!(note(&view).starts_with("Copied: magnet:"));
    Arc::make_mut(&mut view.torrent).metadata.as_mut().unwrap().private = true;
    let said = note(&view);
    assert!(said.starts_with(
        "Copied, but it is private: nobody gives its metadata. Pass its torrent file on: magnet:"
    ));
}
