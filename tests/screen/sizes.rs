//! Terminals of every size, and of none.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_does_not_know_its_size_is_taken_for_one_of_80_by_24() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 0, 0);
    pty.until_shown("Where peers drop off");
    pty.press(key(Action::Redraw));
    pty.press(key(Action::Show(Screen::Log)));
    pty.until_shown(sign_of(Screen::Log));
    // Somebody told it.
    pty.resize(120, 40);
    pty.until("all of its lines are used", |screen| {
        screen.rows(0, 120).nth(39)?.ends_with("q quit").then_some(())
    });
}

/// The size and the key come to the program in one moment: it takes in both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_at_the_moment_of_a_resize_is_not_lost() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown(sign_of(Screen::Overview));
    for n in 0..100 {
        let (columns, screen) = match n % 2 {
            0 => (100, Screen::Log),
            _ => (80, Screen::Overview),
        };
        pty.resize(columns, 24);
        pty.press(key(Action::Show(screen)));
        pty.until_shown(sign_of(screen));
        pty.until("all columns are used", |screen| {
            screen
                .rows(0, columns)
                .any(|row| row.trim_end().chars().count() >= usize::from(columns) - 1)
                .then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_resizes_does_no_harm() {
    let lab = Lab::new();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown("Where peers drop off");
    pty.look_away();
    let mut random = fastrand::Rng::with_seed(11);
    let keys = [Action::Show(Screen::Peers), Action::Open, Action::Keys, Action::Show(Screen::Overview)];
    for n in 0..150 {
        match n % 10 {
            0 => pty.resize_unseen(1, 1),
            1 => pty.resize_unseen(500, 200),
            _ => pty.resize_unseen(random.u16(1..=500), random.u16(1..=200)),
        }
        if n % 7 == 0 {
            pty.press(key(keys[n / 7 % keys.len()]));
        }
        // Fifty a second.
        thread::sleep(Duration::from_millis(20));
    }
    assert!(pty.is_running());
    pty.press(key(Action::Show(Screen::Overview)));
    for (columns, rows) in [(1, 1), (500, 200), (80, 24)] {
        pty.look_away();
        let from = pty.count();
        pty.resize_unseen(columns, rows);
        pty.press(key(Action::Redraw));
        // The emulator cannot be of one column, nor of one row.
        let emulated = (columns.max(2), rows.max(2));
        pty.look_again("the picture of the last size", from, emulated, |screen| {
            let rows: Vec<String> = screen.rows(0, columns).collect();
            match columns {
                1 => rows[0] != " " && !rows[0].is_empty(),
                _ => {
                    screen.contents().contains("Where peers drop off")
                        && rows[rows.len() - 1].ends_with("q quit")
                }
            }
        });
    }
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);
}
