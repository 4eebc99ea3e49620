//! Jitter buffers: what arrives early, late, twice or out of order becomes media in its order and
//! time.

pub mod audio;
pub mod video;
