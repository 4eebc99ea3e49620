//! The `codec` command.

#![forbid(unsafe_code)]

fn main() {}
