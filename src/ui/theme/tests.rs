use super::*;

fn look(choice: ColourChoice, ascii: bool, vars: &[(&str, &str)]) -> (Colours, Glyphs) {
    let find = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    let look = Look::detect(Theme::Auto, &Palettes::default(), choice, ascii, find);
    (look.colours, look.glyphs)
}

#[test]
fn follows_the_environment() {
    let auto = ColourChoice::Auto;
    let utf8 = ("LANG", "en_GB.UTF-8");
    let full = (Colours::True, Glyphs::Braille);
    assert_eq!(look(auto, false, &[utf8, ("COLORTERM", "truecolor"), ("TERM", "xterm")]), full);
    assert_eq!(look(auto, false, &[utf8, ("TERM", "screen-256color")]).0, Colours::Indexed);
    assert_eq!(look(auto, false, &[utf8, ("TERM", "linux")]), (Colours::Sixteen, Glyphs::Ascii));
    assert_eq!(look(auto, false, &[("WT_SESSION", "1")]), full);
    assert_eq!(look(auto, false, &[utf8, ("TERM", "xterm"), ("NO_COLOR", "1")]).0, Colours::None);
    assert_eq!(look(auto, false, &[utf8, ("TERM", "xterm"), ("NO_COLOR", "")]).0, Colours::Sixteen);
    let asked = ColourChoice::Exactly(Colours::Indexed);
    assert_eq!(look(asked, false, &[utf8, ("NO_COLOR", "1")]).0, Colours::Indexed);
}

#[test]
fn falls_back_to_ascii_where_characters_are_missing_or_wide() {
    let auto = ColourChoice::Auto;
    assert_eq!(look(auto, false, &[("LANG", "C"), ("TERM", "xterm")]).1, Glyphs::Ascii);
    assert_eq!(look(auto, false, &[("TERM", "xterm")]).1, Glyphs::Ascii);
    assert_eq!(look(auto, false, &[("LANG", "ja_JP.UTF-8")]).1, Glyphs::Ascii);
    assert_eq!(look(auto, false, &[("LANG", "C"), ("LC_ALL", "C.utf8")]).1, Glyphs::Braille);
    assert_eq!(look(auto, true, &[("LANG", "C.UTF-8")]).1, Glyphs::Ascii);
}

fn looks() -> impl Iterator<Item = Look> {
    let tiers = [Colours::True, Colours::Indexed, Colours::Sixteen, Colours::None];
    let of = |colours, scheme| Look { colours, palette: Palette::of(scheme), ..Look::default() };
    tiers.into_iter().flat_map(move |colours| Scheme::ALL.map(|scheme| of(colours, scheme)))
}

#[test]
fn only_the_selected_row_has_a_background_and_mono_has_no_colour() {
    for look in looks() {
        for Meaning { role, name, .. } in MEANINGS {
            let style = look.style(role);
            let many = matches!(look.colours, Colours::True | Colours::Indexed);
            assert_eq!(style.bg.is_some(), many && role == Role::Selected, "{name}");
            assert!(look.colours != Colours::None || style.fg.is_none(), "{name}");
            assert!(!many || style.fg.is_some(), "{name} leaves its colour to the terminal");
        }
    }
}

#[test]
fn the_mono_theme_has_no_colours_whatever_the_terminal_can() {
    let env = |name: &str| Some(if name == "COLORTERM" { "truecolor" } else { "C.UTF-8" }.to_owned());
    let choice = ColourChoice::Exactly(Colours::True);
    assert_eq!(Look::detect(Theme::Mono, &Palettes::default(), choice, false, env).colours, Colours::None);
    assert_eq!(
        Look::detect(Theme::HighContrast, &Palettes::default(), choice, false, env).colours,
        Colours::True
    );
}

/// The backgrounds a scheme is made for: black and Solarized dark, or white and Solarized light.
pub(crate) fn grounds(scheme: Scheme) -> [Color; 2] {
    match scheme {
        Scheme::Dark | Scheme::ContrastDark => [Color::Rgb(0, 0, 0), Color::Rgb(0, 0x2b, 0x36)],
        Scheme::Light | Scheme::ContrastLight => [Color::Rgb(255, 255, 255), Color::Rgb(0xfd, 0xf6, 0xe3)],
    }
}

/// Every role with a colour, the steps of ramps included.
fn roles() -> Vec<Role> {
    let mut roles: Vec<Role> = MEANINGS.iter().map(|meaning| meaning.role).collect();
    roles.retain(|role| *role != Role::Selected);
    RAMPS.iter().for_each(|ramp| roles.extend((0..STEPS).map(ramp)));
    roles
}

#[test]
fn text_stands_out_from_the_background_and_from_the_bar_and_so_do_marks() {
    for scheme in Scheme::ALL {
        for colours in [Colours::True, Colours::Indexed] {
            let look = Look { colours, palette: Palette::of(scheme), ..Look::default() };
            for role in roles() {
                let least = if role.is_mark() { 3.0 } else { 4.5 };
                let mut cell = Cell::new("x");
                cell.set_style(look.style(role));
                for ground in grounds(scheme) {
                    let reached = contrast(cell.fg, ground);
                    assert!(reached >= least, "{scheme:?} {colours:?} {role:?} on {ground:?}: {reached:.2}");
                }
                look.select(&mut cell);
                let reached = contrast(cell.fg, cell.bg);
                // What a graph or the map of pieces draws is in no row.
                let in_rows = !role.is_mark() || matches!(role, Role::Peer(_));
                let in_rows = in_rows && !matches!(role, Role::Availability(_) | Role::Warning | Role::Error);
                assert!(
                    !in_rows || reached >= least,
                    "{scheme:?} {colours:?} {role:?} on the bar: {reached:.2}"
                );
            }
        }
    }
}

#[test]
fn what_arrives_stands_out_from_every_piece_beside_it() {
    for scheme in Scheme::ALL {
        for colours in [Colours::True, Colours::Indexed] {
            let look = Look { colours, palette: Palette::of(scheme), ..Look::default() };
            let colour = |role| look.style(role).fg.unwrap_or_default();
            let beside = [Role::Verified, Role::Rule].into_iter().chain((0..HUES).map(Role::Peer));
            for role in beside {
                let reached = contrast(colour(Role::Arriving), colour(role));
                assert!(reached >= 3.0, "{scheme:?} {colours:?} {role:?}: {reached:.2}");
            }
        }
    }
}

#[test]
fn high_contrast_dims_nothing_and_mono_tells_glyphs_of_trouble_from_the_rest() {
    for look in looks() {
        if look.palette.strong {
            assert!(roles().iter().all(|role| !look.style(*role).add_modifier.contains(Modifier::DIM)));
        }
        if look.colours == Colours::None {
            for role in [Role::Trouble, Role::Barred] {
                assert!(look.style(role).add_modifier.contains(Modifier::REVERSED));
            }
        }
    }
}

/// The lines of a module that are no tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "mod tests {")
}

/// The modules of the screens that are neither tests nor about looks, with their texts.
fn modules() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            // Tests look at colours, and so do pictures of screens, which tests make.
            let exempt = ["theme", "picture", "tests"].iter().any(|begin| name.starts_with(begin))
                || name.contains("/tests");
            match path.is_dir() {
                _ if exempt => {}
                true => folders.push(path),
                false => found.push((name, std::fs::read_to_string(&path).unwrap())),
            }
        }
    }
    found
}

#[test]
fn colours_are_chosen_nowhere_else() {
    let modules = modules();
    assert!(modules.len() > 60, "{} modules", modules.len());
    for (name, text) in modules {
        for (at, line) in code(&text).enumerate() {
            let line = line.replace("KeyModifiers", "");
            let chosen = ["Color::", "Modifier::", "Style::", "style::{Color", "style::Color", "Stylize"];
            assert!(
                !chosen.iter().any(|what| line.contains(what)),
                "src/ui/{name}:{}: {line}: colours are chosen in ui/theme, by meaning",
                at + 1
            );
        }
    }
}
