//! What the checks found.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As promised.
    Passed,
    /// Not as promised; why.
    Failed(String),
    /// Not there, and said so; the declared reason.
    Gap(String),
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Check {
    pub name: String,
    pub verdict: Verdict,
}

/// All checks of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the struct says it")]
pub struct Report {
    /// `codec/name`.
    pub backend: String,
    pub checks: Vec<Check>,
}

impl Report {
    /// Without any check yet.
    #[must_use]
    pub fn new(backend: String) -> Self {
        Self { backend, checks: Vec::new() }
    }

    /// Whether nothing failed. Declared gaps are no failures.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The checks that failed, each with the reason.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| match &check.verdict {
            Verdict::Failed(why) => Some((&*check.name, &**why)),
            _ => None,
        })
    }

    /// The declared gaps, each with the reason.
    pub fn gaps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| match &check.verdict {
            Verdict::Gap(why) => Some((&*check.name, &**why)),
            _ => None,
        })
    }

    /// Runs a check. A panic of the backend is a failure.
    pub fn run(&mut self, name: &str, check: impl FnOnce() -> Result<Verdict, String>) {
        let verdict = match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(why)) => Verdict::Failed(why),
            Err(panic) => Verdict::Failed(format!("it panics: {}", message(&*panic))),
        };
        self.checks.push(Check { name: name.to_owned(), verdict });
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(|text| &**text)).unwrap_or("no message")
}

/// A table: a line for each check.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.backend)?;
        for Check { name, verdict } in &self.checks {
            match verdict {
                Verdict::Passed => writeln!(f, "  passed  {name}")?,
                Verdict::Gap(why) => writeln!(f, "  gap     {name}: {why}")?,
                Verdict::Failed(why) => writeln!(f, "  FAILED  {name}: {why}")?,
            }
        }
        Ok(())
    }
}
