//! Framing over UDP.
