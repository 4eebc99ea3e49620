//! SDP validation before parsing.

use std::collections::HashMap;
use std::fmt;

use super::{Codecs, PeerLimits, formats};

/// Why an SDP is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpError {
    /// A limit is exceeded.
    LimitExceeded {
        /// Counted items.
        what: &'static str,
        /// Actual number.
        count: usize,
        /// Maximum number.
        limit: usize,
    },
    /// There is no SHA-256 certificate fingerprint. Others are not supported.
    NoSha256Fingerprint,
    /// There are audio or video sections, but none has a codec supported by both endpoints.
    NoCommonCodec {
        /// Offered codecs.
        offered: Vec<String>,
        /// Codecs supported by this endpoint.
        supported: Vec<String>,
    },
    /// The parser or the negotiation failed.
    Rejected(String),
    /// Internal error: the negotiation panicked with this message.
    Internal(String),
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LimitExceeded { what, count, limit } => {
                write!(f, "invalid SDP: got {count} {what}, expected at most {limit}")
            }
            Self::NoSha256Fingerprint => f.write_str("invalid SDP: no SHA-256 fingerprint"),
            Self::NoCommonCodec { offered, supported } => {
                let (offered, supported) = (offered.join(", "), supported.join(", "));
                write!(f, "no common codec: offered {offered}; supported {supported}")
            }
            Self::Rejected(why) => write!(f, "cannot negotiate: {why}"),
            Self::Internal(panic) => write!(f, "internal error: {panic}"),
        }
    }
}

impl std::error::Error for SdpError {}

/// Checks the limits. Removes fingerprints other than SHA-256, because the parser would use the first one (RFC 8122,
/// section 5, leaves the choice to the receiver). Also removes formats that are not enabled if another media section
/// uses their payload type for something else.
pub(super) fn validate(sdp: &str, codecs: Codecs, limits: &PeerLimits) -> Result<String, SdpError> {
    let bound = |what, count, limit| {
        if count > limit { Err(SdpError::LimitExceeded { what, count, limit }) } else { Ok(()) }
    };
    bound("bytes", sdp.len(), limits.sdp_bytes)?;
    let starting = |with: &str| sdp.lines().filter(|line| starts_with(line, with)).count();
    bound("media sections", starting("m="), limits.media_sections)?;
    bound("candidates", starting("a=candidate:"), limits.candidates)?;
    bound("lines", sdp.lines().count(), 4096)?;
    if !sdp.lines().any(|line| starts_with(line, SHA256)) {
        return Err(SdpError::NoSha256Fingerprint);
    }
    let sdp = &formats::without_conflicts(sdp, codecs);
    check_payload_types(sdp)?;
    let mut kept = String::with_capacity(sdp.len() + 64);
    for line in sdp.lines() {
        if starts_with(line, "a=fingerprint:") && !starts_with(line, SHA256) {
            continue;
        }
        kept.push_str(line);
        kept.push_str("\r\n");
    }
    Ok(kept)
}

/// Rejects payload types with more than one meaning: all media sections share a transport (RFC
/// 9143, section 9.1), and str0m panics on them.
fn check_payload_types(sdp: &str) -> Result<(), SdpError> {
    let mut names = HashMap::from([("0", "PCMU/8000".to_owned()), ("8", "PCMA/8000".to_owned())]);
    let mut repeats: HashMap<&str, &str> = HashMap::new();
    let one_thing = |number: &str, before: &str, now: &str| {
        let same = before.eq_ignore_ascii_case(now);
        let text = format!("payload type {number} is used for {before} and {now}");
        if same { Ok(()) } else { Err(SdpError::Rejected(text)) }
    };
    for line in sdp.lines() {
        if let Some((number, name)) = attribute(line, "a=rtpmap:") {
            let name = name.strip_suffix("/1").unwrap_or(name);
            let before = names.entry(number).or_insert_with(|| name.to_owned());
            one_thing(number, before, name)?;
        } else if let Some((number, format)) = attribute(line, "a=fmtp:") {
            let repeated = format.split(';').find_map(|part| part.trim().strip_prefix("apt="));
            let Some(repeated) = repeated else { continue };
            let before = repeats.entry(number).or_insert(repeated);
            one_thing(number, before, repeated)?;
        }
    }
    for number in repeats.keys() {
        let name = names.get(number).map_or("nothing", String::as_str);
        if !starts_with(name, "rtx/") {
            one_thing(number, name, "rtx")?;
        }
    }
    Ok(())
}

/// Splits an attribute into payload type and value.
fn attribute<'a>(line: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (number, rest) = line.strip_prefix(name)?.split_once(' ')?;
    let number = number.trim();
    // Without leading zeros, so that equal numbers compare equal.
    let digits = number.trim_start_matches('0');
    Some((if digits.is_empty() { "0" } else { digits }, rest.trim()))
}

/// Returns the SDP with `later` added to the session version of its `o=` line, because str0m always writes the same
/// version.
pub(super) fn with_version(sdp: &str, later: u64) -> String {
    let lines = sdp.lines().flat_map(|line| {
        let mut fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        if let (true, Some(version)) = (line.starts_with("o="), fields.get_mut(2)) {
            *version = version.parse().map_or(later, |version: u64| version + later).to_string();
        }
        [fields.join(" "), "\r\n".to_owned()]
    });
    lines.collect()
}

const SHA256: &str = "a=fingerprint:sha-256 ";

fn starts_with(line: &str, with: &str) -> bool {
    line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-256 AA\r\n";

    #[test]
    fn limits_are_enforced_before_parsing() {
        let limits = PeerLimits::default();
        assert_eq!(validate(GOOD, Codecs::default(), &limits).as_deref(), Ok(GOOD));
        let much = |sdp: String| match validate(&sdp, Codecs::default(), &limits) {
            Err(SdpError::LimitExceeded { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(much(format!("{GOOD}{}", "m=audio\r\n".repeat(32))), "media sections");
        assert_eq!(much(format!("{GOOD}{}", "a=candidate:1\n".repeat(65))), "candidates");
        assert_eq!(much(format!("{GOOD}{}", "a\n".repeat(5000))), "lines");
        assert_eq!(much(format!("{GOOD}{}", "a".repeat(65_536))), "bytes");
    }

    #[test]
    fn payload_types_must_be_unique() {
        let limits = PeerLimits::default();
        let admitted =
            |lines: &str| validate(&format!("{GOOD}{lines}"), Codecs::default(), &limits).is_ok();
        let usual = "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";
        assert!(admitted(usual));
        assert!(admitted(&format!("{usual}m=video 9 x 96\r\n{usual}")), "on two lines");
        assert!(admitted("a=rtpmap:0 PCMU/8000/1\r\na=rtpmap:8 pcma/8000\r\n"));
        for more in [
            "a=rtpmap:96 opus/48000/2",
            "a=rtpmap:096 opus/48000/2",
            "a=rtpmap:97 VP8/90000",
            "a=fmtp:97 apt=98",
            "a=fmtp:96 apt=98",
            "a=fmtp:99 apt=96",
            "a=rtpmap:0 VP8/90000",
        ] {
            assert!(!admitted(&format!("{usual}{more}\r\n")), "{more}");
        }
    }

    #[test]
    fn later_descriptions_have_other_versions() {
        let sdp = "v=0\r\no=x 7 2 IN IP4 0.0.0.0\r\ns=- 1 2\r\n";
        assert_eq!(with_version(sdp, 0), sdp);
        assert_eq!(with_version(sdp, 3), sdp.replace(" 7 2 ", " 7 5 "));
    }

    #[test]
    fn only_sha_256_fingerprints_are_kept() {
        let limits = PeerLimits::default();
        let both = "a=fingerprint:sha-1 BB\na=fingerprint:SHA-256 AA\na=fingerprint:md5 1\n";
        let kept = validate(both, Codecs::default(), &limits).unwrap();
        assert_eq!(kept, "a=fingerprint:SHA-256 AA\r\n");
        for weak in ["", "a=fingerprint:sha-1 BB", "a=fingerprint:sha-512 CC", "a=fingerprint:é"] {
            assert_eq!(
                validate(weak, Codecs::default(), &limits),
                Err(SdpError::NoSha256Fingerprint)
            );
        }
    }
}
