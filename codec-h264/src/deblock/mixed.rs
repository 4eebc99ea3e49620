//! Edges between frame and field macroblocks of MBAFF frames. ITU-T H.264, clause 8.7.1.

use super::edges::{mean_qps, window};
use super::strength::{ALL_PARTS, Blocks, Parts};
use super::{Current, Deblocker};
use crate::planes::Place;

impl Deblocker<'_> {
    /// Filters the left edge next to a pair of the other kind, in halves: the lines next to each
    /// macroblock of the left pair.
    pub(super) fn mixed_left_edge(&mut self, current: &Current) {
        let pair = (current.row & !1) * self.cols + current.x - 1;
        let bottom = current.row % 2;
        for half in 0..2 {
            let left = pair + half * self.cols;
            let (p, q) = (&self.infos[left], &self.infos[current.mb]);
            let strengths = if p.class.is_intra() || q.class.is_intra() {
                4 * ALL_PARTS
            } else {
                Parts::from_le_bytes(std::array::from_fn(|n| {
                    // A field macroblock is next to all four rows of each frame macroblock; a frame
                    // macroblock is next to two rows of each field macroblock.
                    let (row_p, row_q) = if current.is_field {
                        (n, 2 * half + n / 2)
                    } else {
                        (2 * bottom + n / 2, n)
                    };
                    let coded = p.coded >> (4 * row_p + 3) | q.coded >> (4 * row_q);
                    1 + u8::from(coded & 1 == 1)
                }))
            };
            let (qps, strengths) = (mean_qps(p, q), strengths.to_le_bytes());
            let filter = &mut self.filter;
            if let Some(limits) = filter.thresholds.of(qps, 0).edge(strengths) {
                let place = half_lines(current.places[0], current.is_field, half, 8);
                if let Some(pixels) = window(&mut filter.planes[0], place.offset, 4, place.stride) {
                    filter.kernels.h264_deblock_luma_v_8(pixels, limits);
                }
            }
            if !filter.set.chroma {
                continue;
            }
            for plane in 1..3 {
                let Some(limits) = filter.thresholds.of(qps, plane).edge(strengths) else {
                    continue;
                };
                let place = half_lines(current.places[plane], current.is_field, half, 4);
                if let Some(pixels) =
                    window(&mut filter.planes[plane], place.offset, 2, place.stride)
                {
                    filter.kernels.h264_deblock_chroma_v_4(pixels, limits);
                }
            }
        }
    }

    /// Filters the top edge of a frame macroblock below a field pair, whose upper macroblock is
    /// `above`. The lines of each field are filtered separately.
    pub(super) fn field_pair_above(&mut self, current: &Current, above: usize) {
        for parity in 0..2 {
            let other = above + parity * self.cols;
            let blocks = Blocks { infos: self.infos, motion: self.motion };
            let strengths = blocks.mixed_edge(other, current.mb, [12, 13, 14, 15], [0, 1, 2, 3], 3);
            let qps = mean_qps(&self.infos[other], &self.infos[current.mb]);
            let places = current.places.map(|place| Place {
                offset: place.offset + parity * place.stride,
                stride: 2 * place.stride,
            });
            self.filter.filter_edge(&places, false, 0, strengths, qps);
        }
    }
}

/// Returns the lines of a macroblock next to the upper (`half` 0) or the lower macroblock of a left
/// pair of the other kind: half of them, `lines`.
fn half_lines(place: Place, is_field: bool, half: usize, lines: usize) -> Place {
    if is_field {
        return Place { offset: place.offset + half * lines * place.stride, ..place };
    }
    Place { offset: place.offset + half * place.stride, stride: 2 * place.stride }
}
