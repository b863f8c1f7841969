//! The manual page: the options, and what a filter of the screen says.

use clap_mangen::roff::{Roff, bold, roman};

use crate::ui::{filter_examples, filter_grammar};

/// The page of this command.
pub(super) fn page(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    page.extend_from_slice(filters().to_roff().as_bytes());
    Ok(page)
}

fn filters() -> Roff {
    let mut section = Roff::new();
    section.control("SH", ["FILTERS"]).text([roman(
        "On the screen / shows only some of the peers. Everything that is typed there has to hold:",
    )]);
    for (example, takes) in filter_grammar() {
        explain(&mut section, &example, &takes);
    }
    section.control("PP", []).text([roman("An example of each column:")]);
    for (example, shows) in filter_examples() {
        explain(&mut section, example, shows);
    }
    section
}

fn explain(section: &mut Roff, example: &str, takes: &str) {
    section.control("TP", []).text([bold(example)]).text([roman(takes)]);
}
