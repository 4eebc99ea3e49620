//! What of the `codec` command other programs can use: the generator of synthetic clips, the kernels
//! with the clock that times them, and the scaling of planes.

#![forbid(unsafe_code)]

pub mod generate;
pub mod kernels;
pub mod scaling;
