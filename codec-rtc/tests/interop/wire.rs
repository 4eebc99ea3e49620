//! Our sender and receiver on real sockets in real time.

use std::collections::VecDeque;
use std::net::UdpSocket;
use std::thread::sleep;
use std::time::{Duration, Instant};

use codec_audio::{AudioBuf, AudioPacket as Coded, SampleKind};
use codec_rtc::demux::{self, Datagram};
use codec_rtc::jitter::audio::AudioBuffer;
use codec_rtc::jitter::video::Frame;
use codec_rtc::rtp;
use codec_rtc::session::{AudioPacket, Receiver, ReceiverStats, Sender, SenderStats};

use crate::media::{AUDIO_TICKS, Clip, FPS, FRAME_TICKS};
use crate::programs::wait_until_read;
use crate::streams::{AUDIO_SSRC, Ports};

/// Maximum duration of sending or waiting.
const LIMIT: Duration = Duration::from_secs(15);
/// Reception ends after this time without data, or after this time since BYE.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_AFTER_GOODBYE: Duration = Duration::from_millis(500);

/// Sends all frames and audio packets at their times, then BYE. `deliver` gets every datagram; what
/// it returns goes to the sender.
///
/// The time of the sender advances by a millisecond per iteration, synchronised with real time but
/// without skipping: on a stalling machine the datagrams are the same, only later.
pub(crate) fn play(
    sender: &mut Sender,
    clip: &Clip,
    audio: &[Coded],
    mut deliver: impl FnMut(Datagram, Vec<u8>) -> Option<Vec<u8>>,
) -> SenderStats {
    let begun = Instant::now();
    let (mut frames, mut audio_packets) = ((0_u32..).zip(&clip.packets), (0_u32..).zip(audio));
    let (mut frame, mut packet) = (frames.next(), audio_packets.next());
    let mut flush = |sender: &mut Sender, now: Duration| {
        sender.handle_timeout(now);
        while let Some(datagram) = sender.poll_transmit() {
            let kind = demux::classify(&datagram);
            if let Some(back) = deliver(kind, datagram) {
                sender.handle_datagram(now, &back).unwrap();
            }
        }
    };
    let mut now = Duration::ZERO;
    while frame.is_some() || packet.is_some() {
        assert!(begun.elapsed() < LIMIT, "sending takes too long");
        while let Some((number, coded)) = frame.filter(|it| at(it.0, FPS) <= now) {
            sender.send_video(now, at(number, FPS), number * FRAME_TICKS, coded).unwrap();
            frame = frames.next();
        }
        while let Some((number, coded)) = packet.filter(|it| at(it.0, 50) <= now) {
            let (payload, timestamp) = (&coded.data[..], number * AUDIO_TICKS);
            let (captured, begins_talk) = (at(number, 50), number == 0);
            sender
                .send_audio(&AudioPacket {
                    payload,
                    timestamp,
                    captured,
                    level: None,
                    starts_talkspurt: begins_talk,
                })
                .unwrap();
            packet = audio_packets.next();
        }
        flush(sender, now);
        now += Duration::from_millis(1);
        sleep(now.saturating_sub(begun.elapsed()));
    }
    // Drain the pacer before BYE.
    now += Duration::from_millis(100);
    sleep(now.saturating_sub(begun.elapsed()));
    flush(sender, now);
    sender.close(now, "done");
    flush(sender, now);
    sender.stats()
}

fn at(number: u32, per_second: u32) -> Duration {
    Duration::from_secs(1) * number / per_second
}

/// Sends datagrams of a session: RTP of each stream to its port, RTCP to the next ports of both.
pub(crate) struct Outlet {
    socket: UdpSocket,
    ports: Ports,
}

impl Outlet {
    pub(crate) fn new(ports: Ports) -> Self {
        Self { socket: UdpSocket::bind("127.0.0.1:0").unwrap(), ports }
    }

    /// Sends to the RTP port of the video stream.
    #[cfg(feature = "srtp")]
    pub(crate) fn send_to_video(&self, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, ("127.0.0.1", self.ports.video));
    }

    /// RTCP follows the data sent before: a BYE that is read first ends the reception of queued
    /// data.
    pub(crate) fn send(&self, kind: Datagram, datagram: &[u8]) {
        let to = |port: u16| {
            // There may be no listener for RTCP.
            let _ = self.socket.send_to(datagram, ("127.0.0.1", port));
        };
        if kind == Datagram::Rtcp {
            wait_until_read(&[self.ports.video, self.ports.audio]);
            to(self.ports.video + 1);
            to(self.ports.audio + 1);
            return;
        }
        let ssrc = rtp::parse(datagram).unwrap().header.ssrc;
        to(if ssrc == AUDIO_SSRC { self.ports.audio } else { self.ports.video });
    }
}

/// Output of a receiver.
pub(crate) struct Received {
    pub(crate) frames: Vec<Frame>,
    /// Payloads of the audio stream in order of arrival.
    pub(crate) audio: Vec<Vec<u8>>,
    /// Peak level of the played audio, if there is a jitter buffer.
    pub(crate) loudest: i16,
    pub(crate) stats: ReceiverStats,
    pub(crate) left: bool,
}

impl Received {
    pub(crate) fn coded(&self) -> Vec<Vec<u8>> {
        self.frames.iter().map(|it| it.data.clone()).collect()
    }
}

/// Sockets polled in turn.
pub(crate) struct Inlet {
    sockets: Vec<UdpSocket>,
    buffer: Vec<u8>,
}

impl Inlet {
    pub(crate) fn new(ports: &[u16]) -> Self {
        let open = |&port: &u16| {
            let socket = UdpSocket::bind(("127.0.0.1", port)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        Self { sockets: ports.iter().map(open).collect(), buffer: vec![0; 4096] }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        for socket in &self.sockets {
            if let Ok(len) = socket.recv(&mut self.buffer) {
                return Some(self.buffer[..len].to_vec());
            }
        }
        None
    }
}

/// Receives until there is no more data. `receiver` is called with the payload types and SSRCs of
/// video and audio once both have arrived. `open` may modify or drop each datagram.
pub(crate) fn receive(
    inlet: &mut Inlet,
    sources: usize,
    mut open: impl FnMut(Datagram, Vec<u8>) -> Option<Vec<u8>>,
    receiver: impl FnOnce(&[(u8, u32)]) -> Receiver,
) -> Received {
    let begun = Instant::now();
    let mut receiver = Some(receiver);
    let mut made: Option<Receiver> = None;
    let (mut seen, mut waiting) = (Vec::<(u8, u32)>::new(), VecDeque::new());
    let (mut frames, mut audio) = (Vec::new(), Vec::new());
    let (mut played, mut loudest) = (Duration::ZERO, 0);
    let mut last = None;
    let mut quiet = QUIET;
    while begun.elapsed() < LIMIT && last.is_none_or(|it: Instant| it.elapsed() < quiet) {
        while let Some(datagram) = inlet.next() {
            last = Some(Instant::now());
            let kind = demux::classify(&datagram);
            let Some(datagram) = open(kind, datagram) else { continue };
            if kind == Datagram::Rtp {
                let packet = rtp::parse(&datagram).unwrap();
                let source = (packet.header.payload_type, packet.header.ssrc);
                if !seen.contains(&source) {
                    seen.push(source);
                }
                if packet.header.payload_type == 111 {
                    audio.push(packet.payload.to_vec());
                }
            }
            waiting.push_back((begun.elapsed(), datagram));
        }
        if seen.len() >= sources
            && let Some(make) = receiver.take()
        {
            made = Some(make(&seen));
        }
        if let Some(receiver) = &mut made {
            for (now, datagram) in waiting.drain(..) {
                receiver.handle_datagram(now, &datagram).unwrap();
            }
            let now = begun.elapsed();
            while let Some(frame) = receiver.poll_frame(now) {
                receiver.decoded(now, &frame, Duration::from_millis(1));
                frames.push(frame);
            }
            receiver.handle_timeout(now);
            while receiver.poll_transmit().is_some() {}
            while played <= now {
                loudest = loudest.max(play_10_ms(receiver, played));
                played += Duration::from_millis(10);
            }
            if receiver.bye_reason().is_some() {
                quiet = QUIET_AFTER_GOODBYE;
            }
        }
        sleep(Duration::from_millis(1));
    }
    let receiver = made.expect("packets of all sources");
    let (stats, left) = (receiver.stats(), receiver.bye_reason().is_some());
    Received { frames, audio, loudest, stats, left }
}

/// Peak level of the next 10 ms of audio; 0 without a jitter buffer.
fn play_10_ms(receiver: &mut Receiver, at: Duration) -> i16 {
    let Some(format) = receiver.audio().map(AudioBuffer::format) else { return 0 };
    let (mut out, mut samples) = (AudioBuf::new(format, SampleKind::S16), Vec::new());
    receiver.pull_audio(at, &mut out);
    out.view().unwrap().append_s16(&mut samples);
    samples.into_iter().map(i16::saturating_abs).max().unwrap_or(0)
}
