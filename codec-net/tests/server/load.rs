//! Many native viewers of one stream, and many members of a room: each authenticates and decrypts the packets,
//! and counts complete frames.
//!
//! `CODEC_TESTS=all cargo test --release -p codec-net --features serve --test server load -- --nocapture
//! --test-threads=1` prints the CPU usage of the server's threads. With `CODEC_LOAD=1` in addition, which
//! needs an idle machine, the stream must take less than 60 % of a core, and the room has 64 members,
//! which must miss no frame.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use codec_backends::registry;
use codec_core::codec::{
    Bitrate, EncoderConfig, FrameKind, FrameRequest, Packet, PacketMeta, Scalability,
};
use codec_core::frame::{Picture, Rational, Size};
use codec_net::clock::Clock;
use codec_net::server::Server;
use codec_net::server::limits::Limits;
use codec_net::server::media::{VideoCodec, VideoFrame};
use codec_net::server::room::{Publisher, StreamInfo};
use codec_rtc::extension::Extensions;
use codec_rtc::jitter::video::{FrameBuffer, FrameBufferConfig, PacketInfo};
use codec_rtc::packet::vp8::{Packetizer, PacketizerConfig};
use codec_rtc::rtp;
use codec_webrtc::{
    Certificate, Direction, Event, Kind, LocalCandidate, MediaPlan, Peer, PeerConfig,
};

use crate::client::{ADMIN, VIEW, bearer, guarded, guarded_within, request_with};
use crate::depth;

const VIEWERS: usize = 20;
/// Path of the room.
const ROOM: &str = "/room/load";
const SIZE: Size = Size { width: 640, height: 360 };
const FRAME: Duration = Duration::from_nanos(33_333_333);
const TICKS_OF_FRAME: i64 = 3000;
const MEASURED: u32 = 150;
/// Ticks per second of the system's process clock.
const TICKS: f64 = 100.0;

/// A second and a half of frames at about 1.5 Mbit/s, starting with a key frame.
pub(crate) fn frames() -> Vec<VideoFrame> {
    let rate = Rational::new(30, 1);
    let mut config = EncoderConfig::rtc(SIZE, rate, Bitrate::kbps(1500));
    (config.speed, config.scalability) = (10, Scalability::L1T3);
    let (_, open, _) = registry::find_encoder("vp8").unwrap();
    let mut encoder = open(&config).unwrap();
    let mut packet = Packet::default();
    let mut out = Vec::new();
    for index in 0..45_i64 {
        let pixel = |at: u64| {
            let at = i64::try_from(at).unwrap();
            let (x, y) = (at % 640, at / 640);
            u8::try_from(((x + 3 * index) ^ (y * 2 + index)) & 0x7f).unwrap() + 60
        };
        let mut data: Vec<u8> = (0..SIZE.pixels()).map(pixel).collect();
        data.resize(usize::try_from(SIZE.i420_bytes()).unwrap(), 128);
        let picture = Picture::i420_packed(SIZE, &data).unwrap();
        encoder.encode(&picture, &FrameRequest::at(index)).unwrap();
        while encoder.receive(&mut packet) {
            let meta = packet.meta;
            let frame = VideoFrame {
                data: packet.data.clone().into(),
                key: meta.kind == FrameKind::Key,
                temporal_id: meta.temporal_id,
                layer_sync: meta.layer_sync,
                tl0_index: Some(meta.tl0_index),
                discardable: meta.discardable,
                ..VideoFrame::default()
            };
            out.push(frame);
        }
    }
    out
}

/// Publishes the frames repeatedly.
fn publish(publisher: &Publisher, frames: &[VideoFrame], clock: Clock, stop: &AtomicBool) {
    let begin = clock.now();
    let mut bases = 0_u8;
    for number in 0_u32.. {
        let due = begin + FRAME * number;
        std::thread::sleep(due.saturating_sub(clock.now()));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let index = usize::try_from(number).unwrap() % frames.len();
        let mut frame = frames[index].clone();
        frame.pts = u64::from(number) * TICKS_OF_FRAME.unsigned_abs();
        bases = bases.wrapping_add(u8::from(frame.temporal_id == 0));
        frame.tl0_index = Some(bases);
        publisher.send_video(frame).unwrap();
    }
}

/// Publishes the frames repeatedly in a room, over WebRTC.
fn publish_in_room(server: SocketAddr, frames: &[VideoFrame], stop: &AtomicBool) {
    let client = Client { server, path: ROOM, token: ADMIN, number: 100 };
    let mut connection = client.call(Direction::SendOnly);
    let config = PacketizerConfig { mtu: 1100, layers: true, ..PacketizerConfig::default() };
    let mut packetizer = Packetizer::new(config).unwrap();
    let (mut section, mut is_connected) = (None, false);
    let (mut begin, mut number, mut bases) = (Duration::ZERO, 0_u32, 0_u8);
    while !stop.load(Ordering::Relaxed) {
        let now = connection.clock.now();
        for event in connection.events(now) {
            match event {
                Event::Media(media) => {
                    section = Some((media.mid, media.vp8().unwrap().payload_type))
                }
                Event::Connected => (is_connected, begin) = (true, now),
                Event::Closed(reason) => panic!("publisher: {reason}"),
                _ => {}
            }
        }
        if let Some((mid, payload_type)) = section.filter(|_| is_connected)
            && now >= begin + FRAME * number
        {
            let frame = &frames[usize::try_from(number).unwrap() % frames.len()];
            bases = bases.wrapping_add(u8::from(frame.temporal_id == 0));
            let meta = PacketMeta {
                frame_id: number.into(),
                kind: if frame.key { FrameKind::Key } else { FrameKind::Inter },
                temporal_id: frame.temporal_id,
                layer_sync: frame.layer_sync,
                tl0_index: bases,
                discardable: frame.discardable,
                ..PacketMeta::default()
            };
            let mut packets = Vec::new();
            packetizer.packetize(&frame.data, &meta, number * 3000, &mut packets).unwrap();
            let (peer, none) = (&mut connection.peer, Extensions::default());
            peer.send_video(now, mid, payload_type, &packets, now, &none).unwrap();
            number += 1;
        }
        connection.exchange();
    }
}

/// A client of the server.
#[derive(Clone, Copy, Debug)]
struct Client {
    server: SocketAddr,
    path: &'static str,
    token: &'static str,
    number: u8,
}

impl Client {
    /// Calls the server with one section of video.
    fn call(self, direction: Direction) -> Connection {
        let clock = Clock::start();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = socket.local_addr().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let certificate = Certificate::generate(&[self.number + 1; 32], unix, 2).unwrap();
        let base = clock.instant(Duration::ZERO);
        let mut config = PeerConfig::new(base, [self.number + 101; 32], certificate);
        config.candidates = vec![LocalCandidate::Host(own)];
        config.start_bitrate = None;
        let plan = MediaPlan::new(Kind::Video, direction);
        let offered = Peer::offer(&config, &[plan], &[], clock.now());
        let (mut peer, offer, pending, _) = offered.unwrap();
        let (name, token) = bearer(self.token);
        let headers = [(name, token.as_str()), ("content-type", "application/sdp")];
        let call = || request_with(self.server, "POST", self.path, &headers, &offer);
        let mut answer = call();
        // The server limits the handshakes of one address at a time.
        while answer.status == 503 {
            std::thread::sleep(Duration::from_millis(100));
            answer = call();
        }
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(answer.header("location").is_some());
        peer.accept_answer(pending, &answer.body, clock.now()).unwrap();
        Connection { clock, socket, peer }
    }
}

/// A peer on a socket.
struct Connection {
    clock: Clock,
    socket: UdpSocket,
    peer: Peer,
}

impl Connection {
    /// Handles timeouts, and returns the events since the last call.
    fn events(&mut self, now: Duration) -> Vec<Event> {
        if self.peer.poll_timeout().is_some_and(|due| due <= now) {
            self.peer.handle_timeout(now);
        }
        std::iter::from_fn(|| self.peer.poll_event()).collect()
    }

    /// Sends what waits, and handles a datagram if one arrives soon.
    fn exchange(&mut self) {
        while let Some(transmit) = self.peer.poll_transmit() {
            let _ = self.socket.send_to(&transmit.payload, transmit.destination);
        }
        let (own, mut datagram) = (self.socket.local_addr().unwrap(), [0; 2048]);
        if let Ok((len, source)) = self.socket.recv_from(&mut datagram) {
            self.peer.handle_datagram(self.clock.now(), source, own, &datagram[..len]);
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    frames: u32,
    missing: i64,
    altered: u32,
    bytes: usize,
}

/// Runs one viewer until the end. `live` counts viewers with video, `packets` the packets of all.
fn watch(
    client: Client,
    frames: &[VideoFrame],
    stop: &AtomicBool,
    live: &AtomicUsize,
    packets: &AtomicUsize,
) -> Seen {
    let mut connection = client.call(Direction::ReceiveOnly);
    let mut buffer = FrameBuffer::new(FrameBufferConfig::low_latency());
    let mut seen = Seen::default();
    let mut last: Option<i64> = None;
    while !stop.load(Ordering::Relaxed) {
        let now = connection.clock.now();
        for event in connection.events(now) {
            match event {
                Event::Rtp(packet) => {
                    packets.fetch_add(1, Ordering::Relaxed);
                    let mut bytes = Vec::new();
                    rtp::write(&packet.header, &mut bytes);
                    bytes.extend_from_slice(&packet.payload);
                    let _ = buffer.push(now, &bytes, PacketInfo::default());
                }
                Event::Closed(reason) => panic!("viewer {}: {reason}", client.number),
                _ => {}
            }
        }
        while let Some(frame) = buffer.poll_frame(now) {
            // PictureIDs are the viewer's own; times are the publisher's.
            let time = frame.media_ticks;
            // The first frames of a member come from a cache, which has the base layer only.
            let is_counted = seen.frames >= 8 || client.path != ROOM;
            let gap = last.map_or(0, |last| (time - last) / TICKS_OF_FRAME - 1);
            seen.missing += if is_counted { gap } else { 0 };
            last = Some(time);
            if seen.frames == 0 {
                live.fetch_add(1, Ordering::Relaxed);
            }
            seen.frames += 1;
            seen.bytes += frame.data.len();
            seen.altered += u32::from(!frames.iter().any(|sent| sent.data == frame.data));
        }
        connection.exchange();
    }
    seen
}

/// CPU time of the server's threads so far, and the part of the system in it, in seconds; `None` if not available. The
/// clients' threads are not counted, but on a loopback address the system delivers a datagram within the send call.
fn cpu() -> Option<(f64, f64)> {
    let (mut user, mut system) = (0.0, 0.0);
    for task in fs::read_dir("/proc/self/task").ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("stat")).unwrap_or_default();
        let Some((head, rest)) = text.rsplit_once(") ") else { continue };
        if ["(http", "(calls"].iter().any(|name| head.contains(name)) {
            let fields: Vec<&str> = rest.split(' ').collect();
            user += fields.get(11)?.parse::<f64>().ok()?;
            system += fields.get(12)?.parse::<f64>().ok()?;
        }
    }
    Some(((user + system) / TICKS, system / TICKS))
}

#[test]
fn twenty_native_viewers_watch_a_stream() {
    if depth::skips_long() {
        return;
    }
    let is_load = std::env::var_os("CODEC_LOAD").is_some();
    // Frames that the server encodes for slow links are none of those that are published.
    let server: Server = guarded_within(Limits { small_renditions: 0, ..Limits::default() });
    let info = StreamInfo { kind: "ws", video: Some(VideoCodec::Vp8), audio: false };
    let publisher = server.hub().publish("load", info, Box::new(|| {})).unwrap();
    let stream = Arc::clone(publisher.stream());
    let frames = frames();
    let (stop, live, packets) = <(AtomicBool, AtomicUsize, AtomicUsize)>::default();
    let server_address = server.address();
    let clock = server.hub().clock();
    std::thread::scope(|scope| {
        scope.spawn(|| publish(&publisher, &frames, clock, &stop));
        let viewers: Vec<_> = (0..u8::try_from(VIEWERS).unwrap())
            .map(|number| {
                let (path, token) = ("/whep/load", VIEW);
                let client = Client { server: server_address, path, token, number };
                let (frames, stop, live) = (&frames, &stop, &live);
                let packets = &packets;
                scope.spawn(move || watch(client, frames, stop, live, packets))
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(60);
        while live.load(Ordering::Relaxed) < VIEWERS {
            assert!(Instant::now() < end, "only {live:?} viewers");
            std::thread::sleep(Duration::from_millis(10));
        }
        let (before, begun) = (cpu(), Instant::now());
        std::thread::sleep(FRAME * MEASURED);
        let (after, lasted) = (cpu(), begun.elapsed());
        let (facts, watching) = stream.stats();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(watching, VIEWERS);
        for viewer in viewers {
            let seen = viewer.join().unwrap();
            // On a busy machine, packets arrive late, and viewers get fewer layers.
            assert!(!is_load || seen.missing == 0, "{seen:?}");
            assert_eq!(seen.altered, 0, "{seen:?}");
            // Data in socket buffers at the end are not counted.
            assert!(seen.frames > MEASURED / 3, "{seen:?}");
        }
        if let (Some((before, _)), Some((after, _))) = (before, after) {
            let share = 100.0 * (after - before) / lasted.as_secs_f64();
            eprintln!(
                "{VIEWERS} viewers of {} kbit/s: {share:.1} % of a core",
                facts.bits_per_second / 1000
            );
            assert!(!is_load || share < 60.0, "{share} %");
        }
    });
}

#[test]
fn all_members_of_a_room_see_its_video() {
    let is_load = std::env::var_os("CODEC_LOAD").is_some();
    let count: u8 = if is_load { 64 } else { 16 };
    let server: Server = guarded();
    let frames = frames();
    let (stop, live, packets) = <(AtomicBool, AtomicUsize, AtomicUsize)>::default();
    let address = server.address();
    std::thread::scope(|scope| {
        scope.spawn(|| publish_in_room(address, &frames, &stop));
        let viewers: Vec<_> = (0..count)
            .map(|number| {
                let client = Client { server: address, path: ROOM, token: ADMIN, number };
                let (frames, stop, live) = (&frames, &stop, &live);
                let packets = &packets;
                scope.spawn(move || watch(client, frames, stop, live, packets))
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(60);
        while live.load(Ordering::Relaxed) < usize::from(count) {
            assert!(Instant::now() < end, "only {live:?} viewers");
            std::thread::sleep(Duration::from_millis(10));
        }
        let (before, received) = (cpu(), packets.load(Ordering::Relaxed));
        std::thread::sleep(FRAME * MEASURED);
        let (after, now_received) = (cpu(), packets.load(Ordering::Relaxed));
        stop.store(true, Ordering::Relaxed);
        for viewer in viewers {
            let seen = viewer.join().unwrap();
            // On a busy machine, packets arrive late, and members get fewer layers.
            assert!(!is_load || seen.missing == 0, "{seen:?}");
            assert!(seen.frames >= 8 && seen.altered == 0, "{seen:?}");
        }
        if let (Some(before), Some(after)) = (before, after) {
            let sent = u32::try_from(now_received - received).unwrap();
            let microseconds = |seconds: f64| 1e6 * seconds / f64::from(sent.max(1));
            let (all, system) =
                (microseconds(after.0 - before.0), microseconds(after.1 - before.1));
            eprintln!(
                "{count} members: {sent} packets, {all:.1} us of CPU time a packet, {system:.1} of them in the system"
            );
        }
    });
}
