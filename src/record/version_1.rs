//! Version 1: what stands where in its files, frozen.
//!
//! Files of version 1 hold no names: kinds and fields stand in the order in which they were declared then. The schema
//! that they lack is told here, once and for all, and is read like one that stands in a file. So they stay readable,
//! whatever becomes of the types that were written. Nothing here ever changes.

/// Values with names, in their order.
macro_rules! fields {
    ($($name:ident: $form:expr),* $(,)?) => { Form::Struct(vec![$((stringify!($name), $form)),*]) };
}

/// Kinds, in their order.
macro_rules! kinds {
    ($($name:ident: $form:expr),* $(,)?) => { Form::Kinds(vec![$((stringify!($name), $form)),*]) };
}

/// Kinds that hold nothing, in their order.
macro_rules! names {
    ($($name:ident),* $(,)?) => { Form::Kinds(vec![$((stringify!($name), UNIT)),*]) };
}

mod events;
mod snapshot;

use serde::Deserialize;

use super::codec::{What, Written};
use super::schema::{Form, Leaf, Root, Schema};
use crate::event::PeerKey;

/// An entry. Times are nanoseconds since the entry before.
#[derive(Deserialize)]
pub(super) enum Entry<E> {
    One(i64, E),
    Haves(i64, PeerKey, Vec<u32>),
    Sample(i64, PeerKey, u64, Vec<i64>),
}

impl<E> From<Entry<E>> for Written<What<E>> {
    fn from(entry: Entry<E>) -> Self {
        match entry {
            Entry::One(after, event) => Self { after, what: What::Event(event) },
            Entry::Haves(after, peer, gaps) => Self { after, what: What::Haves { peer, gaps } },
            Entry::Sample(after, peer, mask, changes) => {
                Self { after, what: What::Sample { peer, mask, changes } }
            }
        }
    }
}

/// The schema of all files of version 1. They know one torrent, and a snapshot is its ledger.
pub(super) fn schema() -> Schema {
    let entry = kinds! {
        One: tuple(vec![SIGNED, events::event()]),
        Haves: tuple(vec![SIGNED, UNSIGNED, list(UNSIGNED)]),
        Sample: tuple(vec![SIGNED, UNSIGNED, BYTE, list(SIGNED)]),
    };
    Schema::of([
        (Root::Facts, facts()),
        (Root::Snapshot, fields! { ledger: snapshot::ledger() }),
        (Root::Entry, entry),
        (Root::Sample, peer_sample()),
    ])
}

const UNIT: Form = Form::Leaf(Leaf::Unit);
const BOOL: Form = Form::Leaf(Leaf::Bool);
const BYTE: Form = Form::Leaf(Leaf::Byte);
const UNSIGNED: Form = Form::Leaf(Leaf::Unsigned);
const SIGNED: Form = Form::Leaf(Leaf::Signed);
const TEXT: Form = Form::Leaf(Leaf::Text);

fn option(value: Form) -> Form {
    Form::Option(Box::new(value))
}

fn list(item: Form) -> Form {
    Form::List(Box::new(item))
}

fn table(key: Form, value: Form) -> Form {
    Form::Table(Box::new(key), Box::new(value))
}

fn tuple(items: Vec<Form>) -> Form {
    Form::Tuple(items)
}

fn facts() -> Form {
    fields! {
        name: TEXT,
        info_hash: tuple(vec![BYTE; 20]),
        geometry: tuple(vec![UNSIGNED, UNSIGNED]),
        private: BOOL,
        files: list(fields! {
            path: TEXT,
            offset_bytes: UNSIGNED,
            length_bytes: UNSIGNED,
        }),
        output: TEXT,
        peer_id: TEXT,
    }
}

fn time() -> Form {
    fields! {
        secs: UNSIGNED,
        nanos: UNSIGNED,
    }
}

fn phase() -> Form {
    names! { Checking, Downloading, Seeding, Paused, Stopped }
}

fn severity() -> Form {
    names! { Good, Info, Warn, Error }
}

fn socket() -> Form {
    kinds! {
        V4: tuple(vec![tuple(vec![BYTE; 4]), UNSIGNED]),
        V6: tuple(vec![tuple(vec![BYTE; 16]), UNSIGNED]),
    }
}

fn ip() -> Form {
    kinds! {
        V4: tuple(vec![BYTE; 4]),
        V6: tuple(vec![BYTE; 16]),
    }
}

fn source() -> Form {
    kinds! {
        Tracker: UNSIGNED,
        Manual: UNIT,
        Incoming: UNIT,
        Resume: UNIT,
    }
}

fn answer() -> Form {
    fields! {
        peers: UNSIGNED,
        seeders: option(UNSIGNED),
        leechers: option(UNSIGNED),
        interval_s: UNSIGNED,
        warning: option(TEXT),
    }
}

fn tracker_error() -> Form {
    names! {
        dns_failed, connect_failed, timeout, tls_failed, http_status, not_a_tracker, bad_answer, refused,
        redirect_refused, unsupported_url,
    }
}

fn announce_kind() -> Form {
    names! { Started, Interval, Completed, Stopped }
}

fn sample() -> Form {
    fields! {
        down_bps: UNSIGNED,
        up_bps: UNSIGNED,
    }
}

fn peer_sample() -> Form {
    fields! {
        down_bps: UNSIGNED,
        up_bps: UNSIGNED,
        down_bytes: UNSIGNED,
        up_bytes: UNSIGNED,
        requests_out: UNSIGNED,
        request_target: UNSIGNED,
        oldest_request_ms: UNSIGNED,
        latency_ms: UNSIGNED,
    }
}

fn direction() -> Form {
    names! { Out, In }
}

fn transport() -> Form {
    names! { Tcp, Utp }
}

fn encryption() -> Form {
    names! { Plain, Mse }
}

fn os_error() -> Form {
    fields! {
        code: option(SIGNED),
        text: TEXT,
    }
}

fn looks_like() -> Form {
    names! { http, tls, ssh, smtp, ftp, encrypted, zeros, unknown }
}

fn payload() -> Form {
    names! { plain, rc4 }
}

fn piece_set() -> Form {
    fields! {
        len: UNSIGNED,
        bytes: list(BYTE),
    }
}

fn blocks() -> Form {
    list(fields! {
        count: UNSIGNED,
        state: kinds! {
            Free: UNIT,
            Asked: list(UNSIGNED),
            Here: UNSIGNED,
        },
    })
}
