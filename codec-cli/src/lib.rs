//! What of the `codec` command other programs can use: the generator of synthetic clips, and the
//! kernels with the clock that times them.

#![forbid(unsafe_code)]

pub mod generate;
pub mod kernels;
