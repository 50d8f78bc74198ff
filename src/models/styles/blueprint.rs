//! A blueprint: white lines on blue paper with a ruled grid.

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Blur, HalfFlow, Image, Plane, Texture, mix, paper, ramp, shade, smooth,
};

#[derive(Default)]
pub(super) struct Blueprint {
    flow: HalfFlow,
    drawn: Drawn,
    soft: Plane,
    blur: Blur,
    paper: Texture,
    grid: Texture,
}

impl Style for Blueprint {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 2);
        self.drawn.make(scene, &self.flow, 2.8, 4);
        self.blur.plane(scene.luma, &mut self.soft, scene.length(3.0));
        self.paper.fit(width, height, paper(111, 1.5));
        let side = scene.pixels(20.0).max(4);
        self.grid.fit(width, height, |x, y| {
            if x % (5 * side) == 0 || y % (5 * side) == 0 {
                96
            } else if x % side == 0 || y % side == 0 {
                40
            } else {
                0
            }
        });
        let pitch = 1.0 / scene.length(7.0).max(3.0);
        shade(
            [&self.drawn.plane, &self.soft, &self.paper.plane, &self.grid.plane],
            out.each_mut(),
            #[inline(always)]
            |y| {
                let y = y as f32;
                #[inline(always)]
                move |x, [line, soft, paper, grid]| {
                    // Both sides of an edge: a draughtsman's outline.
                    let edge = smooth(line, 133.0, 146.0).max(smooth(line, 121.0, 108.0) * 0.45);
                    let phase = (x as f32 + y) * pitch;
                    let hatch = ((phase - phase.floor()) - 0.5).abs() * 2.0;
                    let dark = ramp(soft, 88.0, 30.0);
                    let hatch = smooth(hatch, 0.62, 0.92) * dark * 0.4;
                    let white = edge.max(hatch).max(grid * (1.0 / 255.0));
                    let rough = (paper - 128.0) * 0.1;
                    [
                        mix(20.0 + rough, 228.0, white),
                        mix(66.0 + rough, 238.0, white),
                        mix(146.0 + rough, 250.0, white),
                    ]
                }
            },
        );
    }
}
