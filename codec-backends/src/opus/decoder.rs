//! Opus decoder that uses one of the libraries: checks packets before the library sees them, and
//! conceals lost ones.

use std::fmt;

use super::library::{LibraryDecoder, Task};
use codec_audio::check::{check_format, reject_knobs};
use codec_audio::framer::AudioQueue;
use codec_audio::opus_head::OpusHead;
use codec_audio::opus_packet::OpusPacket;
use codec_audio::{
    AudioBuf, AudioCapabilities, AudioCodec, AudioDecodeReport, AudioDecoder, AudioDecoderConfig,
    AudioFormat, Bandwidth, Recovery,
};
use codec_core::error::{ConfigError, Corrupt, Error};

/// Maximum duration to conceal at once, in seconds.
const MAX_GAP_S: usize = 10;

/// Opens an Opus decoder over the library `L`.
pub(crate) fn open<L: LibraryDecoder>(
    config: &AudioDecoderConfig,
) -> Result<Box<dyn AudioDecoder>, Error> {
    Ok(Box::new(Decoder::<L>::new(config)?))
}

struct Decoder<L> {
    config: AudioDecoderConfig,
    /// Number of streams in a packet.
    streams: u8,
    library: L,
    queue: AudioQueue,
}

impl<L> fmt::Debug for Decoder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Properties of a packet, over all its streams.
#[derive(Clone, Copy)]
struct PacketInfo {
    bandwidth: Bandwidth,
    /// Sample frames at the output rate: of the packet, and of each of its frames.
    frames: usize,
    frame: usize,
    fec: bool,
}

impl<L: LibraryDecoder> Decoder<L> {
    fn new(config: &AudioDecoderConfig) -> Result<Self, Error> {
        if config.codec != AudioCodec::Opus {
            return Err(ConfigError::new("codec", config.codec, "opus").into());
        }
        check_format(config.format, L::CAPABILITIES)?;
        reject_knobs(&config.knobs)?;
        let channels = config.format.channels();
        let head = match config.codec_private.as_slice() {
            [] => OpusHead::plain(u8::try_from(channels).unwrap_or(u8::MAX), 0, 0),
            bytes => OpusHead::parse(bytes)?,
        };
        let is_single = head.family == 0;
        let allowed = if is_single { 2 } else { usize::from(head.channels) };
        if channels > allowed || !is_single && channels != allowed {
            let allowed = if is_single { "1 or 2".to_owned() } else { allowed.to_string() };
            return Err(ConfigError::new("channels", channels, allowed).into());
        }
        let (streams, library) = (head.streams, L::new(config, head)?);
        Ok(Self { config: config.clone(), streams, library, queue: AudioQueue::default() })
    }

    /// Checks each stream of a packet by the rules of RFC 6716, section 3.4.
    fn check(&self, data: &[u8]) -> Result<PacketInfo, Error> {
        self.config.limits.check_packet(data)?;
        let rate = self.config.format.rate;
        let (mut at, mut info): (usize, Option<PacketInfo>) = (0, None);
        for left in (0..self.streams).rev() {
            let rest = &data[at..];
            let (packet, length) = match left {
                0 => OpusPacket::parse(rest).map(|packet| (packet, rest.len())),
                _ => OpusPacket::parse_self_delimited(rest),
            }
            .map_err(|error| shifted(error, at))?;
            let this = PacketInfo {
                bandwidth: packet.toc().bandwidth(),
                frames: packet.samples(rate),
                frame: packet.frame_samples(rate),
                fec: packet.has_fec(),
            };
            info = Some(match info {
                None => this,
                Some(info) if info.frames != this.frames => {
                    let what = "streams of equal duration in one packet";
                    return Err(Corrupt::Other { what, offset_bytes: at }.into());
                }
                Some(info) => PacketInfo {
                    bandwidth: info.bandwidth.max(this.bandwidth),
                    frame: info.frame.max(this.frame),
                    fec: info.fec || this.fec,
                    ..info
                },
            });
            at += length;
        }
        info.ok_or(Error::unsupported("an Opus stream count of 0"))
    }

    /// Appends `frames` sample frames to `audio`.
    fn run(
        &mut self,
        task: Task<'_>,
        frames: usize,
        audio: &mut Vec<L::Sample>,
    ) -> Result<(), Error> {
        let from = audio.len();
        audio.resize(from + frames * self.config.format.channels(), L::Sample::default());
        self.library.decode(task, frames, &mut audio[from..])
    }

    /// Appends `frames` concealed sample frames.
    fn conceal(&mut self, frames: usize, audio: &mut Vec<L::Sample>) -> Result<(), Error> {
        let max_frames = self.config.format.rate as usize * 3 / 25;
        let mut left = frames;
        while left > 0 {
            let part = left.min(max_frames);
            self.run(Task::Conceal, part, audio)?;
            left -= part;
        }
        Ok(())
    }

    /// Queues the samples that `fill` appends.
    fn output(
        &mut self,
        pts: i64,
        fill: impl FnOnce(&mut Self, &mut Vec<L::Sample>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let format = self.config.format;
        let mut audio: AudioBuf = self.queue.begin(format, L::KIND);
        match fill(self, L::begin(&mut audio, format, pts)) {
            Ok(()) => self.queue.push(audio),
            Err(error) => {
                self.queue.recycle(audio);
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<L: LibraryDecoder> AudioDecoder for Decoder<L> {
    fn capabilities(&self) -> &AudioCapabilities {
        L::CAPABILITIES
    }

    fn format(&self) -> AudioFormat {
        self.config.format
    }

    fn decode(&mut self, data: &[u8], pts: i64) -> Result<AudioDecodeReport, Error> {
        let info = self.check(data)?;
        self.output(pts, |this, out| this.run(Task::Decode(data), info.frames, out))?;
        Ok(AudioDecodeReport {
            frames: info.frames as u64,
            recovered: 0,
            bandwidth: Some(info.bandwidth),
            final_range: self.library.final_range(),
        })
    }

    fn recover(
        &mut self,
        frames: usize,
        recovery: Recovery<'_>,
        pts: i64,
    ) -> Result<AudioDecodeReport, Error> {
        let rate = self.config.format.rate as usize;
        let (step, max_frames) = (rate / 400, rate * MAX_GAP_S);
        if frames == 0 || frames > max_frames || !frames.is_multiple_of(step) {
            let allowed = format!("a multiple of {step} (2.5 ms) up to {max_frames}");
            return Err(ConfigError::new("samples to recover", frames, allowed).into());
        }
        // In-band FEC from a damaged packet is not used.
        let fec = match recovery {
            Recovery::FromNext(next) => self.check(next).ok().map(|info| (next, info)),
            Recovery::Conceal => None,
        };
        let fec = fec.filter(|(_, info)| info.fec && info.frame <= frames);
        self.output(pts, |this, out| match fec {
            None => this.conceal(frames, out),
            Some((next, info)) => {
                this.conceal(frames - info.frame, out)?;
                this.run(Task::Fec(next), info.frame, out)
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
        self.library.reset();
    }
}

/// Adds `by` to the offset of an error in a stream that begins there.
fn shifted(error: Corrupt, by: usize) -> Corrupt {
    match error {
        Corrupt::Other { what, offset_bytes } => {
            Corrupt::Other { what, offset_bytes: offset_bytes + by }
        }
        other => other,
    }
}
