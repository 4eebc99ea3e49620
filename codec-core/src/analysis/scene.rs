//! Scene cut detection.

/// Scene cut decision, with the measurements behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SceneChange {
    /// Whether a new scene begins with this frame.
    pub is_cut: bool,
    /// Inter cost in percent of the intra cost; 100 if the previous frame improves no prediction.
    pub inter_pct: u8,
    /// Running mean of `inter_pct` in the current scene; 100 while unknown.
    pub mean_pct: u8,
    /// Share of macroblocks that intra prediction predicts at least as well, in percent.
    pub intra_mbs_pct: u8,
}

impl SceneChange {
    /// Whether a new scene begins with this frame if the frames around it usually have an `inter_pct` of
    /// `usual_pct`: the rule of [`Self::is_cut`], for frames that are not compared in order.
    #[must_use]
    pub fn begins_scene(&self, usual_pct: u8) -> bool {
        is_cut((self.inter_pct, self.intra_mbs_pct), u32::from(usual_pct) << 8)
    }
}

/// Whether a frame with this inter cost and this share of macroblocks that are predicted badly, in percent,
/// begins a scene; `usual_q8` is the usual inter cost in 1/256 percent.
fn is_cut((inter_pct, intra_mbs_pct): (u8, u8), usual_q8: u32) -> bool {
    let rise = usual_q8 + (25_600 - usual_q8.min(25_600)) * CUT_RISE_PCT / 100;
    inter_pct >= CUT_INTER_PCT
        && intra_mbs_pct >= CUT_INTRA_MBS_PCT
        && u32::from(inter_pct) << 8 >= rise
}

/// Running statistics of how well frames are predicted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SceneDetector {
    /// Running mean of `inter_pct` in this scene, in 1/256; `None` before a scene's second frame,
    /// which is never a cut.
    mean_q8: Option<u32>,
}

/// Minimum `inter_pct` of a scene cut.
const CUT_INTER_PCT: u8 = 70;
/// Minimum share of macroblocks that the previous frame predicts badly, in percent.
const CUT_INTRA_MBS_PCT: u8 = 40;
/// Minimum rise of `inter_pct` above the running mean, in percent of the distance to 100.
const CUT_RISE_PCT: u32 = 40;

fn percent(part: u64, whole: u64) -> u8 {
    (part * 100).checked_div(whole).map_or(0, |pct| u8::try_from(pct).unwrap_or(100).min(100))
}

impl SceneDetector {
    /// Decides whether a frame with a predecessor is a scene cut, from its costs, its number of
    /// macroblocks and the number of those with a lower intra cost.
    pub(super) fn detect(
        &mut self,
        (inter_cost, intra_cost): (u64, u64),
        (intra_mbs, all_mbs): (u64, u64),
    ) -> SceneChange {
        let inter_pct = percent(inter_cost, intra_cost);
        let intra_mbs_pct = percent(intra_mbs, all_mbs);
        let now_q8 = u32::from(inter_pct) << 8;
        let mean_q8 = self.mean_q8.unwrap_or(25_600);
        let mean_pct = u8::try_from(mean_q8 >> 8).unwrap_or(100);
        let is_cut = self.mean_q8.is_some() && is_cut((inter_pct, intra_mbs_pct), mean_q8);
        self.mean_q8 = match self.mean_q8 {
            _ if is_cut => None,
            None => Some(now_q8),
            Some(usual) => Some((7 * usual + now_q8) / 8),
        };
        SceneChange { is_cut, inter_pct, mean_pct, intra_mbs_pct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_unlike_the_previous_one_is_a_cut() {
        let mut watch = SceneDetector::default();
        for _ in 0..10 {
            assert!(!watch.detect((300, 1000), (10, 100)).is_cut);
        }
        let change = watch.detect((960, 1000), (80, 100));
        assert!(change.is_cut);
        assert_eq!((change.inter_pct, change.mean_pct, change.intra_mbs_pct), (96, 30, 80));
    }

    #[test]
    fn continuing_fast_motion_is_no_cut() {
        let mut watch = SceneDetector::default();
        for _ in 0..20 {
            assert!(!watch.detect((880, 1000), (60, 100)).is_cut);
        }
    }

    #[test]
    fn black_frames_are_no_cut() {
        assert!(!SceneDetector::default().detect((0, 0), (100, 100)).is_cut);
    }
}
