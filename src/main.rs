//! The `ttui` program: a thin shell over the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Refused only where a hook is installed already.
    let _ = color_eyre::install();
    ttui::cli::main()
}
