//! Writing of motion vector differences.

use codec_core::entropy::BoolSink;

use crate::block::candidates::has_high_precision;
use crate::probability::{
    ComponentCounts, ComponentProbabilities, VectorCounts, VectorProbabilities,
};
use crate::trees;
use crate::types::MotionVector;

/// Writes `vector` as the difference from `base`, and counts it.
pub(crate) fn write_vector(
    sink: &mut impl BoolSink,
    probabilities: &VectorProbabilities,
    counts: &mut VectorCounts,
    (base, vector): (MotionVector, MotionVector),
    high_precision: bool,
) {
    let high_precision = has_high_precision(base, high_precision);
    let difference =
        [i32::from(vector.row) - i32::from(base.row), i32::from(vector.col) - i32::from(base.col)];
    let joint = 2 * usize::from(difference[0] != 0) + usize::from(difference[1] != 0);
    trees::JOINT.write(sink, &probabilities.joints, joint);
    counts.joints[joint] += 1;
    for (index, value) in difference.into_iter().enumerate() {
        if value != 0 {
            let (probabilities, counts) =
                (&probabilities.components[index], &mut counts.components[index]);
            write_component(sink, probabilities, counts, value, high_precision);
        }
    }
}

/// Writes a component that is not zero, in eighths of a pixel.
pub(crate) fn write_component(
    sink: &mut impl BoolSink,
    probabilities: &ComponentProbabilities,
    counts: &mut ComponentCounts,
    value: i32,
    high_precision: bool,
) {
    let is_negative = value < 0;
    sink.put_bool(is_negative, probabilities.sign);
    counts.sign[usize::from(is_negative)] += 1;
    let magnitude = value.unsigned_abs() as usize - 1;
    // Class 0 has two pixels, every other class as many as all before it.
    let class = (magnitude >> 3).checked_ilog2().unwrap_or(0) as usize;
    let base = if class == 0 { 0 } else { 2 << (class + 2) };
    let (integer, fraction, eighth) =
        ((magnitude - base) >> 3, (magnitude >> 1) & 3, magnitude & 1);
    trees::CLASS.write(sink, &probabilities.classes, class);
    counts.classes[class] += 1;
    let (fractions, fraction_counts, eighths, eighth_counts);
    if class == 0 {
        sink.put_bool(integer > 0, probabilities.class0);
        counts.class0[integer] += 1;
        fractions = &probabilities.class0_fraction[integer];
        fraction_counts = &mut counts.class0_fraction[integer];
        eighths = probabilities.class0_high_precision;
        eighth_counts = &mut counts.class0_high_precision;
    } else {
        for bit in 0..class {
            let value = integer >> bit & 1;
            sink.put_bool(value > 0, probabilities.bits[bit]);
            counts.bits[bit][value] += 1;
        }
        fractions = &probabilities.fraction;
        fraction_counts = &mut counts.fraction;
        eighths = probabilities.high_precision;
        eighth_counts = &mut counts.high_precision;
    }
    trees::FRACTION.write(sink, fractions, fraction);
    fraction_counts[fraction] += 1;
    if high_precision {
        sink.put_bool(eighth > 0, eighths);
    }
    // An eighth that is not coded is 1, and counts.
    eighth_counts[if high_precision { eighth } else { 1 }] += 1;
}
