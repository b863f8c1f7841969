//! What was measured, as a table, and whether it is as it must be.

/// The figures of one run.
#[derive(Debug)]
pub(crate) struct Figures {
    name: &'static str,
    rows: Vec<(String, String, String, bool)>,
}

impl Figures {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { name, rows: Vec::new() }
    }

    /// Something worth knowing that nothing depends on.
    pub(crate) fn note(&mut self, what: &str, value: impl ToString) {
        self.rows.push((what.to_owned(), value.to_string(), String::new(), true));
    }

    /// Something that must be so.
    pub(crate) fn must(&mut self, what: &str, value: impl ToString, limit: &str, holds: bool) {
        self.rows.push((what.to_owned(), value.to_string(), limit.to_owned(), holds));
    }

    /// Prints the table. Panics where something is not as it must be.
    pub(crate) fn settle(self) {
        println!("\n{}", self.name);
        for (what, value, limit, holds) in &self.rows {
            let mark = if limit.is_empty() {
                ""
            } else if *holds {
                "holds"
            } else {
                "BREACH"
            };
            println!("  {what:<46} {value:>16}  {limit:<16} {mark}");
        }
        let breaches = self.rows.iter().filter(|(.., holds)| !holds).count();
        assert_eq!(breaches, 0, "{}: not as it must be", self.name);
    }
}

/// Mebibytes a second, for people.
pub(crate) fn rate(bytes: u64, seconds: f64) -> String {
    format!("{:.1} MiB/s", bytes as f64 / seconds / f64::from(1 << 20))
}
