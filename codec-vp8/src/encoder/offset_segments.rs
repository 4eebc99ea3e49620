//! Assigns macroblocks to segments by their quantiser offsets, which MB-tree and importance maps
//! produce. RFC 6386, section 9.3.

use crate::header::Segmentation;
use crate::tables::AC_STEPS;
use crate::types::QIndex;
use codec_core::fixed::log2_q16;

const SEGMENTS: usize = 4;
/// Number of k-means iterations.
const ROUNDS: usize = 6;

/// Assigns macroblocks to segments by their quantiser offsets relative to the frame's `qindex` (how
/// much coarser each should be, in sixteenths of octaves of the step), writing to `map`; all indices
/// are within `range`. If no offset changes the index, segmentation is disabled and `map` is empty.
/// The map's probabilities and the filter levels are set later.
pub(super) fn offset_segments(
    qindex: QIndex,
    offsets_q4: &[i8],
    (best, worst): (u8, u8),
    map: &mut Vec<u8>,
) -> Segmentation {
    map.clear();
    let mut counts = [0_u32; 256];
    for &offset in offsets_q4 {
        counts[usize::from(offset.cast_unsigned() ^ 0x80)] += 1;
    }
    let middles = middles(&counts);
    let own = log2_q16(qindex.ac_step().into());
    let [best, worst] = [best, worst.max(best)].map(QIndex::saturating);
    let nearest = |middle: i32| nearest_index(own + (middle - 128) * 4096).clamp(best, worst);
    let indices = middles.map(nearest);
    if offsets_q4.is_empty() || indices.iter().all(|&index| index == qindex) {
        return Segmentation::default();
    }
    map.extend(offsets_q4.iter().map(|&offset| {
        let at = i32::from(offset) + 128;
        (0_u8..4).min_by_key(|&n| middles[usize::from(n)].abs_diff(at)).unwrap_or(0)
    }));
    Segmentation {
        enabled: true,
        update_map: true,
        update_data: true,
        absolute: true,
        quantiser: indices.map(|index| index.get().cast_signed()),
        ..Segmentation::default()
    }
}

/// Returns the centres of four clusters of the counted values (k-means), in ascending order.
fn middles(counts: &[u32; 256]) -> [i32; SEGMENTS] {
    let total: u32 = counts.iter().sum();
    let mut middles = [0_i32; SEGMENTS];
    let mut seen = 0;
    // Initially the centres of four equal parts: one eighth, three eighths and so on.
    let mut marks = (1..8_u32).step_by(2).zip(&mut middles).peekable();
    for (value, &count) in (0..).zip(counts) {
        seen += count;
        while let Some((_, middle)) = marks.next_if(|&(eighths, _)| seen * 8 > total * eighths) {
            *middle = value;
        }
    }
    for _ in 0..ROUNDS {
        let mut sums = [(0_u64, 0_u64); SEGMENTS];
        for (value, &count) in (0_i32..).zip(counts).filter(|&(_, &count)| count > 0) {
            let group = (0..SEGMENTS).min_by_key(|&n| middles[n].abs_diff(value)).unwrap_or(0);
            sums[group].0 += u64::from(count) * u64::from(value.unsigned_abs());
            sums[group].1 += u64::from(count);
        }
        for (middle, (sum, count)) in middles.iter_mut().zip(sums) {
            if let Some(mean) = (sum + count / 2).checked_div(count) {
                *middle = i32::try_from(mean).unwrap_or(0);
            }
        }
    }
    middles
}

/// Returns the index with the nearest step logarithm.
fn nearest_index(target_q16: i32) -> QIndex {
    let log = |index: usize| log2_q16(AC_STEPS[index].into());
    let above = AC_STEPS.partition_point(|&step| log2_q16(step.into()) < target_q16);
    let best = match above {
        0 => 0,
        128.. => 127,
        n if log(n - 1).abs_diff(target_q16) <= log(n).abs_diff(target_q16) => n - 1,
        n => n,
    };
    u8::try_from(best).map_or(QIndex::MAX, QIndex::saturating)
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q60: QIndex = QIndex::saturating(60);
    const ALL: (u8, u8) = (0, 127);

    #[test]
    fn macroblocks_get_a_quantiser_by_importance() {
        let offsets: Vec<i8> = [-32, -32, -32, 0, 0, 16, 16, 16, 31, 33].to_vec();
        let mut map = Vec::new();
        let segmentation = offset_segments(Q60, &offsets, ALL, &mut map);
        assert!(segmentation.enabled && segmentation.absolute);
        let index = |n: usize| segmentation.qindex(Q60, map[n]);
        assert_eq!(index(3), Q60);
        // Two octaves finer, one coarser.
        let step = |n: usize| i32::from(index(n).ac_step());
        assert!((step(3) - 4 * step(0)).abs() <= 4);
        assert!((step(5) - 2 * step(3)).abs() <= 4);
        assert_eq!(map[8], map[9]);
    }

    #[test]
    fn equal_importance_needs_no_segments() {
        let mut map = vec![3];
        assert!(!offset_segments(QIndex::saturating(40), &[0; 99], ALL, &mut map).enabled);
        assert!(map.is_empty());
        assert!(!offset_segments(QIndex::saturating(40), &[], ALL, &mut map).enabled);
        // All offsets are above the highest index.
        assert!(!offset_segments(QIndex::MAX, &[0, 16, 32], ALL, &mut map).enabled);
    }
}
