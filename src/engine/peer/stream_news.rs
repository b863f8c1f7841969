//! When it is told how the uTP stream below a connection goes.

use crate::event::{At, StreamFigures};

/// It is told this often while anything changes, and more often at first; at the end once more, whenever that is.
const EVERY: At = At::from_secs(10);
/// No more often than this.
const LEAST: At = At::from_secs(1);

/// What was last told of a stream.
#[derive(Debug, Default)]
pub(super) struct StreamNews {
    /// When it was looked at first and last. Asking costs the lock that all streams share.
    looked: Option<(At, At)>,
    /// Most connections are over TCP and have none.
    told: Option<Box<StreamFigures>>,
}

impl StreamNews {
    /// Whether it is time to look: at once, and then after as long as it was looked at by then, which is little at first.
    pub(super) fn is_due(&mut self, now: At) -> bool {
        let (first, last) = self.looked.unwrap_or((now, now));
        let wait = last.saturating_sub(first).clamp(LEAST, EVERY);
        let due = self.looked.is_none() || now.saturating_sub(last) >= wait;
        if due {
            self.looked = Some((first, now));
        }
        due
    }

    /// The figures, where they are not those that were told last.
    pub(super) fn take(&mut self, figures: StreamFigures) -> Option<StreamFigures> {
        let news = self.told.as_deref() != Some(&figures);
        if news {
            self.told = Some(Box::new(figures));
        }
        news.then_some(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_at_often_at_first_then_every_ten_seconds_and_the_same_is_told_once() {
        let mut news = StreamNews::default();
        let due: Vec<u64> = (1..40).filter(|second| news.is_due(At::from_secs(*second))).collect();
        assert_eq!(due, [1, 2, 3, 5, 9, 17, 27, 37]);
        let one = StreamFigures { sent: 1, ..StreamFigures::default() };
        let other = StreamFigures { sent: 2, ..StreamFigures::default() };
        let told: Vec<bool> = [one, one, other, one].map(|figures| news.take(figures).is_some()).into();
        assert_eq!(told, [true, false, true, true]);
    }
}
