//! Metrics for monitoring, in the text format of OpenMetrics 1.0.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::super::auth::{Scope, Target};
use super::super::cluster::LinkCounters;
use super::super::sessions::SessionKind;
use super::super::state::ServerState;
use super::guard::Client;
use super::response::ErrorResponse;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A text under construction.
#[derive(Debug, Default)]
struct Exposition(String);

impl Exposition {
    /// Begins a metric. `kind`: `gauge` or `counter`; samples of counters end with `_total`.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# TYPE {name} {kind}\n# HELP {name} {help}");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: impl Display) {
        let label = label.map(|(name, value)| format!("{{{name}=\"{}\"}}", escaped(value)));
        let _ = writeln!(self.0, "{name}{} {value}", label.unwrap_or_default());
    }

    fn finish(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

/// A label value with its special characters escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Returns the figures.
pub(super) async fn metrics(
    State(shared): State<Arc<ServerState>>,
    Extension(client): Extension<Client>,
) -> Result<Response, ErrorResponse> {
    client.require(Scope::Admin, Target::Server)?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], exposition(&shared)).into_response())
}

fn exposition(shared: &ServerState) -> String {
    let mut text = Exposition::default();
    let is_healthy = shared.health.calls_failure().is_none();
    text.metric("codec_healthy", "gauge", "1 if WebRTC calls can be served, otherwise 0.");
    text.sample("codec_healthy", None, u8::from(is_healthy));
    let drains = shared.drain.until().is_some();
    text.metric("codec_draining", "gauge", "1 if no new calls are accepted, otherwise 0.");
    text.sample("codec_draining", None, u8::from(drains));
    text.metric("codec_sessions_started", "counter", "Sessions since the start.");
    text.sample("codec_sessions_started_total", None, shared.sessions.started());
    let mut kinds = BTreeMap::from(SessionKind::ALL.map(|kind| (kind.name(), 0_u64)));
    let mut rooms: BTreeMap<String, u64> = BTreeMap::new();
    shared.sessions.for_each(|kind, name| {
        *kinds.entry(kind.name()).or_default() += 1;
        if kind == SessionKind::Room {
            *rooms.entry(name.to_owned()).or_default() += 1;
        }
    });
    text.metric("codec_sessions", "gauge", "Open sessions.");
    for (kind, count) in kinds {
        text.sample("codec_sessions", Some(("kind", kind)), count);
    }
    text.metric("codec_room_members", "gauge", "Members of each room.");
    for (room, count) in &rooms {
        text.sample("codec_room_members", Some(("room", room)), count);
    }
    let streams = shared.hub.streams();
    text.metric("codec_stream_viewers", "gauge", "Viewers of each stream.");
    for stream in &streams {
        let label = Some(("stream", stream.name()));
        text.sample("codec_stream_viewers", label, stream.stats().1);
    }
    text.metric("codec_stream_frames", "counter", "Published frames of each stream.");
    for stream in &streams {
        let label = Some(("stream", stream.name()));
        text.sample("codec_stream_frames_total", label, stream.stats().0.frames);
    }
    text.metric("codec_stream_bytes", "counter", "Published bytes of each stream.");
    for stream in &streams {
        let label = Some(("stream", stream.name()));
        text.sample("codec_stream_bytes_total", label, stream.stats().0.bytes);
    }
    webhooks(&mut text, shared);
    cluster(&mut text, shared);
    text.finish()
}

/// The other nodes of a cluster, if there are any.
fn cluster(text: &mut Exposition, shared: &ServerState) {
    let nodes = shared.network.cluster_status().nodes();
    if nodes.is_empty() {
        return;
    }
    text.metric("codec_cluster_nodes", "gauge", "Other nodes that are alive.");
    text.sample("codec_cluster_nodes", None, nodes.iter().filter(|it| it.is_alive).count());
    text.metric("codec_cluster_members", "gauge", "Members of rooms at other nodes.");
    let alive = nodes.iter().filter(|it| it.is_alive);
    text.sample("codec_cluster_members", None, alive.map(|it| it.members).sum::<usize>());
    text.metric("codec_cluster_packets", "counter", "Packets on links to other nodes.");
    type Count = fn(&LinkCounters) -> u64;
    let counts: [(&str, Count); 4] = [
        ("sent", |it| it.sent),
        ("resent", |it| it.resent),
        ("received", |it| it.received),
        ("rejected", |it| it.rejected),
    ];
    for (what, count) in counts {
        let total: u64 = nodes.iter().map(|it| count(&it.link)).sum();
        text.sample("codec_cluster_packets_total", Some(("what", what)), total);
    }
}

/// Writes the numbers of events by outcome, if there are webhooks.
fn webhooks(text: &mut Exposition, shared: &ServerState) {
    let Some(counts) = shared.webhooks.counts() else { return };
    text.metric("codec_webhook_events", "counter", "Webhook events by outcome.");
    for (outcome, count) in [("delivered", counts.delivered), ("dropped", counts.dropped)] {
        text.sample("codec_webhook_events_total", Some(("outcome", outcome)), count);
    }
    text.metric("codec_webhook_retries", "counter", "Failed webhook deliveries that are retried.");
    text.sample("codec_webhook_retries_total", None, counts.retries);
    text.metric("codec_webhook_waiting", "gauge", "Webhook events that wait for delivery.");
    text.sample("codec_webhook_waiting", None, counts.waiting);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_of_labels_are_escaped() {
        let mut text = Exposition::default();
        text.metric("codec_room_members", "gauge", "Members.");
        text.sample("codec_room_members", Some(("room", "a\"\\\nb")), 3);
        assert_eq!(
            text.finish(),
            "# TYPE codec_room_members gauge\n# HELP codec_room_members Members.\n\
             codec_room_members{room=\"a\\\"\\\\\\nb\"} 3\n# EOF\n"
        );
    }
}
