//! Own copies of pictures that the look-ahead holds.

use std::sync::Arc;

use crate::codec::FrameRequest;
use crate::frame::{Chroma, FrameBuf, FramePool, Picture, PictureInfo};

/// A picture held back, with what was asked of it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) buf: Arc<FrameBuf>,
    pub(super) info: PictureInfo,
    pub(super) request: FrameRequest,
}

/// Copies `picture` into a frame of `pool`; `None` if the frame is still in use elsewhere, which a
/// pool rules out.
pub(super) fn copy(pool: &mut FramePool, picture: &Picture<'_>) -> Arc<FrameBuf> {
    let mut shared = pool.take();
    if let Some(buf) = Arc::get_mut(&mut shared) {
        copy_into(picture, buf);
    }
    shared
}

fn copy_into(picture: &Picture<'_>, buf: &mut FrameBuf) {
    let (width, height) = (picture.size().width as usize, picture.size().height as usize);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let [mut y, mut u, mut v] = buf.planes_mut();
    for row in 0..height {
        y.row_mut(row)[..width].copy_from_slice(&picture.luma().row(row)[..width]);
    }
    for row in 0..half_height {
        let (u, v) = (&mut u.row_mut(row)[..half_width], &mut v.row_mut(row)[..half_width]);
        match picture.chroma() {
            Chroma::Planar { u: from_u, v: from_v } => {
                u.copy_from_slice(&from_u.row(row)[..half_width]);
                v.copy_from_slice(&from_v.row(row)[..half_width]);
            }
            Chroma::Interleaved(from) => {
                for ((u, v), pair) in u.iter_mut().zip(v).zip(from.row(row).chunks_exact(2)) {
                    (*u, *v) = (pair[0], pair[1]);
                }
            }
        }
    }
}
