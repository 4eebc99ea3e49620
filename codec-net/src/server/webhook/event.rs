//! Webhook events and their JSON, which contains no addresses and no secrets.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::super::conference::Report;

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Event {
    /// An event in a room.
    Room(Report),
    /// A stream started.
    StreamStarted {
        stream: String,
        /// How it is published: `whip`, `ws`, `local`.
        kind: &'static str,
    },
    /// A stream ended.
    StreamEnded { stream: String, reason: String, lasted: Duration },
    /// A recording is complete: the name of its file in the folder of recordings.
    Recorded { stream: String, file: String },
    /// A recording ended by an error.
    RecordingFailed { stream: String, error: String },
}

impl Event {
    /// Its type.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Room(Report::Waits { .. }) => "room.waiting",
            Self::Room(Report::Joined { .. }) => "room.joined",
            Self::Room(Report::Left { .. }) => "room.left",
            Self::Room(Report::Said { .. }) => "room.message",
            Self::StreamStarted { .. } => "stream.started",
            Self::StreamEnded { .. } => "stream.ended",
            Self::Recorded { .. } => "stream.recorded",
            Self::RecordingFailed { .. } => "stream.recording_failed",
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::Room(report) => room(report),
            Self::StreamStarted { stream, kind } => json!({ "stream": stream, "kind": kind }),
            Self::StreamEnded { stream, reason, lasted } => {
                json!({ "stream": stream, "reason": reason, "seconds": lasted.as_secs_f64() })
            }
            Self::Recorded { stream, file } => json!({ "stream": stream, "file": file }),
            Self::RecordingFailed { stream, error } => json!({ "stream": stream, "error": error }),
        }
    }

    /// The body of the request. `number` is the number of this event in this run, from 1; `at` is the time at which it
    /// happened.
    pub(super) fn body(&self, number: u64, at: SystemTime) -> String {
        json!({
            "type": self.name(),
            "timestamp": humantime::format_rfc3339_millis(at).to_string(),
            "sequence": number,
            "data": self.data(),
        })
        .to_string()
    }
}

fn room(report: &Report) -> Value {
    let (room, person) = match report {
        Report::Waits { room, person }
        | Report::Joined { room, person }
        | Report::Left { room, person, .. }
        | Report::Said { room, person, .. } => (room, person),
    };
    let mut data = json!({
        "room": **room,
        "member": person.id,
        "session": person.session,
        "name": person.name,
        "subject": person.subject.as_deref(),
    });
    if let Some(fields) = data.as_object_mut() {
        match report {
            Report::Waits { .. } | Report::Joined { .. } => {}
            Report::Left { reason, stayed, .. } => {
                fields.insert("reason".to_owned(), reason.to_string().into());
                fields.insert("seconds".to_owned(), stayed.as_secs_f64().into());
            }
            Report::Said { text, .. } => _ = fields.insert("text".to_owned(), text.clone().into()),
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::super::super::conference::Attendee;
    use super::super::super::outcome::EndReason;
    use super::*;

    #[test]
    fn every_event_has_a_type_a_time_and_its_data() {
        let person = || Attendee {
            id: 3,
            session: 7,
            name: "Ann \"the\" <b>".to_owned(),
            subject: Some("ann".into()),
        };
        let stream = || "cam".to_owned();
        let lasted = Duration::from_millis(1500);
        for (event, name, data) in [
            (
                Event::Room(Report::Waits { room: "team".into(), person: person() }),
                "room.waiting",
                json!({ "room": "team", "member": 3, "session": 7, "name": person().name, "subject": "ann" }),
            ),
            (
                Event::Room(Report::Joined { room: "team".into(), person: person() }),
                "room.joined",
                json!({ "room": "team", "member": 3, "session": 7, "name": person().name, "subject": "ann" }),
            ),
            (
                Event::Room(Report::Left {
                    room: "team".into(),
                    person: person(),
                    reason: EndReason::Removed,
                    stayed: lasted,
                }),
                "room.left",
                json!({ "room": "team", "member": 3, "session": 7, "name": person().name, "subject": "ann",
                        "reason": "removed by a moderator", "seconds": 1.5 }),
            ),
            (
                Event::Room(Report::Said {
                    room: "team".into(),
                    person: person(),
                    text: "hello".to_owned(),
                }),
                "room.message",
                json!({ "room": "team", "member": 3, "session": 7, "name": person().name, "subject": "ann",
                        "text": "hello" }),
            ),
            (
                Event::StreamStarted { stream: stream(), kind: "whip" },
                "stream.started",
                json!({ "stream": "cam", "kind": "whip" }),
            ),
            (
                Event::StreamEnded {
                    stream: stream(),
                    reason: "the publisher ended".into(),
                    lasted,
                },
                "stream.ended",
                json!({ "stream": "cam", "reason": "the publisher ended", "seconds": 1.5 }),
            ),
            (
                Event::Recorded { stream: stream(), file: "cam-1.webm".into() },
                "stream.recorded",
                json!({ "stream": "cam", "file": "cam-1.webm" }),
            ),
            (
                Event::RecordingFailed { stream: stream(), error: "disk full".into() },
                "stream.recording_failed",
                json!({ "stream": "cam", "error": "disk full" }),
            ),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250);
            let body: Value = serde_json::from_str(&event.body(9, at)).unwrap();
            assert_eq!(
                body,
                json!({ "type": name, "timestamp": "2027-01-15T08:00:00.250Z", "sequence": 9,
                        "data": data })
            );
        }
    }
}
