//! One encode from frames to packets, with the results that tests need.

use codec_core::codec::{
    EncoderConfig, FrameKind, FrameRequest, Outcome, Packet, Update, VideoEncoder,
};
use codec_core::frame::{Frame, Picture, Rational};

use crate::clips::Clip;
use crate::encoders::Tested;
use crate::scene::{self, Motion};

/// A running encoder and all its output.
#[derive(Debug)]
pub struct Session {
    /// The encoder.
    pub encoder: Box<dyn VideoEncoder>,
    /// Its configuration.
    pub config: EncoderConfig,
    /// The outcome of each frame.
    pub outcomes: Vec<Outcome>,
    /// Packets in coding order.
    pub packets: Vec<Packet>,
    codec: Tested,
    next_pts: i64,
}

impl Session {
    /// Creates a session with the VP8 encoder.
    ///
    /// # Panics
    /// If the settings are rejected.
    #[must_use]
    pub fn new(config: EncoderConfig) -> Self {
        Self::of(Tested::VP8, config)
    }

    /// Creates a session with the encoder of `codec`.
    ///
    /// # Panics
    /// If the settings are rejected.
    #[must_use]
    pub fn of(codec: Tested, config: EncoderConfig) -> Self {
        let encoder = codec.open(&config).expect("settings in range");
        Self { encoder, config, outcomes: Vec::new(), packets: Vec::new(), codec, next_pts: 0 }
    }

    /// Encodes one frame.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn picture(&mut self, picture: &Picture<'_>, request: FrameRequest) {
        let mut request = request;
        request.pts = self.next_pts;
        self.next_pts += 1;
        self.outcomes.push(self.encoder.encode(picture, &request).expect("a valid frame"));
        self.fetch();
    }

    /// Encodes `count` frames of a clip from `first` on, wrapping around after its last.
    ///
    /// # Panics
    /// If one is rejected.
    pub fn clip(&mut self, clip: &Clip, first: usize, count: usize) {
        let pictures: Vec<_> = clip.pictures().collect();
        for frame in first..first + count {
            self.picture(&pictures[frame % pictures.len()], FrameRequest::default());
        }
    }

    /// Encodes the next `count` frames of a synthetic scene.
    ///
    /// # Panics
    /// If one is rejected.
    pub fn scene(&mut self, motion: Motion, number: u64, count: u64) {
        for _ in 0..count {
            let frame = self.next_pts.unsigned_abs();
            let samples = scene::picture(self.config.size, frame, motion, number);
            let picture = Picture::i420_packed(self.config.size, &samples).expect("whole");
            self.picture(&picture, FrameRequest::default());
        }
    }

    /// Changes a setting.
    ///
    /// # Panics
    /// If it is rejected.
    pub fn apply(&mut self, update: Update) {
        if let Update::Resolution(size) = update {
            self.config.size = size;
        }
        self.encoder.apply(update).expect("an update in range");
        self.fetch();
    }

    /// Ends the stream.
    ///
    /// # Panics
    /// If encoding the held frames fails.
    pub fn finish(&mut self) {
        self.encoder.finish().expect("nothing fails");
        self.fetch();
    }

    fn fetch(&mut self) {
        let mut packet = Packet::default();
        while self.encoder.receive(&mut packet) {
            self.packets.push(std::mem::take(&mut packet));
        }
    }

    /// Ticks of the next frame.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.next_pts
    }

    /// Mean bitrate of the packets with times in `from..to` ticks, with one frame per tick.
    ///
    /// # Panics
    /// If `to` is not above `from`.
    #[must_use]
    pub fn bps(&self, from: i64, to: i64) -> u64 {
        let bits = self.packets.iter().filter(|p| (from..to).contains(&p.pts)).map(bits);
        let Rational { num, den } = self.config.framerate;
        let ticks = u64::try_from(to - from).expect("a span");
        bits.sum::<u64>() * u64::from(num) / u64::from(den) / ticks
    }

    /// Times of the key frames.
    #[must_use]
    pub fn keys(&self) -> Vec<i64> {
        let keys = self.packets.iter().filter(|p| p.meta.kind == FrameKind::Key);
        keys.map(|p| p.pts).collect()
    }

    /// Dropped frames.
    #[must_use]
    pub fn drops(&self) -> usize {
        self.outcomes.iter().filter(|o| matches!(o, Outcome::Dropped { .. })).count()
    }

    /// Decodes the packets that `keep` accepts and compares each frame with the encoder's own
    /// reconstruction; returns the number of shown frames. Without B frames, each packet must give
    /// its frame at once.
    ///
    /// # Panics
    /// If they differ.
    pub fn check_decoding(&self, keep: impl Fn(&Packet) -> bool) -> usize {
        let mut decoder = self.codec.decoder();
        let mut shown = 0;
        for packet in self.packets.iter().filter(|p| keep(p)) {
            let id = packet.meta.frame_id;
            let report = decoder.decode(&packet.data, packet.pts, packet.duration);
            let report = report.unwrap_or_else(|error| panic!("frame {id}: {error}"));
            assert_eq!(report.kind, packet.meta.kind, "frame {id}");
            assert_eq!(report.qindex, packet.meta.qindex, "frame {id}");
            if self.codec.has_slots() {
                assert_eq!(report.refs_updated, packet.meta.refs_updated, "frame {id}");
            }
            while let Some(frame) = decoder.receive() {
                assert!(packet.dts.is_some() || frame.pts == packet.pts, "frame {id}");
                self.check_frame(&frame);
                shown += 1;
            }
        }
        decoder.finish();
        while let Some(frame) = decoder.receive() {
            self.check_frame(&frame);
            shown += 1;
        }
        shown
    }

    fn check_frame(&self, frame: &Frame) {
        let packet =
            self.packets.iter().find(|packet| packet.meta.shown && packet.pts == frame.pts);
        let packet = packet.unwrap_or_else(|| panic!("no packet at {}", frame.pts));
        let id = packet.meta.frame_id;
        assert_eq!(Some(frame.digest()), packet.meta.digest, "frame {id}");
    }
}

/// Size of a packet in bits.
#[must_use]
pub fn bits(packet: &Packet) -> u64 {
    8 * packet.data.len() as u64
}
