//! What several painted styles begin with: the picture in flat patches, and its lines.

use crate::models::operators::{
    Blur, Brief, Double, Guided, HalfFlow, Image, Kuwahara, Lines, Plane, halve_image,
};
use crate::models::scene::Scene;

/// The picture flattened at half size.
#[derive(Default)]
pub(super) struct Flat {
    pub flow: HalfFlow,
    pub half: Image,
    /// The flattened picture at half size.
    pub small: Image,
    small_luma: Plane,
    /// The flattened picture at full size, after [`Self::grow`].
    pub full: Image,
    /// The luma of `full`, after [`Self::grow`].
    pub luma: Plane,
    kuwahara: Kuwahara,
    blur: Blur,
    double: Double,
}

impl Flat {
    /// Measures the flow and flattens with a brush of `radius` pixels of a picture 1280 wide.
    pub fn make(&mut self, scene: &Scene<'_>, radius: f32) {
        self.flow.measure(scene.luma, 2);
        halve_image(scene.image, &mut self.half);
        let radius = scene.length(radius * 0.5).clamp(1.0, 40.0);
        let (luma, flow) = (&self.flow.half, &self.flow.flow);
        self.kuwahara.flatten(&self.half, luma, flow, &mut self.small, radius);
        self.small.luma(&mut self.small_luma);
    }

    /// The luma of the flattened picture at full size, blurred with a standard deviation of `sigma`
    /// pixels of a picture 1280 wide. Made from half the size, which a blur hides from 2 pixels on.
    pub fn form(&mut self, scene: &Scene<'_>, sigma: f32, out: &mut Plane) {
        let mut blurred = Brief::<Plane>::like(&self.small_luma);
        self.blur.plane(&self.small_luma, &mut blurred, scene.length(sigma) / 2.0);
        self.double.to(&blurred, out, scene.width(), scene.height());
    }

    /// Brings the flattened picture to full size.
    pub fn grow(&mut self, scene: &Scene<'_>) {
        self.double.image(&self.small, &mut self.full, scene.width(), scene.height());
        self.full.luma(&mut self.luma);
    }
}

/// Lines of the picture as a plane: 128 where there is none, more on a line.
#[derive(Default)]
pub(super) struct Drawn {
    lines: Lines,
    guided: Guided,
    luma: Plane,
    pub plane: Plane,
}

impl Drawn {
    /// Draws lines about `width` pixels wide in a picture 1280 wide, of all that stands out.
    pub fn make(&mut self, scene: &Scene<'_>, flow: &HalfFlow, width: f32, octaves: usize) {
        // Texture is smoothed away, so that lines are of forms.
        self.guided.smooth(&flow.half, &mut self.luma, scene.length(8.0).max(2.0), 17.0);
        let (luma, flow) = (&self.luma, &flow.flow);
        self.lines.draw(luma, flow, &mut self.plane, scene.size(), sigma(scene, width), octaves);
    }

    /// Draws the lines of the flattened picture.
    pub fn make_flat(&mut self, scene: &Scene<'_>, flat: &Flat, width: f32, octaves: usize) {
        let (luma, flow) = (&flat.small_luma, &flat.flow.flow);
        self.lines.draw(luma, flow, &mut self.plane, scene.size(), sigma(scene, width), octaves);
    }
}

/// The inner Gaussian of lines about `width` pixels wide in a picture 1280 wide.
fn sigma(scene: &Scene<'_>, width: f32) -> f32 {
    scene.length(width * 0.35).clamp(0.55, 1.7)
}
