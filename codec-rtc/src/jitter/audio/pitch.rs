//! Pitch detection: normalised cross-correlation over the lags of speech.

/// Minimum lag in samples at 48 kHz: 2.5 ms.
pub(super) const MIN_LAG: usize = 120;

/// Maximum lag: 15 ms.
pub(super) const MAX_LAG: usize = 720;

/// Correlation window in samples: 10 ms.
pub(super) const WINDOW: usize = 480;

/// Decimation factor of the first search.
const COARSE: usize = 4;

/// A lag and its correlation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lag {
    pub(super) samples: usize,
    /// Normalised correlation, -1..=1; 0 for silence.
    pub(super) fit: f32,
    /// Mean square of the compared samples.
    pub(super) power: f32,
}

/// Direction of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Compare with later samples.
    Later,
    /// Compare with earlier samples.
    Earlier,
}

/// Returns the lag up to `max_lag` with the highest correlation of the [`WINDOW`] samples from
/// `at`; `None` if there is not enough audio.
pub(super) fn best_lag(
    sound: &[f32],
    at: usize,
    direction: Direction,
    max_lag: usize,
) -> Option<Lag> {
    let room = match direction {
        Direction::Later => sound.len().checked_sub(at + WINDOW)?,
        Direction::Earlier => at,
    };
    let max_lag = max_lag.min(MAX_LAG).min(room);
    let window = sound.get(at..at + WINDOW)?;
    if max_lag < MIN_LAG {
        return None;
    }
    let place = |lag: usize| match direction {
        Direction::Later => at + lag,
        Direction::Earlier => at - lag,
    };
    // `place` is a multiple of COARSE away from `at`, so that the averaged parts align.
    let offset = at % COARSE;
    let coarse: Vec<f32> =
        sound.get(offset..)?.as_chunks::<COARSE>().0.iter().map(|part| part.iter().sum()).collect();
    let coarse_at = |lag: usize| (place(lag) - offset) / COARSE;
    let short = WINDOW / COARSE;
    let coarse_window = coarse.get(coarse_at(0)..coarse_at(0) + short)?;
    let (mut best, mut best_fit) = (MIN_LAG, f32::MIN);
    for lag in (MIN_LAG..=max_lag).step_by(COARSE) {
        let Some(other) = coarse.get(coarse_at(lag)..coarse_at(lag) + short) else { continue };
        let fit = fit(coarse_window, other);
        if fit > best_fit {
            (best, best_fit) = (lag, fit);
        }
    }
    let near = best.saturating_sub(COARSE - 1).max(MIN_LAG)..=(best + COARSE - 1).min(max_lag);
    let (mut samples, mut exact) = (best, f32::MIN);
    for lag in near {
        let Some(other) = sound.get(place(lag)..place(lag) + WINDOW) else { continue };
        let fit = fit(window, other);
        if fit > exact {
            (samples, exact) = (lag, fit);
        }
    }
    Some(Lag { samples, fit: exact.max(-1.0), power: mean_square(window) })
}

fn fit(a: &[f32], b: &[f32]) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    let norm = (aa * bb).sqrt();
    if norm > 1e-9 { ab / norm } else { 0.0 }
}

/// Mean square of samples; 0 if empty.
#[expect(clippy::cast_precision_loss, reason = "some hundred samples")]
pub(super) fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|value| value * value).sum::<f32>() / samples.len().max(1) as f32
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
mod tests {
    use super::*;

    fn voice(period: f32) -> Vec<f32> {
        let wave = |at: f32| (1..6).map(|h| (at * h as f32).sin() / h as f32).sum::<f32>();
        (0..2400).map(|at| wave(at as f32 * std::f32::consts::TAU / period)).collect()
    }

    #[test]
    fn pitch_period_is_found_in_both_directions() {
        for period in [131, 240, 457, 700] {
            let sound = voice(period as f32);
            for (at, direction) in [(3, Direction::Later), (1901, Direction::Earlier)] {
                let lag = best_lag(&sound, at, direction, MAX_LAG).unwrap();
                assert!(lag.fit > 0.99, "{period}: {lag:?}");
                assert_eq!(lag.samples % period, 0, "{period}: {lag:?}");
            }
        }
    }

    #[test]
    fn noise_and_silence_have_low_correlation() {
        let mut rng = crate::rng::Rng::new(1);
        let noise: Vec<f32> = (0..2400).map(|_| f32::from(rng.byte()) / 128.0 - 1.0).collect();
        assert!(best_lag(&noise, 0, Direction::Later, MAX_LAG).unwrap().fit < 0.6);
        let lag = best_lag(&[0.0; 2400], 0, Direction::Later, MAX_LAG).unwrap();
        assert_eq!((lag.fit, lag.power), (0.0, 0.0));
        assert_eq!(best_lag(&noise, 2000, Direction::Later, MAX_LAG), None);
        assert_eq!(best_lag(&[], 0, Direction::Earlier, MAX_LAG), None);
    }
}
