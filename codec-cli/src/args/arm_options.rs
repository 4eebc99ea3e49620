//! Checks the `encode` options of the arms (encoders with their settings) of `codec compare`.

use std::path::Path;

use clap::{CommandFactory, Parser};
use codec_lab::compare::options::EncodeGrammar;
use codec_media::io::names::{Outputs, format_of};
use codec_media::settings::encoder::{EncoderOptions, EncoderSettings, Preset};

use super::audio_encoding::audio_encoding;
use super::cli::{Cli, Verb};
use super::encode::EncodeArgs;

/// The options of this command's `encode`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodeFlags;

impl EncodeGrammar for EncodeFlags {
    fn has_option(&self, name: &str) -> bool {
        let grammar = Cli::command();
        let encode = grammar.find_subcommand("encode");
        encode.is_some_and(|encode| {
            encode.get_arguments().any(|option| option.get_long() == Some(name))
        })
    }

    fn check(&self, argv: &[String]) -> Result<(), String> {
        let error = match Cli::try_parse_from(argv).and_then(Cli::checked) {
            Ok(Cli { verb: Verb::Encode(args), .. }) => return check_settings(&args),
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        Err(line.trim_start_matches("error: ").to_owned())
    }

    fn own_option(&self, options: &[String]) -> Option<&'static str> {
        let args = parsed(options)?;
        let set = [
            (args.encoder.bitrate.is_some(), "--bitrate"),
            (args.encoder.quality.is_some(), "--quality"),
            (args.encoder.qp.is_some(), "--qp"),
            (args.encoder.codec.is_some(), "--codec"),
            (args.audio.audio_codec.is_some(), "--audio-codec"),
            (args.audio.audio_bitrate.is_some(), "--audio-bitrate"),
            (args.rate_trace.is_some(), "--rate-trace"),
            (args.cut.threads.is_some(), "--threads"),
            (args.cut.frames.is_some(), "--frames"),
            (args.cut.skip > 0, "--skip"),
            (args.cut.part.time.from.is_some(), "--from"),
            (args.cut.part.time.to.is_some(), "--to"),
            (args.cut.part.duration.is_some(), "--duration"),
            (args.cut.fps.is_some(), "--fps"),
            (args.copy, "--copy"),
            (args.purpose.is_some(), "--for"),
            (args.resize.is_some(), "--resize"),
            (args.report.is_some(), "--report"),
            (args.output() != Path::new(OUTPUT), "--output"),
        ];
        set.into_iter().find(|(is_set, _)| *is_set).map(|(_, name)| name)
    }

    fn audio_format(&self, options: &[String]) -> (Option<u32>, Option<u8>) {
        parsed(options).map_or((None, None), |args| (args.audio.audio_rate, args.audio.channels))
    }
}

/// Checks the settings of the encoder, such as the range of its quantisers.
fn check_settings(args: &EncodeArgs) -> Result<(), String> {
    let check = |format| match args.is_audio_only(format) {
        true => audio_encoding(args).map(drop),
        false => {
            let options = EncoderOptions::from(&args.encoder);
            EncoderSettings::new(&options, Preset::File, format).map(drop)
        }
    };
    let format = format_of(args.output(), args.format.as_deref(), Outputs::ENCODED);
    format.and_then(check).map_err(|failure| failure.message)
}

/// The output name in the command line with which the options of an arm are parsed.
const OUTPUT: &str = "out.ivf";

/// The options of an encoder; `None` if they are invalid.
fn parsed(options: &[String]) -> Option<EncodeArgs> {
    let argv = ["codec", "encode", "in.y4m", "-o", OUTPUT].map(str::to_owned);
    match Cli::try_parse_from(argv.iter().chain(options)).ok()?.verb {
        Verb::Encode(args) => Some(args),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_a_study_sets_are_found_in_any_spelling() {
        let own = |options: &str| {
            let options: Vec<String> = options.split(' ').map(str::to_owned).collect();
            EncodeFlags.own_option(&options)
        };
        assert_eq!(own("-b 300k"), Some("--bitrate"));
        assert_eq!(own("-j 2"), Some("--threads"));
        assert_eq!(own("-o x.ivf"), Some("--output"));
        assert_eq!(own("--speed 3"), None);
        let argv = ["codec", "encode", "in.y4m", "-o", "out.ivf", "--speeed", "3"];
        let refused = EncodeFlags.check(&argv.map(str::to_owned)).unwrap_err();
        assert!(refused.contains("--speeed"), "{refused}");
        let argv = ["codec", "encode", "in.wav", "-o", "out.opus", "--speed", "3"];
        let refused = EncodeFlags.check(&argv.map(str::to_owned)).unwrap_err();
        assert!(refused.contains("--speed requires video"), "{refused}");
        let wide = ["--audio-rate", "16000"].map(str::to_owned);
        assert_eq!(EncodeFlags.audio_format(&wide), (Some(16_000), None));
        assert!(EncodeFlags.has_option("speed") && !EncodeFlags.has_option("sharpness"));
    }
}
