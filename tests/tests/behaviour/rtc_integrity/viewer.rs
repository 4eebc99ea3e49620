//! A receiver that compares each frame with the one that was sent.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use codec_rtc::fec::{FecLimits, ulpfec};
use codec_rtc::jitter::video::{Frame, FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::packet::rtx::{self, RtxStream};
use codec_rtc::packet::vp8::Decodable;
use codec_rtc::packet::{VideoFormat, h264};
use codec_rtc::rng::Rng;
use codec_rtc::rtp::{self, Header};

use super::source::{Kind, MEDIA, SentFrame};

const RTX: RtxStream = RtxStream { ssrc: 5, payload_type: 97, sequence: 7 };

/// A link with losses, of which some are repaired by retransmission.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) loss_percent: u64,
    pub(super) repaired_percent: u64,
    pub(super) duplicate_percent: u64,
    /// Packets are delayed by up to this time, independent of each other.
    pub(super) jitter_ms: u64,
}

#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) kind: Kind,
    pub(super) packet: Vec<u8>,
    pub(super) retransmitted: bool,
}

/// Packets on their way.
#[derive(Default)]
pub(super) struct Network {
    packets: BTreeMap<(u64, u64), Arrival>,
    serial: u64,
}

impl Network {
    pub(super) fn send(&mut self, now_ms: u64, rng: &mut Rng, link: Link, arrival: &Arrival) {
        let at = now_ms + 10 + rng.below(link.jitter_ms + 1);
        if rng.below(100) >= link.loss_percent {
            self.add(at, arrival.clone());
        } else if arrival.kind == Kind::Media && rng.below(100) < link.repaired_percent {
            let late = at + 30 + rng.below(150);
            self.add(late, Arrival { retransmitted: true, ..arrival.clone() });
        }
        if rng.below(100) < link.duplicate_percent {
            let retransmitted = arrival.kind == Kind::Media && rng.below(2) == 0;
            self.add(at + rng.below(300), Arrival { retransmitted, ..arrival.clone() });
        }
    }

    fn add(&mut self, at: u64, arrival: Arrival) {
        self.serial += 1;
        self.packets.insert((at, self.serial), arrival);
    }

    pub(super) fn due(&mut self, now_ms: u64) -> Vec<Arrival> {
        let later = self.packets.split_off(&(now_ms + 1, 0));
        std::mem::replace(&mut self.packets, later).into_values().collect()
    }
}

pub(super) struct Viewer {
    pub(super) buffer: FrameBuffer,
    format: VideoFormat,
    fec: ulpfec::Decoder,
    /// Whether FEC packets reach the frame buffer as packets without content.
    shows_fec: bool,
    pub(super) recovered: u64,
    /// Timestamps of emitted frames.
    pub(super) emitted: HashSet<u32>,
    newest: Option<i64>,
}

impl Viewer {
    pub(super) fn new(config: FrameBufferConfig, ssrc: u32, shows_fec: bool) -> Self {
        Self {
            format: config.format,
            buffer: FrameBuffer::new(config),
            fec: ulpfec::Decoder::new(ssrc, FecLimits::default()),
            shows_fec,
            recovered: 0,
            emitted: HashSet::new(),
            newest: None,
        }
    }

    /// Takes a packet; those that FEC recovers must be among `sent`, bit for bit.
    pub(super) fn take(&mut self, now: Duration, arrival: &Arrival, sent: &HashMap<u16, Vec<u8>>) {
        let packet = &arrival.packet;
        let parsed = rtp::parse(packet).unwrap();
        let mut recovered = Vec::new();
        match arrival.kind {
            Kind::Fec => {
                if self.shows_fec {
                    let mut empty = Vec::new();
                    let header = Header { payload_type: MEDIA, ..parsed.header };
                    rtp::write(&header, &mut empty);
                    self.push(now, &empty, false);
                }
                self.fec.push_repair(&parsed.payload[1..], &mut recovered).unwrap();
            }
            Kind::Padding => self.push(now, packet, false),
            Kind::Media if arrival.retransmitted => {
                let (mut again, mut original) = (Vec::new(), Vec::new());
                RTX.clone().wrap(packet, &mut again).unwrap();
                let ssrc = parsed.header.ssrc;
                assert_eq!(rtx::unwrap(&again, ssrc, MEDIA, &mut original), Ok(true));
                assert_eq!(rtp::parse(&original).unwrap(), parsed);
                self.push(now, &original, true);
            }
            Kind::Media => {
                self.fec.push_media(packet, &mut recovered).unwrap();
                self.push(now, packet, false);
            }
        }
        for packet in recovered {
            let sequence = rtp::sequence_of(&packet).unwrap();
            assert_eq!(Some(&packet), sent.get(&sequence), "recovered packet {sequence}");
            self.recovered += 1;
            self.push(now, &packet, true);
        }
    }

    pub(super) fn push(&mut self, now: Duration, packet: &[u8], recovered: bool) {
        let info = PacketInfo { recovered, ..PacketInfo::default() };
        self.buffer.push(now, packet, info).unwrap();
    }

    pub(super) fn poll(&mut self, now: Duration) -> Vec<Frame> {
        std::iter::from_fn(|| self.buffer.poll_frame(now)).collect()
    }

    /// Checks a frame against the sent one with its timestamp, and its reference.
    pub(super) fn check(&mut self, now: Duration, frame: &Frame, sent: &HashMap<u32, SentFrame>) {
        let timestamp = frame.id.timestamp;
        let of = sent.get(&timestamp).expect("the frame was sent");
        assert!(self.newest.is_none_or(|newest| newest < frame.media_ticks), "in order, once");
        self.newest = Some(frame.media_ticks);
        check_content(self.format, frame, of);
        assert_eq!(frame.is_key, of.reference.is_none());
        if frame.decodable == Decodable::Yes {
            let has_reference = of.reference.is_none_or(|it| self.emitted.contains(&it));
            assert!(has_reference, "frame {timestamp} without its reference");
            self.emitted.insert(timestamp);
        }
        self.buffer.decoded(now, frame.number, Duration::ZERO);
    }
}

/// Checks that a frame has the bytes that were sent; H.264 may lack parameter sets that arrived before.
pub(super) fn check_content(format: VideoFormat, frame: &Frame, sent: &SentFrame) {
    match format {
        VideoFormat::Vp8 => assert!(frame.data == sent.data, "the frame differs"),
        VideoFormat::H264 => {
            let is_slice = |unit: &&[u8]| unit[0] & 31 < 6;
            let slices = |data| h264::Units::new(data).filter(is_slice).count();
            assert!(sent.data.ends_with(&frame.data), "the frame differs");
            assert_eq!(slices(&frame.data), slices(&sent.data), "slices are missing");
        }
        VideoFormat::Vp9 => {
            assert!(!frame.layers.is_empty(), "no layers");
            assert_eq!(frame.layers[0].descriptor.spatial_id(), 0);
            assert!(frame.lacks_layers || frame.layers.len() == sent.layers.len());
            for layer in &frame.layers {
                let of = &sent.layers[usize::from(layer.descriptor.spatial_id())];
                assert!(frame.data[layer.bytes.clone()] == **of, "a layer frame differs");
            }
        }
    }
}
