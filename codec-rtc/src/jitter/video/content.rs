//! Payload formats: packets and frames as far as the frame buffer examines them.

use crate::packet::VideoFormat;
use crate::packet::h264::{Joiner, ParameterSets, Payload, SetId, SliceHead};
use crate::packet::vp8::Descriptor;
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
}

/// Properties of a packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Examined {
    /// VP8 payload descriptor.
    pub(super) descriptor: Descriptor,
    /// Whether its content shows that it starts a frame.
    pub(super) shows_start: bool,
    /// Whether it starts a key frame if it starts a frame (VP8).
    has_key_bit: bool,
    /// Its first slice (H.264).
    slice: Option<SliceHead>,
    /// Parameter sets before it (H.264).
    sets: Vec<SetId>,
}

/// Examines payloads.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) format: VideoFormat,
    /// Parameter sets of the emitted frames.
    sets: ParameterSets,
    /// Parameter sets from signalling.
    signalled: ParameterSets,
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
    pub(super) fn examine<'a>(&self, payload: &'a [u8]) -> Result<(Examined, &'a [u8]), Malformed> {
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

    /// Joins the payloads of a frame; `None` if they do not form one.
    pub(super) fn join<'a>(&self, payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
        let mut data = Vec::new();
        if self.format == VideoFormat::Vp8 {
            payloads.for_each(|payload| data.extend_from_slice(payload));
            return Some(data);
        }
        let mut joiner = Joiner::default();
        for payload in payloads {
            joiner.append(Payload::parse(payload).ok()?, &mut data);
        }
        joiner.gap(&mut data);
        (joiner.damaged == 0).then_some(data)
    }

    /// Properties of a frame, from its packets in order.
    pub(super) fn of_frame<'a>(
        &self,
        packets: impl Iterator<Item = &'a Examined> + Clone,
    ) -> Content {
        if self.format == VideoFormat::Vp8 {
            let is_key = packets.clone().next().is_some_and(|first| first.has_key_bit);
            return Content { is_key, ..Content::default() };
        }
        let Some(slice) = packets.clone().find_map(|packet| packet.slice) else {
            return Content { lacks_parameters: true, ..Content::default() };
        };
        let knows = self.sets.has(&slice, packets.flat_map(|packet| &packet.sets));
        Content {
            is_key: slice.is_idr && knows,
            is_discardable: slice.is_discardable,
            lacks_parameters: !knows,
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
