//! `codec generate`.

use codec_container::Format;
use codec_core::frame::{Color, ColorRange, PictureInfo};
use codec_media::Env;
use codec_media::audio::source::AudioDecodeOptions;
use codec_media::failure::{Failure, Result};
use codec_media::generate::{AudioGenerator, Generator, Scene, Sound};
use codec_media::io::media::AudioInput;
use codec_media::io::names::format_of;
use codec_media::io::output::{OutputFile, Rules};
use codec_media::io::sink::{FrameSink, Header};
use codec_media::progress::Now;
use codec_media::session::audio::AudioEncoding;
use codec_media::session::{Session, audio};
use codec_media::settings::audio::AudioSettings;
use codec_media::settings::encoding::{Encoding, holds_pictures, holds_sound};
use codec_media::values::Samples;

use crate::args::generate::GenerateArgs;

use codec_media::generate::sources::{GeneratedAudio, GeneratedFrames};

/// Sample rate of generated audio.
const RATE: u32 = 48_000;

/// Generates a clip or an audio signal.
pub(crate) fn run(args: &GenerateArgs, env: &Env) -> Result<()> {
    env.stop.heed();
    let scene = Scene::from_name(&args.scene);
    let default = if scene.is_some() { Format::Y4m } else { Format::Wav };
    let format = format_of(&args.output, args.format.as_deref(), default)?;
    let rules = Rules { overwrite: args.yes, not: Vec::new(), terminal: args.format.is_some() };
    rules.check(&args.output)?;
    let Some(scene) = scene else {
        let sound = Sound::from_name(&args.scene)
            .ok_or_else(|| Failure::usage(format!("unknown scene {}", args.scene)))?;
        return sound_alone(args, sound, format, rules, env);
    };
    let generator = Generator::new(scene, args.size, args.fps, args.seed)
        .map_err(|error| Failure::usage(error.to_string()))?;
    match generator.sound() {
        Some(sound) if !holds_pictures(format) => sound_alone(args, sound, format, rules, env),
        _ if format.is_raw_video() => draw(args, &generator, format, &rules, env),
        sound => encode(args, generator, sound, format, env),
    }
}

/// Writes uncompressed frames.
fn draw(
    args: &GenerateArgs,
    generator: &Generator,
    format: Format,
    rules: &Rules,
    env: &Env,
) -> Result<()> {
    let output = OutputFile::create(&args.output, rules)?;
    let info = drawn_info();
    let header = Header { size: args.size, frame_rate: args.fps, info };
    let mut sink = FrameSink::new(&output, format, Samples::I420, header)?;
    let mut progress = env.console.progress(Some(u64::from(args.frames)), args.fps);
    let mut buffer = Vec::new();
    let mut drawn = 0;
    while drawn < args.frames && !env.stop.is_requested() {
        let picture = generator.picture(drawn, &mut buffer).map_err(Failure::internal)?;
        sink.write(&picture.with_info(info))?;
        drawn += 1;
        progress.update(&Now { frames: u64::from(drawn), ..Now::default() });
    }
    sink.finish()?;
    let name = output.name.clone();
    output.commit()?;
    env.console.note(format!("{name}: {drawn} frames of {}, {}", args.scene, args.size));
    if drawn < args.frames {
        return Err(Failure::interrupted(true));
    }
    Ok(())
}

/// Encodes frames, and audio if there is any, at very high quality.
fn encode(
    args: &GenerateArgs,
    generator: Generator,
    sound: Option<Sound>,
    format: Format,
    env: &Env,
) -> Result<()> {
    let sound = match sound.filter(|_| holds_sound(format)) {
        Some(sound) => Some(made(args, sound)?),
        None => None,
    };
    let sound_settings = sound.is_some().then(|| AudioSettings::generated(format));
    let settings = Encoding::generated(args.output.clone(), format, args.yes, sound_settings)?;
    let mut pictures = GeneratedFrames::new(generator, args.frames, drawn_info());
    let session = Session::new(&settings, &pictures, sound, env)?;
    session.run(&settings, &mut pictures)
}

fn sound_alone(
    args: &GenerateArgs,
    sound: Sound,
    format: Format,
    rules: Rules,
    env: &Env,
) -> Result<()> {
    if !holds_sound(format) {
        return Err(Failure::usage(format!("{format} cannot hold audio")));
    }
    let settings = AudioEncoding {
        output: args.output.clone(),
        format,
        rules,
        sound: AudioSettings::generated(format),
        options: AudioDecodeOptions::default(),
    };
    audio::run(&settings, made(args, sound)?, env)
}

fn made(args: &GenerateArgs, sound: Sound) -> Result<AudioInput> {
    let generator = AudioGenerator::new(sound, RATE, args.fps, args.seed)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let (num, den) = (u64::from(args.fps.num), u64::from(args.fps.den));
    let samples = u64::from(args.frames) * den * u64::from(RATE) / num;
    let reader = Box::new(GeneratedAudio::new(generator, RATE, samples));
    AudioInput::of(reader, args.scene.clone()).ok_or_else(|| Failure::internal("no audio track"))
}

fn drawn_info() -> PictureInfo {
    PictureInfo {
        color: Color { range: ColorRange::Limited, ..Color::default() },
        ..PictureInfo::default()
    }
}
