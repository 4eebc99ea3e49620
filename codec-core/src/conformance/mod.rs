//! One set of checks for every video backend, ours or a third party's.
//!
//! A backend is opened through its [`Backend`](crate::codec::Backend) alone and must do what the
//! traits promise: order and times, true metadata, the bitrate, key frames only where they were asked
//! for, drops that are told, equal bytes in equal runs, knobs that keep to their schema, use after the
//! end and after errors. What it cannot do it declares ([`crate::codec::Capabilities::gaps`]), and must
//! then refuse when asked: what is neither done nor declared fails. `examples/add_a_backend.rs` runs a
//! backend through the checks.

mod report;
mod scene;
mod video;

pub use report::{Check, Report, Verdict};
pub use scene::Scene;
pub use video::check_video;
