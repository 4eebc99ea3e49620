//! ICE credentials and candidates of an endpoint, in an SDP or a fragment of one. RFC 8839, section 5; RFC 8840,
//! section 9.

use str0m::IceCreds;

use super::SdpError;
use super::media_sections::{bundled, is_rejected, mid_of};
use super::red::sections;

const UFRAG: &str = "a=ice-ufrag:";
const PASSWORD: &str = "a=ice-pwd:";
const CANDIDATE: &str = "a=candidate:";
const FINGERPRINT: &str = "a=fingerprint:";
/// Lengths of a user name and a password (RFC 8839, section 5.4).
const UFRAG_CHARS: std::ops::RangeInclusive<usize> = 4..=256;
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 22..=256;
/// Directions of a media section (RFC 8866, section 6.7).
const DIRECTIONS: [&str; 4] = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];

/// ICE credentials and candidates of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceParameters {
    /// User name fragment: 4 to 256 letters, digits, `+` and `/`.
    pub ufrag: String,
    /// Password: 22 to 256 of these characters.
    pub password: String,
    /// Candidates, as the values of `a=candidate` lines: `candidate:1 1 udp ...`.
    pub candidates: Vec<String>,
}

impl IceParameters {
    /// Reads the parameters of an SDP or of a fragment.
    ///
    /// # Errors
    /// Returns [`SdpError::Rejected`] if the credentials are missing, malformed or different in several media sections.
    /// Lines of rejected sections do not count.
    pub fn read(sdp: &str) -> Result<Self, SdpError> {
        let live = live_lines(sdp);
        let only = |prefix: &str| -> Result<String, SdpError> {
            let name = prefix.trim_start_matches("a=").trim_end_matches(':');
            let mut values = live.iter().filter_map(|line| value(line, prefix));
            let Some(first) = values.next() else {
                return Err(SdpError::Rejected(format!("{name} is missing")));
            };
            if values.any(|other| other != first) {
                let why = format!("{name} differs between media sections, expected one transport");
                return Err(SdpError::Rejected(why));
            }
            Ok(first.to_owned())
        };
        let (ufrag, password) = (only(UFRAG)?, only(PASSWORD)?);
        let candidates = live.iter().filter(|line| value(line, CANDIDATE).is_some());
        let candidates = candidates.map(|line| line.trim().trim_start_matches("a=").to_owned());
        let read = Self { ufrag, password, candidates: candidates.collect() };
        read.check()?;
        Ok(read)
    }

    /// The parameters as a fragment of an SDP, for trickle ICE and restarts by HTTP (RFC 8840, section 9; RFC 9725, section
    /// 4.3). They apply to all media sections; `mid` is the mid of the first one.
    #[must_use]
    pub fn to_fragment(&self, mid: &str) -> String {
        let Self { ufrag, password, candidates } = self;
        let mut text = format!("{UFRAG}{ufrag}\r\n{PASSWORD}{password}\r\n");
        text.extend(["m=audio 9 RTP/AVP 0\r\na=mid:", mid, "\r\n"]);
        text.extend(candidates.iter().flat_map(|candidate| ["a=", candidate, "\r\n"]));
        text + "a=end-of-candidates\r\n"
    }

    /// An SDP with these parameters in place of its own; the candidates are in its first media section.
    #[must_use]
    pub fn apply_to(&self, sdp: &str) -> String {
        let mut text = with_credentials(&without_candidates(sdp), &self.ufrag, &self.password);
        let candidates = self.candidates.iter().flat_map(|candidate| ["a=", candidate, "\r\n"]);
        let first = text.find("a=mid:").and_then(|at| Some(at + text.get(at..)?.find('\n')? + 1));
        text.insert_str(first.unwrap_or(text.len()), &candidates.collect::<String>());
        text
    }

    /// Checks the credentials.
    pub(super) fn check(&self) -> Result<(), SdpError> {
        let is_ice = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        for (name, text, chars) in
            [("ice-ufrag", &self.ufrag, UFRAG_CHARS), ("ice-pwd", &self.password, PASSWORD_CHARS)]
        {
            if !chars.contains(&text.len()) || !text.chars().all(is_ice) {
                let (low, high) = (chars.start(), chars.end());
                let expected = format!("expected {low} to {high} letters, digits, + and /");
                return Err(SdpError::Rejected(format!("invalid {name}: {expected}")));
            }
        }
        Ok(())
    }
}

/// Derives ICE user name and password from secret bytes, in 6 bits per character (RFC 8445, section
/// 5.3): 48 bits and 192 bits.
pub(super) fn credentials(secret: &[u8; 32]) -> IceCreds {
    const ICE_CHARS: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: String = secret
        .chunks(3)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8 * (3 - chunk.len()));
            [18, 12, 6, 0].map(|shift| {
                char::from(ICE_CHARS.get((bits >> shift & 63) as usize).copied().unwrap_or(b'A'))
            })
        })
        .collect();
    let (ufrag, pass) = text.split_at(8);
    IceCreds { ufrag: ufrag.to_owned(), pass: pass.chars().take(32).collect() }
}

/// The lines of an SDP without rejected media sections, if there are others: a browser gives each of them a
/// transport of its own.
fn live_lines(sdp: &str) -> Vec<&str> {
    let sections = sections(sdp);
    let bundled = bundled(&sections);
    let (mut live, mut media) = (Vec::new(), 0);
    for (at, section) in sections.iter().enumerate() {
        let is_live = at == 0 || !is_rejected(section, &bundled);
        if is_live {
            live.extend(section);
            media += usize::from(at > 0);
        }
    }
    if media == 0 { sdp.lines().collect() } else { live }
}

fn value<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, value) = line.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(value.trim())
}

/// An SDP without candidates.
pub(super) fn without_candidates(sdp: &str) -> String {
    let is_kept = |line: &&str| {
        value(line, CANDIDATE).is_none() && value(line, "a=end-of-candidates").is_none()
    };
    sdp.lines().filter(is_kept).flat_map(|line| [line, "\r\n"]).collect()
}

/// An SDP with other credentials.
pub(super) fn with_credentials(sdp: &str, ufrag: &str, password: &str) -> String {
    let replaced = sdp.lines().flat_map(|line| {
        if value(line, UFRAG).is_some() {
            [UFRAG, ufrag, "\r\n"]
        } else if value(line, PASSWORD).is_some() {
            [PASSWORD, password, "\r\n"]
        } else {
            [line, "\r\n", ""]
        }
    });
    replaced.collect()
}

/// Checks that an SDP has the certificate fingerprint of the running session: another one would need another
/// DTLS session.
///
/// # Errors
/// Returns [`SdpError::Rejected`].
pub(super) fn check_fingerprint(sdp: &str, current: &str) -> Result<(), SdpError> {
    let mut others = sdp.lines().filter_map(|line| value(line, FINGERPRINT));
    if others.all(|fingerprint| fingerprint.eq_ignore_ascii_case(current)) {
        return Ok(());
    }
    let why = "a running session cannot change the certificate fingerprint";
    Err(SdpError::Rejected(why.to_owned()))
}

/// Checks that an SDP differs from the one that was negotiated in its transport only: it has the same media sections,
/// apart from `rejected` ones, with the same directions and payload types.
///
/// # Errors
/// Returns [`SdpError::Rejected`] with the section that differs.
pub(super) fn check_sections(sdp: &str, before: &str, rejected: usize) -> Result<(), SdpError> {
    let changed = |what: String| {
        let why = "an ICE restart cannot change the media at the same time";
        SdpError::Rejected(format!("{why}: {what}"))
    };
    let (offered, negotiated) = (sections(sdp), sections(before));
    let (count, expected) = (offered.len().max(1) - 1, negotiated.len().max(1) - 1 + rejected);
    if count != expected {
        return Err(changed(format!("got {count} media sections, expected {expected}")));
    }
    for section in negotiated.iter().skip(1) {
        let mid = mid_of(section);
        let found = offered.iter().skip(1).find(|other| mid_of(other) == mid);
        let name = mid.unwrap_or_default();
        let found = found.ok_or_else(|| changed(format!("section {name} is missing")))?;
        if kind_of(found) != kind_of(section) || direction_of(found) != direction_of(section) {
            return Err(changed(format!("section {name} has another kind or direction")));
        }
        let mut formats = section.iter().filter(|line| line.starts_with("a=rtpmap:"));
        if let Some(format) = formats.find(|format| !found.contains(format)) {
            return Err(changed(format!("section {name} is without {format}")));
        }
    }
    Ok(())
}

/// Checks that an SDP has all media sections that were negotiated, in their order. Further ones follow them.
///
/// # Errors
/// Returns [`SdpError::Rejected`] with the section that differs.
pub(super) fn check_kept(sdp: &str, before: &str) -> Result<(), SdpError> {
    let (now, before) = (sections(sdp), sections(before));
    let bundled = bundled(&before);
    let mut later = now.iter().skip(1);
    for section in before.iter().skip(1) {
        let found = later.next();
        let is_other = |found: &Vec<&str>| {
            (mid_of(found), kind_of(found)) != (mid_of(section), kind_of(section))
        };
        // The place of a stopped section is free for another one (RFC 8829, section 5.2.2).
        let is_free = is_rejected(section, &bundled);
        if found.is_none_or(|found| !is_free && is_other(found)) {
            let name = mid_of(section).unwrap_or_default();
            let how = match now.iter().any(|found| !is_other(found)) {
                true => "has moved",
                false => "is missing",
            };
            return Err(SdpError::Rejected(format!(
                "media section {name} {how}: expected all negotiated sections in their order, with \
                 unused ones inactive or stopped"
            )));
        }
    }
    Ok(())
}

fn kind_of<'a>(section: &[&'a str]) -> Option<&'a str> {
    section.first()?.split(' ').next()
}

fn direction_of<'a>(section: &[&'a str]) -> &'a str {
    let found = section.iter().map(|line| line.trim()).find(|line| DIRECTIONS.contains(line));
    found.unwrap_or("a=sendrecv")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\na=ICE-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghij+/\r\nm=video 9 x 96\r\na=mid:0\r\n\
        a=rtpmap:96 VP8/90000\r\na=recvonly\r\na=ice-ufrag:abcd\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn parameters_of_one_transport_are_read() {
        let read = IceParameters::read(SDP).unwrap();
        assert_eq!((&*read.ufrag, &*read.password), ("abcd", "0123456789abcdefghij+/"));
        assert_eq!(read.candidates, ["candidate:1 1 udp 1 192.0.2.1 9 typ host"]);
        let without = |name: &str| SDP.replace(name, "a=x:");
        for (wrong, why) in [
            (without("a=ice-pwd:"), "ice-pwd is missing"),
            (SDP.replacen("abcd", "abce", 1), "ice-ufrag differs"),
            (SDP.replace("abcd", "abc"), "invalid ice-ufrag: expected 4 to 256"),
            (SDP.replace("+/", "+"), "invalid ice-pwd: expected 22 to 256"),
            (SDP.replace("+/", "+:"), "invalid ice-pwd"),
            (SDP.replace("abcd", &"a".repeat(257)), "invalid ice-ufrag"),
        ] {
            let error = IceParameters::read(&wrong).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn credentials_of_rejected_sections_do_not_count() {
        let other = "a=ice-ufrag:wxyz\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n";
        let rejected = format!("{SDP}m=video 0 x 0\r\na=mid:1\r\n{other}");
        assert_eq!(IceParameters::read(&rejected), IceParameters::read(SDP));
        let bundled = format!("a=group:BUNDLE 0 1\r\n{rejected}");
        assert!(IceParameters::read(&bundled).is_err());
    }

    #[test]
    fn the_place_of_a_stopped_section_is_free() {
        let stopped = SDP.replace("video 9", "video 0");
        let other = SDP.replace("a=mid:0", "a=mid:7");
        assert_eq!(check_kept(&stopped, SDP), Ok(()));
        assert_eq!(check_kept(&other, &stopped), Ok(()));
        assert!(check_kept(&other, SDP).is_err() && check_kept("v=0\r\n", &stopped).is_err());
    }

    #[test]
    fn credentials_and_candidates_are_replaced() {
        let bare = without_candidates(SDP);
        assert!(!bare.contains("candidate"), "{bare}");
        let read = IceParameters::read(&with_credentials(&bare, "wxyz", &"p".repeat(22))).unwrap();
        assert_eq!((read.ufrag, read.password), ("wxyz".to_owned(), "p".repeat(22)));
    }

    #[test]
    fn parameters_are_written_as_a_fragment_and_into_an_sdp() {
        let candidates = vec!["candidate:1 1 udp 1 192.0.2.7 7 typ host".to_owned(); 2];
        let other =
            IceParameters { ufrag: "wxyz".to_owned(), password: "p".repeat(22), candidates };
        let fragment = other.to_fragment("0");
        assert_eq!(IceParameters::read(&fragment).unwrap(), other);
        assert!(fragment.contains("a=mid:0\r\na=candidate:1 "), "{fragment}");
        let sdp = SDP.to_owned() + "m=audio 9 x 0\r\na=mid:1\r\n";
        let applied = other.apply_to(&sdp);
        assert_eq!(IceParameters::read(&applied).unwrap(), other);
        assert!(applied.contains("a=mid:0\r\na=candidate:1 "), "{applied}");
        assert_eq!(applied.matches("a=candidate:").count(), 2, "{applied}");
        let bare = other.apply_to("a=ice-ufrag:abcd\r\na=ice-pwd:x\r\n");
        assert_eq!(IceParameters::read(&bare).unwrap(), other);
    }

    #[test]
    fn only_the_transport_may_change() {
        let moved = SDP.replace("video 9", "video 50000").replace("192.0.2.1", "192.0.2.2");
        assert_eq!(check_sections(&moved, SDP, 0), Ok(()));
        let rejected = format!("{SDP}m=audio 0 x 0\r\na=mid:1\r\n");
        assert_eq!(check_sections(&rejected, SDP, 1), Ok(()));
        for (changed, why) in [
            (rejected, "got 2 media sections, expected 1"),
            (SDP.replace("a=mid:0", "a=mid:7"), "section 0 is missing"),
            (SDP.replace("recvonly", "sendonly"), "another kind or direction"),
            (SDP.replace("m=video", "m=audio"), "another kind or direction"),
            (SDP.replace("rtpmap:96", "rtpmap:97"), "without a=rtpmap:96 VP8/90000"),
        ] {
            let error = check_sections(&changed, SDP, 0).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let certificate = format!("{SDP}a=fingerprint:SHA-256 ab:CD\r\n");
        assert_eq!(check_fingerprint(&certificate, "sha-256 AB:CD"), Ok(()));
        assert!(check_fingerprint(&certificate, "sha-256 AB:CE").is_err());
    }

    #[test]
    fn ice_credentials_depend_only_on_the_secret() {
        let creds = credentials(&[0xff; 32]);
        assert_eq!((creds.ufrag.as_str(), creds.pass.len()), ("////////", 32));
        let counted: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        assert_eq!(credentials(&counted).ufrag, "AAECAwQF");
        assert_eq!(credentials(&counted).pass, "BgcICQoLDA0ODxAREhMUFRYXGBkaGxwd");
    }
}
