//! What is asked of an SDP before its parser sees it.

use std::fmt;

use super::PeerLimits;

/// An SDP that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpError {
    /// More than the limit.
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// No SHA-256 fingerprint of a certificate. Others are not taken.
    NoSha256Fingerprint,
    /// The parser, or the negotiation, says no.
    Refused(String),
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMuch { what, count, limit } => {
                write!(f, "the SDP has {count} {what}, {limit} are allowed")
            }
            Self::NoSha256Fingerprint => f.write_str("the SDP has no SHA-256 fingerprint"),
            Self::Refused(why) => write!(f, "the SDP is refused: {why}"),
        }
    }
}

impl std::error::Error for SdpError {}

/// Checks sizes and gives the SDP without fingerprints other than SHA-256: the parser would take
/// the first that stands there (RFC 8122, section 5, leaves the choice to us).
pub(super) fn admit(sdp: &str, limits: &PeerLimits) -> Result<String, SdpError> {
    let bound = |what, count, limit| {
        if count > limit { Err(SdpError::TooMuch { what, count, limit }) } else { Ok(()) }
    };
    bound("bytes", sdp.len(), limits.sdp_bytes)?;
    let starting = |with: &str| sdp.lines().filter(|line| starts_with(line, with)).count();
    bound("lines of media", starting("m="), limits.media_lines)?;
    bound("candidates", starting("a=candidate:"), limits.candidates)?;
    bound("lines", sdp.lines().count(), 4096)?;
    if !sdp.lines().any(|line| starts_with(line, SHA256)) {
        return Err(SdpError::NoSha256Fingerprint);
    }
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

const SHA256: &str = "a=fingerprint:sha-256 ";

fn starts_with(line: &str, with: &str) -> bool {
    line.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-256 AA\r\n";

    #[test]
    fn too_much_is_refused_before_parsing() {
        let limits = PeerLimits::default();
        assert_eq!(admit(GOOD, &limits).as_deref(), Ok(GOOD));
        let much = |sdp: String| match admit(&sdp, &limits) {
            Err(SdpError::TooMuch { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(much(format!("{GOOD}{}", "m=audio\r\n".repeat(32))), "lines of media");
        assert_eq!(much(format!("{GOOD}{}", "a=candidate:1\n".repeat(65))), "candidates");
        assert_eq!(much(format!("{GOOD}{}", "a\n".repeat(5000))), "lines");
        assert_eq!(much(format!("{GOOD}{}", "a".repeat(65_536))), "bytes");
    }

    #[test]
    fn only_sha_256_remains() {
        let limits = PeerLimits::default();
        let both = "a=fingerprint:sha-1 BB\na=fingerprint:SHA-256 AA\na=fingerprint:md5 1\n";
        let kept = admit(both, &limits).unwrap();
        assert_eq!(kept, "a=fingerprint:SHA-256 AA\r\n");
        for weak in ["", "a=fingerprint:sha-1 BB", "a=fingerprint:sha-512 CC", "a=fingerprint:é"] {
            assert_eq!(admit(weak, &limits), Err(SdpError::NoSha256Fingerprint));
        }
    }
}
