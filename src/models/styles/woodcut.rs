//! A woodcut: black and cream only, the gouge following the forms.
//!
//! Flow lines cut through thresholded tones, in the manner of XDoG (Winnemöller, Kyprianidis and
//! Olsen 2012).

use super::abstraction::Drawn;
use super::{Scene, Style};
use crate::models::operators::{
    Along, Blur, Double, HalfFlow, Image, Plane, Texture, Tile, mix, paper, shade, smooth,
};

pub(super) struct Woodcut {
    flow: HalfFlow,
    drawn: Drawn,
    noise: Texture,
    tile: Tile,
    along: Along,
    gouged: Plane,
    cuts: Plane,
    soft: Plane,
    wide: Plane,
    paper: Texture,
    blur: Blur,
    double: Double,
}

impl Default for Woodcut {
    fn default() -> Self {
        Self {
            flow: HalfFlow::default(),
            drawn: Drawn::default(),
            noise: Texture::default(),
            tile: Tile::hills(93, 4),
            along: Along::default(),
            gouged: Plane::default(),
            cuts: Plane::default(),
            soft: Plane::default(),
            wide: Plane::default(),
            paper: Texture::default(),
            blur: Blur::default(),
            double: Double::default(),
        }
    }
}

impl Style for Woodcut {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image) {
        let (width, height) = scene.size();
        self.flow.measure(scene.luma, 4);
        self.drawn.make(scene, &self.flow, 5.0, 4);
        self.noise.lay(&self.tile, self.flow.half.width, self.flow.half.height, (0, 0));
        self.along.smooth(&self.noise.plane, &self.flow.flow, &mut self.gouged, 5);
        self.double.to(&self.gouged, &mut self.cuts, width, height);
        self.blur.plane(scene.luma, &mut self.soft, scene.length(3.0));
        self.blur.plane(scene.luma, &mut self.wide, scene.length(70.0));
        self.paper.fit(width, height, paper(95, 1.4));
        shade(
            [&self.soft, &self.wide, &self.cuts, &self.drawn.plane, &self.paper.plane],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [soft, wide, cut, line, paper]| {
                    // Half of each neighbourhood is cut away.
                    let tone = soft + (118.0 - wide) * 0.55;
                    let white = smooth(tone + (cut - 128.0) * 1.9, 108.0, 122.0);
                    let key = smooth(line, 132.0, 137.0);
                    // The bright side of an edge is cut clean.
                    let rim = smooth(line, 122.0, 115.0);
                    let white = (white.max(rim) * (1.0 - key)).max(0.0);
                    let sheet = (paper - 128.0) * 0.1;
                    let black = 22.0 + (paper - 128.0).max(0.0) * 0.32;
                    [
                        mix(black, 238.0 + sheet, white),
                        mix(black, 228.0 + sheet, white),
                        mix(black * 1.05, 204.0 + sheet, white),
                    ]
                }
            },
        );
    }
}
