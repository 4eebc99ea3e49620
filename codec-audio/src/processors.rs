//! The list of audio processors of this build.

use super::processor::{OpenProcessor, ProcessorEntry};
use codec_core::error::{Error, NoBackend};

/// All audio processors of this build.
pub static AUDIO_PROCESSORS: &[ProcessorEntry] = &[
    #[cfg(feature = "resample")]
    ProcessorEntry {
        name: "resample",
        implementation: "rubato 5",
        rates: &[],
        max_channels: 255,
        help: "other sampling rates from 1 to 384 kHz, and clocks that drift by up to 1 %",
        open: None,
    },
    ProcessorEntry {
        name: "mix",
        implementation: "native",
        rates: &[],
        max_channels: 255,
        help: "many inputs to one output, and one without each input, below full scale",
        open: None,
    },
    #[cfg(feature = "vad")]
    ProcessorEntry {
        name: "vad",
        implementation: "earshot 1.2",
        rates: &[],
        max_channels: 255,
        help: "finds speech, in blocks of 16 ms",
        open: Some(super::vad::open),
    },
    #[cfg(feature = "denoise")]
    ProcessorEntry {
        name: "denoise",
        implementation: "nnnoiseless 0.5",
        rates: super::denoise::RATES,
        max_channels: 255,
        help: "lowers noise around speech",
        open: Some(super::denoise::open),
    },
    #[cfg(feature = "apm")]
    ProcessorEntry {
        name: "apm",
        implementation: "sonora 0.2",
        rates: super::apm::RATES,
        max_channels: 2,
        help: "echo cancellation, noise suppression, automatic gain and high-pass of a call",
        open: None,
    },
    #[cfg(feature = "apm")]
    ProcessorEntry {
        name: "agc",
        implementation: "sonora 0.2",
        rates: super::apm::RATES,
        max_channels: 2,
        help: "automatic gain with a high-pass",
        open: Some(super::apm::open_agc),
    },
    #[cfg(feature = "loudness")]
    ProcessorEntry {
        name: "loudness",
        implementation: "ebur128 0.1",
        rates: &[],
        max_channels: 64,
        help: "measures loudness by EBU R 128",
        open: None,
    },
];

/// Processors behind a feature, whether it is on or off, with its name.
const OPTIONAL: &[(&str, &str)] = &[("vad", "vad"), ("denoise", "denoise"), ("agc", "apm")];

/// Finds a processor of this build that [`ProcessorEntry::open`] makes.
///
/// # Errors
/// [`Error::NoBackend`] if this build has none of that name; it names the feature that adds it.
pub fn find_processor(name: &str) -> Result<OpenProcessor, Error> {
    let found = AUDIO_PROCESSORS.iter().find(|entry| entry.name == name);
    found.and_then(|entry| entry.open).ok_or_else(|| {
        let feature =
            OPTIONAL.iter().find(|(known, _)| *known == name).map(|&(_, feature)| feature);
        let available = AUDIO_PROCESSORS.iter().filter(|entry| entry.open.is_some());
        NoBackend {
            feature,
            available: available.map(|entry| entry.name.to_owned()).collect(),
            ..NoBackend::new(name)
        }
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_is_found_or_its_feature_is_named() {
        for (name, feature) in OPTIONAL {
            match find_processor(name) {
                Ok(_) => {}
                Err(Error::NoBackend(missing)) => assert_eq!(missing.feature, Some(*feature)),
                Err(error) => panic!("{error}"),
            }
        }
        for entry in AUDIO_PROCESSORS.iter().filter(|entry| entry.open.is_some()) {
            assert!(OPTIONAL.iter().any(|(name, _)| *name == entry.name), "{}", entry.name);
        }
    }
}
