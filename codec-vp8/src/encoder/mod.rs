//! VP8 encoder. RFC 6386 specifies only the bitstream; all decisions here are the encoder's own.
//!
//! [`Vp8Encoder`] controls the rate and plans frames. [`FrameEncoder`] codes one frame exactly as a
//! [`FramePlan`](codec_core::codec::plan) specifies: it decides modes, quantises, reconstructs, filters
//! and packs, row by row.

mod block_flags;
mod borders;
mod candidates;
mod chroma;
mod controller;
mod copy_mb;
mod costs;
mod cyclic_refresh;
mod decide_inter;
mod decide_intra;
mod decide_split;
mod frame;
mod job;
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
mod settings;
mod speed;
mod squared_error;
mod store;
mod token_counts;
mod tokenizer;
mod transform;
mod trellis;
mod unchanged;
mod workspace;

pub use controller::{CAPABILITIES, FrameCoder, Vp8Encoder, open};
pub use frame::FrameEncoder;
pub use settings::{FrameKnobs, FrameReport, FrameSettings};
pub use speed::Speed;
pub use unchanged::UnchangedStats;
