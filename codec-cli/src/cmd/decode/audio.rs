//! Decodes audio to samples or a checksum.

use codec_audio::{AudioBuf, SampleKind};
use codec_container::Format;
use codec_media::Env;
use codec_media::audio::source::{AudioDecodeOptions, AudioSource};
use codec_media::count::counted;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::io::audio_input::AudioInput;
use codec_media::io::decoded::DecodeOptions;
use codec_media::io::input::InputSpec;
use codec_media::io::media::{self, MediaSelection};
use codec_media::io::names::headerless_codec;
use codec_media::io::output::{OutputRules, PartRule, print};
use codec_media::io::unreadable::Advice;
use codec_media::session::audio;
use codec_media::session::audio::AudioEncoding;
use codec_media::settings::audio::AudioSettings;
use md5::{Digest, Md5};

use crate::args::decode::DecodeArgs;
use codec_media::values::{Deinterlace, hex};

use crate::digest;

/// Decodes the audio of an input into a file of `format`.
pub(super) fn to_file(
    args: &DecodeArgs,
    input: &InputSpec,
    format: Format,
    env: &Env,
) -> Result<()> {
    let Some(output) = &args.output else {
        return Err(Failure::internal("no output"));
    };
    let video = [
        (args.pixels.is_some(), "--pixels"),
        (args.framemd5, "--framemd5"),
        (args.md5, "--md5"),
        (args.cut.frames.is_some(), "--frames"),
        (args.cut.skip > 0, "--skip"),
        (args.resize.is_some(), "--resize"),
        (args.transform.deinterlace != Deinterlace::Off, "--deinterlace"),
        (args.cut.fps.is_some(), "--fps"),
        (args.transform.crop.is_some(), "--crop"),
        (args.transform.rotate.is_some(), "--rotate"),
        (args.transform.pad.is_some(), "--pad"),
    ];
    if let Some((_, flag)) = video.into_iter().find(|(given, _)| *given) {
        return Err(Failure::usage(format!(
            "{flag} cannot be used with {format} output, which has no video"
        )));
    }
    env.stop.handle_requests();
    let rules = OutputRules {
        overwrite: args.yes,
        protected: vec![input.path.clone()],
        terminal: args.format.is_some(),
        part: PartRule::of_inputs(std::slice::from_ref(&input.path)),
    };
    rules.begin(output)?;
    let by_name = headerless_codec(output).filter(|_| format == Format::Pcm);
    let samples = args.samples.as_deref().or(by_name);
    let settings = AudioEncoding {
        output: output.clone(),
        format,
        fragmented: false,
        rules,
        audio: AudioSettings::decoded(samples, format)?,
        options: options(args, input),
    };
    audio::run(&settings, open(input, env)?, env)
}

fn options(args: &DecodeArgs, input: &InputSpec) -> AudioDecodeOptions {
    let (backend, conceal) = (args.codec.clone(), args.conceal);
    let advice = Advice::BY_OUTPUT;
    AudioDecodeOptions {
        backend,
        limits: input.limits,
        conceal,
        advice,
        ..AudioDecodeOptions::default()
    }
}

fn open(input: &InputSpec, env: &Env) -> Result<AudioInput> {
    let wants = MediaSelection { video: false, audio: true };
    let options = DecodeOptions { limits: input.limits, ..DecodeOptions::default() };
    let opened = media::open(input, wants, &options, env)?.complete()?;
    opened
        .audio
        .ok_or_else(|| Failure::new(Kind::Input, format!("{}: no audio track", input.name())))
}

/// Decodes and discards; if requested, prints the MD5 of the samples as 16-bit little-endian
/// numbers.
pub(super) fn to_nothing(
    args: &DecodeArgs,
    mode: digest::DigestMode,
    input: AudioInput,
    spec: &InputSpec,
    env: &Env,
) -> Result<()> {
    if mode == digest::DigestMode::Frames {
        return Err(Failure::usage("--framemd5 requires video, but the input has no video"));
    }
    let started = std::time::Instant::now();
    let name = input.name.clone();
    let mut source = AudioSource::new(input.reader, input.name, &options(args, spec), env)?;
    let format = source.format();
    let mut audio = AudioBuf::new(format, SampleKind::S16);
    let mut context = Md5::new();
    let (mut frames, mut values, mut bytes) = (0_u64, Vec::new(), Vec::new());
    while !env.stop.is_requested() && source.read(&mut audio)? {
        frames += audio.frames() as u64;
        values.clear();
        audio.view().map_err(Failure::internal)?.append_s16(&mut values);
        bytes.clear();
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        context.update(&bytes);
    }
    if env.stop.is_requested() {
        return Err(Failure::interrupted(false));
    }
    if mode == digest::DigestMode::Whole {
        print(&format!("{}  -\n", hex(&context.finalize())))?;
    }
    let elapsed = started.elapsed().as_secs_f64().max(1e-6);
    #[expect(clippy::cast_precision_loss, reason = "a report")]
    let seconds = frames as f64 / f64::from(format.rate);
    env.events.note(format!(
        "{name}: {seconds:.3} s of {format} in {elapsed:.2} s: x{:.1} real time",
        seconds / elapsed
    ));
    if source.lost_packets() > 0 {
        let lost = counted(source.lost_packets(), "lost packet");
        env.events.warn(format!("concealed {lost}"));
    }
    Ok(())
}
