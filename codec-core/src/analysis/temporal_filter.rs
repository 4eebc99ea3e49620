//! Motion-compensated temporal filter: denoises altref frames, which makes them better references
//! than unfiltered source frames.

use codec_simd::{Block16, Kernels, Layout, PlaneRef, Window, WindowMut};

use crate::frame::FrameBuf;
use crate::motion::{
    FullPel, IntegerSettings, Lambda, MvCost, Pattern, PixelPos, QuarterPel, SearchRange,
    SubpelSearch, Target, VectorPrice, Walk, search_subpel,
};

/// Largest vector component in full pixels.
const REACH: u16 = 24;
/// Squared error of a macroblock above which its weight is halved.
const HALF_WEIGHT_SSE: u32 = 10_000;
/// Squared error of a macroblock above which it is not used.
const NO_WEIGHT_SSE: u32 = 20_000;
/// Weight of a pixel of the centre frame.
const CENTRE_WEIGHT: u16 = 32;

/// Averages `frames[centre]` with its motion-compensated neighbours into `out`.
///
/// `frames` are consecutive frames of equal size. At most eight are used, those nearest to
/// `centre`; their borders are not read, and the border of `out` is not written. `strength` ranges
/// from 0 (a copy) to 6; each step includes pixels that differ by 1.4 times as much. Blocks that
/// match badly are ignored, so a scene cut among the frames is harmless.
///
/// # Panics
/// If `centre` is not below the number of frames or the sizes differ.
pub fn filter_altref(
    kernels: &Kernels,
    frames: &[&FrameBuf],
    centre: usize,
    strength: u8,
    out: &mut FrameBuf,
) {
    let cur = frames[centre];
    assert!(
        frames.iter().all(|frame| frame.size() == cur.size()) && out.size() == cur.size(),
        "frames of one size"
    );
    let frames = if strength == 0 { &[] } else { nearest(frames, centre, 8) };
    let (cols, rows) = cur.size().macroblocks();
    let free = MvCost::default();
    let mut blend = Blend::new(strength);
    for row in 0..rows {
        // Neighbouring blocks move alike: the left vector is the second starting point of the next
        // search.
        let mut left = [FullPel::ZERO; 8];
        for col in 0..cols {
            blend.start(cur, col, row);
            let others = frames.iter().filter(|frame| !std::ptr::eq(**frame, cur));
            for (&frame, left) in others.zip(&mut left) {
                let refp = frame.plane(0);
                let (vector, sse) = blend.search(kernels, refp, &free, left);
                if let Some(block_weight) = block_weight(sse) {
                    blend.predict(kernels, frame, vector);
                    blend.add(block_weight);
                }
            }
            blend.finish(out, col, row);
        }
    }
}

/// Returns up to `most` frames around `centre`.
fn nearest<T>(frames: &[T], centre: usize, most: usize) -> &[T] {
    let from = centre.saturating_sub(most / 2).min(frames.len().saturating_sub(most));
    &frames[from..frames.len().min(from + most)]
}

fn block_weight(sse: u32) -> Option<u16> {
    match sse {
        NO_WEIGHT_SSE.. => None,
        HALF_WEIGHT_SSE.. => Some(1),
        _ => Some(2),
    }
}

/// Pixels of a macroblock: 16x16 of Y, then 8x8 of U and of V, packed.
const PIXELS: usize = 384;

/// Accumulator for the average of one macroblock.
struct Blend {
    at: PixelPos,
    strength: u8,
    luma: Block16,
    own: [u8; PIXELS],
    predicted: [u8; PIXELS],
    /// Weighted sums: at most 8 frames of weight 32 and value 255.
    sums: [u16; PIXELS],
    weights: [u16; PIXELS],
}

impl Blend {
    fn new(strength: u8) -> Self {
        Self {
            at: PixelPos::default(),
            strength: strength.min(6),
            luma: Block16::default(),
            own: [0; PIXELS],
            predicted: [0; PIXELS],
            sums: [0; PIXELS],
            weights: [0; PIXELS],
        }
    }

    fn start(&mut self, cur: &FrameBuf, col: usize, row: usize) {
        let pixel = |mb: usize| i32::try_from(16 * mb).unwrap_or(i32::MAX);
        self.at = PixelPos::new(pixel(col), pixel(row));
        let window = luma_window::<16, 16>(cur.plane(0), self.at, 0);
        self.luma.window_mut().copy_from(window);
        let (y, u, v) = split(&mut self.own);
        y.copy_from_slice(self.luma.0.as_flattened());
        for (out, plane) in [(u, 1), (v, 2)] {
            let at = PixelPos::new(self.at.x / 2, self.at.y / 2);
            let window = luma_window::<8, 8>(cur.plane(plane), at, 0);
            for (y, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *out = *window.row(y);
            }
        }
        self.weights.fill(CENTRE_WEIGHT);
        for (sum, &pixel) in self.sums.iter_mut().zip(&self.own) {
            *sum = CENTRE_WEIGHT * u16::from(pixel);
        }
    }

    /// Returns the best motion vector and its squared error.
    fn search(
        &self,
        kernels: &Kernels,
        refp: PlaneRef<'_>,
        free: &MvCost,
        left: &mut FullPel,
    ) -> (QuarterPel, u32) {
        let Some(range) = SearchRange::inside(refp.layout(), self.at, 16, REACH) else {
            return (QuarterPel::ZERO, u32::MAX);
        };
        // Against noise, each step away from the neighbour's vector costs about one pixel's
        // difference.
        let near = *left;
        let price = |v: FullPel| 4 * u32::from(v.x.abs_diff(near.x) + v.y.abs_diff(near.y)).min(32);
        let settings = IntegerSettings { pattern: Pattern::Wide, max_steps: 16, stop_below: 128 };
        let walk = Walk::new(kernels, &self.luma, refp, self.at, range, price);
        let found = walk.search(&[FullPel::ZERO, near], settings);
        *left = found.vector;

        let whole = self.at.moved(found.vector);
        // Sub-pel search only if all pixels that interpolation reads are inside the frame.
        let search = if is_inside(refp, whole, 16, 4) {
            SubpelSearch::Iterative
        } else {
            SubpelSearch::None
        };
        let price = VectorPrice {
            table: free,
            predicted: QuarterPel::ZERO,
            lambda_sad: Lambda(0),
            lambda_sse: Lambda(0),
        };
        let target = Target { kernels, cur: &self.luma, refp, at: self.at, range, price };
        let refined = search_subpel(&target, found.vector, search);
        (refined.vector, refined.sse)
    }

    /// Predicts the block that `vector` points to in `frame`.
    fn predict(&mut self, kernels: &Kernels, frame: &FrameBuf, vector: QuarterPel) {
        let (y, u, v) = split(&mut self.predicted);
        let at = self.at.moved(vector.floor());
        let (fx, fy) = vector.eighths();
        let refp = frame.plane(0);
        if let Some(out) = WindowMut::<16, 16>::new(y, 16) {
            if (fx, fy) == (0, 0) {
                kernels.copy_16x16(luma_window(refp, at, 0), out);
            } else {
                kernels.sixtap_16x16(luma_window(refp, at, -2), fx, fy, out);
            }
        }
        // A luma quarter pel is a chroma eighth pel. Fractions at the edge are rounded to full
        // pixels.
        let chroma = PixelPos::new(self.at.x / 2, self.at.y / 2);
        for (out, plane) in [(u, 1), (v, 2)] {
            let refp = frame.plane(plane);
            let at = chroma.moved(FullPel::new(vector.x >> 3, vector.y >> 3));
            let (fx, fy) = (eighth(vector.x), eighth(vector.y));
            let Some(out) = WindowMut::<8, 8>::new(out, 8) else { continue };
            let kernel_reads = PixelPos::new(at.x + 3, at.y);
            if (fx, fy) != (0, 0)
                && is_inside(refp, at, 8, 3)
                && is_inside(refp, kernel_reads, 8, 3)
            {
                kernels.sixtap_8x8(luma_window(refp, at, -2), fx, fy, out);
            } else {
                kernels.copy_8x8(luma_window(refp, at, 0), out);
            }
        }
    }

    /// Adds the prediction; a pixel's weight falls with its difference.
    fn add(&mut self, block_weight: u16) {
        let strength = u32::from(self.strength);
        let round = (1_u32 << strength) / 2;
        let pixels = self.own.iter().zip(&self.predicted);
        for ((&own, &other), (sum, weight)) in
            pixels.zip(self.sums.iter_mut().zip(&mut self.weights))
        {
            let away = u32::from(own.abs_diff(other));
            let loss = ((3 * away * away + round) >> strength).min(16);
            // At most 16, so the cast is lossless.
            #[expect(clippy::cast_possible_truncation, reason = "at most 16")]
            let pixel_weight = block_weight * (16 - loss) as u16;
            *weight += pixel_weight;
            *sum += pixel_weight * u16::from(other);
        }
    }

    fn finish(&mut self, out: &mut FrameBuf, col: usize, row: usize) {
        for ((out, &sum), &weight) in self.own.iter_mut().zip(&self.sums).zip(&self.weights) {
            let mean = (u32::from(sum) + u32::from(weight / 2)) / u32::from(weight);
            *out = u8::try_from(mean).unwrap_or(u8::MAX);
        }
        let (y, u, v) = split(&mut self.own);
        for ((plane, pixels), size) in out.planes_mut().into_iter().zip([y, u, v]).zip([16, 8, 8]) {
            let Layout { stride, pad, .. } = plane.layout();
            let from = (pad + row * size) * stride + pad + col * size;
            let rows = plane.into_data()[from..].chunks_mut(stride);
            for (to, from) in rows.zip(pixels.chunks_exact(size)) {
                to[..size].copy_from_slice(from);
            }
        }
    }
}

fn split(pixels: &mut [u8; PIXELS]) -> (&mut [u8], &mut [u8], &mut [u8]) {
    let (y, chroma) = pixels.split_at_mut(256);
    let (u, v) = chroma.split_at_mut(64);
    (y, u, v)
}

/// Returns whether the `size` x `size` pixels at `at`, plus `margin` on each side, lie in the plane
/// without its border.
fn is_inside(plane: PlaneRef<'_>, at: PixelPos, size: i32, margin: i32) -> bool {
    let Layout { width, height, .. } = plane.layout();
    let fits = |at: i32, len: usize| {
        at >= margin && usize::try_from(at + size + margin).is_ok_and(|end| end <= len)
    };
    fits(at.x, width) && fits(at.y, height)
}

/// Returns the pixels at `at`, offset by `shift` to the right and down.
fn luma_window<const W: usize, const H: usize>(
    plane: PlaneRef<'_>,
    at: PixelPos,
    shift: isize,
) -> Window<'_, W, H> {
    #[expect(clippy::expect_used, reason = "vectors stay inside the plane")]
    plane.window(at.x as isize + shift, at.y as isize + shift).expect("block inside the plane")
}

#[expect(clippy::cast_sign_loss, reason = "masked to three bits")]
fn eighth(component: i16) -> u8 {
    (component & 7) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    const SIZE: Size = Size { width: 96, height: 64 };

    fn noise(seed: u32, x: usize, y: usize) -> i32 {
        let n = u32::try_from(y * 977 + x).unwrap().wrapping_add(seed.wrapping_mul(0x9e37_79b9));
        let n = (n ^ n >> 15).wrapping_mul(0x2c1b_3c6d);
        let n = (n ^ n >> 12).wrapping_mul(0x297a_2d39);
        i32::try_from((n >> 16) % 9).unwrap() - 4
    }

    fn clean(x: i32, y: i32) -> i32 {
        let wave = |phase: i32, half: i32| (phase.rem_euclid(2 * half) - half).abs();
        40 + wave(3 * x + y, 50) + wave(4 * y - x, 45) + wave(x * y / 8, 30)
    }

    /// Frame `n` of a pan by `step` pixels per frame, with noise.
    fn frame(n: i32, step: i32, noisy: bool) -> FrameBuf {
        let mut frame = FrameBuf::new(SIZE, 0);
        for plane in frame.planes_mut() {
            let Layout { stride, width, height, .. } = plane.layout();
            let scale = i32::try_from(96 / width).unwrap();
            let data = plane.into_data();
            for y in 0..height {
                for x in 0..width {
                    let (px, py) = (i32::try_from(x).unwrap(), i32::try_from(y).unwrap());
                    let noise = if noisy { noise(n.unsigned_abs(), x, y) } else { 0 };
                    let value = clean(px * scale + n * step, py * scale) + noise;
                    data[y * stride + x] = u8::try_from(value.clamp(0, 255)).unwrap();
                }
            }
        }
        frame
    }

    fn sse(a: &FrameBuf, b: &FrameBuf, plane: usize) -> u64 {
        let (a, b) = (a.plane(plane), b.plane(plane));
        (0..a.layout().height).map(|y| Kernels::best().sse_row(a.row(y), b.row(y))).sum()
    }

    #[test]
    fn noise_is_reduced_and_detail_kept_during_a_pan() {
        let frames: Vec<_> = (0..7).map(|n| frame(n, 2, true)).collect();
        let frames: Vec<_> = frames.iter().collect();
        let truth = frame(3, 2, false);
        let mut out = FrameBuf::new(SIZE, 32);
        filter_altref(Kernels::best(), &frames, 3, 5, &mut out);
        for plane in 0..3 {
            let (before, after) = (sse(frames[3], &truth, plane), sse(&out, &truth, plane));
            assert!(after * 2 < before, "plane {plane}: {before} -> {after}");
        }
    }

    #[test]
    fn strength_zero_copies() {
        let frames = [frame(0, 2, true), frame(1, 2, true)];
        let mut out = FrameBuf::new(SIZE, 0);
        filter_altref(Kernels::best(), &[&frames[0], &frames[1]], 1, 0, &mut out);
        assert_eq!(out.digest(), frames[1].digest());
    }

    #[test]
    fn another_scene_among_the_frames_is_rejected() {
        let own = frame(0, 0, true);
        let other = frame(4000, 1, true);
        let mut out = FrameBuf::new(SIZE, 0);
        filter_altref(Kernels::best(), &[&other, &own, &other], 1, 5, &mut out);
        // Single blocks may match by chance: less than one level on average.
        assert!(sse(&out, &own, 0) < 96 * 64 / 2, "{}", sse(&out, &own, 0));
    }

    #[test]
    fn the_smallest_frame_can_be_filtered() {
        let one = FrameBuf::new(Size::new(1, 1), 0);
        let mut out = FrameBuf::new(Size::new(1, 1), 0);
        filter_altref(Kernels::best(), &[&one, &one], 0, 6, &mut out);
        assert_eq!(out.digest(), one.digest());
    }

    #[test]
    fn all_simd_levels_filter_equally() {
        let frames: Vec<_> = (0..3).map(|n| frame(n, 3, true)).collect();
        let frames: Vec<_> = frames.iter().collect();
        let mut digests =
            codec_simd::Level::ALL.into_iter().filter_map(Kernels::for_level).map(|k| {
                let mut out = FrameBuf::new(SIZE, 0);
                filter_altref(k, &frames, 1, 4, &mut out);
                out.digest()
            });
        let first = digests.next().unwrap();
        assert!(digests.all(|digest| digest == first));
    }
}
