//! Kernels for rows of any number of pixels: squared error, downsampling by two, separation of
//! interleaved U and V.

pub(crate) fn sse_row(a: &[u8], b: &[u8]) -> u64 {
    assert_eq!(a.len(), b.len(), "rows of different lengths");
    a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum()
}

pub(crate) fn halve_row(a: &[u8], b: &[u8], out: &mut [u8]) {
    assert!(a.len() == 2 * out.len() && b.len() == a.len(), "rows do not fit together");
    let pairs = a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0);
    for (out, (&[a0, a1], &[b0, b1])) in out.iter_mut().zip(pairs) {
        let sum: u16 = [a0, a1, b0, b1].map(u16::from).iter().sum();
        let [mean, _] = ((sum + 2) >> 2).to_le_bytes();
        *out = mean;
    }
}

pub(crate) fn split_uv_row(uv: &[u8], u: &mut [u8], v: &mut [u8]) {
    assert!(uv.len() == 2 * u.len() && v.len() == u.len(), "rows do not fit together");
    for ((u, v), &[from_u, from_v]) in u.iter_mut().zip(v).zip(uv.as_chunks::<2>().0) {
        (*u, *v) = (from_u, from_v);
    }
}
