//! Files as desktops hand them over: `file:///home/me/a%20b.torrent`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

const SCHEME: &str = "file://";

/// The path of a `file:` URL of this machine; anything else as it is.
#[must_use]
pub fn path_of_url(given: &Path) -> Cow<'_, Path> {
    let url = given.to_str().and_then(|text| text.strip_prefix(SCHEME));
    let path =
        url.map(|rest| rest.strip_prefix("localhost").unwrap_or(rest)).filter(|rest| rest.starts_with('/'));
    match path.and_then(|path| percent_decode_str(path).decode_utf8().ok()) {
        Some(path) => Cow::Owned(PathBuf::from(path.into_owned())),
        None => Cow::Borrowed(given),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls_of_this_machine_and_leaves_the_rest() {
        for (given, path) in [
            ("file:///home/me/a%20b.torrent", "/home/me/a b.torrent"),
            ("file://localhost/a.torrent", "/a.torrent"),
            ("file://elsewhere/a.torrent", "file://elsewhere/a.torrent"),
            ("file:///%FF", "file:///%FF"),
            ("a%20b.torrent", "a%20b.torrent"),
            ("magnet:?xt=urn:btih:0", "magnet:?xt=urn:btih:0"),
        ] {
            assert_eq!(path_of_url(Path::new(given)), Path::new(path), "{given}");
        }
    }
}
