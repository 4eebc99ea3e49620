//! SRTP and SRTCP with keys that the caller has: RFC 3711, RFC 7714, RFC 4568.

pub(crate) mod cipher;
#[cfg(test)]
pub(crate) mod test_vectors;
