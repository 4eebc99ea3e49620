//! VP8 over RTP between two UDP sockets: packetize, send, receive, reassemble, decode.
//!
//! `cargo run -p codec-rtc --example rtp`. The sessions of `codec_rtc::session` do the same with
//! feedback, retransmission, FEC, pacing and congestion control: see the example `call`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use codec_core::codec::{Bitrate, DecoderConfig, EncoderConfig, FrameRequest};
use codec_core::frame::{Picture, Rational};
use codec_rtc::packet::vp8::{
    Completeness, Depacketizer, DepacketizerConfig, MediaClock, Packetizer, PacketizerConfig,
};

/// Sends 30 frames over the loopback interface; returns the number of frames that were decoded.
///
/// # Errors
/// If a socket or a codec fails.
pub fn run() -> Result<u32, Box<dyn Error>> {
    let (sender, receiver) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    sender.connect(receiver.local_addr()?)?;
    receiver.set_read_timeout(Some(Duration::from_millis(200)))?;

    // RTP counts video time in ticks of 1/90000 s.
    let config =
        EncoderConfig::new(320, 180).bitrate(Bitrate::kbps(300)).timebase(Rational::new(1, 90_000));
    let mut encoder = codec_vp8::encoder::open(&config)?;
    let mut decoder = codec_vp8::decoder::open(&DecoderConfig::new())?;
    // Random in practice: SSRC, first sequence number, first picture ID.
    let packets = PacketizerConfig { ssrc: 0x1234_5678, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(packets)?;
    // Frames are due 100 ms after the first one is sent; until then, missing packets may arrive.
    let clock = MediaClock { timestamp: 0, due: Duration::from_millis(100) };
    let mut depacketizer = Depacketizer::new(DepacketizerConfig::new(clock));

    let begun = Instant::now();
    let (mut datagrams, mut buffer, mut decoded) = (Vec::new(), [0; 1500], 0);
    for frame in 0..30_u32 {
        let samples = vec![(4 * frame).to_le_bytes()[0]; 320 * 180 * 3 / 2];
        let picture = Picture::i420_packed(config.size, &samples)?;
        encoder.encode(&picture, &FrameRequest::at(i64::from(frame) * 3000))?;
        for packet in encoder.packets() {
            packetizer.packetize(&packet.data, &packet.meta, 3000 * frame, &mut datagrams)?;
        }
        for datagram in datagrams.drain(..) {
            sender.send(&datagram)?;
            let len = receiver.recv(&mut buffer)?;
            // Packets that are not RTP with VP8 are errors, and change nothing.
            depacketizer.push(begun.elapsed(), &buffer[..len])?;
        }
        while let Some(frame) = depacketizer.poll_frame(begun.elapsed()) {
            if frame.completeness == Completeness::Complete {
                decoder.decode(&frame.data, frame.timestamp.into(), None)?;
                decoded += u32::from(decoder.receive().is_some());
            }
        }
    }
    Ok(decoded)
}

/// Fails unless all frames were decoded.
///
/// # Errors
/// As for [`run`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let decoded = run()?;
    if decoded == 30 { Ok(()) } else { Err(format!("decoded {decoded} of 30 frames").into()) }
}
