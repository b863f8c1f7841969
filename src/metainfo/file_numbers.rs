//! Numbers of files as people write them.

use std::ops::RangeInclusive;

/// `3` or `2-5`; `None` for anything else, and for a range that ends before it begins.
pub(super) fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    (from <= to).then_some(from..=to)
}

/// A number of digits alone: a sign is no part of it.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
