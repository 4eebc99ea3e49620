//! A viewer over WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use codec_audio::opus_head::OpusHead;
use codec_audio::{AudioCodec, AudioFormat, ChannelLayout};
use codec_container::{AudioTrack, Format, Track, VideoTrack};
use codec_core::frame::{Rational, Size};
use codec_rtc::packet::VideoFormat;
use tokio::sync::mpsc;

use super::super::audit::Totals;
use super::super::control_channel::ControlChannel;
use super::super::media::{AUDIO_HZ, FrameInfo, VIDEO_HZ, VideoFrame};
use super::super::outcome::EndReason;
use super::super::room::{Item, Stream, StreamInfo, Viewer};
use super::super::sessions::Session;
use super::super::state::ServerState;
use super::{EndWatch, PING_INTERVAL, RECEIVE_TIMEOUT, close, end_reason, protocol_error, send};
use crate::framing::feedback::Feedback;
use crate::framing::{Hello, Item as Framed, Kind, Parser, StreamDescription};
use crate::random;

/// Maximum number of items queued for the socket: two seconds of video and audio.
const MAX_QUEUED_ITEMS: usize = 160;

struct ViewerSession {
    viewer: Viewer,
    control_channel: Option<ControlChannel>,
    shared: Arc<ServerState>,
    info: StreamInfo,
    hello_sent: bool,
    /// The codec that the hello announced.
    format: Option<VideoFormat>,
    feedback: Parser,
    last_received: Duration,
    next_ping: Duration,
    totals: Totals,
}

pub(in super::super) async fn run(
    mut socket: WebSocket,
    shared: Arc<ServerState>,
    stream: Arc<Stream>,
    session: Session,
    mut ended: EndWatch,
    has_control_channel: bool,
) {
    let (sink, mut items) = mpsc::channel(MAX_QUEUED_ITEMS);
    let viewer = match Viewer::join(&stream, Box::new(sink)) {
        Ok(viewer) => viewer,
        Err(rejection) => {
            let reason = EndReason::Failed(rejection.to_string());
            close(&mut socket, &reason).await;
            session.conclude(reason, Totals::default());
            return;
        }
    };
    let now = shared.clock.now();
    let control_channel = has_control_channel.then(|| {
        let files = shared.uploads.clone();
        ControlChannel::new(Arc::clone(&stream), files, shared.limits, "viewer", session.number())
    });
    let mut view = ViewerSession {
        viewer,
        control_channel,
        info: stream.info(),
        hello_sent: false,
        format: None,
        feedback: Parser::of_records(),
        last_received: now,
        next_ping: now + PING_INTERVAL,
        totals: Totals::default(),
        shared,
    };
    let reason = match view.run(&mut socket, &mut items, &mut ended).await {
        Err(reason) => reason,
        Ok(never) => match never {},
    };
    close(&mut socket, &reason).await;
    session.conclude(reason, view.totals);
}

/// A session always ends with a reason.
enum Never {}

impl ViewerSession {
    async fn run(
        &mut self,
        socket: &mut WebSocket,
        items: &mut mpsc::Receiver<Item>,
        ended: &mut EndWatch,
    ) -> Result<Never, EndReason> {
        if let Some(control_channel) = &self.control_channel {
            send(socket, Message::text(control_channel.hello())).await?;
        }
        loop {
            let now = self.shared.clock.now();
            let talk_time = self.control_channel.as_ref().map(ControlChannel::poll_timeout);
            let wake = talk_time.unwrap_or(self.next_ping).min(self.next_ping);
            tokio::select! {
                biased;
                reason = end_reason(ended) => return Err(reason),
                message = socket.recv() => match message {
                    None => return Err(EndReason::TimedOut),
                    Some(Err(error)) => return Err(protocol_error(&error)),
                    Some(Ok(message)) => self.handle_message(socket, message).await?,
                },
                item = items.recv() => match item {
                    None => {
                        let over = self.viewer.stream().end_reason();
                        return Err(over.unwrap_or(EndReason::PublisherEnded));
                    }
                    Some(item) => self.send_item(socket, item).await?,
                },
                () = tokio::time::sleep(wake.saturating_sub(now)) => self.handle_timeout(socket).await?,
            }
        }
    }

    async fn handle_timeout(&mut self, socket: &mut WebSocket) -> Result<(), EndReason> {
        let now = self.shared.clock.now();
        if now.saturating_sub(self.last_received) > RECEIVE_TIMEOUT {
            return Err(EndReason::TimedOut);
        }
        if let Some(stats) =
            self.control_channel.as_mut().and_then(|control_channel| control_channel.poll(now))
        {
            send(socket, Message::text(stats)).await?;
        }
        if now >= self.next_ping {
            self.next_ping = now + PING_INTERVAL;
            send(socket, Message::Ping(Bytes::new())).await?;
        }
        Ok(())
    }

    async fn send_item(&mut self, socket: &mut WebSocket, item: Item) -> Result<(), EndReason> {
        let bytes = match item {
            Item::Video(frame) => {
                self.totals.frames += 1;
                self.send_hello(socket, Some(&frame)).await?;
                frame.record()
            }
            // Players need the frame size first.
            Item::Audio(_) if self.info.video.is_some() && !self.hello_sent => None,
            Item::Audio(packet) => {
                self.send_hello(socket, None).await?;
                packet.record()
            }
            Item::Chat(line) => {
                if self.control_channel.is_some() {
                    send(socket, Message::text(line.to_string())).await?;
                }
                None
            }
            Item::Ended(reason) => return Err(reason),
        };
        if let Some(bytes) = bytes {
            self.totals.bytes += bytes.len() as u64;
            send(socket, Message::Binary(bytes)).await?;
        }
        Ok(())
    }

    async fn send_hello(
        &mut self,
        socket: &mut WebSocket,
        frame: Option<&VideoFrame>,
    ) -> Result<(), EndReason> {
        let format = frame.map(|frame| frame.format);
        if self.hello_sent {
            // A hello cannot be repeated: clients would take it for media.
            return match (format, self.format) {
                (Some(now), Some(before)) if now != before => Err(EndReason::CodecChanged),
                _ => Ok(()),
            };
        }
        self.format = format;
        let video = frame.map(|frame| {
            (frame.format, FrameInfo::parse(frame.format, &frame.data).and_then(|it| it.size))
        });
        let mut out = Vec::new();
        let hello = Hello { session: u64::from_be_bytes(random::bytes()), streams: streams(video) };
        hello.write(&mut out).map_err(|what| EndReason::Failed(what.to_owned()))?;
        self.hello_sent = true;
        send(socket, Message::binary(out)).await
    }

    async fn handle_message(
        &mut self,
        socket: &mut WebSocket,
        message: Message,
    ) -> Result<(), EndReason> {
        let now = self.shared.clock.now();
        self.last_received = now;
        let answer = match (message, &mut self.control_channel) {
            (Message::Close(_), _) => return Err(EndReason::Closed),
            (Message::Text(text), Some(control_channel)) => {
                control_channel.handle_text(now, text.as_str())?
            }
            (Message::Binary(bytes), Some(control_channel)) => {
                control_channel.handle_chunk(now, &bytes)?
            }
            (Message::Binary(bytes), None) => {
                self.handle_feedback(&bytes)?;
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
    fn handle_feedback(&mut self, mut bytes: &[u8]) -> Result<(), EndReason> {
        let failed = |error: crate::framing::FramingError| EndReason::Protocol(error.to_string());
        while let Some(item) = self.feedback.next(&mut bytes).map_err(failed)? {
            if let Framed::Record(record) = item
                && record.kind == Kind::Feedback
                && Feedback::parse(&record.payload) == Some(Feedback::KeyRequest)
            {
                self.viewer.request_key_frame();
            }
        }
        Ok(())
    }
}

/// The streams in our hello: video first, if any, then audio.
fn streams(video: Option<(VideoFormat, Option<Size>)>) -> Vec<StreamDescription> {
    let (format, size) = video.unwrap_or_default();
    let size = size.unwrap_or(Size::new(16, 16));
    let video = VideoTrack::new(Format::Matroska, format.into(), size, Rational::new(1, VIDEO_HZ));
    let format = AudioFormat::new(AUDIO_HZ, ChannelLayout::Stereo);
    let mut audio = AudioTrack::new(Format::Matroska, AudioCodec::Opus, format);
    audio.codec_private = OpusHead::plain(2, 0, AUDIO_HZ).to_bytes();
    let tracks = [Track::Video(video), Track::Audio(audio)];
    tracks.iter().filter_map(StreamDescription::of).collect()
}
