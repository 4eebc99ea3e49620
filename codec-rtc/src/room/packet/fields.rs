//! The fields of packets that a forwarder rewrites: `PictureID`, `TL0PICIDX`, and the frame
//! number of the Dependency Descriptor.

use crate::packet::vp8::PictureId;

/// A number and the offset of its first byte in the packet.
pub(in crate::room) type Located<T> = (T, usize);

/// Numbers of a packet that continue across switches of the source.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::room) struct Fields {
    /// `PictureID`.
    pub(in crate::room) picture_id: Option<Located<PictureId>>,
    /// Whether dropped frames leave no gap in the `PictureID`s. Frames of VP9 state their references by
    /// the distances, so that their gaps have to stay.
    pub(in crate::room) closes_gaps: bool,
    /// TL0PICIDX.
    pub(in crate::room) tl0_pic_idx: Option<Located<u8>>,
    /// Frame number of the Dependency Descriptor.
    pub(in crate::room) frame_number: Option<Located<u16>>,
}

/// Length of a `PictureID` in bytes.
pub(in crate::room) fn picture_id_bytes(id: Option<PictureId>) -> usize {
    match id {
        None => 0,
        Some(PictureId::Short(_)) => 1,
        Some(PictureId::Long(_)) => 2,
    }
}
