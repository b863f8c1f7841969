//! How a screen shares its rows among its parts. A screen lists its parts from top to bottom, and what they claim in order
//! of importance:
//!
//! ```text
//! parts   title, graph, peers
//! claims  title 1 · peers, the whole of 5 · graph up to a third · peers up to all · graph the rest
//! ```
//!
//! Rows are given to the claims in that order until none is left. So a row more never takes one from a part that is more
//! important, and nothing stays blank while a claim is not met. ratatui's constraints know no such order: they share
//! what is missing among all. Its `Layout` divides columns.

use ratatui::layout::Rect;

/// A part's claim to be so many rows high.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim<N> {
    part: N,
    rows: u16,
    /// With fewer rows the part says nothing more than before: then it takes none.
    whole: bool,
}

/// So many rows, or as many of them as there are.
pub(crate) const fn up_to<N>(part: N, rows: u16) -> Claim<N> {
    Claim { part, rows, whole: false }
}

/// So many rows, or no more than it has already.
pub(crate) const fn whole<N>(part: N, rows: u16) -> Claim<N> {
    Claim { part, rows, whole: true }
}

/// Whatever nobody else claims.
pub(crate) const fn rest<N>(part: N) -> Claim<N> {
    up_to(part, u16::MAX)
}

/// Where the parts of a screen stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Flow<N> {
    parts: Vec<(N, Rect)>,
}

impl<N: Copy + PartialEq> Flow<N> {
    /// Shares the rows of an area among these parts, which stand below each other in this order.
    pub(crate) fn new(area: Rect, parts: &[N], claims: &[Claim<N>]) -> Self {
        let mut heights = vec![0_u16; parts.len()];
        let mut left = area.height;
        for claim in claims {
            let Some(at) = parts.iter().position(|part| *part == claim.part) else { continue };
            let wanted = claim.rows.saturating_sub(heights[at]);
            let given = if claim.whole && wanted > left { 0 } else { wanted.min(left) };
            heights[at] += given;
            left -= given;
        }
        let mut y = area.y;
        let placed = parts.iter().zip(heights).map(|(part, height)| {
            let place = Rect { y, height, ..area };
            y += height;
            (*part, place)
        });
        Self { parts: placed.collect() }
    }

    /// The place of a part; without rows where it has none.
    pub(crate) fn of(&self, part: N) -> Rect {
        self.parts.iter().find(|(other, _)| *other == part).map_or_else(Rect::default, |(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heights<N: Copy + PartialEq>(rows: u16, parts: &[N], claims: &[Claim<N>]) -> Vec<u16> {
        let flow = Flow::new(Rect::new(3, 2, 40, rows), parts, claims);
        flow.parts.iter().map(|(_, place)| place.height).collect()
    }

    #[test]
    fn rows_go_to_the_claims_in_their_order() {
        let claims = [up_to('a', 1), whole('c', 3), up_to('b', 2), up_to('c', 5), rest('b')];
        let parts = ['a', 'b', 'c'];
        assert_eq!(heights(0, &parts, &claims), [0, 0, 0]);
        assert_eq!(heights(3, &parts, &claims), [1, 2, 0]);
        assert_eq!(heights(5, &parts, &claims), [1, 1, 3]);
        assert_eq!(heights(7, &parts, &claims), [1, 2, 4]);
        assert_eq!(heights(20, &parts, &claims), [1, 14, 5]);
    }

    #[test]
    fn a_part_that_no_screen_has_is_nowhere() {
        let flow = Flow::new(Rect::new(0, 0, 9, 9), &['a'], &[rest('b'), up_to('a', 2)]);
        assert_eq!((flow.of('b'), flow.of('a').height), (Rect::default(), 2));
    }

    fn any_claims() -> impl Strategy<Value = Vec<Claim<u8>>> {
        let claim = (0u8..6, prop_oneof![0u16..12, Just(u16::MAX)], any::<bool>());
        let claim = claim.prop_map(|(part, rows, whole)| Claim { part, rows, whole });
        proptest::collection::vec(claim, 0..14)
    }

    proptest! {
        #[test]
        fn parts_stand_in_their_order_without_gaps(claims in any_claims(), rows in 0u16..120) {
            let area = Rect::new(3, 2, 40, rows);
            let flow = Flow::new(area, &[0, 1, 2, 3, 4, 5], &claims);
            let mut y = area.y;
            for (_, place) in &flow.parts {
                prop_assert_eq!((place.y, place.x, place.width), (y, area.x, area.width));
                y += place.height;
            }
            prop_assert!(y <= area.bottom());
        }

        #[test]
        fn nothing_is_blank_while_a_claim_is_not_met(claims in any_claims(), rows in 0u16..120) {
            let parts = [0, 1, 2, 3, 4, 5];
            let given = heights(rows, &parts, &claims);
            let blank = rows - given.iter().sum::<u16>();
            for claim in claims {
                let missing = claim.rows.saturating_sub(given[usize::from(claim.part)]);
                prop_assert!(missing == 0 || blank == 0 || claim.whole && missing > blank, "{:?}", claim);
            }
        }

        #[test]
        fn a_row_more_takes_none_from_what_is_more_important(claims in any_claims(), rows in 0u16..120) {
            let parts = [0, 1, 2, 3, 4, 5];
            // After each of its claims, a part that has fewer rows lost them to a claim before that.
            let mut grew = false;
            for upto in 1..=claims.len() {
                let (less, more) = (&claims[..upto], rows + 1);
                let (before, after) = (heights(rows, &parts, less), heights(more, &parts, less));
                let lost = before.iter().zip(&after).any(|(before, after)| after < before);
                prop_assert!(grew || !lost, "{:?}", less);
                grew |= before != after;
            }
        }
    }
}
