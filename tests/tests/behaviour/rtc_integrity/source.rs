//! Frames of random content, and their RTP packets as browsers send them.

use std::collections::HashMap;

use codec_rtc::fec::{Encoder, mask::Pattern};
use codec_rtc::packet::VideoFormat;
use codec_rtc::packet::vp8::{self, LayerInfo};
use codec_rtc::packet::{h264, vp9};
use codec_rtc::rng::Rng;
use codec_rtc::rtp::{self, Extension, Header, Packet};

pub(super) const SSRC: u32 = 0x1122_3344;
pub(super) const MEDIA: u8 = 96;
pub(super) const RED: u8 = 98;
pub(super) const ULPFEC: u8 = 99;
const SETS: [u8; 17] = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xda, 0, 0, 0, 1, 0x68, 0xce, 0x38, 0x80];

/// A frame as the encoder made it.
pub(super) struct SentFrame {
    /// The coded frame; empty for VP9.
    pub(super) data: Vec<u8>,
    /// Layer frames of VP9.
    pub(super) layers: Vec<Vec<u8>>,
    /// Timestamp of the frame that it references; `None` for a key frame.
    pub(super) reference: Option<u32>,
}

/// What the sender does besides media.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    pub(super) format: VideoFormat,
    /// FEC packets in RED, with sequence numbers of the media.
    pub(super) fec: bool,
    /// Packets with padding only between frames, and within them.
    pub(super) padding: bool,
    pub(super) padding_within: bool,
    /// Frames that are lost before they get sequence numbers, in percent.
    pub(super) unsent_percent: u64,
    /// Two temporal layers with TL0PICIDX (VP8).
    pub(super) layers: bool,
    /// Maximum number of packets of a frame; a key frame has up to three times as many.
    pub(super) packets: usize,
}

/// What a packet of the media's source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Media,
    Fec,
    Padding,
}

pub(super) struct Source {
    pub(super) habits: Habits,
    pub(super) rng: Rng,
    pub(super) ssrc: u32,
    sequence: u16,
    frame: u16,
    timestamp: u32,
    /// Timestamps of the last frame and of the last one of the base layer.
    last: u32,
    base: u32,
    tl0: u8,
    /// Sent frames by timestamp, and media packets by sequence number.
    pub(super) frames: HashMap<u32, SentFrame>,
    pub(super) packets: HashMap<u16, Vec<u8>>,
    encoder: Encoder,
    /// FEC payloads that are sent within the next frame.
    waiting: Vec<Vec<u8>>,
}

impl Source {
    pub(super) fn new(habits: Habits, ssrc: u32, mut rng: Rng) -> Self {
        Self {
            habits,
            ssrc,
            // The numbers wrap in most runs.
            sequence: 65_535 - u16::try_from(rng.below(600)).unwrap(),
            frame: u16::try_from(rng.below(1 << 15)).unwrap(),
            timestamp: u32::try_from(rng.below(1 << 32)).unwrap(),
            last: 0,
            base: 0,
            tl0: rng.byte(),
            frames: HashMap::new(),
            packets: HashMap::new(),
            encoder: Encoder::ulpfec(),
            waiting: Vec::new(),
            rng,
        }
    }

    /// The packets of the next frame with all that is sent between them.
    pub(super) fn next(&mut self, is_key: bool) -> Vec<(Kind, Vec<u8>)> {
        self.timestamp = self.timestamp.wrapping_add(3000);
        let payloads = self.encode(is_key);
        if self.rng.below(100) < self.habits.unsent_percent {
            return Vec::new();
        }
        let mut out = Vec::new();
        let last = payloads.len() - 1;
        let fec_at = self.rng.index(payloads.len());
        for (at, payload) in payloads.iter().enumerate() {
            if at == fec_at {
                let waiting = std::mem::take(&mut self.waiting);
                waiting.into_iter().for_each(|payload| out.push(self.repair(&payload)));
            }
            let is_inside = at > 0 && self.habits.padding_within;
            if is_inside && self.rng.below(8) == 0 {
                out.push(self.padding());
            }
            let packet = self.packet(MEDIA, at == last, payload);
            self.packets.insert(rtp::sequence_of(&packet).unwrap(), packet.clone());
            self.encoder.push(&packet).unwrap();
            out.push((Kind::Media, packet));
        }
        self.protect(&mut out);
        while self.habits.padding && self.rng.below(4) == 0 {
            out.push(self.padding());
        }
        out
    }

    fn protect(&mut self, out: &mut Vec<(Kind, Vec<u8>)>) {
        if !self.habits.fec || self.rng.below(4) == 0 {
            return;
        }
        let last = 1 + self.rng.index(30);
        let repairs = 1 + self.rng.index(4);
        let pattern = *self.rng.pick(&[Pattern::Interleaved, Pattern::Overlapping]);
        let mut payloads = Vec::new();
        self.encoder.protect(last, repairs, pattern, &mut payloads);
        if self.habits.padding_within && self.rng.below(3) == 0 {
            self.waiting = payloads;
        } else {
            payloads.iter().for_each(|payload| out.push(self.repair(payload)));
        }
    }

    fn repair(&mut self, payload: &[u8]) -> (Kind, Vec<u8>) {
        let block = [&[ULPFEC][..], payload].concat();
        (Kind::Fec, self.packet(RED, false, &block))
    }

    fn padding(&mut self) -> (Kind, Vec<u8>) {
        let header = self.header(MEDIA, false);
        let packet = Packet { header, csrcs: &[], extension: None, payload: &[] };
        let mut bytes = Vec::new();
        let padding = 1 + u8::try_from(self.rng.below(255)).unwrap();
        rtp::write_packet(&packet, padding, &mut bytes).unwrap();
        (Kind::Padding, bytes)
    }

    fn header(&mut self, payload_type: u8, marker: bool) -> Header {
        let (sequence, timestamp) = (self.sequence, self.timestamp);
        self.sequence = sequence.wrapping_add(1);
        Header { marker, payload_type, sequence, timestamp, ssrc: self.ssrc }
    }

    /// A packet with CSRCs, header extension and padding, or without.
    fn packet(&mut self, payload_type: u8, marker: bool, payload: &[u8]) -> Vec<u8> {
        let header = self.header(payload_type, marker);
        // Elements of three bytes (RFC 8285, section 4.2).
        let elements = self.rng.index(5);
        let mut element = || [0x12, self.rng.byte(), self.rng.byte(), self.rng.byte()];
        let data: Vec<u8> = (0..elements).flat_map(|_| element()).collect();
        let has_extension = self.rng.below(3) > 0;
        let extension = has_extension.then_some(Extension { profile: 0xbede, data: &data });
        let csrcs: &[u8] = if self.rng.below(8) == 0 { &[1, 2, 3, 4] } else { &[] };
        let padding = if self.rng.below(8) == 0 { self.rng.byte() / 2 } else { 0 };
        let mut bytes = Vec::new();
        let packet = Packet { header, csrcs, extension, payload };
        rtp::write_packet(&packet, padding, &mut bytes).unwrap();
        bytes
    }

    /// The payloads of a new frame.
    fn encode(&mut self, is_key: bool) -> Vec<Vec<u8>> {
        self.frame = self.frame.wrapping_add(1);
        let is_upper = self.habits.layers && !is_key && self.frame % 2 == 1;
        let mtu = 128 + self.rng.index(1000);
        let bytes = 30 + self.rng.index(if is_key { 3 } else { 1 } * self.habits.packets * mtu);
        let mut packets = Vec::new();
        let (data, layers) = match self.habits.format {
            VideoFormat::Vp8 => (self.vp8(is_key, is_upper, bytes, mtu, &mut packets), Vec::new()),
            VideoFormat::H264 => (self.h264(is_key, bytes, mtu, &mut packets), Vec::new()),
            VideoFormat::Vp9 => (Vec::new(), self.vp9(is_key, bytes, mtu, &mut packets)),
        };
        let reference = if self.habits.layers { self.base } else { self.last };
        let reference = (!is_key).then_some(reference);
        self.last = self.timestamp;
        if !is_upper {
            self.base = self.timestamp;
        }
        self.frames.insert(self.timestamp, SentFrame { data, layers, reference });
        packets.iter().map(|packet| rtp::parse(packet).unwrap().payload.to_vec()).collect()
    }

    fn random(&mut self, first: u8, bytes: usize) -> Vec<u8> {
        let mut data: Vec<u8> = (0..bytes).map(|_| self.rng.byte()).collect();
        data[0] = first;
        data
    }

    fn vp8(
        &mut self,
        is_key: bool,
        is_upper: bool,
        bytes: usize,
        mtu: usize,
        packets: &mut Vec<Vec<u8>>,
    ) -> Vec<u8> {
        let first = self.rng.byte() & 0xfe | u8::from(!is_key);
        let data = self.random(first, bytes);
        self.tl0 = self.tl0.wrapping_add(u8::from(!is_upper));
        let layer = LayerInfo { temporal_id: u8::from(is_upper), layer_sync: is_upper };
        let descriptor = vp8::Descriptor {
            picture_id: Some(vp8::PictureId::Long(self.frame & 0x7fff)),
            tl0_pic_idx: self.habits.layers.then_some(self.tl0),
            layer: self.habits.layers.then_some(layer),
            ..vp8::Descriptor::default()
        };
        for (at, part) in data.chunks(mtu).enumerate() {
            let mut packet = Vec::new();
            rtp::write(&Header::default(), &mut packet);
            let start_of_partition = at == 0;
            vp8::Descriptor { start_of_partition, ..descriptor }.write(&mut packet).unwrap();
            packet.extend(part);
            packets.push(packet);
        }
        data
    }

    fn h264(
        &mut self,
        is_key: bool,
        bytes: usize,
        mtu: usize,
        packets: &mut Vec<Vec<u8>>,
    ) -> Vec<u8> {
        let mut data = if is_key { SETS.to_vec() } else { Vec::new() };
        let slices = 1 + self.rng.index(3);
        for slice in 0..slices {
            let header = if is_key { 0x65 } else { 0x41 };
            // Macroblock 0 or 1, slice type 5, parameter set 0.
            let head = if slice == 0 { 0b1001_1010 } else { 0b0100_0110 };
            data.extend([0, 0, 0, 1, header, head, 0xff]);
            data.extend((0..bytes / slices).map(|_| self.rng.byte() | 1));
        }
        let config = h264::PacketizerConfig { mtu, ..Default::default() };
        h264::Packetizer::new(config).unwrap().packetize(&data, 0, packets).unwrap();
        data
    }

    fn vp9(
        &mut self,
        is_key: bool,
        bytes: usize,
        mtu: usize,
        packets: &mut Vec<Vec<u8>>,
    ) -> Vec<Vec<u8>> {
        let config = vp9::PacketizerConfig { mtu, ..Default::default() };
        let mut packetizer = vp9::Packetizer::new(config).unwrap();
        let mut layers = Vec::new();
        for spatial_id in 0..3_u8 {
            let starts_key = is_key && spatial_id == 0;
            let first = if starts_key { 0x82 } else { 0x86 };
            let data = self.random(first, bytes / 3 + 1);
            let diffs: &[u8] = if is_key { &[] } else { &[1] };
            let structure = vp9::ScalabilityStructure { spatial_layers: 3, ..Default::default() };
            let descriptor = vp9::Descriptor {
                picture_id: Some(vp9::PictureId::Long(self.frame & 0x7fff)),
                inter_predicted: !is_key,
                layer: Some(vp9::LayerIndices {
                    spatial_id,
                    inter_layer_predicted: spatial_id > 0,
                    ..vp9::LayerIndices::default()
                }),
                flexible: true,
                references: vp9::References::new(diffs).unwrap(),
                structure: starts_key.then(|| Box::new(structure)),
                ..vp9::Descriptor::default()
            };
            let ends = spatial_id == 2;
            packetizer.packetize_layer(&data, &descriptor, ends, 0, packets).unwrap();
            layers.push(data);
        }
        layers
    }
}
