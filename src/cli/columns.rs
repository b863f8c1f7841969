//! The columns that were last chosen with a key. They are kept for the next start beside what downloads keep, because
//! the settings file is the user's own to write.

use std::path::PathBuf;
use std::{fs, io, process};

use crate::config::{self, Settings};
use crate::storage;
use crate::ui::{ColumnChoice, ColumnPart};

const FILE: &str = "columns.toml";

/// The columns to begin with: those that the settings name, or else those chosen last.
pub(super) fn to_begin_with(settings: &Settings) -> ColumnChoice {
    settings.columns.clone().or(kept())
}

/// Keeps what was chosen since; where it cannot be kept, it was chosen for this run.
pub(super) fn keep(before: &ColumnChoice, now: &ColumnChoice) {
    let mut kept = kept();
    for part in ColumnPart::ALL {
        if now.of(part) != before.of(part) {
            kept.set(part, now.of(part).map(<[_]>::to_vec));
        }
    }
    if now != before
        && let Err(error) = write(&config::of_columns(&kept))
    {
        tracing::warn!(%error, "the chosen columns are not kept");
    }
}

fn path() -> Option<PathBuf> {
    let env = |name| std::env::var_os(name);
    Some(storage::state_dir(env("XDG_STATE_HOME"), env(storage::HOME))?.join(FILE))
}

/// What was kept. A file that cannot be understood is as good as none: nobody wrote it by hand.
fn kept() -> ColumnChoice {
    let settings = path().and_then(|path| config::load(&path).ok().flatten());
    settings.map(|settings| settings.columns).unwrap_or_default()
}

/// Writes the file as a whole or not at all.
fn write(text: &str) -> io::Result<()> {
    let path = path().ok_or(io::ErrorKind::NotFound)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension(format!("{}.new", process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, &path)
}
