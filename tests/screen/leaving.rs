//! The ways to leave, and what is given back.

use super::*;

type Way = (&'static str, fn(&mut Pty));

/// The ways to leave.
fn ways_to_leave() -> [Way; 5] {
    [
        ("q twice", |pty| {
            pty.press(key(Action::Quit));
            pty.press(key(Action::Quit));
        }),
        ("Ctrl-C", |pty| pty.press(key(Action::QuitNow))),
        ("SIGTERM", |pty| pty.signal(Signal::TERM)),
        ("SIGINT", |pty| pty.signal(Signal::INT)),
        ("SIGHUP", |pty| pty.signal(Signal::HUP)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_to_leave_a_download_gives_the_terminal_back_and_says_how_to_go_on() {
    let stage = Stage::set().await;
    for (way, leave) in ways_to_leave() {
        let mut pty = stage.open(80, 24);
        leave(&mut pty);
        assert_eq!(pty.ended_within(SOON), 1, "{way}: incomplete");
        assert_given_back(&pty);
        let text = pty.text();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 3, "{way}: {text}");
        assert!(lines[0].starts_with("a torrent: ") && lines[0].contains(" % of 6.2 MiB"), "{way}: {text}");
        assert!(lines[1].contains(" received and "), "{way}: {text}");
        assert_eq!(lines[2], "The same command goes on where it stopped.", "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terminal_is_back_while_a_silent_tracker_is_told() {
    let stage = Stage::set().await;
    let mut pty = stage.open(80, 24);
    // Who never answered is not told goodbye.
    pty.until_shown("the tracker answered");
    stage.tracker.reply(Reply::Silence);
    let asked = Instant::now();
    pty.press(key(Action::QuitNow));
    pty.until_modes_are_back();
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    pty.until_shown("Telling trackers that we are gone; Ctrl-C ends that.");
    assert!(pty.is_running(), "it waits for the tracker");
    assert_eq!(pty.ended_within(SOON + Duration::from_secs(5)), 1);
    assert!(asked.elapsed() > Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_given_back(&pty);
    assert!(pty.text().contains("The same command goes on where it stopped."), "{}", pty.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ctrl_c_does_not_wait_for_trackers() {
    let stage = Stage::set().await;
    let mut pty = stage.open(80, 24);
    // Who never answered is not told goodbye.
    pty.until_shown("the tracker answered");
    stage.tracker.reply(Reply::Silence);
    pty.press(key(Action::QuitNow));
    stage.tracker.until("stopped").await;
    pty.until_modes_are_back();
    assert!(pty.is_running(), "it waits for the tracker");
    let again = Instant::now();
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    assert!(again.elapsed() < Duration::from_secs(1), "{:?}", again.elapsed());
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_download_rings_once_says_where_it_is_and_leaves_with_zero() {
    let payload = Recipe::file("it.bin", 8 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { allowed: 0, ..Script::default() }).await;
    let lab = Lab::new();
    let mut pty = Pty::spawn(download(&lab, &payload, &[seed.addr]), 120, 40);
    pty.until_shown("▸ downloading");
    seed.allow(8);
    pty.until_called("the title tells progress", |calls| {
        calls.titles.iter().any(|title| title == "25 % it.bin · ttui")
    });
    assert_eq!(pty.calls().bells, 0);
    seed.allow(u64::MAX);
    pty.until_shown(&format!("Complete: {}", lab.out().join("it.bin").display()));
    pty.until_shown("✓ seeding");
    // After four seconds the keys stand there again.
    pty.until_shown("q quit");
    pty.until_called("it rings, and the title says so", |calls| {
        calls.bells > 0 && calls.titles.last().is_some_and(|title| title == "100 % it.bin · ttui")
    });
    let calls = pty.calls();
    assert_eq!(calls.bells, 1);
    let told: std::collections::BTreeSet<&String> = calls.titles.iter().collect();
    assert_eq!(told.len(), calls.titles.len(), "a title is written when it changes: {:?}", calls.titles);
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0, "complete, so q asks nothing");
    assert_given_back(&pty);
    assert!(pty.text().contains("it.bin: complete, 512 KiB"), "{}", pty.text());
    payload.assert_at(&lab.out());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_the_window_ends_the_program_and_keeps_what_was_done() {
    let stage = Stage::set().await;
    let mut pty = stage.open(80, 24);
    pty.close_window();
    assert_eq!(pty.ended_within(SOON), 1);
    stage.tracker.until("stopped").await;
    let resumed = std::fs::read_dir(stage.lab.state()).unwrap().count();
    assert!(resumed > 0, "there is a resume file");
}

#[test]
fn several_torrents_of_which_none_can_be_read_are_named_without_a_screen() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(ttui(&lab, &["a.torrent", "b.torrent"]), 80, 24);
    pty.until_shown("a.torrent: ");
    pty.until_shown("b.torrent: ");
    assert_eq!(pty.ended_within(SOON), 2);
}
