//! A resampler with an exact filter for constant rates. When the rate has to vary, it switches to
//! another filter without a discontinuity.

use codec_audio::convert::Converter;
use codec_audio::{AudioFormat, AudioView, Samples};
use codec_core::error::ConfigError;

use crate::failure::{Failure, Result};

/// Sample frames used to prime the new filter.
const HISTORY_FRAMES: u64 = 4096;

/// Converts sample rate and channels; varies the rate once drift correction is needed.
pub(super) struct VariableRateConverter {
    from: AudioFormat,
    to: AudioFormat,
    converter: Converter,
    is_bent: bool,
    /// Sample frames consumed and produced.
    taken: u64,
    given: u64,
    /// Sample frames of the new filter that the old one has already produced.
    repeated: u64,
    /// The most recent input values.
    history: Vec<f32>,
    ratio: f64,
    /// Sample frames due since the rate was first varied, minus those produced; and the initial
    /// value of this difference.
    lag: f64,
    usual_lag: f64,
}

impl VariableRateConverter {
    pub(super) fn new(from: AudioFormat, to: AudioFormat) -> Result<Self> {
        let converter = Converter::new(from, to).map_err(Failure::encoding)?;
        Ok(Self {
            from,
            to,
            converter,
            is_bent: false,
            taken: 0,
            given: 0,
            repeated: 0,
            history: Vec::new(),
            ratio: 1.0,
            lag: 0.0,
            usual_lag: 0.0,
        })
    }

    pub(super) fn from(&self) -> AudioFormat {
        self.from
    }

    pub(super) fn to(&self) -> AudioFormat {
        self.to
    }

    /// Converts whole sample frames and appends the output that is ready.
    pub(super) fn process(&mut self, values: &[f32], out: &mut Vec<f32>) -> Result<()> {
        let begun = out.len();
        self.convert(values, out)?;
        let given = self.count(begun, out);
        let channels = self.from.channels();
        if self.is_bent {
            let scale = f64::from(self.to.rate) / f64::from(self.from.rate);
            #[expect(clippy::cast_precision_loss, reason = "a block of samples")]
            let (taken, given) = ((values.len() / channels) as f64, given as f64);
            self.lag += taken * self.ratio * scale - given;
        } else {
            let keep = usize::try_from(HISTORY_FRAMES).unwrap_or(0) * channels;
            self.taken += (values.len() / channels) as u64;
            self.history.extend_from_slice(&values[values.len().saturating_sub(keep)..]);
            let extra = self.history.len().saturating_sub(keep);
            self.history.drain(..extra);
        }
        Ok(())
    }

    /// Appends the rest of the filter's output.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let begun = out.len();
        self.converter.finish(out);
        self.count(begun, out);
    }

    /// Stretches the audio by `ratio`. Appends the remaining output of the first filter.
    pub(super) fn bend(&mut self, ratio: f64, out: &mut Vec<f32>) -> Result<()> {
        if !self.is_bent {
            self.change_filter(out)?;
        }
        self.ratio = ratio;
        set_drift(&mut self.converter, ratio).map_err(Failure::internal)
    }

    /// The number of input sample frames by which the output lags behind the requested ratios: a
    /// filter applies a new ratio only when its block is full.
    pub(super) fn slip(&self) -> f64 {
        let scale = f64::from(self.from.rate) / f64::from(self.to.rate);
        (self.lag - self.usual_lag) * scale
    }

    pub(super) fn is_bent(&self) -> bool {
        self.is_bent
    }

    fn convert(&mut self, values: &[f32], out: &mut Vec<f32>) -> Result<()> {
        let view = AudioView::new(self.from, Samples::F32(values)).map_err(Failure::internal)?;
        self.converter.process(&view, out).map_err(Failure::internal)
    }

    /// Removes output that was already produced, and counts the rest.
    fn count(&mut self, begun: usize, out: &mut Vec<f32>) -> u64 {
        let channels = self.to.channels();
        let new = ((out.len() - begun) / channels) as u64;
        let again = new.min(self.repeated);
        let values = usize::try_from(again).unwrap_or(0) * channels;
        out.drain(begun..begun + values);
        self.repeated -= again;
        self.given += new - again;
        new - again
    }

    /// Starts the new filter in the past, at a point where an input and an output sample coincide,
    /// feeds it the history, and discards its output up to the current position.
    fn change_filter(&mut self, out: &mut Vec<f32>) -> Result<()> {
        let (from, to) = (u64::from(self.from.rate), u64::from(self.to.rate));
        let period = from / greatest_common_divisor(from, to);
        let oldest = self.taken.saturating_sub(HISTORY_FRAMES);
        let begin = oldest.div_ceil(period) * period;
        let begin = begin.min(self.taken / period * period);
        let heard = usize::try_from(self.taken - begin).unwrap_or(0) * self.from.channels();
        let heard = self.history.split_off(self.history.len().saturating_sub(heard));
        self.converter = Converter::adjustable(self.from, self.to).map_err(Failure::encoding)?;
        self.is_bent = true;
        self.repeated = self.given.saturating_sub(begin / period * (to * period / from));
        let begun = out.len();
        self.convert(&heard, out)?;
        self.count(begun, out);
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^52 samples")]
        let (due, given) = ((self.taken * to) as f64 / from as f64, self.given as f64);
        (self.lag, self.usual_lag) = (due - given, due - given);
        Ok(())
    }
}

#[cfg(feature = "resample")]
fn set_drift(converter: &mut Converter, ratio: f64) -> std::result::Result<(), ConfigError> {
    converter.set_drift(ratio)
}

/// Never called: without the feature no variable-rate resampler can be created.
#[cfg(not(feature = "resample"))]
fn set_drift(_: &mut Converter, _: f64) -> std::result::Result<(), ConfigError> {
    Ok(())
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}
