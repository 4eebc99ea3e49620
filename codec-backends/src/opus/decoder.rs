//! Opus decoder: checks packets before the library sees them, and conceals lost ones.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::DECODER_CAPABILITIES;
use super::stream::Stream;
use codec_audio::check::{check_format, reject_knobs};
use codec_audio::framer::AudioQueue;
use codec_audio::opus_head::{OpusHead, wave_channel_order};
use codec_audio::opus_packet::OpusPacket;
use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioDecoderConfig,
    AudioFormat, Bandwidth, Recovery, SampleKind,
};
use codec_core::error::{ConfigError, Corrupt, Error};

/// Maximum duration to conceal at once, in seconds.
const LONGEST_GAP_S: usize = 10;

pub(crate) static CAPABILITIES: AudioCapabilities =
    AudioCapabilities { implementation: "ropus 0.12, opus-rs 0.1", ..DECODER_CAPABILITIES };

/// Opens an Opus decoder.
pub(crate) fn open(config: &AudioDecoderConfig) -> Result<Box<dyn AudioDecoder>, Error> {
    Ok(Box::new(Decoder::new(config)?))
}

struct Decoder {
    config: AudioDecoderConfig,
    head: OpusHead,
    /// Linear gain of the output.
    gain: f32,
    /// One library decoder per stream in a packet.
    streams: Vec<Stream>,
    /// Packet of each stream, in undelimited form.
    parts: Vec<Vec<u8>>,
    /// Output of one stream.
    scratch: Vec<f32>,
    queue: AudioQueue,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Properties of a packet, over all its streams.
#[derive(Clone, Copy)]
struct Facts {
    bandwidth: Bandwidth,
    /// Sample frames at the output rate: of the packet, and of each of its frames.
    frames: usize,
    frame: usize,
    fec: bool,
}

/// Task of the library for the parts of a packet.
#[derive(Clone, Copy)]
enum Task {
    Decode,
    /// Decode the in-band FEC of the previous frame.
    Copy,
    /// Conceal; there is no packet.
    Conceal,
}

impl Decoder {
    fn new(config: &AudioDecoderConfig) -> Result<Self, Error> {
        if config.codec != AudioCodec::Opus {
            return Err(ConfigError::new("codec", config.codec, "opus").into());
        }
        check_format(config.format, &CAPABILITIES)?;
        reject_knobs(&config.knobs)?;
        let channels = config.format.channels();
        let head = match config.codec_private.as_slice() {
            [] => OpusHead::plain(u8::try_from(channels).unwrap_or(u8::MAX), 0, 0),
            bytes => OpusHead::parse(bytes)?,
        };
        let single_stream = head.family == 0;
        let allowed = if single_stream { 2 } else { usize::from(head.channels) };
        if channels > allowed || !single_stream && channels != allowed {
            let allowed = if single_stream { "1 or 2".to_owned() } else { allowed.to_string() };
            return Err(ConfigError::new("channels", channels, allowed).into());
        }
        let gain_db = (f32::from(head.gain_q8_db) + f32::from(config.gain_q8_db)) / 256.0;
        Ok(Self {
            streams: build(config, &head),
            gain: 10_f32.powf(gain_db / 20.0),
            parts: vec![Vec::new(); usize::from(head.streams)],
            head,
            config: config.clone(),
            scratch: Vec::new(),
            queue: AudioQueue::default(),
        })
    }

    /// Checks each stream of a packet by the rules of RFC 6716, section 3.4, and splits the packet
    /// into `parts`.
    fn take_apart(&mut self, data: &[u8]) -> Result<Facts, Error> {
        self.config.limits.check_packet(data)?;
        let rate = self.config.format.rate;
        let (mut at, mut facts): (usize, Option<Facts>) = (0, None);
        let last = self.parts.len().saturating_sub(1);
        for (index, part) in self.parts.iter_mut().enumerate() {
            let rest = &data[at..];
            part.clear();
            let (packet, length) = if index == last {
                part.extend_from_slice(rest);
                OpusPacket::parse(rest).map(|packet| (packet, rest.len()))
            } else {
                OpusPacket::parse_self_delimited(rest)
            }
            .map_err(|error| moved(error, at))?;
            if index < last {
                packet.write(part);
            }
            let this = Facts {
                bandwidth: packet.toc().bandwidth(),
                frames: packet.samples(rate),
                frame: packet.frame_samples(rate),
                fec: packet.has_fec(),
            };
            facts = Some(match facts {
                None => this,
                Some(facts) if facts.frames != this.frames => {
                    let what = "streams of equal duration in one packet";
                    return Err(Corrupt::Other { what, offset_bytes: at }.into());
                }
                Some(facts) => Facts {
                    bandwidth: facts.bandwidth.max(this.bandwidth),
                    frame: facts.frame.max(this.frame),
                    fec: facts.fec || this.fec,
                    ..facts
                },
            });
            at += length;
        }
        facts.ok_or(Error::unsupported("an Opus packet without streams"))
    }

    /// Appends `frames` sample frames to `audio`. After a panic inside the library, which is a bug
    /// there, the packet is lost and the decoder is reset.
    fn run(&mut self, task: Task, frames: usize, audio: &mut Vec<f32>) -> Result<(), Error> {
        let channels = self.config.format.channels();
        let from = audio.len();
        audio.resize(from + frames * channels, 0.0);
        let out = &mut audio[from..];
        let ran = catch_unwind(AssertUnwindSafe(|| self.run_streams(task, frames, out)));
        let done = ran.unwrap_or_else(|_| {
            self.streams = build(&self.config, &self.head);
            Err(undecodable())
        });
        #[expect(clippy::float_cmp, reason = "no gain is exactly 1")]
        if done.is_ok() && self.gain != 1.0 {
            audio[from..].iter_mut().for_each(|value| *value *= self.gain);
        }
        done
    }

    fn run_streams(&mut self, task: Task, frames: usize, out: &mut [f32]) -> Result<(), Error> {
        if self.head.family == 0 {
            return decode_one(&mut self.streams[0], task, &self.parts[0], frames, out);
        }
        let channels = self.config.format.channels();
        let places = if self.head.family == 1 { wave_channel_order(channels) } else { &[] };
        let coupled = usize::from(self.head.coupled);
        for (index, (stream, part)) in self.streams.iter_mut().zip(&self.parts).enumerate() {
            let width = if index < coupled { 2 } else { 1 };
            self.scratch.clear();
            self.scratch.resize(frames * width, 0.0);
            decode_one(stream, task, part, frames, &mut self.scratch)?;
            let first = if index < coupled { 2 * index } else { index + coupled };
            for (channel, &decoded) in self.head.mapping.iter().enumerate() {
                let Some(source) = usize::from(decoded).checked_sub(first) else { continue };
                if decoded == 255 || source >= width {
                    continue;
                }
                let place = places.get(channel).copied().unwrap_or(channel);
                let heard = self.scratch.chunks_exact(width);
                for (frame, heard) in out.chunks_exact_mut(channels).zip(heard) {
                    frame[place] = heard[source];
                }
            }
        }
        Ok(())
    }

    /// Appends `frames` concealed sample frames.
    fn conceal(&mut self, frames: usize, audio: &mut Vec<f32>) -> Result<(), Error> {
        let longest = self.config.format.rate as usize * 3 / 25;
        let mut left = frames;
        while left > 0 {
            let part = left.min(longest);
            self.run(Task::Conceal, part, audio)?;
            left -= part;
        }
        Ok(())
    }

    /// Queues the samples that `fill` appends.
    fn output(
        &mut self,
        pts: i64,
        fill: impl FnOnce(&mut Self, &mut Vec<f32>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let format = self.config.format;
        let mut audio: AudioBuf = self.queue.begin(format, SampleKind::F32);
        match fill(self, audio.begin_f32(format, pts)) {
            Ok(()) => self.queue.push(audio),
            Err(error) => {
                self.queue.give_back(audio);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl AudioDecoder for Decoder {
    fn capabilities(&self) -> &AudioCapabilities {
        &CAPABILITIES
    }

    fn format(&self) -> AudioFormat {
        self.config.format
    }

    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioDecodeReport, Error> {
        let facts = self.take_apart(data)?;
        self.output(pts, |this, out| this.run(Task::Decode, facts.frames, out))?;
        let ranges = self.streams.iter().map(Stream::final_range);
        Ok(AudioDecodeReport {
            frames: facts.frames as u64,
            recovered: 0,
            bandwidth: Some(facts.bandwidth),
            final_range: ranges.reduce(|all, one| Some(all? ^ one?)).flatten(),
        })
    }

    fn recover(
        &mut self,
        frames: usize,
        recovery: Recovery<'_>,
        pts: i64,
    ) -> Result<AudioDecodeReport, Error> {
        let rate = self.config.format.rate as usize;
        let (step, longest) = (rate / 400, rate * LONGEST_GAP_S);
        if frames == 0 || frames > longest || !frames.is_multiple_of(step) {
            let allowed = format!("a multiple of {step} (2.5 ms) up to {longest}");
            return Err(ConfigError::new("samples to recover", frames, allowed).into());
        }
        // In-band FEC from a damaged packet is not used.
        let copy = match recovery {
            Recovery::FromNext(next) => self.take_apart(next).ok(),
            Recovery::Conceal => None,
        };
        let copy = copy.filter(|facts| facts.fec && facts.frame <= frames);
        self.output(pts, |this, out| match copy {
            None => this.conceal(frames, out),
            Some(facts) => {
                this.conceal(frames - facts.frame, out)?;
                this.run(Task::Copy, facts.frame, out)
            }
        })?;
        let frames = frames as u64;
        Ok(AudioDecodeReport { frames, recovered: frames, ..AudioDecodeReport::default() })
    }

    fn receive(&mut self, audio: &mut AudioBuf) -> bool {
        self.queue.receive(audio)
    }

    fn finish(&mut self) {}

    fn reset(&mut self) {
        self.queue.clear();
        self.streams = build(&self.config, &self.head);
    }
}

/// Creates fresh library decoders.
fn build(config: &AudioDecoderConfig, head: &OpusHead) -> Vec<Stream> {
    let rate = i32::try_from(config.format.rate).unwrap_or(0);
    let decoder = |stream: u8| {
        let channels = match head.family {
            0 => config.format.channels(),
            _ if stream < head.coupled => 2,
            _ => 1,
        };
        Stream::new(rate, channels)
    };
    (0..head.streams).map(decoder).collect()
}

fn decode_one(
    stream: &mut Stream,
    task: Task,
    packet: &[u8],
    frames: usize,
    out: &mut [f32],
) -> Result<(), Error> {
    let got = match task {
        Task::Decode => stream.decode(packet, frames, out),
        Task::Copy => stream.copy(packet, frames, out),
        Task::Conceal => stream.conceal(frames, out),
    };
    match got {
        Ok(got) if got == frames => Ok(()),
        Ok(_) => Err(undecodable()),
        Err(says) => Err(Corrupt::Backend { says }.into()),
    }
}

fn undecodable() -> Error {
    Corrupt::Backend { says: "the Opus decoder failed on the packet" }.into()
}

/// Adds `by` to the offset of an error in a stream that begins there.
fn moved(error: Corrupt, by: usize) -> Corrupt {
    match error {
        Corrupt::Other { what, offset_bytes } => {
            Corrupt::Other { what, offset_bytes: offset_bytes + by }
        }
        other => other,
    }
}
