//! What a filter says: words and terms that all have to hold, `state:failed why:timeout down>10k`.
//!
//! The names before `:`, `<`, `>` and `=` are the ids of the columns' table. A word without a name is looked for in
//! every column that holds text. What stands in double quotes is one word, spaces included. `has:17` takes the peers that
//! have the piece of this number.

use crate::event::{PeerKey, Source};
use crate::ledger::{PeerRecord, TrackerRecord, View};
use crate::units;

use super::columns::{PEER_COLUMNS, column, host_of};
use super::grid::{Column, Measure, Sieve};

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
            Term::Word(word) => PEER_COLUMNS.iter().any(|column| holds(&column.sieve, word, peer, view)),
            Term::In(id, word) => column(id).is_some_and(|column| holds(&column.sieve, word, peer, view)),
            Term::Number(id, relation, limit) => match column(id).map(|column| &column.sieve) {
                Some(Sieve::Number(_, _, number)) => {
                    number(peer, view).is_some_and(|number| relation.holds(number, *limit))
                }
                _ => false,
            },
            Term::Piece(number) => {
                let piece = view.torrent.geometry.piece(*number);
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
fn holds(sieve: &Sieve<PeerRecord>, word: &str, peer: &PeerRecord, view: &View) -> bool {
    match sieve {
        Sieve::Words(_, text) => {
            let text = text(peer, view).to_lowercase();
            text.match_indices(word).any(|(at, _)| at == 0 || text[..at].ends_with(' '))
        }
        Sieve::Text(_, text) => text(peer, view).to_lowercase().contains(word),
        Sieve::Number(..) | Sieve::Nothing => false,
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
    let Some(column) = column(&name).filter(|column| !matches!(column.sieve, Sieve::Nothing)) else {
        let examples = ["state", "why", "client"].map(|id| format!("{id}:")).join(" ");
        return Err(format!("no column {name}; as {examples} port: down>"));
    };
    match &column.sieve {
        Sieve::Words(example, _) | Sieve::Text(example, _) => match relation {
            Relation::Equal if value.is_empty() => Err(format!("{name}: and a word, as {example}")),
            Relation::Equal => Ok(Term::In(column.id, value.to_lowercase())),
            _ => Err(format!("{name} is no number; as {example}")),
        },
        Sieve::Number(example, measure, _) => match measure.read(value) {
            Some(number) => Ok(Term::Number(column.id, relation, number)),
            None if value.is_empty() => Err(format!("{name} and a number, as {example}")),
            None => Err(format!("{value} is no {}; as {example}", measure.name())),
        },
        Sieve::Nothing => Ok(Term::Word(word.to_lowercase())),
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

/// The filter that takes the peers that a tracker named: by its host and port, or by all of its URL where these are part
/// of what another source is called.
pub(super) fn named_by(tracker: &TrackerRecord, view: &View) -> String {
    let host = host_of(&tracker.url);
    let mut others = view.trackers.iter().filter(|other| other.key != tracker.key);
    let is_a_word = !host.contains(['.', ':']);
    match is_a_word || others.any(|other| other.url.to_lowercase().contains(&host.to_lowercase())) {
        true => format!("source:{}/", tracker.url),
        false => format!("source:{host}"),
    }
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

/// What a filter of the peers may say: an example and what it takes, for the help and the manual.
pub fn grammar() -> Vec<(String, String)> {
    let ids = |wanted: fn(&Sieve<PeerRecord>) -> bool| {
        let columns = PEER_COLUMNS.iter().filter(|column| wanted(&column.sieve));
        columns.map(|column| column.id).collect::<Vec<_>>().join(" ")
    };
    let texts = ids(|sieve| matches!(sieve, Sieve::Words(..) | Sieve::Text(..)));
    let numbers = ids(|sieve| matches!(sieve, Sieve::Number(..)));
    let sources = Source::SINGLE.map(|source| format!("source:{}", source.info().code));
    let rows = [
        ("words", "in any column, and all of them; \"no answer\" in quotes is one word".to_owned()),
        ("state:failed", format!("a word in one column: {texts}")),
        ("down>10k", format!("a number, by = < <= > or >=: {numbers}")),
        ("has:17", "those that have piece 17; has<100 is how much they have, in percent".to_owned()),
        ("source:HOST", format!("those that this tracker named; {}", sources.join(", "))),
    ];
    rows.map(|(example, takes)| (example.to_owned(), takes)).into()
}

/// An example of a filter by each column, and what the column shows.
pub fn examples() -> Vec<(&'static str, &'static str)> {
    let example = |column: &'static Column<PeerRecord>| match column.sieve {
        Sieve::Words(example, _) | Sieve::Text(example, _) | Sieve::Number(example, _, _) => {
            Some((example, column.help))
        }
        Sieve::Nothing => None,
    };
    PEER_COLUMNS.iter().filter_map(example).collect()
}

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
}

impl Filters {
    /// The filter of a list, as it was typed.
    pub(crate) fn text(&self, list: List) -> &str {
        match list {
            List::Peers => self.peers.text(),
            List::Keys => self.keys.text(),
            List::Log => self.log.text(),
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
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Cause;
    use crate::ledger::Group;
    use crate::ui::sample;

    /// The addresses of the sample's peers that the filter takes.
    fn found(text: &str) -> Vec<String> {
        let view = sample::healthy();
        let filter = Filter::parse(text).unwrap();
        let peers = view.peers.iter().filter(|peer| filter.takes(peer, &view));
        peers.map(|peer| peer.addr.to_string()).collect()
    }

    #[test]
    fn takes_what_the_sketch_says() {
        assert_eq!(found("").len(), 50);
        assert_eq!(found("state:failed").len(), 28);
        assert_eq!(found("state:failed why:timeout").len(), 17 + 2, "no answer, and silent after opening");
        assert_eq!(found("client:qB").len(), 3);
        assert_eq!(found("source:tracker").len(), 50);
        assert_eq!(found("source:manual").len(), 0);
        assert_eq!(
            found("port:51413 state:live"),
            ["[2a01:4f8:c17:1234::2]:51413", "78.47.200.13:51413", "62.210.9.9:51413"]
        );
        assert_eq!(found("down>10k").len(), 7);
        assert_eq!(found("down>1M up>0"), ["[2a01:4f8:c17:1234::2]:51413"]);
    }

    #[test]
    fn a_state_is_a_word_and_no_part_of_one() {
        assert_eq!(found("state:choked").len(), 8, "unchoked is another state");
        assert_eq!(found("state:unch").len(), 2);
        assert_eq!(found("state:\"no answer\"").len(), 17);
        assert_eq!(found("state:hung").len(), 4);
    }

    #[test]
    fn a_state_is_found_by_the_word_it_had_before() {
        assert_eq!(found("state:gone").len(), 2);
        assert_eq!(found("state:left"), found("state:gone"));
        for (cause, then, now) in [
            (Cause::NeverUnchoked, "waits", "choked"),
            (Cause::BothSeeds, "\"both done\"", "complete"),
            (Cause::ClosedByPeer, "left", "gone"),
        ] {
            let mut view = sample::healthy();
            let gone = view.peers.iter_mut().find(|peer| peer.group == Group::Left).unwrap();
            std::sync::Arc::make_mut(gone).cause = Some(cause);
            let key = gone.key;
            for word in [then, now] {
                let found = Filter::parse(&format!("state:{word}")).unwrap().keys(&view);
                assert!(found.contains(&key), "{cause:?}: {word}");
            }
        }
    }

    #[test]
    fn a_word_is_looked_for_in_every_column_and_addresses_are_words() {
        assert_eq!(found("transmission").len(), 5);
        assert_eq!(found("transmission 4.0.4").len(), 2);
        assert_eq!(found("83.148.245.186:51414"), ["83.148.245.186:51414"]);
        assert_eq!(found("[2a01"), ["[2a01:4f8:c17:1234::2]:51413"]);
        assert_eq!(found("-tr40").len(), 4);
        assert_eq!(found("refused").len(), 3);
    }

    #[test]
    fn numbers_are_compared_in_their_own_units() {
        assert_eq!(found("has<10").len(), 2);
        assert_eq!(found("has>=88% has<=88").len(), 1);
        assert_eq!(found("handshake>200").len(), found("handshake>0.2s").len());
        assert_eq!(found("for>2m state:sending").len(), 1);
        assert_eq!(found("tries=2 state:failed").len(), 2 + 16);
        assert_eq!(found("latency>100000").len(), 0, "what is not known is neither more nor less");
    }

    #[test]
    fn has_with_a_number_takes_those_that_have_the_piece_and_with_a_percentage_as_much() {
        let view = sample::healthy();
        let piece = view.torrent.geometry.piece(17).unwrap();
        let has = |peer: &&std::sync::Arc<PeerRecord>| peer.has.as_ref().is_some_and(|has| has.has(piece));
        let holders: Vec<String> = view.peers.iter().filter(has).map(|peer| peer.addr.to_string()).collect();
        assert!(!holders.is_empty() && holders.len() < view.peers.len());
        assert_eq!(found("has:17"), holders);
        assert_eq!(found("has:999999").len(), 0, "there is no such piece");
        assert_eq!(found("has:88%"), found("has=88"));
        assert_eq!(found("has:88%").len(), 1);
    }

    #[test]
    fn a_tracker_is_told_from_others_by_its_host_or_where_that_will_not_do_by_its_url() {
        let mut view = sample::healthy();
        let named = |view: &View, at: usize| {
            let text = named_by(&view.trackers[at], view);
            let taken = Filter::parse(&text).unwrap().keys(view);
            let source = Source::Tracker(view.trackers[at].key);
            let all = view.peers.iter().filter(|peer| peer.sources.contains(&source));
            assert_eq!(taken, all.map(|peer| peer.key).collect::<Vec<_>>(), "{text}");
            text
        };
        assert_eq!(named(&view, 0), "source:bttracker.debian.org:6969");
        for (at, peer) in view.peers.iter_mut().enumerate() {
            let source = Source::Tracker(view.trackers[at % 2].key);
            std::sync::Arc::make_mut(peer).sources = vec![source];
        }
        for (one, other) in [
            ("http://a.example:80", "udp://a.example:80"),
            ("http://a.example:80", "http://a.example:8000"),
            ("http://tracker", "http://b.example:80"),
            ("http://[2001:db8::1]:80", "http://b.example:80"),
        ] {
            for (tracker, url) in view.trackers.iter_mut().zip([one, other]) {
                std::sync::Arc::make_mut(tracker).url = url.to_owned();
            }
            named(&view, 0);
            named(&view, 1);
        }
    }

    #[test]
    fn what_does_not_parse_is_told_with_an_example() {
        for (text, said) in [
            ("foo:bar", "no column foo; as state: why: client: port: down>"),
            ("state:", "state: and a word, as state:failed"),
            ("client>5", "client is no number; as client:qB"),
            ("down>", "down and a number, as down>10k"),
            ("down>fast", "fast is no rate; as down>10k"),
            ("has:", "has: and a piece, as has:17; or has<100"),
            ("has:all", "all is no piece; as has:17"),
            ("port:http", "http is no number; as port:51413"),
            ("for>soon", "soon is no time; as for>2m"),
        ] {
            assert_eq!(Filter::parse(text), Err(said.to_owned()));
        }
    }

    #[test]
    fn the_grammar_names_every_column_and_its_examples_are_filters() {
        let grammar = grammar();
        let all: String = grammar.iter().map(|(_, takes)| format!("{takes} ")).collect();
        for (example, _) in examples() {
            let id = example.split([':', '<', '>', '=']).next().unwrap();
            assert!(all.split([' ', ',', ':']).any(|word| word == id), "{id}: {all}");
        }
        for (example, _) in grammar {
            assert!(Filter::parse(&example).is_ok(), "{example}");
        }
    }

    #[test]
    fn every_column_but_the_letters_can_be_filtered_by_as_its_example_says() {
        for column in PEER_COLUMNS {
            let (Sieve::Words(example, _) | Sieve::Text(example, _) | Sieve::Number(example, _, _)) =
                column.sieve
            else {
                assert_eq!(column.id, "flags");
                continue;
            };
            assert!(example.starts_with(column.id), "{example}");
            let filter = Filter::parse(example).unwrap();
            assert!(!matches!(filter.terms[0], Term::Word(_)), "{example}");
            assert!(example.len() <= 24);
        }
    }

    #[test]
    fn a_line_has_to_have_every_word() {
        let line = "5.9.97.44:6881 hung up after our handshake.";
        assert!(Words::new("HUNG 5.9").takes(line) && Words::new("").takes(line));
        assert!(Words::new("\"hung up after\"").takes(line));
        assert!(!Words::new("hung refused").takes(line));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        #[test]
        fn any_text_is_a_filter_or_told_why_not(
            text in "(\\PC{0,20}|([a-z_]{1,9}[:<>=]{1,2}[0-9a-zA-Z.\"]{0,6} ?){0,4})",
            seed in 0u64..50,
        ) {
            match Filter::parse(&text) {
                Err(why) => prop_assert!(!why.is_empty()),
                Ok(filter) => {
                    let view = sample::random(seed);
                    let keys = filter.keys(&view);
                    prop_assert!(keys.len() <= view.peers.len() && keys.is_sorted());
                    prop_assert!(!filter.is_empty() || keys.len() == view.peers.len());
                }
            }
            prop_assert!(Words::new(&text).is_empty() || !Words::new(&text).takes(""));
        }

        #[test]
        fn more_terms_never_find_more(one in "[a-z0-9.]{1,4}", other in "(state:[a-z]{1,3}|has>[0-9]|port<[0-9]{4})") {
            let view = sample::healthy();
            let few = Filter::parse(&format!("{one} {other}")).unwrap();
            let (one, other) = (Filter::parse(&one).unwrap(), Filter::parse(&other).unwrap());
            for peer in &view.peers {
                prop_assert_eq!(few.takes(peer, &view), one.takes(peer, &view) && other.takes(peer, &view));
            }
        }
    }
}
