//! The backends of a build: the conformance kit, and comparisons with the C libraries. `.ci/run` also builds this binary with
//! the features of these libraries, so it is not a part of the larger one of the behaviour tests.

mod c_libraries;
mod kit;
