//! The program in all its forms, among strangers.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::fields::{FIELDS, assert_held, mark, words};
use super::outputs::Outputs;
use super::pty::{Pty, position, ttui};
use super::support::program::{Output, command};
use super::support::{Lab, Program};
use super::swarm::Swarm;

const FORMS: [(&str, &str); 4] =
    [("check", ""), ("check --json", "--json"), ("check --csv", "--csv"), ("check --markdown", "--markdown")];

/// Keys that lead from page to page, and what is waited for there.
const PAGES: [(&str, &[&str]); 15] = [
    ("1", &["torrent: name"]),
    ("4", &["tracker: failure reason", "tracker: error over UDP"]),
    ("j", &["tracker: warning message"]),
    ("5", &["torrent: path of a file", "output: its path"]),
    ("6", &["tracker: failure reason"]),
    ("w", &[]),
    ("2", &[]),
    ("\r", &[]),
    ("\r", &[]),
    ("\r", &[]),
    ("qj", &[]),
    ("\r", &[]),
    ("\r", &[]),
    ("\r", &[]),
    ("q3", &[]),
];

async fn ran(lab: &Lab, arguments: &[&str]) -> Output {
    Program::run(lab, arguments).ended().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_strangers_say_is_seen_and_acts_on_nothing() {
    let lab = Lab::new();
    let swarm = Swarm::set(&lab).await;
    let mut outputs = Outputs::default();
    reports(&lab, &swarm, &mut outputs).await;
    headless(&lab, &swarm, &mut outputs).await;
    on_screen(&swarm, &mut outputs);
    complaints(&lab, &swarm, &mut outputs).await;
    assert_held(&outputs);
}

/// `info`, `verify`, `check` and `handshake` in every form.
async fn reports(lab: &Lab, swarm: &Swarm, outputs: &mut Outputs) {
    let torrent = swarm.torrent.to_str().unwrap();
    let peers = swarm.peers.map(|addr| addr.to_string());
    for (place, form) in [("info", None), ("info --json", Some("--json"))] {
        let arguments: Vec<&str> = ["info", torrent].into_iter().chain(form).collect();
        outputs.of(place, &ran(lab, &arguments).await);
    }
    outputs.of("verify", &ran(lab, &["verify", torrent, "-o", "out"]).await);
    let checks = FORMS.map(|(_, form)| {
        let mut command = command(lab);
        command.args(["check", torrent, "--for", "4s", "--peer", &peers[0], "--peer", &peers[1]]);
        command.args(Some(form).filter(|form| !form.is_empty()));
        Program::spawn(&mut command)
    });
    for ((place, _), check) in FORMS.into_iter().zip(checks) {
        let output = check.ended().await;
        if place == "check --csv" {
            let cells = |line: &String| line.split(',').count();
            assert!(
                output
                    .stdout
                    .iter()
                    .all(|line| line.contains('"') || cells(line) == cells(&output.stdout[0]))
            );
        }
        outputs.of(place, &output);
    }
    let name: String = words("magnet: name").bytes().map(|byte| format!("%{byte:02x}")).collect();
    let link = format!("magnet:?xt=urn:btih:{}&dn={name}", "0".repeat(40));
    outputs.of("info", &ran(lab, &["info", &link]).await);
    outputs.of("info --json", &ran(lab, &["info", &link, "--json"]).await);
    outputs.of("handshake", &ran(lab, &["handshake", &link, &peers[0]]).await);
    for peer in &peers {
        outputs.of("handshake", &ran(lab, &["handshake", torrent, peer]).await);
        outputs.of("handshake --json", &ran(lab, &["handshake", torrent, peer, "--json"]).await);
    }
}

/// A folder of a name that nobody would choose.
fn folder(lab: &Lab, name: &str) -> String {
    let folder = words(name);
    std::fs::create_dir(lab.path(&folder)).unwrap();
    folder
}

/// Lines, and the log with all that libraries have to say. Its state folder has a resume file that is none.
async fn headless(lab: &Lab, swarm: &Swarm, outputs: &mut Outputs) {
    let (state, out) = (folder(lab, "resume: its path"), folder(lab, "output: its path"));
    let torrent = swarm.torrent.to_str().unwrap();
    let run = |form: &str| {
        let mut command = command(lab);
        command.env("XDG_STATE_HOME", lab.path(&state)).env("RUST_LOG", "trace");
        command.args([form, torrent, "-o", &out, "--log", "log"]);
        command.args(swarm.peers.iter().flat_map(|addr| ["--peer".to_owned(), addr.to_string()]));
        Program::spawn(&mut command)
    };
    for form in ["--headless", "--json"] {
        let program = run(form);
        for (name, _) in
            FIELDS.iter().filter(|(name, places)| name.starts_with("tracker") && places.contains(&"headless"))
        {
            program.until_told(&mark(name)).await;
        }
        program.signal(Signal::TERM);
        outputs.of("headless", &program.ended().await);
        spoil_resume_files(&lab.path(&state));
    }
    let log = std::fs::read_to_string(lab.path("log")).unwrap();
    assert!(log.contains("TRACE"), "libraries were heard");
    outputs.written("log", &log);
}

fn spoil_resume_files(state: &Path) {
    let files = std::fs::read_dir(state.join("ttui")).unwrap().map(|entry| entry.unwrap().path());
    let resumes: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "resume")).collect();
    assert!(!resumes.is_empty(), "it remembers");
    resumes.iter().for_each(|path| std::fs::write(path, words("resume: its path")).unwrap());
}

/// Every screen and page, what is exported and copied from them, the title, and what is left behind.
fn on_screen(swarm: &Swarm, outputs: &mut Outputs) {
    let lab = Lab::new();
    let out = folder(&lab, "output: its path");
    let torrent = swarm.torrent.to_str().unwrap();
    let peers = swarm.peers.map(|addr| addr.to_string());
    let arguments = [torrent, "-o", &out, "--peer", &peers[0], "--peer", &peers[1]];
    let mut pty = Pty::spawn(ttui(&lab, &arguments), 160, 50);
    let redraw = |pty: &mut Pty| {
        let before = pty.count();
        pty.write(b"\x0c");
        pty.until_written(before, b"\x1b[2J");
    };
    pty.until_shown(&mark("torrent: name"));
    for (keys, shown) in PAGES {
        pty.write(keys.as_bytes());
        shown.iter().for_each(|name| pty.until_shown(&mark(name)));
        redraw(&mut pty);
    }
    for (screen, rows) in [("2", "peers"), ("4", "trackers"), ("5", "files"), ("6", "lines")] {
        for form in ["json", "csv", "md"] {
            pty.write(format!("{screen}e").as_bytes());
            pty.until_shown("JSON of ");
            let file = lab.path(&format!("{rows}.{form}"));
            pty.write(format!("\x15{rows}.{form}\r").as_bytes());
            pty.until_shown(&format!(" to {}", file.display()));
            outputs.written("export", &std::fs::read_to_string(file).unwrap());
        }
        // The first line of the files is a folder.
        let before = pty.count();
        pty.write(b"jy");
        pty.until_written(before, b"\x1b]52;c;");
        pty.until_shown("Copied: ");
    }
    pty.write(b"\x03");
    pty.ended_within(Duration::from_secs(5));
    pty.until_closed();
    let bytes = pty.bytes_from(0);
    let left = bytes.windows(8).rposition(|window| window == b"\x1b[?1049l").unwrap();
    outputs.drawn("screen", &bytes[..left]);
    outputs.drawn("summary", &bytes[left..]);
    for copied in copied(&bytes) {
        outputs.written("clipboard", &copied);
    }
    for title in pty.calls().titles {
        outputs.written("title", &title);
    }
    assert_eq!(pty.calls().bells, 0);
}

/// What was put on the clipboard.
fn copied(bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = position(rest, b"\x1b]52;c;") {
        rest = &rest[at + 7..];
        let end = rest.iter().position(|byte| *byte == 0x1b || *byte == 7).unwrap();
        texts.push(String::from_utf8(from_base64(&rest[..end])).unwrap());
    }
    texts
}

fn from_base64(text: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.iter().filter_map(|byte| DIGITS.iter().position(|digit| digit == byte));
    let (mut bits, mut count, mut bytes) = (0, 0, Vec::new());
    for digit in digits {
        (bits, count) = ((bits << 6 | digit as u32) & 0xffff, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// What is said of arguments, files and settings that are not as they should be: one line each.
async fn complaints(lab: &Lab, swarm: &Swarm, outputs: &mut Outputs) {
    let torrent = swarm.torrent.to_str().unwrap();
    let missing = words("torrent: its path");
    let option = format!("--{}", words("argument: an option"));
    let log = format!("{}/log", words("log: its path"));
    let (another, address, rate) =
        (words("argument: another one"), words("argument: an address"), words("argument: a rate"));
    let (recording, out) = (words("recording: its path"), words("output: its path"));
    let number = format!("d4:infod6:lengthi{}eee", words("torrent: a number that is none"));
    lab.write("number.torrent", number.as_bytes());
    let number = b"d4:infod6:lengthi99999999999999999999e4:name1:a12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee";
    lab.write("large.torrent", number);
    lab.write(&recording, b"no recording");
    std::fs::remove_dir_all(lab.path(&out)).unwrap();
    lab.write(&out, b"no folder");
    let settings = settings(lab);
    let mut runs: Vec<Vec<&str>> = vec![
        vec![&missing],
        vec!["info", &missing],
        vec!["check", &missing],
        vec!["number.torrent"],
        vec!["large.torrent"],
        vec!["check", torrent, &another],
        vec![torrent, &option],
        vec![&option],
        vec![torrent, "--peer", &address],
        vec!["handshake", torrent, &address],
        vec![torrent, "--down", &rate],
        vec!["replay", &recording],
        vec!["replay", &missing],
        vec!["--log", &log, torrent],
        vec![torrent, "--headless", "-o", &out],
        vec!["verify", torrent, "-o", &out],
        vec!["check", torrent, "--record", &recording, "--for", "1s"],
        vec!["completions", &another],
    ];
    runs.extend(settings.iter().map(|file| vec![torrent, "--headless", "--config", file.as_str()]));
    for arguments in runs {
        let output = ran(lab, &arguments).await;
        assert_ne!(output.code(), 0, "{arguments:?}");
        assert!(output.code() < 4, "{arguments:?}: {output:?}");
        outputs.written("complaint", output.complaint());
        output.stderr.iter().skip(1).for_each(|tip| outputs.written("complaint", tip));
    }
    // Of several every one that cannot be read is named.
    let output = ran(lab, &[&missing, &another]).await;
    assert_eq!((output.code(), output.stderr.len()), (2, 2), "{output:?}");
    output.stderr.iter().for_each(|line| outputs.written("complaint", line));
}

/// Settings files with something wrong in each; the name of one is.
fn settings(lab: &Lab) -> Vec<String> {
    let escaped =
        |name: &str| -> String { words(name).chars().map(|c| format!("\\U{:08X}", u32::from(c))).collect() };
    let contents = [
        format!("\"{}\" = 1\n", escaped("settings: name")),
        format!("output = [\"{}\"]\n", words("settings: value").replace(|c: char| c.is_ascii_control(), "")),
        format!("output = {}\n", words("settings: what is no TOML")),
        format!("[keys]\nquit = \"{}\"\n", escaped("settings: name of a key")),
    ];
    let names = (0..contents.len()).map(|number| format!("settings-{number}"));
    let mut files: Vec<String> = names
        .zip(&contents)
        .map(|(name, content)| {
            lab.write(&name, content.as_bytes());
            name
        })
        .collect();
    let missing = words("settings: path");
    let wrong = format!("{missing}.toml");
    lab.write(&wrong, b"nothing = 1\n");
    files.extend([missing, wrong]);
    files
}
