//! Hybrid torrents as libtorrent 2.1.1 makes them, and what contradicts itself in them.

use super::*;

/// Folder `dir`: `a` of 20 000 bytes, `empty`, `sub/b` of 40 000, `z` of 16 000; padding after each, also the last.
const FILES: &[u8] = include_bytes!("hybrid-files.torrent");
/// One file, `one`, of 30 000 bytes.
const ONE: &[u8] = include_bytes!("hybrid-file.torrent");

/// The torrent with each of these parts, which stand in it once, replaced.
fn changed(torrent: &[u8], changes: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = torrent.to_vec();
    for (from, to) in changes {
        let found: Vec<usize> =
            (0..bytes.len()).filter(|&at| bytes[at..].starts_with(from.as_bytes())).collect();
        assert_eq!(found.len(), 1, "{from}");
        bytes.splice(found[0]..found[0] + from.len(), to.bytes());
    }
    bytes
}

/// Why it is refused, without the place.
fn error(torrent: &[u8], changes: &[(&str, &str)]) -> String {
    let error = Torrent::from_bytes(&changed(torrent, changes)).unwrap_err().to_string();
    match (error.split_once(" (byte "), error.split_once("): ")) {
        (Some((field, _)), Some((_, fault))) => format!("{field}: {fault}"),
        _ => error,
    }
}

fn read(torrent: &[u8], changes: &[(&str, &str)]) -> Torrent {
    Torrent::from_bytes(&changed(torrent, changes)).unwrap()
}

#[test]
fn reads_hybrids_whose_parts_agree() {
    let one = read(ONE, &[]);
    assert_eq!((paths(&one), one.geometry.total_bytes()), (vec!["one"], 30_000));
    assert!(one.info_hash_v2.is_some() && one.warnings.is_empty());

    let files = read(FILES, &[]);
    let shown: Vec<(&str, u64, bool)> =
        files.files.iter().map(|file| (file.path.as_str(), file.offset, file.pad)).collect();
    assert_eq!(
        shown,
        [
            ("dir/a", 0, false),
            ("dir/.pad/12768", 20_000, true),
            ("dir/empty", 32_768, false),
            ("dir/sub/b", 32_768, false),
            ("dir/.pad/9152", 72_768, true),
            ("dir/z", 81_920, false),
            ("dir/.pad/384", 97_920, true),
        ]
    );
    assert!(files.info_hash_v2.is_some() && files.warnings.is_empty());
}

#[test]
fn reads_what_differs_and_contradicts_nothing() {
    // The last file needs no padding behind it.
    read(FILES, &[("d4:attr1:p6:lengthi384e4:pathl4:.pad3:384ee", "")]);
    // Both parts have the one name, whatever it is.
    assert_eq!(read(FILES, &[("4:name3:dir", "4:name5:other")]).name, "other");
    // An empty file has no content that could be told from another's.
    read(FILES, &[("6:lengthi0e4:pathl5:empty", "6:lengthi0e4:pathl4:leer")]);
    read(FILES, &[("1:zd0:", "1:ede1:zd0:")]);
    // A link is not created.
    let link = "d4:attr1:l6:lengthi0e4:pathl1:le12:symlink pathl1:aeed4:attr1:p6:lengthi384e";
    assert_eq!(read(FILES, &[("d4:attr1:p6:lengthi384e", link)]).warnings, [Warning::SymlinksLeftOut(1)]);
    // A file of one name in a folder of the same.
    let folder = "5:filesld6:lengthi30000e4:pathl3:oneeee12:meta versioni2e";
    assert_eq!(paths(&read(ONE, &[("6:lengthi30000e12:meta versioni2e", folder)])), ["one/one"]);
}

#[test]
fn names_the_field_in_which_the_parts_contradict_each_other() {
    let tree = "as in `info.file tree`";
    let no_second = "6:lengthi40000e4:pathl3:sub1:bee";
    for (torrent, changes, message) in [
        (
            ONE,
            &[("4:name3:one", "4:name5:other")][..],
            format!("`info.name`: expected one {tree}, found other"),
        ),
        (
            ONE,
            &[("4:name3:one", "4:name3:one10:name.utf-85:other")],
            format!("`info.name`: expected one {tree}, found other"),
        ),
        (ONE, &[("treed3:one", "treed3:two")], format!("`info.name`: expected two {tree}, found one")),
        (
            ONE,
            &[("6:lengthi30000e12:", "6:lengthi29999e12:")],
            format!("`info.length`: expected 30000 {tree}, found 29999"),
        ),
        (
            ONE,
            &[("eee6:length", "ee3:twod0:d6:lengthi0eeee6:length")],
            format!("`info.length`: missing, expected a further file, two {tree}"),
        ),
        (
            ONE,
            &[("treed3:one", "treed3:dird3:one"), ("eee6:length", "eeee6:length")],
            format!("`info.name`: expected dir/one {tree}, found one"),
        ),
        (
            FILES,
            &[("4:pathl1:ae", "4:pathl1:xe")],
            format!("`info.files[0].path`: expected a {tree}, found x"),
        ),
        (
            FILES,
            &[("4:pathl1:ae", "4:pathl1:ae10:path.utf-8l1:xe")],
            format!("`info.files[0].path`: expected a {tree}, found x"),
        ),
        (
            FILES,
            &[("3:subd1:b", "3:subd1:\x1b")],
            format!("`info.files[3].path`: expected sub/· {tree}, found sub/b"),
        ),
        (
            FILES,
            &[("6:lengthi20000e4:path", "6:lengthi20001e4:path"), ("i12768e", "i12767e")],
            format!("`info.files[0].length`: expected 20000 {tree}, found 20001"),
        ),
        (
            FILES,
            &[("6:lengthi0e4:path", "6:lengthi5e4:path")],
            format!("`info.files[2].length`: expected 0 {tree}, found 5"),
        ),
        (
            FILES,
            &[("i12768e", "i12767e")],
            format!("`info.files[3]`: expected its first byte at 32768 of the torrent {tree}, found 32767"),
        ),
        (
            FILES,
            &[
                ("i12768e", "i29152e"),
                ("d4:attr1:p6:lengthi384e4:pathl4:.pad3:384ee", ""),
                (no_second, "6:lengthi23616e4:pathl3:sub1:bee"),
                ("lengthi40000e11", "lengthi23616e11"),
            ],
            format!("`info.files[3]`: expected its first byte at 32768 of the torrent {tree}, found 49152"),
        ),
        (
            FILES,
            &[("d6:lengthi0e4:pathl5:emptyee", "")],
            format!("`info.files[2].path`: expected empty {tree}, found sub/b"),
        ),
        (
            FILES,
            &[("5:emptyd0:d6:lengthi0eee", "")],
            format!("`info.files[2].path`: expected sub/b {tree}, found empty"),
        ),
        (
            FILES,
            &[("e4:pathl1:zeed4:attr1:p6:lengthi384e", "e4:attr1:p4:pathl1:zeed4:attr1:p6:lengthi384e")],
            format!("`info.files`: missing, expected a further file, z {tree}"),
        ),
        (
            FILES,
            &[("d4:attr1:p6:lengthi384e4:pathl4:.pad3:384ee", "d6:lengthi384e4:pathl4:moreee")],
            format!("`info.files[6].path`: expected no further file {tree}, found more"),
        ),
    ] {
        assert_eq!(error(torrent, changes), message, "{changes:?}");
    }
}

#[test]
fn names_the_field_of_version_two_that_no_torrent_may_have() {
    let length = "expected a length in bytes (a whole number, not negative, of at most 63 bits)";
    let root = "expected a SHA-256 of 32 bytes, not all zero";
    for (torrent, changes, message) in [
        (
            ONE,
            &[("versioni2e", "versioni3e")][..],
            "`info.meta version`: expected 1 or 2, found 3".to_owned(),
        ),
        (
            ONE,
            &[("versioni2e", "versioni1e")],
            "`info.meta version`: expected 2, because `info.file tree` is there, found 1".into(),
        ),
        (
            ONE,
            &[("12:meta versioni2e", "")],
            "`info.meta version`: missing, expected 2, because `info.file tree` is there".into(),
        ),
        (
            ONE,
            &[("9:file tree", "9:vile tree")],
            "`info.file tree`: missing, expected a dictionary, because `info.meta version` is 2".into(),
        ),
        (
            ONE,
            &[("i16384e", "i20000e")],
            "`info.piece length`: expected a power of two of at least 16384, as version 2 needs, found 20000"
                .into(),
        ),
        (
            ONE,
            &[("11:pieces root", "11:pieces rood")],
            format!("`info.file tree.one.pieces root`: missing, {root}"),
        ),
        (
            ONE,
            &[("6:lengthi30000e11", "6:lengthi-1e11")],
            format!("`info.file tree.one.length`: {length}, found -1"),
        ),
        (
            ONE,
            &[("3:oned0:d6:lengthi30000e11", "3:oned1:x0:0:d6:lengthi30000e11")],
            "`info.file tree.one`: expected either a file or a folder, not both, found a dictionary".into(),
        ),
        (
            ONE,
            &[("treed3:one", "treed1:xi5e3:one")],
            "`info.file tree.x`: expected a dictionary of names, found 5".into(),
        ),
        (
            ONE,
            &[("treed3:one", "treed0:de3:one")],
            "`info.file tree.`: expected a dictionary of names, found a dictionary".into(),
        ),
    ] {
        assert_eq!(error(torrent, changes), message, "{changes:?}");
    }
    let bytes = changed(ONE, &[("e4:name3:one", "e4:name5:other")]);
    let place = bytes.windows(7).position(|part| part == b"5:other").unwrap();
    let refused = Torrent::from_bytes(&bytes).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("`info.name` (byte {place}): ")), "{refused}");

    let mut zeros = ONE.to_vec();
    let at = zeros.windows(14).position(|bytes| bytes == b"pieces root32:").unwrap() + 14;
    zeros[at..at + 32].fill(0);
    assert_eq!(
        error(&zeros, &[]),
        format!("`info.file tree.one.pieces root`: {root}, found a string of 32 bytes")
    );
}
