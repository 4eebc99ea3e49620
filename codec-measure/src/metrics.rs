//! How much one 8-bit picture differs from another, by the measures that people quote: frames of
//! video as 4:2:0, still pictures as RGB.
//!
//! [`MetricId`] lists them; a [`Scorer`] takes pairs of pictures in their order. Definitions are those
//! of the tools that the figures are compared with, and `docs/COMMAND.md` names what differs.

mod ciede;
mod eye;
mod id;
mod lifting;
mod ms_ssim;
mod psnr_hvs;
mod rgb;
mod scorer;
mod still;
mod xpsnr;

#[cfg(test)]
pub(crate) use ciede::difference_of_rgb;
pub use id::{MetricId, UnknownMetric, parse_list};
pub use rgb::to_rgb;
pub use scorer::{MetricError, Scorer};
pub use still::{RgbPicture, Space};

/// Decibels that stand for no difference at all, which has none.
pub const PERFECT_DB: f64 = 100.0;
