//! The name of an encoded chunk: a hash of the version of this crate, the settings and the
//! input, which determine its bytes.

use std::fmt;
use std::fmt::Write as _;

use codec_container::CodedPacket;
use codec_core::frame::Picture;
use sha2::{Digest, Sha256};

use super::VERSION;

/// Number of bytes of a [`Key`].
pub(super) const KEY_BYTES: usize = 32;

/// A SHA-256 hash. The key of a chunk identifies it: it is computed from the version of this library, the settings, and
/// the times and contents of all frames (of some inputs, their packets or samples of the file).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(pub(super) [u8; KEY_BYTES]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl Key {
    /// Parses the text of a key: 64 lower-case hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * KEY_BYTES {
            return None;
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; KEY_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Some(Self(bytes))
    }
}

/// Digests of the coded video and audio that a plan uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InputId {
    /// The packets of the video; `None` if its frames are not coded as packets.
    pub(super) video: Option<Key>,
    /// The packets of all audio tracks; `None` without audio.
    pub(super) audio: Option<Key>,
}

/// The content that the names of chunks depend on, in addition to the settings and the times of their frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Naming {
    /// Their decoded frames.
    #[default]
    Frames,
    /// Their coded packets, from the key frame at which decoding begins.
    Packets,
    /// The file of an input that is not coded, and samples of the part that holds their frames.
    File(FileStamp),
    /// Nothing, for a plan that is used at once.
    Times,
}

/// The size of a file in bytes, and the time when it was modified, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp {
    pub(super) bytes: u64,
    pub(super) time_ns: i64,
}

/// The packets of a chunk, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketRange {
    /// The time in ticks of the key frame with which they begin; `None`: they begin with the first packet of the input.
    pub(super) entry: Option<i64>,
    pub(super) count: u64,
}

/// A frame as it is identified: its times in ticks, and the digest of its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameId {
    pub(super) pts: i64,
    duration: Option<u64>,
    digest: u64,
}

impl FrameId {
    pub(super) fn new(pts: i64, duration: Option<u64>, picture: &Picture<'_>) -> Self {
        Self { pts, duration, digest: picture.digest() }
    }
}

/// A coded packet as it is identified: its times in ticks, its size and the SHA-256 of its bytes. The times of hidden frames do
/// not matter, and copies change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PacketId([u8; 24 + KEY_BYTES]);

impl PacketId {
    pub(super) fn new(packet: &CodedPacket) -> Self {
        let times = packet.shown.then(|| (packet.pts, packet.duration.unwrap_or(u64::MAX)));
        let (pts, duration) = times.unwrap_or((i64::MIN, 0));
        let size = packet.data.len() as u64;
        let mut id = [0; 24 + KEY_BYTES];
        id[..8].copy_from_slice(&pts.to_le_bytes());
        id[8..16].copy_from_slice(&duration.to_le_bytes());
        id[16..24].copy_from_slice(&size.to_le_bytes());
        id[24..].copy_from_slice(&Sha256::digest(&packet.data));
        Self(id)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Computes a [`Key`].
#[derive(Clone)]
pub(super) struct KeyHasher(Sha256);

impl KeyHasher {
    /// Begins the key of a chunk that is encoded with the settings of `fingerprint`.
    pub(super) fn new(fingerprint: &str) -> Self {
        let mut text = String::new();
        let _ = write!(text, "codec {VERSION}\n{fingerprint}\n");
        Self(Sha256::new_with_prefix(text))
    }

    /// Adds the next frame.
    pub(super) fn add(&mut self, frame: FrameId) {
        let FrameId { pts, duration, digest } = frame;
        self.0.update(pts.to_le_bytes());
        self.0.update(duration.map_or(u64::MAX, |duration| duration).to_le_bytes());
        self.0.update(digest.to_le_bytes());
    }

    /// Adds the next packet.
    pub(super) fn add_packet(&mut self, packet: &PacketId) {
        self.0.update(packet.bytes());
    }

    /// Adds text, which begins on a line of its own.
    pub(super) fn add_text(&mut self, text: &str) {
        self.0.update(format!("{text}\n"));
    }

    pub(super) fn finish(self) -> Key {
        Key(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let mut hasher = KeyHasher::new("vp9");
        let other = hasher.clone().finish();
        hasher.add(FrameId { pts: 1, duration: None, digest: 2 });
        let key = hasher.finish();
        assert_eq!(Key::parse(&key.to_string()), Some(key));
        assert_ne!(key, other);
        assert_eq!(Key::parse(&key.to_string().to_uppercase()), None);
        assert_eq!(Key::parse("12"), None);
    }
}
