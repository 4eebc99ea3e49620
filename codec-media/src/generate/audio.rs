//! Synthetic audio signals, in integer arithmetic like the scenes.

use codec_core::error::ConfigError;
use codec_core::frame::Rational;

use super::clapper::Clicks;
use super::math::hash;

/// An audio signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioSignal {
    /// Silence with the clicks of [`super::Scene::Clapper`]: 1 kHz for a tenth of a second.
    Clicks,
    /// 1 kHz, 20 dB below full scale.
    Tone,
    /// A linear sweep from 20 Hz to 20 kHz in ten seconds, repeated; 20 dB below full scale.
    Sweep,
    /// White noise with peaks 12 dB below full scale.
    Noise,
}

impl AudioSignal {
    /// Audio signals without video, with their names and descriptions.
    pub const ALL: [(&'static str, Self, &'static str); 3] = [
        ("tone", Self::Tone, "1 kHz, 20 dB below full scale"),
        ("sweep", Self::Sweep, "20 Hz to 20 kHz in ten seconds"),
        ("noise", Self::Noise, "white noise"),
    ];

    /// Returns the signal of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, ..)| *n == name).map(|&(_, audio, _)| audio)
    }
}

/// Amplitudes of 16-bit samples.
const LOUD: i64 = 16_384;
const QUIET: i64 = 3_277;
const SWEEP_SECONDS: u64 = 10;

/// Generates the samples of one channel.
#[derive(Clone, Copy, Debug)]
pub struct AudioGenerator {
    audio: AudioSignal,
    rate: u32,
    clicks: Clicks,
    seed: u64,
}

impl AudioGenerator {
    /// Creates a generator with `rate` samples per second; `framerate` is the frame rate of the accompanying
    /// video.
    ///
    /// # Errors
    ///
    /// If the rate is outside 8,000 to 192,000 Hz, or the frame rate is 0 or infinite.
    pub fn new(
        audio: AudioSignal,
        rate: u32,
        framerate: Rational,
        seed: u64,
    ) -> Result<Self, ConfigError> {
        if !(8_000..=192_000).contains(&rate) {
            return Err(ConfigError::new("rate", rate, "8000 to 192000 Hz"));
        }
        if framerate.num == 0 || framerate.den == 0 {
            return Err(ConfigError::new("fps", framerate, "a positive ratio"));
        }
        Ok(Self { audio, rate, clicks: Clicks::new(rate, framerate), seed })
    }

    /// Returns sample `index`, counted from the start.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "amplitudes are far below 16 bits")]
    pub fn sample(&self, index: u64) -> i16 {
        let value = match self.audio {
            AudioSignal::Clicks => match self.clicks.position(index) {
                Some(since) => (LOUD * sine_q30(self.phase(since, 1000))) >> 30,
                None => 0,
            },
            AudioSignal::Tone => (QUIET * sine_q30(self.phase(index, 1000))) >> 30,
            AudioSignal::Sweep => (QUIET * sine_q30(self.sweep_phase(index))) >> 30,
            AudioSignal::Noise => {
                let bits = hash(&[0x2015e, self.seed, index]);
                i64::from(bits >> 16) / 4 - 8192
            }
        };
        value as i16
    }

    /// Phase of a tone of `hz` after this many samples; one turn is 2^32.
    fn phase(&self, samples: u64, hz: u64) -> u32 {
        let turns = (u128::from(samples) * u128::from(hz)) << 32;
        ((turns / u128::from(self.rate)) & 0xFFFF_FFFF) as u32
    }

    fn sweep_phase(&self, index: u64) -> u32 {
        let rate = u128::from(self.rate);
        let length = rate * u128::from(SWEEP_SECONDS);
        let n = u128::from(index) % length;
        // The integral of a linearly growing frequency: f0 t + (f1 - f0) t^2 / (2 T).
        let steady = ((20 * n) << 32) / rate;
        let growing = ((19_980 * n * n) << 31) / (rate * length);
        ((steady + growing) & 0xFFFF_FFFF) as u32
    }
}

/// Sine of a phase, with one turn being 2^32; the result is in units of 2^-30. Taylor polynomial of
/// degree nine on a quarter turn; the error is below 4e-6.
fn sine_q30(phase: u32) -> i64 {
    /// Coefficients for an argument in quarter turns, in units of 2^-30: (pi/2)^n / n!.
    const TERMS: [i64; 5] = [1_686_629_713, -693_598_668, 85_569_306, -5_026_995, 172_272];
    let quarter = phase >> 30;
    let within = i64::from(phase & 0x3FFF_FFFF);
    let x = if quarter & 1 == 0 { within } else { (1 << 30) - within };
    let square = (x * x) >> 30;
    let sum = TERMS.iter().rev().fold(0_i64, |sum, term| ((sum * square) >> 30) + term);
    let value = ((sum * x) >> 30).min(1 << 30);
    if quarter < 2 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FPS: Rational = Rational { num: 30, den: 1 };

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "30 bits")]
    fn the_sine_is_one() {
        for step in 0..4096_u32 {
            let phase = step << 20;
            let exact = (f64::from(step) / 4096.0 * std::f64::consts::TAU).sin();
            let found = sine_q30(phase) as f64 / f64::from(1 << 30);
            assert!((exact - found).abs() < 5e-6, "{step}: {found} for {exact}");
        }
    }

    #[test]
    fn a_tone_has_its_frequency_and_level() {
        let tone = AudioGenerator::new(AudioSignal::Tone, 48_000, FPS, 1).unwrap();
        let samples: Vec<i16> = (0..48_000).map(|index| tone.sample(index)).collect();
        let rising = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
        assert!((999..=1000).contains(&rising), "{rising}");
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(peak.is_some_and(|peak| (3270..=3277).contains(&peak)), "{peak:?}");
    }

    #[test]
    fn a_sweep_ends_at_its_highest_frequency() {
        let sweep = AudioGenerator::new(AudioSignal::Sweep, 48_000, FPS, 1).unwrap();
        let crossings = |from: u64| {
            let samples: Vec<i16> = (from..from + 4800).map(|index| sweep.sample(index)).collect();
            samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count()
        };
        assert!(crossings(0) < 50);
        assert!((3900..=4000).contains(&crossings(475_200)), "{}", crossings(475_200));
    }
}
