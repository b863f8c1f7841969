//! What is kept of a torrent, as bytes.
//!
//! One line, `ttui torrent VERSION SUM`, where the sum is the SHA-1 in hex of what follows it: an object of JSON. What a
//! version adds to it, the ones before leave out; a field that is missing has its default.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::hash::sha1;
use crate::metainfo::InfoHash;

const MAGIC: &str = "ttui torrent";
const VERSION: u32 = 1;

/// What is kept of a torrent. Its torrent file, where that is known, stands beside it, and which of its files are chosen in
/// its resume record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Which torrent.
    #[serde(with = "hex")]
    pub info_hash: InfoHash,
    /// The link by which it was added, keys and all: there may be no torrent file yet.
    #[serde(default)]
    pub magnet: Option<String>,
    /// Its name, once that is known.
    #[serde(default)]
    pub name: Option<String>,
    /// The folder the files go to, absolute.
    #[serde(with = "path")]
    pub output: PathBuf,
    /// The folder that the files are being moved to: until that is done some of them may be there.
    #[serde(default, with = "path_if_any")]
    pub moving_to: Option<PathBuf>,
    /// When it was added, seconds since 1970.
    #[serde(default)]
    pub added_s: u64,
    /// Its place in the queue: less comes first.
    #[serde(default)]
    pub order: u64,
    /// Whether the user paused it.
    #[serde(default)]
    pub paused: bool,
    /// Whether it was completed in a run that was to end with that: it runs again when it is named or resumed.
    #[serde(default)]
    pub done: bool,
    /// The most to receive for it, bytes a second.
    #[serde(default)]
    pub down_bps: Option<u64>,
    /// The most to send of it, bytes a second.
    #[serde(default)]
    pub up_bps: Option<u64>,
    /// What it came to when it ran last.
    #[serde(default)]
    pub totals: Totals,
}

/// What a torrent came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Bytes of it that are wanted; `None` before its metadata are known.
    #[serde(default)]
    pub total_bytes: Option<u64>,
    /// How many of them are here.
    #[serde(default)]
    pub have_bytes: u64,
    /// Payload received from peers in all runs.
    #[serde(default)]
    pub downloaded_bytes: u64,
    /// Payload sent to peers in all runs.
    #[serde(default)]
    pub uploaded_bytes: u64,
    /// Time spent seeding in all runs, in seconds.
    #[serde(default)]
    pub seeded_s: u64,
}

/// Why bytes are no entry of ours.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EntryError {
    /// It ends too soon, or its sum or a field is wrong.
    #[error("it is cut short or damaged")]
    Damaged,
    /// Its format is another, this one.
    #[error("it was written by a newer version of ttui (format {0}, expected {VERSION})")]
    Version(u32),
    /// It stands under the name of another torrent.
    #[error("it is about another torrent, {0}")]
    Another(InfoHash),
}

impl Entry {
    /// Whether this is the folder of its files, or is going to be.
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        self.output == folder || self.moving_to.as_deref() == Some(folder)
    }

    /// What it is called: by its name, or by the beginning of its info-hash.
    #[must_use]
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("magnet {}…", &self.info_hash.to_string()[..8]))
    }

    /// The bytes of its file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists of bytes: all that JSON can hold.
        let fields = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        format!("{MAGIC} {VERSION} {}\n{fields}", sum(&fields)).into_bytes()
    }

    /// Reads the bytes of a file that should be about this torrent, no matter what wrote them.
    ///
    /// # Errors
    /// They are damaged, of a newer version, or about another torrent.
    pub(super) fn from_bytes(bytes: &[u8], info_hash: InfoHash) -> Result<Self, EntryError> {
        let text = std::str::from_utf8(bytes).map_err(|_| EntryError::Damaged)?;
        let (first, fields) = text.split_once('\n').ok_or(EntryError::Damaged)?;
        let first = first.strip_prefix(MAGIC).ok_or(EntryError::Damaged)?;
        let mut words = first.split(' ').skip(1);
        let version = words.next().and_then(|word| word.parse().ok()).ok_or(EntryError::Damaged)?;
        if version > VERSION {
            return Err(EntryError::Version(version));
        }
        if version != VERSION || words.next() != Some(&sum(fields)) {
            return Err(EntryError::Damaged);
        }
        let entry: Self = serde_json::from_str(fields).map_err(|_| EntryError::Damaged)?;
        if entry.info_hash != info_hash {
            return Err(EntryError::Another(entry.info_hash));
        }
        Ok(entry)
    }
}

fn sum(fields: &str) -> String {
    InfoHash(sha1(fields.as_bytes())).to_string()
}

/// An info-hash in digits that people know it by.
mod hex {
    use super::{Deserialize, Deserializer, InfoHash, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &InfoHash, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(hash)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<InfoHash, D::Error> {
        let digits = String::deserialize(from)?;
        InfoHash::from_hex(&digits).ok_or_else(|| serde::de::Error::custom("no info-hash"))
    }
}

/// A path, which need not be text.
mod path {
    use super::{Deserialize, Deserializer, OsString, Path, PathBuf, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Raw(OsString),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        let text = path.to_str().map(|text| Written::Text(text.to_owned()));
        text.unwrap_or_else(|| Written::Raw(path.as_os_str().to_owned())).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Text(text) => text.into(),
            Written::Raw(raw) => raw.into(),
        })
    }
}

/// A path that there may be.
mod path_if_any {
    use super::{Deserialize, Deserializer, PathBuf, Serialize, Serializer, path};

    #[derive(Serialize, Deserialize)]
    struct Written(#[serde(with = "path")] PathBuf);

    pub(super) fn serialize<S: Serializer>(found: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        found.clone().map(Written).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
        Ok(Option::<Written>::deserialize(from)?.map(|Written(path)| path))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::library) fn sample() -> Entry {
        Entry {
            info_hash: InfoHash([0xa7; 20]),
            magnet: Some("magnet:?xt=urn:btih:a7&tr=http%3A%2F%2Ft%2F0123".to_owned()),
            name: Some("a “name”\n".to_owned()),
            output: "/data/it".into(),
            moving_to: Some("/data/there".into()),
            added_s: 1_795_000_000,
            order: u64::MAX,
            paused: true,
            done: true,
            down_bps: Some(1),
            up_bps: None,
            totals: Totals {
                total_bytes: Some(9),
                have_bytes: 8,
                downloaded_bytes: 7,
                uploaded_bytes: u64::MAX,
                seeded_s: 6,
            },
        }
    }

    fn read(bytes: &[u8]) -> Result<Entry, EntryError> {
        Entry::from_bytes(bytes, sample().info_hash)
    }

    #[test]
    fn comes_back_as_it_was_kept() {
        assert_eq!(read(&sample().to_bytes()), Ok(sample()));
        let bare = Entry { magnet: None, name: None, moving_to: None, totals: Totals::default(), ..sample() };
        assert_eq!(read(&bare.to_bytes()), Ok(bare));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_need_not_be_text() {
        use std::os::unix::ffi::OsStringExt;
        let entry = Entry { output: OsString::from_vec(b"/data/\xff\xfe".to_vec()).into(), ..sample() };
        assert_eq!(read(&entry.to_bytes()), Ok(entry));
    }

    #[test]
    fn one_that_is_cut_or_changed_anywhere_is_refused() {
        let bytes = sample().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(EntryError::Damaged), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert!(read(&wrong).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn a_newer_one_and_one_of_another_torrent_are_named() {
        let newer = String::from_utf8(sample().to_bytes()).unwrap().replacen("torrent 1 ", "torrent 12 ", 1);
        assert_eq!(read(newer.as_bytes()), Err(EntryError::Version(12)));
        let other = Entry { info_hash: InfoHash([1; 20]), ..sample() };
        assert_eq!(read(&other.to_bytes()), Err(EntryError::Another(other.info_hash)));
    }

    #[test]
    fn what_a_version_to_come_adds_is_left_out_and_what_is_missing_has_its_default() {
        let hash = sample().info_hash;
        let fields = format!("{{\"info_hash\":\"{hash}\",\"output\":\"/d\",\"more\":[1,{{}}]}}");
        let entry = read(format!("{MAGIC} 1 {}\n{fields}", sum(&fields)).as_bytes()).unwrap();
        assert_eq!((entry.output, entry.moving_to), ("/d".into(), None));
        assert_eq!((entry.paused, entry.totals), (false, Totals::default()));
    }

    proptest! {
        /// A right sum over anything: nothing panics.
        #[test]
        fn arbitrary_content_is_refused_or_read(fields in ".{0,200}") {
            let _ = read(format!("{MAGIC} 1 {}\n{fields}", sum(&fields)).as_bytes());
        }
    }
}
