//! Attribute lines (`a=`).

use super::error::Problem;
use super::media::{
    Extmap, Feedback, Fmtp, MediaDescription, RtcpAddress, RtpMap, SourceAttribute, SourceGroup,
};
use super::value::{parse_connection, parse_payload_type};
use super::{Attribute, Crypto, Direction, MAX_CANDIDATES, Session};

/// Maximum number of SSRCs in a group.
const MAX_GROUP: usize = 16;

/// Parses an attribute, the part after `a=`, of the session or its last media section.
pub(super) fn parse(session: &mut Session, line: &str) -> Result<(), Problem> {
    let (name, value) = match line.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (line, None),
    };
    if name == "candidate" {
        session.candidates += 1;
        if session.candidates > MAX_CANDIDATES {
            return Err(Problem::TooMany { what: "candidates", limit: MAX_CANDIDATES });
        }
        return Ok(());
    }
    let direction = Direction::from_name(name).filter(|_| value.is_none());
    let known = match session.media.last_mut() {
        Some(media) if direction.is_some() => {
            media.direction = direction;
            true
        }
        Some(media) => parse_media(media, name, value.unwrap_or_default())?,
        None if direction.is_some() => {
            session.direction = direction;
            true
        }
        None => parse_session(session, name, value.unwrap_or_default())?,
    };
    if !known {
        let attribute = Attribute { name: name.into(), value: value.map(Into::into) };
        match session.media.last_mut() {
            Some(media) => media.attributes.push(attribute),
            None => session.attributes.push(attribute),
        }
    }
    Ok(())
}

/// Parses a session attribute; returns whether it is known.
fn parse_session(session: &mut Session, name: &str, value: &str) -> Result<bool, Problem> {
    match name {
        "group" => {
            let words: Vec<String> = value.split_ascii_whitespace().map(Into::into).collect();
            if words.is_empty() {
                return Err(Problem::invalid("group semantics", value));
            }
            session.groups.push(words);
        }
        "extmap" => session.extmaps.push(parse_extmap(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Parses a media attribute; returns whether it is known.
fn parse_media(media: &mut MediaDescription, name: &str, value: &str) -> Result<bool, Problem> {
    let is_rtp = media.protocol.is_rtp();
    match name {
        "rtpmap" if is_rtp => media.rtpmaps.push(parse_rtpmap(value)?),
        "fmtp" if is_rtp => {
            let (payload_type, params) = split_word(value);
            let payload_type = parse_payload_type(payload_type)?;
            media.fmtps.push(Fmtp { payload_type, params: params.into() });
        }
        "rtcp-fb" => {
            let (payload_type, kind) = split_word(value);
            let payload_type = match payload_type {
                "*" => None,
                number => Some(parse_payload_type(number)?),
            };
            media.feedback.push(Feedback { payload_type, kind: kind.into() });
        }
        "extmap" => media.extmaps.push(parse_extmap(value)?),
        "crypto" => media.crypto.push(Crypto::parse(value)?),
        "ssrc" => media.sources.push(parse_source(value)?),
        "ssrc-group" => media.source_groups.push(parse_source_group(value)?),
        "rtcp" => {
            let (port, address) = split_word(value);
            let wrong = Problem::invalid("RTCP port", value);
            let port = port.parse().map_err(|_| wrong)?;
            let connection =
                if address.is_empty() { None } else { Some(parse_connection(address)?) };
            media.rtcp = Some(RtcpAddress { port, connection });
        }
        "rtcp-mux" => media.rtcp_mux = true,
        "rtcp-rsize" => media.rtcp_rsize = true,
        "ptime" => media.ptime_ms = Some(parse_ms(value)?),
        "maxptime" => media.maxptime_ms = Some(parse_ms(value)?),
        "framerate" => media.framerate = Some(parse_framerate(value)?),
        "mid" => media.mid = Some(value.trim().into()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Splits off the first word.
fn split_word(value: &str) -> (&str, &str) {
    let value = value.trim_start();
    let (first, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
    (first, rest.trim())
}

/// Parses `payload-type name/clock[/channels]`.
fn parse_rtpmap(value: &str) -> Result<RtpMap, Problem> {
    let (payload_type, encoding) = split_word(value);
    let payload_type = parse_payload_type(payload_type)?;
    let wrong = || Problem::invalid("encoding name and clock rate", value);
    let mut parts = encoding.split('/');
    let encoding_name = parts.next().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    let clock = parts.next().and_then(|clock| clock.parse().ok());
    let clock_hz = clock.filter(|&clock| clock > 0).ok_or_else(wrong)?;
    let channels = parts.next().map_or(Ok(1), str::parse).map_err(|_| wrong())?;
    Ok(RtpMap { payload_type, encoding_name: encoding_name.into(), clock_hz, channels })
}

/// Parses `id[/direction] uri [params]`.
fn parse_extmap(value: &str) -> Result<Extmap, Problem> {
    let wrong = || Problem::invalid("header extension id and URI", value);
    let (id, rest) = split_word(value);
    let (id, direction) = match id.split_once('/') {
        None => (id, None),
        Some((id, name)) => (id, Some(Direction::from_name(name).ok_or_else(wrong)?)),
    };
    let id = id.parse().ok().filter(|&id| id > 0).ok_or_else(wrong)?;
    let (uri, params) = split_word(rest);
    if uri.is_empty() {
        return Err(wrong());
    }
    let params = Some(params).filter(|params| !params.is_empty()).map(Into::into);
    Ok(Extmap { id, direction, uri: uri.into(), params })
}

/// Parses `ssrc name[:value]`.
fn parse_source(value: &str) -> Result<SourceAttribute, Problem> {
    let wrong = || Problem::invalid("SSRC attribute", value);
    let (ssrc, said) = split_word(value);
    let ssrc = ssrc.parse().map_err(|_| wrong())?;
    let (name, value) = match said.split_once(':') {
        Some((name, value)) => (name, Some(value.into())),
        None => (said, None),
    };
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(SourceAttribute { ssrc, name: name.into(), value })
}

/// Parses `semantics ssrc ssrc`.
fn parse_source_group(value: &str) -> Result<SourceGroup, Problem> {
    let (semantics, ssrcs) = split_word(value);
    let ssrcs: Result<Vec<u32>, _> = ssrcs.split_ascii_whitespace().map(str::parse).collect();
    match ssrcs {
        Ok(ssrcs) if ssrcs.len() > MAX_GROUP => {
            Err(Problem::TooMany { what: "SSRCs in a group", limit: MAX_GROUP })
        }
        Ok(ssrcs) if !semantics.is_empty() => {
            Ok(SourceGroup { semantics: semantics.into(), ssrcs })
        }
        _ => Err(Problem::invalid("SSRC group", value)),
    }
}

/// Parses milliseconds; a fraction is discarded.
fn parse_ms(value: &str) -> Result<u32, Problem> {
    let value = value.trim();
    let whole = value.split_once('.').map_or(value, |(whole, _)| whole);
    whole.parse().map_err(|_| Problem::invalid("time in milliseconds", value))
}

/// Parses a number, or a fraction as some implementations write it.
fn parse_framerate(value: &str) -> Result<f64, Problem> {
    let (over, under) = value.trim().split_once('/').unwrap_or((value.trim(), "1"));
    let rate = over.parse::<f64>().ok().zip(under.parse::<f64>().ok());
    let rate = rate.map(|(over, under)| over / under).filter(|rate| rate.is_finite());
    rate.filter(|&rate| rate >= 0.0).ok_or_else(|| Problem::invalid("frame rate", value))
}
