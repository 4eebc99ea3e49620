//! The audio of a run, with video or without.

use std::path::PathBuf;

use codec_audio::channels::ChannelMapper;
use codec_audio::{AudioCodec, ChannelLayout, PcmEncoding};
use codec_container::{AudioTrack, FileMetadata, Format, Track, WriteOptions, create_packets};
use codec_core::frame::Rational;

use crate::Env;
use crate::audio::effects::Effects;
use crate::audio::pipeline::AudioPipeline;
use crate::audio::sink::AudioSink;
use crate::audio::source::{AudioDecodeOptions, AudioSource};
use crate::audio::tracks::AudioTracks;
use crate::count::counted;
use crate::failure::{Failure, Kind, Result};
use crate::io::audio_input::AudioInput;
use crate::io::metadata::kept;
use crate::io::output::{OutputFile, OutputRules};
use crate::json::Object;
use crate::progress::Now;
use crate::settings::audio::AudioSettings;
use crate::settings::encoding::can_hold_several_tracks;

/// Audio that is ready to be processed.
#[derive(Clone, Debug)]
pub struct AudioEncoding {
    /// Output file, or `-`.
    pub output: PathBuf,
    /// Container of the output.
    pub format: Format,
    /// Whether an MP4 file is written in fragments.
    pub fragmented: bool,
    /// Files that may be overwritten.
    pub rules: OutputRules,
    /// Settings of the audio encoder.
    pub audio: AudioSettings,
    /// How the input is decoded.
    pub options: AudioDecodeOptions,
}

/// Audio whose pipeline is open.
pub struct Opened {
    /// Copies or encodes the audio.
    pub pipeline: AudioPipeline,
    /// Description of the track for the muxer.
    pub track: AudioTrack,
    /// Description of the audio for the user.
    pub text: String,
}

/// All tracks of an input, whose pipelines are open.
pub struct OpenedTracks {
    /// Copy or encode the audio.
    pub tracks: AudioTracks,
    /// Descriptions of the tracks for the muxer.
    audio: Vec<AudioTrack>,
    /// Description of the audio for the user.
    pub text: String,
}

impl OpenedTracks {
    /// Descriptions of the tracks for the muxer.
    pub fn described(&self) -> impl Iterator<Item = Track> + use<> {
        self.audio.clone().into_iter().map(Track::Audio)
    }
}

/// As [`open`], for all tracks of an input; the first one will have `number` in the output.
///
/// # Errors
/// If input, encoder or output fails, or the output holds a single audio track.
pub fn open_all(
    input: AudioInput,
    settings: &AudioSettings,
    format: Format,
    number: usize,
    output: &str,
    options: &AudioDecodeOptions,
    env: &Env,
) -> Result<OpenedTracks> {
    let inputs = input.each();
    let count = inputs.len();
    let own = inputs.iter().filter(|input| !input.is_other).count();
    if count > 1 && !can_hold_several_tracks(format) {
        let help = "help: choose one with --audio N, or write webm, mkv, mp4 or ts";
        let message = format!("{format} holds one audio track, and the input has {count}\n{help}");
        return Err(Failure::usage(message));
    }
    let (mut pipelines, mut audio, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (index, input) in inputs.into_iter().enumerate() {
        let (language, from) = (input.track.language.clone(), input.track.codec);
        let layout = input.track.audio.layout;
        let mut opened = open(input, settings, format, number + index, output, options, env)?;
        texts.push(match language {
            _ if count == 1 => opened.text,
            Some(language) => format!("{} ({language}): {}", index + 1, opened.text),
            None => format!("{}: {}", index + 1, opened.text),
        });
        if let Some(unfit) = settings.must_encode(from, layout, format) {
            let number = index + 1;
            env.events
                .warn(format!("audio track {number} is encoded: {format} cannot hold {unfit}"));
        }
        // Added tracks do not replace tracks of the input.
        if index > 0 && (index >= own || opened.track.is_default.is_none()) {
            opened.track.is_default = Some(false);
        }
        pipelines.push(opened.pipeline);
        audio.push(opened.track);
    }
    if let Some(first) = audio.first_mut().filter(|_| count == 1) {
        first.is_default = None;
    } else if audio.iter().all(|track| track.is_default == Some(false)) {
        audio.iter_mut().take(1).for_each(|track| track.is_default = Some(true));
    }
    Ok(OpenedTracks { tracks: AudioTracks::new(pipelines, own), audio, text: texts.join("; ") })
}

/// The note about a delay that the format cannot state, so that players do not hide the audio before
/// the start. Opus states it in its packets.
fn audible_delay(track: &AudioTrack, format: Format) -> Option<String> {
    let is_audible = format == Format::MpegTs && track.delay > 0 && track.codec != AudioCodec::Opus;
    let delay_s = f64::from(track.delay) / f64::from(track.audio.rate.max(1));
    is_audible.then(|| {
        format!(
            "{format} cannot signal the codec delay: players play {delay_s:.3} s of encoder padding before the audio"
        )
    })
}

/// Decides whether packets are copied or re-encoded, and opens the encoder if needed. The track
/// will have `number` in the output, whose name is `output`.
///
/// # Errors
/// If input, encoder or output fails.
pub fn open(
    input: AudioInput,
    settings: &AudioSettings,
    format: Format,
    number: usize,
    output: &str,
    options: &AudioDecodeOptions,
    env: &Env,
) -> Result<Opened> {
    // These formats cannot discard samples at the start.
    let is_cut =
        input.track.delay > 0 && matches!(format, Format::Flac | Format::Wav | Format::Pcm);
    if settings.copies(input.track.codec, input.track.audio.layout, format)? && !is_cut {
        let AudioInput { reader, number: from, mut track, name, .. } = input;
        track.format = format;
        if let Some(audible) = audible_delay(&track, format) {
            env.events.note(audible);
        }
        let text = format!("{} {}, copied", track.codec, track.audio);
        let names = [name, output.to_owned()];
        let pipeline =
            AudioPipeline::copied(reader, from, track.clone(), number, names, env.stop.clone());
        return Ok(Opened { pipeline, track, text });
    }
    let (backend, codec) = settings.encoder(format)?;
    let Some((_, capabilities)) = backend.encoder else {
        let message = format!("{}/{} has no encoder", backend.codec, backend.name);
        return Err(Failure::new(Kind::Backend, message));
    };
    let from = input.track.codec;
    let described = input.track.clone();
    let is_deep = has_more_than_16_bits(&described);
    let name = input.name.clone();
    let source = AudioSource::new(input.reader, input.name, options, env)?;
    let mut config = settings.config(codec, capabilities, source.format())?;
    note_layout(&name, source.format().layout, config.format.layout, env);
    if codec == AudioCodec::Flac && is_deep {
        config.knobs.push(("bits".to_owned(), 24));
    }
    let sink = AudioSink::new(backend, &config, number, output)?;
    let mut track = sink.track(format, &config);
    (track.tags, track.language) = (user_tags(&described), described.language);
    (track.name, track.is_default) = (described.name, described.is_default);
    let rate = config.rate.map(|rate| format!(", {}", rate.bitrate())).unwrap_or_default();
    let backend = match codec {
        AudioCodec::Pcm(_) => codec.to_string(),
        _ => format!("{}/{}", backend.codec, backend.name),
    };
    let text = format!("{from} {} -> {backend} {}{rate}", source.format(), config.format);
    let effects = Effects::new(settings, config.format)?;
    let pipeline = AudioPipeline::coded(source, sink, effects, number)?;
    Ok(Opened { pipeline, track, text })
}

/// Notes speakers that are mixed into others or dropped. Stereo that becomes mono is obvious.
pub(crate) fn note_layout(name: &str, from: ChannelLayout, to: ChannelLayout, env: &Env) {
    let loss = ChannelMapper::new(from, to).loss();
    if let Some(loss) = loss.filter(|_| from.count() > 2) {
        env.events.note(format!("{name}: {from} is converted to {to}: {loss}"));
    }
}

/// The tags of a track, except those that name the program that wrote it.
fn user_tags(track: &AudioTrack) -> Vec<(String, String)> {
    let is_technical = |name: &str| name.eq_ignore_ascii_case("encoder");
    track.tags.iter().filter(|(name, _)| !is_technical(name)).cloned().collect()
}

/// Whether a lossless track has more than 16 bits per sample.
fn has_more_than_16_bits(track: &AudioTrack) -> bool {
    use PcmEncoding::{S16Be, S16Le, U8};
    match track.codec {
        AudioCodec::Pcm(encoding) => !matches!(encoding, U8 | S16Le | S16Be),
        // Bits minus 1, across two bytes of the STREAMINFO (RFC 9639, section 8.2).
        AudioCodec::Flac => match track.codec_private.get(12..14) {
            Some(&[high, low]) => (high & 1) << 4 | low >> 4 > 15,
            _ => false,
        },
        _ => false,
    }
}

/// Adds the audio totals to the totals of a run.
pub(crate) fn summary(summary: Object, pipeline: &AudioTracks) -> Object {
    let (packets, bytes) = pipeline.totals();
    summary
        .raw("audio_tracks", pipeline.count())
        .float("audio_s", pipeline.heard_s())
        .raw("audio_packets", packets)
        .raw("audio_bytes", bytes)
        .float("audio_kbps", kbps(pipeline))
        .raw("audio_lost_packets", pipeline.lost_packets())
}

#[expect(clippy::cast_precision_loss, reason = "a report")]
fn kbps(pipeline: &AudioTracks) -> f64 {
    let (_, bytes) = pipeline.totals();
    let seconds = pipeline.heard_s();
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds / 1000.0 } else { 0.0 }
}

/// The tags and chapters of the file, and the tags of the track.
fn metadata_of(input: &AudioInput) -> FileMetadata {
    let mut metadata = input.reader.metadata().clone();
    for (name, value) in user_tags(&input.track) {
        let is_known = metadata.tags.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name));
        if !is_known {
            metadata.tags.push((name, value));
        }
    }
    metadata
}

/// Steps of an audio-only run, in seconds, for progress.
const STEP_S: f64 = 0.1;
const STEPS_PER_SECOND: Rational = Rational { num: 10, den: 1 };

/// Processes the audio of an input without video.
///
/// # Errors
/// If input, encoder or output fails.
pub fn run(settings: &AudioEncoding, input: AudioInput, env: &Env) -> Result<()> {
    run_to(settings, input, Ok(()), env)
}

/// Processes the audio as [`run`], for an input that ends early because of an error.
pub(crate) fn run_to(
    settings: &AudioEncoding,
    input: AudioInput,
    input_end: Result<()>,
    env: &Env,
) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "for progress")]
    let stated = input.track.duration.map(|ticks| ticks as f64 * input.track.time_base.as_f64());
    let name = input.name.clone();
    let mut output = OutputFile::create(&settings.output, &settings.rules)?;
    let metadata = kept(&metadata_of(&input), settings.format, &name, env);
    let OpenedTracks { tracks: mut pipeline, mut audio, text } =
        open_all(input, &settings.audio, settings.format, 0, &output.name, &settings.options, env)?;
    let mut options = WriteOptions::default();
    options.live = settings.fragmented;
    // Their tags belong to the track.
    let is_of_track = matches!(settings.format, Format::Ogg | Format::Flac);
    match audio.first_mut().filter(|_| is_of_track) {
        Some(track) => track.tags = metadata.tags,
        None => options.metadata = metadata,
    }
    let tracks: Vec<Track> = audio.into_iter().map(Track::Audio).collect();
    let writer = create_packets(output.stream()?, settings.format, &tracks, &options);
    let mut writer = writer.map_err(|error| Failure::writing(&output.name, error))?;
    env.events.note(format!("{name} -> {}: {text}", settings.format));
    let header = Object::new()
        .text("type", "header")
        .text("input", &name)
        .text("output_format", settings.format.name())
        .text("audio", &text);
    env.events.event(header);

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let total = stated.map(|seconds| (seconds / STEP_S).ceil() as u64);
    let mut progress = env.events.progress(total, STEPS_PER_SECOND);
    let mut end = Ok(());
    let (mut steps, mut until_s) = (0_u64, STEP_S);
    while !pipeline.has_ended() && end.is_ok() {
        if env.stop.is_requested() {
            pipeline.end_here();
            end = Err(Failure::interrupted(pipeline.totals().0 > 0));
            break;
        }
        end = pipeline.advance(until_s, &mut *writer);
        until_s = until_s.max(pipeline.reached_s()) + STEP_S;
        steps += 1;
        let (_, bytes) = pipeline.totals();
        progress.update(&Now { frames: steps, bytes, ..Now::default() });
    }
    // An interrupt can look like the end of a pipe.
    if env.stop.is_requested() {
        end = Err(Failure::interrupted(pipeline.totals().0 > 0));
    }
    if let Err(failure) = &end
        && failure.kind == Kind::Output
    {
        // Fails, too, if the end of the file needs space.
        let _ = writer.finish();
        drop(writer);
        return Err(output.keep_readable(failure.clone()));
    }
    end = end.and(pipeline.finish(&mut *writer)).and(input_end);
    let (packets, bytes) = pipeline.totals();
    if packets == 0 {
        let nothing = Failure::new(Kind::Input, format!("{name}: no audio to encode"));
        return end.and(Err(nothing));
    }
    writer.finish().map_err(|error| Failure::writing(&output.name, error))?;
    drop(writer);
    let code = end.as_ref().err().map_or(0, |failure| failure.kind as u8);
    let end = output.end(end);
    let elapsed = progress.elapsed().as_secs_f64().max(1e-6);
    let totals = summary(Object::new().text("type", "summary"), &pipeline);
    let totals = totals
        .float("elapsed_s", elapsed)
        .float("x_realtime", pipeline.heard_s() / elapsed)
        .raw("exit_code", code)
        .text("output", &output.name);
    output.commit()?;
    env.events.event(totals);
    if !env.events.takes_records() {
        env.events.note(format!(
            "{:.3} s of audio in {elapsed:.2} s: x{:.1} real time; {}, {}, {:.1} kb/s",
            pipeline.heard_s(),
            pipeline.heard_s() / elapsed,
            counted(packets, "packet"),
            counted(bytes, "byte"),
            kbps(&pipeline)
        ));
    }
    end
}
