//! The command line in two layers: flags as typed, and settings with defaults and units.

pub(crate) mod arm_options;
pub(crate) mod audio;
pub(crate) mod audio_encoding;
pub(crate) mod bench;
pub(crate) mod cli;
pub(crate) mod compare;
pub(crate) mod concat;
pub(crate) mod copying;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod encoder;
pub(crate) mod encoding;
pub(crate) mod generate;
pub(crate) mod given;
pub(crate) mod grammar;
pub(crate) mod inspect;
#[cfg(feature = "net")]
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod mix;
pub(crate) mod numbers;
#[cfg(feature = "serve")]
pub(crate) mod serve;
pub(crate) mod shared;
pub(crate) mod simulate;
pub(crate) mod suggestions;
