//! What the screen shows, written to a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::ledger::View;
use crate::report::check;
use crate::report::table::Rows;
use crate::storage;
use crate::text::{clean, without_number};
use crate::ui::export::{Export, Format, Peers, Table, What};

/// Writes it to a new file and says where that is, or why not; the path stands beside that. Nothing is ever
/// overwritten.
pub(super) fn write(export: &Export, view: &View) -> Result<String, String> {
    let path = in_full(&export.path);
    let shown = clean(&path.to_string_lossy(), 300);
    let text = text(export, view);
    let opened = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes()).inspect_err(|_| {
            // Half of it is of no use; that it cannot be written is said in any case.
            let _ = std::fs::remove_file(&path);
        })
    });
    match written {
        Ok(()) => Ok(shown),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err("it is there already; nothing is overwritten".to_owned())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err("there is no such folder".to_owned()),
        Err(error) => Err(without_number(&error.to_string()).to_owned()),
    }
}

fn text(export: &Export, view: &View) -> String {
    match (&export.what, export.format) {
        (What::Peers(peers), Format::Json) => {
            check::peers_json(view, &peers.keys, rows(&peers.all_in_numbers(view)))
        }
        (What::Peers(peers), Format::Csv) => match peers.in_numbers(view) {
            Some(chosen) => rows(&chosen).csv(),
            None => peers_csv(peers, view),
        },
        (What::Peers(peers), Format::Markdown) => rows(&peers.in_words(view)).markdown(),
        (What::Table(table), Format::Json) => rows(table).json(table.of, view),
        (What::Table(table), Format::Csv) => rows(table).csv(),
        (What::Table(table), Format::Markdown) => rows(table).markdown(),
    }
}

/// All there is to say of these peers, one line each.
pub(super) fn peers_csv(peers: &Peers, view: &View) -> String {
    check::csv(view, &peers.keys, rows(&peers.all_in_numbers(view)))
}

fn rows(table: &Table) -> Rows<'_> {
    Rows { columns: &table.columns, rows: &table.rows }
}

/// The path from the root, as it is typed in a shell: `~/` is the home folder.
fn in_full(path: &Path) -> PathBuf {
    let home = || std::env::var_os(storage::HOME).filter(|home| !home.is_empty());
    let path = match (path.strip_prefix("~"), home()) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    };
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::View;
    use crate::record::scenes::Scene;
    use crate::ui::export::copied;
    use crate::ui::model::{Mode, Screen};
    use crate::ui::{Look, Model, draw};
    use ratatui::buffer::{Buffer, Cell};
    use ratatui::layout::Rect;

    /// Everything that a screen shows, exports and copies.
    fn told(model: &Model, view: &View) -> String {
        let area = Rect::new(0, 0, 200, 60);
        let mut buf = Buffer::empty(area);
        draw(&mut buf, area, model, view);
        let mut told: String = buf.content().iter().map(Cell::symbol).collect();
        for format in [Format::Json, Format::Csv, Format::Markdown] {
            let export = Export { path: PathBuf::new(), format, what: What::seen(model, view) };
            told += &text(&export, view);
        }
        told + &copied(model, view).unwrap_or_default()
    }

    /// Models of every screen, and of every peer's page.
    fn everywhere(view: &View) -> Vec<Model> {
        let mut start = Model::new(Look::default());
        start.size = (200, 60);
        start.take_in(view);
        let screens =
            [Screen::Overview, Screen::Peers, Screen::Pieces, Screen::Trackers, Screen::Files, Screen::Log];
        let on = |screen| {
            let mut model = start.clone();
            model.screen = screen;
            model
        };
        let page = |key| {
            let mut model = start.clone();
            (model.selected, model.open) = (Some(key), vec![Mode::Peer { bytes: true }]);
            model
        };
        let pages = view.peers.iter().map(|peer| page(peer.key));
        screens.map(on).into_iter().chain(pages).collect()
    }

    /// The cells of the first line, and the number of cells in each line behind it, of what has none that is quoted.
    fn cells(csv: &str) -> (Vec<&str>, Vec<usize>) {
        let mut lines = csv.lines().filter(|line| !line.contains('"')).map(|line| line.split(','));
        let names = lines.next().map_or_else(Vec::new, Iterator::collect);
        (names, lines.map(Iterator::count).collect())
    }

    #[test]
    fn what_cannot_be_written_is_told_in_words_and_nothing_is_written_over() {
        let (view, folder) = (Scene::Debian.view(u64::MAX), tempfile::tempdir().unwrap());
        let model = Model::new(Look::default());
        let to = |path: PathBuf| {
            write(&Export { path, format: Format::Csv, what: What::seen(&model, &view) }, &view)
        };
        let path = folder.path().join("a.csv");
        assert_eq!(to(path.clone()), Ok(path.to_str().unwrap().to_owned()));
        let written = std::fs::read(&path).unwrap();
        assert_eq!(to(path.clone()), Err("it is there already; nothing is overwritten".to_owned()));
        assert_eq!(std::fs::read(&path).unwrap(), written);
        assert_eq!(to(folder.path().join("none/a.csv")), Err("there is no such folder".to_owned()));
        let inside_a_file = to(path.join("b.csv")).unwrap_err();
        assert!(!inside_a_file.contains("os error"), "{inside_a_file}");
    }

    #[test]
    fn every_column_of_the_screen_is_in_csv_and_json_and_none_twice() {
        let view = Scene::Debian.view(u64::MAX);
        let mut model = Model::new(Look::default());
        model.take_in(&view);
        model.screen = Screen::Peers;
        let what = What::seen(&model, &view);
        let export = |format| text(&Export { path: PathBuf::new(), format, what: what.clone() }, &view);
        let csv = export(Format::Csv);
        let (names, counts) = cells(&csv);
        let once: std::collections::BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(once.len(), names.len(), "{names:?}");
        assert!(counts.iter().all(|count| *count == names.len()) && !counts.is_empty(), "{counts:?}");
        let What::Peers(peers) = &what else { panic!("{what:?}") };
        let json: serde_json::Value = serde_json::from_str(&export(Format::Json)).unwrap();
        let all = peers.all_in_numbers(&view);
        for (at, column) in all.columns.iter().enumerate() {
            assert!(once.contains(column.as_str()), "{column} is in {names:?}");
            let told = |peer: &serde_json::Value| {
                peer.get(column).or_else(|| peer["attempts"].get(0)?.get(column)).is_some()
            };
            let known = all.rows.iter().any(|row| row[at] != "");
            assert!(!known || json["peers"].as_array().unwrap().iter().any(told), "{column} is in JSON");
        }
    }

    #[test]
    fn with_privacy_no_screen_shows_exports_or_copies_an_address() {
        for scene in [Scene::Debian, Scene::Complete] {
            let real = scene.view(u64::MAX);
            // Pseudonyms look like addresses of the documentation's networks, so only the others tell anything.
            let documentation = ["192.0.2.", "198.51.100.", "203.0.113.", "198.18.", "198.19.", "2001:db8:"];
            let addresses = real.peers.iter().map(|peer| peer.addr.ip().to_string());
            let addresses: Vec<String> =
                addresses.filter(|ip| !documentation.iter().any(|net| ip.starts_with(net))).collect();
            let in_clear = everywhere(&real).iter().map(|model| told(model, &real)).collect::<String>();
            assert!(addresses.iter().all(|ip| in_clear.contains(ip)), "the test would find them");
            let private = scene.private();
            assert_eq!(private.peers.len(), real.peers.len());
            for model in everywhere(&private) {
                let told = told(&model, &private);
                let found = addresses.iter().find(|ip| told.contains(*ip));
                assert_eq!(found, None, "{:?}, {:?}, {:?}", scene, model.screen, model.open);
            }
        }
    }
}
