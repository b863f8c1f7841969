//! Fields of answers over HTTP that we read ourselves (RFC 9110): which bytes of a file came, and when to ask again.

use std::ops::Range;
use std::time::{Duration, SystemTime};

/// `Content-Range`: which bytes came, and of how many where that is said. `None`: it names no part of a file.
pub fn content_range(value: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let end = last.checked_add(1).filter(|end| *end > first)?;
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((first..end, total))
}

/// `Retry-After`, in seconds or as a date: how long the server is to be left alone. A date is held against the `Date` of
/// the same answer, so that no clock but the server's counts, and against `now` where there is none; one that is past
/// asks for no time. `None`: it says neither.
pub fn retry_after(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let said_at = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
    Some(at.duration_since(said_at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Half a minute before the date of the tests.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(946_684_799 - 30)
    }

    #[test]
    fn a_time_to_ask_again_is_seconds_or_a_date_by_the_clock_of_the_server() {
        let date = "Fri, 31 Dec 1999 23:59:59 GMT";
        let read = |value, date| retry_after(value, date, now()).map(|time| time.as_secs());
        assert_eq!(read(" 120 ", None), Some(120));
        assert_eq!(read("0", Some(date)), Some(0));
        assert_eq!(read(date, None), Some(30));
        assert_eq!(read("Friday, 31-Dec-99 23:59:59 GMT", None), Some(30));
        assert_eq!(read(date, Some("Fri, 31 Dec 1999 23:49:59 GMT")), Some(600), "its clock is behind ours");
        assert_eq!(read("Fri, 31 Dec 1999 23:00:00 GMT", Some(date)), Some(0), "it is past");
        assert_eq!(read(date, Some("yesterday")), Some(30));
        for neither in ["", "soon", "-1", "1.5", "99999999999999999999", "Fri, 31 Feb 1999 25:00:00 GMT"] {
            assert_eq!(read(neither, None), None, "{neither:?}");
        }
    }

    #[test]
    fn what_names_no_part_is_none() {
        let parts = ["bytes 1-0/2", "bytes */9", "bytes 0-18446744073709551615/*", "bytes 0-1", "1-2/3", ""];
        for none in parts {
            assert_eq!(content_range(none), None, "{none:?}");
        }
        assert_eq!(content_range(" bytes 0-0/* "), Some((0..1, None)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_left(value in ".*", date in proptest::option::of(".*"), at in 0u64..1 << 36) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            let _ = retry_after(&value, date.as_deref(), now);
            prop_assert!(content_range(&value).is_none_or(|(range, _)| range.start < range.end));
        }

        #[test]
        fn parts_read_back(first in any::<u64>(), length in 1u64..1000, total in any::<u64>()) {
            prop_assume!(first.checked_add(length).is_some());
            let text = format!("bytes {first}-{}/{total}", first + length - 1);
            prop_assert_eq!(content_range(&text), Some((first..first + length, Some(total))));
        }

        #[test]
        fn dates_read_back(at in 0u64..1 << 36, later in 0u64..1 << 30) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
            let value = httpdate::fmt_http_date(now + Duration::from_secs(later));
            let date = httpdate::fmt_http_date(now);
            let wanted = Some(Duration::from_secs(later));
            prop_assert_eq!(retry_after(&value, Some(&date), SystemTime::UNIX_EPOCH), wanted);
            prop_assert_eq!(retry_after(&value, None, now), wanted);
        }
    }
}
