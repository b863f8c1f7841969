//! How the program ends.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use thiserror::Error;

use super::chosen::waiting_text;
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::library::LibraryError;
use crate::metainfo::{MagnetError, NoSuchFile, TorrentError};
use crate::record::RecordError;
use crate::storage::StorageError;

/// How it ended when nothing failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Status {
    /// What was asked for is done.
    Done,
    /// It is not: pieces are missing or bad.
    NotAchieved,
    /// Some of several failed, and each was told; this is the highest status of all.
    Told(u8),
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => Self::SUCCESS,
            Status::NotAchieved => Self::from(1),
            Status::Told(status) => Self::from(status),
        }
    }
}

/// What ended it, in one line.
#[derive(Debug, Error)]
pub enum Failure {
    /// The arguments make no sense.
    #[error("{text}; see `ttui --help`")]
    Usage {
        /// What is wrong with them.
        text: String,
        /// What may have been meant.
        tip: Option<String>,
    },
    /// Nothing to download was named, and nothing is kept.
    #[error(
        "expected a torrent file or a magnet link to download, as in `ttui FILE.torrent`: none is kept; {}",
        if *waiting > 0 { waiting_text(*waiting) } else { "`ttui demo` needs none".to_owned() }
    )]
    NoTorrent {
        /// Downloads of an earlier version that are not kept.
        waiting: usize,
    },
    /// Several torrents would run with what is for one.
    #[error("{option} is for one torrent, and {torrents} are {}", if *kept { "kept" } else { "named" })]
    ForOne {
        /// The option.
        option: &'static str,
        /// How many would run.
        torrents: usize,
        /// They were not named.
        kept: bool,
    },
    /// What was named is no file of the torrent.
    #[error("--files: {0}; `ttui info` lists them")]
    NoSuchFile(#[from] NoSuchFile),
    /// The same of a torrent whose metadata came later.
    #[error("--files: {0}")]
    Unmatched(String),
    /// Of a torrent file the metadata alone was wanted.
    #[error("--metadata-only: expected a magnet link: a torrent file has its metadata")]
    HasMetadata,
    /// The name of a peer has no address.
    #[error("{peer}: no address: {why}")]
    NoAddress {
        /// The peer as it was named.
        peer: String,
        /// What the name service says.
        why: String,
    },
    /// The settings that were named are not there.
    #[error("{}: there is no such file of settings; `ttui --print-config` writes one to begin with", .0.display())]
    NoSettings(PathBuf),
    /// The settings.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The torrent file.
    #[error(transparent)]
    Torrent(#[from] TorrentError),
    /// The magnet link.
    #[error(transparent)]
    Magnet(#[from] MagnetError),
    /// The files on disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The recording to show.
    #[error("{}: {error}", file.display())]
    Recording {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        error: RecordError,
    },
    /// What is kept.
    #[error(transparent)]
    Library(Box<LibraryError>),
    /// The download.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The disk refused while downloading.
    #[error("{0}; what was verified is kept, start again to go on")]
    Stopped(String),
    /// The log file cannot be written.
    #[error("{0}")]
    Log(String),
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// Anything else of this machine.
    #[error("{0}")]
    Machine(String),
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Self {
        Self::Library(Box::new(error))
    }
}

impl Failure {
    /// What may have been meant, for a line of its own.
    pub fn tip(&self) -> Option<&str> {
        match self {
            Self::Usage { tip, .. } => tip.as_deref(),
            _ => None,
        }
    }

    /// 1 where nobody can be reached, 2 when what was asked for is at fault, 3 when this machine is.
    pub fn status(&self) -> u8 {
        match self {
            Self::NoAddress { .. } => 1,
            Self::Usage { .. }
            | Self::NoTorrent { .. }
            | Self::HasMetadata
            | Self::ForOne { .. }
            | Self::NoSuchFile(_)
            | Self::Unmatched(_)
            | Self::Torrent(_)
            | Self::Magnet(_)
            | Self::Log(_)
            | Self::Recording { .. } => 2,
            Self::NoSettings(_) | Self::Settings(_) => 2,
            Self::Storage(error) => error.exit_status(),
            Self::Engine(error) => error.exit_status(),
            Self::Library(error) => error.exit_status(),
            Self::Stopped(_) | Self::Output(_) | Self::Machine(_) => 3,
        }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let told = text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim);
        let told = told.filter(|line| !line.is_empty() && !line.starts_with("For more"));
        let told: Vec<&str> = told.collect();
        // What was typed stands in a tip too, and may have lines of its own.
        let is_tip = |line: &&str| line.starts_with("tip: ");
        let (told, tips) = told.split_at(told.iter().position(is_tip).unwrap_or(told.len()));
        let tip = tips.chunk_by(|_, next| !is_tip(next)).next().map(|tip| tip.join(" "));
        Self::Usage {
            text: told.join(" ").trim_start_matches("error: ").to_owned(),
            tip: tip.map(|tip| tip.trim_start_matches("tip: ").to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn puts_bad_usage_into_one_line() {
        let told = |line: &str| Failure::from(Cli::read(line.split(' ')).unwrap_err()).to_string();
        assert_eq!(
            told("ttui a --peer here"),
            "invalid value 'here' for '--peer <HOST:PORT>': expected HOST:PORT, as 192.0.2.7:6881, \
             [2001:db8::7]:6881 or seed.example.org:6881; see `ttui --help`"
        );
        assert_eq!(
            told("ttui a.torrent demo"),
            "unexpected argument 'demo': expected torrents, or a command; see `ttui --help`"
        );
        let misspelt = Failure::from(Cli::read(["ttui", "a", "--pirvacy"]).unwrap_err());
        assert_eq!(misspelt.to_string(), "unexpected argument '--pirvacy' found; see `ttui --help`");
        assert_eq!(misspelt.tip(), Some("a similar argument exists: '--privacy'"));
        let lines = Failure::from(Cli::read(["ttui", "a.torrent", "--one\ntwo"]).unwrap_err());
        assert!(lines.to_string().contains("'--one two' found"), "{lines}");
        assert_eq!(lines.tip(), Some("to pass '--one two' as a value, use '-- --one two'"));
        for line in ["ttui info", "ttui a --seed --no-seed", "ttui a --colour never", "ttui a -p"] {
            let told = told(line);
            assert!(told.ends_with("; see `ttui --help`") && !told.contains('\n'), "{told}");
            assert!(!told.contains("Usage") && !told.starts_with("error"), "{told}");
        }
    }
}
