//! What can be wrong with a settings file.

use std::path::PathBuf;

use thiserror::Error;

/// Why the settings cannot be used: the file, and in it the line and the key.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings in {}: {reason}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Something in it is wrong.
    #[error("{}, line {line}: {problem}", .file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: Box<Problem>,
    },
}

/// What is wrong at a place of the file.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Problem {
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// There is no such setting.
    #[error("there is no setting `{key}`; `ttui --print-config` shows all there are")]
    UnknownSetting {
        /// Its name, with its tables.
        key: String,
    },
    /// The value is not of the kind expected.
    #[error("`{key}`: expected {expected}, found {found}")]
    Unexpected {
        /// The setting.
        key: String,
        /// What it takes.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// Two actions have the same key where both hold.
    #[error("`{key}`: {pressed} is the key of `{other}` ({other_does}) as well; give one of them another")]
    Conflict {
        /// The setting.
        key: String,
        /// The key both have.
        pressed: String,
        /// The other setting.
        other: String,
        /// What the other does.
        other_does: String,
    },
}
