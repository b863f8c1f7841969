mod hybrid;

use std::fmt::Write as _;
use std::io::Write as _;

use proptest::prelude::*;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::*;
use crate::metainfo::NewTorrent;

/// `d` + the entries in the order given + `e`: values are bencode already.
fn dict(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"d".to_vec();
    for (key, value) in entries {
        bytes.extend_from_slice(&string(key.as_bytes()));
        bytes.extend_from_slice(value);
    }
    bytes.push(b'e');
    bytes
}

fn string(content: &[u8]) -> Vec<u8> {
    [format!("{}:", content.len()).as_bytes(), content].concat()
}

fn list(items: &[&[u8]]) -> Vec<u8> {
    [b"l", items.concat().as_slice(), b"e"].concat()
}

fn strings(items: &[&[u8]]) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.iter().map(|item| string(item)).collect();
    list(&items.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// A sound single-file `info` with some entries replaced or, when empty, left out.
fn info_with(changes: &[(&str, &[u8])]) -> Vec<u8> {
    let hashes = string(&[7; 40]);
    let mut entries: Vec<(&str, &[u8])> =
        vec![("length", b"i30000e"), ("name", b"1:n"), ("piece length", b"i16384e"), ("pieces", &hashes)];
    for (key, value) in changes {
        entries.retain(|(name, _)| name != key);
        if !value.is_empty() {
            entries.push((key, value));
        }
    }
    entries.sort();
    dict(&entries)
}

fn file(length: &str, path: &[&[u8]]) -> Vec<u8> {
    dict(&[("length", format!("i{length}e").as_bytes()), ("path", &strings(path))])
}

/// `info` of several files that together have 30 000 bytes in two pieces.
fn info_of_files(name: &str, files: &[Vec<u8>]) -> Vec<u8> {
    let files = list(&files.iter().map(Vec::as_slice).collect::<Vec<_>>());
    info_with(&[("length", b""), ("files", &files), ("name", &string(name.as_bytes()))])
}

fn open(info: &[u8]) -> Result<Torrent, TorrentError> {
    Torrent::from_bytes(&dict(&[("info", info)]))
}

fn error(info: &[u8]) -> String {
    open(info).unwrap_err().to_string()
}

fn paths(torrent: &Torrent) -> Vec<&str> {
    torrent.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn reads_a_single_file() {
    let content: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
    let made = NewTorrent::of_file("a.iso", 65536, &content)
        .tracker("http://t.example/announce")
        .web_seed("http://w.example/a.iso")
        .comment("hello")
        .private();
    let torrent = Torrent::from_bytes(&made.to_bytes()).unwrap();
    assert_eq!(torrent.name, "a.iso");
    assert_eq!((torrent.geometry.total_bytes(), torrent.geometry.piece_bytes()), (100_000, 65536));
    assert_eq!(paths(&torrent), ["a.iso"]);
    assert_eq!(torrent.trackers, [["http://t.example/announce"]]);
    assert_eq!(torrent.web_seeds, ["http://w.example/a.iso"]);
    assert_eq!(torrent.comment.as_deref(), Some("hello"));
    assert!(torrent.private);
    assert_eq!(torrent.info_hash_v2, None);
    let last = torrent.geometry.piece(1).unwrap();
    assert_eq!(torrent.info().hashes().unwrap().of(last)[..], Sha1::digest(&content[65536..])[..]);
    assert_eq!(torrent.warnings, []);
}

#[test]
fn reads_several_files_some_of_them_empty() {
    let files: [(&str, &[u8]); 4] = [("a/b.txt", &[1; 20]), ("empty", &[]), ("a/c", &[2; 30]), ("z", &[])];
    let torrent = Torrent::from_bytes(&NewTorrent::of_files("dir", 32, &files).to_bytes()).unwrap();
    assert_eq!(paths(&torrent), ["dir/a/b.txt", "dir/empty", "dir/a/c", "dir/z"]);
    let spans: Vec<_> = torrent.spans_of(torrent.geometry.piece(0).unwrap()).collect();
    assert_eq!(
        spans,
        [FileSpan { file: 0, offset: 0, length: 20 }, FileSpan { file: 2, offset: 0, length: 12 }]
    );
    assert!(!torrent.private);
}

#[test]
fn takes_the_info_hash_over_the_raw_bytes() {
    let hashes = string(&[7; 40]);
    let info = dict(&[
        ("zzz unknown", b"i-1e"),
        ("pieces", &hashes),
        ("name", b"1:n"),
        ("length", b"i30000e"),
        ("piece length", b"i16384e"),
        ("name", b"1:m"),
    ]);
    let torrent = open(&info).unwrap();
    assert_eq!(torrent.info_hash.0[..], Sha1::digest(&info)[..]);
    assert_eq!(torrent.name, "n");
    assert_eq!(torrent.warnings, [Warning::KeysOutOfOrder(8 + 14 + 4)]);
}

#[test]
fn warns_of_bytes_behind_the_torrent() {
    let mut bytes = NewTorrent::of_file("n", 32, &[1; 40]).to_bytes();
    bytes.extend_from_slice(b"\r\n");
    assert_eq!(Torrent::from_bytes(&bytes).unwrap().warnings, []);
    bytes.extend_from_slice(b"junk");
    assert_eq!(Torrent::from_bytes(&bytes).unwrap().warnings, [Warning::TrailingBytes(6)]);
}

#[test]
fn names_field_place_and_expectation() {
    let length = "expected a length in bytes (a whole number, not negative, of at most 63 bits)";
    let piece = "expected a whole number from 1 to 536870912 (512 MiB)";
    let big =
        [file("9223372036854775807", &[b"a"]), file("9223372036854775807", &[b"b"]), file("2", &[b"c"])];
    let none = list(&[]);
    for (info, message) in [
        (info_with(&[("piece length", b"")]), format!("`info.piece length`: missing, {piece}")),
        (info_with(&[("piece length", b"i0e")]), format!("`info.piece length` (byte 47): {piece}, found 0")),
        (info_with(&[("piece length", b"i-5e")]), format!("`info.piece length` (byte 47): {piece}, found -5")),
        (info_with(&[("piece length", b"1:x")]), format!("`info.piece length` (byte 47): {piece}, found a string of 1 bytes")),
        (info_with(&[("piece length", b"i536870913e")]), format!("`info.piece length` (byte 47): {piece}, found 536870913")),
        (info_with(&[("name", b"")]), "`info.name`: missing, expected a string".into()),
        (info_with(&[("name", b"i5e")]), "`info.name` (byte 29): expected a string, found 5".into()),
        (info_with(&[("name", b"2:\x01\x1b")]), "`info.name` (byte 29): expected a name, not control characters alone, found a string of 2 bytes".into()),
        (info_with(&[("name", b"le")]), "`info.name` (byte 29): expected a string, found an empty list".into()),
        (info_with(&[("length", b"")]), format!("`info.length`: missing, {length}")),
        (info_with(&[("length", b"i-1e")]), format!("`info.length` (byte 16): {length}, found -1")),
        (info_with(&[("length", b"i9223372036854775808e")]), format!("`info.length` (byte 16): {length}, found 9223372036854775808")),
        (info_with(&[("length", b"i0e")]), "`info`: all files together are empty, expected at least one byte".into()),
        (info_with(&[("pieces", b"")]), "`info.pieces`: missing, expected a string whose length is a multiple of 20".into()),
        (info_with(&[("pieces", b"3:abc")]), "`info.pieces` (byte 62): expected a string whose length is a multiple of 20, found a string of 3 bytes".into()),
        (info_with(&[("pieces", b"i1e")]), "`info.pieces` (byte 62): expected a string whose length is a multiple of 20, found 1".into()),
        (info_with(&[("pieces", &string(&[0; 20]))]), "`info.pieces`: 1 hashes, expected 2 for 30000 bytes in pieces of 16384".into()),
        (info_with(&[("pieces", &string(&[0; 60]))]), "`info.pieces`: 3 hashes, expected 2 for 30000 bytes in pieces of 16384".into()),
        (info_with(&[("length", b"i2097153e"), ("piece length", b"i1e")]), "`info`: 2097153 bytes in pieces of 1 are 2097153 pieces, expected at most 2097152".into()),
        (info_with(&[("files", &none)]), "`info.files` (byte 15): expected a list of at least one file, found an empty list".into()),
        (info_with(&[("files", b"i1e")]), "`info.files` (byte 15): expected a list, found 1".into()),
        (info_with(&[("files", b"li1ee")]), "`info.files[0]` (byte 16): expected a dictionary, found 1".into()),
        (info_of_files("n", &[file("1", &[])]), "`info.files[0].path` (byte 34): expected a list of 1 to 100 strings, found an empty list".into()),
        (info_of_files("n", &[file("1", &[&b"a"[..]; 101])]), "`info.files[0].path` (byte 34): expected a list of 1 to 100 strings, found a list of 101".into()),
        (info_of_files("n", &[dict(&[("length", b"i1e")])]), "`info.files[0].path`: missing, expected a list of 1 to 100 strings".into()),
        (info_of_files("n", &[dict(&[("length", b"i1e"), ("path", b"li1ee")])]), "`info.files[0].path` (byte 34): expected a list of 1 to 100 strings, found a list of 1".into()),
        (info_of_files("n", &[dict(&[("path", b"l1:ae")])]), format!("`info.files[0].length`: missing, {length}")),
        (info_of_files("n", &[file("1", &[b"a"]), file("-1", &[b"b"])]), format!("`info.files[1].length` (byte 49): {length}, found -1")),
        (info_of_files("n", &big), "`info.files`: the lengths sum up to more than 64 bits can count".into()),
        (info_of_files("n", &vec![file("60", &[b"x"]); 502]), "`info.files`: more than 500 files share a path with another".into()),
        (b"i5e".to_vec(), "`info` (byte 7): expected a dictionary, found 5".into()),
    ] {
        assert_eq!(error(&info), message);
    }
}

#[test]
fn tells_what_is_no_torrent() {
    let error = |bytes: &[u8]| Torrent::from_bytes(bytes).unwrap_err().to_string();
    assert_eq!(error(b""), "the file is empty, expected a torrent file");
    assert_eq!(
        error(b"\n<!DOCTYPE html>"),
        "this is a web page, not a torrent file: byte 0: expected `d`, found `<`"
    );
    assert_eq!(error(b"4:spam"), "not a torrent file: byte 0: expected a dictionary (`d`), found `4`");
    assert_eq!(error(b"de"), "`info`: missing, expected a dictionary");
    assert_eq!(
        error(b"d4:infod6:lengthi0"),
        "not a torrent file: byte 18: expected a digit, or `e` after an integer, found the end"
    );
    assert_eq!(
        error(&[b"d1:a".repeat(200), b"e".repeat(200)].concat()),
        "not a torrent file: byte 400: nested deeper than 100"
    );
}

#[test]
fn takes_hybrids_as_version_one_and_refuses_version_two() {
    let root = string(&[8; 32]);
    let tree = dict(&[("n", &dict(&[("", &dict(&[("length", b"i30000e"), ("pieces root", &root)]))]))]);
    let hybrid = info_with(&[("meta version", b"i2e"), ("file tree", &tree)]);
    let torrent = open(&hybrid).unwrap();
    assert_eq!(torrent.info_hash.0[..], Sha1::digest(&hybrid)[..]);
    assert_eq!(torrent.info_hash_v2.unwrap()[..], Sha256::digest(&hybrid)[..]);
    let v2 = info_with(&[("meta version", b"i2e"), ("file tree", &tree), ("pieces", b""), ("length", b"")]);
    assert_eq!(error(&v2), "BitTorrent v2 only, not supported yet");
}

#[test]
fn keeps_foreign_paths_inside_the_folder() {
    let info = info_of_files(
        "temp",
        &[
            file("10000", &[b"..", b"/", b"bar"]),
            file("10000", &[b"abc/../../def", b"", b"bar"]),
            file("9000", &[b"/etc/passwd"]),
            file("1000", &[b"\xff\x1b[2J"]),
        ],
    );
    assert_eq!(
        paths(&open(&info).unwrap()),
        ["temp/_/_/bar", "temp/abc....def/_/bar", "temp/etcpasswd", "temp/__[2J"]
    );
}

#[test]
fn names_a_torrent_without_a_usable_name_by_its_hash() {
    let torrent = open(&info_with(&[("name", b"2:..")])).unwrap();
    assert_eq!(torrent.name, torrent.info_hash.to_string());
    assert_eq!(paths(&torrent), [torrent.info_hash.to_string()]);
}

#[test]
fn prefers_names_in_utf8() {
    let entry = dict(&[
        ("length", b"i30000e"),
        ("path", &strings(&[b"\xc5\xd0"])),
        ("path.utf-8", &strings(&["日本".as_bytes()])),
    ]);
    let files = list(&[&entry]);
    let info = info_with(&[
        ("length", b""),
        ("files", &files),
        ("name", b"2:\xc5\xd0"),
        ("name.utf-8", &string("名".as_bytes())),
    ]);
    assert_eq!(paths(&open(&info).unwrap()), ["名/日本"]);
}

#[test]
fn numbers_files_with_the_same_path() {
    let files = [file("20000", &[b"bar.txt"]), file("10000", &[b"BAR.txt"])];
    let torrent = open(&info_of_files("t", &files)).unwrap();
    assert_eq!(paths(&torrent), ["t/bar.txt", "t/BAR.1.txt"]);
    assert_eq!(torrent.warnings, [Warning::FilesRenamed(1)]);
}

#[test]
fn marks_padding_and_leaves_out_symlinks() {
    let files = [
        file("16000", &[b"a"]),
        dict(&[("attr", b"1:p"), ("length", b"i384e")]),
        dict(&[
            ("attr", b"2:xl"),
            ("length", b"i0e"),
            ("path", &strings(&[b"link"])),
            ("symlink path", b"l1:ae"),
        ]),
        dict(&[("attr", b"1:x"), ("length", b"i13000e"), ("path", &strings(&[b"b"]))]),
        file("616", &[b"_____padding_file_0_in case you see this"]),
    ];
    let torrent = open(&info_of_files("t", &files)).unwrap();
    let pads: Vec<bool> = torrent.files.iter().map(|file| file.pad).collect();
    assert_eq!(pads, [false, true, false, true]);
    assert_eq!(paths(&torrent)[1], "t/.pad/384");
    assert_eq!(torrent.files.file(2).unwrap().offset, 16384);
    assert_eq!(torrent.warnings, [Warning::SymlinksLeftOut(1)]);
    let only_padding = [dict(&[("attr", b"1:p"), ("length", b"i30000e")])];
    assert_eq!(open(&info_of_files("t", &only_padding)).unwrap_err().fault, Fault::NoContent);
}

#[test]
fn reads_trackers_by_tier() {
    let tiers = list(&[
        &strings(&[b" http://a/announce\n", b"udp://b:1", b"http://a/announce"]),
        &strings(&[b"", b"http://bad host/", b"\xff\xff"]),
        &string(b"http://flat"),
        &strings(&[b"udp://b:1"]),
        b"i5e",
    ]);
    let info = info_with(&[]);
    let torrent = Torrent::from_bytes(&dict(&[
        ("announce", &string(b"http://ignored")),
        ("announce-list", &tiers),
        ("info", &info),
        ("url-list", &strings(&[b"http://w/1", b"http://w/1", b"http://w/2"])),
    ]))
    .unwrap();
    assert_eq!(torrent.trackers, [vec!["http://a/announce", "udp://b:1"], vec!["http://flat"]]);
    assert_eq!(torrent.web_seeds, ["http://w/1", "http://w/2"]);
    assert_eq!(torrent.warnings, [Warning::BadUrls(3)]);

    let torrent = Torrent::from_bytes(&dict(&[
        ("announce", &string(b"http://only")),
        ("announce-list", b"llee"),
        ("info", &info),
        ("url-list", &string(b"http://w/")),
    ]))
    .unwrap();
    assert_eq!(torrent.trackers, [["http://only"]]);
    assert_eq!(torrent.web_seeds, ["http://w/"]);
}

#[test]
fn uses_a_bounded_number_of_trackers() {
    let urls: Vec<Vec<u8>> = (0..700).map(|i| format!("http://t/{i}").into_bytes()).collect();
    let tier = strings(&urls.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let torrent = Torrent::from_bytes(&dict(&[
        ("announce-list", &list(&[&tier, &strings(&[b"http://late"])])),
        ("info", &info_with(&[])),
    ]))
    .unwrap();
    assert_eq!(torrent.trackers.iter().map(Vec::len).collect::<Vec<_>>(), [500]);
    assert_eq!(torrent.warnings, [Warning::TrackersLeftOut(201)]);
}

#[test]
fn reads_only_files_and_says_why_not() {
    let dir = tempfile::tempdir().unwrap();
    let error = |path: &Path| Torrent::from_file(path).unwrap_err().to_string();
    let shown = dir.path().display().to_string();
    assert_eq!(error(dir.path()), format!("{shown}: is a folder, expected the path of a torrent file"));
    let path = dir.path().join("none");
    assert_eq!(error(&path), format!("{shown}/none: no such file, expected the path of a torrent file"));
    assert_eq!(
        error(Path::new("magnet:?xt=urn:btih:00")),
        "is a magnet link, expected the path of a torrent file"
    );
    assert!(error(Path::new("HTTPS://t.example/a.torrent")).contains("download it first"));

    let long = dir.path().join("long");
    fs::File::create(&long).unwrap().set_len(MOST_TORRENT_BYTES + 1).unwrap();
    assert_eq!(error(&long), format!("{shown}/long: longer than 64 MiB, expected a torrent file"));

    let good = dir.path().join("good.torrent");
    let mut file = fs::File::create(&good).unwrap();
    file.write_all(&NewTorrent::of_file("n", 32, &[1; 40]).to_bytes()).unwrap();
    assert_eq!(Torrent::from_file(&good).unwrap().name, "n");
    file.write_all(&[0]).unwrap();
    file.set_len(30).unwrap();
    assert!(error(&good).starts_with(&format!("{shown}/good.torrent: not a torrent file: byte ")));
}

#[test]
fn opens_the_greatest_number_of_pieces_and_very_many_files() {
    let pieces = string(&vec![1; 20 * 2_097_152]);
    let info = info_with(&[("length", b"i34359738368e"), ("pieces", &pieces)]);
    assert_eq!(open(&info).unwrap().geometry.piece_count(), 2_097_152);

    let mut files = String::from("l");
    for number in 0..100_000 {
        write!(files, "d6:lengthi1e4:pathl3:dir6:{number:06}ee").unwrap();
    }
    files.push('e');
    let hashes = string(&[1; 20 * 7]);
    let info = info_with(&[("length", b""), ("files", files.as_bytes()), ("pieces", &hashes)]);
    assert_eq!(open(&info).unwrap().files.len(), 100_000);
}

const ODD_VALUES: &[&[u8]] = &[
    b"",
    b"i-1e",
    b"i0e",
    b"i1e",
    b"i99999999999999999999e",
    b"0:",
    b"le",
    b"de",
    b"lleee",
    b"ll0:ee",
    b"d4:pathl0:ee",
    b"ld6:lengthi1e4:pathl0:eee",
];

proptest! {
    #[test]
    fn survives_any_change_of_a_sound_torrent(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let files = [file("16000", &[b"a"]), file("14000", &[b"b", b"c"])];
        let info = info_of_files("t", &files);
        let mut bytes = dict(&[("announce", &string(b"http://t/")), ("info", &info)]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = Torrent::from_bytes(&bytes);
        let _ = Torrent::from_bytes(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn survives_any_values_in_its_fields(values in proptest::collection::vec(prop::sample::select(ODD_VALUES), 8)) {
        let keys =
            ["files", "length", "name", "piece length", "pieces", "name.utf-8", "meta version", "file tree"];
        let changes: Vec<(&str, &[u8])> = keys.into_iter().zip(values).collect();
        let _ = open(&info_with(&changes));
    }

    #[test]
    fn hashes_the_info_as_it_stands(
        keys in proptest::collection::vec(("[a-z]{1,8}", 0i64..1000), 0..8), front in any::<bool>(),
    ) {
        let extra: Vec<(String, Vec<u8>)> = keys.into_iter().map(|(key, n)| (format!("x-{key}"), format!("i{n}e").into_bytes())).collect();
        let base = info_with(&[]);
        let unknown = extra.iter().flat_map(|(key, value)| [string(key.as_bytes()), value.clone()].concat());
        let inner = &base[1..base.len() - 1];
        let mut info = b"d".to_vec();
        if front {
            info.extend(unknown);
            info.extend_from_slice(inner);
        } else {
            info.extend_from_slice(inner);
            info.extend(unknown);
        }
        info.push(b'e');
        let torrent = open(&info).unwrap();
        prop_assert_eq!(&torrent.info_hash.0[..], &Sha1::digest(&info)[..]);
    }
}
