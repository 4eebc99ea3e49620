//! VP9 encoder for profile 0.
//!
//! [`Vp9Encoder`] controls the rate and plans frames with the code that all codecs share
//! ([`codec_core::encoder`]); [`Vp9SpatialEncoder`] does this for several spatial layers.
//! [`FrameEncoder`] codes one frame exactly as a
//! [`FramePlan`](codec_core::codec::plan::FramePlan) specifies.

mod block;
mod borders;
mod buffers;
mod candidate;
mod coder;
mod contrast;
mod controller;
mod description;
mod energies;
mod frame;
mod halves;
mod headers;
mod inter;
mod inter_layer;
mod inter_small;
mod inter_tools;
mod interpolation;
mod intra;
mod intra_small;
mod job;
mod last_frames;
mod level_choice;
mod levels;
mod mode_costs;
mod motion;
mod other_motion;
mod pack;
mod quantisers;
#[cfg(test)]
mod reference_tests;
mod references;
mod row;
mod row_links;
mod rows;
mod seeds;
mod segments;
mod settings;
mod source;
#[cfg(test)]
mod spatial_tests;
mod speed;
mod tiles;
mod token;
mod token_costs;
mod totals;
mod transform;
mod vector_costs;
mod workspace;
mod write;

pub use controller::{Vp9Encoder, Vp9SpatialEncoder, open};
pub use description::CAPABILITIES;
pub use frame::FrameEncoder;
pub use settings::{FrameKnobs, FrameSettings};
pub use speed::Speed;
