//! The server from outside: who may do what, limits, sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

mod client;
mod http;
mod websocket;
