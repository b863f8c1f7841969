//! What was said to the last wishes about torrents among others.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::event::{At, Severity};
use crate::ledger::Answer;
use crate::metainfo::InfoHash;

/// Answers that are kept: more than can come between two looks.
const KEPT: usize = 256;

/// The last answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    last: VecDeque<Arc<Answer>>,
    given: u64,
}

impl Answers {
    /// It was done.
    pub(super) fn note(&mut self, at: At, ticket: Option<u32>, torrent: Option<InfoHash>, text: String) {
        self.give(Answer { number: 0, at, ticket, torrent, severity: Severity::Info, text });
    }

    /// It cannot be done.
    pub(super) fn refuse(&mut self, at: At, ticket: Option<u32>, torrent: Option<InfoHash>, text: String) {
        self.give(Answer { number: 0, at, ticket, torrent, severity: Severity::Warn, text });
    }

    /// Those that are kept, the newest last.
    pub(super) fn all(&self) -> Vec<Arc<Answer>> {
        self.last.iter().cloned().collect()
    }

    /// Gives an answer; its number follows from those before.
    pub(super) fn give(&mut self, answer: Answer) {
        self.given += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Arc::new(Answer { number: self.given, ..answer }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_go_first_and_each_has_a_number_of_its_own() {
        let mut answers = Answers::default();
        for ticket in 0..300 {
            answers.note(At::ZERO, Some(ticket), None, "Added.".to_owned());
        }
        answers.refuse(At::ZERO, None, None, "No.".to_owned());
        let all = answers.all();
        assert_eq!((all.len(), all[0].number, all[255].number), (256, 46, 301));
        assert_eq!((all[0].ticket, all[255].severity), (Some(45), Severity::Warn));
    }
}
