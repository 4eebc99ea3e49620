//! Sample rate conversion whose output has the exact duration of the input, without filter delay.
//!
//! The filters come from the crate `rubato`: FFT blocks for a fixed ratio, and a windowed sinc with
//! arbitrary phase for an adjustable ratio that follows a drifting clock. This module compensates
//! the delay of the filters to within a fraction of a sample, and flushes their last samples.

use std::fmt;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, Fft, FixedAsync, FixedSync, Resampler as Engine,
    SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

use super::format::RATES;
use codec_core::error::ConfigError;

/// Maximum deviation of the ratio of [`Resampler::adjustable`] from the nominal one, in either
/// direction.
pub const MAX_DRIFT: f64 = 0.01;

/// Minimum length in samples of the shorter side of a block of the fixed filter, which sets the
/// steepness of its cutoff.
const BLOCK: usize = 512;
/// Block size in samples above which the sinc filter has less delay; reached by rates without a
/// common divisor.
const MAX_BLOCK: usize = 16_384;
/// Length of the sinc in samples at the lower rate.
const SINC_LEN: usize = 256;
/// Table entries per sample.
const SINC_STEPS: usize = 128;
/// Magnitude that counts as silence: -300 dB. Its products with the coefficients of a filter are normal numbers.
const INAUDIBLE: f32 = 1e-15;
/// Number of sample frames that the sinc filter outputs at a time.
const SINC_CHUNK: usize = 128;

/// Converts the sample rate of interleaved floats.
///
/// NaN and infinite samples count as 0, and so do samples below -300 dB of full scale if the rates differ.
///
/// It allocates no memory once `out` and its buffers have reached their largest size.
///
/// ```
/// use codec_audio::resample::Resampler;
///
/// let mut resampler = Resampler::fixed(44_100, 48_000, 2)?;
/// let mut out = Vec::new();
/// resampler.process(&vec![0.5; 2 * 44_100], &mut out);
/// resampler.finish(&mut out);
/// assert_eq!(out.len(), 2 * 48_000);
/// # Ok::<(), codec_core::error::ConfigError>(())
/// ```
pub struct Resampler {
    from: u32,
    to: u32,
    channels: usize,
    filter: Filter,
    /// Samples that wait for a complete block.
    waiting: Vec<f32>,
    chunk: Vec<f32>,
    /// Number of output sample frames of the filter before time 0, to be dropped.
    to_drop: usize,
    /// Number of sample frames consumed.
    taken: u64,
    /// Time of the next output in input samples when the ratio last changed, if it ever did; and
    /// the number of sample frames output since.
    moved: Option<f64>,
    given: u64,
    /// Current ratio relative to the nominal one.
    drift: f64,
}

enum Filter {
    /// Equal rates: copies the samples.
    Copy,
    Blocks(Box<Fft<f32>>),
    Sinc(Box<Async<f32>>),
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler")
            .field("from", &self.from)
            .field("to", &self.to)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Resampler {
    /// Creates a resampler with a fixed ratio: steep and fast, with the delay of a block (see
    /// [`Self::latency`]).
    ///
    /// # Errors
    /// [`ConfigError`] if a rate is outside [`RATES`], or the number of channels is 0 or above 255.
    pub fn fixed(from: u32, to: u32, channels: usize) -> Result<Self, ConfigError> {
        check(from, to, channels)?;
        if from == to {
            return Ok(Self::with(from, to, channels, Filter::Copy));
        }
        let divisor = gcd(from, to);
        let (a, b) = ((from / divisor) as usize, (to / divisor) as usize);
        // Both blocks have even lengths, so that the delay is a whole number of samples.
        let count = BLOCK.div_ceil(a.min(b)).next_multiple_of(2);
        if a.max(b) * count > MAX_BLOCK && a.min(b) > BLOCK && a < b * 8 {
            return Self::adjustable(from, to, channels);
        }
        let window = WindowFunction::BlackmanHarris2;
        let (input, output) = (from as usize, to as usize);
        let filter =
            Fft::new_custom(input, output, a * count, 1, channels, window, FixedSync::Both)
                .map_err(|error| {
                    ConfigError::conflict("resampling", format_args!("{from} to {to} Hz: {error}"))
                })?;
        let mut this = Self::with(from, to, channels, Filter::Blocks(Box::new(filter)));
        this.reset();
        Ok(this)
    }

    /// Creates a resampler whose ratio can change by up to [`MAX_DRIFT`] while running
    /// ([`Self::set_drift`]), with a delay of a few milliseconds.
    ///
    /// # Errors
    /// Returns the errors of [`Self::fixed`]; also if `from` is more than 16 times `to`.
    pub fn adjustable(from: u32, to: u32, channels: usize) -> Result<Self, ConfigError> {
        check(from, to, channels)?;
        let lowering = (f64::from(from) / f64::from(to)).max(1.0);
        if lowering > 16.0 {
            let given = format!("{from} to {to} Hz");
            return Err(ConfigError::new(
                "adjustable resampling",
                given,
                "a ratio of at most 16 to 1",
            ));
        }
        let parameters = SincInterpolationParameters {
            sinc_len: sinc_len(from, to),
            f_cutoff: None,
            oversampling_factor: SINC_STEPS,
            interpolation: SincInterpolationType::Cubic,
            window: WindowFunction::BlackmanHarris2,
        };
        let ratio = f64::from(to) / f64::from(from);
        let limit = 1.0 + 2.0 * MAX_DRIFT;
        let output = FixedAsync::Output;
        let filter = Async::new_sinc(ratio, limit, &parameters, SINC_CHUNK, channels, output)
            .map_err(|error| {
                ConfigError::conflict("resampling", format_args!("{from} to {to} Hz: {error}"))
            })?;
        let mut this = Self::with(from, to, channels, Filter::Sinc(Box::new(filter)));
        this.reset();
        Ok(this)
    }

    fn with(from: u32, to: u32, channels: usize, filter: Filter) -> Self {
        Self {
            from,
            to,
            channels,
            filter,
            waiting: Vec::new(),
            chunk: Vec::new(),
            to_drop: 0,
            taken: 0,
            moved: None,
            given: 0,
            drift: 1.0,
        }
    }

    /// Returns the input rate in Hz.
    #[must_use]
    pub fn from(&self) -> u32 {
        self.from
    }

    /// Returns the output rate in Hz.
    #[must_use]
    pub fn to(&self) -> u32 {
        self.to
    }

    /// Returns the maximum delay of the output behind the input, in sample frames at the output
    /// rate. The timestamps of the samples account for it: nothing is shifted.
    #[must_use]
    pub fn latency(&self) -> usize {
        match &self.filter {
            Filter::Copy => 0,
            Filter::Blocks(filter) => filter.output_delay() + filter.output_frames_max(),
            Filter::Sinc(filter) => filter.output_delay() + 2 * SINC_CHUNK,
        }
    }

    /// Sets the number of output samples per input sample relative to the nominal ratio. For
    /// example, 1.001 lengthens the audio by 0.1 %, for a source whose clock is slow by that
    /// amount. It takes effect from the next chunk of 128 output samples; the waveform stays
    /// continuous.
    ///
    /// # Errors
    /// [`ConfigError`] beyond 1 ± [`MAX_DRIFT`], or if the resampler has a fixed ratio.
    pub fn set_drift(&mut self, ratio: f64) -> Result<(), ConfigError> {
        let allowed = 1.0 - MAX_DRIFT..=1.0 + MAX_DRIFT;
        let refused = |allowed| Err(ConfigError::new("drift", ratio, allowed));
        if !allowed.contains(&ratio) {
            return refused("0.99..=1.01");
        }
        let step = |drift: f64| f64::from(self.from) / (f64::from(self.to) * drift);
        let mut next = self.next_time();
        if self.to_drop > 0 {
            let before = self.to_drop as f64 * step(self.drift);
            let dropped = (before / step(ratio)).ceil();
            self.to_drop = to_count(dropped);
            next = dropped * step(ratio) - before;
        }
        let Filter::Sinc(filter) = &mut self.filter else {
            return refused("1 (the ratio of this resampler is fixed)");
        };
        if filter.set_resample_ratio_relative(ratio, false).is_err() {
            return refused("0.99..=1.01");
        }
        (self.moved, self.given, self.drift) = (Some(next), 0, ratio);
        if self.taken == 0 {
            self.waiting.clear();
            self.moved = Some(0.0);
            self.settle_phase();
        }
        Ok(())
    }

    /// Resets the state, including the ratio.
    pub fn reset(&mut self) {
        self.waiting.clear();
        (self.taken, self.moved, self.given, self.drift) = (0, None, 0, 1.0);
        match &mut self.filter {
            Filter::Copy => {}
            Filter::Blocks(filter) => {
                filter.reset();
                self.to_drop = filter.output_delay();
                self.chunk.resize(filter.output_frames_max() * self.channels, 0.0);
            }
            Filter::Sinc(_) => self.settle_phase(),
        }
    }

    /// Converts `input` in whole sample frames (an incomplete one at the end is ignored) and
    /// appends the samples that are ready.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        let input = &input[..input.len() - input.len() % self.channels];
        self.taken += (input.len() / self.channels) as u64;
        if matches!(self.filter, Filter::Copy) {
            out.extend(input.iter().copied().map(sane));
            return;
        }
        self.waiting.extend(input.iter().copied().map(filterable));
        let mut used = 0;
        while let Some(more) = self.step(used, out, usize::MAX) {
            used += more;
        }
        self.waiting.drain(..used);
    }

    /// Flushes the resampler: appends the remaining samples, so that the total output has the
    /// duration of the input, rounded to the nearest sample. Then resets the state.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        if !matches!(self.filter, Filter::Copy) {
            loop {
                let missing = self.missing();
                if missing == 0 {
                    break;
                }
                let needed = self.needed() * self.channels;
                if self.waiting.len() < needed {
                    self.waiting.resize(needed, 0.0);
                }
                let Some(used) = self.step(0, out, missing) else { break };
                self.waiting.drain(..used);
            }
        }
        self.reset();
    }

    /// Returns the time of the next output in input samples.
    fn next_time(&self) -> f64 {
        let step = f64::from(self.from) / (f64::from(self.to) * self.drift);
        self.moved.unwrap_or(0.0) + self.given as f64 * step
    }

    /// Returns the number of sample frames still to be output for the consumed input.
    fn missing(&self) -> usize {
        if self.moved.is_some() {
            let left = self.taken as f64 - self.next_time();
            return to_count(
                (left * f64::from(self.to) * self.drift / f64::from(self.from)).round(),
            );
        }
        let (from, to) = (u128::from(self.from), u128::from(self.to));
        let total = (u128::from(self.taken) * to * 2 + from) / (2 * from);
        usize::try_from(total.saturating_sub(u128::from(self.given))).unwrap_or(usize::MAX)
    }

    fn needed(&self) -> usize {
        match &self.filter {
            Filter::Copy => usize::MAX,
            Filter::Blocks(filter) => filter.input_frames_next(),
            Filter::Sinc(filter) => filter.input_frames_next(),
        }
    }

    /// Filters one block starting at value `at` and appends at most `most` sample frames. Returns
    /// the number of values consumed, or `None` if there are not enough.
    fn step(&mut self, at: usize, out: &mut Vec<f32>, most: usize) -> Option<usize> {
        let needed = self.needed();
        let values = self.waiting.get(at..at.checked_add(needed.checked_mul(self.channels)?)?)?;
        let given = run(&mut self.filter, values, &mut self.chunk, self.channels)?;
        let dropped = self.to_drop.min(given);
        self.to_drop -= dropped;
        let kept = (given - dropped).min(most);
        out.extend_from_slice(
            &self.chunk[dropped * self.channels..(dropped + kept) * self.channels],
        );
        self.given += kept as u64;
        Some(values.len())
    }

    /// Aligns the phase of the sinc so that its outputs fall on whole samples.
    ///
    /// Output `n` of the filter is the input at `(n + 1) / ratio - delay`. Silence is fed first,
    /// and one chunk is converted at a slightly different ratio, so that the next output lies a
    /// whole number of output samples before time 0.
    fn settle_phase(&mut self) {
        let Filter::Sinc(filter) = &mut self.filter else { return };
        filter.reset();
        self.chunk.resize(filter.output_frames_max() * self.channels, 0.0);
        let nominal = f64::from(self.to) / f64::from(self.from);
        let ratio = nominal * self.drift;
        let delay = sinc_len(self.from, self.to) as f64 / 2.0 - 1.0 / SINC_STEPS as f64;
        let chunk = SINC_CHUNK as f64;
        let silence = (2.0 * chunk / ratio).ceil() + 2.0 * delay;
        let silence = silence.ceil();
        let before = ((delay + silence) * ratio - chunk).round();
        let step = (delay + silence - before / ratio) / chunk;
        let moved = filter.set_resample_ratio_relative(1.0 / (step * nominal), false);
        debug_assert!(moved.is_ok(), "half an output in a chunk is within the limit");
        self.waiting.resize(to_count(silence) * self.channels, 0.0);
        let needed = filter.input_frames_next() * self.channels;
        debug_assert!(needed <= self.waiting.len(), "a chunk needs half of the silence");
        let surplus = self.waiting.len().saturating_sub(needed);
        let needed = self.waiting.len() - surplus;
        let _ = run(&mut self.filter, &self.waiting[..needed], &mut self.chunk, self.channels);
        self.waiting.truncate(surplus);
        if let Filter::Sinc(filter) = &mut self.filter {
            let back = filter.set_resample_ratio_relative(self.drift, false);
            debug_assert!(back.is_ok(), "drifts are within the limit");
        }
        self.to_drop = to_count(before - 1.0);
    }
}

fn run(filter: &mut Filter, values: &[f32], chunk: &mut [f32], channels: usize) -> Option<usize> {
    let input = InterleavedSlice::new(values, channels, values.len() / channels).ok()?;
    let frames = chunk.len() / channels;
    let mut output = InterleavedSlice::new_mut(chunk, channels, frames).ok()?;
    let result = match filter {
        Filter::Copy => return None,
        Filter::Blocks(filter) => filter.process_into_buffer(&input, &mut output, None),
        Filter::Sinc(filter) => filter.process_into_buffer(&input, &mut output, None),
    };
    result.ok().map(|(_, given)| given)
}

fn sinc_len(from: u32, to: u32) -> usize {
    (SINC_LEN * from.div_ceil(to).max(1) as usize).next_multiple_of(8)
}

fn check(from: u32, to: u32, channels: usize) -> Result<(), ConfigError> {
    for rate in [from, to] {
        if !RATES.contains(&rate) {
            return Err(ConfigError::new("sample rate", rate, "1000..=384000 Hz"));
        }
    }
    if !(1..=255).contains(&channels) {
        return Err(ConfigError::new("channels", channels, "1..=255"));
    }
    Ok(())
}

/// Converts to an integer; negative values become 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn to_count(value: f64) -> usize {
    value as usize
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Replaces NaN and infinite values, which the filters would spread over all later samples.
fn sane(value: f32) -> f32 {
    if value.is_finite() { value.clamp(-1e6, 1e6) } else { 0.0 }
}

/// Replaces what the filters would spread over all later samples, and what would make them slow: a CPU multiplies
/// subnormal numbers, which decoders produce at the end of a sound, many times slower than others.
fn filterable(value: f32) -> f32 {
    if value.abs() < INAUDIBLE { 0.0 } else { sane(value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[expect(clippy::cast_possible_truncation, reason = "samples")]
    fn sine(rate: u32, frequency: f64, frames: usize) -> Vec<f32> {
        let step = TAU * frequency / f64::from(rate);
        (0..frames).map(|i| (0.5 * (step * i as f64).sin()) as f32).collect()
    }

    /// Returns the SNR of `got` against the exact sine in dB, without the outer quarters.
    fn snr_db(got: &[f32], rate: u32, frequency: f64) -> f64 {
        let truth = sine(rate, frequency, got.len());
        let inner = got.len() / 4..got.len() * 3 / 4;
        let (mut signal, mut noise) = (0.0, 0.0);
        for (a, b) in truth[inner.clone()].iter().zip(&got[inner]) {
            signal += f64::from(*a).powi(2);
            noise += f64::from(a - b).powi(2);
        }
        10.0 * (signal / noise.max(1e-30)).log10()
    }

    fn all(resampler: &mut Resampler, input: &[f32], piece: usize) -> Vec<f32> {
        let mut out = Vec::new();
        for part in input.chunks(piece) {
            resampler.process(part, &mut out);
        }
        resampler.finish(&mut out);
        out
    }

    #[test]
    fn duration_and_phase_are_kept_between_usual_rates() {
        for from in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            for to in [8_000, 16_000, 44_100, 48_000] {
                for adjustable in [false, true] {
                    let make = if adjustable { Resampler::adjustable } else { Resampler::fixed };
                    let mut resampler = make(from, to, 1).unwrap();
                    let frequency = 0.4 * f64::from(from.min(to));
                    let frames = from as usize / 2 + 7;
                    let out = all(&mut resampler, &sine(from, frequency, frames), 313);
                    let expected = (frames as f64 * f64::from(to) / f64::from(from)).round();
                    assert!(
                        (out.len() as f64 - expected).abs() < 0.1,
                        "{from} to {to}: {}",
                        out.len()
                    );
                    let snr = snr_db(&out, to, frequency);
                    assert!(snr > 80.0, "{from} to {to}, adjustable {adjustable}: {snr} dB");
                }
            }
        }
    }

    #[test]
    fn rates_without_a_common_divisor_and_the_extremes_work() {
        for (from, to) in [(44_101, 48_000), (1_000, 384_000), (384_000, 1_000), (383_999, 1_009)] {
            let mut resampler = Resampler::fixed(from, to, 1).unwrap();
            let frequency = 0.2 * f64::from(from.min(to));
            let frames = from as usize;
            let out = all(&mut resampler, &sine(from, frequency, frames), 4096);
            assert_eq!(out.len(), to as usize, "{from} to {to}");
            let snr = snr_db(&out, to, frequency);
            assert!(snr > 80.0, "{from} to {to}: {snr} dB");
        }
    }

    #[test]
    fn the_output_does_not_depend_on_the_chunk_size() {
        let input = sine(44_100, 440.0, 20_000);
        for make in [Resampler::fixed, Resampler::adjustable] {
            let mut resampler = make(44_100, 48_000, 2).unwrap();
            let whole = all(&mut resampler, &input, 20_000);
            assert_eq!(all(&mut resampler, &input, 2), whole);
            assert_eq!(all(&mut resampler, &input, 1002), whole);
        }
    }

    #[test]
    fn drift_changes_the_length_and_keeps_the_waveform_continuous() {
        let mut resampler = Resampler::adjustable(48_000, 48_000, 1).unwrap();
        resampler.set_drift(1.005).unwrap();
        let out = all(&mut resampler, &sine(48_000, 1000.0, 96_000), 480);
        assert!(out.len().abs_diff(96_480) <= 1, "{}", out.len());
        let snr = snr_db(&out, 48_000, 1000.0 / 1.005);
        assert!(snr > 80.0, "{snr} dB");
        assert!(resampler.set_drift(1.02).is_err());
        assert!(Resampler::fixed(8_000, 48_000, 1).unwrap().set_drift(1.0).is_err());
    }

    #[test]
    fn a_changing_drift_causes_no_discontinuity() {
        let mut resampler = Resampler::adjustable(48_000, 48_000, 1).unwrap();
        let mut out = Vec::new();
        for (i, part) in sine(48_000, 100.0, 48_000).chunks(480).enumerate() {
            resampler.set_drift(1.0 + 0.0001 * (i % 50) as f64).unwrap();
            resampler.process(part, &mut out);
        }
        resampler.finish(&mut out);
        let largest = out.windows(2).map(|w| (w[0] - w[1]).abs()).fold(0.0, f32::max);
        assert!(largest < 0.5 * 0.0140, "{largest}");
    }

    #[test]
    fn short_and_odd_inputs_keep_their_duration() {
        for make in [Resampler::fixed, Resampler::adjustable] {
            let mut resampler = make(8_000, 48_000, 1).unwrap();
            for frames in [0, 1, 2, 5, 100] {
                assert_eq!(all(&mut resampler, &vec![0.1; frames], 1).len(), 6 * frames);
            }
        }
    }

    #[test]
    fn samples_far_below_hearing_are_silence() {
        for make in [Resampler::adjustable, Resampler::fixed] {
            let out =
                all(&mut make(44_100, 48_000, 1).unwrap(), &[1e-40, -1e-16].repeat(2000), 313);
            assert!(out.len() > 4000 && out.iter().all(|&sample| sample == 0.0));
        }
        let copied = all(&mut Resampler::fixed(8_000, 8_000, 1).unwrap(), &[1e-40], 1);
        assert_eq!(copied, [1e-40]);
    }

    #[test]
    fn nan_and_infinity_do_not_propagate() {
        for make in [Resampler::fixed, Resampler::adjustable] {
            let mut resampler = make(44_100, 48_000, 1).unwrap();
            let mut input = sine(44_100, 440.0, 10_000);
            input[100] = f32::NAN;
            input[200] = f32::INFINITY;
            input[300] = f32::MIN;
            assert!(all(&mut resampler, &input, 64).iter().all(|v| v.is_finite()));
        }
    }
}
