//! Decodability of frames: exact references from the Dependency Descriptor or the VP9 payload
//! descriptor if present, otherwise from the `PictureID` and the temporal layer of the payload descriptor or,
//! for H.264, from gaps between packets.

use std::collections::BTreeMap;

use super::assembly::Stored;
use super::assumed_layers::{AssumedLayers, TemporalPlace};
use super::content::Content;
use super::frame::{FrameDependency, FrameDiffs, FrameId};
use super::layers::{ALL_LAYERS, LayerHeads, bit};
use crate::packet::vp8::{Decodable, Descriptor, PictureId, References};
use crate::sequence::wrap_16;

/// Maximum distance of a reference (12 bits in the Dependency Descriptor).
const REACH: i64 = 4096;

/// Reference information from the first packet of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) descriptor: Descriptor,
    pub(super) dependency: Option<FrameDependency>,
    /// Whether it is a VP9 superframe.
    is_superframe: bool,
    /// Its temporal layer (VP9).
    temporal: TemporalPlace,
    /// References of a VP9 superframe if they are known, and its layer frames.
    pub(super) references: Option<FrameDiffs>,
    pub(super) layers: Option<LayerHeads>,
    pub(super) is_key: bool,
    /// Whether parameter sets that the frame needs were not received (H.264).
    pub(super) lacks_parameters: bool,
    pub(super) timestamp: i64,
}

impl Head {
    /// `content`: from the packets of the frame.
    pub(super) fn of(first: &Stored, content: Content) -> Self {
        Self {
            descriptor: Descriptor {
                non_reference: content.is_discardable || first.examined.descriptor.non_reference,
                ..first.examined.descriptor
            },
            dependency: first.info.dependency,
            is_superframe: first.examined.is_layer_frame(),
            temporal: first.examined.temporal_place(),
            references: content.references,
            layers: content.layers,
            is_key: content.is_key,
            lacks_parameters: content.lacks_parameters,
            timestamp: first.timestamp,
        }
    }

    pub(super) fn id(&self) -> FrameId {
        FrameId {
            frame_number: self.dependency.map(|dependency| dependency.frame_number),
            picture_id: self.descriptor.picture_id,
            timestamp: crate::sequence::wrap_32(self.timestamp),
        }
    }

    /// The number of a VP9 superframe, which takes precedence over Dependency Descriptors, because these
    /// count layer frames.
    fn picture(&self) -> Option<PictureId> {
        self.descriptor.picture_id.filter(|_| self.is_superframe)
    }

    /// Number of the frame, and its references if they are known. Without a `PictureID`, the Dependency
    /// Descriptor numbers a VP9 superframe only if it consists of one layer frame.
    fn numbered(&self) -> Option<(Number, Option<FrameDiffs>)> {
        if let Some(id) = self.picture() {
            return Some((Number::of_picture(id), self.references));
        }
        let is_single = self.layers.is_none_or(|layers| layers.as_slice().len() == 1);
        let it = self.dependency.filter(|_| is_single)?;
        Some((Number { value: it.frame_number, bits: 16 }, it.diffs))
    }

    pub(super) fn temporal_id(&self) -> u8 {
        let layer = self.descriptor.layer.map(|layer| layer.temporal_id);
        self.dependency.map(|dependency| dependency.temporal_id).or(layer).unwrap_or(0)
    }
}

/// A frame number that wraps.
#[derive(Clone, Copy, Debug)]
struct Number {
    value: u16,
    /// Width, 1..=16.
    bits: u32,
}

impl Number {
    fn of_picture(id: PictureId) -> Self {
        let bits = if matches!(id, PictureId::Long(_)) { 15 } else { 7 };
        Self { value: id.number(), bits }
    }

    /// The value nearest to the previous number.
    fn unwrapped(self, last: Option<i64>) -> i64 {
        let value = i64::from(self.value);
        let Some(last) = last else { return value };
        let range = 1_i64 << self.bits;
        let ahead = (value - last).rem_euclid(range);
        last + if ahead >= range / 2 { ahead - range } else { ahead }
    }
}

/// Whether a frame can be decoded after the previous ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decodability {
    /// All references were decoded.
    Now,
    /// A reference may be among the missing frames.
    Unknown,
    /// A reference was skipped.
    Never,
}

/// Which layers of a frame can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Decodability of the lowest layer.
    pub(super) lowest: Decodability,
    /// Set of the layers whose references were all decoded.
    pub(super) layers: u8,
    /// Whether a reference of another layer may be among the missing frames.
    pub(super) may_gain: bool,
}

impl From<Decodability> for Verdict {
    fn from(lowest: Decodability) -> Self {
        Self { lowest, layers: ALL_LAYERS, may_gain: false }
    }
}

/// Tracks emitted and skipped frames in decoding order.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker {
    /// Numbers of decoded frames within [`REACH`], with the set of their decoded layers.
    decoded: BTreeMap<i64, u8>,
    /// Last number that was unwrapped.
    newest: Option<i64>,
    /// Whether the numbers are `PictureID`s (VP9).
    counts_pictures: bool,
    /// Last number emitted or skipped.
    last: Option<i64>,
    references: References,
    assumed: AssumedLayers,
    has_key: bool,
    /// State before the last frame.
    before: Option<Before>,
}

/// Changes caused by a frame.
#[derive(Clone, Debug)]
struct Before {
    /// All numbers, if a key frame cleared them.
    decoded: Option<BTreeMap<i64, u8>>,
    /// The number added.
    added: Option<i64>,
    newest: Option<i64>,
    last: Option<i64>,
    references: References,
    assumed: AssumedLayers,
    has_key: bool,
}

impl Tracker {
    /// Whether a key frame was emitted.
    pub(super) fn has_key(&self) -> bool {
        self.has_key
    }

    /// Number of frames missing before this one, if frame numbers are available.
    pub(super) fn missing_before(&self, head: &Head) -> Option<u64> {
        if let (Some((number, _)), Some(last)) = (head.numbered(), self.last) {
            let number = number.unwrapped(self.newest);
            return Some(u64::try_from(number - last - 1).unwrap_or(0));
        }
        self.references.missing_before(head.descriptor.picture_id).map(u64::from)
    }

    /// Classifies a frame. `gap`: frames before it are missing that may still arrive.
    pub(super) fn classify(&self, head: &Head, gap: bool) -> Verdict {
        let missing = if gap { Decodability::Unknown } else { Decodability::Never };
        if head.lacks_parameters && !head.is_key {
            return missing.into();
        }
        let exact = head.numbered().and_then(|(number, diffs)| Some((number, diffs?)));
        let Some((number, diffs)) = exact else {
            return self.classify_unstated(head, gap, missing);
        };
        if !self.has_key && !head.is_key {
            return missing.into();
        }
        let number = number.unwrapped(self.newest);
        if let Some(layers) = head.layers.filter(|_| head.picture().is_some()) {
            return self.classify_layers(&layers, number, gap);
        }
        if head.is_key {
            return Decodability::Now.into();
        }
        let layers = head.layers.map_or(ALL_LAYERS, |layers| layers.bits());
        let references = diffs.as_slice().iter().map(|&diff| number - i64::from(diff));
        self.worst(references, layers, gap).into()
    }

    /// Whether frames are missing between the last one and this one. The `PictureID` is more precise than a gap
    /// between packets, which may belong to a frame already counted.
    fn lacks_frames(&self, head: &Head, gap: bool) -> bool {
        self.missing_before(head).map_or(gap, |missing| missing > 0)
    }

    /// Classifies a frame whose references are not stated. `missing`: the result if a reference is missing.
    fn classify_unstated(&self, head: &Head, gap: bool, missing: Decodability) -> Verdict {
        let Some(heads) = &head.layers else {
            let mut references = self.references.clone();
            return match references.record(&head.descriptor, head.is_key, true, gap) {
                Decodable::Yes => Decodability::Now,
                Decodable::No => missing,
            }
            .into();
        };
        let lacks_frames = self.lacks_frames(head, gap);
        let layers = self.assumed.decodable(heads, head.temporal, head.is_key, lacks_frames);
        let has_lowest = heads.as_slice().first().is_some_and(|it| layers & it.bit() != 0);
        let lowest = if has_lowest { Decodability::Now } else { missing };
        Verdict { lowest, layers, may_gain: false }
    }

    /// Classifies the layers of a superframe.
    fn classify_layers(&self, layers: &LayerHeads, number: i64, gap: bool) -> Verdict {
        let mut found = Verdict { lowest: Decodability::Now, layers: 0, may_gain: false };
        let mut unknown = 0;
        for (index, layer) in layers.as_slice().iter().enumerate() {
            let references = layer.diffs().iter().map(|&diff| number - i64::from(diff));
            let mut verdict = self.worst(references, layer.bit(), gap);
            let lower = layer.spatial_id.checked_sub(1).map_or(0, bit);
            if layer.inter_layer && found.layers & lower == 0 {
                let may_come = unknown & lower != 0 && verdict != Decodability::Never;
                verdict = if may_come { Decodability::Unknown } else { Decodability::Never };
            }
            match verdict {
                Decodability::Now => found.layers |= layer.bit(),
                Decodability::Unknown => unknown |= layer.bit(),
                Decodability::Never => {}
            }
            if index == 0 {
                found.lowest = verdict;
            }
        }
        found.may_gain = unknown != 0;
        found
    }

    /// Returns the worst decodability of references, which must have been decoded with all `layers`.
    fn worst(&self, references: impl Iterator<Item = i64>, layers: u8, gap: bool) -> Decodability {
        let mut verdict = Decodability::Now;
        for reference in references {
            let has = self.decoded.get(&reference).is_some_and(|has| has & layers == layers);
            if !has {
                if !gap || self.last.is_none_or(|last| reference <= last) {
                    return Decodability::Never;
                }
                verdict = Decodability::Unknown;
            }
        }
        verdict
    }

    /// Records that a frame was emitted, with the set of layers that are decoded, or skipped although
    /// complete (no layers). `gap`: packets before it were missing.
    pub(super) fn record(&mut self, head: &Head, gap: bool, layers: u8) {
        let decodes = layers != 0;
        let Self { newest, last, has_key, .. } = *self;
        let (references, assumed) = (self.references.clone(), self.assumed);
        let mut before =
            Before { decoded: None, added: None, newest, last, references, assumed, has_key };
        self.references.record(&head.descriptor, head.is_key, decodes, gap);
        if decodes && head.is_key {
            before.decoded = Some(std::mem::take(&mut self.decoded));
            self.has_key = true;
        }
        let lacks_frames = self.lacks_frames(head, gap);
        self.assumed.record(head.temporal, head.is_key, lacks_frames, layers);
        self.before = Some(before);
        let Some((number, _)) = head.numbered() else { return };
        if head.is_key {
            // A restarted stream may restart its frame numbers.
            self.newest = None;
        }
        let number = number.unwrapped(self.newest);
        self.newest = Some(number);
        self.counts_pictures = head.picture().is_some();
        self.last = Some(number);
        if decodes {
            let is_new = self.decoded.insert(number, layers).is_none();
            if let Some(before) = self.before.as_mut().filter(|_| is_new) {
                before.added = Some(number);
            }
            self.decoded = self.decoded.split_off(&(number - REACH));
        }
    }

    /// Records that an emitted frame failed to decode, so that no frame may reference it.
    pub(super) fn failed(&mut self, id: FrameId) {
        let picture = id.picture_id.filter(|_| self.counts_pictures).map(Number::of_picture);
        match picture.or(id.frame_number.map(|value| Number { value, bits: 16 })) {
            Some(number) => {
                self.decoded.remove(&number.unwrapped(self.newest));
            }
            None => self.has_key = false,
        }
        (self.references, self.assumed) = (References::new(), AssumedLayers::default());
    }

    /// Undoes the last emitted frame, which never reached the decoder.
    pub(super) fn undecryptable(&mut self, id: FrameId) {
        let Some(before) = self.before.take() else { return self.failed(id) };
        if id.frame_number.is_none() && id.picture_id.is_none() {
            // Without a number, the missing frame could not be detected.
            return self.failed(id);
        }
        let Before { decoded, added, newest, last, references, assumed, has_key } = before;
        if let Some(added) = added {
            self.decoded.remove(&added);
        }
        if let Some(decoded) = decoded {
            self.decoded = decoded;
        }
        (self.newest, self.last, self.references, self.has_key) =
            (newest, last, references, has_key);
        self.assumed = assumed;
    }

    /// Clears all references, so that only a key frame is decodable.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Identifies the first missing frame before `head`, or its first lost reference; `head` itself
    /// if unknown.
    pub(super) fn first_lost(&self, head: &Head) -> FrameId {
        let mut id = head.id();
        if self.missing_before(head).is_none_or(|missing| missing == 0) {
            return id;
        }
        if let Some(last) =
            self.last.filter(|_| head.dependency.is_some() && head.picture().is_none())
        {
            id.frame_number = Some(wrap_16(last + 1));
        }
        id
    }
}
