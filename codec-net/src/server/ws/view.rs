//! Watching over WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{AudioTrack, Format, Track, VideoTrack};
use codec_core::codec::Codec;
use codec_core::frame::{Rational, Size};
use tokio::sync::mpsc;

use super::super::audit::Moved;
use super::super::media::{FrameFacts, SOUND_HZ, VIDEO_HZ, VideoFrame};
use super::super::outcome::EndReason;
use super::super::room::{About, Item, Stream, Viewer};
use super::super::sessions::Session;
use super::super::start::Shared;
use super::super::talk::Talk;
use super::{EndWatch, PING_INTERVAL, SILENCE, broken, close, send, told};
use crate::framing::feedback::Feedback;
use crate::framing::{Hello, Item as Framed, Kind, Parser, StreamDescription};
use crate::random;

/// Maximum number of items queued for the socket: two seconds of video and audio.
const QUEUE: usize = 160;

struct View {
    viewer: Viewer,
    talk: Option<Talk>,
    shared: Arc<Shared>,
    about: About,
    hello_sent: bool,
    feedback: Parser,
    heard: Duration,
    next_ping: Duration,
    moved: Moved,
}

pub(super) async fn run(
    mut socket: WebSocket,
    shared: Arc<Shared>,
    stream: Arc<Stream>,
    session: Session,
    mut ended: EndWatch,
    talks: bool,
) {
    let (outlet, mut items) = mpsc::channel(QUEUE);
    let viewer = match stream.join(Box::new(outlet)) {
        Ok(viewer) => viewer,
        Err(refusal) => {
            let reason = EndReason::Failed(refusal.to_string());
            close(&mut socket, &reason).await;
            session.conclude(reason, Moved::default());
            return;
        }
    };
    let now = shared.clock.now();
    let talk = talks.then(|| {
        let files = shared.files.clone();
        Talk::new(Arc::clone(&stream), files, shared.limits, "viewer", session.number())
    });
    let mut view = View {
        viewer,
        talk,
        about: stream.about(),
        hello_sent: false,
        feedback: Parser::of_records(),
        heard: now,
        next_ping: now + PING_INTERVAL,
        moved: Moved::default(),
        shared,
    };
    let reason = match view.speak(&mut socket, &mut items, &mut ended).await {
        Err(reason) => reason,
        Ok(never) => match never {},
    };
    close(&mut socket, &reason).await;
    session.conclude(reason, view.moved);
}

/// A session always ends with a reason.
enum Never {}

impl View {
    async fn speak(
        &mut self,
        socket: &mut WebSocket,
        items: &mut mpsc::Receiver<Item>,
        ended: &mut EndWatch,
    ) -> Result<Never, EndReason> {
        if let Some(talk) = &self.talk {
            send(socket, Message::text(talk.hello())).await?;
        }
        loop {
            let now = self.shared.clock.now();
            let talk_time = self.talk.as_ref().map(Talk::poll_timeout);
            let wake = talk_time.unwrap_or(self.next_ping).min(self.next_ping);
            tokio::select! {
                biased;
                reason = told(ended) => return Err(reason),
                message = socket.recv() => match message {
                    None => return Err(EndReason::Vanished),
                    Some(Err(error)) => return Err(broken(&error)),
                    Some(Ok(message)) => self.heard(socket, message).await?,
                },
                item = items.recv() => match item {
                    None => {
                        let over = self.viewer.stream().over();
                        return Err(over.unwrap_or(EndReason::PublisherEnded));
                    }
                    Some(item) => self.tell(socket, item).await?,
                },
                () = tokio::time::sleep(wake.saturating_sub(now)) => self.tick(socket).await?,
            }
        }
    }

    async fn tick(&mut self, socket: &mut WebSocket) -> Result<(), EndReason> {
        let now = self.shared.clock.now();
        if now.saturating_sub(self.heard) > SILENCE {
            return Err(EndReason::Vanished);
        }
        if let Some(stats) = self.talk.as_mut().and_then(|talk| talk.poll(now)) {
            send(socket, Message::text(stats)).await?;
        }
        if now >= self.next_ping {
            self.next_ping = now + PING_INTERVAL;
            send(socket, Message::Ping(Bytes::new())).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, socket: &mut WebSocket, item: Item) -> Result<(), EndReason> {
        let bytes = match item {
            Item::Video(frame) => {
                self.moved.frames += 1;
                self.hello(socket, Some(&frame)).await?;
                frame.record()
            }
            // Players need the frame size first.
            Item::Sound(_) if self.about.video && !self.hello_sent => None,
            Item::Sound(packet) => {
                self.hello(socket, None).await?;
                packet.record()
            }
            Item::Talk(line) => {
                if self.talk.is_some() {
                    send(socket, Message::text(line.to_string())).await?;
                }
                None
            }
            Item::Ended(reason) => return Err(reason),
        };
        if let Some(bytes) = bytes {
            self.moved.bytes += bytes.len() as u64;
            send(socket, Message::Binary(bytes)).await?;
        }
        Ok(())
    }

    async fn hello(
        &mut self,
        socket: &mut WebSocket,
        frame: Option<&VideoFrame>,
    ) -> Result<(), EndReason> {
        if self.hello_sent {
            return Ok(());
        }
        let size = frame.and_then(|frame| FrameFacts::read(&frame.data)?.size);
        let mut out = Vec::new();
        let hello = Hello { session: u64::from_be_bytes(random::bytes()), streams: streams(size) };
        hello.write(&mut out).map_err(|what| EndReason::Failed(what.to_owned()))?;
        self.hello_sent = true;
        send(socket, Message::binary(out)).await
    }

    async fn heard(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), EndReason> {
        let now = self.shared.clock.now();
        self.heard = now;
        let answer = match (message, &mut self.talk) {
            (Message::Close(_), _) => return Err(EndReason::Closed),
            (Message::Text(text), Some(talk)) => talk.text(now, text.as_str())?,
            (Message::Binary(bytes), Some(talk)) => talk.chunk(now, &bytes)?,
            (Message::Binary(bytes), None) => {
                self.feedback(&bytes)?;
                None
            }
            _ => None,
        };
        match answer {
            Some(answer) => send(socket, Message::text(answer)).await,
            None => Ok(()),
        }
    }

    /// Handles feedback from `codec recv`.
    fn feedback(&mut self, mut bytes: &[u8]) -> Result<(), EndReason> {
        let failed = |error: crate::framing::FramingError| EndReason::Protocol(error.to_string());
        while let Some(item) = self.feedback.next(&mut bytes).map_err(failed)? {
            if let Framed::Record(record) = item
                && record.kind == Kind::Feedback
                && Feedback::parse(&record.payload) == Some(Feedback::KeyRequest)
            {
                self.viewer.want_key();
            }
        }
        Ok(())
    }
}

/// The streams in our hello: video first, if any, then audio.
fn streams(size: Option<Size>) -> Vec<StreamDescription> {
    let size = size.unwrap_or(Size::new(16, 16));
    let video = VideoTrack::new(Format::WebM, Codec::Vp8, size, Rational::new(1, VIDEO_HZ));
    let format = AudioFormat::new(SOUND_HZ, ChannelLayout::Stereo);
    let mut sound = AudioTrack::new(Format::WebM, AudioCodec::Opus, format);
    sound.codec_private = OpusHead::plain(2, 0, SOUND_HZ).to_bytes();
    let tracks = [Track::Video(video), Track::Audio(sound)];
    tracks.iter().filter_map(StreamDescription::of).collect()
}
