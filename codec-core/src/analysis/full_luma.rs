//! Full-resolution copies of the luma of the last two frames, to detect unchanged macroblocks.

use codec_simd::{Layout, PlaneRef};

use crate::frame::Size;
use crate::motion::{FullPel, PixelPos};

/// The visible luma of two frames, packed.
#[derive(Debug, Default)]
pub(super) struct FullLuma {
    previous: Vec<u8>,
    current: Vec<u8>,
    width: usize,
}

impl FullLuma {
    pub(super) fn new(size: Size) -> Self {
        let (width, height) = (size.width as usize, size.height as usize);
        Self { previous: vec![0; width * height], current: vec![0; width * height], width }
    }

    /// Makes the current frame the previous one.
    pub(super) fn advance(&mut self) {
        std::mem::swap(&mut self.previous, &mut self.current);
    }

    /// Returns writers for the rows of the current frame, by macroblock row.
    pub(super) fn mb_rows(&mut self) -> impl Iterator<Item = LumaRows<'_>> {
        let (width, chunk) = (self.width, 16 * self.width.max(1));
        let previous = self.previous.chunks(chunk);
        let pairs = previous.zip(self.current.chunks_mut(chunk));
        pairs.map(move |(previous, current)| LumaRows { previous, current, width })
    }

    /// Returns the current and the previous frame; `None` if they are empty.
    pub(super) fn planes(&self) -> Option<(PlaneRef<'_>, PlaneRef<'_>)> {
        let height = self.current.len().checked_div(self.width).filter(|&height| height > 0)?;
        let layout = Layout { stride: self.width, width: self.width, height, pad: 0 };
        Some((PlaneRef::new(&self.current, layout)?, PlaneRef::new(&self.previous, layout)?))
    }

    /// Returns pairs of rows of the previous and the current frame.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let width = self.width.max(1);
        self.previous.chunks_exact(width).zip(self.current.chunks_exact(width))
    }

    /// Returns whether the visible pixels of the macroblock at `at` equal the block that `vector`
    /// points to, entirely inside the previous frame.
    pub(super) fn is_moved(&self, at: PixelPos, vector: FullPel) -> bool {
        let height = self.current.len().checked_div(self.width).unwrap_or(0);
        let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else {
            return false;
        };
        let (w, h) = (16.min(self.width - x), 16.min(height - y));
        let from = |at: usize, by: i16, len: usize, size: usize| {
            at.checked_add_signed(isize::from(by)).filter(|from| from + len <= size)
        };
        let Some((from_x, from_y)) =
            from(x, vector.x, w, self.width).zip(from(y, vector.y, h, height))
        else {
            return false;
        };
        (0..h).all(|row| {
            let new = &self.current[(y + row) * self.width + x..][..w];
            let old = &self.previous[(from_y + row) * self.width + from_x..][..w];
            new == old
        })
    }
}

/// The luma of a macroblock row.
#[derive(Debug)]
pub(super) struct LumaRows<'a> {
    previous: &'a [u8],
    current: &'a mut [u8],
    width: usize,
}

impl LumaRows<'_> {
    /// Stores rows `y` and `y + 1`, relative to the top of the macroblock row; `below` is `None` below
    /// the last row. Sets bits in the entries of `changes` (one per 16 pixels) that differ from the
    /// previous frame.
    pub(super) fn put_rows(
        &mut self,
        y: usize,
        row: &[u8],
        below: Option<&[u8]>,
        changes: &mut [u128],
    ) {
        let width = self.width;
        let range = y * width..(y + 1) * width;
        let old = &self.previous[range.clone()];
        self.current[range.clone()].copy_from_slice(row);
        let Some(below) = below else { return compare(changes, [row; 2], [old; 2]) };
        let range = range.end..range.end + width;
        compare(changes, [row, below], [old, &self.previous[range.clone()]]);
        self.current[range].copy_from_slice(below);
    }
}

/// Sets bits in the entries of `changes` (one per 16 pixels) where one of two `rows` differs from its
/// `old` one. Branch-free, because branches would be unpredictable on camera noise.
fn compare(changes: &mut [u128], rows: [&[u8]; 2], old: [&[u8]; 2]) {
    let [(a, end_a), (b, end_b)] = rows.map(<[u8]>::as_chunks::<16>);
    let [(old_a, old_end_a), (old_b, old_end_b)] = old.map(<[u8]>::as_chunks::<16>);
    let differs =
        |new: &[u8; 16], old: &[u8; 16]| u128::from_ne_bytes(*new) ^ u128::from_ne_bytes(*old);
    let pairs = a.iter().zip(old_a).zip(b.iter().zip(old_b));
    for (change, ((a, old_a), (b, old_b))) in changes.iter_mut().zip(pairs) {
        *change |= differs(a, old_a) | differs(b, old_b);
    }
    if let Some(change) = changes.get_mut(a.len()) {
        *change |= u128::from(end_a != old_end_a || end_b != old_end_b);
    }
}
