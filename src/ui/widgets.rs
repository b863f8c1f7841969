//! The drawings: progress bar, funnel bars, throughput graph, grid of pieces, rows of time.

pub(crate) mod bar;
pub(crate) mod graph;
pub(crate) mod mosaic;
pub(crate) mod time_row;
