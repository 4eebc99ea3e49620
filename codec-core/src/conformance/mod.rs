//! Conformance kit: one set of checks for every backend, native or third-party.
//!
//! The kit opens a backend only through its registry entry and checks the requirements of the
//! traits: packet order and timestamps, correct metadata, bitrate accuracy, no unrequested key
//! frames, reported drops, deterministic output, codec-specific settings that match their schema,
//! and use after flush and after errors. A backend must declare missing features
//! ([`crate::codec::Capabilities::gaps`]) and reject requests for them; a feature that is neither
//! implemented nor declared as missing fails the check.
//!
//! [`check_video`] takes a backend and the list that it is registered in. The tests of the workspace
//! and `codec codecs --check` run it over the registry of `codec-backends`.

mod report;
mod scene;
mod video;

pub use report::{Check, Report, Verdict};
pub use scene::Scene;
pub use video::check_video;
