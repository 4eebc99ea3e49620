//! Conversion of frames to displayed RGB, the input of SSIMULACRA2 and Butteraugli.

use codec_core::frame::{Chroma, Color, ColorRange, MatrixCoefficients, Picture};

/// Weights of red and blue in luma; the weights of BT.709 for other matrices.
fn shares(matrix: MatrixCoefficients) -> (f32, f32) {
    match matrix {
        MatrixCoefficients::SMPTE170M | MatrixCoefficients::BT470BG => (0.299, 0.114),
        MatrixCoefficients::BT2020_NCL => (0.2627, 0.0593),
        _ => (0.2126, 0.0722),
    }
}

/// Replaces the contents of `out` with 8-bit R'G'B'. The conversion uses the colour space that
/// `color` describes, or the usual one for the size (`Color::or_default_for`). Each chroma sample
/// is repeated for its four pixels.
pub fn to_rgb(picture: &Picture<'_>, color: Color, out: &mut Vec<u8>) {
    let size = picture.size();
    let color = color.or_default_for(size);
    let (red, blue) = shares(color.matrix);
    let green = 1.0 - red - blue;
    let (black, luma_scale, chroma_scale) = match color.range {
        ColorRange::Full => (0.0, 1.0, 1.0),
        ColorRange::Limited | ColorRange::Unspecified => (16.0, 255.0 / 219.0, 255.0 / 224.0),
    };
    let (to_red, to_blue) = (2.0 * (1.0 - red) * chroma_scale, 2.0 * (1.0 - blue) * chroma_scale);
    let (u_to_green, v_to_green) = (-to_blue * blue / green, -to_red * red / green);
    out.clear();
    for y in 0..size.height as usize {
        let luma = picture.luma().row(y);
        let (u, v, step) = match picture.chroma() {
            Chroma::Planar { u, v } => (u.row(y / 2), v.row(y / 2), 1),
            Chroma::Interleaved(uv) => (uv.row(y / 2), &uv.row(y / 2)[1..], 2),
        };
        let chroma = u.iter().step_by(step).zip(v.iter().step_by(step));
        for (pixels, (&u, &v)) in luma.chunks(2).zip(chroma) {
            let (u, v) = (f32::from(u) - 128.0, f32::from(v) - 128.0);
            let offsets = [to_red * v, u_to_green * u + v_to_green * v, to_blue * u];
            for &pixel in pixels {
                let grey = (f32::from(pixel) - black) * luma_scale;
                out.extend(offsets.map(|offset| rounded(grey + offset)));
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn rounded(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use codec_core::frame::Size;

    use super::*;

    #[test]
    fn white_black_and_the_primaries_come_out() {
        let color = Color::default();
        let rgb = |y, u, v| {
            let data = [y, u, v];
            let picture = Picture::i420_packed(Size::new(1, 1), &data).unwrap();
            let mut out = Vec::new();
            to_rgb(&picture, color, &mut out);
            out
        };
        assert_eq!(rgb(235, 128, 128), [255, 255, 255]);
        assert_eq!(rgb(16, 128, 128), [0, 0, 0]);
        // BT.601, the default for small frames.
        assert_eq!(rgb(81, 90, 240), [254, 0, 0]);
        assert_eq!(rgb(41, 240, 110), [0, 0, 255]);
    }
}
