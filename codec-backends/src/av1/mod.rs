//! AV1 encoding with rav1e, and decoding with `re_rav1d`, the Rust API of rav1d.

pub(crate) mod decoder;
pub(crate) mod encoder;
pub(crate) mod settings;
