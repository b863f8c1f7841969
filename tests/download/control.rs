//! What is told of all torrents of a session, and asked of them, while it runs.

use std::sync::Arc;

use ttui::command::{Addition, SessionCommand, Stood, What};
use ttui::engine::{Control, Give, Session, SessionOptions, TorrentOptions};
use ttui::event::Severity;
use ttui::ledger::{Answer, Queued, Standing, TorrentRow, Torrents};
use ttui::swarm::queue::QueueLimits;

use super::support::Payload;
use super::*;

/// A session, and what is held of it.
struct Desk {
    lab: Lab,
    session: Session,
    control: Control,
}

impl Desk {
    fn new() -> Self {
        Self::with(SessionOptions::default())
    }

    fn with(options: SessionOptions) -> Self {
        Self::giving(options, Give::default())
    }

    fn giving(options: SessionOptions, give: Give) -> Self {
        let lab = Lab::new();
        let options = SessionOptions { state: Some(lab.state()), loopback: true, ..options };
        let mut session = Session::start(options).unwrap();
        let added = TorrentOptions { output: lab.out(), give, ..TorrentOptions::default() };
        let control = session.control(added);
        Self { lab, session, control }
    }

    fn ask(&self, command: SessionCommand) {
        self.control.commands.send(command).unwrap();
    }

    /// Adds a torrent by command.
    fn add(&self, ticket: u32, payload: &Payload) {
        self.add_what(ticket, What::Torrent(Arc::new(payload.torrent.clone())), false);
    }

    fn add_what(&self, ticket: u32, what: What, paused: bool) {
        self.ask(SessionCommand::Add(Box::new(Addition {
            ticket: Some(ticket),
            what,
            output: None,
            paused,
            stood: Stood::default(),
        })));
    }

    fn peer(&self, payload: &Payload, seed: &Seed) {
        self.ask(SessionCommand::To(payload.info_hash(), Command::AddPeer(seed.addr)));
    }

    /// Waits until all torrents are as this says.
    async fn until<T>(&mut self, what: &str, mut is: impl FnMut(&Torrents) -> Option<T>) -> T {
        let mut found = None;
        let reached = self.control.torrents.wait_for(|torrents| {
            found = is(torrents);
            found.is_some()
        });
        soon(what, reached).await.unwrap();
        found.unwrap()
    }

    /// Waits until the row of a torrent is as this says.
    async fn until_row(
        &mut self,
        payload: &Payload,
        mut is: impl FnMut(&TorrentRow) -> bool,
    ) -> Arc<TorrentRow> {
        let id = payload.info_hash();
        let what = format!("the row of {}", payload.torrent.name);
        self.until(&what, |torrents| torrents.row(id).filter(|row| is(row)).cloned()).await
    }

    /// Waits for the answer to the wish of this number.
    async fn answer(&mut self, ticket: u32) -> Answer {
        let is_it = |answer: &&Arc<Answer>| answer.ticket == Some(ticket);
        self.until("an answer", |torrents| torrents.answers.iter().find(is_it).map(|it| (**it).clone())).await
    }

    fn order(&self) -> Vec<InfoHash> {
        self.control.torrents.borrow().rows.iter().map(|row| row.id).collect()
    }
}

/// Everything of it is in the folder, whatever else is.
#[track_caller]
fn assert_here(desk: &Desk, payload: &Payload) {
    assert_eq!(payload.right_at(&desk.lab.out()).len() as u32, payload.pieces(), "{}", payload.torrent.name);
}

fn payload(number: usize) -> Arc<Payload> {
    Recipe::file(&format!("torrent {number}"), 512 * KIB - number, 32 * KIB).seed(number as u64).make()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_before_stands_there_again_with_its_limits_and_only_what_is_kept_is_moved() {
    let mut desk =
        Desk::giving(SessionOptions::default(), Give { time: Some(Duration::from_secs(90)), ratio: None });
    let payloads: Vec<_> = (0..3).map(payload).collect();
    desk.add(0, &payloads[0]);
    desk.add(1, &payloads[1]);
    desk.answer(1).await;
    let whole = &payloads[2];
    whole.lay_out(&desk.lab.out());
    let stood = Stood { place: Some(1), limits: (Some(9_000_000), None), seeded: Duration::from_secs(100) };
    desk.ask(SessionCommand::Add(Box::new(Addition {
        ticket: None,
        what: What::Torrent(Arc::new(whole.torrent.clone())),
        output: None,
        paused: false,
        stood,
    })));
    // It was seeded for long enough before.
    let row = desk.until_row(whole, |row| row.standing == Standing::Done).await;
    assert_eq!(row.limits, (Some(9_000_000), None));
    assert_eq!(desk.order(), [payloads[0].info_hash(), whole.info_hash(), payloads[1].info_hash()]);

    let id = whole.info_hash();
    desk.ask(SessionCommand::Move { ticket: Some(7), id, to: desk.lab.path("there") });
    let answer = desk.answer(7).await;
    assert_eq!((answer.severity, answer.torrent), (Severity::Warn, Some(id)));
    assert!(answer.text.ends_with("cannot be moved: it is not kept."), "{}", answer.text);
    assert_here(&desk, whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn torrents_are_added_paused_resumed_and_ordered_while_others_run() {
    let mut desk = Desk::new();
    let payloads: Vec<_> = (0..3).map(payload).collect();
    for (ticket, payload) in payloads.iter().enumerate() {
        desk.add(ticket as u32, payload);
        let answer = desk.answer(ticket as u32).await;
        assert_eq!((answer.severity, answer.torrent), (Severity::Info, Some(payload.info_hash())));
    }
    let ids: Vec<_> = payloads.iter().map(|payload| payload.info_hash()).collect();
    assert_eq!(desk.order(), ids, "in the order in which they came");
    desk.until_row(&payloads[1], |row| row.standing == Standing::Downloading).await;
    desk.ask(SessionCommand::To(ids[1], Command::Pause));
    desk.until_row(&payloads[1], |row| row.standing == Standing::Paused).await;

    desk.ask(SessionCommand::Earlier(ids[2]));
    desk.ask(SessionCommand::Later(ids[0]));
    desk.ask(SessionCommand::Later(ids[1]));
    desk.until("another order", |all| (all.place(ids[2]) == Some(0)).then_some(())).await;
    assert_eq!(desk.order(), [ids[2], ids[0], ids[1]], "the last has none behind it");

    // The others go on beside one that is paused, and it does as well when it is asked to.
    let mut seeds = Vec::new();
    for payload in &payloads {
        let seed = Seed::honest(payload).await;
        desk.peer(payload, &seed);
        seeds.push(seed);
    }
    for payload in [&payloads[0], &payloads[2]] {
        let row = desk.until_row(payload, |row| row.standing == Standing::Seeding).await;
        assert_eq!((row.done(), row.why()), (1.0, ""));
    }
    let paused = desk.until_row(&payloads[1], |row| row.standing == Standing::Paused).await;
    assert_eq!(paused.have_bytes, 0);
    desk.ask(SessionCommand::ToAll(Command::Resume));
    // What came is counted by the second.
    let is_counted = |row: &TorrentRow| Some(row.downloaded_bytes) >= row.total_bytes;
    desk.until_row(&payloads[1], |row| row.standing == Standing::Seeding && is_counted(row)).await;
    let totals = desk.until("all seed", |all| (all.totals.seeding == 3).then_some(all.totals)).await;
    assert_eq!((totals.downloading, totals.paused, totals.stalled), (0, 0, 0));
    payloads.iter().for_each(|payload| assert_here(&desk, payload));
    soon("all stop", desk.session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forgotten_leaves_its_data_and_comes_back_where_it_stood() {
    let mut desk = Desk::new();
    let payloads: Vec<_> = (0..3).map(payload).collect();
    payloads.iter().for_each(|payload| payload.lay_out(&desk.lab.out()));
    payloads.iter().zip(0..).for_each(|(payload, ticket)| desk.add(ticket, payload));
    for payload in &payloads {
        desk.until_row(payload, |row| row.standing == Standing::Seeding).await;
    }
    let ids: Vec<_> = payloads.iter().map(|payload| payload.info_hash()).collect();
    desk.ask(SessionCommand::Forget(ids[1]));
    desk.until("it is forgotten", |all| all.row(ids[1]).is_none().then_some(())).await;
    assert_here(&desk, &payloads[1]);
    desk.ask(SessionCommand::Revive);
    desk.until_row(&payloads[1], |row| row.standing == Standing::Seeding).await;
    desk.until("it stands where it stood", |all| (all.place(ids[1]) == Some(1)).then_some(())).await;
    // There is nothing more to bring back, and that is said.
    desk.ask(SessionCommand::Revive);
    desk.until("an answer", |all| {
        all.answers.last().is_some_and(|answer| answer.text.starts_with("Nothing")).then_some(())
    })
    .await;
    // Nothing is added twice.
    desk.add(77, &payloads[0]);
    let answer = desk.answer(77).await;
    assert_eq!((answer.text.as_str(), answer.torrent), ("torrent 0 is here already.", Some(ids[0])));
    soon("all stop", desk.session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_failed_keeps_its_row_with_its_error_and_goes_on_when_it_is_asked_to() {
    let mut desk = Desk::new();
    let (bad, good) = (payload(0), payload(1));
    let in_the_way = desk.lab.out().join("torrent 0");
    std::fs::create_dir_all(desk.lab.out()).unwrap();
    std::fs::write(&in_the_way, vec![7; 512 * KIB]).unwrap();
    desk.add(0, &bad);
    desk.add(1, &good);
    let row = desk.until_row(&bad, |row| matches!(row.standing, Standing::Failed(_))).await;
    assert!(row.why().contains("torrent 0"), "{}", row.why());
    let seed = Seed::honest(&good).await;
    desk.peer(&good, &seed);
    desk.until_row(&good, |row| row.standing == Standing::Seeding).await;

    std::fs::remove_file(&in_the_way).unwrap();
    desk.ask(SessionCommand::Look(bad.info_hash()));
    desk.ask(SessionCommand::To(bad.info_hash(), Command::Resume));
    desk.until_row(&bad, |row| row.standing == Standing::Downloading).await;
    let seed = Seed::honest(&bad).await;
    desk.peer(&bad, &seed);
    desk.until_row(&bad, |row| row.standing == Standing::Seeding).await;
    assert_here(&desk, &bad);
    // Who looked at it looks at its newest run.
    let seeds = |view: &Option<Arc<View>>| {
        view.as_ref()
            .is_some_and(|view| view.torrent.info_hash == bad.info_hash() && view.phase == Phase::Seeding)
    };
    soon("its view", desk.control.view.wait_for(seeds)).await.unwrap();
    soon("all stop", desk.session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_read_and_what_is_none_is_refused_by_name() {
    let mut desk = Desk::new();
    let it = payload(0);
    let file = desk.lab.out().join("it.torrent");
    std::fs::create_dir_all(desk.lab.out()).unwrap();
    std::fs::write(&file, &it.torrent_bytes).unwrap();
    desk.add_what(1, What::File(file), true);
    desk.until_row(&it, |row| row.standing == Standing::Paused).await;
    desk.add_what(2, What::File(desk.lab.out().join("nothing.torrent")), false);
    let answer = desk.answer(2).await;
    assert_eq!((answer.severity, answer.torrent), (Severity::Warn, None));
    assert!(answer.text.contains("nothing.torrent"), "{}", answer.text);
    // What was sent and received counts over runs.
    desk.ask(SessionCommand::To(it.info_hash(), Command::Resume));
    let seed = Seed::honest(&it).await;
    desk.peer(&it, &seed);
    let is_counted = |row: &TorrentRow| Some(row.downloaded_bytes) >= row.total_bytes;
    let first = desk.until_row(&it, |row| row.standing == Standing::Seeding && is_counted(row)).await;
    desk.ask(SessionCommand::Forget(it.info_hash()));
    desk.until("it is forgotten", |all| all.rows.is_empty().then_some(())).await;
    desk.ask(SessionCommand::Revive);
    let again = desk.until_row(&it, |row| row.standing == Standing::Seeding).await;
    assert_eq!(again.downloaded_bytes, first.downloaded_bytes);
    soon("all stop", desk.session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_download_as_may_and_the_next_begins_when_one_is_done() {
    let queue = QueueLimits { downloading: Some(2), ..QueueLimits::NONE };
    let mut desk = Desk::with(SessionOptions { queue, ..SessionOptions::default() });
    let payloads: Vec<_> = (0..4).map(payload).collect();
    payloads.iter().zip(0..).for_each(|(payload, ticket)| desk.add(ticket, payload));
    let waits = Standing::Queued(Queued::Downloading { most: 2 });
    for payload in &payloads[2..] {
        let row = desk.until_row(payload, |row| row.standing == waits).await;
        assert_eq!(row.why(), "Queued: 2 others download.");
    }
    for payload in &payloads[..2] {
        desk.until_row(payload, |row| row.standing == Standing::Downloading).await;
    }
    // Who goes before others in the queue goes first.
    desk.ask(SessionCommand::Earlier(payloads[2].info_hash()));
    desk.until_row(&payloads[2], |row| row.standing == Standing::Downloading).await;
    desk.until_row(&payloads[1], |row| row.standing == waits).await;
    // One that is done, and one that is paused, make room.
    let seed = Seed::honest(&payloads[0]).await;
    desk.peer(&payloads[0], &seed);
    desk.until_row(&payloads[0], |row| row.standing == Standing::Seeding).await;
    desk.until_row(&payloads[1], |row| row.standing == Standing::Downloading).await;
    desk.ask(SessionCommand::To(payloads[2].info_hash(), Command::Pause));
    desk.until_row(&payloads[3], |row| row.standing == Standing::Downloading).await;
    // In the end all are here, whatever the order.
    desk.ask(SessionCommand::ToAll(Command::Resume));
    let mut seeds = vec![seed];
    for payload in &payloads[1..] {
        let seed = Seed::honest(payload).await;
        desk.peer(payload, &seed);
        seeds.push(seed);
    }
    for payload in &payloads {
        desk.until_row(payload, |row| row.standing == Standing::Seeding).await;
        assert_here(&desk, payload);
    }
    soon("all stop", desk.session.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_seed_as_may_and_one_that_gave_enough_is_done() {
    let queue = QueueLimits { seeding: Some(1), ..QueueLimits::NONE };
    let give = Give { ratio: Some(0.5), time: None };
    let mut desk = Desk::giving(SessionOptions { queue, ..SessionOptions::default() }, give);
    let payloads: Vec<_> = (0..2).map(payload).collect();
    payloads.iter().for_each(|payload| payload.lay_out(&desk.lab.out()));
    payloads.iter().zip(0..).for_each(|(payload, ticket)| desk.add(ticket, payload));
    desk.until_row(&payloads[0], |row| row.standing == Standing::Seeding).await;
    let waits = Standing::Queued(Queued::Seeding { most: 1 });
    desk.until_row(&payloads[1], |row| row.standing == waits).await;
    // Somebody takes just half of the first, whose last block ends it; then it is the turn of the other.
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, desk.session.port()));
    let mut wire = Wire::dial(addr, payloads[0].info_hash()).await;
    wire.say(&[Message::Interested]).await;
    wire.expect(&Message::Unchoke).await;
    for piece in 0..payloads[0].pieces() / 2 {
        wire.fetch(&payloads[0], piece).await;
    }
    let is_counted = |row: &TorrentRow| row.ratio() >= Some(0.5);
    let done = desk.until_row(&payloads[0], |row| row.standing == Standing::Done && is_counted(row)).await;
    assert!(done.done() >= 1.0, "{done:?}");
    desk.until_row(&payloads[1], |row| row.standing == Standing::Seeding).await;
    soon("all stop", desk.session.stop()).await.unwrap();
}
