//! XPSNR: PSNR of squared errors that are weighted block by block: the higher the spatial and
//! temporal activity of a block, the lower the weight of its errors.
//! Helmrich et al., "XPSNR: a low-complexity extension of the perceptually weighted peak
//! signal-to-noise ratio for high-resolution video quality assessment", ICASSP 2020; details that
//! the paper leaves open follow ffmpeg's filter `xpsnr`.

use codec_core::frame::Size;
use codec_simd::{Kernels, PlaneRef};

/// Minimum activity of a block, for 8 bits.
const MIN_ACTIVITY: f64 = 4.0;
/// Frames with more pixels than this are evaluated at half their size.
const HALF_SIZE_ABOVE: usize = 2048 * 1152;
/// Up to this number of pixels, the weight of an isolated smooth block is bounded by the weights of
/// its neighbours.
const SMOOTHED_UP_TO: u64 = 640 * 480;
/// From this frame rate on, motion is the second difference of frames.
const FAST_FPS: f64 = 32.0;

/// Measures pairs of frames; reuses its memory.
#[derive(Clone, Debug)]
pub(super) struct Xpsnr {
    size: Size,
    is_fast: bool,
    /// Luma pixels along a block's side; 0 if the frame is too small for blocks.
    side: usize,
    /// Square root of the activity of an average frame.
    average: f64,
    weights: Vec<f64>,
    sse: Vec<[u64; 3]>,
}

impl Xpsnr {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes of frames"
    )]
    pub(super) fn new(size: Size, fps: f64) -> Self {
        let share_of_uhd = size.pixels() as f64 / (3840.0 * 2160.0);
        Self {
            size,
            is_fast: fps.floor() >= FAST_FPS,
            side: 4 * (32.0 * share_of_uhd.sqrt()).round() as usize,
            average: (16.0 * 128.0 / share_of_uhd.max(1e-5).sqrt()).sqrt(),
            weights: Vec::new(),
            sse: Vec::new(),
        }
    }

    /// How many earlier reference frames it uses.
    pub(super) fn history(&self) -> usize {
        if self.is_fast { 2 } else { 1 }
    }

    /// Returns XPSNR of Y, U and V in dB. `earlier` holds the luma of the previous reference
    /// frames, the newest first; a missing frame counts as all 0.
    #[expect(clippy::cast_precision_loss, reason = "sums of squares")]
    pub(super) fn measure(
        &mut self,
        reference: [PlaneRef<'_>; 3],
        distorted: [PlaneRef<'_>; 3],
        earlier: &[PlaneRef<'_>],
    ) -> [f64; 3] {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let side = if self.side == 0 { width.max(height) } else { self.side };
        let (cols, rows) = (width.div_ceil(side), height.div_ceil(side));
        let areas = (0..rows).flat_map(|row| {
            (0..cols).map(move |col| {
                let (x, y) = (col * side, row * side);
                Area { x, y, width: side.min(width - x), height: side.min(height - y) }
            })
        });
        self.weights.clear();
        self.sse.clear();
        for area in areas {
            let half = Area {
                x: area.x / 2,
                y: area.y / 2,
                width: area.width.div_ceil(2),
                height: area.height.div_ceil(2),
            };
            let sse = |plane: usize, area| squares(reference[plane], distorted[plane], area);
            self.sse.push([sse(0, area), sse(1, half), sse(2, half)]);
            self.weights.push(if self.side == 0 {
                self.average.recip()
            } else {
                self.activity(reference[0], earlier, area).max(MIN_ACTIVITY).recip()
            });
        }
        if self.side > 0 && self.size.pixels() <= SMOOTHED_UP_TO {
            smooth(&mut self.weights, cols);
        }
        std::array::from_fn(|plane| {
            let weighted =
                self.sse.iter().zip(&self.weights).map(|(sse, weight)| sse[plane] as f64 * weight);
            let wsse = (weighted.sum::<f64>() * self.average).round();
            let size = if plane == 0 { self.size } else { self.size.chroma() };
            if wsse < 1.0 {
                return super::PERFECT_DB;
            }
            let db = 10.0 * (255.0 * 255.0 * size.pixels() as f64 / wsse).log10();
            db.min(super::PERFECT_DB)
        })
    }

    /// Sum of the mean responses of the spatial and the temporal high-pass filter.
    #[expect(clippy::cast_precision_loss, reason = "sums of samples")]
    fn activity(&self, luma: PlaneRef<'_>, earlier: &[PlaneRef<'_>], area: Area) -> f64 {
        let is_large = luma.layout().width * luma.layout().height > HALF_SIZE_ABOVE;
        // Positions at which the high-pass would reach beyond the frame are skipped.
        let reach = if is_large { 2 } else { 1 };
        let inner = |at: usize, length: usize, whole: usize| {
            let from = if at == 0 { reach } else { 0 };
            let to = if at + length < whole { length } else { length.saturating_sub(reach) };
            (at + from, at + to)
        };
        let (left, right) = inner(area.x, area.width, luma.layout().width);
        let (top, bottom) = inner(area.y, area.height, luma.layout().height);
        if left >= right || top >= bottom {
            return 0.0;
        }
        let in_space = if is_large {
            high_pass_of_halves(luma, (left, right), (top, bottom))
        } else {
            high_pass(luma, (left, right), (top, bottom))
        };
        let in_space = in_space as f64 / ((right - left) * (bottom - top)) as f64;
        let in_time = if is_large {
            self.motion::<2>(luma, earlier, area)
        } else {
            self.motion::<1>(luma, earlier, area)
        };
        in_space + in_time as f64 / (area.width * area.height) as f64
    }

    /// Temporal differences of sums over squares of `SIDE` pixels.
    fn motion<const SIDE: usize>(
        &self,
        luma: PlaneRef<'_>,
        earlier: &[PlaneRef<'_>],
        area: Area,
    ) -> u64 {
        let columns = area.x..area.x + area.width;
        let mut total = 0;
        let mut lines: [Vec<i32>; 3] = Default::default();
        for y in (area.y..area.y + area.height).step_by(SIDE) {
            let pictures = [Some(&luma), earlier.first(), earlier.get(1)];
            for (line, picture) in lines.iter_mut().zip(pictures) {
                line.clear();
                line.resize(area.width.div_ceil(SIDE), 0);
                let Some(picture) = picture else { continue };
                for y in y..(y + SIDE).min(area.y + area.height) {
                    let row = &picture.row(y)[columns.clone()];
                    for (sum, square) in line.iter_mut().zip(row.chunks(SIDE)) {
                        *sum += square.iter().map(|&sample| i32::from(sample)).sum::<i32>();
                    }
                }
            }
            let [now, before, long_before] = &lines;
            let sum: u32 = if self.is_fast {
                let triples = now.iter().zip(before).zip(long_before);
                triples
                    .map(|((now, before), long)| 2 * (now - 2 * before + long).unsigned_abs())
                    .sum()
            } else {
                now.iter().zip(before).map(|(now, before)| 2 * now.abs_diff(*before)).sum()
            };
            total += u64::from(sum);
        }
        total
    }
}

/// A block.
#[derive(Clone, Copy, Debug)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

fn squares(a: PlaneRef<'_>, b: PlaneRef<'_>, area: Area) -> u64 {
    let kernels = Kernels::best();
    let columns = area.x..area.x + area.width;
    (area.y..area.y + area.height)
        .map(|y| kernels.sse_row(&a.row(y)[columns.clone()], &b.row(y)[columns.clone()]))
        .sum()
}

/// Sum of the absolute responses of the high-pass filter with 12 in the centre, -2 at the sides and
/// -1 at the corners.
fn high_pass(luma: PlaneRef<'_>, (left, right): (usize, usize), rows: (usize, usize)) -> u64 {
    let around = left - 1..right + 1;
    let row = |y: usize| &luma.row(y)[around.clone()];
    let mut total = 0;
    for y in rows.0..rows.1 {
        let (above, here, below) = (row(y - 1), row(y), row(y + 1));
        let sum: u32 = above
            .windows(3)
            .zip(here.windows(3))
            .zip(below.windows(3))
            .map(|((above, here), below)| {
                let at = |row: &[u8], x: usize| i32::from(row[x]);
                let beside = at(above, 1) + at(below, 1) + at(here, 0) + at(here, 2);
                let corners = at(above, 0) + at(above, 2) + at(below, 0) + at(below, 2);
                (12 * at(here, 1) - 2 * beside - corners).unsigned_abs()
            })
            .sum();
        total += u64::from(sum);
    }
    total
}

/// Returns the sum of the responses at half the size: each pixel represents a square of four
/// pixels.
fn high_pass_of_halves(
    luma: PlaneRef<'_>,
    (left, right): (usize, usize),
    (top, bottom): (usize, usize),
) -> u64 {
    // A quadrant of the symmetric kernel of six by six pixels.
    const KERNEL: [[i32; 3]; 3] = [[0, -1, -1], [-1, -2, -3], [-1, -3, 12]];
    let mut total = 0;
    for y in (top..bottom).step_by(2) {
        let rows: [&[u8]; 6] = std::array::from_fn(|row| {
            luma.row((y + row).saturating_sub(2).min(luma.layout().height - 1))
        });
        for x in (left..right).step_by(2) {
            let mut response = 0;
            for (v, row) in rows.iter().enumerate() {
                for u in 0..6 {
                    let sample = row[(x + u).saturating_sub(2).min(row.len() - 1)];
                    response += KERNEL[v.min(5 - v)][u.min(5 - u)] * i32::from(sample);
                }
            }
            total += u64::from(response.unsigned_abs());
        }
    }
    total
}

/// Bounds each weight by the largest of those to the left and above, in raster order, in place.
fn smooth(weights: &mut [f64], cols: usize) {
    for at in 0..weights.len() {
        let col = at % cols;
        let left = (col > 0).then(|| weights[at - 1]);
        let right = (col + 1 < cols).then(|| weights[at + 1]);
        let above = at.checked_sub(cols).map(|above| weights[above]);
        let most = [left, right, above].into_iter().flatten().reduce(f64::max);
        weights[at] = weights[at].min(most.unwrap_or(f64::INFINITY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_of_an_isolated_block_is_bounded_by_its_neighbours() {
        let mut weights = [1.0, 1.0, 1.0, 2.0, 9.0, 3.0];
        smooth(&mut weights, 3);
        let expected = [1.0, 1.0, 1.0, 2.0, 3.0, 3.0_f64];
        assert!(
            weights.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9)
        );
    }
}
