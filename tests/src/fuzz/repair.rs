//! Lost packets: FEC and the frame buffer for video.

use std::time::Duration;

use codec_rtc::fec::mask::Pattern;
use codec_rtc::fec::{Encoder, FecLimits, flexfec, ulpfec};
use codec_rtc::jitter::video::{
    FrameBuffer, FrameBufferConfig, FrameDependency, FrameDiffs, PacketInfo,
};
use codec_rtc::packet::vp8::{Descriptor, LayerInfo, PictureId};
use codec_rtc::rtp::{self, Header, Packet};

const SSRC: u32 = 7;

/// A step of an FEC target: its kind and its bytes.
fn steps(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&[kind, length], tail) = rest.split_first_chunk::<2>()?;
        let (step, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        Some((kind, step))
    })
}

/// A media packet from a step, with a number close to the others.
fn media(sequence: &mut u16, step: &[u8]) -> Vec<u8> {
    let [jump, mark, payload @ ..] = step else { return Vec::new() };
    *sequence = sequence.wrapping_add(u16::from(*jump % 8));
    let header = Header {
        marker: mark & 1 == 1,
        payload_type: 96,
        sequence: *sequence,
        timestamp: 3000 * u32::from(*mark),
        ssrc: SSRC,
    };
    let mut bytes = Vec::new();
    rtp::write(&header, &mut bytes);
    bytes.extend_from_slice(payload);
    bytes
}

/// The decoder's output must be packets, at most as many as the repair packets allow.
fn check(out: &[Vec<u8>], repairs: usize) {
    assert!(out.len() <= repairs, "each repair packet makes one packet at most");
    for packet in out {
        assert!(packet.len() <= 2048);
        let packet = rtp::parse(packet).expect("the result is a packet");
        assert_eq!(packet.header.ssrc, SSRC);
    }
}

/// Steps of media packets, modified repair payloads of ours, and arbitrary bytes as either, through
/// a ULPFEC decoder.
///
/// # Panics
/// If it returns something that is not a packet, or more than possible.
pub fn ulpfec(data: &[u8]) {
    let mut encoder = Encoder::ulpfec();
    let mut decoder = ulpfec::Decoder::new(SSRC, FecLimits::default());
    let (mut sequence, mut repairs, mut out, mut made) = (65_500, 0, Vec::new(), Vec::new());
    for (kind, step) in steps(data) {
        match kind % 4 {
            0 | 1 => {
                let packet = media(&mut sequence, step);
                // Half of them are lost.
                if encoder.push(&packet).is_ok() && kind % 4 == 0 {
                    let _ = decoder.push_media(&packet, &mut out);
                }
            }
            2 => {
                made.clear();
                encoder.protect(usize::from(kind >> 2), 3, Pattern::Overlapping, &mut made);
                for repair in &mut made {
                    for (byte, change) in repair.iter_mut().zip(step) {
                        *byte ^= change;
                    }
                    repairs += usize::from(decoder.push_repair(repair, &mut out).is_ok());
                }
            }
            _ => {
                repairs += usize::from(decoder.push_repair(step, &mut out).is_ok());
                let _ = decoder.push_media(step, &mut out);
            }
        }
    }
    check(&out, repairs);
}

/// The same with a `FlexFEC` decoder.
///
/// # Panics
/// If it returns something that is not a packet, or more than possible.
pub fn flexfec(data: &[u8]) {
    let mut encoder = Encoder::flexfec();
    let mut decoder = flexfec::Decoder::new(SSRC, FecLimits::default());
    let csrcs = SSRC.to_be_bytes();
    let header = Header { payload_type: 100, ssrc: 8, ..Header::default() };
    let (mut sequence, mut repairs, mut out, mut made) = (65_500, 0, Vec::new(), Vec::new());
    for (kind, step) in steps(data) {
        let mut repair = |payload: &[u8], out: &mut Vec<Vec<u8>>| {
            let packet = Packet { header, csrcs: &csrcs, extension: None, payload };
            repairs += usize::from(decoder.push_repair(&packet, out).is_ok());
        };
        match kind % 4 {
            0 | 1 => {
                let packet = media(&mut sequence, step);
                if encoder.push(&packet).is_ok() && kind % 4 == 0 {
                    let _ = decoder.push_media(&packet, &mut out);
                }
            }
            2 => {
                made.clear();
                encoder.protect(usize::from(kind >> 1), 3, Pattern::Interleaved, &mut made);
                for payload in &mut made {
                    for (byte, change) in payload.iter_mut().zip(step) {
                        *byte ^= change;
                    }
                    repair(payload, &mut out);
                }
            }
            _ => repair(step, &mut out),
        }
    }
    check(&out, repairs);
}

/// Steps of eight bytes: a delay, and a packet that is reordered, repeated, lost, far away or not a
/// packet, with or without a Dependency Descriptor, into the frame buffer for video.
///
/// # Panics
/// If it holds too much, reports a returned frame as due, or counts wrongly.
pub fn frame_buffer(data: &[u8]) {
    let Some((&options, data)) = data.split_first() else { return };
    let config = FrameBufferConfig {
        conceal: options & 1 == 1,
        wait_for_all_frames: options & 2 == 2,
        ..FrameBufferConfig::default()
    };
    let mut buffer = FrameBuffer::new(config);
    let (mut now, mut sequence, mut frame, mut given) = (Duration::ZERO, 65_500_u16, 0_u16, 0);
    for (step, chunk) in data.chunks_exact(8).enumerate() {
        let &[kind, time, jump, shape, layer, first, second, length] = chunk else { return };
        now += Duration::from_millis(u64::from(time) >> (kind & 3));
        let starts = shape & 1 == 1;
        frame = frame.wrapping_add(u16::from(starts));
        sequence = match kind >> 2 & 7 {
            0 => sequence.wrapping_add(jump.into()),
            1 => sequence.wrapping_sub(jump.into()),
            2 => sequence.wrapping_add(u16::from(jump) << 8),
            _ => sequence.wrapping_add(1),
        };
        let header = Header {
            marker: shape & 2 == 2,
            payload_type: 96,
            sequence,
            timestamp: 3000 * u32::from(frame) + (u32::from(second) << (kind >> 3)),
            ssrc: SSRC,
        };
        let mut bytes = Vec::new();
        rtp::write(&header, &mut bytes);
        let layers = shape & 4 == 4;
        let descriptor = Descriptor {
            start_of_partition: starts,
            partition: shape >> 7,
            picture_id: (shape & 8 == 8).then_some(PictureId::Long(frame & 0x7fff)),
            tl0_pic_idx: layers.then_some(layer),
            layer: layers.then_some(LayerInfo { temporal_id: layer & 3, layer_sync: layer > 99 }),
            ..Descriptor::default()
        };
        descriptor.write(&mut bytes).expect("in range");
        bytes.push(u8::from(first > 8));
        bytes.resize(bytes.len() + usize::from(length), first);
        if kind == 255 {
            bytes.truncate(length.into());
        }
        let dependency = (shape & 16 == 16).then(|| FrameDependency {
            frame_number: frame.wrapping_add(u16::from(second & 1)),
            starts_frame: starts,
            ends_frame: shape & 2 == 2,
            temporal_id: layer & 3,
            diffs: FrameDiffs::new(
                &[u16::from(first), u16::from(second)][..usize::from(first % 3)],
            ),
        });
        let info = PacketInfo { dependency, recovered: kind & 64 == 64, ..PacketInfo::default() };
        let _ = buffer.push(now, &bytes, info);
        while let Some(frame) = buffer.poll_frame(now) {
            assert_eq!(frame.number, given);
            assert!(!frame.data.is_empty() && frame.packets > 0);
            assert!(frame.render_at <= now + Duration::from_secs(2), "held for too long");
            given += 1;
            match first & 7 {
                0 => buffer.failed(now, frame.number),
                1 => {}
                _ => buffer.decoded(now, frame.number, Duration::from_millis(1)),
            }
            buffer.rendered(now);
        }
        let _ = (buffer.needs_key_frame(now), buffer.poll_lost_frame(now));
        assert!(buffer.poll_timeout().is_none_or(|at| at > now), "all due items were returned");
        assert!(buffer.buffered_packets() <= 2048);
        assert_eq!(buffer.stats().jitter_buffer_emitted_count, given);
        assert!(given + buffer.dropped().total() <= 2 * (step as u64 + 1), "frames have packets");
    }
}
