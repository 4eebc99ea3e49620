//! Constant tables of the bitstream.

pub mod candidates;
pub mod coefficients;
pub mod modes;
pub mod quantiser;
pub mod scan;
