//! What events are made of, part by part: whether a part may be shown as it is follows from its type, so that no
//! address and no word of a stranger is passed over.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::{
    AnnounceKind, At, Attempt, BlockRun, Cause, Direction, DiskSample, Encryption, Finder, FinderStatus,
    LooksLike, Payload, PeerKey, PeerSample, Phase, Sample, Severity, Side, Source, TrackerError, TrackerKey,
    Transport, WebSeedKey,
};
use crate::metainfo::{Bitfield, Choice, PeerId, PieceIndex};

/// What looks at every part.
pub(crate) trait Inspect {
    /// What a stranger, the system or we said.
    fn text(&mut self, text: &mut String);
    /// Where somebody is.
    fn ip(&mut self, ip: &mut IpAddr);
    /// A time of the run.
    fn time(&mut self, _: At) {}
    /// A piece.
    fn piece(&mut self, _: PieceIndex) {}
    /// Bytes a second.
    fn rate(&mut self, _: u64) {}
    /// Bytes.
    fn total(&mut self, _: u64) {}
    /// As much of a handshake as went over a connection.
    fn handshake(&mut self, _: &[u8]) {}
}

/// What has parts, or is one.
pub(crate) trait Parts {
    /// Shows every part.
    fn each(&mut self, inspect: &mut dyn Inspect);
}

/// Tells the fields of a type, all of them: one that is left out does not compile.
macro_rules! parts {
    (enum $name:ident: $($kind:ident $({ $($field:ident)* })? $(($only:ident))?,)*) => {
        impl $crate::event::parts::Parts for $name {
            fn each(&mut self, inspect: &mut dyn $crate::event::parts::Inspect) {
                match self {
                    $(Self::$kind $({ $($field),* })? $(($only))? => {
                        $($($crate::event::parts::Parts::each($field, inspect);)*)?
                        $($crate::event::parts::Parts::each($only, inspect);)?
                    })*
                }
            }
        }
    };
    ($name:ident: $($field:ident)*) => {
        impl $crate::event::parts::Parts for $name {
            fn each(&mut self, inspect: &mut dyn $crate::event::parts::Inspect) {
                let Self { $($field),* } = self;
                $($crate::event::parts::Parts::each($field, inspect);)*
            }
        }
    };
}
pub(crate) use parts;

/// What tells nothing of anybody, whatever it is.
macro_rules! harmless {
    ($($name:ty),* $(,)?) => {
        $(impl $crate::event::parts::Parts for $name {
            fn each(&mut self, _: &mut dyn $crate::event::parts::Inspect) {}
        })*
    };
}
pub(crate) use harmless;

harmless! {
    bool, u16, u32, i32, [u8; 8], PeerId, Arc<Bitfield>, Arc<Choice>, PeerKey, TrackerKey, Phase, Severity, Side, Source, Cause,
    Direction, Transport, Encryption, Payload, LooksLike, AnnounceKind, TrackerError, Vec<PeerKey>, Vec<BlockRun>,
    Vec<Source>, Finder, FinderStatus, WebSeedKey,
}

/// What is told of a type.
macro_rules! told {
    ($($name:ty: $part:ident, $inspect:ident => $how:expr;)*) => {
        $(impl Parts for $name {
            fn each(&mut self, $inspect: &mut dyn Inspect) {
                let $part = self;
                $how
            }
        })*
    };
}

told! {
    String: text, to => to.text(text);
    IpAddr: ip, to => to.ip(ip);
    SocketAddr: addr, to => {
        let mut ip = addr.ip();
        to.ip(&mut ip);
        addr.set_ip(ip);
    };
    At: at, to => to.time(*at);
    PieceIndex: piece, to => to.piece(*piece);
    // Where no type says otherwise, so large a number counts bytes, and bytes are those of a handshake.
    u64: bytes, to => to.total(*bytes);
    Vec<u8>: bytes, to => to.handshake(bytes);
    Vec<String>: texts, to => texts.iter_mut().for_each(|text| to.text(text));
    Vec<Attempt>: attempts, to => attempts.iter_mut().for_each(|attempt| attempt.each(to));
    Sample: sample, to => [sample.down_bps, sample.up_bps].into_iter().for_each(|bps| to.rate(bps));
    PeerSample: sample, to => {
        [sample.down_bps, sample.up_bps].into_iter().for_each(|bps| to.rate(bps));
        [sample.down_bytes, sample.up_bytes].into_iter().for_each(|bytes| to.total(bytes));
    };
    DiskSample: disk, to => {
        to.rate(disk.written_bps);
        [disk.pending_bytes, disk.memory_bytes].into_iter().for_each(|bytes| to.total(bytes));
    };
}

impl<T: Parts> Parts for Option<T> {
    fn each(&mut self, inspect: &mut dyn Inspect) {
        self.iter_mut().for_each(|part| part.each(inspect));
    }
}

impl<T: Parts> Parts for Box<T> {
    fn each(&mut self, inspect: &mut dyn Inspect) {
        T::each(self, inspect);
    }
}

impl<A: Parts, B: Parts> Parts for (A, B) {
    fn each(&mut self, inspect: &mut dyn Inspect) {
        self.0.each(inspect);
        self.1.each(inspect);
    }
}
