//! Staged swarms: what peers and trackers do, and what a check and a download make of it, the program's own without a
//! screen and on one too.
//!
//! A sickness and its twin are a few lines each. What a download says must be said within [`AT_ONCE`] of the last
//! fact that decides; of a twin, which looks alike and is well, it must not be said until long after.

use std::any::Any;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout_at};
use ttui::engine::{CheckOptions, Download, Options, Wanted};
use ttui::event::{At, Attempt, Direction, MetadataStep, Phase};
use ttui::ledger::{PeerRecord, Verdict, View};
use ttui::metainfo::{InfoHash, Magnet};
use ttui::swarm::{EncryptionPolicy, TransportPolicy};
use ttui::wire::{ExtensionHandshake, METADATA_NAME, Message};

use crate::peers::{PIECE, answers, as_json, handshake, listen_only, message, run_on, talks};
use crate::support::overview::assert_first_is_shown_first;
use crate::support::program::Output;
use crate::support::{
    Gives, Lab, Payload, Program, Recipe, Reply, Script, Seed, Tracker, Wire, nobody_at, program, soon, until,
};
use crate::surfaces::{Headless, OnScreen, Told};

/// From the last fact that decides to the headline.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(2);
/// No sickness takes longer to be told.
const PATIENCE: Duration = Duration::from_secs(45);

/// What a peer does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Has everything and sends it.
    Serves,
    /// The same, so many bytes a second.
    ServesAt(u64),
    /// Has all pieces but the last, and sends them.
    LacksTheLastPiece,
    /// The same, and it says that it fetches no more itself.
    LacksTheLastPieceForGood,
    /// Has all pieces but this one, and sends so many bytes of them a second.
    Lacks { piece: u32, bps: u64 },
    /// Has this piece and no other.
    HasOnly(u32),
    /// Has nothing.
    HasNothing,
    /// Every block it sends is wrong.
    Lies,
    /// Has everything and never unchokes.
    Chokes,
    /// The same, and all of them are one client: they have one peer id.
    IsTheSameAndChokes,
    /// Unchokes and sends nothing.
    NeverSends,
    /// Shakes hands so many milliseconds after us, and closes the connection so many later; sends a little until then.
    Leaves { shakes_ms: u64, leaves_ms: u64 },
    /// Shakes hands, says what it has, and closes.
    LeavesAtOnce,
    /// Shakes hands; what it says it has does not fit the torrent.
    MistakesItsPieces,
    /// Closes when it has our handshake.
    HangsUp,
    /// Takes the connection and says nothing.
    SaysNothing,
    /// Sends its handshake after so many milliseconds, and serves then.
    IsSlowToShakeHands(u64),
    /// Sends every block twice, slowly.
    Stutters,
    /// Shakes hands for another torrent.
    HasAnotherTorrent,
    /// Answers with these bytes.
    Answers(&'static [u8]),
    /// Nothing listens at its address.
    Refuses,
    /// Has everything but the metadata, and says so.
    HasNoMetadata,
    /// Has everything, and this way with the metadata.
    OffersMetadata(Gives),
    /// The same, and its handshake comes so many milliseconds after ours.
    ComesWithMetadata(u64, Gives),
}

/// The last fact that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    /// Every peer was dialled in every way there is, and the last dial has ended.
    Dials,
    /// Every tracker answered or failed.
    Trackers,
    /// The last of those connected shook hands so many seconds ago.
    Connected(u64),
    /// The last block came so many seconds ago.
    LastBlock(u64),
    /// The last connection ended.
    LastEnd,
    /// The last of those connected said what it does about the metadata of a magnet, or went.
    Metadata,
}

impl Fact {
    fn at(self, view: &View) -> Option<At> {
        let ended = |record: &PeerRecord| record.attempts.iter().filter_map(|attempt| attempt.ended).max();
        let shook =
            |record: &PeerRecord| record.attempts.iter().filter_map(|attempt| attempt.handshaken).max();
        let peers = || view.peers.iter().map(AsRef::as_ref);
        let seconds = Duration::from_secs;
        match self {
            Self::Dials => {
                (view.groups.trying + view.groups.queued == 0).then(|| peers().filter_map(ended).max())?
            }
            Self::Trackers => {
                let all: Option<Vec<At>> = view.trackers.iter().map(|tracker| tracker.answered).collect();
                all?.into_iter().max().or(Some(At::ZERO))
            }
            Self::Connected(ago) => Some(peers().filter_map(shook).max()? + seconds(ago)),
            Self::LastBlock(ago) => Some(view.last_block? + seconds(ago)),
            Self::LastEnd => {
                let all = || {
                    peers().flat_map(|record| &record.attempts).filter(|it| it.direction == Direction::Out)
                };
                all()
                    .filter(|attempt: &&Attempt| attempt.handshaken.is_some())
                    .filter_map(|it| it.ended)
                    .max()
            }
            Self::Metadata => {
                let said = |record: &PeerRecord| {
                    [answered(record), was_late(record), shook(record), ended(record)].into_iter().max()?
                };
                (view.groups.trying + view.groups.queued == 0).then(|| peers().filter_map(said).max())?
            }
        }
    }
}

/// When a peer last answered what it was asked of the metadata.
fn answered(record: &PeerRecord) -> Option<At> {
    use MetadataStep::{Gave, Refused, Wrong};
    last(record, |step| matches!(step, Gave { .. } | Refused { .. } | Wrong { .. }))
}

/// When it was last late with that.
fn was_late(record: &PeerRecord) -> Option<At> {
    last(record, |step| matches!(step, MetadataStep::Silent { .. }))
}

fn last(record: &PeerRecord, is: impl Fn(&MetadataStep) -> bool) -> Option<At> {
    let moments = record.metadata.iter().flat_map(|talk| &talk.moments);
    moments.filter(|moment| is(&moment.step)).map(|moment| moment.until).max()
}

/// A swarm in the making.
pub(crate) struct Swarm {
    pieces: usize,
    piece_bytes: usize,
    /// All that the program is told is a link.
    is_magnet: bool,
    payload: Arc<Payload>,
    tiers: Vec<String>,
    by_hand: Vec<SocketAddr>,
    change: Box<dyn Fn(&mut Options) + Send + Sync>,
    /// Over what a check dials: scripted peers speak TCP alone, and are well.
    checked_over: TransportPolicy,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Swarm {
    /// Nobody, and no tracker.
    pub(crate) fn new() -> Self {
        Self::of_pieces(8)
    }

    pub(crate) fn of_pieces(pieces: usize) -> Self {
        Self::with_pieces(pieces, PIECE)
    }

    /// A magnet, whose metadata have three parts.
    pub(crate) fn magnet() -> Self {
        Self { is_magnet: true, ..Self::with_pieces(2000, 1024) }
    }

    fn with_pieces(pieces: usize, piece_bytes: usize) -> Self {
        Self {
            pieces,
            piece_bytes,
            is_magnet: false,
            payload: Recipe::file("it", pieces * piece_bytes, piece_bytes).make(),
            tiers: Vec::new(),
            by_hand: Vec::new(),
            change: Box::new(|_| {}),
            checked_over: TransportPolicy::Tcp,
            kept: Vec::new(),
        }
    }

    /// The peers that the user named, in order.
    pub(crate) fn named(&self) -> &[SocketAddr] {
        &self.by_hand
    }

    /// So many peers named by the user.
    pub(crate) async fn peers(mut self, count: u8, does: Does) -> Self {
        let made = self.make(count, does).await;
        self.by_hand.extend(made);
        self
    }

    /// A peer at an IPv6 address of this machine, named by the user.
    pub(crate) async fn at_loopback_v6(mut self, bps: u64) -> Self {
        let script = Script { ip: Ipv6Addr::LOCALHOST.into(), bps, ..Script::default() };
        let seed = Seed::start(&self.payload, script).await;
        self.by_hand.push(seed.addr);
        self.kept.push(Box::new(seed));
        self
    }

    /// A check dials over both transports.
    pub(crate) fn checked_over_both(self) -> Self {
        Self { checked_over: TransportPolicy::Both, ..self }
    }

    /// So many seeds that are the program itself, and speak these transports alone; named by the user.
    pub(crate) async fn programs(mut self, count: u8, transport: TransportPolicy) -> Self {
        for _ in 0..count {
            let lab = Lab::new();
            self.payload.lay_out(&lab.out());
            let options = Options { transport, up_bps: Some(40_000), ..lab.options(&[]) };
            let mut seed = lab.start_with(&self.payload, options);
            soon("the seed has looked at its files", seed.completed()).await.unwrap();
            let port = until(&seed, "the seed listens", |view| view.port).await;
            self.by_hand.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            self.kept.push(Box::new((lab, seed)));
        }
        self
    }

    /// Peers at these addresses, named by the user.
    pub(crate) fn at(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.by_hand.extend(addresses);
        self
    }

    /// A tracker that names so many peers.
    pub(crate) async fn tracker(mut self, count: u8, does: Does) -> Self {
        let made = self.make(count, does).await;
        self.tracker_says(Reply::Compact(made)).await
    }

    /// A tracker that names these addresses, and so many peers beside.
    pub(crate) async fn tracker_also(mut self, mut named: Vec<SocketAddr>, count: u8, does: Does) -> Self {
        named.extend(self.make(count, does).await);
        self.tracker_says(Reply::Compact(named)).await
    }

    /// A tracker that answers so.
    pub(crate) async fn tracker_says(mut self, reply: Reply) -> Self {
        let tracker = Tracker::http(reply).await;
        self.tiers.push(tracker.url());
        self.kept.push(Box::new(tracker));
        self
    }

    /// A tracker at this address.
    pub(crate) fn tracker_at(mut self, url: &str) -> Self {
        self.tiers.push(url.to_owned());
        self
    }

    /// Other options, of which a check takes those of encryption and trackers.
    pub(crate) fn options(self, change: impl Fn(&mut Options) + Send + Sync + 'static) -> Self {
        Self { change: Box::new(change), ..self }
    }

    /// Makes peers and names them to nobody.
    pub(crate) async fn make(&mut self, count: u8, does: Does) -> Vec<SocketAddr> {
        let mut made = Vec::new();
        for name in 0..count {
            made.push(self.one(name, does).await);
        }
        made
    }

    async fn one(&mut self, name: u8, does: Does) -> SocketAddr {
        let payload = Arc::clone(&self.payload);
        let has = |pieces: std::ops::Range<usize>| Some(pieces.map(|piece| piece as u32).collect());
        let script = match does {
            Does::Serves => Script::default(),
            Does::ServesAt(bps) => Script { bps, ..Script::default() },
            Does::LacksTheLastPiece => Script { has: has(0..self.pieces - 1), ..Script::default() },
            Does::LacksTheLastPieceForGood => {
                let extended = Message::Extended { id: 0, payload: b"d11:upload_onlyi1ee"[..].into() };
                Script { has: has(0..self.pieces - 1), says: message(&extended), ..Script::default() }
            }
            Does::Lacks { piece, bps } => {
                let others = (0..self.pieces as u32).filter(|other| *other != piece);
                Script { has: Some(others.collect()), bps, ..Script::default() }
            }
            Does::HasOnly(piece) => Script { has: Some(vec![piece]), ..Script::default() },
            Does::HasNothing => Script { has: has(0..0), ..Script::default() },
            Does::Lies => Script { lies_every: Some(1), ..Script::default() },
            Does::Chokes => Script { unchokes: None, ..Script::default() },
            Does::NeverSends => Script { allowed: 0, ..Script::default() },
            Does::Leaves { shakes_ms, leaves_ms } => Script {
                shakes_after: Duration::from_millis(shakes_ms),
                leaves_after: Some(Duration::from_millis(leaves_ms)),
                bps: 20_000,
                ..Script::default()
            },
            Does::IsSlowToShakeHands(ms) => {
                Script { shakes_after: Duration::from_millis(ms), ..Script::default() }
            }
            Does::Stutters => Script { repeats_every: Some(1), bps: 40_000, ..Script::default() },
            Does::SaysNothing => Script { is_silent: true, ..Script::default() },
            Does::HangsUp => return answers(b"").await,
            Does::HasAnotherTorrent => return answers(&handshake(InfoHash([9; 20]), name)).await,
            Does::Answers(bytes) => return answers(bytes).await,
            Does::Refuses => return nobody_at().await,
            Does::HasNoMetadata => {
                let messages = vec![(METADATA_NAME.to_owned(), 3)];
                let introduction = ExtensionHandshake { messages, ..ExtensionHandshake::default() };
                Script { introduction: Some(introduction), ..Script::default() }
            }
            Does::OffersMetadata(gives) => Script {
                metadata: payload.torrent.public_info().map(|info| (info.here().unwrap(), gives)),
                ..Script::default()
            },
            Does::ComesWithMetadata(ms, gives) => Script {
                metadata: payload.torrent.public_info().map(|info| (info.here().unwrap(), gives)),
                shakes_after: Duration::from_millis(ms),
                ..Script::default()
            },
            Does::LeavesAtOnce => {
                let has = message(&Message::Bitfield(vec![0xff; self.pieces.div_ceil(8)].into()));
                return talks(&payload, name, &has, Wire::leave).await;
            }
            Does::IsTheSameAndChokes => {
                let has = message(&Message::Bitfield(vec![0xff; self.pieces.div_ceil(8)].into()));
                return talks(&payload, 1, &has, listen_only).await;
            }
            Does::MistakesItsPieces => {
                let has = message(&Message::Bitfield(vec![0xff; self.pieces.div_ceil(8) + 3].into()));
                return talks(&payload, name, &has, listen_only).await;
            }
        };
        let seed = Seed::start(&payload, script).await;
        let addr = seed.addr;
        self.kept.push(Box::new(seed));
        addr
    }

    fn torrent(&self) -> Arc<Payload> {
        let recipe = Recipe::file("it", self.pieces * self.piece_bytes, self.piece_bytes);
        self.tiers.iter().fold(recipe, |recipe, url| recipe.tier(&[url])).make()
    }

    /// What a check or a download here is of.
    fn wanted(&self) -> Wanted {
        match self.is_magnet {
            true => self.link().parse::<Magnet>().unwrap().into(),
            false => self.torrent().torrent.clone().into(),
        }
    }

    fn link(&self) -> String {
        format!("magnet:?xt=urn:btih:{}&dn=perhaps", self.payload.info_hash())
    }

    /// The same on a command line.
    fn argument(&self, lab: &Lab) -> String {
        if self.is_magnet { self.link() } else { lab.torrent(&self.torrent()).display().to_string() }
    }

    /// What a check reports, at once when the last of all it waits for came.
    pub(crate) async fn checked(&self) -> Value {
        let stalls = Stalls::counted();
        let download = self.changed();
        let options = CheckOptions {
            loopback: download.port.is_none(),
            port: download.port,
            peers: self.by_hand.clone(),
            encryption: download.encryption,
            transport: self.checked_over,
            tracker: download.tracker,
            ..CheckOptions::default()
        };
        let view = run_on(self.wanted(), options).await;
        let (late, lost) = (view.at.saturating_sub(last_answer(&view)), stalls.total());
        assert!(
            late < AT_ONCE + lost,
            "a check ends {late:?} after the last answer, {lost:?} of it lost to others"
        );
        as_json(&view)
    }

    fn changed(&self) -> Options {
        let mut options = Options::default();
        (self.change)(&mut options);
        options
    }

    /// What the program is told to do what a download here does.
    pub(crate) fn arguments(&self, lab: &Lab) -> Vec<String> {
        let place = [self.argument(lab), "-o".to_owned(), lab.out().display().to_string()];
        place.into_iter().chain(self.settings()).collect()
    }

    /// The options and the peers that were named, on a command line.
    fn settings(&self) -> Vec<String> {
        let (options, usual) = (self.changed(), Options::default());
        let mut said = Vec::new();
        let mut say = |option: &str, value: String| said.extend([option.to_owned(), value]);
        for peer in &self.by_hand {
            say("--peer", peer.to_string());
        }
        match options.encryption {
            EncryptionPolicy::PreferPlain => {}
            EncryptionPolicy::Prefer => say("--encryption", "prefer".to_owned()),
            EncryptionPolicy::Require => say("--encryption", "require".to_owned()),
            EncryptionPolicy::Off => say("--encryption", "off".to_owned()),
        }
        if let Some(port) = options.port {
            say("-p", port.to_string());
        }
        if let Some(bps) = options.down_bps {
            say("--down", bps.to_string());
        }
        if options.max_peers != usual.max_peers {
            say("--max-peers", options.max_peers.to_string());
        }
        said
    }

    /// What the program is told of the certificates it is to trust.
    pub(crate) fn trust(&self, lab: &Lab) -> Option<(&'static str, PathBuf)> {
        let trusted = self.changed().tracker.only_trust_pem?;
        Some(("SSL_CERT_FILE", lab.write("trusted.pem", &trusted)))
    }

    /// The program's check of it, to its end.
    pub(crate) async fn program_check(&self) -> Output {
        self.program_check_as(&[]).await
    }

    /// The same in another form.
    pub(crate) async fn program_check_as(&self, form: &[&str]) -> Output {
        let lab = Lab::new();
        let mut command = program::command(&lab);
        command.arg("check").arg(self.argument(&lab)).args(form).args(self.settings());
        if self.checked_over == TransportPolicy::Tcp {
            command.args(["--transport", "tcp"]);
        }
        Program::spawn(&mut command).ended().await
    }

    /// The program on it, without a screen.
    pub(crate) fn program(&self, lab: &Lab) -> Program {
        Program::spawn(program::command(lab).arg("--json").args(self.arguments(lab)))
    }

    /// Starts a download.
    pub(crate) fn download(&self, lab: &Lab) -> Download {
        let mut options = lab.options(&self.by_hand);
        (self.change)(&mut options);
        Download::start(self.wanted(), options).unwrap()
    }

    /// A check and a download are both led by this verdict, in these words, and the download's program with them.
    pub(crate) async fn leads_with(&self, code: &str, words: &str, fact: Fact) -> Told {
        tokio::join!(self.check_is_led_by(code, words), self.download_is_led_by(code, words, fact)).1
    }

    /// The same, and nothing else is told by either; the check's report with it.
    pub(crate) async fn is_led_by_alone(&self, code: &str, words: &str, fact: Fact) -> (Value, Told) {
        let (report, told) =
            tokio::join!(self.check_is_led_by(code, words), self.download_is_led_by(code, words, fact));
        assert_eq!(report["verdicts"].as_array().unwrap().len(), 1, "{report:#}");
        assert_eq!(told.list(), [code]);
        (report, told)
    }

    /// A check is led by this verdict, in these words.
    pub(crate) async fn check_is_led_by(&self, code: &str, words: &str) -> Value {
        let report = self.checked().await;
        let first = &report["verdicts"][0];
        let fits = first["code"] == code && has(first["text"].as_str().unwrap(), words);
        assert!(fits, "{code} {words:?}: a check says {}", told(&report));
        report
    }

    /// A check says this beside what leads it.
    pub(crate) async fn check_says(&self, leads: &str, code: &str, words: &str) -> Value {
        let report = self.checked().await;
        let mut said = report["verdicts"].as_array().unwrap().iter();
        let fits = said.next().is_some_and(|it| it["code"] == leads)
            && said.any(|it| it["code"] == code && has(it["text"].as_str().unwrap(), words));
        assert!(fits, "{code} {words:?} beside {leads}: a check says {}", told(&report));
        report
    }

    /// A download is led by this verdict at once after the last fact that decides, and so are the lines and the screen
    /// of the program.
    pub(crate) async fn download_is_led_by(&self, code: &str, words: &str, fact: Fact) -> Told {
        let started = self.surfaces();
        let (told, at) = self.engine_is_led_by(code, words, fact).await;
        let lines = async |headless: Headless| headless.leads_with(code, at).await;
        let screen = async |screen: OnScreen| screen.leads_with(&told, words, at).await;
        match started {
            Some((headless, on_screen)) => {
                tokio::join!(lines(headless), screen(on_screen));
            }
            None => {
                lines(Headless::start(self)).await;
                screen(OnScreen::start(self)).await;
            }
        }
        told
    }

    /// The same without the program: what leads, with all that was told, and when.
    pub(crate) async fn engine_is_led_by(&self, code: &str, words: &str, fact: Fact) -> (Told, At) {
        let holds = |view: &View| {
            let leads = says(view.verdicts.first(), code, words).is_some();
            if leads {
                assert_first_is_shown_first(view);
            }
            leads.then_some(0)
        };
        self.download_tells(code, words, fact, holds).await
    }

    /// A download says this behind what leads it, at once after the last fact that decides, and so does the page of all
    /// judgements on the program's screen; its lines name what leads.
    pub(crate) async fn download_says(&self, leads: &str, code: &str, words: &str, fact: Fact) -> Told {
        let (headless, screen) = (Headless::start(self), OnScreen::start(self));
        let holds = |view: &View| {
            let (first, rest) = view.verdicts.split_first()?;
            if code_of(first.code) != leads {
                return None;
            }
            rest.iter().position(|verdict| says(Some(verdict), code, words).is_some()).map(|nth| nth + 1)
        };
        let (told, at) = self.download_tells(code, words, fact, holds).await;
        tokio::join!(headless.leads_with(leads, at), screen.says(&told, words, at));
        told
    }

    /// The program on it, both without a screen and on one; `None` where only one at a time can be on it.
    fn surfaces(&self) -> Option<(Headless, OnScreen)> {
        self.changed().port.is_none().then(|| (Headless::start(self), OnScreen::start(self)))
    }

    /// What a download told at once after the last fact that decides, and when: `holds` finds which of its verdicts
    /// that is.
    async fn download_tells(
        &self,
        code: &str,
        words: &str,
        fact: Fact,
        holds: impl Fn(&View) -> Option<usize>,
    ) -> (Told, At) {
        let lab = Lab::new();
        let stalls = Stalls::counted();
        let download = self.download(&lab);
        let mut heard = Vec::new();
        let found = watch(&download, PATIENCE, &mut heard, |view| {
            holds(view).map(|nth| (Told::of(&view.verdicts[nth], &view.verdicts), view.at))
        });
        let found = found.await;
        let last = download.view();
        let Some((told, at)) = found else { panic!("{code} {words:?}: a download says {heard:#?}") };
        let decided = fact.at(&last).unwrap_or_else(|| panic!("{fact:?} never came: {heard:#?}"));
        let late = at.saturating_sub(decided);
        let (allowed, stalled) = (AT_ONCE + stalls.total(), stalls.total());
        assert!(
            late < allowed,
            "{code} {late:?} after {fact:?}, {stalled:?} of it lost to others: {heard:#?}"
        );
        soon("the download stops", download.stop()).await.unwrap();
        (told, at)
    }

    /// Neither a check nor a download ever says what was told of the sick one, nor does the program.
    pub(crate) async fn never_says(&self, told: &Told, fact: Fact) -> Value {
        tokio::join!(self.check_never_says(told.code()), self.download_never_says(told, fact)).0
    }

    pub(crate) async fn check_never_says(&self, code: &str) -> Value {
        let report = self.checked().await;
        let silent = report["verdicts"].as_array().unwrap().iter().all(|verdict| verdict["code"] != code);
        assert!(silent, "{code}: a check says {}", told(&report));
        report
    }

    /// A download never says this, until well after the fact that would decide, or until it is complete; nor do the lines
    /// and the screen of the program for as long.
    pub(crate) async fn download_never_says(&self, told: &Told, fact: Fact) {
        let over = OnceLock::new();
        let started = self.surfaces();
        let download = async { over.set(self.silent_until(told.code(), fact).await).unwrap() };
        match started {
            Some((headless, screen)) => {
                tokio::join!(download, headless.never_says(told, &over), screen.never_says(told, &over));
            }
            None => {
                download.await;
                Headless::start(self).never_says(told, &over).await;
                OnScreen::start(self).never_says(told, &over).await;
            }
        }
    }

    /// Until when a download did not say this.
    async fn silent_until(&self, code: &str, fact: Fact) -> At {
        let lab = Lab::new();
        let download = self.download(&lab);
        let mut heard = Vec::new();
        let over = |view: &View| {
            let said = view.verdicts.iter().any(|verdict| code_of(verdict.code) == code);
            let decided = fact.at(view).is_some_and(|at| view.at >= at + AT_ONCE);
            let complete = view.phase == Phase::Seeding;
            (said || decided || complete).then_some((said, view.at))
        };
        let found = watch(&download, PATIENCE, &mut heard, over).await;
        let Some((false, at)) = found else { panic!("{code}: a download says {heard:#?}") };
        soon("the download stops", download.stop()).await.unwrap();
        at
    }
}

/// The verdict, where it has this code and these words.
fn says<'a>(verdict: Option<&'a Verdict>, code: &str, words: &str) -> Option<&'a Verdict> {
    verdict.filter(|verdict| code_of(verdict.code) == code && has(&verdict.text, words))
}

/// For how long the machine let nobody here run who wanted to: a test beside a build is not late by its own fault.
pub(crate) struct Stalls(Arc<AtomicU64>, AbortHandle);

impl Stalls {
    pub(crate) fn counted() -> Self {
        const NAP: Duration = Duration::from_millis(20);
        let total = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&total);
        let napping = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                sleep(NAP).await;
                // A timer is a millisecond late wherever it runs.
                let late = began.elapsed().saturating_sub(NAP + Duration::from_millis(2));
                counted.fetch_add(late.as_micros() as u64, Ordering::Relaxed);
            }
        });
        Self(total, napping.abort_handle())
    }

    pub(crate) fn total(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.1.abort();
    }
}

/// When the last of everything that a check waits for came: an end of a try, a block, or ten seconds without one.
fn last_answer(view: &View) -> At {
    let patience = |shook: At| shook + Duration::from_secs(10);
    let answer = |record: &PeerRecord, attempt: &Attempt| match attempt.handshaken {
        Some(shook) => {
            let answered = record.last_block.or_else(|| answered(record)).unwrap_or_else(|| patience(shook));
            Some(attempt.ended.map_or(answered, |ended| ended.min(answered)))
        }
        None => attempt.ended,
    };
    let of_peer = |record: &PeerRecord| {
        record.attempts.iter().filter_map(|attempt| answer(record, attempt)).max().unwrap_or_default()
    };
    let peers = view.peers.iter().map(|record| of_peer(record));
    peers.chain(view.trackers.iter().filter_map(|tracker| tracker.answered)).max().unwrap_or_default()
}

/// The code of a verdict as the contract has it.
pub(crate) fn code_of(code: impl serde::Serialize) -> String {
    serde_json::to_value(code).unwrap().as_str().unwrap().to_owned()
}

/// Looks at every view until one shows what is looked for, and remembers each first sentence that was told.
async fn watch<T>(
    download: &Download,
    patience: Duration,
    heard: &mut Vec<String>,
    mut found: impl FnMut(&View) -> Option<T>,
) -> Option<T> {
    let until = Instant::now() + patience;
    let mut views = download.views();
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        let said: Vec<String> =
            view.verdicts.iter().map(|it| format!("{}: {}", code_of(it.code), it.text)).collect();
        let said = said.join(" | ");
        if heard.last().is_none_or(|last| !last.ends_with(&said)) {
            heard.push(format!("{:?} {said}", view.at));
        }
        if let Some(value) = found(&view) {
            return Some(value);
        }
        if timeout_at(until, views.changed()).await.is_err() {
            return None;
        }
    }
}

/// Whether these words stand in a text, whatever stands before them in its sentence.
pub(crate) fn has(text: &str, words: &str) -> bool {
    text.replace('\u{202f}', " ").to_lowercase().contains(&words.to_lowercase())
}

fn told(report: &Value) -> String {
    serde_json::to_string_pretty(&report["verdicts"]).unwrap()
}
