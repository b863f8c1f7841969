//! The command line: what can be asked for, who does it, and with which exit status it ends.
//!
//! Exit status: 0 done, 1 not achieved, 2 bad usage or input, 3 the machine failed. What goes wrong is one line
//! on standard error that names the thing.

pub mod args;
pub mod librarian;

mod check;
mod chosen;
mod columns;
mod export;
mod failure;
mod handshake;
mod headless;
mod info;
mod keeping;
mod leaving;
mod logfile;
mod manual;
mod output;
mod peers;
mod replay;
mod screen;
mod signals;
mod time;
mod verify;
mod waiting;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::CommandFactory;

use self::args::{Cli, Command, DemoArgs, DownloadArgs};
use self::chosen::{Chosen, Selection};
use self::output::Stdout;
use crate::config::{self, Settings};
use crate::demo::Demo;
use crate::engine::{self, DhtOptions, Wanted};
use crate::event::Finder;
use crate::library::{Library, Shelf};
use crate::metainfo::{Magnet, PeerName, Torrent, path_of_url};
use crate::storage;
use crate::text;

/// Characters of a line on standard error: room for any path.
const MOST_LINE_CHARS: usize = 8192;

pub use failure::{Failure, Status};

/// The whole program: reads the arguments of the process, does what they ask, and says what went wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            // Help and version. That standard output is closed is no reason to complain.
            let _ = error.print();
            return Status::Done.into();
        }
        Err(error) => return complain(&Failure::from(error)),
    };
    match run(cli) {
        Ok(status) => status.into(),
        Err(failure) => complain(&failure),
    }
}

fn run(cli: Cli) -> Result<Status, Failure> {
    let _log = logfile::start(cli.log.as_deref())?;
    let settings = || -> Result<Settings, Failure> {
        let mut settings = settings(cli.config.as_deref())?;
        cli.screen.overrule(&mut settings);
        Ok(settings)
    };
    match cli.command {
        None if cli.print_config => Stdout.write(config::defaults().as_bytes()),
        None => download(&cli.download, settings()?),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Verify(args)) => verify::run(&args, &settings()?),
        Some(Command::Check(args)) => check::run(&args, &settings()?),
        Some(Command::Handshake(args)) => handshake::run(&args),
        Some(Command::Replay(args)) => replay::run(&args, &settings()?),
        Some(Command::Demo(args)) => demo(&args, settings()?),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ttui", &mut script);
            Stdout.write(&script)
        }
        Some(Command::Man) => {
            let page = manual::page(Cli::command()).map_err(Failure::Output)?;
            Stdout.write(&page)
        }
    }
}

/// The settings of the file that was named, or of the one that is looked for.
fn settings(named: Option<&Path>) -> Result<Settings, Failure> {
    let usual = || config::path(std::env::var_os("XDG_CONFIG_HOME"), std::env::var_os(storage::HOME));
    let read = match named.map(Path::to_owned).or_else(usual) {
        Some(file) => config::load(&file)?,
        None => None,
    };
    match (read, named) {
        (None, Some(file)) => Err(Failure::NoSettings(file.to_owned())),
        (read, _) => Ok(read.unwrap_or_default()),
    }
}

/// The home folder, as the environment has it.
fn home() -> Option<PathBuf> {
    std::env::var_os(storage::HOME).map(PathBuf::from).filter(|home| home.is_absolute())
}

fn download(args: &DownloadArgs, mut settings: Settings) -> Result<Status, Failure> {
    let has_screen = !args.headless && !args.json && !args.metadata_only && io::stdout().is_terminal();
    let is_bare = args.torrents.is_empty();
    refuse_several(args, args.torrents.len())?;
    args.overrule(&mut settings);
    let peers = peers::addresses(&args.peer)?;
    let options = engine::Options { peers, ..args.engine_options(&settings, home().as_deref()) };
    let shelf = if args.metadata_only { None } else { shelf(&options.output) };
    let selection = match shelf {
        Some(shelf) if is_bare => chosen::kept(shelf, has_screen)?,
        shelf => chosen::named(args, &options.output, shelf, has_screen),
    };
    let is_nothing = selection.running.is_empty() && selection.resting.is_empty();
    if is_nothing && !has_screen {
        return Err(Failure::NoTorrent { waiting: selection.waiting });
    }
    if is_bare {
        refuse_several(args, selection.running.len())?;
        selection.tell_waiting();
    }
    let links = selection.running.iter().filter_map(|chosen| chosen.as_ref().ok()?.wanted.as_magnet());
    for magnet in links {
        if has_nobody_to_ask(magnet, &options) {
            warn(
                "the link names no tracker and no peer, and the DHT is off: nobody can be asked; \
                 --peer HOST:PORT names one",
            );
        }
    }
    let shelf = selection.shelf.clone();
    let library = shelf.as_ref().map(|shelf| shelf.library().clone());
    let syncing = library.map(|library| std::thread::spawn(move || chosen::sync(&library)));
    let status = if has_screen {
        let style = screen::Style { settings, no_seed: args.no_seed, demo: false };
        screen::run(selection, options, style)
    } else {
        let style =
            headless::Style { json: args.json, seed: args.seed, leaves_paused: is_bare || args.paused };
        headless::run(selection, options, style)
    };
    shelf.iter().for_each(|shelf| keeping::end(shelf));
    if let (true, Some(shelf), Some(syncing)) = (args.sync, shelf, syncing) {
        // It panicked, and has said so.
        let _ = syncing.join();
        chosen::sync(shelf.library());
    }
    status
}

/// Whether nobody is known who could have the metadata, or name others who have. Whether somebody is near is seen later.
fn has_nobody_to_ask(magnet: &Magnet, options: &engine::Options) -> bool {
    let names_nobody = magnet.trackers.is_empty() && magnet.peers.is_empty() && options.peers.is_empty();
    names_nobody && options.dht.is_none()
}

/// Where torrents are kept; `None`: no variable says where, and the session says so.
fn shelf(usual: &Path) -> Option<Arc<Shelf>> {
    let env = |name| std::env::var_os(name);
    let state = storage::state_dir(env("XDG_STATE_HOME"), env(storage::HOME))?;
    Some(Arc::new(Shelf::new(Library::of(&state), usual)))
}

/// What is for one torrent, where there are several.
fn refuse_several(args: &DownloadArgs, torrents: usize) -> Result<(), Failure> {
    let for_one = [
        ("--peer", !args.peer.is_empty()),
        ("--files", !args.files.is_empty()),
        ("--record", args.record.is_some()),
    ];
    match for_one.into_iter().find(|(_, given)| torrents > 1 && *given) {
        Some((option, _)) => Err(Failure::ForOne { option, torrents, kept: args.torrents.is_empty() }),
        None => Ok(()),
    }
}

fn demo(args: &DemoArgs, settings: Settings) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let (demo, joining) = runtime
        .block_on(Demo::start(args.fast))
        .map_err(|error| Failure::Machine(format!("the demo cannot listen on loopback: {error}")))?;
    let torrent = Torrent::from_bytes(demo.torrent())?;
    let folder = DemoFolder::new()?;
    let options = engine::Options {
        state: Some(folder.0.join("state")),
        output: folder.0.join("files"),
        loopback: true,
        finders: [Finder::Dht, Finder::Pex].into(),
        dht: Some(DhtOptions { nodes: demo.nodes(), ..DhtOptions::default() }),
        recording: args::recording(args.record.as_ref(), args.privacy),
        ..engine::Options::default()
    };
    let chosen = Chosen::new(torrent.into(), options.output.clone());
    let selection = Selection { running: vec![Ok(chosen)], ..Selection::default() };
    if io::stdout().is_terminal() {
        let selection = Selection { joining: Some(joining), ..selection };
        // However far it came: the user left it.
        screen::run(selection, options, screen::Style { settings, no_seed: false, demo: true })
            .map(|_| Status::Done)
    } else {
        drop(joining);
        let style = headless::Style { json: false, seed: false, leaves_paused: false };
        headless::run(selection, options, style)
    }
}

/// A new folder of our own among the temporary ones, gone with the demo.
struct DemoFolder(PathBuf);

impl DemoFolder {
    fn new() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("ttui-demo-{}", std::process::id()));
        let refused = |error| Failure::Machine(format!("cannot create {}: {error}", folder.display()));
        std::fs::create_dir(&folder).map_err(refused)?;
        Ok(Self(folder))
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to what cleans the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Reads the torrent and tells what is odd about it.
fn open_torrent(path: &Path) -> Result<Torrent, Failure> {
    open_file(path).map(|(torrent, _)| torrent)
}

/// The same with the bytes of the file.
fn open_file(path: &Path) -> Result<(Torrent, Vec<u8>), Failure> {
    let (torrent, file) = Torrent::with_bytes(path_of_url(path))?;
    for warning in &torrent.warnings {
        warn(&warning.to_string());
    }
    Ok((torrent, file))
}

/// Reads the torrent or magnet link, and tells what is odd about it.
fn open_wanted(named: &Path) -> Result<Wanted, Failure> {
    if Magnet::is_meant(named) { Ok(open_magnet(named)?.into()) } else { Ok(open_torrent(named)?.into()) }
}

/// Reads the magnet link, and tells what is odd about it.
fn open_magnet(named: &Path) -> Result<Magnet, Failure> {
    let mut magnet: Magnet = named.to_string_lossy().parse()?;
    for warning in &magnet.warnings {
        warn(&warning.to_string());
    }
    magnet.peers = peers::addresses(&magnet.peers)?.into_iter().map(PeerName::Address).collect();
    Ok(magnet)
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Machine(format!("cannot start threads: {error}")))?;
    signals::outlive_size_limit(&runtime)?;
    Ok(runtime)
}

fn warn(text: &str) {
    say(&format!("ttui: warning: {text}"));
}

fn complain(failure: &Failure) -> ExitCode {
    say(&format!("ttui: {failure}"));
    if let Some(tip) = failure.tip() {
        say(&format!("tip: {tip}"));
    }
    failure.status().into()
}

/// A line on standard error. It may name files and repeat arguments, and those can be anybody's making. Where standard
/// error is closed there is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", text::clean(line, MOST_LINE_CHARS));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_that_names_nobody_somebody_is_asked_where_the_dht_is_on() {
        let link = format!("magnet:?xt=urn:btih:{}", "5a".repeat(20));
        let bare: Magnet = link.parse().unwrap();
        let with_tracker: Magnet = format!("{link}&tr=http://tracker.example/announce").parse().unwrap();
        let without = engine::Options::default();
        let dht = engine::Options { dht: Some(DhtOptions::default()), ..without.clone() };
        let peers = engine::Options { peers: vec![([198, 51, 100, 1], 6881).into()], ..without.clone() };
        assert!(has_nobody_to_ask(&bare, &without));
        assert!(!has_nobody_to_ask(&bare, &dht) && !has_nobody_to_ask(&bare, &peers));
        assert!(!has_nobody_to_ask(&with_tracker, &without));
    }
}
