//! What an action does: it changes the model, and may ask the engine for something.

use std::sync::Arc;

use crate::command::Command;
use crate::event::{PeerKey, Phase};
use crate::ledger::View;
use crate::units::Units;

use super::action::{Action, Scope};
use super::atlas::Scale;
use super::choose;
use super::export;
use super::filter::{self, List, Words};
use super::funnel::Funnel;
use super::marks;
use super::model::{Held, Help, Mode, Model, Panel, Screen, Scrolls, Shown, quitting_stops};
use super::mouse;
use super::prompt::{self, Ask};
use super::replay;
use super::screens;

/// Carries out the action. Pure: the clock is the model's, and what there is to act on is the view's.
pub fn update(model: &mut Model, action: Action, newest: &View) -> Option<Command> {
    let held = model.held.clone();
    let view = held.as_ref().map_or(newest, |held| &held.view);
    if replay::update(model, action, view) {
        return None;
    }
    if model.mode() == Mode::AskQuit && action != Action::Quit {
        model.open.pop();
    }
    if model.screen == Screen::Files {
        model.files.take_in(view);
    }
    match action {
        Action::Show(screen) => show(model, screen),
        Action::Pause => {
            let paused = matches!(newest.phase, Phase::Paused | Phase::Stopped);
            model.undoable = false;
            return Some(if paused { Command::Resume } else { Command::Pause });
        }
        Action::Hold | Action::Drop | Action::Ban | Action::Retry => {
            let asked = marks::ask(model, action, view, newest);
            // The cursor stays where it is: the peer goes away, and the next one comes to its row.
            if asked.is_some() && matches!(action, Action::Drop | Action::Ban) && leaves_its_row(model, view)
            {
                select(model, view, 1);
            }
            return asked;
        }
        Action::Undo => return Some(marks::undo(model)),
        Action::Mark => {
            if !marks::is_many(model, view) {
                marks::mark(model);
                select(model, view, 1);
            }
        }
        Action::Columns => toggle(model, Mode::Columns),
        Action::Choose => choose::toggle(model),
        Action::Automatic => choose::automatic(model),
        Action::Freeze => freeze(model, newest),
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::Announce => {
            model.undoable = false;
            let one = model.tracker(view).filter(|_| model.mode() == Mode::Tracker);
            return Some(Command::Announce(one.map(|tracker| tracker.key)));
        }
        Action::Export => prompt::open(model, Ask::Export, view),
        Action::Copy => copy(model, view),
        Action::Filter => prompt::open(model, Ask::Filter(model.list()), view),
        Action::Record | Action::Recheck => {
            model.undoable = false;
            return Some(if action == Action::Record { Command::Record } else { Command::Recheck });
        }
        // Only a recording can do these, and has done them.
        Action::Replay(_) | Action::GoTo => {}
        Action::AddPeer => prompt::open(model, Ask::Peer, view),
        Action::LimitDown => prompt::open(model, Ask::DownLimit, view),
        Action::LimitUp => prompt::open(model, Ask::UpLimit, view),
        Action::Up => step(model, view, -1),
        Action::Down => step(model, view, 1),
        Action::Left => sideways(model, view, -1),
        Action::Right => sideways(model, view, 1),
        Action::PageUp => step(model, view, -page(model)),
        Action::PageDown => step(model, view, page(model)),
        Action::First => step(model, view, isize::MIN / 2),
        Action::Last => step(model, view, isize::MAX / 2),
        Action::NextPanel if model.mode() == Mode::Columns => choose::other_part(model),
        Action::NextPanel | Action::PreviousPanel => {
            model.panel = match model.panel {
                Panel::Peers => Panel::Funnel,
                Panel::Funnel => Panel::Peers,
            };
        }
        Action::Open => open(model, view),
        Action::Back => back(model, view),
        Action::NextTab => turn(model, view, 1),
        Action::PreviousTab => turn(model, view, -1),
        Action::Sort => {
            if model.mode() == Mode::Columns {
                model.order.sort_by(choose::here(model).filter(|id| *id != "state"));
                model.take_in(newest);
            } else {
                toggle(model, Mode::Order);
            }
        }
        Action::Reverse => {
            model.order.reversed = !model.order.reversed;
            model.order.sort_soon();
            model.take_in(newest);
        }
        Action::Window => {
            model.window = model.window.next();
            model.scales.take_in(&view.series, model.window, model.look.units);
        }
        Action::Layer => model.atlas.layer = model.atlas.layer.next(),
        Action::Closer | Action::Further => zoom(model, view, action == Action::Closer),
        Action::PeerLog => {
            if model.screen == Screen::Log && model.open.is_empty() {
                model.log_of = None;
            } else if marks::is_many(model, view) {
                return None;
            } else if let Some(key) = model.selected {
                show(model, Screen::Log);
                model.log_of = Some(key);
            }
            model.scrolls.log_back = 0;
        }
        Action::Why => toggle(model, Mode::Why),
        Action::Torrent => toggle(model, Mode::Torrent),
        Action::LogTimes => model.log_by_day = !model.log_by_day,
        Action::Keys => toggle(model, Mode::Keys),
        Action::Units => {
            model.look.units = match model.look.units {
                Units::Binary => Units::Decimal,
                Units::Decimal => Units::Binary,
            };
        }
        Action::Quit => return quit(model, newest),
        Action::QuitNow => {
            model.leaving = true;
            return Some(Command::Quit);
        }
        Action::Mouse => mouse::hand_over(model),
        Action::Redraw => model.redraw = true,
        Action::Suspend => model.suspend = true,
    }
    None
}

/// Whether the selected peer leaves its row once it is dropped: it alone is meant, it is live, and another has a row
/// below.
fn leaves_its_row(model: &Model, view: &View) -> bool {
    let is_live = |key| model.live_rows(view).any(|live| live == key);
    Scope::PeerList.holds(model) && model.marked.is_empty() && model.selected.is_some_and(is_live)
}

fn show(model: &mut Model, screen: Screen) {
    model.open.clear();
    model.screen = screen;
}

fn freeze(model: &mut Model, newest: &View) {
    model.held = match model.held.take() {
        Some(_) => None,
        None => Some(Held { view: Arc::new(newest.clone()), since: model.clock }),
    };
    model.take_in(newest);
}

/// How many rows a page key moves by.
fn page(model: &Model) -> isize {
    isize::from((model.size.1 / 2).max(1) as i16)
}

fn shifted(at: usize, by: isize, last: usize) -> usize {
    (at as isize).saturating_add(by).clamp(0, last as isize) as usize
}

/// Moves by rows: a selection, a cursor, or the lines of a page.
fn step(model: &mut Model, view: &View, by: isize) {
    let furthest = screens::furthest(model, view);
    let scrolls = &mut model.scrolls;
    match model.open.last() {
        Some(Mode::Keys) => return scrolls.keys = shifted(scrolls.keys, by, furthest),
        Some(Mode::Why) => return scrolls.why = shifted(scrolls.why, by, furthest),
        Some(Mode::Torrent) => return scrolls.torrent = shifted(scrolls.torrent, by, furthest),
        Some(Mode::Peer { .. }) => return scrolls.peer = shifted(scrolls.peer, by, furthest),
        Some(Mode::Tracker) => return scrolls.tracker = shifted(scrolls.tracker, by, furthest),
        Some(Mode::Columns) => {
            let last = choose::lines(model).saturating_sub(1);
            return model.chooser.at = shifted(model.chooser.at.min(last), by, last);
        }
        Some(Mode::AskQuit | Mode::Order | Mode::Browse) | None => {}
    }
    match model.screen {
        Screen::Overview if model.panel == Panel::Funnel => {
            model.step = (shifted(model.step.0, by, Funnel::of(view).steps().len() - 1), 0);
        }
        Screen::Overview | Screen::Peers => select(model, view, by),
        Screen::Pieces => {
            let a_row = screens::lattice(model, view).a_row() as isize;
            move_piece(model, view, by.saturating_mul(a_row));
        }
        Screen::Trackers => scrolls.trackers = shifted(scrolls.trackers, by, furthest),
        Screen::Files => model.files.step(by),
        // The log counts from its end.
        Screen::Log => scrolls.log_back = shifted(scrolls.log_back, by.saturating_neg(), furthest),
    }
}

/// Closer to the pieces, or farther away; at either end it says that it is one.
fn zoom(model: &mut Model, view: &View, closer: bool) {
    let lattice = screens::lattice(model, view);
    match (closer, model.atlas.zoom) {
        (true, _) if lattice.can_be_closer => model.atlas.zoom += 1,
        (true, _) => {
            let cell = match lattice.scale {
                Scale::Cells(_) => "a part of a piece",
                Scale::Pieces(_) => "a piece",
            };
            model.say(format!("This is as close as it gets: one cell is {cell}."), false);
        }
        (false, 0) => model.say("This is the whole torrent.", false),
        (false, zoom) => model.atlas.zoom = zoom - 1,
    }
}

fn move_piece(model: &mut Model, view: &View, by: isize) {
    let last = view.torrent.geometry.piece_count().saturating_sub(1);
    model.piece = shifted(model.piece as usize, by, last as usize) as u32;
}

fn sideways(model: &mut Model, view: &View, by: isize) {
    if model.mode() == Mode::Columns {
        return choose::shift(model, by);
    }
    if model.mode() == Mode::Keys {
        return turn_help(model, by);
    }
    if !model.open.is_empty() {
        return;
    }
    if model.columns_off == 0 && model.fold(view, by < 0) {
        return model.order.moved(model.clock);
    }
    match model.screen {
        Screen::Overview if model.panel == Panel::Funnel && model.step.0 > 0 => {
            let losses = Funnel::of(view).losses(view, model.step.0).len();
            model.step.1 = shifted(model.step.1, by, losses);
        }
        Screen::Peers | Screen::Overview if model.screen == Screen::Peers || model.zoomed => {
            model.columns_off = shifted(model.columns_off, by, screens::columns_to_scroll(model))
        }
        Screen::Files if by < 0 => model.files.fold_or_leave(),
        Screen::Files => model.files.unfold(),
        Screen::Pieces => {
            let a_cell = screens::lattice(model, view).scale.pieces_a_cell() as isize;
            move_piece(model, view, by.saturating_mul(a_cell));
        }
        _ => {}
    }
}

/// Moves the selection by so many rows.
fn select(model: &mut Model, view: &View, by: isize) {
    let rows: Vec<PeerKey> = model.lines(view).collect();
    let Some(last) = rows.len().checked_sub(1) else {
        return;
    };
    let at = model.selected.and_then(|key| rows.iter().position(|other| *other == key));
    model.selected = Some(rows[at.map_or(0, |at| shifted(at, by, last))]);
    model.select_listed(view);
    model.order.moved(model.clock);
}

/// The next tab of the list, or on a page of a peer or a tracker the next of them.
fn turn(model: &mut Model, view: &View, by: isize) {
    if model.mode() == Mode::Keys {
        return turn_help(model, by);
    }
    if matches!(model.mode(), Mode::Peer { .. }) {
        model.scrolls.peer = 0;
        return select(model, view, by);
    }
    if model.mode() == Mode::Tracker {
        let last = view.trackers.len().saturating_sub(1);
        let at = shifted(model.scrolls.trackers.min(last), by, last);
        model.scrolls = Scrolls { trackers: at, tracker: 0, ..model.scrolls };
        return;
    }
    let tabs = Shown::TABS;
    let at = tabs.iter().position(|tab| *tab == model.shown).unwrap_or(0) as isize;
    narrow(model, view, tabs[(at + by).rem_euclid(tabs.len() as isize) as usize]);
}

/// The next tab of the help, from its beginning.
fn turn_help(model: &mut Model, by: isize) {
    model.help = model.help.turned(by);
    model.scrolls.keys = 0;
}

/// Shows only these peers, with the selection among them.
pub(super) fn narrow(model: &mut Model, view: &View, shown: Shown) {
    model.shown = shown;
    if !model.lines(view).any(|key| Some(key) == model.selected) {
        let first = model.lines(view).next();
        model.selected = first;
    }
}

fn open(model: &mut Model, view: &View) {
    match model.mode() {
        Mode::Peer { bytes } => {
            model.open.pop();
            model.open.push(Mode::Peer { bytes: !bytes });
            model.scrolls.peer = 0;
        }
        Mode::Browse if model.screen == Screen::Overview && model.panel == Panel::Funnel => {
            let (step, loss) = model.step;
            let funnel = Funnel::of(view);
            let lost = loss.checked_sub(1).and_then(|at| funnel.losses(view, step).get(at).copied());
            let shown = match lost {
                Some((word, _)) => Shown::Lost(funnel, step, word),
                None if step == 0 => Shown::All,
                None => Shown::Reached(funnel, step),
            };
            model.screen = Screen::Peers;
            narrow(model, view, shown);
        }
        Mode::Order => _ = model.open.pop(),
        Mode::Tracker => {
            if let Some(tracker) = model.tracker(view) {
                let named = filter::named_by(tracker, view);
                list_peers(model, &named, view);
            }
        }
        Mode::Browse if model.screen == Screen::Trackers => {
            model.open.extend(model.tracker(view).map(|_| Mode::Tracker));
            model.scrolls.tracker = 0;
        }
        Mode::Browse if model.screen == Screen::Pieces => {
            list_peers(model, &filter::holders_of(model.piece), view);
        }
        Mode::Browse if model.screen == Screen::Files => model.files.toggle(),
        Mode::Browse if model.selected.is_some() => {
            if let Some(fold) = model.selected_fold(view) {
                model.screen = Screen::Peers;
                return narrow(model, view, Shown::Because(fold.cause));
            }
            model.open.push(Mode::Peer { bytes: false });
            model.scrolls.peer = 0;
        }
        _ => {}
    }
}

/// Lists the peers that this filter takes, of every group.
fn list_peers(model: &mut Model, text: &str, view: &View) {
    show(model, Screen::Peers);
    model.shown = Shown::All;
    prompt::filter(model, List::Peers, text, view);
}

fn back(model: &mut Model, view: &View) {
    let lists = Scope::PeerList.holds(model) || Scope::Log.holds(model) || Scope::KeysPage.holds(model);
    if lists && !model.filters.text(model.list()).is_empty() {
        return prompt::filter(model, model.list(), "", view);
    }
    if Scope::PeerList.holds(model) && !model.marked.is_empty() {
        return model.marked.clear();
    }
    if Scope::Overview.holds(model) && model.zoomed {
        model.zoomed = false;
        return;
    }
    if model.open.pop().is_some() {
        return;
    }
    match model.screen {
        Screen::Log if model.log_of.is_some() => {
            model.log_of = None;
            model.scrolls.log_back = 0;
        }
        Screen::Peers if model.shown != Shown::All => narrow(model, view, Shown::All),
        Screen::Overview => model.panel = Panel::Peers,
        _ => show(model, Screen::Overview),
    }
}

fn copy(model: &mut Model, view: &View) {
    let copied = export::copied(model, view);
    match &copied {
        Some(text) => model.say(format!("Copied: {text}"), false),
        None => model.say("There is nothing to copy here.", true),
    }
    model.copy = copied;
}

fn toggle(model: &mut Model, mode: Mode) {
    if model.mode() == mode {
        model.open.pop();
    } else {
        model.open.retain(|other| *other != mode);
        model.open.push(mode);
        model.scrolls = Scrolls { keys: 0, why: 0, torrent: 0, ..model.scrolls };
        model.filters.keys = Words::default();
        model.help = Help::default();
    }
}

fn quit(model: &mut Model, view: &View) -> Option<Command> {
    match model.open.pop() {
        None if quitting_stops(view) => model.open.push(Mode::AskQuit),
        None | Some(Mode::AskQuit) => {
            model.leaving = true;
            return Some(Command::Quit);
        }
        Some(_) => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::Group;
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
    fn what_is_complete_and_verified_again_is_no_news() {
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
        assert!(model.bell);
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
        press(
            &mut model,
            &view,
            &[Action::NextPanel, Action::Down, Action::Down, Action::Right, Action::Open],
        );
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
        assert_eq!(model.rows(&view).count(), 50);
        assert_eq!(
            press(&mut model, &view, &[Action::Show(Screen::Trackers), Action::Announce]),
            Some(Command::Announce(None))
        );
    }

    #[test]
    fn enter_on_a_piece_lists_the_peers_that_have_it() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        press(&mut model, &view, &[Action::Show(Screen::Peers), Action::NextTab, Action::NextTab]);
        press(&mut model, &view, &[Action::Show(Screen::Pieces), Action::Down, Action::Right, Action::Open]);
        assert_eq!((model.screen, model.shown), (Screen::Peers, Shown::All));
        let piece = view.torrent.geometry.piece(model.piece).unwrap();
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
}
