//! A call with oneself: encoder, sender, a link that loses a tenth of the packets, receiver, decoder.
//! Time is virtual: a minute passes at once.
//!
//! `cargo run --release -p codec-examples --bin call`

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use codec_core::codec::{
    Bitrate, DecoderConfig, EncoderConfig, Outcome, Packet, Update, VideoEncoder,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_core::vp8;
use codec_rtc::extension::Map;
use codec_rtc::link::{Link, LinkSpec};
use codec_rtc::session::{
    Receiver, ReceiverConfig, Sender, SenderConfig, SenderEvent, Streams, VideoStream,
};

const SIZE: Size = Size { width: 320, height: 180 };
const FRAME: Duration = Duration::from_micros(33_333);

/// A ramp that wanders, as I420 without padding.
fn paint(time: u32) -> Vec<u8> {
    let ramp = |y: u32| (0..SIZE.width).map(move |x| (x + y + 3 * time).to_le_bytes()[0]);
    let luma = (0..SIZE.height).flat_map(ramp);
    luma.chain((0..2 * SIZE.chroma().pixels()).map(|_| 128)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let streams =
        Streams { video: Some(VideoStream::standard(1)), audio: None, extensions: Map::default() };
    let mut config = EncoderConfig::rtc(SIZE, Rational::new(30, 1), Bitrate::kbps(300));
    // What was lost must not be needed to read what comes after it.
    config.error_resilient = true;
    let mut encoder = vp8::encoder::open(&config)?;
    let mut decoder = vp8::decoder::open(&DecoderConfig::default())?;
    let mut sender = Sender::new(SenderConfig::new(streams.clone()))?;
    let mut receiver = Receiver::new(ReceiverConfig::new(streams, 99));
    let link: LinkSpec = "rate=1M,delay=40ms,jitter=10ms,loss=10%".parse()?;
    let link = link.constant().ok_or("a link with a constant rate")?;
    let mut there = Link::new(link.clone(), 1)?;
    let mut back = Link::new(link, 2)?;
    let (mut now, mut captured, mut shown) = (Duration::ZERO, 0_u32, 0_u32);
    while captured < 1800 {
        if FRAME * captured <= now {
            send_picture(&mut *encoder, &mut sender, now, captured)?;
            captured += 1;
        }
        while let Some(datagram) = sender.poll(now) {
            there.send(now, datagram.len(), datagram);
        }
        while let Some(arrival) = there.poll(now) {
            receiver.receive(now, &arrival.packet)?;
        }
        while let Some(frame) = receiver.poll_frame(now) {
            decoder.decode(&frame.data, frame.media_ticks, None)?;
            receiver.decoded(now, &frame, Duration::ZERO);
            shown += u32::from(decoder.receive().is_some());
        }
        while let Some(datagram) = receiver.poll(now) {
            back.send(now, datagram.len(), datagram);
        }
        while let Some(arrival) = back.poll(now) {
            sender.receive(now, &arrival.packet)?;
        }
        while let Some(event) = sender.poll_event() {
            if let SenderEvent::Target { allocation, .. } = event {
                encoder.apply(Update::Bitrate(allocation.video.max(Bitrate::kbps(50))))?;
            }
        }
        let times = [sender.next_time(), receiver.next_time(), there.next_time(), back.next_time()];
        let next = times.into_iter().flatten().chain([FRAME * captured]).min().unwrap_or(now);
        now = next.max(now + Duration::from_micros(100));
    }
    use std::io::Write;
    let stats = sender.stats();
    writeln!(
        std::io::stdout(),
        "{shown} of {captured} pictures shown; {} packets sent, {} again, {} of correction; {} key frames",
        stats.video_sent.packets,
        stats.retransmitted.packets,
        stats.fec_sent.packets,
        stats.video.key_frames,
    )?;
    Ok(())
}

fn send_picture(
    encoder: &mut dyn VideoEncoder,
    sender: &mut Sender,
    now: Duration,
    number: u32,
) -> Result<(), Box<dyn Error>> {
    // Where too much waits already, the picture is left out.
    if sender.is_behind() {
        return Ok(());
    }
    let samples = paint(number);
    let request = sender.request(now, i64::from(number) * 3000);
    let picture = Picture::i420_packed(SIZE, &samples)?;
    let mut packet = Packet::default();
    if encoder.encode(&picture, &request)? == Outcome::Coded && encoder.receive(&mut packet) {
        sender.video(now, now, number * 3000, &packet)?;
    }
    Ok(())
}
