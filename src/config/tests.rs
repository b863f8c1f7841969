use std::fs;

use proptest::prelude::*;

use super::*;
use crate::ui::action::{Action, Key, Scope};
use crate::ui::keymap::Bound;
use crate::ui::{ColumnPart, MEANINGS, Scheme};

fn wrong(text: &str) -> String {
    let (line, problem) = read(text).unwrap_err();
    format!("{line}: {problem}")
}

#[test]
fn what_is_printed_reads_as_the_defaults() {
    let printed = defaults();
    assert_eq!(read(&printed), Ok(Settings::default()));
    assert!(printed.lines().all(|line| line.chars().count() <= 140), "{printed}");
    // Every line of it is a setting of its own that can be wrong.
    for (at, line) in printed.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
        let name = line.split(' ').next().unwrap();
        let wrong = format!("{name} = 1979-05-27");
        let spoilt = |(other, line)| if other == at { wrong.as_str() } else { line };
        let spoilt = printed.lines().enumerate().map(spoilt).collect::<Vec<_>>().join("\n");
        let (told, problem) = read(&spoilt).unwrap_err();
        assert_eq!(told, at + 1, "{line}: {problem}");
        assert!(problem.to_string().contains(name), "{line}: {problem}");
    }
}

#[test]
fn nothing_set_is_the_defaults() {
    for text in ["", "# only a comment\n", "[screen]\n[keys]\n[keys.peer]\n"] {
        assert_eq!(read(text), Ok(Settings::default()));
    }
}

#[test]
fn every_setting_is_taken() {
    let settings = read(
        "output = '~/iso'\nport = 7000\nmax-peers = 50\ndials-per-second = 5\nmax-rows = 500\ndown = '500k'\nup = 1_000_000\nupload-slots = 12\nencryption = 'require'\ntransport = 'utp'\n\
         screen = { theme = 'mono', color = 256, ascii = true, fps = 10, mouse = false, bell = false, title = false, clock = true, \
         units = 'decimal' }\n[columns]\nlive = ['client', 'state']\n[keys]\npause = ['F2', 'Q']\n[keys.peer]\nhold = 'H'\n",
    )
    .unwrap();
    let key = |name| Key::parse(name).unwrap();
    assert_eq!(
        (settings.output.to_str(), settings.port, settings.max_peers),
        (Some("~/iso"), Some(7000), 50)
    );
    assert_eq!((settings.down_bps, settings.up_bps), (Some(512_000), Some(1_000_000)));
    assert_eq!(settings.upload_slots, UploadSlots::Fixed(12));
    assert_eq!(read("upload-slots = 'auto'").unwrap().upload_slots, UploadSlots::Auto);
    assert_eq!((settings.encryption, settings.max_rows), (Encryption::Require, 500));
    assert_eq!(settings.transport, Transport::Utp);
    assert_eq!(settings.dials_per_second.get(), 5);
    let screen = ScreenSettings {
        theme: Theme::Mono,
        palettes: Palettes::default(),
        color: Color::Indexed256,
        ascii: true,
        fps: 10,
        mouse: false,
        bell: false,
        title: false,
        clock: true,
        units: SizeUnits::Decimal,
    };
    assert_eq!(settings.screen, screen);
    assert_eq!(settings.columns.of(ColumnPart::Live), Some(&["client", "state"][..]));
    assert_eq!(settings.columns.of(ColumnPart::Others), None);
    let keys = |action, scope| settings.keys.keys(Bound { action, scope });
    assert_eq!(keys(Action::Pause, Scope::Everywhere), [key("F2"), key("Q")]);
    assert_eq!(keys(Action::Hold, Scope::Peer), [key("H")]);
    assert_eq!(keys(Action::Drop, Scope::Peer), [key("x")]);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let columns = format!(
        "3: `columns.others`: expected \"auto\" or a list of columns, none of them twice, as [\"state\", \"client\"]; \
         there are {}, found ['state', 'adress']",
        crate::ui::column_names(ColumnPart::Others).join(", ")
    );
    for (text, told) in [
        (
            "port = 1\nspeed = 3\n",
            "2: there is no setting `speed`; `ttui --print-config` shows all there are",
        ),
        (
            "[screen]\n\ncolour = 1",
            "3: there is no setting `screen.colour`; `ttui --print-config` shows all there are",
        ),
        ("[screens]\n", "1: there is no setting `screens`; `ttui --print-config` shows all there are"),
        ("[keys]\nfly = 'f'", "2: there is no setting `keys.fly`; `ttui --print-config` shows all there are"),
        (
            "[keys.pieces-of-eight]\n",
            "1: there is no setting `keys.pieces-of-eight`; `ttui --print-config` shows all there are",
        ),
        ("max-peers = 'many'", "1: `max-peers`: expected a number from 1 to 10000, found 'many'"),
        ("max-peers = 0", "1: `max-peers`: expected a number from 1 to 10000, found 0"),
        ("dials-per-second = 0", "1: `dials-per-second`: expected a number from 1 to 1000, found 0"),
        ("max-rows = 99", "1: `max-rows`: expected a number from 100 to 1000000, found 99"),
        ("upload-slots = 0", "1: `upload-slots`: expected \"auto\" or a number from 1 to 1000, found 0"),
        (
            "upload-slots = 'all'",
            "1: `upload-slots`: expected \"auto\" or a number from 1 to 1000, found 'all'",
        ),
        ("port = 70000", "1: `port`: expected \"auto\" or a number from 1 to 65535, found 70000"),
        (
            "up = -1",
            "1: `up`: expected \"none\" or bytes a second, more than 0, as \"500k\", \"2.5M\" or \"1GiB\", found -1",
        ),
        (
            "\nencryption = 'maybe'",
            "2: `encryption`: expected \"prefer-plain\", \"prefer\", \"require\" or \"off\", found 'maybe'",
        ),
        ("[columns]\nlive = ['state']\nothers = ['state', 'adress']", columns.as_str()),
        ("screen = 3", "1: `screen`: expected a table, found 3"),
        ("[screen]\nbell = 1", "2: `screen.bell`: expected true or false, found 1"),
        ("[screen]\nfps = 61", "2: `screen.fps`: expected a number from 1 to 60, found 61"),
        (
            "[keys]\npause = 7",
            "2: `keys.pause`: expected a list of keys, as [\"x\", \"Ctrl-X\", \"F5\"], found 7",
        ),
        (
            "[keys]\npause = ['p', 'Hyper']",
            "2: `keys.pause`: expected the name of a key, as \"x\", \"space\", \"Enter\", \"PgUp\", \"F5\" or \"Ctrl-X\", \
             found \"Hyper\"",
        ),
        (
            "[keys]\nquit-now = []",
            "2: `keys.quit-now`: expected one key at least, so that there is a way out, found none",
        ),
        // The first of several.
        ("speed = 3\nport = 0", "1: there is no setting `speed`; `ttui --print-config` shows all there are"),
    ] {
        assert_eq!(wrong(text), told);
    }
    let told = wrong("port = 1\nup = \n");
    assert!(told.starts_with("2: ") && !told.contains('\n'), "{told}");
    assert!(
        wrong("port = 1\nport = 2\n").starts_with("2: duplicate key"),
        "{}",
        wrong("port = 1\nport = 2\n")
    );
    assert!(!wrong("'\u{1b}[2J' = 1\n").contains('\u{1b}'));
}

#[test]
fn a_theme_is_a_table_of_colours_by_meaning() {
    let settings =
        read("[theme.light]\ntext = '#102030'\ntrouble = 124\n[theme.dark]\nrare = '#FF0000'").unwrap();
    let palettes = settings.screen.palettes;
    let shade = |scheme, name: &str| {
        let meaning = MEANINGS.iter().find(|meaning| meaning.name == name).unwrap();
        palettes.of(scheme).shade(meaning.role).to_string()
    };
    assert_eq!(shade(Scheme::Light, "text"), "\"#102030\"");
    assert_eq!(shade(Scheme::Light, "trouble"), "124");
    assert_eq!(shade(Scheme::Dark, "rare"), "\"#ff0000\"");
    let defaults = Palettes::default();
    assert_eq!(palettes.of(Scheme::ContrastDark), defaults.of(Scheme::ContrastDark));
    let expected = "expected a colour, as \"#d3d9e0\", or a number of the 256, from 0 to 255";
    for found in ["'#12345'", "'red'", "256", "-1", "true", "['#123456']"] {
        let told = wrong(&format!("[theme.dark]\n\ngraph-up-low = {found}"));
        assert_eq!(told, format!("3: `theme.dark.graph-up-low`: {expected}, found {found}"));
    }
    for (text, name) in [
        ("[theme.dark]\ntex = '#123456'", "theme.dark.tex"),
        ("[theme.dusk]\ntext = '#123456'", "theme.dusk"),
        ("theme.text = '#123456'", "theme.text"),
    ] {
        let told = wrong(text);
        assert!(told.contains(&format!("there is no setting `{name}`")), "{told}");
    }
    assert!(wrong("theme = 'dark'").contains("`theme`: expected a table"));
}

#[test]
fn columns_are_known_and_stand_once() {
    for wrong_value in ["['why', 'state', 'why']", "[]", "'state'", "[7]", "7", "true"] {
        let told = wrong(&format!("[columns]\n\nlive = {wrong_value}"));
        assert!(told.starts_with("3: `columns.live`: expected \"auto\" or a list of columns"), "{told}");
        assert!(told.ends_with(&format!("found {wrong_value}")), "{told}");
    }
    let told = wrong("[columns]\nlive = 'auto'\nlive = 'auto'");
    assert!(told.starts_with("3: duplicate key"), "{told}");
}

#[test]
fn columns_that_are_kept_read_as_they_were() {
    let mut columns = ColumnChoice::default();
    for names in [None, crate::ui::columns_named(ColumnPart::Others, ["why", "client"])] {
        columns.set(ColumnPart::Others, names);
        assert_eq!(
            read(&of_columns(&columns)),
            Ok(Settings { columns: columns.clone(), ..Settings::default() })
        );
    }
}

#[test]
fn a_conflict_of_keys_names_both() {
    assert_eq!(
        wrong("[keys.peer]\n\ndrop = ['x', 'p']"),
        "3: `keys.peer.drop`: p is the key of `keys.pause` (pause the download, or go on) as well; give one of them another"
    );
    assert_eq!(
        wrong("[keys]\nwhy = 'F2'\n[keys.peer]\ndrop = 'F2'"),
        "4: `keys.peer.drop`: F2 is the key of `keys.why` (what the numbers mean, in full) as well; give one of them another"
    );
    assert!(read("[keys]\npause = 'Q'\n[keys.peer]\ndrop = ['x', 'p']").is_ok());
}

#[test]
fn every_key_of_the_table_can_be_bound_anew() {
    for bound in Bound::all() {
        let text = format!("{} = 'F12'", keys::full_name(bound));
        let settings = read(&text).unwrap_or_else(|(_, problem)| panic!("{text}: {problem}"));
        assert_eq!(settings.keys.keys(bound), [Key::parse("F12").unwrap()]);
    }
}

#[test]
fn names_of_before_are_still_read() {
    let bound = Bound { action: Action::Freeze, scope: Scope::Everywhere };
    let settings = read("screen.theme = 'default'\n[keys]\nhold-screen = 'F9'").unwrap();
    assert_eq!(settings.keys.keys(bound), [Key::parse("F9").unwrap()]);
    assert_eq!(settings.screen.theme, Theme::Auto);
    assert_eq!(keys::full_name(bound), "keys.freeze", "what is printed has the new name");
    // A conflict is named where it was set, by the name of today.
    assert_eq!(
        wrong("[keys]\n\nhold-screen = 'p'"),
        "3: `keys.freeze`: p is the key of `keys.pause` (pause the download, or go on) as well; give one of them another"
    );
}

#[test]
fn the_file_is_looked_for_where_settings_are() {
    let at = |config: Option<&str>, home: Option<&str>| {
        path(config.map(Into::into), home.map(Into::into)).map(|path| path.to_str().unwrap().to_owned())
    };
    assert_eq!(at(Some("/c"), Some("/h")).unwrap(), "/c/ttui/config.toml");
    assert_eq!(at(None, Some("/h")).unwrap(), "/h/.config/ttui/config.toml");
    assert_eq!(at(Some("here"), Some("/h")).unwrap(), "/h/.config/ttui/config.toml");
    assert_eq!(at(None, None), None);
}

#[test]
fn a_file_that_is_not_there_is_no_error_and_one_that_cannot_be_read_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    assert_eq!(load(&file), Ok(None));
    fs::write(&file, "max-peers = 7").unwrap();
    assert_eq!(load(&file).unwrap().unwrap().max_peers, 7);
    fs::write(&file, b"max-peers = 7\n# \xff\n").unwrap();
    let told = load(&file).unwrap_err().to_string();
    assert!(told.ends_with("config.toml, line 2: expected text in UTF-8"), "{told}");
    let told = load(folder.path()).unwrap_err().to_string();
    assert!(told.starts_with("cannot read the settings in /"), "{told}");
}

proptest! {
    #[test]
    fn any_text_is_settings_or_an_error_with_a_line_of_it(text in "(?s).{0,300}") {
        if let Err((line, problem)) = read(&text) {
            prop_assert!(line >= 1 && line <= text.matches('\n').count() + 1);
            prop_assert!(!problem.to_string().contains('\n'));
        }
    }

    #[test]
    fn any_values_are_settings_or_errors(
        name in prop::sample::select(vec!["port", "up", "output", "screen.fps", "screen", "keys", "keys.pause", "keys.peer"]),
        value in "[0-9'\"{}\\[\\]a-z=., -]{0,20}",
    ) {
        let _ = read(&format!("{name} = {value}"));
    }
}
