//! SDP parser errors with a line number instead of a memory address.

use super::SdpError;

/// How the parser prints a position: as the address of the remaining text.
const PLACE: (&str, &str) = ("PointerOffset(0x", ")");
/// Maximum number of characters of a line quoted in an error.
const LINE_CHARS: usize = 80;

/// Converts an error of the parser or the negotiation about `sdp`.
pub(super) fn rejected_sdp(sdp: &str, error: impl std::fmt::Display) -> SdpError {
    SdpError::Rejected(placed(sdp, &error.to_string()))
}

/// Puts `text` on one line and replaces positions by lines of `sdp`.
fn placed(sdp: &str, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some((before, (address, after))) = rest
        .split_once(PLACE.0)
        .and_then(|(before, after)| Some((before, after.split_once(PLACE.1)?)))
    {
        out.push_str(before);
        out.push_str(&line_at(sdp, address));
        rest = after;
    }
    out.push_str(rest);
    out.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The line of `sdp` that contains a hexadecimal address.
fn line_at(sdp: &str, address: &str) -> String {
    let offset = usize::from_str_radix(address, 16)
        .ok()
        .and_then(|address| address.checked_sub(sdp.as_ptr().addr()));
    let Some(before) = offset.and_then(|offset| sdp.get(..offset)) else {
        return "an unknown line".to_owned();
    };
    let number = before.matches('\n').count() + 1;
    let line = sdp.lines().nth(number - 1).unwrap_or_default();
    let line: String = line.chars().take(LINE_CHARS).collect();
    format!("line {number} ({line:?})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_lines_and_never_addresses() {
        let sdp = "v=0\r\no=x\r\ns=-\r\n";
        let text = |at: usize| format!("SDP parse: Parse error at PointerOffset({at:#x})\nBad\n");
        let start = sdp.as_ptr().addr();
        let expected = "SDP parse: Parse error at line 2 (\"o=x\"); Bad";
        assert_eq!(placed(sdp, &text(start + 6)), expected);
        for at in [0, start - 1, start + sdp.len() + 1, usize::MAX] {
            assert_eq!(placed(sdp, &text(at)), "SDP parse: Parse error at an unknown line; Bad");
        }
        assert_eq!(placed(sdp, &text(start + sdp.len())).matches("line 4 (\"\")").count(), 1);
        assert_eq!(placed(sdp, "PointerOffset(0x12"), "PointerOffset(0x12");
        assert_eq!(placed(sdp, "PointerOffset(0xé)"), "an unknown line");
    }
}
