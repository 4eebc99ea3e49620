//! Downloads of files in rooms. A request needs no token, because HTML elements cannot send one: only members
//! know the id of a file, which cannot be guessed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, RANGE,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::super::outcome::Rejection;
use super::super::room_files::{FileInfo, Found, RoomFiles};
use super::super::state::ServerState;
use super::response::ErrorResponse;

/// Bytes that are read at a time.
const READ_BYTES: u64 = 64 << 10;
/// A file opened as a document may do nothing.
const CONTENT_POLICY: &str = "default-src 'none'; sandbox";

/// Returns a file of a room, or a range of it.
pub(super) async fn room_file(
    State(shared): State<Arc<ServerState>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ErrorResponse> {
    let files = shared.room_files.as_ref().ok_or(Rejection::NoFile)?;
    let (mut file, info) = open(&shared, files, &id).await?;
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let range = match range.map(|range| parse_range(range, info.bytes)) {
        None | Some(Requested::All) => None,
        Some(Requested::Part(first, last)) => Some((first, last)),
        Some(Requested::Outside) => return Ok(unsatisfiable(info.bytes)),
    };
    let (first, end) = range.map_or((0, info.bytes), |(first, last)| (first, last + 1));
    file.seek(SeekFrom::Start(first)).map_err(|_| Rejection::NoFile)?;
    let body = FileBody { left: end - first, state: FileState::Idle(Some(file)) };
    let mut response = Body::new(body).into_response();
    let headers = response.headers_mut();
    let text = |text: String| HeaderValue::try_from(text).ok();
    let kind = info.shown_as.unwrap_or("application/octet-stream");
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, (end - first).into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600, immutable"));
    headers.extend(text(disposition(&info)).map(|value| (CONTENT_DISPOSITION, value)));
    if let Some((first, last)) = range {
        let range = text(format!("bytes {first}-{last}/{}", info.bytes));
        headers.extend(range.map(|value| (CONTENT_RANGE, value)));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// Opens a file, which may be at another node of the cluster.
async fn open(
    shared: &ServerState,
    files: &RoomFiles,
    id: &str,
) -> Result<(File, FileInfo), Rejection> {
    if let Found::Here(file, info) = files.find(id)? {
        return Ok((file, info));
    }
    shared.network.fetch_file(id.to_owned()).await?;
    match files.find(id)? {
        Found::Here(file, info) => Ok((file, info)),
        Found::Elsewhere => Err(Rejection::NoFile),
    }
}

fn unsatisfiable(bytes: u64) -> Response {
    let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    let range = HeaderValue::try_from(format!("bytes */{bytes}"));
    response.headers_mut().extend(range.ok().map(|value| (CONTENT_RANGE, value)));
    response
}

/// `Content-Disposition` (RFC 6266): the name in UTF-8, percent-encoded (RFC 8187).
fn disposition(info: &FileInfo) -> String {
    let kind = if info.shown_as.is_some() { "inline" } else { "attachment" };
    let name = info.name.bytes().flat_map(|byte| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            .chars()
            .collect::<Vec<_>>()
    });
    format!("{kind}; filename*=UTF-8''{}", name.collect::<String>())
}

/// The bytes that a `Range` header requests.
#[derive(Debug, PartialEq, Eq)]
enum Requested {
    /// The whole file, also if the header is not understood (RFC 9110, section 14.2).
    All,
    /// The first and the last byte.
    Part(u64, u64),
    /// No byte of the file.
    Outside,
}

fn parse_range(range: &str, bytes: u64) -> Requested {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|it| it.split_once('-')) else {
        return Requested::All;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Requested::All,
        (Ok(first), _) if first >= bytes => Requested::Outside,
        (Ok(first), Ok(last)) => Requested::Part(first, last.min(bytes - 1)),
        (Ok(first), Err(_)) if last.trim().is_empty() => Requested::Part(first, bytes - 1),
        (Err(_), Ok(0)) => Requested::Outside,
        (Err(_), Ok(count)) if first.trim().is_empty() && bytes > 0 => {
            Requested::Part(bytes.saturating_sub(count), bytes - 1)
        }
        _ => Requested::All,
    }
}

/// The bytes of a file, which are read on another thread: a slow disk delays no other request.
struct FileBody {
    left: u64,
    state: FileState,
}

enum FileState {
    Idle(Option<File>),
    Reading(JoinHandle<io::Result<(File, Vec<u8>)>>),
}

fn read(mut file: File, bytes: u64) -> io::Result<(File, Vec<u8>)> {
    let mut data = Vec::new();
    file.by_ref().take(bytes).read_to_end(&mut data)?;
    Ok((file, data))
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let bytes = self.left.min(READ_BYTES);
        if let FileState::Idle(file) = &mut self.state {
            let Some(file) = file.take() else { return Poll::Ready(None) };
            self.state = FileState::Reading(spawn_blocking(move || read(file, bytes)));
        }
        let FileState::Reading(reading) = &mut self.state else { return Poll::Ready(None) };
        let result = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other);
        let (file, data) = match result.and_then(|result| result) {
            Ok(read) => read,
            Err(error) => {
                self.state = FileState::Idle(None);
                return Poll::Ready(Some(Err(error)));
            }
        };
        if data.is_empty() {
            self.state = FileState::Idle(None);
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left = self.left.saturating_sub(data.len() as u64);
        self.state = FileState::Idle(Some(file));
        Poll::Ready(Some(Ok(Frame::data(data.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed_and_damaged_ones_ignored() {
        for (range, expected) in [
            ("bytes=0-99", Requested::Part(0, 99)),
            ("bytes=10-", Requested::Part(10, 99)),
            ("bytes=10-1000", Requested::Part(10, 99)),
            ("bytes=-10", Requested::Part(90, 99)),
            ("bytes=-1000", Requested::Part(0, 99)),
            ("bytes=100-", Requested::Outside),
            ("bytes=-0", Requested::Outside),
            ("bytes=5-4", Requested::All),
            ("bytes=0-1,5-6", Requested::All),
            ("bytes=-", Requested::All),
            ("bytes=x-9", Requested::All),
            ("bytes=1-x", Requested::All),
            ("bytes=99999999999999999999-", Requested::All),
            ("lines=0-1", Requested::All),
        ] {
            assert_eq!(parse_range(range, 100), expected, "{range}");
        }
        assert_eq!(parse_range("bytes=-5", 0), Requested::All);
    }

    #[test]
    fn names_cannot_leave_their_header() {
        let info = FileInfo::new("a\"b\r\n; ü.html", "text/html", 1);
        assert_eq!(disposition(&info), "attachment; filename*=UTF-8''a%22b%0D%0A%3B%20%C3%BC.html");
        let info = FileInfo::new("voice.webm", "audio/webm", 1);
        assert_eq!(disposition(&info), "inline; filename*=UTF-8''voice.webm");
    }
}
