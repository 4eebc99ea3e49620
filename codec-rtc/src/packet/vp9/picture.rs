//! Superframes: layer frames joined to one chunk for the decoder. VP9 bitstream specification, annex B.

use std::ops::Range;

use super::Descriptor;
use super::structure::MAX_SPATIAL_LAYERS;

/// A layer frame of a superframe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerFrame {
    /// Its bytes in the data of the superframe.
    pub bytes: Range<usize>,
    /// Payload descriptor of its first packet.
    pub descriptor: Descriptor,
}

/// Whether a frame has the first byte of a key frame; also of a frame that is encrypted from
/// end to end, whose first byte is clear.
#[must_use]
pub fn shows_key_frame(first: u8) -> bool {
    if first >> 6 != 0b10 {
        // Not a frame marker: the byte of `crate::sframe`.
        return first & 1 == 0;
    }
    let (shows_existing, frame_type) = if first >> 4 & 3 == 3 {
        // Profile 3 has a reserved bit.
        (first >> 2 & 1, first >> 1 & 1)
    } else {
        (first >> 3 & 1, first >> 2 & 1)
    };
    shows_existing == 0 && frame_type == 0
}

/// Appends the superframe index to the joined frames of a superframe, if there are several. `None` if
/// there are more than eight, or one is empty or longer than 4 GiB.
pub fn append_superframe_index(sizes: &[usize], data: &mut Vec<u8>) -> Option<()> {
    if sizes.len() < 2 {
        return Some(());
    }
    if sizes.len() > MAX_SPATIAL_LAYERS {
        return None;
    }
    let largest = u32::try_from(*sizes.iter().max()?).ok()?;
    let bytes = (4 - largest.leading_zeros() / 8).max(1);
    let count = u32::try_from(sizes.len()).ok()?;
    let marker = u8::try_from(0xc0 | (bytes - 1) << 3 | (count - 1)).ok()?;
    data.push(marker);
    for &size in sizes {
        let size = u32::try_from(size).ok().filter(|&size| size > 0)?;
        data.extend(size.to_le_bytes().into_iter().take(usize::try_from(bytes).ok()?));
    }
    data.push(marker);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_are_known_by_their_first_byte() {
        // Frame marker 2; profiles 0 and 3; key, inter, shown existing.
        for (first, is_key) in [
            (0b1000_0010, true),
            (0b1000_0110, false),
            (0b1000_1000, false),
            (0b1011_0001, true),
            (0b1011_0010, false),
            (0b1011_0100, false),
            (0, true),
            (1, false),
        ] {
            assert_eq!(shows_key_frame(first), is_key, "{first:08b}");
        }
    }

    #[test]
    fn sizes_of_the_index_have_the_bytes_of_the_largest_frame() {
        let mut data = vec![1];
        append_superframe_index(&[1], &mut data).unwrap();
        assert_eq!(data, [1], "one frame needs no index");
        append_superframe_index(&[1, 300], &mut data).unwrap();
        assert_eq!(data[1..], [0xc9, 1, 0, 44, 1, 0xc9]);
        let mut data = Vec::new();
        append_superframe_index(&[255, 2, 3], &mut data).unwrap();
        assert_eq!(data, [0xc2, 255, 2, 3, 0xc2]);
        assert_eq!(append_superframe_index(&[1; 9], &mut data), None);
        assert_eq!(append_superframe_index(&[1, 0], &mut data), None);
    }
}
