//! H.264 from ffmpeg with our receiver.

use std::fs;

use codec_rtc::packet::h264::{PacketizationMode, Units};
use codec_rtc::packet::{Format, Media};
use codec_rtc::sdp;
use codec_rtc::sdp::h264::FormatParameters;
use codec_rtc::session::{Receiver, Streams, VideoStream};

use crate::programs::{Program, have_ffmpeg, run};
use crate::streams::{Ports, plain, receiver_config};
use crate::wire::{Inlet, receive};

const FRAMES: u32 = 60;

/// Writes a clip with ffmpeg, and returns its bytes.
fn write_clip(path: &str) -> Vec<u8> {
    let arguments = "-f lavfi -i testsrc2=size=320x180:rate=30 -frames:v 60 -c:v libx264 -g 25 \
                     -preset veryfast -tune zerolatency -x264-params slices=2:aud=1 -b:v 800k -f h264";
    let mut all = vec!["-v", "error", "-y"];
    all.extend(arguments.split_whitespace());
    all.push(path);
    run("ffmpeg", &all);
    fs::read(path).unwrap()
}

#[test]
fn every_nal_unit_from_ffmpeg_is_received() {
    if !have_ffmpeg("H.264 from ffmpeg") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let clip = write_clip(&at("clip.h264"));
    let ports = Ports::free();
    let mut inlet = Inlet::new(&ports.all());
    let mut ffmpeg = Program::ffmpeg(&format!(
        "-re -r 30 -i {} -c copy -f rtp -rtpflags send_bye -sdp_file {} rtp://127.0.0.1:{}",
        at("clip.h264"),
        at("session.sdp"),
        ports.video
    ));
    let received = receive(
        &mut inlet,
        1,
        |_, datagram| Some(datagram),
        |seen| {
            let (payload_type, ssrc) = seen[0];
            let video = Some(VideoStream::plain(ssrc, payload_type).with_h264());
            Receiver::new(receiver_config(Streams { video, audio: None, ..plain() }))
        },
    );
    ffmpeg.wait();

    let session = fs::read_to_string(folder.path().join("session.sdp")).unwrap();
    let session = sdp::parse(&session).unwrap();
    let line = session.media.iter().find(|line| line.kind() == Some(Media::Video)).unwrap();
    let payload = line.payloads().next().unwrap();
    assert_eq!(payload.format, Format::H264);
    let parameters = FormatParameters::parse(line.fmtp(payload.payload_type)).unwrap();
    assert_eq!(parameters.packetization_mode, PacketizationMode::NonInterleaved);
    let described = FormatParameters::of_stream(&clip, PacketizationMode::NonInterleaved);
    assert_eq!(parameters.profile_level_id, described.profile_level_id);

    assert_eq!(received.stats.malformed, 0);
    assert_eq!(received.frames.len(), FRAMES as usize);
    let coded = received.coded().concat();
    assert!(Units::new(&coded).eq(Units::new(&clip)), "NAL units differ from the file");
    assert_eq!(received.frames.iter().filter(|frame| frame.is_key).count(), 3);
}
