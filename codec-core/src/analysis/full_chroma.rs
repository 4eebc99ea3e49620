//! A copy of the last picture's chroma, to tell what did not change at all.

use crate::frame::{Chroma, Picture, Size};

/// The visible chroma of a picture, U then V, rows without gaps.
#[derive(Debug, Default)]
pub(super) struct FullChroma {
    samples: Vec<u8>,
    width: usize,
    height: usize,
    /// It holds the picture before.
    is_known: bool,
    /// A row of U and of V, taken apart.
    row: Vec<u8>,
}

impl FullChroma {
    /// Forgets the picture that it holds.
    pub(super) fn forget(&mut self) {
        self.is_known = false;
    }

    /// Makes room for pictures of `size`, of which none has been seen.
    pub(super) fn resize(&mut self, size: Size) {
        let half = size.chroma();
        (self.width, self.height) = (half.width as usize, half.height as usize);
        self.samples.resize(2 * self.width * self.height, 0);
        self.row.resize(2 * self.width, 0);
    }

    /// Whether it has room for pictures of `size`.
    pub(super) fn fits(&self, size: Size) -> bool {
        let half = size.chroma();
        (self.width, self.height) == (half.width as usize, half.height as usize)
    }

    /// Takes the chroma of macroblock row `mb_row`, and sets bits in those of `changes` (one per
    /// macroblock) where it differs from the picture before, or where that is not known.
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

    /// The whole picture has been taken.
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
