//! Where on a server the files of a torrent are (BEP 19), and which parts of which files a run of blocks is made of.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::metainfo::{BlockRef, Files, Geometry};

/// What stands as it is in an element of a path.
const ELEMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// The file's place among all.
    pub(super) file: usize,
    /// Which bytes of it.
    pub(super) bytes: Range<u64>,
}

/// The URL of a file on the server at `base`: that of a single file is `base` itself, unless it ends with a slash; below
/// it stand name and path otherwise. `None`: it is none that can be asked.
pub(super) fn file_url(base: &str, files: &Files, file: usize) -> Option<Url> {
    let path = &files.file(file)?.path;
    // What names no host must not take the name of the torrent for one.
    Url::parse(base).ok().filter(Url::has_host)?;
    let alone = files.len() == 1 && path.elements().count() == 1;
    let url = if alone && !base.ends_with('/') {
        base.to_owned()
    } else {
        let elements: Vec<String> =
            path.elements().map(|element| utf8_percent_encode(element, ELEMENT).to_string()).collect();
        format!("{}/{}", base.strip_suffix('/').unwrap_or(base), elements.join("/"))
    };
    Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// The first of `blocks` that follow each other, and how many they are.
pub(super) fn first_run(blocks: &[BlockRef], geometry: Geometry) -> (Range<u64>, usize) {
    let begin = |block: BlockRef| geometry.offset_of(block.piece()) + u64::from(block.begin());
    let Some(first) = blocks.first() else { return (0..0, 0) };
    let (start, mut end, mut count) = (begin(*first), begin(*first), 0);
    for block in blocks {
        if begin(*block) != end {
            break;
        }
        end += u64::from(geometry.block_length(*block));
        count += 1;
    }
    (start..end, count)
}

/// The parts of files that these bytes of the torrent fall on, in order.
pub(super) fn parts(files: &Files, bytes: &Range<u64>) -> Vec<Part> {
    let spans = files.spans(bytes.start, bytes.end - bytes.start);
    spans.map(|span| Part { file: span.file, bytes: span.offset..span.offset + span.length }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::SafePath;

    fn files(paths: &[(&str, u64)]) -> Files {
        let path = |path: &str| SafePath::new(path.split('/').map(str::as_bytes));
        Files::lay_out(paths.iter().map(|(name, length)| (path(name), *length, false))).unwrap()
    }

    fn url(base: &str, paths: &[(&str, u64)], file: usize) -> String {
        file_url(base, &files(paths), file).map(String::from).unwrap_or_default()
    }

    #[test]
    fn urls_are_joined_as_bep_19_says() {
        let single = [("a b.iso", 9)];
        assert_eq!(url("http://h/x.iso", &single, 0), "http://h/x.iso");
        assert_eq!(url("http://h/d/", &single, 0), "http://h/d/a%20b.iso");
        let several = [("n/d/f#1", 1), ("n/ü?", 1)];
        for base in ["https://h:8/d", "https://h:8/d/"] {
            assert_eq!(url(base, &several, 0), "https://h:8/d/n/d/f%231");
            assert_eq!(url(base, &several, 1), "https://h:8/d/n/%C3%BC%3F");
        }
        assert_eq!(url("http://h/d", &[("n/only", 1)], 0), "http://h/d/n/only", "a folder of one file");
        for bad in ["ftp://h/", "file:///etc/", "http://", "h", ""] {
            assert_eq!(url(bad, &several, 0), "", "{bad}");
        }
    }

    #[test]
    fn a_run_falls_on_parts_of_files() {
        let files = files(&[("n/a", 20_000), ("n/b", 0), ("n/c", 30_000)]);
        let geometry = Geometry::new(50_000, 32_768).unwrap();
        let blocks: Vec<BlockRef> = geometry.pieces().flat_map(|piece| geometry.blocks_of(piece)).collect();
        assert_eq!(first_run(&blocks, geometry), (0..50_000, 4));
        assert_eq!(first_run(&[blocks[1], blocks[2]], geometry), (16_384..49_152, 2));
        assert_eq!(first_run(&[blocks[1], blocks[3]], geometry), (16_384..32_768, 1));
        assert_eq!(first_run(&[blocks[2], blocks[1]], geometry), (32_768..49_152, 1));
        assert_eq!(first_run(&[], geometry), (0..0, 0));
        let parts = parts(&files, &(16_384..49_152));
        assert_eq!(parts, [Part { file: 0, bytes: 16_384..20_000 }, Part { file: 2, bytes: 0..29_152 }]);
    }
}
