//! An encoder and a decoder that compute one number per frame, instead of samples: a frame that is predicted
//! from another reference than the encoder's has another number.

use std::collections::HashMap;

use codec_core::codec::{
    Bitrate, FrameKind, FrameRequest, Packet, PacketMeta, SlotSet, SpatialLayer,
};
use codec_core::frame::Size;

use crate::jitter::video::Frame;
use crate::packet::VideoFormat;
use crate::rng::Rng;

const SETS: [u8; 17] = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];
const SLOTS: usize = 8;
/// Fields of a frame: its number, its references, its updates, and whether it predicts from the layer below.
const FIELDS: usize = 4;
/// Hexadecimal digits of a field.
const DIGITS: usize = 8;

/// A coded layer frame, and the number that it decodes to.
struct Sent {
    data: Vec<u8>,
    picture: u64,
}

pub(super) struct Coder {
    format: VideoFormat,
    spatial_layers: u8,
    temporal_layers: u8,
    rng: Rng,
    bytes_per_frame: u64,
    frame_id: u64,
    since_key: u64,
    tl0_index: u8,
    slots: [u64; SLOTS],
    /// By timestamp and layer.
    sent: HashMap<(u32, u8), Sent>,
}

fn fold(seed: u64, slots: &[u64; SLOTS], references: u64) -> u64 {
    let used = slots.iter().enumerate().filter(|(slot, _)| references >> slot & 1 == 1);
    used.fold(Rng::new(seed).next_u64(), |sum, (_, held)| Rng::new(sum ^ held).next_u64())
}

fn write(format: VideoFormat, is_key: bool, fields: [u64; FIELDS], fill: usize) -> Vec<u8> {
    let mut data = match (format, is_key) {
        (VideoFormat::Vp8, _) => vec![u8::from(!is_key)],
        (VideoFormat::Vp9, true) => vec![0x82],
        (VideoFormat::Vp9, false) => vec![0x86],
        (VideoFormat::H264, true) => [&SETS[..], &[0, 0, 0, 1, 0x65, 0x9a]].concat(),
        (VideoFormat::H264, false) => vec![0, 0, 0, 1, 0x41, 0x9a],
    };
    data.resize(data.len() + fill, 0x55);
    for field in fields {
        data.extend(format!("{field:08x}").bytes());
    }
    data
}

fn read(data: &[u8]) -> [u64; FIELDS] {
    let fields = std::str::from_utf8(&data[data.len() - FIELDS * DIGITS..]).unwrap();
    std::array::from_fn(|at| {
        u64::from_str_radix(&fields[at * DIGITS..(at + 1) * DIGITS], 16).unwrap()
    })
}

impl Coder {
    pub(super) fn new(format: VideoFormat, layers: (u8, u8), seed: u64) -> Self {
        Self {
            format,
            spatial_layers: layers.0,
            temporal_layers: layers.1,
            rng: Rng::new(seed),
            bytes_per_frame: 1200,
            frame_id: 0,
            since_key: 0,
            tl0_index: 0,
            slots: [0; SLOTS],
            sent: HashMap::new(),
        }
    }

    pub(super) fn set_bitrate(&mut self, bitrate: Bitrate) {
        self.bytes_per_frame = (bitrate.0 / 8 / 30).clamp(150, 4000);
    }

    /// Codes a superframe as requested.
    pub(super) fn encode(&mut self, request: &FrameRequest, timestamp: u32) -> Vec<Packet> {
        let is_key = request.key_frame || self.frame_id == 0;
        self.since_key = if is_key { 0 } else { self.since_key + 1 };
        let is_upper = self.temporal_layers > 1 && self.since_key % 2 == 1;
        self.tl0_index = self.tl0_index.wrapping_add(u8::from(!is_upper));
        let mut packets = Vec::new();
        let mut below = 0;
        for id in 0..self.spatial_layers {
            let is_inter_layer = id > 0;
            let own = SlotSet(1 << id);
            let refs_used = match request.references {
                _ if is_key => SlotSet::NONE,
                Some(references) if self.spatial_layers == 1 => references,
                _ => own,
            };
            let refs_updated = match request.updates {
                _ if is_key && id == 0 => SlotSet(0xff),
                _ if is_upper => SlotSet::NONE,
                Some(updates) if self.spatial_layers == 1 => updates,
                _ => own,
            };
            let inter_layer = u64::from(is_inter_layer);
            let fields = [self.frame_id, refs_used.0.into(), refs_updated.0.into(), inter_layer];
            let picture = picture(fields, &mut self.slots, below);
            below = picture;
            let mean =
                self.bytes_per_frame * if is_key { 3 } else { 1 } / u64::from(self.spatial_layers);
            let fill = mean / 2 + self.rng.below(mean);
            let is_key_frame = is_key && id == 0;
            let data = write(self.format, is_key_frame, fields, usize::try_from(fill).unwrap());
            let meta = PacketMeta {
                frame_id: self.frame_id,
                kind: if is_key { FrameKind::Key } else { FrameKind::Inter },
                shown: true,
                size: Size::new(160 << id, 96 << id),
                refs_used,
                refs_updated,
                temporal_id: u8::from(is_upper),
                temporal_layers: self.temporal_layers,
                layer_sync: is_upper,
                tl0_index: self.tl0_index,
                spatial: SpatialLayer {
                    id,
                    layers: self.spatial_layers,
                    inter_layer_predicted: is_inter_layer,
                    used_by_upper_layer: id + 1 < self.spatial_layers,
                    sync: is_key,
                    end_of_picture: id + 1 == self.spatial_layers,
                    ..SpatialLayer::default()
                },
                ..PacketMeta::default()
            };
            self.sent.insert((timestamp, id), Sent { data: data.clone(), picture });
            packets.push(Packet { data, meta, ..Packet::default() });
            self.frame_id += 1;
        }
        packets
    }
}

/// Computes the number of a frame from those in the slots and of the lower layer, and updates the slots.
fn picture(fields: [u64; FIELDS], slots: &mut [u64; SLOTS], below: u64) -> u64 {
    let [number, references, updates, inter_layer] = fields;
    let picture = fold(number ^ (below * inter_layer), slots, references);
    for (slot, held) in slots.iter_mut().enumerate() {
        if updates >> slot & 1 == 1 {
            *held = picture;
        }
    }
    picture
}

#[derive(Default)]
pub(super) struct Decoder {
    slots: [u64; SLOTS],
}

impl Decoder {
    /// Decodes a frame.
    ///
    /// # Panics
    /// If it is not the frame that was sent, or is predicted from another reference than at the sender.
    pub(super) fn decode(&mut self, frame: &Frame, coder: &Coder) {
        let layers: Vec<&[u8]> = match coder.format {
            VideoFormat::Vp9 => {
                frame.layers.iter().map(|layer| &frame.data[layer.bytes.clone()]).collect()
            }
            _ => vec![&frame.data],
        };
        let is_complete = layers.len() == usize::from(coder.spatial_layers);
        assert!(is_complete || frame.lacks_layers, "frame {:?}", frame.id);
        let mut below = 0;
        for (id, data) in (0..).zip(layers) {
            let sent = coder.sent.get(&(frame.id.timestamp, id)).expect("it was sent");
            assert!(sent.data == data, "frame {:?} was altered", frame.id);
            below = picture(read(data), &mut self.slots, below);
            assert_eq!(below, sent.picture, "frame {:?}, layer {id} lacks a reference", frame.id);
        }
    }
}
