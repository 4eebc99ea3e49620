//! VP9 from and to ffmpeg and `GStreamer`.

use std::fs;

use codec_backends::registry;
use codec_core::codec::{DecoderConfig, Scalability, VideoDecoder};
use codec_rtc::packet::{Format, Media, Payload};
use codec_rtc::sdp;
use codec_rtc::session::{Receiver, Streams, VideoStream};

use crate::depth;
use crate::incoming::ivf_by_ffmpeg;
use crate::media::{self, Clip};
use crate::outgoing::FfmpegReads;
use crate::programs::{Program, file_of, have_ffmpeg, have_gstreamer, run};
use crate::streams::{self, Ports, VIDEO_SSRC, plain, receiver_config};
use crate::wire::{Inlet, Outlet, Received, play, receive};

/// Three seconds.
const FRAMES: usize = 90;

fn streams_of(ssrc: u32, payload_type: u8) -> Streams {
    let video = Some(VideoStream::plain(ssrc, payload_type).with_vp9());
    Streams { video, audio: None, ..plain() }
}

fn decoder() -> Box<dyn VideoDecoder> {
    let (_, open, _) = registry::find_decoder("vp9/native").unwrap();
    open(&DecoderConfig::default()).unwrap()
}

fn clip() -> Clip {
    Clip::of("vp9/native", u32::try_from(FRAMES).unwrap(), Scalability::L1T1)
}

fn receiver_of(seen: &[(u8, u32)]) -> Receiver {
    let (payload_type, ssrc) = seen[0];
    Receiver::new(receiver_config(streams_of(ssrc, payload_type)))
}

/// Checks that nothing is missing, and that our decoder and ffmpeg's produce the same frames.
fn check(received: &Received, folder: &std::path::Path) {
    assert_eq!((received.stats.malformed, received.stats.video_packets.lost), (0, 0));
    let coded = received.coded();
    let expected = ivf_by_ffmpeg(folder, &media::ivf_of(*b"VP90", &coded));
    assert!(media::decode_with(decoder(), &coded) == expected, "frames differ from ffmpeg's");
}

#[test]
fn every_frame_from_ffmpeg_is_received() {
    if depth::skips_long() {
        return;
    }
    if !have_ffmpeg("VP9 from ffmpeg") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let video = "-v error -y -f lavfi -i testsrc2=size=320x180:rate=30 -frames:v 90 -c:v libvpx-vp9 \
                 -deadline realtime -cpu-used 8 -lag-in-frames 0 -b:v 500k -g 40";
    let file = at("clip.ivf");
    let arguments: Vec<&str> = video.split_whitespace().chain([file.as_str()]).collect();
    run("ffmpeg", &arguments);
    let ports = Ports::free();
    let mut inlet = Inlet::new(&ports.all());
    let mut ffmpeg = Program::ffmpeg(&format!(
        "-re -i {file} -c copy -strict experimental -f rtp -rtpflags send_bye -sdp_file {} \
         rtp://127.0.0.1:{}",
        at("session.sdp"),
        ports.video
    ));
    let received = receive(&mut inlet, 1, |_, datagram| Some(datagram), receiver_of);
    ffmpeg.wait();
    let session = sdp::parse(&fs::read_to_string(folder.path().join("session.sdp")).unwrap());
    let session = session.unwrap();
    let line = session.media.iter().find(|line| line.kind() == Some(Media::Video)).unwrap();
    assert_eq!(line.payloads().next().unwrap().format, Format::Vp9);
    let sent = media::read_ivf(&fs::read(&file).unwrap());
    assert_eq!((sent.len(), received.frames.len()), (FRAMES, FRAMES));
    assert!(received.coded() == sent, "frames differ from the file");
    assert_eq!(received.frames.iter().filter(|frame| frame.is_key).count(), 3);
    check(&received, folder.path());
}

#[test]
fn every_frame_from_gstreamer_is_received() {
    let what = "VP9 from GStreamer";
    if !have_gstreamer(&["vp9enc", "rtpvp9pay", "udpsink"], what) || !have_ffmpeg(what) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::free();
    let mut inlet = Inlet::new(&ports.all());
    let frames = folder.path().join("frames");
    let mut gstreamer = Program::gstreamer(&format!(
        "videotestsrc is-live=true pattern=smpte num-buffers={FRAMES} ! \
         video/x-raw,format=I420,width=320,height=180,framerate=30/1 ! \
         vp9enc deadline=1 cpu-used=8 target-bitrate=500000 threads=1 lag-in-frames=0 ! tee name=v \
         v. ! queue ! filesink location={} v. ! queue ! rtpvp9pay pt=96 mtu=600 ! \
         udpsink host=127.0.0.1 port={}",
        frames.display(),
        ports.video
    ));
    let received = receive(&mut inlet, 1, |_, datagram| Some(datagram), receiver_of);
    gstreamer.wait();
    assert_eq!(received.frames.len(), FRAMES);
    assert!(received.coded().concat() == file_of(&frames, 1), "frames differ from the encoder's");
    check(&received, folder.path());
}

#[test]
fn ffmpeg_receives_every_frame() {
    if depth::skips_long() {
        return;
    }
    if !have_ffmpeg("VP9 to ffmpeg") {
        return;
    }
    let (clip, ports) = (clip(), Ports::free());
    let streams = streams_of(VIDEO_SSRC, Payload::VP9.payload_type);
    let mut ffmpeg = FfmpegReads::start(&streams::session(&streams, ports, None), ports);
    let outlet = Outlet::new(ports);
    play(&mut streams::sender(streams), &clip, &[], |kind, datagram| {
        outlet.send(kind, &datagram);
        None
    });
    ffmpeg.check_frames(&clip.frames(), &clip.digests(0));
}

#[test]
fn gstreamer_receives_every_frame() {
    if !have_gstreamer(&["sdpdemux", "rtpvp9depay", "vp9dec"], "VP9 to GStreamer") {
        return;
    }
    let (clip, ports) = (clip(), Ports::free());
    let streams = streams_of(VIDEO_SSRC, Payload::VP9.payload_type);
    let folder = tempfile::tempdir().unwrap();
    let (sdp, pictures) = (folder.path().join("session.sdp"), folder.path().join("pictures"));
    streams::write(&sdp, &streams::session(&streams, ports, None));
    let mut gstreamer = Program::gstreamer(&format!(
        "filesrc location={} ! sdpdemux latency=1000 ! rtpvp9depay ! vp9dec threads=1 ! \
         filesink location={}",
        sdp.display(),
        pictures.display()
    ));
    gstreamer.listens(&[ports.video]);
    let outlet = Outlet::new(ports);
    play(&mut streams::sender(streams), &clip, &[], |kind, datagram| {
        outlet.send(kind, &datagram);
        None
    });
    let digests = media::digests(&file_of(&pictures, 320 * 180 * 3 / 2 * FRAMES));
    assert!(digests == clip.digests(0), "frames differ from the encoder's");
}
