//! The browsers that tests drive with the scripts of `tests/browser`.
//!
//! A call of a browser takes seconds to minutes of real time, so a plain `cargo test` skips these tests. They run with
//! `CODEC_TESTS=all`, as in `.ci/run`.

use std::path::{Path, PathBuf};

use super::depth;

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Its path is `CHROMIUM`, else that of the Debian package `chromium`.
    Chromium,
    /// Its path is `FIREFOX`, else that of the Debian package `firefox-esr`.
    Firefox,
}

impl Browser {
    /// Returns the folder of the scripts, or `None` with a message if `what` cannot be tested: not all tests were requested,
    /// or the browser or its driver is not installed.
    ///
    /// # Panics
    /// If all tests were requested, something is not installed, and `CODEC_COUNTERPARTS` is set, because a skip is then a
    /// failure.
    #[must_use]
    pub fn scripts(self, what: &str) -> Option<PathBuf> {
        if depth::skips_long() {
            return None;
        }
        let (variable, path, driver) = match self {
            Self::Chromium => ("CHROMIUM", "/usr/bin/chromium", "playwright-core"),
            Self::Firefox => ("FIREFOX", "/usr/bin/firefox-esr", "puppeteer-core"),
        };
        let program = std::env::var_os(variable).map_or_else(|| PathBuf::from(path), PathBuf::from);
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser");
        let driver = scripts.join("node_modules").join(driver);
        let missing = [program, driver].into_iter().find(|needed| !needed.exists());
        let Some(missing) = missing else { return Some(scripts) };
        let missing = missing.display();
        assert!(std::env::var_os("CODEC_COUNTERPARTS").is_none(), "no {missing}: see .ci/run");
        eprintln!(
            "skipped, no {missing} (npm ci in tests/browser, packages chromium and firefox-esr): {what}"
        );
        None
    }
}
