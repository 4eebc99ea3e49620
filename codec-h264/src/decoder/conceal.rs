//! Concealment of macroblocks that were lost or damaged.

use codec_core::frame::FrameBuf;

use crate::macroblock::{MbInfo, NO_SLICE};
use crate::picture::{Motion, RefPicture};
use crate::planes::{place, plane_lines};

/// Value of samples without a picture to copy from.
const GREY: u8 = 128;

/// Replaces the macroblocks that are not decoded by the macroblocks of `from` at the same position, or by
/// grey. `rows` is the first row of macroblocks of the picture and the distance of its rows.
pub(crate) fn conceal(
    infos: &[MbInfo],
    cols: usize,
    rows: (usize, usize),
    motion: &mut Motion,
    samples: &mut FrameBuf,
    from: Option<&RefPicture>,
) {
    let (first, step) = rows;
    let from = from.map(|picture| &*picture.samples).filter(|from| from.size() == samples.size());
    let missing = infos
        .iter()
        .enumerate()
        .filter(|(mb, info)| info.slice == NO_SLICE && (mb / cols) % step == first);
    for (mb, _) in missing {
        let (x, row) = (mb % cols, mb / cols);
        motion.mbs[mb].clear();
        for (index, plane) in plane_lines(samples).into_iter().enumerate() {
            let size = if index == 0 { 16 } else { 8 };
            let place = place(x, row, step == 2, size, plane.stride);
            for y in 0..size {
                let at = place.offset + y * place.stride;
                let to = &mut plane.data[at..][..size];
                match from {
                    Some(from) => to.copy_from_slice(&from.plane(index).pixels().0[at..][..size]),
                    None => to.fill(GREY),
                }
            }
        }
    }
}
