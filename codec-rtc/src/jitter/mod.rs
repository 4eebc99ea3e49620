//! Jitter buffers for audio and video: reorder packets, wait for late ones, and schedule playout.

pub mod audio;
pub mod video;
