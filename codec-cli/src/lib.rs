//! What of the `codec` command other programs can use: the generator of synthetic clips.

#![forbid(unsafe_code)]

pub mod generate;
