//! Crop, rotate, scale and pad, in this order.

use crate::scaling::{PlaneScaler, Scaler};
use codec_core::frame::{ColorRange, FieldOrder, Picture, PictureInfo, Rational, Rotation, Size};

use super::depth::CONVERT;
use super::display::{DisplaySupport, limit_range, square_size};
use super::planes::Planes;
use crate::failure::{Failure, Kind, Result};
use crate::values::{Crop, Pad, Rotate, Scale};

/// The transformation of every frame.
#[derive(Debug, Default)]
pub struct Transform {
    crop: Option<Crop>,
    turn: Option<Rotate>,
    /// Whether frames that are scaled or padded are rotated as they are shown, unless a rotation is chosen.
    follows_display: bool,
    /// What the output can hold. Frames are rotated, get square pixels or limited range if it cannot hold these properties.
    output: Option<DisplaySupport>,
    resize: Option<Scale>,
    pad: Option<Pad>,
    /// Width and height become multiples of this: columns at the right and rows at the bottom are cropped.
    alignment: Option<u32>,
    /// The size that the first frame is scaled to, which all others get.
    target: Option<Size>,
    resizer: PlaneScaler,
    /// Two frames, written alternately.
    work: [Planes; 2],
}

impl Transform {
    /// Crops, rotates, then scales.
    pub fn new(crop: Option<Crop>, turn: Option<Rotate>, resize: Option<Scale>) -> Self {
        Self { crop, turn, resize, ..Self::default() }
    }

    /// Rotates frames as their metadata describes if they are scaled or padded, unless a rotation is chosen: the new
    /// size then applies to the frames as displayed.
    #[must_use]
    pub fn following_display(self) -> Self {
        Self { follows_display: true, ..self }
    }

    /// Changes frames whose display properties the output cannot hold: rotates them as their metadata describes, unless a
    /// rotation is chosen, makes the pixels of images square, and converts frames of VP8 to limited range.
    #[must_use]
    pub fn for_output(self, output: DisplaySupport) -> Self {
        Self { output: Some(output), ..self }
    }

    /// Adds black bars up to a size. Frames that do not fit are scaled.
    #[must_use]
    pub fn with_pad(self, pad: Option<Pad>) -> Self {
        Self { pad, ..self }
    }

    /// Crops the last columns and rows of frames whose size is not a multiple of `alignment`, unless an option sets the
    /// crop, the padding or the exact size.
    #[must_use]
    pub fn with_alignment(self, alignment: u32) -> Self {
        let is_chosen = self.crop.is_some()
            || self.pad.is_some()
            || matches!(self.resize, Some(Scale::Exact(_)));
        Self { alignment: (alignment > 1 && !is_chosen).then_some(alignment), ..self }
    }

    /// The size of a frame after it is aligned. Sizes below the alignment stay as they are.
    fn aligned(&self, size: Size) -> Size {
        let Some(alignment) = self.alignment else { return size };
        let aligned = |side: u32| if side < alignment { side } else { side - side % alignment };
        Size::new(aligned(size.width), aligned(size.height))
    }

    /// Scales with a filter.
    #[must_use]
    pub fn with_scaler(self, scaler: Scaler) -> Self {
        Self { resizer: PlaneScaler::new(scaler), ..self }
    }

    /// Sets the scaling of all later frames.
    pub fn set_scale(&mut self, scale: impl Into<Scale>) {
        (self.resize, self.target) = (Some(scale.into()), None);
    }

    /// Sets the size to which all later frames are scaled, without changing their rotation.
    pub fn set_scale_only(&mut self, size: Size) {
        self.follows_display &= self.resize.is_some() || self.pad.is_some();
        self.set_scale(size);
    }

    fn turn(&self) -> Option<Rotate> {
        let follows = self.follows_size() || self.output.is_some_and(|output| !output.rotation);
        self.turn.or(follows.then_some(Rotate::AsDescribed))
    }

    /// Whether frames are rotated because their size changes.
    fn follows_size(&self) -> bool {
        self.follows_display && (self.resize.is_some() || self.pad.is_some())
    }

    /// The rotation of frames only because the output cannot hold it.
    pub(super) fn forced_rotation(&self, info: PictureInfo) -> Option<Rotation> {
        let rotation = self.rotation(info);
        let is_forced = self.turn.is_none() && !self.follows_size();
        (is_forced && rotation != Rotation::None).then_some(rotation)
    }

    /// Whether a rotation is chosen.
    pub(super) fn has_rotation(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether a width and a height are chosen.
    pub(super) fn has_exact_size(&self) -> bool {
        matches!(self.resize, Some(Scale::Exact(_)))
    }

    /// Whether samples of full range become limited, which the output requires.
    pub(super) fn limits_range(&self, info: PictureInfo) -> bool {
        self.output.is_some_and(|output| output.limits_range)
            && info.color.range == ColorRange::Full
    }

    /// The size with square pixels, if the output requires them.
    fn squared(&self, size: Size, info: PictureInfo) -> Option<Size> {
        let aspect =
            info.pixel_aspect.filter(|_| self.output.is_some_and(|output| output.is_image()));
        aspect.filter(|_| !self.has_exact_size()).and_then(|aspect| square_size(size, aspect))
    }

    /// The size and the pixel aspect ratio of frames that get square pixels, after crop and rotation.
    pub(super) fn squares(&self, size: Size, info: PictureInfo) -> Option<(Size, Rational)> {
        let (size, info) = self.turned(size, info).ok()?;
        self.squared(size, info).and(info.pixel_aspect.map(|aspect| (size, aspect)))
    }

    fn rotation(&self, info: PictureInfo) -> Rotation {
        match self.turn() {
            None => Rotation::None,
            Some(Rotate::By(rotation)) => rotation,
            Some(Rotate::AsDescribed) => info.rotation,
        }
    }

    /// Whether the transformation mixes the lines of the two fields of interlaced frames.
    pub fn mixes_fields(&self, info: PictureInfo) -> bool {
        let moves_chroma = self.crop.is_some_and(|crop| !crop.top.is_multiple_of(4));
        let turns = matches!(self.rotation(info), Rotation::Clockwise90 | Rotation::Clockwise270);
        let square = self.squared(Size::new(16, 16), info);
        let stretches = square.is_some_and(|square| square.height != 16);
        let scales = self.resize.is_some() || self.pad.is_some() || stretches;
        info.field_order.is_interlaced() && (scales || turns || moves_chroma)
    }

    /// Returns a warning for the user if it mixes the fields of a stream.
    pub fn warning(&self, info: PictureInfo) -> Option<&'static str> {
        self.mixes_fields(info).then_some(
            "scaling, padding, rotating or cropping mixes the fields of interlaced video\n\
             help: deinterlace it first with --deinterlace",
        )
    }

    /// The size and metadata of the first result, for a frame of `size`. Frames of other sizes are scaled to the
    /// same size if one side of it follows from the aspect ratio.
    ///
    /// # Errors
    /// The errors of [`Self::outcome`].
    pub fn begin(&mut self, size: Size, info: PictureInfo) -> Result<(Size, PictureInfo)> {
        let (size, info) = self.unaligned(size, info)?;
        self.target = self.resize.map(|_| size);
        Ok((self.pad.map_or(self.aligned(size), |pad| pad.0), info))
    }

    /// Returns a warning for the user if alignment crops columns or rows of frames of `size`; `None` if
    /// [`Self::outcome`] is an error.
    pub fn lost(&self, size: Size, info: PictureInfo) -> Option<String> {
        let (size, _) = self.unaligned(size, info).ok()?;
        let (kept, step) = (self.aligned(size), self.alignment?);
        let [width, height] = [size.width, size.height].map(|side| side.next_multiple_of(step));
        let cropped = format!("frames of {size} are cropped to {kept}");
        (kept != size).then(|| {
            format!(
                "{cropped}, because the encoder requires multiples of {step}\n\
                 help: --pad {width}x{height} adds black pixels instead"
            )
        })
    }

    /// The size of a frame after scaling, without the size of the first frame; `None` if it is not scaled.
    fn natural(&self, size: Size) -> Option<Size> {
        let resized = self.resize.map(|scale| scale.of(size));
        let fitting = self.pad.map(|pad| pad.inner(resized.unwrap_or(size)));
        fitting.filter(|fitting| resized.is_some() || *fitting != size).or(resized)
    }

    /// The size and metadata of the result for a frame of `size`, before bars are added.
    ///
    /// # Errors
    /// If the crop rectangle exceeds the frame.
    pub fn outcome(&self, size: Size, info: PictureInfo) -> Result<(Size, PictureInfo)> {
        let (size, info) = self.unaligned(size, info)?;
        Ok((self.aligned(size), info))
    }

    /// The size and metadata of frames after crop and rotation.
    fn turned(&self, size: Size, info: PictureInfo) -> Result<(Size, PictureInfo)> {
        let (mut size, mut info) = (size, info);
        if let Some(crop) = self.crop {
            let fits =
                |at: u32, len: u32, whole: u32| at.checked_add(len).is_some_and(|e| e <= whole);
            let inside = fits(crop.left, crop.size.width, size.width)
                && fits(crop.top, crop.size.height, size.height);
            if !inside {
                let Crop { size: part, left, top } = crop;
                let message =
                    format!("invalid --crop {part}+{left}+{top}: exceeds the frame of {size}");
                return Err(Failure::new(Kind::Usage, message));
            }
            size = crop.size;
        }
        if self.mixes_fields(info) {
            info.field_order = FieldOrder::Progressive;
        } else if self.rotation(info) == Rotation::Clockwise180 && size.height.is_multiple_of(2) {
            info.field_order = info.field_order.opposite();
        }
        if matches!(self.rotation(info), Rotation::Clockwise90 | Rotation::Clockwise270) {
            size = Size::new(size.height, size.width);
            info.pixel_aspect = info.pixel_aspect.map(Rational::inverse);
        }
        if self.turn() == Some(Rotate::AsDescribed) {
            info.rotation = Rotation::None;
        }
        Ok((size, info))
    }

    /// The size and metadata of the result before it is aligned.
    fn unaligned(&self, size: Size, info: PictureInfo) -> Result<(Size, PictureInfo)> {
        let limits_range = self.limits_range(info);
        let (mut size, mut info) = self.turned(size, info)?;
        if limits_range {
            info.color.range = ColorRange::Limited;
        }
        if let Some(square) = self.squared(size, info) {
            (size, info.pixel_aspect) = (square, Some(Rational::new(1, 1)));
        }
        if let Some(natural) = self.natural(size) {
            let target = self.target.unwrap_or(natural);
            // The rounding of the other side is not worth another aspect ratio.
            if matches!(self.resize, Some(Scale::Exact(_))) || target != natural {
                info.pixel_aspect = info.pixel_aspect.map(|aspect| scaled(aspect, size, target));
            }
            size = target;
        }
        Ok((size, info))
    }

    /// Returns the transformed frame, or `picture` itself if there is nothing to do.
    ///
    /// # Errors
    /// If size and samples do not match.
    pub fn apply<'a>(&'a mut self, picture: Picture<'a>) -> Result<Picture<'a>> {
        let rotation = self.rotation(picture.info);
        if self.target.is_none() {
            self.begin(picture.size(), picture.info)?;
        }
        let (size, info) = self.unaligned(picture.size(), picture.info)?;
        let aligned = self.aligned(size);
        let pad = self.pad.filter(|pad| pad.0 != size);
        let limits_range = self.limits_range(picture.info);
        let may_scale = self.resize.is_some()
            || self.pad.is_some()
            || self.output.is_some_and(|output| output.is_image());
        let scales = may_scale && {
            let part = self.crop.map_or(picture.size(), |crop| crop.size);
            let turned = match rotation {
                Rotation::None | Rotation::Clockwise180 => part,
                Rotation::Clockwise90 | Rotation::Clockwise270 => {
                    Size::new(part.height, part.width)
                }
            };
            turned != size
        };
        if self.crop.is_none()
            && rotation == Rotation::None
            && !scales
            && !limits_range
            && pad.is_none()
            && aligned == size
        {
            return Ok(picture.with_info(info));
        }
        if !picture.is_yuv420() {
            let message =
                format!("cannot crop, rotate, scale or pad {} video\n{CONVERT}", picture.samples());
            return Err(Failure::new(Kind::Usage, message));
        }
        let [from, to] = &mut self.work;
        from.copy_from(&picture);
        if let Some(crop) = self.crop {
            cut(from, crop, to);
            std::mem::swap(from, to);
        }
        if rotation != Rotation::None {
            turn(from, rotation, to);
            std::mem::swap(from, to);
        }
        if scales {
            scale(&mut self.resizer, from, size, to)?;
            std::mem::swap(from, to);
        }
        if limits_range {
            limit_range(from.split_mut());
        }
        if let Some(pad) = pad {
            add_bars(from, pad.0, info, to);
            std::mem::swap(from, to);
        } else if aligned != size {
            cut(from, Crop { size: aligned, left: 0, top: 0 }, to);
            std::mem::swap(from, to);
        }
        from.info = info;
        from.picture()
    }
}

/// The pixel aspect after scaling from one size to another.
fn scaled(aspect: Rational, from: Size, to: Size) -> Rational {
    let mut num = u64::from(aspect.num) * u64::from(from.width) * u64::from(to.height);
    let mut den = u64::from(aspect.den) * u64::from(from.height) * u64::from(to.width);
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (num, den) = (num / a.max(1), den / a.max(1));
    while num > u64::from(u32::MAX) || den > u64::from(u32::MAX) {
        (num, den) = (num / 2, (den / 2).max(1));
    }
    Rational::new(u32::try_from(num).unwrap_or(1).max(1), u32::try_from(den).unwrap_or(1).max(1))
}

fn cut(from: &Planes, crop: Crop, to: &mut Planes) {
    to.reset(crop.size);
    for (index, ((source, size), target)) in
        from.planes().into_iter().zip(to.split_mut()).enumerate()
    {
        let shift = usize::from(index > 0);
        let (left, top) = (crop.left as usize >> shift, crop.top as usize >> shift);
        let part = if index > 0 { crop.size.chroma() } else { crop.size };
        let rows = source.chunks_exact(size.width as usize).skip(top);
        for (row, out) in rows.zip(target.chunks_exact_mut(part.width as usize)) {
            out.copy_from_slice(&row[left..left + part.width as usize]);
        }
    }
}

/// Puts a frame into the middle of a black one, which is not smaller.
fn add_bars(from: &Planes, size: Size, info: PictureInfo, to: &mut Planes) {
    to.reset(size);
    let is_full = info.color.or_default_for(size).range == ColorRange::Full;
    let black = if is_full { 0 } else { 16 };
    // Even, because four pixels share a chroma sample.
    let left = (size.width - from.size.width) as usize / 4 * 2;
    let top = (size.height - from.size.height) as usize / 4 * 2;
    let targets = to.split_mut().into_iter().zip([size, size.chroma(), size.chroma()]);
    for (index, ((source, part), (target, whole))) in
        from.planes().into_iter().zip(targets).enumerate()
    {
        let shift = usize::from(index > 0);
        let (left, top) = (left >> shift, top >> shift);
        target.fill(if index > 0 { 128 } else { black });
        let rows = target.chunks_exact_mut(whole.width as usize).skip(top);
        for (row, out) in source.chunks_exact(part.width as usize).zip(rows) {
            out[left..left + part.width as usize].copy_from_slice(row);
        }
    }
}

fn turn(from: &Planes, rotation: Rotation, to: &mut Planes) {
    let size = from.size;
    to.reset(match rotation {
        Rotation::None | Rotation::Clockwise180 => size,
        Rotation::Clockwise90 | Rotation::Clockwise270 => Size::new(size.height, size.width),
    });
    for ((source, size), target) in from.planes().into_iter().zip(to.split_mut()) {
        let (width, height) = (size.width as usize, size.height as usize);
        for (at, out) in target.iter_mut().enumerate() {
            let (x, y) = match rotation {
                Rotation::None => (at % width, at / width),
                Rotation::Clockwise90 => (at / height, height - 1 - at % height),
                Rotation::Clockwise180 => (width - 1 - at % width, height - 1 - at / width),
                Rotation::Clockwise270 => (width - 1 - at / height, at % height),
            };
            *out = source[y * width + x];
        }
    }
}

fn scale(resizer: &mut PlaneScaler, from: &Planes, size: Size, to: &mut Planes) -> Result<()> {
    to.reset(size);
    let half = size.chroma();
    let targets = to.split_mut().into_iter().zip([size, half, half]);
    for (source, target) in from.planes().into_iter().zip(targets) {
        let scaled = resizer.scale(source, target);
        scaled.map_err(|error| Failure::internal(format!("scaling: {error}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(size: Size) -> Planes {
        let mut planes = Planes::default();
        planes.reset(size);
        let width = size.width as usize;
        for (at, sample) in planes.bytes.iter_mut().enumerate() {
            *sample = u8::try_from((at % width * 3 + at / width * 5) % 256).unwrap();
        }
        planes
    }

    fn applied(planes: &Planes, mut transform: Transform) -> Planes {
        let mut out = Planes::default();
        out.copy_from(&transform.apply(planes.picture().unwrap()).unwrap());
        out
    }

    #[test]
    fn the_first_size_is_that_of_all_frames() {
        let mut transform = Transform::new(None, None, Some(Scale::Width(16)));
        let square =
            PictureInfo { pixel_aspect: Some(Rational::new(1, 1)), ..PictureInfo::default() };
        // Rounding to 16x10 does not change the aspect ratio of the pixels.
        let (size, info) = transform.begin(Size::new(48, 31), square).unwrap();
        assert_eq!((size, info.pixel_aspect), (Size::new(16, 10), Some(Rational::new(1, 1))));
        let other = gradient(Size::new(32, 32));
        let scaled = transform.apply(other.picture().unwrap()).unwrap();
        assert_eq!(scaled.size(), Size::new(16, 10));
    }

    #[test]
    fn four_quarter_turns_are_the_identity() {
        for size in [Size::new(12, 8), Size::new(7, 5)] {
            let original = gradient(size);
            let mut turned = original.clone();
            for _ in 0..4 {
                let quarter = Rotate::By(Rotation::Clockwise90);
                turned = applied(&turned, Transform::new(None, Some(quarter), None));
            }
            assert_eq!(turned.bytes, original.bytes, "{size}");
            let half = Rotate::By(Rotation::Clockwise180);
            let once = applied(&original, Transform::new(None, Some(half), None));
            assert_eq!(once.bytes[0], *original.planes()[0].0.last().unwrap());
        }
    }

    #[test]
    fn a_quarter_turn_moves_the_lower_left_corner_to_the_top() {
        let original = gradient(Size::new(6, 4));
        let quarter = Rotate::By(Rotation::Clockwise90);
        let turned = applied(&original, Transform::new(None, Some(quarter), None));
        assert_eq!(turned.size, Size::new(4, 6));
        assert_eq!(turned.bytes[0], original.bytes[3 * 6]);
    }

    #[test]
    fn crops_keep_luma_and_chroma_together() {
        let original = gradient(Size::new(16, 12));
        let crop = "6x4+2+6".parse().ok();
        let part = applied(&original, Transform::new(crop, None, None));
        assert_eq!(part.size, Size::new(6, 4));
        assert_eq!(part.bytes[0], original.bytes[6 * 16 + 2]);
        assert_eq!(part.planes()[1].0[0], original.planes()[1].0[3 * 8 + 1]);
        let outside = "16x12+2+0".parse().ok();
        let mut transform = Transform::new(outside, None, None);
        let refused = transform.apply(original.picture().unwrap());
        assert_eq!(refused.err().map(|failure| failure.kind), Some(Kind::Usage));
    }

    #[test]
    fn sizes_are_aligned_unless_they_are_chosen() {
        let original = gradient(Size::new(7, 5));
        let part = applied(&original, Transform::default().with_alignment(2));
        assert_eq!((part.size, &part.bytes[..6]), (Size::new(6, 4), &original.bytes[..6]));
        assert_eq!(part.bytes[6], original.bytes[7]);
        let lost = |transform: Transform, size| transform.lost(size, PictureInfo::default());
        let note = lost(Transform::default().with_alignment(2), Size::new(7, 5)).unwrap();
        assert!(note.contains("7x5 are cropped to 6x4") && note.contains("--pad 8x6"), "{note}");
        assert_eq!(lost(Transform::default().with_alignment(2), Size::new(8, 6)), None);
        assert_eq!(lost(Transform::default(), Size::new(7, 5)), None);
        let odd = Some(Scale::Exact(Size::new(9, 9)));
        let chosen = applied(&original, Transform::new(None, None, odd).with_alignment(2));
        assert_eq!(chosen.size, Size::new(9, 9));
        let turned = Transform::new(None, Some(Rotate::By(Rotation::Clockwise90)), None);
        assert_eq!(applied(&original, turned.with_alignment(2)).size, Size::new(4, 6));
    }

    #[test]
    fn scaling_keeps_flat_areas_flat_and_the_display_shape() {
        let mut original = gradient(Size::new(32, 24));
        original.bytes.fill(77);
        original.info.pixel_aspect = Some(Rational::new(1, 1));
        let scaled =
            applied(&original, Transform::new(None, None, Some(Scale::Exact(Size::new(16, 24)))));
        assert!(scaled.bytes.iter().all(|&sample| sample == 77));
        assert_eq!(scaled.info.pixel_aspect, Some(Rational::new(2, 1)));
    }

    #[test]
    fn bars_are_black_and_frames_that_do_not_fit_are_scaled() {
        let mut original = gradient(Size::new(32, 24));
        original.bytes.fill(77);
        let pad = |size: &str| size.parse().ok();
        let padded = applied(&original, Transform::default().with_pad(pad("48x40")));
        assert_eq!(padded.size, Size::new(48, 40));
        let luma = |x: usize, y: usize| padded.bytes[y * 48 + x];
        assert_eq!([luma(7, 20), luma(8, 20), luma(39, 20), luma(40, 20)], [16, 77, 77, 16]);
        assert_eq!([luma(20, 7), luma(20, 8), luma(20, 31), luma(20, 32)], [16, 77, 77, 16]);
        let chroma = &padded.planes()[1].0;
        assert_eq!([chroma[10 * 24 + 3], chroma[10 * 24 + 4], chroma[0]], [128, 77, 128]);
        for (size, inner) in [("16x24", (16, 12)), ("64x12", (16, 12)), ("32x24", (32, 24))] {
            let mut transform = Transform::default().with_pad(pad(size));
            let (whole, _) = transform.begin(Size::new(32, 24), original.info).unwrap();
            assert_eq!(Some(Pad(whole)), pad(size));
            let (found, _) = transform.outcome(Size::new(32, 24), original.info).unwrap();
            assert_eq!((found.width, found.height), inner);
            assert_eq!(applied(&original, transform).size, whole);
        }
        let odd = gradient(Size::new(7, 5));
        assert_eq!(applied(&odd, Transform::default().with_pad(pad("9x9"))).size, Size::new(9, 9));
        // Frames keep their shape when both are given.
        let both = Transform::new(None, None, Some(Scale::Width(64))).with_pad(pad("40x40"));
        let square =
            PictureInfo { pixel_aspect: Some(Rational::new(1, 1)), ..PictureInfo::default() };
        let (inner, info) = both.outcome(Size::new(32, 24), square).unwrap();
        assert_eq!((inner, info.pixel_aspect), (Size::new(40, 30), Some(Rational::new(1, 1))));
    }
}
