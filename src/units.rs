//! Bytes, rates and durations in the words the screens use.

use std::time::Duration;

use humansize::{BINARY, DECIMAL, FormatSizeOptions, format_size};

/// Whether sizes count in 1024s or in 1000s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Units {
    /// KiB, MiB, GiB.
    #[default]
    Binary,
    /// kB, MB, GB.
    Decimal,
}

/// A number of bytes with three significant digits: `3.7 GiB`, `525 MiB`, `0 B`. What would take four is the next unit:
/// 1019 KiB are `1.0 MiB`.
pub fn bytes(count: u64, units: Units) -> String {
    let (options, step) = match units {
        Units::Binary => (BINARY, 1024.0),
        Units::Decimal => (DECIMAL, 1000.0),
    };
    let (mut scaled, mut unit) = (count as f64, 1.0);
    while scaled >= step {
        scaled /= step;
        unit *= step;
    }
    let next = unit > 1.0 && scaled >= 999.5;
    let (count, scaled) = if next { ((unit * step) as u64, 1.0) } else { (count, scaled) };
    let places = usize::from(count as f64 >= step && scaled < 99.95);
    format_size(count, FormatSizeOptions::from(options).decimal_places(places).decimal_zeroes(places))
}

/// Bytes a second: `19.4 MiB/s`.
pub fn rate(bps: u64, units: Units) -> String {
    format!("{}/s", bytes(bps, units))
}

/// Whole milliseconds.
pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds in whole milliseconds, the nearest.
pub fn whole_milliseconds(us: u32) -> u64 {
    (u64::from(us) + 500) / 1000
}

/// The text with its amounts that are counted in 1024s (`3.7 GiB`, `19.4 MiB/s`) worded in these units. `count` tells of an
/// amount how many bytes it stands for; one of which it knows nothing stays as it is.
pub fn reworded(text: &str, units: Units, count: impl Fn(&str) -> Option<u64>) -> String {
    let mut worded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(unit) = [" KiB", " MiB", " GiB", " TiB"].iter().filter_map(|unit| rest.find(unit)).min() {
        let is_digit = |c: char| c.is_ascii_digit() || c == '.';
        let (number, end) = (rest[..unit].trim_end_matches(is_digit).len(), unit + " KiB".len());
        worded += &rest[..number];
        worded += &match count(&rest[number..end]) {
            Some(count) => bytes(count, units),
            None => rest[number..end].to_owned(),
        };
        rest = &rest[end..];
    }
    worded + rest
}

/// A time to wait, rounded as one would say it: `9s`, `2m 48s`, `1h 20m`, `3d 4h`.
pub fn duration(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {:02}m", s / 3600, s % 3600 / 60),
        _ => format!("{}d {}h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A time to wait in one word: `9s`, `4m`, `2h`, `3d`.
pub fn duration_short(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m", s / 60),
        3600..86_400 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

/// `45.3 %`, of thousandths.
#[must_use]
pub fn thousandths(part: u64) -> String {
    format!("{}.{} %", part / 10, part % 10)
}

/// A count with thin gaps between thousands: `15 104`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// A moment in seconds since 1970 as date and time of day: `2023-06-10 12:56 UTC`. `None` outside the years 0 to
/// 9999.
pub fn date_time(seconds: i64) -> Option<String> {
    const DAY: i64 = 86_400;
    if !(-62_167_219_200..253_402_300_800).contains(&seconds) {
        return None;
    }
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Years are counted from March, so that the leap day is the last day of its year; 719 468 days lie between
    // the first of March of year 0 and the first of January 1970.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second % 3600 / 60);
    Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC"))
}

/// Reads a rate such as `500k`, `2.5M`, `1MiB` or a bare number of bytes a second; `None` when it is no rate.
/// Letters count in 1024s; `0` means nothing may pass.
pub fn parse_rate(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim().trim_end_matches("/s").to_ascii_lowercase();
    let factor: f64 = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bps = number * factor;
    (bps.is_finite() && bps < 1e15).then_some(bps as u64)
}

/// Reads a time such as `30s`, `2m`, `1.5h`, `500ms` or a bare number of seconds; `None` when it is no time.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewords_the_amounts_of_a_text_that_are_known() {
        let known = |amount: &str| {
            [("1.0 MiB", 1_048_576), ("33.3 KiB", 34_140)]
                .iter()
                .find(|(known, _)| *known == amount)
                .map(|(_, count)| *count)
        };
        let said = |text| reworded(text, Units::Decimal, known);
        assert_eq!(said("Slow: 33.3 KiB/s; 1.0 MiB is here."), "Slow: 34.1 kB/s; 1.0 MB is here.");
        assert_eq!(said("31.0 MiB, 133.3 KiB, MiB"), "31.0 MiB, 133.3 KiB, MiB");
        assert_eq!(said("nothing"), "nothing");
    }

    #[test]
    fn writes_bytes_with_at_most_three_digits() {
        for (count, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (19 * 1024 * 1024 + 400_000, "19.4 MiB"),
            (525 << 20, "525 MiB"),
            (999 << 10, "999 KiB"),
            (1019 << 10, "1.0 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1023 << 30, "1.0 TiB"),
            (u64::MAX, "16.0 EiB"),
            (3_972_844_748, "3.7 GiB"),
        ] {
            assert_eq!(bytes(count, Units::Binary), shown);
        }
        assert_eq!(rate(1_500_000, Units::Decimal), "1.5 MB/s");
        assert_eq!(rate(999_700, Units::Decimal), "1.0 MB/s");
    }

    #[test]
    fn says_durations_as_people_do() {
        assert_eq!(duration(Duration::from_secs(168)), "2m 48s");
        assert_eq!(duration(Duration::from_secs(4800)), "1h 20m");
        assert_eq!(duration_short(Duration::from_secs(250)), "4m");
    }

    #[test]
    fn writes_dates() {
        for (seconds, shown) in [
            (0, "1970-01-01 00:00 UTC"),
            (-1, "1969-12-31 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_686_401_779, "2023-06-10 12:56 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59 UTC"),
        ] {
            assert_eq!(date_time(seconds).as_deref(), Some(shown));
        }
        assert_eq!(date_time(i64::MAX), None);
        assert_eq!(date_time(i64::MIN), None);
    }

    #[test]
    fn groups_thousands() {
        assert_eq!(count(7), "7");
        assert_eq!(count(2098), "2 098");
        assert_eq!(count(1_000_000), "1 000 000");
    }

    #[test]
    fn reads_times_and_refuses_what_is_none() {
        for (text, ms) in [("30s", 30_000), ("2m", 120_000), ("500ms", 500), ("1.5h", 5_400_000), ("7", 7000)]
        {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "soon", "5d", "-1s", "1e9s", ".", "9999999999999999999999s"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_rates_and_refuses_what_is_none() {
        assert_eq!(parse_rate("500k"), Some(512_000));
        assert_eq!(parse_rate("2.5M"), Some(2_621_440));
        assert_eq!(parse_rate("1MiB/s"), Some(1 << 20));
        assert_eq!(parse_rate("1000"), Some(1000));
        for bad in ["", "fast", "5x", "-1", "1e400", "."] {
            assert_eq!(parse_rate(bad), None, "{bad}");
        }
    }
}
