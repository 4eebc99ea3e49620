//! Vorbis comments: names and values that describe an audio file. RFC 7845, section 5.2.

/// Vendor string.
pub(crate) const VENDOR: &str = concat!("codec-container ", env!("CARGO_PKG_VERSION"));

/// Parses the comments in `data`, which begins with the vendor string; stops at damage.
pub(crate) fn parse_comments(data: &[u8]) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut rest = data;
    let Some(_vendor) = take_block(&mut rest) else { return tags };
    let Some(count) = take_u32(&mut rest) else { return tags };
    for _ in 0..count {
        let Some(comment) = take_block(&mut rest) else { break };
        if let Some((name, value)) = String::from_utf8_lossy(comment).split_once('=') {
            tags.push((name.to_owned(), value.to_owned()));
        }
    }
    tags
}

/// The bytes of `tags`, with our name as the vendor.
pub(crate) fn put_comments(out: &mut Vec<u8>, tags: &[(String, String)]) {
    put_block(out, VENDOR.as_bytes());
    out.extend_from_slice(&u32::try_from(tags.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (name, value) in tags {
        put_block(out, format!("{name}={value}").as_bytes());
    }
}

fn put_block(out: &mut Vec<u8>, block: &[u8]) {
    out.extend_from_slice(&u32::try_from(block.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(block);
}

fn take_u32(rest: &mut &[u8]) -> Option<usize> {
    let (&bytes, tail) = rest.split_first_chunk()?;
    *rest = tail;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn take_block<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = take_u32(rest)?;
    let (block, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_survive_and_false_counts_return_what_is_present() {
        let tags = vec![("TITLE".to_owned(), "a=b".to_owned()), ("ARTIST".into(), String::new())];
        let mut bytes = Vec::new();
        put_comments(&mut bytes, &tags);
        assert_eq!(parse_comments(&bytes), tags);
        for cut in 0..bytes.len() {
            assert!(parse_comments(&bytes[..cut]).len() < 2);
        }
        let count_at = 4 + VENDOR.len();
        bytes[count_at..count_at + 4].fill(0xFF);
        assert_eq!(parse_comments(&bytes), tags);
    }
}
