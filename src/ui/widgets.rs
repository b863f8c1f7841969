//! The drawings, each in one place.
//!
//! | file | draws |
//! |---|---|
//! | `rule` | the thin rule above a panel, with what is worth knowing of it |
//! | `large` | a number of two or three rows |
//! | `bar` | how much is done: a bar with its percentage, a thin line, eighths of a cell, parts behind each other |
//! | `graph` | values over time: curves, and their scales |
//! | `spark` | what fits into a cell of a table: a small bar, and a curve of one row |
//! | `mosaic` | the pieces in a grid |
//! | `selection` | the selected row of a list: mark, bar, place |
//! | `time_row` | what happened when, what lasted, and what comes next |

pub(crate) mod bar;
pub(crate) mod graph;
pub(crate) mod large;
pub(crate) mod mosaic;
pub(crate) mod rule;
pub(crate) mod selection;
pub(crate) mod spark;
pub(crate) mod time_row;
