//! The packets of the part of a file between two times: video from a key frame on, and audio.

use codec_container::{CodedPacket, PacketReader, Result, Track};

use crate::Env;
use crate::failure;
use crate::io::audio_input::AudioInput;
use crate::io::cut_audio::{AudioRange, cut_audio};
use crate::io::cut_packets::{CutPackets, VideoPackets};
use crate::io::input::InputSpec;
use crate::io::media::separate;

/// A track of the part, and its next packet.
struct Lane {
    reader: Box<dyn PacketReader>,
    /// Seconds per tick.
    tick_s: f64,
    next: Option<CodedPacket>,
}

/// Delivers the packets of the first video and the first audio track in the order of their times.
pub(super) struct PartPackets {
    tracks: Vec<Track>,
    lanes: Vec<Lane>,
}

impl PartPackets {
    /// Selects the part of `reader` that `spec` describes; `reader` is at its start.
    ///
    /// # Errors
    /// If the input cannot be read or ends before the part.
    pub(super) fn open(
        reader: Box<dyn PacketReader>,
        spec: &InputSpec,
        env: &Env,
    ) -> failure::Result<Box<dyn PacketReader>> {
        let tracks = reader.tracks().to_vec();
        let video = reader.video().map(|(number, _)| number);
        let audio = reader.audio().map(|(number, _)| number);
        let numbers: Vec<_> = video.into_iter().chain(audio).collect();
        let mut readers = separate(reader, &numbers, spec, env)?.into_iter();
        let video = match video.and_then(|_| readers.next()) {
            Some(reader) => Some(CutPackets::new(reader, spec, env)?),
            None => None,
        };
        let range = AudioRange::of(spec.cut, video.as_ref().map(VideoPackets::start_ns));
        let audio = readers.next().and_then(|reader| AudioInput::of(reader, spec.name()));
        let audio = match audio {
            Some(input) => cut_audio(input, range, env)?.map(|input| input.reader),
            None => None,
        };
        let video = video.map(|video| Box::new(video) as Box<dyn PacketReader>);
        let base =
            |number: usize| tracks.get(number).map_or(0.0, |track| track.time_base().as_f64());
        let mut lanes = Vec::new();
        for (reader, number) in video.into_iter().chain(audio).zip(numbers) {
            lanes.push(Lane { reader, tick_s: base(number), next: None });
        }
        for lane in &mut lanes {
            lane.advance().map_err(|error| failure::Failure::reading(&spec.name(), error))?;
        }
        Ok(Box::new(Self { tracks, lanes }))
    }
}

impl Lane {
    /// Reads the next packet that does not begin before the part: the decoders of a stream need no earlier ones.
    fn advance(&mut self) -> Result<()> {
        let mut packet = CodedPacket::default();
        self.next = None;
        while self.reader.read(&mut packet)? {
            if packet.pts >= 0 {
                self.next = Some(packet);
                break;
            }
        }
        Ok(())
    }

    /// The time at which the next packet is needed, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn at_s(&self) -> f64 {
        let ticks = self.next.as_ref().map(|packet| packet.dts.unwrap_or(packet.pts));
        ticks.map_or(f64::INFINITY, |ticks| ticks as f64 * self.tick_s)
    }
}

impl PacketReader for PartPackets {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The tracks were selected before.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let earliest = self.lanes.iter_mut().min_by(|a, b| a.at_s().total_cmp(&b.at_s()));
        let Some(lane) = earliest else { return Ok(false) };
        let Some(next) = lane.next.take() else { return Ok(false) };
        *packet = next;
        lane.advance()?;
        Ok(true)
    }
}
