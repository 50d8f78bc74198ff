//! Whole-picture styles, one file each; materials share one.
//!
//! A style says only how it paints: its name stands in the table, its words in the vocabulary.
//! Whatever resembles chance (grain, strokes, paper) is fixed to the picture and does not move
//! from frame to frame, except where motion belongs to the style, as in an old film.

mod abstraction;
mod anime;
mod ascii_art;
mod blueprint;
mod bricks;
mod cartoon;
mod chalkboard;
mod charcoal;
mod cinematic;
mod claymation;
mod comic;
mod cyberpunk;
mod dream;
mod embroidery;
mod engraving;
mod game_boy;
mod glitch;
mod hologram;
mod impressionist;
mod infrared_film;
mod low_poly;
mod miniature;
mod mosaic;
mod neon;
mod newsprint;
mod night_vision;
mod noir;
mod oil_painting;
mod paper_cut;
mod pastel_drawing;
mod pencil_sketch;
mod pixel_art;
mod pointillism;
mod pop_art;
mod risograph;
mod sculpture;
mod stained_glass;
mod table;
mod thermal;
mod topographic_map;
mod ukiyo_e;
mod vaporwave;
mod vhs;
mod vintage_film;
mod vivid;
mod watercolor;
mod woodcut;
mod x_ray;

use super::operators::Image;
use super::scene::Scene;

pub(super) use table::Kind;
pub(super) use table::find;
#[cfg(test)]
pub(super) use table::names;
pub use table::{StyleInfo, styles};

/// One way to paint a picture.
pub(super) trait Style: Send {
    /// Paints the frame to `out`, which has the size of the frame already.
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Image);
}
