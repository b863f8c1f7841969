//! Every argument and option, with its help.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::engine;
use crate::swarm::EncryptionPolicy;
use crate::units;

const EXIT_STATUS: &str = "Exit status: 0 done · 1 not achieved (incomplete, interrupted) · 2 bad usage, bad \
                           torrent or unreadable input · 3 this machine failed (disk full, port taken)";

/// Whoever looks longer than this forgot to stop.
const LONGEST_CHECK: Duration = Duration::from_secs(24 * 60 * 60);

/// A BitTorrent downloader that shows what every peer is doing, and why the others are not.
#[derive(Clone, PartialEq, Debug, Parser)]
#[command(
    name = "ttui",
    version,
    after_help = EXIT_STATUS,
    args_conflicts_with_subcommands = true,
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
    /// The torrent file to download
    #[arg(value_name = "TORRENT", required = true)]
    pub torrent: Option<PathBuf>,
    /// The folder to download into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// The port to listen on [default: 6881 to 6889, or else any free one]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Dial this peer too (may be given again)
    #[arg(long, value_name = "IP:PORT", value_parser = peer)]
    pub peer: Vec<SocketAddr>,
    /// The most peers to be connected to at once
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub max_peers: u16,
    /// The most to receive a second, as 500k or 2.5M [default: no limit]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub down: Option<u64>,
    /// The most to send a second [default: no limit]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub up: Option<u64>,
    /// Whether connections to peers are encrypted
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Encryption::PreferPlain)]
    pub encryption: Encryption,
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
    /// Write into files that are there already and are not of this torrent
    #[arg(long)]
    pub overwrite: bool,
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
    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

impl DownloadArgs {
    /// The same, for the engine.
    pub fn engine_options(&self) -> engine::Options {
        engine::Options {
            output: self.output.clone(),
            port: self.port,
            peers: self.peer.clone(),
            max_peers: usize::from(self.max_peers),
            down_bps: self.down,
            up_bps: self.up,
            encryption: self.encryption.policy(),
            overwrite: self.overwrite,
            sync: self.sync,
            recording: recording(self.record.as_ref(), self.privacy),
            ..engine::Options::default()
        }
    }
}

/// When connections to peers are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Encryption {
    /// Dial plain, and encrypted where that fails; take both
    #[default]
    PreferPlain,
    /// Dial encrypted, and plain where that fails; take both
    Prefer,
    /// Dial and take encrypted connections only
    Require,
    /// Dial and take plain connections only
    Off,
}

impl Encryption {
    /// The same, for the engine.
    pub fn policy(self) -> EncryptionPolicy {
        match self {
            Self::PreferPlain => EncryptionPolicy::PreferPlain,
            Self::Prefer => EncryptionPolicy::Prefer,
            Self::Require => EncryptionPolicy::Require,
            Self::Off => EncryptionPolicy::Off,
        }
    }
}

/// How the screen looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Args)]
pub struct ScreenArgs {
    /// Colours
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Draw with plain ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// The most frames to draw a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..=60))]
    pub fps: u8,
}

/// How many colours to use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Color {
    /// What the terminal says it can show; none where NO_COLOR is set
    #[default]
    Auto,
    /// None
    Never,
    /// The terminal's own sixteen
    #[value(name = "16")]
    Ansi16,
    /// 256
    #[value(name = "256")]
    Indexed256,
    /// 24 bits
    True,
}

/// `ttui info`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct InfoArgs {
    /// The torrent file
    #[arg(value_name = "TORRENT")]
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
    /// The folder it was downloaded into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    /// As one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `ttui check`.
#[derive(Clone, PartialEq, Eq, Debug, Args)]
pub struct CheckArgs {
    /// The torrent file
    #[arg(value_name = "TORRENT")]
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
    #[arg(long, value_name = "IP:PORT", value_parser = peer)]
    pub peer: Vec<SocketAddr>,
    /// Whether connections to peers are encrypted
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Encryption::PreferPlain)]
    pub encryption: Encryption,
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
    /// The torrent file
    #[arg(value_name = "TORRENT")]
    pub torrent: PathBuf,
    /// The peer
    #[arg(value_name = "IP:PORT", value_parser = peer)]
    pub peer: SocketAddr,
    /// Whether the connection is encrypted
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Encryption::PreferPlain)]
    pub encryption: Encryption,
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
    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
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
    /// How the screen looks.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// What is written down of a run.
pub(super) fn recording(file: Option<&PathBuf>, privacy: bool) -> engine::Recording {
    engine::Recording { file: file.cloned(), privacy, ..engine::Recording::default() }
}

fn peer(text: &str) -> Result<SocketAddr, String> {
    let addr: Option<SocketAddr> = text.parse().ok();
    addr.filter(|addr| addr.port() != 0)
        .ok_or_else(|| "expected IP:PORT, as 192.0.2.7:6881 or [2001:db8::7]:6881".to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    units::parse_duration(text)
        .filter(|time| !time.is_zero() && *time <= LONGEST_CHECK)
        .ok_or_else(|| "expected a time up to a day, as 30s, 2m or 500ms".to_owned())
}

fn rate(text: &str) -> Result<u64, String> {
    units::parse_rate(text)
        .filter(|&bps| bps > 0)
        .ok_or_else(|| "expected bytes a second, more than 0, as 500k, 2.5M or 1GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, String> {
        Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())
    }

    #[test]
    fn is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_a_download() {
        let cli = parse(
            "ttui a.torrent -o out -p 7000 --peer 192.0.2.1:1 --peer [2001:db8::7]:6881 --max-peers 50 --down 500k \
             --up 1M --encryption require --seed --json --overwrite --sync --log l --color 256 --ascii --fps 10 \
             --record r --privacy",
        )
        .unwrap();
        assert_eq!(cli.command, None);
        assert_eq!(cli.log, Some("l".into()));
        let args = cli.download;
        assert_eq!(args.torrent, Some("a.torrent".into()));
        assert_eq!(args.screen, ScreenArgs { color: Color::Indexed256, ascii: true, fps: 10 });
        assert!(args.seed && args.json && !args.no_seed && !args.headless);
        let options = args.engine_options();
        assert_eq!(options.output, PathBuf::from("out"));
        assert_eq!(options.port, Some(7000));
        assert_eq!(options.peers, ["192.0.2.1:1".parse().unwrap(), "[2001:db8::7]:6881".parse().unwrap()]);
        assert_eq!((options.max_peers, options.down_bps, options.up_bps), (50, Some(512_000), Some(1 << 20)));
        assert!(options.overwrite && options.sync && options.recording.privacy);
        assert_eq!(options.recording.file, Some("r".into()));
        assert_eq!(options.encryption, EncryptionPolicy::Require);
    }

    #[test]
    fn has_the_defaults_of_the_engine() {
        let options = parse("ttui a.torrent").unwrap().download.engine_options();
        let engine = engine::Options::default();
        assert_eq!(options.max_peers, engine.max_peers);
        assert_eq!((options.output, options.port), (engine.output, engine.port));
        assert_eq!((options.down_bps, options.up_bps), (None, None));
        assert_eq!(options.encryption, engine.encryption);
    }

    #[test]
    fn reads_the_other_commands() {
        let command = |line| parse(line).unwrap().command.unwrap();
        let info = InfoArgs { torrent: "a".into(), json: true };
        assert_eq!(command("ttui info a --json"), Command::Info(info));
        let verify = VerifyArgs { torrent: "a".into(), output: "d".into(), json: false };
        assert_eq!(command("ttui verify a -o d"), Command::Verify(verify));
        let Command::Check(check) =
            command("ttui check a --for 500ms --markdown -p 7000 --peer 192.0.2.1:1 --privacy")
        else {
            panic!("a check was asked for")
        };
        assert_eq!((check.time, check.port, check.peer.len()), (Duration::from_millis(500), Some(7000), 1));
        assert!(check.form.markdown && check.privacy);
        let Command::Check(check) = command("ttui check a") else { panic!("a check was asked for") };
        assert_eq!(check.encryption, Encryption::PreferPlain);
        assert_eq!((check.time, check.form), (Duration::from_secs(30), FormArgs::default()));
        let peer = "[2001:db8::7]:6881".parse().unwrap();
        let encryption = Encryption::PreferPlain;
        let handshake = HandshakeArgs { torrent: "a".into(), peer, encryption, json: true };
        assert_eq!(command("ttui handshake a [2001:db8::7]:6881 --json"), Command::Handshake(handshake));
        assert_eq!(command("ttui completions bash"), Command::Completions { shell: Shell::Bash });
        assert_eq!(command("ttui man"), Command::Man);
        let Command::Replay(replay) = command("ttui replay r --json") else {
            panic!("a replay was asked for")
        };
        assert!(replay.file.as_os_str() == "r" && replay.json && !replay.headless);
        let Command::Demo(demo) = command("ttui demo --fast --ascii") else { panic!("a demo was asked for") };
        assert!(demo.fast && demo.screen.ascii);
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for line in [
            "ttui",
            "ttui a -p 0",
            "ttui a -p 70000",
            "ttui a --peer example.org:1",
            "ttui a --peer 192.0.2.1",
            "ttui a --peer 192.0.2.1:0",
            "ttui a --down fast",
            "ttui a --up 0",
            "ttui a --max-peers 0",
            "ttui a --seed --no-seed",
            "ttui a --fps 0",
            "ttui a --color blue",
            "ttui a --encryption maybe",
            "ttui a b",
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
