//! SDP fragments of trickle ICE and ICE restarts: candidates and credentials that are sent after the offer (RFC 9725,
//! section 4.3; RFC 8840, section 9).

use std::net::IpAddr;

use codec_webrtc::IceParameters;

use super::super::outcome::Rejection;

/// The content type.
pub(in super::super) const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Maximum number of candidates in a request, including ignored ones.
const MAX_CANDIDATES: usize = 64;
/// Maximum number of ICE credentials that are parsed in an offer or request: two lines per media
/// line.
const MAX_CREDENTIALS: usize = 128;
/// Maximum length of a foundation (RFC 8839, section 5.1).
const MAX_FOUNDATION: usize = 32;
/// With RTP and RTCP on one port there is only one component.
const COMPONENT: u16 = 1;

/// The ICE credentials in a description, each line once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IceCredentials(Vec<String>);

impl IceCredentials {
    /// Parses the credentials of an offer.
    pub(super) fn of(sdp: &str) -> Self {
        let mut found = Self::default();
        for line in sdp.lines() {
            found.add(line);
        }
        found
    }

    fn add(&mut self, line: &str) {
        let Some((name, value)) = line.trim_end().split_once(':') else { return };
        let name = name.to_ascii_lowercase();
        if !["a=ice-ufrag", "a=ice-pwd"].contains(&name.as_str()) {
            return;
        }
        let line = format!("{name}:{value}");
        if self.0.len() < MAX_CREDENTIALS && !self.0.contains(&line) {
            self.0.push(line);
        }
    }

    /// Whether there are no credentials.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of `others` are included; a fragment without credentials belongs to this
    /// session.
    pub(super) fn include(&self, others: &Self) -> bool {
        others.0.iter().all(|line| self.0.contains(line))
    }
}

/// The content of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct SdpFragment {
    /// The credentials of the candidates' session.
    pub(super) credentials: IceCredentials,
    /// Usable candidates: values of `a=candidate` lines.
    pub(super) candidates: Vec<String>,
}

impl SdpFragment {
    /// The credentials and candidates, for a restart.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadRequest`] if the credentials are incomplete, malformed or different in several media lines.
    pub(super) fn parameters(&self) -> Result<IceParameters, Rejection> {
        let read = IceParameters::read(&self.credentials.0.join("\n"));
        let read = read.map_err(|error| Rejection::BadRequest(error.to_string()))?;
        Ok(IceParameters { candidates: self.candidates.clone(), ..read })
    }

    /// The fragment with these parameters, which apply to all media lines. `mid` is the mid of the first media line.
    pub(super) fn text(parameters: &IceParameters, mid: &str, is_lite: bool) -> String {
        let lite = if is_lite { "a=ice-lite\r\n" } else { "" };
        lite.to_owned() + &parameters.to_fragment(mid)
    }

    /// Parses a fragment. Unusable candidates, such as TCP candidates and mDNS names, are silently
    /// ignored (RFC 9725, section 4.3.2), as are unknown attributes.
    ///
    /// # Errors
    ///
    /// [`Rejection::BadRequest`] with the invalid line, [`Rejection::TooLarge`].
    pub(in super::super) fn parse(text: &str) -> Result<Self, Rejection> {
        let mut fragment = Self::default();
        let mut count = 0;
        for (index, line) in text.lines().enumerate() {
            let wrong = |what: &str| Rejection::BadRequest(format!("line {}: {what}", index + 1));
            let line = line.trim_end();
            if line.is_empty() {
                continue;
            }
            if line.starts_with("m=") {
                // All media share one transport, so the media line does not matter.
                continue;
            }
            let Some(attribute) = line.strip_prefix("a=") else {
                return Err(wrong("expected an attribute or a media line"));
            };
            if let Some(value) = value_of(attribute, "candidate") {
                count += 1;
                if count > MAX_CANDIDATES {
                    return Err(Rejection::TooLarge("the list of candidates"));
                }
                fragment.candidates.extend(candidate(value).map_err(wrong)?);
            } else if ["ice-ufrag", "ice-pwd"]
                .iter()
                .any(|name| value_of(attribute, name) == Some(""))
            {
                return Err(wrong("empty credentials"));
            } else {
                fragment.credentials.add(line);
            }
        }
        Ok(fragment)
    }
}

fn value_of<'a>(attribute: &'a str, name: &str) -> Option<&'a str> {
    let (known, value) = attribute.split_once(':')?;
    known.eq_ignore_ascii_case(name).then_some(value)
}

/// Normalises a candidate (RFC 8839, section 5.1); `None` if it is unusable.
fn candidate(value: &str) -> Result<Option<String>, &'static str> {
    let mut fields = value.split_ascii_whitespace();
    let mut next = || fields.next().ok_or("truncated candidate");
    let (foundation, component, transport) = (next()?, next()?, next()?);
    let (priority, address, port) = (next()?, next()?, next()?);
    let (word, kind) = (next()?, next()?);
    let is_ice = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if foundation.len() > MAX_FOUNDATION || !foundation.chars().all(is_ice) {
        return Err("invalid foundation: expected up to 32 letters, digits, + and /");
    }
    let component: u16 = component.parse().map_err(|_| "invalid component: expected a number")?;
    let priority: u32 = priority.parse().map_err(|_| "invalid priority: expected a number")?;
    let port: u16 = port.parse().map_err(|_| "invalid port: expected a number")?;
    if word != "typ" {
        return Err("candidate without a type");
    }
    // Pairs of name and value; only the ufrag matters.
    let mut of = "";
    while let Some(name) = fields.next() {
        let value = fields.next().ok_or("candidate extension without a value")?;
        if name.eq_ignore_ascii_case("ufrag") {
            of = value;
        }
    }
    let Ok(ip) = address.parse::<IpAddr>() else { return Ok(None) };
    let is_host = !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast(ip) && port != 0;
    let is_known = ["host", "srflx", "prflx", "relay"].contains(&kind);
    if component != COMPONENT || !transport.eq_ignore_ascii_case("udp") || !is_host || !is_known {
        return Ok(None);
    }
    let ufrag = if of.is_empty() { String::new() } else { format!(" ufrag {of}") };
    Ok(Some(format!(
        "candidate:{foundation} {component} udp {priority} {ip} {port} typ {kind}{ufrag}"
    )))
}

fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.is_broadcast())
}

#[cfg(test)]
mod tests {
    use codec_rtc::rng::Rng;

    use super::*;

    const GOOD: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
        m=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n\
        a=candidate:3471623853 1 UDP 2122194687 2001:db8::7 61765 typ srflx raddr 10.0.0.1 rport 9\r\n\
        a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n\
        a=candidate:2154773085 1 udp 2122262783 a4e5.local 54400 typ host\r\n\
        a=candidate:1 2 udp 1 192.0.2.1 61766 typ host\r\n\
        a=candidate:1 1 udp 1 224.0.0.251 5353 typ host\r\n\
        a=candidate:1 1 udp 1 0.0.0.0 9 typ host\r\n\
        a=end-of-candidates\r\na=new-thing\r\n";

    #[test]
    fn usable_candidates_are_kept() {
        let fragment = SdpFragment::parse(GOOD).unwrap();
        assert_eq!(
            fragment.candidates,
            [
                "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host ufrag EsAw",
                "candidate:3471623853 1 udp 2122194687 2001:db8::7 61765 typ srflx",
            ]
        );
        let offer = IceCredentials::of(
            "v=0\r\na=ICE-ufrag:EsAw\r\nm=video\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
        );
        assert!(offer.include(&fragment.credentials));
        assert!(offer.include(&SdpFragment::parse("").unwrap().credentials));
        for other in ["a=ice-ufrag:other", "a=ice-pwd:another"] {
            assert!(!offer.include(&SdpFragment::parse(other).unwrap().credentials), "{other}");
        }
    }

    #[test]
    fn malformed_fragments_are_rejected_with_the_line() {
        let wrong = [
            "v=0",
            "candidate:1 1 udp 1 192.0.2.1 1 typ host",
            "a=ice-ufrag:",
            "a=candidate:",
            "a=candidate:1 1 udp 1 192.0.2.1 1 typ",
            "a=candidate:1 1 udp 1 192.0.2.1 1 host typ",
            "a=candidate:1 one udp 1 192.0.2.1 1 typ host",
            "a=candidate:1 1 udp -1 192.0.2.1 1 typ host",
            "a=candidate:1 1 udp 1 192.0.2.1 65536 typ host",
            "a=candidate:! 1 udp 1 192.0.2.1 1 typ host",
            "a=candidate:1 1 udp 1 192.0.2.1 1 typ host generation",
        ];
        for line in wrong {
            let text = format!("a=mid:0\r\n{line}\r\n");
            match SdpFragment::parse(&text) {
                Err(Rejection::BadRequest(why)) => assert!(why.starts_with("line 2: "), "{why}"),
                other => panic!("{line}: {other:?}"),
            }
        }
        let line = "a=candidate:1 1 tcp 1 192.0.2.1 1 typ host\n";
        assert!(SdpFragment::parse(&line.repeat(64)).is_ok());
        assert!(matches!(SdpFragment::parse(&line.repeat(65)), Err(Rejection::TooLarge(_))));
        let many: String = (0..1000).map(|n| format!("a=ice-ufrag:{n}\n")).collect();
        assert_eq!(IceCredentials::of(&many).0.len(), MAX_CREDENTIALS);
    }

    #[test]
    fn damaged_fragments_never_panic_or_exceed_limits() {
        let mut random = Rng::new(9725);
        let pieces: Vec<&str> = GOOD.split_inclusive([' ', ':', '\n']).collect();
        for _ in 0..4000 {
            let mut bytes = GOOD.as_bytes().to_vec();
            for _ in 0..random.below(8) {
                let at = random.index(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = random.byte(),
                    1 => bytes.truncate(at.max(1)),
                    2 => drop(bytes.remove(at)),
                    _ => drop(bytes.splice(at..at, random.pick(&pieces).bytes())),
                }
                if bytes.is_empty() {
                    bytes.push(b'a');
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(fragment) = SdpFragment::parse(&text) {
                assert!(fragment.candidates.len() <= MAX_CANDIDATES);
                for candidate in fragment.candidates {
                    assert!(!candidate.contains(['\r', '\n']), "{candidate:?}");
                }
            }
        }
    }
}
