//! RED with ULPFEC for video in SDP (RFC 5109, section 14.2; RFC 2198).
//!
//! str0m supports RED only for audio. For video, this module presents RED to str0m as H.266, a codec that
//! is not otherwise used, so that str0m negotiates its payload type, receives its packets, and requests lost
//! ones, as for any codec. ULPFEC is only sent within RED, so str0m need not know the payload type of ULPFEC.

/// Codec that represents RED in str0m.
pub(super) const RED_SUBSTITUTE: str0m::format::Codec = str0m::format::Codec::H266;
/// The encoding names of the substitute, RED and ULPFEC, with the video clock rate.
const RED_SUBSTITUTE_NAME: &str = "H266/90000";
const RED: &str = "red/90000";
const ULPFEC: &str = "ulpfec/90000";

/// Offered payload types: RED, its RTX, ULPFEC.
pub(super) const OFFERED: (u8, u8, u8) = (98, 101, 99);

/// Converts the SDP of the remote endpoint for str0m; returns it with the payload type of ULPFEC if
/// both it and RED are present.
pub(super) fn to_stack(sdp: &str) -> (String, Option<u8>) {
    let mut out = String::with_capacity(sdp.len() + 64);
    let mut found = None;
    for section in sections(sdp) {
        let is_video = section.first().is_some_and(|line| line.starts_with("m=video "));
        let has_feedback = section.iter().any(|line| is_transport_feedback(line));
        let both = payload_type(&section, RED).zip(payload_type(&section, ULPFEC));
        for line in section {
            match (rtpmap(line), both.filter(|_| is_video)) {
                // The actual codec becomes an unknown one.
                (Some((pt, name)), _) if is_named(name, RED_SUBSTITUTE_NAME) => {
                    push(&mut out, &format!("a=rtpmap:{pt} x-{RED_SUBSTITUTE_NAME}"));
                }
                (Some((pt, _)), Some((red, _))) if pt == red => {
                    push(&mut out, &format!("a=rtpmap:{red} {RED_SUBSTITUTE_NAME}"));
                    // Feedback of the section also applies to RED; without it, str0m would send
                    // padding for probes in another stream.
                    if has_feedback {
                        push(&mut out, &format!("a=rtcp-fb:{red} transport-cc"));
                    }
                }
                (_, Some((red, _))) if is_about(line, red) => {}
                _ => push(&mut out, line),
            }
        }
        if is_video {
            found = found.or(both.map(|(_, ulpfec)| ulpfec));
        }
    }
    (out, found)
}

/// Converts the SDP of str0m for the remote endpoint. `ulpfec`: payload type used with RED.
pub(super) fn from_stack(sdp: &str, ulpfec: Option<u8>) -> String {
    let mut out = String::with_capacity(sdp.len() + 64);
    for section in sections(sdp) {
        let red = payload_type(&section, RED_SUBSTITUTE_NAME);
        let Some((red, ulpfec)) = red.zip(ulpfec) else {
            section.iter().for_each(|line| push(&mut out, line));
            continue;
        };
        for line in section {
            if line.starts_with("m=") {
                push(&mut out, &format!("{line} {ulpfec}"));
            } else if rtpmap(line).is_some_and(|(pt, _)| pt == red) {
                push(&mut out, &format!("a=rtpmap:{red} {RED}"));
                push(&mut out, &format!("a=rtpmap:{ulpfec} {ULPFEC}"));
            } else if !is_about(line, red) {
                push(&mut out, line);
            }
        }
    }
    out
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

/// Splits an SDP into the session part and the media sections.
pub(super) fn sections(sdp: &str) -> Vec<Vec<&str>> {
    let mut sections = vec![Vec::new()];
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections
}

/// Payload type and encoding of an `a=rtpmap` line.
fn rtpmap(line: &str) -> Option<(u8, &str)> {
    let (pt, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
    Some((pt.parse().ok().filter(|pt| *pt < 128)?, name.trim()))
}

/// Payload types of `a=rtpmap` lines.
pub(super) fn payload_types(sdp: &str) -> Vec<u8> {
    sdp.lines().filter_map(rtpmap).map(|(payload_type, _)| payload_type).collect()
}

fn payload_type(section: &[&str], encoding: &str) -> Option<u8> {
    let mut found = section.iter().filter_map(|line| rtpmap(line));
    found.find(|(_, name)| is_named(name, encoding)).map(|(pt, _)| pt)
}

fn is_named(name: &str, encoding: &str) -> bool {
    name.eq_ignore_ascii_case(encoding)
}

/// Whether a line enables transport-wide feedback for a payload type.
fn is_transport_feedback(line: &str) -> bool {
    let value = line.strip_prefix("a=rtcp-fb:").and_then(|rest| rest.split_once(' '));
    value.is_some_and(|(_, what)| what.trim() == "transport-cc")
}

/// Whether a line is an attribute of a payload type.
fn is_about(line: &str, payload_type: u8) -> bool {
    ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"].iter().any(|with| {
        let value = line.strip_prefix(with).and_then(|rest| rest.split(' ').next());
        value.is_some_and(|value| value.parse() == Ok(payload_type))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(sdp: &str) -> String {
        sdp.lines().flat_map(|line| [line.trim(), "\r\n"]).collect()
    }

    #[test]
    fn red_is_converted_to_a_codec_and_back() {
        let offer = lines(
            "v=0
            m=audio 9 UDP/TLS/RTP/SAVPF 63
            a=rtpmap:63 red/48000/2
            a=fmtp:63 111/111
            m=video 9 UDP/TLS/RTP/SAVPF 96 116 117 118 45
            a=rtpmap:96 VP8/90000
            a=rtcp-fb:96 transport-cc
            a=rtpmap:45 H266/90000
            a=rtpmap:116 RED/90000
            a=fmtp:116 96/118
            a=rtpmap:117 rtx/90000
            a=fmtp:117 apt=116
            a=rtpmap:118 ulpfec/90000",
        );
        let (hidden, ulpfec) = to_stack(&offer);
        assert_eq!(ulpfec, Some(118));
        let stack = lines(
            "v=0
            m=audio 9 UDP/TLS/RTP/SAVPF 63
            a=rtpmap:63 red/48000/2
            a=fmtp:63 111/111
            m=video 9 UDP/TLS/RTP/SAVPF 96 116 117 118 45
            a=rtpmap:96 VP8/90000
            a=rtcp-fb:96 transport-cc
            a=rtpmap:45 x-H266/90000
            a=rtpmap:116 H266/90000
            a=rtcp-fb:116 transport-cc
            a=rtpmap:117 rtx/90000
            a=fmtp:117 apt=116
            a=rtpmap:118 ulpfec/90000",
        );
        assert_eq!(hidden, stack);
        let answer = lines(
            "m=video 9 UDP/TLS/RTP/SAVPF 96 116 117
            a=rtpmap:96 VP8/90000
            a=rtcp-fb:96 nack
            a=rtpmap:116 H266/90000
            a=rtcp-fb:116 nack
            a=rtpmap:117 rtx/90000
            a=fmtp:117 apt=116",
        );
        let shown = lines(
            "m=video 9 UDP/TLS/RTP/SAVPF 96 116 117 118
            a=rtpmap:96 VP8/90000
            a=rtcp-fb:96 nack
            a=rtpmap:116 red/90000
            a=rtpmap:118 ulpfec/90000
            a=rtpmap:117 rtx/90000
            a=fmtp:117 apt=116",
        );
        assert_eq!(from_stack(&answer, ulpfec), shown);
    }

    #[test]
    fn red_or_ulpfec_alone_is_unchanged() {
        let only = "m=video 9 x 116\r\na=rtpmap:116 red/90000\r\n";
        assert_eq!(to_stack(only), (only.to_owned(), None));
        let other = "m=video 9 x 118\r\na=rtpmap:118 ulpfec/90000\r\na=rtpmap:300 red/90000\r\n";
        assert_eq!(to_stack(other), (other.to_owned(), None));
        let none = "v=0\r\nm=video 9 x 96\r\na=rtpmap:96 VP8/90000\r\n";
        assert_eq!(from_stack(none, Some(99)), none);
    }
}
