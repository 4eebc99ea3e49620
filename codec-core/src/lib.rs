#![forbid(unsafe_code)]
#![doc = "stub"]
