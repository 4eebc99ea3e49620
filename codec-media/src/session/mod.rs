//! One run of an encoder: frames in, packets out, and all reports about them.

mod announce;
pub mod audio;
mod call_cost;
mod checker;
pub mod chunks;
pub mod copy;
mod finished;
pub mod goal;
mod meter;
pub mod superframe;
pub(crate) mod targets;
mod totals;
mod trial;
mod writing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use codec_container::{Format, PacketRef, PacketWriter};
use codec_core::codec::{
    Bitrate, Codec, DropReason, FirstPassStats, FrameKind, FrameRequest, Outcome, Packet, Update,
    VideoEncoder,
};
use codec_core::frame::{Picture, Size};
use codec_core::parallel::RowPool;
use codec_rtc::link::RateTrace;

use crate::Env;
use crate::audio::source::AudioDecodeOptions;
use crate::audio::tracks::AudioTracks;
use crate::failure::{Failure, Kind, Result};
use crate::frame::transform::Transform;
use crate::io::audio_input::AudioInput;
use crate::io::media::{self, Media, MediaSelection};
use crate::io::metadata;
use crate::io::output::OutputFile;
use crate::io::source::{FrameSource, SourceFrame};
use crate::io::unreadable::Advice;
use crate::progress::{Now, Progress};
use crate::report::{Report, Row, drop_name};
use crate::settings::encoding::Encoding;
use crate::settings::regions::RegionMaps;
use crate::threads::threads_for;

use audio::{AudioEncoding, OpenedTracks};
use call_cost::CallCost;
use checker::Checker;
pub(crate) use finished::Finished;
use superframe::SuperframeJoiner;
use targets::TargetCheck;
use totals::Totals;
use writing::{Start, open_writer, stored};

/// Transcodes the input of `settings`: its video and audio, or its audio only.
///
/// # Errors
/// If the input cannot be read, an encoder fails, or the output cannot be written.
pub fn transcode(settings: &Encoding, env: &Env) -> Result<()> {
    let media = open_input(settings, env)?;
    let settings = &with_metadata(settings, &media, env);
    if settings.goal.is_some() && media.video.is_some() {
        return goal::encode(settings, media, env);
    }
    if let Some(mut source) = media.video {
        return Session::new(settings, &*source, media.audio, env)?.run(settings, &mut *source);
    }
    let nothing = || Failure::new(Kind::Input, format!("{}: no video", settings.input.name()));
    let (Some(input), Some(audio)) = (media.audio, &settings.audio) else { return Err(nothing()) };
    let audio = AudioEncoding {
        output: settings.output.clone(),
        format: settings.format,
        fragmented: settings.fragmented,
        rules: settings.rules.clone(),
        audio: audio.clone(),
        options: AudioDecodeOptions {
            limits: settings.input.limits,
            ..AudioDecodeOptions::default()
        },
    };
    audio::run(&audio, input, env)
}

/// The settings with the metadata of `media`, as far as the output can hold it; a warning names the rest.
pub fn with_metadata(settings: &Encoding, media: &Media, env: &Env) -> Encoding {
    if media.video.is_none() {
        // A run without video takes them from the reader of its audio.
        return settings.clone();
    }
    let mut found = media.metadata.clone();
    let name = settings.input.name();
    if settings.skip > 0 && !settings.keep_times && !found.chapters.is_empty() {
        env.events.warn(format!(
            "{name}: skipped chapters: their times after --skip are not known\n\
             help: cut with --from to keep them"
        ));
        found.chapters.clear();
    }
    if let (Some(frames), Some(video)) = (settings.frames, &media.video) {
        let rate = video.stream_info().frame_rate;
        let ns =
            u128::from(frames) * u128::from(rate.den) * 1_000_000_000 / u128::from(rate.num.max(1));
        found = found.part(0, u64::try_from(ns).ok());
    }
    Encoding { metadata: metadata::kept(&found, settings.format, &name, env), ..settings.clone() }
}

/// Opens the input of `settings`, after a check that the output can be written.
///
/// # Errors
/// If the input cannot be read or the output must not be written.
pub fn open_input(settings: &Encoding, env: &Env) -> Result<Media> {
    env.stop.handle_requests();
    settings.rules.begin(&settings.output)?;
    let options = settings.decode_options();
    let Encoding { input, audio_from, add_audio, .. } = settings;
    let audio = settings.audio.is_some() && audio_from.is_none();
    let media =
        media::open(input, MediaSelection { video: true, audio }, &options, env)?.complete()?;
    media::with_audio_of(media, input, (audio_from.as_ref(), add_audio), &options, env)
}

/// A source frame whose packet has not been returned yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    pts: i64,
    frame: u64,
}

/// A run in progress: the encoder with its output, audio and reports.
pub struct Session {
    env: Env,
    encoder: Box<dyn VideoEncoder>,
    size: Size,
    packet: Packet,
    joiner: SuperframeJoiner,
    /// The codec, and the output format; `None` for a chunk.
    stream: (Codec, Option<Format>),
    writer: Box<dyn PacketWriter>,
    audio: Option<AudioTracks>,
    /// The error that ended the audio early.
    audio_failure: Option<Failure>,
    /// The end of the video, in seconds, with which the end of the audio of another file is compared.
    video_end_s: Option<f64>,
    output: OutputFile,
    report: Option<Report>,
    checker: Option<Checker>,
    transform: Transform,
    regions: RegionMaps,
    progress: Progress,
    waiting: VecDeque<Waiting>,
    last_pts: Option<i64>,
    totals: Totals,
    targets: TargetCheck,
    last_qindex: Option<u8>,
    /// The bitrate over time, and the encoder's current one.
    rate_trace: Option<(RateTrace, Bitrate)>,
    /// The statistics of the trial encodes.
    first_pass: Option<Arc<FirstPassStats>>,
    /// Whether the first frames are skipped, with their audio.
    skips: bool,
    /// The input time, in ticks, that becomes time 0 of the output; known after the first frame.
    origin: Option<i64>,
}

/// Opens the writer of the packets of an encoder.
pub(crate) type OpenWriter<'a> =
    &'a dyn Fn(&OutputFile, &dyn VideoEncoder) -> Result<Box<dyn PacketWriter>>;

impl Session {
    /// Opens the encoders and the output for `source` and `audio`.
    ///
    /// # Errors
    /// If input, encoder or output fails.
    pub fn new(
        settings: &Encoding,
        source: &dyn FrameSource,
        audio: Option<AudioInput>,
        env: &Env,
    ) -> Result<Self> {
        Self::with_first_pass(settings, source, audio, None, env)
    }

    /// As [`Self::new`], without trial encodes if their statistics are known.
    pub(crate) fn with_first_pass(
        settings: &Encoding,
        source: &dyn FrameSource,
        audio: Option<AudioInput>,
        first_pass: Option<Arc<FirstPassStats>>,
        env: &Env,
    ) -> Result<Self> {
        Self::open(settings, source, audio, first_pass, None, env)
    }

    /// As [`Self::new`], without audio, and with packets that are written to `writer`.
    pub(crate) fn of_chunk(
        settings: &Encoding,
        source: &dyn FrameSource,
        writer: OpenWriter<'_>,
        env: &Env,
    ) -> Result<Self> {
        Self::open(settings, source, None, None, Some(writer), env)
    }

    fn open(
        settings: &Encoding,
        source: &dyn FrameSource,
        audio: Option<AudioInput>,
        first_pass: Option<Arc<FirstPassStats>>,
        writer: Option<OpenWriter<'_>>,
        env: &Env,
    ) -> Result<Self> {
        let stream_info = source.stream_info();
        let mut transform = settings.transform();
        let (size, info) = transform.begin(stream_info.size, stream_info.info)?;
        let (frame_rate, time_base) = (stream_info.frame_rate, stream_info.time_base);
        let regions = settings.encoder.regions.maps(size)?;
        let title = stream_info.title.clone();
        let start = Start { size, info, frame_rate, time_base, title };
        let threads = threads_for(settings.threads, size);
        let mut config = settings.config(size, frame_rate, time_base);
        config.simd = Some(env.level);
        config.info = info;
        if threads > 1 {
            config.pool = Some(Arc::new(RowPool::new(threads).map_err(Failure::internal)?));
        }
        // Errors of the output and of the audio are reported before the trial encodes.
        let output = OutputFile::create(&settings.output, &settings.rules)?;
        let audio = match (audio, &settings.audio) {
            (Some(input), Some(audio)) => {
                let limits = settings.input.limits;
                let options = AudioDecodeOptions {
                    limits,
                    advice: Advice::FLAGS,
                    ..AudioDecodeOptions::default()
                };
                let name = &output.name;
                Some(audio::open_all(input, audio, settings.format, 1, name, &options, env)?)
            }
            _ => None,
        };
        let mut progress = env.events.progress(total_of(settings, source), frame_rate);
        config.rate.first_pass = match first_pass {
            Some(first_pass) => Some(first_pass),
            None => trial::encode_trials(settings, &config, &mut progress, env)?.map(Arc::new),
        };
        let Some((open, _)) = settings.encoder.backend.encoder else {
            return Err(Failure::new(
                Kind::Backend,
                format!(
                    "{}/{} has no encoder",
                    settings.encoder.backend.codec, settings.encoder.backend.name
                ),
            ));
        };
        let encoder = open(&config).map_err(Failure::encoding)?;
        let tracks = audio.iter().flat_map(OpenedTracks::described).collect();
        let is_chunk = writer.is_some();
        let writer = match writer {
            Some(open_writer) => open_writer(&output, &*encoder)?,
            None => open_writer(settings, &output, &start, &*encoder, tracks)?,
        };
        let checker = Checker::open(settings, size, env)?;
        let header = announce::announce(settings, source, &start, &config, threads, env);
        if let Some(audio) = &audio {
            env.events.note(format!("audio: {}", audio.text));
        }
        let report = match &settings.report {
            None => None,
            Some((path, format)) => {
                let mut rules = settings.rules.clone();
                rules.protected = vec![settings.input.path.clone(), settings.output.clone()];
                rules.terminal = true;
                Some(Report::create(path, *format, &rules, header, env)?)
            }
        };
        Ok(Self {
            env: env.clone(),
            encoder,
            size,
            packet: Packet::default(),
            joiner: SuperframeJoiner::new(settings.encoder.backend.codec),
            stream: (settings.encoder.backend.codec, (!is_chunk).then_some(settings.format)),
            writer,
            audio: audio.map(|audio| audio.tracks),
            audio_failure: None,
            video_end_s: None,
            output,
            report,
            checker,
            transform,
            regions,
            progress,
            waiting: VecDeque::new(),
            last_pts: None,
            totals: Totals::new(frame_rate, time_base),
            targets: TargetCheck::new(settings, &config),
            last_qindex: None,
            rate_trace: settings.rate_trace.clone().map(|trace| {
                let first = trace.rate_at(Duration::ZERO);
                (trace, first)
            }),
            first_pass: config.rate.first_pass,
            skips: settings.skip > 0,
            origin: None,
        })
    }

    /// Encodes all of `source`. If the input ends with an error, the output is still finalised and
    /// kept.
    ///
    /// # Errors
    /// If input, encoder or output fails.
    pub fn run(self, settings: &Encoding, source: &mut dyn FrameSource) -> Result<()> {
        self.encode_all(settings, source)?.keep()
    }

    /// Encodes all of `source`, as [`Self::run`], into a file that does not have its name yet.
    pub(crate) fn encode_all(
        mut self,
        settings: &Encoding,
        source: &mut dyn FrameSource,
    ) -> Result<Finished> {
        let mut input_end = Ok(());
        let mut seen = 0_u64;
        while settings.frames.is_none_or(|limit| self.totals.frames_in < limit) {
            if self.env.stop.is_requested() {
                break;
            }
            match source.next() {
                Ok(Some(shot)) => {
                    seen += 1;
                    if seen > settings.skip
                        && let Err(failure) = self.encode(settings, &shot)
                    {
                        return Err(self.unwritable(failure));
                    }
                }
                Ok(None) => break,
                Err(failure) => {
                    input_end = Err(failure);
                    break;
                }
            }
        }
        // Audio of frames that were not encoded is dropped too.
        let is_stopped = self.env.stop.is_requested() || self.is_limited(settings, source);
        if let Some(audio) = &mut self.audio {
            let end_s = self.totals.seconds(self.origin.unwrap_or(0)) + self.totals.end_seconds();
            match is_stopped {
                true => audio.end_at(end_s),
                false => audio.end_others_at(end_s),
            }
            self.video_end_s = (!is_stopped && input_end.is_ok()).then_some(end_s);
        }
        // After a signal, the signal is the reason for any end of the input.
        if self.env.stop.is_requested() {
            input_end = Err(Failure::interrupted(self.totals.frames_in > 0));
        }
        self.finish(settings, input_end, source)
    }

    /// Ends a run that failed. If the output cannot be written, the part in the file is kept.
    fn unwritable(self, failure: Failure) -> Failure {
        let Self { mut writer, output, .. } = self;
        if failure.kind == Kind::Output {
            // Fails, too, if the end of the file needs space.
            let _ = writer.finish();
        }
        drop(writer);
        output.keep_readable(failure)
    }

    /// Whether the frame limit is reached before the end of the source.
    fn is_limited(&self, settings: &Encoding, source: &mut dyn FrameSource) -> bool {
        settings.frames.is_some_and(|limit| self.totals.frames_in >= limit)
            && matches!(source.next(), Ok(Some(_)))
    }

    /// Processes audio up to a time in seconds. An audio error ends only the audio and is reported
    /// at the end.
    fn advance_audio(&mut self, until_s: f64) -> Result<()> {
        let Some(audio) = &mut self.audio else { return Ok(()) };
        let moved = if until_s.is_finite() {
            audio.advance(until_s, &mut *self.writer)
        } else {
            audio.finish(&mut *self.writer)
        };
        match moved {
            Err(failure) if matches!(failure.kind, Kind::Input | Kind::Corrupt) => {
                self.env.events.warn(format!("audio ended early: {}", failure.message));
                self.audio_failure.get_or_insert(failure);
                Ok(())
            }
            other => other,
        }
    }

    fn encode(&mut self, settings: &Encoding, shot: &SourceFrame<'_>) -> Result<()> {
        let frame = self.totals.frames_in;
        if let Some(last) = self.last_pts.filter(|&last| shot.pts <= last) {
            let SourceFrame { pts, .. } = shot;
            let message = format!(
                "frame {frame}: timestamp {pts} is not greater than the previous one ({last})"
            );
            return Err(Failure::new(Kind::Corrupt, message));
        }
        self.last_pts = Some(shot.pts);
        let time_s = self.totals.seconds(shot.pts);
        let origin = *self.origin.get_or_insert_with(|| settings.origin(shot.pts));
        let pts = shot.pts.saturating_sub(origin);
        let origin_s = self.totals.seconds(origin);
        if let Some(audio) = self.audio.as_mut().filter(|_| self.skips) {
            audio.start_at(time_s, origin_s);
        }
        self.advance_audio(time_s)?;
        self.follow_trace(pts)?;
        let picture = self.transform.apply(shot.picture)?;
        if picture.size() != self.size {
            self.size = picture.size();
            let change = self.encoder.apply(Update::Resolution(self.size));
            change.map_err(Failure::encoding)?;
            let regions = &settings.encoder.regions;
            let scaled = if regions.is_empty() { "" } else { ", and --region is scaled with it" };
            self.env.events.note(format!("frame {frame}: size changes to {}{scaled}", self.size));
        }
        let mut request = FrameRequest::at(pts);
        request.importance = self.regions.map(self.size)?;
        request.duration = shot.duration;
        if let Some(checker) = &mut self.checker {
            checker.keep(pts, &picture);
        }
        let counted = self.report.is_some();
        let (outcome, call_cost) =
            CallCost::of(counted, || encode_picture(&mut *self.encoder, &picture, &request));
        let outcome = outcome?;
        self.totals.frames_in += 1;
        self.totals.last_in = Some((pts, shot.duration));
        self.totals.first_pts.get_or_insert(pts);
        self.judge(call_cost);
        match outcome {
            Outcome::Dropped { reason, .. } => self.note_drop(frame, pts, reason, call_cost)?,
            _ => self.waiting.push_back(Waiting { pts, frame }),
        }
        self.drain(call_cost)?;
        self.report_progress();
        Ok(())
    }

    /// Warns once if the encoder falls behind real time.
    fn judge(&mut self, call_cost: CallCost) {
        let warning = self.targets.coded(call_cost.encode_us, self.totals.media_seconds());
        if let Some(warning) = warning {
            self.env.events.warn(warning);
        }
    }

    /// Sets the encoder's bitrate to the bitrate of the trace, if it has changed.
    fn follow_trace(&mut self, pts: i64) -> Result<()> {
        let Some((trace, current)) = &mut self.rate_trace else { return Ok(()) };
        let first = self.totals.first_pts.unwrap_or(pts);
        let elapsed_s = self.totals.seconds(pts.saturating_sub(first));
        let elapsed = Duration::try_from_secs_f64(elapsed_s).unwrap_or(Duration::MAX);
        let wanted = trace.rate_at(elapsed);
        if wanted != *current {
            let change = self.encoder.apply(Update::Bitrate(wanted));
            change.map_err(Failure::encoding)?;
            *current = wanted;
        }
        Ok(())
    }

    fn note_drop(
        &mut self,
        frame: u64,
        pts: i64,
        reason: DropReason,
        call_cost: CallCost,
    ) -> Result<()> {
        self.totals.dropped += 1;
        if let Some(checker) = &mut self.checker {
            checker.forget(pts);
        }
        let why = drop_name(reason);
        let CallCost { encode_us, allocations } = call_cost;
        let drop_reason = Some(why);
        let row =
            Row { frame, pts, kind: "drop", encode_us, allocations, drop_reason, ..Row::default() };
        self.env.events.detail(format!("frame {frame} dropped: {why}"));
        match &mut self.report {
            Some(report) => report.write(&row),
            None => Ok(()),
        }
    }

    /// Writes every packet that is ready.
    fn drain(&mut self, call_cost: CallCost) -> Result<()> {
        while self.encoder.receive(&mut self.packet) {
            if !self.joiner.add(&mut self.packet) {
                continue;
            }
            let Packet { data, pts, dts, duration, meta } = &self.packet;
            let (key, shown) = (meta.kind == FrameKind::Key, meta.shown);
            let packet = PacketRef {
                data: stored(self.stream, data),
                pts: *pts,
                dts: *dts,
                duration: *duration,
                key,
                shown,
                ..PacketRef::default()
            };
            let written = self.writer.write(packet);
            written.map_err(|error| Failure::writing(&self.output.name, error))?;
            let checked = match &mut self.checker {
                Some(checker) => checker.check(&self.packet)?,
                None => checker::Checked::default(),
            };
            let mut frame = self.waiting.front().map_or(0, |waiting| waiting.frame);
            if shown {
                // B frames follow frames that are shown later.
                let decoded = dts.unwrap_or(*pts);
                if let Some(waiting) = self.waiting.iter().rfind(|w| w.pts <= *pts) {
                    frame = waiting.frame;
                }
                self.waiting.retain(|w| w.pts > decoded && w.pts != *pts);
            }
            let measures_psnr = self.checker.as_ref().is_some_and(Checker::measures_psnr);
            let psnr = if measures_psnr { checked.quality.psnr } else { meta.psnr() };
            let row = Row {
                frame,
                pts: *pts,
                kind: match (shown, key) {
                    (false, _) => "altref",
                    (true, true) => "key",
                    (true, false) => "inter",
                },
                layer: meta.temporal_id,
                bytes: data.len() as u64,
                qindex: Some(meta.qindex),
                target_bits: Some(meta.rate.target_bits),
                buffer_bits: Some(meta.rate.buffer_bits),
                encode_us: call_cost.encode_us,
                psnr: psnr.filter(|_| shown),
                ssim: checked.quality.ssim,
                drop_reason: None,
                speed: Some(meta.speed),
                deadline: meta.time.map(|time| if time.is_met() { "met" } else { "missed" }),
                held: Some(self.totals.frames_in.saturating_sub(frame + 1)),
                allocations: call_cost.allocations,
            };
            self.last_qindex = Some(meta.qindex);
            self.totals.count(&row, shown);
            checked.late.into_iter().for_each(|quality| self.totals.add(quality));
            if let Some(report) = &mut self.report {
                report.write(&row)?;
            }
        }
        Ok(())
    }

    fn now(&self) -> Now {
        let Totals { frames_in, bytes, dropped, .. } = self.totals;
        Now { frames: frames_in, bytes, qindex: self.last_qindex, dropped }
    }

    fn report_progress(&mut self) {
        let now = self.now();
        self.progress.update(&now);
    }

    /// Flushes the encoder, finalises the files and reports the totals.
    fn finish(
        mut self,
        settings: &Encoding,
        input_end: Result<()>,
        source: &dyn FrameSource,
    ) -> Result<Finished> {
        let (finished, call_cost) = CallCost::of(self.report.is_some(), || self.encoder.finish());
        finished.map_err(Failure::encoding)?;
        self.judge(call_cost);
        self.drain(call_cost)?;
        self.advance_audio(f64::INFINITY)?;
        if let (Some(audio), Some(end_s)) = (&self.audio, self.video_end_s) {
            for difference in audio.differences(end_s) {
                self.env.events.warn(difference);
            }
        }
        if let Some(checker) = &mut self.checker {
            checker.finish()?.into_iter().for_each(|quality| self.totals.add(quality));
        }
        let mut end = input_end;
        if let Some(failure) = self.audio_failure.take() {
            end = end.and(Err(failure));
        }
        if self.totals.frames_in == 0 {
            end?;
            return Err(why_nothing(settings));
        }
        self.writer.finish().map_err(|error| Failure::writing(&self.output.name, error))?;
        // Release the writer: it holds the file open, and some systems cannot rename open files.
        let Self { writer, output, report, mut checker, totals, targets, progress, env, .. } = self;
        drop(writer);
        let mut values = Vec::new();
        if let Some(checker) = &mut checker {
            end = checker.verdict().and(end);
            values = checker.take_values()?;
        }
        let summary = totals.summary(progress.elapsed(), source.damage(), &env);
        let summary = targets.summary(summary, &totals);
        let summary = match &self.audio {
            Some(audio) => audio::summary(summary, audio),
            None => summary,
        };
        let changes = source.rate_changes();
        let summary = match changes {
            Some(changes) => {
                summary.raw("fps_dropped", changes.dropped).raw("fps_repeated", changes.repeated)
            }
            None => summary,
        };
        let verifies = checker.as_ref().is_some_and(Checker::verifies);
        let mut text = totals.text(progress.elapsed(), verifies);
        if let Some(changes) = changes {
            text.push_str(&format!("; {}", changes.text()));
        }
        Ok(Finished {
            file_bytes: output.bytes_written(),
            output,
            report,
            summary,
            warning: targets.missed_rate(&totals),
            text,
            video_bytes: totals.bytes,
            seconds: totals.media_seconds(),
            first_pass: self.first_pass,
            values,
            end,
            env,
        })
    }
}

/// The reason why there was no frame to encode.
fn why_nothing(settings: &Encoding) -> Failure {
    match (settings.frames, settings.skip) {
        (Some(0), _) => Failure::usage("-n 0 encodes no frames"),
        (_, 0) => Failure::new(Kind::Input, "the input has no frames to encode"),
        (_, skip) => Failure::usage(format!("the input has no frames after --skip {skip}")),
    }
}

/// Number of frames to encode, if known; used for progress.
fn total_of(settings: &Encoding, source: &dyn FrameSource) -> Option<u64> {
    let count = source.stream_info().count.map(|count| count.saturating_sub(settings.skip));
    match (count, settings.frames) {
        (Some(count), Some(limit)) => Some(count.min(limit)),
        (count, limit) => limit.or(count),
    }
}

fn encode_picture(
    encoder: &mut dyn VideoEncoder,
    picture: &Picture<'_>,
    request: &FrameRequest,
) -> Result<Outcome> {
    encoder.encode(picture, request).map_err(Failure::encoding)
}
