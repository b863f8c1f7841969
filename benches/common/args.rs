//! The command line of the benches that are programs of their own.

#![allow(dead_code, reason = "every bench uses a part of it")]

use std::fmt::Debug;
use std::str::FromStr;

/// Options with a value each, and words.
pub(crate) struct Args {
    options: Vec<(String, String)>,
    words: Vec<String>,
}

impl Args {
    /// What this program was started with.
    pub(crate) fn read() -> Self {
        let (mut options, mut words) = (Vec::new(), Vec::new());
        // Cargo adds this one to everything it runs.
        let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
        while let Some(arg) = args.next() {
            if arg.starts_with("--") {
                options.push((arg, args.next().expect("a value after the option")));
            } else {
                words.push(arg);
            }
        }
        Self { options, words }
    }

    /// The value of an option, or what it is when nobody says.
    pub(crate) fn option<T: FromStr<Err: Debug>>(&mut self, name: &str, otherwise: T) -> T {
        let at = self.options.iter().position(|(option, _)| option == name);
        at.map_or(otherwise, |at| {
            let (name, value) = self.options.swap_remove(at);
            value.parse().unwrap_or_else(|error| panic!("{name} {value}: {error:?}"))
        })
    }

    /// The words; no option may be left.
    pub(crate) fn words(self) -> Vec<String> {
        assert!(self.options.is_empty(), "no such option: {}", self.options[0].0);
        self.words
    }
}
