//! The coefficients of intra residuals, from which the bits of a key frame at any quantiser are estimated before it is coded.

use codec_simd::vp9::{Vp9TxKind, Vp9TxSize};
use codec_simd::{Kernels, PlaneRef, Window};

use crate::fixed::log2_q16;
use crate::frame::{Chroma, Picture};

/// Steps of an octave of squared coefficients that are distinguished.
const PER_OCTAVE: u64 = 4;
/// Number of these steps; squares of coefficients are at most 2^30.
const CLASSES: usize = 120;
/// Every fourth macroblock of a row is sampled, and at least one neighbour of each.
const DISTANCE: usize = 4;
/// Side of a block and of its transform in pixels.
const SIDE: usize = 8;
/// Scale of the coefficients relative to an orthonormal transform.
const SCALE: u64 = 8;
/// Coefficients below this share of the quantiser step take hardly any bits, in 1/256.
const STEP_SHARE_Q8: u64 = 90;

/// The bits of key frames of a codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntraLaw {
    /// Bits of a coefficient for each octave by which it exceeds the step, in 1/256.
    pub octave_q8: u16,
    /// Bits of the other syntax elements of a macroblock that has luma coefficients, in 1/16.
    pub macroblock_q4: u16,
}

/// Numbers of coefficients other than zero by the logarithm of their square to base 2, in quarters.
#[derive(Clone, Debug)]
struct Squares([u32; CLASSES]);

impl Squares {
    const fn new() -> Self {
        Self([0; CLASSES])
    }

    /// The class of a coefficient.
    fn class_of(coefficient: i16) -> usize {
        let square = u64::from(coefficient.unsigned_abs().max(1)).pow(2);
        let whole = square.ilog2();
        let class = PER_OCTAVE * u64::from(whole) + ((square * PER_OCTAVE) >> whole) % PER_OCTAVE;
        usize::try_from(class).unwrap_or(CLASSES).min(CLASSES - 1)
    }

    fn add(&mut self, class: usize) {
        self.0[class] += 1;
    }

    /// The square in the middle of each class, in 1/65536, with the number of its coefficients.
    fn by_square_q16(&self) -> impl Iterator<Item = (u64, u64)> {
        let counted = self.0.iter().enumerate().filter(|&(_, &count)| count > 0);
        counted.map(|(class, &count)| {
            let (whole, part) = (class as u64 / PER_OCTAVE, class as u64 % PER_OCTAVE);
            let square_q16 = ((2 * (PER_OCTAVE + part) + 1) << (16 + whole)) / (2 * PER_OCTAVE);
            (square_q16, u64::from(count))
        })
    }
}

/// The coefficients of intra residuals in a sample of the macroblocks of a picture.
#[derive(Clone, Debug)]
pub(crate) struct IntraSpectrum {
    coefficients: Squares,
    /// The largest coefficients of luma of the macroblocks.
    macroblocks: Squares,
    sampled: u64,
    /// Number of macroblocks in the picture.
    total: u64,
}

impl IntraSpectrum {
    /// Measures a picture; `None` if it is too small for a sample.
    ///
    /// Blocks of 8x8 pixels are predicted from the source pixels above and to the left: in a coded frame these have
    /// errors, but the prediction also has more modes.
    pub(crate) fn of(kernels: &Kernels, picture: &Picture<'_>) -> Option<Self> {
        let size = picture.size();
        let (cols, rows) = size.macroblocks();
        let (whole_cols, whole_rows) = (size.width as usize / 16, size.height as usize / 16);
        let mut spectrum = Self {
            coefficients: Squares::new(),
            macroblocks: Squares::new(),
            sampled: 0,
            total: (cols * rows) as u64,
        };
        let luma = picture.luma();
        for row in 1..whole_rows {
            let first = 1 + row % 2 * (DISTANCE / 2);
            for col in (first..whole_cols).step_by(DISTANCE) {
                let largest = [(0, 0), (0, SIDE), (SIDE, 0), (SIDE, SIDE)].map(|(down, right)| {
                    let area = area(luma, (16 * col + right, 16 * row + down), (1, 0));
                    spectrum.add(kernels, &area)
                });
                spectrum.macroblocks.add(largest.into_iter().max().unwrap_or(0));
                let at = (SIDE * col, SIDE * row);
                let [u, v] = match picture.chroma() {
                    Chroma::Planar { u, v } => [area(u, at, (1, 0)), area(v, at, (1, 0))],
                    Chroma::Interleaved(uv) => [area(uv, at, (2, 0)), area(uv, at, (2, 1))],
                };
                spectrum.add(kernels, &u);
                spectrum.add(kernels, &v);
                spectrum.sampled += 1;
            }
        }
        (spectrum.sampled > 0).then_some(spectrum)
    }

    /// Estimates the bits of the picture as a key frame with a quantiser step in 1/256 of a pixel level.
    pub(crate) fn bits(&self, law: IntraLaw, step_q8: u64) -> u64 {
        let step_q8 = step_q8 * SCALE;
        let floor_q16 = (step_q8 * STEP_SHARE_Q8 / 256).pow(2).max(1);
        let octaves_q16 = |square_q16: u64| {
            (log2_q16(floor_q16 + square_q16) - log2_q16(floor_q16)).unsigned_abs() / 2
        };
        let sum_q16: u64 = self
            .coefficients
            .by_square_q16()
            .map(|(square_q16, count)| count * u64::from(octaves_q16(square_q16)))
            .sum();
        let is_coded = |&(square_q16, _): &(u64, u64)| square_q16 > (step_q8 / 2).pow(2);
        let coded: u64 =
            self.macroblocks.by_square_q16().filter(is_coded).map(|(_, count)| count).sum();
        let coefficients = ((sum_q16 >> 16) * u64::from(law.octave_q8)) >> 8;
        let others = (coded * u64::from(law.macroblock_q4)) >> 4;
        (coefficients + others) * self.total / self.sampled
    }

    /// Adds the residual of a block with the best of three predictions, and returns the class of its largest
    /// coefficient.
    fn add(&mut self, kernels: &Kernels, area: &[[u8; SIDE + 1]; SIDE + 1]) -> usize {
        let mut cur = [[0; SIDE]; SIDE];
        let mut above = [0; SIDE];
        above.copy_from_slice(&area[0][1..]);
        let left: [u8; SIDE] = std::array::from_fn(|y| area[y + 1][0]);
        for (line, from) in cur.iter_mut().zip(&area[1..]) {
            line.copy_from_slice(&from[1..]);
        }
        let sum: u16 = above.iter().chain(&left).map(|&pixel| u16::from(pixel)).sum();
        let mean = ((sum + 8) >> 4).to_le_bytes()[0];
        let predictions = [[[mean; SIDE]; SIDE], [above; SIDE], left.map(|pixel| [pixel; SIDE])];
        let error = |prediction: &[[u8; SIDE]; SIDE]| {
            let windows = [&cur, prediction].map(|block| Window::new(block.as_flattened(), SIDE));
            let [Some(cur), Some(prediction)] = windows else { return u32::MAX };
            kernels.sad_8x8(cur, prediction)
        };
        let mut best = (&predictions[0], u32::MAX);
        for prediction in &predictions {
            let error = error(prediction);
            if error < best.1 {
                best = (prediction, error);
            }
        }
        let mut coefficients = [0; 1024];
        kernels.vp9_forward_transform(
            Vp9TxSize::Tx8,
            Vp9TxKind::Dct,
            cur.as_flattened(),
            SIDE,
            best.0.as_flattened(),
            SIDE,
            &mut coefficients,
        );
        let mut largest = 0;
        for &coefficient in coefficients[..SIDE * SIDE].iter().filter(|&&value| value != 0) {
            let class = Squares::class_of(coefficient);
            self.coefficients.add(class);
            largest = largest.max(class);
        }
        largest
    }
}

/// The block of a plane at `(x, y)` with the pixels above and to the left; `(step, first)` of interleaved planes.
fn area(
    plane: PlaneRef<'_>,
    (x, y): (usize, usize),
    (step, first): (usize, usize),
) -> [[u8; SIDE + 1]; SIDE + 1] {
    let mut area = [[0; SIDE + 1]; SIDE + 1];
    for (line, y) in area.iter_mut().zip(y - 1..) {
        let pixels = plane.row(y)[first..].iter().step_by(step);
        for (to, &from) in line.iter_mut().zip(pixels.skip(x - 1)) {
            *to = from;
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    const LAW: IntraLaw = IntraLaw { octave_q8: 384, macroblock_q4: 256 };

    fn noise(size: Size, amplitude: u32) -> Vec<u8> {
        let mut state = 1_u32;
        let pixel = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            128 + ((state >> 16) % (amplitude + 1)).to_le_bytes()[0]
        };
        (0..size.i420_bytes()).map(pixel).collect()
    }

    fn spectrum(size: Size, pixels: &[u8]) -> Option<IntraSpectrum> {
        IntraSpectrum::of(Kernels::best(), &Picture::i420_packed(size, pixels).unwrap())
    }

    #[test]
    fn bits_fall_with_the_step_and_follow_the_number_of_pixels() {
        let bits =
            |size: Size, step_q8: u64| spectrum(size, &noise(size, 40)).unwrap().bits(LAW, step_q8);
        let (small, large) = (Size::new(128, 128), Size::new(256, 256));
        assert!((7..17).map(|log| bits(small, 1 << log)).is_sorted_by(|a, b| a > b));
        let ratio = 100 * bits(large, 2560) / bits(small, 2560);
        assert!((380..420).contains(&ratio), "{ratio}");
        // Coefficients of noise that is far above the step take a bit more for each halving of it.
        let octave = bits(small, 128) - bits(small, 256);
        let expected = 128 * 128 * 3 / 2 * 3 / 2;
        assert!(octave.abs_diff(expected) < expected / 10, "{octave}");
    }

    #[test]
    fn flat_pictures_take_no_bits() {
        let size = Size::new(64, 64);
        let flat = spectrum(size, &[77; 64 * 64 * 3 / 2]).unwrap();
        assert_eq!(flat.bits(LAW, 256 * 8), 0);
    }

    #[test]
    fn pictures_without_two_complete_rows_have_no_sample() {
        for (size, has_sample) in [((64, 31), false), ((31, 64), false), ((32, 48), true)] {
            let size = Size::new(size.0, size.1);
            assert_eq!(spectrum(size, &noise(size, 9)).is_some(), has_sample, "{size}");
        }
    }

    #[test]
    fn both_layouts_of_chroma_have_the_same_coefficients() {
        let size = Size::new(67, 53);
        let planar = noise(size, 90);
        let (luma, chroma) = planar.split_at(67 * 53);
        let (u, v) = chroma.split_at(34 * 27);
        let mixed: Vec<u8> = u.iter().zip(v).flat_map(|(&u, &v)| [u, v]).collect();
        let nv12 = Picture::nv12(size, (luma, 67), (&mixed, 68)).unwrap();
        let interleaved = IntraSpectrum::of(Kernels::best(), &nv12).unwrap();
        assert_eq!(interleaved.coefficients.0, spectrum(size, &planar).unwrap().coefficients.0);
    }
}
