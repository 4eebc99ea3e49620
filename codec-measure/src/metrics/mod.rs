//! Full-reference quality metrics of video frames and of RGB images. PSNR, SSIM and VMAF take
//! frames of any format, CIEDE2000 takes all formats with chroma, and the other metrics take only
//! 8-bit 4:2:0.
//!
//! [`MetricId`] lists the metrics. A [`Scorer`] scores pairs of frames in order by all metrics
//! except VMAF, which [`Vmaf`] measures. The definitions follow the reference tools;
//! `docs/COMMAND.md` lists the differences. [`AudioMetric`] lists the metrics of audio, which
//! `codec_audio` measures.

mod audio;
mod ciede;
mod daala_dct;
mod id;
mod ms_ssim;
mod pooling;
mod psnr_hvs;
mod rgb;
mod rgb_image;
mod rgb_metrics;
mod scorer;
mod vmaf;
mod xpsnr;

pub use audio::{AudioMetric, UnknownAudioMetric, parse_audio_list};
#[cfg(test)]
pub(crate) use ciede::difference_of_rgb;
pub use id::{MetricId, UnknownMetric, parse_list};
pub use pooling::Pooling;
pub use rgb::to_rgb;
pub use rgb_image::{ColorSpace, RgbImage};
pub use scorer::{MetricError, Scorer};
pub use vmaf::{Vmaf, VmafFeatures, vmaf_scores};

/// Decibels reported for identical frames, whose PSNR is infinite.
pub const PERFECT_DB: f64 = 100.0;
