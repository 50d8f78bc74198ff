//! What styles and modifiers see of a frame.

use super::operators::{Image, Plane};

/// One frame on its way through the stages of a look.
pub(super) struct Scene<'a> {
    pub image: &'a Image,
    /// The luma of `image`.
    pub luma: &'a Plane,
    /// Seconds since the model began, by the times of capture: for what moves by intent.
    pub time: f32,
    /// Whether to spend more on fine edges.
    pub fine: bool,
    pub refused: Refused,
}

/// What styles have of their own accord and prompts can refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Refused {
    pub grain: bool,
    pub vignette: bool,
}

impl Scene<'_> {
    pub fn width(&self) -> usize {
        self.luma.width
    }

    pub fn height(&self) -> usize {
        self.luma.height
    }

    pub fn size(&self) -> (usize, usize) {
        (self.luma.width, self.luma.height)
    }

    /// A length given in pixels of a picture whose longer side is 1280, for this picture.
    pub fn length(&self, at_1280: f32) -> f32 {
        at_1280 * self.width().max(self.height()) as f32 / 1280.0
    }

    /// [`Self::length`] in whole pixels, at least 1.
    pub fn pixels(&self, at_1280: f32) -> usize {
        (self.length(at_1280).round() as usize).max(1)
    }

    /// How strongly grain and the like may show.
    pub fn grain(&self) -> f32 {
        if self.refused.grain { 0.0 } else { 1.0 }
    }

    /// Darkening towards the corners: what is left of the light at a place, for [`Self::corners`].
    pub fn corners(&self, strength: f32) -> Corners {
        let strength = if self.refused.vignette { 0.0 } else { strength };
        Corners::new(self.width(), self.height(), strength)
    }
}

/// The light that is left towards the corners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corners {
    scale_x: f32,
    scale_y: f32,
    strength: f32,
}

impl Corners {
    /// `strength` is what the very corners lose, 0 to 1.
    pub fn new(width: usize, height: usize, strength: f32) -> Self {
        Self { scale_x: 2.0 / width as f32, scale_y: 2.0 / height as f32, strength }
    }

    /// What is left of the light in a column, given the row.
    #[inline(always)]
    pub fn light(self, x: i32, y: usize) -> f32 {
        let u = (x as f32 + 0.5) * self.scale_x - 1.0;
        let v = (y as f32 + 0.5) * self.scale_y - 1.0;
        let off = (u * u + v * v) * 0.5;
        1.0 - self.strength * off * (0.4 + 0.6 * off)
    }
}
