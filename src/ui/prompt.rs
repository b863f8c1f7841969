//! Questions that are answered by typing, in place of the key line: what is asked, whether the answer will do, and
//! what comes of it.

use crate::command::{Command, SessionCommand};
use crate::ledger::View;
use crate::metainfo::InfoHash;
use crate::units::{self, Units};

use ratatui::crossterm::event::KeyCode;

use super::action::{Action, Key, action_for};
use super::adding::{self, Adding};
use super::export::{self, Export, Format, What};
use super::field::{Field, MOST_KIB, Pressed};
use super::filter::{Filter, List};
use super::model::Model;
use super::order_menu;
use super::relocating;
use super::replay;
use super::screens;
use super::update::update;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ask {
    /// The time of the recording to go to.
    GoTo,
    /// Which lines of a list are shown. It is shown as it is typed.
    Filter(List),
    /// The file for what is seen.
    Export,
    /// The path or magnet of a torrent, or the address of a peer.
    Add,
    /// The folder for the torrents that were named.
    Into,
    /// The folder for the files of torrents that are here.
    MoveTo,
    /// How fast we may receive.
    DownLimit,
    /// How fast we may send.
    UpLimit,
}

/// A question, and the answer as far as it is typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Prompt {
    /// What is asked.
    pub(crate) ask: Ask,
    /// What is typed.
    pub(crate) field: Field,
    /// What stood in the field at first.
    before: String,
    /// An answer that could not be carried out, and why.
    failed: Option<(String, String)>,
    /// The torrents that are being added.
    pub(crate) adding: Adding,
    /// Those whose files are to be moved.
    pub(crate) moving: Vec<InfoHash>,
    /// A limit is for the torrent that is chosen alone, and not for the whole program.
    pub(crate) own: bool,
}

impl Prompt {
    /// A question with this in its field.
    pub(super) fn new(ask: Ask, first: String) -> Self {
        Self {
            ask,
            field: Field::new(first.clone()),
            before: first,
            failed: None,
            adding: Adding::default(),
            moving: Vec::new(),
            own: false,
        }
    }

    /// A question that is asked once more: what was typed, and why it could not be carried out.
    pub(super) fn again(ask: Ask, typed: String, why: String) -> Self {
        Self { failed: Some((typed.clone(), why)), ..Self::new(ask, typed) }
    }

    /// What is asked, in a word or two.
    pub(crate) fn label(&self) -> &'static str {
        match (self.ask, self.own) {
            (Ask::DownLimit, true) => "its own limit ↓",
            (Ask::UpLimit, true) => "its own limit ↑",
            (ask, _) => ask.label(),
        }
    }

    /// What the keys do that end it.
    pub(crate) fn keys(&self) -> &'static str {
        match (self.ask, self.own) {
            (Ask::DownLimit | Ask::UpLimit, true) => "Enter set · Tab all torrents · Esc leave",
            (ask, _) => ask.keys(),
        }
    }

    /// Asks for the limit of the torrent that is chosen, or for that of all; what was typed stays.
    fn turn_limit(&mut self, model: &Model, view: &View) {
        self.own = !self.own;
        if self.field.text() == self.before {
            let now = self.ask.limit(limits(model, view, self.own));
            *self = Self { own: self.own, ..Self::new(self.ask, now.map(typed_rate).unwrap_or_default()) };
        }
    }

    /// What is said of the answer that stands there now.
    pub(crate) fn says(&self, model: &Model, view: &View) -> Said {
        match &self.failed {
            Some((text, why)) if text == self.field.text() => Err(why.clone()),
            _ => self.understood(model, view),
        }
    }

    /// How the answer is understood, or why it is not; one that could not be carried out may be tried once more.
    fn understood(&self, model: &Model, view: &View) -> Said {
        let text = self.field.text();
        match self.ask {
            Ask::Add => self.adding.says(text, model, view),
            Ask::Into => self.adding.says_of_folder(text),
            Ask::MoveTo => relocating::says(text, &self.moving, model),
            Ask::DownLimit | Ask::UpLimit => read_limit(text).map(|limit| {
                limit_note(limit, self.ask.limit(limits(model, view, self.own)), model.look.units)
            }),
            ask => ask.says(text, model, view),
        }
    }
}

/// What is said of an answer while it is typed: how it is understood, or why it is not.
pub(crate) type Said = Result<String, String>;

impl Ask {
    /// The question in a word or two.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::GoTo => "go to",
            Self::Filter(_) => "filter",
            Self::Export => "export",
            Self::Add => "add",
            Self::Into => "into",
            Self::MoveTo => "move to",
            Self::DownLimit => "limit ↓",
            Self::UpLimit => "limit ↑",
        }
    }

    /// What the keys do that end it.
    pub(crate) fn keys(self) -> &'static str {
        match self {
            Self::GoTo => "Enter go · Esc leave",
            Self::Filter(_) => "Enter keep · Esc as before",
            Self::Export => "Enter write · Esc leave",
            Self::Add => "Enter add · Esc leave",
            Self::Into => "Enter add · Tab paused · Esc back",
            Self::MoveTo => "Enter move · Esc leave",
            Self::DownLimit | Self::UpLimit => "Enter set · Tab this torrent · Esc leave",
        }
    }

    /// What stands in the field at first.
    fn first(self, model: &Model, view: &View) -> String {
        match self {
            Self::Filter(list) => model.filters.text(list).to_owned(),
            Self::Export => export::name(model, view),
            Self::GoTo | Self::Add | Self::Into | Self::MoveTo => String::new(),
            Self::DownLimit | Self::UpLimit => {
                self.limit(limits(model, view, false)).map(typed_rate).unwrap_or_default()
            }
        }
    }

    /// How the answer is understood, or why it is not.
    pub(crate) fn says(self, text: &str, model: &Model, view: &View) -> Said {
        match self {
            Self::GoTo => match &model.replay {
                Some(replay) => replay::says(text, &replay.playback),
                None => Err("this is no recording".to_owned()),
            },
            Self::Filter(List::Peers) if text.trim().is_empty() => {
                Ok("words, or state:failed client:qB down>10k".to_owned())
            }
            Self::Filter(list) => {
                if list == List::Peers {
                    Filter::parse(text)?;
                }
                let (found, all) = screens::found(list, model, view);
                Ok(format!("{} of {} match", units::count(found as u64), units::count(all as u64)))
            }
            Self::Export => {
                let (count, of) = What::seen(model, view).count();
                let format = Format::of(text.trim()).ok_or("a name that ends in .json, .csv or .md")?;
                let others = if format == Format::Json { "; .csv, .md" } else { "" };
                Ok(format!("{} of {} {of}{others}", format.name(), units::count(count as u64)))
            }
            // What is said of them stands with what else is asked.
            Self::Add | Self::Into | Self::MoveTo | Self::DownLimit | Self::UpLimit => Ok(String::new()),
        }
    }

    /// Which of the two limits is asked for.
    fn limit(self, (down, up): (Option<u64>, Option<u64>)) -> Option<u64> {
        if self == Self::DownLimit { down } else { up }
    }
}

/// Asks.
pub(super) fn open(model: &mut Model, ask: Ask, view: &View) {
    let first = ask.first(model, view);
    model.prompt = Some(Prompt::new(ask, first));
}

/// Asks once more where the file could not be written, with the path that was typed and why it was not.
pub(super) fn not_written(model: &mut Model, export: &Export, why: String) {
    let path = export.path.to_string_lossy().into_owned();
    model.prompt = Some(Prompt::again(Ask::Export, path, why));
}

/// Carries out a key: where something is asked every key is text, but the few that end or edit it and Ctrl-C;
/// elsewhere it does what the table of keys says.
pub(super) fn press(model: &mut Model, key: Key, view: &View) -> Option<Command> {
    let action = action_for(key, model);
    model.note = None;
    if model.prompt.is_none() && action != Some(Action::QuitNow) && order_menu::press(model, key, view) {
        return None;
    }
    match &mut model.prompt {
        Some(prompt) if action != Some(Action::QuitNow) => {
            match (prompt.ask, key.code) {
                (Ask::Into, KeyCode::Tab) => {
                    prompt.adding.paused = !prompt.adding.paused;
                    return None;
                }
                (Ask::DownLimit | Ask::UpLimit, KeyCode::Tab) => {
                    if let Some(mut prompt) = model.prompt.take() {
                        prompt.turn_limit(model, view);
                        model.prompt = Some(prompt);
                    }
                    return None;
                }
                _ => {}
            }
            let pressed = prompt.field.press(key);
            let held = model.held.clone();
            answered(model, pressed, held.as_ref().map_or(view, |held| &held.view), view)
        }
        _ => match action {
            Some(action) => update(model, action, view),
            None => {
                replay::unbound(model, key);
                None
            }
        },
    }
}

/// Takes in a text as a whole. Where nothing is asked it is taken for what is to be added; several lines are several.
pub(super) fn paste(model: &mut Model, text: &str, view: &View) {
    if model.prompt.is_none() {
        if replay::paste(model) {
            return;
        }
        open(model, Ask::Add, view);
    }
    if let Some(prompt) = &mut model.prompt
        && !(prompt.ask == Ask::Add && prompt.adding.take_lines(&mut prompt.field, text))
        && !prompt.field.insert(text.trim())
    {
        let why = format!("more than {MOST_KIB} KiB: nothing of it is taken");
        prompt.failed = Some((prompt.field.text().to_owned(), why));
    }
    let held = model.held.clone();
    let _ = answered(model, Pressed::Edited, held.as_ref().map_or(view, |held| &held.view), view);
}

fn answered(model: &mut Model, pressed: Pressed, view: &View, newest: &View) -> Option<Command> {
    let prompt = model.prompt.take()?;
    let (ask, text) = (prompt.ask, prompt.field.text());
    match pressed {
        Pressed::Edited | Pressed::Ignored => {
            if let Ask::Filter(list) = ask {
                // What is no filter leaves the list as it was before anything was typed.
                let is_filter = list != List::Peers || Filter::parse(text).is_ok();
                filter(model, list, if is_filter { text } else { &prompt.before }, view);
            }
            model.prompt = Some(prompt);
        }
        // What was named is not lost by it.
        Pressed::Esc if ask == Ask::Into => model.prompt = Some(prompt.adding.back()),
        Pressed::Esc => {
            if let Ask::Filter(list) = ask {
                filter(model, list, &prompt.before, view);
            }
        }
        Pressed::Enter if prompt.understood(model, view).is_err() => model.prompt = Some(prompt),
        Pressed::Enter if ask == Ask::Add => adding::named(model, prompt, view),
        Pressed::Enter if ask == Ask::Into => adding::add(model, &prompt),
        Pressed::Enter if ask == Ask::MoveTo => relocating::move_there(model, prompt),
        Pressed::Enter => {
            if ask == Ask::Export
                && let Some(format) = Format::of(text.trim())
            {
                let what = What::seen(model, view);
                model.export = Some(Export { path: text.trim().into(), format, what });
            }
            if ask == Ask::GoTo {
                replay::go_to(model, text);
                return None;
            }
            model.undoable = false;
            if matches!(ask, Ask::DownLimit | Ask::UpLimit)
                && let Ok(limit) = read_limit(text)
            {
                return set_limit(model, newest, &prompt, limit);
            }
        }
    }
    None
}

/// The limits of the torrent that is chosen alone, or those of all together.
fn limits(model: &Model, view: &View, own: bool) -> (Option<u64>, Option<u64>) {
    match (own, model.torrents.selected()) {
        (true, Some(row)) => row.limits,
        (true, None) => (None, None),
        (false, Some(_)) => model.torrents.newest.limits,
        // Nothing is known of others.
        (false, None) => view.limits,
    }
}

/// Sets the limit that was asked for, and leaves the other as it is.
fn set_limit(model: &mut Model, view: &View, prompt: &Prompt, limit: Option<u64>) -> Option<Command> {
    let (mut down_bps, mut up_bps) = limits(model, view, prompt.own);
    *(if prompt.ask == Ask::DownLimit { &mut down_bps } else { &mut up_bps }) = limit;
    match (prompt.own, model.torrents.selected().map(|row| row.id)) {
        (true, Some(id)) => {
            model.wishes.push(SessionCommand::To(id, Command::LimitOwn { down_bps, up_bps }));
            None
        }
        (true, None) => None,
        (false, _) => Some(Command::Limit { down_bps, up_bps }),
    }
}

/// Shows only the lines of the list that this text takes.
pub(super) fn filter(model: &mut Model, list: List, text: &str, view: &View) {
    model.filters.set(list, text);
    match list {
        List::Peers => {
            model.search(view);
            model.select_listed(view);
        }
        List::Keys => model.scrolls.keys = 0,
        List::Log => model.scrolls.log_back = 0,
        List::Torrents => model.torrents.list(&model.filters.torrents),
    }
}

/// Reads a limit; nothing means none.
fn read_limit(text: &str) -> Result<Option<u64>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    units::parse_rate(text).map(Some).ok_or_else(|| "a rate, as 500k or 1.5M; empty for no limit".to_owned())
}

fn limit_note(limit: Option<u64>, now: Option<u64>, units: Units) -> String {
    let shown =
        |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), |bps| units::rate(bps, units));
    match limit {
        Some(0) => format!("nothing may pass · now {}", shown(now)),
        limit if limit == now => format!("now {} · empty: no limit", shown(now)),
        limit => format!("{} · now {}", shown(limit), shown(now)),
    }
}

/// A rate as it would be typed.
fn typed_rate(bps: u64) -> String {
    match bps {
        0 => "0".to_owned(),
        bps if bps.is_multiple_of(1 << 20) => format!("{}M", bps >> 20),
        bps if bps.is_multiple_of(1 << 10) => format!("{}k", bps >> 10),
        bps => bps.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::sample;
    use crate::ui::theme::Look;

    fn key(code: KeyCode) -> Key {
        Key { code, ctrl: false }
    }

    fn at_start(view: &View) -> Model {
        let mut model = Model::new(Look::default());
        model.take_in(view);
        model
    }

    /// The peers that the session was asked to dial.
    fn dialled(model: &Model) -> Vec<String> {
        let dialled = model.wishes.iter().filter_map(|wish| match wish {
            SessionCommand::AddPeer { peer, .. } => Some(peer.to_string()),
            _ => None,
        });
        dialled.collect()
    }

    fn type_in(model: &mut Model, text: &str, view: &View) -> Option<Command> {
        text.chars().map(|c| press(model, key(KeyCode::Char(c)), view)).last().flatten()
    }

    #[test]
    fn an_address_is_dialled_once_it_is_one() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        assert_eq!(type_in(&mut model, "aq203.0.113.9", &view), None);
        assert!(!model.leaving, "q is text");
        press(&mut model, key(KeyCode::Home), &view);
        press(&mut model, key(KeyCode::Delete), &view);
        assert_eq!(press(&mut model, key(KeyCode::Enter), &view), None, "there is no port yet");
        assert!(model.prompt.is_some());
        press(&mut model, key(KeyCode::End), &view);
        type_in(&mut model, ":6881", &view);
        assert_eq!(press(&mut model, key(KeyCode::Enter), &view), None);
        assert_eq!(dialled(&model), ["203.0.113.9:6881"]);
        assert_eq!(model.prompt, None);
    }

    #[test]
    fn limits_show_what_holds_and_set_one_without_the_other() {
        let mut view = sample::healthy();
        view.limits = (Some(500 << 10), Some(3 << 20));
        let mut model = at_start(&view);
        update(&mut model, Action::LimitDown, &view);
        let prompt = model.prompt.clone().unwrap();
        assert_eq!(prompt.field.text(), "500k");
        let says = |typed: &str| Prompt::new(prompt.ask, typed.to_owned()).says(&model, &view);
        assert!(says("500k").unwrap().contains("now 500 KiB/s"));
        assert!(says("fast").unwrap_err().contains("500k"));
        type_in(&mut model, "b", &view);
        let set = Command::Limit { down_bps: Some(500 << 10), up_bps: Some(3 << 20) };
        assert_eq!(press(&mut model, key(KeyCode::Enter), &view), Some(set), "500kb");
        update(&mut model, Action::LimitUp, &view);
        press(&mut model, Key { code: KeyCode::Char('u'), ctrl: true }, &view);
        let none = Command::Limit { down_bps: Some(500 << 10), up_bps: None };
        assert_eq!(press(&mut model, key(KeyCode::Enter), &view), Some(none));
    }

    #[test]
    fn tab_asks_for_the_limit_of_one_torrent_and_keeps_what_was_typed() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        let mut torrents = (*sample::torrents(&view)).clone();
        torrents.limits = (Some(1 << 20), None);
        std::sync::Arc::make_mut(&mut torrents.rows[0]).limits = (Some(500 << 10), Some(7));
        let id = torrents.rows[0].id;
        model.take_in_torrents(&std::sync::Arc::new(torrents));
        update(&mut model, Action::LimitDown, &view);
        let typed = |model: &Model| model.prompt.clone().unwrap().field.text().to_owned();
        assert_eq!(typed(&model), "1M");
        press(&mut model, key(KeyCode::Tab), &view);
        assert_eq!(
            (typed(&model), model.prompt.clone().unwrap().label()),
            ("500k".to_owned(), "its own limit ↓")
        );
        type_in(&mut model, "b", &view);
        press(&mut model, key(KeyCode::Tab), &view);
        press(&mut model, key(KeyCode::Tab), &view);
        assert_eq!(typed(&model), "500kb", "what was typed stays");
        assert_eq!(press(&mut model, key(KeyCode::Enter), &view), None);
        let asked = Command::LimitOwn { down_bps: Some(500 << 10), up_bps: Some(7) };
        assert_eq!(model.wishes, [SessionCommand::To(id, asked)]);
    }

    #[test]
    fn an_export_that_failed_is_asked_again_with_its_path_and_why() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        type_in(&mut model, "e", &view);
        press(&mut model, Key { code: KeyCode::Char('u'), ctrl: true }, &view);
        type_in(&mut model, "full/a.csv", &view);
        press(&mut model, key(KeyCode::Enter), &view);
        let export = model.export.take().unwrap();
        assert_eq!(model.prompt, None);
        not_written(&mut model, &export, "no room".to_owned());
        let prompt = model.prompt.clone().unwrap();
        assert_eq!(
            (prompt.field.text(), prompt.says(&model, &view)),
            ("full/a.csv", Err("no room".to_owned()))
        );
        press(&mut model, key(KeyCode::Enter), &view);
        assert_eq!(model.export.take(), Some(export.clone()), "it may be tried again as it is");
        not_written(&mut model, &export, "no room".to_owned());
        press(&mut model, key(KeyCode::Backspace), &view);
        type_in(&mut model, "v", &view);
        assert_eq!(model.prompt.clone().unwrap().says(&model, &view), Err("no room".to_owned()));
        press(&mut model, key(KeyCode::Home), &view);
        type_in(&mut model, "x", &view);
        assert!(model.prompt.clone().unwrap().says(&model, &view).is_ok(), "another path may do");
    }

    #[test]
    fn escape_forgets_and_control_c_quits_at_once() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        type_in(&mut model, "a1.2.3.4:5", &view);
        assert_eq!(press(&mut model, key(KeyCode::Esc), &view), None);
        assert_eq!(model.prompt, None);
        type_in(&mut model, "a1", &view);
        let control_c = Key { code: KeyCode::Char('c'), ctrl: true };
        assert_eq!(press(&mut model, control_c, &view), Some(Command::Quit));
    }

    #[test]
    fn a_paste_where_nothing_is_asked_is_taken_for_what_is_to_be_added() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        paste(&mut model, " 203.0.113.9:6881\n", &view);
        assert_eq!(model.prompt.as_ref().map(|prompt| prompt.field.text()), Some("203.0.113.9:6881"));
        press(&mut model, key(KeyCode::Enter), &view);
        assert_eq!(dialled(&model), ["203.0.113.9:6881"]);
    }

    #[test]
    fn a_long_magnet_is_taken_whole_and_a_longer_one_not_at_all() {
        let view = sample::healthy();
        let link = |trackers: usize| {
            let hash = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
            (0..trackers).fold(hash.to_owned(), |link, n| {
                link + &format!("&tr=udp%3A%2F%2Ft{n}.example%3A6969%2Fannounce")
            })
        };
        let mut model = at_start(&view);
        let long = link(1000);
        paste(&mut model, &long, &view);
        assert_eq!(model.prompt.take().unwrap().field.text(), long);

        paste(&mut model, &link(10_000), &view);
        let prompt = model.prompt.clone().unwrap();
        let why = "more than 64 KiB: nothing of it is taken".to_owned();
        assert_eq!((prompt.field.text(), prompt.says(&model, &view)), ("", Err(why.clone())));
        paste(&mut model, "203.0.113.9:6881", &view);
        assert_eq!(model.prompt.clone().unwrap().says(&model, &view), Ok("a peer".to_owned()));
        paste(&mut model, &link(10_000), &view);
        let prompt = model.prompt.clone().unwrap();
        assert_eq!((prompt.field.text(), prompt.says(&model, &view)), ("203.0.113.9:6881", Err(why)));
    }

    #[test]
    fn what_is_no_filter_leaves_the_list_as_it_was() {
        let view = sample::healthy();
        let mut model = at_start(&view);
        for before in ["", "client:transmission"] {
            filter(&mut model, List::Peers, before, &view);
            let rows: Vec<_> = model.rows(&view).collect();
            update(&mut model, Action::Filter, &view);
            press(&mut model, Key { code: KeyCode::Char('u'), ctrl: true }, &view);
            type_in(&mut model, "down>", &view);
            assert_eq!(model.rows(&view).collect::<Vec<_>>(), rows, "{before}");
            type_in(&mut model, "10k", &view);
            assert_eq!(model.rows(&view).count(), 7);
            press(&mut model, key(KeyCode::Esc), &view);
            assert_eq!(model.rows(&view).collect::<Vec<_>>(), rows, "{before}");
        }
    }

    #[test]
    fn a_limit_reads_back_as_it_is_shown() {
        for bps in [0, 1, 1000, 1024, 512_000, 1 << 20, (1 << 20) + 1, 5 << 30] {
            assert_eq!(units::parse_rate(&typed_rate(bps)), Some(bps));
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_understood_or_told_why_not(text in "(\\PC{0,12}|[0-9a-f:.\\[\\]]{0,24})") {
            let view = sample::healthy();
            let model = at_start(&view);
            for ask in [Ask::DownLimit, Ask::UpLimit] {
                match Prompt::new(ask, text.clone()).says(&model, &view) {
                    Ok(_) => prop_assert!(read_limit(&text).is_ok()),
                    Err(why) => prop_assert!(!why.is_empty() && read_limit(&text).is_err()),
                }
            }
        }
    }
}
