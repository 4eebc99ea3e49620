//! Full-resolution copy of the previous frame's chroma, to detect unchanged macroblocks.

use crate::frame::{Chroma, Picture, Size};

/// The visible chroma of a frame: packed U, then V.
#[derive(Debug, Default)]
pub(super) struct FullChroma {
    samples: Vec<u8>,
    width: usize,
    height: usize,
    /// Whether it holds the previous frame.
    is_known: bool,
    /// A de-interleaved row of U and V.
    row: Vec<u8>,
}

impl FullChroma {
    /// Discards the stored frame.
    pub(super) fn forget(&mut self) {
        self.is_known = false;
    }

    /// Allocates for frames of `size` and discards the stored frame.
    pub(super) fn resize(&mut self, size: Size) {
        let half = size.chroma();
        (self.width, self.height) = (half.width as usize, half.height as usize);
        self.samples.resize(2 * self.width * self.height, 0);
        self.row.resize(2 * self.width, 0);
    }

    /// Returns whether it is allocated for frames of `size`.
    pub(super) fn fits(&self, size: Size) -> bool {
        let half = size.chroma();
        (self.width, self.height) == (half.width as usize, half.height as usize)
    }

    /// Stores the chroma of macroblock row `mb_row`. Sets bits in the entries of `changes` (one per
    /// macroblock) that differ from the previous frame, or in all entries if there is no previous
    /// frame.
    pub(super) fn put_row(&mut self, picture: &Picture<'_>, mb_row: usize, changes: &mut [u64]) {
        if !self.is_known {
            changes.fill(1);
        }
        let (width, plane_len) = (self.width, self.width * self.height);
        for y in 8 * mb_row..self.height.min(8 * mb_row + 8) {
            let (u, v) = match picture.chroma() {
                Chroma::Planar { u, v } => (u.row(y), v.row(y)),
                Chroma::Interleaved(uv) => {
                    let (u, v) = self.row.split_at_mut(width);
                    let pairs = uv.row(y).chunks_exact(2);
                    for ((u, v), pair) in u.iter_mut().zip(v.iter_mut()).zip(pairs) {
                        (*u, *v) = (pair[0], pair[1]);
                    }
                    (&*u, &*v)
                }
            };
            for (plane, row) in [u, v].into_iter().enumerate() {
                let old = &mut self.samples[plane * plane_len + y * width..][..width];
                compare(&row[..width], old, changes);
                old.copy_from_slice(&row[..width]);
            }
        }
    }

    /// Marks the frame as complete.
    pub(super) fn finish(&mut self) {
        self.is_known = true;
    }
}

fn compare(row: &[u8], old: &[u8], changes: &mut [u64]) {
    let ((blocks, rest), (old_blocks, old_rest)) = (row.as_chunks::<8>(), old.as_chunks::<8>());
    for ((change, &block), &old) in changes.iter_mut().zip(blocks).zip(old_blocks) {
        *change |= u64::from_ne_bytes(block) ^ u64::from_ne_bytes(old);
    }
    if let Some(change) = changes.get_mut(blocks.len()) {
        *change |= u64::from(rest != old_rest);
    }
}
