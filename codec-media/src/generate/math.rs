//! Integer noise, waves and soft-edged ellipses.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "fixed-point arithmetic with stated ranges"
)]

/// A hash of its arguments.
pub(super) fn hash(parts: &[u64]) -> u32 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for &part in parts {
        state ^= part.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 32;
    }
    state as u32
}

/// A fast two-dimensional hash for inner loops.
pub(super) fn hash2(seed: u32, x: u32, y: u32) -> u32 {
    let mut state = seed ^ x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    state = (state ^ (state >> 15)).wrapping_mul(0x2c1b_3c6d);
    state = (state ^ (state >> 12)).wrapping_mul(0x297a_2d39);
    state ^ (state >> 15)
}

/// Approximately normal noise; its standard deviation is about `amplitude` / 16.
pub(super) fn sensor_noise(seed: u32, x: u32, y: u32, amplitude: i32) -> i32 {
    let bits = hash2(seed, x, y);
    // Four bytes: mean 510, standard deviation 148.
    let [a, b, c, d] = bits.to_le_bytes();
    let sum = i32::from(a) + i32::from(b) + i32::from(c) + i32::from(d);
    ((sum - 510) * amplitude + 1184) >> 11
}

/// A sine; one turn is 65536, the result is -4096..=4096. A parabola with one correction term.
pub(super) fn sine(angle: i64) -> i32 {
    let phase = angle.rem_euclid(65536) as i32;
    let (half, sign) = if phase < 32768 { (phase, 1) } else { (phase - 32768, -1) };
    let parabola = ((i64::from(half) * i64::from(32768 - half)) >> 16) as i32; // 0..=4096
    let corrected = parabola - ((parabola * (4096 - parabola)) >> 14);
    sign * corrected
}

/// `amplitude` times the sine of a wave with this period, at this time.
pub(super) fn wave(time_ms: u64, period_ms: u64, phase: u32, amplitude: i32) -> i32 {
    let turns = time_ms * 65536 / period_ms + u64::from(phase & 0xffff);
    ((i64::from(sine(turns as i64)) * i64::from(amplitude)) >> 12) as i32
}

/// Smooth noise, 0..=255: random values on a lattice of 256 units, interpolated.
pub(super) fn value_noise(seed: u32, x: i32, y: i32) -> i32 {
    let (cell_x, cell_y) = ((x >> 8) as u32, (y >> 8) as u32);
    let ease = |f: i32| (f * f * (768 - 2 * f)) >> 16; // 0..=256
    let (fx, fy) = (ease(x & 255), ease(y & 255));
    let at = |dx: u32, dy: u32| {
        (hash2(seed, cell_x.wrapping_add(dx), cell_y.wrapping_add(dy)) & 255) as i32
    };
    let top = at(0, 0) * (256 - fx) + at(1, 0) * fx;
    let bottom = at(0, 1) * (256 - fx) + at(1, 1) * fx;
    (top * (256 - fy) + bottom * fy) >> 16
}

/// Smooth noise over time, -256..=256, with a new random value every `period_ms`.
pub(super) fn drift(seed: u32, time_ms: u64, period_ms: u64) -> i32 {
    let at = (time_ms * 256 / period_ms) as i32;
    value_noise(seed, at, 0) * 2 - 255
}

/// An ellipse with an anti-aliased edge; all values in 1/16 of a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ellipse {
    x: i32,
    y: i32,
    radius_x: i32,
    radius_y: i32,
    /// 2^40 over the square of each radius.
    inverse_x: i64,
    inverse_y: i64,
}

impl Ellipse {
    pub(super) fn new(x: i32, y: i32, radius_x: i32, radius_y: i32) -> Self {
        let (radius_x, radius_y) = (radius_x.max(8), radius_y.max(8));
        let inverse = |r: i32| (1 << 40) / (i64::from(r) * i64::from(r));
        Self {
            x,
            y,
            radius_x,
            radius_y,
            inverse_x: inverse(radius_x),
            inverse_y: inverse(radius_y),
        }
    }

    /// How much of the pixel is covered, 0..=256.
    pub(super) fn cover(&self, x: i32, y: i32) -> i32 {
        let (dx, dy) = (x * 16 + 8 - self.x, y * 16 + 8 - self.y);
        if dx.abs() > self.radius_x + 16 || dy.abs() > self.radius_y + 16 {
            return 0;
        }
        let square = |d: i32, inverse: i64| (i64::from(d) * i64::from(d) * inverse) >> 24;
        let distance = square(dx, self.inverse_x) + square(dy, self.inverse_y);
        let radius = i64::from(self.radius_x.min(self.radius_y));
        (128 + (((65536 - distance) * radius) >> 13)).clamp(0, 256) as i32
    }

    /// Offset of the pixel from the centre, in 1/256 of the radii.
    pub(super) fn relative(&self, x: i32, y: i32) -> (i32, i32) {
        ((x * 16 + 8 - self.x) * 256 / self.radius_x, (y * 16 + 8 - self.y) * 256 / self.radius_y)
    }
}

/// Blends `over` onto `under` with coverage `cover` / 256.
pub(super) fn blend(under: [i32; 3], over: [i32; 3], cover: i32) -> [i32; 3] {
    let mix = |i: usize| under[i] + (((over[i] - under[i]) * cover) >> 8);
    [mix(0), mix(1), mix(2)]
}
