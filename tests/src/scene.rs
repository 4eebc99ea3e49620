//! Small synthetic frames for tests that need motion, texture and noise, but no test data.

use codec_core::frame::Size;

/// Motion of a [`picture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// A patch that moves over a static background.
    Patch,
    /// The whole frame.
    Pan,
    /// Bands of 12 rows, each at its own speed.
    Bands,
    /// Nothing, not even noise.
    Still,
}

fn hash(x: u64) -> u64 {
    let x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

/// Smooth texture: value noise on a grid of 8 pixels. It keeps the corners of the cell of the last pixel, so that a walk
/// along a row computes them once per cell.
#[derive(Debug, Default)]
struct Texture {
    /// Column and row of the cell.
    cell: Option<(u64, u64)>,
    /// Values at its corners: above left, above right, below left, below right.
    corners: [u64; 4],
}

impl Texture {
    fn at(&mut self, x: u64, y: u64) -> u64 {
        let (left, top, dx, dy) = (x / 8, y / 8, x % 8, y % 8);
        if self.cell != Some((left, top)) {
            let at = |x: u64, y: u64| hash(x.wrapping_mul(7919).wrapping_add(y)) % 160;
            self.cell = Some((left, top));
            self.corners =
                [at(left, top), at(left + 1, top), at(left, top + 1), at(left + 1, top + 1)];
        }
        let [above_left, above_right, below_left, below_right] = self.corners;
        let above = above_left * (8 - dx) + above_right * dx;
        let below = below_left * (8 - dx) + below_right * dx;
        (above * (8 - dy) + below * dy) / 64 + 40
    }
}

/// The samples of one I420 frame, without padding. `scene` selects the texture.
///
/// # Panics
/// If the frame does not fit the address space.
#[must_use]
pub fn picture(size: Size, frame: u64, motion: Motion, scene: u64) -> Vec<u8> {
    let mut samples = Vec::with_capacity(usize::try_from(size.i420_bytes()).expect("small"));
    let (width, height) = (u64::from(size.width), u64::from(size.height));
    let mut texture = Texture::default();
    let (patch_x, patch_y) = (3 * frame % width, 2 * frame % height);
    for y in 0..height {
        for x in 0..width {
            let in_patch = x.abs_diff(patch_x) < width / 6 && y.abs_diff(patch_y) < height / 6;
            let (shift, noise) = match motion {
                Motion::Still => (0, 0),
                Motion::Pan => (2 * frame, 5),
                Motion::Bands => (frame * (y / 12 % 4), 5),
                Motion::Patch if in_patch => (1000 + frame, 5),
                Motion::Patch => (0, 3),
            };
            let grain = hash(((frame << 40) + y * width + x) * (noise + 1)) % (noise + 1);
            let value = texture.at(x + shift + 5000 * scene, y + shift / 2) + grain;
            samples.push(u8::try_from(value.min(235)).expect("below 236"));
        }
    }
    let half = size.chroma();
    for plane in 0..2 {
        for y in 0..u64::from(half.height) {
            for x in 0..u64::from(half.width) {
                let value = 100 + texture.at(x / 4 + 300 * plane + scene * 40, y / 4) / 5;
                samples.push(u8::try_from(value).expect("below 256"));
            }
        }
    }
    samples
}
