//! What the head of an answer says of the bytes behind it.

use std::ops::Range;
use std::time::Duration;

use crate::event::Cause;
use crate::swarm::WebFailure;
use crate::units::{self, Units};
use crate::wire::http_fields::content_range;

/// What of a whole file may be read in vain to come to what was asked for, bytes.
pub(super) const CHEAP_BYTES: u64 = 1024 * 1024;

/// The head of an answer, as far as it matters.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) content_length: Option<u64>,
    pub(super) content_range: Option<String>,
    pub(super) content_type: Option<String>,
    /// How long it wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// What follows the head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Body {
    /// What was asked for.
    Part,
    /// The whole file, from its beginning.
    Whole,
}

impl Head {
    /// Holds it against what was asked for: these bytes of a file so long.
    ///
    /// # Errors
    ///
    /// Where what follows is of no use.
    pub(super) fn judge(&self, asked: &Range<u64>, file_length: u64) -> Result<Body, WebFailure> {
        let wrong = |detail: String| WebFailure::new(Cause::WrongLength, Some(self.status), detail);
        let lengths =
            |there: u64| format!("the file there has {there} bytes, in the torrent it has {file_length}");
        match self.status {
            206 => {
                let Some(range) = &self.content_range else {
                    let whole = self.content_length == Some(asked.end - asked.start);
                    return if whole {
                        Ok(Body::Part)
                    } else {
                        Err(wrong("a part of the file, of which it does not say which".to_owned()))
                    };
                };
                let Some((there, total)) = content_range(range) else {
                    return Err(wrong("a part of the file that is none".to_owned()));
                };
                if let Some(total) = total.filter(|total| *total != file_length) {
                    return Err(wrong(lengths(total)));
                }
                if there != *asked {
                    return Err(wrong("another part of the file than was asked for".to_owned()));
                }
                Ok(Body::Part)
            }
            200 => {
                let is_page = self.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/html"));
                if self.content_length != Some(file_length) && is_page {
                    let detail = "it sends a page (text/html) in place of the file";
                    return Err(WebFailure::new(Cause::HttpStatus, Some(200), detail));
                }
                if let Some(there) = self.content_length.filter(|there| *there != file_length) {
                    return Err(wrong(lengths(there)));
                }
                if asked.start > CHEAP_BYTES {
                    let vain = units::bytes(asked.start, Units::Binary);
                    let detail = format!("it gives whole files only; {vain} would come in vain");
                    return Err(WebFailure::new(Cause::RangeRefused, Some(200), detail));
                }
                Ok(Body::Whole)
            }
            416 => Err(WebFailure::new(
                Cause::RangeRefused,
                Some(416),
                "it says that the file there does not reach so far",
            )),
            status => Err(WebFailure {
                retry_after: self.retry_after,
                ..WebFailure::new(Cause::HttpStatus, Some(status), format!("it answered {status}"))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ASKED: Range<u64> = 100..300;
    const LENGTH: u64 = 1000;

    fn part(range: &str) -> Head {
        Head { status: 206, content_range: Some(range.to_owned()), ..Head::default() }
    }

    fn whole(content_length: u64) -> Head {
        Head { status: 200, content_length: Some(content_length), ..Head::default() }
    }

    fn cause(head: &Head) -> Option<Cause> {
        head.judge(&ASKED, LENGTH).err().map(|failure| failure.cause)
    }

    #[test]
    fn a_part_is_taken_where_it_is_the_one_that_was_asked_for() {
        for range in ["bytes 100-299/1000", " bytes 100-299/*"] {
            assert_eq!(part(range).judge(&ASKED, LENGTH), Ok(Body::Part), "{range}");
        }
        for range in
            ["bytes 100-298/1000", "bytes 0-199/1000", "bytes 100-299/1001", "bytes 5", "pages 1-2/3"]
        {
            assert_eq!(cause(&part(range)), Some(Cause::WrongLength), "{range}");
        }
        let unsaid = |length| Head { status: 206, content_length: Some(length), ..Head::default() };
        assert_eq!((cause(&unsaid(200)), cause(&unsaid(201))), (None, Some(Cause::WrongLength)));
    }

    #[test]
    fn a_whole_file_is_taken_where_little_of_it_is_in_vain() {
        assert_eq!(whole(LENGTH).judge(&ASKED, LENGTH), Ok(Body::Whole));
        assert_eq!(cause(&whole(999)), Some(Cause::WrongLength));
        let far = CHEAP_BYTES + 1..CHEAP_BYTES + 2;
        let failure = whole(1 << 30).judge(&far, 1 << 30).unwrap_err();
        assert_eq!((failure.cause, failure.status), (Cause::RangeRefused, Some(200)));
        let page = Head { content_type: Some("text/html; charset=utf-8".to_owned()), ..whole(3000) };
        assert_eq!(cause(&page), Some(Cause::HttpStatus));
        let book = Head { content_length: Some(LENGTH), ..page };
        assert_eq!(cause(&book), None, "a torrent may be of pages");
    }

    #[test]
    fn what_a_server_refuses_has_its_status_and_when_to_ask_again() {
        let refused = |status, retry_after: Option<Duration>| {
            Head { status, retry_after, ..Head::default() }.judge(&ASKED, LENGTH).unwrap_err()
        };
        for status in [403, 404, 429, 500, 503] {
            assert_eq!(
                (refused(status, None).cause, refused(status, None).status),
                (Cause::HttpStatus, Some(status))
            );
        }
        assert_eq!(refused(416, None).cause, Cause::RangeRefused);
        let asked = Some(Duration::from_secs(120));
        assert_eq!(refused(503, asked).retry_after, asked);
    }

    proptest! {
        #[test]
        fn no_head_is_too_strange(status in any::<u16>(), length in any::<Option<u64>>(), range in ".*", kind in ".*") {
            let head = Head {
                status, content_length: length, content_range: Some(range), content_type: Some(kind), ..Head::default()
            };
            let _ = head.judge(&ASKED, LENGTH);
        }
    }
}
