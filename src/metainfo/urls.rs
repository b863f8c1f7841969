//! URLs of trackers and web seeds, as torrent files and magnet links name them.

use std::collections::HashSet;

/// Trackers that are announced to; real torrents have tens.
pub(super) const MOST_TRACKERS: usize = 500;
/// Bytes of a URL.
const MOST_URL_BYTES: usize = 4096;

/// Takes each usable URL once, and counts those that are not usable.
#[derive(Default)]
pub(super) struct Urls {
    seen: HashSet<String>,
    /// URLs that were not usable.
    pub(super) bad: usize,
}

impl Urls {
    /// The URL without the white space around it, the first time it comes. `None` is no text at all.
    pub(super) fn take(&mut self, url: Option<&str>) -> Option<String> {
        let sound =
            |url: &&str| url.len() <= MOST_URL_BYTES && !url.chars().any(|c| c.is_control() || c == ' ');
        let Some(url) = url.map(str::trim).filter(sound) else {
            self.bad += 1;
            return None;
        };
        (!url.is_empty() && self.seen.insert(url.to_owned())).then(|| url.to_owned())
    }
}
