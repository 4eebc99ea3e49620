//! Time stretching without pitch change: removes or repeats whole pitch periods with a cross-fade
//! (WSOLA).

use super::pcm::Pcm;
use super::pitch::{Direction, Lag, MAX_LAG, WINDOW, best_lag};

/// Number of queued sample frames that [`Stretcher::accelerate`] can use.
pub(super) const WANTED_AHEAD: usize = MAX_LAG + WINDOW;

/// Acceptable loss of quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Only if inaudible.
    Mild,
    /// May be slightly audible.
    Strong,
    /// Regardless of quality.
    Urgent,
}

impl Urgency {
    /// Minimum correlation at the cross-fade.
    fn min_fit(self) -> f32 {
        match self {
            Self::Mild => 0.85,
            Self::Strong => 0.6,
            Self::Urgent => -1.0,
        }
    }
}

/// Time stretcher for audio about to be played.
#[derive(Debug, Default)]
pub(super) struct Stretcher {
    mono: Vec<f32>,
}

impl Stretcher {
    /// Removes some of the next audio; returns the number of sample frames. Audio with a mean
    /// square below `quiet` may be cut anywhere.
    pub(super) fn accelerate(&mut self, pcm: &mut Pcm, need: Urgency, quiet: f32) -> usize {
        pcm.mono(0, pcm.ahead().min(WANTED_AHEAD), &mut self.mono);
        let frames = choose(best_lag(&self.mono, 0, Direction::Later, MAX_LAG), need, quiet);
        if frames > 0 {
            pcm.remove(frames);
        }
        frames
    }

    /// Repeats some of the last audio; returns the number of sample frames.
    pub(super) fn decelerate(&mut self, pcm: &mut Pcm, need: Urgency, quiet: f32) -> usize {
        if pcm.ahead() < WINDOW || pcm.behind() < MAX_LAG {
            return 0;
        }
        pcm.mono(MAX_LAG, WINDOW, &mut self.mono);
        let lag = best_lag(&self.mono, MAX_LAG, Direction::Earlier, MAX_LAG);
        let frames = choose(lag, need, quiet);
        if frames > 0 {
            pcm.repeat(frames);
        }
        frames
    }
}

fn choose(lag: Option<Lag>, need: Urgency, quiet: f32) -> usize {
    match lag {
        Some(lag) if lag.power <= quiet || lag.fit >= need.min_fit() => lag.samples,
        _ => 0,
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use super::*;

    fn tone(from: usize, frames: usize) -> Vec<f32> {
        (from..from + frames).map(|at| (at as f32 * 0.025).sin() * 0.5).collect()
    }

    /// Largest step between adjacent samples.
    fn step(samples: &[f32]) -> f32 {
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn tone_is_shortened_and_extended_without_a_step() {
        let (mut pcm, mut stretcher) = (Pcm::new(1), Stretcher::default());
        let mut out = Vec::new();
        pcm.append(&tone(0, 9600));
        pcm.play(1000, &mut out);
        out.clear();
        let removed = stretcher.accelerate(&mut pcm, Urgency::Mild, 0.0);
        pcm.play(2000, &mut out);
        let inserted = stretcher.decelerate(&mut pcm, Urgency::Mild, 0.0);
        assert!(removed >= 120 && inserted >= 120, "{removed} {inserted}");
        let rest = pcm.ahead();
        assert_eq!(rest, 9600 - 1000 - 2000 - removed + inserted);
        pcm.play(rest, &mut out);
        assert!(step(&out) < 1.1 * step(&tone(0, 9600)), "{}", step(&out));
    }

    #[test]
    fn noise_is_stretched_only_if_quiet_or_urgent() {
        let mut rng = crate::rng::Rng::new(3);
        let noise: Vec<f32> = (0..9600).map(|_| f32::from(rng.byte()) / 128.0 - 1.0).collect();
        let (mut pcm, mut stretcher) = (Pcm::new(2), Stretcher::default());
        pcm.append(&noise);
        pcm.play(1000, &mut Vec::new());
        assert_eq!(stretcher.accelerate(&mut pcm, Urgency::Mild, 0.01), 0);
        assert_eq!(stretcher.decelerate(&mut pcm, Urgency::Mild, 0.01), 0);
        assert!(stretcher.accelerate(&mut pcm, Urgency::Urgent, 0.01) > 0);
        assert!(stretcher.decelerate(&mut pcm, Urgency::Mild, 1.0) > 0);
    }

    #[test]
    fn short_audio_is_not_stretched() {
        let (mut pcm, mut stretcher) = (Pcm::new(1), Stretcher::default());
        pcm.append(&tone(0, 480));
        assert_eq!(stretcher.accelerate(&mut pcm, Urgency::Urgent, 1.0), 0);
    }
}
