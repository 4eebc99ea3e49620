//! Decides whether a study compares encoders of video or of audio.

use std::path::Path;

use codec_container::{Input, TrackKind};
use codec_core::codec::Limits;
use codec_measure::results::Target;
use codec_media::Env;
use codec_media::failure::{Failure, Result};
use codec_media::io::input::{InputSpec, Opened};
use codec_media::io::unreadable::is_lost;

use super::arm::Arm;
use super::shape::Media;
use super::study::Study;

/// Decides whether the arms encode video or audio. If all arms are commands, the first clip decides.
///
/// # Errors
/// If some arms encode video and others audio, or the study has settings of the other media.
pub(super) fn media_of(study: &Study, arms: &[Arm], env: &Env) -> Result<Media> {
    let first = |media: Media| arms.iter().find(|arm| arm.media == Some(media));
    let media = match (first(Media::Video), first(Media::Audio)) {
        (Some(video), Some(audio)) => {
            let message = format!(
                "arm {} encodes video, and arm {} encodes audio: one run compares either video or audio",
                video.name, audio.name
            );
            let help = "help: run `codec compare` once for video and once for audio";
            return Err(Failure::usage(format!("{message}\n{help}")));
        }
        (Some(_), None) => Media::Video,
        (None, Some(_)) => Media::Audio,
        (None, None) => match study.clips.first() {
            Some(clip) if is_audio_only(clip, env) => Media::Audio,
            _ => Media::Video,
        },
    };
    if media == Media::Audio {
        check_audio(study, arms)?;
    }
    arms.iter().try_for_each(|arm| arm.check_media(media))?;
    study.metrics(media)?;
    Ok(media)
}

/// Rejects settings of video.
fn check_audio(study: &Study, arms: &[Arm]) -> Result<()> {
    let given = [
        (study.rate_trace.is_some(), "--rate-trace"),
        (!study.bpp.is_empty(), "--bpp"),
        (!study.sizes.is_empty(), "--sizes"),
        (study.pictures() > 0, "--pictures"),
        (study.frames.is_some(), "--frames"),
        (study.skip.is_some(), "--skip"),
    ];
    if let Some((_, name)) = given.into_iter().find(|(is_given, _)| *is_given) {
        let message = format!("{name} is for video, and this study compares audio");
        let help = match name {
            "--frames" | "--skip" => "\nhelp: select a part of the clips with --from and --to",
            "--bpp" | "--rate-trace" => "\nhelp: give bitrates with -b",
            _ => "",
        };
        return Err(Failure::usage(message + help));
    }
    for arm in arms {
        if arm.targets.iter().any(|target| matches!(target, Target::Bpp(_))) {
            let name = &arm.name;
            let message = format!("arm {name}: bpp is for video, and this study compares audio");
            return Err(Failure::usage(message));
        }
    }
    Ok(())
}

/// Whether a file has audio and no video. A file that cannot be read has none.
fn is_audio_only(path: &Path, env: &Env) -> bool {
    match InputSpec::new(path, Limits::default()).open(&env.quiet()) {
        Ok(Opened::Container(Input::Packets(reader))) => {
            let has_video = reader.video().is_some() || is_lost(&*reader, TrackKind::Video);
            !has_video && reader.audio().is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_video_are_rejected() {
        let study = |text: &str| {
            let text = format!("clips = [\"a.wav\"]\n{text}\n[[arm]]\nrun = \"opus\"\n");
            Study::from_toml(&text).unwrap()
        };
        for (text, name) in [
            ("bpp = [0.1]", "--bpp"),
            ("bitrates = [\"24k\"]\nsizes = [\"1/2\"]", "--sizes"),
            ("bitrates = [\"24k\"]\npictures = 1", "--pictures"),
            ("bitrates = [\"24k\"]\nframes = 10", "--frames"),
            ("bitrates = [\"24k\"]\nskip = 10", "--skip"),
        ] {
            let message = check_audio(&study(text), &[]).unwrap_err().message;
            let wanted = format!("{name} is for video, and this study compares audio");
            assert!(message.starts_with(&wanted), "{message}");
        }
        assert!(check_audio(&study("bitrates = [\"24k\"]"), &[]).is_ok());
    }
}
