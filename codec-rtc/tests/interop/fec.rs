//! ULPFEC in RED with `GStreamer`, in both directions: lost packets are recovered, and every frame
//! equals the encoder's.

use codec_core::codec::Scalability;
use codec_rtc::demux::Datagram;
use codec_rtc::packet::red;
use codec_rtc::rtcp::{self, ReceiverReport, ReportBlock};
use codec_rtc::rtp;
use codec_rtc::session::{Receiver, Sender, SenderConfig, Streams, VideoFec, VideoStream};

use crate::media::{self, Clip};
use crate::programs::{Program, file_of, have_gstreamer, port_pair};
use crate::streams::{self, Ports, VIDEO_SSRC, receiver_config};
use crate::wire::{Inlet, Outlet, play, receive};

const RED: u8 = 98;
const ULPFEC: u8 = 99;
const FRAMES: u32 = 90;

fn streams(ssrc: u32) -> Streams {
    let fec = VideoFec::Ulp { red: RED, ulpfec: ULPFEC };
    let video = VideoStream { fec, ..VideoStream::plain(ssrc, 96) };
    Streams { video: Some(video), audio: None, ..streams::plain() }
}

/// Number of times that `GStreamer` gets the same datagrams.
const ATTEMPTS: usize = 3;

/// Whether a RED packet contains FEC.
fn is_fec(datagram: &[u8]) -> bool {
    let packet = rtp::parse(datagram).unwrap();
    assert_eq!(packet.header.payload_type, RED);
    red::parse(packet.payload).unwrap().last().unwrap().payload_type == ULPFEC
}

/// Drops one media packet of each group with FEC, except the first, whose packets precede all
/// others and cannot be detected as lost.
#[derive(Default)]
struct Losses {
    group: Vec<Vec<u8>>,
    has_fec: bool,
    groups: usize,
    lost: usize,
}

impl Losses {
    /// Returns the received packets of the previous group once a new one starts.
    fn push(&mut self, datagram: Vec<u8>) -> Vec<Vec<u8>> {
        let fec = is_fec(&datagram);
        let mut arrived = Vec::new();
        if self.has_fec && !fec {
            arrived = self.end();
        }
        self.has_fec |= fec;
        self.group.push(datagram);
        arrived
    }

    fn end(&mut self) -> Vec<Vec<u8>> {
        let mut group = std::mem::take(&mut self.group);
        if std::mem::take(&mut self.has_fec) {
            let media = group.iter().filter(|it| !is_fec(it)).count();
            self.groups += 1;
            if media > 0 && self.groups > 1 {
                group.remove(self.lost % media);
                self.lost += 1;
            }
        }
        group
    }
}

/// A receiver report with a loss of one in ten packets.
fn report(highest: u16) -> Vec<u8> {
    let block = ReportBlock {
        ssrc: VIDEO_SSRC,
        fraction_lost: 26,
        highest_sequence: highest.into(),
        ..ReportBlock::default()
    };
    let report = ReceiverReport { ssrc: 9, blocks: vec![block] };
    let mut out = Vec::new();
    rtcp::write_compound(&[rtcp::Packet::ReceiverReport(report)], &mut out).unwrap();
    out
}

#[test]
fn gstreamer_recovers_packets_protected_by_our_sender() {
    let elements = ["rtpreddec", "rtpstorage", "rtpulpfecdec", "rtpvp8depay", "vp8dec"];
    if !have_gstreamer(&elements, "ULPFEC from our sender to GStreamer") {
        return;
    }
    let clip = Clip::new(FRAMES, Scalability::L1T1);
    let digests = clip.digests(2);
    // It drops packets by its clock, so that the result varies on a stalling machine.
    let mut counts = Vec::new();
    for _ in 0..ATTEMPTS {
        let pictures = repaired_by_gstreamer(&clip, digests.len());
        if pictures == digests {
            return;
        }
        counts.push(pictures.len());
    }
    panic!("frames differ from the {} of the encoder: {counts:?}", digests.len());
}

/// Digests of `GStreamer`'s output for a clip with packet loss.
fn repaired_by_gstreamer(clip: &Clip, pictures: usize) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pictures");
    let ports = Ports::free();
    let mut program = Program::gstreamer(&format!(
        "udpsrc address=127.0.0.1 port={} caps=application/x-rtp,media=(string)video,\
         clock-rate=(int)90000,encoding-name=(string)VP8,payload=(int)96 ! \
         rtpreddec pt={RED} ! rtpstorage size-time=4000000000 ! rtpssrcdemux ! \
         rtpjitterbuffer do-lost=true latency=1000 ! rtpulpfecdec pt={ULPFEC} ! \
         rtpvp8depay ! vp8dec ! \
         filesink sync=false buffer-mode=unbuffered location={}",
        ports.video,
        file.display()
    ));
    program.listens(&[ports.video]);
    let config = SenderConfig {
        mtu: 500,
        retransmission: false,
        ..streams::sender_config(streams(VIDEO_SSRC))
    };
    let mut sender = Sender::new(config).unwrap();
    let outlet = Outlet::new(ports);
    let mut losses = Losses::default();
    let mut packets = 0;
    let stats = play(&mut sender, clip, &[], |kind, datagram| {
        if kind != Datagram::Rtp {
            // Before BYE, send the packets held back.
            losses.end().iter().for_each(|it| outlet.send(Datagram::Rtp, it));
            return None;
        }
        packets += 1;
        let sequence = rtp::parse(&datagram).unwrap().header.sequence;
        losses.push(datagram).iter().for_each(|it| outlet.send(Datagram::Rtp, it));
        (packets % 10 == 0).then(|| report(sequence))
    });
    eprintln!("{packets} packets, {} of FEC, {} lost", stats.video.fec_packets, losses.lost);
    assert!(losses.lost >= 15);
    let bytes = pictures * usize::try_from(media::SIZE.i420_bytes()).unwrap();
    media::digests(&file_of(&file, bytes))
}

#[test]
fn our_receiver_recovers_packets_protected_by_gstreamer() {
    let elements = ["vp8enc", "rtpvp8pay", "rtpulpfecenc", "rtpredenc", "udpsink"];
    if !have_gstreamer(&elements, "ULPFEC from GStreamer to our receiver") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frames");
    let port = port_pair();
    let mut inlet = Inlet::new(&[port, port + 1]);
    let mut program = Program::gstreamer(&format!(
        "videotestsrc is-live=true pattern=smpte num-buffers={FRAMES} ! \
         video/x-raw,format=I420,width=320,height=180,framerate=30/1 ! \
         vp8enc deadline=1 cpu-used=8 target-bitrate=800000 threads=1 ! tee name=v \
         v. ! queue ! filesink location={} v. ! queue ! \
         rtpvp8pay pt=96 mtu=500 picture-id-mode=2 ! \
         rtpulpfecenc pt={ULPFEC} percentage=100 percentage-important=100 ! \
         rtpredenc pt={RED} ! udpsink host=127.0.0.1 port={port}",
        file.display()
    ));
    let (mut media, mut lost) = (0, 0);
    let received = receive(
        &mut inlet,
        1,
        |_, datagram| {
            if is_fec(&datagram) {
                return Some(datagram);
            }
            media += 1;
            let is_lost = media % 9 == 4;
            lost += u64::from(is_lost);
            (!is_lost).then_some(datagram)
        },
        |seen| Receiver::new(receiver_config(streams(seen[0].1))),
    );
    program.wait();
    let stats = received.stats;
    eprintln!("{media} packets, {lost} lost, {} recovered, {:?}", stats.recovered, stats.fec);
    assert!(lost >= 15 && stats.malformed == 0);
    assert_eq!(received.frames.len(), FRAMES as usize);
    assert!(received.coded().concat() == file_of(&file, 1), "frames differ from the encoder's");
}
