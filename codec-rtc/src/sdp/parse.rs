//! SDP parsing, line by line. RFC 8866, sections 5 and 9.

use super::attribute;
use super::error::{Problem, SdpError};
use super::media::{MediaDescription, Protocol};
use super::value::{is_control, parse_connection, parse_payload_type};
use super::{Bandwidth, MAX_BYTES, MAX_MEDIA, Origin, Session};

/// Parses a session description. Accepts lines with or without carriage return; ignores unknown
/// line types and keeps unknown attributes.
///
/// ```
/// use codec_rtc::sdp;
///
/// let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
///             m=video 5004 RTP/AVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n";
/// let session = sdp::parse(text)?;
/// let video = &session.media[0];
/// assert_eq!((video.port, &*video.rtpmaps[0].encoding_name), (5004, "VP8"));
/// assert_eq!(sdp::parse(&session.to_string())?, session);
/// # Ok::<(), sdp::SdpError>(())
/// ```
///
/// # Errors
/// Returns the first problem with its line number.
pub fn parse(text: &str) -> Result<Session, SdpError> {
    if text.len() > MAX_BYTES {
        let problem = Problem::TooMany { what: "bytes of SDP", limit: MAX_BYTES };
        return Err(SdpError { line: 0, problem });
    }
    let mut session = Session::default();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    let first = lines.next().map(|(_, line)| line.trim_start_matches('\u{feff}'));
    if first != Some("v=0") {
        return Err(SdpError { line: 1, problem: Problem::NotSdp });
    }
    for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
        parse_line(&mut session, text).map_err(|problem| SdpError { line, problem })?;
    }
    Ok(session)
}

fn parse_line(session: &mut Session, line: &str) -> Result<(), Problem> {
    if line.contains(is_control) {
        return Err(Problem::invalid("line (control characters are not allowed)", line));
    }
    let is_letter = |letter: &str| matches!(letter.as_bytes(), [b'a'..=b'z']);
    let split = line.split_once('=').filter(|(letter, _)| is_letter(letter));
    let (letter, value) = split.ok_or(Problem::NotALine)?;
    let Session { media, .. } = session;
    match (letter, media.last_mut()) {
        ("v", _) => {
            return Err(Problem::invalid("line (v= is only allowed as the first line)", value));
        }
        ("m", _) => {
            if media.len() >= MAX_MEDIA {
                return Err(Problem::TooMany { what: "media lines", limit: MAX_MEDIA });
            }
            media.push(parse_media(value)?);
        }
        ("o", None) => session.origin = parse_origin(value)?,
        ("s", None) => value.clone_into(&mut session.name),
        ("t", None) => session.time = parse_time(value)?,
        ("c", None) => session.connection = Some(parse_connection(value)?),
        ("c", Some(media)) => media.connection = Some(parse_connection(value)?),
        ("b", None) => session.bandwidth.push(parse_bandwidth(value)?),
        ("b", Some(media)) => media.bandwidth.push(parse_bandwidth(value)?),
        ("a", _) => attribute::parse(session, value)?,
        _ => {}
    }
    Ok(())
}

fn parse_origin(value: &str) -> Result<Origin, Problem> {
    let wrong = || Problem::invalid("origin", value);
    let mut words = value.split_ascii_whitespace();
    let mut next = || words.next().ok_or_else(wrong);
    let username = next()?.into();
    let session_id = next()?.parse().map_err(|_| wrong())?;
    let version = next()?.parse().map_err(|_| wrong())?;
    let (_, _) = (next()?, next()?);
    Ok(Origin { username, session_id, version, address: next()?.into() })
}

fn parse_time(value: &str) -> Result<(u64, u64), Problem> {
    let mut words = value.split_ascii_whitespace().map(str::parse);
    match (words.next(), words.next()) {
        (Some(Ok(start)), Some(Ok(end))) => Ok((start, end)),
        _ => Err(Problem::invalid("session time", value)),
    }
}

fn parse_bandwidth(value: &str) -> Result<Bandwidth, Problem> {
    let parsed = value.split_once(':').and_then(|(kind, value)| {
        Some(Bandwidth { kind: kind.into(), value: value.trim().parse().ok()? })
    });
    parsed.ok_or_else(|| Problem::invalid("bandwidth", value))
}

/// Parses `media port[/ports] protocol formats`.
fn parse_media(value: &str) -> Result<MediaDescription, Problem> {
    let wrong = |what| Problem::invalid(what, value);
    let mut words = value.split_ascii_whitespace();
    let media = words.next().ok_or_else(|| wrong("media type"))?.into();
    let port = words.next().ok_or_else(|| wrong("port"))?;
    let (port, ports) = port.split_once('/').unwrap_or((port, "1"));
    let protocol = words.next().ok_or_else(|| wrong("protocol"))?;
    let mut line = MediaDescription {
        media,
        port: port.parse().map_err(|_| wrong("port"))?,
        ports: ports.parse().map_err(|_| wrong("number of ports"))?,
        protocol: Protocol::from_name(protocol),
        ..MediaDescription::default()
    };
    for format in words {
        if line.protocol.is_rtp() {
            let payload_type = parse_payload_type(format)?;
            if !line.payload_types.contains(&payload_type) {
                line.payload_types.push(payload_type);
            }
        } else {
            line.formats.push(format.into());
        }
    }
    Ok(line)
}
