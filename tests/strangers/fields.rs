//! The table: every place where a stranger's words come in, and every output in which they are seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::outputs::Outputs;

/// A title, a question to the terminal, a bell, an override of direction, a zero-width space, an isolate, a C1 control, a
/// step back, and a line of its own.
const HOSTILE: &str = "\x1b]0;x\x07\x1b[6n\u{202e}\u{200b}\u{2066}\u{9b}2J\x08\r\nFORGED";

/// Who says it, and in which outputs it is seen.
pub(crate) type Field = (&'static str, &'static [&'static str]);

/// Every place where words come in. Some show nothing of what they took: there, what matters is that it does no harm.
pub(crate) const FIELDS: &[Field] = &[
    (
        "torrent: name",
        &[
            "info",
            "info --json",
            "verify",
            "check",
            "check --json",
            "check --markdown",
            "handshake",
            "headless",
            "screen",
            "title",
            "summary",
        ],
    ),
    ("torrent: path of a file", &["info", "info --json", "screen", "export", "clipboard"]),
    ("torrent: comment", &["info", "info --json"]),
    ("torrent: created by", &["info", "info --json"]),
    (
        "torrent: address of a tracker",
        &["info", "info --json", "check", "check --json", "check --markdown", "screen", "export"],
    ),
    ("torrent: web seed", &["info", "info --json"]),
    ("torrent: a number that is none", &[]),
    ("torrent: its path", &["complaint"]),
    ("magnet: name", &["info", "info --json", "handshake"]),
    (
        "tracker: failure reason",
        &["check", "check --json", "check --markdown", "screen", "export", "headless", "log"],
    ),
    ("tracker: warning message", &["check", "screen", "export", "headless"]),
    (
        "tracker: title of a web page",
        &["check", "check --json", "check --markdown", "screen", "export", "headless", "log"],
    ),
    (
        "tracker: what is no answer",
        &["check", "check --json", "check --markdown", "screen", "export", "headless", "log"],
    ),
    (
        "tracker: where it sends us",
        &["check", "check --json", "check --markdown", "screen", "export", "headless", "log"],
    ),
    (
        "tracker: error over UDP",
        &["check", "check --json", "check --markdown", "screen", "export", "headless", "log"],
    ),
    ("tracker: words of its status", &[]),
    ("tracker: tracker id", &[]),
    ("peer: id", &["check --json", "handshake", "handshake --json", "screen", "export", "log"]),
    ("peer: what it calls itself", &["check", "screen"]),
    ("peer: name of an extension", &["check --json", "check --csv", "screen", "export"]),
    (
        "peer: what is no handshake",
        &[
            "check",
            "check --json",
            "check --csv",
            "check --markdown",
            "handshake",
            "handshake --json",
            "screen",
            "export",
        ],
    ),
    ("settings: path", &["complaint"]),
    ("settings: name", &["complaint"]),
    ("settings: value", &["complaint"]),
    ("settings: what is no TOML", &[]),
    ("settings: name of a key", &["complaint"]),
    ("argument: another one", &["complaint"]),
    ("argument: an option", &["complaint"]),
    ("argument: an address", &["complaint"]),
    ("argument: a rate", &["complaint"]),
    ("recording: its path", &["complaint"]),
    ("log: its path", &["complaint"]),
    ("output: its path", &["complaint", "headless", "screen", "summary"]),
    ("resume: its path", &["headless"]),
];

/// Fields of what is read from outside and told on, as the source has them: in which of the places above its words come
/// in, or why they are nobody's. A new field must be added here, and its words fed.
const CARRIED: &[(&str, &[(&str, &str)])] = &[
    (
        "metainfo/torrent.rs",
        &[
            ("name", "torrent: name"),
            ("trackers", "torrent: address of a tracker"),
            ("web_seeds", "torrent: web seed"),
            ("comment", "torrent: comment"),
            ("created_by", "torrent: created by"),
        ],
    ),
    (
        "metainfo/torrent/error.rs",
        &[
            ("file", "torrent: its path"),
            ("reason", "ours: what the system says"),
            ("field", "ours: a name of BEP 3"),
            ("expected", "ours: what is expected"),
            ("found", "torrent: a number that is none"),
        ],
    ),
    (
        "wire/extension.rs",
        &[("messages", "peer: name of an extension"), ("client", "peer: what it calls itself")],
    ),
    ("wire/handshake.rs", &[("peer_id", "peer: id")]),
    (
        "wire/tracker.rs",
        &[
            ("peer_id", "ours: our own"),
            ("tracker_id", "tracker: tracker id"),
            ("warning", "tracker: warning message"),
        ],
    ),
    (
        "wire/tracker/http.rs",
        &[
            ("NotATracker", "tracker: title of a web page"),
            ("Bad", "tracker: what is no answer"),
            ("Refused", "tracker: failure reason"),
        ],
    ),
    ("wire/tracker/udp.rs", &[("Refused", "tracker: error over UDP")]),
    (
        "event.rs",
        &[
            ("reason", "ours: why it stopped or banned"),
            ("sent", "ours: our handshake"),
            ("received", "peer: what is no handshake"),
            ("detail", "peer: what is no handshake"),
            ("url", "torrent: address of a tracker"),
            ("text", "tracker: failure reason"),
        ],
    ),
    (
        "event/attempt.rs",
        &[
            ("text", "ours: what the system says"),
            ("sent", "ours: our handshake"),
            ("received", "peer: what is no handshake"),
            ("detail", "peer: what is no handshake"),
        ],
    ),
    (
        "event/peer_info.rs",
        &[("calls_itself", "peer: what it calls itself"), ("extensions", "peer: name of an extension")],
    ),
    ("event/tracker.rs", &[("warning", "tracker: warning message")]),
    (
        "ledger/view.rs",
        &[
            ("path", "torrent: path of a file"),
            ("name", "torrent: name"),
            ("output", "output: its path"),
            ("peer_id", "ours: our own"),
            ("text", "tracker: failure reason"),
            ("phase_reason", "ours: why it stopped"),
            ("answer", "ours: what a command came to"),
            ("detail", "ours: why peers name no others"),
            ("magnet_name", "magnet: name"),
        ],
    ),
    (
        "ledger/peer.rs",
        &[
            ("client", "ours: a name of the table of clients"),
            ("peer_id", "peer: id"),
            ("banned", "ours: why"),
        ],
    ),
    ("ledger/tracker.rs", &[("Failed", "tracker: failure reason"), ("url", "torrent: address of a tracker")]),
    ("storage/start.rs", &[("notes", "resume: its path")]),
    ("storage/resume.rs", &[("path", "resume: its path"), ("Unusable", "resume: its path")]),
    ("storage/error.rs", &[("path", "output: its path")]),
    (
        "library/entry.rs",
        &[
            ("magnet", "magnet: name"),
            ("name", "torrent: name"),
            ("output", "output: its path"),
            ("moving_to", "output: its path"),
            ("Text", "output: its path"),
            ("Raw", "output: its path"),
        ],
    ),
    (
        "library/error.rs",
        &[
            ("name", "torrent: name"),
            ("kept", "output: its path"),
            ("named", "output: its path"),
            ("path", "resume: its path"),
            ("to", "output: its path"),
            ("other", "torrent: name"),
            ("Absent", "torrent: name"),
        ],
    ),
    (
        "config/error.rs",
        &[
            ("file", "settings: path"),
            ("reason", "ours: what the system says"),
            ("Syntax", "settings: what is no TOML"),
            ("key", "settings: name"),
            ("expected", "ours: what is expected"),
            ("found", "settings: value"),
            ("pressed", "settings: name of a key"),
            ("other", "ours: a name of the table of keys"),
            ("other_does", "ours: what an action does"),
        ],
    ),
    (
        "record/facts.rs",
        &[
            ("name", "a recording: see `replay::nothing_in_a_hostile_recording_reaches_the_terminal`"),
            ("magnet_name", "a recording"),
            ("output", "a recording"),
            ("peer_id", "a recording"),
        ],
    ),
    (
        "record/reader.rs",
        &[
            ("Io", "ours: what the system says"),
            ("unpacked", "a recording"),
            ("body", "a recording"),
            ("Unknown", "a recording, its names escaped"),
            ("what", "a recording, its names escaped"),
        ],
    ),
];

fn number(name: &str) -> usize {
    FIELDS
        .iter()
        .position(|(field, _)| *field == name)
        .unwrap_or_else(|| panic!("no field is called {name:?}"))
}

/// The same in a place that takes no controls and no spaces: what is invisible or turns the direction of writing.
pub(crate) fn quiet_words(name: &str) -> String {
    words(name).replace(|c: char| c.is_control() || c == ' ', "")
}

/// By what the words of a field are found again.
pub(crate) fn mark(name: &str) -> String {
    format!("q{:02}z", number(name))
}

/// What is said in a field.
pub(crate) fn words(name: &str) -> String {
    let mark = mark(name);
    format!("{mark}{HOSTILE}{mark}")
}

/// Holds what was written against the table.
pub(crate) fn assert_held(outputs: &Outputs) {
    let mut wrong = Vec::new();
    for (name, places) in FIELDS {
        let mark = mark(name);
        let found: BTreeSet<&str> = outputs.that_have(&mark);
        let missing: Vec<_> = places.iter().filter(|place| !found.contains(**place)).collect();
        if !missing.is_empty() {
            wrong.push(format!("{name} ({mark}) is not seen in {missing:?}, only in {found:?}"));
        }
    }
    let named: BTreeSet<&str> = FIELDS.iter().flat_map(|(_, places)| *places).copied().collect();
    for place in outputs.places().difference(&named) {
        wrong.push(format!("no field is looked for in {place:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the fields of structs and variants that can hold words are called.
fn carriers(source: &str) -> BTreeSet<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let holds = |kind: &str| {
        !kind.starts_with('&')
            && ["String", "PathBuf", "Vec<u8>", "PeerId"].iter().any(|text| kind.contains(text))
    };
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut found = BTreeSet::new();
    for line in code.lines().filter(|line| line.starts_with("    ") && line.ends_with(',')) {
        let line = line.trim();
        let line = ["pub(super) ", "pub(crate) ", "pub "]
            .iter()
            .find_map(|word| line.strip_prefix(word))
            .unwrap_or(line);
        let field = line.split_once(": ");
        let variant = line.split_once('(').filter(|(name, _)| name.starts_with(char::is_uppercase));
        for (name, kind) in field.into_iter().chain(variant) {
            if is_name(name) && holds(kind) && !kind.contains("::") && !kind.contains(".") {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn every_field_that_can_hold_words_has_its_place_in_the_table() {
    let fields: BTreeSet<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(fields.len(), FIELDS.len(), "each is named once");
    let mut wrong = Vec::new();
    for (file, carried) in CARRIED {
        let source =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
        let found = carriers(&source);
        let listed: BTreeMap<&str, &str> = carried.iter().copied().collect();
        wrong.extend(
            found
                .iter()
                .filter(|name| !listed.contains_key(**name))
                .map(|name| format!("{file}: `{name}` is not listed")),
        );
        wrong.extend(
            listed
                .keys()
                .filter(|name| !found.contains(**name))
                .map(|name| format!("{file}: there is no `{name}`")),
        );
        let known = |words: &str| {
            words.starts_with("ours: ") || words.starts_with("a recording") || fields.contains(words)
        };
        wrong.extend(
            listed
                .values()
                .filter(|words| !known(words))
                .map(|words| format!("{file}: {words:?} is no field")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
