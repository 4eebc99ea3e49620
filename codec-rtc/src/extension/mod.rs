//! RTP header extensions (RFC 8285): one-byte and two-byte forms, and the supported elements.
//!
//! [`ExtensionMap`] maps ids to [`ExtensionKind`]s; [`Extensions`] holds the elements of one
//! packet.

mod clock;
pub mod dependency;
mod element;
mod kind;
mod label;
mod video;

pub use clock::{AbsCaptureTime, abs_send_time, abs_send_time_difference};
pub use element::{Elements, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, clear_elements, elements};
pub use kind::{ExtensionKind, ExtensionMap};
pub use label::Label;
pub use video::{PlayoutDelay, VideoOrientation};

use codec_audio::level::AudioLevel;

use crate::rtp::{self, Extension, Header, MAX_CSRCS, Malformed, Packet, WriteError};
use element::Form;

/// The header extensions of one packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Transport-wide sequence number, counted over all streams of a transport.
    pub transport_sequence: Option<u16>,
    /// Send time in units of 2^-18 s; 24 bits, wraps after 64 s. See [`abs_send_time`].
    pub abs_send_time: Option<u32>,
    /// Capture time of the first sample in the packet.
    pub abs_capture_time: Option<AbsCaptureTime>,
    /// Audio level of the packet (RFC 6464).
    pub audio_level: Option<AudioLevel>,
    /// Audio level of each contributing source, in order; at most 15 (RFC 6465).
    pub csrc_audio_levels: Vec<AudioLevel>,
    /// Rotation to apply to the video.
    pub video_orientation: Option<VideoOrientation>,
    /// Limits of the playout delay.
    pub playout_delay: Option<PlayoutDelay>,
    /// MID: media section of the packet (RFC 9143).
    pub mid: Option<Label>,
    /// RID: stream of the packet (RFC 8852).
    pub rid: Option<Label>,
    /// RID of the stream that the packet repairs (RFC 8852).
    pub repaired_rid: Option<Label>,
    /// Dependency Descriptor, 1..=255 bytes, for [`dependency::Reader`].
    pub dependency: Option<Vec<u8>>,
    /// Number of elements skipped by the parser because of an unknown id or an invalid length.
    pub ignored: u16,
}

impl Extensions {
    /// Parses the elements that `map` knows. An extension with a profile outside RFC 8285 counts as
    /// one ignored element.
    ///
    /// # Errors
    /// Returns [`Malformed::Truncated`] if an element is longer than the remaining data.
    pub fn parse(extension: &Extension<'_>, map: &ExtensionMap) -> Result<Self, Malformed> {
        let mut parsed = Self::default();
        let Some(elements) = elements(extension) else {
            parsed.ignored = 1;
            return Ok(parsed);
        };
        for element in elements {
            let (id, data) = element?;
            let taken = map.kind(id).and_then(|kind| parsed.take(kind, data));
            parsed.ignored = parsed.ignored.saturating_add(u16::from(taken.is_none()));
        }
        Ok(parsed)
    }

    /// Parses the header extension of `packet`; empty if it has none.
    ///
    /// # Errors
    /// Returns the errors of [`Self::parse`].
    pub fn from_packet(packet: &Packet<'_>, map: &ExtensionMap) -> Result<Self, Malformed> {
        packet.extension.as_ref().map_or_else(|| Ok(Self::default()), |it| Self::parse(it, map))
    }

    /// Stores one element if its length is valid.
    fn take(&mut self, kind: ExtensionKind, data: &[u8]) -> Option<()> {
        match (kind, data) {
            (ExtensionKind::TransportSequence, &[high, low]) => {
                self.transport_sequence = Some(u16::from_be_bytes([high, low]));
            }
            (ExtensionKind::AbsSendTime, &[a, b, c]) => {
                self.abs_send_time = Some(u32::from_be_bytes([0, a, b, c]));
            }
            (ExtensionKind::AbsCaptureTime, _) => {
                self.abs_capture_time = Some(AbsCaptureTime::from_bytes(data)?);
            }
            (ExtensionKind::AudioLevel, &[byte]) => {
                self.audio_level = Some(AudioLevel::from_byte(byte))
            }
            (ExtensionKind::CsrcAudioLevels, _) if (1..=MAX_CSRCS).contains(&data.len()) => {
                let level = |&byte: &u8| AudioLevel::from_byte(byte & 0x7f);
                self.csrc_audio_levels = data.iter().map(level).collect();
            }
            (ExtensionKind::VideoOrientation, &[byte]) => {
                self.video_orientation = Some(VideoOrientation::from_byte(byte));
            }
            (ExtensionKind::PlayoutDelay, &[a, b, c]) => {
                self.playout_delay = Some(PlayoutDelay::from_bytes([a, b, c]));
            }
            (ExtensionKind::Mid, _) => self.mid = Some(Label::from_bytes(data)?),
            (ExtensionKind::Rid, _) => self.rid = Some(Label::from_bytes(data)?),
            (ExtensionKind::RepairedRid, _) => self.repaired_rid = Some(Label::from_bytes(data)?),
            (ExtensionKind::DependencyDescriptor, [_, ..]) => self.dependency = Some(data.to_vec()),
            _ => return None,
        }
        Some(())
    }

    /// Appends the header extension with its header (profile and length), or nothing if `map` has
    /// no id for any element. Uses the one-byte form unless an element is longer than 16 bytes or
    /// an id is above 14. Returns whether anything was appended.
    ///
    /// # Errors
    /// Returns [`WriteError`] and writes nothing if a value is out of range.
    pub fn write(&self, map: &ExtensionMap, out: &mut Vec<u8>) -> Result<bool, WriteError> {
        self.check()?;
        let mut form = Form::OneByte;
        self.for_each(map, &mut |id, data| form = form.that_fits(id, data.len()));
        let start = out.len();
        out.extend(form.profile().to_be_bytes());
        out.extend([0, 0]);
        let body = out.len();
        self.for_each(map, &mut |id, data| form.write(id, data, out));
        if out.len() == body {
            out.truncate(start);
            return Ok(false);
        }
        let words = (out.len() - body).div_ceil(4);
        out.resize(body + 4 * words, 0);
        // At most eleven elements of 257 bytes.
        let words = u16::try_from(words).unwrap_or(0).to_be_bytes();
        if let Some(place) = out.get_mut(start + 2..body) {
            place.copy_from_slice(&words);
        }
        Ok(true)
    }

    /// Appends an RTP header with this extension.
    ///
    /// # Errors
    /// Returns the errors of [`Self::write`].
    pub fn write_header(
        &self,
        header: &Header,
        map: &ExtensionMap,
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let start = out.len();
        rtp::write(header, out);
        match self.write(map, out) {
            Ok(written) => {
                if let Some(first) = out.get_mut(start) {
                    *first |= u8::from(written) << 4;
                }
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends `packet` with this extension in place of its own, for values known only at send
    /// time. CSRCs and padding are kept.
    ///
    /// # Errors
    /// Returns [`WriteError`] if `packet` is not RTP, or as [`Self::write`].
    pub fn replace_in(
        &self,
        packet: &[u8],
        map: &ExtensionMap,
        out: &mut Vec<u8>,
    ) -> Result<(), WriteError> {
        let parsed = rtp::parse(packet)?;
        let extension_bytes = parsed.extension.map_or(0, |it| 4 + it.data.len());
        let head = rtp::FIXED_HEADER_BYTES + parsed.csrcs.len();
        let start = out.len();
        out.extend(packet.iter().take(head));
        match self.write(map, out) {
            Ok(written) => {
                if let Some(first) = out.get_mut(start) {
                    *first = *first & !0x10 | u8::from(written) << 4;
                }
                out.extend(packet.iter().skip(head + extension_bytes));
                Ok(())
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    /// Number of bytes that [`Self::write`] appends.
    #[must_use]
    pub fn len_bytes(&self, map: &ExtensionMap) -> usize {
        let mut form = Form::OneByte;
        self.for_each(map, &mut |id, data| form = form.that_fits(id, data.len()));
        let mut bytes = 0;
        self.for_each(map, &mut |_, data| bytes += form.head_bytes() + data.len());
        if bytes == 0 { 0 } else { 4 + bytes.next_multiple_of(4) }
    }

    fn check(&self) -> Result<(), WriteError> {
        let too_many =
            |what, most, had| Err(WriteError::TooMany { what, limit: most, actual: had });
        match self {
            Self { abs_send_time: Some(0x0100_0000..), .. } => {
                Err(WriteError::Field { what: "abs-send-time has more than 24 bits" })
            }
            Self { csrc_audio_levels: levels, .. } if levels.len() > MAX_CSRCS => {
                too_many("CSRC audio levels", MAX_CSRCS, levels.len())
            }
            Self { dependency: Some(bytes), .. } if bytes.is_empty() => {
                Err(WriteError::Field { what: "the dependency descriptor is empty" })
            }
            Self { dependency: Some(bytes), .. } if bytes.len() > element::MAX_BYTES => {
                too_many("bytes in the dependency descriptor", element::MAX_BYTES, bytes.len())
            }
            _ => Ok(()),
        }
    }

    /// Calls `each` with the id and data of each present element that has an id.
    fn for_each(&self, map: &ExtensionMap, each: &mut dyn FnMut(u8, &[u8])) {
        let mut put = |kind, data: &[u8]| {
            if let Some(id) = map.id(kind) {
                each(id, data);
            }
        };
        if let Some(number) = self.transport_sequence {
            put(ExtensionKind::TransportSequence, &number.to_be_bytes());
        }
        if let Some([_, low @ ..]) = self.abs_send_time.map(u32::to_be_bytes) {
            put(ExtensionKind::AbsSendTime, &low);
        }
        if let Some(time) = self.abs_capture_time {
            let (bytes, len) = time.to_bytes();
            put(ExtensionKind::AbsCaptureTime, bytes.get(..len).unwrap_or_default());
        }
        if let Some(level) = self.audio_level {
            put(ExtensionKind::AudioLevel, &[level.to_byte()]);
        }
        if !self.csrc_audio_levels.is_empty() {
            let mut levels = Vec::new();
            codec_audio::level::write_csrc_levels(&self.csrc_audio_levels, &mut levels);
            put(ExtensionKind::CsrcAudioLevels, &levels);
        }
        if let Some(orientation) = self.video_orientation {
            put(ExtensionKind::VideoOrientation, &[orientation.to_byte()]);
        }
        if let Some(delay) = self.playout_delay {
            put(ExtensionKind::PlayoutDelay, &delay.to_bytes());
        }
        let labels = [(ExtensionKind::Mid, self.mid), (ExtensionKind::Rid, self.rid)];
        for (kind, label) in
            labels.into_iter().chain([(ExtensionKind::RepairedRid, self.repaired_rid)])
        {
            if let Some(label) = label {
                put(kind, label.as_bytes());
            }
        }
        if let Some(bytes) = &self.dependency {
            put(ExtensionKind::DependencyDescriptor, bytes);
        }
    }
}

#[cfg(test)]
mod tests;
