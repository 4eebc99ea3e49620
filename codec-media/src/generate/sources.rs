//! Generated video and audio sources that take the place of files.

use crate::generate::{AudioGenerator, Generator};
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout, PcmEncoding};
use codec_container::{AudioTrack, CodedPacket, Format, PacketReader, Track};
use codec_core::frame::PictureInfo;

use crate::failure::{Failure, Result};
use crate::io::source::{FrameSource, SourceFrame, StreamInfo};

/// Frames generated on demand.
pub struct GeneratedFrames {
    generator: Generator,
    stream_info: StreamInfo,
    frames: u32,
    drawn: u32,
    buffer: Vec<u8>,
}

impl GeneratedFrames {
    /// Creates a source of `frames` frames.
    pub fn new(generator: Generator, frames: u32, info: PictureInfo) -> Self {
        let stream_info = StreamInfo {
            samples: codec_core::frame::SampleFormat::YUV420,
            size: generator.size(),
            time_base: generator.frame_rate().inverse(),
            frame_rate: generator.frame_rate(),
            count: Some(frames.into()),
            info,
            kind: "drawn".to_owned(),
            title: None,
        };
        Self { generator, stream_info, frames, drawn: 0, buffer: Vec::new() }
    }
}

impl FrameSource for GeneratedFrames {
    fn stream_info(&self) -> &StreamInfo {
        &self.stream_info
    }

    fn next(&mut self) -> Result<Option<SourceFrame<'_>>> {
        if self.drawn == self.frames {
            return Ok(None);
        }
        let index = self.drawn;
        self.drawn += 1;
        let picture = self.generator.picture(index, &mut self.buffer);
        let picture = picture.map_err(Failure::internal)?.with_info(self.stream_info.info);
        Ok(Some(SourceFrame { picture, pts: index.into(), duration: Some(1) }))
    }
}

/// Audio in packets of 20 ms of 16-bit samples, one channel.
pub struct GeneratedAudio {
    generator: AudioGenerator,
    tracks: [Track; 1],
    block: u64,
    samples: u64,
    made: u64,
}

impl GeneratedAudio {
    /// Creates a source of `samples` samples at `rate` hertz.
    pub fn new(generator: AudioGenerator, rate: u32, samples: u64) -> Self {
        let format = AudioFormat::new(rate, ChannelLayout::Mono);
        let codec = AudioCodec::Pcm(PcmEncoding::S16Le);
        let mut track = AudioTrack::new(Format::Pcm, codec, format);
        track.duration = Some(samples);
        let block = u64::from(rate / 50);
        Self { generator, tracks: [Track::Audio(track)], block, samples, made: 0 }
    }
}

impl PacketReader for GeneratedAudio {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// There is only one track.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> codec_container::Result<bool> {
        let count = self.block.min(self.samples - self.made);
        if count == 0 {
            return Ok(false);
        }
        packet.data.clear();
        for index in self.made..self.made + count {
            packet.data.extend_from_slice(&self.generator.sample(index).to_le_bytes());
        }
        packet.pts = i64::try_from(self.made).unwrap_or(i64::MAX);
        packet.duration = Some(count);
        packet.key = true;
        (packet.track, packet.trim_start, packet.trim_end) = (0, 0, 0);
        packet.shown = true;
        packet.index = self.made / self.block;
        self.made += count;
        Ok(true)
    }
}
