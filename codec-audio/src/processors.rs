//! The list of audio processors in this build.

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
        help: "convert between sample rates of 1 to 384 kHz; follow clock drift of up to 1 %",
        open: None,
    },
    ProcessorEntry {
        name: "mix",
        implementation: "native",
        rates: &[],
        max_channels: 255,
        help: "mix any number of inputs, with a mix-minus output per input and a limiter",
        open: None,
    },
    #[cfg(feature = "vad")]
    ProcessorEntry {
        name: "vad",
        implementation: "earshot 1.2",
        rates: &[],
        max_channels: 255,
        help: "detect speech in blocks of 16 ms",
        open: Some(super::vad::open),
    },
    #[cfg(feature = "denoise")]
    ProcessorEntry {
        name: "denoise",
        implementation: "nnnoiseless 0.5",
        rates: super::denoise::RATES,
        max_channels: 255,
        help: "suppress noise in speech",
        open: Some(super::denoise::open),
    },
    #[cfg(feature = "apm")]
    ProcessorEntry {
        name: "apm",
        implementation: "sonora 0.2",
        rates: super::apm::RATES,
        max_channels: 2,
        help: "echo cancellation, noise suppression, automatic gain control and high-pass filter for calls",
        open: None,
    },
    #[cfg(feature = "apm")]
    ProcessorEntry {
        name: "agc",
        implementation: "sonora 0.2",
        rates: super::apm::RATES,
        max_channels: 2,
        help: "automatic gain control with a high-pass filter",
        open: Some(super::apm::open_agc),
    },
    #[cfg(feature = "loudness")]
    ProcessorEntry {
        name: "loudness",
        implementation: "ebur128 0.1",
        rates: &[],
        max_channels: 64,
        help: "measure loudness by EBU R 128",
        open: None,
    },
];

/// Processors that need a feature, each with the name of that feature, whether it is enabled or
/// not.
const OPTIONAL: &[(&str, &str)] = &[("vad", "vad"), ("denoise", "denoise"), ("agc", "apm")];

/// Returns the constructor of the processor `name`, if this build has it.
///
/// # Errors
/// [`Error::NoBackend`] if this build has no such processor; it names the feature that adds the
/// processor.
pub fn find_processor(name: &str) -> Result<OpenProcessor, Error> {
    let found = AUDIO_PROCESSORS.iter().find(|entry| entry.name == name);
    found.and_then(|entry| entry.open).ok_or_else(|| {
        let feature =
            OPTIONAL.iter().find(|(known, _)| *known == name).map(|&(_, feature)| feature);
        let available = AUDIO_PROCESSORS.iter().filter(|entry| entry.open.is_some());
        NoBackend {
            kind: Some("audio processor"),
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
                Err(Error::NoBackend(missing)) => {
                    assert_eq!(missing.feature, Some(*feature));
                    let expected = format!(
                        "no audio processor `{name}` in this build: it requires the Cargo feature \
                         `{feature}`"
                    );
                    assert_eq!(missing.to_string(), expected);
                }
                Err(error) => panic!("{error}"),
            }
        }
        for entry in AUDIO_PROCESSORS.iter().filter(|entry| entry.open.is_some()) {
            assert!(OPTIONAL.iter().any(|(name, _)| *name == entry.name), "{}", entry.name);
        }
    }
}
