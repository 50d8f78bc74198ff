//! The reference image in the place of the target, or what it is about, put into the picture.

use std::sync::Arc;

use super::Edit;
use crate::media::Picture;
use crate::models::operators::{Image, Plane, mix, shade};
use crate::models::pipeline::Moment;
use crate::models::reference::{Subject, backdrop};

/// The image as what lies behind.
pub(super) struct Backdrop {
    image: Arc<Picture>,
    scene: Image,
}

impl Backdrop {
    pub fn new(image: Arc<Picture>) -> Self {
        Self { image, scene: Image::default() }
    }
}

impl Edit for Backdrop {
    fn paint(&mut self, frame: &Image, _: &Plane, _: Moment, out: &mut Image) {
        let size = (frame.width(), frame.height());
        if (self.scene.width(), self.scene.height()) != size {
            self.scene.fit(size.0, size.1);
            backdrop(&self.image, &mut self.scene);
        }
        out.copy_from(&self.scene);
    }
}

/// The subject of the image in front of everything.
pub(super) struct Placed {
    subject: Subject,
    place: (f32, bool),
    drawn: Image,
    alpha: Plane,
}

impl Placed {
    /// `place` as the vocabulary names it; on the right if nothing is said.
    pub fn new(image: &Picture, place: Option<&str>) -> Self {
        let place = match place {
            Some("left") => (0.24, true),
            Some("middle" | "front" | "below") => (0.5, true),
            Some("above") => (0.5, false),
            _ => (0.76, true),
        };
        Self {
            subject: Subject::of(image),
            place,
            drawn: Image::default(),
            alpha: Plane::default(),
        }
    }
}

impl Edit for Placed {
    fn paint(&mut self, frame: &Image, _: &Plane, _: Moment, out: &mut Image) {
        let size = (frame.width(), frame.height());
        if (self.drawn.width(), self.drawn.height()) != size {
            self.drawn.fit(size.0, size.1);
            self.subject.draw(self.place, &mut self.drawn, &mut self.alpha);
        }
        let ([r, g, b], [nr, ng, nb]) = (frame.each(), self.drawn.each());
        shade(
            [r, g, b, nr, ng, nb, &self.alpha],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, [r, g, b, nr, ng, nb, alpha]| {
                    let t = alpha * (1.0 / 255.0);
                    [mix(r, nr, t), mix(g, ng, t), mix(b, nb, t)]
                }
            },
        );
    }
}
