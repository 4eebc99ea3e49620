//! The control channel of a session, over a data channel or a WebSocket: statistics, chat, files.
//!
//! Text messages are JSON with a `type`; a binary message is a chunk of a file (`file_transfers`).
//!
//! | from the server | |
//! |---|---|
//! | `hello` | `session`; `name`: the name of the client in the chat; `stream`: the name of the stream; `chunkBytes`: size of the chunks in which to send files; `fileBytes`: largest file, 0 if files are not accepted |
//! | `stats` | `stream`: its statistics, once a second; `paused`: why video is paused, or null; `small`: whether the viewer receives the small rendition (a smaller copy at a low bitrate) |
//! | `video` | the same `paused` and `small`, when they change |
//! | `chat` | `from`, `text` |
//! | `fileAt` | `id`, `offset`: the next expected byte |
//! | `fileStored` | `id`, `name` |
//! | `fileRejected` | `id`, `reason` |
//!
//! | to the server | |
//! |---|---|
//! | `chat` | `text` |
//! | `layer` | `spatial`: the highest spatial layer of VP9 to receive over WebRTC, 0 for the smallest; null: no limit |
//! | `file` | `id`, `name`, `bytes`, `sha256` |
//!
//! The server ignores messages of other types.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::file_transfers::{CHUNK_BYTES, FileTransfers, progress_message};
use super::limits::Limits;
use super::outcome::EndReason;
use super::room::{Stream, VideoState};
use super::token_bucket::TokenBucket;
use super::uploads::UploadStore;

/// Maximum length of a chat message, in characters.
const MAX_CHAT_CHARS: usize = 1000;
/// Interval of statistics.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// The control channel of a session.
#[derive(Debug)]
pub(super) struct ControlChannel {
    stream: Arc<Stream>,
    transfers: FileTransfers,
    limits: Limits,
    name: String,
    number: u64,
    messages: TokenBucket,
    next_stats: Duration,
    video: VideoState,
    /// Highest spatial layer, if the other end has changed it.
    spatial_layer: Option<u8>,
}

impl ControlChannel {
    /// Creates the channel of session `number`; `kind` and number form its name in the chat.
    pub(super) fn new(
        stream: Arc<Stream>,
        files: Option<Arc<UploadStore>>,
        limits: Limits,
        kind: &str,
        number: u64,
    ) -> Self {
        Self {
            stream,
            transfers: FileTransfers::new(files, limits.control_bytes),
            limits,
            name: format!("{kind} {number}"),
            number,
            messages: TokenBucket::new(limits.control_per_second.into()),
            next_stats: Duration::ZERO,
            video: VideoState::default(),
            spatial_layer: None,
        }
    }

    /// The first message.
    pub(super) fn hello(&self) -> String {
        json!({
            "type": "hello",
            "session": self.number,
            "name": self.name,
            "stream": self.stream.name(),
            "chunkBytes": CHUNK_BYTES,
            "fileBytes": if self.transfers.is_enabled() { self.limits.file_bytes } else { 0 },
        })
        .to_string()
    }

    /// When the next statistics are due.
    pub(super) fn poll_timeout(&self) -> Duration {
        self.next_stats
    }

    /// Returns statistics if they are due.
    pub(super) fn poll(&mut self, now: Duration) -> Option<String> {
        if now < self.next_stats {
            return None;
        }
        self.next_stats = now.saturating_add(STATS_INTERVAL);
        let (stream, VideoState { paused, small }) = (self.stream.json(), self.video);
        let stats = json!({ "type": "stats", "stream": stream, "paused": paused, "small": small });
        Some(stats.to_string())
    }

    /// Records a change of the viewer's video; returns the message to send.
    pub(super) fn video(&mut self, video: VideoState) -> String {
        self.video = video;
        let VideoState { paused, small } = video;
        json!({ "type": "video", "paused": paused, "small": small }).to_string()
    }

    /// Handles a text message; returns the response, if any.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn handle_text(
        &mut self,
        now: Duration,
        text: &str,
    ) -> Result<Option<String>, EndReason> {
        if text.len() > self.limits.control_bytes {
            return Err(EndReason::Limit("size of a control message"));
        }
        if !self.messages.take(now, 1) {
            return Err(EndReason::Limit("control messages per second"));
        }
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Err(EndReason::Protocol("invalid JSON message".to_owned()));
        };
        match message.get("type").and_then(Value::as_str) {
            Some("chat") => {
                let said = message.get("text").and_then(Value::as_str).unwrap_or_default();
                self.chat(said);
                Ok(None)
            }
            Some("file") => Ok(Some(self.begin_file(&message))),
            Some("layer") => {
                let layer = message.get("spatial").and_then(Value::as_u64);
                let layer = layer.and_then(|layer| u8::try_from(layer).ok());
                self.spatial_layer = Some(layer.unwrap_or(u8::MAX));
                Ok(None)
            }
            // Unknown messages of later versions are ignored.
            _ => Ok(None),
        }
    }

    /// Returns the highest spatial layer that the other end wants, if it has changed.
    pub(super) fn take_spatial_layer(&mut self) -> Option<u8> {
        self.spatial_layer.take()
    }

    fn chat(&self, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_CHAT_CHARS).collect();
        if text.trim().is_empty() {
            return;
        }
        let line = json!({ "type": "chat", "from": self.name, "text": text }).to_string();
        self.stream.chat(&line.into());
    }

    fn begin_file(&mut self, message: &Value) -> String {
        let id = message.get("id").and_then(Value::as_u64).unwrap_or_default();
        let text = |name| message.get(name).and_then(Value::as_str).unwrap_or_default();
        let bytes = message.get("bytes").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let begun = self.transfers.begin(id, "", text("name"), bytes, text("sha256"));
        progress_message(id, &begun)
    }

    /// Handles a binary message, a chunk of a file; returns the response, if any.
    ///
    /// # Errors
    ///
    /// Why the session must end.
    pub(super) fn handle_chunk(
        &mut self,
        now: Duration,
        message: &[u8],
    ) -> Result<Option<String>, EndReason> {
        let report = self.transfers.handle_chunk(now, message)?;
        Ok(report.map(|(id, progress)| progress_message(id, &progress)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::media::VideoCodec;
    use super::super::room::{Hub, Item, StreamHooks, StreamInfo, Viewer};
    use super::*;
    use crate::clock::Clock;

    fn control_channel() -> (ControlChannel, super::super::room::Publisher) {
        let hub = Arc::new(Hub::new(Clock::start(), Limits::default(), StreamHooks::default()));
        let info = StreamInfo { kind: "local", video: Some(VideoCodec::Vp8), audio: false };
        let publisher = hub.publish("live", info, Box::new(|| {})).unwrap();
        let stream = Arc::clone(publisher.stream());
        (ControlChannel::new(stream, None, Limits::default(), "whep", 3), publisher)
    }

    #[test]
    fn chat_reaches_all_viewers_without_control_characters() {
        let (mut control_channel, publisher) = control_channel();
        let (out, mut items) = tokio::sync::mpsc::channel(8);
        let _viewer = Viewer::join(publisher.stream(), Box::new(out)).unwrap();
        let said = json!({ "type": "chat", "text": "hello\u{7}\n <b>" }).to_string();
        assert_eq!(control_channel.handle_text(Duration::ZERO, &said), Ok(None));
        let Ok(Item::Chat(line)) = items.try_recv() else { panic!() };
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["from"], &line["text"]), (&"whep 3".into(), &"hello <b>".into()));
    }

    #[test]
    fn a_viewer_limits_its_spatial_layer() {
        let (mut control_channel, _publisher) = control_channel();
        assert_eq!(control_channel.take_spatial_layer(), None);
        for (text, expected) in [
            (r#"{"type":"layer","spatial":1}"#, 1),
            (r#"{"type":"layer","spatial":null}"#, u8::MAX),
            (r#"{"type":"layer","spatial":1000}"#, u8::MAX),
            (r#"{"type":"layer","spatial":0}"#, 0),
        ] {
            assert_eq!(control_channel.handle_text(Duration::ZERO, text), Ok(None));
            assert_eq!(control_channel.take_spatial_layer(), Some(expected), "{text}");
            assert_eq!(control_channel.take_spatial_layer(), None);
        }
    }

    #[test]
    fn floods_and_invalid_messages_end_the_session() {
        let (mut control_channel, _publisher) = control_channel();
        let now = Duration::ZERO;
        assert!(matches!(control_channel.handle_text(now, "{"), Err(EndReason::Protocol(_))));
        let long = "x".repeat(65 << 10);
        assert!(matches!(control_channel.handle_text(now, &long), Err(EndReason::Limit(_))));
        assert!(matches!(control_channel.handle_chunk(now, &[1, 2]), Err(EndReason::Protocol(_))));
        let end = (0..200).find_map(|_| control_channel.handle_text(now, "{}").err());
        assert_eq!(end, Some(EndReason::Limit("control messages per second")));
        assert!(control_channel.handle_text(Duration::from_secs(2), "{\"type\":\"new\"}").is_ok());
    }

    #[test]
    fn uploads_are_rejected_if_disabled() {
        let (mut control_channel, _publisher) = control_channel();
        let file = json!({ "type": "file", "id": 1, "name": "a", "bytes": 1, "sha256": "" });
        let answer =
            control_channel.handle_text(Duration::ZERO, &file.to_string()).unwrap().unwrap();
        assert!(answer.contains("fileRejected") && answer.contains("--files"), "{answer}");
        let answer = control_channel.handle_chunk(Duration::ZERO, &[0; 20]).unwrap().unwrap();
        assert!(answer.contains("fileRejected"), "{answer}");
    }

    #[test]
    fn statistics_are_sent_once_a_second() {
        let (mut control_channel, _publisher) = control_channel();
        assert!(control_channel.poll(Duration::ZERO).is_some());
        assert!(control_channel.poll(Duration::from_millis(999)).is_none());
        let said = control_channel.video(VideoState { paused: Some("narrow"), small: false });
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said, json!({ "type": "video", "paused": "narrow", "small": false }));
        let stats: Value =
            serde_json::from_str(&control_channel.poll(Duration::from_secs(1)).unwrap()).unwrap();
        assert_eq!(stats["paused"], "narrow");
    }
}
