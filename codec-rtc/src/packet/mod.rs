//! Payload formats: coded frames to packets and back.
//!
//! | format | standard | |
//! |---|---|---|
//! | VP8 | RFC 7741 | [`vp8`] |
//! | Opus | RFC 7587 | [`opus`] |
//! | A-law, mu-law | RFC 3551 | [`g711`] |
//! | redundant sound | RFC 2198 | [`red`] |
//! | retransmission | RFC 4588 | [`rtx`] |
//!
//! [`Format`] names these and those to come; [`Payload`] is one with its number and clock.

mod format;
pub mod g711;
pub mod opus;
pub mod red;
pub mod rtx;
mod spurt;
pub mod vp8;

pub use format::{Format, Media, Payload};
pub use spurt::AudioPacketizerConfig;
