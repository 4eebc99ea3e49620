//! ULPFEC in RED with GStreamer: each end repairs the stream of the other.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codec_rtc::fec::mask::Pattern;
use codec_rtc::fec::{Encoder, FecLimits, ulpfec};
use codec_rtc::packet::red::{self, Block};
use codec_rtc::rtp::{self, Header, Packet};
use codec_tests::rng::Rng;
use codec_tests::{depth, external};

const MEDIA: u8 = 96;
const RED: u8 = 98;
const ULPFEC: u8 = 99;

/// Whether GStreamer is installed with all required elements.
fn have_gstreamer() -> bool {
    if depth::skips_long() {
        return false;
    }
    let what = "ULPFEC to and from GStreamer";
    let has = |element: &str| {
        let inspect = Command::new("gst-inspect-1.0")
            .args(["--exists", element])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        inspect.is_ok_and(|status| status.success())
    };
    let elements = ["rtpulpfecenc", "rtpulpfecdec", "rtpredenc", "rtpreddec", "vp8enc", "udpsink"];
    if elements.iter().all(|element| has(element)) {
        return true;
    }
    assert!(!external::all_are_required(), "GStreamer lacks elements: {what}");
    eprintln!("skipped, no GStreamer with {elements:?}: {what}");
    false
}

/// A pipeline that is stopped at the end of the test.
struct Pipeline(Child);

impl Pipeline {
    fn launch(description: &str) -> Self {
        let child = Command::new("gst-launch-1.0")
            .arg("-q")
            .args(description.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket
}

/// Datagrams until `quiet` has passed without one, counted from the first; 20 s at most. A sender
/// must not wait for it, because the system buffers only a few datagrams.
fn receive(socket: &UdpSocket, quiet: Duration) -> Vec<Vec<u8>> {
    let (mut found, mut buffer) = (Vec::new(), [0; 2048]);
    let (begun, mut last) = (Instant::now(), Instant::now());
    while begun.elapsed() < Duration::from_secs(20) && (found.is_empty() || last.elapsed() < quiet)
    {
        if let Ok(len) = socket.recv(&mut buffer) {
            found.push(buffer[..len].to_vec());
            last = Instant::now();
        }
    }
    found
}

#[test]
fn we_repair_gstreamers_fec() {
    if !have_gstreamer() {
        return;
    }
    let socket = socket();
    let port = socket.local_addr().unwrap().port();
    let _pipeline = Pipeline::launch(&format!(
        "videotestsrc pattern=smpte num-buffers=60 ! \
         video/x-raw,width=320,height=240,framerate=30/1 ! \
         vp8enc deadline=1 target-bitrate=800000 threads=1 ! \
         rtpvp8pay pt={MEDIA} mtu=600 picture-id-mode=2 ! \
         rtpulpfecenc pt={ULPFEC} percentage=50 percentage-important=100 ! \
         rtpredenc pt={RED} ! udpsink host=127.0.0.1 port={port} sync=false"
    ));
    let packets = receive(&socket, Duration::from_secs(2));
    let mut media = Vec::new();
    let mut out = Vec::new();
    let mut decoder = None;
    let (mut protections, mut lost) = (0, Vec::new());
    for bytes in &packets {
        let packet = rtp::parse(bytes).unwrap();
        assert_eq!(packet.header.payload_type, RED);
        let decoder = decoder
            .get_or_insert_with(|| ulpfec::Decoder::new(packet.header.ssrc, FecLimits::default()));
        let blocks = red::parse(packet.payload).unwrap();
        let block = blocks.last().unwrap();
        if block.payload_type == ULPFEC {
            protections += 1;
            decoder.push_repair(block.data, &mut out).unwrap();
            continue;
        }
        let header = Header { payload_type: block.payload_type, ..packet.header };
        let mut original = Vec::new();
        rtp::write_packet(&Packet { header, payload: block.data, ..packet }, 0, &mut original)
            .unwrap();
        if media.len() % 9 == 4 {
            lost.push(original.clone());
        } else {
            decoder.push_media(&original, &mut out).unwrap();
        }
        media.push(original);
    }
    eprintln!(
        "{} packets, {protections} repair, {} lost, {} made",
        media.len(),
        lost.len(),
        out.len()
    );
    assert!(protections > 20 && lost.len() > 10);
    assert!(out.iter().all(|packet| media.contains(packet)), "bit-exact");
    let made = lost.iter().filter(|packet| out.contains(packet)).count();
    assert!(made * 10 >= lost.len() * 9, "{made} of {}", lost.len());
}

#[test]
fn gstreamer_repairs_our_fec() {
    if !have_gstreamer() {
        return;
    }
    let (source, sink) = (socket(), socket());
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let back = sink.local_addr().unwrap().port();
    let _pipeline = Pipeline::launch(&format!(
        "udpsrc address=127.0.0.1 port={free} \
         caps=application/x-rtp,media=(string)video,clock-rate=(int)90000,\
         encoding-name=(string)VP8,payload=(int){MEDIA} ! \
         rtpreddec pt={RED} ! rtpstorage size-time=4000000000 ! rtpssrcdemux ! \
         rtpjitterbuffer do-lost=true latency=1000 ! rtpulpfecdec pt={ULPFEC} ! \
         udpsink host=127.0.0.1 port={back} sync=false"
    ));
    let receiver = std::thread::spawn(move || receive(&sink, Duration::from_secs(3)));
    let mut rng = Rng::new(3);
    let mut encoder = Encoder::ulpfec();
    let (mut sequence, mut media, mut sent) = (65_000_u16, Vec::new(), 0);
    let send = |sequence: &mut u16, header: Header, payload_type, payload: &[u8], lost: bool| {
        let header = Header { payload_type: RED, sequence: *sequence, ..header };
        let mut block = Vec::new();
        let block_of = Block { payload_type, timestamp_offset: 0, data: payload };
        red::write(&[block_of], &mut block).unwrap();
        let mut bytes = Vec::new();
        rtp::write_packet(
            &Packet { header, csrcs: &[], extension: None, payload: &block },
            0,
            &mut bytes,
        )
        .unwrap();
        if !lost {
            let _ = source.send_to(&bytes, ("127.0.0.1", free));
        }
        *sequence = sequence.wrapping_add(1);
    };
    // The pipeline needs time to start: frames are sent until enough have come back.
    for frame in 0..150_u32 {
        let mut lost_one = frame < 60 || frame % 3 != 0;
        for index in 0..5_u32 {
            let header = Header {
                marker: index == 4,
                payload_type: MEDIA,
                sequence,
                timestamp: frame * 3000,
                ssrc: 77,
            };
            let mut payload = vec![if index == 0 { 0x10 } else { 0 }, u8::from(frame > 0)];
            payload.extend((0..100 + rng.below(900)).map(|_| rng.byte()));
            let mut bytes = Vec::new();
            rtp::write(&header, &mut bytes);
            bytes.extend(&payload);
            encoder.push(&bytes).unwrap();
            let lost = !lost_one && index == frame / 3 % 5;
            lost_one |= lost;
            send(&mut sequence, header, MEDIA, &payload, lost);
            media.push((lost, payload));
            sent += u32::from(lost);
        }
        let mut repairs = Vec::new();
        encoder.protect(5, 2, Pattern::Interleaved, &mut repairs);
        for repair in repairs {
            let header = Header { timestamp: frame * 3000, ssrc: 77, ..Header::default() };
            send(&mut sequence, header, ULPFEC, &repair, false);
        }
        std::thread::sleep(Duration::from_millis(33));
    }
    let back = receiver.join().unwrap();
    let payloads: Vec<&[u8]> = back.iter().map(|it| rtp::parse(it).unwrap().payload).collect();
    let came = media.iter().filter(|(_, it)| payloads.contains(&it.as_slice())).count();
    let repaired =
        media.iter().filter(|(lost, it)| *lost && payloads.contains(&it.as_slice())).count();
    eprintln!("{came} of {} came back, {repaired} of {sent} lost ones repaired", media.len());
    assert!(sent >= 20 && repaired == sent as usize);
}
