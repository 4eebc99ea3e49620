//! Whether the scene changed.

/// The decision about a scene cut and the figures that it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SceneChange {
    /// A new scene begins with this picture.
    pub is_cut: bool,
    /// Inter cost in percent of the intra cost: 100 where the previous picture helps nowhere.
    pub inter_pct: u8,
    /// Usual `inter_pct` of the scene so far, a running mean; 100 before it is known.
    pub usual_pct: u8,
    /// Macroblocks that intra predicts at least as well, in percent.
    pub intra_mbs_pct: u8,
}

/// Remembers how well pictures used to be predicted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SceneWatch {
    /// Running mean of `inter_pct` in this scene, in 1/256; `None` before a scene's second picture,
    /// which is never a cut.
    usual_q8: Option<u32>,
}

/// `inter_pct` from which a picture can begin a scene.
const CUT_INTER_PCT: u8 = 70;
/// Share of macroblocks, in percent, that the previous picture must fail.
const CUT_INTRA_MBS_PCT: u8 = 40;
/// How far `inter_pct` must lie above the usual: part of the way to 100, in percent.
const CUT_RISE_PCT: u32 = 40;

fn percent(part: u64, whole: u64) -> u8 {
    (part * 100).checked_div(whole).map_or(0, |pct| u8::try_from(pct).unwrap_or(100).min(100))
}

impl SceneWatch {
    /// Judges a picture that has a previous one: costs, and macroblocks in all and better intra.
    pub(super) fn judge(
        &mut self,
        (inter_cost, intra_cost): (u64, u64),
        (intra_mbs, all_mbs): (u64, u64),
    ) -> SceneChange {
        let inter_pct = percent(inter_cost, intra_cost);
        let intra_mbs_pct = percent(intra_mbs, all_mbs);
        let now_q8 = u32::from(inter_pct) << 8;
        let usual_q8 = self.usual_q8.unwrap_or(25_600);
        let usual_pct = u8::try_from(usual_q8 >> 8).unwrap_or(100);
        let rise = usual_q8 + (25_600 - usual_q8.min(25_600)) * CUT_RISE_PCT / 100;
        let is_cut = self.usual_q8.is_some()
            && inter_pct >= CUT_INTER_PCT
            && intra_mbs_pct >= CUT_INTRA_MBS_PCT
            && now_q8 >= rise;
        self.usual_q8 = match self.usual_q8 {
            _ if is_cut => None,
            None => Some(now_q8),
            Some(usual) => Some((7 * usual + now_q8) / 8),
        };
        SceneChange { is_cut, inter_pct, usual_pct, intra_mbs_pct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_unlike_the_one_before_is_a_cut() {
        let mut watch = SceneWatch::default();
        for _ in 0..10 {
            assert!(!watch.judge((300, 1000), (10, 100)).is_cut);
        }
        let change = watch.judge((960, 1000), (80, 100));
        assert!(change.is_cut);
        assert_eq!((change.inter_pct, change.usual_pct, change.intra_mbs_pct), (96, 30, 80));
    }

    #[test]
    fn wild_motion_that_goes_on_is_no_cut() {
        let mut watch = SceneWatch::default();
        for _ in 0..20 {
            assert!(!watch.judge((880, 1000), (60, 100)).is_cut);
        }
    }

    #[test]
    fn black_pictures_are_no_cut() {
        assert!(!SceneWatch::default().judge((0, 0), (100, 100)).is_cut);
    }
}
