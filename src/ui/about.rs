//! What is told of the torrent and of the run beside views: what stands in the torrent file, and what was asked of this
//! start. A recording keeps none of it.

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
