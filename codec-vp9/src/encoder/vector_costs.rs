//! Costs of motion vector differences.

use codec_core::entropy::{CostCounter, Tree, bool_cost_q8};
use codec_core::motion::MvCost;

use crate::probability::{ComponentProbabilities, VectorProbabilities};
use crate::trees;

/// Fills the costs of differences in quarter pixels.
pub(crate) fn fill_vector_costs(probabilities: &VectorProbabilities, costs: &mut MvCost) {
    let joint = |joint: usize| tree_cost(&trees::JOINT, &probabilities.joints, joint);
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
    let bit =
        |probability: u8| [false, true].map(|value| u32::from(bool_cost_q8(value, probability)));
    let fractions_of = |probabilities: &[u8; 3]| {
        [0, 1, 2, 3].map(|leaf| tree_cost(&trees::FRACTION, probabilities, leaf))
    };
    let fractions = fractions_of(&probabilities.fraction);
    let mut costs = [0; MAGNITUDES];
    // Four magnitudes each have the same pixels.
    let (pixels, _) = costs.as_chunks_mut::<4>();
    let (first, mut rest) = pixels.split_at_mut(2);
    let class = tree_cost(&trees::CLASS, &probabilities.classes, 0);
    let fractions_of = probabilities.class0_fraction.each_ref().map(fractions_of);
    for ((to, bit), fractions) in first.iter_mut().zip(bit(probabilities.class0)).zip(fractions_of)
    {
        *to = fractions.map(|fraction| class + bit + fraction);
    }
    // Every other class has as many pixels as all before it: one bit more tells them apart.
    let mut bits = [0; MAGNITUDES / 8];
    for class in 1.. {
        let count = 1 << class;
        if count > bits.len() {
            break;
        }
        let [zero, one] = bit(probabilities.bits[class - 1]);
        let (low, high) = bits[..count].split_at_mut(count / 2);
        for (low, high) in low.iter_mut().zip(high) {
            (*low, *high) = (*low + zero, *low + one);
        }
        let (own, above) = rest.split_at_mut(count);
        let class = tree_cost(&trees::CLASS, &probabilities.classes, class);
        for (to, bits) in own.iter_mut().zip(&bits) {
            *to = fractions.map(|fraction| class + bits + fraction);
        }
        rest = above;
    }
    costs
}

/// The cost of a leaf of a tree.
fn tree_cost<const B: usize, const L: usize>(
    tree: &Tree<B, L>,
    probabilities: &[u8],
    leaf: usize,
) -> u32 {
    let mut cost = CostCounter::default();
    tree.write(&mut cost, probabilities, leaf);
    u32::try_from(cost.q8()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use codec_core::motion::QuarterPel;

    use super::super::write::vectors::write_component;
    use super::*;
    use crate::probability::{ComponentCounts, Probabilities};

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
