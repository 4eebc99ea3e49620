//! Converts camera frames to limited-range I420.

use codec_core::frame::{Color, ColorRange, MatrixCoefficients, Picture, Size};

use super::device::{Mode, Pixels};
use super::mjpeg;
use crate::frame::display::limit_range;
use crate::frame::planes::Planes;

/// Converts frames of one mode to I420.
pub(super) struct Converter {
    mode: Mode,
    planes: Planes,
}

impl Converter {
    pub(super) fn new(mode: Mode) -> Self {
        let mut planes = Planes::default();
        planes.info.color = color(&mode);
        Self { mode, planes }
    }

    /// The colour description of the output.
    pub(super) fn color(&self) -> Color {
        self.planes.info.color
    }

    /// Converts a frame.
    ///
    /// # Errors
    ///
    /// A description of the defect.
    pub(super) fn convert(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Mode { pixels, size, stride, color, .. } = self.mode;
        match pixels {
            Pixels::Mjpeg => return mjpeg::decode(bytes, size, &mut self.planes),
            Pixels::Yuyv => unpack(bytes, size, stride, [0, 1, 3], &mut self.planes)?,
            Pixels::Uyvy => unpack(bytes, size, stride, [1, 0, 2], &mut self.planes)?,
            Pixels::Nv12 | Pixels::I420 => {
                let info = self.planes.info;
                self.planes.copy_from(&planar(bytes, &self.mode)?);
                self.planes.info = info;
            }
        }
        if color.range == ColorRange::Full {
            limit_range(self.planes.split_mut());
        }
        Ok(())
    }

    /// The last converted frame.
    pub(super) fn picture(&self) -> Result<Picture<'_>, String> {
        self.planes.picture().map_err(|failure| failure.message)
    }
}

/// Without a description, cameras and JPEG (JFIF) use BT.601.
fn color(mode: &Mode) -> Color {
    let stated = if mode.pixels == Pixels::Mjpeg { Color::default() } else { mode.color };
    let matrix = match stated.matrix {
        MatrixCoefficients::UNSPECIFIED => MatrixCoefficients::SMPTE170M,
        known => known,
    };
    Color { matrix, range: ColorRange::Limited, ..stated }
}

fn short(bytes: &[u8], needed: usize) -> String {
    format!("got a frame of {} bytes, expected {needed}", bytes.len())
}

/// Unpacks two pixels from four bytes; `places` are the offsets of the first luma, of U and of V.
/// Chroma is the mean of two rows.
fn unpack(
    bytes: &[u8],
    size: Size,
    stride: usize,
    [luma, u_at, v_at]: [usize; 3],
    out: &mut Planes,
) -> Result<(), String> {
    out.reset(size);
    let (width, half) = (size.width as usize, size.chroma().width as usize);
    let visible = half * 4;
    // The last row may end without padding.
    let needed = (size.height as usize).saturating_sub(1) * stride + visible;
    if stride < visible || bytes.len() < needed {
        return Err(short(bytes, needed));
    }
    let bytes = &bytes[..needed];
    let [y, u, v] = out.split_mut();
    for (packed, row) in bytes.chunks(stride).zip(y.chunks_exact_mut(width)) {
        for (quad, pair) in packed.chunks_exact(4).zip(row.chunks_mut(2)) {
            for (out, value) in pair.iter_mut().zip([quad[luma], quad[luma + 2]]) {
                *out = value;
            }
        }
    }
    let rows = u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half));
    for ((u_row, v_row), packed) in rows.zip(bytes.chunks(2 * stride)) {
        let (upper, lower) = packed.split_at(stride.min(packed.len()));
        let lower = if lower.is_empty() { upper } else { lower };
        let pairs = upper.chunks_exact(4).zip(lower.chunks_exact(4));
        for ((a, b), (u, v)) in pairs.zip(u_row.iter_mut().zip(v_row)) {
            *u = u8::midpoint(a[u_at], b[u_at]);
            *v = u8::midpoint(a[v_at], b[v_at]);
        }
    }
    Ok(())
}

/// Returns a view of consecutive planes. The chroma stride equals the luma stride (NV12), or half
/// of it (I420).
fn planar<'a>(bytes: &'a [u8], mode: &Mode) -> Result<Picture<'a>, String> {
    let Mode { size, stride, .. } = *mode;
    let luma_bytes = stride * size.height as usize;
    let Some((luma, chroma)) = bytes.split_at_checked(luma_bytes) else {
        return Err(short(bytes, luma_bytes));
    };
    let picture = if mode.pixels == Pixels::Nv12 {
        Picture::nv12(size, (luma, stride), (chroma, stride))
    } else {
        let half_stride = stride.div_ceil(2);
        let u_bytes = half_stride * size.chroma().height as usize;
        let Some((u, v)) = chroma.split_at_checked(u_bytes) else {
            return Err(short(bytes, luma_bytes + u_bytes));
        };
        Picture::i420(size, (luma, stride), (u, half_stride), (v, half_stride))
    };
    picture.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Rational;

    use super::*;

    fn mode(pixels: Pixels, size: Size, stride: usize) -> Mode {
        Mode { pixels, size, stride, rate: Rational::new(30, 1), color: Color::default() }
    }

    fn converted(mode: Mode, bytes: &[u8]) -> Planes {
        let mut converter = Converter::new(mode);
        converter.convert(bytes).unwrap();
        converter.picture().unwrap();
        converter.planes
    }

    /// A luma and two chroma values for each position of an odd-sized frame.
    const ODD: Size = Size { width: 5, height: 3 };

    fn luma(x: usize, y: usize) -> u8 {
        u8::try_from(20 + 10 * y + x).unwrap()
    }

    fn chroma(x: usize, y: usize) -> [u8; 2] {
        [100, 200].map(|base| base + u8::try_from(10 * y + x).unwrap())
    }

    /// The frame as I420 if both rows of a pair have the same chroma.
    fn expected() -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..3).flat_map(|y| (0..5).map(move |x| luma(x, y))).collect();
        for which in [0, 1] {
            bytes.extend((0..2).flat_map(|y| (0..3).map(move |x| chroma(x, y)[which])));
        }
        bytes
    }

    #[test]
    fn packed_frames_of_odd_size_are_unpacked() {
        for (pixels, is_uyvy) in [(Pixels::Yuyv, false), (Pixels::Uyvy, true)] {
            // Rows of three quads with four bytes of padding, and no padding after the last.
            let mut bytes = Vec::new();
            for y in 0..3 {
                for x in 0..3 {
                    let ([u, v], second) =
                        (chroma(x, y / 2), if x == 2 { 0 } else { luma(2 * x + 1, y) });
                    let first = luma(2 * x, y);
                    bytes.extend(if is_uyvy {
                        [u, first, v, second]
                    } else {
                        [first, u, second, v]
                    });
                }
                bytes.extend(if y == 2 { &[][..] } else { &[0; 4] });
            }
            assert_eq!(converted(mode(pixels, ODD, 16), &bytes).bytes, expected(), "{pixels:?}");
            assert!(Converter::new(mode(pixels, ODD, 16)).convert(&bytes[1..]).is_err());
            assert!(Converter::new(mode(pixels, ODD, 8)).convert(&bytes).is_err());
        }
    }

    #[test]
    fn planes_with_padding_are_read() {
        let mut luma_bytes = Vec::new();
        for y in 0..3 {
            luma_bytes.extend((0..5).map(|x| luma(x, y)));
            luma_bytes.extend([0; 3]);
        }
        let mut nv12 = luma_bytes.clone();
        let mut i420 = luma_bytes;
        for y in 0..2 {
            nv12.extend((0..3).flat_map(|x| chroma(x, y)));
            nv12.extend([0; 2]);
        }
        for which in [0, 1] {
            for y in 0..2 {
                i420.extend((0..3).map(|x| chroma(x, y)[which]));
                i420.push(0);
            }
        }
        assert_eq!(converted(mode(Pixels::Nv12, ODD, 8), &nv12).bytes, expected());
        assert_eq!(converted(mode(Pixels::I420, ODD, 8), &i420).bytes, expected());
        for (pixels, bytes) in [(Pixels::Nv12, nv12), (Pixels::I420, i420)] {
            for length in [0, 10, 24, 30, bytes.len() - 3] {
                let refused = Converter::new(mode(pixels, ODD, 8)).convert(&bytes[..length]);
                assert!(refused.is_err(), "{pixels:?} {length}");
            }
        }
    }

    #[test]
    fn full_range_becomes_limited_range() {
        let size = Size::new(2, 2);
        let mut full = mode(Pixels::I420, size, 2);
        full.color.range = ColorRange::Full;
        let planes = converted(full, &[0, 255, 128, 64, 128, 255]);
        assert_eq!(planes.bytes, [16, 235, 126, 71, 128, 240]);
        assert_eq!(planes.info.color.range, ColorRange::Limited);
    }

    #[test]
    fn jpeg_is_decoded_with_any_stride() {
        let file = mjpeg::tests::slope(33, 17);
        let planes = converted(mode(Pixels::Mjpeg, Size::new(33, 17), 0), &file);
        assert_eq!(planes.info.color.matrix, MatrixCoefficients::SMPTE170M);
    }
}
