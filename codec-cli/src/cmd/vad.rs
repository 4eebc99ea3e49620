//! `codec vad`.

use codec_media::Env;
use codec_media::failure::Result;

use crate::args::mix::VadArgs;

/// Detects speech in the audio of a file.
#[cfg(not(feature = "vad"))]
pub(crate) fn run(_args: &VadArgs, _env: &Env) -> Result<()> {
    Err(codec_media::failure::Failure::missing_feature("speech detection", "vad"))
}

/// Detects speech in the audio of a file.
#[cfg(feature = "vad")]
pub(crate) fn run(args: &VadArgs, env: &Env) -> Result<()> {
    use codec_media::io::input::InputSpec;
    use codec_media::io::output::print;
    use codec_media::vad::{VadOptions, detect};
    let options = VadOptions {
        threshold: args.threshold,
        min_speech: args.min_speech,
        min_pause: args.min_pause,
    };
    let limits = args.limits.map(|list| list.0).unwrap_or_default();
    let input = InputSpec { cut: args.part.cut(), ..InputSpec::new(args.input.path(), limits) };
    let speech = detect(&input, options, env)?;
    print(&if args.json { json(&speech) } else { text(&speech) })
}

#[cfg(feature = "vad")]
fn text(speech: &codec_media::vad::Speech) -> String {
    let lines = speech.segments.iter().map(|(start, end)| format!("{start:.3} {end:.3}\n"));
    let (seconds, duration, share) = (speech.speech_s(), speech.duration_s, 100.0 * speech.share());
    let last = format!("speech {seconds:.3} s of {duration:.3} s, {share:.1} %\n");
    lines.chain([last]).collect()
}

#[cfg(feature = "vad")]
fn json(speech: &codec_media::vad::Speech) -> String {
    use codec_media::json::{self, Object};
    let segments = speech
        .segments
        .iter()
        .map(|&(start, end)| Object::new().float("start_s", start).float("end_s", end).finish());
    let object = Object::new()
        .float("duration_s", speech.duration_s)
        .float("speech_s", speech.speech_s())
        .float("speech_share", speech.share())
        .raw("segments", json::array(segments));
    format!("{}\n", object.finish())
}
