//! The command line: what can be asked for, who does it, and with which exit status it ends.
//!
//! Exit status: 0 done, 1 not achieved, 2 bad usage or input, 3 the machine failed. What goes wrong is one line
//! on standard error that names the thing.

pub mod args;

mod check;
mod columns;
mod export;
mod failure;
mod handshake;
mod headless;
mod info;
mod leaving;
mod logfile;
mod manual;
mod output;
mod peers;
mod replay;
mod screen;
mod signals;
mod verify;
mod waiting;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;

use self::args::{Cli, Command, DemoArgs, DownloadArgs};
use self::output::Stdout;
use crate::config::{self, Settings};
use crate::demo::Demo;
use crate::engine::{self, Wanted};
use crate::metainfo::{Magnet, PeerName, Torrent, path_of_url};
use crate::storage;
use crate::text;

/// Characters of a line on standard error: room for any path.
const MOST_LINE_CHARS: usize = 8192;

pub use failure::{Failure, Status};

/// The whole program: reads the arguments of the process, does what they ask, and says what went wrong.
pub fn main() -> ExitCode {
    if std::env::args_os().len() <= 1 {
        return complain(&Failure::NoTorrent);
    }
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
    let several = args.torrents.len() > 1;
    let for_one = [("--peer", !args.peer.is_empty()), ("--record", args.record.is_some())];
    if let Some((option, _)) = for_one.into_iter().find(|(_, given)| several && *given) {
        return Err(Failure::ForOne { option, torrents: args.torrents.len() });
    }
    let wanted = wanted_of(args);
    args.overrule(&mut settings);
    let peers = peers::addresses(&args.peer)?;
    for magnet in wanted.iter().filter_map(|wanted| wanted.as_ref().ok()?.as_magnet()) {
        if magnet.trackers.is_empty() && magnet.peers.is_empty() && peers.is_empty() {
            warn("the link names no tracker and no peer: nobody can be asked; --peer HOST:PORT names one");
        }
    }
    let options = engine::Options { peers, ..args.engine_options(&settings, home().as_deref()) };
    if has_screen {
        screen::run(wanted, options, screen::Style { settings, no_seed: args.no_seed, demo: false })
    } else {
        headless::run(wanted, options, headless::Style { json: args.json, seed: args.seed })
    }
}

/// What is named, each torrent once.
fn wanted_of(args: &DownloadArgs) -> Vec<Result<Wanted, Failure>> {
    let mut first_names = HashMap::new();
    let mut all = Vec::new();
    for named in &args.torrents {
        let wanted = open_wanted(named).and_then(|wanted| match wanted {
            Wanted::Torrent(_) if args.metadata_only => Err(Failure::HasMetadata),
            wanted => Ok(wanted),
        });
        if let Ok(wanted) = &wanted {
            match first_names.entry(wanted.info_hash()) {
                Entry::Vacant(entry) => _ = entry.insert(named),
                Entry::Occupied(entry) => {
                    let first = entry.get().display();
                    warn(&format!(
                        "{} is the same torrent as {first}: it is downloaded once",
                        named.display()
                    ));
                    continue;
                }
            }
        }
        all.push(wanted);
    }
    all
}

fn demo(args: &DemoArgs, settings: Settings) -> Result<Status, Failure> {
    let runtime = runtime()?;
    let demo = runtime
        .block_on(Demo::start(args.fast))
        .map_err(|error| Failure::Machine(format!("the demo cannot listen on loopback: {error}")))?;
    let torrent = Torrent::from_bytes(demo.torrent())?;
    let folder = DemoFolder::new()?;
    let options = engine::Options {
        state: Some(folder.0.join("state")),
        output: folder.0.join("files"),
        loopback: true,
        recording: args::recording(args.record.as_ref(), args.privacy),
        ..engine::Options::default()
    };
    if io::stdout().is_terminal() {
        // However far it came: the user left it.
        screen::run(vec![Ok(torrent.into())], options, screen::Style { settings, no_seed: false, demo: true })
            .map(|_| Status::Done)
    } else {
        headless::run(vec![Ok(torrent.into())], options, headless::Style { json: false, seed: false })
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
    let torrent = Torrent::from_file(path_of_url(path))?;
    for warning in &torrent.warnings {
        warn(&warning.to_string());
    }
    Ok(torrent)
}

/// Reads the torrent or magnet link, and tells what is odd about it.
fn open_wanted(named: &Path) -> Result<Wanted, Failure> {
    if !Magnet::is_meant(named) {
        return Ok(open_torrent(named)?.into());
    }
    let mut magnet: Magnet = named.to_string_lossy().parse()?;
    for warning in &magnet.warnings {
        warn(&warning.to_string());
    }
    magnet.peers = peers::addresses(&magnet.peers)?.into_iter().map(PeerName::Address).collect();
    Ok(magnet.into())
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
