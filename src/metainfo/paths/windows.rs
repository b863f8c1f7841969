//! Names that Windows takes: some stand for devices wherever they lie, some characters for streams or patterns, and
//! what ends in a dot or a space loses it.

/// Names of devices, with any extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// Names of devices with a digit behind them.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// The element as Windows can create it, and as something else than it stands for there.
pub(super) fn element(mut name: String) -> String {
    if name.contains(is_special) {
        name = name.replace(is_special, "_");
    }
    let kept = name.trim_end_matches(['.', ' ']).len();
    if kept < name.len() {
        let ending = "_".repeat(name.len() - kept);
        name.replace_range(kept.., &ending);
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    name
}

fn is_special(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let number = NUMBERED_DEVICES.iter().find_map(|device| stem.strip_prefix(device));
    let is_numbered = number.is_some_and(|number| {
        let mut digits = number.chars();
        digits.next().is_some_and(|digit| digit.is_ascii_digit() || matches!(digit, '¹' | '²' | '³'))
            && digits.next().is_none()
    });
    is_numbered || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_mean_something_else_on_windows_are_renamed() {
        for (name, safe) in [
            ("NUL", "_NUL"),
            ("nul.txt", "_nul.txt"),
            ("Con .tar.gz", "_Con .tar.gz"),
            ("com1", "_com1"),
            ("LPT³.log", "_LPT³.log"),
            ("CONOUT$", "_CONOUT$"),
            ("a:b", "a_b"),
            ("C:", "C_"),
            ("what? *really* <\"now\">|", "what_ _really_ __now___"),
            ("trailing.", "trailing_"),
            ("trailing. . ", "trailing____"),
            ("...", "___"),
            ("nul.", "nul_"),
            // Names like others.
            ("null", "null"),
            ("com", "com"),
            ("com10", "com10"),
            ("console.txt", "console.txt"),
            (".rc", ".rc"),
            ("日本 語.txt", "日本 語.txt"),
        ] {
            assert_eq!(element(name.to_owned()), safe, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_one_that_windows_keeps_as_it_is(name in "(?i)(nul|com1|con|[ab.: *?é\"]){1,6}") {
            let safe = element(name);
            prop_assert!(!safe.contains(is_special) && !safe.ends_with(['.', ' ']) && !is_device(&safe));
            prop_assert_eq!(element(safe.clone()), safe);
        }
    }
}
