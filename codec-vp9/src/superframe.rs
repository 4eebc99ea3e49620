//! Superframes: several frames in one packet, with an index of their sizes at the end.

use codec_core::error::Corrupt;

/// Maximum number of frames in a superframe.
const MAX_FRAMES: usize = 8;

/// The frames of one packet, in decoding order.
///
/// ```
/// use codec_vp9::superframe::Superframe;
///
/// // Two frames of one and two bytes, then the index: marker, sizes, marker.
/// let packet = [0x81, 0x82, 0x83, 0xc1, 1, 2, 0xc1];
/// let frames: Vec<&[u8]> = Superframe::split(&packet)?.collect();
/// assert_eq!(frames, [&[0x81][..], &[0x82, 0x83]]);
/// # Ok::<(), codec_core::error::Corrupt>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Superframe<'a> {
    packet: &'a [u8],
    /// Sizes of the frames in bytes; entries of 0 are skipped.
    sizes: [usize; MAX_FRAMES],
    frames: usize,
    next: usize,
    at: usize,
}

impl<'a> Superframe<'a> {
    /// Splits a packet into its frames. A packet without an index is one frame.
    ///
    /// # Errors
    /// If the index is damaged: its two markers differ, or its sizes exceed the packet.
    pub fn split(packet: &'a [u8]) -> Result<Self, Corrupt> {
        let mut split = Self { packet, sizes: [0; MAX_FRAMES], frames: 1, next: 0, at: 0 };
        split.sizes[0] = packet.len();
        let Some(&marker) = packet.last().filter(|&&last| last & 0xe0 == 0xc0) else {
            return Ok(split);
        };
        let frames = usize::from(marker & 7) + 1;
        let bytes_per_size = usize::from(marker >> 3 & 3) + 1;
        let index_bytes = 2 + frames * bytes_per_size;
        let damaged = |offset_bytes| Corrupt::Other { what: "a superframe index", offset_bytes };
        let start = packet.len().checked_sub(index_bytes).ok_or(damaged(0))?;
        if packet[start] != marker {
            return Err(damaged(start));
        }
        let mut total = 0_usize;
        let entries = packet[start + 1..packet.len() - 1].chunks_exact(bytes_per_size);
        for (size, entry) in split.sizes.iter_mut().zip(entries) {
            *size = entry.iter().rev().fold(0, |size, &byte| size << 8 | usize::from(byte));
            total = total.saturating_add(*size);
        }
        if total > start {
            return Err(damaged(start));
        }
        split.frames = frames;
        Ok(split)
    }

    /// Returns the offset in the packet of the frame that [`Iterator::next`] returned last, in
    /// bytes.
    #[must_use]
    pub fn end(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Superframe<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.next < self.frames {
            let size = self.sizes[self.next];
            self.next += 1;
            if size > 0 {
                let frame = self.packet.get(self.at..self.at + size)?;
                self.at += size;
                return Some(frame);
            }
        }
        None
    }
}

/// Appends the index of a superframe to its frames, which `packet` consists of: `sizes` are their sizes in
/// bytes. A single frame needs no index.
///
/// ```
/// use codec_vp9::superframe::{Superframe, append_index};
///
/// let mut packet = vec![0x81, 0x82, 0x83];
/// append_index(&[1, 2], &mut packet);
/// let frames: Vec<&[u8]> = Superframe::split(&packet)?.collect();
/// assert_eq!(frames, [&[0x81][..], &[0x82, 0x83]]);
/// # Ok::<(), codec_core::error::Corrupt>(())
/// ```
///
/// # Panics
/// If there are more than 8 frames, or a size exceeds 4 GiB.
pub fn append_index(sizes: &[usize], packet: &mut Vec<u8>) {
    assert!(sizes.len() <= MAX_FRAMES, "a superframe has at most {MAX_FRAMES} frames");
    let (Some(count), Some(&largest)) = (sizes.len().checked_sub(1), sizes.iter().max()) else {
        return;
    };
    if count == 0 {
        return;
    }
    let bytes = (largest | 1).ilog2() as usize / 8 + 1;
    assert!(bytes <= 4, "a frame of a superframe has at most 4 GiB");
    let marker = 0xc0 | ((bytes - 1) << 3 | count).to_le_bytes()[0];
    packet.push(marker);
    for size in sizes {
        packet.extend_from_slice(&size.to_le_bytes()[..bytes]);
    }
    packet.push(marker);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_read_as_they_are_written() {
        for sizes in [&[7][..], &[1, 255], &[256, 3, 70_000], &[1; 8]] {
            let mut packet = vec![1; sizes.iter().sum()];
            append_index(sizes, &mut packet);
            let frames = Superframe::split(&packet).unwrap().map(<[u8]>::len);
            assert_eq!(frames.collect::<Vec<_>>(), sizes);
        }
    }

    #[test]
    fn a_packet_without_index_is_one_frame() {
        let packet = [0x82, 0x49, 0x83];
        assert_eq!(Superframe::split(&packet).unwrap().collect::<Vec<_>>(), [&packet[..]]);
        assert_eq!(Superframe::split(&[]).unwrap().next(), None);
    }

    #[test]
    fn sizes_have_one_to_four_bytes_and_empty_frames_are_skipped() {
        // Three frames with sizes of two bytes; the second one is empty.
        let packet = [1, 2, 3, 0xca, 1, 0, 0, 0, 2, 0, 0xca];
        let frames: Vec<_> = Superframe::split(&packet).unwrap().collect();
        assert_eq!(frames, [&[1][..], &[2, 3]]);
    }

    #[test]
    fn damaged_indices_are_rejected() {
        for packet in [&[0xc0][..], &[0xc1, 1, 1, 0xc0], &[0x81, 0xc0, 2, 0xc0], &[0xdf; 9]] {
            assert!(Superframe::split(packet).is_err(), "{packet:x?}");
        }
    }
}
