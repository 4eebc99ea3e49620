//! Settings of encoders: defaults, units, and checks of combinations.

pub mod audio;
pub mod encoder;
pub mod encoding;
mod features;
pub mod goal;
pub mod regions;
