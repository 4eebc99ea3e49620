//! The certificate and the key of a server, which are read again when their files change.

use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codec_media::Env;
use codec_net::server::Server;
use codec_net::tls;

use crate::args::serve::ServeArgs;

/// Interval of checks for changed files.
const INTERVAL: Duration = Duration::from_secs(2);

/// See the [module](self).
pub(super) struct TlsFiles {
    certificates: PathBuf,
    key: PathBuf,
    watched: Watched,
    next: Instant,
}

impl TlsFiles {
    /// The files of the arguments, if there are any; their content is in use.
    pub(super) fn new(args: &ServeArgs) -> Option<Self> {
        let (certificates, key) = (args.tls_cert.clone()?, args.tls_key.clone()?);
        let mut files = Self {
            certificates,
            key,
            watched: Watched::default(),
            next: Instant::now() + INTERVAL,
        };
        files.watched.used = files.digest();
        Some(files)
    }

    /// Gives the server a new certificate and key if the files have changed.
    pub(super) fn reload_if_changed(&mut self, server: &Server, env: &Env) {
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + INTERVAL;
        if !self.watched.is_new(self.digest()) {
            return;
        }
        match self.load() {
            Ok(config) => {
                server.set_tls(config);
                env.events.note("reloaded the TLS certificate");
            }
            Err(why) => env.events.warn(format!(
                "cannot reload the TLS certificate, keeping the previous one: {why}"
            )),
        }
    }

    fn load(&self) -> Result<std::sync::Arc<tls::ServerConfig>, String> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        let (certificates, key) = (read(&self.certificates)?, read(&self.key)?);
        tls::server_config(&certificates, &key).map_err(|error| error.to_string())
    }

    /// A digest of both files; `None` if one cannot be read.
    fn digest(&self) -> Option<u64> {
        let certificates = std::fs::read(&self.certificates).ok()?;
        let key = std::fs::read(&self.key).ok()?;
        Some(self.watched.state.hash_one((certificates, key)))
    }
}

/// Finds changes that are complete: the same in two checks, because the two files are not replaced at the
/// same time.
#[derive(Default)]
struct Watched {
    state: RandomState,
    used: Option<u64>,
    seen: Option<u64>,
}

impl Watched {
    /// Whether a digest is new, and the same as in the last check.
    fn is_new(&mut self, digest: Option<u64>) -> bool {
        let is_stable = self.seen == digest;
        self.seen = digest;
        if digest.is_none() || digest == self.used || !is_stable {
            return false;
        }
        self.used = digest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_used_once_when_it_is_complete() {
        let mut watched = Watched { used: Some(1), ..Watched::default() };
        let seen = [Some(1), Some(1), Some(2), Some(3), Some(3), Some(3), None, None, Some(3)];
        let found = seen.map(|digest| watched.is_new(digest));
        assert_eq!(found, [false, false, false, false, true, false, false, false, false]);
        assert_eq!([Some(1), Some(1)].map(|digest| watched.is_new(digest)), [false, true]);
    }
}
