//! The pages, which are compiled into the program.

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::super::outcome::Rejection;
use super::response::ErrorResponse;

/// Path, content type and content of a file.
struct Asset(&'static str, &'static str, &'static str);

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const INDEX: Asset = Asset("index.html", HTML, include_str!("../page/index.html"));

const ROOM: Asset = Asset("room.html", HTML, include_str!("../page/room.html"));

static ASSETS: [Asset; 38] = [
    Asset("app.css", STYLE, include_str!("../page/app.css")),
    Asset("app.js", SCRIPT, include_str!("../page/app.js")),
    Asset("api.js", SCRIPT, include_str!("../page/api.js")),
    Asset("connection.js", SCRIPT, include_str!("../page/connection.js")),
    Asset("chat.js", SCRIPT, include_str!("../page/chat.js")),
    Asset("control_channel.js", SCRIPT, include_str!("../page/control_channel.js")),
    Asset("dom.js", SCRIPT, include_str!("../page/dom.js")),
    Asset("graphs.js", SCRIPT, include_str!("../page/graphs.js")),
    Asset("ice_restart.js", SCRIPT, include_str!("../page/ice_restart.js")),
    Asset("playout.js", SCRIPT, include_str!("../page/playout.js")),
    Asset("publish.js", SCRIPT, include_str!("../page/publish.js")),
    Asset("retry.js", SCRIPT, include_str!("../page/retry.js")),
    Asset("room.css", STYLE, include_str!("../page/room.css")),
    Asset("room.js", SCRIPT, include_str!("../page/room.js")),
    Asset("room_attachments.js", SCRIPT, include_str!("../page/room_attachments.js")),
    Asset("room_call.js", SCRIPT, include_str!("../page/room_call.js")),
    Asset("room_devices.js", SCRIPT, include_str!("../page/room_devices.js")),
    Asset("room_lobby.js", SCRIPT, include_str!("../page/room_lobby.js")),
    Asset("room_messages.js", SCRIPT, include_str!("../page/room_messages.js")),
    Asset("room_nodes.js", SCRIPT, include_str!("../page/room_nodes.js")),
    Asset("room_outbox.js", SCRIPT, include_str!("../page/room_outbox.js")),
    Asset("room_panels.js", SCRIPT, include_str!("../page/room_panels.js")),
    Asset("room_people.js", SCRIPT, include_str!("../page/room_people.js")),
    Asset("room_person.js", SCRIPT, include_str!("../page/room_person.js")),
    Asset("room_recorder.js", SCRIPT, include_str!("../page/room_recorder.js")),
    Asset("room_state.js", SCRIPT, include_str!("../page/room_state.js")),
    Asset("room_tiles.js", SCRIPT, include_str!("../page/room_tiles.js")),
    Asset("rtc.js", SCRIPT, include_str!("../page/rtc.js")),
    Asset("rtc_stats.js", SCRIPT, include_str!("../page/rtc_stats.js")),
    Asset("sha256.js", SCRIPT, include_str!("../page/sha256.js")),
    Asset("socket.js", SCRIPT, include_str!("../page/socket.js")),
    Asset("sources.js", SCRIPT, include_str!("../page/sources.js")),
    Asset("state.js", SCRIPT, include_str!("../page/state.js")),
    Asset("statistics.js", SCRIPT, include_str!("../page/statistics.js")),
    Asset("streams.js", SCRIPT, include_str!("../page/streams.js")),
    Asset("uploads.js", SCRIPT, include_str!("../page/uploads.js")),
    Asset("watch.js", SCRIPT, include_str!("../page/watch.js")),
    Asset("favicon.svg", "image/svg+xml", include_str!("../page/favicon.svg")),
];

fn respond(asset: &Asset) -> Response {
    ([(CONTENT_TYPE, asset.1)], asset.2).into_response()
}

/// The page of streams.
pub(super) async fn index() -> Response {
    respond(&INDEX)
}

/// The page of a room.
pub(super) async fn room() -> Response {
    respond(&ROOM)
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.0 == name) {
        Some(asset) => respond(asset),
        None => ErrorResponse(Rejection::NoStream(name.chars().take(80).collect())).into_response(),
    }
}
