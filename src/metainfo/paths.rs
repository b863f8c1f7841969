//! Names from a torrent made into paths that stay where they belong.
//!
//! The rules are those of libtorrent: an element loses its slashes and everything invisible or that turns the
//! writing direction, a control character or a broken UTF-8 sequence becomes `_`, and what is left of `.`, `..`
//! or nothing is `_`. On Windows names that mean something else there are renamed too. Files whose paths would meet,
//! in any case of letters, are told apart by a number.

#[cfg(any(windows, test))]
mod windows;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Bytes an element keeps; an extension of at most [`MOST_EXTENSION_BYTES`] is kept beyond them.
const MOST_ELEMENT_BYTES: usize = 240;
const MOST_EXTENSION_BYTES: usize = 10;
/// Elements below the torrent's name.
pub(super) const MOST_ELEMENTS: usize = 100;
/// Files that may be renamed because another has their path.
pub(super) const MOST_DUPLICATES: usize = 500;

/// A relative path of one or more elements, none of which is empty, `.`, `..` or holds a slash, a backslash or
/// a control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SafePath(Box<str>);

impl SafePath {
    /// A path of these elements, each made safe.
    pub fn new<'a>(elements: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let elements: Vec<String> = elements.into_iter().map(forced_element).collect();
        Self(if elements.is_empty() { "_".into() } else { elements.join("/").into() })
    }

    /// The elements, outermost first.
    pub fn elements(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The elements with `/` between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last element.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The same path with `number` set before the extension of its last element.
    fn numbered(&self, number: usize) -> Self {
        let name = self.file_name();
        let dot = name.rfind('.').filter(|&dot| dot > 0).unwrap_or(name.len());
        let at = self.0.len() - name.len() + dot;
        Self(format!("{}.{number}{}", &self.0[..at], &self.0[at..]).into())
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The element as it may be created; `None` when nothing but dots or nothing at all is left of it.
pub(super) fn safe_element(bytes: &[u8]) -> Option<String> {
    let mut safe = String::with_capacity(bytes.len().min(MOST_ELEMENT_BYTES + MOST_EXTENSION_BYTES));
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars().filter(|&c| !is_left_out(c)) {
            safe.push(if c.is_control() { '_' } else { c });
        }
        if !chunk.invalid().is_empty() {
            safe.push('_');
        }
    }
    if safe.len() > MOST_ELEMENT_BYTES {
        let dot = safe.rfind('.').filter(|&dot| safe.len() - dot <= MOST_EXTENSION_BYTES);
        let extension = dot.map(|dot| safe.split_off(dot)).unwrap_or_default();
        while safe.len() > MOST_ELEMENT_BYTES {
            safe.pop();
        }
        safe.push_str(&extension);
    }
    if matches!(safe.as_str(), "" | "." | "..") {
        return None;
    }
    #[cfg(windows)]
    let safe = windows::element(safe);
    Some(safe)
}

fn forced_element(bytes: &[u8]) -> String {
    safe_element(bytes).unwrap_or_else(|| "_".to_owned())
}

fn is_left_out(c: char) -> bool {
    matches!(c,
        '/' | '\\' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Renames every path that is, whatever the case of its letters, that of an earlier file or of a folder.
/// Returns how many were renamed; `None` when they are more than [`MOST_DUPLICATES`].
pub(super) fn tell_apart<'a>(paths: impl Iterator<Item = &'a mut SafePath>) -> Option<usize> {
    let mut paths: Vec<&mut SafePath> = paths.collect();
    let mut taken = HashSet::new();
    for path in &paths {
        taken.extend(folders(path));
    }
    let mut next_numbers: HashMap<u64, usize> = HashMap::new();
    let mut renamed = 0;
    for path in &mut paths {
        let folded = fold(path.as_str());
        if taken.insert(folded) {
            continue;
        }
        renamed += 1;
        if renamed > MOST_DUPLICATES {
            return None;
        }
        let number = next_numbers.entry(folded).or_insert(1);
        **path = loop {
            let candidate = path.numbered(*number);
            *number += 1;
            if taken.insert(fold(candidate.as_str())) {
                break candidate;
            }
        };
    }
    Some(renamed)
}

/// A path in lower case, as a number. Two that meet by chance would only cost a needless rename.
fn fold(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.chars().flat_map(char::to_lowercase).for_each(|c| c.hash(&mut hasher));
    hasher.finish()
}

fn folders(path: &SafePath) -> impl Iterator<Item = u64> {
    let mut hasher = DefaultHasher::new();
    path.as_str().chars().flat_map(char::to_lowercase).filter_map(move |c| {
        let folder = (c == '/').then(|| hasher.finish());
        c.hash(&mut hasher);
        folder
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(elements: &[&str]) -> String {
        SafePath::new(elements.iter().map(|element| element.as_bytes())).to_string()
    }

    #[test]
    fn keeps_every_element_inside_its_folder() {
        for (elements, safe) in [
            (&["a", "b c", "日本.txt"][..], "a/b c/日本.txt"),
            (&["temp", "..", "/", "bar"], "temp/_/_/bar"),
            (&["temp", "abc/../../def", ".", "bar"], "temp/abc....def/_/bar"),
            (&["temp", "/abcde"], "temp/abcde"),
            (&["temp", "", "bar"], "temp/_/bar"),
            (&["..\\..\\windows"], "....windows"),
            (&["./."], "_"),
            (&["..\u{200b}"], "_"),
            (&["con\0trol\x1b[2J\u{7f}\u{9b}"], "con_trol_[2J__"),
            (&["gpj.\u{202e}exe"], "gpj.exe"),
            (&["\u{2065}a\u{206e}b"], "ab"),
            (&[".hidden", "...", "~"], ".hidden/.../~"),
            (&[], "_"),
        ] {
            assert_eq!(path(elements), safe, "{elements:?}");
        }
        assert_eq!(safe_element(b"a\xff\xfeb\xc0\xafc").unwrap(), "a__b__c");
        assert_eq!(safe_element(b"/"), None);
    }

    #[test]
    fn cuts_long_elements_and_keeps_their_extension() {
        let cut = safe_element(format!("{}.torrent", "x".repeat(400)).as_bytes()).unwrap();
        assert_eq!(cut, format!("{}.torrent", "x".repeat(240)));
        assert_eq!(safe_element("é".repeat(200).as_bytes()).unwrap(), "é".repeat(120));
        assert_eq!(safe_element(format!("a.{}", "x".repeat(400)).as_bytes()).unwrap().len(), 240);
    }

    fn told_apart(paths: &[&str]) -> Option<(usize, Vec<String>)> {
        let mut paths: Vec<SafePath> =
            paths.iter().map(|path| SafePath::new(path.split('/').map(str::as_bytes))).collect();
        let renamed = tell_apart(paths.iter_mut())?;
        Some((renamed, paths.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn numbers_files_that_share_a_path() {
        let (renamed, paths) =
            told_apart(&["t/bar.txt", "t/BAR.txt", "t/bar.txt", "t/bar.2.txt", "t/.rc", "t/.rc"]).unwrap();
        assert_eq!(renamed, 4);
        assert_eq!(paths, ["t/bar.txt", "t/BAR.1.txt", "t/bar.2.txt", "t/bar.2.1.txt", "t/.rc", "t/.rc.1"]);
    }

    #[test]
    fn numbers_a_file_that_would_stand_where_a_folder_must() {
        let (_, paths) = told_apart(&["t/a", "t/A/b", "t/a/c"]).unwrap();
        assert_eq!(paths, ["t/a.1", "t/A/b", "t/a/c"]);
    }

    #[test]
    fn gives_up_on_too_many_duplicates() {
        assert_eq!(told_apart(&["t/a"; MOST_DUPLICATES + 1]).unwrap().0, MOST_DUPLICATES);
        assert!(told_apart(&["t/a"; MOST_DUPLICATES + 2]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_make_a_path_that_stays_inside(
            elements in proptest::collection::vec(proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(&b"./\\\0"[..])], 0..300), 0..6)
        ) {
            let path = SafePath::new(elements.iter().map(Vec::as_slice));
            prop_assert_eq!(path.elements().count(), elements.len().max(1));
            for element in path.elements() {
                prop_assert!(!matches!(element, "" | "." | ".."));
                prop_assert!(element.len() <= MOST_ELEMENT_BYTES + MOST_EXTENSION_BYTES);
                prop_assert!(!element.contains(['/', '\\']) && !element.chars().any(char::is_control));
            }
        }

        #[test]
        fn paths_told_apart_all_differ(names in proptest::collection::vec("[aA](\\.1)?(/[bB])?", 0..40)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let (_, paths) = told_apart(&names).unwrap();
            let folded: HashSet<String> = paths.iter().map(|path| path.to_lowercase()).collect();
            prop_assert_eq!(folded.len(), paths.len());
            for path in &folded {
                let inside = format!("{path}/");
                prop_assert!(!folded.iter().any(|other| other.starts_with(&inside)));
            }
        }
    }
}
