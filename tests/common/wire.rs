//! One end of a connection between peers, driven by a test: it says exactly what it is told to, and shows what it hears.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use ttui::wire::{BlockSpec, Message, PieceHeader};

/// No test waits longer for anything; under a paused clock that costs nothing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what must happen soon.
#[track_caller]
pub(crate) fn soon<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        match timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{place}: waited in vain: {what}"),
        }
    }
}

/// What is heard.
#[derive(Clone, PartialEq)]
pub(crate) enum Heard {
    /// Any message but a block.
    Message(Message),
    /// A block.
    Block(PieceHeader, Vec<u8>),
    /// The other side closed, or reset.
    End,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Block(header, _) => header.fmt(f),
            Self::End => f.write_str("the end"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Wire<T = TcpStream> {
    pub(crate) stream: T,
    unread: BytesMut,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { stream, unread: BytesMut::new() }
    }

    /// Sends bytes as they are. One that no longer listens hears nothing.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let write = async {
            self.stream.write_all(bytes).await?;
            // One that is encrypted may still have some.
            self.stream.flush().await
        };
        let _ = soon("the other side reads", write).await;
    }

    /// Sends messages, all in one write.
    pub(crate) async fn say(&mut self, messages: &[Message]) {
        let mut out = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut out));
        self.raw(&out).await;
    }

    pub(crate) async fn send_block(&mut self, spec: BlockSpec, content: &[u8]) {
        let header = PieceHeader { index: spec.index, begin: spec.begin, length: spec.length };
        self.raw(&[&header.to_bytes()[..], content].concat()).await;
    }

    /// The next thing heard.
    pub(crate) async fn hear(&mut self) -> Heard {
        soon("something is said", self.read()).await
    }

    /// What is heard within this time; `None`: nothing.
    pub(crate) async fn hear_within(&mut self, time: Duration) -> Option<Heard> {
        timeout(time, self.read()).await.ok()
    }

    /// Hears until something is what is looked for.
    pub(crate) async fn hear_until<R>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&Heard) -> Option<R>,
    ) -> R {
        let look = async {
            loop {
                let heard = self.read().await;
                if let Some(value) = found(&heard) {
                    return value;
                }
                assert_ne!(heard, Heard::End, "the connection ended before: {what}");
            }
        };
        soon(what, look).await
    }

    /// What is read and not yet heard is kept when this is given up half way.
    pub(crate) async fn read(&mut self) -> Heard {
        loop {
            if let Some(length) = self.unread.first_chunk().map(|prefix| u32::from_be_bytes(*prefix) as usize)
                && self.unread.len() >= 4 + length
            {
                let frame = self.unread.split_to(4 + length);
                return match Message::decode(&frame[4..]).expect("a sound message") {
                    Message::Piece(header) => Heard::Block(header, frame[13..].to_vec()),
                    message => Heard::Message(message),
                };
            }
            if !matches!(self.stream.read_buf(&mut self.unread).await, Ok(1..)) {
                return Heard::End;
            }
        }
    }
}
