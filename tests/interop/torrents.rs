//! Contents (pseudo-random from a seed, so every run has the same) and the foreign tools that make torrents of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use color_eyre::eyre::{ContextCompat, Result, WrapErr, bail, ensure};
use fastrand::Rng;
use sha1::{Digest, Sha1};

use crate::clients::libtorrent;
use crate::lab::Lab;

/// A program that makes torrent files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Maker {
    Mktorrent,
    TransmissionCreate,
    Libtorrent,
    /// Version 1 and 2 in one file, with pad files between the others.
    LibtorrentHybrid,
}

/// What goes into a torrent: a file or a folder, and the folder it stands in.
#[derive(Debug)]
pub(crate) struct Content {
    /// What clients call the download folder.
    pub(crate) parent: PathBuf,
    name: String,
}

/// A torrent file, or a magnet link.
#[derive(Debug)]
pub(crate) struct Torrent {
    /// Where the file stands, or the link.
    pub(crate) path: PathBuf,
    /// Over the raw bytes of `info`, computed here.
    pub(crate) info_hash: [u8; 20],
}

impl Torrent {
    /// A magnet link of what nobody has.
    pub(crate) fn of_nobody() -> Self {
        Self { path: PathBuf::new(), info_hash: [0x5a; 20] }.magnet(None)
    }

    /// Its magnet link, with a tracker or without, in its place.
    pub(crate) fn magnet(&self, tracker: Option<&str>) -> Self {
        let quoted = |url: &str| url.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let tracker = tracker.map_or_else(String::new, |url| format!("&tr={}", quoted(url)));
        let link = format!("magnet:?xt=urn:btih:{}{tracker}", self.hex());
        Self { path: link.into(), info_hash: self.info_hash }
    }

    /// The same, with these web seeds (BEP 19).
    pub(crate) fn with_web_seeds(&self, urls: &[String]) -> Result<Self> {
        let Some(link) = self.path.to_str().filter(|path| path.starts_with("magnet:")) else {
            let made = fs::read(&self.path)?;
            let rest = made.strip_suffix(b"e").wrap_err("not a dictionary")?;
            // No key comes behind this one.
            let list: String = urls.iter().map(|url| format!("{}:{url}", url.len())).collect();
            let path = self.path.with_extension("web.torrent");
            fs::write(&path, [rest, format!("8:url-listl{list}ee").as_bytes()].concat())?;
            return Ok(Self { path, info_hash: self.info_hash });
        };
        let link = urls.iter().fold(link.to_owned(), |link, url| format!("{link}&ws={url}"));
        Ok(Self { path: link.into(), info_hash: self.info_hash })
    }

    /// The info-hash in lower-case hex.
    pub(crate) fn hex(&self) -> String {
        self.info_hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One file of `length` bytes.
pub(crate) fn one_file(lab: &Lab, name: &str, length: usize) -> Result<Content> {
    let parent = lab.folder("content")?;
    write(&parent.join(name), length, 1)?;
    Ok(Content { parent, name: name.to_owned() })
}

/// Files whose ends fall anywhere in a piece or a block: empty, one byte, around 16 KiB, and names that want care.
pub(crate) fn odd_files(lab: &Lab) -> Result<Content> {
    let parent = lab.folder("content")?;
    let files = [
        ("a first.bin", 1),
        ("b empty", 0),
        ("c/16383", 16_383),
        ("c/16384", 16_384),
        ("c/16385", 16_385),
        ("c/deep er/still/ümläut ☂.dat", 777_777),
        ("d big.iso", 5_000_011),
        ("e", 3),
        ("z last", 65_537),
    ];
    for (seed, (name, length)) in (100..).zip(files) {
        write(&parent.join("odd ones").join(name), length, seed)?;
    }
    Ok(Content { parent, name: "odd ones".to_owned() })
}

/// A thousand files of up to 12 KiB in ten folders: many files in every piece.
pub(crate) fn thousand_files(lab: &Lab) -> Result<Content> {
    let parent = lab.folder("content")?;
    let mut lengths = Rng::with_seed(1000);
    for number in 0..1000_u64 {
        let name = format!("thousand/{}/file {number:04}", number % 10);
        write(&parent.join(name), lengths.usize(0..12_288), number + 1)?;
    }
    Ok(Content { parent, name: "thousand".to_owned() })
}

/// Makes a torrent of `content` with pieces of 2^`piece_exponent` bytes and, if given, one tracker.
pub(crate) fn make(
    lab: &Lab,
    maker: Maker,
    content: &Content,
    piece_exponent: u8,
    tracker: Option<&str>,
) -> Result<Torrent> {
    let path = lab.folder("torrent")?.join("made.torrent");
    let source = content.parent.join(&content.name);
    let command = match maker {
        Maker::Mktorrent => {
            let mut command = Command::new("mktorrent");
            command.arg("-l").arg(piece_exponent.to_string()).arg("-o").arg(&path);
            if let Some(tracker) = tracker {
                command.args(["-a", tracker]);
            }
            command.arg(source);
            command
        }
        Maker::TransmissionCreate => {
            let mut command = Command::new("transmission-create");
            command.arg("-s").arg((1_u64 << piece_exponent >> 10).to_string()).arg("-o").arg(&path);
            if let Some(tracker) = tracker {
                command.args(["-t", tracker]);
            }
            command.arg(source);
            command
        }
        Maker::Libtorrent | Maker::LibtorrentHybrid => {
            let kind = if matches!(maker, Maker::Libtorrent) { "make" } else { "make-hybrid" };
            let mut command = Command::new(libtorrent::PYTHON);
            command.arg(libtorrent::script(lab)?).arg(kind).arg(&path).arg(source);
            command.arg((1_u64 << piece_exponent).to_string()).args(tracker);
            command
        }
    };
    // Not every program writes over what it made before.
    if path.exists() {
        fs::remove_file(&path)?;
    }
    lab.output("maker", command)?;
    let bytes = fs::read(&path).wrap_err_with(|| format!("{maker:?} left no torrent"))?;
    let info = info_bytes(&bytes).wrap_err_with(|| format!("no info dictionary in what {maker:?} made"))?;
    Ok(Torrent { path, info_hash: Sha1::digest(info).into() })
}

fn write(path: &Path, length: usize, seed: u64) -> Result<()> {
    let mut bytes = vec![0; length];
    Rng::with_seed(seed).fill(&mut bytes);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).wrap_err_with(|| format!("cannot write {}", path.display()))
}

/// The raw value of `info` in the outermost dictionary. Written apart from ttui's own reader, which it checks.
fn info_bytes(torrent: &[u8]) -> Result<&[u8]> {
    ensure!(torrent.first() == Some(&b'd'), "not a dictionary");
    let mut at = 1;
    while torrent.get(at).is_some_and(|&byte| byte != b'e') {
        let value = end_of(torrent, at)?;
        let end = end_of(torrent, value)?;
        if torrent[at..value].ends_with(b":info") {
            return Ok(&torrent[value..end]);
        }
        at = end;
    }
    bail!("no such key")
}

/// Where the bencoded item that begins at `at` ends.
fn end_of(bytes: &[u8], at: usize) -> Result<usize> {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first().wrap_err("ends early")? {
        b'i' => Ok(at + 1 + rest.iter().position(|&byte| byte == b'e').wrap_err("endless number")?),
        b'd' | b'l' => {
            let mut next = at + 1;
            while *bytes.get(next).wrap_err("ends early")? != b'e' {
                next = end_of(bytes, next)?;
            }
            Ok(next + 1)
        }
        _ => {
            let colon = rest.iter().position(|&byte| byte == b':').wrap_err("no length")?;
            let length: usize = std::str::from_utf8(&rest[..colon])?.parse()?;
            Ok(at + colon + 1 + length)
        }
    }
}
