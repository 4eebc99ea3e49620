//! Data that the report page shows in addition to the results: links to files in its folder,
//! images, and the values of each frame.

use crate::results::Target;

/// Files and values of a study in addition to its [`Results`](crate::results::Results). The default is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReportExtras {
    /// Paths of files to which the page has links, relative to the page.
    pub files: Vec<String>,
    /// Values of each frame, in the order of the study's points; `None`, or no entry, for a point without them.
    pub frames: Vec<Option<FrameValues>>,
    /// Images of clips, as files in the folder of the page.
    pub pictures: Vec<ClipPictures>,
}

/// Images of frames of a clip: the source, and streams of arms as their viewers see them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClipPictures {
    /// Name of the clip in the study.
    pub clip: String,
    /// The frames, in the order of the files.
    pub frames: Vec<PictureFrame>,
    /// Files of the source, relative to the page: one for each frame.
    pub source: Vec<String>,
    /// Files of the points.
    pub points: Vec<PointPictures>,
}

/// A frame with images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PictureFrame {
    /// Number of the frame in the clip, from 0.
    pub frame: u64,
    /// Why it was chosen.
    pub reason: String,
}

/// Images of a point of an arm.
#[derive(Clone, Debug, PartialEq)]
pub struct PointPictures {
    /// Name of the arm.
    pub arm: String,
    /// Target of the point.
    pub target: Target,
    /// Files relative to the page: one for each frame.
    pub files: Vec<String>,
}

/// Values of the frames of a point, in the order of the clip.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameValues {
    /// For each metric of the study, the value of each frame; NaN for a frame without a value.
    pub metrics: Vec<Vec<f64>>,
    /// Whether each frame shows the viewer an older one.
    pub frozen: Vec<bool>,
}

impl FrameValues {
    /// Parses the table of a point (`frames/*.csv`): the columns `frame`, `time_s` and `view`, then one for each of
    /// `metrics` metrics. Returns `None` if the table has another form.
    #[must_use]
    pub fn from_csv(text: &str, metrics: usize) -> Option<Self> {
        let mut lines = text.lines();
        let names = lines.next()?;
        if !names.starts_with("frame,time_s,view") || names.split(',').count() != 3 + metrics {
            return None;
        }
        let mut values = Self { metrics: vec![Vec::new(); metrics], frozen: Vec::new() };
        for line in lines {
            let mut cells = line.split(',').skip(2);
            values.frozen.push(cells.next()? == "frozen");
            for column in &mut values.metrics {
                // A frame can have no value.
                let value = match cells.next()? {
                    "" => f64::NAN,
                    text => text.parse().ok()?,
                };
                column.push(value);
            }
        }
        Some(values)
    }
}

/// A relative path as a URL that starts with no scheme.
pub(super) fn href(path: &str) -> String {
    let mut out = String::from("./");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_urls() {
        assert_eq!(href("plots/rd-a.svg"), "./plots/rd-a.svg");
        assert_eq!(href("a:b \"c\""), "./a%3Ab%20%22c%22");
    }

    #[test]
    fn the_table_of_a_point_is_read_back() {
        let text = "frame,time_s,view,psnr_y_db,ssim\r\n0,0.000000,new,40.500000,0.990000\r\n\
                    1,0.040000,frozen,31.000000,0.800000\r\n";
        let values = FrameValues::from_csv(text, 2).unwrap();
        assert_eq!(values.metrics, [vec![40.5, 31.0], vec![0.99, 0.8]]);
        assert_eq!(values.frozen, [false, true]);
        let gap = FrameValues::from_csv(&text.replace("31.000000", ""), 2).unwrap();
        assert!(gap.metrics[0][1].is_nan() && gap.metrics[1] == [0.99, 0.8]);
        assert_eq!(FrameValues::from_csv(text, 1), None);
        assert_eq!(FrameValues::from_csv("frame,time_s,view,a,b\r\n0,0,new,1\r\n", 2), None);
    }
}
