//! Properties of packets and frames that the frame buffer needs, parsed from the payload format.

use super::assumed_layers::TemporalPlace;
use super::frame::FrameDiffs;
use super::layers::{LayerHeads, bit};
use crate::packet::VideoFormat;
use crate::packet::h264::{Joiner, ParameterSets, Payload, SetId, SliceHead};
use crate::packet::vp8::{Descriptor, LayerInfo};
use crate::packet::vp9::{self, FrameGroup, LayerFrame};
use crate::rtp::Malformed;

/// Properties of a frame that depend on the payload format.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content {
    /// Whether it is a key frame.
    pub(super) is_key: bool,
    /// Whether no other frame references it (H.264).
    pub(super) is_discardable: bool,
    /// Whether parameter sets that it needs were not received (H.264).
    pub(super) lacks_parameters: bool,
    /// Superframes that it references, as distances (VP9 with `PictureID`s, if they are known).
    pub(super) references: Option<FrameDiffs>,
    /// Its layer frames (VP9).
    pub(super) layers: Option<LayerHeads>,
}

/// Properties of a packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Examined {
    /// VP8 payload descriptor, or the fields of the VP9 descriptor that it also has.
    pub(super) descriptor: Descriptor,
    /// VP9 payload descriptor.
    vp9: Option<Box<vp9::Descriptor>>,
    /// Whether its content shows that it starts a frame.
    pub(super) shows_start: bool,
    /// Whether it starts a key frame if it starts a frame (VP8, VP9).
    has_key_bit: bool,
    /// Its first slice (H.264).
    slice: Option<SliceHead>,
    /// Parameter sets before it (H.264).
    sets: Vec<SetId>,
}

impl Examined {
    /// Whether its frame belongs to a spatial layer (VP9).
    pub(super) fn is_layer_frame(&self) -> bool {
        self.vp9.is_some()
    }

    /// The temporal layer (VP9).
    pub(super) fn temporal_place(&self) -> TemporalPlace {
        self.vp9.as_deref().map(TemporalPlace::of).unwrap_or_default()
    }

    /// The spatial layer, and whether the packet starts and ends its layer frame (VP9).
    pub(super) fn layer_place(&self) -> Option<(u8, bool, bool)> {
        let descriptor = self.vp9.as_deref()?;
        Some((descriptor.spatial_id(), descriptor.start_of_frame, descriptor.end_of_frame))
    }
}

/// Examines payloads.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) format: VideoFormat,
    /// Parameter sets of the emitted frames.
    sets: ParameterSets,
    /// Parameter sets from signalling.
    signalled: ParameterSets,
    /// The frame group of VP9's non-flexible mode.
    group: FrameGroup,
}

impl Contents {
    pub(super) fn new(format: VideoFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// Sets parameter sets from signalling.
    pub(super) fn set_parameters(&mut self, sets: &ParameterSets) {
        (self.sets, self.signalled) = (sets.clone(), sets.clone());
    }

    /// Validates a payload and returns the data to keep; an empty payload is padding.
    pub(super) fn examine<'a>(
        &mut self,
        payload: &'a [u8],
    ) -> Result<(Examined, &'a [u8]), Malformed> {
        if payload.is_empty() {
            return Ok((Examined::default(), payload));
        }
        if self.format == VideoFormat::Vp8 {
            let (descriptor, data) = Descriptor::parse(payload)?;
            // The first bit of a key frame is 0 (RFC 6386, section 9.1).
            let has_key_bit = data.first().ok_or(Malformed::EmptyPayload)? & 1 == 0;
            let shows_start = descriptor.is_frame_start();
            return Ok((
                Examined { descriptor, shows_start, has_key_bit, ..Examined::default() },
                data,
            ));
        }
        if self.format == VideoFormat::Vp9 {
            return self.examine_vp9(payload);
        }
        let parsed = Payload::parse(payload)?;
        let mut examined =
            Examined { shows_start: parsed.shows_start(&self.signalled), ..Examined::default() };
        parsed.for_each_head(|unit| {
            if examined.slice.is_none() {
                examined.slice = SliceHead::read(unit);
                examined.sets.extend(SetId::read(unit));
            }
        });
        Ok((examined, payload))
    }

    fn examine_vp9<'a>(&mut self, payload: &'a [u8]) -> Result<(Examined, &'a [u8]), Malformed> {
        let (vp9, data) = vp9::Descriptor::parse(payload)?;
        let first = *data.first().ok_or(Malformed::EmptyPayload)?;
        self.group.update(&vp9);
        let layer = vp9
            .layer
            .map(|layer| LayerInfo { temporal_id: layer.temporal_id.min(3), layer_sync: false });
        let descriptor = Descriptor {
            picture_id: vp9.picture_id,
            tl0_pic_idx: vp9.tl0_pic_idx,
            layer,
            ..Descriptor::default()
        };
        let examined = Examined {
            descriptor,
            shows_start: vp9.start_of_frame && vp9.spatial_id() == 0,
            has_key_bit: !vp9.inter_predicted && vp9::shows_key_frame(first),
            vp9: Some(Box::new(vp9)),
            ..Examined::default()
        };
        Ok((examined, data))
    }

    /// Joins the payloads of a frame; `None` if they do not form one. The layer frames of VP9 that are in
    /// the set `keep` are appended to `layers`.
    pub(super) fn join<'a>(
        &self,
        packets: impl Iterator<Item = (&'a Examined, &'a [u8])>,
        keep: u8,
        layers: &mut Vec<LayerFrame>,
    ) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        match self.format {
            VideoFormat::Vp8 => {
                packets.for_each(|(_, payload)| data.extend_from_slice(payload));
                Some(data)
            }
            VideoFormat::H264 => {
                let mut joiner = Joiner::default();
                for (_, payload) in packets {
                    joiner.append(Payload::parse(payload).ok()?, &mut data);
                }
                joiner.gap(&mut data);
                (joiner.damaged == 0).then_some(data)
            }
            VideoFormat::Vp9 => {
                for (examined, payload) in packets.filter(|(_, payload)| !payload.is_empty()) {
                    let descriptor = examined.vp9.as_deref()?;
                    if keep & bit(descriptor.spatial_id()) == 0 {
                        continue;
                    }
                    let start = data.len();
                    data.extend_from_slice(payload);
                    match layers.last_mut() {
                        Some(layer) if !descriptor.start_of_frame => layer.bytes.end = data.len(),
                        _ => layers.push(LayerFrame {
                            bytes: start..data.len(),
                            descriptor: descriptor.clone(),
                        }),
                    }
                }
                let sizes: Vec<usize> = layers.iter().map(|layer| layer.bytes.len()).collect();
                vp9::append_superframe_index(&sizes, &mut data)?;
                (!data.is_empty()).then_some(data)
            }
        }
    }

    /// The layer frames of a VP9 superframe, and the references of all of them if they are known.
    fn layers_of<'a>(
        &self,
        packets: impl Iterator<Item = &'a Examined>,
    ) -> Option<(LayerHeads, Option<FrameDiffs>)> {
        let descriptors = packets.filter_map(|packet| packet.vp9.as_deref());
        let starts = descriptors.filter(|descriptor| descriptor.start_of_frame);
        let layers = LayerHeads::new(starts, &self.group)?;
        if !layers.are_known() {
            return Some((layers, None));
        }
        let all = layers.as_slice().iter().flat_map(|layer| layer.diffs());
        let mut diffs: Vec<u16> = all.map(|&diff| diff.into()).collect();
        diffs.sort_unstable();
        diffs.dedup();
        Some((layers, FrameDiffs::new(&diffs)))
    }

    /// Properties of a frame, from its packets in order.
    pub(super) fn of_frame<'a>(
        &self,
        packets: impl Iterator<Item = &'a Examined> + Clone,
    ) -> Content {
        if self.format != VideoFormat::H264 {
            let is_key = packets.clone().next().is_some_and(|first| first.has_key_bit);
            let is_vp9 = self.format == VideoFormat::Vp9;
            let (layers, references) = if is_vp9 { self.layers_of(packets) } else { None }.unzip();
            let references = references.flatten();
            return Content { is_key, references, layers, ..Content::default() };
        }
        let Some(slice) = packets.clone().find_map(|packet| packet.slice) else {
            return Content { lacks_parameters: true, ..Content::default() };
        };
        let knows = self.sets.has(&slice, packets.flat_map(|packet| &packet.sets));
        Content {
            is_key: slice.is_idr && knows,
            is_discardable: slice.is_discardable,
            lacks_parameters: !knows,
            references: None,
            layers: None,
        }
    }

    /// Records a frame that is emitted; inserts signalled parameter sets if a decoder that starts with
    /// it would lack them.
    pub(super) fn emit(&mut self, is_key: bool, data: &mut Vec<u8>) {
        if self.format == VideoFormat::H264 {
            self.sets.record(data);
            if is_key {
                let missing = self.signalled.missing_in(data);
                data.splice(..0, missing.iter().copied());
            }
        }
    }
}
