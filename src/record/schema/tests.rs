//! Values written by one version and read by another.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::*;

/// Writes with a schema of its own, and reads with one that was read from what was written down.
fn through<T: Serialize, U: DeserializeOwned>(value: &T) -> Result<U, ReadError> {
    let (schema, bytes) = written(&[value]);
    let (value, rest) = read(&schema, &mut Unknown::default(), Root::Entry, &bytes)?;
    assert_eq!(rest, b"", "all of it is read");
    Ok(value)
}

fn written<T: Serialize>(values: &[T]) -> (Schema, Vec<u8>) {
    let (mut writing, mut reading, mut bytes) = (Schema::default(), Schema::default(), Vec::new());
    for value in values {
        write(&mut writing, Root::Entry, value, &mut bytes).unwrap();
        if let Some(added) = writing.take_added() {
            reading.read_added(&added).unwrap();
        }
    }
    assert_eq!(reading.shapes, writing.shapes);
    (reading, bytes)
}

mod old {
    use super::*;

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    pub(super) enum Kind {
        Here,
        Asked(Vec<u32>),
        Gone { at: u64, why: Option<String> },
    }

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    pub(super) struct Row {
        pub(super) number: u32,
        pub(super) dropped_later: (i64, bool),
        pub(super) kinds: Vec<Kind>,
        pub(super) best: Option<Kind>,
        pub(super) counts: BTreeMap<u8, Kind>,
        pub(super) text: String,
    }
}

mod new {
    use super::*;

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    pub(super) enum Kind {
        /// It came first among its own.
        Kept {
            since: u64,
        },
        Gone {
            why: Option<String>,
            at: u64,
            by: Option<u32>,
        },
        Asked(Vec<u32>),
        Here,
    }

    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    pub(super) struct Row {
        pub(super) text: String,
        #[serde(default)]
        pub(super) added: Vec<u64>,
        pub(super) counts: BTreeMap<u8, Kind>,
        pub(super) kinds: Vec<Kind>,
        pub(super) best: Option<Kind>,
        pub(super) number: u64,
        pub(super) also_added: Option<bool>,
    }
}

fn old_kind() -> impl Strategy<Value = old::Kind> {
    prop_oneof![
        Just(old::Kind::Here),
        proptest::collection::vec(any::<u32>(), 0..4).prop_map(old::Kind::Asked),
        (any::<u64>(), any::<Option<String>>()).prop_map(|(at, why)| old::Kind::Gone { at, why }),
    ]
}

prop_compose! {
    fn old_row()(
        number: u32, dropped_later: (i64, bool), kinds in proptest::collection::vec(old_kind(), 0..4),
        best in proptest::option::of(old_kind()), counts in proptest::collection::btree_map(any::<u8>(), old_kind(), 0..3),
        text: String,
    ) -> old::Row {
        old::Row { number, dropped_later, kinds, best, counts, text }
    }
}

fn new_kind() -> impl Strategy<Value = new::Kind> {
    prop_oneof![
        Just(new::Kind::Here),
        any::<u64>().prop_map(|since| new::Kind::Kept { since }),
        proptest::collection::vec(any::<u32>(), 0..4).prop_map(new::Kind::Asked),
        (any::<u64>(), any::<Option<String>>(), any::<Option<u32>>())
            .prop_map(|(at, why, by)| new::Kind::Gone { at, why, by }),
    ]
}

prop_compose! {
    fn new_row()(
        number in any::<u32>(), added: Vec<u64>, kinds in proptest::collection::vec(new_kind(), 0..4),
        best in proptest::option::of(new_kind()), counts in proptest::collection::btree_map(any::<u8>(), new_kind(), 0..3),
        text: String, also_added: Option<bool>,
    ) -> new::Row {
        new::Row { number: number.into(), added, kinds, best, counts, text, also_added }
    }
}

fn later(kind: old::Kind) -> new::Kind {
    match kind {
        old::Kind::Here => new::Kind::Here,
        old::Kind::Asked(whom) => new::Kind::Asked(whom),
        old::Kind::Gone { at, why } => new::Kind::Gone { why, at, by: None },
    }
}

fn earlier(kind: new::Kind) -> Option<old::Kind> {
    match kind {
        new::Kind::Kept { .. } => None,
        new::Kind::Here => Some(old::Kind::Here),
        new::Kind::Asked(whom) => Some(old::Kind::Asked(whom)),
        new::Kind::Gone { at, why, by: _ } => Some(old::Kind::Gone { at, why }),
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(rows in proptest::collection::vec(old_row(), 1..5)) {
        let (schema, bytes) = written(&rows);
        let mut rest = &bytes[..];
        for row in &rows {
            let (read, behind) = read::<old::Row>(&schema, &mut Unknown::default(), Root::Entry, rest).unwrap();
            prop_assert_eq!(&read, row);
            rest = behind;
        }
        prop_assert!(rest.is_empty());
        // The bytes are those of postcard.
        let positional: Vec<u8> = rows.iter().flat_map(|row| postcard::to_stdvec(row).unwrap()).collect();
        prop_assert_eq!(bytes, positional);
    }

    #[test]
    fn a_newer_version_reads_what_an_older_one_wrote(row in old_row()) {
        let read: new::Row = through(&row).unwrap();
        let old::Row { number, dropped_later: _, kinds, best, counts, text } = row;
        let expected = new::Row {
            text,
            added: Vec::new(),
            counts: counts.into_iter().map(|(key, kind)| (key, later(kind))).collect(),
            kinds: kinds.into_iter().map(later).collect(),
            best: best.map(later),
            number: number.into(),
            also_added: None,
        };
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn an_older_version_reads_what_it_knows_of_what_a_newer_one_wrote(row in new_row()) {
        #[derive(PartialEq, Debug, Deserialize)]
        struct Row {
            number: u32,
            kinds: Vec<old::Kind>,
            best: Option<old::Kind>,
            counts: BTreeMap<u8, old::Kind>,
            text: String,
        }
        let read: Row = through(&row).unwrap();
        let new::Row { text, counts, kinds, best, number, .. } = row;
        let expected = Row {
            number: number as u32,
            kinds: kinds.into_iter().filter_map(earlier).collect(),
            best: best.and_then(earlier),
            counts: counts.into_iter().filter_map(|(key, kind)| Some((key, earlier(kind)?))).collect(),
            text,
        };
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn changed_bytes_and_schemas_never_fail(
        rows in proptest::collection::vec(new_row(), 1..3),
        flips in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..5)
    ) {
        let (mut schema, mut bytes) = (Schema::default(), Vec::new());
        for row in &rows {
            write(&mut schema, Root::Entry, row, &mut bytes).unwrap();
        }
        let mut added = schema.take_added().unwrap();
        for (which, index, byte) in flips {
            let changed = if which { &mut added } else { &mut bytes };
            let at = index.index(changed.len());
            changed[at] = byte;
        }
        let mut schema = Schema::default();
        if schema.read_added(&added).is_err() {
            return Ok(());
        }
        let mut unknown = Unknown::default();
        drop(read::<old::Row>(&schema, &mut unknown, Root::Entry, &bytes));
        drop(read::<new::Row>(&schema, &mut unknown, Root::Entry, &bytes));
        drop(read::<IgnoredAny>(&schema, &mut unknown, Root::Entry, &bytes));
    }

    #[test]
    fn arbitrary_schemas_never_fail(added in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Schema::default().read_added(&added);
    }
}

#[test]
fn what_has_to_be_there_and_is_unknown_is_reported_by_its_name() {
    let row = (1u32, new::Kind::Kept { since: 3 });
    let error = through::<_, (u32, old::Kind)>(&row).unwrap_err();
    assert_eq!(error, ReadError::Unknown("Kept".to_owned()));
    assert_eq!(through::<_, (u32, IgnoredAny)>(&row).unwrap().0, 1);
    // Nothing else is unknown: a field without a default that is not there is a fault.
    #[derive(Debug, Deserialize)]
    struct Needs {
        #[expect(dead_code, reason = "it is never there")]
        nowhere: u32,
    }
    let error = through::<_, Needs>(&old::Kind::Here).unwrap_err();
    assert!(matches!(error, ReadError::Broken(_)), "{error}");
}

#[test]
fn fields_that_moved_into_a_struct_of_their_own_are_read_from_where_they_stood() {
    #[derive(Serialize)]
    enum Before {
        Said { name: Option<String>, peer: u32, takes: Vec<String>, last: bool },
    }
    #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
    enum After {
        #[serde(alias = "Said")]
        Told { peer: u32, info: Info, last: bool },
    }
    #[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
    #[serde(default)]
    struct Info {
        takes: Vec<String>,
        name: Option<String>,
        came_later: Option<u32>,
    }
    let (name, takes) = (Some("a client".to_owned()), vec!["ut_pex".to_owned()]);
    let before = Before::Said { name: name.clone(), peer: 7, takes: takes.clone(), last: true };
    let after = After::Told { peer: 7, info: Info { takes, name, came_later: None }, last: true };
    assert_eq!(through(&before), Ok(after.clone()));
    assert_eq!(through(&after), Ok(after), "and from where they stand now");
}

#[test]
fn types_that_are_not_written_alike_every_time_are_refused() {
    #[derive(Serialize)]
    struct Sometimes {
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<u8>,
    }
    let (mut schema, mut out) = (Schema::default(), Vec::new());
    let write = |schema: &mut _, field, out: &mut _| write(schema, Root::Entry, &Sometimes { field }, out);
    assert_eq!(write(&mut schema, Some(1), &mut out), Ok(()));
    assert!(write(&mut schema, None, &mut out).is_err());
}

/// A body of a few bytes, whose schema says that they are a lot.
#[test]
fn few_bytes_do_not_stand_for_many_values() {
    #[derive(Debug, Deserialize)]
    #[serde(default)]
    #[derive(Default)]
    struct Nothing {}
    let empty = Form::Struct(Vec::new());
    let schema = Schema::of([(Root::Entry, Form::List(Box::new(empty)))]);
    let many = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let unknown = &mut Unknown::default();
    let list = read::<Vec<Nothing>>(&schema, unknown, Root::Entry, &many).map(|(list, _)| list.len());
    assert_eq!(list, Err(ReadError::broken("more values than bytes")));
    assert!(read::<IgnoredAny>(&schema, unknown, Root::Entry, &many).is_err());
    assert_eq!(read::<Vec<Nothing>>(&schema, unknown, Root::Entry, &[3]).map(|(list, _)| list.len()), Ok(3));
}

#[test]
fn no_schema_is_deeper_or_larger_than_any_can_be() {
    let nested = |depth: usize| {
        let options: Vec<Addition> = (0..depth)
            .map(|at| Node(if at == 0 { 2 } else { (ROOTS + at - 1) as u32 }))
            .map(|node| Addition { node, what: Definition::Option })
            .collect();
        Schema::default().read_added(&postcard::to_stdvec(&options).unwrap())
    };
    assert_eq!(nested(usize::from(MOST_DEPTH)), Ok(()));
    assert_eq!(nested(usize::from(MOST_DEPTH) + 1), Err(Invalid("a schema larger than any can be")));
    let wide = vec![Addition { node: Node(2), what: Definition::Tuple(u32::MAX) }];
    let wide = Schema::default().read_added(&postcard::to_stdvec(&wide).unwrap());
    assert_eq!(wide, Err(Invalid("a schema larger than any can be")));
}
