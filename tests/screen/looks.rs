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
    let settings = lab.settings("settings.toml", "[columns]\nothers = ['address', 'why', 'tries']\n");
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
        assert!(!has_sgr("\x1b[6n"), "the cursor is not asked for");
    }
}

const QUESTION: &[u8] = b"\x1b]11;?\x07";
/// Solarized light; as keys it would freeze the screen and lead to others.
const ANSWER: &[u8] = b"\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\";
/// Text of the two palettes.
const ON_DARK: Color = Color::Rgb(0xd3, 0xd9, 0xe0);
const ON_LIGHT: Color = Color::Rgb(0x24, 0x29, 0x2f);

/// The demo on a terminal of 24 bits that has been asked for its background.
fn asked(lab: &Lab) -> Pty {
    let mut command = demo(lab);
    command.env("COLORTERM", "truecolor");
    let pty = Pty::spawn(command, 80, 24);
    pty.until_written(0, QUESTION);
    pty
}

/// Waits until this is the colour of text, and the other is not seen any more.
fn until_text_is(pty: &Pty, colour: Color, other: Color) {
    pty.until(&format!("text in {colour:?}"), |screen| {
        let (rows, columns) = screen.size();
        let cells = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column)));
        let seen: Vec<Color> = cells.map(vt100::Cell::fgcolor).collect();
        (seen.contains(&colour) && !seen.contains(&other)).then_some(())
    });
}

/// No key of the answer was taken: the overview is there, and not frozen; and keys are.
fn takes_keys_alone(pty: &mut Pty) {
    pty.until_shown("Where peers drop off");
    assert!(!pty.text().contains("frozen"), "{}", pty.text());
    pty.press(key(Action::Show(Screen::Files)));
    pty.until_shown("HERE");
    pty.press(key(Action::Keys));
    pty.until_shown(HELP);
    pty.press(key(Action::Back));
    pty.until_gone(HELP);
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_background_is_asked_for_once_and_chooses_the_colours() {
    let lab = Lab::new();
    let mut pty = asked(&lab);
    pty.write(ANSWER);
    until_text_is(&pty, ON_LIGHT, ON_DARK);
    takes_keys_alone(&mut pty);
    let written = pty.bytes_from(0);
    let first = position(&written, QUESTION).unwrap();
    assert_eq!(position(&written[first + 1..], QUESTION), None, "it is asked once");
    let mut silent = asked(&lab);
    until_text_is(&silent, ON_DARK, ON_LIGHT);
    takes_keys_alone(&mut silent);
    // Nothing is asked where the user chose, and where the colours are the terminal's own.
    for (arguments, variable) in [
        (&["--theme", "light"][..], "truecolor"),
        (&["--theme", "dark"], "truecolor"),
        (&["--color", "16"], ""),
    ] {
        let mut command = demo(&lab);
        command.args(arguments);
        command.env("COLORTERM", variable);
        let pty = Pty::spawn(command, 80, 24);
        pty.until_shown("Where peers drop off");
        assert_eq!(position(&pty.bytes_from(0), b"\x1b]11"), None, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_about_the_background_changes_the_colours_and_is_never_keys() {
    let lab = Lab::new();
    let mut pty = asked(&lab);
    until_text_is(&pty, ON_DARK, ON_LIGHT);
    tokio::time::sleep(Duration::from_millis(300)).await;
    pty.write(ANSWER);
    until_text_is(&pty, ON_LIGHT, ON_DARK);
    takes_keys_alone(&mut pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_the_background_in_two_parts_is_never_keys() {
    let lab = Lab::new();
    for split in [1, 2, 3, 5, 12, ANSWER.len() - 2, ANSWER.len() - 1] {
        let mut pty = asked(&lab);
        let (one, other) = ANSWER.split_at(split);
        pty.write(one);
        tokio::time::sleep(Duration::from_millis(100)).await;
        pty.write(other);
        until_text_is(&pty, ON_LIGHT, ON_DARK);
        takes_keys_alone(&mut pty);
    }
}
