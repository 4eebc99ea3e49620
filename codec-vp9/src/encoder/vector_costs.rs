//! Costs of motion vector differences.

use codec_core::entropy::{CostCounter, Tree, bool_cost_q8};
use codec_core::motion::MvCost;

use super::write::vectors::write_component;
use crate::probability::{ComponentCounts, ComponentProbabilities, VectorProbabilities};
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
    let components = probabilities.components.each_ref().map(magnitude_costs);
    let signs = probabilities.components.each_ref().map(|component| {
        [false, true].map(|is_negative| u32::from(bool_cost_q8(is_negative, component.sign)))
    });
    costs.fill(|difference| {
        let Some(index) = difference.unsigned_abs().checked_sub(1) else { return (none, none) };
        let cost = |component: usize| {
            components[component][usize::from(index) % MAGNITUDES]
                + signs[component][usize::from(difference < 0)]
        };
        (alone[0] + cost(1), alone[1] + cost(0))
    });
}

/// Number of magnitudes of components in quarter pixels.
const MAGNITUDES: usize = 1024;

/// Costs of the magnitudes of a component from 1 on, in quarter pixels, without the sign.
fn magnitude_costs(probabilities: &ComponentProbabilities) -> [u32; MAGNITUDES] {
    let fractions_of = |probabilities: &[u8; 3]| {
        [0, 1, 2, 3].map(|fraction| {
            let mut cost = CostCounter::default();
            trees::FRACTION.write(&mut cost, probabilities, fraction);
            cost.q8()
        })
    };
    let in_class_0 = probabilities.class0_fraction.each_ref().map(fractions_of);
    let in_others = fractions_of(&probabilities.fraction);
    let sign = u64::from(bool_cost_q8(false, probabilities.sign));
    let mut counts = ComponentCounts::default();
    let mut costs = [0; MAGNITUDES];
    let mut first = 2;
    // Four magnitudes each have the same pixels.
    for (pixels, costs) in costs.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let mut cost = CostCounter::default();
        write_component(&mut cost, probabilities, &mut counts, first, false);
        let fractions = in_class_0.get(pixels).unwrap_or(&in_others);
        for (to, fraction) in costs.iter_mut().zip(fractions) {
            let cost = cost.q8() - sign - fractions[0] + fraction;
            *to = u32::try_from(cost).unwrap_or(u32::MAX);
        }
        first += 8;
    }
    costs
}

#[cfg(test)]
mod tests {
    use codec_core::motion::QuarterPel;

    use super::*;
    use crate::probability::Probabilities;

    #[test]
    fn a_difference_costs_what_its_syntax_costs() {
        let probabilities = Probabilities::default().vectors;
        let mut costs = MvCost::default();
        fill_vector_costs(&probabilities, &mut costs);
        let alone = |vector| costs.bits_q8(vector, QuarterPel::ZERO);
        for value in (-MvCost::MAX..=MvCost::MAX).filter(|&value| value != 0) {
            let mut joints = [CostCounter::default(), CostCounter::default()];
            let mut counts = ComponentCounts::default();
            for (index, cost) in joints.iter_mut().enumerate() {
                trees::JOINT.write(cost, &probabilities.joints, 2 - index);
                let component = &probabilities.components[index];
                write_component(cost, component, &mut counts, 2 * i32::from(value), false);
            }
            let [vertical, horizontal] = joints.map(|cost| cost.q8());
            let found = [QuarterPel::new(0, value), QuarterPel::new(value, 0)].map(alone);
            assert_eq!(found.map(u64::from), [vertical, horizontal], "{value}");
        }
    }
}
