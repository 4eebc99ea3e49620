//! A WebRTC server for pages and programs: one publishes, the others watch.
//!
//! `cargo run -p codec-net --features serve --example serve -- TOKEN`. Open the printed address,
//! enter the token and publish the camera; any WHIP client can publish as well, and any WHEP client
//! watch.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use codec_net::server::auth::{Access, Grants};
use codec_net::server::{Config, Server};

/// Starts a server on a free port of this machine. `token` is needed to publish and to watch.
///
/// # Errors
/// If the token is too short, or no socket can be opened.
pub fn start(token: &str) -> Result<Server, Box<dyn Error>> {
    let mut config = Config::loopback();
    // Addresses beyond this machine need TLS for the page's camera: `config.tls`.
    config.access = Access::default();
    config.access.add_token(token, Grants::parse("publish+view")?)?;
    // Statistics of all streams by HTTP, for another team than the viewers.
    config.access.add_token(&format!("{token}-admin"), Grants::parse("admin")?)?;
    // Limits on untrusted callers; all have defaults.
    config.limits.viewers = 20;
    Ok(Server::start(config)?)
}

/// Serves until a failure.
///
/// # Errors
/// As for [`start`].
pub fn main() -> Result<(), Box<dyn Error>> {
    let token = std::env::args().nth(1).ok_or("usage: serve TOKEN")?;
    let server = start(&token)?;
    writeln!(std::io::stderr(), "open {}", server.url())?;
    // The server runs on its own threads. A supervisor restarts the program after a failure.
    while server.failure().is_none() {
        std::thread::sleep(Duration::from_millis(500));
        while let Some(notice) = server.next_notice() {
            writeln!(std::io::stderr(), "{notice}")?;
        }
    }
    server.stop();
    Err("the server failed".into())
}
