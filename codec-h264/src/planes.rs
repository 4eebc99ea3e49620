//! Access to the samples of a macroblock, in a frame or in one of its fields.

use codec_core::frame::FrameBuf;

/// The samples of a plane of the current frame.
#[derive(Debug)]
pub(crate) struct PlaneLines<'a> {
    pub data: &'a mut [u8],
    pub stride: usize,
}

/// Returns the planes of a frame without border.
pub(crate) fn plane_lines(frame: &mut FrameBuf) -> [PlaneLines<'_>; 3] {
    frame.planes_mut().map(|plane| {
        let layout = plane.layout();
        let first = layout.pad * layout.stride + layout.pad;
        PlaneLines { data: &mut plane.into_data()[first..], stride: layout.stride }
    })
}

/// Place of a macroblock in a plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Offset of the first sample.
    pub offset: usize,
    /// Distance of the lines of the macroblock.
    pub stride: usize,
}

/// Returns the place of a macroblock of `size` lines in a plane.
#[inline]
pub(crate) fn place(x: usize, row: usize, is_field: bool, size: usize, stride: usize) -> Place {
    if is_field {
        let line = row / 2 * 2 * size + row % 2;
        return Place { offset: line * stride + x * size, stride: 2 * stride };
    }
    Place { offset: row * size * stride + x * size, stride }
}
