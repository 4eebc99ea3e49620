//! Inputs on HTTP servers and in object stores: `http://`, `https://` and `s3://`.

use std::path::Path;

use codec_container::Source;

use crate::Env;
#[cfg(not(feature = "http"))]
use crate::failure::Kind;
use crate::failure::{Failure, Result};

/// Schemes of URLs.
const SCHEMES: [&str; 3] = ["http", "https", "s3"];

/// Whether the name is a URL of HTTP or of an object store.
pub fn is_url(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|path| path.split_once("://")).map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| SCHEMES.iter().any(|one| scheme.eq_ignore_ascii_case(one)))
}

/// Whether a URL names an object in a store.
fn is_object(url: &str) -> bool {
    url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("s3://"))
}

/// The name of an input without the query of a URL, which can hold a signature.
pub fn without_query(path: &Path) -> &Path {
    match path.to_str() {
        Some(text) if is_url(path) && !is_object(text) => {
            let end = text.find(['?', '#']).unwrap_or(text.len());
            Path::new(text.get(..end).unwrap_or(text))
        }
        _ => path,
    }
}

/// A file on a server that is opened once; clones share it, and the parts that were read.
#[cfg(feature = "http")]
#[derive(Clone, Debug, Default)]
pub struct Remote(std::sync::Arc<std::sync::Mutex<Option<codec_net::http_file::HttpFile>>>);

/// Files on servers need the feature `http`.
#[cfg(not(feature = "http"))]
#[derive(Clone, Debug, Default)]
pub struct Remote {}

impl Remote {
    /// Opens the file at a URL, or another reader of it.
    #[cfg(feature = "http")]
    pub(crate) fn open(&self, url: &Path, env: &Env) -> Result<Source> {
        use std::sync::{Arc, PoisonError};

        use codec_net::http_file::{HttpFile, HttpFileOptions};

        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*opened {
            return Ok(Source::seekable(file.reader()));
        }
        let text = url.to_str().ok_or_else(|| Failure::usage("a URL must be UTF-8"))?;
        let stop = env.stop.clone();
        let options = HttpFileOptions {
            ca: env.http_ca.as_ref().map(|pem| pem.to_vec()),
            stop: Some(Arc::new(move || stop.is_requested())),
        };
        let signed = if is_object(text) { Some(url_of_object(text, env)?) } else { None };
        let file = HttpFile::open(signed.as_deref().unwrap_or(text), options)
            .map_err(|error| failure(url, &error))?;
        let reader = file.reader();
        *opened = Some(file);
        Ok(Source::seekable(reader))
    }

    /// Rejects a URL.
    #[cfg(not(feature = "http"))]
    pub(crate) fn open(&self, url: &Path, _env: &Env) -> Result<Source> {
        let message = format!(
            "{}: reading URLs requires the Cargo feature `http`",
            without_query(url).display()
        );
        Err(Failure::new(Kind::Backend, message))
    }
}

/// The URL at which an object is read.
#[cfg(feature = "s3")]
fn url_of_object(url: &str, env: &Env) -> Result<String> {
    env.object_store.url_of(url)
}

/// Rejects an object.
#[cfg(all(feature = "http", not(feature = "s3")))]
fn url_of_object(url: &str, _env: &Env) -> Result<String> {
    let message =
        format!("{url}: reading objects of S3-compatible stores requires the Cargo feature `s3`");
    Err(Failure::new(crate::failure::Kind::Backend, message))
}

/// The error of a server.
#[cfg(feature = "http")]
fn failure(url: &Path, error: &codec_net::error::NetError) -> Failure {
    use codec_net::error::NetError;

    use crate::failure::Kind;

    let name = without_query(url).display();
    match error {
        NetError::Rejected { status, .. } => {
            let help = match status {
                401 | 403 if url.to_str().is_some_and(is_object) => {
                    "\nhelp: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION give access"
                }
                401 | 403 => "\nhelp: a presigned URL may have expired; quote it for the shell",
                _ => "",
            };
            Failure::new(Kind::Input, format!("cannot open {name}: {error}{help}"))
        }
        // They name the URL.
        NetError::Protocol(why) if why.starts_with("invalid URL") => Failure::usage(why.clone()),
        NetError::Protocol(why) => Failure::new(Kind::Input, why.clone()),
        error => Failure::new(Kind::Network, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_their_query() {
        let url = Path::new("HTTPS://h/a%20b.mp4?X-Amz-Signature=1&x=/../y");
        assert!(is_url(url));
        assert_eq!(without_query(url), Path::new("HTTPS://h/a%20b.mp4"));
        let object = Path::new("s3://bucket/a?b.mp4");
        assert!(is_url(object));
        assert_eq!(without_query(object), object);
        for file in ["a?b.mp4", "http:/x", "https", "ftp://h/a?b", "./http://h"] {
            assert!(!is_url(Path::new(file)), "{file}");
            assert_eq!(without_query(Path::new(file)), Path::new(file));
        }
    }
}
