//! JPEG frames of a camera, which may omit the standard Huffman tables.

use std::borrow::Cow;
use std::io::Cursor;

use codec_core::frame::Size;
use image::{ImageDecoder, ImageFormat, ImageReader};

use crate::frame::convert;
use crate::frame::planes::Planes;
use crate::values::Samples;

/// Markers (ITU-T T.81, table B.1).
const SOI: u8 = 0xd8;
const DHT: u8 = 0xc4;
const SOS: u8 = 0xda;
/// Maximum allocation of the decoder in bytes per pixel.
const BYTES_PER_PIXEL: u64 = 16;

/// The standard Huffman tables (ITU-T T.81, section K.3), each with its class and number, the
/// numbers of codes of 1 to 16 bits, and the values: DC and AC of luma, DC and AC of chroma.
const DC_LUMA: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const DC_CHROMA: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const DC_VALUES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const AC_LUMA: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
const AC_LUMA_VALUES: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
    0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
    0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
const AC_CHROMA: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119];
const AC_CHROMA_VALUES: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
    0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
    0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];

/// Decodes a frame of that size; it has the colour description of `out`.
pub(super) fn decode(bytes: &[u8], size: Size, out: &mut Planes) -> Result<(), String> {
    let bytes = with_tables(bytes);
    let reader = ImageReader::with_format(Cursor::new(&*bytes), ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if Size::new(width, height) != size {
        return Err(format!("got a frame of {width}x{height}, expected {size}"));
    }
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(size.pixels().saturating_mul(BYTES_PER_PIXEL));
    decoder.set_limits(limits).map_err(|error| error.to_string())?;
    let picture = image::DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    out.reset(size);
    convert::from_packed(Samples::Rgb24, &picture.into_rgb8(), out)
        .map_err(|failure| failure.message)
}

/// Adds the standard Huffman tables if they are missing, as is usual for cameras (USB Video
/// Class, payload MJPEG).
fn with_tables(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.get(..2) != Some(&[0xff, SOI]) || has_tables(bytes) {
        return Cow::Borrowed(bytes);
    }
    let mut whole = vec![0xff, SOI];
    let tables: [(u8, &[u8; 16], &[u8]); 4] = [
        (0x00, &DC_LUMA, &DC_VALUES),
        (0x10, &AC_LUMA, &AC_LUMA_VALUES),
        (0x01, &DC_CHROMA, &DC_VALUES),
        (0x11, &AC_CHROMA, &AC_CHROMA_VALUES),
    ];
    for (number, lengths, values) in tables {
        // Two length bytes and one number byte: far below 256.
        let length = u8::try_from(3 + lengths.len() + values.len()).unwrap_or(u8::MAX);
        whole.extend_from_slice(&[0xff, DHT, 0, length, number]);
        whole.extend_from_slice(lengths);
        whole.extend_from_slice(values);
    }
    whole.extend_from_slice(bytes.get(2..).unwrap_or_default());
    Cow::Owned(whole)
}

/// Whether there is a table before the first scan.
fn has_tables(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        match marker {
            DHT => return true,
            SOS => return false,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}

#[cfg(test)]
pub(super) mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    /// A grey gradient as a JPEG.
    pub(in super::super) fn slope(width: u8, height: u8) -> Vec<u8> {
        let rows = (0..height).flat_map(|y| (0..width).map(move |x| x.wrapping_mul(4) + y));
        let pixels: Vec<u8> = rows.flat_map(|value| [value; 3]).collect();
        let mut file = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut file, 95);
        let (width, height) = (u32::from(width), u32::from(height));
        encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).unwrap();
        file
    }

    /// Removes the Huffman tables, as cameras do.
    fn without_tables(file: &[u8]) -> Vec<u8> {
        let mut bare = file[..2].to_vec();
        let mut at = 2;
        loop {
            let marker = file[at + 1];
            let length = usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            if marker == SOS {
                bare.extend_from_slice(&file[at..]);
                return bare;
            }
            if marker != DHT {
                bare.extend_from_slice(&file[at..at + 2 + length]);
            }
            at += 2 + length;
        }
    }

    #[test]
    fn frames_without_tables_decode_like_those_with_tables() {
        let size = Size::new(33, 17);
        let file = slope(33, 17);
        let bare = without_tables(&file);
        assert!(has_tables(&file) && !has_tables(&bare));
        let (mut whole, mut mended) = (Planes::default(), Planes::default());
        decode(&file, size, &mut whole).unwrap();
        decode(&bare, size, &mut mended).unwrap();
        assert_eq!(whole.bytes, mended.bytes);
        // Limited range: black is 16.
        assert!(whole.bytes[0].abs_diff(16) <= 3, "{}", whole.bytes[0]);
    }

    #[test]
    fn damage_and_other_sizes_are_reported() {
        let file = slope(32, 16);
        let mut out = Planes::default();
        assert!(decode(&file, Size::new(16, 16), &mut out).unwrap_err().contains("32x16"));
        for length in [0, 1, 2, 3, 20, 200] {
            assert!(decode(&file[..length], Size::new(32, 16), &mut out).is_err(), "{length}");
        }
        assert!(decode(&[0xff; 64], Size::new(32, 16), &mut out).is_err());
    }
}
