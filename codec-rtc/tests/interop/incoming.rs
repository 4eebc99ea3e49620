//! Senders of ffmpeg and `GStreamer` with our receiver.

use std::fs;
use std::path::Path;

use codec_audio::AudioCodec;
use codec_rtc::jitter::audio::{AudioBuffer, AudioBufferConfig};
use codec_rtc::packet::{Format, Media, Payload};
use codec_rtc::sdp;
use codec_rtc::session::{AudioStream, Receiver, Streams, VideoStream};

use crate::media;
use crate::programs::{Program, file_of, have_ffmpeg, have_gstreamer, run};
use crate::streams::{Ports, plain, receiver_config};
use crate::wire::{Inlet, Received, receive};

/// Number of frames and audio packets in three seconds.
const FRAMES: usize = 90;
const AUDIO_PACKETS: usize = 150;

/// The streams of a session, from the observed payload types and SSRCs.
pub(crate) fn streams_of(seen: &[(u8, u32)]) -> Streams {
    let source = |payload_type| seen.iter().find(|it| it.0 == payload_type).map(|it| it.1);
    let (video, audio) = (Payload::VP8.payload_type, Payload::OPUS.payload_type);
    Streams {
        video: source(video).map(|ssrc| VideoStream::plain(ssrc, video)),
        audio: source(audio).map(|ssrc| AudioStream { red: None, ..AudioStream::opus(ssrc) }),
        ..plain()
    }
}

pub(crate) fn receiver_of(seen: &[(u8, u32)]) -> Receiver {
    let mut buffer = AudioBuffer::new(AudioBufferConfig::default());
    buffer.add_decoder(111, AudioCodec::Opus, 48_000, media::opus_decoder()).unwrap();
    Receiver::new(receiver_config(streams_of(seen))).with_audio(buffer)
}

/// Digests of ffmpeg's output for coded frames of VP8.
fn by_ffmpeg(folder: &Path, frames: &[Vec<u8>]) -> Vec<u64> {
    ivf_by_ffmpeg(folder, &media::ivf(frames))
}

/// Digests of ffmpeg's output for an IVF file.
pub(crate) fn ivf_by_ffmpeg(folder: &Path, ivf: &[u8]) -> Vec<u64> {
    let (coded, pictures) = (folder.join("coded.ivf"), folder.join("pictures.yuv"));
    fs::write(&coded, ivf).unwrap();
    let (coded, out) = (coded.display().to_string(), pictures.display().to_string());
    run(
        "ffmpeg",
        &["-v", "error", "-y", "-i", &coded, "-fps_mode", "passthrough", "-f", "rawvideo", &out],
    );
    media::digests(&fs::read(pictures).unwrap())
}

/// Checks that nothing is missing or wrong, and that our decoder and ffmpeg's produce the same
/// frames.
fn check(received: &Received, folder: &Path) {
    let stats = &received.stats;
    assert_eq!((stats.malformed, stats.unknown), (0, 0));
    assert_eq!((stats.video_packets.lost, stats.audio_packets.lost), (0, 0));
    let coded = received.coded();
    assert!(media::decode(&coded) == by_ffmpeg(folder, &coded), "frames differ from ffmpeg's");
    let (samples, loudest) = media::hear(&received.audio);
    assert_eq!(samples, received.audio.len() * 960);
    assert!(loudest > 2000, "barely audible: {loudest}");
    let audio = stats.audio.unwrap();
    assert_eq!(audio.packets_received, received.audio.len() as u64);
    assert_eq!((audio.invalid_packets, audio.duplicate_packets, audio.restarts), (0, 0, 0));
    assert!(received.loudest > 2000, "barely audible: {}", received.loudest);
}

/// Writes a clip and a tone with ffmpeg: VP8 as IVF, Opus as Ogg.
pub(crate) fn write_clip(folder: &Path) {
    let at = |name: &str| folder.join(name).display().to_string();
    let video = "-f lavfi -i testsrc2=size=320x180:rate=30 -frames:v 90 -c:v libvpx \
                 -deadline realtime -cpu-used 8 -auto-alt-ref 0 -lag-in-frames 0 -b:v 500k";
    let audio = "-f lavfi -i sine=frequency=440:sample_rate=48000 -t 3 -af volume=12dB \
                 -c:a libopus -b:a 32k -vbr off";
    for (arguments, file) in [(video, at("clip.ivf")), (audio, at("tone.ogg"))] {
        let mut all = vec!["-v", "error", "-y"];
        all.extend(arguments.split_whitespace());
        all.push(&file);
        run("ffmpeg", &all);
    }
}

#[test]
fn every_frame_and_packet_from_ffmpeg_is_received() {
    if !have_ffmpeg("VP8 and Opus from ffmpeg") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_clip(folder.path());
    let ports = Ports::free();
    let mut inlet = Inlet::new(&ports.all());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let mut ffmpeg = Program::ffmpeg(&format!(
        "-re -i {} -re -i {} \
         -map 0:v -c copy -f rtp -rtpflags send_bye -sdp_file {} rtp://127.0.0.1:{} \
         -map 1:a -c copy -payload_type 111 -f rtp -rtpflags send_bye rtp://127.0.0.1:{}",
        at("clip.ivf"),
        at("tone.ogg"),
        at("session.sdp"),
        ports.video,
        ports.audio
    ));
    let received = receive(&mut inlet, 2, |_, datagram| Some(datagram), receiver_of);
    ffmpeg.wait();

    let session = sdp::parse(&fs::read_to_string(folder.path().join("session.sdp")).unwrap());
    let session = session.unwrap();
    let mapping = |media| {
        let line = session.media.iter().find(|line| line.kind() == Some(media)).unwrap();
        (line.port, line.payloads().next().unwrap())
    };
    assert_eq!(mapping(Media::Video), (ports.video, Payload::VP8));
    let (port, opus) = mapping(Media::Audio);
    assert_eq!((port, opus.format, opus.payload_type), (ports.audio, Format::Opus, 111));

    let sent = media::read_ivf(&fs::read(folder.path().join("clip.ivf")).unwrap());
    assert_eq!((sent.len(), received.frames.len()), (FRAMES, FRAMES));
    assert!(received.coded() == sent, "frames differ from the file");
    // The last packet may be truncated.
    assert!(
        (AUDIO_PACKETS..=AUDIO_PACKETS + 1).contains(&received.audio.len()),
        "{}",
        received.audio.len()
    );
    check(&received, folder.path());
    assert!(received.left, "BYE was received");
}

#[test]
fn every_frame_and_packet_from_gstreamer_is_received() {
    let elements = ["vp8enc", "rtpvp8pay", "opusenc", "rtpopuspay", "udpsink"];
    let what = "VP8 and Opus from GStreamer";
    if !have_gstreamer(&elements, what) || !have_ffmpeg(what) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::free();
    let mut inlet = Inlet::new(&ports.all());
    let at = |name: &str| folder.path().join(name);
    let (frames, packets) = (at("frames"), at("packets"));
    let mut gstreamer = Program::gstreamer(&format!(
        "videotestsrc is-live=true pattern=smpte num-buffers={FRAMES} ! \
         video/x-raw,format=I420,width=320,height=180,framerate=30/1 ! \
         vp8enc deadline=1 cpu-used=8 target-bitrate=500000 threads=1 ! tee name=v \
         v. ! queue ! filesink location={} v. ! queue ! rtpvp8pay pt=96 mtu=600 ! \
         udpsink host=127.0.0.1 port={} \
         audiotestsrc is-live=true wave=sine samplesperbuffer=960 num-buffers={AUDIO_PACKETS} ! \
         audio/x-raw,rate=48000,channels=1 ! opusenc ! tee name=a \
         a. ! queue ! filesink location={} a. ! queue ! rtpopuspay pt=111 ! \
         udpsink host=127.0.0.1 port={}",
        frames.display(),
        ports.video,
        packets.display(),
        ports.audio
    ));
    let received = receive(&mut inlet, 2, |_, datagram| Some(datagram), receiver_of);
    gstreamer.wait();
    assert_eq!(received.frames.len(), FRAMES);
    assert!(received.coded().concat() == file_of(&frames, 1), "frames differ from the encoder's");
    assert!(
        (AUDIO_PACKETS..=AUDIO_PACKETS + 1).contains(&received.audio.len()),
        "{}",
        received.audio.len()
    );
    assert!(
        received.audio.concat() == file_of(&packets, 1),
        "audio packets differ from the encoder's"
    );
    check(&received, folder.path());
}
