//! I420 frames without padding, in reusable memory.

use codec_core::frame::{Chroma, Picture, PictureInfo, Size};

use crate::failure::{Failure, Result};

/// An I420 frame without padding.
#[derive(Clone, Debug, Default)]
pub struct Planes {
    /// Size of the frame.
    pub size: Size,
    /// Y, then U, then V.
    pub bytes: Vec<u8>,
    /// Colour description and aspect ratio.
    pub info: PictureInfo,
}

impl Planes {
    /// Resizes the buffer; its contents are undefined.
    pub fn reset(&mut self, size: Size) {
        self.size = size;
        self.bytes.resize(lengths(size).into_iter().sum(), 0);
    }

    /// Copies `picture`, which has 8-bit 4:2:0 samples; NV12 is deinterleaved.
    ///
    /// # Panics
    /// For other formats.
    pub fn copy_from(&mut self, picture: &Picture<'_>) {
        self.reset(picture.size());
        self.info = picture.info;
        let half = self.size.chroma().width as usize;
        let width = self.size.width as usize;
        let [y, u, v] = self.split_mut();
        for (row, out) in y.chunks_exact_mut(width).enumerate() {
            out.copy_from_slice(picture.luma().row(row));
        }
        let (u_rows, v_rows) = (u.chunks_exact_mut(half), v.chunks_exact_mut(half));
        for (row, (u_out, v_out)) in u_rows.zip(v_rows).enumerate() {
            match picture.chroma() {
                Chroma::Planar { u, v } => {
                    u_out.copy_from_slice(u.row(row));
                    v_out.copy_from_slice(v.row(row));
                }
                Chroma::Interleaved(uv) => {
                    let outs = u_out.iter_mut().zip(v_out);
                    for (pair, (u, v)) in uv.row(row).chunks_exact(2).zip(outs) {
                        (*u, *v) = (pair[0], pair[1]);
                    }
                }
            }
        }
    }

    /// The three planes with their sizes.
    pub(crate) fn planes(&self) -> [(&[u8], Size); 3] {
        let half = self.size.chroma();
        let [y_len, u_len, _] = lengths(self.size);
        let (y, chroma) = self.bytes.split_at(y_len);
        let (u, v) = chroma.split_at(u_len);
        [(y, self.size), (u, half), (v, half)]
    }

    /// The Y, U and V planes.
    pub fn split_mut(&mut self) -> [&mut [u8]; 3] {
        let [y_len, u_len, _] = lengths(self.size);
        let (y, chroma) = self.bytes.split_at_mut(y_len);
        let (u, v) = chroma.split_at_mut(u_len);
        [y, u, v]
    }

    /// Returns a view of the frame.
    ///
    /// # Errors
    /// If size and samples do not match.
    pub fn picture(&self) -> Result<Picture<'_>> {
        let view = Picture::i420_packed(self.size, &self.bytes).map_err(Failure::internal)?;
        Ok(view.with_info(self.info))
    }
}

fn lengths(size: Size) -> [usize; 3] {
    let area = |size: Size| size.width as usize * size.height as usize;
    let half = area(size.chroma());
    [area(size), half, half]
}
