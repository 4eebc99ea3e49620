//! Evaluation of codec measurements: quality metrics, rate-distortion curves, BD-rate, statistics,
//! and the results and report of a study. A study compares arms (encoders with their settings) over
//! several clips; one arm is the anchor, with which the others are compared.
//!
//! This crate runs no encoder, reads no clock and accesses no file: the caller supplies frames,
//! packet sizes and times.
//!
//! # Examples
//!
//! PSNR and SSIM of a frame:
//!
//! ```
//! use codec_core::frame::{Picture, Size};
//! use codec_measure::metrics::{Scorer, parse_list};
//!
//! let size = Size::new(64, 48);
//! let reference: Vec<u8> = (0..size.i420_bytes()).map(|i| (i % 199) as u8).collect();
//! let distorted: Vec<u8> = reference.iter().map(|sample| sample + 1).collect();
//! let mut scorer = Scorer::new(&parse_list("psnr_y,ssim")?, size, 30.0)?;
//! let scores = scorer.score(
//!     &Picture::i420_packed(size, &reference)?,
//!     &Picture::i420_packed(size, &distorted)?,
//!     &[],
//! )?;
//! assert!((scores[0] - 48.13).abs() < 0.01); // 20 log10(255)
//! assert!(scores[1] > 0.99);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! BD-rate of two rate-distortion curves:
//!
//! ```
//! use codec_measure::bd::{Interpolation, RatePoint, bd_rate};
//!
//! let curve = |scale: f64| {
//!     [(100.0, 32.0), (200.0, 35.0), (400.0, 38.0), (800.0, 41.0)]
//!         .map(|(kbps, quality)| RatePoint { kbps: scale * kbps, quality })
//! };
//! let difference = bd_rate(&curve(1.0), &curve(0.8), Interpolation::Pchip)?;
//! assert!((difference.value + 20.0).abs() < 1e-9); // 20 % fewer bits at equal quality
//! # Ok::<(), codec_measure::bd::BdError>(())
//! ```
//!
//! # Modules
//!
//! Paths are relative to `src`.
//!
//! | subject | file |
//! |---|---|
//! | PSNR, SSIM, MS-SSIM, XPSNR, PSNR-HVS, CIEDE2000, VMAF; with features SSIMULACRA2, Butteraugli | `metrics/` |
//! | temporal alignment of two videos with dropped or repeated frames | `align.rs` |
//! | BD-rate and BD-metric (ISO/IEC TR 23002-8) | `bd/` |
//! | medians, quantiles, confidence intervals, significance tests | `stats/` |
//! | rate control accuracy and latency of an encoder | `rate.rs`, `latency.rs` |
//! | Pareto frontier of speed and quality | `frontier.rs` |
//! | convex hull of the points of several frame sizes | `hull.rs` |
//! | list of audio metrics, which codec-audio measures | `metrics/audio.rs` |
//! | results of a study as JSON (`docs/results-schema.md`); their summary | `results.rs`, `summary/` |
//! | pooling of frame scores: means, percentiles, worst second | `pool.rs` |
//! | ratios of CPU times; detection of other load on the machine | `cpu.rs`, `load.rs` |
//! | plots as SVG and PNG | `plot/` |
//! | the report: HTML, CSV, terminal | `report/` |
//! | terms in reports and plots that differ between video and audio | `words.rs` |

#![forbid(unsafe_code)]

mod reliability;
mod summary;
mod words;

pub mod align;
pub mod bd;
pub mod cpu;
pub mod frontier;
pub mod hull;
pub mod latency;
mod load;
pub mod metrics;
pub mod plot;
pub mod pool;
pub mod rate;
mod refused;
pub mod report;
pub mod results;
pub mod stats;
