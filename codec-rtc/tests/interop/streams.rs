//! Sessions of one VP8 or VP9 and one Opus stream: SSRCs, ports, SDP.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use codec_rtc::extension::ExtensionMap;
use codec_rtc::jitter::video::FrameBufferConfig;
use codec_rtc::packet::{Media, Payload};
use codec_rtc::sdp::{Crypto, Fmtp, MediaDescription, Protocol, Session};
use codec_rtc::session::{
    AudioStream, PacketFeedback, ReceiverConfig, Sender, SenderConfig, Streams, VideoStream,
};

use crate::programs::port_pair;

pub(crate) const VIDEO_SSRC: u32 = 0x1234_5678;
pub(crate) const AUDIO_SSRC: u32 = 0x2345_6789;

/// RTP ports; RTCP uses the next ports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) video: u16,
    pub(crate) audio: u16,
}

impl Ports {
    pub(crate) fn free() -> Self {
        Self { video: port_pair(), audio: port_pair() }
    }

    /// All ports.
    pub(crate) fn all(self) -> [u16; 4] {
        [self.video, self.video + 1, self.audio, self.audio + 1]
    }
}

/// VP8 and Opus without RTX, FEC and RED.
pub(crate) fn plain() -> Streams {
    Streams {
        video: Some(VideoStream::plain(VIDEO_SSRC, Payload::VP8.payload_type)),
        audio: Some(AudioStream { red: None, ..AudioStream::opus(AUDIO_SSRC) }),
        extensions: ExtensionMap::EMPTY,
    }
}

/// A sender for receivers without feedback.
pub(crate) fn sender(streams: Streams) -> Sender {
    Sender::new(sender_config(streams)).unwrap()
}

pub(crate) fn sender_config(streams: Streams) -> SenderConfig {
    SenderConfig {
        congestion: None,
        reference_recovery: false,
        pace_bps: 10_000_000,
        ..SenderConfig::new(streams, 1)
    }
}

/// A receiver for senders without feedback support.
pub(crate) fn receiver_config(streams: Streams) -> ReceiverConfig {
    ReceiverConfig {
        streams,
        ssrc: 77,
        cname: "receiver".into(),
        ntp_at_zero: 0,
        seed: 5,
        nack: false,
        pli: false,
        acknowledge_frames: false,
        feedback: PacketFeedback::Off,
        // Frames wait for their packets however slow the machine is.
        video: FrameBufferConfig { wait_for_all_frames: true, ..FrameBufferConfig::low_latency() },
    }
}

/// SDP of such a session.
pub(crate) fn session(streams: &Streams, ports: Ports, crypto: Option<&Crypto>) -> Session {
    let mut session = Session::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
    if let Some(video) = streams.video {
        let payload = Payload::video(Payload::VP8.payload_type, video.format.into());
        session.media.push(MediaDescription::new(Media::Video, ports.video, &[payload]));
    }
    if streams.audio.is_some() {
        let mut line = MediaDescription::new(Media::Audio, ports.audio, &[Payload::OPUS]);
        let payload_type = Payload::OPUS.payload_type;
        line.fmtps.push(Fmtp { payload_type, params: "minptime=10;useinbandfec=1".into() });
        session.media.push(line);
    }
    for line in &mut session.media {
        if let Some(crypto) = crypto {
            line.protocol = Protocol::Savp;
            line.crypto.push(crypto.clone());
        }
    }
    session
}

pub(crate) fn write(path: &Path, session: &Session) {
    fs::write(path, session.to_string()).unwrap();
}
