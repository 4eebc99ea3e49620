//! Limits the silence that fills gaps in a file's audio timestamps.

use codec_core::codec::Limits;

use crate::failure::{Failure, Kind, Result};

/// Maximum total silence, relative to the decoded audio. With DTX, an Opus encoder sends 20 ms in
/// 400 ms.
const SILENCE_BY_AUDIO: f64 = 50.0;

/// Limits inserted silence: the timestamps of damaged input can claim a gap of days between two
/// packets.
#[derive(Clone, Debug)]
pub struct GapLimit {
    /// Name of the input, for messages.
    name: String,
    max_s: f64,
    audio_s: f64,
    silence_s: f64,
}

impl GapLimit {
    /// Creates a limit for the input called `name`.
    pub(crate) fn new(name: &str, limits: &Limits) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
        let max_s = limits.max_gap_ms as f64 / 1000.0;
        Self { name: name.to_owned(), max_s, audio_s: 0.0, silence_s: 0.0 }
    }

    /// Counts decoded audio.
    pub fn count_audio(&mut self, seconds: f64) {
        self.audio_s += seconds;
    }

    /// Returns whether `seconds` of silence are within the limits, and counts them if so.
    pub fn allows(&mut self, seconds: f64) -> bool {
        let total = self.silence_s + seconds;
        let allowed =
            seconds <= self.max_s && total <= self.max_s + SILENCE_BY_AUDIO * self.audio_s;
        if allowed {
            self.silence_s = total;
        }
        allowed
    }

    /// Counts a gap of `seconds` that ends at the time `at_s`.
    ///
    /// # Errors
    ///
    /// If the silence exceeds the limits.
    pub fn fill(&mut self, seconds: f64, at_s: f64) -> Result<()> {
        if self.allows(seconds) {
            return Ok(());
        }
        let Self { name, max_s, .. } = self;
        let message = if seconds > *max_s {
            format!(
                "{name}: the audio has a gap of {seconds:.3} s before {at_s:.3} s, longer than \
                 {max_s} s\nhelp: --limits gap=SECONDS allows longer gaps"
            )
        } else {
            format!("{name}: the audio has too many gaps, the last before {at_s:.3} s")
        };
        Err(Failure::new(Kind::Corrupt, message))
    }

    /// Checks that timestamps go back by no more than the longest gap. Repeated audio is dropped.
    ///
    /// # Errors
    ///
    /// If they go back further, by `seconds` to the time `at_s`.
    pub(crate) fn check_repeat(&self, seconds: f64, at_s: f64) -> Result<()> {
        if seconds <= self.max_s {
            return Ok(());
        }
        let Self { name, max_s, .. } = self;
        let message = format!(
            "{name}: audio timestamps jump back by {seconds:.3} s to {at_s:.3} s, more than {max_s} s\n\
             help: --limits gap=SECONDS allows longer jumps"
        );
        Err(Failure::new(Kind::Corrupt, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_gaps_and_their_sum_are_limited() {
        let mut gaps = GapLimit::new("a.m4a", &Limits::default());
        assert!(gaps.fill(10.0, 10.0).is_ok());
        assert!(gaps.fill(0.1, 10.1).is_err());
        gaps.count_audio(1.0);
        assert!((0..5).all(|_| gaps.allows(10.0)));
        assert!(!gaps.allows(10.0));
        gaps.count_audio(1.0);
        let error = gaps.fill(280_000.0, 280_001.0).unwrap_err();
        assert_eq!(error.kind, Kind::Corrupt);
        assert!(error.message.contains("gap of 280000.000 s"), "{}", error.message);
        // DTX for an hour.
        for _ in 0..9000 {
            gaps.count_audio(0.02);
            assert!(gaps.allows(0.38));
        }
    }
}
