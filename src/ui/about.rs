//! What is told of the torrent and of the run beside views: what stands in the torrent file, and what was asked of this
//! start. A recording keeps none of it.

use std::path::{Path, PathBuf};

use crate::text::clean;

/// Characters of a comment that are shown.
const MOST_COMMENT_CHARS: usize = 1000;
/// Characters of the name of the program that made the torrent.
const MOST_MAKER_CHARS: usize = 100;

/// What stands in the torrent file, and what was asked of this start.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// What its maker says of it, safe to show.
    pub comment: Option<String>,
    /// The program that made it, safe to show.
    pub created_by: Option<String>,
    /// When it says it was made, seconds since 1970.
    pub created_s: Option<i64>,
    /// It has parts of version 2 (BEP 52) beside those of version 1.
    pub hybrid: bool,
    /// Connections at most.
    pub most_connections: usize,
    /// The magnet link by which others can have it.
    pub magnet: Option<String>,
}

/// What is around a run, whichever torrents it has.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The home folder, for paths that are typed.
    pub home: Option<PathBuf>,
    /// The folder that files go to where no other is named.
    pub folder: PathBuf,
    /// Downloads of an earlier version that are not kept, and wait until their torrent is named.
    pub waiting: usize,
    /// Says whether a path leads to a file; `None`: no file is known.
    pub is_file: Option<fn(&Path) -> bool>,
}

impl Surroundings {
    /// A path as it is typed in a shell: `~/` is the home folder.
    pub(crate) fn in_full(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }

    /// Whether a path leads to a file.
    pub(crate) fn is_file(&self, path: &Path) -> bool {
        self.is_file.is_some_and(|is_file| is_file(&self.in_full(path)))
    }

    /// The other way round: what can be typed for a path.
    pub(crate) fn typed(&self, path: &Path) -> String {
        let within = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        within
            .map_or_else(|| path.to_owned(), |rest| Path::new("~").join(rest))
            .to_string_lossy()
            .into_owned()
    }
}

impl About {
    /// With the words of a stranger made safe to show.
    pub fn new(comment: Option<&str>, created_by: Option<&str>) -> Self {
        let shown =
            |text: Option<&str>, most| text.map(|text| clean(text, most)).filter(|text| !text.is_empty());
        Self {
            comment: shown(comment, MOST_COMMENT_CHARS),
            created_by: shown(created_by, MOST_MAKER_CHARS),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_for_a_path_is_that_path() {
        let around = Surroundings { home: Some("/home/me".into()), ..Surroundings::default() };
        for (path, typed) in [
            ("/home/me/iso", "~/iso"),
            ("/home/me", "~/"),
            ("/home/other/iso", "/home/other/iso"),
            ("/home/me2", "/home/me2"),
            ("iso", "iso"),
        ] {
            assert_eq!(around.typed(Path::new(path)), typed);
            assert_eq!(around.in_full(Path::new(typed)), Path::new(path));
        }
    }
}
