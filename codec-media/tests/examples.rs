//! Runs the example `record`.

#![cfg(feature = "net")]
#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is the report")]

use std::net::UdpSocket;
use std::path::Path;
use std::thread;
use std::time::Duration;

use codec_container::{CodedPacket, ReadOptions, Source, open_packets};
use codec_core::codec::{EncoderConfig, FrameRequest};
use codec_core::frame::Picture;
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};

#[path = "../examples/record.rs"]
#[expect(dead_code, unreachable_pub, reason = "a program of its own; `main` reads arguments")]
mod record;

/// Sends frames as plain RTP, 30 a second, until the process ends.
fn send_forever(port: u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = EncoderConfig::new(64, 48);
    let mut encoder = codec_backends::open_encoder("vp8", &config).unwrap();
    let mut packetizer = Packetizer::new(PacketizerConfig::default()).unwrap();
    let mut packets = Vec::new();
    for frame in 0..u32::MAX {
        let samples = vec![frame.to_le_bytes()[0]; 64 * 48 * 3 / 2];
        let picture = Picture::i420_packed(config.size, &samples).unwrap();
        // Receivers that join late can begin at any frame.
        let mut request = FrameRequest::at(frame.into());
        request.key_frame = true;
        encoder.encode(&picture, &request).unwrap();
        for packet in encoder.packets() {
            packetizer.packetize(&packet.data, &packet.meta, 3000 * frame, &mut packets).unwrap();
        }
        // Until the receiver listens, the operating system rejects packets.
        packets.drain(..).for_each(|packet| drop(socket.send_to(&packet, ("127.0.0.1", port))));
        thread::sleep(Duration::from_millis(33));
    }
}

fn packets(path: &Path) -> u32 {
    let source = Source::seekable(std::fs::File::open(path).unwrap());
    let mut reader = open_packets(source, &ReadOptions::default()).unwrap();
    let (mut packet, mut count) = (CodedPacket::default(), 0);
    while reader.read(&mut packet).unwrap() {
        count += 1;
    }
    count
}

#[test]
fn record_writes_the_frames_that_arrive() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    thread::spawn(move || send_forever(free));
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("call.webm");
    let url = format!("rtp://127.0.0.1:{free}?plain");
    record::record(&url, output.clone(), Duration::from_secs(2)).unwrap();
    assert!(packets(&output) >= 10, "{} packets", packets(&output));
}
