//! SSE4.1 kernels: VMAF.

crate::x86::vmaf::compile_vmaf!("sse4.1,ssse3");
