//! Costs of vector differences.

use codec_core::entropy::{CostCounter, Tree};
use codec_core::motion::MvCost;

use super::write::vectors::write_component;
use crate::probability::{ComponentCounts, VectorProbabilities};
use crate::trees;

/// Fills the costs of differences in quarter pixels.
pub(crate) fn fill_vector_costs(probabilities: &VectorProbabilities, costs: &mut MvCost) {
    let joint = |joint: usize| {
        let mut cost = CostCounter::default();
        Tree::write(&trees::JOINT, &mut cost, &probabilities.joints, joint);
        u32::try_from(cost.q8()).unwrap_or(u32::MAX)
    };
    // Half of the cost of neither component belongs to each; a component that is not zero has the rest.
    let none = joint(0) / 2;
    let alone = [joint(1), joint(2)].map(|cost| cost.saturating_sub(none));
    let mut counts = ComponentCounts::default();
    costs.fill(|difference| {
        if difference == 0 {
            return (none, none);
        }
        let mut component = |index: usize| {
            let mut cost = CostCounter::default();
            let probabilities = &probabilities.components[index];
            let value = 2 * i32::from(difference);
            write_component(&mut cost, probabilities, &mut counts, value, false);
            u32::try_from(cost.q8()).unwrap_or(u32::MAX)
        };
        (alone[0] + component(1), alone[1] + component(0))
    });
}
