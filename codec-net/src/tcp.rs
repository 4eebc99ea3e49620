//! Framing over TCP.
