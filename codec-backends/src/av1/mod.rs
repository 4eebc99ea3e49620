//! AV1 by rav1e (encoder) and rav1d in its Rust form, `re_rav1d` (decoder).

pub(crate) mod decoder;
pub(crate) mod encoder;
mod settings;
