//! The first frame, and what is chosen: columns, colours, characters.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_frame_appears_at_once() {
    let lab = Lab::new();
    let began = Instant::now();
    let mut pty = Pty::spawn(demo(&lab), 80, 24);
    pty.until_shown("Where peers drop off");
    let took = began.elapsed();
    // A tenth of it where nothing else runs.
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(!pty.has_its_modes_back() && pty.look(vt100::Screen::alternate_screen));
    assert!(pty.is_running());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chosen_columns_are_there_again_and_those_of_the_settings_go_before_them() {
    let payload = Recipe::file("it.bin", 8 * PIECE, PIECE).make();
    let lab = Lab::new();
    let shown = |pty: &mut Pty, head: &str, is_there: bool| {
        pty.press(key(Action::Show(Screen::Peers)));
        pty.until(&format!("{head}: {is_there}"), |screen| {
            let text = screen.contents();
            (text.contains("WHY") && text.contains(head) == is_there).then_some(())
        });
    };
    let leave = |mut pty: Pty| {
        pty.press(key(Action::QuitNow));
        assert_eq!(pty.ended_within(SOON), 1);
    };
    let nobody = [nobody_at().await];
    let mut pty = Pty::spawn(download(&lab, &payload, &nobody), 120, 40);
    shown(&mut pty, "PORT", false);
    pty.press(key(Action::Columns));
    pty.until_shown("of live peers");
    pty.press(Key::parse("Tab").unwrap());
    pty.until_shown("of peers that are not connected");
    // The four that are shown come first.
    (0..4).for_each(|_| pty.press(key(Action::Down)));
    pty.until_shown("▸   port ");
    pty.press(key(Action::Choose));
    pty.until_shown("▸ ✓ port");
    pty.press(key(Action::Back));
    shown(&mut pty, "PORT", true);
    leave(pty);
    let mut pty = Pty::spawn(download(&lab, &payload, &nobody), 120, 40);
    shown(&mut pty, "PORT", true);
    leave(pty);
    let settings = lab.write("settings.toml", b"[columns]\nothers = ['address', 'why', 'tries']\n");
    let mut command = download(&lab, &payload, &nobody);
    command.args(["--config", settings.to_str().unwrap()]);
    let mut pty = Pty::spawn(command, 120, 40);
    shown(&mut pty, "PORT", false);
    shown(&mut pty, "TRIES", true);
    leave(pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_first_run_is_told_where_to_look() {
    let payload = Recipe::file("it.bin", 8 * PIECE, PIECE).make();
    let lab = Lab::new();
    let mut pty = Pty::spawn(download(&lab, &payload, &[]), 80, 24);
    pty.until_shown("? keys · w why");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    let pty = Pty::spawn(download(&lab, &payload, &[]), 80, 24);
    pty.until_shown("q quit");
    assert!(!pty.text().contains("? keys · w why"), "{}", pty.text());
}

/// Every colour that any cell has.
fn colours(pty: &Pty) -> Vec<Color> {
    pty.look(|screen| {
        let (rows, columns) = screen.size();
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let mut colours: Vec<Color> = Vec::new();
        for cell in cells.filter_map(|(row, column)| screen.cell(row, column)) {
            for colour in [cell.fgcolor(), cell.bgcolor()] {
                if !colours.contains(&colour) {
                    colours.push(colour);
                }
            }
        }
        colours
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_as_the_terminal_and_the_user_want_it() {
    type Look = (&'static [(&'static str, &'static str)], bool, fn(&Color) -> bool);
    let looks: [Look; 7] = [
        (&[("COLORTERM", "truecolor")], false, |colour| matches!(colour, Color::Default | Color::Rgb(..))),
        (&[], false, |colour| matches!(colour, Color::Default | Color::Idx(16..))),
        (&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], false, |colour| *colour == Color::Default),
        (&[("TERM", "vt100")], false, |colour| *colour == Color::Default),
        (&[("TERM", "dumb")], true, |colour| *colour == Color::Default),
        // Lines and blocks may be two columns wide there.
        (&[("LC_ALL", "ja_JP.UTF-8"), ("TERM", "vt220")], true, |colour| *colour == Color::Default),
        (&[("LANG", "C"), ("TERM", "xterm")], true, |colour| {
            matches!(colour, Color::Default | Color::Idx(0..16))
        }),
    ];
    let payload = Recipe::file("f\u{e4}rbig.bin", 40 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script { bps: 60_000, ..Script::default() }).await;
    for (variables, ascii, is_fine) in looks {
        let lab = Lab::new();
        let mut command = download(&lab, &payload, &[seed.addr]);
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let pty = Pty::spawn(command, 80, 24);
        pty.until_shown(if ascii { "* sending" } else { "● sending" });
        let seen = colours(&pty);
        assert!(seen.iter().all(is_fine), "{variables:?}: {seen:?}");
        let is_mono = is_fine(&Color::Default) && !is_fine(&Color::Idx(1)) && !is_fine(&Color::Rgb(0, 0, 0));
        assert_eq!(seen.len() == 1, is_mono && !is_fine(&Color::Idx(29)), "{variables:?}: {seen:?}");
        let written = pty.bytes_from(0);
        assert_eq!(written.is_ascii(), ascii, "{variables:?}");
        let has_sgr = |codes: &str| position(&written, codes.as_bytes()).is_some();
        assert!(has_sgr("\x1b[1m"), "bold is there in every look: {variables:?}");
        assert!(!has_sgr("\x1b[48;") && !has_sgr("\x1b[6n"), "no background is painted, nothing is asked");
    }
}
