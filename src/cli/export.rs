//! What the screen shows, written to a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::ledger::View;
use crate::report::{check, table};
use crate::text::clean;
use crate::ui::export::{Export, Format, What};

/// Writes it to a new file and says where that is. Nothing is ever overwritten.
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
            Err(format!("{shown} is there already; nothing is overwritten. Another name does it."))
        }
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

fn text(export: &Export, view: &View) -> String {
    match (&export.what, export.format) {
        (What::Peers(keys), Format::Json) => check::peers_json(view, keys),
        (What::Peers(keys), Format::Csv) => check::peers_csv(view, keys),
        (What::Peers(keys), Format::Markdown) => check::peers_markdown(view, keys),
        (What::Table(rows), Format::Json) => table::json(rows.of, &rows.columns, &rows.rows, view),
        (What::Table(rows), Format::Csv) => table::csv(&rows.columns, &rows.rows),
        (What::Table(rows), Format::Markdown) => table::markdown(&rows.columns, &rows.rows),
    }
}

/// The path from the root, as it is typed in a shell: `~/` is the home folder.
fn in_full(path: &Path) -> PathBuf {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty());
    let path = match (path.strip_prefix("~"), home()) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    };
    std::path::absolute(&path).unwrap_or(path)
}
