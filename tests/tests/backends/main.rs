//! The backends of a build: the conformance kit, and comparisons with the C libraries. `.ci/run` also builds this test
//! binary with the features of these libraries, so it is separate from the larger binary of the behaviour tests.

mod c_libraries;
mod kit;
