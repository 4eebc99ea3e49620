//! A publisher over WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use codec_core::frame::Rational;
use codec_rtc::packet::VideoFormat;
use tokio::sync::Notify;

use super::super::audit::Totals;
use super::super::media::{AUDIO_HZ, AudioPacket, VIDEO_HZ, VideoCodecs, VideoFrame};
use super::super::outcome::EndReason;
use super::super::room::Publisher;
use super::super::sessions::Session;
use super::super::state::ServerState;
use super::super::token_bucket::TokenBucket;
use super::super::video_codec::name_of;
use super::{EndWatch, PING_INTERVAL, RECEIVE_TIMEOUT, close, end_reason, protocol_error, send};
use crate::framing::feedback::Feedback;
use crate::framing::{Hello, Item, Kind, Media, Parser, Record, StreamDescription};

/// A published stream of the hello.
#[derive(Clone, Copy, Debug)]
struct InputStream {
    /// The codec, if it is video.
    video: Option<VideoFormat>,
    time_base: Rational,
    /// Time of the last packet, in ticks.
    last: u64,
}

struct PublisherSession {
    publisher: Publisher,
    shared: Arc<ServerState>,
    parser: Parser,
    streams: Vec<Option<InputStream>>,
    /// Offset added to timestamps, in nanoseconds; set at the first record.
    origin: Option<i128>,
    messages: TokenBucket,
    last_received: Duration,
    totals: Totals,
}

pub(in super::super) async fn run(
    mut socket: WebSocket,
    shared: Arc<ServerState>,
    publisher: Publisher,
    session: Session,
    mut ended: EndWatch,
    keys: Arc<Notify>,
) {
    let now = shared.clock.now();
    let mut publish = PublisherSession {
        publisher,
        parser: Parser::new(),
        streams: Vec::new(),
        origin: None,
        messages: TokenBucket::new(shared.limits.media_per_second.into()),
        last_received: now,
        totals: Totals::default(),
        shared,
    };
    let reason = publish.run(&mut socket, &mut ended, &keys).await;
    close(&mut socket, &reason).await;
    session.conclude(reason.clone(), publish.totals);
    match reason {
        EndReason::ServerStopped => publish.publisher.end(reason),
        EndReason::TimedOut | EndReason::Protocol(_) | EndReason::Failed(_) => {
            publish.publisher.leave();
        }
        _ => publish.publisher.end(EndReason::PublisherEnded),
    }
}

impl PublisherSession {
    async fn run(
        &mut self,
        socket: &mut WebSocket,
        ended: &mut EndWatch,
        keys: &Notify,
    ) -> EndReason {
        loop {
            let step = tokio::select! {
                biased;
                reason = end_reason(ended) => Err(reason),
                () = keys.notified() => request_key_frame(socket).await,
                message = socket.recv() => match message {
                    None => Err(EndReason::TimedOut),
                    Some(Err(error)) => Err(protocol_error(&error)),
                    Some(Ok(message)) => self.handle_message(message),
                },
                () = tokio::time::sleep(PING_INTERVAL) => {
                    if self.shared.clock.now().saturating_sub(self.last_received) > RECEIVE_TIMEOUT {
                        Err(EndReason::TimedOut)
                    } else {
                        send(socket, Message::Ping(Bytes::new())).await
                    }
                },
            };
            if let Err(reason) = step {
                return reason;
            }
        }
    }

    fn handle_message(&mut self, message: Message) -> Result<(), EndReason> {
        let now = self.shared.clock.now();
        self.last_received = now;
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return Err(EndReason::Closed),
            Message::Text(_) => {
                return Err(EndReason::Protocol(
                    "unexpected text message, expected media".to_owned(),
                ));
            }
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
        };
        if !self.messages.take(now, 1) {
            return Err(EndReason::Limit("media messages per second"));
        }
        let mut rest = &bytes[..];
        loop {
            let item = self.parser.next(&mut rest);
            match item.map_err(|error| EndReason::Protocol(error.to_string()))? {
                None => return Ok(()),
                Some(Item::Hello(hello)) => {
                    let codecs = self.shared.video_codecs;
                    self.streams = hello.streams.iter().map(|it| stream(it, codecs)).collect();
                    if self.streams.iter().all(Option::is_none) {
                        return Err(EndReason::Protocol(unsupported(&hello, codecs)));
                    }
                }
                Some(Item::Record(record)) => self.forward(record)?,
            }
        }
    }

    fn forward(&mut self, record: Record) -> Result<(), EndReason> {
        if record.kind == Kind::End {
            return Err(EndReason::Closed);
        }
        let stream = self.streams.get_mut(usize::from(record.stream)).and_then(Option::as_mut);
        let Some(stream) = stream else { return Ok(()) };
        let hz = if stream.video.is_some() { VIDEO_HZ } else { AUDIO_HZ };
        // A stream continued by another publisher keeps its own time; times are never negative.
        let since = self.shared.clock.now().saturating_sub(self.publisher.stream().started_at());
        let takes_over = self.publisher.takes_over();
        let origin = *self.origin.get_or_insert_with(|| {
            let pts = nanos(record.pts, stream.time_base);
            let begin = if takes_over { since.as_nanos().cast_signed() } else { pts.max(0) };
            begin - pts
        });
        // Times must not decrease; earlier ones are clamped.
        stream.last = stream.last.max(ticks(record.pts, stream.time_base, hz, origin));
        let pts = stream.last;
        self.totals.bytes += record.payload.len() as u64;
        match (record.kind, stream.video) {
            (Kind::Video, Some(format)) => {
                self.totals.frames += 1;
                self.publisher.send_video(VideoFrame {
                    data: record.payload.into(),
                    format,
                    pts,
                    key: record.flags.key,
                    hidden: record.flags.hidden,
                    captured: record.captured,
                    ..VideoFrame::default()
                })
            }
            (Kind::Audio, None) => {
                let data = record.payload.into();
                self.publisher.send_audio(AudioPacket { data, pts, ..AudioPacket::default() })
            }
            _ => Ok(()),
        }
    }
}

fn stream(stream: &StreamDescription, codecs: VideoCodecs) -> Option<InputStream> {
    let codec = stream.codec.as_str();
    let video = match stream.media {
        Media::Video { .. } => Some(codecs.iter().find(|format| name_of(*format) == codec)?),
        Media::Audio { .. } if codec == "opus" => None,
        Media::Audio { .. } => return None,
    };
    Some(InputStream { video, time_base: stream.time_base, last: 0 })
}

/// Explains that no stream of a hello can be used.
fn unsupported(hello: &Hello, codecs: VideoCodecs) -> String {
    let found: Vec<&str> = hello.streams.iter().map(|stream| stream.codec.as_str()).collect();
    let taken: Vec<&str> = codecs.iter().map(name_of).chain(["opus"]).collect();
    format!("unsupported codecs: got {}, expected {}", found.join(", "), taken.join(", "))
}

/// Converts a time to nanoseconds; exact within a few centuries.
fn nanos(pts: i64, time_base: Rational) -> i128 {
    let pts = i128::from(pts) * i128::from(time_base.num);
    // 2^95 at most.
    (pts / i128::from(time_base.den.max(1)) * 1_000_000_000).saturating_add(
        pts % i128::from(time_base.den.max(1)) * 1_000_000_000 / i128::from(time_base.den.max(1)),
    )
}

/// Converts a time plus an offset in nanoseconds to ticks of `1 / hz` seconds; negative times
/// become 0.
fn ticks(pts: i64, time_base: Rational, hz: u32, origin: i128) -> u64 {
    let scaled = i128::from(pts) * i128::from(time_base.num) * i128::from(hz);
    let ticks = scaled / i128::from(time_base.den.max(1));
    let moved = origin.saturating_mul(hz.into()) / 1_000_000_000;
    u64::try_from(ticks.saturating_add(moved).max(0)).unwrap_or(u64::MAX)
}

async fn request_key_frame(socket: &mut WebSocket) -> Result<(), EndReason> {
    let mut out = Vec::new();
    let record = Record::control(Kind::Feedback, Feedback::KeyRequest.payload());
    record.write(&mut out).map_err(|error| EndReason::Failed(error.to_string()))?;
    send(socket, Message::binary(out)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_converted_to_ticks_of_the_stream() {
        assert_eq!(ticks(30, Rational::new(1, 30), 90_000, 0), 90_000);
        assert_eq!(ticks(1001, Rational::new(1, 1000), 48_000, 0), 48_048);
        assert_eq!(ticks(-5, Rational::new(1, 1000), 48_000, 0), 0);
        assert_eq!(ticks(-5, Rational::new(1, 1000), 48_000, 7_000_000), 96);
        assert_eq!(ticks(i64::MAX, Rational::new(u32::MAX, 1), 90_000, 0), u64::MAX);
        assert_eq!(nanos(-312, Rational::new(1, 48_000)), -6_500_000);
    }
}
