//! Metadata on one connection (BEP 9): the parts we asked it for, and those it asks us for.

use std::collections::VecDeque;

use bytes::Bytes;

use super::output::Output;
use super::{Fault, MetadataNews};
use crate::event::Cause;
use crate::wire::{
    ExtensionHandshake, METADATA_NAME, METADATA_PART_BYTES, Message, MetadataMessage, metadata_part_bytes,
};

/// The number we ask for such messages under.
pub const METADATA_MESSAGE: u8 = 2;
/// How many times over a peer gets the whole on one connection.
const MOST_TIMES: u64 = 3;
/// Bytes on their way to a peer from which on no further part follows until it reads.
const MOST_UNREAD_BYTES: usize = 4 * METADATA_PART_BYTES as usize;
/// Requests that are refused before they are a flood.
const MOST_REFUSED: u32 = 1000;
/// Answers to nothing that we asked, some of which may be late, before they are a fault.
const MOST_UNASKED: u32 = 64;
/// Requests of ours that are remembered without an answer.
const MOST_ASKED: usize = 16;

/// Metadata as they stand on a connection.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// The number that the peer takes such messages under, if it does.
    theirs: Option<u8>,
    /// The parts we asked for, without an answer yet.
    asked: VecDeque<u32>,
    unasked: u32,
    /// The parts it asked for and will get.
    waiting: VecDeque<u32>,
    /// Bytes it got or will get.
    granted_bytes: u64,
    refused: u32,
    held: bool,
}

impl Metadata {
    /// The peer introduces itself.
    pub(super) fn introduced(&mut self, theirs: &ExtensionHandshake) {
        self.theirs = theirs.id_of(METADATA_NAME);
    }

    /// Sends no part while held.
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Asks for a part. One that cannot be asked for, because the peer takes no such messages any more, is as good as
    /// refused.
    pub(super) fn ask(&mut self, part: u32, output: &mut Output) -> Option<MetadataNews> {
        let Some(message) = self.message(&MetadataMessage::Request { part }) else {
            return Some(MetadataNews::Refused { part });
        };
        output.push(&message);
        self.asked.push_back(part);
        if self.asked.len() > MOST_ASKED {
            self.asked.pop_front();
        }
        None
    }

    /// The peer says something, and we have `info` or not; what of it is news.
    ///
    /// # Errors
    ///
    /// When it is no such message, or too much of it.
    pub(super) fn hear(
        &mut self,
        payload: &[u8],
        info: Option<&Bytes>,
        output: &mut Output,
    ) -> Result<Option<MetadataNews>, Fault> {
        let message = MetadataMessage::decode(payload)
            .map_err(|error| Fault::new(Cause::BadExtensionMessage, format!("metadata: {error}")))?;
        let (part, news) = match message {
            None => return Ok(None),
            Some(MetadataMessage::Request { part }) => {
                self.asks(part, info, output)?;
                return Ok(None);
            }
            Some(MetadataMessage::Data { part, total_bytes, bytes }) => {
                (part, MetadataNews::Part { part, total_bytes, bytes })
            }
            Some(MetadataMessage::Reject { part }) => (part, MetadataNews::Refused { part }),
        };
        let Some(nth) = self.asked.iter().position(|asked| *asked == part) else {
            self.unasked += 1;
            if self.unasked > MOST_UNASKED {
                let detail = "metadata: it sends again and again what it was not asked for";
                return Err(Fault::new(Cause::BadExtensionMessage, detail));
            }
            return Ok(None);
        };
        self.asked.remove(nth);
        Ok(Some(news))
    }

    /// The peer asks for a part.
    fn asks(&mut self, part: u32, info: Option<&Bytes>, output: &mut Output) -> Result<(), Fault> {
        let total_bytes = info.map_or(0, |info| length_of(info.len() as u64));
        let after = self.granted_bytes + u64::from(metadata_part_bytes(total_bytes, part));
        if after > self.granted_bytes && after <= MOST_TIMES * u64::from(total_bytes) {
            self.granted_bytes = after;
            self.waiting.push_back(part);
            return Ok(());
        }
        self.refused += 1;
        if self.refused > MOST_REFUSED {
            return Err(Fault::new(Cause::RequestFlood, "it asks for metadata again and again"));
        }
        self.message(&MetadataMessage::Reject { part }).into_iter().for_each(|message| output.push(&message));
        Ok(())
    }

    /// Whether it waits for parts, and may have them now.
    pub(super) fn owes(&self) -> bool {
        !self.waiting.is_empty() && !self.held
    }

    /// Sends the parts that it waits for, as many as it reads.
    pub(super) fn go_on(&mut self, info: Option<&Bytes>, output: &mut Output) {
        if !self.owes() {
            return;
        }
        while let Some(info) = info.filter(|_| output.small_bytes() < MOST_UNREAD_BYTES)
            && let Some(part) = self.waiting.pop_front()
        {
            let total_bytes = length_of(info.len() as u64);
            let begin = (part * METADATA_PART_BYTES) as usize;
            let bytes = info.slice(begin..begin + metadata_part_bytes(total_bytes, part) as usize);
            let data = MetadataMessage::Data { part, total_bytes: Some(total_bytes), bytes };
            self.message(&data).into_iter().for_each(|message| output.push(&message));
        }
    }

    /// The message under the peer's number; none where it takes none.
    fn message(&self, said: &MetadataMessage) -> Option<Message> {
        Some(Message::Extended { id: self.theirs?, payload: said.encode().into() })
    }
}

/// Bytes of the whole; no `info` is as long as 32 bits go.
pub(super) fn length_of(info_bytes: u64) -> u32 {
    u32::try_from(info_bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::metadata_parts;

    fn takes(number: u8) -> ExtensionHandshake {
        ExtensionHandshake {
            messages: vec![(METADATA_NAME.to_owned(), number)],
            ..ExtensionHandshake::default()
        }
    }

    fn info(bytes: usize) -> Bytes {
        (0..bytes).map(|n| (n % 251) as u8).collect()
    }

    fn joined() -> (Metadata, Output) {
        let mut metadata = Metadata::default();
        metadata.introduced(&takes(7));
        (metadata, Output::default())
    }

    /// What was written, which is read by the peer.
    fn said(output: &mut Output) -> Vec<MetadataMessage> {
        let written: Vec<u8> =
            output.write_with(|slices| slices.iter().flat_map(|slice| slice.to_vec()).collect());
        output.advance(written.len());
        let (mut rest, mut messages) = (&written[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk() {
            let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            let Ok(Message::Extended { id: 7, payload }) = Message::decode(frame) else {
                panic!("{frame:?}")
            };
            messages.extend(MetadataMessage::decode(&payload).unwrap());
            rest = after;
        }
        messages
    }

    fn data(part: u32, bytes: &Bytes) -> MetadataMessage {
        MetadataMessage::Data { part, total_bytes: Some(20_000), bytes: bytes.clone() }
    }

    #[test]
    fn what_was_asked_for_is_news_once() {
        let (mut metadata, mut output) = joined();
        let bytes = info(5);
        assert_eq!(metadata.ask(1, &mut output), None);
        assert_eq!(metadata.ask(2, &mut output), None);
        let asked = [1, 2].map(|part| MetadataMessage::Request { part });
        assert_eq!(said(&mut output), asked);
        let mut hear = |message: &MetadataMessage| metadata.hear(&message.encode(), None, &mut output);
        assert_eq!(hear(&data(0, &bytes)), Ok(None), "nobody asked for that one");
        let news = MetadataNews::Part { part: 1, total_bytes: Some(20_000), bytes: bytes.clone() };
        assert_eq!(hear(&data(1, &bytes)), Ok(Some(news)));
        assert_eq!(hear(&data(1, &bytes)), Ok(None));
        let refused = MetadataMessage::Reject { part: 2 };
        assert_eq!(hear(&refused), Ok(Some(MetadataNews::Refused { part: 2 })));
        assert_eq!(hear(&data(2, &bytes)), Ok(None), "late after a refusal");
        let fault = (0..100).find_map(|_| hear(&refused).err()).unwrap();
        assert_eq!(fault.cause, Cause::BadExtensionMessage);
        assert!(output.is_empty(), "nothing of it is answered");
    }

    #[test]
    fn one_that_takes_no_such_messages_is_not_asked() {
        let (mut metadata, mut output) = joined();
        metadata.introduced(&ExtensionHandshake::default());
        assert_eq!(metadata.ask(0, &mut output), Some(MetadataNews::Refused { part: 0 }));
        let asks = MetadataMessage::Request { part: 0 }.encode();
        assert_eq!(metadata.hear(&asks, Some(&info(5)), &mut output), Ok(None));
        metadata.go_on(Some(&info(5)), &mut output);
        assert!(output.is_empty(), "nor is it answered");
    }

    #[test]
    fn it_gets_what_it_asks_for() {
        let (mut metadata, mut output) = joined();
        let info = info(40_000);
        let mut got = vec![0; info.len()];
        for part in [2, 0, 1] {
            let asks = MetadataMessage::Request { part }.encode();
            assert_eq!(metadata.hear(&asks, Some(&info), &mut output), Ok(None));
        }
        metadata.go_on(Some(&info), &mut output);
        for message in said(&mut output) {
            let MetadataMessage::Data { part, total_bytes, bytes } = message else { panic!("{message:?}") };
            assert_eq!(total_bytes, Some(40_000));
            let begin = (part * METADATA_PART_BYTES) as usize;
            got[begin..begin + bytes.len()].copy_from_slice(&bytes);
        }
        assert_eq!(got, info);
    }

    #[test]
    fn what_we_have_not_is_refused_and_asking_for_it_for_ever_is_a_flood() {
        let (mut metadata, mut output) = joined();
        let mut hear = |part, info: Option<&Bytes>| {
            let heard = metadata.hear(&MetadataMessage::Request { part }.encode(), info, &mut output);
            metadata.go_on(info, &mut output);
            heard.map(|_| said(&mut output))
        };
        let info = info(40_000);
        for (part, info) in [(0, None), (3, Some(&info)), (u32::MAX, Some(&info))] {
            assert_eq!(hear(part, info), Ok(vec![MetadataMessage::Reject { part }]));
        }
        let fault = (0..2000).find_map(|_| hear(0, None).err()).unwrap();
        assert_eq!(fault.cause, Cause::RequestFlood);
    }

    #[test]
    fn the_whole_goes_out_three_times_at_most() {
        let (mut metadata, mut output) = joined();
        let info = info(40_000);
        let mut sent = 0;
        for part in (0..3).cycle().take(600) {
            let asks = MetadataMessage::Request { part }.encode();
            metadata.hear(&asks, Some(&info), &mut output).unwrap();
            metadata.go_on(Some(&info), &mut output);
            let is_data = |message: &MetadataMessage| matches!(message, MetadataMessage::Data { .. });
            sent += said(&mut output).iter().filter(|message| is_data(message)).count();
        }
        assert_eq!(sent, 9);
    }

    #[test]
    fn one_that_reads_nothing_is_sent_a_few_parts_and_the_rest_when_it_reads() {
        let (mut metadata, mut output) = joined();
        let info = info(2_000_000);
        let parts = metadata_parts(length_of(info.len() as u64));
        for part in 0..parts {
            metadata.hear(&MetadataMessage::Request { part }.encode(), Some(&info), &mut output).unwrap();
            metadata.go_on(Some(&info), &mut output);
        }
        assert!(output.small_bytes() < MOST_UNREAD_BYTES + 17_000, "{}", output.small_bytes());
        let mut read = 0;
        while !output.is_empty() {
            read += said(&mut output).len();
            metadata.hold(read > 40);
            metadata.go_on(Some(&info), &mut output);
        }
        assert!(read < parts as usize, "it was held");
        metadata.hold(false);
        metadata.go_on(Some(&info), &mut output);
        while !output.is_empty() {
            read += said(&mut output).len();
            metadata.go_on(Some(&info), &mut output);
        }
        assert_eq!(read, parts as usize);
    }
}
