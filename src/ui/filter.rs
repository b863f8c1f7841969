//! What a filter says: words and terms that all have to hold, `state:failed why:timeout down>10k`.
//!
//! The names before `:`, `<`, `>` and `=` are the ids of the columns' table. A word without a name is looked for in
//! every column that holds text. What stands in double quotes is one word, spaces included. `has:17` takes the peers that
//! have the piece of this number.

mod grammar;
mod lists;
#[cfg(test)]
mod tests;

use crate::event::{PeerKey, Source};
use crate::ledger::{PeerRecord, View};
use crate::units;

use super::columns::{PEER_COLUMNS, column, host_of};
use super::grid::{ColumnFilter, Measure};
use super::source::SourceRecord;

pub use grammar::{examples, grammar};
pub(crate) use lists::{Filters, List, Words};

/// How a number is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    Equal,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Relation {
    fn holds(self, number: u64, limit: u64) -> bool {
        match self {
            Self::Equal => number == limit,
            Self::Above => number > limit,
            Self::AtLeast => number >= limit,
            Self::Below => number < limit,
            Self::AtMost => number <= limit,
        }
    }
}

/// One condition.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Term {
    /// A word in any column, in lower case.
    Word(String),
    /// A word in one column, in lower case.
    In(&'static str, String),
    /// A number of one column.
    Number(&'static str, Relation, u64),
    /// It has the piece of this number.
    Piece(u32),
}

/// Conditions on a peer that all have to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filter {
    text: String,
    terms: Vec<Term>,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in a few words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let terms = words(text).into_iter().map(term).collect::<Result<_, _>>()?;
        Ok(Self { text: text.trim().to_owned(), terms })
    }

    /// Whether it lets everything pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// As it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the peer is one that is looked for.
    pub(crate) fn takes(&self, peer: &PeerRecord, view: &View) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Word(word) => PEER_COLUMNS.iter().any(|column| holds(&column.filter, word, peer, view)),
            Term::In(id, word) => column(id).is_some_and(|column| holds(&column.filter, word, peer, view)),
            Term::Number(id, relation, limit) => match column(id).map(|column| &column.filter) {
                Some(ColumnFilter::Number(_, _, number)) => {
                    number(peer, view).is_some_and(|number| relation.holds(number, *limit))
                }
                _ => false,
            },
            Term::Piece(number) => {
                let piece = view.torrent.piece(*number);
                piece.is_some_and(|piece| peer.has.as_ref().is_some_and(|has| has.has(piece)))
            }
        })
    }

    /// The keys of the peers that are looked for, in their order.
    pub(crate) fn keys(&self, view: &View) -> Vec<PeerKey> {
        view.peers.iter().filter(|peer| self.takes(peer, view)).map(|peer| peer.key).collect()
    }
}

/// Whether the column of a peer holds the word.
fn holds(filter: &ColumnFilter<PeerRecord>, word: &str, peer: &PeerRecord, view: &View) -> bool {
    match filter {
        ColumnFilter::Words(_, text) => {
            let text = text(peer, view).to_lowercase();
            text.match_indices(word).any(|(at, _)| at == 0 || text[..at].ends_with(' '))
        }
        ColumnFilter::Text(_, text) => text(peer, view).to_lowercase().contains(word),
        ColumnFilter::Number(..) | ColumnFilter::Nothing => false,
    }
}

/// The words of a text; what stands in double quotes belongs together. A quote that is not closed goes to the end.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.retain(|word| !word.is_empty());
    words
}

fn term(word: String) -> Result<Term, String> {
    let name_end = word.find(|c: char| !c.is_ascii_alphabetic() && c != '_').unwrap_or(word.len());
    let (name, rest) = word.split_at(name_end);
    let (relation, value) = match () {
        () if name.is_empty() => return Ok(Term::Word(word.to_lowercase())),
        () if rest.starts_with(">=") => (Relation::AtLeast, &rest[2..]),
        () if rest.starts_with("<=") => (Relation::AtMost, &rest[2..]),
        () if rest.starts_with('>') => (Relation::Above, &rest[1..]),
        () if rest.starts_with('<') => (Relation::Below, &rest[1..]),
        () if rest.starts_with([':', '=']) => (Relation::Equal, &rest[1..]),
        () => return Ok(Term::Word(word.to_lowercase())),
    };
    let name = name.to_lowercase();
    if let (HAS, Some(piece)) = (name.as_str(), rest.strip_prefix(':')) {
        return has(piece);
    }
    let Some(column) = column(&name).filter(|column| !matches!(column.filter, ColumnFilter::Nothing)) else {
        let examples = ["state", "why", "client"].map(|id| format!("{id}:")).join(" ");
        return Err(format!("no column {name}; as {examples} port: down>"));
    };
    match &column.filter {
        ColumnFilter::Words(example, _) | ColumnFilter::Text(example, _) => match relation {
            Relation::Equal if value.is_empty() => Err(format!("{name}: and a word, as {example}")),
            Relation::Equal => Ok(Term::In(column.id, value.to_lowercase())),
            _ => Err(format!("{name} is no number; as {example}")),
        },
        ColumnFilter::Number(example, measure, _) => match measure.read(value) {
            Some(number) => Ok(Term::Number(column.id, relation, number)),
            None if value.is_empty() => Err(format!("{name} and a number, as {example}")),
            None => Err(format!("{value} is no {}; as {example}", measure.name())),
        },
        ColumnFilter::Nothing => Ok(Term::Word(word.to_lowercase())),
    }
}

/// What [`PEER_COLUMNS`] calls how much a peer has; behind a colon stands the number of a piece.
const HAS: &str = "has";

/// A piece that a peer has, or as everywhere else with a `%` how much of the torrent.
fn has(value: &str) -> Result<Term, String> {
    match (value.parse(), value.strip_suffix('%')) {
        (Ok(piece), _) => Ok(Term::Piece(piece)),
        (_, Some(percent)) if percent.parse::<u64>().is_ok() => term(format!("{HAS}={value}")),
        _ if value.is_empty() => Err("has: and a piece, as has:17; or has<100".to_owned()),
        _ => Err(format!("{value} is no piece; as has:17")),
    }
}

/// The filter that takes the peers that have a piece.
pub(super) fn holders_of(piece: u32) -> String {
    format!("{HAS}:{piece}")
}

/// The filter that takes the peers that a source named: a tracker by its host and port, or by all of its URL where these
/// are part of what another source is called. A web seed names nobody.
pub(super) fn named_by(source: &SourceRecord, view: &View) -> Option<String> {
    let tracker = match source {
        SourceRecord::Tracker(tracker) => tracker,
        SourceRecord::Finder(record) => return Some(format!("source:{}", record.finder.code())),
        SourceRecord::WebSeed(_) => return None,
        SourceRecord::WayIn(..) => return Some(format!("source:{}", Source::Incoming.info().code)),
    };
    let host = host_of(&tracker.url);
    let mut others = view.trackers.iter().filter(|other| other.key != tracker.key);
    let is_a_word = !host.contains(['.', ':']);
    Some(match is_a_word || others.any(|other| other.url.to_lowercase().contains(&host.to_lowercase())) {
        true => format!("source:{}/", tracker.url),
        false => format!("source:{host}"),
    })
}

impl Measure {
    /// Reads a number as it is typed.
    fn read(self, text: &str) -> Option<u64> {
        match self {
            Self::Count => text.parse().ok(),
            Self::Percent => text.trim_end_matches('%').parse().ok(),
            Self::Bytes | Self::Rate => units::parse_rate(text),
            Self::Milliseconds => match text.parse() {
                Ok(ms) => Some(ms),
                Err(_) => milliseconds(text),
            },
            Self::Time => milliseconds(text),
        }
    }

    /// What such a number is called.
    fn name(self) -> &'static str {
        match self {
            Self::Count => "number",
            Self::Percent => "percentage",
            Self::Bytes => "size",
            Self::Rate => "rate",
            Self::Milliseconds | Self::Time => "time",
        }
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    u64::try_from(units::parse_duration(text)?.as_millis()).ok()
}
