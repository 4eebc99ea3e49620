//! VP8 encoder. RFC 6386 says what a decoder does; what is written here is up to us.
//!
//! Lower floor: [`FrameEncoder`] codes one frame exactly as a [`UnitPlan`](crate::codec::plan)
//! says. It decides macroblocks, quantises, reconstructs, filters and packs, row by row.

mod controller;
mod frame;
pub mod quant;
pub mod rate_table;

mod speed;

pub use controller::{CAPABILITIES, CodeUnit, Vp8Encoder, open};
pub use frame::{FrameEncoder, FrameKnobs, FrameSettings, UnitReport};
pub use speed::Speed;
