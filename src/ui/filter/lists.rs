//! The lists that can be filtered, and what is looked for on each.

use super::{Filter, words};

/// Words that all have to stand in a line, for lists of plain text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Words {
    text: String,
    words: Vec<String>,
}

impl Words {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.trim().to_owned(), words: words(&text.to_lowercase()) }
    }

    /// Whether every line passes.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// As they were typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the line has all of them.
    pub(crate) fn takes(&self, line: &str) -> bool {
        self.is_empty() || {
            let line = line.to_lowercase();
            self.words.iter().all(|word| line.contains(word))
        }
    }
}

/// The filters of the screens.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filters {
    /// Of the lists of peers.
    pub(crate) peers: Filter,
    /// Of the list of keys.
    pub(crate) keys: Words,
    /// Of the log.
    pub(crate) log: Words,
    /// Of the list of torrents.
    pub(crate) torrents: Words,
}

/// A list that can be filtered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    /// The peers.
    Peers,
    /// The keys.
    Keys,
    /// The log.
    Log,
    /// The torrents.
    Torrents,
}

impl Filters {
    /// The filter of a list, as it was typed.
    pub(crate) fn text(&self, list: List) -> &str {
        match list {
            List::Peers => self.peers.text(),
            List::Keys => self.keys.text(),
            List::Log => self.log.text(),
            List::Torrents => self.torrents.text(),
        }
    }

    /// Filters a list by this text. One that does not parse leaves the filter before it.
    pub(crate) fn set(&mut self, list: List, text: &str) {
        match list {
            List::Peers => {
                if let Ok(filter) = Filter::parse(text) {
                    self.peers = filter;
                }
            }
            List::Keys => self.keys = Words::new(text),
            List::Log => self.log = Words::new(text),
            List::Torrents => self.torrents = Words::new(text),
        }
    }
}
