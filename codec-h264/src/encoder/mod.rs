//! The H.264 encoder, which [`open`] returns as a [`codec_core::codec::VideoEncoder`].
//!
//! [`codec_core::encoder`] plans the type, the references and the quantiser of each frame, and
//! [`FrameEncoder`] codes one frame by its plan (`frame`, `row`). `decide_intra`, `decide_inter`
//! and `decide_b` decide modes and motion, and `write` writes the macroblocks.

mod attempts;
mod behind;
mod brightness;
mod canvas;
pub(crate) mod coded_mb;
mod controller;
mod costs;
mod decide_b;
mod decide_inter;
mod decide_intra;
mod description;
mod finish;
mod frame;
mod hrd;
mod intra_refresh;
mod job;
mod knobs;
mod lambda;
mod level_score;
pub mod motion;
mod optimise;
mod parameter_sets;
mod predict;
mod predict_b;
mod quantisers;
mod references;
mod residual;
mod residual_bits;
mod residual_dc;
mod row;
mod row_context;
mod row_store;
mod scratch;
mod search_b;
mod search_b_parts;
mod search_inter;
mod second_list;
mod second_motion;
mod settings;
mod slice_bytes;
mod speed;
mod static_areas;
mod still_blocks;
#[cfg(test)]
mod tests;
mod transform_choice;
mod unit_size;
pub(crate) mod weights;
mod write;

pub use controller::{H264Encoder, open};
pub use description::CAPABILITIES;
pub use frame::FrameEncoder;
pub use settings::{FrameKnobs, FrameSettings, MIN_SLICE_BYTES, Profile, ScalingMatrix};
