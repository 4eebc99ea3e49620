//! SDP writing. RFC 8866, section 9.

use std::fmt::{self, Write};

use super::media::{Extmap, MediaDescription};
use super::value::is_control;
use super::{Attribute, Bandwidth, Connection, Session};

/// Lines end with CR LF. Control characters in text fields are dropped, so that they cannot inject
/// lines.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Lines(f);
        let origin = &self.origin;
        let kind = address_kind(&origin.address);
        out.line(format_args!("v=0"))?;
        out.line(format_args!(
            "o={} {} {} IN {kind} {}",
            origin.username, origin.session_id, origin.version, origin.address
        ))?;
        let name = if self.name.is_empty() { "-" } else { &self.name };
        out.line(format_args!("s={name}"))?;
        out.connection(self.connection.as_ref())?;
        out.bandwidth(&self.bandwidth)?;
        out.line(format_args!("t={} {}", self.time.0, self.time.1))?;
        for group in &self.groups {
            out.line(format_args!("a=group:{}", group.join(" ")))?;
        }
        out.extmaps(&self.extmaps)?;
        out.attributes(&self.attributes)?;
        if let Some(direction) = self.direction {
            out.line(format_args!("a={}", direction.as_str()))?;
        }
        self.media.iter().try_for_each(|media| out.media(media))
    }
}

/// `IP6` for an IPv6 address, otherwise `IP4`.
fn address_kind(address: &str) -> &'static str {
    if address.contains(':') { "IP6" } else { "IP4" }
}

/// Writes lines.
struct Lines<'a, 'b>(&'a mut fmt::Formatter<'b>);

/// Writes text without control characters.
struct Text<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Text<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.split(is_control).try_for_each(|part| self.0.write_str(part))
    }
}

impl Lines<'_, '_> {
    fn line(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        Text(self.0).write_fmt(line)?;
        self.0.write_str("\r\n")
    }

    fn connection(&mut self, connection: Option<&Connection>) -> fmt::Result {
        let Some(Connection { address, ttl }) = connection else { return Ok(()) };
        let kind = address_kind(address);
        match ttl {
            Some(ttl) => self.line(format_args!("c=IN {kind} {address}/{ttl}")),
            None => self.line(format_args!("c=IN {kind} {address}")),
        }
    }

    fn bandwidth(&mut self, all: &[Bandwidth]) -> fmt::Result {
        all.iter().try_for_each(|it| self.line(format_args!("b={}:{}", it.kind, it.value)))
    }

    fn attributes(&mut self, all: &[Attribute]) -> fmt::Result {
        all.iter().try_for_each(|it| match &it.value {
            Some(value) => self.line(format_args!("a={}:{value}", it.name)),
            None => self.line(format_args!("a={}", it.name)),
        })
    }

    fn extmaps(&mut self, all: &[Extmap]) -> fmt::Result {
        all.iter().try_for_each(|it| {
            let slash = if it.direction.is_some() { "/" } else { "" };
            let direction = it.direction.map_or("", super::Direction::as_str);
            let space = if it.params.is_some() { " " } else { "" };
            let params = it.params.as_deref().unwrap_or_default();
            let (id, uri) = (it.id, &it.uri);
            self.line(format_args!("a=extmap:{id}{slash}{direction} {uri}{space}{params}"))
        })
    }

    fn media(&mut self, media: &MediaDescription) -> fmt::Result {
        let mut first = format!("m={} {}", media.media, media.port);
        if media.ports > 1 {
            write!(first, "/{}", media.ports)?;
        }
        write!(first, " {}", media.protocol.as_str())?;
        for payload_type in &media.payload_types {
            write!(first, " {payload_type}")?;
        }
        for format in &media.formats {
            write!(first, " {format}")?;
        }
        self.line(format_args!("{first}"))?;
        self.connection(media.connection.as_ref())?;
        self.bandwidth(&media.bandwidth)?;
        if let Some(rtcp) = &media.rtcp {
            match &rtcp.connection {
                Some(Connection { address, .. }) => {
                    let kind = address_kind(address);
                    self.line(format_args!("a=rtcp:{} IN {kind} {address}", rtcp.port))?;
                }
                None => self.line(format_args!("a=rtcp:{}", rtcp.port))?,
            }
        }
        if let Some(mid) = &media.mid {
            self.line(format_args!("a=mid:{mid}"))?;
        }
        self.extmaps(&media.extmaps)?;
        if let Some(direction) = media.direction {
            self.line(format_args!("a={}", direction.as_str()))?;
        }
        for (is_set, name) in [(media.rtcp_mux, "rtcp-mux"), (media.rtcp_rsize, "rtcp-rsize")] {
            if is_set {
                self.line(format_args!("a={name}"))?;
            }
        }
        media.crypto.iter().try_for_each(|crypto| self.line(format_args!("a=crypto:{crypto}")))?;
        self.formats(media)?;
        self.sources(media)?;
        self.attributes(&media.attributes)
    }

    fn formats(&mut self, media: &MediaDescription) -> fmt::Result {
        for map in &media.rtpmaps {
            let (number, name, clock_hz) = (map.payload_type, &map.encoding_name, map.clock_hz);
            if map.channels > 1 {
                let channels = map.channels;
                self.line(format_args!("a=rtpmap:{number} {name}/{clock_hz}/{channels}"))?;
            } else {
                self.line(format_args!("a=rtpmap:{number} {name}/{clock_hz}"))?;
            }
        }
        for feedback in &media.feedback {
            match feedback.payload_type {
                Some(number) => self.line(format_args!("a=rtcp-fb:{number} {}", feedback.kind))?,
                None => self.line(format_args!("a=rtcp-fb:* {}", feedback.kind))?,
            }
        }
        for fmtp in &media.fmtps {
            self.line(format_args!("a=fmtp:{} {}", fmtp.payload_type, fmtp.params))?;
        }
        for (name, time) in [("ptime", media.ptime_ms), ("maxptime", media.maxptime_ms)] {
            if let Some(time) = time {
                self.line(format_args!("a={name}:{time}"))?;
            }
        }
        match media.framerate {
            Some(rate) => self.line(format_args!("a=framerate:{rate}")),
            None => Ok(()),
        }
    }

    fn sources(&mut self, media: &MediaDescription) -> fmt::Result {
        for group in &media.source_groups {
            let ssrcs = group.ssrcs.iter().map(|ssrc| format!(" {ssrc}")).collect::<String>();
            self.line(format_args!("a=ssrc-group:{}{ssrcs}", group.semantics))?;
        }
        media.sources.iter().try_for_each(|it| match &it.value {
            Some(value) => self.line(format_args!("a=ssrc:{} {}:{value}", it.ssrc, it.name)),
            None => self.line(format_args!("a=ssrc:{} {}", it.ssrc, it.name)),
        })
    }
}
