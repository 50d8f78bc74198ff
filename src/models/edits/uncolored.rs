//! Without color: the luminance alone.

use super::Edit;
use crate::models::operators::{Image, Plane, gray_of, shade};
use crate::models::pipeline::Moment;

pub(super) struct Uncolored;

impl Edit for Uncolored {
    fn paint(&mut self, frame: &Image, _: &Plane, _: Moment, out: &mut Image) {
        let [r, g, b] = frame.each();
        shade(
            [r, g, b],
            out.each_mut(),
            #[inline(always)]
            |_| {
                #[inline(always)]
                |_, color| [gray_of(color); 3]
            },
        );
    }
}
