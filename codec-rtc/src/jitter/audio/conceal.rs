//! Packet loss concealment: repeats the last pitch period and fades it into comfort noise.

use super::noise::Noise;
use super::pcm::{Pcm, mean_of_channels};
use super::pitch::{Direction, MAX_LAG, WINDOW, best_lag};

/// Below this correlation the audio is treated as unvoiced, and the longest lag is used because it
/// sounds least periodic.
const VOICED: f32 = 0.5;

/// Length in sample frames of the smoothing at the start of concealment: 2.5 ms.
const SMOOTHED: usize = 120;

/// Extrapolation of audio by its last pitch period.
#[derive(Debug, Default)]
pub(super) struct Extrapolation {
    period: Vec<f32>,
    /// Sample frames produced so far.
    given: usize,
    /// Difference between the end of the audio and the start of the period, per channel.
    step: Vec<f32>,
    mono: Vec<f32>,
}

impl Extrapolation {
    /// Starts at the end of `pcm`.
    pub(super) fn begin(&mut self, pcm: &Pcm) {
        let channels = pcm.channels();
        let tail = pcm.tail(MAX_LAG + WINDOW);
        self.mono.clear();
        mean_of_channels(tail, channels, &mut self.mono);
        let at = self.mono.len().saturating_sub(WINDOW);
        let lag = best_lag(&self.mono, at, Direction::Earlier, MAX_LAG);
        let lag = lag.filter(|lag| lag.fit >= VOICED).map_or(MAX_LAG, |lag| lag.samples);
        let last = pcm.tail(lag);
        self.period.clear();
        self.period.extend_from_slice(last);
        self.step.clear();
        let end = tail.len().saturating_sub(channels);
        let before = tail.len().saturating_sub((lag + 1) * channels);
        let ends = tail.get(end..).unwrap_or_default();
        self.step
            .extend(ends.iter().zip(tail.get(before..).unwrap_or_default()).map(|(a, b)| a - b));
        self.given = 0;
    }

    /// Appends the next `frames` sample frames.
    #[expect(clippy::cast_precision_loss, reason = "below 120")]
    pub(super) fn fill(&mut self, channels: usize, frames: usize, out: &mut Vec<f32>) {
        let length = self.period.len() / channels;
        for _ in 0..frames {
            let at = self.given.checked_rem(length).unwrap_or(0) * channels;
            let smooth = 1.0 - self.given.min(SMOOTHED) as f32 / SMOOTHED as f32;
            for channel in 0..channels {
                let value = self.period.get(at + channel).copied().unwrap_or(0.0);
                let step = self.step.get(channel).copied().unwrap_or(0.0);
                out.push(value + step * smooth);
            }
            self.given += 1;
        }
    }
}

/// Gain of concealed audio over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fade {
    /// Sample frames at full level, and length of the fade to silence.
    hold: usize,
    length: usize,
}

impl Fade {
    /// For decoders with their own concealment: full level for 60 ms, silent after 200 ms.
    pub(super) const DECODER: Self = Self { hold: 2880, length: 6720 };
    /// For repeated pitch periods, which soon sound unnatural: full level for 20 ms, silent after
    /// 100 ms.
    pub(super) const REPEATED: Self = Self { hold: 960, length: 3840 };

    /// Whether the gain is zero after `made` sample frames.
    pub(super) fn is_over(self, made: usize) -> bool {
        made >= self.hold + self.length
    }

    #[expect(clippy::cast_precision_loss, reason = "some thousand frames")]
    fn gain(self, made: usize) -> f32 {
        let faded = made.saturating_sub(self.hold).min(self.length);
        1.0 - faded as f32 / self.length as f32
    }

    /// Fades `samples`, which start `made` sample frames into the concealment, into the noise.
    pub(super) fn apply(
        self,
        made: usize,
        samples: &mut [f32],
        channels: usize,
        noise: &mut Noise,
    ) {
        for (index, frame) in samples.chunks_exact_mut(channels).enumerate() {
            let gain = self.gain(made + index);
            if gain < 1.0 {
                for (channel, value) in frame.iter_mut().enumerate() {
                    *value = *value * gain + noise.next(channel) * (1.0 - gain);
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use super::*;

    #[test]
    fn tone_is_extrapolated_without_a_step_and_fades() {
        let tone: Vec<f32> = (0..4810).flat_map(|at| [(at as f32 * 0.0321).sin(), 0.3]).collect();
        let mut pcm = Pcm::new(2);
        pcm.append(&tone);
        let mut extension = Extrapolation::default();
        extension.begin(&pcm);
        let mut made = Vec::new();
        extension.fill(2, 4800, &mut made);
        assert_eq!(made.len(), 9600);
        let all = [&tone[..], &made[..]].concat();
        let steps = all.windows(4).step_by(2).map(|four| (four[2] - four[0]).abs());
        assert!(steps.fold(0.0, f32::max) < 0.05);
        let mut noise = Noise::new(2, true);
        Fade::REPEATED.apply(0, &mut made, 2, &mut noise);
        assert!(Fade::REPEATED.is_over(4800) && !Fade::REPEATED.is_over(4799));
        assert!(made[9590..].iter().all(|value| value.abs() < 0.01));
        assert!(made[..1000].iter().any(|value| value.abs() > 0.9));
    }

    #[test]
    fn silence_is_extrapolated_as_silence() {
        let mut extension = Extrapolation::default();
        extension.begin(&Pcm::new(1));
        let mut made = Vec::new();
        extension.fill(1, 1000, &mut made);
        assert_eq!(made, vec![0.0; 1000]);
    }
}
