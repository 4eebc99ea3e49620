//! Our sender with ffmpeg and `GStreamer`.

use std::fs;
use std::path::Path;

use codec_core::codec::Scalability;
use codec_rtc::demux::Datagram;
use codec_rtc::session::{SenderStats, Streams};

use crate::media::{self, AUDIO_TICKS, Clip};
use crate::programs::{Program, file_of, have_ffmpeg, have_gstreamer};
use crate::streams::{self, Ports};
use crate::wire::{Outlet, play};

/// Three seconds.
const FRAMES: u32 = 90;
const AUDIO_PACKETS: u32 = 150;

/// Size and Adler-32 (initial value 0) of each packet, as printed by ffmpeg.
fn checksums(packets: &[Vec<u8>]) -> Vec<(usize, u32)> {
    let sum = |packet: &Vec<u8>| {
        let (mut a, mut b) = (0_u32, 0_u32);
        for &byte in packet {
            a = (a + u32::from(byte)) % 65_521;
            b = (b + a) % 65_521;
        }
        (packet.len(), b << 16 | a)
    };
    packets.iter().map(sum).collect()
}

/// Parses these values from ffmpeg's list.
fn read_checksums(file: &Path) -> Vec<(usize, u32)> {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(',').map(str::trim).collect();
            let sum = u32::from_str_radix(fields[5].trim_start_matches("0x"), 16).unwrap();
            (fields[4].parse().unwrap(), sum)
        })
        .collect()
}

/// ffmpeg reading a session, and its output files.
pub(crate) struct FfmpegReads {
    program: Program,
    folder: tempfile::TempDir,
}

impl FfmpegReads {
    /// Starts ffmpeg with the SDP of the session.
    pub(crate) fn start(description: &codec_rtc::sdp::Session, ports: Ports) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let sdp = folder.path().join("session.sdp");
        streams::write(&sdp, description);
        // ffmpeg does not know which packets of VP9 are key frames, so that it copies all.
        let mut arguments = format!(
            "-protocol_whitelist file,udp,rtp,srtp,crypto -i {} \
             -map 0:v -c copy -copyinkf -f framecrc {} -map 0:v -fps_mode passthrough -f rawvideo {}",
            at("session.sdp"),
            at("frames"),
            at("pictures"),
        );
        let mut wanted = vec![ports.video];
        if description.media.len() > 1 {
            wanted.push(ports.audio);
            let (packets, samples) = (at("packets"), at("samples"));
            let audio =
                format!(" -map 0:a -c copy -f framecrc {packets} -map 0:a -f s16le {samples}");
            arguments.push_str(&audio);
        }
        let mut program = Program::ffmpeg(&arguments);
        program.listens(&wanted);
        Self { program, folder }
    }

    /// Checks that every frame up to a layer was received, coded and decoded.
    pub(crate) fn check_frames(&mut self, coded: &[Vec<u8>], digests: &[u64]) {
        self.program.wait();
        let frames = read_checksums(&self.folder.path().join("frames"));
        assert_eq!(frames.len(), coded.len(), "frames");
        assert_eq!(frames, checksums(coded));
        let pictures = fs::read(self.folder.path().join("pictures")).unwrap();
        assert!(media::digests(&pictures) == digests, "frames differ from the encoder's");
    }

    /// Checks that every audio packet was received.
    pub(crate) fn check_audio(&self, coded: &[Vec<u8>]) {
        let packets = read_checksums(&self.folder.path().join("packets"));
        assert_eq!(packets.len(), coded.len(), "audio packets");
        assert_eq!(packets, checksums(coded));
        let samples = fs::metadata(self.folder.path().join("samples")).unwrap().len();
        // Two channels of 16 bits each, regardless of content.
        assert_eq!(samples, coded.len() as u64 * u64::from(AUDIO_TICKS) * 4);
    }
}

/// Sends to an outlet unchanged.
fn send(
    streams: Streams,
    ports: Ports,
    clip: &Clip,
    audio: &[codec_audio::AudioPacket],
) -> SenderStats {
    let outlet = Outlet::new(ports);
    play(&mut streams::sender(streams), clip, audio, |kind: Datagram, datagram| {
        outlet.send(kind, &datagram);
        None
    })
}

#[test]
fn ffmpeg_receives_every_frame_and_audio_packet() {
    if !have_ffmpeg("VP8 and Opus to ffmpeg") {
        return;
    }
    let (clip, audio) = (Clip::new(FRAMES, Scalability::L1T1), media::audio(AUDIO_PACKETS));
    let (streams, ports) = (streams::plain(), Ports::free());
    let description = streams::session(&streams, ports, None);
    let mut ffmpeg = FfmpegReads::start(&description, ports);
    let stats = send(streams, ports, &clip, &audio);
    assert_eq!((stats.video.frames, stats.overflowed), (u64::from(FRAMES), 0));
    ffmpeg.check_frames(&clip.frames(), &clip.digests(2));
    let coded: Vec<_> = audio.into_iter().map(|it| it.data).collect();
    ffmpeg.check_audio(&coded);
}

#[test]
fn gstreamer_receives_every_frame_and_audio_packet() {
    let elements = ["sdpdemux", "rtpvp8depay", "vp8dec", "rtpopusdepay", "opusdec"];
    if !have_gstreamer(&elements, "VP8 and Opus to GStreamer") {
        return;
    }
    let (clip, audio) = (Clip::new(FRAMES, Scalability::L1T1), media::audio(AUDIO_PACKETS));
    let (streams, ports) = (streams::plain(), Ports::free());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    streams::write(&at("session.sdp"), &streams::session(&streams, ports, None));
    let file = |name: &str| {
        let path = at(name);
        format!(
            "queue max-size-buffers=0 ! filesink sync=false async=false buffer-mode=unbuffered location={}",
            path.display()
        )
    };
    let mut gstreamer = Program::gstreamer(&format!(
        "filesrc location={} ! sdpdemux latency=2000 name=s \
         s. ! application/x-rtp,media=video ! rtpvp8depay ! tee name=v \
         v. ! {} v. ! vp8dec ! {} \
         s. ! application/x-rtp,media=audio ! rtpopusdepay ! tee name=a \
         a. ! {} a. ! opusdec plc=false ! audio/x-raw,channels=1 ! {}",
        at("session.sdp").display(),
        file("frames"),
        file("pictures"),
        file("packets"),
        file("samples"),
    ));
    gstreamer.listens(&[ports.video, ports.audio]);
    send(streams, ports, &clip, &audio);
    let coded = clip.frames().concat();
    assert!(file_of(&at("frames"), coded.len()) == coded, "frames differ from ours");
    let digests = clip.digests(2);
    let bytes = digests.len() * usize::try_from(media::SIZE.i420_bytes()).unwrap();
    let pictures = media::digests(&file_of(&at("pictures"), bytes));
    assert_eq!(pictures.len(), digests.len(), "pictures");
    assert!(pictures == digests, "frames differ from the encoder's");
    let packets: Vec<_> = audio.into_iter().map(|it| it.data).collect();
    let coded = packets.concat();
    assert!(file_of(&at("packets"), coded.len()) == coded, "audio packets differ from ours");
    let bytes = packets.len() * usize::try_from(AUDIO_TICKS).unwrap() * 2;
    assert!(file_of(&at("samples"), bytes).len() >= bytes, "samples");
}
