//! Joins VP9 frames into superframes, as files and decoders expect: all spatial layers of a frame, and a hidden frame
//! with the next shown one.

use codec_core::codec::{Codec, FrameKind, Packet};
use codec_vp9::superframe::append_index;

/// Joins the packets of each superframe.
#[derive(Debug)]
pub struct SuperframeJoiner {
    /// Whether a hidden frame shares a packet with the next shown one.
    joins_hidden: bool,
    joined: Packet,
    /// Sizes of the frames in bytes.
    sizes: Vec<usize>,
}

impl SuperframeJoiner {
    /// Creates a joiner for the packets of an encoder of `codec`.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self { joins_hidden: codec == Codec::Vp9, joined: Packet::default(), sizes: Vec::new() }
    }

    /// Adds a frame. If it is the last one of its superframe, `packet` becomes the packet of all frames and the result
    /// is `true`; it has the metadata of the last frame, except for its type, which is the type of the first frame.
    pub fn add(&mut self, packet: &mut Packet) -> bool {
        let is_hidden = self.joins_hidden && !packet.meta.shown;
        let is_end = packet.meta.spatial.end_of_picture && !is_hidden;
        if self.joins_hidden && packet.meta.kind == FrameKind::Key && packet.meta.spatial.id == 0 {
            // No frame refers to a hidden one before a key frame.
            self.joined.data.clear();
            self.sizes.clear();
        }
        if is_end && self.sizes.is_empty() {
            return true;
        }
        let Packet { data, pts, dts, duration, meta } = packet;
        let kind = if self.sizes.is_empty() { meta.kind } else { self.joined.meta.kind };
        self.joined.data.extend_from_slice(data);
        self.sizes.push(data.len());
        (self.joined.pts, self.joined.dts, self.joined.duration) = (*pts, *dts, *duration);
        self.joined.meta = *meta;
        self.joined.meta.kind = kind;
        if is_end {
            append_index(&self.sizes, &mut self.joined.data);
            std::mem::swap(packet, &mut self.joined);
            self.joined.data.clear();
            self.sizes.clear();
        }
        is_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(data: &[u8], kind: FrameKind) -> Packet {
        let mut packet = Packet { data: data.to_vec(), ..Packet::default() };
        (packet.meta.shown, packet.meta.kind) = (true, kind);
        packet
    }

    #[test]
    fn a_hidden_frame_of_vp9_shares_the_packet_of_the_next_shown_one() {
        let mut joiner = SuperframeJoiner::new(Codec::Vp9);
        let hidden = |data| {
            let mut packet = shown(data, FrameKind::Inter);
            packet.meta.shown = false;
            packet
        };
        assert!(!joiner.add(&mut hidden(&[1, 2])));
        let mut packet = shown(&[3], FrameKind::Inter);
        assert!(joiner.add(&mut packet));
        assert_eq!((packet.data, packet.meta.shown), (vec![1, 2, 3, 0xc1, 2, 1, 0xc1], true));
        // After a dropped frame, a key frame makes the hidden one useless.
        assert!(!joiner.add(&mut hidden(&[1])));
        packet = shown(&[4], FrameKind::Key);
        assert!(joiner.add(&mut packet));
        assert_eq!((packet.data, packet.meta.kind), (vec![4], FrameKind::Key));
        // In VP8 it has a packet of its own.
        assert!(SuperframeJoiner::new(Codec::Vp8).add(&mut hidden(&[1])));
    }

    #[test]
    fn frames_of_a_picture_become_one_packet() {
        let mut joiner = SuperframeJoiner::new(Codec::Vp9);
        let mut packet = shown(&[1, 2], FrameKind::Key);
        assert!(joiner.add(&mut packet));
        assert_eq!(packet.data, [1, 2]);
        for _ in 0..2 {
            packet = shown(&[1, 2], FrameKind::Key);
            packet.meta.spatial.end_of_picture = false;
            assert!(!joiner.add(&mut packet));
            packet = shown(&[3], FrameKind::Inter);
            packet.meta.spatial.id = 1;
            assert!(joiner.add(&mut packet));
            assert_eq!(packet.data, [1, 2, 3, 0xc1, 2, 1, 0xc1]);
            assert_eq!(packet.meta.kind, FrameKind::Key);
        }
    }
}
