//! PSNR-HVS: squared errors of DCT coefficients, weighted by the contrast sensitivity of the eye
//! and reduced by the masking of the block's own texture. Ponomarenko et al., "On
//! between-coefficient contrast masking of DCT basis functions", 2007, with the tables, the integer
//! transform and the overlapping blocks of libvmaf's `psnr_hvs`.

use codec_simd::PlaneRef;

use super::daala_dct::{Block, SIDE, transform};

/// Blocks overlap by one pixel.
const STEP: usize = 7;

/// A value for each coefficient.
type Table = [[f32; SIDE]; SIDE];

/// Sensitivity to each frequency, in the order of Y, Cb and Cr at half the resolution: symmetric,
/// so each row begins at the diagonal.
#[rustfmt::skip]
const SENSITIVITY: [[&[f64]; SIDE]; 3] = [
    [
        &[1.61939, 2.29016, 2.08510, 1.48366, 1.00228, 0.67830, 0.46622, 0.32651],
        &[1.94322, 2.04793, 1.68731, 1.23057, 0.86892, 0.61281, 0.43641],
        &[1.34329, 1.09206, 0.87575, 0.67088, 0.50173, 0.37250],
        &[0.77282, 0.60564, 0.48309, 0.38043, 0.29577],
        &[0.44900, 0.35289, 0.28301, 0.22695],
        &[0.27032, 0.21502, 0.17408],
        &[0.16887, 0.13615],
        &[0.10908],
    ],
    [
        &[1.91113, 2.46074, 1.18284, 1.14983, 1.05017, 0.89802, 0.74725, 0.61511],
        &[1.58529, 1.21363, 1.38190, 1.33100, 1.17429, 0.99640, 0.83089],
        &[0.97871, 1.02625, 1.03145, 0.96006, 0.84982, 0.73122],
        &[0.86132, 0.80182, 0.75144, 0.68540, 0.60869],
        &[0.67656, 0.60550, 0.55002, 0.49580],
        &[0.51467, 0.45435, 0.40705],
        &[0.38923, 0.34235],
        &[0.29553],
    ],
    [
        &[2.03872, 2.62502, 1.26181, 1.11020, 1.01398, 0.86707, 0.72150, 0.59391],
        &[1.69113, 1.17181, 1.33427, 1.28513, 1.13381, 0.96206, 0.80225],
        &[0.94498, 0.99088, 0.99590, 0.92697, 0.82053, 0.70602],
        &[0.83163, 0.77419, 0.72554, 0.66178, 0.58772],
        &[0.65324, 0.58464, 0.53106, 0.47872],
        &[0.49694, 0.43869, 0.39302],
        &[0.37582, 0.33056],
        &[0.28535],
    ],
];

/// Ratio of the masking tables to the sensitivities.
const MASKING: f32 = 0.388_574_62;

/// Tables of one plane.
#[derive(Clone, Debug)]
struct Weights {
    sensitivity: Table,
    /// Weight of a coefficient's energy in the mask; 0 for DC.
    masks: Table,
    /// Weight of the mask for a coefficient; 0 for DC.
    masked: Table,
}

impl Weights {
    fn new(rows: &[&[f64]; SIDE]) -> Self {
        let table = |value: &dyn Fn(usize, usize) -> f32| -> Table {
            std::array::from_fn(|v| std::array::from_fn(|u| value(v, u)))
        };
        #[expect(clippy::cast_possible_truncation, reason = "six digits are sufficient")]
        let sensitivity = |v: usize, u: usize| rows[v.min(u)][v.abs_diff(u)] as f32;
        let mask = |v, u| (sensitivity(v, u) * MASKING).powi(2);
        let but_dc = |v, u, value: f32| if v + u == 0 { 0.0 } else { value };
        Self {
            sensitivity: table(&sensitivity),
            masks: table(&|v, u| but_dc(v, u, mask(v, u))),
            masked: table(&|v, u| but_dc(v, u, mask(v, u).recip())),
        }
    }
}

/// Measures pairs of planes.
#[derive(Clone, Debug)]
pub(super) struct PsnrHvs {
    weights: [Weights; 3],
}

impl PsnrHvs {
    pub(super) fn new() -> Self {
        Self { weights: SENSITIVITY.each_ref().map(Weights::new) }
    }

    /// Returns the mean of the weighted squared errors as a share of the peak's square. `plane` is
    /// 0, 1 or 2 for Y, Cb, Cr. Each side has at least eight samples.
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    pub(super) fn error(&self, plane: usize, a: PlaneRef<'_>, b: PlaneRef<'_>) -> f64 {
        let weights = &self.weights[plane];
        let (width, height) = (a.layout().width, a.layout().height);
        let (mut sum, mut blocks) = (0.0_f32, 0_u64);
        for y in (0..height.saturating_sub(SIDE - 1)).step_by(STEP) {
            for x in (0..width.saturating_sub(SIDE - 1)).step_by(STEP) {
                let (a, b) = (block(a, x, y), block(b, x, y));
                blocks += 1;
                if a != b {
                    add_error(weights, &a, &b, &mut sum);
                }
            }
        }
        f64::from(sum) / ((SIDE * SIDE) as f64 * blocks.max(1) as f64 * 255.0 * 255.0)
    }
}

/// Adds the squared error of each coefficient of a block to `sum`, one after another and in single
/// precision, because the rounding of large sums in libvmaf is part of its figures.
fn add_error(weights: &Weights, a: &Block, b: &Block, sum: &mut f32) {
    let (coeffs_a, coeffs_b) = (transform(a), transform(b));
    let mask = threshold(weights, a, &coeffs_a).max(threshold(weights, b, &coeffs_b));
    let mut squares = [[0.0; SIDE]; SIDE];
    for (v, row) in squares.iter_mut().enumerate() {
        for (u, square) in row.iter_mut().enumerate() {
            let error = real(coeffs_a[v][u] - coeffs_b[v][u]).abs();
            let felt = (error - mask * weights.masked[v][u]).max(0.0);
            *square = (felt * weights.sensitivity[v][u]).powi(2);
        }
    }
    for square in squares.iter().flatten() {
        *sum += square;
    }
}

#[expect(clippy::cast_precision_loss, reason = "below 2^24")]
fn real(value: i32) -> f32 {
    value as f32
}

fn block(plane: PlaneRef<'_>, x: usize, y: usize) -> Block {
    std::array::from_fn(|row| {
        let row = &plane.row(y + row)[x..x + SIDE];
        std::array::from_fn(|col| i32::from(row[col]))
    })
}

/// The masking strength of the block: from the energy of its coefficients, and from how evenly its
/// variance is distributed over its quarters, because an edge masks little.
fn threshold(weights: &Weights, block: &Block, coeffs: &Block) -> f32 {
    let mut energy = [0.0; SIDE];
    for (coeffs, masks) in coeffs.iter().zip(&weights.masks) {
        for ((sum, coeff), mask) in energy.iter_mut().zip(coeffs).zip(masks) {
            *sum += real(*coeff).powi(2) * mask;
        }
    }
    let energy: f32 = energy.iter().sum();
    let whole = spread(block.iter().flatten());
    if whole <= 0.0 {
        return 0.0;
    }
    let quarter = |v: usize, u: usize| {
        spread(block[v..v + SIDE / 2].iter().flat_map(move |row| &row[u..u + SIDE / 2]))
    };
    let quarters = quarter(0, 0) + quarter(0, 4) + quarter(4, 0) + quarter(4, 4);
    (energy * quarters / whole).sqrt() / 32.0
}

/// Variance (of a sample) times the number of samples.
fn spread<'a>(samples: impl Iterator<Item = &'a i32> + Clone) -> f32 {
    let count = samples.clone().map(|_| 1.0).sum::<f32>();
    let mean = real(samples.clone().sum()) / count;
    samples.map(|&sample| (real(sample) - mean).powi(2)).sum::<f32>() * count / (count - 1.0)
}
