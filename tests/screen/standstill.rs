//! Stopped, and gone on later.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_behind_its_back_it_takes_the_terminal_again() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown("Where peers drop off");
    pty.until_written(0, b"\x1b[?1000h");
    pty.signal(Signal::STOP);
    let before = pty.count();
    pty.signal(Signal::CONT);
    for part in ["\x1b[?1049h", "\x1b[?2004h", "\x1b[2J", "Where peers drop off", "\x1b[?1000h"] {
        pty.until_written(before, part.as_bytes());
    }
    assert!(!pty.has_its_modes_back());
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_stood_still_goes_on_and_blames_nobody() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    let all_send = |screen: &vt100::Screen| {
        (screen.contents().matches("● sending").count() == 3 && screen.contents().contains("[all"))
            .then_some(())
    };
    pty.press(key(Action::Show(Screen::Peers)));
    pty.until("three peers send", all_send);
    pty.signal(Signal::STOP);
    // Longer than a machine with too much to do makes anybody wait.
    thread::sleep(Duration::from_millis(3500));
    pty.signal(Signal::CONT);
    pty.press(key(Action::Show(Screen::Log)));
    pty.until_shown("stood still for ");
    pty.press(key(Action::Show(Screen::Peers)));
    pty.until("the same three send", all_send);
    assert_eq!(
        stage.seeds[..3].iter().map(|seed| seed.seen().connections).max(),
        Some(1),
        "none was dialled again"
    );
}
