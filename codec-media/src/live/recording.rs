//! Records received frames: writes packets to a file, decodes them, or discards them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use codec_container::{
    AudioTrack, Format, PacketRef, PacketWriter, Track, VideoTrack, WriteOptions, create_packets,
    describe_h264,
};
use codec_core::codec::{Codec, VideoDecoder};
use codec_core::frame::{Frame, PictureInfo, Rational, Size};

use super::input::{AnnouncedTracks, ReceivedAudio, ReceivedFrame};
use super::options::ReceiveOptions;
use super::totals::Totals;
use crate::Env;
use crate::failure::{Failure, Result};
use crate::frame::transform::Transform;
use crate::io::decoded::{DecodeOptions, open_decoder};
use crate::io::names::{Outputs, format_of};
use crate::io::output::{OutputFile, OutputRules};
use crate::io::sink::{FrameSink, Header};
use crate::settings::encoding::{can_hold_audio, can_hold_video};
use crate::values::Samples;

/// Default frame rate.
const DEFAULT_RATE: Rational = Rational { num: 30, den: 1 };

/// Shortest interval between two sessions with audio only, in seconds: a common packet duration.
const AUDIO_STEP_S: f64 = 0.02;

/// Output settings.
#[derive(Clone, Debug)]
struct Plan {
    path: PathBuf,
    format: Format,
    samples: Samples,
    rules: OutputRules,
}

/// The outcome of a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fate {
    /// Whether it was written to the file, or decoded.
    pub(crate) taken: bool,
    /// Decoding time.
    pub(crate) took: Duration,
    /// Whether nothing can be decoded before the next key frame.
    pub(crate) needs_key: bool,
}

/// Statistics of a recording.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RecordingStats {
    /// Totals of recorded media. Frames before the first key frame, frames after losses and damaged
    /// frames count as dropped.
    pub(crate) totals: Totals,
    pub(crate) decode_time: Duration,
    pub(crate) size: Option<Size>,
}

/// A recording.
pub(crate) struct Recording {
    env: Env,
    plan: Option<Plan>,
    options: DecodeOptions,
    wants_audio: bool,
    announced: AnnouncedTracks,
    output: Option<OutputFile>,
    way: Way,
    waits_for_key: bool,
    /// Start of the recording, in seconds of the sender's timeline.
    begin_s: Option<f64>,
    last_pts: [Option<i64>; 2],
    /// Arrival time of the last recorded item.
    last_arrived: Option<Duration>,
    /// After a restart: the position of the recording, in its own seconds.
    resumes_s: Option<f64>,
    pub(crate) statistics: RecordingStats,
}

enum Way {
    Packets {
        writer: Option<Box<dyn PacketWriter>>,
        video: Option<usize>,
        audio: Option<usize>,
    },
    Pictures {
        decoder: Option<Box<dyn VideoDecoder>>,
        sink: Option<FrameSink>,
        transform: Box<Transform>,
    },
}

impl Recording {
    /// Checks the output before any media arrive.
    pub(crate) fn new(args: &ReceiveOptions, env: &Env) -> Result<Self> {
        let plan = match &args.output {
            None => None,
            Some(path) => {
                let format = format_of(path, args.format.as_deref(), Outputs::RECEIVED)?;
                let rules = OutputRules {
                    overwrite: args.yes,
                    protected: Vec::new(),
                    terminal: args.format.is_some(),
                    ..OutputRules::default()
                };
                rules.check(path)?;
                let samples = args.pixels.unwrap_or(Samples::I420);
                if format != Format::Raw && samples != Samples::I420 {
                    let message = "--pixels requires raw output: y4m is always i420";
                    return Err(Failure::usage(message));
                }
                Some(Plan { path: path.clone(), format, samples, rules })
            }
        };
        let is_coded = plan.as_ref().is_some_and(|plan| !plan.format.is_raw_video());
        let way = if is_coded {
            Way::Packets { writer: None, video: None, audio: None }
        } else {
            let transform = Box::new(Transform::new(None, None, None));
            Way::Pictures { decoder: None, sink: None, transform }
        };
        let audio_fits = plan.as_ref().is_some_and(|plan| can_hold_audio(plan.format));
        Ok(Self {
            env: env.clone(),
            options: DecodeOptions {
                limits: args.limits,
                threads: args.threads,
                ..DecodeOptions::default()
            },
            wants_audio: is_coded && audio_fits && !args.no_audio,
            plan,
            announced: AnnouncedTracks::default(),
            output: None,
            way,
            waits_for_key: true,
            begin_s: None,
            last_pts: [None; 2],
            last_arrived: None,
            resumes_s: None,
            statistics: RecordingStats::default(),
        })
    }

    /// Whether video is decoded.
    pub(crate) fn decodes(&self) -> bool {
        matches!(self.way, Way::Pictures { .. })
    }

    /// Whether the output can hold audio.
    pub(crate) fn wants_audio(&self) -> bool {
        self.wants_audio
    }

    /// Handles the sender's announcement.
    pub(crate) fn begin(&mut self, mut announced: AnnouncedTracks) -> Result<()> {
        let format = self.plan.as_ref().map(|plan| plan.format);
        if let (Some(format), Some(_)) = (format, &announced.video)
            && !can_hold_video(format)
        {
            self.env.events.note(format!("video dropped: {format} cannot hold video"));
            announced.video = None;
        }
        if !self.wants_audio {
            announced.audio = None;
        }
        if let (Some(format), Some(track)) = (format, &announced.audio)
            && !format.holds_audio(track.codec)
        {
            self.env.events.note(format!("audio dropped: {format} cannot hold {}", track.codec));
            announced.audio = None;
        }
        if let (Some(format), Some(track)) = (format, &announced.video)
            && !format.is_raw_video()
            && !format.holds_video(track.codec)
        {
            let codec = track.codec;
            return Err(Failure::usage(format!(
                "cannot record: {format} cannot hold {codec} video\n\
                 help: record to a file of another format, such as .mkv"
            )));
        }
        if announced.video.is_none() && announced.audio.is_none() {
            let message = "cannot record: the output format can hold no track of the stream";
            return Err(Failure::usage(message));
        }
        self.announced = announced;
        Ok(())
    }

    /// Continues with a new session that replaces the previous one. Its timestamps are shifted so
    /// that the recording continues after the time that has passed.
    pub(crate) fn restart(&mut self, announced: &AnnouncedTracks) {
        let is_new = |had: bool, has: bool, what: &str| {
            if has && !had {
                let message = format!(
                    "the new session also has {what}, but the recording has no track for it"
                );
                self.env.events.note(message);
            }
        };
        is_new(self.announced.video.is_some(), announced.video.is_some(), "video");
        if self.wants_audio {
            is_new(self.announced.audio.is_some(), announced.audio.is_some(), "audio");
        }
        self.waits_for_key = true;
        let video = self.announced.video.as_ref().map(|track| track.time_base);
        let audio = self.announced.audio.as_ref().map(|track| track.time_base);
        let end_s = self.last_pts.iter().zip([video, audio]);
        let end_s = end_s.filter_map(|(&pts, base)| Some(seconds(pts?, base?)));
        if let (Some(end_s), Some(_)) = (end_s.reduce(f64::max), self.begin_s.take()) {
            self.resumes_s = Some(end_s);
        }
    }

    /// The time on the sender's timeline that is time 0 of the recording. `pts_s` is the time of
    /// the session's first recorded item, `least_s` the shortest distance to the item recorded
    /// before.
    fn zero_s(&mut self, pts_s: f64, arrived: Option<Duration>, least_s: f64) -> f64 {
        if let Some(begin_s) = self.begin_s {
            return begin_s;
        }
        let begin_s = match self.resumes_s.take() {
            None => pts_s,
            Some(end_s) => {
                let passed =
                    self.last_arrived.zip(arrived).map(|(last, now)| now.saturating_sub(last));
                pts_s - end_s - passed.map_or(0.0, |passed| passed.as_secs_f64()).max(least_s)
            }
        };
        self.begin_s = Some(begin_s);
        begin_s
    }

    /// Records that data is missing.
    pub(crate) fn gap(&mut self) {
        self.waits_for_key = true;
    }

    /// Records a frame.
    pub(crate) fn frame(&mut self, frame: &ReceivedFrame) -> Result<Fate> {
        let Some(track) = &self.announced.video else { return Ok(Fate::default()) };
        let (codec, time_base) = (track.codec, track.time_base);
        let frame_s = 1.0 / track.frame_rate.unwrap_or(DEFAULT_RATE).as_f64();
        if self.waits_for_key && !frame.key {
            self.statistics.totals.dropped += 1;
            return Ok(Fate { needs_key: true, ..Fate::default() });
        }
        if frame.key && !self.describe(codec, &frame.data) {
            self.statistics.totals.dropped += 1;
            return Ok(Fate { needs_key: true, ..Fate::default() });
        }
        self.waits_for_key = false;
        let pts_s = seconds(frame.pts, time_base);
        let begin_s = self.zero_s(pts_s, frame.times.arrived, frame_s);
        let pts = frame.pts - ticks(begin_s, time_base);
        if self.last_pts[0].is_some_and(|last| pts <= last) && !self.takes_reordered(codec) {
            self.statistics.totals.dropped += 1;
            return Ok(Fate { needs_key: false, ..Fate::default() });
        }
        self.last_pts[0] = self.last_pts[0].max(Some(pts));
        self.last_arrived = frame.times.arrived.or(self.last_arrived);
        let fate = if self.decodes() {
            self.decode(frame, pts)?
        } else {
            self.write_video(frame, pts)?;
            Fate { taken: true, ..Fate::default() }
        };
        if fate.taken {
            self.statistics.totals.frame(frame.shown, frame.key, frame.data.len());
            self.statistics.decode_time += fate.took;
        } else {
            self.statistics.totals.dropped += 1;
            self.waits_for_key |= fate.needs_key;
        }
        Ok(fate)
    }

    /// Reads the properties of the stream from a key frame, whose size is the first that is written.
    /// Returns `false` if it does not state them.
    fn describe(&mut self, codec: Codec, data: &[u8]) -> bool {
        match codec {
            Codec::Vp8 => {
                let size = vp8_size(data);
                self.statistics.size = size.or(self.statistics.size);
                size.is_some()
            }
            Codec::H264 => {
                let Some(track) = &mut self.announced.video else { return false };
                let stated = describe_h264(Format::Matroska, data, track.time_base);
                // Parameter sets may also have been sent once before.
                let Some(stated) = stated else { return !track.codec_private.is_empty() };
                self.statistics.size = Some(stated.size);
                track.codec_private = stated.codec_private;
                track.info.color = stated.info.color;
                true
            }
            _ => true,
        }
    }

    /// Whether frames may be presented in another order than they are received, so that their times
    /// go back (B-frames).
    fn takes_reordered(&self, codec: Codec) -> bool {
        let format = self.plan.as_ref().map(|plan| plan.format);
        codec == Codec::H264 && format != Some(Format::Mp4)
    }

    fn write_video(&mut self, frame: &ReceivedFrame, pts: i64) -> Result<()> {
        self.open_writer()?;
        let name = self.name();
        let Way::Packets { writer: Some(writer), video: Some(track), .. } = &mut self.way else {
            return Ok(());
        };
        let packet = PacketRef {
            data: &frame.data,
            track: *track,
            pts,
            key: frame.key,
            shown: frame.shown,
            ..PacketRef::default()
        };
        writer.write(packet).map_err(|error| Failure::writing(&name, error))
    }

    /// Records an audio packet; audio before the first frame is dropped.
    pub(crate) fn audio(&mut self, audio: &ReceivedAudio) -> Result<()> {
        let Some(track) = &self.announced.audio else { return Ok(()) };
        let time_base = track.time_base;
        if self.announced.video.is_none() {
            self.zero_s(seconds(audio.pts, time_base), audio.times.arrived, AUDIO_STEP_S);
        }
        let Some(begin_s) = self.begin_s else { return Ok(()) };
        let pts = audio.pts - ticks(begin_s, time_base);
        if pts < 0 || self.last_pts[1].is_some_and(|last| pts <= last) {
            return Ok(());
        }
        self.open_writer()?;
        let name = self.name();
        let Way::Packets { writer: Some(writer), audio: Some(track), .. } = &mut self.way else {
            return Ok(());
        };
        self.last_pts[1] = Some(pts);
        self.last_arrived = audio.times.arrived.or(self.last_arrived);
        self.statistics.totals.audio(audio.data.len());
        let packet =
            PacketRef { data: &audio.data, track: *track, pts, key: true, ..PacketRef::default() };
        writer.write(packet).map_err(|error| Failure::writing(&name, error))
    }

    fn name(&self) -> String {
        self.output.as_ref().map_or_else(String::new, |output| output.name.clone())
    }

    /// Opens the packet file, once the frame size is known.
    fn open_writer(&mut self) -> Result<()> {
        let Way::Packets { writer, video, audio } = &mut self.way else { return Ok(()) };
        let (None, Some(plan)) = (&writer, &self.plan) else { return Ok(()) };
        let mut tracks = Vec::new();
        if let Some(track) = &self.announced.video {
            *video = Some(tracks.len());
            let size = self.statistics.size.unwrap_or(track.size);
            let mut made = VideoTrack::new(plan.format, track.codec, size, track.time_base);
            made.frame_rate = track.frame_rate;
            made.info.color = track.info.color;
            made.codec_private.clone_from(&track.codec_private);
            tracks.push(Track::Video(made));
        }
        if let Some(track) = &self.announced.audio {
            *audio = Some(tracks.len());
            let mut made = AudioTrack::new(plan.format, track.codec, track.audio);
            made.time_base = track.time_base;
            made.delay = track.delay;
            made.codec_private.clone_from(&track.codec_private);
            tracks.push(Track::Audio(made));
        }
        let output = OutputFile::create(&plan.path, &plan.rules)?;
        let made = create_packets(output.stream()?, plan.format, &tracks, &WriteOptions::default());
        *writer = Some(made.map_err(|error| Failure::writing(&output.name, error))?);
        self.output = Some(output);
        Ok(())
    }

    fn decode(&mut self, frame: &ReceivedFrame, pts: i64) -> Result<Fate> {
        let Some(track) = &self.announced.video else { return Ok(Fate::default()) };
        let (codec, frame_rate) = (track.codec, track.frame_rate.unwrap_or(DEFAULT_RATE));
        let size = self.statistics.size.unwrap_or(track.size);
        let Way::Pictures { decoder, .. } = &mut self.way else { return Ok(Fate::default()) };
        let decoder = match decoder {
            Some(decoder) => decoder,
            None => decoder.insert(open_decoder(codec.name(), size, &self.options, 0, &self.env)?),
        };
        let begun = Instant::now();
        if let Err(error) = decoder.decode(&frame.data, pts, None) {
            self.env.events.detail(format!("a frame of {} bytes: {error}", frame.data.len()));
            return Ok(Fate { needs_key: true, ..Fate::default() });
        }
        let mut pictures: Vec<Frame> = std::iter::from_fn(|| decoder.receive()).collect();
        let took = begun.elapsed();
        self.show(&mut pictures, frame_rate)?;
        Ok(Fate { taken: true, took, needs_key: false })
    }

    /// Writes decoded frames.
    fn show(&mut self, pictures: &mut Vec<Frame>, frame_rate: Rational) -> Result<()> {
        let Way::Pictures { sink, transform, .. } = &mut self.way else { return Ok(()) };
        let Some(plan) = &self.plan else { return Ok(()) };
        for picture in pictures.drain(..) {
            let picture = picture.picture();
            if sink.is_none() {
                transform.set_scale(picture.size());
                let output = OutputFile::create(&plan.path, &plan.rules)?;
                let header = Header {
                    size: picture.size(),
                    samples: picture.samples(),
                    frame_rate,
                    info: PictureInfo::default(),
                };
                *sink = Some(FrameSink::new(&output, plan.format, Some(plan.samples), header)?);
                self.output = Some(output);
            }
            if let Some(sink) = sink {
                sink.write(&transform.apply(picture)?)?;
            }
        }
        Ok(())
    }

    /// Writes the frames that a decoder of reordered frames has held back.
    fn flush(&mut self) -> Result<()> {
        let Some(track) = &self.announced.video else { return Ok(()) };
        let frame_rate = track.frame_rate.unwrap_or(DEFAULT_RATE);
        let Way::Pictures { decoder: Some(decoder), .. } = &mut self.way else { return Ok(()) };
        decoder.finish();
        let mut pictures: Vec<Frame> = std::iter::from_fn(|| decoder.receive()).collect();
        self.show(&mut pictures, frame_rate)
    }

    /// Finalises the file if it has any content.
    pub(crate) fn finish(mut self) -> Result<Option<String>> {
        self.flush()?;
        let name = self.name();
        match self.way {
            Way::Packets { writer: Some(mut writer), .. } => {
                writer.finish().map_err(|error| Failure::writing(&name, error))?;
            }
            Way::Pictures { sink: Some(sink), .. } => sink.finish()?,
            _ => return Ok(None),
        }
        if let Some(output) = self.output {
            output.commit()?;
        }
        Ok(Some(name))
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds")]
fn seconds(ticks: i64, time_base: Rational) -> f64 {
    ticks as f64 * time_base.as_f64()
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn ticks(seconds: f64, time_base: Rational) -> i64 {
    (seconds / time_base.as_f64()).round() as i64
}

/// The frame size stated by a VP8 key frame (RFC 6386, section 9.1).
fn vp8_size(data: &[u8]) -> Option<Size> {
    let head = data.first_chunk::<10>()?;
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *head else { return None };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    let size = Size::new(side(w0, w1), side(h0, h1));
    (size.width > 0 && size.height > 0).then_some(size)
}
