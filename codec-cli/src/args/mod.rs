//! The command line in two layers: flags as typed, and settings with defaults and units.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod encoder;
pub(crate) mod foreign;
pub(crate) mod grammar;
pub(crate) mod inspect;
#[cfg(feature = "net")]
pub(crate) mod live;
pub(crate) mod raw;
pub(crate) mod resolved;
pub(crate) mod resolved_audio;
#[cfg(feature = "serve")]
pub(crate) mod serve;
pub(crate) mod simulate;
