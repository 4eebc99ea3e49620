//! The error for a codec whose Cargo feature is not enabled in this build.

use codec_core::error::NoBackend;

/// Direction in which a backend is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Any,
    Encoder,
    Decoder,
}

/// A backend that a Cargo feature adds to the build.
struct Optional {
    codec: &'static str,
    name: &'static str,
    feature: &'static str,
    encodes: bool,
    decodes: bool,
}

impl Optional {
    const fn both(codec: &'static str, name: &'static str, feature: &'static str) -> Self {
        Self { codec, name, feature, encodes: true, decodes: true }
    }

    const fn encoder(codec: &'static str, name: &'static str, feature: &'static str) -> Self {
        Self { codec, name, feature, encodes: true, decodes: false }
    }

    const fn decoder(codec: &'static str, name: &'static str, feature: &'static str) -> Self {
        Self { codec, name, feature, encodes: false, decodes: true }
    }

    fn has(&self, role: Role) -> bool {
        match role {
            Role::Any => true,
            Role::Encoder => self.encodes,
            Role::Decoder => self.decodes,
        }
    }
}

/// Every backend behind a feature, whether the feature is on or off; preferred ones first.
static OPTIONAL: &[Optional] = &[
    Optional::encoder("av1", "rav1e", "av1"),
    Optional::decoder("av1", "rav1d", "av1"),
    Optional::decoder("av1", "dav1d", "dav1d"),
    Optional::both("vp8", "libvpx", "libvpx"),
    Optional::both("vp9", "libvpx", "libvpx"),
    Optional::both("h264", "native", "h264"),
    Optional::both("h264", "openh264", "openh264"),
    Optional::both("opus", "ropus", "opus"),
    Optional::both("opus", "libopus", "libopus"),
    Optional::decoder("aac", "symphonia", "import"),
    Optional::decoder("mp3", "symphonia", "import"),
    Optional::decoder("vorbis", "symphonia", "import"),
    Optional::decoder("flac", "symphonia", "import"),
    Optional::encoder("flac", "flacenc", "flac"),
    Optional::decoder("alac", "symphonia", "import"),
];

/// Whether `codec` or `codec/name`, as in `spec`, names the backend.
pub(crate) fn is_named(spec: &str, codec: &str, name: &str) -> bool {
    match spec.split_once('/') {
        Some((wanted, wanted_name)) => wanted == codec && wanted_name == name,
        None => spec == codec,
    }
}

/// Returns the error for `spec`, which no backend of the build provides. `built` are the codecs and
/// names of the backends that have the role.
pub(crate) fn missing<'a>(
    spec: &str,
    role: Role,
    built: impl Iterator<Item = (&'a str, &'a str)>,
) -> NoBackend {
    let mut error = NoBackend::new(spec);
    for (codec, name) in built {
        let name = if spec.contains('/') { format!("{codec}/{name}") } else { codec.to_owned() };
        if !error.available.contains(&name) {
            error.available.push(name);
        }
    }
    let mut known = OPTIONAL.iter().filter(|known| is_named(spec, known.codec, known.name));
    error.feature = known.find(|known| known.has(role)).map(|known| known.feature);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{AUDIO_BACKENDS, BACKENDS};

    #[test]
    fn every_backend_of_the_build_behind_a_feature_is_listed_with_its_roles() {
        let video = BACKENDS
            .iter()
            .map(|b| (b.codec.name(), b.name, b.encoder.is_some(), b.decoder.is_some()));
        let audio = AUDIO_BACKENDS
            .iter()
            .map(|b| (b.codec.name(), b.name, b.encoder.is_some(), b.decoder.is_some()));
        // H.264 is the only native codec behind a feature.
        let behind_features = |b: &(&str, &str, bool, bool)| b.1 != "native" || b.0 == "h264";
        for (codec, name, encodes, decodes) in video.chain(audio).filter(behind_features) {
            let known = OPTIONAL.iter().find(|known| known.codec == codec && known.name == name);
            let known = known.unwrap_or_else(|| panic!("{codec}/{name}"));
            assert_eq!((known.encodes, known.decodes), (encodes, decodes), "{codec}/{name}");
        }
    }

    #[test]
    fn the_features_are_those_of_the_manifest() {
        let manifest = include_str!("../Cargo.toml");
        for known in OPTIONAL {
            assert!(manifest.contains(&format!("\n{} = [", known.feature)), "{}", known.feature);
        }
    }

    #[test]
    fn the_error_names_the_feature_or_what_there_is() {
        let built = [("vp8", "native"), ("vp8", "other"), ("av1", "rav1d")];
        let of = |spec, role| missing(spec, role, built.into_iter());
        assert_eq!(of("av1", Role::Encoder).feature, Some("av1"));
        assert_eq!(of("av1/dav1d", Role::Decoder).feature, Some("dav1d"));
        assert_eq!(of("mp3", Role::Encoder).feature, None);
        assert_eq!(
            of("vp9", Role::Any).to_string(),
            "no codec `vp9` in this build: it requires the Cargo feature `libvpx`"
        );
        assert_eq!(
            of("vp10", Role::Any).to_string(),
            "no codec `vp10` in this build: expected one of vp8, av1"
        );
        assert_eq!(
            of("vp8/x", Role::Any).to_string(),
            "no backend `vp8/x` in this build: expected one of vp8/native, vp8/other, av1/rav1d"
        );
    }
}
