//! `codec generate`.

use codec_container::Format;
use codec_core::frame::{Color, ColorRange, PictureInfo, SampleFormat};
use codec_media::Env;
use codec_media::audio::source::AudioDecodeOptions;
use codec_media::count::counted;
use codec_media::failure::{Failure, Result};
use codec_media::generate::{AudioGenerator, AudioSignal, Generator, Scene};
use codec_media::io::audio_input::AudioInput;
use codec_media::io::names::{Outputs, format_of, is_audio_name};
use codec_media::io::output::{OutputFile, OutputRules};
use codec_media::io::sink::{FrameSink, Header};
use codec_media::progress::Now;
use codec_media::session::audio::AudioEncoding;
use codec_media::session::{Session, audio};
use codec_media::settings::audio::AudioSettings;
use codec_media::settings::encoding::{Encoding, can_hold_audio, can_hold_video};
use codec_media::values::Samples;

use crate::args::generate::{GenerateArgs, SIZE};

use codec_media::generate::sources::{GeneratedAudio, GeneratedFrames};

/// Sample rate of generated audio.
const RATE: u32 = 48_000;

/// Generates a clip or an audio signal.
pub(crate) fn run(args: &GenerateArgs, env: &Env) -> Result<()> {
    env.stop.handle_requests();
    let scene = Scene::from_name(&args.scene);
    let default = if scene.is_some() { Format::Y4m } else { Format::Wav };
    let format =
        format_of(&args.output, args.format.as_deref(), Outputs::GENERATED.with_default(default))?;
    let rules = OutputRules {
        overwrite: args.yes,
        terminal: args.format.is_some(),
        ..OutputRules::default()
    };
    rules.check(&args.output)?;
    let Some(scene) = scene else {
        if args.size.is_some() {
            let message = format!("--size cannot be used with {}, which is audio", args.scene);
            return Err(Failure::usage(message));
        }
        let audio = AudioSignal::from_name(&args.scene)
            .ok_or_else(|| Failure::usage(format!("unknown scene {}", args.scene)))?;
        return audio_only(args, audio, format, rules, env);
    };
    let generator = Generator::new(scene, args.size.unwrap_or(SIZE), args.fps, args.seed)
        .map_err(|error| Failure::usage(error.to_string()))?;
    match generator.audio() {
        Some(audio) if !can_hold_video(format) || is_audio_name(&args.output) => {
            audio_only(args, audio, format, rules, env)
        }
        _ if format.is_raw_video() => draw(args, &generator, format, &rules, env),
        audio => encode(args, generator, audio, format, env),
    }
}

/// Writes uncompressed frames.
fn draw(
    args: &GenerateArgs,
    generator: &Generator,
    format: Format,
    rules: &OutputRules,
    env: &Env,
) -> Result<()> {
    let mut output = OutputFile::create(&args.output, rules)?;
    let (info, size) = (generated_info(), args.size.unwrap_or(SIZE));
    let header = Header { size, samples: SampleFormat::YUV420, frame_rate: args.fps, info };
    let mut sink = FrameSink::new(&output, format, Some(Samples::I420), header)?;
    let mut progress = env.events.progress(Some(u64::from(args.frames)), args.fps);
    let mut buffer = Vec::new();
    let mut drawn = 0;
    while drawn < args.frames && !env.stop.is_requested() {
        let picture = generator.picture(drawn, &mut buffer).map_err(Failure::internal)?;
        sink.write(&picture.with_info(info))?;
        drawn += 1;
        progress.update(&Now { frames: u64::from(drawn), ..Now::default() });
    }
    sink.finish()?;
    let end = if drawn < args.frames { Err(Failure::interrupted(true)) } else { Ok(()) };
    let end = output.end(end);
    let name = output.name.clone();
    output.commit()?;
    env.events.note(format!(
        "{name}: {} of {}, {size}",
        counted(drawn.into(), "frame"),
        args.scene
    ));
    end
}

/// Encodes frames, and audio if there is any, at very high quality.
fn encode(
    args: &GenerateArgs,
    generator: Generator,
    audio: Option<AudioSignal>,
    format: Format,
    env: &Env,
) -> Result<()> {
    let audio = match audio.filter(|_| can_hold_audio(format)) {
        Some(audio) => Some(generated_audio(args, audio)?),
        None => None,
    };
    let audio_settings = audio.is_some().then(|| AudioSettings::generated(format));
    let settings = Encoding::generated(args.output.clone(), format, args.yes, audio_settings)?;
    let mut video = GeneratedFrames::new(generator, args.frames, generated_info());
    let session = Session::new(&settings, &video, audio, env)?;
    session.run(&settings, &mut video)
}

fn audio_only(
    args: &GenerateArgs,
    audio: AudioSignal,
    format: Format,
    rules: OutputRules,
    env: &Env,
) -> Result<()> {
    if !can_hold_audio(format) {
        return Err(Failure::usage(format!("{format} cannot hold audio")));
    }
    let settings = AudioEncoding {
        output: args.output.clone(),
        format,
        fragmented: false,
        rules,
        audio: AudioSettings::generated(format),
        options: AudioDecodeOptions::default(),
    };
    audio::run(&settings, generated_audio(args, audio)?, env)
}

fn generated_audio(args: &GenerateArgs, audio: AudioSignal) -> Result<AudioInput> {
    let generator = AudioGenerator::new(audio, RATE, args.fps, args.seed)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let (num, den) = (u64::from(args.fps.num), u64::from(args.fps.den));
    let samples = u64::from(args.frames) * den * u64::from(RATE) / num;
    let reader = Box::new(GeneratedAudio::new(generator, RATE, samples));
    AudioInput::of(reader, args.scene.clone()).ok_or_else(|| Failure::internal("no audio track"))
}

fn generated_info() -> PictureInfo {
    PictureInfo {
        color: Color { range: ColorRange::Limited, ..Color::default() },
        ..PictureInfo::default()
    }
}
