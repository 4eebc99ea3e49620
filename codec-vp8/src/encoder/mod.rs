//! VP8 encoder. RFC 6386 specifies only the bitstream; all decisions here are the encoder's own.
//!
//! [`Vp8Encoder`] controls the rate and plans frames. [`FrameEncoder`] codes one frame exactly as a
//! [`FramePlan`](codec_core::codec::plan) specifies: it decides modes, quantises, reconstructs, filters
//! and packs, row by row.

mod block_flags;
mod borders;
mod candidates;
mod controller;
mod copy_mb;
mod costs;
mod cyclic_refresh;
mod decide;
mod frame;
mod inter;
mod intra;
mod job;
mod loop_filter;
mod mb_tree_segments;
mod pack;
mod predict;
mod probability;
mod quality;
pub mod quant;
pub mod rate_table;
mod row;
mod row_context;
mod search;
mod settings;
mod source;
mod speed;
mod split;
mod store;
mod tokenizer;
mod transform;
mod trellis;
mod unchanged;

pub use controller::{CAPABILITIES, FrameCoder, Vp8Encoder, open};
pub use frame::FrameEncoder;
pub use settings::{FrameKnobs, FrameReport, FrameSettings};
pub use speed::Speed;
pub use unchanged::UnchangedStats;
