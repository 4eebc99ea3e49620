//! Framing in binary messages of a WebSocket. RFC 6455.
