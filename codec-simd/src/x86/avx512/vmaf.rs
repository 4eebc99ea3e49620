//! AVX-512 kernels: VMAF.

crate::x86::vmaf::compile_vmaf!(
    "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,avx2,bmi1,bmi2,lzcnt"
);
