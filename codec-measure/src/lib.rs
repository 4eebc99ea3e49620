//! Measurements of codecs and their evaluation: quality metrics, rate-distortion curves and their
//! differences, statistics, and the results of a study with their report.
//!
//! This crate runs no encoder, reads no clock and accesses no file.

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
