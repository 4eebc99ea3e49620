//! Decoder of the crates `ropus` and `opus-rs`: splits packets into streams, applies gains, and
//! turns panics into errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::DECODER_CAPABILITIES;
use super::library::{LibraryDecoder, Task};
use super::stream::Stream;
use codec_audio::opus_head::{OpusHead, wave_channel_order};
use codec_audio::opus_packet::OpusPacket;
use codec_audio::{AudioBuf, AudioCapabilities, AudioDecoderConfig, AudioFormat, SampleKind};
use codec_core::error::{Corrupt, Error};

/// Decoders of all streams of a packet.
pub(crate) struct Streams {
    rate: i32,
    channels: usize,
    head: OpusHead,
    /// Linear gain of the output.
    gain: f32,
    /// One library decoder per stream in a packet.
    streams: Vec<Stream>,
    /// Packet of one stream, in undelimited form.
    part: Vec<u8>,
    /// Output of one stream.
    scratch: Vec<f32>,
}

impl Streams {
    /// Creates fresh library decoders.
    fn restart(&mut self) {
        let decoder = |stream: u8| {
            let channels = match self.head.family {
                0 => self.channels,
                _ if stream < self.head.coupled => 2,
                _ => 1,
            };
            Stream::new(self.rate, channels)
        };
        self.streams = (0..self.head.streams).map(decoder).collect();
    }

    fn decode_streams(
        &mut self,
        task: Task<'_>,
        frames: usize,
        out: &mut [f32],
    ) -> Result<(), Error> {
        if self.head.family == 0 {
            return decode_stream(&mut self.streams[0], task, frames, out);
        }
        let places = if self.head.family == 1 { wave_channel_order(self.channels) } else { &[] };
        let coupled = usize::from(self.head.coupled);
        let (mut at, last) = (0, self.streams.len().saturating_sub(1));
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let part = &mut self.part;
            let task = task.try_map(|data| {
                let rest = &data[at..];
                if index == last {
                    return Ok(rest);
                }
                let (packet, length) = OpusPacket::parse_self_delimited(rest)?;
                part.clear();
                packet.write(part);
                at += length;
                Ok::<_, Corrupt>(part.as_slice())
            })?;
            let width = if index < coupled { 2 } else { 1 };
            self.scratch.clear();
            self.scratch.resize(frames * width, 0.0);
            decode_stream(stream, task, frames, &mut self.scratch)?;
            let first = if index < coupled { 2 * index } else { index + coupled };
            for (channel, &decoded) in self.head.mapping.iter().enumerate() {
                let Some(source) = usize::from(decoded).checked_sub(first) else { continue };
                if decoded == 255 || source >= width {
                    continue;
                }
                let place = places.get(channel).copied().unwrap_or(channel);
                let samples = self.scratch.chunks_exact(width);
                for (frame, sample) in out.chunks_exact_mut(self.channels).zip(samples) {
                    frame[place] = sample[source];
                }
            }
        }
        Ok(())
    }
}

impl LibraryDecoder for Streams {
    type Sample = f32;

    const CAPABILITIES: &'static AudioCapabilities =
        &AudioCapabilities { implementation: "ropus 0.12, opus-rs 0.1", ..DECODER_CAPABILITIES };
    const KIND: SampleKind = SampleKind::F32;

    fn new(config: &AudioDecoderConfig, head: OpusHead) -> Result<Self, Error> {
        let gain_db = (f32::from(head.gain_q8_db) + f32::from(config.gain_q8_db)) / 256.0;
        let mut new = Self {
            rate: i32::try_from(config.format.rate).unwrap_or(0),
            channels: config.format.channels(),
            head,
            gain: 10_f32.powf(gain_db / 20.0),
            streams: Vec::new(),
            part: Vec::new(),
            scratch: Vec::new(),
        };
        new.restart();
        Ok(new)
    }

    fn begin(audio: &mut AudioBuf, format: AudioFormat, pts: i64) -> &mut Vec<f32> {
        audio.begin_f32(format, pts)
    }

    /// After a panic inside the library, which is a bug there, the packet is lost and the decoder
    /// is reset.
    fn decode(&mut self, task: Task<'_>, frames: usize, out: &mut [f32]) -> Result<(), Error> {
        let ran = catch_unwind(AssertUnwindSafe(|| self.decode_streams(task, frames, out)));
        ran.unwrap_or_else(|_| {
            self.restart();
            Err(undecodable())
        })?;
        #[expect(clippy::float_cmp, reason = "no gain is exactly 1")]
        if self.gain != 1.0 {
            out.iter_mut().for_each(|value| *value *= self.gain);
        }
        Ok(())
    }

    fn final_range(&self) -> Option<u32> {
        let ranges = self.streams.iter().map(Stream::final_range);
        ranges.reduce(|all, one| Some(all? ^ one?)).flatten()
    }

    fn reset(&mut self) {
        self.restart();
    }
}

fn decode_stream(
    stream: &mut Stream,
    task: Task<'_>,
    frames: usize,
    out: &mut [f32],
) -> Result<(), Error> {
    let decoded = match task {
        Task::Decode(packet) => stream.decode(packet, frames, out),
        Task::Fec(packet) => stream.decode_fec(packet, frames, out),
        Task::Conceal => stream.conceal(frames, out),
    };
    match decoded {
        Ok(decoded) if decoded == frames => Ok(()),
        Ok(_) => Err(undecodable()),
        Err(says) => Err(Corrupt::Backend { says }.into()),
    }
}

fn undecodable() -> Error {
    Corrupt::Backend { says: "the Opus decoder failed on the packet" }.into()
}
