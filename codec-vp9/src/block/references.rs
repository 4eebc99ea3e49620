//! Reference frames that blocks are predicted from, including frames of another size.

use codec_core::frame::Size;

use super::planes::PlaneRef;
use super::sample::Sample;

/// A frame that blocks are predicted from.
#[derive(Debug)]
pub(crate) struct ReferencePlanes<'a, S: Sample> {
    pub(crate) planes: [PlaneRef<'a, S>; 3],
    /// Its size in units of the frame's, in 1/16384; `None` if both sizes are equal.
    pub(crate) scale: Option<Scale>,
}

/// Size of a reference relative to the frame, horizontally and vertically, in 1/16384.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) x: i64,
    pub(crate) y: i64,
}

impl Scale {
    /// Returns the scale of a reference; `None` if its size is the frame's.
    pub(crate) fn new(reference: Size, frame: Size) -> Option<Self> {
        let scale = |reference: u32, frame: u32| (i64::from(reference) << 14) / i64::from(frame);
        (reference != frame).then(|| Self {
            x: scale(reference.width, frame.width),
            y: scale(reference.height, frame.height),
        })
    }

    /// The position of a block in the reference, horizontally and vertically, from that in its plane
    /// and that in luma.
    pub(crate) fn axes(
        self,
        at: (usize, usize),
        luma_at: (usize, usize),
        vector: PlaneVector,
    ) -> [ScaledAxis; 2] {
        [
            scaled_axis(self.x, at.0, luma_at.0, vector.col),
            scaled_axis(self.y, at.1, luma_at.1, vector.row),
        ]
    }
}

/// A vector in sixteenths of a sample of a plane.
#[derive(Clone, Copy)]
pub(crate) struct PlaneVector {
    pub(crate) row: i32,
    pub(crate) col: i32,
}

/// Position along one axis in a reference of another size.
pub(crate) struct ScaledAxis {
    /// Integer sample.
    pub(crate) start: isize,
    /// Sixteenths of a sample.
    pub(crate) fraction: u8,
    /// Distance between samples, in sixteenths.
    pub(crate) step: u8,
}

fn scaled_axis(scale: i64, at: usize, luma_at: usize, vector: i32) -> ScaledAxis {
    let scaled = |value: i64| (value * scale) >> 14;
    let long = |value: usize| i64::try_from(value).unwrap_or(0);
    let start = scaled(long(at));
    // The fraction derives from the position in luma, in chroma too.
    let offset = scaled(i64::from(vector)) + (scaled(16 * long(luma_at)) & 15);
    ScaledAxis {
        start: isize::try_from(start + (offset >> 4)).unwrap_or(0),
        fraction: (offset & 15).to_le_bytes()[0],
        step: scaled(16).to_le_bytes()[0],
    }
}
