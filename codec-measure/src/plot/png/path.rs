//! SVG path data: only the absolute commands that the plots use.

use tiny_skia::{Path, PathBuilder};

/// Parses the commands `M`, `L`, `H`, `V`, `C` and `Z`; `None` for other commands, `Some(None)` for
/// a path without length.
pub(super) fn parse(d: &str) -> Option<Option<Path>> {
    let mut path = PathBuilder::new();
    let (mut x, mut y) = (0.0, 0.0);
    let mut rest = d.trim_start();
    while let Some(command) = rest.chars().next() {
        rest = &rest[command.len_utf8()..];
        let mut numbers = Vec::new();
        while let Some((number, after)) = leading_number(rest) {
            numbers.push(number);
            rest = after;
        }
        let each = match command {
            'M' | 'L' => 2,
            'H' | 'V' => 1,
            'C' => 6,
            'Z' if numbers.is_empty() => {
                path.close();
                continue;
            }
            _ => return None,
        };
        if numbers.is_empty() || numbers.len() % each != 0 {
            return None;
        }
        for part in numbers.chunks_exact(each) {
            match (command, part) {
                ('H', [to]) => x = *to,
                ('V', [to]) => y = *to,
                (_, [.., to_x, to_y]) => (x, y) = (*to_x, *to_y),
                _ => return None,
            }
            match (command, part) {
                ('M', _) => path.move_to(x, y),
                ('C', [x1, y1, x2, y2, ..]) => path.cubic_to(*x1, *y1, *x2, *y2, x, y),
                _ => path.line_to(x, y),
            }
        }
    }
    Some(path.finish())
}

/// Parses the number at the start of `text`; numbers need no separator if a sign or a second
/// decimal point marks the start of the next.
fn leading_number(text: &str) -> Option<(f32, &str)> {
    let text = text.trim_start_matches([' ', ',']);
    let mut point = false;
    let end = text
        .char_indices()
        .find(|(index, c)| match c {
            '-' => *index > 0,
            '.' => std::mem::replace(&mut point, true),
            c => !c.is_ascii_digit(),
        })
        .map_or(text.len(), |(index, _)| index);
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_no_spaces() {
        assert_eq!(leading_number("-3.2-3.2H"), Some((-3.2, "-3.2H")));
        assert_eq!(leading_number(" .7.5"), Some((0.7, ".5")));
        assert_eq!(leading_number("Z"), None);
    }

    #[test]
    fn every_marker_is_a_path_and_arcs_are_none() {
        for marker in crate::plot::MARKERS {
            let bounds = parse(marker).unwrap().unwrap().bounds();
            assert!((5.0..10.0).contains(&bounds.width()), "{marker}");
        }
        assert!(parse("M0 0A1 1 0 0 0 2 2").is_none());
        assert!(parse("M0").is_none());
    }
}
