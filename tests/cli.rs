//! The program itself: what it prints, what it complains about, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;
use ttui::metainfo::{NewTorrent, Torrent};

fn ttui(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ttui"));
    command.args(args).stdin(Stdio::null()).env_remove("RUST_LOG");
    // Whoever runs the tests may have settings; with these nobody is looked for in the world or on the local network.
    command.env("XDG_CONFIG_HOME", quiet());
    // And torrents.
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/nothing-kept"));
    command
}

/// A folder of settings that keep the program to itself.
fn quiet() -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quiet");
        fs::create_dir_all(folder.join("ttui")).unwrap();
        fs::write(folder.join("ttui/config.toml"), "dht = false\nlsd = false\nport-mapping = false\n")
            .unwrap();
        folder
    });
    FOLDER.clone()
}

fn run(args: &[&str]) -> Output {
    ttui(args).output().unwrap()
}

/// Standard output of a run that must end well.
fn good(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of a run that must fail with this status and print nothing else.
fn bad(args: &[&str], status: i32) -> String {
    let output = run(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {stderr}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{args:?}");
    assert_eq!(stderr.matches('\n').count(), 1, "{stderr}");
    assert!(stderr.starts_with("ttui: "), "{stderr}");
    stderr.trim_start_matches("ttui: ").trim_end().to_owned()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: &[u8]) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn shown(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }
}

fn album() -> NewTorrent {
    let files: [(&str, &[u8]); 3] =
        [("cd1/one.flac", &[1; 40_000]), ("empty", &[]), ("two.flac", &[2; 5_000])];
    NewTorrent::of_files("album", 16_384, &files)
        .tracker("http://tracker.example/announce")
        .tracker("udp://tracker.example:6969")
}

#[test]
fn info_shows_what_the_file_says() {
    let folder = Folder::new();
    let bytes = album().comment("a comment").to_bytes();
    let path = folder.write("album.torrent", &bytes);
    let info_hash = Torrent::from_bytes(&bytes).unwrap().info_hash.to_string();

    let text = good(&["info", &path]);
    for part in [
        "album\n",
        &info_hash,
        "43.9 KiB (45 000 bytes), 3 pieces of 16.0 KiB",
        "udp://tracker.example:6969",
        "a comment",
        "album/cd1/one.flac",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }

    let value: Value = serde_json::from_str(&good(&["info", &path, "--json"])).unwrap();
    let expected = json!({
        "name": "album",
        "info_hash": info_hash,
        "total_length": 45_000,
        "piece_length": 16_384,
        "piece_count": 3,
        "private": false,
        "files": [
            {"path": "album/cd1/one.flac", "length": 40_000},
            {"path": "album/empty", "length": 0},
            {"path": "album/two.flac", "length": 5_000},
        ],
        "trackers": [["http://tracker.example/announce"], ["udp://tracker.example:6969"]],
        "web_seeds": [],
        "comment": "a comment",
    });
    assert_eq!(value, expected);
}

#[test]
fn info_says_what_a_magnet_link_says() {
    let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=it&so=1";
    let value: Value = serde_json::from_str(&good(&["info", link, "--json"])).unwrap();
    assert_eq!((&value["name"], &value["total_length"]), (&"it".into(), &Value::Null));
    let output = run(&["info", &format!("{link}&x.pe=nowhere")]);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "ttui: warning: entries that are no peer's address are ignored (1)\n"
    );
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("files         only numbers 1\n"));
}

#[test]
fn info_warns_of_oddities_and_goes_on() {
    let folder = Folder::new();
    let path = folder.write("a.torrent", &[album().to_bytes(), b"junk".to_vec()].concat());
    let output = run(&["info", &path]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "ttui: warning: bytes follow the torrent (4) and are ignored\n"
    );
}

#[test]
fn bad_torrents_end_in_one_line_and_status_2() {
    let folder = Folder::new();
    let shown = folder.shown();
    let info = |inner: &str| format!("d4:infod{inner}ee").into_bytes();
    let hashes = "a".repeat(40);
    let name_and_piece = "4:name1:n12:piece lengthi16384e";
    let cases: [(&str, Vec<u8>, String); 15] = [
        ("empty", Vec::new(), "the file is empty, expected a torrent file".into()),
        ("html", b"<html>login</html>".to_vec(), "this is a web page, not a torrent file: byte 0: expected `d`, found `<`".into()),
        ("text", b"hello".to_vec(), "not a torrent file: byte 0: expected a value: `i`, `l`, `d` or the length of a string, found `h`".into()),
        ("cut", b"d8:announce99:http".to_vec(), "not a torrent file: byte 11: a string of 99 bytes is announced, 4 are left".into()),
        ("deep", b"l".repeat(1_000_000), "not a torrent file: byte 100: nested deeper than 100".into()),
        ("no-info", b"d8:announce8:http://te".to_vec(), "`info`: missing, expected a dictionary".into()),
        ("no-name", info(&format!("6:lengthi1e12:piece lengthi16384e6:pieces40:{hashes}")), "`info.name`: missing, expected a string".into()),
        ("no-length", info(&format!("{name_and_piece}6:pieces40:{hashes}")), "`info.length`: missing, expected a length in bytes (a whole number, not negative, of at most 63 bits)".into()),
        ("no-piece-length", info(&format!("6:lengthi1e4:name1:n6:pieces40:{hashes}")), "`info.piece length`: missing, expected a whole number from 1 to 536870912 (512 MiB)".into()),
        ("no-pieces", info(&format!("6:lengthi1e{name_and_piece}")), "`info.pieces`: missing, expected a string whose length is a multiple of 20".into()),
        ("odd-pieces", info(&format!("6:lengthi1e{name_and_piece}6:pieces3:abc")), "`info.pieces` (byte 58): expected a string whose length is a multiple of 20, found a string of 3 bytes".into()),
        ("few-pieces", info(&format!("6:lengthi99999e{name_and_piece}6:pieces40:{hashes}")), "`info.pieces`: 2 hashes, expected 7 for 99999 bytes in pieces of 16384".into()),
        ("huge", info(&format!("6:lengthi9223372036854775807e{name_and_piece}6:pieces40:{hashes}")), "`info`: 9223372036854775807 bytes in pieces of 16384 are 562949953421312 pieces, expected at most 2097152".into()),
        (
            "overflow",
            info(&format!(
                "5:filesl{}e{name_and_piece}6:pieces40:{hashes}",
                "d6:lengthi9223372036854775807e4:pathl1:aee".repeat(3)
            )),
            "`info.files`: the lengths sum up to more than 64 bits can count".into(),
        ),
        ("v2", info(&format!("9:file treede12:meta versioni2e{name_and_piece}")), "BitTorrent v2 only, not supported yet".into()),
    ];
    for (name, content, told) in cases {
        let path = folder.write(name, &content);
        assert_eq!(bad(&["info", &path], 2), format!("{shown}/{name}: {told}"));
        assert_eq!(bad(&["verify", &path], 2), format!("{shown}/{name}: {told}"));
        let out = folder.path("out");
        assert_eq!(
            bad(&[&path, "-o", out.to_str().unwrap(), "--headless"], 2),
            format!("{shown}/{name}: {told}")
        );
        assert!(!out.exists(), "nothing is written for a bad torrent");
    }
}

#[test]
fn an_integer_too_large_where_it_does_not_matter_is_left_out() {
    let folder = Folder::new();
    let mut content = b"d13:creation datei123456789012345678901234e".to_vec();
    content.extend_from_slice(&album().to_bytes()[1..]);
    let path = folder.write("large.torrent", &content);
    assert!(run(&["info", &path, "--json"]).status.success());
}

#[test]
fn unreadable_files_end_in_one_line_and_status_2() {
    let folder = Folder::new();
    let shown = folder.shown();
    let none = format!("{shown}/none.torrent");
    assert_eq!(
        bad(&["info", &none], 2),
        format!("{none}: no such file, expected the path of a torrent file")
    );
    assert_eq!(
        bad(&["info", &shown], 2),
        format!("{shown}: is a folder, expected the path of a torrent file")
    );
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();
    assert_eq!(
        bad(&["info", pipe], 2),
        format!("{pipe}: is a named pipe, expected the path of a torrent file")
    );
    assert_eq!(bad(&["chekc"], 2), "chekc: no such file, expected the path of a torrent file");
    // A command misspelt is a torrent that is not there, and what follows it another.
    let two = run(&["chekc", "a.torrent"]);
    assert_eq!(
        (two.status.code(), String::from_utf8(two.stderr).unwrap().as_str()),
        (
            Some(2),
            "ttui: chekc: no such file, expected the path of a torrent file\n\
             ttui: a.torrent: no such file, expected the path of a torrent file\n"
        )
    );
    let magnet = "magnet:?xt=urn:btih:0000000000000000000000000000000000000000";
    assert_eq!(bad(&["verify", magnet], 2), "is a magnet link, expected the path of a torrent file");
    assert_eq!(
        bad(&["info", "magnet:?xt=urn:btih:00"], 2),
        "magnet link: `xt`: expected `urn:btih:` and 40 hexadecimal digits, or 32 of base32, found urn:btih:00"
    );
    assert_eq!(
        bad(&["https://example.org/a.torrent"], 2),
        "a web address is not read, expected the path of a torrent file: download it first"
    );
    let big = folder.path("big");
    fs::File::create(&big).unwrap().set_len(65 << 20).unwrap();
    assert_eq!(
        bad(&["info", big.to_str().unwrap()], 2),
        format!("{shown}/big: longer than 64 MiB, expected a torrent file")
    );
}

#[test]
fn bad_usage_ends_in_one_line_and_status_2() {
    assert_eq!(
        bad(&[], 2),
        "expected a torrent file or a magnet link to download, as in `ttui FILE.torrent`: none is kept; `ttui demo` needs none"
    );
    for args in [
        &["a", "--peer", "x"][..],
        &["a", "-p", "0"],
        &["a", "--down", "fast"],
        &["info"],
        &["man", "--bogus"],
    ] {
        assert!(bad(args, 2).ends_with("; see `ttui --help`"), "{args:?}");
    }
    let folder = Folder::new();
    let log = format!("{}/no/such/log", folder.shown());
    assert!(bad(&["man", "--log", &log], 2).starts_with(&format!("{log}: cannot be written as the log: ")));
}

#[test]
fn a_tip_of_the_argument_parser_stands_on_a_line_of_its_own() {
    let output = run(&["a.torrent", "--pirvacy"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "ttui: unexpected argument '--pirvacy' found; see `ttui --help`\n\
         tip: a similar argument exists: '--privacy'\n"
    );
}

#[test]
fn options_of_every_command_stand_anywhere() {
    let folder = Folder::new();
    let torrent = folder.write("album.torrent", &album().to_bytes());
    let settings = folder.write("config.toml", b"[screen]\ntheme = \"mono\"\n");
    let log = folder.path("log").to_str().unwrap().to_owned();
    let expected = good(&["info", &torrent]);
    assert_eq!(good(&["--config", &settings, "info", &torrent]), expected);
    assert_eq!(good(&["--ascii", "--log", &log, "info", &torrent, "--config", &settings]), expected);
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/stalled.ttrec");
    assert_eq!(good(&["--ascii", "replay", recording]), good(&["replay", recording, "--ascii"]));
    let demo = run(&["--theme", "mono", "demo", "--fast"]);
    assert_eq!(demo.status.code(), Some(0), "{}", String::from_utf8_lossy(&demo.stderr));
    // A file of settings that is named before the command is the one that is read.
    let wrong = folder.write("wrong.toml", b"[screen]\ntheme = \"plaid\"\n");
    assert!(bad(&["--config", &wrong, "demo"], 2).starts_with(&format!("{wrong}, line 2: ")));
    assert_eq!(
        bad(&["--json", "info", &torrent], 2),
        "`--json` stands behind the command, as in `ttui info --json`; see `ttui --help`"
    );
    assert_eq!(
        bad(&["--down", "5k", "verify", &torrent], 2),
        "`--down` is for downloads, and `verify` has no such option; see `ttui --help`"
    );
    assert_eq!(
        bad(&[&torrent, "demo"], 2),
        "unexpected argument 'demo': expected torrents, or a command; see `ttui --help`"
    );
}

#[test]
fn help_version_completions_and_manual_are_there() {
    let help = good(&["--help"]);
    for word in ["info", "verify", "demo", "--peer", "Exit status"] {
        assert!(help.contains(word), "{word} in {help}");
    }
    assert_eq!(good(&["--version"]), format!("ttui {}\n", env!("CARGO_PKG_VERSION")));
    assert!(good(&["completions", "bash"]).contains("verify"));
    let manual = good(&["man"]);
    for part in [".TH ttui", ".SH FILTERS", "\\fBhas:17\\fR", "\\fBstate:failed\\fR", "\\fBdown>10k\\fR"] {
        assert!(manual.contains(part), "{part} in {manual}");
    }
}

#[test]
fn verify_names_good_bad_and_missing_pieces() {
    let folder = Folder::new();
    let torrent = folder.write("album.torrent", &album().to_bytes());
    let out = folder.path("out").to_str().unwrap().to_owned();
    let json = |status| -> Value {
        let output = run(&["verify", &torrent, "-o", &out, "--json"]);
        assert_eq!(output.status.code(), Some(status));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert!(bad(&["verify", &torrent, "-o", &out], 2).contains(&out));

    folder.write("out/album/cd1/one.flac", &[1; 40_000]);
    folder.write("out/album/two.flac", &[2; 5_000]);
    assert_eq!(
        json(0),
        json!({"schema": "ttui.verify/1", "pieces": 3, "good": 3, "bad": [], "missing": [], "files": []})
    );
    assert_eq!(good(&["verify", &torrent, "-o", &out]), "album: all 3 pieces are verified (43.9 KiB)\n");

    let mut flipped = vec![1; 40_000];
    flipped[20_000] ^= 1;
    folder.write("out/album/cd1/one.flac", &flipped);
    fs::remove_file(folder.path("out/album/two.flac")).unwrap();
    assert_eq!(
        json(1),
        json!({
            "schema": "ttui.verify/1", "pieces": 3, "good": 1, "bad": [1], "missing": [2],
            "files": [
                {"path": "album/cd1/one.flac", "bad": [1], "missing": [2]},
                {"path": "album/two.flac", "bad": [], "missing": [2]},
            ],
        })
    );
    let output = run(&["verify", &torrent, "-o", &out]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "album: 1 of 3 pieces are verified (43.9 KiB in all)\nbad      1: 1\nmissing  1: 2\n  \
         album/cd1/one.flac: bad 1; missing 2\n  album/two.flac: all missing\n"
    );
}

#[test]
fn a_closed_stdout_ends_quietly() {
    let folder = Folder::new();
    let names: Vec<String> =
        (0..20_000).map(|number| format!("a-name-long-enough-to-fill-a-pipe-{number}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &[1u8][..])).collect();
    let path = folder.write("many.torrent", &NewTorrent::of_files("n", 16_384, &files).to_bytes());
    let mut child = ttui(&["info", &path]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with("name"), "{line}");
    drop(stdout);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_full_stdout_is_a_failure_of_the_machine() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = Folder::new();
    let path = folder.write("a.torrent", &album().to_bytes());
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = ttui(&["info", &path])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("ttui: cannot write to standard output: "));
}

#[test]
fn a_torrent_that_is_complete_on_disk_needs_nobody() {
    let folder = Folder::new();
    let torrent = folder.write("album.torrent", &NewTorrent::of_file("f", 16_384, &[7; 50_000]).to_bytes());
    folder.write("out/f", &[7; 50_000]);
    let output = ttui(&[&torrent, "-o", folder.path("out").to_str().unwrap(), "--json"])
        .env("XDG_STATE_HOME", folder.path("state"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["final"], &last["state"], &last["error"]),
        (&json!(true), &json!("complete"), &Value::Null)
    );
    assert_eq!(last["have_bytes"], 50_000);
}

#[test]
fn a_strangers_file_stops_the_start_and_is_left_alone() {
    let folder = Folder::new();
    let torrent = folder.write("f.torrent", &NewTorrent::of_file("f", 16_384, &[7; 50_000]).to_bytes());
    folder.write("out/f", b"a letter");
    let output = ttui(&[&torrent, "-o", folder.path("out").to_str().unwrap(), "--headless"])
        .env("XDG_STATE_HOME", folder.path("state"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--overwrite"));
    assert_eq!(fs::read(folder.path("out/f")).unwrap(), b"a letter");
}

#[test]
fn the_fast_demo_completes_without_a_screen() {
    let folder = Folder::new();
    let log = folder.path("log");
    let output = ttui(&["demo", "--fast", "--log", log.to_str().unwrap()])
        .env("TMPDIR", folder.0.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    assert!(stdout.lines().last().unwrap().starts_with("complete: "), "{stdout}");
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("handshake valid") && log.contains("handshake received"), "{log}");
}

#[test]
fn the_defaults_are_printed_and_taken_back() {
    let folder = Folder::new();
    let printed = good(&["--print-config"]);
    assert!(printed.contains("\nmax-peers = 200\n") && printed.contains("\npause = [\"p\"]"), "{printed}");
    let settings = folder.write("settings.toml", printed.as_bytes());
    let torrent = folder.write("album.torrent", &album().to_bytes());
    let output = run(&["verify", &torrent, "--config", &settings, "-o", &folder.shown()]);
    assert_eq!(output.status.code(), Some(1), "nothing of it is there: {output:?}");
}

#[test]
fn bad_settings_end_in_one_line_and_status_2_that_names_line_and_key() {
    let folder = Folder::new();
    let torrent = folder.write("album.torrent", &album().to_bytes());
    let settings = folder.write("config/ttui/config.toml", b"# mine\nmax-peers = 'many'\n");
    for args in [[torrent.as_str(), "--config", &settings], ["demo", "--config", &settings]] {
        let told = bad(&args, 2);
        assert!(told.starts_with(&format!("{settings}, line 2: `max-peers`: expected")), "{told}");
    }
    // Where settings are looked for, too.
    let output = ttui(&["verify", &torrent]).env("XDG_CONFIG_HOME", folder.path("config")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = bad(&["verify", &torrent, "--config", "/nonexistent/settings"], 2);
    assert!(told.starts_with("/nonexistent/settings: there is no such file"), "{told}");
    let conflict = folder.write("conflict.toml", b"[keys]\nwhy = 'p'\n");
    let told = bad(&["demo", "--config", &conflict], 2);
    assert!(told.contains("line 2: `keys.why`: p is the key of `keys.pause`"), "{told}");
    // What needs no settings does not read any.
    good(&["info", &torrent, "--config", &settings]);
}
