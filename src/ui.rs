//! The terminal front end: draws a [`crate::ledger::View`] and turns keys into [`crate::command::Command`]s.
//!
//! Three parts that meet only in [`run()`]: the [`Model`] (where the user is), [`update()`] (what a key does to it,
//! and which command it sends) and [`draw()`] (a pure function of view, model and area). The engine is not known
//! here; a recording is shown by the same code as a live run.
//!
//! | file | holds |
//! |---|---|
//! | `action`, `keymap` | the one table of keys: key handling, help and key line are made from it; the keys in use |
//! | `piece_map` | how the grid of pieces is looked at: layer, zoom, where each piece stands |
//! | `calendar` | which time of day a moment of the run was |
//! | `hues` | which peers have a hue each |
//! | `columns`, `grid` | the one table of the peers' columns, and the table that draws only what is visible |
//! | `torrent_list` | the torrents of the run: which are listed, in which order, and which is looked at |
//! | `file_tree` | the files in their folders, folded and not, and how much of each is here |
//! | `flow` | how a screen shares its rows among its parts |
//! | `theme`, `paint` | colours by meaning, palettes and glyph tiers; clipped text |
//! | `adding`, `address` | torrents and peers that are added while the screen runs |
//! | `field`, `prompt` | a line of text that is typed, and the questions that are answered so |
//! | `replay` | a recording in the screens: how it stands, and what keys ask of it |
//! | `mouse` | where things stand that can be clicked, and what a click does |
//! | `choose`, `marks` | choosing columns; commands to the selected peer or all marked ones |
//! | `export` | what is seen, for a file or the clipboard |
//! | `words` | the words for states, steps and causes |
//! | `screens`, `widgets` | one module a screen, one a drawing |
//! | `run`, `terminal`, `terminal_writer` | the loop, giving the terminal back, and the thread that waits for it |
//! | `sample`, `picture` | moments of recordings, and pictures of screens, for tests and the README |

mod about;
pub mod action;
mod adding;
mod address;
mod bulk;
pub mod calendar;
mod choose;
mod columns;
pub mod export;
mod field;
mod file_tree;
mod filter;
mod flow;
mod folds;
mod funnel;
mod glossary;
mod grid;
mod hues;
pub mod keymap;
mod metadata;
pub mod model;
mod mouse;
mod order;
mod order_menu;
mod paint;
#[cfg(test)]
mod picture;
pub mod piece_map;
mod prompt;
mod relocating;
mod replay;
mod run;
#[cfg(test)]
mod sample;
mod screens;
mod source;
pub mod terminal;
mod terminal_writer;
#[cfg(test)]
mod tests;
pub mod theme;
mod torrent_list;
mod update;
mod wanted;
mod widgets;
mod words;

pub use about::{About, Surroundings};
pub use columns::{
    Choice as ColumnChoice, Part as ColumnPart, named as columns_named, names as column_names,
};
pub use filter::{examples as filter_examples, grammar as filter_grammar};
pub use keymap::Keymap;
pub use model::Model;
pub use replay::{Replayed, Watched};
pub use run::{Left, Link, Options, Question, Reason, Write, run, summary, summary_of_several};
pub use screens::{draw, draw_grid};
pub use theme::{
    ColourChoice, Colours, Glyphs, Ground, Look, MEANINGS, Meaning, Palette, Palettes, Scheme, Shade, Theme,
};
pub use update::update;
