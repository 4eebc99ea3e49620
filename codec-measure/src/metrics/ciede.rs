//! Mean colour difference CIEDE2000 on a scale of decibels: `45 - 20 log10(mean difference)`.
//! Sharma, Wu, Dalal, "The CIEDE2000 color-difference formula", 2005.
//!
//! The conversion to Lab, the parametric factors and the scale equal those of libvmaf's `ciede`:
//! frames are BT.709 with limited range, the sRGB transfer function and the white point D65, and
//! each chroma sample is repeated for its pixels without interpolation.

use codec_core::frame::{SampleFormat, Size};
use codec_simd::PlaneRef;

/// Parametric factors kL, kC and kH, of lightness, chroma and hue.
const FACTORS: [f32; 3] = [0.65, 1.0, 4.0];
/// Score of a mean difference of 1, in decibels.
const UNIT_DB: f64 = 45.0;

/// A row of luma with the co-located rows of chroma.
fn rows<'a, S: Copy>(planes: [PlaneRef<'a, S>; 3], y: usize, halved: usize) -> [&'a [S]; 3] {
    let chroma = y >> halved;
    [planes[0].row(y), planes[1].row(chroma), planes[2].row(chroma)]
}

/// A colour: lightness, green to red, blue to yellow.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Lab {
    l: f32,
    a: f32,
    b: f32,
}

/// Computes CIEDE2000, with a table of the linear light of R'G'B' values: the first value is
/// `FIRST`, and values are 1/`STEPS` apart.
#[derive(Clone, Debug)]
pub(super) struct Ciede {
    light: Vec<f32>,
}

const FIRST: f32 = -1.0;
const STEPS: f32 = 2048.0;
const LENGTH: usize = 3 * 2048;

impl Ciede {
    #[expect(clippy::cast_precision_loss, reason = "an index of a table")]
    pub(super) fn new() -> Self {
        let light = |index: usize| {
            let value = FIRST + index as f32 / STEPS;
            if value > 0.04045 { ((value + 0.055) / 1.055).powf(2.4) } else { value / 12.92 }
        };
        Self { light: (0..=LENGTH).map(light).collect() }
    }

    /// Returns the score of two frames with chroma in decibels, at most [`super::PERFECT_DB`];
    /// higher is better.
    #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
    pub(super) fn measure<S: Copy + PartialEq + Into<f32>>(
        &self,
        reference: [PlaneRef<'_, S>; 3],
        distorted: [PlaneRef<'_, S>; 3],
        size: Size,
        format: SampleFormat,
    ) -> f64 {
        let [halves_x, halves_y] = format.sampling.halved().map(usize::from);
        let unit = f32::from(1_u16 << (format.depth - 8));
        let mut sum = 0.0;
        for y in 0..size.height as usize {
            let (a, b) = (rows(reference, y, halves_y), rows(distorted, y, halves_y));
            let mut of_row = 0.0;
            for x in 0..size.width as usize {
                let chroma = x >> halves_x;
                let yuv = |rows: &[&[S]; 3]| [rows[0][x], rows[1][chroma], rows[2][chroma]];
                let (a, b) = (yuv(&a), yuv(&b));
                if a != b {
                    let lab = |yuv: [S; 3]| self.lab(yuv.map(|value| value.into() / unit));
                    of_row += difference(lab(a), lab(b), FACTORS);
                }
            }
            sum += f64::from(of_row);
        }
        let mean = sum / size.pixels() as f64;
        (UNIT_DB - 20.0 * mean.log10()).min(super::PERFECT_DB)
    }

    /// Returns the score of two R'G'B' images in decibels, at most [`super::PERFECT_DB`].
    #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
    pub(super) fn measure_rgb(&self, reference: &[u8], distorted: &[u8]) -> f64 {
        let (a, b) = (reference.as_chunks::<3>().0, distorted.as_chunks::<3>().0);
        let lab = |pixel: [u8; 3]| self.lab_of_rgb(pixel.map(|value| f32::from(value) / 255.0));
        let pairs = a.iter().zip(b).filter(|(a, b)| a != b);
        let sum: f64 = pairs.map(|(&a, &b)| f64::from(difference(lab(a), lab(b), FACTORS))).sum();
        (UNIT_DB - 20.0 * (sum / a.len().max(1) as f64).log10()).min(super::PERFECT_DB)
    }

    /// Converts Y, U and V, scaled to 8 bits, to Lab.
    fn lab(&self, yuv: [f32; 3]) -> Lab {
        let luma = (yuv[0] - 16.0) / 219.0;
        let [u, v] = [yuv[1], yuv[2]].map(|chroma| (chroma - 128.0) / 224.0);
        let red = luma + 1.28033 * v;
        self.lab_of_rgb([red, luma - 0.21482 * u - 0.38059 * v, luma + 2.12798 * u])
    }

    /// Converts R'G'B' values from 0 to 1 to Lab.
    fn lab_of_rgb(&self, rgb: [f32; 3]) -> Lab {
        let [red, green, blue] = rgb.map(|value| self.linear(value));
        // Relative to the white point D65.
        let x = (0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue) / 0.950_47;
        let y = 0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue;
        let z = (0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue) / 1.088_83;
        let [x, y, z] =
            [x, y, z].map(|t| if t > 0.008_856 { cube_root(t) } else { 7.787 * t + 16.0 / 116.0 });
        Lab { l: 116.0 * y - 16.0, a: 500.0 * (x - y), b: 200.0 * (y - z) }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to the table"
    )]
    fn linear(&self, value: f32) -> f32 {
        let at = ((value - FIRST) * STEPS).clamp(0.0, (LENGTH - 1) as f32);
        let index = at as usize;
        let (low, high) = (self.light[index], self.light[index + 1]);
        low + (high - low) * (at - index as f32)
    }
}

/// Cube root of a positive number, to seven digits.
fn cube_root(of: f32) -> f32 {
    // A third of the exponent, corrected for the bias: within 4 %.
    const BIAS: u32 = 709_958_130;
    let halley = |root: f32| {
        let cube = root * root * root;
        root * (cube + 2.0 * of) / (2.0 * cube + of)
    };
    halley(halley(f32::from_bits(of.to_bits() / 3 + BIAS)))
}

/// Returns the CIEDE2000 difference of two R'G'B' colours (0 to 1), with parametric factors of 1.
#[cfg(test)]
pub(crate) fn difference_of_rgb(one: [f32; 3], two: [f32; 3]) -> f32 {
    let ciede = Ciede::new();
    difference(ciede.lab_of_rgb(one), ciede.lab_of_rgb(two), [1.0; 3])
}

/// Returns the CIEDE2000 difference of two colours. Hues are kept as unit vectors, so that their
/// mean, and the cosines of its multiples, need no angles: the mean of two hues is the direction of
/// the sum of their vectors.
fn difference(one: Lab, two: Lab, factors: [f32; 3]) -> f32 {
    // 25 to the 7th.
    const POW25_7: f32 = 6_103_515_625.0;
    let seventh = |chroma: f32| {
        let seventh = chroma.powi(7);
        (seventh / (seventh + POW25_7)).sqrt()
    };
    let chroma = |lab: Lab| (lab.a * lab.a + lab.b * lab.b).sqrt();
    let mean_ab = f32::midpoint(chroma(one), chroma(two));
    let stretch = 1.0 + 0.5 * (1.0 - seventh(mean_ab));
    let (a1, a2) = (one.a * stretch, two.a * stretch);
    let (c1, c2) = ((a1 * a1 + one.b * one.b).sqrt(), (a2 * a2 + two.b * two.b).sqrt());
    let chroma_step = c2 - c1;
    let mean_chroma = (c1 + c2) / 2.0;
    let dot = a1 * a2 + one.b * two.b;
    let cross = a1 * two.b - a2 * one.b;
    // 2 sqrt(C1 C2) sin(dh / 2), signed by the direction of rotation.
    let hue_step = (2.0 * (c1 * c2 - dot)).max(0.0).sqrt().copysign(cross);
    // The mean hue; if one colour is grey, the hue of the other.
    let (cos, sin) = {
        let (c1, c2) = (c1.max(f32::MIN_POSITIVE), c2.max(f32::MIN_POSITIVE));
        let (x, y) = (a1 / c1 + a2 / c2, one.b / c1 + two.b / c2);
        let length = (x * x + y * y).sqrt();
        if length > 1e-6 { (x / length, y / length) } else { (1.0, 0.0) }
    };
    let (cos2, sin2) = (cos * cos - sin * sin, 2.0 * sin * cos);
    let (cos3, sin3) = (cos2 * cos - sin2 * sin, sin2 * cos + cos2 * sin);
    let (cos4, sin4) = (cos2 * cos2 - sin2 * sin2, 2.0 * sin2 * cos2);
    // 1 - 0.17 cos(h - 30) + 0.24 cos 2h + 0.32 cos(3h + 6) - 0.20 cos(4h - 63), in degrees.
    let t = 1.0 - 0.17 * (cos * 0.866_025_4 + sin * 0.5)
        + 0.24 * cos2
        + 0.32 * (cos3 * 0.994_521_9 - sin3 * 0.104_528_46)
        - 0.20 * (cos4 * 0.453_990_5 + sin4 * 0.891_006_5);
    // Blue rotation term: zero if the hue is further than 100 degrees from 275.
    let rotation = if sin < 0.17 {
        let degrees = sin.atan2(cos).to_degrees();
        let off = (degrees + if degrees < 0.0 { 360.0 } else { 0.0 } - 275.0) / 25.0;
        (60.0 * (-off * off).exp()).to_radians().sin()
    } else {
        0.0
    };
    let lightness = ((one.l + two.l) / 2.0 - 50.0).powi(2);
    let scale_l = 1.0 + 0.015 * lightness / (20.0 + lightness).sqrt();
    let scale_c = 1.0 + 0.045 * mean_chroma;
    let scale_h = 1.0 + 0.015 * mean_chroma * t;
    let l = (two.l - one.l) / (factors[0] * scale_l);
    let c = chroma_step / (factors[1] * scale_c);
    let h = hue_step / (factors[2] * scale_h);
    let turn = -2.0 * seventh(mean_chroma) * rotation;
    (l * l + c * c + h * h + turn * c * h).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_colour_pairs_have_the_published_differences() {
        let pairs: [([f32; 3], [f32; 3], f32); 11] = [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
            ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
            ([50.0, -0.001, 2.49], [50.0, 0.0009, -2.49], 4.8045),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
            ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
            ([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373),
            ([36.4612, 47.858, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
            ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
        ];
        let lab = |[l, a, b]: [f32; 3]| Lab { l, a, b };
        for (one, two, expected) in pairs {
            let found = difference(lab(one), lab(two), [1.0; 3]);
            assert!((found - expected).abs() < 2e-4, "{one:?} {two:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn cube_roots_are_exact_enough() {
        for step in 1..5000_u16 {
            let value = f32::from(step) / 500.0;
            assert!((cube_root(value) / value.cbrt() - 1.0).abs() < 5e-7, "{value}");
        }
    }

    #[test]
    fn the_table_is_close_to_the_transfer_function() {
        let ciede = Ciede::new();
        for step in 1..1000_u16 {
            let value = f32::from(step) / 700.0 + 0.0001;
            let exact =
                if value > 0.04045 { ((value + 0.055) / 1.055).powf(2.4) } else { value / 12.92 };
            assert!((ciede.linear(value) - exact).abs() < 2e-6, "{value}");
        }
    }
}
