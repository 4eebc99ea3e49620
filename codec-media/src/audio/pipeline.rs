//! The audio of a run: advances with the video, either copied or re-encoded.

use codec_audio::{AudioBuf, AudioFormat, AudioView, SampleKind, Samples};
use codec_container::{AudioTrack, CodedPacket, PacketReader, PacketRef, PacketWriter};
#[cfg(feature = "net")]
use codec_rtc::audio::Resilience;

use super::sink::AudioSink;
use super::source::AudioSource;
use super::timeline::Timeline;
use crate::failure::{Failure, Kind, Result};
use crate::stop::Stop;

/// The audio path from an input to a track of an output.
pub struct AudioPipeline {
    way: Way,
    /// The track's number in the output.
    number: usize,
    /// The selected range, in seconds of the input, and the input time that becomes time 0 of the
    /// output.
    start_s: Option<f64>,
    origin_s: f64,
    end_s: Option<f64>,
    ended: bool,
    /// End of the processed audio, in seconds.
    reached_s: f64,
    first_s: Option<f64>,
    steps_after_interrupt: u32,
    /// Whether there is audio after the configured end.
    is_cut: bool,
    stop: Stop,
}

/// Maximum number of packets or blocks to process after an interrupt.
const MAX_AFTER_INTERRUPT: u32 = 100;
/// Differences between the ends of audio and video that are not worth a message, in seconds.
const TOLERANCE_S: f64 = 0.1;

enum Way {
    Copied(Box<Copied>),
    Coded(Box<Coded>),
}

/// Copies packets without re-encoding.
pub(crate) struct Copied {
    reader: Box<dyn PacketReader>,
    track: AudioTrack,
    from: usize,
    packet: CodedPacket,
    is_waiting: bool,
    name: String,
    output: String,
    packets: u64,
    bytes: u64,
}

/// Re-encodes samples.
pub(crate) struct Coded {
    source: AudioSource,
    timeline: Timeline,
    sink: AudioSink,
    effects: super::effects::Effects,
    audio: AudioBuf,
    is_waiting: bool,
    /// Whether nothing was encoded since the last skip.
    is_idle: bool,
}

impl AudioPipeline {
    /// Copies the packets of the first audio track of `reader`, which delivers only that track;
    /// `track` describes it. The names are the names of the input and the output.
    pub(crate) fn copied(
        reader: Box<dyn PacketReader>,
        from: usize,
        track: AudioTrack,
        number: usize,
        [name, output]: [String; 2],
        stop: Stop,
    ) -> Self {
        let copied = Copied {
            reader,
            track,
            from,
            packet: CodedPacket::default(),
            is_waiting: false,
            name,
            output,
            packets: 0,
            bytes: 0,
        };
        Self::new(Way::Copied(Box::new(copied)), number, stop)
    }

    /// Re-encodes the samples of `source`.
    pub(crate) fn coded(
        source: AudioSource,
        sink: AudioSink,
        effects: super::effects::Effects,
        number: usize,
    ) -> Result<Self> {
        let stop = source.stop();
        let gaps = source.gap_limit();
        let timeline = Timeline::new(source.format(), sink.format(), gaps, stop.clone())?;
        let audio = AudioBuf::new(source.format(), SampleKind::F32);
        let (is_waiting, is_idle) = (false, true);
        let coded = Coded { source, timeline, sink, effects, audio, is_waiting, is_idle };
        Ok(Self::new(Way::Coded(Box::new(coded)), number, stop))
    }

    fn new(way: Way, number: usize, stop: Stop) -> Self {
        let (start_s, end_s, first_s) = (None, None, None);
        let (origin_s, reached_s, ended, steps_after_interrupt) = (0.0, 0.0, false, 0);
        Self {
            way,
            number,
            start_s,
            origin_s,
            end_s,
            ended,
            reached_s,
            first_s,
            steps_after_interrupt,
            is_cut: false,
            stop,
        }
    }

    /// Drops audio before `seconds` of the input. `origin_s` of the input becomes time 0 of the
    /// output. Later calls have no effect.
    pub(crate) fn start_at(&mut self, seconds: f64, origin_s: f64) {
        if self.start_s.is_none() {
            (self.start_s, self.origin_s) = (Some(seconds), origin_s);
        }
    }

    /// Drops audio after this time.
    pub fn end_at(&mut self, seconds: f64) {
        self.end_s = Some(seconds);
    }

    /// Describes the difference if the audio does not end when the video ends, at `end_s` seconds.
    pub(crate) fn difference(&self, end_s: f64) -> Option<String> {
        if self.is_cut {
            return Some(format!("the audio is longer than the video, and is cut at {end_s:.3} s"));
        }
        (self.reached_s < end_s - TOLERANCE_S).then(|| {
            let reached_s = self.reached_s;
            format!(
                "the audio ends at {reached_s:.3} s, before the video, which ends at {end_s:.3} s"
            )
        })
    }

    /// End of the processed audio, in seconds of the input, and its duration.
    pub(crate) fn reached_s(&self) -> f64 {
        self.reached_s
    }

    pub(crate) fn heard_s(&self) -> f64 {
        self.first_s.map_or(0.0, |first| self.reached_s - first)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Packets and bytes written so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        match &self.way {
            Way::Copied(copied) => (copied.packets, copied.bytes),
            Way::Coded(coded) => coded.sink.totals(),
        }
    }

    /// Changes FEC and the expected packet loss of packets encoded from now on. Copied packets stay unchanged.
    #[cfg(feature = "net")]
    pub(crate) fn protect(&mut self, before: Resilience, after: Resilience) -> Result<()> {
        match &mut self.way {
            Way::Copied(_) => Ok(()),
            Way::Coded(coded) => coded.sink.protect(before, after),
        }
    }

    pub(crate) fn lost_packets(&self) -> u64 {
        match &self.way {
            Way::Copied(_) => 0,
            Way::Coded(coded) => coded.source.lost_packets(),
        }
    }

    /// Processes all audio that begins before `until_s`.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be written.
    pub fn advance(&mut self, until_s: f64, writer: &mut dyn PacketWriter) -> Result<()> {
        let until_s = self.end_s.map_or(until_s, |end| end.min(until_s));
        while !self.ended && self.step(until_s, writer)? {
            if self.stop.is_requested() {
                // Only as much as needed to match the end of the video.
                self.steps_after_interrupt += 1;
                self.ended |= self.steps_after_interrupt > MAX_AFTER_INTERRUPT;
            }
        }
        Ok(())
    }

    /// Skips audio before `until_s` without encoding it; encoding restarts afterwards. Samples
    /// buffered in the encoder go to `writer`.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be written.
    pub fn skip_until(&mut self, until_s: f64, writer: &mut dyn PacketWriter) -> Result<()> {
        self.start_s = Some(until_s);
        if self.ended {
            return Ok(());
        }
        let passed = match &mut self.way {
            Way::Copied(_) => return self.advance(until_s, writer),
            Way::Coded(coded) => coded.skip_until(until_s, writer),
        };
        self.ended = !matches!(passed, Ok(true));
        passed.map(drop)
    }

    /// Processes the remaining audio up to the configured end and flushes the encoder.
    ///
    /// # Errors
    /// If the audio is damaged or cannot be written.
    pub fn finish(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        let outcome = self.advance(f64::INFINITY, writer);
        if let Way::Coded(coded) = &mut self.way {
            coded.finish(writer)?;
        }
        outcome
    }

    /// Processes one packet or one block of samples; `false` if the next one begins later.
    fn step(&mut self, until_s: f64, writer: &mut dyn PacketWriter) -> Result<bool> {
        let Self { start_s, origin_s, end_s, .. } = *self;
        let window = Window { start_s, origin_s, end_s, until_s };
        let outcome = match &mut self.way {
            Way::Copied(copied) => copied.step(&window, self.number, writer),
            Way::Coded(coded) => coded.step(&window, writer),
        };
        match outcome {
            Ok(Step::Later) => {
                self.is_cut |= end_s.is_some_and(|end_s| until_s >= end_s);
                Ok(false)
            }
            Ok(Step::End) => {
                self.ended = true;
                Ok(false)
            }
            Ok(Step::Moved { from_s, to_s }) => {
                self.first_s.get_or_insert(from_s);
                self.reached_s = to_s;
                Ok(true)
            }
            Ok(Step::LeftOut) => Ok(true),
            Err(failure) => {
                self.ended = true;
                Err(failure)
            }
        }
    }
}

/// The selected range, in seconds of the input.
struct Window {
    start_s: Option<f64>,
    /// The input time that becomes time 0 of the output.
    origin_s: f64,
    end_s: Option<f64>,
    until_s: f64,
}

enum Step {
    Moved { from_s: f64, to_s: f64 },
    LeftOut,
    Later,
    End,
}

impl Copied {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn step(
        &mut self,
        window: &Window,
        number: usize,
        writer: &mut dyn PacketWriter,
    ) -> Result<Step> {
        if !self.is_waiting {
            loop {
                let more = self.reader.read(&mut self.packet);
                if !more.map_err(|error| Failure::reading(&self.name, error))? {
                    return Ok(Step::End);
                }
                if self.packet.track == self.from {
                    break;
                }
            }
        }
        let tick = self.track.time_base.as_f64();
        let from_s = self.packet.pts as f64 * tick;
        self.is_waiting = from_s >= window.until_s;
        if self.is_waiting {
            return Ok(Step::Later);
        }
        if window.start_s.is_some_and(|start| from_s < start) {
            return Ok(Step::LeftOut);
        }
        let pts = self.packet.pts.saturating_sub(ticks(window.origin_s, tick.recip()));
        let mut packet = PacketRef { track: number, pts, ..self.packet.as_ref() };
        if let (Some(end_s), Some(duration)) = (window.end_s, packet.duration) {
            let late_s = (from_s + duration as f64 * tick - end_s).max(0.0);
            let late = u64::try_from(ticks(late_s, tick.recip())).unwrap_or(0).min(duration);
            packet.duration = Some(duration - late);
            let trimmed = samples(late_s, f64::from(self.track.audio.rate));
            packet.trim_end += u32::try_from(trimmed).unwrap_or(0);
        }
        writer.write(packet).map_err(|error| Failure::writing(&self.output, error))?;
        self.packets += 1;
        self.bytes += self.packet.data.len() as u64;
        let to_s = from_s + self.packet.duration.map_or(0.0, |ticks| ticks as f64 * tick);
        Ok(Step::Moved { from_s: from_s.max(0.0), to_s })
    }
}

impl Coded {
    fn step(&mut self, window: &Window, writer: &mut dyn PacketWriter) -> Result<Step> {
        if !self.is_waiting && !self.source.read(&mut self.audio)? {
            return Ok(Step::End);
        }
        let rate = f64::from(self.audio.format.rate);
        let seconds = |audio: &AudioBuf| {
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let (pts, frames) = (audio.pts as f64, audio.frames() as f64);
            (pts / rate, (pts + frames) / rate)
        };
        let (from_s, to_s) = seconds(&self.audio);
        self.is_waiting = from_s >= window.until_s;
        if self.is_waiting {
            return Ok(Step::Later);
        }
        let early_s = window.start_s.map_or(0.0, |start| start - from_s);
        let late_s = window.end_s.map_or(0.0, |end| to_s - end);
        self.audio.trim(samples(early_s, rate), samples(late_s, rate));
        if self.audio.frames() == 0 {
            return Ok(Step::LeftOut);
        }
        let (from_s, to_s) = seconds(&self.audio);
        self.audio.pts = self.audio.pts.saturating_sub(ticks(window.origin_s, rate));
        match self.push(writer) {
            Err(failure) if failure.kind == Kind::Corrupt && self.source.skips_gaps() => {
                self.begin_again(writer)?;
                self.push(writer)?;
            }
            outcome => outcome?,
        }
        self.is_idle = false;
        Ok(Step::Moved { from_s, to_s })
    }

    fn push(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        let Self { timeline, sink, effects, audio, .. } = self;
        timeline.push(audio, &mut |values, pts| write(sink, effects, values, pts, writer))
    }

    /// Flushes the encoder; the next samples may have any time.
    fn begin_again(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        self.finish(writer)?;
        let gaps = self.source.gap_limit();
        let stop = self.source.stop();
        self.timeline = Timeline::new(self.audio.format, self.sink.format(), gaps, stop)?;
        Ok(())
    }

    /// Discards the blocks that end before `until_s`; `false` at the end.
    fn skip_until(&mut self, until_s: f64, writer: &mut dyn PacketWriter) -> Result<bool> {
        if !self.is_idle {
            // A skipped range must not be filled with silence.
            self.begin_again(writer)?;
            self.is_idle = true;
        }
        loop {
            if !self.is_waiting && !self.source.read(&mut self.audio)? {
                return Ok(false);
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds")]
            let end = (self.audio.pts as f64) + self.audio.frames() as f64;
            self.is_waiting = end / f64::from(self.audio.format.rate) > until_s;
            if self.is_waiting {
                return Ok(true);
            }
        }
    }

    fn finish(&mut self, writer: &mut dyn PacketWriter) -> Result<()> {
        let Self { timeline, sink, effects, .. } = self;
        timeline.finish(&mut |values, pts| write(sink, effects, values, pts, writer))?;
        let format = sink.format();
        effects.finish(&mut |values, pts| give(sink, format, values, pts, writer))?;
        sink.finish(writer)
    }
}

fn write(
    sink: &mut AudioSink,
    effects: &mut super::effects::Effects,
    values: &mut Vec<f32>,
    pts: i64,
    writer: &mut dyn PacketWriter,
) -> Result<()> {
    let format = sink.format();
    effects.apply(values, pts, &mut |values, pts| give(sink, format, values, pts, writer))
}

fn give(
    sink: &mut AudioSink,
    format: AudioFormat,
    values: &[f32],
    pts: i64,
    writer: &mut dyn PacketWriter,
) -> Result<()> {
    let view = AudioView::new(format, Samples::F32(values)).map_err(Failure::internal)?;
    sink.write(&view, pts, writer)
}

/// Converts seconds to ticks at `rate` per second, rounded.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn ticks(seconds: f64, rate: f64) -> i64 {
    (seconds * rate).round() as i64
}

/// Converts seconds to samples, rounded; negative times become 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn samples(seconds: f64, rate: f64) -> usize {
    (seconds * rate).round() as usize
}
