//! The one table of settings: names, help, and how each is read and written.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::ValueEnum;
use toml::de::DeValue;

use super::Settings;
use super::choices::{self, Color, Encryption, SizeUnits, Theme, Transport};
use crate::event::Finder;
use crate::swarm::UploadSlots;
use crate::ui::{self, ColumnPart};
use crate::units;

/// The most connections anybody may ask for.
pub const MOST_PEERS: u16 = 10_000;
/// Fewer rows are no list of peers, and more take more memory than anybody means to give.
const LEAST_ROWS: u32 = 100;
const MOST_ROWS: u32 = 1_000_000;
/// More dials a second than `check` makes, and every router between takes it for an attack.
const MOST_DIALS_PER_SECOND: u32 = 1000;
/// The most frames a second anybody may ask for.
pub const MOST_FPS: u8 = 60;

/// A line of the table.
pub(super) struct Setting {
    /// The table of the file it stands in; nothing for the topmost.
    pub(super) table: &'static str,
    /// Its name there.
    pub(super) name: &'static str,
    /// What it does, in a sentence.
    pub(super) help: &'static str,
    /// What it takes, in words.
    pub(super) expected: fn() -> String,
    /// Puts a value into the settings; `None`: it is none of those.
    pub(super) take: fn(&mut Settings, &DeValue<'_>) -> Option<()>,
    /// Its value as the file has it.
    pub(super) shown: fn(&Settings) -> String,
}

/// The table of columns.
pub(super) const COLUMNS: &str = "columns";

/// Something of the screen that is on or off, by the name of its field.
macro_rules! switch {
    ($field:ident, $help:literal) => {
        Setting {
            table: "screen",
            name: stringify!($field),
            help: $help,
            expected: yes_or_no,
            take: |to, value| set(&mut to.screen.$field, value.as_bool()),
            shown: |settings| settings.screen.$field.to_string(),
        }
    };
}

/// A way to find peers that is used or not.
macro_rules! finder {
    ($finder:ident, $help:literal) => {
        Setting {
            table: "",
            name: Finder::$finder.info().code,
            help: $help,
            expected: yes_or_no,
            take: |to, value| {
                let _ = match value.as_bool()? {
                    true => to.finders.insert(Finder::$finder),
                    false => to.finders.remove(&Finder::$finder),
                };
                Some(())
            },
            shown: |settings| settings.finders.contains(&Finder::$finder).to_string(),
        }
    };
}

/// Every setting but the keys.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        table: "",
        name: "output",
        help: "The folder to download into; ~/ is your home folder.",
        expected: || "the name of a folder, as \"~/Downloads\"".to_owned(),
        take: |to, value| {
            to.output = value.as_str().filter(|path| !path.is_empty())?.into();
            Some(())
        },
        shown: |settings| quoted(&settings.output.to_string_lossy()),
    },
    Setting {
        table: "",
        name: "port",
        help: "The port to listen on, and no other; \"auto\": 6881 to 6889, or else any free one.",
        expected: || "\"auto\" or a number from 1 to 65535".to_owned(),
        take: |to, value| {
            to.port = match value.as_str() {
                Some("auto") => None,
                _ => Some(whole(value).filter(|port| *port > 0)?),
            };
            Some(())
        },
        shown: |settings| settings.port.map_or_else(|| quoted("auto"), |port| port.to_string()),
    },
    Setting {
        table: "",
        name: "max-peers",
        help: "The most peers to be connected to at once.",
        expected: || format!("a number from 1 to {MOST_PEERS}"),
        take: |to, value| {
            to.max_peers = whole(value).filter(|most| (1..=MOST_PEERS).contains(most))?;
            Some(())
        },
        shown: |settings| settings.max_peers.to_string(),
    },
    Setting {
        table: "",
        name: "dials-per-second",
        help: "The most dials to begin in a second; to begin with, and after a rest, as many go at once.",
        expected: || format!("a number from 1 to {MOST_DIALS_PER_SECOND}"),
        take: |to, value| {
            let most = whole(value).filter(|most| *most <= MOST_DIALS_PER_SECOND);
            set(&mut to.dials_per_second, most.and_then(NonZeroU32::new))
        },
        shown: |settings| settings.dials_per_second.to_string(),
    },
    Setting {
        table: "",
        name: "max-rows",
        help: "The most peers with a row of their own; beyond it the oldest that are gone are only counted.",
        expected: || format!("a number from {LEAST_ROWS} to {MOST_ROWS}"),
        take: |to, value| {
            set(&mut to.max_rows, whole(value).filter(|most| (LEAST_ROWS..=MOST_ROWS).contains(most)))
        },
        shown: |settings| settings.max_rows.to_string(),
    },
    Setting {
        table: "",
        name: "down",
        help: "The most to receive a second, as \"500k\" or \"2.5M\"; \"none\": no limit.",
        expected: a_rate,
        take: |to, value| {
            to.down_bps = rate(value)?;
            Some(())
        },
        shown: |settings| shown_rate(settings.down_bps),
    },
    Setting {
        table: "",
        name: "up",
        help: "The most to send a second; \"none\": no limit.",
        expected: a_rate,
        take: |to, value| {
            to.up_bps = rate(value)?;
            Some(())
        },
        shown: |settings| shown_rate(settings.up_bps),
    },
    Setting {
        table: "",
        name: "upload-slots",
        help: "How many peers to serve at once, beside one that gets its chance; \"auto\": as many as the line carries.",
        expected: choices::upload_slots_expected,
        take: |to, value| match value.as_str() {
            Some(text) => set(&mut to.upload_slots, choices::upload_slots(text)),
            None => set(&mut to.upload_slots, whole(value).and_then(choices::fixed_slots)),
        },
        shown: |settings| match settings.upload_slots {
            UploadSlots::Auto => quoted("auto"),
            UploadSlots::Fixed(slots) => slots.to_string(),
        },
    },
    Setting {
        table: "",
        name: "encryption",
        help: "When connections to peers are encrypted: prefer-plain, prefer, require or off.",
        expected: one_of::<Encryption>,
        take: |to, value| choose(&mut to.encryption, value),
        shown: |settings| quoted(&choices::name(&settings.encryption)),
    },
    Setting {
        table: "",
        name: "transport",
        help: "What connections to peers travel over: both, tcp or utp.",
        expected: one_of::<Transport>,
        take: |to, value| choose(&mut to.transport, value),
        shown: |settings| quoted(&choices::name(&settings.transport)),
    },
    finder!(Dht, "Find peers through the DHT, and take part in it; never for private torrents."),
    Setting {
        table: "",
        name: "dht-nodes",
        help: "The nodes of the DHT to ask where none that is known answers; they are resolved each time.",
        expected: || "a list of nodes, as [\"router.example.org:6881\"]".to_owned(),
        take: |to, value| {
            let DeValue::Array(nodes) = value else { return None };
            set(&mut to.dht_nodes, nodes.iter().map(|node| node.get_ref().as_str()?.parse().ok()).collect())
        },
        shown: |settings| list(settings.dht_nodes.iter().map(ToString::to_string)),
    },
    finder!(
        Pex,
        "Take peers that other peers name, and name ours to them (PEX); never for private torrents."
    ),
    finder!(
        Lsd,
        "Find other clients on the local network, and tell them of our torrents (LSD); never for private torrents."
    ),
    Setting {
        table: "",
        name: "port-mapping",
        help: "Ask routers to hand on what comes to our port, so that others reach us (PCP, NAT-PMP, UPnP).",
        expected: yes_or_no,
        take: |to, value| set(&mut to.port_mapping, value.as_bool()),
        shown: |settings| settings.port_mapping.to_string(),
    },
    Setting {
        table: "",
        name: "gateway",
        help: "The router to ask for that; \"auto\": those of the system's default routes.",
        expected: || "\"auto\" or an IPv4 address, as \"192.168.1.1\"".to_owned(),
        take: |to, value| {
            let text = value.as_str()?;
            to.gateway = if text == "auto" { None } else { Some(text.parse().ok()?) };
            Some(())
        },
        shown: |settings| quoted(&settings.gateway.map_or_else(|| "auto".to_owned(), |it| it.to_string())),
    },
    Setting {
        table: "",
        name: "ratio",
        help: "Stop seeding when so often its length was sent, as 1.5; \"none\": never.",
        expected: choices::ratio_expected,
        take: |to, value| {
            to.ratio = match value {
                DeValue::String(text) => (text == "none").then_some(None)?,
                DeValue::Float(number) => Some(choices::ratio(number.as_str())?),
                _ => Some(choices::ratio(&whole::<u32>(value)?.to_string())?),
            };
            Some(())
        },
        shown: |settings| settings.ratio.map_or_else(|| quoted("none"), |ratio| format!("{ratio:?}")),
    },
    Setting {
        table: "",
        name: "seed-time",
        help: "Stop seeding after so long, as \"90m\" or \"48h\"; \"none\": never.",
        expected: choices::seed_time_expected,
        take: |to, value| {
            let text = value.as_str()?;
            to.seed_time = if text == "none" { None } else { Some(choices::seed_time(text)?) };
            Some(())
        },
        shown: |settings| {
            let shown = |time: Duration| format!("{}s", time.as_secs_f64());
            quoted(&settings.seed_time.map_or_else(|| "none".to_owned(), shown))
        },
    },
    Setting {
        table: "",
        name: "on-complete",
        help: "A program and its arguments, run when a torrent is complete, with its path as one more; no shell.",
        expected: || "a list of texts, the program first, as [\"notify-send\", \"Here:\"]".to_owned(),
        take: |to, value| {
            let DeValue::Array(texts) = value else { return None };
            let texts = texts.iter().map(|text| text.get_ref().as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            set(&mut to.on_complete, texts.filter(|texts| texts.first().is_none_or(|it| !it.is_empty())))
        },
        shown: |settings| list(settings.on_complete.iter()),
    },
    Setting {
        table: "queue",
        name: "downloading",
        help: "How many torrents download at once; one for which nothing comes makes room for the next.",
        expected: a_number_of_torrents,
        take: |to, value| {
            to.queue.downloading = number_of_torrents(value)?;
            Some(())
        },
        shown: |settings| shown_number(settings.queue.downloading),
    },
    Setting {
        table: "queue",
        name: "seeding",
        help: "How many torrents seed at once.",
        expected: a_number_of_torrents,
        take: |to, value| {
            to.queue.seeding = number_of_torrents(value)?;
            Some(())
        },
        shown: |settings| shown_number(settings.queue.seeding),
    },
    Setting {
        table: "screen",
        name: "theme",
        help: "Colours and accents: auto (dark or light, as the background is), dark, light, high-contrast or mono.",
        expected: one_of::<Theme>,
        take: |to, value| choose(&mut to.screen.theme, value),
        shown: |settings| quoted(&choices::name(&settings.screen.theme)),
    },
    Setting {
        table: "screen",
        name: "color",
        help: "How many colours: auto (as the terminal says, none where NO_COLOR is set), never, 16, 256 or true.",
        expected: one_of::<Color>,
        take: |to, value| match whole::<u16>(value) {
            Some(16) => set(&mut to.screen.color, Some(Color::Ansi16)),
            Some(256) => set(&mut to.screen.color, Some(Color::Indexed256)),
            _ => choose(&mut to.screen.color, value),
        },
        shown: |settings| quoted(&choices::name(&settings.screen.color)),
    },
    switch!(ascii, "Draw with plain ASCII characters only (a locale without UTF-8 does so anyway)."),
    Setting {
        table: "screen",
        name: "fps",
        help: "The most frames to draw a second; nothing is drawn while nothing changes.",
        expected: || format!("a number from 1 to {MOST_FPS}"),
        take: |to, value| set(&mut to.screen.fps, whole(value).filter(|fps| (1..=MOST_FPS).contains(fps))),
        shown: |settings| settings.screen.fps.to_string(),
    },
    switch!(mouse, "Click, wheel and heads of columns; off, the terminal selects text as usual."),
    switch!(bell, "Ring the bell when the download is complete."),
    switch!(title, "Show the progress in the title of the window."),
    switch!(
        clock,
        "Begin with times of day (UTC) in the log, in the place of times since the start; t changes them."
    ),
    Setting {
        table: "screen",
        name: "units",
        help: "Sizes in 1024s (binary: MiB) or in 1000s (decimal: MB).",
        expected: one_of::<SizeUnits>,
        take: |to, value| choose(&mut to.screen.units, value),
        shown: |settings| quoted(&choices::name(&settings.screen.units)),
    },
    Setting {
        table: COLUMNS,
        name: "live",
        help: "Those of live peers.",
        expected: a_list_of_columns,
        take: |to, value| take_columns(to, ColumnPart::Live, value),
        shown: |settings| shown_columns(settings, ColumnPart::Live),
    },
    Setting {
        table: COLUMNS,
        name: "others",
        help: "Those of peers that are not connected.",
        expected: a_list_of_columns,
        take: |to, value| take_columns(to, ColumnPart::Others, value),
        shown: |settings| shown_columns(settings, ColumnPart::Others),
    },
    Setting {
        table: COLUMNS,
        name: "torrents",
        help: "Those of torrents.",
        expected: || a_list_of_columns_of(ColumnPart::Torrents, ["name", "down"]),
        take: |to, value| take_columns(to, ColumnPart::Torrents, value),
        shown: |settings| shown_columns(settings, ColumnPart::Torrents),
    },
];

fn a_list_of_columns() -> String {
    a_list_of_columns_of(ColumnPart::Live, ["state", "client"])
}

fn a_list_of_columns_of(part: ColumnPart, [one, other]: [&str; 2]) -> String {
    let names = ui::column_names(part).join(", ");
    format!(
        "\"auto\" or a list of columns, none of them twice, as [\"{one}\", \"{other}\"]; there are {names}"
    )
}

fn take_columns(to: &mut Settings, part: ColumnPart, value: &DeValue<'_>) -> Option<()> {
    let columns = match value {
        DeValue::String(text) => (text == "auto").then_some(None)?,
        DeValue::Array(names) => {
            let names: Option<Vec<&str>> = names.iter().map(|name| name.get_ref().as_str()).collect();
            Some(ui::columns_named(part, names?)?)
        }
        _ => return None,
    };
    to.columns.set(part, columns);
    Some(())
}

fn shown_columns(settings: &Settings, part: ColumnPart) -> String {
    settings.columns.of(part).map_or_else(
        || quoted("auto"),
        |ids| format!("[{}]", ids.iter().map(|id| quoted(id)).collect::<Vec<_>>().join(", ")),
    )
}

fn set<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn choose<T: ValueEnum>(place: &mut T, value: &DeValue<'_>) -> Option<()> {
    set(place, value.as_str().and_then(|name| T::from_str(name, false).ok()))
}

fn one_of<T: ValueEnum>() -> String {
    let names: Vec<String> = choices::names::<T>().iter().map(|name| quoted(name)).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn a_number_of_torrents() -> String {
    "\"unlimited\" or a number from 1".to_owned()
}

/// A number; `Some(None)` for any.
fn number_of_torrents(value: &DeValue<'_>) -> Option<Option<u32>> {
    match value.as_str() {
        Some(text) => (text == "unlimited").then_some(None),
        None => whole(value).filter(|most| *most > 0).map(Some),
    }
}

fn shown_number(most: Option<u32>) -> String {
    most.map_or_else(|| quoted("unlimited"), |most| most.to_string())
}

fn yes_or_no() -> String {
    "true or false".to_owned()
}

fn a_rate() -> String {
    "\"none\" or bytes a second, more than 0, as \"500k\", \"2.5M\" or \"1GiB\"".to_owned()
}

/// A rate; `Some(None)` for none.
fn rate(value: &DeValue<'_>) -> Option<Option<u64>> {
    let bps = match value.as_str() {
        Some("none") => return Some(None),
        Some(text) => units::parse_rate(text)?,
        None => whole(value)?,
    };
    (bps > 0).then_some(Some(bps))
}

fn shown_rate(bps: Option<u64>) -> String {
    bps.map_or_else(|| quoted("none"), |bps| bps.to_string())
}

/// A whole number.
pub(super) fn whole<T: TryFrom<i128>>(value: &DeValue<'_>) -> Option<T> {
    let number = value.as_integer()?;
    T::try_from(i128::from_str_radix(number.as_str(), number.radix()).ok()?).ok()
}

/// Texts as the file has them.
fn list(texts: impl Iterator<Item = impl AsRef<str>>) -> String {
    format!("[{}]", texts.map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", "))
}

/// A text as the file has it.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}
