//! Parsing of motion vector differences.

use codec_core::entropy::BoolDecoder;

use crate::block::candidates::has_high_precision;
use crate::probability::{
    ComponentCounts, ComponentProbabilities, VectorCounts, VectorProbabilities,
};
use crate::trees;
use crate::types::MotionVector;

/// Components of legal vectors are below this.
const LIMIT: i32 = 1 << 14;

/// Reads a vector that is coded as the difference from `base`; `None` if it is not a legal vector.
pub(crate) fn parse_vector(
    reader: &mut BoolDecoder<'_>,
    probabilities: &VectorProbabilities,
    counts: &mut VectorCounts,
    base: MotionVector,
    high_precision: bool,
) -> Option<MotionVector> {
    let high_precision = has_high_precision(base, high_precision);
    let joint = trees::JOINT.parse(reader, &probabilities.joints);
    counts.joints[joint] += 1;
    let mut component = |index: usize, is_coded: bool, base: i16| {
        let mut value = i32::from(base);
        if is_coded {
            let (probabilities, counts) =
                (&probabilities.components[index], &mut counts.components[index]);
            value += parse_component(reader, probabilities, counts, high_precision);
        }
        i16::try_from(value).ok().filter(|_| value.abs() < LIMIT)
    };
    let row = component(0, joint >= 2, base.row);
    let col = component(1, joint == 1 || joint == 3, base.col);
    Some(MotionVector { row: row?, col: col? })
}

/// Reads a component that is not zero, in eighths of a pixel.
fn parse_component(
    reader: &mut BoolDecoder<'_>,
    probabilities: &ComponentProbabilities,
    counts: &mut ComponentCounts,
    high_precision: bool,
) -> i32 {
    let is_negative = reader.get_bool(probabilities.sign);
    counts.sign[usize::from(is_negative)] += 1;
    let class = trees::CLASS.parse(reader, &probabilities.classes);
    counts.classes[class] += 1;
    let mut integer = 0;
    let (fraction_tree, fraction_counts, eighth, eighth_counts);
    if class == 0 {
        integer = usize::from(reader.get_bool(probabilities.class0));
        counts.class0[integer] += 1;
        fraction_tree = &probabilities.class0_fraction[integer];
        fraction_counts = &mut counts.class0_fraction[integer];
        eighth = probabilities.class0_high_precision;
        eighth_counts = &mut counts.class0_high_precision;
    } else {
        for bit in 0..class {
            let value = usize::from(reader.get_bool(probabilities.bits[bit]));
            counts.bits[bit][value] += 1;
            integer |= value << bit;
        }
        fraction_tree = &probabilities.fraction;
        fraction_counts = &mut counts.fraction;
        eighth = probabilities.high_precision;
        eighth_counts = &mut counts.high_precision;
    }
    let fraction = trees::FRACTION.parse(reader, fraction_tree);
    fraction_counts[fraction] += 1;
    // An eighth that is not coded is 1, and counts.
    let eighth = usize::from(!high_precision || reader.get_bool(eighth));
    eighth_counts[eighth] += 1;
    let base = if class == 0 { 0 } else { 2 << (class + 2) };
    let magnitude = i32::try_from(base + 8 * integer + 2 * fraction + eighth + 1).unwrap_or(0);
    if is_negative { -magnitude } else { magnitude }
}
