//! AVX2 kernels: VMAF.

crate::x86::vmaf::compile_vmaf!("avx2,bmi1,bmi2,lzcnt");
