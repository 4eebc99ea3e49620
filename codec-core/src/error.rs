//! Error types, grouped by how the caller can react.

use std::fmt;

/// An error of an encoder, a decoder or the registry.
///
/// Encoders and decoders stay usable after every error but [`Self::Library`]; each variant says how to
/// recover.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The coded data is damaged. The decoder keeps its references; decoding recovers at the next
    /// key frame, or continues at once with concealment enabled.
    Corrupt(Corrupt),
    /// A setting or an argument is out of range. Nothing changed; correct the value and call again.
    Config(ConfigError),
    /// The codec or backend lacks this feature. Nothing changed; use another backend.
    Unsupported(Unsupported),
    /// The input exceeds the configured limits. Nothing was allocated; raise the limit if the input
    /// is trusted.
    Limit(LimitError),
    /// The library behind a backend failed. Open the encoder or decoder again.
    Library(LibraryError),
    /// This build has no backend of this name.
    NoBackend(NoBackend),
    /// This build lacks a Cargo feature. Nothing changed; enable it.
    MissingFeature(MissingFeature),
}

impl Error {
    /// Creates an error for a feature that a codec or a backend lacks; `what` is a noun phrase.
    #[must_use]
    pub const fn unsupported(what: &'static str) -> Self {
        Self::Unsupported(Unsupported { what, reason: None })
    }
}

/// How the coded data is damaged, with the sizes and offsets found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the units are in the names")]
pub enum Corrupt {
    /// The data ends inside the frame header.
    HeaderTruncated { needed_bytes: usize, had_bytes: usize },
    /// A key frame does not begin with the start code (RFC 6386, section 9.1).
    StartCode { offset_bytes: usize, expected: [u8; 3], found: [u8; 3] },
    /// A dimension is 0.
    ZeroSize { width: u32, height: u32 },
    /// The first partition is longer than the frame.
    FirstPartition { size_bytes: usize, had_bytes: usize },
    /// A token partition starts or ends after the end of the frame.
    TokenPartition { index: usize, offset_bytes: usize, size_bytes: usize, had_bytes: usize },
    /// Reading ran past the end of a partition: 0 is the first partition, 1 the first token partition.
    PartitionOverrun { partition: usize, size_bytes: usize, row_mb: usize },
    /// An inter frame before the first key frame.
    NoReference,
    /// An empty packet before the first frame, so that there is none to repeat.
    NothingToRepeat,
    /// Data that the frame depends on has not been received; `what` is a noun without an article.
    Missing { what: &'static str },
    /// The decoder of another library rejected the data.
    Backend { says: &'static str },
    /// Any other damage; `what` names the syntax element that was expected at the offset.
    Other { what: &'static str, offset_bytes: usize },
}

/// A setting that is out of range or inconsistent with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Name of the setting, as in [`crate::codec::Knob::name`].
    pub knob: &'static str,
    /// The rejected value; `None` if any value is rejected in this state.
    pub given: Option<String>,
    /// The allowed values, for example `0..=10`: a noun phrase that follows "expected", in which
    /// ranges are displayed as `0 to 10`. Without a rejected value, the reason.
    pub allowed: String,
}

impl ConfigError {
    /// Creates an error for the value `given`; `allowed` is a noun phrase that follows "expected".
    #[must_use]
    pub fn new(knob: &'static str, given: impl fmt::Display, allowed: impl fmt::Display) -> Self {
        Self { knob, given: Some(given.to_string()), allowed: allowed.to_string() }
    }

    /// Creates an error for a setting that no value is allowed for, with the reason.
    ///
    /// ```
    /// use codec_core::error::ConfigError;
    ///
    /// let error = ConfigError::conflict("deadline", "the file preset has none");
    /// assert_eq!(error.to_string(), "cannot set deadline: the file preset has none");
    /// ```
    #[must_use]
    pub fn conflict(knob: &'static str, reason: impl fmt::Display) -> Self {
        Self { knob, given: None, allowed: reason.to_string() }
    }

    /// Returns the error of [`Self::new`] unless `ok`.
    ///
    /// ```
    /// use codec_core::error::ConfigError;
    ///
    /// let speed = 11;
    /// let error = ConfigError::ensure(speed <= 10, "speed", speed, "0..=10").unwrap_err();
    /// assert_eq!(error.to_string(), "invalid speed: got 11, expected 0 to 10");
    /// ```
    ///
    /// # Errors
    /// If `ok` is false.
    pub fn ensure(
        ok: bool,
        knob: &'static str,
        given: impl fmt::Display,
        allowed: impl fmt::Display,
    ) -> Result<(), Self> {
        if ok { Ok(()) } else { Err(Self::new(knob, given, allowed)) }
    }
}

/// A limit of [`crate::codec::Limits`] that the input exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitError {
    /// The limited quantity with its unit: `pixels`, `frame bytes`.
    pub what: &'static str,
    /// The requested amount.
    pub requested: u64,
    /// The configured limit.
    pub limit: u64,
}

/// A feature that a codec or a backend lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The feature: a noun phrase, for example `temporal layers`.
    pub what: &'static str,
    /// Why it is missing, as the backend declares it: a sentence.
    pub reason: Option<&'static str>,
}

/// A failure inside the library behind a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryError {
    /// Name of the library.
    pub library: &'static str,
    /// The library's own message.
    pub message: String,
}

impl LibraryError {
    /// Creates an error of `library` with the library's own message.
    #[must_use]
    pub fn new(library: &'static str, message: impl fmt::Display) -> Self {
        Self { library, message: message.to_string() }
    }
}

/// A Cargo feature that this build lacks.
///
/// All crates of the workspace report missing features with it, so that the messages are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingFeature {
    /// The purpose of the feature: a noun phrase, for example `resampling`.
    pub what: &'static str,
    /// Name of the feature.
    pub feature: &'static str,
}

impl MissingFeature {
    /// Creates an error: `what` requires `feature`.
    #[must_use]
    pub const fn new(what: &'static str, feature: &'static str) -> Self {
        Self { what, feature }
    }
}

/// A codec, a backend or an audio processor that this build does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoBackend {
    /// What `name` names, such as `audio processor`; `None`: a codec, or a backend if `name` contains
    /// a slash.
    pub kind: Option<&'static str>,
    /// The name that was not found: `codec`, `codec/name`, or the name of a processor.
    pub name: String,
    /// The available names; empty if they are not known.
    pub available: Vec<String>,
    /// The feature that adds the backend, if it is a known one that this build lacks.
    pub feature: Option<&'static str>,
}

impl NoBackend {
    /// Creates an error that does not list the available names.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { kind: None, name: name.into(), available: Vec::new(), feature: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(detail) => write!(f, "corrupt data: {detail}"),
            Self::Config(detail) => detail.fmt(f),
            Self::Unsupported(detail) => detail.fmt(f),
            Self::Limit(detail) => detail.fmt(f),
            Self::Library(detail) => detail.fmt(f),
            Self::NoBackend(detail) => detail.fmt(f),
            Self::MissingFeature(detail) => detail.fmt(f),
        }
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HeaderTruncated { needed_bytes, had_bytes } => {
                write!(f, "frame header truncated: needs {needed_bytes} bytes, got {had_bytes}")
            }
            Self::StartCode { offset_bytes, expected: [x, y, z], found: [a, b, c] } => write!(
                f,
                "expected start code {x:02x} {y:02x} {z:02x} at byte {offset_bytes} of the packet, \
                 got {a:02x} {b:02x} {c:02x}"
            ),
            Self::ZeroSize { width, height } => {
                write!(f, "invalid frame size: got {width}x{height}, expected at least 1x1")
            }
            Self::FirstPartition { size_bytes, had_bytes } => {
                write!(f, "first partition truncated: needs {size_bytes} bytes, got {had_bytes}")
            }
            Self::TokenPartition { index, offset_bytes, size_bytes, had_bytes } => write!(
                f,
                "token partition {index} at byte {offset_bytes} of the packet truncated: needs \
                 {size_bytes} bytes, but the packet has {had_bytes}"
            ),
            Self::PartitionOverrun { partition, size_bytes, row_mb } => {
                match partition.checked_sub(1) {
                    None => f.write_str("first partition")?,
                    Some(index) => write!(f, "token partition {index}")?,
                }
                write!(f, " ({size_bytes} bytes) ends before macroblock row {row_mb}")
            }
            Self::NoReference => f.write_str("inter frame before the first key frame"),
            Self::NothingToRepeat => f.write_str("empty packet before the first frame"),
            Self::Missing { what } => write!(f, "missing {what}"),
            Self::Backend { says } => f.write_str(says),
            Self::Other { what, offset_bytes } => {
                write!(f, "expected {what} at byte {offset_bytes} of the packet")
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.given {
            Some(given) => {
                let (knob, allowed) = (self.knob, self.allowed.replace("..=", " to "));
                write!(f, "invalid {knob}: got {given}, expected {allowed}")
            }
            None => write!(f, "cannot set {}: {}", self.knob, self.allowed),
        }
    }
}

impl fmt::Display for NoBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = if self.name.contains('/') { "backend" } else { "codec" };
        let kind = self.kind.unwrap_or(usual);
        write!(f, "no {kind} `{}` in this build", self.name)?;
        match self.feature {
            Some(feature) => write!(f, ": {}", MissingFeature::new("it", feature)),
            None if self.available.is_empty() => Ok(()),
            None => write!(f, ": expected one of {}", self.available.join(", ")),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not supported: {}", self.what)?;
        self.reason.map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.library, self.message)
    }
}

impl fmt::Display for MissingFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requires the Cargo feature `{}`", self.what, self.feature)
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} exceed the limit of {}", self.requested, self.what, self.limit)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Corrupt(detail) => detail,
            Self::Config(detail) => detail,
            Self::Unsupported(detail) => detail,
            Self::Limit(detail) => detail,
            Self::Library(detail) => detail,
            Self::NoBackend(detail) => detail,
            Self::MissingFeature(detail) => detail,
        })
    }
}

/// Makes each detail an error that converts to [`Error`].
macro_rules! details {
    ($($detail:ident => $variant:ident,)*) => {
        $(
            impl std::error::Error for $detail {}

            impl From<$detail> for Error {
                fn from(detail: $detail) -> Self {
                    Self::$variant(detail)
                }
            }
        )*
    };
}

details! {
    Corrupt => Corrupt,
    ConfigError => Config,
    Unsupported => Unsupported,
    LimitError => Limit,
    LibraryError => Library,
    NoBackend => NoBackend,
    MissingFeature => MissingFeature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_detail_as_source() {
        let limit = LimitError { what: "pixels", requested: 2, limit: 1 };
        let errors: [Error; 7] = [
            Corrupt::NoReference.into(),
            ConfigError::new("speed", 11, "0..=10").into(),
            Error::unsupported("temporal layers"),
            limit.into(),
            LibraryError::new("rav1e", "out of memory").into(),
            NoBackend::new("vp10").into(),
            MissingFeature::new("resampling", "resample").into(),
        ];
        for error in errors {
            let source = std::error::Error::source(&error).unwrap();
            assert!(error.to_string().ends_with(&source.to_string()), "{error}");
        }
    }

    #[test]
    fn unsupported_features_are_reported_with_the_reason() {
        let bare = Unsupported { what: "temporal layers", reason: None };
        let gap = Unsupported { reason: Some("rav1e has none"), ..bare };
        assert_eq!(bare.to_string(), "not supported: temporal layers");
        assert_eq!(gap.to_string(), "not supported: temporal layers (rav1e has none)");
    }
}
