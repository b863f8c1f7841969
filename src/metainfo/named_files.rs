//! Files as a person names them, or a link, be it before anybody knows which there are.

use std::ops::RangeInclusive;
use std::str::FromStr;

use glob::Pattern;
use thiserror::Error;

use super::{Choice, File, FilePriority, Torrent, file_numbers};

/// Characters of a path that an error shows.
const SHOWN_CHARS: usize = 80;

/// One way to name files: by number, counted from 0 in the order of the torrent with pad files among them as links do
/// (BEP 53), or by a pattern of paths below the torrent's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileName {
    /// `3`, `0,2-5`.
    Numbers(Vec<RangeInclusive<u32>>),
    /// `extras/*.mkv`. A folder that it matches stands for all that is in it.
    Pattern(Pattern),
}

/// Why something names no files.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("expected numbers from 0, as 0,2-5, or a pattern of paths, as 'extras/*.mkv': {why}")]
pub struct BadFileName {
    why: String,
}

impl FromStr for FileName {
    type Err = BadFileName;

    fn from_str(text: &str) -> Result<Self, BadFileName> {
        if text.is_empty() {
            return Err(BadFileName { why: "found nothing".to_owned() });
        }
        let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b',' | b'-' | b' ');
        if text.bytes().all(is_number) && text.bytes().any(|byte| byte.is_ascii_digit()) {
            let ranges = text.split(',').map(|item| {
                let wrong = || BadFileName { why: format!("'{item}' is no range of numbers") };
                file_numbers::range(item.trim()).ok_or_else(wrong)
            });
            return ranges.collect::<Result<_, _>>().map(Self::Numbers);
        }
        Pattern::new(text).map(Self::Pattern).map_err(|error| BadFileName { why: error.msg.to_owned() })
    }
}

impl FileName {
    fn is_of(&self, number: usize, path: &str) -> bool {
        match self {
            Self::Numbers(ranges) => {
                u32::try_from(number).is_ok_and(|number| ranges.iter().any(|range| range.contains(&number)))
            }
            Self::Pattern(pattern) => {
                let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
                pattern.matches(path) || folders.into_iter().any(|folder| pattern.matches(folder))
            }
        }
    }
}

/// All that was named of a torrent's files; nothing: nobody named any.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NamedFiles(Vec<FileName>);

/// What was named is no file of the torrent.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("no file of {name} is named: expected {}, or a pattern of paths as '{first}'", numbers(*.files))]
pub struct NoSuchFile {
    name: String,
    files: usize,
    first: String,
}

/// Which numbers there are.
fn numbers(files: usize) -> String {
    match files {
        1 => "0, the number of its only file".to_owned(),
        _ => format!("numbers from 0 to {} (it has {files} files)", files.saturating_sub(1)),
    }
}

impl From<Vec<FileName>> for NamedFiles {
    fn from(names: Vec<FileName>) -> Self {
        Self(names)
    }
}

impl NamedFiles {
    /// Those with these numbers, as a link names them.
    #[must_use]
    pub fn numbered(ranges: &[RangeInclusive<u32>]) -> Self {
        Self(if ranges.is_empty() { Vec::new() } else { vec![FileName::Numbers(ranges.to_vec())] })
    }

    /// Whether none was named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The choice of what is named, and of nothing else; `None` where nothing was named.
    ///
    /// # Errors
    ///
    /// What is named is no file of the torrent.
    pub fn choice(&self, torrent: &Torrent) -> Result<Option<Choice>, NoSuchFile> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut any = false;
        let mut priority = |number: usize, file: &File| {
            if file.pad {
                return FilePriority::default();
            }
            let path = below_folder(torrent, file);
            let named = self.0.iter().any(|name| name.is_of(number, path));
            any |= named;
            if named { FilePriority::default() } else { FilePriority::Skip }
        };
        let priorities =
            torrent.files.iter().enumerate().map(|(number, file)| priority(number, file)).collect();
        if any { Ok(Some(Choice::new(priorities, false))) } else { Err(NoSuchFile::of(torrent)) }
    }
}

impl NoSuchFile {
    fn of(torrent: &Torrent) -> Self {
        let shown = |text: &str| crate::text::clean(text, SHOWN_CHARS);
        let first = torrent.files.iter().find(|file| !file.pad);
        Self {
            name: shown(&torrent.name),
            files: torrent.files.len(),
            first: shown(first.map_or("", |file| below_folder(torrent, file))),
        }
    }
}

/// The path of a file below the torrent's folder; of a torrent that is one file, its name.
fn below_folder<'a>(torrent: &Torrent, file: &'a File) -> &'a str {
    let path = file.path.as_str();
    if torrent.files.len() == 1 && !path.contains('/') {
        return path;
    }
    path.split_once('/').map_or(path, |(_, below)| below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::NewTorrent;

    fn torrent() -> Torrent {
        let files: [(&str, &[u8]); 5] = [
            ("a.txt", &[1; 10]),
            ("b/c.mkv", &[2; 10]),
            ("_____padding_file_0", &[0; 12]),
            ("b/d/e.mkv", &[3; 10]),
            ("f", &[4; 10]),
        ];
        Torrent::from_bytes(&NewTorrent::of_files("it", 32, &files).to_bytes()).unwrap()
    }

    /// The numbers of the files that are named by these.
    fn named(names: &[&str]) -> Result<Vec<usize>, NoSuchFile> {
        let names: Vec<FileName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let torrent = torrent();
        let choice = NamedFiles::from(names).choice(&torrent)?.unwrap();
        let real = torrent.files.iter().enumerate().filter(|(_, file)| !file.pad).map(|(number, _)| number);
        Ok(real.filter(|number| choice.of(*number) != FilePriority::Skip).collect())
    }

    #[test]
    fn files_are_named_by_numbers_from_zero_pad_files_included() {
        assert_eq!(named(&["0"]), Ok(vec![0]));
        assert_eq!(named(&["0,3-9"]), Ok(vec![0, 3, 4]));
        assert_eq!(named(&["1", "4"]), Ok(vec![1, 4]));
        let error = named(&["5-9"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no file of it is named: expected numbers from 0 to 4 (it has 5 files), or a pattern of paths as 'a.txt'"
        );
        assert!(named(&["2"]).is_err(), "padding is wanted by nobody");
    }

    #[test]
    fn files_are_named_by_patterns_of_paths_below_the_folder() {
        assert_eq!(named(&["*.mkv"]), Ok(vec![1, 3]));
        assert_eq!(named(&["b/c*", "f"]), Ok(vec![1, 4]));
        assert_eq!(named(&["b"]), Ok(vec![1, 3]), "a folder is all that is in it");
        assert_eq!(named(&["b/d"]), Ok(vec![3]));
        assert_eq!(named(&["?"]), Ok(vec![1, 3, 4]));
        assert!(named(&["it/*"]).is_err() && named(&["A.TXT"]).is_err());
    }

    #[test]
    fn what_names_no_files_is_refused() {
        for text in ["", "1-", "3-1", "1,,2", "4294967296", "a[", "***"] {
            let error = text.parse::<FileName>().unwrap_err().to_string();
            assert!(
                error.starts_with("expected numbers from 0, as 0,2-5, or a pattern of paths"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn the_only_file_of_a_torrent_is_named_by_its_name() {
        let torrent = Torrent::from_bytes(&NewTorrent::of_file("one.iso", 16, &[7; 40]).to_bytes()).unwrap();
        let choice = |name: &str| NamedFiles::from(vec![name.parse().unwrap()]).choice(&torrent);
        assert_eq!(choice("one.*"), Ok(Some(Choice::everything(1))));
        let error = choice("two").unwrap_err().to_string();
        assert_eq!(
            error,
            "no file of one.iso is named: expected 0, the number of its only file, or a pattern of paths as 'one.iso'"
        );
        assert_eq!(NamedFiles::default().choice(&torrent), Ok(None));
    }
}
