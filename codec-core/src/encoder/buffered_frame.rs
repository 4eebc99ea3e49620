//! Copies of the frames in the look-ahead.

use std::sync::Arc;

use crate::analysis::FrameAnalysis;
use crate::codec::FrameRequest;
use crate::frame::{Chroma, FrameBuf, FramePool, Picture, PictureInfo};

/// A buffered frame with its request.
#[derive(Debug)]
pub(super) struct BufferedFrame {
    pub(super) buf: Arc<FrameBuf>,
    pub(super) analysis: FrameAnalysis,
    pub(super) info: PictureInfo,
    pub(super) request: FrameRequest,
    pub(super) denoised_q4: Option<u16>,
}

/// Copies `picture` into a frame of `pool`.
pub(super) fn copy(pool: &mut FramePool, picture: &Picture<'_>) -> Arc<FrameBuf> {
    let mut shared = pool.take();
    if let Some(buf) = Arc::get_mut(&mut shared) {
        copy_into(picture, buf);
    }
    shared
}

/// Copies the visible samples and extends the edges to whole macroblocks.
fn copy_into(picture: &Picture<'_>, buf: &mut FrameBuf) {
    let [mut y, mut u, mut v] = buf.planes_mut();
    let half = picture.size().chroma();
    let (width, height) = (picture.size().width as usize, picture.size().height as usize);
    let (half_width, half_height) = (half.width as usize, half.height as usize);
    let luma = picture.luma();
    for row in 0..y.layout().height {
        let line = y.row_mut(row);
        line[..width].copy_from_slice(luma.row(row.min(height - 1)));
        repeat_last(line, width);
    }
    for row in 0..u.layout().height {
        let from_row = row.min(half_height - 1);
        let (u, v) = (u.row_mut(row), v.row_mut(row));
        match picture.chroma() {
            Chroma::Planar { u: from_u, v: from_v } => {
                u[..half_width].copy_from_slice(from_u.row(from_row));
                v[..half_width].copy_from_slice(from_v.row(from_row));
            }
            Chroma::Interleaved(from) => {
                let pairs = from.row(from_row).chunks_exact(2);
                for ((u, v), pair) in u.iter_mut().zip(v.iter_mut()).zip(pairs) {
                    (*u, *v) = (pair[0], pair[1]);
                }
            }
        }
        repeat_last(u, half_width);
        repeat_last(v, half_width);
    }
}

fn repeat_last(line: &mut [u8], visible: usize) {
    let last = line[visible - 1];
    line[visible..].fill(last);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Size;

    #[test]
    fn both_formats_give_the_same_copy_with_extended_edges() {
        let size = Size::new(5, 3);
        let y: Vec<u8> = (0..15).collect();
        let (u, v, uv) =
            ([1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12], [1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12]);
        let planar = Picture::i420(size, (&y, 5), (&u, 3), (&v, 3)).unwrap();
        let interleaved = Picture::nv12(size, (&y, 5), (&uv, 6)).unwrap();
        let mut pool = FramePool::new(size, 0, 2);
        let (a, b) = (copy(&mut pool, &planar), copy(&mut pool, &interleaved));
        for index in 0..3 {
            for row in 0..a.plane(index).layout().height {
                assert_eq!(a.plane(index).row(row), b.plane(index).row(row));
            }
        }
        assert_eq!(a.plane(0).row(15)[15], 14);
        assert_eq!(a.plane(2).row(7)[7], 12);
    }
}
