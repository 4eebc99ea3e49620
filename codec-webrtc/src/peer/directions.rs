//! Directions of media sections: those that this endpoint wants, those that are offered, and those that were reported to
//! the application.
//!
//! As in RFC 8829, section 4.2.4, an answer has the intersection of what the remote endpoint offers and what this endpoint
//! wants. The wanted direction has to be stored, because a browser repeats the direction that it wants in each offer, even
//! if this endpoint has made the section inactive. str0m stores only one direction of a section and changes it already when
//! this endpoint offers a change, so the peer restores the previous direction until the answer arrives.

use super::Peer;
use crate::media_sections::mid_of;
use crate::red::sections;
use crate::{Direction, Event, Mid};

/// Directions of the media sections of a session.
#[derive(Debug, Default)]
pub(super) struct Directions {
    /// The directions that this endpoint wants; sections without an entry take what the remote endpoint offers.
    wanted: Vec<(Mid, Direction)>,
    /// The directions that were reported to the application.
    reported: Vec<(Mid, Direction)>,
}

impl Directions {
    /// Sets what this endpoint wants.
    pub(super) fn want(&mut self, directions: &[(Mid, Direction)]) {
        for (mid, direction) in directions {
            set(&mut self.wanted, *mid, *direction);
        }
    }

    /// Returns an SDP of the remote endpoint with its directions limited to those that this endpoint wants.
    pub(super) fn limit(&self, sdp: &str) -> String {
        let sections = sections(sdp);
        let lines = sections.iter().flat_map(|section| {
            let mid = mid_of(section).map(Mid::new);
            let wanted = self.wanted.iter().find(|(of, _)| Some(*of) == mid);
            section.iter().flat_map(move |line| match (direction_of_line(line), wanted) {
                (Some(offered), Some((_, wanted))) => [line_of(common(offered, *wanted)), "\r\n"],
                _ => [line, "\r\n"],
            })
        });
        lines.collect()
    }

    /// Notes a direction; returns whether it has changed.
    pub(super) fn report(&mut self, mid: Mid, direction: Direction) -> bool {
        set(&mut self.reported, mid, direction)
    }
}

fn set(all: &mut Vec<(Mid, Direction)>, mid: Mid, direction: Direction) -> bool {
    match all.iter_mut().find(|(of, _)| *of == mid) {
        Some((_, known)) => std::mem::replace(known, direction) != direction,
        None => {
            all.push((mid, direction));
            true
        }
    }
}

/// Directions of an SDP, from the view of this endpoint.
fn directions(sdp: &str) -> Vec<(Mid, Direction)> {
    let sections = sections(sdp);
    let of = sections.iter().skip(1).filter_map(|section| {
        let offered = section.iter().find_map(|line| direction_of_line(line));
        let offered = offered.unwrap_or(Direction::SendReceive);
        Some((Mid::new(mid_of(section)?), common(offered, Direction::SendReceive).reversed()))
    });
    of.collect()
}

/// The part of an offered direction that this endpoint wants, from the view of the remote endpoint.
fn common(offered: Direction, wanted: Direction) -> Direction {
    let sends = offered.sends() && wanted.receives();
    let receives = offered.receives() && wanted.sends();
    match (sends, receives) {
        (true, true) => Direction::SendReceive,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::ReceiveOnly,
        (false, false) => Direction::Inactive,
    }
}

fn direction_of_line(line: &str) -> Option<Direction> {
    match line.trim() {
        "a=sendrecv" => Some(Direction::SendReceive),
        "a=sendonly" => Some(Direction::SendOnly),
        "a=recvonly" => Some(Direction::ReceiveOnly),
        "a=inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

fn line_of(direction: Direction) -> &'static str {
    match direction {
        Direction::SendReceive => "a=sendrecv",
        Direction::SendOnly => "a=sendonly",
        Direction::ReceiveOnly => "a=recvonly",
        Direction::Inactive => "a=inactive",
    }
}

/// A direction as str0m has it.
pub(super) fn stack_direction(direction: Direction) -> str0m::media::Direction {
    match direction {
        Direction::SendOnly => str0m::media::Direction::SendOnly,
        Direction::ReceiveOnly => str0m::media::Direction::RecvOnly,
        Direction::SendReceive => str0m::media::Direction::SendRecv,
        Direction::Inactive => str0m::media::Direction::Inactive,
    }
}

impl Direction {
    /// The direction from the view of the other endpoint.
    fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::ReceiveOnly,
            Self::ReceiveOnly => Self::SendOnly,
            Self::SendReceive | Self::Inactive => self,
        }
    }
}

impl Peer {
    /// Sets directions in str0m; returns the previous ones.
    pub(super) fn set_directions(
        &mut self,
        directions: &[(Mid, Direction)],
    ) -> Vec<(Mid, Direction)> {
        let mut before = Vec::new();
        for (mid, direction) in directions {
            let Some(media) = self.rtc.media(mid.0) else { continue };
            before.push((*mid, media.direction().into()));
            // An offer that is not made has no other effect.
            self.rtc.sdp_api().set_direction(mid.0, stack_direction(*direction));
        }
        before
    }

    /// Lets str0m send again on sections that are inactive, as an offer allows: otherwise it does not, if this endpoint has
    /// added them. Returns the previous directions.
    pub(super) fn reactivate(&mut self, offer: &str) -> Vec<(Mid, Direction)> {
        let mut again = directions(offer);
        again.retain(|(mid, direction)| {
            let is_inactive = |media: &str0m::media::Media| {
                !media.disabled() && media.direction() == str0m::media::Direction::Inactive
            };
            *direction == Direction::SendOnly && self.rtc.media(mid.0).is_some_and(is_inactive)
        });
        self.set_directions(&again)
    }

    /// Reports each direction that has changed.
    pub(super) fn report_directions(&mut self) {
        let known: Vec<Mid> = self.directions.reported.iter().map(|(mid, _)| *mid).collect();
        for mid in known {
            let Some(media) = self.media(mid) else { continue };
            if self.directions.report(mid, media.direction) {
                self.push(Event::MediaChanged { mid, direction: media.direction });
            }
        }
    }

    /// Reports a further media section.
    pub(super) fn report_media(&mut self, mid: Mid) {
        if let Some(media) = self.media(mid) {
            self.directions.report(mid, media.direction);
            self.push(Event::Media(media));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offered_directions_are_limited_to_what_is_wanted() {
        let mut directions = Directions::default();
        let [first, second] = ["0", "1"].map(Mid::new);
        directions.want(&[(first, Direction::Inactive), (second, Direction::SendReceive)]);
        directions.want(&[(first, Direction::SendOnly)]);
        let sdp = |of: [&str; 3]| {
            let sections = of.iter().enumerate();
            let sections =
                sections.map(|(at, line)| format!("m=video 9 x 96\r\na=mid:{at}\r\na={line}\r\n"));
            format!("v=0\r\na=sendrecv\r\n{}", sections.collect::<String>())
        };
        let cases = [
            (["sendrecv"; 3], ["recvonly", "sendrecv", "sendrecv"]),
            (["sendonly"; 3], ["inactive", "sendonly", "sendonly"]),
            (["recvonly"; 3], ["recvonly", "recvonly", "recvonly"]),
            (["inactive"; 3], ["inactive", "inactive", "inactive"]),
        ];
        for (offered, limited) in cases {
            assert_eq!(directions.limit(&sdp(offered)), sdp(limited));
        }
    }

    #[test]
    fn directions_are_those_of_this_endpoint() {
        let sdp = "v=0\r\nm=video 9 x 96\r\na=mid:a\r\na=sendonly\r\nm=video 9 x 96\r\na=mid:b\r\n";
        let found = [("a", Direction::ReceiveOnly), ("b", Direction::SendReceive)];
        assert_eq!(directions(sdp), found.map(|(mid, direction)| (Mid::new(mid), direction)));
    }

    #[test]
    fn a_direction_is_reported_once() {
        let mut directions = Directions::default();
        let mid = Mid::new("0");
        assert!(directions.report(mid, Direction::SendOnly));
        assert!(!directions.report(mid, Direction::SendOnly));
        assert!(directions.report(mid, Direction::Inactive));
    }
}
