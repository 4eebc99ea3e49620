//! Formats a count with its noun for messages: `1 frame`, `2 frames`.

/// Returns a count with its noun: `1 frame`, `2 frames`.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    let ending = match (count, noun.ends_with(['s', 'x'])) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_takes_the_singular() {
        assert_eq!(counted(0, "key frame"), "0 key frames");
        assert_eq!(counted(1, "key frame"), "1 key frame");
        assert_eq!(counted(2, "key frame"), "2 key frames");
        assert_eq!(counted(2, "pass"), "2 passes");
    }
}
