//! Removes formats from a media section of an SDP if another section uses their payload type for a different format.
//!
//! Sections of one transport must not use a payload type for different formats (RFC 9143, section 9.1). Firefox obeys
//! this rule for the formats that were negotiated. In a section that it adds later, it offers further formats, and may give
//! them payload types that another section uses. Formats that this endpoint has enabled are never removed; an SDP with
//! other conflicts is rejected (`sdp.rs`).

use std::collections::{HashMap, HashSet};

use super::red::sections;
use super::{Codecs, Kind};

/// Kind of a media section; `None` if it is neither audio nor video.
pub(super) fn kind_of(section: &[&str]) -> Option<Kind> {
    match section.first()?.strip_prefix("m=")?.split_once(' ')?.0 {
        "audio" => Some(Kind::Audio),
        "video" => Some(Kind::Video),
        _ => None,
    }
}

/// Encoding of a payload type, from `a=rtpmap` or static (RFC 3551, section 6).
pub(super) fn encoding<'a>(section: &[&'a str], payload_type: &str) -> Option<&'a str> {
    let mapped = section.iter().find_map(|line| {
        let (pt, encoding) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        (pt == payload_type).then_some(encoding.trim())
    });
    mapped.or(match payload_type {
        "0" => Some("PCMU/8000"),
        "8" => Some("PCMA/8000"),
        _ => None,
    })
}

/// An SDP without the formats whose payload type has another meaning in another section, if they are not enabled, and
/// without their RTX. A section keeps its formats if none would remain.
pub(super) fn without_conflicts(sdp: &str, codecs: Codecs) -> String {
    let sections = sections(sdp);
    let conflicting = conflicting(&sections);
    if conflicting.is_empty() {
        return sdp.to_owned();
    }
    let kept = sections.iter().flat_map(|section| {
        let dropped = dropped(section, codecs, &conflicting);
        let lines = section.iter().filter_map(move |line| without(line, &dropped));
        lines.flat_map(|line| [line, "\r\n".to_owned()])
    });
    kept.collect()
}

/// Payload types with several encodings.
fn conflicting<'a>(sections: &[Vec<&'a str>]) -> HashSet<&'a str> {
    let mut meanings: HashMap<&str, &str> = HashMap::new();
    let mut found = HashSet::new();
    for line in sections.iter().flatten() {
        let Some((payload_type, name)) = attribute(line, "a=rtpmap:") else { continue };
        let before = meanings.entry(payload_type).or_insert(name);
        if !before.eq_ignore_ascii_case(name) {
            found.insert(payload_type);
        }
    }
    found
}

/// Payload types to remove from a section.
fn dropped<'a>(
    section: &[&'a str],
    codecs: Codecs,
    conflicting: &HashSet<&str>,
) -> HashSet<&'a str> {
    let Some(kind) = kind_of(section) else { return HashSet::new() };
    let unknown = section.iter().filter_map(|line| {
        let (payload_type, encoding) = attribute(line, "a=rtpmap:")?;
        let is_kept = !conflicting.contains(payload_type)
            || is_helper(encoding, kind)
            || codecs.has(kind, section, payload_type, encoding);
        (!is_kept).then_some(payload_type)
    });
    let unknown: HashSet<&str> = unknown.collect();
    let repeats = section.iter().filter_map(|line| {
        let (payload_type, parameters) = attribute(line, "a=fmtp:")?;
        let of = parameters.split(';').find_map(|it| it.trim().strip_prefix("apt="))?;
        unknown.contains(of).then_some(payload_type)
    });
    let dropped: HashSet<&str> = repeats.chain(unknown.iter().copied()).collect();
    if formats(section).all(|payload_type| dropped.contains(payload_type)) {
        return HashSet::new();
    }
    dropped
}

/// Whether a format belongs to others that may be enabled.
fn is_helper(encoding: &str, kind: Kind) -> bool {
    let names: &[&str] = match kind {
        Kind::Video => &["rtx", "red", "ulpfec"],
        Kind::Audio => &["red"],
    };
    let name = encoding.split('/').next().unwrap_or_default();
    names.iter().any(|helper| name.eq_ignore_ascii_case(helper))
}

/// Payload types of the `m=` line.
fn formats<'a>(section: &[&'a str]) -> impl Iterator<Item = &'a str> + use<'a> {
    section.first().copied().unwrap_or_default().split_ascii_whitespace().skip(3)
}

/// A line without payload types; `None` if it is about one of them.
fn without(line: &str, dropped: &HashSet<&str>) -> Option<String> {
    if line.starts_with("m=") && !dropped.is_empty() {
        let fields = line.split_ascii_whitespace().enumerate();
        let kept = fields.filter(|(at, field)| *at < 3 || !dropped.contains(field));
        return Some(kept.map(|(_, field)| field).collect::<Vec<_>>().join(" "));
    }
    let about = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"];
    let of = about.iter().find_map(|name| attribute(line, name));
    of.is_none_or(|(payload_type, _)| !dropped.contains(payload_type)).then(|| line.to_owned())
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (payload_type, value) = line.strip_prefix(name)?.split_once(' ')?;
    Some((payload_type.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(formats: &str, lines: &[&str]) -> String {
        let lines: String = lines.iter().map(|line| format!("a={line}\r\n")).collect();
        format!("m=video 9 UDP/TLS/RTP/SAVPF {formats}\r\n{lines}")
    }

    #[test]
    fn formats_that_are_not_enabled_give_way() {
        let first = section(
            "96 97 99 100",
            &["rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", "fmtp:97 apt=96"],
        ) + "a=rtpmap:99 ulpfec/90000\r\na=rtpmap:100 H265/90000\r\n";
        let second = section(
            "120 99 100 97",
            &["rtpmap:120 VP8/90000", "rtpmap:99 AV1/90000", "rtcp-fb:99 nack"],
        ) + "a=rtpmap:100 rtx/90000\r\na=fmtp:100 apt=99\r\na=rtpmap:97 H264/90000\r\n";
        let sdp = format!("v=0\r\n{first}{second}");
        let kept = without_conflicts(&sdp, Codecs::default());
        let first = first.replace(" 99 100\r", " 99\r").replace("a=rtpmap:100 H265/90000\r\n", "");
        assert_eq!(kept, format!("v=0\r\n{first}{}", section("120", &["rtpmap:120 VP8/90000"])));
    }

    #[test]
    fn other_sdps_are_unchanged() {
        let usual = section("96 45", &["rtpmap:96 VP8/90000", "rtpmap:45 AV1/90000"]);
        let audio = "m=audio 9 x 96\r\na=rtpmap:96 opus/48000/2\r\n";
        let only = section("96", &["rtpmap:96 AV1/90000"]);
        for sdp in [usual.repeat(2), format!("{usual}{audio}"), format!("{audio}{only}")] {
            assert_eq!(without_conflicts(&sdp, Codecs::default()), sdp);
        }
    }
}
