//! Our framing: a hello that describes the streams, then records with length and CRC32C.
