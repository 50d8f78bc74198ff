//! Graphite on white paper: searching lines and slanting hatches.
//!
//! After Lu, Xu and Jia, "Combining sketch and tone for pencil drawing production" (2012), with
//! coherent lines.

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, HalfFlow, Image, Plane, Texture, Tile, paper, ramp, shade, smooth,
};

pub(super) struct PencilSketch {
    flow: HalfFlow,
    drawn: Drawn,
    soft: Plane,
    fine: Plane,
    blur: Blur,
    paper: Texture,
    hatch: Texture,
    cross: Texture,
    tiles: [Tile; 2],
}

impl Default for PencilSketch {
    fn default() -> Self {
        Self {
            flow: HalfFlow::default(),
            drawn: Drawn::default(),
            soft: Plane::default(),
            fine: Plane::default(),
            blur: Blur::default(),
            paper: Texture::default(),
            hatch: Texture::default(),
            cross: Texture::default(),
            tiles: [
                Tile::white(61).rubbed((0.74, -0.67), 18),
                Tile::white(62).rubbed((0.34, -0.94), 16),
            ],
        }
    }
}

impl Style for PencilSketch {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 2);
        self.drawn.make(scene, &self.flow, 3.0, 3);
        self.blur.plane(scene.luma, &mut self.soft, scene.length(3.0));
        self.blur.plane(scene.luma, &mut self.fine, scene.length(1.2));
        self.paper.fit(width, height, paper(71, 1.0));
        self.hatch.lay(&self.tiles[0], width, height, (0, 0));
        self.cross.lay(&self.tiles[1], width, height, (0, 0));
        // The finer model adds the small lines of the full size.
        let detail = if scene.fine { 0.055 } else { 0.03 };
        shade(
            [
                scene.luma,
                &self.soft,
                &self.fine,
                &self.drawn.plane,
                &self.paper.plane,
                &self.hatch.plane,
                &self.cross.plane,
            ],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                move |_, [luma, soft, fine, line, paper, hatch, cross]| {
                    let tooth = (paper - 128.0) * (1.0 / 128.0);
                    // Two layers of hatching, for half tones and for darks.
                    let one = ramp(soft, 190.0, 60.0) * smooth(hatch, 70.0, 175.0);
                    let two = ramp(soft, 105.0, 20.0) * smooth(cross, 60.0, 170.0);
                    let tone = one * 0.52 + two * 0.5 + ramp(soft, 70.0, 0.0) * 0.22;
                    let small = ((fine - luma - 2.0) * detail).max(0.0).min(0.7);
                    let ink = smooth(line, 133.0, 154.0) * (0.86 + 0.3 * tooth);
                    let dark = (tone * (1.0 + 0.5 * tooth) + small + ink).min(0.97);
                    let sheet = 247.0 + tooth * 7.0;
                    let level = sheet - dark * 202.0;
                    [level, level - 1.0, level - 4.0]
                }
            },
        );
    }
}
