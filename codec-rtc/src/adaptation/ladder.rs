//! The ladder of resolutions and frame rates.

use codec_core::frame::Size;

use super::AdaptationConfig;

/// Maximum number of rungs below the source.
const MAX_RUNGS: usize = 16;

/// The property that is reduced first (`degradationPreference` of WebRTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DegradationPreference {
    /// Resolution and frame rate in turn, beginning with resolution. Each reduction of the resolution
    /// is by 3/4 or 2/3 in turn, each reduction of the frame rate by 2/3 or 3/4.
    #[default]
    Balanced,
    /// Resolution first, for games and sports; frame rate if no smaller resolution is left.
    MaintainFrameRate,
    /// Frame rate first, for text and screens; resolution if no lower frame rate is left.
    MaintainResolution,
}

/// A resolution with a frame rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// Frame size. Both sides are even, except for the size of the source.
    pub size: Size,
    /// Frames per second.
    pub frame_rate: f64,
}

impl Rung {
    /// Pixels per second.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn pixel_rate(&self) -> f64 {
        self.size.pixels() as f64 * self.frame_rate
    }
}

/// Rungs from the source downwards.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    first: Rung,
    lower: Vec<Rung>,
}

impl Ladder {
    pub(super) fn new(config: &AdaptationConfig) -> Self {
        let first = Rung { size: config.size, frame_rate: config.frame_rate };
        let mut lower = Vec::new();
        // Resolution steps by factors of 3/4 and 2/3 in turn: 3/4, 1/2, 3/8, 1/4 ...
        let (mut size_steps, mut rate_steps) = (0, 0);
        while lower.len() < MAX_RUNGS {
            let smaller = size_at(config, size_steps + 1);
            let slower = rate_at(config, rate_steps + 1);
            let size_first = match config.preference {
                DegradationPreference::MaintainFrameRate => true,
                DegradationPreference::MaintainResolution => false,
                DegradationPreference::Balanced => size_steps <= rate_steps,
            };
            match (smaller, slower) {
                (None, None) => break,
                (Some(_), _) if size_first || slower.is_none() => size_steps += 1,
                _ => rate_steps += 1,
            }
            let size = size_at(config, size_steps).unwrap_or(config.size);
            let frame_rate = rate_at(config, rate_steps).unwrap_or(config.frame_rate);
            lower.push(Rung { size, frame_rate });
        }
        Self { first, lower }
    }

    /// Index of the last rung.
    pub(super) fn last(&self) -> usize {
        self.lower.len()
    }

    /// Returns the rung at `index`, clamped to the last.
    pub(super) fn rung(&self, index: usize) -> Rung {
        let lower = index.checked_sub(1).and_then(|index| self.lower.get(index));
        match lower {
            Some(rung) => *rung,
            None if index == 0 => self.first,
            None => self.lower.last().copied().unwrap_or(self.first),
        }
    }
}

/// Size after `steps` reductions; `None` if it is below the minimum.
fn size_at(config: &AdaptationConfig, steps: u32) -> Option<Size> {
    if steps == 0 {
        return Some(config.size);
    }
    // 3/4 of a power of 1/2, or the power itself.
    let shift = steps / 2;
    let (up, down) = if steps % 2 == 1 { (3, 4_u64) } else { (1, 1) };
    let down = down.checked_shl(shift)?;
    let side = |side: u32| {
        let scaled = u64::from(side) * up / down / 2 * 2;
        u32::try_from(scaled).ok()
    };
    let size = Size { width: side(config.size.width)?, height: side(config.size.height)? };
    (size.width.min(size.height) >= config.min_side.max(2)).then_some(size)
}

/// Frame rate after `steps` reductions by 2/3 and 3/4 in turn; `None` if it is below the minimum.
fn rate_at(config: &AdaptationConfig, steps: u32) -> Option<f64> {
    let mut rate = config.frame_rate;
    for step in 0..steps.min(32) {
        rate *= if step % 2 == 0 { 2.0 / 3.0 } else { 0.75 };
    }
    (steps == 0 || rate >= config.min_frame_rate - 0.01).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs(width: u32, height: u32, preference: DegradationPreference) -> Vec<(u32, u32, u32)> {
        let config = AdaptationConfig {
            preference,
            ..AdaptationConfig::new(Size::new(width, height), 30.0)
        };
        let ladder = Ladder::new(&config);
        let rung = |index| {
            let Rung { size, frame_rate } = ladder.rung(index);
            let rates = (1..=30_u32).find(|rate| (f64::from(*rate) - frame_rate).abs() < 0.5);
            (size.width, size.height, rates.unwrap())
        };
        (0..=ladder.last()).map(rung).collect()
    }

    #[test]
    fn sizes_go_down_by_three_quarters_and_halves_to_180_lines() {
        let motion = rungs(1280, 720, DegradationPreference::MaintainFrameRate);
        let expected = [
            (1280, 720, 30),
            (960, 540, 30),
            (640, 360, 30),
            (480, 270, 30),
            (320, 180, 30),
            (320, 180, 20),
            (320, 180, 15),
            (320, 180, 10),
        ];
        assert_eq!(motion, expected);
    }

    #[test]
    fn motion_reduces_size_first_and_detail_reduces_frame_rate_first() {
        let detail = rungs(640, 360, DegradationPreference::MaintainResolution);
        assert_eq!(detail[..4], [(640, 360, 30), (640, 360, 20), (640, 360, 15), (640, 360, 10)]);
        let balanced = rungs(640, 360, DegradationPreference::Balanced);
        assert_eq!(balanced[..3], [(640, 360, 30), (480, 270, 30), (480, 270, 20)]);
        // Portrait, and a source below the minimum.
        assert_eq!(rungs(360, 640, DegradationPreference::MaintainFrameRate)[1], (270, 480, 30));
        assert_eq!(rungs(160, 120, DegradationPreference::MaintainFrameRate)[1], (160, 120, 20));
    }

    #[test]
    fn each_rung_has_a_lower_pixel_rate() {
        for preference in [
            DegradationPreference::Balanced,
            DegradationPreference::MaintainFrameRate,
            DegradationPreference::MaintainResolution,
        ] {
            let config = AdaptationConfig {
                preference,
                ..AdaptationConfig::new(Size::new(16_383, 16_383), 240.0)
            };
            let ladder = Ladder::new(&config);
            assert!(ladder.last() <= MAX_RUNGS);
            for index in 0..ladder.last() {
                assert!(ladder.rung(index + 1).pixel_rate() < ladder.rung(index).pixel_rate());
            }
        }
    }
}
