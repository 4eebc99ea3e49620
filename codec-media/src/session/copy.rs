//! Copies the packets of a file, or of a part of it, into another file without re-encoding the
//! video.

use std::path::PathBuf;

use codec_container::{
    CodedPacket, FileMetadata, Format, Input, PacketRef, PacketWriter, Track, TrackKind,
    VideoTrack, WriteOptions, create_packets,
};
use codec_core::frame::Rational;

use super::audio::{self, OpenedTracks};
use crate::Env;
use crate::audio::source::AudioDecodeOptions;
use crate::audio::tracks::AudioTracks;
use crate::count::counted;
use crate::cut::{self, Cut, ns_of};
use crate::failure::{Failure, Kind, Result};
use crate::frame::display::DisplaySupport;
use crate::io::audio_input::AudioInput;
use crate::io::cut_audio::{AudioRange, cut_audio};
use crate::io::cut_packets::{CutPackets, VideoPackets};
use crate::io::decoded::DecodeOptions;
use crate::io::hidden::can_hide;
use crate::io::input::{InputSpec, Opened};
use crate::io::media::{
    MediaSelection, audio_of, audio_tracks, other_audio, separate, warn_of_further_tracks,
};
use crate::io::metadata::{kept, part_of};
use crate::io::output::{OutputFile, OutputRules};
use crate::io::unreadable::{Advice, is_lost, missing};
use crate::json::Object;
use crate::progress::{Now, Progress};
use crate::settings::audio::AudioSettings;

/// Inputs and outputs of a copy.
#[derive(Clone, Debug)]
pub struct Copying {
    /// The input, with the part that is copied.
    pub input: InputSpec,
    /// The input whose audio replaces the audio of `input`; its cut is not used.
    pub audio_from: Option<InputSpec>,
    /// The inputs whose audio is added to the audio of `input` or `audio_from`; their cuts are not used.
    pub add_audio: Vec<InputSpec>,
    /// Output file, or `-`.
    pub output: PathBuf,
    /// Container of the output.
    pub format: Format,
    /// Whether an MP4 file is written in fragments.
    pub fragmented: bool,
    /// Rules for overwriting files.
    pub rules: OutputRules,
    /// Audio settings; `None` drops the audio.
    pub audio: Option<AudioSettings>,
}

/// Copies the video of an input, and its audio as the settings say. A part begins at the last key
/// frame at or before its start.
///
/// # Errors
/// If the input has no coded video or cannot be read, or the output cannot hold it or be written.
pub fn copy(settings: &Copying, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    settings.rules.begin(&settings.output)?;
    let (video, audio, found) = open(settings, env)?;
    let cut = settings.input.cut;
    let is_moved = !cut.keep_times;
    let mut found = part_of(&found, cut, if is_moved { video.start_ns() } else { 0 });
    // Frames that the input hides come before its chapters.
    let later_ns = u64::try_from(video.start_ns().saturating_neg()).unwrap_or(0);
    for chapter in found.chapters.iter_mut().filter(|_| is_moved) {
        chapter.start_ns = chapter.start_ns.saturating_add(later_ns);
        chapter.end_ns = chapter.end_ns.map(|end_ns| end_ns.saturating_add(later_ns));
    }
    let metadata = kept(&found, settings.format, &settings.input.name(), env);
    let transfer = Transfer { metadata, ..Transfer::default() };
    copy_packets(settings, Box::new(video), audio, transfer, env)?.report(settings, env)
}

/// Properties of a transfer of packets that do not follow from its settings.
pub(crate) struct Transfer {
    /// The way in which the video gets to the output, for messages.
    pub(crate) how: String,
    /// Why the packets end before the input.
    pub(crate) end: Result<()>,
    /// Whether the audio ends with the packets.
    pub(crate) cuts_audio: bool,
    /// Tags and chapters of the output.
    pub(crate) metadata: FileMetadata,
}

impl Default for Transfer {
    /// All packets of an input.
    fn default() -> Self {
        let metadata = FileMetadata::default();
        Self { how: "copied".to_owned(), end: Ok(()), cuts_audio: false, metadata }
    }
}

/// Writes these packets, and audio as the settings say. The output does not have its name yet.
pub(crate) fn copy_packets(
    settings: &Copying,
    video: Box<dyn VideoPackets>,
    audio: Option<AudioInput>,
    transfer: Transfer,
    env: &Env,
) -> Result<Copied> {
    Copy::new(settings, video, audio, &transfer, env)?.run(settings, transfer)
}

/// Opens both tracks of the input, and its metadata.
fn open(settings: &Copying, env: &Env) -> Result<(CutPackets, Option<AudioInput>, FileMetadata)> {
    let spec = &settings.input;
    let name = spec.name();
    let Opened::Container(Input::Packets(reader)) = spec.open(env)? else {
        let message = format!("{name}: --copy requires encoded video or audio");
        return Err(Failure::usage(message));
    };
    let Some((video_track, track)) = reader.video() else {
        return Err(missing(&*reader, TrackKind::Video, &name, Advice::FLAGS));
    };
    if !settings.format.holds_video(track.codec) {
        let (codec, format) = (track.codec, settings.format);
        let message = format!("{format} cannot hold {codec} video\nhelp: encode it without --copy");
        return Err(Failure::usage(message));
    }
    if settings.audio_from.is_none()
        && settings.audio.is_some()
        && is_lost(&*reader, TrackKind::Audio)
    {
        return Err(missing(&*reader, TrackKind::Audio, &name, Advice::FLAGS));
    }
    let metadata = reader.metadata().clone();
    let mut tracks = vec![video_track];
    if reader.audio().is_some() {
        match &settings.audio {
            Some(_) if settings.audio_from.is_some() => {
                env.events.note("the audio of the input is replaced");
            }
            Some(_) => {
                tracks.extend(audio_tracks(&*reader, spec));
                let wants = MediaSelection { video: true, audio: true };
                warn_of_further_tracks(&*reader, wants, spec, env);
            }
            None => env.events.note("audio dropped"),
        }
    }
    let mut readers = separate(reader, &tracks, spec, env)?;
    let audio = readers.split_off(1);
    let video = readers.pop().ok_or_else(|| Failure::internal("no reader of the video"))?;
    let video = match can_hide(settings.format, settings.fragmented, &settings.output) {
        true => CutPackets::new(video, spec, env)?,
        false => CutPackets::revealing(video, spec, env)?,
    };
    // Of a replaced track there is no reader.
    let mut audio: Vec<_> = audio_of(audio, spec)?.into_iter().flat_map(AudioInput::each).collect();
    for other in settings.audio_from.iter().chain(&settings.add_audio) {
        let options = DecodeOptions {
            limits: other.limits,
            advice: Advice::default(),
            ..DecodeOptions::default()
        };
        audio.extend(other_audio(other, &options, env)?.each());
    }
    let audio = match AudioInput::together(audio) {
        // Without `--from`, the video can begin with frames that the input hides.
        Some(input) if spec.cut.from.is_some() || video.start_ns() != 0 => {
            let start_ns = Some(video.start_ns());
            let range = AudioRange { start_ns, end_ns: None, keep_times: spec.cut.keep_times };
            cut_audio(input, range, env)?
        }
        other => other,
    };
    Ok((video, audio, metadata))
}

/// A run in progress.
struct Copy {
    env: Env,
    video: Box<dyn VideoPackets>,
    /// Seconds per tick of the video.
    tick_s: f64,
    audio: Option<AudioTracks>,
    /// The error that ended the audio early.
    audio_failure: Option<Failure>,
    /// The end of the video, in seconds, with which the end of the audio of another file is compared.
    video_end_s: Option<f64>,
    writer: Box<dyn PacketWriter>,
    output: OutputFile,
    progress: Progress,
    packets: u64,
    keys: u64,
    bytes: u64,
}

impl Copy {
    fn new(
        settings: &Copying,
        video: Box<dyn VideoPackets>,
        audio: Option<AudioInput>,
        transfer: &Transfer,
        env: &Env,
    ) -> Result<Self> {
        let (name, how) = (settings.input.name(), &transfer.how);
        let Some((_, track)) = video.video() else {
            return Err(Failure::internal("the video track is missing"));
        };
        let mut track: VideoTrack = track.clone();
        let (codec, size, base) = (track.codec, track.size, track.time_base);
        let rate = track.frame_rate.unwrap_or(Rational::new(30, 1));
        let whole = settings.input.cut.is_whole();
        let count = track.packet_count.filter(|_| whole);
        let support = DisplaySupport::encoded(settings.format, codec);
        if let Some(lost) = support.lost_in_copy(size, track.info) {
            env.events.warn(lost);
        }
        // The format stays the format of the input, which determines the form and the times of H.264 packets.
        track.warnings.clear();
        let output = OutputFile::create(&settings.output, &settings.rules)?;
        let audio = match (audio, &settings.audio) {
            (Some(input), Some(audio)) => {
                let options = AudioDecodeOptions {
                    limits: settings.input.limits,
                    advice: Advice::FLAGS,
                    ..AudioDecodeOptions::default()
                };
                let (format, name) = (settings.format, &output.name);
                Some(audio::open_all(input, audio, format, 1, name, &options, env)?)
            }
            _ => None,
        };
        let mut tracks = vec![Track::Video(track)];
        tracks.extend(audio.iter().flat_map(OpenedTracks::described));
        let mut options = WriteOptions::default();
        options.live = settings.fragmented;
        options.metadata.clone_from(&transfer.metadata);
        let writer = create_packets(output.stream()?, settings.format, &tracks, &options)
            .map_err(|error| Failure::writing(&output.name, error))?;
        env.events.note(format!("{name} -> {}: {codec} {size}, {how}", settings.format));
        let mut header = Object::new()
            .text("type", "header")
            .text("input", &name)
            .text("output_format", settings.format.name())
            .text("video", &format!("{codec} {size}, {how}"));
        if let Some(OpenedTracks { text, .. }) = &audio {
            env.events.note(format!("audio: {text}"));
            header = header.text("audio", text);
        }
        env.events.event(header);
        Ok(Self {
            env: env.clone(),
            video,
            tick_s: base.as_f64(),
            audio: audio.map(|audio| audio.tracks),
            audio_failure: None,
            video_end_s: None,
            writer,
            output,
            progress: env.events.progress(count, rate),
            packets: 0,
            keys: 0,
            bytes: 0,
        })
    }

    fn run(mut self, settings: &Copying, transfer: Transfer) -> Result<Copied> {
        let name = settings.input.name();
        let mut packet = CodedPacket::default();
        let Transfer { mut end, cuts_audio, .. } = transfer;
        loop {
            if self.env.stop.is_requested() {
                end = Err(Failure::interrupted(self.packets > 0));
                break;
            }
            match self.video.read(&mut packet) {
                Ok(true) => {
                    if let Err(failure) = self.write(&packet) {
                        let Self { mut writer, output, .. } = self;
                        // Fails, too, if the end of the file needs space.
                        let _ = writer.finish();
                        drop(writer);
                        return Err(output.keep_readable(failure));
                    }
                }
                Ok(false) => break,
                Err(error) => {
                    end = Err(Failure::reading(&name, error));
                    break;
                }
            }
        }
        let cut = settings.input.cut;
        if let Some(audio) = &mut self.audio {
            let origin_ns = if cut.keep_times { 0 } else { self.video.start_ns() };
            let end_s = seconds(self.video.end_ns().saturating_sub(origin_ns));
            match cut.to.is_some() || cuts_audio || end.is_err() {
                true => audio.end_at(end_s),
                false => audio.end_others_at(end_s),
            }
            self.video_end_s = (!cuts_audio && end.is_ok()).then_some(end_s);
        }
        self.finish(settings, end)
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn write(&mut self, packet: &CodedPacket) -> Result<()> {
        let time = packet.dts.unwrap_or(packet.pts);
        let time_s = time as f64 * self.tick_s;
        self.move_audio(|audio, writer| audio.advance(time_s, writer))?;
        let written = self.writer.write(PacketRef { track: 0, ..packet.as_ref() });
        written.map_err(|error| Failure::writing(&self.output.name, error))?;
        self.packets += 1;
        self.keys += u64::from(packet.key);
        self.bytes += packet.data.len() as u64;
        let (frames, bytes) = (self.packets, self.bytes);
        self.progress.update(&Now { frames, bytes, ..Now::default() });
        Ok(())
    }

    /// Processes audio. An error of its input ends only the audio and is reported at the end.
    fn move_audio(
        &mut self,
        process: impl FnOnce(&mut AudioTracks, &mut dyn PacketWriter) -> Result<()>,
    ) -> Result<()> {
        let Some(audio) = &mut self.audio else { return Ok(()) };
        match process(audio, &mut *self.writer) {
            Err(failure) if matches!(failure.kind, Kind::Input | Kind::Corrupt) => {
                if self.audio_failure.is_none() {
                    self.env.events.warn(format!("audio ended early: {}", failure.message));
                    self.audio_failure = Some(failure);
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Finalises the file.
    fn finish(mut self, settings: &Copying, mut end: Result<()>) -> Result<Copied> {
        self.move_audio(AudioTracks::finish)?;
        if let Some(failure) = self.audio_failure.take() {
            end = end.and(Err(failure));
        } else if let Some(audio) = &self.audio {
            for difference in self.video_end_s.iter().flat_map(|end_s| audio.differences(*end_s)) {
                self.env.events.warn(difference);
            }
        }
        if self.packets == 0 {
            end?;
            let message = format!("{}: no video packets to copy", settings.input.name());
            return Err(Failure::new(Kind::Input, message));
        }
        let Self { video, audio, mut writer, output, progress, packets, keys, bytes, .. } = self;
        writer.finish().map_err(|error| Failure::writing(&output.name, error))?;
        drop(writer);
        Ok(Copied {
            output,
            audio,
            packets,
            keys,
            bytes,
            start_ns: video.start_ns(),
            end_ns: video.end_ns(),
            revealed: video.revealed(),
            elapsed_s: progress.elapsed().as_secs_f64(),
            end,
        })
    }
}

/// A complete transfer whose output does not have its name yet.
pub(crate) struct Copied {
    pub(crate) output: OutputFile,
    pub(crate) audio: Option<AudioTracks>,
    pub(crate) packets: u64,
    pub(crate) keys: u64,
    /// Bytes of the video.
    pub(crate) bytes: u64,
    /// The times between which the packets present frames, in nanoseconds of the input.
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    /// Frames that the input hides, and the output shows.
    pub(crate) revealed: u64,
    pub(crate) elapsed_s: f64,
    /// Why the run ended early; the output is kept in any case.
    pub(crate) end: Result<()>,
}

impl Copied {
    /// Gives the output its name, and reports the totals and where it was cut.
    ///
    /// # Errors
    /// If the output cannot be written, or the run ended early.
    pub(crate) fn report(self, settings: &Copying, env: &Env) -> Result<()> {
        let Self {
            mut output, audio, packets, keys, bytes, start_ns, end_ns, elapsed_s, end, ..
        } = self;
        let end = output.end(end);
        let cut = settings.input.cut;
        let (start_s, end_s) = (seconds(start_ns), seconds(end_ns));
        for warning in differences(cut, start_ns, end_ns) {
            env.events.warn(warning);
        }
        if self.revealed > 0 {
            env.events.warn(shown_in_addition(settings, self.revealed, start_ns));
        }
        let code = end.as_ref().err().map_or(0, |failure| failure.kind as u8);
        let mut summary = Object::new()
            .text("type", "summary")
            .raw("packets", packets)
            .raw("key_frames", keys)
            .raw("bytes", bytes)
            .float("from_s", start_s)
            .float("to_s", end_s)
            .float("elapsed_s", elapsed_s);
        if let Some(audio) = &audio {
            summary = audio::summary(summary, audio);
        }
        let summary = summary.raw("exit_code", code).text("output", &output.name);
        output.commit()?;
        env.events.event(summary);
        if !env.events.takes_records() {
            let part = if cut.is_whole() {
                String::new()
            } else {
                format!(", from {start_s:.3} s to {end_s:.3} s of the input")
            };
            env.events.note(format!(
                "copied {} ({}) in {elapsed_s:.2} s{part}",
                counted(packets, "packet"),
                counted(bytes, "byte"),
            ));
        }
        end
    }
}

/// Warnings about times at which the copy really begins and ends.
fn differences(cut: Cut, start_ns: i64, end_ns: i64) -> Vec<String> {
    const MS: i64 = 1_000_000;
    let mut warnings = Vec::new();
    if let Some(from) = cut.from {
        let early = ns_of(from).saturating_sub(start_ns);
        if early.abs() >= MS {
            let side = if early > 0 { "before" } else { "after" };
            warnings.push(format!(
                "--copy cuts at key frames: the output begins at {:.3} s, {:.3} s {side} --from {}",
                seconds(start_ns),
                seconds(early.abs()),
                cut::text(from)
            ));
        }
    }
    if let Some(to) = cut.to {
        let late = end_ns.saturating_sub(ns_of(to));
        if late.abs() >= MS {
            let side = if late > 0 { "after" } else { "before" };
            warnings.push(format!(
                "--copy cuts at whole frames: the output ends at {:.3} s, {:.3} s {side} --to {}",
                seconds(end_ns),
                seconds(late.abs()),
                cut::text(to)
            ));
        }
    }
    warnings
}

/// The warning about frames that the input hides; the output begins at `start_ns` of the input.
fn shown_in_addition(settings: &Copying, frames: u64, start_ns: i64) -> String {
    let (name, format) = (settings.input.name(), settings.format);
    let format =
        if format == Format::Mp4 { "fragmented mp4".to_owned() } else { format.to_string() };
    let frames = counted(frames, "frame");
    let begins = seconds(start_ns);
    format!(
        "{format} cannot hide frames: the output begins at {begins:.3} s and shows {frames} that \
         {name} hides (needed only for decoding)\nhelp: write an mp4 file, or encode \
         without --copy"
    )
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
