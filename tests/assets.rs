//! What is installed beside the program: made of it, and saying only what it does.
//!
//! `UPDATE_ASSETS=1 cargo test --test assets` renews the manual page and the completions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ttui::metainfo::NewTorrent;

/// Each with the arguments that write it.
const GENERATED: [(&str, &[&str]); 4] = [
    ("ttui.1", &["man"]),
    ("completions/ttui.bash", &["completions", "bash"]),
    ("completions/_ttui", &["completions", "zsh"]),
    ("completions/ttui.fish", &["completions", "fish"]),
];

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

fn ttui(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ttui")).args(args).stdin(Stdio::null()).output().unwrap()
}

fn read(name: &str) -> String {
    fs::read_to_string(assets().join(name)).unwrap()
}

#[test]
fn manual_and_completions_are_what_the_program_writes() {
    for (name, args) in GENERATED {
        let output = ttui(args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}");
        let path = assets().join(name);
        if std::env::var_os("UPDATE_ASSETS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &output.stdout).unwrap();
        }
        let kept = fs::read(&path).unwrap_or_default();
        assert!(kept == output.stdout, "assets/{name} is stale: UPDATE_ASSETS=1 cargo test --test assets");
    }
}

/// The value of a key of the desktop entry.
fn entry(key: &str) -> String {
    let file = read("ttui.desktop");
    let mut lines = file.lines();
    assert_eq!(lines.next(), Some("[Desktop Entry]"));
    let values: Vec<&str> = lines
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| *name == key)
        .map(|(_, it)| it)
        .collect();
    assert_eq!(values.len(), 1, "{key}");
    values[0].to_owned()
}

#[test]
fn the_desktop_entry_names_the_types_the_program_opens_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.torrent");
    fs::write(&file, NewTorrent::of_file("a", 16384, &[1; 100]).to_bytes()).unwrap();
    let magnet = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
    // `info` opens what a download opens, and reaches nobody; 2 is what cannot be opened.
    let opens = |example: &&str| ttui(&["info", example]).status.code() != Some(2);
    let opened: BTreeSet<&str> =
        [("application/x-bittorrent", file.to_str().unwrap()), ("x-scheme-handler/magnet", magnet)]
            .into_iter()
            .filter(|(_, example)| opens(example))
            .map(|(kind, _)| kind)
            .collect();
    let types = entry("MimeType");
    assert_eq!(types.split_terminator(';').collect::<BTreeSet<&str>>(), opened);
    assert_eq!(entry("Exec"), "ttui %u", "a magnet is no path");
    assert!(opens(&&*format!("file://{}", file.to_str().unwrap())), "desktops hand files over as URLs");
    assert_eq!((entry("Type").as_str(), entry("Terminal").as_str()), ("Application", "true"));
}

#[test]
fn the_icon_is_small_and_of_shapes_alone() {
    let (icon, name) = (read("ttui.svg"), entry("Icon"));
    assert!(icon.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && icon.contains("viewBox"));
    assert!(icon.len() < 4096, "{} bytes", icon.len());
    assert!(!["<script", "<image", "href", "<text"].iter().any(|part| icon.contains(part)));
    assert_eq!(name, "ttui");
}

#[cfg(unix)]
#[test]
fn everything_is_installed_where_it_is_looked_for() {
    let prefix = tempfile::tempdir().unwrap();
    let status = Command::new(assets().join("install")).arg(prefix.path()).status().unwrap();
    assert!(status.success());
    for (installed, of) in [
        ("man/man1/ttui.1", "ttui.1"),
        ("bash-completion/completions/ttui", "completions/ttui.bash"),
        ("zsh/site-functions/_ttui", "completions/_ttui"),
        ("fish/vendor_completions.d/ttui.fish", "completions/ttui.fish"),
        ("icons/hicolor/scalable/apps/ttui.svg", "ttui.svg"),
        ("applications/ttui.desktop", "ttui.desktop"),
    ] {
        assert_eq!(fs::read_to_string(prefix.path().join("share").join(installed)).unwrap(), read(of));
    }
    let shipped = |folder: &Path| fs::read_dir(folder).unwrap().count();
    // The installer and the folder of completions are the two that are not installed themselves.
    assert_eq!(shipped(&assets()) + shipped(&assets().join("completions")), 6 + 2);
}
