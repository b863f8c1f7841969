//! Clicks and the wheel.

use super::*;

/// What a terminal sends for a click.
fn click(column: u16, row: u16) -> Vec<u8> {
    let (column, row) = (column + 1, row + 1);
    format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m").into_bytes()
}

/// Where a text stands on the screen.
fn place(screen: &vt100::Screen, text: &str) -> Option<(u16, u16)> {
    let rows = screen.rows(0, screen.size().1).enumerate();
    rows.filter_map(|(y, row)| Some((row.split_once(text)?.0.chars().count() as u16, y as u16))).next()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mouse_selects_sorts_scrolls_and_presses_keys() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    pty.until_written(0, b"\x1b[?1000h\x1b[?1006h");
    let at = |pty: &Pty, text: &str| pty.until(text, |screen| place(screen, text));
    let nobody = stage.peers.last().unwrap().to_string();
    let (column, row) = at(&pty, &nobody);
    pty.write(&click(column, row));
    pty.until("the row is selected", |screen| {
        cursor_row(screen).filter(|row| row.contains(&nobody)).map(drop)
    });
    let (column, row) = at(&pty, "CLIENT");
    pty.write(&click(column, row));
    pty.until_shown("by client ▴");
    pty.write(&click(column, row));
    pty.until_shown("by client ▾");
    // The wheel, three rows up.
    pty.write(b"\x1b[<64;5;30M");
    pty.until("another row is selected", |screen| {
        cursor_row(screen).filter(|row| !row.contains(&nobody)).map(drop)
    });
    let (column, row) = at(&pty, "? keys");
    pty.write(&click(column, row));
    pty.until_shown(HELP);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clicks_lead_through_every_screen_and_back() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    let click_on = |pty: &mut Pty, text: &str| {
        let (column, row) = pty.until(text, |screen| place(screen, text));
        pty.write(&click(column, row));
    };
    let row_has = |pty: &Pty, word: &str| {
        pty.until(&format!("{word} in the selected row"), |screen| {
            cursor_row(screen).filter(|row| row.contains(word)).map(drop)
        });
    };
    // The funnel: a step, and its peers.
    click_on(&mut pty, "handshaken");
    row_has(&pty, "handshaken");
    click_on(&mut pty, "handshaken");
    pty.until_shown("those that got as far as handshaken");
    // A piece, and who has it.
    click_on(&mut pty, "3 pieces");
    let (column, row) = pty.until("the pieces", |screen| place(screen, "Pieces ─"));
    // Each is 23 cells long.
    pty.write(&click(column + 60, row + 1));
    pty.until_shown("Piece 2 ─");
    pty.write(&click(column + 60, row + 1));
    pty.until_shown("with has:2");
    // A tracker, and its peers.
    click_on(&mut pty, "4 sources");
    pty.until_shown(sign_of(Screen::Trackers));
    click_on(&mut pty, "127.0.0.1:");
    pty.until_shown("What it said ─");
    click_on(&mut pty, "Enter its peers");
    pty.until_shown("with source:127.0.0.1:");
    // A folder.
    click_on(&mut pty, "5 files");
    pty.until_shown("c.bin");
    click_on(&mut pty, "▾");
    pty.until_gone("c.bin");
    click_on(&mut pty, "▸ ");
    // A line of the log.
    click_on(&mut pty, "6 log");
    click_on(&mut pty, "Listening for peers");
    row_has(&pty, "Listening for peers");
    // The columns, one of them hidden and shown again.
    click_on(&mut pty, "2 peers");
    pty.until_shown(sign_of(Screen::Peers));
    pty.press(key(Action::Columns));
    click_on(&mut pty, "✓ has ");
    pty.until_shown("▸ ✓ has ");
    click_on(&mut pty, "✓ has ");
    pty.until_shown("▸   has ");
    click_on(&mut pty, "a automatic");
    pty.until_shown("▸ ✓ has ");
    click_on(&mut pty, "Esc back");
    // The key line is drawn last, and its keys stand elsewhere than before.
    pty.until_shown("q quit");
    // The help: from its card, which is one screen, to all keys, moved by the wheel, and left.
    click_on(&mut pty, "? keys");
    pty.until_shown(HELP);
    click_on(&mut pty, "words");
    pty.until_shown("[words]");
    click_on(&mut pty, "keys");
    pty.until_shown("[keys]");
    pty.write(b"\x1b[<65;5;20M");
    pty.until_shown("↑ 3 above");
    click_on(&mut pty, "card");
    pty.until_shown("[card]");
    click_on(&mut pty, "6 log");
    pty.until_shown(sign_of(Screen::Log));
    click_on(&mut pty, "? keys");
    pty.until_shown(HELP);
    click_on(&mut pty, "q close");
    pty.until_gone(HELP);
    click_on(&mut pty, "1 overview");
    pty.until_shown(sign_of(Screen::Overview));
    assert!(pty.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mouse_is_left_alone_where_nobody_wants_it_taken() {
    let lab = Lab::new();
    let settings = lab
        .write("settings.toml", b"[screen]\nmouse = false\ntitle = false\nclock = true\nunits = 'decimal'\n");
    for more in [["--config", settings.to_str().unwrap()], ["--no-mouse", "--ascii"]] {
        let mut command = demo(&lab);
        command.args(more);
        let mut pty = Pty::spawn(command, 80, 24);
        pty.until_shown("Where peers drop off");
        pty.press(key(Action::Redraw));
        pty.until_written(0, b"\x1b[2J");
        assert_eq!(position(&pty.bytes_from(0), b"\x1b[?1000h"), None);
        let by_settings = more[0] == "--config";
        assert_eq!(pty.calls().titles.is_empty(), by_settings);
        // It was wiped for the redraw: what is looked at is the whole of it again.
        pty.until_shown(if by_settings { "MB" } else { "MiB" });
        pty.press(key(Action::Show(Screen::Log)));
        pty.until_shown(if by_settings { "time of day, UTC" } else { "time since the start" });
    }
}
