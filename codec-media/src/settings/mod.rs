//! Settings of encoders, with their defaults and whether they go together.

pub mod audio;
pub mod encoder;
pub mod encoding;
