//! Frames that a container marks as decoded but not shown, such as frames of an MP4 file before the
//! time at which its edit list begins.

use std::path::Path;

use codec_container::{CodedPacket, Format, PayloadInfo};
use codec_core::codec::Codec;

use super::names::{is_pipe, is_special};

/// Whether the container hides the frame of a packet, which the codec would show.
pub(crate) fn is_hidden(codec: Codec, packet: &CodedPacket) -> bool {
    !packet.shown && PayloadInfo::of(codec, &packet.data).shown
}

/// Whether players hide frames before the start of the video in this output: only in complete MP4 files, which have an
/// edit list. Players ignore the edit lists of fragmented MP4, and the flag of Matroska.
pub(crate) fn can_hide(format: Format, fragmented: bool, output: &Path) -> bool {
    format == Format::Mp4 && !fragmented && !is_pipe(output) && !is_special(output)
}
