//! A part in another style, light or weather.

use super::Edit;
use crate::models::operators::{Image, Plane};
use crate::models::pipeline::{Moment, Pipeline};

pub(super) struct Painted(pub Pipeline);

impl Edit for Painted {
    fn paint(&mut self, frame: &Image, mask: &Plane, moment: Moment, out: &mut Image) {
        out.copy_from(frame);
        self.0.run(out, Some(mask), moment);
    }
}
