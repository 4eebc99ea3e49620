//! The model that combines the features into a score: a support-vector regression with a radial basis
//! function (C.-C. Chang and C.-J. Lin, "LIBSVM", 2011).

use super::VmafFeatures;
use super::arithmetic::exp_of_negative;
use super::parameters::{FEATURES, GAMMA, RHO, SCORE, SUPPORT_VECTORS};

/// Scores consecutive frames by their features, 0 to 100.
///
/// The motion of a frame is the smaller one of its motion from the previous frame and that to the
/// next frame; the first frame has a motion of 0.
#[must_use]
pub fn vmaf_scores(features: &[VmafFeatures]) -> Vec<f64> {
    let motion = |at: usize| match (features[at].motion, features.get(at + 1)) {
        (None, _) => 0.0,
        (Some(before), Some(VmafFeatures { motion: Some(after), .. })) => before.min(*after),
        (Some(before), _) => before,
    };
    (0..features.len()).map(|at| score(&features[at], motion(at))).collect()
}

fn score(features: &VmafFeatures, motion: f64) -> f64 {
    let [vif0, vif1, vif2, vif3] = features.vif;
    let mut values = [features.adm, motion, vif0, vif1, vif2, vif3];
    for (value, [slope, intercept]) in values.iter_mut().zip(FEATURES) {
        *value = slope * *value + intercept;
    }
    let mut sum = -RHO;
    for [coefficient, vector @ ..] in &SUPPORT_VECTORS {
        let squares = values.iter().zip(vector).map(|(a, b)| (a - b) * (a - b));
        sum += coefficient * exp_of_negative(GAMMA * squares.sum::<f64>());
    }
    let [slope, intercept] = SCORE;
    ((sum - intercept) / slope).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identical_frames_score_near_the_top_and_lost_ones_at_the_bottom() {
        let all = |value: f64, motion| VmafFeatures { adm: value, vif: [value; 4], motion };
        let scores = vmaf_scores(&[all(1.0, None), all(1.0, Some(4.0)), all(0.0, Some(4.0))]);
        // The model gives 97.428 without motion, and with motion more than the scale has.
        assert!((scores[0] - 97.428_043).abs() < 1e-6, "{scores:?}");
        assert!(scores[1] >= 100.0 && scores[2] < 6.0, "{scores:?}");
    }

    #[test]
    fn a_frame_moves_as_the_calmer_of_its_neighbours_does() {
        let frame = |motion| VmafFeatures { adm: 0.9, vif: [0.6; 4], motion };
        let still = vmaf_scores(&[frame(Some(0.0))])[0];
        let scores = vmaf_scores(&[frame(None), frame(Some(9.0)), frame(Some(0.0))]);
        assert!(scores.iter().all(|score| (score - still).abs() < 1e-12), "{scores:?}");
        assert!(vmaf_scores(&[frame(Some(9.0))])[0] > still + 1.0);
        assert!(vmaf_scores(&[]).is_empty());
    }
}
