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
async fn the_mouse_is_left_alone_where_nobody_wants_it_taken() {
    let lab = Lab::new();
    let settings = lab.write("settings.toml", b"[screen]\nmouse = false\ntitle = false\nunits = 'decimal'\n");
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
    }
}
