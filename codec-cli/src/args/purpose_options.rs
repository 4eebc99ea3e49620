//! Adds the options that `--for` implies to the given ones.

use codec_container::Format;
use codec_core::codec::{Bitrate, Codec};
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::io::animation::is_gif;
use codec_media::io::names::{Outputs, format_of, is_audio_name};
use codec_media::io::stills::StillFormat;
use codec_media::settings::encoding::can_hold_audio;
use codec_media::values::Scale;

use super::encode::EncodeArgs;
use super::encoder::PresetArg;
use super::purpose::Purpose;

/// The audio bitrate of `discord`; audio counts towards the file size.
const DISCORD_AUDIO: Bitrate = Bitrate::kbps(64);
/// Codecs with the same scale of speeds.
const USUAL_CODECS: [&str; 3] = ["vp8", "vp9", "h264"];

/// Returns the arguments with the options that `--for` adds, and lists these for `-v`. Options that are given have
/// precedence.
///
/// # Errors
/// If the purpose does not fit the output or another option.
pub(crate) fn applied(args: &EncodeArgs, env: &Env) -> Result<EncodeArgs> {
    let mut args = args.clone();
    let Some(purpose) = args.purpose else { return Ok(args) };
    let format = check(&args, purpose)?;
    let mut options = Vec::new();
    let codec = match &args.encoder.codec {
        Some(codec) => codec.clone(),
        None => purpose.codec(format).unwrap_or_default().to_owned(),
    };
    if args.encoder.codec.is_none() {
        options.push(format!("--codec {codec}"));
        args.encoder.codec = Some(codec.clone());
    }
    let codec = codec.split('/').next().unwrap_or_default();
    let preset = purpose.preset();
    let name = if preset == PresetArg::Rtc { "rtc" } else { "file" };
    options.push(format!("--preset {name}"));
    args.encoder.preset = Some(preset);
    if args.encoder.speed.is_none() && USUAL_CODECS.contains(&codec) {
        options.push(format!("--speed {}", purpose.speed()));
        args.encoder.speed = Some(purpose.speed());
    }
    match (purpose, purpose.quality(codec)) {
        (_, Some(quality)) if rate_of(&args).is_none() => {
            options.push(format!("--quality {quality}"));
            args.encoder.quality = Some(quality);
        }
        (Purpose::Discord(bytes), _) => {
            options.push(format!("--size {bytes}"));
            args.size = Some(bytes);
        }
        _ => {}
    }
    if let Some(size) = purpose.limit().filter(|_| args.resize.is_none()) {
        options.push(format!("--resize max={size}"));
        args.resize = Some(Scale::Within(size));
    }
    add_audio(&mut args, purpose, format, &mut options);
    env.events.detail(format!("{purpose} sets {}", options.join(" ")));
    Ok(args)
}

/// Sets the audio codec and bitrate, unless one of them is given or there is no audio.
fn add_audio(args: &mut EncodeArgs, purpose: Purpose, format: Format, options: &mut Vec<String>) {
    let is_given = args.audio.audio_codec.is_some() || args.audio.audio_bitrate.is_some();
    if is_given || args.audio.no_audio || !can_hold_audio(format) {
        return;
    }
    let bitrate = match purpose {
        Purpose::Web | Purpose::Archive => return,
        Purpose::Call => None,
        Purpose::Discord(_) => Some(DISCORD_AUDIO),
    };
    options.push("--audio-codec opus".to_owned());
    args.audio.audio_codec = Some("opus".to_owned());
    if let Some(bitrate) = bitrate {
        options.push(format!("--audio-bitrate {}k", bitrate.as_kbps()));
        args.audio.audio_bitrate = Some(bitrate);
    }
    args.audio_is_of_purpose = true;
}

/// Rejects options and outputs that contradict the purpose; returns the output format.
fn check(args: &EncodeArgs, purpose: Purpose) -> Result<Format> {
    let is_gif = is_gif(args.output(), args.format.as_deref());
    let is_image = is_gif || args.format.is_none() && StillFormat::of(args.output()).is_some();
    let given = [
        (args.copy, "--copy"),
        (args.audio.no_video, "--no-video"),
        (is_image, "image output"),
        (is_audio_name(args.output()), "an extension for audio only"),
    ];
    if let Some((_, what)) = given.into_iter().find(|(is_given, _)| *is_given) {
        return Err(Failure::usage(format!("{purpose} cannot be used with {what}")));
    }
    let format = format_of(args.output(), args.format.as_deref(), Outputs::ENCODED)?;
    if let Err(names) = purpose.codec(format) {
        return Err(Failure::usage(format!(
            "{purpose} cannot be used with {format} output\nhelp: use a name ending in {names}"
        )));
    }
    let name = args.encoder.codec.as_deref().and_then(|spec| spec.split('/').next());
    let codec = name.and_then(Codec::from_name);
    if let Some(codec) = codec.filter(|&codec| !format.holds_video(codec)) {
        let endings = purpose.endings(codec);
        return Err(Failure::usage(format!(
            "{format} cannot hold {codec} video\nhelp: with {purpose}, use a name ending in {endings}"
        )));
    }
    let preset = args.encoder.preset.filter(|_| args.preset_is_given);
    if let Some(preset) = preset.filter(|&preset| preset != purpose.preset()) {
        let name = if preset == PresetArg::Rtc { "rtc" } else { "file" };
        return Err(Failure::usage(format!("{purpose} cannot be used with --preset {name}")));
    }
    if let (Purpose::Discord(_), Some(flag)) = (purpose, rate_of(args)) {
        return Err(Failure::usage(format!(
            "{purpose} sets --size and cannot be used with {flag}\n\
             help: set the size in the purpose: --for discord=25M"
        )));
    }
    Ok(format)
}

/// The given option that sets the rate, the quality or the file size.
fn rate_of(args: &EncodeArgs) -> Option<&'static str> {
    let given = [
        (args.encoder.bitrate.is_some(), "--bitrate"),
        (args.encoder.quality.is_some(), "--quality"),
        (args.encoder.qp.is_some(), "--qp"),
        (args.target.is_some(), "--target"),
        (args.size.is_some(), "--size"),
        (args.rate_trace.is_some(), "--rate-trace"),
    ];
    given.into_iter().find(|(is_given, _)| *is_given).map(|(_, flag)| flag)
}
