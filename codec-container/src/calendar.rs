//! Dates and times in UTC as text, `2024-05-06T07:08:09Z` (ISO 8601), from and to seconds since 1970.

const DAY_S: i64 = 86_400;
/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;
/// Days from March 1 of year 0 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// The text of a time; `None` before year 0 and after year 9999.
pub(crate) fn text_of(unix_s: i64) -> Option<String> {
    let (days, second) = (unix_s.div_euclid(DAY_S), unix_s.rem_euclid(DAY_S));
    // Years begin in March, so that a leap day is the last one.
    let shifted = days.checked_add(EPOCH_DAYS)?;
    let (era, day) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, is_next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + is_next;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// The seconds of a text: date, `T` or a space, time, an optional fraction, which is dropped, and `Z`, nothing or an offset
/// such as `+02:00` or `+0200`.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    let separator = text.get(10..11)?;
    let mut date = date.split('-');
    let (year, month, day) =
        (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let is_date = date.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || !matches!(separator, "T" | "t" | " ") {
        return None;
    }
    let mut clock = rest.get(..8)?.split(':');
    let (hour, minute, second) =
        (number(clock.next()?, 2)?, number(clock.next()?, 2)?, number(clock.next()?, 2)?);
    if clock.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut zone = rest.get(8..)?;
    if let Some(fraction) = zone.strip_prefix('.') {
        zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let days =
        era * ERA_DAYS + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    Some((days - EPOCH_DAYS) * DAY_S + hour * 3600 + minute * 60 + second - offset_s(zone)?)
}

/// The offset of a time zone in seconds.
fn offset_s(zone: &str) -> Option<i64> {
    let (sign, digits) = match zone.split_at_checked(1) {
        None => return Some(0),
        Some(("Z" | "z", "")) => return Some(0),
        Some(("+", digits)) => (1, digits),
        Some(("-", digits)) => (-1, digits),
        Some(_) => return None,
    };
    let digits = digits.replace(':', "");
    let (hour, minute) = (number(digits.get(..2)?, 2)?, number(digits.get(2..)?, 2)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive() {
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_714_979_289, "2024-05-06T07:08:09Z"),
            (-2_082_844_800, "1904-01-01T00:00:00Z"),
        ];
        for (seconds, text) in known {
            assert_eq!((text_of(seconds).as_deref(), parse(text)), (Some(text), Some(seconds)));
        }
        for day in -60_000..60_000 {
            let seconds = day * DAY_S + 12_345;
            assert_eq!(text_of(seconds).and_then(|text| parse(&text)), Some(seconds));
        }
        for seconds in [i64::MIN, i64::MAX, 400_000_000_000] {
            assert_eq!(text_of(seconds), None);
        }
    }

    #[test]
    fn fractions_and_time_zones_are_understood_and_other_texts_rejected() {
        let noon = parse("2024-05-06T12:00:00Z");
        for text in
            ["2024-05-06 12:00:00", "2024-05-06T12:00:00.500000Z", "2024-05-06T14:00:00+0200"]
        {
            assert_eq!(parse(text), noon, "{text}");
        }
        assert_eq!(parse("2024-05-06T06:30:00-05:30"), noon);
        let bad =
            ["", "2024", "2024-13-06T12:00:00Z", "2024-05-06T25:00:00Z", "2024-05-06T12:00:00X"];
        for text in bad.into_iter().chain(["2024-05-06T12:00:00+2", "\u{e4}024-05-06T12:00:00Z"]) {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
