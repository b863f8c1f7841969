//! What a filter may say, for the help and the manual.

use crate::event::Source;
use crate::ledger::PeerRecord;
use crate::ui::columns::PEER_COLUMNS;
use crate::ui::grid::{Column, ColumnFilter};

/// What a filter of the peers may say: an example and what it takes, for the help and the manual.
pub fn grammar() -> Vec<(String, String)> {
    let ids = |wanted: fn(&ColumnFilter<PeerRecord>) -> bool| {
        let columns = PEER_COLUMNS.iter().filter(|column| wanted(&column.filter));
        columns.map(|column| column.id).collect::<Vec<_>>().join(" ")
    };
    let texts = ids(|filter| matches!(filter, ColumnFilter::Words(..) | ColumnFilter::Text(..)));
    let numbers = ids(|filter| matches!(filter, ColumnFilter::Number(..)));
    let sources = Source::KINDS
        .iter()
        .filter(|kind| kind.tracker().is_none())
        .map(|source| format!("source:{}", source.info().code));
    let rows = [
        ("words", "in any column, and all of them; \"no answer\" in quotes is one word".to_owned()),
        ("state:failed", format!("a word in one column: {texts}")),
        ("down>10k", format!("a number, by = < <= > or >=: {numbers}")),
        ("has:17", "those that have piece 17; has<100 is how much they have, in percent".to_owned()),
        ("source:HOST", format!("those that this tracker named; {}", sources.collect::<Vec<_>>().join(", "))),
    ];
    rows.map(|(example, takes)| (example.to_owned(), takes)).into()
}

/// An example of a filter by each column, and what the column shows.
pub fn examples() -> Vec<(&'static str, &'static str)> {
    let example = |column: &'static Column<PeerRecord>| match column.filter {
        ColumnFilter::Words(example, _)
        | ColumnFilter::Text(example, _)
        | ColumnFilter::Number(example, _, _) => Some((example, column.help)),
        ColumnFilter::Nothing => None,
    };
    PEER_COLUMNS.iter().filter_map(example).collect()
}
