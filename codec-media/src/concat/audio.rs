//! The audio of several files one after another, decoded. The audio of each file is made as long as its
//! video: shorter audio is filled with silence, and longer audio is cut.

use std::collections::VecDeque;

use codec_audio::{AudioBuf, AudioCodec, AudioFormat, PcmEncoding, SampleKind};
use codec_container::{
    AudioTrack, CodedPacket, Error, FileMetadata, Format, Input, PacketReader, Track,
};

use super::part::{Part, in_common, joined_metadata};
use crate::Env;
use crate::audio::gap::GapLimit;
use crate::audio::source::{AudioDecodeOptions, AudioSource};
use crate::audio::timeline::Timeline;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::audio_track::{AudioTrackChoice, same_language};
use crate::io::cut_audio::{AudioRange, cut_audio};
use crate::io::input::{InputSpec, Opened};

/// A part that has not been read yet.
struct Planned {
    part: Part,
    /// The position of its end, in samples of the output.
    end: u64,
}

/// The part that is read.
struct Current {
    source: AudioSource,
    timeline: Timeline,
    gaps: GapLimit,
    audio: AudioBuf,
    ended: bool,
}

/// Delivers the audio of all parts in packets of 20 ms.
pub(super) struct ChainedAudio {
    tracks: [Track; 1],
    metadata: FileMetadata,
    format: AudioFormat,
    parts: VecDeque<Planned>,
    /// The number of its track in the parts, from 0.
    number: usize,
    current: Option<Current>,
    /// Start and end of the current part, in samples.
    start: u64,
    end: u64,
    /// Interleaved samples, and the position of the first one.
    queue: Vec<f32>,
    queue_at: u64,
    position: u64,
    index: u64,
    env: Env,
}

/// The format of joined audio: the highest rate and the most channels.
fn audio_format(parts: &[Part], number: usize) -> Option<AudioFormat> {
    let formats = || parts.iter().filter_map(|part| part.audio(number)).map(|of| of.track.audio);
    let rate = formats().map(|format| format.rate).max()?;
    let layout = formats().max_by_key(|format| format.channels())?.layout;
    Some(AudioFormat::new(rate, layout))
}

/// The language or the title of joined audio; `None`, after a warning, if the parts differ.
fn common(
    parts: &[Part],
    number: usize,
    (what, of): (&str, impl Fn(&AudioTrack) -> Option<String>),
    is_same: impl Fn(&str, &str) -> bool,
    env: &Env,
) -> Option<String> {
    let stated = |part: &Part| Some((part.name(), of(&part.audio(number)?.track)?));
    let name = format!("audio track {}", number + 1);
    in_common((&name, what), parts.iter().filter_map(stated), is_same, env)
}

/// `track` with the language, the title and the default flag of the tracks `number` of the parts.
pub(super) fn described(
    parts: &[Part],
    number: usize,
    mut track: AudioTrack,
    env: &Env,
) -> AudioTrack {
    track.language =
        common(parts, number, ("language", |of| of.language.clone()), same_language, env);
    track.name = common(parts, number, ("title", |of| of.name.clone()), |a, b| a == b, env);
    let first = parts.iter().find_map(|part| part.audio(number));
    track.is_default = first.and_then(|audio| audio.track.is_default);
    track
}

/// The audio of a part between two times in nanoseconds of the input; `None` if it has none there.
/// `number` counts the tracks that are used, from 0.
pub(super) fn open_audio(
    part: &Part,
    number: usize,
    (start_ns, end_ns): (i64, Option<i64>),
    env: &Env,
) -> Result<Option<AudioInput>> {
    if part.audio(number).is_none() {
        return Ok(None);
    }
    let audio = match number {
        0 => part.spec.audio.clone(),
        number => AudioTrackChoice::Number(number + 1),
    };
    let spec = InputSpec { audio, ..part.spec.clone() };
    let Opened::Container(Input::Packets(reader)) = spec.open(&env.quiet())? else {
        let message = format!("{}: changed while reading", part.name());
        return Err(Failure::new(Kind::Input, message));
    };
    let Some(input) = AudioInput::of(reader, part.name()) else { return Ok(None) };
    let range = AudioRange { start_ns: Some(start_ns), end_ns, keep_times: false };
    cut_audio(input, range, env)
}

/// Samples of a time, rounded.
pub(super) fn samples(ns: i64, rate: u32) -> u64 {
    let product = u128::from(ns.max(0).unsigned_abs()) * u128::from(rate);
    u64::try_from((product + 500_000_000) / 1_000_000_000).unwrap_or(u64::MAX)
}

impl ChainedAudio {
    /// Joins the audio tracks `number` of `parts`; `None` if no part has one.
    pub(super) fn new(parts: &[Part], number: usize, env: &Env) -> Option<Self> {
        let format = audio_format(parts, number)?;
        let track = AudioTrack::new(Format::Pcm, AudioCodec::Pcm(PcmEncoding::F32Le), format);
        let mut track = described(parts, number, track, env);
        let mut end_ns = 0_i64;
        let planned: VecDeque<_> = parts
            .iter()
            .map(|part| {
                end_ns = end_ns.saturating_add(part.extent.length_ns());
                Planned { part: part.clone(), end: samples(end_ns, format.rate) }
            })
            .collect();
        track.duration = planned.back().map(|last| last.end);
        Some(Self {
            number,
            tracks: [Track::Audio(track)],
            metadata: joined_metadata(parts),
            format,
            parts: planned,
            current: None,
            start: 0,
            end: 0,
            queue: Vec::new(),
            queue_at: 0,
            position: 0,
            index: 0,
            env: env.clone(),
        })
    }

    /// Opens the audio of a part; `None` if it has none.
    fn open(&self, part: &Part) -> Result<Option<Current>> {
        let times = (part.extent.start_ns, Some(part.extent.end_ns));
        let Some(input) = open_audio(part, self.number, times, &self.env)? else {
            return Ok(None);
        };
        let options =
            AudioDecodeOptions { limits: part.spec.limits, ..AudioDecodeOptions::default() };
        let source = AudioSource::new(input.reader, input.name, &options, &self.env)?;
        let gaps = source.gap_limit();
        let timeline = Timeline::new(source.format(), self.format, gaps, source.stop())?;
        let audio = AudioBuf::new(source.format(), SampleKind::F32);
        let gaps = source.gap_limit();
        Ok(Some(Current { source, timeline, gaps, audio, ended: false }))
    }

    /// Decodes until samples are queued or the part has ended.
    fn decode(&mut self) -> Result<()> {
        let Self { current, queue, queue_at, start, end, format, .. } = self;
        let Some(Current { source, timeline, gaps, audio, ended }) = current else { return Ok(()) };
        let channels = format.channels();
        let rate = f64::from(format.rate);
        while queue.is_empty() && !*ended {
            let mut give = |values: &mut Vec<f32>, pts: i64| -> Result<()> {
                let at = start.saturating_add(u64::try_from(pts).unwrap_or(0));
                let early = usize::try_from(pts.min(0).unsigned_abs()).unwrap_or(usize::MAX);
                let early = early.saturating_mul(channels).min(values.len());
                let room = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
                let kept = (values.len() - early).min(room.saturating_mul(channels));
                if queue.is_empty() {
                    #[expect(clippy::cast_precision_loss, reason = "seconds")]
                    let missing_s = at.saturating_sub(*queue_at) as f64 / rate;
                    gaps.fill(missing_s, 0.0)?;
                    *queue_at = at;
                }
                queue.extend_from_slice(&values[early..early + kept]);
                Ok(())
            };
            if source.read(audio)? {
                timeline.push(audio, &mut give)?;
            } else {
                *ended = true;
                timeline.finish(&mut give)?;
            }
        }
        Ok(())
    }

    /// Moves to the next part; `false` after the last one.
    fn next_part(&mut self) -> Result<bool> {
        let Some(planned) = self.parts.pop_front() else { return Ok(false) };
        self.start = self.end;
        self.end = planned.end;
        self.queue_at = self.start;
        self.current = self.open(&planned.part)?;
        Ok(true)
    }

    fn read_packet(&mut self, packet: &mut CodedPacket) -> Result<bool> {
        let most = u64::from(self.format.rate / 50).max(1);
        while self.position >= self.end {
            if !self.next_part()? {
                return Ok(false);
            }
        }
        if self.queue.is_empty() {
            self.queue_at = self.position;
            self.decode()?;
        }
        let channels = self.format.channels();
        packet.data.clear();
        let until = if self.queue.is_empty() { self.end } else { self.queue_at };
        let silent = until.saturating_sub(self.position).min(most);
        let count = if silent > 0 {
            let bytes = usize::try_from(silent).unwrap_or(0) * channels * 4;
            packet.data.resize(bytes, 0);
            silent
        } else {
            let queued = (self.queue.len() / channels) as u64;
            let count = queued.min(most);
            let values = usize::try_from(count).unwrap_or(0) * channels;
            packet.data.extend(self.queue.drain(..values).flat_map(f32::to_le_bytes));
            self.queue_at += count;
            count
        };
        packet.pts = i64::try_from(self.position).unwrap_or(i64::MAX);
        packet.duration = Some(count);
        (packet.track, packet.trim_start, packet.trim_end) = (0, 0, 0);
        (packet.key, packet.shown, packet.index) = (true, true, self.index);
        self.position += count;
        self.index += 1;
        Ok(true)
    }
}

impl PacketReader for ChainedAudio {
    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn metadata(&self) -> &FileMetadata {
        &self.metadata
    }

    /// There is only one track.
    fn select(&mut self, _tracks: &[usize]) {}

    fn read(&mut self, packet: &mut CodedPacket) -> codec_container::Result<bool> {
        self.read_packet(packet)
            .map_err(|failure| Error::Io(std::io::Error::other(failure.message)))
    }
}
