//! Makes torrent files of content in memory: for the demo, and for tests.

use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};

/// A torrent in the making.
///
/// ```
/// use ttui::metainfo::{NewTorrent, Torrent};
///
/// let bytes = NewTorrent::of_files("album", 16384, &[("cd1/one.flac", b"la"), ("cover.jpg", b"")])
///     .tracker("udp://tracker.example:6969")
///     .to_bytes();
/// let torrent = Torrent::from_bytes(&bytes)?;
/// assert_eq!(torrent.files.file(0).map(|file| file.path.as_str()), Some("album/cd1/one.flac"));
/// # Ok::<(), ttui::metainfo::TorrentError>(())
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct NewTorrent {
    #[serde(skip_serializing_if = "Option::is_none")]
    announce: Option<String>,
    #[serde(rename = "announce-list", skip_serializing_if = "Vec::is_empty")]
    announce_list: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    info: Info,
    #[serde(rename = "url-list", skip_serializing_if = "Vec::is_empty")]
    url_list: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Entry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    name: String,
    #[serde(rename = "piece length")]
    piece_length: u32,
    pieces: ByteString,
    #[serde(skip_serializing_if = "Option::is_none")]
    private: Option<u8>,
}

#[derive(Clone, Debug, Serialize)]
struct Entry {
    length: u64,
    path: Vec<String>,
}

#[derive(Clone, Debug)]
struct ByteString(Vec<u8>);

impl Serialize for ByteString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl NewTorrent {
    /// A torrent of one file. Pieces of length zero are taken as pieces of one byte.
    pub fn of_file(name: &str, piece_bytes: u32, content: &[u8]) -> Self {
        Self::new(name, piece_bytes, content, None)
    }

    /// A torrent of several files, given by their paths (`/` between the elements) and contents.
    pub fn of_files(name: &str, piece_bytes: u32, files: &[(&str, &[u8])]) -> Self {
        let entries = files.iter().map(|(path, content)| Entry {
            length: content.len() as u64,
            path: path.split('/').map(str::to_owned).collect(),
        });
        let content: Vec<u8> = files.iter().flat_map(|(_, content)| content.iter().copied()).collect();
        Self::new(name, piece_bytes, &content, Some(entries.collect()))
    }

    fn new(name: &str, piece_bytes: u32, content: &[u8], files: Option<Vec<Entry>>) -> Self {
        let piece_length = piece_bytes.max(1);
        let pieces = content.chunks(piece_length as usize).flat_map(Sha1::digest).collect();
        Self {
            announce: None,
            announce_list: Vec::new(),
            comment: None,
            info: Info {
                length: files.is_none().then_some(content.len() as u64),
                files,
                name: name.to_owned(),
                piece_length,
                pieces: ByteString(pieces),
                private: None,
            },
            url_list: Vec::new(),
        }
    }

    /// Adds a tracker, in a tier of its own.
    #[must_use]
    pub fn tracker(mut self, url: &str) -> Self {
        self.announce.get_or_insert_with(|| url.to_owned());
        self.announce_list.push(vec![url.to_owned()]);
        self
    }

    /// Adds a web seed.
    #[must_use]
    pub fn web_seed(mut self, url: &str) -> Self {
        self.url_list.push(url.to_owned());
        self
    }

    /// Says something about the torrent.
    #[must_use]
    pub fn comment(mut self, text: &str) -> Self {
        self.comment = Some(text.to_owned());
        self
    }

    /// Lets only trackers name peers (BEP 27).
    #[must_use]
    pub fn private(mut self) -> Self {
        self.info.private = Some(1);
        self
    }

    /// The content of the torrent file.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_bencode::to_bytes(self).expect("strings, integers, lists and structs can always be bencoded")
    }
}
