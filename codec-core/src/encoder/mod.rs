//! The part of a video encoder that all native codecs share: everything except the coding of a
//! single frame.
//!
//! A codec implements [`FrameCoder`], which codes one frame exactly as a
//! [`FramePlan`](crate::codec::plan::FramePlan) specifies, and describes itself with a
//! [`CodecDescription`]. [`Encoder`] makes the plans: key frames, rate control, temporal layers,
//! long-term references, look-ahead with MB-tree, denoising, the speed that meets a time limit per frame, and
//! changes of the configuration while the encoder runs.
//!
//! | subject | module |
//! |---|---|
//! | interface to the codec | `frame_coder`, `description`, `knobs` |
//! | the real-time preset; changes of the configuration | `video_encoder`, `validate` |
//! | the file preset: look-ahead, MB-tree, altref frames, middle frames (references from the middle of a group) | `file`, `hidden_frames`, `buffered_frame` |
//! | the file preset: B frames | `mini_gop`, `reordering`, `decode_times` |
//! | spatial layers | `spatial` |
//! | one frame from its analysis to its packet | `coding`, `packet_queue` |
//! | policies: key frames, golden updates, speed | `key_frames`, `golden`, `speed_selector` |
//! | parts for frame coders: static and unchanged macroblocks, loss of texture | `cyclic_refresh`, `unchanged`, [`texture`] |

mod buffered_frame;
mod coding;
mod cyclic_refresh;
mod decode_times;
mod description;
mod file;
mod first_frame;
mod frame_coder;
mod golden;
mod hidden_frames;
mod key_frames;
pub mod knobs;
mod mini_gop;
mod packet_queue;
mod reordering;
#[cfg(test)]
mod scale_tests;
mod spatial;
mod speed_selector;
#[cfg(test)]
mod tests;
pub mod texture;
mod unchanged;
mod validate;
mod video_encoder;

pub use cyclic_refresh::{CodedMbHistory, CyclicRefresh};
pub use description::{CodecDescription, FilterStrength};
pub use frame_coder::{CodecKnobs, FrameCoder, FrameReport, UnchangedStats};
pub use spatial::{LayerCoder, LayerInput, SpatialEncoder};
pub use unchanged::Unchanged;
pub use video_encoder::Encoder;
