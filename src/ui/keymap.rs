//! The keys in use: those of the table, or what the settings put in their place.

use ratatui::crossterm::event::KeyCode;

use super::action::{Action, BINDINGS, Binding, Key, Scope};
use super::model::{Mode, Model, Screen};

/// The keys of every line of [`BINDINGS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keymap(Vec<Vec<Key>>);

/// A key that two actions have where both hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The key.
    pub key: Key,
    /// One of them.
    pub one: Bound,
    /// The other.
    pub other: Bound,
}

/// What keys are bound to: an action where it holds. The table has one line for each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bound {
    /// What is done.
    pub action: Action,
    /// Where.
    pub scope: Scope,
}

impl Bound {
    fn of(binding: &Binding) -> Self {
        Self { action: binding.action, scope: binding.scope }
    }

    /// Everything keys can be bound to, in the order of the table.
    pub fn all() -> Vec<Self> {
        BINDINGS.iter().map(Self::of).collect()
    }

    /// Its name among those of its scope, as settings have it.
    pub fn name(self) -> &'static str {
        self.action.name()
    }

    /// The name that settings had for it before; files that were written then are still read.
    pub fn former_name(self) -> Option<&'static str> {
        match self.action {
            Action::Freeze => Some("hold-screen"),
            Action::Add => Some("add-peer"),
            _ => None,
        }
    }

    /// What it does.
    pub fn help(self) -> &'static str {
        BINDINGS.iter().find(|binding| Self::of(binding) == self).map_or("", |binding| binding.help)
    }
}

impl Default for Keymap {
    fn default() -> Self {
        Self(BINDINGS.iter().map(|binding| binding.keys.to_vec()).collect())
    }
}

impl Keymap {
    /// The lines of the table with the keys they have now.
    pub fn lines(&self) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        BINDINGS.iter().zip(self.0.iter().map(Vec::as_slice))
    }

    /// The keys of an action where it holds, the usual one first.
    pub fn keys(&self, bound: Bound) -> &[Key] {
        self.lines().find(|(line, _)| Bound::of(line) == bound).map_or(&[], |(_, keys)| keys)
    }

    /// Puts these keys in the place of those it had.
    pub fn bind(&mut self, bound: Bound, keys: Vec<Key>) {
        let lines = BINDINGS.iter().zip(&mut self.0);
        lines.filter(|(line, _)| Bound::of(line) == bound).for_each(|(_, line)| line.clone_from(&keys));
    }

    /// What the key does where the model stands; the narrowest scope wins.
    pub fn action_for(&self, key: Key, model: &Model) -> Option<Action> {
        let holding = self.lines().filter(|(line, keys)| keys.contains(&key) && line.scope.holds(model));
        holding.min_by_key(|(line, _)| line.scope).map(|(line, _)| line.action)
    }

    /// How the screens call the key of an action: that of its first line which has one.
    pub fn name(&self, action: Action) -> String {
        let first = self.lines().find(|(line, keys)| line.action == action && !keys.is_empty());
        first.map_or_else(|| "(no key)".to_owned(), |(_, keys)| keys[0].name())
    }

    /// The key of an action where the model stands, as the screens call it; while something is laid over a page, that of
    /// any of its lines, so that the page behind stays as it is.
    pub fn name_here(&self, action: Action, model: &Model) -> Option<String> {
        let bound = |(line, keys): &(&Binding, &[Key])| line.action == action && !keys.is_empty();
        let holding = self.lines().filter(bound).filter(|(line, _)| line.scope.holds(model));
        let behind = || self.lines().find(bound).filter(|_| model.page() != model.mode());
        holding.min_by_key(|(line, _)| line.scope).or_else(behind).map(|(_, keys)| keys[0].name())
    }

    /// The keys of the screens of a torrent in short, and of that of all where it is wanted: `1-6`, `F1-F6`, `0-6`, or one
    /// behind the other.
    pub fn screens(&self, with_all: bool) -> String {
        let is_wanted = |action| match action {
            Action::Show(Screen::Torrents) => with_all,
            action => matches!(action, Action::Show(_)),
        };
        let shows = self.lines().filter(|(line, _)| is_wanted(line.action));
        let keys: Vec<Key> = shows.filter_map(|(_, keys)| keys.first().copied()).collect();
        let number = |key: &Key| match key.code {
            KeyCode::Char(c) if !key.ctrl => Some(u32::from(c)),
            KeyCode::F(n) => Some(u32::MAX - 255 + u32::from(n)),
            _ => None,
        };
        let numbers: Vec<u32> = keys.iter().filter_map(number).collect();
        let in_a_row = numbers.len() == keys.len() && numbers.windows(2).all(|two| two[0] + 1 == two[1]);
        match (keys.first(), keys.last()) {
            (Some(first), Some(last)) if in_a_row && keys.len() > 2 => {
                format!("{}-{}", first.name(), last.name())
            }
            _ => keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "),
        }
    }

    /// Two actions with one key where both hold. Those that share a key in the table do so on purpose.
    pub fn conflict(&self) -> Option<Conflict> {
        let places = places();
        let meet = |a: Scope, b: Scope| places.iter().any(|place| a.holds(place) && b.holds(place));
        let lines: Vec<_> = self.lines().collect();
        for (at, (one, keys)) in lines.iter().enumerate() {
            for (other, others) in &lines[at + 1..] {
                let shared = keys.iter().find(|key| {
                    others.contains(key) && !(one.keys.contains(key) && other.keys.contains(key))
                });
                if let Some(&key) = shared.filter(|_| meet(one.scope, other.scope)) {
                    return Some(Conflict { key, one: Bound::of(one), other: Bound::of(other) });
                }
            }
        }
        None
    }
}

/// Models for every place there is to be.
fn places() -> Vec<Model> {
    let mut start = Model::new(super::Look::default());
    start.selected = Some(crate::event::PeerKey(0));
    let mut places = Vec::new();
    for screen in Screen::ALL {
        let pages =
            [Mode::Peer { bytes: false }, Mode::Tracker, Mode::Why, Mode::Torrent, Mode::Keys, Mode::Order];
        for open in pages.map(Some).into_iter().chain([None]) {
            let mut place = start.clone();
            (place.screen, place.open) = (screen, open.into_iter().collect());
            places.push(place);
        }
    }
    places
}

/// The table of the settings that the keys of a scope stand in, below `keys`; nothing for those that hold
/// everywhere.
pub fn section(scope: Scope) -> &'static str {
    match scope {
        Scope::Replay => "replay",
        Scope::Everywhere => "",
        Scope::Overview => "overview",
        Scope::Peers => "peers",
        Scope::PeerList => "peer-list",
        Scope::Peer => "peer",
        Scope::PeerPage => "peer-page",
        Scope::TrackerPage => "tracker-page",
        Scope::KeysPage => "key-list",
        Scope::ColumnsPage => "column-list",
        Scope::DeletePage => "delete-page",
        Scope::OrderMenu => "order-menu",
        Scope::Log => "log",
        Scope::Trackers => "trackers",
        Scope::Pieces => "pieces",
        Scope::Files => "files",
        Scope::Torrents => "torrents",
    }
}

/// Keys with names of their own, first as people read them and then as they type them.
const NAMED: &[(KeyCode, &str, &str)] = &[
    (KeyCode::Char(' '), "space", "space"),
    (KeyCode::Up, "↑", "Up"),
    (KeyCode::Down, "↓", "Down"),
    (KeyCode::Left, "←", "Left"),
    (KeyCode::Right, "→", "Right"),
    (KeyCode::PageUp, "PgUp", "PgUp"),
    (KeyCode::PageDown, "PgDn", "PgDn"),
    (KeyCode::Home, "Home", "Home"),
    (KeyCode::End, "End", "End"),
    (KeyCode::Enter, "Enter", "Enter"),
    (KeyCode::Esc, "Esc", "Esc"),
    (KeyCode::Tab, "Tab", "Tab"),
    (KeyCode::BackTab, "Shift-Tab", "Shift-Tab"),
    (KeyCode::Backspace, "Backspace", "Backspace"),
    (KeyCode::Delete, "Delete", "Delete"),
    (KeyCode::Insert, "Insert", "Insert"),
];

impl Key {
    /// How people call it.
    pub fn name(self) -> String {
        self.called(|(_, read, _)| read)
    }

    /// How it is typed in the settings.
    pub fn typed(self) -> String {
        self.called(|(_, _, typed)| typed)
    }

    fn called(self, pick: fn(&'static (KeyCode, &'static str, &'static str)) -> &'static str) -> String {
        let named = NAMED.iter().find(|named| named.0 == self.code).map(pick);
        let name = match (named, self.code) {
            (Some(name), _) => name.to_owned(),
            (None, KeyCode::Char(c)) if self.ctrl => c.to_ascii_uppercase().to_string(),
            (None, KeyCode::Char(c)) => c.to_string(),
            (None, KeyCode::F(n)) => format!("F{n}"),
            (None, code) => format!("{code:?}"),
        };
        if self.ctrl { format!("Ctrl-{name}") } else { name }
    }

    /// The key of this name: a character, one of `space`, `Up`, `PgUp`, `Enter`, `F5`, … or `Ctrl-` and a
    /// letter. Names of more than one character may be written in any case.
    pub fn parse(name: &str) -> Option<Self> {
        let plain = |code| Self { code, ctrl: false };
        let mut chars = name.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            let named = NAMED.iter().find(|named| named.1 == name).map(|named| named.0);
            let shown = !c.is_control() && !c.is_whitespace();
            return named.or_else(|| shown.then_some(KeyCode::Char(c))).map(plain);
        }
        let lower = name.to_ascii_lowercase();
        if let Some(letter) = lower.strip_prefix("ctrl-") {
            // Others are told apart by few terminals, or are what another key sends.
            let taken = |c: &char| c.is_ascii_lowercase() && !matches!(c, 'h' | 'i' | 'j' | 'm');
            let mut letters = letter.chars();
            let letter = letters.next().filter(taken)?;
            return letters.next().is_none().then_some(Self { code: KeyCode::Char(letter), ctrl: true });
        }
        let function =
            || lower.strip_prefix('f')?.parse().ok().filter(|n| (1..=12).contains(n)).map(KeyCode::F);
        let named = NAMED.iter().find(|named| named.2.to_ascii_lowercase() == lower).map(|named| named.0);
        named.or_else(function).map(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::parse(name).unwrap_or_else(|| panic!("no key: {name}"))
    }

    fn bound(section_name: &str, name: &str) -> Bound {
        let found = |bound: &Bound| section(bound.scope) == section_name && bound.name() == name;
        Bound::all().into_iter().find(found).unwrap()
    }

    #[test]
    fn keys_have_names_people_know() {
        for name in ["Ctrl-C", "space", "PgDn", "Enter", "Shift-Tab", "F5", "x", "X", "?", "Up", "é"] {
            assert_eq!(key(name).typed(), name);
        }
        assert_eq!(key("up").name(), "↑");
        assert_eq!(key("↑"), key("UP"));
        assert_eq!(key("ctrl-l"), key("Ctrl-L"));
        for name in ["", "Ctrl-", "Ctrl-I", "Ctrl-PgUp", "F13", "F0", "Hyper", " ", "\u{7}", "xx"] {
            assert_eq!(Key::parse(name), None, "{name}");
        }
    }

    #[test]
    fn every_key_of_the_table_is_read_as_it_is_written() {
        for key in BINDINGS.iter().flat_map(|binding| binding.keys) {
            assert_eq!(Key::parse(&key.typed()), Some(*key));
            assert_eq!(Key::parse(&key.name()), Some(*key));
        }
    }

    #[test]
    fn everything_has_a_name_of_its_own_in_its_scope() {
        let all = Bound::all();
        for (at, one) in all.iter().enumerate() {
            assert!(
                all.iter().all(|other| section(other.scope) != one.name()),
                "{one:?} has the name of a table"
            );
            for other in &all[at + 1..] {
                let called = |bound: Bound| (section(bound.scope), bound.name());
                assert_ne!(called(*one), called(*other));
            }
        }
    }

    #[test]
    fn the_table_is_without_conflict_and_a_key_given_twice_is_one() {
        let mut keys = Keymap::default();
        assert_eq!(keys.conflict(), None);
        keys.bind(bound("peer", "drop"), vec![key("h"), key("p")]);
        let conflict = keys.conflict().unwrap();
        assert_eq!((conflict.one, conflict.other), (bound("", "pause"), bound("peer", "drop")));
        assert_eq!(conflict.key, key("p"));
        keys.bind(bound("", "pause"), vec![key("Q")]);
        assert_eq!(keys.conflict().unwrap().key, key("h"));
        keys.bind(bound("", "left"), vec![key("Left")]);
        assert_eq!(keys.conflict(), None);
    }

    #[test]
    fn scopes_that_never_hold_together_may_share_a_key() {
        let mut keys = Keymap::default();
        keys.bind(bound("trackers", "announce"), vec![key("s")]);
        assert_eq!(keys.conflict(), None, "s sorts peers, and there are none among the trackers");
    }

    #[test]
    fn keys_do_what_they_are_bound_to_and_what_they_did_no_more() {
        let model = Model::new(super::super::Look::default());
        let mut keys = Keymap::default();
        keys.bind(bound("", "pause"), vec![key("F2")]);
        assert_eq!(keys.action_for(key("F2"), &model), Some(Action::Pause));
        assert_eq!(keys.action_for(key("p"), &model), None);
        assert_eq!(keys.name(Action::Pause), "F2");
        keys.bind(bound("", "pause"), Vec::new());
        assert_eq!(keys.name(Action::Pause), "(no key)");
    }
}
