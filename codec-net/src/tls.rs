//! TLS by rustls, with cryptography that needs no C.
