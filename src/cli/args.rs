//! Every argument and option, with its help.

mod finders;
mod way_in;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

pub use self::finders::FinderArgs;
pub(super) use self::finders::dht;
pub use self::way_in::MappingArgs;
use self::way_in::mapping;
use crate::config::{
    Color, Encryption, MOST_FPS, MOST_PEERS, Settings, Theme, Transport, ratio, seed_time, upload_slots,
    upload_slots_expected,
};
use crate::engine;
use crate::event::Finder;
use crate::metainfo::{FileName, PeerName};
use crate::swarm::UploadSlots;
use crate::units;

const AFTERWORD: &str = "Settings: ttui/config.toml in $XDG_CONFIG_HOME or ~/.config; ttui --print-config writes one to \
                         begin with, keys included; the command line wins\n\n\
                         Exit status: 0 done · 1 not achieved (incomplete, interrupted) · 2 bad usage, bad \
                         torrent, settings or input that cannot be read · 3 this machine failed (disk full, port taken)";

/// Whoever looks longer than this forgot to stop.
const LONGEST_CHECK: Duration = Duration::from_secs(24 * 60 * 60);

/// A BitTorrent downloader that shows what every peer is doing, and why the others are not.
#[derive(Clone, PartialEq, Debug, Parser)]
#[command(
    name = "ttui",
    version,
    after_help = AFTERWORD,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do instead of downloading.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to download, and how.
    #[command(flatten)]
    pub download: DownloadArgs,
    /// Write a line to FILE for every announce, dial and handshake (RUST_LOG says how much)
    #[arg(long, value_name = "FILE", global = true)]
    pub log: Option<PathBuf>,
    /// Take the settings from FILE [default: ttui/config.toml in the folder of settings]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// Write all settings with their defaults to standard output, as a file to begin with
    #[arg(long, exclusive = true)]
    pub print_config: bool,
}

impl Cli {
    /// Reads a command line, its first word being the program itself. Options that hold for every command may stand
    /// before the command or behind it; those of one command stand behind it.
    ///
    /// # Errors
    ///
    /// Usage that makes no sense, help and version.
    pub fn read(line: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let line = line.into_iter().map(|word| -> OsString { word.into() });
        let matches = command.try_get_matches_from_mut(line)?;
        if let Some((name, _)) = matches.subcommand()
            && let Some(stray) = stray(&command, &matches)
        {
            return Err(misplaced(&command, name, stray));
        }
        let cli = Self::from_arg_matches(&matches)?;
        let mut behind = cli.download.torrents.iter().skip(1).filter_map(|named| named.to_str());
        if let Some(word) = behind.find(|word| command.find_subcommand(word).is_some()) {
            return Err(behind_a_torrent(&command, word));
        }
        Ok(cli)
    }
}

/// What stands before a command and holds for downloads only.
fn stray<'a>(command: &'a clap::Command, matches: &ArgMatches) -> Option<&'a clap::Arg> {
    let given = |arg: &&clap::Arg| {
        let id = arg.get_id().as_str();
        matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    command.get_arguments().filter(|arg| !arg.is_global_set()).find(given)
}

fn misplaced(command: &clap::Command, name: &str, stray: &clap::Arg) -> clap::Error {
    let Some(long) = stray.get_long() else {
        return behind_a_torrent(command, name);
    };
    let takes = |sub: &clap::Command| sub.get_arguments().any(|arg| arg.get_long() == Some(long));
    let told = if command.find_subcommand(name).is_some_and(takes) {
        format!("`--{long}` stands behind the command, as in `ttui {name} --{long}`")
    } else {
        format!("`--{long}` is for downloads, and `{name}` has no such option")
    };
    clap::Error::raw(ErrorKind::ArgumentConflict, told).with_cmd(command)
}

/// A torrent, and then what would be a command in its place.
fn behind_a_torrent(command: &clap::Command, word: &str) -> clap::Error {
    let told = format!("unexpected argument '{word}': expected torrents, or a command");
    clap::Error::raw(ErrorKind::UnknownArgument, told).with_cmd(command)
}

/// What can be done besides downloading.
#[derive(Clone, PartialEq, Debug, Subcommand)]
pub enum Command {
    /// Show what a torrent file says
    Info(InfoArgs),
    /// Hash what is on disk and name the pieces that are bad or missing
    Verify(VerifyArgs),
    /// Dial every peer and report who shakes hands, and why the rest do not
    Check(CheckArgs),
    /// Shake hands with one peer and show every byte
    Handshake(HandshakeArgs),
    /// Show a recorded run again, in the same screens: play, stop, step, faster, to the next failure, to a time
    Replay(ReplayArgs),
    /// Download a made-up torrent from a small swarm inside this process: no network, no file needed
    Demo(DemoArgs),
    /// Write a completion script for a shell to standard output
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual page (roff) to standard output
    Man,
}

/// A download.
#[derive(Clone, PartialEq, Debug, Args)]
pub struct DownloadArgs {
    /// The torrent files to download, or magnet links; they are kept [default: all that are kept]
    #[arg(value_name = "TORRENT|MAGNET")]
    pub torrents: Vec<PathBuf>,
    /// The folder to download into [default: the current one]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// The port to listen on [default: 6881 to 6889, or else any free one]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Dial this peer too (may be given again)
    #[arg(long, value_name = "HOST:PORT")]
    pub peer: Vec<PeerName>,
    /// The most peers to be connected to at once [default: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_PEERS)))]
    pub max_peers: Option<u16>,
    /// The most to receive a second, as 500k or 2.5M [default: no limit]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub down: Option<u64>,
    /// The most to send a second [default: no limit]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub up: Option<u64>,
    /// How many peers to serve at once, beside one that gets its chance [default: auto, as many as the line carries]
    #[arg(long, value_name = "auto|N", value_parser = slots)]
    pub upload_slots: Option<UploadSlots>,
    /// Whether connections to peers are encrypted [default: prefer-plain]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub encryption: Option<Encryption>,
    /// What connections to peers travel over [default: both]
    #[arg(long, value_name = "OVER", value_enum)]
    pub transport: Option<Transport>,
    /// How peers are found.
    #[command(flatten)]
    pub finders: FinderArgs,
    /// Find no clients on the local network, and tell them of no torrent
    #[arg(long)]
    pub no_lsd: bool,
    /// How routers are asked to let others in.
    #[command(flatten)]
    pub mapping: MappingArgs,
    /// Stop seeding when so often its length was sent, as 1.5 [default: never]
    #[arg(long, value_name = "X", value_parser = share_ratio)]
    pub ratio: Option<f64>,
    /// Stop seeding after so long, as 90m or 48h [default: never]
    #[arg(long, value_name = "TIME", value_parser = time_to_seed)]
    pub seed_time: Option<Duration>,
    /// Without a screen: go on seeding when complete
    #[arg(long, conflicts_with = "no_seed")]
    pub seed: bool,
    /// On the screen: end when complete
    #[arg(long)]
    pub no_seed: bool,
    /// No screen, a line a second (as when standard output is no terminal)
    #[arg(long)]
    pub headless: bool,
    /// No screen, a line of JSON a second
    #[arg(long)]
    pub json: bool,
    /// Fetch only these files, by numbers as `ttui info` has them (0,2-5) or by a pattern of paths ('extras/*.mkv'; may be
    /// given again)
    #[arg(long, value_name = "GLOB|N,N-M")]
    pub files: Vec<FileName>,
    /// Fetch files one after the other, their first and last pieces early
    #[arg(long)]
    pub sequential: bool,
    /// Add, and wait: of a magnet link only the metadata is fetched; choose files on 5, and p starts
    #[arg(long)]
    pub paused: bool,
    /// Write into files that are there already and are not of this torrent
    #[arg(long)]
    pub overwrite: bool,
    /// Of a magnet link: save its metadata as NAME.torrent in the output folder, and end (no screen)
    #[arg(long)]
    pub metadata_only: bool,
    /// Leave only when the disk has everything
    #[arg(long)]
    pub sync: bool,
    /// Record the run into this new file, to be shown again with `ttui replay` (on the screen, R begins and ends a
    /// recording)
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Made-up names instead of peers' addresses, on the screen and in whatever is written
    #[arg(long)]
    pub privacy: bool,
}

impl DownloadArgs {
    /// Puts what the command line says in the place of what the settings say.
    pub fn overrule(&self, settings: &mut Settings) {
        put(&mut settings.output, self.output.clone());
        settings.port = self.port.or(settings.port);
        put(&mut settings.max_peers, self.max_peers);
        settings.down_bps = self.down.or(settings.down_bps);
        settings.up_bps = self.up.or(settings.up_bps);
        put(&mut settings.upload_slots, self.upload_slots);
        put(&mut settings.encryption, self.encryption);
        put(&mut settings.transport, self.transport);
        self.finders.overrule(settings);
        if self.no_lsd {
            settings.finders.remove(&Finder::Lsd);
        }
        self.mapping.overrule(settings);
        settings.ratio = self.ratio.or(settings.ratio);
        settings.seed_time = self.seed_time.or(settings.seed_time);
    }

    /// What the engine is told, by settings that the command line has overruled.
    pub fn engine_options(&self, settings: &Settings, home: Option<&Path>) -> engine::Options {
        engine::Options {
            // On the command line the shell has its own way with `~`.
            output: self.output.clone().unwrap_or_else(|| settings.output_folder(home)),
            port: settings.port,
            max_peers: usize::from(settings.max_peers),
            dials_per_second: settings.dials_per_second,
            max_rows: settings.max_rows as usize,
            down_bps: settings.down_bps,
            up_bps: settings.up_bps,
            upload_slots: settings.upload_slots,
            encryption: settings.encryption.policy(),
            transport: settings.transport.policy(),
            finders: settings.finders.clone(),
            dht: dht(settings, self.metadata_only),
            mapping: mapping(settings, self.metadata_only),
            queue: settings.queue,
            give: engine::Give { ratio: settings.ratio, time: settings.seed_time },
            on_complete: settings.on_complete.clone(),
            files: self.files.clone().into(),
            sequential: self.sequential,
            paused: self.paused,
            overwrite: self.overwrite,
            metadata_only: self.metadata_only,
            sync: self.sync,
            recording: recording(self.record.as_ref(), self.privacy),
            ..engine::Options::default()
        }
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// How the screen looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Args)]
pub struct ScreenArgs {
    /// Colours and accents [default: auto]
    #[arg(long, value_name = "NAME", value_enum, global = true)]
    pub theme: Option<Theme>,
    /// How many colours [default: auto]
    #[arg(long, value_name = "WHICH", value_enum, global = true)]
    pub color: Option<Color>,
    /// Draw with plain ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// The most frames to draw a second [default: 30]
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_FPS)))]
    pub fps: Option<u8>,
    /// Leave the mouse to the terminal
    #[arg(long, global = true)]
    pub no_mouse: bool,
}

impl ScreenArgs {
    /// Puts what the command line says in the place of what the settings say.
    pub fn overrule(&self, settings: &mut Settings) {
        let screen = &mut settings.screen;
        put(&mut screen.theme, self.theme);
        put(&mut screen.color, self.color);
        put(&mut screen.fps, self.fps);
        screen.ascii |= self.ascii;
        screen.mouse &= !self.no_mouse;
    }
}

/// `ttui info`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct InfoArgs {
    /// The torrent file, or a magnet link
    #[arg(value_name = "TORRENT|MAGNET")]
    pub torrent: PathBuf,
    /// As one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `ttui verify`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct VerifyArgs {
    /// The torrent file
    #[arg(value_name = "TORRENT")]
    pub torrent: PathBuf,
    /// The folder it was downloaded into [default: the current one]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Look only at these files, by numbers as `ttui info` has them or by a pattern of paths (may be given again)
    #[arg(long, value_name = "GLOB|N,N-M")]
    pub files: Vec<FileName>,
    /// As one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `ttui check`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct CheckArgs {
    /// The torrent file, or a magnet link
    #[arg(value_name = "TORRENT|MAGNET")]
    pub torrent: PathBuf,
    /// How long it may take at most, as 30s, 2m or 500ms
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = time)]
    pub time: Duration,
    /// In what form
    #[command(flatten)]
    pub form: FormArgs,
    /// The port to listen on [default: any free one]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Try this peer too (may be given again)
    #[arg(long, value_name = "HOST:PORT")]
    pub peer: Vec<PeerName>,
    /// Whether connections to peers are encrypted [default: prefer-plain]
    #[arg(long, value_name = "WHEN", value_enum)]
    pub encryption: Option<Encryption>,
    /// What connections to peers travel over [default: both]
    #[arg(long, value_name = "OVER", value_enum)]
    pub transport: Option<Transport>,
    /// How peers are found.
    #[command(flatten)]
    pub finders: FinderArgs,
    /// Record the check into this new file, to be shown again with `ttui replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Made-up names instead of peers' addresses, in whatever is written
    #[arg(long)]
    pub privacy: bool,
}

/// The form of a report; text for people without any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Args)]
#[group(multiple = false)]
pub struct FormArgs {
    /// As one line of JSON
    #[arg(long)]
    pub json: bool,
    /// As CSV, one line a peer
    #[arg(long)]
    pub csv: bool,
    /// As Markdown
    #[arg(long)]
    pub markdown: bool,
}

/// `ttui handshake`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct HandshakeArgs {
    /// The torrent file, or a magnet link
    #[arg(value_name = "TORRENT|MAGNET")]
    pub torrent: PathBuf,
    /// The peer
    #[arg(value_name = "HOST:PORT")]
    pub peer: PeerName,
    /// Whether the connection is encrypted
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Encryption::PreferPlain)]
    pub encryption: Encryption,
    /// What the connection travels over
    #[arg(long, value_name = "OVER", value_enum, default_value_t = Transport::Both)]
    pub transport: Transport,
    /// As one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `ttui replay`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct ReplayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// No screen, only how it ended (as when standard output is no terminal)
    #[arg(long)]
    pub headless: bool,
    /// No screen, how it ended as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `ttui demo`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct DemoArgs {
    /// In seconds instead of a minute
    #[arg(long)]
    pub fast: bool,
    /// Record it into this new file, to be shown again with `ttui replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Made-up names instead of peers' addresses, on the screen and in whatever is written
    #[arg(long)]
    pub privacy: bool,
}

/// What is written down of a run.
pub(super) fn recording(file: Option<&PathBuf>, privacy: bool) -> engine::Recording {
    engine::Recording { file: file.cloned(), privacy, ..engine::Recording::default() }
}

fn time(text: &str) -> Result<Duration, String> {
    units::parse_duration(text)
        .filter(|time| !time.is_zero() && *time <= LONGEST_CHECK)
        .ok_or_else(|| "expected a time up to a day, as 30s, 2m or 500ms".to_owned())
}

fn share_ratio(text: &str) -> Result<f64, String> {
    ratio(text).ok_or_else(|| "expected a number more than 0, as 1.5".to_owned())
}

fn time_to_seed(text: &str) -> Result<Duration, String> {
    seed_time(text).ok_or_else(|| "expected a time, as 90m or 48h".to_owned())
}

fn rate(text: &str) -> Result<u64, String> {
    units::parse_rate(text)
        .filter(|&bps| bps > 0)
        .ok_or_else(|| "expected bytes a second, more than 0, as 500k, 2.5M or 1GiB".to_owned())
}

fn slots(text: &str) -> Result<UploadSlots, String> {
    upload_slots(text).ok_or_else(|| format!("expected {}", upload_slots_expected()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::ScreenSettings;
    use crate::swarm::{EncryptionPolicy, TransportPolicy};

    fn parse(line: &str) -> Result<Cli, String> {
        Cli::read(line.split(' ')).map_err(|error| error.to_string())
    }

    #[test]
    fn is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_a_download() {
        let cli = parse(
            "ttui a.torrent -o out -p 7000 --peer 192.0.2.1:1 --peer seed.example.org:6881 --max-peers 50 --down 500k \
             --up 1M --upload-slots 12 --encryption require --transport both --seed --json --overwrite --sync --log l --color 256 --ascii --fps 10 \
             --theme mono --no-mouse --config c --record r --privacy --files 1 --files b/* --sequential --paused",
        )
        .unwrap();
        assert_eq!(cli.command, None);
        assert_eq!(cli.log, Some("l".into()));
        let args = cli.download;
        assert_eq!(args.torrents, [PathBuf::from("a.torrent")]);
        assert_eq!(parse("ttui a b --headless magnet:?c").unwrap().download.torrents.len(), 3);
        assert_eq!(cli.config, Some("c".into()));
        let mut settings = Settings { down_bps: Some(1), ..Settings::default() };
        settings.screen.bell = false;
        args.overrule(&mut settings);
        cli.screen.overrule(&mut settings);
        let screen = ScreenSettings {
            theme: Theme::Mono,
            color: Color::Indexed256,
            ascii: true,
            fps: 10,
            mouse: false,
            bell: false,
            ..ScreenSettings::default()
        };
        assert_eq!(settings.screen, screen);
        assert!(args.seed && args.json && !args.no_seed && !args.headless);
        let options = args.engine_options(&settings, None);
        assert_eq!(options.output, PathBuf::from("out"));
        assert_eq!(options.port, Some(7000));
        assert_eq!(args.peer, ["192.0.2.1:1".parse().unwrap(), "seed.example.org:6881".parse().unwrap()]);
        assert_eq!((options.max_peers, options.down_bps, options.up_bps), (50, Some(512_000), Some(1 << 20)));
        assert_eq!(options.upload_slots, UploadSlots::Fixed(12));
        assert!(options.overwrite && options.sync && options.recording.privacy);
        assert_eq!(options.files, vec!["1".parse().unwrap(), "b/*".parse().unwrap()].into());
        assert!(options.sequential && options.paused);
        assert_eq!(options.recording.file, Some("r".into()));
        assert_eq!(options.encryption, EncryptionPolicy::Require);
        assert_eq!(options.transport, TransportPolicy::Both);
    }

    #[test]
    fn has_the_defaults_of_the_engine() {
        let options = parse("ttui a.torrent").unwrap().download.engine_options(&Settings::default(), None);
        let engine = engine::Options::default();
        assert_eq!((options.max_peers, options.max_rows), (engine.max_peers, engine.max_rows));
        assert_eq!((options.output, options.port), (engine.output, engine.port));
        assert_eq!(options.dials_per_second, engine.dials_per_second);
        assert_eq!((options.down_bps, options.up_bps), (None, None));
        assert_eq!((options.upload_slots, options.encryption), (engine.upload_slots, engine.encryption));
        assert_eq!(options.transport, engine.transport);
    }

    #[test]
    fn the_settings_hold_where_the_command_line_says_nothing() {
        let mut settings = Settings {
            output: "~/iso".into(),
            port: Some(7000),
            max_peers: 7,
            down_bps: Some(1),
            up_bps: Some(2),
            encryption: Encryption::Off,
            ..Settings::default()
        };
        settings.screen.fps = 5;
        let mut after = settings.clone();
        let args = parse("ttui a.torrent").unwrap().download;
        args.overrule(&mut after);
        assert_eq!(after, settings);
        let options = args.engine_options(&after, Some(Path::new("/h")));
        assert_eq!((options.output, options.port, options.max_peers), ("/h/iso".into(), Some(7000), 7));
        assert_eq!((options.down_bps, options.up_bps), (Some(1), Some(2)));
        assert_eq!(options.encryption, EncryptionPolicy::Off);
        let options = parse("ttui a.torrent -o ~/here").unwrap().download.engine_options(&after, None);
        assert_eq!(options.output, PathBuf::from("~/here"));
    }

    #[test]
    fn reads_the_other_commands() {
        let command = |line| parse(line).unwrap().command.unwrap();
        let info = InfoArgs { torrent: "a".into(), json: true };
        assert_eq!(command("ttui info a --json"), Command::Info(info));
        let files = vec!["0,2-3".parse().unwrap(), "*.mkv".parse().unwrap()];
        let verify = VerifyArgs { torrent: "a".into(), output: Some("d".into()), files, json: false };
        assert_eq!(command("ttui verify a -o d --files 0,2-3 --files *.mkv"), Command::Verify(verify));
        let Command::Check(check) =
            command("ttui check a --for 500ms --markdown -p 7000 --peer 192.0.2.1:1 --privacy")
        else {
            panic!("a check was asked for")
        };
        assert_eq!((check.time, check.port, check.peer.len()), (Duration::from_millis(500), Some(7000), 1));
        assert!(check.form.markdown && check.privacy);
        let Command::Check(check) = command("ttui check a") else { panic!("a check was asked for") };
        assert_eq!(check.encryption, None);
        assert!(parse("ttui --print-config").unwrap().print_config);
        assert_eq!((check.time, check.form), (Duration::from_secs(30), FormArgs::default()));
        let peer = "[2001:db8::7]:6881".parse().unwrap();
        let (encryption, transport) = (Encryption::PreferPlain, Transport::Utp);
        let handshake = HandshakeArgs { torrent: "a".into(), peer, encryption, transport, json: true };
        assert_eq!(
            command("ttui handshake a [2001:db8::7]:6881 --transport utp --json"),
            Command::Handshake(handshake)
        );
        assert_eq!(command("ttui completions bash"), Command::Completions { shell: Shell::Bash });
        assert_eq!(command("ttui man"), Command::Man);
        let Command::Replay(replay) = command("ttui replay r --json") else {
            panic!("a replay was asked for")
        };
        assert!(replay.file.as_os_str() == "r" && replay.json && !replay.headless);
        let Command::Demo(demo) = command("ttui demo --fast") else { panic!("a demo was asked for") };
        assert!(demo.fast);
    }

    #[test]
    fn what_holds_for_every_command_stands_before_it_or_behind_it() {
        let before = "ttui --log l --config c --theme mono --color 16 --ascii --fps 9 --no-mouse";
        let behind = before.trim_start_matches("ttui ");
        for command in ["info a", "verify a", "check a", "replay r", "demo", "man", "handshake a 192.0.2.1:1"]
        {
            let cli = parse(&format!("{before} {command}")).unwrap();
            assert_eq!(cli, parse(&format!("ttui {command} {behind}")).unwrap(), "{command}");
            assert!(cli.command.is_some(), "{command}");
            assert_eq!((cli.log, cli.config), (Some("l".into()), Some("c".into())), "{command}");
            let screen = ScreenArgs {
                theme: Some(Theme::Mono),
                color: Some(Color::Ansi16),
                ascii: true,
                fps: Some(9),
                no_mouse: true,
            };
            assert_eq!(cli.screen, screen, "{command}");
        }
        // What stands nearer wins.
        let cli = parse("ttui --theme mono demo --theme high-contrast").unwrap();
        assert_eq!(cli.screen.theme, Some(Theme::HighContrast));
        assert_eq!(parse("ttui --theme default demo").unwrap().screen.theme, Some(Theme::Auto));
        let cli = parse("ttui --theme mono a.torrent --ascii").unwrap();
        assert_eq!((cli.command, cli.download.torrents), (None, vec!["a.torrent".into()]));
        assert!(cli.screen.ascii && cli.screen.theme == Some(Theme::Mono));
    }

    #[test]
    fn says_of_what_is_not_for_every_command_where_it_stands() {
        let told = |line| parse(line).unwrap_err();
        assert_eq!(
            told("ttui --json info a").lines().next(),
            Some("error: `--json` stands behind the command, as in `ttui info --json`")
        );
        assert_eq!(
            told("ttui --down 5k check a").lines().next(),
            Some("error: `--down` is for downloads, and `check` has no such option")
        );
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for line in [
            "ttui a -p 0",
            "ttui a -p 70000",
            "ttui a --peer example.org",
            "ttui a --peer 192.0.2.1",
            "ttui a --peer 192.0.2.1:0",
            "ttui a --down fast",
            "ttui a --up 0",
            "ttui a --max-peers 0",
            "ttui a --upload-slots 0",
            "ttui a --upload-slots many",
            "ttui a --seed --no-seed",
            "ttui a --fps 0",
            "ttui a --color blue",
            "ttui a --theme blue",
            "ttui a --print-config",
            "ttui a --encryption maybe",
            "ttui a --files 3-1",
            "ttui a --files a[",
            "ttui a demo",
            "ttui --overwrite demo",
            "ttui --json info a",
            "ttui --print-config demo",
            "ttui a --unknown",
            "ttui info",
            "ttui replay",
            "ttui check",
            "ttui check a --for 0s",
            "ttui check a --for long",
            "ttui check a --json --csv",
            "ttui handshake a",
            "ttui handshake a 192.0.2.1",
            "ttui completions tcsh",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
