//! Frames of spatial layers, joined to superframes for files and decoders.

use codec_core::codec::Packet;
use codec_vp9::superframe::append_index;

/// Joins the packets of each superframe.
#[derive(Debug, Default)]
pub struct SuperframeJoiner {
    joined: Packet,
    /// Sizes of the frames in bytes.
    sizes: Vec<usize>,
}

impl SuperframeJoiner {
    /// Adds a frame. If it is the last one of its superframe, `packet` becomes that of all frames and the result
    /// is `true`; its metadata are those of the highest layer, except that its type is that of the lowest one.
    pub fn add(&mut self, packet: &mut Packet) -> bool {
        let is_end = packet.meta.spatial.end_of_picture;
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
    use codec_core::codec::FrameKind;

    #[test]
    fn frames_of_a_picture_become_one_packet() {
        let mut joiner = SuperframeJoiner::default();
        let mut packet = Packet { data: vec![1, 2], ..Packet::default() };
        assert!(joiner.add(&mut packet));
        assert_eq!(packet.data, [1, 2]);
        for _ in 0..2 {
            packet = Packet { data: vec![1, 2], ..Packet::default() };
            packet.meta.spatial.end_of_picture = false;
            assert!(!joiner.add(&mut packet));
            packet = Packet { data: vec![3], ..Packet::default() };
            packet.meta.kind = FrameKind::Inter;
            assert!(joiner.add(&mut packet));
            assert_eq!(packet.data, [1, 2, 3, 0xc1, 2, 1, 0xc1]);
            assert_eq!(packet.meta.kind, FrameKind::Key);
        }
    }
}
