//! Removes camera noise from frames before they are coded.
//!
//! Noise differs in every frame, so it costs bits in every frame. A [`Denoiser`] averages static
//! blocks over time: it keeps the filtered frame as a history, in units of 1/128 of an 8-bit sample
//! value, and moves the history towards each new frame.
//!
//! # Which blocks are averaged
//!
//! The difference between a block of 8x8 pixels and its history has to look like noise: a small sum
//! of absolute differences, and small sums of signed differences over the block and over its left
//! and right halves, in which noise cancels while motion and changes of brightness add up. Chroma
//! is tested in the same way, and is averaged only if the luma at the same position is. The history
//! of a block is the mean of its first frames, up to nine; after that it is a running mean. To
//! follow slow changes of brightness, the mean covers half as many frames if the sum of the signed
//! differences exceeds half of its limit.
//!
//! In an averaged block, the history of a pixel has its full weight if the new pixel differs from
//! it by at most 2.25 times the standard deviation that this difference would have from noise alone. For
//! larger differences the weight falls, and it is zero from 4.5 times on. A pixel is averaged only
//! with earlier pixels at its own position, so edges stay as sharp as in the source.
//!
//! A block that is not averaged is replaced by a spatially filtered copy, which starts its new
//! history: each luma pixel is averaged with those of its four neighbours that differ from it by
//! little more than the noise.
//!
//! # How much noise there is
//!
//! With [`Denoise::Level`] the caller gives the standard deviation of the noise. With
//! [`Denoise::Auto`] the deviation is measured in some of the macroblocks, between consecutive
//! frames and inside each frame. Filtering starts when the deviation reaches 2.75 (in 8-bit sample
//! values) and stops when it falls below 2.25. Clean video, generated animation and screen content,
//! whose frames repeat exactly, are not changed. A change of the frame size resets the denoiser; a
//! scene cut starts a new history.
//!
//! All arithmetic is integer, and rows are independent: results do not depend on the SIMD level or
//! the number of threads.

mod block;
mod noise;
mod output;
mod source;
mod weights;

use std::sync::{Mutex, PoisonError};

use codec_simd::Kernels;

use self::block::{BlockHistory, MbFilter};
use self::noise::NoiseEstimator;
use self::output::OutputRows;
use self::weights::Weights;
use crate::codec::Denoise;
use crate::frame::{FrameBuf, Picture, Size};
use crate::parallel::{Pool, in_order};

/// Denoises frames in display order.
///
/// It does not allocate after the first filtered frame of a size.
#[derive(Debug, Default)]
pub struct Denoiser {
    size: Size,
    noise: NoiseEstimator,
    /// By macroblock; empty while no frame is filtered.
    history: Vec<BlockHistory>,
    weights: Weights,
    output: FrameBuf,
}

impl Denoiser {
    /// Creates a denoiser without history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Discards the history and the measured noise.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Filters `picture` as `setting` says; rows run on `pool`. Returns the standard deviation of
    /// the noise that was removed, in sixteenths of a level; [`Self::picture`] then returns the
    /// filtered frame. `None` means that the caller codes `picture` itself.
    ///
    /// A frame of another size resets the denoiser.
    pub fn filter(
        &mut self,
        picture: &Picture<'_>,
        setting: Denoise,
        kernels: &Kernels,
        pool: &dyn Pool,
    ) -> Option<u16> {
        if self.size != picture.size() {
            *self = Self { size: picture.size(), ..Self::default() };
        }
        let noise_q4 = match setting {
            Denoise::Off => None,
            Denoise::Auto => self.noise.measure(picture, kernels),
            Denoise::Level(level) => Some(16 * u16::from(level.min(Denoise::MAX_LEVEL))),
        };
        match noise_q4.filter(|&noise| noise > 0) {
            Some(noise_q4) => self.filter_frame(picture, noise_q4, kernels, pool),
            None => self.history.clear(),
        }
        if setting != Denoise::Auto {
            self.noise = NoiseEstimator::default();
        }
        noise_q4.filter(|&noise| noise > 0)
    }

    /// Returns the filtered frame.
    ///
    /// # Panics
    /// If no frame was filtered yet.
    #[must_use]
    pub fn picture(&self, source: &Picture<'_>) -> Picture<'_> {
        self.output.picture(source.info)
    }

    fn filter_frame(
        &mut self,
        picture: &Picture<'_>,
        noise_q4: u16,
        kernels: &Kernels,
        pool: &dyn Pool,
    ) {
        let (cols, rows) = self.size.macroblocks();
        if self.output.size() != self.size {
            self.output = FrameBuf::new(self.size, 0);
        }
        self.history.resize(cols * rows, BlockHistory::default());
        self.weights.set_noise(noise_q4);
        let filter = MbFilter { kernels, picture, weights: &self.weights };
        let outputs = OutputRows::of(&mut self.output);
        let jobs = Mutex::new((0..).zip(self.history.chunks_mut(cols)).zip(outputs));
        in_order(pool, rows, &|| {}, &|_| {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
            if let Some(((row, history), mut output)) = job {
                filter.filter_row(row, history, &mut output);
            }
        });
        drop(jobs);
        let restarted: usize = self.history.iter().map(BlockHistory::restarted).sum();
        if 8 * restarted > 7 * 4 * self.history.len() {
            // Another scene: blocks match by chance.
            self.history.iter_mut().for_each(BlockHistory::restart);
        }
    }
}
