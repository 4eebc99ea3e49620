//! Frames and layers from payload headers of VP8, VP9, H.264 and AV1.

use super::fields::{Fields, picture_id_bytes};
use super::{FrameInfo, SwitchPoint};
use crate::packet::h264;
use crate::packet::{Format, vp8, vp9};
use crate::rtp::Malformed;

/// Facts that a payload header states.
#[derive(Clone, Debug)]
pub(super) struct PayloadInfo {
    pub(super) frame: FrameInfo,
    pub(super) fields: Fields,
    /// Whether `frame.starts_frame` follows from the payload. Otherwise a new timestamp starts a frame, if the packet before it
    /// arrived.
    pub(super) shows_start: bool,
    /// Whether the payload is that of the first packet of a frame, although others need not show it.
    pub(super) is_start: bool,
    /// Sizes of all spatial layers, if the packet states them.
    pub(super) sizes: Vec<(u32, u32)>,
}

/// Parses the payload header. `at`: offset of the payload in the packet; `marker`: of the RTP header.
pub(super) fn parse(
    format: Format,
    payload: &[u8],
    at: usize,
    marker: bool,
) -> Result<PayloadInfo, Malformed> {
    match format {
        Format::Vp8 => parse_vp8(payload, at, marker),
        Format::Vp9 => parse_vp9(payload, at),
        Format::H264 => {
            let info = plain(shows_idr(payload)?, marker);
            Ok(PayloadInfo { is_start: shows_frame_start(payload)?, ..info })
        }
        // The bit N of the aggregation header starts a coded video sequence.
        Format::Av1 => {
            let first = *payload.first().ok_or(Malformed::EmptyPayload)?;
            let is_start = first & 0x88 == 0x08;
            Ok(PayloadInfo { is_start, ..plain(is_start, marker) })
        }
        _ => Ok(PayloadInfo { is_start: true, ..plain(true, marker) }),
    }
}

fn plain(is_key: bool, ends_frame: bool) -> PayloadInfo {
    let frame = FrameInfo { is_key, ends_frame, ..FrameInfo::default() };
    let (fields, sizes) = (Fields::default(), Vec::new());
    PayloadInfo { frame, fields, shows_start: false, is_start: false, sizes }
}

fn parse_vp8(payload: &[u8], at: usize, marker: bool) -> Result<PayloadInfo, Malformed> {
    let (descriptor, data) = vp8::Descriptor::parse(payload)?;
    let starts_frame = descriptor.is_frame_start();
    let is_key = starts_frame && data.first().is_some_and(|tag| tag & 1 == 0);
    let layer = descriptor.layer.unwrap_or_default();
    let id_bytes = picture_id_bytes(descriptor.picture_id);
    let frame = FrameInfo {
        starts_frame,
        ends_frame: marker,
        is_key,
        spatial_id: 0,
        temporal_id: layer.temporal_id,
        switch_point: if layer.layer_sync {
            SwitchPoint::UpTo(layer.temporal_id)
        } else {
            SwitchPoint::None
        },
        size: if is_key { vp8_size(data) } else { None },
    };
    let fields = Fields {
        picture_id: descriptor.picture_id.map(|id| (id, at + 2)),
        closes_gaps: true,
        tl0_pic_idx: descriptor.tl0_pic_idx.map(|index| (index, at + 2 + id_bytes)),
        frame_number: None,
    };
    Ok(PayloadInfo { frame, fields, shows_start: true, is_start: starts_frame, sizes: Vec::new() })
}

/// Size in the header of a key frame. RFC 6386, section 9.1.
fn vp8_size(data: &[u8]) -> Option<(u32, u32)> {
    let &[_, _, _, 0x9d, 0x01, 0x2a, a, b, c, d] = data.first_chunk::<10>()? else {
        return None;
    };
    let size = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((size(a, b), size(c, d)))
}

fn parse_vp9(payload: &[u8], at: usize) -> Result<PayloadInfo, Malformed> {
    let (descriptor, data) = vp9::Descriptor::parse(payload)?;
    let first = *data.first().ok_or(Malformed::EmptyPayload)?;
    let (spatial_id, temporal_id) = (descriptor.spatial_id(), descriptor.temporal_id());
    let starts_frame = descriptor.start_of_frame;
    let layer = descriptor.layer.unwrap_or_default();
    let is_key = starts_frame
        && !layer.inter_layer_predicted
        && !descriptor.inter_predicted
        && vp9::shows_key_frame(first);
    let sizes = descriptor.structure.as_ref().map_or(&[][..], |structure| &structure.sizes);
    let sizes = sizes.iter().map(|size| (size.width, size.height)).collect();
    let frame = FrameInfo {
        starts_frame,
        ends_frame: descriptor.end_of_frame,
        is_key,
        spatial_id,
        temporal_id,
        switch_point: if layer.switching_up { SwitchPoint::After } else { SwitchPoint::None },
        size: None,
    };
    let id_bytes = picture_id_bytes(descriptor.picture_id);
    let fields = Fields {
        picture_id: descriptor.picture_id.map(|id| (id, at + 1)),
        closes_gaps: false,
        tl0_pic_idx: descriptor.tl0_pic_idx.map(|index| (index, at + 2 + id_bytes)),
        frame_number: None,
    };
    Ok(PayloadInfo { frame, fields, shows_start: true, is_start: starts_frame, sizes })
}

/// Whether the payload has a sequence parameter set or the start of an IDR picture.
fn shows_idr(payload: &[u8]) -> Result<bool, Malformed> {
    const IDR_SLICE: u8 = 5;
    const SEQUENCE_PARAMETERS: u8 = 7;
    let mut found = false;
    h264::Payload::parse(payload)?.for_each_head(|unit| {
        let kind = unit.first().map(|header| header & 31);
        found |= matches!(kind, Some(IDR_SLICE | SEQUENCE_PARAMETERS));
    });
    Ok(found)
}

/// Whether the payload shows that it starts a frame. A key frame may begin without showing it, because its parameter sets may
/// come before it.
fn shows_frame_start(payload: &[u8]) -> Result<bool, Malformed> {
    let mut first = None;
    h264::Payload::parse(payload)?.for_each_head(|unit| {
        first.get_or_insert_with(|| h264::starts_access_unit(unit));
    });
    Ok(first.unwrap_or(false))
}
