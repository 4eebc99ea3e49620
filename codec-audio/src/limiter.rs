//! Peak limiter with look-ahead.

use std::collections::VecDeque;

/// A look-ahead peak limiter for interleaved floats.
///
/// The gain that a peak requires is held for 15 ms after it, released within 200 ms, and averaged
/// over the look-ahead of 5 ms. It therefore changes smoothly, and is lowest when the peak is
/// output. All channels get the same gain. Rounding errors above the ceiling are clipped and NaN
/// becomes 0: the output never exceeds the ceiling.
///
/// ```
/// use codec_audio::limiter::Limiter;
///
/// let mut limiter = Limiter::new(48_000, 1);
/// let mut samples = vec![2.0; 4800];
/// limiter.process(&mut samples);
/// assert!(samples.iter().all(|sample| sample.abs() <= 1.0));
/// assert_eq!(samples[..limiter.latency()], vec![0.0; limiter.latency()]); // look-ahead
/// ```
#[derive(Clone, Debug)]
pub struct Limiter {
    channels: usize,
    ceiling: f32,
    lookahead: usize,
    hold: usize,
    release: f32,
    /// Ring buffer of delayed sample frames, interleaved.
    delay: Vec<f32>,
    at: usize,
    /// Required gains with their frame numbers, smallest first: each is smaller than those behind
    /// it.
    needed: VecDeque<(u64, f32)>,
    frame: u64,
    released: f32,
    /// Ring buffer of the last `lookahead + 1` gains, and their sum.
    averaged: Vec<f32>,
    average_at: usize,
    sum: f64,
    least: f32,
}

impl Limiter {
    /// Creates a limiter for `channels` channels at `rate`; the ceiling is full scale.
    #[must_use]
    pub fn new(rate: u32, channels: usize) -> Self {
        Self::with_ceiling(rate, channels, 1.0)
    }

    /// Creates a limiter with the given ceiling, clamped to `0.001..=1.0`.
    #[must_use]
    pub fn with_ceiling(rate: u32, channels: usize, ceiling: f32) -> Self {
        let ms = |ms: usize| (rate as usize * ms / 1000).max(1);
        let (channels, lookahead) = (channels.max(1), ms(5));
        let ceiling = if ceiling.is_nan() { 1.0 } else { ceiling.clamp(0.001, 1.0) };
        Self {
            channels,
            ceiling,
            lookahead,
            hold: ms(15),
            release: 1.0 - (-1.0 / (0.2 * rate.max(1) as f32)).exp(),
            delay: vec![0.0; lookahead * channels],
            at: 0,
            needed: VecDeque::with_capacity(ms(5) + ms(15) + 2),
            frame: 0,
            released: 1.0,
            averaged: vec![1.0; lookahead + 1],
            average_at: 0,
            sum: (lookahead + 1) as f64,
            least: 1.0,
        }
    }

    /// Returns the delay of the output in sample frames.
    #[must_use]
    pub fn latency(&self) -> usize {
        self.lookahead
    }

    /// Returns the smallest gain applied since the last call; 1 if the limiter was inactive.
    pub fn take_min_gain(&mut self) -> f32 {
        std::mem::replace(&mut self.least, 1.0)
    }

    /// Resets the state.
    pub fn reset(&mut self) {
        self.delay.fill(0.0);
        self.averaged.fill(1.0);
        self.needed.clear();
        self.sum = self.averaged.len() as f64;
        (self.at, self.average_at, self.frame) = (0, 0, 0);
        (self.released, self.least) = (1.0, 1.0);
    }

    /// Limits whole sample frames in place; the output is delayed by [`Self::latency`].
    pub fn process(&mut self, samples: &mut [f32]) {
        for frame in samples.chunks_exact_mut(self.channels) {
            let factor = self.next_factor(frame);
            let delayed = &mut self.delay[self.at..self.at + self.channels];
            for (value, delayed) in frame.iter_mut().zip(delayed) {
                let old = std::mem::replace(delayed, sane(*value));
                *value = (old * factor).clamp(-self.ceiling, self.ceiling);
            }
            self.at = (self.at + self.channels) % self.delay.len();
        }
    }

    /// Returns the gain for the outgoing frame while `frame` comes in.
    #[expect(clippy::cast_possible_truncation, reason = "a factor")]
    fn next_factor(&mut self, frame: &[f32]) -> f32 {
        let peak = frame.iter().fold(0.0f32, |peak, &value| peak.max(sane(value).abs()));
        let needs = if peak > self.ceiling { self.ceiling / peak } else { 1.0 };
        while self.needed.back().is_some_and(|&(_, other)| other >= needs) {
            self.needed.pop_back();
        }
        self.needed.push_back((self.frame, needs));
        let oldest = self.frame.saturating_sub((self.lookahead + self.hold) as u64);
        while self.needed.front().is_some_and(|&(at, _)| at < oldest) {
            self.needed.pop_front();
        }
        self.frame += 1;
        let held = self.needed.front().map_or(1.0, |&(_, least)| least);
        self.released = held.min(self.released + (1.0 - self.released) * self.release);
        // Ends the asymptotic release near 1.
        if self.released > 0.999_999 && held >= 1.0 {
            self.released = 1.0;
        }
        let old = std::mem::replace(&mut self.averaged[self.average_at], self.released);
        self.average_at = (self.average_at + 1) % self.averaged.len();
        if self.average_at == 0 {
            // Recomputed once per cycle, so that rounding errors cannot accumulate.
            self.sum = self.averaged.iter().map(|&v| f64::from(v)).sum();
        } else {
            self.sum += f64::from(self.released) - f64::from(old);
        }
        let factor = (self.sum / self.averaged.len() as f64).min(1.0) as f32;
        self.least = self.least.min(factor);
        factor
    }
}

fn sane(value: f32) -> f32 {
    if value.is_finite() { value.clamp(-1e6, 1e6) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[expect(clippy::cast_possible_truncation, reason = "samples")]
    fn sine(frequency: f64, level: f64, frames: usize) -> Vec<f32> {
        (0..frames)
            .map(|i| (level * (TAU * frequency * i as f64 / 48_000.0).sin()) as f32)
            .collect()
    }

    /// Returns the level of everything but the tone, relative to the tone in dB.
    fn distortion_db(samples: &[f32], frequency: f64) -> f64 {
        let (mut s, mut c, mut all) = (0.0, 0.0, 0.0);
        for (i, &value) in samples.iter().enumerate() {
            let phase = TAU * frequency * i as f64 / 48_000.0;
            s += f64::from(value) * phase.sin();
            c += f64::from(value) * phase.cos();
            all += f64::from(value).powi(2);
        }
        let tone = 2.0 * (s * s + c * c) / samples.len() as f64;
        10.0 * ((all - tone).max(1e-20) / tone).log10()
    }

    #[test]
    fn samples_below_the_ceiling_are_only_delayed() {
        let input = sine(440.0, 0.99, 4800);
        let mut output = input.clone();
        let mut limiter = Limiter::new(48_000, 1);
        limiter.process(&mut output);
        assert_eq!(output[240..], input[..4800 - 240]);
    }

    #[test]
    fn limited_tones_have_low_distortion() {
        // The gain settles during the first second; whole periods are measured.
        for (frequency, at_most) in
            [(50.0, -60.0), (100.0, -100.0), (1000.0, -100.0), (10_000.0, -100.0)]
        {
            let mut samples = sine(frequency, 4.0, 96_000);
            Limiter::new(48_000, 1).process(&mut samples);
            assert!(samples.iter().all(|v| v.abs() <= 1.0));
            let distortion = distortion_db(&samples[48_000..], frequency);
            assert!(distortion < at_most, "{frequency} Hz: {distortion} dB");
        }
    }

    #[test]
    fn a_sudden_peak_is_limited_by_a_ramp_and_not_clipped() {
        let mut samples = sine(1000.0, 0.5, 9600);
        samples[4800] = 8.0;
        let mut limiter = Limiter::new(48_000, 1);
        limiter.process(&mut samples);
        assert!((samples[4800 + 240] - 1.0).abs() < 1e-5);
        let steps = samples[4500..5039].windows(2).map(|w| (w[1] - w[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.08);
        assert!((limiter.take_min_gain() - 0.125).abs() < 1e-5);
    }

    #[test]
    fn output_never_exceeds_the_ceiling_for_any_input() {
        let mut seed = 1u32;
        let mut samples: Vec<f32> = (0..20_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from_bits(seed)
            })
            .collect();
        let mut limiter = Limiter::with_ceiling(48_000, 2, 0.9);
        for part in samples.chunks_mut(334) {
            limiter.process(part);
            assert!(part.iter().all(|v| v.abs() <= 0.9));
        }
        limiter.process(&mut []);
    }
}
