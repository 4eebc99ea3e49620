//! Temporal layers dropped by a forwarder: ffmpeg, `GStreamer` and our receiver decode the remaining
//! stream, and it has no gaps.

use std::time::Duration;

use codec_core::codec::Scalability;
use codec_rtc::demux::Datagram;
use codec_rtc::forward::{ForwardConfig, Forwarded, Forwarder};
use codec_rtc::packet::vp8::Descriptor;
use codec_rtc::rtp;
use codec_rtc::session::{Receiver, SenderConfig, Streams};

use crate::depth;
use crate::media::{self, Clip};
use crate::outgoing::FfmpegReads;
use crate::programs::{Program, file_of, have_ffmpeg, have_gstreamer};
use crate::streams::{self, Ports, VIDEO_SSRC};
use crate::wire::{Outlet, play};

const FRAMES: u32 = 96;

fn video_alone() -> Streams {
    Streams { audio: None, ..streams::plain() }
}

/// One subscriber: the packets forwarded to it go to two programs, and are kept.
struct Viewer {
    layer: u8,
    forwarder: Forwarder,
    outlets: Vec<Outlet>,
    /// RTP packets.
    kept: Vec<Vec<u8>>,
}

impl Viewer {
    fn new(layer: u8) -> Self {
        let mut forwarder = Forwarder::new(ForwardConfig {
            ssrc: VIDEO_SSRC,
            payload_type: 96,
            first_sequence: 65_500,
            ..ForwardConfig::default()
        });
        forwarder.set_max_temporal_layer(layer);
        Self { layer, forwarder, outlets: Vec::new(), kept: Vec::new() }
    }

    fn pass(&mut self, kind: Datagram, datagram: &[u8]) {
        let mut out = Vec::new();
        if kind != Datagram::Rtp {
            self.outlets.iter().for_each(|outlet| outlet.send(kind, datagram));
        } else if self.forwarder.forward(datagram, &mut out).unwrap() != Forwarded::AboveLayer {
            self.outlets.iter().for_each(|outlet| outlet.send(kind, &out));
            self.kept.push(out);
        }
    }

    /// Checks that sequence numbers, `PictureID`s and TL0PICIDX increase by one.
    fn check_numbers(&self) {
        let mut last: Option<(u16, u16, u8, u32)> = None;
        let (mut frames, mut base_frames) = (0, 0);
        for datagram in &self.kept {
            let packet = rtp::parse(datagram).unwrap();
            let (descriptor, _) = Descriptor::parse(packet.payload).unwrap();
            let header = packet.header;
            let id = descriptor.picture_id.unwrap().number();
            let layer = descriptor.layer.unwrap();
            let index = descriptor.tl0_pic_idx.unwrap();
            let is_base = layer.temporal_id == 0;
            assert!(layer.temporal_id <= self.layer);
            let is_new = last.is_none_or(|it| it.3 != header.timestamp);
            frames += u32::from(is_new);
            base_frames += u32::from(is_new && is_base);
            if let Some((sequence, last_id, last_index, _)) = last {
                assert_eq!(header.sequence, sequence.wrapping_add(1));
                let step = u16::from(is_new);
                assert_eq!(id, last_id.wrapping_add(step) & 0x7fff, "PictureID");
                let step = u8::from(is_new && is_base);
                assert_eq!(index, last_index.wrapping_add(step), "TL0PICIDX");
            }
            last = Some((header.sequence, id, index, header.timestamp));
        }
        assert_eq!((frames, base_frames), (FRAMES >> (2 - self.layer), FRAMES / 4));
    }

    /// Checks that our receiver emits every frame as decodable.
    fn check_receiver(&self, clip: &Clip) {
        let mut receiver = Receiver::new(streams::receiver_config(video_alone()));
        let (mut frames, mut now) = (Vec::new(), Duration::ZERO);
        for datagram in &self.kept {
            now += Duration::from_millis(3);
            receiver.handle_datagram(now, datagram).unwrap();
            while let Some(frame) = receiver.poll_frame(now) {
                receiver.decoded(now, &frame, Duration::ZERO);
                frames.push(frame.data);
            }
        }
        assert_eq!(receiver.stats().video.frames_dropped, 0);
        assert!(media::decode(&frames) == clip.digests(self.layer), "layer {}", self.layer);
    }
}

#[test]
fn streams_without_upper_layers_decode_everywhere() {
    if depth::skips_long() {
        return;
    }
    let what = "VP8 without its upper layers";
    let elements = ["udpsrc", "rtpjitterbuffer", "rtpvp8depay", "vp8dec"];
    let (ffmpeg, gstreamer) = (have_ffmpeg(what), have_gstreamer(&elements, what));
    let clip = Clip::new(FRAMES, Scalability::L1T3);
    let folder = tempfile::tempdir().unwrap();
    let mut viewers = vec![Viewer::new(0), Viewer::new(1)];
    let (mut by_ffmpeg, mut by_gstreamer) = (Vec::new(), Vec::new());
    for viewer in &mut viewers {
        if ffmpeg {
            let ports = Ports::free();
            viewer.outlets.push(Outlet::new(ports));
            let description = streams::session(&video_alone(), ports, None);
            by_ffmpeg.push(FfmpegReads::start(&description, ports));
        }
        if gstreamer {
            let ports = Ports::free();
            viewer.outlets.push(Outlet::new(ports));
            let file = folder.path().join(format!("pictures-{}", viewer.layer));
            let mut program = Program::gstreamer(&format!(
                "udpsrc address=127.0.0.1 port={} caps=application/x-rtp,media=(string)video,\
                 clock-rate=(int)90000,encoding-name=(string)VP8,payload=(int)96 ! \
                 rtpjitterbuffer latency=2000 ! rtpvp8depay ! vp8dec ! \
                 filesink sync=false buffer-mode=unbuffered location={}",
                ports.video,
                file.display()
            ));
            program.listens(&[ports.video]);
            by_gstreamer.push((program, file));
        }
    }
    let config = SenderConfig { mtu: 500, ..streams::sender_config(video_alone()) };
    let mut sender = codec_rtc::session::Sender::new(config).unwrap();
    play(&mut sender, &clip, &[], |kind, datagram| {
        viewers.iter_mut().for_each(|viewer| viewer.pass(kind, &datagram));
        None
    });
    for viewer in &viewers {
        viewer.check_numbers();
        viewer.check_receiver(&clip);
    }
    for (viewer, ffmpeg) in viewers.iter().zip(&mut by_ffmpeg) {
        let kept = clip.packets.iter().filter(|it| it.meta.temporal_id <= viewer.layer);
        let coded: Vec<_> = kept.map(|it| it.data.clone()).collect();
        ffmpeg.check_frames(&coded, &clip.digests(viewer.layer));
    }
    for (viewer, (_, file)) in viewers.iter().zip(&by_gstreamer) {
        let digests = clip.digests(viewer.layer);
        let bytes = digests.len() * usize::try_from(media::SIZE.i420_bytes()).unwrap();
        let pictures = media::digests(&file_of(file, bytes));
        assert_eq!(pictures.len(), digests.len(), "layer {}", viewer.layer);
        assert!(pictures == digests, "layer {}", viewer.layer);
    }
}
