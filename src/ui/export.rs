//! What is seen, for a file: which rows, in which form, under which name. The loop that runs the screen writes it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::event::PeerKey;
use crate::ledger::{PeerRecord, PieceState, View};
use crate::metainfo::InfoHash;
use crate::units;

use super::columns::{self, LIVE, OTHERS, PEER_COLUMNS, Part, words_of_state};
use super::file_tree::FileTree;
use super::grid::{Column, ColumnFilter, Context, Measure};
use super::model::{self, Mode, Model, Screen};
use super::screens;
use super::theme::Look;
use super::torrent_list;

/// The form of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One object.
    Json,
    /// A line a row, for spreadsheets.
    Csv,
    /// A table to paste into an issue.
    Markdown,
}

impl Format {
    /// The form that the end of a name asks for.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1.to_lowercase().as_str() {
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "md" | "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSV",
            Self::Markdown => "Markdown",
        }
    }
}

/// Rows under named columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// What a row is, in the plural.
    pub of: &'static str,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// A value for every column.
    pub rows: Vec<Vec<Value>>,
}

/// Columns that a table of peers has beside those of the overview where none are chosen.
const TOTALS: &[&str] = &["received", "sent"];
/// Columns of the terminal that no cell of a file has to save.
const WIDE: u16 = 300;

/// Peers, and how the screen shows them.
#[derive(Clone, PartialEq, Debug)]
pub struct Peers {
    /// Which, in their order.
    pub keys: Vec<PeerKey>,
    /// The columns that the user chose, of both parts of the list; `None`: none were chosen.
    chosen: Option<Vec<&'static str>>,
    look: Look,
}

impl Peers {
    fn new(keys: Vec<PeerKey>, model: &Model, view: &View) -> Self {
        let parts = [(Part::Live, LIVE), (Part::Others, OTHERS)];
        let is_live = |key: &PeerKey| model::peer(view, *key).is_some_and(PeerRecord::is_live);
        let seen =
            parts.iter().filter(|(part, _)| keys.iter().any(|key| is_live(key) == (*part == Part::Live)));
        let any = parts.iter().any(|(part, _)| model.columns.of(*part).is_some());
        let chosen = any.then(|| {
            let ids = seen.map(|(part, usual)| model.columns.of(*part).unwrap_or(usual));
            each_once(ids.flatten().copied())
        });
        Self { keys, chosen, look: model.look }
    }

    /// All peers of the view, as nobody chose their columns.
    pub fn all(view: &View) -> Self {
        let keys = view.peers.iter().map(|peer| peer.key).collect();
        Self { keys, chosen: None, look: Look::default() }
    }

    fn records<'a>(&'a self, view: &'a View) -> impl Iterator<Item = &'a PeerRecord> {
        self.keys.iter().filter_map(|key| view.peer(*key))
    }

    /// The cells as the screen words them, under its heads: the chosen columns, or those of the overview and what was
    /// sent either way.
    pub fn in_words(&self, view: &View) -> Table {
        let usual = || each_once(LIVE.iter().chain(OTHERS).chain(TOTALS).copied());
        let columns = columns::columns(&self.chosen.clone().unwrap_or_else(usual));
        let context = Context { view, look: &self.look };
        let cells = |peer| columns.iter().map(|column| json!(worded(column, peer, context))).collect();
        Table {
            of: "peers",
            columns: columns.iter().map(|column| column.title.trim().to_owned()).collect(),
            rows: self.records(view).map(cells).collect(),
        }
    }

    /// The chosen columns as numbers in one unit and as words, for spreadsheets; `None` where none were chosen.
    pub fn in_numbers(&self, view: &View) -> Option<Table> {
        Some(self.numbers(&columns::columns(self.chosen.as_ref()?), view))
    }

    /// Every column there is, in the same way.
    pub fn all_in_numbers(&self, view: &View) -> Table {
        self.numbers(&PEER_COLUMNS.iter().collect::<Vec<_>>(), view)
    }

    fn numbers(&self, columns: &[&Column<PeerRecord>], view: &View) -> Table {
        let context = Context { view, look: &self.look };
        let value = |column: &Column<PeerRecord>, peer: &PeerRecord| match &column.filter {
            ColumnFilter::Number(_, _, number) => json!(number(peer, view)),
            _ => json!(worded(column, peer, context)),
        };
        let cells = |peer| columns.iter().map(|column| value(column, peer)).collect();
        Table {
            of: "peers",
            columns: columns.iter().map(|column| file_name(column)).collect(),
            rows: self.records(view).map(cells).collect(),
        }
    }
}

fn each_once(ids: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    ids.fold(Vec::new(), |mut ids, id| {
        if !ids.contains(&id) {
            ids.push(id);
        }
        ids
    })
}

/// What the cell says, whole; a state without its glyph.
fn worded(column: &Column<PeerRecord>, peer: &PeerRecord, context: Context<'_>) -> String {
    match column.id {
        "state" => words_of_state(peer, context.view.at).to_owned(),
        _ => (column.cell)(peer, context, WIDE).text().trim().to_owned(),
    }
}

/// What files call the column: its id, and what its numbers count.
fn file_name(column: &Column<PeerRecord>) -> String {
    let unit = match column.filter {
        ColumnFilter::Number(_, Measure::Percent, _) => "_percent",
        ColumnFilter::Number(_, Measure::Bytes, _) => "_bytes",
        ColumnFilter::Number(_, Measure::Rate, _) => "_bps",
        ColumnFilter::Number(_, Measure::Milliseconds | Measure::Time, _) => "_ms",
        _ => "",
    };
    match column.id {
        // By these names all reports have them.
        "address" => "addr".to_owned(),
        "reserved" => "reserved_hex".to_owned(),
        id => format!("{id}{unit}"),
    }
}

/// What is written.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// These peers.
    Peers(Box<Peers>),
    /// Everything else, as it is shown.
    Table(Table),
}

impl What {
    /// How many rows there are, and what they are.
    pub(super) fn count(&self) -> (usize, &'static str) {
        match self {
            Self::Peers(peers) => (peers.keys.len(), "peers"),
            Self::Table(table) => (table.rows.len(), table.of),
        }
    }

    fn peers(keys: Vec<PeerKey>, model: &Model, view: &View) -> Self {
        Self::Peers(Box::new(Peers::new(keys, model, view)))
    }

    /// What the present screen shows, filters included.
    pub(crate) fn seen(model: &Model, view: &View) -> Self {
        match (model.page(), model.screen) {
            (Mode::Peer { .. }, _) => Self::peers(model.selected.into_iter().collect(), model, view),
            (_, Screen::Overview | Screen::Peers) => {
                let marked = |key: &PeerKey| model.marked.is_empty() || model.marked.contains(key);
                Self::peers(model.rows(view).filter(marked).collect(), model, view)
            }
            (_, Screen::Pieces) => Self::Table(pieces(view)),
            (_, Screen::Trackers) => Self::Table(trackers(view)),
            (_, Screen::Files) => Self::Table(files(view)),
            (_, Screen::Log) => Self::Table(log(model, view)),
            (_, Screen::Torrents) => Self::Table(torrents(model)),
        }
    }
}

/// What is to be written, and where.
#[derive(Clone, PartialEq, Debug)]
pub struct Export {
    /// The file, as it was typed.
    pub path: PathBuf,
    /// Its form.
    pub format: Format,
    /// Its rows.
    pub what: What,
}

/// A name that tells what is in the file, and when it was so.
pub(super) fn name(model: &Model, view: &View) -> String {
    let (_, of) = What::seen(model, view).count();
    format!("{}-{}.json", of.replace(' ', "-"), units::duration(view.at).replace(' ', ""))
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

fn pieces(view: &View) -> Table {
    let states = view.pieces.states.iter().enumerate();
    let rows = states.map(|(at, state)| {
        let state = match state {
            PieceState::Good => "good",
            PieceState::Arriving => "arriving",
            PieceState::Failed => "failed",
            PieceState::Missing => "missing",
        };
        let held_by = view.pieces.held_by.get(at).map(|held| u64::from(*held) + u64::from(view.pieces.seeds));
        vec![json!(at), json!(state), json!(held_by)]
    });
    Table { of: "pieces", columns: names(&["piece", "state", "held_by"]), rows: rows.collect() }
}

fn trackers(view: &View) -> Table {
    let rows = view.trackers.iter().map(|tracker| {
        let error = tracker.failure().map(|(error, text)| format!("{}: {text}", error.info().code));
        let answer = tracker.answer();
        vec![
            json!(tracker.tier + 1),
            json!(tracker.url),
            json!(tracker.status.name()),
            json!(error),
            json!(tracker.peers),
            json!(tracker.handshaken),
            json!(answer.and_then(|answer| answer.seeders)),
            json!(answer.and_then(|answer| answer.leechers)),
        ]
    });
    let finders = view.finders.iter().map(|record| {
        vec![
            Value::Null,
            json!(record.finder.code()),
            json!(record.status),
            json!(record.detail),
            json!(record.peers),
            json!(record.handshaken),
            Value::Null,
            Value::Null,
        ]
    });
    let rows = rows.chain(finders);
    let columns = ["tier", "url", "status", "error", "peers", "handshaken", "seeders", "leechers"];
    Table { of: "trackers", columns: names(&columns), rows: rows.collect() }
}

fn files(view: &View) -> Table {
    let good_bytes = FileTree::default().up_to_date(view).good_of_files(usize::MAX);
    let files = view.torrent.files().iter().zip(good_bytes);
    let rows = files.map(|(file, good)| vec![json!(file.path), json!(file.length_bytes), json!(good)]);
    Table { of: "files", columns: names(&["path", "length", "good_bytes"]), rows: rows.collect() }
}

fn log(model: &Model, view: &View) -> Table {
    let rows = screens::log_lines(model, view).into_iter().map(|line| {
        let peer = line.peer.and_then(|key| model::peer(view, key)).map(|peer| peer.addr.to_string());
        vec![json!(units::milliseconds(line.at)), json!(line.severity.name()), json!(line.text), json!(peer)]
    });
    Table { of: "lines", columns: names(&["at_ms", "severity", "text", "peer"]), rows: rows.collect() }
}

fn torrents(model: &Model) -> Table {
    let rows = torrent_list::table_rows(&model.torrents);
    Table { of: "torrents", columns: names(torrent_list::TABLE_NAMES), rows }
}

/// The magnet link of the torrent; of a recording, as far as that tells of it.
fn magnet(model: &Model, view: &View) -> String {
    let magnet = model.about.magnet.clone().filter(|_| model.replay.is_none());
    magnet.unwrap_or_else(|| magnet_of(view.torrent.info_hash))
}

/// The magnet link of a torrent of which no more is known.
fn magnet_of(id: InfoHash) -> String {
    format!("magnet:?xt=urn:btih:{id}")
}

/// What `y` copies: the address of the peer, the line, the path, the tracker, the number of the piece, the torrent's
/// magnet.
pub(crate) fn copied(model: &Model, view: &View) -> Option<String> {
    let peer = || Some(model::peer(view, model.selected?)?.addr.to_string());
    match (model.page(), model.screen) {
        (Mode::Torrent, _) => Some(magnet(model, view)),
        (Mode::Peer { .. }, _) | (_, Screen::Overview | Screen::Peers) => peer(),
        (_, Screen::Pieces) => Some(model.piece.to_string()),
        (_, Screen::Trackers) => Some(model.source(view)?.name().to_owned()),
        (_, Screen::Torrents) => {
            let id = model.torrents.selected()?.id;
            Some(if id == view.torrent.info_hash { magnet(model, view) } else { magnet_of(id) })
        }
        (_, Screen::Files) => model.files.path(model.files.selected()).map(str::to_owned),
        (_, Screen::Log) => {
            let entries = screens::shown_entries(model, view);
            entries.get(screens::log_selected(model, entries.len())?).map(|entry| entry.line.text.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::filter::List;
    use crate::ui::prompt;
    use crate::ui::sample;

    #[test]
    fn on_the_page_of_the_torrent_its_magnet_is_copied() {
        let view = sample::healthy();
        let mut model = Model::at(Screen::Overview, &view);
        model.open.push(Mode::Torrent);
        let bare = format!("magnet:?xt=urn:btih:{}", view.torrent.info_hash);
        assert_eq!(copied(&model, &view), Some(bare.clone()));
        let whole = format!("{bare}&dn=debian");
        let about = crate::ui::about::About { magnet: Some(whole.clone()), ..Default::default() };
        model.about = std::sync::Arc::new(about);
        assert_eq!(copied(&model, &view), Some(whole));
    }

    #[test]
    fn what_is_seen_is_what_the_screen_lists() {
        let view = sample::healthy();
        for (screen, rows, file) in [
            (Screen::Overview, 50, "peers-3m02s.json"),
            (Screen::Peers, 50, "peers-3m02s.json"),
            (Screen::Pieces, 15_104, "pieces-3m02s.json"),
            (Screen::Trackers, 3, "trackers-3m02s.json"),
            (Screen::Files, 1, "files-3m02s.json"),
            (Screen::Log, view.log.len(), "lines-3m02s.json"),
        ] {
            let model = Model::at(screen, &view);
            let seen = What::seen(&model, &view);
            assert_eq!((seen.count().0, name(&model, &view).as_str()), (rows, file));
            if let What::Table(table) = seen {
                assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
            }
        }
    }

    #[test]
    fn filters_and_the_open_page_narrow_it() {
        let view = sample::healthy();
        let mut model = Model::at(Screen::Peers, &view);
        prompt::filter(&mut model, List::Peers, "down>1M", &view);
        assert_eq!(What::seen(&model, &view).count(), (5, "peers"));
        model.open.push(Mode::Peer { bytes: false });
        let What::Peers(peers) = What::seen(&model, &view) else { panic!("peers") };
        assert_eq!(peers.keys, model.selected.into_iter().collect::<Vec<_>>());
        let mut model = Model::at(Screen::Log, &view);
        prompt::filter(&mut model, List::Log, "hung up", &view);
        let hung = view.log.iter().filter(|line| line.text.contains("hung up")).count();
        assert_eq!(What::seen(&model, &view).count(), (hung, "lines"));
        assert!(hung > 0 && hung < view.log.len());
    }

    #[test]
    fn peers_are_told_in_the_columns_chosen_in_the_words_of_the_screen() {
        let view = sample::healthy();
        let mut model = Model::at(Screen::Peers, &view);
        let seen = |model: &Model| match What::seen(model, &view) {
            What::Peers(peers) => peers,
            What::Table(_) => panic!("peers"),
        };
        let usual = seen(&model).in_words(&view);
        for head in ["STATE", "HAS", "↓ TO US", "↑ TO IT", "WHY", "RECEIVED"] {
            assert!(usual.columns.iter().any(|name| name == head), "{head}: {:?}", usual.columns);
        }
        assert_eq!(seen(&model).in_numbers(&view), None);
        prompt::filter(&mut model, List::Peers, "state:sending", &view);
        model.columns.set(Part::Live, columns::named(Part::Live, ["address", "down", "has", "state"]));
        let (words, numbers) = (seen(&model).in_words(&view), seen(&model).in_numbers(&view).unwrap());
        assert_eq!(words.columns, ["ADDRESS", "↓ TO US", "HAS", "STATE"]);
        assert_eq!(numbers.columns, ["addr", "down_bps", "has_percent", "state"]);
        let first = model::peer(&view, seen(&model).keys[0]).unwrap();
        assert_eq!(words.rows[0][0], json!(first.addr.to_string()), "whole, not clipped");
        assert!(words.rows[0][1].as_str().unwrap().ends_with("iB/s"), "{:?}", words.rows[0]);
        assert_eq!(numbers.rows[0][1], json!(first.rates.down_bps));
        assert_eq!((&numbers.rows[0][2], &numbers.rows[0][3]), (&json!(100), &json!("sending")));
    }

    #[test]
    fn what_is_copied_is_what_is_selected() {
        let view = sample::healthy();
        let from = |screen| copied(&Model::at(screen, &view), &view).unwrap();
        assert_eq!(from(Screen::Peers), "83.148.245.186:51414");
        assert_eq!(from(Screen::Trackers), "http://bttracker.debian.org:6969");
        assert_eq!(from(Screen::Files), "debian-12.2.0-amd64-DVD-1.iso");
        assert_eq!(from(Screen::Log), view.log.last().unwrap().text, "the newest line");
        assert_eq!(copied(&Model::at(Screen::Peers, &sample::checking()), &sample::checking()), None);
    }

    #[test]
    fn the_end_of_a_name_is_its_form() {
        assert_eq!(Format::of("a.JSON"), Some(Format::Json));
        assert_eq!(Format::of("a.b/c.csv"), Some(Format::Csv));
        assert_eq!(Format::of("a.md"), Some(Format::Markdown));
        assert_eq!((Format::of("json"), Format::of("a.txt")), (None, None));
    }
}
