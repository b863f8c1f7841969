//! What the program says of a staged swarm: in the lines of a run without a screen, and on a screen.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use ttui::event::At;
use ttui::ledger::Verdict;
use ttui::ui::action::Action;
use vt100::Screen;

use crate::pty::{self, Pty};
use crate::stage::key;
use crate::support::overview::as_words;
use crate::support::{Lab, PATIENCE, Program, program};
use crate::swarms::{AT_ONCE, Stalls, Swarm, code_of, has};

/// How often a screen is looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// The sizes of a terminal that people have most.
const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];
/// One of them begins the first judgement.
const MARKS: [char; 5] = ['✓', '▲', '■', '‖', '▸'];
/// Begins the panel behind the judgements.
const BEHIND: &str = "Where peers drop off";
/// Ends each judgement on the page that has them in full.
const END: &str = "next look";

/// A sickness as a download told it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    code: String,
    /// How its wordings begin, the longest first.
    beginnings: Vec<String>,
    /// The codes of all that was told with it, the headline first.
    list: Vec<String>,
}

impl Told {
    pub(crate) fn of(verdict: &Verdict, verdicts: &[Verdict]) -> Self {
        let wordings = [&verdict.text, &verdict.brief.0, &verdict.headline];
        Self {
            code: code_of(verdict.code),
            beginnings: wordings.map(|text| beginning(text)).to_vec(),
            list: verdicts.iter().map(|verdict| code_of(verdict.code)).collect(),
        }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    pub(crate) fn list(&self) -> &[String] {
        &self.list
    }

    /// Whether it is the first of the judgements on the overview.
    fn leads(&self, screen: &Screen) -> bool {
        let judgements = judgements(screen);
        let first = judgements.trim_start_matches(|c: char| !c.is_alphanumeric());
        self.beginnings.iter().any(|beginning| first.starts_with(beginning))
    }

    /// Whether it stands anywhere on the screen.
    fn stands(&self, screen: &Screen) -> bool {
        let all = without_numbers(&screen.contents());
        self.beginnings.iter().take(2).any(|beginning| all.contains(beginning))
    }
}

/// The text less its digits, each gap one blank, no word a plural: numbers differ from run to run, and with them whether it
/// is a piece or pieces.
fn without_numbers(text: &str) -> String {
    let words = as_words(&text.replace(|c: char| c.is_ascii_digit(), ""));
    words.split(' ').map(|word| word.trim_end_matches('s')).collect::<Vec<_>>().join(" ")
}

/// The first words of a text less their digits.
fn beginning(text: &str) -> String {
    without_numbers(text).split(' ').take(8).collect::<Vec<_>>().join(" ")
}

/// The judgements of an overview as text, less their digits.
fn judgements(screen: &Screen) -> String {
    let text = screen.contents();
    // Name, progress and rates stand above, in as many rows as the size allows.
    let begins = |line: &&str| line.trim_start().starts_with(MARKS);
    let lines = text.lines().skip_while(|line| !begins(line)).take_while(|line| !line.contains(BEHIND));
    without_numbers(&lines.collect::<Vec<_>>().join(" "))
}

/// A run without a screen.
pub(crate) struct Headless {
    program: Program,
    stalls: Stalls,
    _lab: Lab,
}

impl Headless {
    pub(crate) fn start(swarm: &Swarm) -> Self {
        let lab = Lab::new();
        let mut command = program::command(&lab);
        command.arg("--json").args(swarm.arguments(&lab)).envs(swarm.trust(&lab));
        Self { program: Program::spawn(&mut command), stalls: Stalls::counted(), _lab: lab }
    }

    /// Every line has this verdict from now on, and had it as soon as a download that was asked itself.
    pub(crate) async fn leads_with(self, code: &str, told_at: At) {
        let told = self.program.until(code, |line| line["verdict"] == code).await;
        let at = Duration::from_millis(told["t_ms"].as_u64().unwrap());
        let (late, lost) = (at.saturating_sub(told_at), self.stalls.total());
        assert!(
            late < AT_ONCE + lost,
            "{code} {late:?} late without a screen, {lost:?} of it lost to others"
        );
    }

    /// No line has this verdict until a download that was asked itself has shown that it never comes.
    pub(crate) async fn never_says(self, told: &Told, over: &OnceLock<At>) {
        let is_over = |line: &Value| {
            let at = Duration::from_millis(line["t_ms"].as_u64().unwrap_or_default());
            line["final"] == true || over.get().is_some_and(|over| at >= *over)
        };
        while over.get().is_none() {
            sleep(GLANCE).await;
        }
        self.program.until("the end of the twin", is_over).await;
        for line in self.program.output().json() {
            assert!(line["verdict"] != told.code.as_str(), "without a screen the twin has it too: {line}");
        }
    }
}

/// A run on a terminal.
pub(crate) struct OnScreen {
    pty: Pty,
    began: Instant,
    stalls: Stalls,
    _lab: Lab,
}

impl OnScreen {
    pub(crate) fn start(swarm: &Swarm) -> Self {
        let lab = Lab::new();
        let arguments = swarm.arguments(&lab);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = pty::ttui(&lab, &arguments);
        if let Some((name, value)) = swarm.trust(&lab) {
            command.env(name, value);
        }
        let (columns, rows) = SIZES[0];
        let (began, stalls) = (Instant::now(), Stalls::counted());
        Self { pty: Pty::spawn(command, columns, rows), began, stalls, _lab: lab }
    }

    /// It is the first judgement, as soon as a download that was asked itself told it, and the page of all judgements
    /// has it in these words and no more than the list.
    pub(crate) async fn leads_with(mut self, told: &Told, words: &str, told_at: At) {
        self.until(&told.beginnings[0], |screen| told.leads(screen)).await;
        let (late, lost) = (self.began.elapsed().saturating_sub(told_at), self.stalls.total());
        assert!(
            late < AT_ONCE + lost,
            "{} on the screen {late:?} late, {lost:?} of it lost to others:\n{}",
            told.code,
            self.pty.text()
        );
        self.pty.press(key(Action::Why));
        self.lists(told, words).await;
        self.pty.press(key(Action::Why));
        for (columns, rows) in &SIZES[1..] {
            self.pty.resize(*columns, *rows);
            self.until(&told.beginnings[0], |screen| told.leads(screen)).await;
        }
    }

    /// It stands behind the first of the judgements on their page, as soon as a download that was asked itself told it.
    pub(crate) async fn says(mut self, told: &Told, words: &str, told_at: At) {
        self.pty.press(key(Action::Why));
        self.until(words, |screen| has(&as_words(&screen.contents()), words)).await;
        let (late, lost) = (self.began.elapsed().saturating_sub(told_at), self.stalls.total());
        assert!(
            late < AT_ONCE + lost,
            "{} on the screen {late:?} late, {lost:?} of it lost to others",
            told.code
        );
        // The others on the page have times of their own.
        self.lists(told, words).await;
    }

    /// The page of all judgements, which is shown, has as many as the list, and this one in these words.
    async fn lists(&mut self, told: &Told, words: &str) {
        let listed = |screen: &Screen| {
            let text = as_words(&screen.contents());
            has(&text, words) && text.matches(END).count() == told.list.len()
        };
        self.until(words, listed).await;
    }

    /// It never stands on the overview, nor at the end on the page of all judgements.
    pub(crate) async fn never_says(mut self, told: &Told, over: &OnceLock<At>) {
        let assert_silent = |pty: &Pty| {
            assert!(!pty.look(|screen| told.stands(screen)), "{} on the screen:\n{}", told.code, pty.text());
        };
        while over.get().is_none_or(|over| self.began.elapsed() < *over) {
            assert_silent(&self.pty);
            sleep(GLANCE).await;
        }
        self.pty.press(key(Action::Why));
        self.until(END, |screen| as_words(&screen.contents()).contains(END)).await;
        assert_silent(&self.pty);
    }

    /// Types a limit of 0 as soon as peers are there, and says when that was.
    pub(crate) async fn forbid_to_receive(&mut self) -> At {
        self.until("peers", |screen| screen.contents().contains("127.0.0.1:")).await;
        self.pty.press(key(Action::LimitDown));
        self.pty.write(b"0\r");
        self.began.elapsed()
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        self.pty.signal(signal);
    }

    /// The overview has each of these addresses in a row with this behind it.
    pub(crate) async fn shows_beside(&self, rows: &[(SocketAddr, &str)]) {
        let shows = |screen: &Screen| {
            let text = screen.contents();
            let stands = |(addr, words): &(SocketAddr, &str)| {
                let beside =
                    |line: &str| line.split_once(&addr.to_string()).is_some_and(|(_, it)| it.contains(words));
                text.lines().any(beside)
            };
            rows.iter().all(stands)
        };
        self.until(&format!("{rows:?}"), shows).await;
    }

    pub(crate) async fn until_it_goes_well(&self) {
        self.until("it goes well", |screen| judgements(screen).starts_with('✓')).await;
    }

    /// Looks for ever, and at no moment a trouble is told.
    pub(crate) async fn is_never_in_trouble(&self) {
        loop {
            let told = self.pty.look(judgements);
            assert!(!told.contains('▲'), "in trouble:\n{}", self.pty.text());
            sleep(GLANCE).await;
        }
    }

    async fn until(&self, what: &str, found: impl Fn(&Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.pty.look(&found) {
            let running = self.began.elapsed();
            assert!(Instant::now() < deadline, "in vain for {running:?}: {what}\n{}", self.pty.text());
            sleep(GLANCE).await;
        }
    }
}
