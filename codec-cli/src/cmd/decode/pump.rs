//! Writes decoded frames to a file, computes their checksum, and reports totals.

use codec_core::frame::Size;
use codec_media::Env;
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::frame::transform::Transform;
use codec_media::io::output::OutputFile;
use codec_media::io::sink::FrameSink;
use codec_media::io::source::{FrameSource, SourceFrame};
use codec_media::json::Object;
use codec_media::progress::{Now, Progress};
use codec_media::settings::encoding::cut_origin;

use super::Decoding;
use crate::digest::Digester;

/// Requirements of an output for its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutputKind {
    /// One size and a constant rate.
    Y4m,
    /// A constant rate.
    Images,
    /// One size.
    Gif,
    /// Headerless samples, or no output.
    Other,
}

/// Moves frames from a source to their destinations.
pub(super) struct Pump {
    pub(super) env: Env,
    pub(super) digester: Digester,
    pub(super) sink: Option<FrameSink>,
    pub(super) kind: OutputKind,
    pub(super) size: Size,
    pub(super) frames: u64,
    /// Whether options can have excluded all frames.
    pub(super) selects: bool,
    /// The input time, in ticks, that becomes time 0 of the output.
    pub(super) origin: Option<i64>,
    pub(super) progress: Progress,
    pub(super) spacing: Spacing,
}

/// Checks whether the times of frames match a constant rate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spacing {
    first: Option<i64>,
    /// Whether a frame was more than 0.75 frame durations away from its position.
    is_uneven: bool,
}

impl Spacing {
    /// Adds the time of frame `number`; a frame lasts `frame_ticks`.
    #[expect(clippy::cast_precision_loss, reason = "a comparison of frames")]
    fn add(&mut self, number: u64, pts: i64, frame_ticks: f64) {
        let first = *self.first.get_or_insert(pts);
        let away = pts.saturating_sub(first) as f64 - number as f64 * frame_ticks;
        // Times are rounded, to a millisecond in WebM.
        self.is_uneven |= away.abs() > 0.75 * frame_ticks + 1.0;
    }
}

impl Pump {
    pub(super) fn run(
        &mut self,
        settings: &mut Decoding,
        source: &mut dyn FrameSource,
    ) -> Result<()> {
        let mut seen = 0_u64;
        let stream_info = source.stream_info();
        let frame_ticks = 1.0 / (stream_info.frame_rate.as_f64() * stream_info.time_base.as_f64());
        while settings.frames.is_none_or(|limit| self.frames < limit) {
            let next = source.next();
            if self.env.stop.is_requested() {
                return Err(Failure::interrupted(self.frames > 0));
            }
            let Some(shot) = next? else { break };
            seen += 1;
            if seen > settings.skip {
                self.spacing.add(self.frames, shot.pts, frame_ticks);
                let first = || cut_origin(settings.skip, settings.keep_times, shot.pts);
                let origin = *self.origin.get_or_insert_with(first);
                let shot = SourceFrame { pts: shot.pts.saturating_sub(origin), ..shot };
                self.take(&shot, &mut settings.transform)?;
                let now =
                    Now { frames: self.frames, bytes: source.coded_bytes(), ..Now::default() };
                self.progress.update(&now);
            }
        }
        Ok(())
    }

    fn take(&mut self, shot: &SourceFrame<'_>, transform: &mut Transform) -> Result<()> {
        let picture = transform.apply(shot.picture)?;
        if picture.size() != self.size {
            let (frame, old, new) = (self.frames, self.size, picture.size());
            let fixed = match self.kind {
                OutputKind::Y4m => Some("y4m"),
                OutputKind::Gif => Some("GIF"),
                OutputKind::Images | OutputKind::Other => None,
            };
            if let Some(kind) = fixed {
                let message = format!(
                    "frame {frame}: size changes from {old} to {new}, which {kind} does not support\n\
                     help: scale to the first size with --resize"
                );
                return Err(Failure::usage(message));
            }
            self.env.events.note(format!("frame {frame}: size changes to {new}"));
            self.size = new;
        }
        self.digester.add(&picture, shot.pts, shot.duration)?;
        if let Some(sink) = &mut self.sink {
            sink.write_at(&picture, shot.pts, shot.duration)?;
        }
        self.frames += 1;
        Ok(())
    }

    /// Finalises the output, keeping everything before an error, and reports the totals.
    pub(super) fn finish(
        self,
        output: Option<OutputFile>,
        mut end: Result<()>,
        source: &dyn FrameSource,
    ) -> Result<()> {
        if self.frames == 0 && matches!(self.kind, OutputKind::Images | OutputKind::Gif) {
            let kind = if self.selects { Kind::Usage } else { Kind::Input };
            end = end.and(Err(Failure::new(kind, "no frames, so no image was written")));
        }
        if let Some(sink) = self.sink
            && self.frames > 0
        {
            let finished = sink.finish();
            // The frames before a failed write are kept.
            if !end.as_ref().is_err_and(|failure| failure.kind == Kind::Output) {
                finished?;
            }
        }
        if let Some(mut output) = output
            && (self.frames > 0 || end.is_ok())
        {
            end = output.end(end);
            output.commit()?;
        }
        if end.is_ok() {
            self.digester.finish()?;
        }
        let fps = source.stream_info().frame_rate.as_f64();
        let untimed = match self.kind {
            _ if !self.spacing.is_uneven => None,
            OutputKind::Y4m => Some(format!("y4m plays all frames at {fps:.3} fps")),
            OutputKind::Images => Some("images have no timestamps".to_owned()),
            OutputKind::Gif | OutputKind::Other => None,
        };
        if let Some(untimed) = untimed {
            self.env.events.warn(format!("variable frame rate: {untimed}"));
        }
        let damage = source.damage();
        let seconds = self.progress.elapsed().as_secs_f64().max(1e-6);
        #[expect(clippy::cast_precision_loss, reason = "a report")]
        let fps = self.frames as f64 / seconds;
        let x_realtime = fps / source.stream_info().frame_rate.as_f64();
        if damage.is_some() {
            self.env.events.warn(damage.text());
        }
        if !self.env.events.takes_records() {
            let level = self.env.level.name();
            let changes = source.rate_changes().map(|changes| format!("; {}", changes.text()));
            self.env.events.note(format!(
                "{} in {seconds:.2} s: {fps:.1} fps, x{x_realtime:.2} real time, SIMD {level}{}",
                counted(self.frames, "frame"),
                changes.unwrap_or_default()
            ));
        }
        let changes = source.rate_changes();
        let summary = Object::new()
            .text("type", "summary")
            .raw("frames", self.frames)
            .maybe("fps_dropped", changes.map(|changes| changes.dropped))
            .maybe("fps_repeated", changes.map(|changes| changes.repeated))
            .raw("bytes", source.coded_bytes())
            .float("elapsed_s", seconds)
            .float("fps", fps)
            .float("x_realtime", x_realtime)
            .raw("lost_packets", damage.lost_packets)
            .raw("concealed_frames", damage.concealed_frames)
            .raw("replaced_references", damage.replaced_references)
            .float("concealed_pct", damage.concealed_pct())
            .text("simd", self.env.level.name())
            .raw("exit_code", end.as_ref().err().map_or(0, |failure| failure.kind as u8));
        self.env.events.event(summary);
        end
    }
}
