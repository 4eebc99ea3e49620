//! VP8 encoder. RFC 6386 specifies only the bitstream; all decisions here are the encoder's own.
//!
//! [`Vp8Encoder`] controls the rate and plans frames with the code that all codecs share
//! ([`codec_core::encoder`]). [`FrameEncoder`] codes one frame exactly as a
//! [`FramePlan`](codec_core::codec::plan) specifies: it decides modes, quantises, reconstructs, filters
//! and packs, row by row.

mod block_flags;
mod candidates;
mod chroma;
mod controller;
mod copy_mb;
mod costs;
mod decide_inter;
mod decide_intra;
mod decide_split;
mod description;
mod frame;
mod job;
mod knobs;
mod levels;
mod loop_filter;
mod motion_search;
mod offset_segments;
mod pack;
mod predict_inter;
mod predict_intra;
mod probability;
pub mod quant;
mod rate_distortion;
pub mod rate_table;
mod row;
mod row_context;
mod segments;
mod settings;
mod speed;
mod store;
mod texture_loss;
mod token_counts;
mod tokenizer;
mod transform;
mod trellis;
mod workspace;

pub use codec_core::encoder::{FrameReport, UnchangedStats};
pub use controller::{Vp8Encoder, open};
pub use description::CAPABILITIES;
pub use frame::FrameEncoder;
pub use settings::{FrameKnobs, FrameSettings};
pub use speed::Speed;
