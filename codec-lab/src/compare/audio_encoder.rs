//! The audio encoders of this program: `opus:10`, `opus/libopus --application voip`, `g711`.

use codec_audio::{AudioCapabilities, AudioCodec};
use codec_backends::registry;
use codec_measure::results::Target;
use codec_media::failure::{Failure, Kind, Result};
use codec_media::settings::audio::find;

use super::options::EncodeGrammar;

/// Another name of a codec.
const G711: (&str, &str) = ("g711", "pcmu");
/// Bits of a sample of G.711.
const G711_BITS: u32 = 8;

/// `codec encode` with an audio codec.
#[derive(Clone, Debug)]
pub(super) struct AudioEncoder {
    /// Codec or codec/backend.
    spec: String,
    options: Vec<String>,
    pub(super) extension: &'static str,
    /// The only bitrate of the codec in kilobits per second, if it has no other.
    pub(super) only_kbps: Option<f64>,
    has_complexity: bool,
}

/// The codec or codec/backend of an arm, and its complexity if it has one.
fn divided(run: &str) -> (&str, Option<&str>) {
    let word = run.split_whitespace().next().unwrap_or_default();
    match word.split_once(':') {
        Some((spec, speed)) => (spec, Some(speed)),
        None => (word, None),
    }
}

/// Whether the codec of an arm is an audio codec of this program.
fn is_audio(spec: &str) -> bool {
    spec == G711.0 || registry::find_audio(spec).is_ok() || find(spec).is_ok()
}

/// Whether the specification of an arm has a complexity after the name of an audio codec.
pub(super) fn has_own_speed(run: &str) -> bool {
    let (spec, speed) = divided(run);
    speed.is_some() && is_audio(spec)
}

/// Whether the first word of an arm is an audio codec of this program.
pub(super) fn is_named(run: &str) -> bool {
    is_audio(divided(run).0)
}

impl AudioEncoder {
    /// Parses `opus:10 --application voip` into the encoder and its complexity; `None` if the first word is not an
    /// audio codec.
    ///
    /// # Errors
    /// If the codec has no encoder, is lossless, or has no complexity.
    pub(super) fn parse(
        run: &str,
        grammar: &dyn EncodeGrammar,
    ) -> Result<Option<(Self, Option<String>)>> {
        let (spec, speed) = divided(run);
        if !is_audio(spec) {
            return Ok(None);
        }
        let refused = |why: &str| Failure::usage(format!("arm {run}: {why}"));
        let words = shlex::split(run).ok_or_else(|| refused("unclosed quote"))?;
        let options: Vec<String> = words.into_iter().skip(1).collect();
        let spec = if spec == G711.0 { G711.1 } else { spec };
        let (backend, codec) = find(spec).map_err(|failure| {
            Failure::new(failure.kind, format!("arm {run}: {}", failure.message))
        })?;
        let Some((_, capabilities)) = backend.encoder else {
            return Err(Failure::new(Kind::Backend, format!("arm {run}: {spec} has no encoder")));
        };
        if capabilities.lossless {
            let why = "a lossless codec has no rate-quality curve\n\
                       help: compare sizes and speeds with `codec bench audio`";
            return Err(refused(why));
        }
        let encoder = Self {
            spec: spec.to_owned(),
            only_kbps: only_kbps(capabilities, &options, grammar),
            options,
            extension: if codec == AudioCodec::Opus { "opus" } else { "wav" },
            has_complexity: capabilities.complexity,
        };
        Ok(Some((encoder, speed.map(str::to_owned))))
    }

    /// Checks a complexity.
    pub(super) fn check_speed(&self, speed: Option<&str>) -> std::result::Result<(), String> {
        match speed {
            Some(_) if !self.has_complexity => Err(format!(
                "{} has no complexity\nhelp: give complexities to the other arms only, as in opus:5",
                self.spec
            )),
            _ => Ok(()),
        }
    }

    /// Divides targets into those that the codec supports and those that it does not. A codec with one bitrate has a
    /// point there.
    pub(super) fn own_targets(&self, targets: Vec<Target>) -> (Vec<Target>, Vec<Target>) {
        let Some(kbps) = self.only_kbps else { return (targets, Vec::new()) };
        let own = Target::Kbps(kbps);
        (vec![own], targets.into_iter().filter(|target| *target != own).collect())
    }

    pub(super) fn options(&self) -> &[String] {
        &self.options
    }

    /// The arguments of the program for a bitrate.
    pub(super) fn arguments(
        &self,
        speed: Option<&str>,
        kbps: f64,
        (output, input): (String, String),
    ) -> Vec<String> {
        let mut argv = ["encode", "--quiet", "-y", "-c", &self.spec].map(str::to_owned).to_vec();
        argv.extend(self.options.iter().cloned());
        if let Some(speed) = speed {
            argv.extend(["--complexity".to_owned(), speed.to_owned()]);
        }
        if self.only_kbps.is_none() {
            argv.extend(["-b".to_owned(), format!("{kbps}k")]);
        }
        argv.extend(["-o".to_owned(), output, input]);
        argv
    }
}

/// The bitrate of a codec without a choice, which follows from the sample rate and the channels.
fn only_kbps(
    capabilities: &AudioCapabilities,
    options: &[String],
    grammar: &dyn EncodeGrammar,
) -> Option<f64> {
    if capabilities.bitrate_range.is_some() {
        return None;
    }
    // G.711 has 8 kHz and one channel unless requested otherwise.
    let (rate, channels) = grammar.audio_format(options);
    let bits = f64::from(rate.unwrap_or(8000)) * f64::from(G711_BITS);
    Some(bits * f64::from(channels.unwrap_or(1)) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows no options.
    struct Flags;

    impl EncodeGrammar for Flags {
        fn has_option(&self, _: &str) -> bool {
            false
        }

        fn check(&self, _: &[String]) -> std::result::Result<(), String> {
            Ok(())
        }

        fn own_option(&self, _: &[String]) -> Option<&'static str> {
            None
        }

        fn audio_format(&self, options: &[String]) -> (Option<u32>, Option<u8>) {
            (options.iter().any(|option| option == "--wide").then_some(16_000), None)
        }
    }

    fn parsed(run: &str) -> (AudioEncoder, Option<String>) {
        AudioEncoder::parse(run, &Flags).unwrap().unwrap()
    }

    /// Whether this build has an audio codec.
    fn has(codec: &str) -> bool {
        registry::find_audio(codec).is_ok()
    }

    #[test]
    fn the_number_after_a_codec_is_its_complexity() {
        for other in ["vp8", "vp8:3", "cmd:opus {in}", "libvpx:-6"] {
            assert!(AudioEncoder::parse(other, &Flags).unwrap().is_none(), "{other}");
        }
        if !has("opus") {
            return;
        }
        let (opus, speed) = parsed("opus:5 --application voip");
        assert_eq!((speed.as_deref(), opus.extension, opus.only_kbps), (Some("5"), "opus", None));
        let files = ("out.opus".to_owned(), "in.wav".to_owned());
        let argv = opus.arguments(speed.as_deref(), 24.0, files).join(" ");
        assert_eq!(opus.own_targets(vec![Target::Kbps(1.0)]), (vec![Target::Kbps(1.0)], vec![]));
        let wanted =
            "encode --quiet -y -c opus --application voip --complexity 5 -b 24k -o out.opus in.wav";
        assert_eq!(argv, wanted);
        assert_eq!(parsed("opus/ropus").1, None);
        assert!(has_own_speed("opus:5") && !has_own_speed("opus") && !has_own_speed("x264:fast"));
    }

    #[test]
    fn g711_has_one_bitrate() {
        let (g711, _) = parsed("g711");
        let targets = [16.0, 64.0].map(Target::Kbps).to_vec();
        assert_eq!(g711.own_targets(targets), (vec![Target::Kbps(64.0)], vec![Target::Kbps(16.0)]));
        let argv = g711.arguments(None, 64.0, (String::new(), String::new()));
        assert!(argv.contains(&"pcmu".to_owned()) && !argv.contains(&"-b".to_owned()));
        assert!(g711.check_speed(Some("3")).is_err());
        assert_eq!(parsed("pcma --wide").0.only_kbps, Some(128.0));
    }

    #[test]
    fn codecs_without_a_curve_are_rejected() {
        let refused = |run: &str| AudioEncoder::parse(run, &Flags).unwrap_err().message;
        assert!(refused("s16le").contains("arm s16le: a lossless codec"));
        if has("vorbis") {
            assert!(refused("vorbis").contains("vorbis has no encoder"), "{}", refused("vorbis"));
        }
    }
}
