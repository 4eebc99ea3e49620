//! A call in one process: encoder, sender, a link that loses a tenth of the packets, receiver,
//! decoder. Time is virtual: the call lasts one simulated minute, and runs as fast as the processor
//! allows.
//!
//! `cargo run --release -p codec-rtc --example call`

#![forbid(unsafe_code)]

use std::error::Error;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::time::Duration;

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, Outcome, Packet, Update, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_rtc::extension::ExtensionMap;
use codec_rtc::link::{Link, LinkSpec};
use codec_rtc::session::{
    Receiver, ReceiverConfig, Sender, SenderConfig, SenderEvent, SenderStats, Streams, VideoStream,
};

const SIZE: Size = Size { width: 320, height: 180 };
const FRAME: Duration = Duration::from_micros(33_333);
/// Ticks of the 90 kHz RTP clock per frame.
const FRAME_TICKS: u32 = 3000;
/// Frames of the call, at 30 per second.
pub const FRAMES: u32 = 1800;

/// The result of the call.
#[derive(Debug)]
pub struct Summary {
    /// Frames that were decoded.
    pub shown: u32,
    /// Bits that the target bitrate allows.
    pub target_bits: u64,
    /// Bits that the encoder produced.
    pub coded_bits: u64,
    /// Statistics of the sender.
    pub stats: SenderStats,
}

/// Numbers that differ from one call to the next: two senders must not share their SSRC and their
/// first sequence numbers.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A moving ramp, as I420 without padding.
fn paint(time: u32) -> Vec<u8> {
    let ramp = |y: u32| (0..SIZE.width).map(move |x| (x + y + 3 * time).to_le_bytes()[0]);
    let luma = (0..SIZE.height).flat_map(ramp);
    luma.chain((0..2 * SIZE.chroma().pixels()).map(|_| 128)).collect()
}

/// Runs the call and prints a summary.
///
/// # Errors
/// As for [`call`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let Summary { shown, target_bits, coded_bits, stats } = call([random(), random()])?;
    let kbps = |bits: u64| bits / u64::from(FRAMES / 30) / 1000;
    writeln!(
        std::io::stdout(),
        "{shown} of {FRAMES} frames shown; {} of {} kb/s used; {} packets sent, {} retransmitted, {} FEC; {} key frames",
        kbps(coded_bits),
        kbps(target_bits),
        stats.video_sent.packets,
        stats.retransmitted.packets,
        stats.fec_sent.packets,
        stats.video.key_frames,
    )?;
    Ok(())
}

/// Runs a call of a minute; `seeds` are the sender's and the receiver's.
///
/// # Errors
/// If a setting is rejected or a packet is malformed.
pub fn call(seeds: [u64; 2]) -> Result<Summary, Box<dyn Error>> {
    // Each end draws a random SSRC. The low bits are its number.
    let [ssrc, receiver_ssrc] = seeds.map(|seed| seed.to_le_bytes().first_chunk().copied());
    let ssrc = u32::from_le_bytes(ssrc.unwrap_or_default());
    let receiver_ssrc = u32::from_le_bytes(receiver_ssrc.unwrap_or_default());
    let video = Some(VideoStream::standard(ssrc));
    let streams = Streams { video, audio: None, extensions: ExtensionMap::default() };
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    // Times of frames are RTP times: `FrameRequest::pts` counts in this unit.
    config.timebase = Rational::new(1, 90_000);
    // A frame must not depend on probabilities of lost frames.
    config.error_resilient = true;
    let mut encoder = codec_vp8::encoder::open(&config)?;
    let mut decoder = codec_vp8::decoder::open(&DecoderConfig::default())?;
    let mut sender = Sender::new(SenderConfig::new(streams.clone(), seeds[0]))?;
    let mut receiver = Receiver::new(ReceiverConfig::new(streams, receiver_ssrc, seeds[1]));
    let link: LinkSpec = "rate=1M,delay=40ms,jitter=10ms,loss=10%".parse()?;
    let link = link.constant().ok_or("expected a link with a constant rate")?;
    let mut there = Link::new(link.clone(), 1)?;
    let mut back = Link::new(link, 2)?;
    let (mut now, mut captured, mut shown) = (Duration::ZERO, 0_u32, 0_u32);
    let mut rate = Bitrate::kbps(300);
    let (mut target_bits, mut coded_bits) = (0, 0);
    while captured < FRAMES {
        if FRAME * captured <= now {
            coded_bits += send_frame(&mut *encoder, &mut sender, now, captured)?;
            target_bits += rate.0 / 30;
            captured += 1;
        }
        sender.handle_timeout(now);
        while let Some(datagram) = sender.poll_transmit() {
            there.send(now, datagram.len(), datagram);
        }
        while let Some(arrival) = there.poll(now) {
            // A malformed datagram is counted and dropped; the call continues.
            let _ = receiver.handle_datagram(now, &arrival.packet);
        }
        while let Some(frame) = receiver.poll_frame(now) {
            decoder.decode(&frame.data, frame.media_ticks, None)?;
            receiver.decoded(now, &frame, Duration::ZERO);
            shown += u32::from(decoder.receive().is_some());
        }
        receiver.handle_timeout(now);
        while let Some(datagram) = receiver.poll_transmit() {
            back.send(now, datagram.len(), datagram);
        }
        while let Some(arrival) = back.poll(now) {
            let _ = sender.handle_datagram(now, &arrival.packet);
        }
        while let Some(event) = sender.poll_event() {
            match event {
                SenderEvent::Target { allocation, .. } => {
                    rate = allocation.video.max(Bitrate::kbps(50));
                    encoder.apply(Update::Bitrate(rate))?;
                }
                // The unit of `pts` is not `timebase`: rate control cannot work.
                SenderEvent::ImplausibleTimes => return Err("implausible frame times".into()),
                _ => {}
            }
        }
        let times = [
            sender.poll_timeout(),
            receiver.poll_timeout(),
            there.poll_timeout(),
            back.poll_timeout(),
        ];
        let next = times.into_iter().flatten().chain([FRAME * captured]).min().unwrap_or(now);
        now = next.max(now + Duration::from_micros(100));
    }
    Ok(Summary { shown, target_bits, coded_bits, stats: sender.stats() })
}

/// Encodes and sends frame `number`; returns its size in bits.
fn send_frame(
    encoder: &mut dyn VideoEncoder,
    sender: &mut Sender,
    now: Duration,
    number: u32,
) -> Result<u64, Box<dyn Error>> {
    // If too much data waits already, the frame is skipped.
    if sender.should_skip_frame() {
        return Ok(0);
    }
    let samples = paint(number);
    let ticks = number * FRAME_TICKS;
    // The sender determines the frame type and its references; the encoder must follow.
    let request = sender.frame_request(now, i64::from(ticks));
    let picture = Picture::i420_packed(SIZE, &samples)?;
    let mut packet = Packet::default();
    if encoder.encode(&picture, &request)? == Outcome::Coded && encoder.receive(&mut packet) {
        sender.send_video(now, now, ticks, &packet)?;
        return Ok(8 * u64::try_from(packet.data.len())?);
    }
    Ok(0)
}
