//! Report of the conformance checks.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The backend behaves as required.
    Passed,
    /// The backend violates a requirement; the reason.
    Failed(String),
    /// The feature is missing and declared as such; the declared reason.
    Gap(String),
}

/// A check with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name of the check.
    pub name: String,
    /// Its result.
    pub verdict: Verdict,
}

/// Results of all checks of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Backend as `codec/name`.
    pub backend: String,
    /// All checks in the order in which they ran.
    pub checks: Vec<Check>,
}

impl Report {
    /// Creates a report without checks.
    #[must_use]
    pub fn new(backend: String) -> Self {
        Self { backend, checks: Vec::new() }
    }

    /// Returns whether no check failed. Declared gaps are not failures.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// Returns the failed checks, each with the reason.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| match &check.verdict {
            Verdict::Failed(why) => Some((&*check.name, &**why)),
            _ => None,
        })
    }

    /// Returns the declared gaps, each with the reason.
    pub fn gaps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| match &check.verdict {
            Verdict::Gap(why) => Some((&*check.name, &**why)),
            _ => None,
        })
    }

    /// Runs a check. A panic of the backend counts as a failure.
    pub fn run(&mut self, name: &str, check: impl FnOnce() -> Result<Verdict, String>) {
        let verdict = match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(why)) => Verdict::Failed(why),
            Err(panic) => Verdict::Failed(format!("panicked: {}", message(&*panic))),
        };
        self.checks.push(Check { name: name.to_owned(), verdict });
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(|text| &**text)).unwrap_or("no message")
}

/// Formats a table with one line per check.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.backend)?;
        for Check { name, verdict } in &self.checks {
            match verdict {
                Verdict::Passed => writeln!(f, "  passed  {name}")?,
                Verdict::Gap(why) => writeln!(f, "  missing {name}: {why}")?,
                Verdict::Failed(why) => writeln!(f, "  FAILED  {name}: {why}")?,
            }
        }
        Ok(())
    }
}
