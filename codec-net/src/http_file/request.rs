//! Range requests for a file, which are retried after transient errors.

use std::io::{self, Read};
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use super::cache::FIRST_PART;
use super::range::{Version, content_range};
use super::{HttpFileOptions, shown};
use crate::error::NetError;
use crate::http_client::reference::resolve;
use crate::http_client::{MAX_HEADER_BYTES, failure, retry_after, tls_config};

/// Maximum length of a URL in bytes.
pub const MAX_URL_BYTES: usize = 8 << 10;

/// Maximum number of redirects of a request.
const MAX_REDIRECTS: usize = 5;
/// Timeout of a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Timeout of a request with its response.
const REQUEST: Duration = Duration::from_secs(60);
/// Maximum number of retries of a request.
const RETRIES: u32 = 4;
/// Pause before the first retry; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause that a server can request.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How often a pause checks for a request to stop.
const STOP_EVERY: Duration = Duration::from_millis(50);

/// The client of one file.
#[derive(Debug)]
pub(super) struct Requests {
    agent: Agent,
    url: String,
    options: HttpFileOptions,
    /// The version of the file that was opened.
    version: Option<Version>,
}

/// Why a request failed.
enum Trouble {
    /// Another attempt would fail, too.
    Final(NetError),
    /// It may pass, after the time that the server states.
    Passing(NetError, Option<Duration>),
}

/// A part of a file.
struct Answer {
    data: Vec<u8>,
    version: Version,
}

impl Requests {
    pub(super) fn new(url: &str, options: HttpFileOptions) -> Result<Self, NetError> {
        let url = url.split('#').next().unwrap_or_default().to_owned();
        let wrong = |why: &str| NetError::Protocol(format!("invalid URL {}: {why}", shown(&url)));
        if url.len() > MAX_URL_BYTES {
            return Err(wrong("it is too long"));
        }
        let parsed: Uri = url.parse().map_err(|_| wrong("expected http://HOST/PATH"))?;
        let scheme = parsed.scheme_str().unwrap_or_default().to_ascii_lowercase();
        if !["http", "https"].contains(&scheme.as_str()) || parsed.host().is_none_or(str::is_empty)
        {
            return Err(wrong("expected http://HOST/PATH or https://HOST/PATH"));
        }
        if parsed.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            // It would be part of messages and plans.
            return Err(NetError::Protocol(
                "invalid URL: users and passwords are not allowed in URLs".to_owned(),
            ));
        }
        let config = Agent::config_builder()
            .tls_config(tls_config(options.ca.as_deref())?)
            .https_only(scheme == "https")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_HEADER_BYTES)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(REQUEST))
            .user_agent("codec")
            .build();
        Ok(Self { agent: config.into(), url, options, version: None })
    }

    /// Requests the beginning of the file; returns its length, too. Later parts must be of the same version.
    pub(super) fn first(&mut self) -> Result<(u64, Vec<u8>), NetError> {
        let Answer { data, version } = self.repeated(0..FIRST_PART)?;
        let length = version.length();
        self.version = Some(version);
        Ok((length, data))
    }

    /// Requests a part of the file, which has `length` bytes. It may be shorter than requested.
    pub(super) fn range(&self, range: Range<u64>, length: u64) -> Result<Vec<u8>, NetError> {
        let end = range.end.min(length);
        self.repeated(range.start..end).map(|answer| answer.data)
    }

    fn repeated(&self, mut range: Range<u64>) -> Result<Answer, NetError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 0.. {
            match self.attempt(range.clone()) {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Passing(error, _)) if attempt == RETRIES => return Err(error),
                Err(Trouble::Passing(error, wanted)) => {
                    if !self.pause(wanted.unwrap_or(pause)) {
                        return Err(error);
                    }
                    pause = pause.saturating_mul(2);
                    // A slow connection delivers a smaller part in time.
                    range.end = range.end.min(range.start.saturating_add(FIRST_PART));
                }
            }
        }
        Err(self.wrong("no request was made"))
    }

    /// Waits; `false` if a stop is requested.
    fn pause(&self, time: Duration) -> bool {
        let is_stopped = || self.options.stop.as_ref().is_some_and(|stop| stop());
        let end = Instant::now() + time;
        while Instant::now() < end && !is_stopped() {
            sleep(end.saturating_duration_since(Instant::now()).min(STOP_EVERY));
        }
        !is_stopped()
    }

    fn attempt(&self, range: Range<u64>) -> Result<Answer, Trouble> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut response = self.get(&url, &range)?;
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                let location = response.headers().get(header::LOCATION);
                let location = location.and_then(|value| value.to_str().ok());
                let next = location.and_then(|location| resolve(&url, location));
                url = next.ok_or_else(|| Trouble::Final(self.wrong("invalid redirect")))?;
                continue;
            }
            return match status {
                StatusCode::PARTIAL_CONTENT => self.part(&mut response, range),
                StatusCode::OK => Err(Trouble::Final(self.wrong(
                    "the server sends only whole files\n\
                     help: download it first, or use a pipe: curl URL | codec ... -",
                ))),
                StatusCode::RANGE_NOT_SATISFIABLE if self.version.is_none() => {
                    Err(Trouble::Final(self.wrong("the file is empty")))
                }
                StatusCode::RANGE_NOT_SATISFIABLE => {
                    Err(Trouble::Final(self.changed("its length")))
                }
                _ => Err(refused(status, response.headers())),
            };
        }
        let why = format!("more than {MAX_REDIRECTS} redirects");
        Err(Trouble::Final(self.wrong(&why)))
    }

    fn get(&self, url: &str, range: &Range<u64>) -> Result<Response<Body>, Trouble> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(url)
            .header(header::RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            // Ranges count the bytes of the file.
            .header(header::ACCEPT_ENCODING, "identity")
            .body(());
        let request = request.map_err(|error| Trouble::Final(self.wrong(&error.to_string())))?;
        self.agent.run(request).map_err(|error| self.trouble(error))
    }

    /// Reads and checks the part of a response.
    fn part(&self, response: &mut Response<Body>, range: Range<u64>) -> Result<Answer, Trouble> {
        let headers = response.headers();
        let is_plain =
            headers.get(header::CONTENT_ENCODING).is_none_or(|value| value == "identity");
        let found = content_range(headers)
            .filter(|(found, _)| is_plain && found.start == range.start && found.end <= range.end);
        let (found, length) = found.ok_or_else(|| {
            Trouble::Final(self.wrong("the server returned a different range than requested"))
        })?;
        let version = Version::of(headers, length);
        let known = self.version.as_ref();
        if let Some(what) = known.and_then(|known| known.difference(&version)) {
            return Err(Trouble::Final(self.changed(what)));
        }
        let wanted = found.end - found.start;
        let mut data = Vec::new();
        let body = response.body_mut().as_reader();
        // An error of the body may pass like one of the connection.
        let read = body.take(wanted).read_to_end(&mut data);
        read.map_err(|error| Trouble::Passing(self.unreachable(error), None))?;
        if data.len() as u64 != wanted {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed");
            return Err(Trouble::Passing(self.unreachable(error), None));
        }
        Ok(Answer { data, version })
    }

    fn trouble(&self, error: ureq::Error) -> Trouble {
        let passes = matches!(
            error,
            ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::ConnectionFailed
                | ureq::Error::HostNotFound
        );
        let error = failure(shown(&self.url), error);
        if passes { Trouble::Passing(error, None) } else { Trouble::Final(error) }
    }

    fn unreachable(&self, error: io::Error) -> NetError {
        NetError::io(format!("cannot read {}", shown(&self.url)))(error)
    }

    fn wrong(&self, why: &str) -> NetError {
        NetError::Protocol(format!("cannot read {}: {why}", shown(&self.url)))
    }

    fn changed(&self, what: &str) -> NetError {
        self.wrong(&format!("the file has changed on the server: {what} differs"))
    }
}

/// The error of a status that is no success.
fn refused(status: StatusCode, headers: &HeaderMap) -> Trouble {
    let reason = status.canonical_reason().unwrap_or("no reason given").to_owned();
    let error = NetError::Rejected { status: status.as_u16(), reason };
    let passes = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    let pause = retry_after(headers).map(|pause| pause.min(MAX_PAUSE));
    if passes { Trouble::Passing(error, pause) } else { Trouble::Final(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_cannot_ask_for_long_pauses() {
        let pause = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            match refused(StatusCode::SERVICE_UNAVAILABLE, &headers) {
                Trouble::Passing(_, pause) => pause,
                Trouble::Final(error) => panic!("{error}"),
            }
        };
        assert_eq!(pause("2"), Some(Duration::from_secs(2)));
        assert_eq!(pause("86400"), Some(MAX_PAUSE));
        assert_eq!(pause("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }
}
