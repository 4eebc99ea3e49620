//! Codecs that are other people's libraries, each behind a feature and behind the same traits as
//! our own. A backend states what its library cannot do and does not fake it.

#[cfg(feature = "av1")]
pub(crate) mod av1;
#[cfg(feature = "opus")]
pub(crate) mod opus;
#[cfg(feature = "import")]
pub(crate) mod symphonia;
