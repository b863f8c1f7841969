//! Reading the settings file.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Keys};
use super::table::SETTINGS;
use super::{ConfigError, Problem, Settings, themes};

/// A longer file is none of settings.
const MOST_BYTES: u64 = 1 << 20;
/// Characters shown of what was found in place of what was expected.
const SHOWN_CHARS: usize = 40;

/// Where the settings are looked for: `$XDG_CONFIG_HOME/ttui/config.toml`, else `~/.config/ttui/config.toml`, from the
/// values of `XDG_CONFIG_HOME` and `HOME`. Relative paths do not count. `None` when neither is set.
pub fn path(xdg_config_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(xdg_config_home)
        .or_else(|| absolute(home).map(|home| home.join(".config")))
        .map(|config| config.join("ttui/config.toml"))
}

/// The settings of a file; `None` when there is none.
///
/// # Errors
///
/// When it cannot be read, or anything in it is wrong.
pub fn load(file: &Path) -> Result<Option<Settings>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { file: file.to_owned(), reason };
    let mut bytes = Vec::new();
    let most = MOST_BYTES + 1;
    match File::open(file).and_then(|open| open.take(most).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(_) if bytes.len() as u64 > MOST_BYTES => return Err(unreadable("it is too long".to_owned())),
        Ok(_) => {}
    }
    let text = String::from_utf8(bytes).map_err(|error| ConfigError::Wrong {
        file: file.to_owned(),
        line: line_of(error.as_bytes(), error.utf8_error().valid_up_to()),
        problem: Box::new(Problem::Syntax("expected text in UTF-8".to_owned())),
    })?;
    read(&text).map(Some).map_err(|(line, problem)| ConfigError::Wrong {
        file: file.to_owned(),
        line,
        problem: Box::new(problem),
    })
}

/// The settings that a text makes of the defaults.
///
/// # Errors
///
/// The first line with something wrong, and what.
pub fn read(text: &str) -> Result<Settings, (usize, Problem)> {
    let line = |at: usize| line_of(text.as_bytes(), at);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        (line(at), Problem::Syntax(crate::text::clean(&error.message().replace('\n', ", "), 200)))
    })?;
    let mut reading =
        Reading { text, settings: Settings::default(), keys: Keys::default(), first_wrong: None };
    reading.take(table.get_ref(), "");
    let Reading { mut settings, keys, first_wrong, .. } = reading;
    let keys = match first_wrong {
        Some((at, problem)) => return Err((line(at), problem)),
        None => keys.finish().map_err(|(at, problem)| (line(at), problem))?,
    };
    settings.keys = keys;
    Ok(settings)
}

/// The line of a byte, from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

struct Reading<'t> {
    text: &'t str,
    settings: Settings,
    keys: Keys,
    first_wrong: Option<(usize, Problem)>,
}

impl Reading<'_> {
    /// Takes in what a table sets; `within` is its name with a dot behind it.
    fn take(&mut self, table: &DeTable<'_>, within: &str) {
        for (name, value) in table {
            let key = format!("{within}{}", name.get_ref());
            if let Err(problem) = self.set(&key, &name.span(), value) {
                let at = name.span().start;
                if self.first_wrong.as_ref().is_none_or(|(first, _)| at < *first) {
                    self.first_wrong = Some((at, problem));
                }
            }
        }
    }

    fn set(&mut self, key: &str, at: &Range<usize>, value: &Spanned<DeValue<'_>>) -> Result<(), Problem> {
        let found = || crate::text::clean(self.text.get(value.span()).unwrap_or_default(), SHOWN_CHARS);
        let unexpected = |expected: String| Problem::Unexpected { key: shown(key), expected, found: found() };
        if is_table(key) {
            let table = value.get_ref().as_table().ok_or_else(|| unexpected("a table".to_owned()))?;
            self.take(table, &format!("{key}."));
            return Ok(());
        }
        if key.starts_with(&format!("{}.", keys::TABLE)) {
            let found = found();
            return self.keys.take(&shown(key), value.get_ref(), found, at);
        }
        if let Some(taken) = themes::take(&mut self.settings.screen.palettes, key, value.get_ref()) {
            return taken.ok_or_else(|| unexpected(themes::EXPECTED.to_owned()));
        }
        let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.table == table && setting.name == name)
            .ok_or_else(|| Problem::UnknownSetting { key: shown(key) })?;
        (setting.take)(&mut self.settings, value.get_ref()).ok_or_else(|| unexpected((setting.expected)()))
    }
}

/// A name as errors show it: anything may stand in the file.
fn shown(key: &str) -> String {
    crate::text::clean(key, 100)
}

fn is_table(key: &str) -> bool {
    let of_settings = SETTINGS.iter().any(|setting| !setting.table.is_empty() && setting.table == key);
    of_settings || keys::is_table(key) || themes::is_table(key)
}
