//! Multi-scale structural similarity of luma: Wang, Simoncelli, Bovik, "Multi-scale structural
//! similarity for image quality assessment", 2003; details that the paper leaves open follow
//! libvmaf's `float_ms_ssim`.

use codec_simd::PlaneRef;

/// Width of the window in pixels: a Gaussian of 11 by 11 pixels with a standard deviation of 1.5.
const TAPS: usize = 11;
/// Exponents of contrast and structure, from fine to coarse. Luminance is used at the coarsest
/// scale only, with the same exponent.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Low-pass before each halving: the analysis filter of the 9/7 wavelet of Cohen, Daubechies and
/// Feauveau, from its centre outwards.
const HALVING: [f32; 5] = [0.602_949, 0.266_864_12, -0.078_223_27, -0.016_864_12, 0.026_748_757];

const C1: f32 = 0.01 * 255.0 * 0.01 * 255.0;
const C2: f32 = 0.03 * 255.0 * 0.03 * 255.0;
const C3: f32 = C2 / 2.0;

/// A plane of samples without padding.
#[derive(Clone, Debug, Default)]
struct Plane {
    width: usize,
    height: usize,
    samples: Vec<f32>,
}

impl Plane {
    fn row(&self, y: usize) -> &[f32] {
        &self.samples[y * self.width..][..self.width]
    }

    fn fill(&mut self, from: PlaneRef<'_>) {
        (self.width, self.height) = (from.layout().width, from.layout().height);
        self.samples.clear();
        for y in 0..self.height {
            self.samples.extend(from.row(y).iter().map(|&sample| f32::from(sample)));
        }
    }

    /// Replaces the plane by `from` at half its size, rounded up; samples beyond the edges are
    /// mirrored.
    fn halve(&mut self, from: &Self, line: &mut Vec<f32>) {
        (self.width, self.height) = (from.width.div_ceil(2), from.height.div_ceil(2));
        self.samples.clear();
        for y in 0..self.height {
            line.clear();
            line.extend(from.row(2 * y).iter().map(|sample| HALVING[0] * sample));
            for (reach, tap) in HALVING.iter().enumerate().skip(1) {
                let above = from.row(mirrored(2 * y, -reach.cast_signed(), from.height));
                let below = from.row(mirrored(2 * y, reach.cast_signed(), from.height));
                for ((sum, above), below) in line.iter_mut().zip(above).zip(below) {
                    *sum += tap * (above + below);
                }
            }
            let at = |x: usize| {
                (1..HALVING.len()).fold(HALVING[0] * line[x], |sum, reach| {
                    let left = mirrored(x, -reach.cast_signed(), line.len());
                    let right = mirrored(x, reach.cast_signed(), line.len());
                    sum + HALVING[reach] * (line[left] + line[right])
                })
            };
            let edge = HALVING.len() - 1;
            let inside = line.windows(2 * edge + 1).step_by(2).map(|around| {
                (1..=edge).fold(HALVING[0] * around[edge], |sum, reach| {
                    sum + HALVING[reach] * (around[edge - reach] + around[edge + reach])
                })
            });
            let begin = edge / 2;
            self.samples.extend((0..begin.min(self.width)).map(|x| at(2 * x)));
            let before = self.samples.len();
            self.samples.extend(inside);
            let done = begin + self.samples.len() - before;
            self.samples.extend((done..self.width).map(|x| at(2 * x)));
        }
    }
}

/// The sample `by` away from `at`, of `count`; mirrored with the edge sample repeated.
fn mirrored(at: usize, by: isize, count: usize) -> usize {
    let at = at.cast_signed() + by;
    let inside = if at < 0 { -1 - at } else { at }.cast_unsigned();
    if inside < count { inside } else { (2 * count - 1).saturating_sub(inside) }
}

/// Means over a scale: of luminance, contrast and structure.
type Means = [f64; 3];

/// Measures pairs of planes; reuses its memory.
#[derive(Clone, Debug, Default)]
pub(super) struct MsSsim {
    planes: [Plane; 2],
    halves: [Plane; 2],
    line: Vec<f32>,
    /// Vertical sums under the window: of both planes, their squares, their product.
    sums: [Vec<f32>; 5],
    /// The five sums under the whole window.
    filtered: [Vec<f32>; 5],
}

impl MsSsim {
    /// Returns MS-SSIM, at most 1. Each side of the planes must have at least 161 pixels.
    pub(super) fn measure(&mut self, reference: PlaneRef<'_>, distorted: PlaneRef<'_>) -> f64 {
        self.planes[0].fill(reference);
        self.planes[1].fill(distorted);
        let mut product = 1.0;
        for (scale, weight) in WEIGHTS.into_iter().enumerate() {
            if scale > 0 {
                for (half, plane) in self.halves.iter_mut().zip(&self.planes) {
                    half.halve(plane, &mut self.line);
                }
                std::mem::swap(&mut self.planes, &mut self.halves);
            }
            let [luminance, contrast, structure] = self.means();
            product *= contrast.powf(weight) * structure.abs().powf(weight);
            if scale + 1 == WEIGHTS.len() {
                product *= luminance.powf(weight);
            }
        }
        product
    }

    /// Returns the means over all positions at which the whole window lies inside the planes.
    #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
    fn means(&mut self) -> Means {
        let taps = window();
        let [a, b] = &self.planes;
        let (Some(cols), Some(rows)) =
            ((a.width + 1).checked_sub(TAPS), (a.height + 1).checked_sub(TAPS))
        else {
            return [1.0; 3];
        };
        let mut totals = [0.0; 3];
        for y in 0..rows {
            for sums in &mut self.sums {
                sums.clear();
                sums.resize(a.width, 0.0);
            }
            let [of_a, of_b, of_aa, of_bb, of_ab] = &mut self.sums;
            for (reach, &tap) in taps.iter().enumerate() {
                let (a, b) = (a.row(y + reach), b.row(y + reach));
                let firsts = of_a.iter_mut().zip(of_b.iter_mut());
                let seconds = of_aa.iter_mut().zip(of_bb.iter_mut()).zip(of_ab.iter_mut());
                for (((a, b), (sum_a, sum_b)), ((sum_aa, sum_bb), sum_ab)) in
                    a.iter().zip(b).zip(firsts).zip(seconds)
                {
                    let (weighted_a, weighted_b) = (tap * a, tap * b);
                    *sum_a += weighted_a;
                    *sum_b += weighted_b;
                    *sum_aa += weighted_a * a;
                    *sum_bb += weighted_b * b;
                    *sum_ab += weighted_a * b;
                }
            }
            for (sums, filtered) in self.sums.iter().zip(&mut self.filtered) {
                filtered.clear();
                filtered.resize(cols, 0.0);
                for (reach, &tap) in taps.iter().enumerate() {
                    for (out, sum) in filtered.iter_mut().zip(&sums[reach..]) {
                        *out += tap * sum;
                    }
                }
            }
            for (total, of_row) in totals.iter_mut().zip(similarity(&mut self.filtered)) {
                *total += of_row;
            }
        }
        totals.map(|total| total / (rows * cols) as f64)
    }
}

/// Sums over a row of luminance, contrast and structure, from the filtered means of both planes, their
/// squares and their product, which it overwrites.
fn similarity(filtered: &mut [Vec<f32>; 5]) -> Means {
    let [a, b, aa, bb, ab] = filtered;
    let firsts = a.iter_mut().zip(b.iter_mut());
    let seconds = aa.iter().zip(bb.iter()).zip(ab.iter_mut());
    for ((a, b), ((aa, bb), ab)) in firsts.zip(seconds) {
        let variance_a = (aa - *a * *a).max(0.0);
        let variance_b = (bb - *b * *b).max(0.0);
        let covariance = *ab - *a * *b;
        let deviations = (variance_a * variance_b).sqrt();
        let luminance = (2.0 * *a * *b + C1) / (*a * *a + *b * *b + C1);
        let contrast = (2.0 * deviations + C2) / (variance_a + variance_b + C2);
        let structure = (covariance + C3) / (deviations + C3);
        (*a, *b, *ab) = (luminance, contrast, structure);
    }
    [&*a, &*b, &*ab].map(|row| row.iter().map(|&value| f64::from(value)).sum())
}

/// The Gaussian, with a sum of 1.
fn window() -> [f32; TAPS] {
    let taps: [f32; TAPS] = std::array::from_fn(|at| {
        #[expect(clippy::cast_precision_loss, reason = "at most 11")]
        let distance = at as f32 - 5.0;
        (-distance * distance / (2.0 * 1.5 * 1.5)).exp()
    });
    let sum: f32 = taps.iter().sum();
    taps.map(|tap| tap / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_plane_stays_flat_at_half_its_size() {
        let flat = Plane { width: 21, height: 7, samples: vec![80.0; 21 * 7] };
        let mut half = Plane::default();
        half.halve(&flat, &mut Vec::new());
        assert_eq!((half.width, half.height, half.samples.len()), (11, 4, 44));
        assert!(half.samples.iter().all(|sample| (sample - 80.0).abs() < 1e-3), "{half:?}");
    }

    #[test]
    fn mirrors_repeat_the_edge() {
        assert_eq!((-3..0).map(|by| mirrored(0, by, 5)).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!((1..4).map(|by| mirrored(4, by, 5)).collect::<Vec<_>>(), [4, 3, 2]);
    }
}
