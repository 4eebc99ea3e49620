//! What is measured of codecs, and what is made of the figures: quality of pictures, curves and their
//! differences, statistics, and the results of a study with their report.
//!
//! Nothing here runs an encoder, reads a clock or touches a file.

#![forbid(unsafe_code)]

mod summary;
mod trust;

pub mod align;
pub mod bd;
pub mod cpu;
pub mod frontier;
pub mod latency;
mod load;
pub mod metrics;
pub mod plot;
pub mod pool;
pub mod rate;
pub mod report;
pub mod results;
pub mod stats;
