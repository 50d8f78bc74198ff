//! What several painted styles begin with: the picture in flat patches, and its lines.

use crate::models::operators::{
    Double, Guided, HalfFlow, Image, Kuwahara, Lines, Plane, halve_image,
};
use crate::models::scene::Scene;

/// The picture flattened at half size.
#[derive(Default)]
pub(super) struct Flat {
    pub flow: HalfFlow,
    pub half: Image,
    /// The flattened picture at half size.
    pub small: Image,
    /// The flattened picture at full size, after [`Self::grow`].
    pub full: Image,
    /// The luma of `full`, after [`Self::grow`].
    pub luma: Plane,
    kuwahara: Kuwahara,
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
        self.draw(scene, flow, width, octaves);
    }

    /// Draws the lines of the flattened picture.
    pub fn make_flat(&mut self, scene: &Scene<'_>, flat: &Flat, width: f32, octaves: usize) {
        flat.small.luma(&mut self.luma);
        self.draw(scene, &flat.flow, width, octaves);
    }

    fn draw(&mut self, scene: &Scene<'_>, flow: &HalfFlow, width: f32, octaves: usize) {
        let sigma = scene.length(width * 0.35).clamp(0.55, 1.7);
        self.lines.draw(&self.luma, &flow.flow, &mut self.plane, scene.size(), sigma, octaves);
    }
}
