//! Files attached to messages: those that members ask to send, and those in the log.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::room_files::is_file_id;

/// Maximum number of characters of a file name.
const MAX_NAME_CHARS: usize = 120;
/// Maximum number of bytes of a media type.
const MAX_TYPE_BYTES: usize = 80;
/// Maximum number of characters of the key of a message.
const MAX_KEY_CHARS: usize = 64;
/// Bytes of a SHA-256 digest in hexadecimal.
const DIGEST_CHARS: usize = 64;
/// Longest voice or video message.
const MAX_DURATION: Duration = Duration::from_secs(3600);

/// The purpose of a file: pages play voice and video messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum AttachmentKind {
    File,
    Voice,
    Video,
}

impl AttachmentKind {
    const ALL: [(&'static str, Self); 3] =
        [("file", Self::File), ("voice", Self::Voice), ("video", Self::Video)];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("file", |(name, _)| name)
    }
}

/// A file of a message. As offered by a member, `file` is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Attachment {
    pub(in super::super) kind: AttachmentKind,
    /// Unguessable id, with which it can be downloaded.
    pub(in super::super) file: String,
    pub(in super::super) name: String,
    /// Media type without parameters.
    pub(in super::super) media_type: String,
    pub(in super::super) bytes: u64,
    /// Digest in hexadecimal.
    pub(in super::super) sha256: String,
    pub(in super::super) duration_ms: Option<u64>,
}

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The server does not accept files.
    Disabled,
    /// Its kind of attachment is unknown.
    Kind,
    /// Its digest is not SHA-256 in hexadecimal.
    Digest,
    /// Its file is too large: its size and the limit in bytes.
    TooLarge(u64, u64),
    /// Its file is empty or has no size.
    NoSize,
    /// Its duration is too long.
    TooLong,
    /// Its member sends too many messages.
    MessageRate(u64),
    /// Its member sends too many files.
    FileRate(u64),
    /// Its member sends too many bytes.
    ByteRate(u64),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => {
                f.write_str("this server does not accept files: it was started without --files DIR")
            }
            Self::Kind => f.write_str("invalid kind of attachment: expected file, voice or video"),
            Self::Digest => f.write_str("invalid digest: expected SHA-256 in hexadecimal"),
            Self::TooLarge(bytes, limit) => {
                write!(f, "file too large: got {bytes} bytes, expected at most {limit}")
            }
            Self::NoSize => f.write_str("invalid size of the file: expected at least 1 byte"),
            Self::TooLong => {
                write!(
                    f,
                    "voice or video message too long: expected at most {} s",
                    MAX_DURATION.as_secs()
                )
            }
            Self::MessageRate(limit) => write!(f, "too many messages: at most {limit} per second"),
            Self::FileRate(limit) => write!(f, "too many files: at most {limit} per second"),
            Self::ByteRate(limit) => {
                write!(f, "too many bytes of files: at most {limit} per second")
            }
        }
    }
}

impl Attachment {
    /// Reads an offer of a member. `most_bytes` is the size of the largest file; 0 if files are not accepted.
    pub(super) fn of_offer(message: &Value, most_bytes: u64) -> Result<Self, Refusal> {
        if most_bytes == 0 {
            return Err(Refusal::Disabled);
        }
        let text = |name| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let kind = message.get("kind").and_then(Value::as_str).unwrap_or("file");
        let kind = AttachmentKind::parse(kind).ok_or(Refusal::Kind)?;
        let sha256 = text("sha256").to_ascii_lowercase();
        if sha256.len() != DIGEST_CHARS || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refusal::Digest);
        }
        let bytes = message.get("bytes").and_then(Value::as_u64);
        let bytes = bytes.filter(|bytes| *bytes > 0).ok_or(Refusal::NoSize)?;
        if bytes > most_bytes {
            return Err(Refusal::TooLarge(bytes, most_bytes));
        }
        let duration_ms = message.get("duration").and_then(Value::as_u64);
        if duration_ms.is_some_and(|ms| u128::from(ms) > MAX_DURATION.as_millis()) {
            return Err(Refusal::TooLong);
        }
        let name = plain(text("name"), MAX_NAME_CHARS);
        Ok(Self {
            kind,
            file: String::new(),
            name: if name.is_empty() { kind.name().to_owned() } else { name },
            media_type: media_type(text("mediaType")),
            bytes,
            sha256,
            duration_ms,
        })
    }

    /// Reads an attachment that [`Self::json`] wrote.
    pub(super) fn parse(value: &Value) -> Option<Self> {
        let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            kind: AttachmentKind::parse(&text("kind")?)?,
            file: text("file")?,
            name: text("name")?,
            media_type: text("mediaType")?,
            bytes: value.get("bytes")?.as_u64()?,
            sha256: text("sha256")?,
            duration_ms: value.get("duration").and_then(Value::as_u64),
        })
    }

    /// Reads an attachment of another node; `None` if it is not valid. It is checked as an offer of a member.
    pub(super) fn of_node(value: &Value) -> Option<Self> {
        let file = value.get("file")?.as_str().filter(|id| is_file_id(id))?.to_owned();
        Some(Self { file, ..Self::of_offer(value, u64::MAX).ok()? })
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "kind": self.kind.name(),
            "file": self.file,
            "name": self.name,
            "mediaType": self.media_type,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "duration": self.duration_ms,
        })
    }

    /// The file in words, for members of other nodes, which do not have it. `url` is the address of this node's pages.
    pub(super) fn in_words(&self, url: Option<&str>) -> String {
        let Self { name, file, bytes, .. } = self;
        let size = size_in_words(*bytes);
        match url {
            Some(url) => {
                format!("{name} ({size}): {}/room-files/{file}", url.trim_end_matches('/'))
            }
            None => format!("{name} ({size}, stored at another server)"),
        }
    }

    #[cfg(test)]
    pub(super) fn example(name: &str) -> Self {
        Self {
            kind: AttachmentKind::Voice,
            file: format!("id of {name}"),
            name: name.to_owned(),
            media_type: "audio/webm".to_owned(),
            bytes: 100,
            sha256: "00".repeat(32),
            duration_ms: Some(1500),
        }
    }
}

/// A size with at most one decimal, as pages show it.
fn size_in_words(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
        None => format!("{bytes} bytes"),
    }
}

/// A text of a member without control characters, of at most `most` characters.
pub(super) fn plain(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(|it| !it.is_control()).take(most).collect();
    kept.trim().to_owned()
}

/// The key of a message, if it has one.
pub(super) fn key_of(message: &Value) -> Option<String> {
    let key = message.get("key").and_then(Value::as_str)?;
    Some(plain(key, MAX_KEY_CHARS)).filter(|key| !key.is_empty())
}

/// A media type without parameters; the type of unknown bytes if it is invalid.
fn media_type(text: &str) -> String {
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |text: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !text.is_empty() && text.bytes().all(is_part)
    };
    let is_valid = essence.len() <= MAX_TYPE_BYTES
        && essence.split_once('/').is_some_and(|(kind, name)| is_token(kind) && is_token(name));
    if is_valid { essence } else { "application/octet-stream".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Value {
        json!({
            "kind": "voice", "name": " no\u{7}te.webm ", "mediaType": "Audio/WebM; codecs=opus",
            "bytes": 900, "sha256": "AB".repeat(32), "duration": 10_000,
        })
    }

    #[test]
    fn offers_are_read_and_kept() {
        let attachment = Attachment::of_offer(&offer(), 1000).unwrap();
        assert_eq!(attachment.kind, AttachmentKind::Voice);
        assert_eq!(
            (attachment.name.as_str(), attachment.media_type.as_str()),
            ("note.webm", "audio/webm")
        );
        assert_eq!((attachment.sha256, attachment.duration_ms), ("ab".repeat(32), Some(10_000)));
        let kept = Attachment::example("a");
        assert_eq!(Attachment::parse(&kept.json()), Some(kept));
        assert_eq!(Attachment::parse(&json!({ "kind": "voice" })), None);
    }

    #[test]
    fn attachments_of_other_nodes_are_checked() {
        let attachment = Attachment { file: "0a".repeat(16), ..Attachment::example("a") };
        assert_eq!(Attachment::of_node(&attachment.json()), Some(attachment.clone()));
        for (field, wrong) in [
            ("file", json!("../../../../../../../etc/passwd0")),
            ("file", json!(null)),
            ("sha256", json!("zz".repeat(32))),
            ("bytes", json!(0)),
            ("kind", json!("song")),
        ] {
            let mut value = attachment.json();
            value[field] = wrong;
            assert_eq!(Attachment::of_node(&value), None, "{field}");
        }
    }

    #[test]
    fn files_are_described_in_words() {
        let file = Attachment { bytes: 1_250_000, ..Attachment::example("a.pdf") };
        assert_eq!(file.in_words(None), "a.pdf (1.2 MB, stored at another server)");
        let url = "https://a.example/room-files/id of a.pdf";
        assert_eq!(file.in_words(Some("https://a.example/")), format!("a.pdf (1.2 MB): {url}"));
        assert_eq!(size_in_words(999), "999 bytes");
        assert_eq!(size_in_words(2_000_000_000), "2.0 GB");
    }

    #[test]
    fn invalid_offers_are_refused_by_name() {
        for (field, value, expected) in [
            ("kind", json!("song"), Refusal::Kind),
            ("sha256", json!("ab"), Refusal::Digest),
            ("sha256", json!("zz".repeat(32)), Refusal::Digest),
            ("bytes", json!(0), Refusal::NoSize),
            ("bytes", json!("900"), Refusal::NoSize),
            ("bytes", json!(1001), Refusal::TooLarge(1001, 1000)),
            ("duration", json!(3_600_001), Refusal::TooLong),
        ] {
            let mut offer = offer();
            offer[field] = value;
            assert_eq!(Attachment::of_offer(&offer, 1000), Err(expected), "{field}");
        }
        assert_eq!(Attachment::of_offer(&offer(), 0), Err(Refusal::Disabled));
        for wrong in ["", "audio", "/", "a/b/c", "a b/c", "é/x"] {
            assert_eq!(media_type(wrong), "application/octet-stream", "{wrong}");
        }
        assert_eq!(key_of(&json!({ "key": " \u{7} " })), None);
        assert_eq!(key_of(&json!({ "key": "k" })).as_deref(), Some("k"));
    }
}
