//! Parses the link description of `simulate`: see `codec_rtc::link::LinkSpec`.

use std::path::PathBuf;
use std::str::FromStr;

use codec_rtc::link::{self, LinkConfig, LinkSpecError, SpecRate};

use codec_media::failure::Result;
use codec_media::rate_trace::config_of;

/// Settings of other links: duplicates are not simulated, and the seed has a separate option.
const OTHERS: [&str; 2] = ["dup", "seed"];

/// The error of a setting that simulated links do not have.
fn unknown(setting: &str) -> String {
    let keys: Vec<_> = link::KEYS.into_iter().filter(|key| !OTHERS.contains(key)).collect();
    format!("invalid link setting {setting}: unknown key, expected one of {}", keys.join(", "))
}

/// A link description before its trace is read.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSpec {
    /// The text as typed.
    pub(crate) text: String,
    file: Option<PathBuf>,
    spec: link::LinkSpec,
}

impl LinkSpec {
    /// The file that the rate is read from.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// Returns the complete link configuration; reads the trace file, if any.
    pub(crate) fn config(&self) -> Result<LinkConfig> {
        config_of(&self.spec)
    }
}

impl FromStr for LinkSpec {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let spec = text.parse::<link::LinkSpec>().map_err(|error| match error {
            LinkSpecError::UnknownKey { setting } => unknown(&setting),
            other => other.to_string(),
        })?;
        if let Some(seed) = spec.seed() {
            return Err(format!("{}; --seed sets the seed", unknown(&format!("seed={seed}"))));
        }
        if spec.duplicates() > 0.0 {
            return Err(unknown("dup"));
        }
        let file = match spec.rate() {
            SpecRate::File(name) => Some(name.into()),
            SpecRate::Constant(_) => None,
        };
        Ok(Self { text: text.to_owned(), file, spec })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsupported_link_settings_are_rejected() {
        assert!("wifi,delay=40ms".parse::<LinkSpec>().is_ok());
        for wrong in ["seed=1", "dup=1%", "nosuch=1"] {
            assert!(wrong.parse::<LinkSpec>().is_err(), "{wrong}");
        }
        let file = "rate=a.csv".parse::<LinkSpec>().unwrap();
        assert_eq!(file.file(), Some(&PathBuf::from("a.csv")));
        assert!(file.config().is_err());
    }
}
