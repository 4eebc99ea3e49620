//! Totals of `send` and `recv`, and their reports.

use std::time::Duration;

use codec_net::link_emulator::{DirectionStats, LinkEmulator};

use crate::Env;
use crate::count::counted;
use crate::failure::Failure;
use crate::json::Object;

/// Maximum time that the last datagrams may be in flight on an emulated link.
const LAST_WAY: Duration = Duration::from_secs(3);

/// Totals of coded media.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Shown frames.
    pub(crate) frames: u64,
    pub(crate) key_frames: u64,
    /// Dropped frames.
    pub(crate) dropped: u64,
    /// Bytes of all frames.
    pub(crate) bytes: u64,
    pub(crate) audio_packets: u64,
    pub(crate) audio_bytes: u64,
}

impl Totals {
    /// Counts a frame that was sent or recorded.
    pub(crate) fn frame(&mut self, shown: bool, key: bool, bytes: usize) {
        self.frames += u64::from(shown);
        self.key_frames += u64::from(key);
        self.bytes += bytes as u64;
    }

    /// Counts an audio packet.
    pub(crate) fn audio(&mut self, bytes: usize) {
        self.audio_packets += 1;
        self.audio_bytes += bytes as u64;
    }

    /// Bytes of both media.
    pub(crate) fn all_bytes(&self) -> u64 {
        self.bytes + self.audio_bytes
    }

    /// Reports the summary: as an event with additions by `more`, and as a line made of `begin`,
    /// `middle` and `end`. Before that, datagrams in flight on an emulated link may arrive.
    pub(crate) fn report(&self, env: &Env, relay: Option<&LinkEmulator>, summary: Summary<'_>) {
        let Summary { begin, middle, end, more, outcome } = summary;
        let code = outcome.as_ref().err().map_or(0, |failure| failure.kind as u8);
        let mut event = Object::new()
            .text("type", "summary")
            .raw("frames", self.frames)
            .raw("key_frames", self.key_frames)
            .raw("dropped", self.dropped)
            .raw("bytes", self.bytes)
            .raw("audio_packets", self.audio_packets)
            .raw("audio_bytes", self.audio_bytes);
        event = more(event).raw("exit_code", code);
        if let Some(relay) = relay {
            event = event.raw("netem", netem_json(relay));
        }
        env.events.event(event);
        if env.events.takes_records() {
            return;
        }
        let mut parts = vec![begin];
        if self.audio_packets > 0 {
            parts.push(counted(self.audio_packets, "audio packet"));
        }
        parts.extend(middle);
        if self.dropped > 0 {
            parts.push(format!("{} dropped", counted(self.dropped, "frame")));
        }
        parts.extend(end);
        env.events.note(parts.join("; "));
    }
}

/// Further contents of a summary.
pub(crate) struct Summary<'a> {
    pub(crate) begin: String,
    pub(crate) middle: Option<String>,
    pub(crate) end: Vec<String>,
    /// Adds members to the event.
    pub(crate) more: &'a dyn Fn(Object) -> Object,
    pub(crate) outcome: &'a Result<(), Failure>,
}

/// Waits for datagrams in flight on an emulated link.
pub(crate) fn drain(relay: Option<&LinkEmulator>) {
    if let Some(relay) = relay {
        relay.drain(LAST_WAY);
    }
}

/// Statistics of the emulator.
fn netem_json(relay: &LinkEmulator) -> String {
    let stats = relay.stats();
    let direction = |it: DirectionStats| {
        Object::new()
            .raw("offered", it.offered)
            .raw("delivered", it.delivered)
            .raw("dropped_by_queue", it.dropped_by_queue)
            .raw("lost", it.lost)
            .finish()
    };
    Object::new()
        .raw("forward", direction(stats.forward))
        .raw("backward", direction(stats.backward))
        .raw("overload", stats.overload)
        .finish()
}

/// Creates a getStats object (W3C webrtc-stats).
pub(crate) fn stats_object(kind: &str, id: &str) -> Object {
    Object::new().text("type", kind).text("id", id)
}

/// Formats seconds with microsecond resolution.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// The getStats object of the connection, with the name of the direction: `Sent` or `Received`.
pub(crate) fn pair(
    direction: &str,
    packets: u64,
    bytes: u64,
    round_trip: Option<Duration>,
) -> Object {
    let pair = stats_object("candidate-pair", "pair")
        .raw(&format!("packets{direction}"), packets)
        .raw(&format!("bytes{direction}"), bytes);
    match round_trip {
        Some(time) => pair.raw("currentRoundTripTime", seconds(time)),
        None => pair,
    }
}
