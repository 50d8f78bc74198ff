//! Light, weather, color and finish: what goes with every style, one file each.
//!
//! A modifier grades colors, paints over the picture, or both. The grades of all modifiers of a
//! prompt are put together into one table of colors.

mod autumn;
mod bright;
mod candlelight;
mod contrast;
mod cool;
mod dark;
mod dawn;
mod dramatic_light;
mod duotone;
mod dusk;
mod faded;
mod fog;
mod golden_hour;
mod grain;
mod inverted;
mod lens_flare;
mod monochrome;
mod moonlight;
mod muted;
mod neon_light;
mod night;
mod noon;
mod overcast;
mod pastel;
mod rain;
mod sandstorm;
mod saturated;
mod sepia;
mod sharp;
mod snow;
mod soft;
mod soft_light;
mod sparkle;
mod spotlight;
mod spring;
mod storm;
mod summer;
mod sunbeams;
mod sunny;
mod table;
mod tint;
mod underwater;
mod vignette;
mod warm;
mod winter;

use super::operators::Image;
use super::scene::Scene;

pub(super) use duotone::Duotone;
pub use table::Group;
pub(super) use table::{find, names};
pub(super) use tint::Tint;

/// Hazy air by daylight.
pub(super) const AIR: [f32; 3] = [206.0, 212.0, 220.0];

/// One change of light, weather, color or finish. Made with a strength: 1 is as said plainly, up
/// to 2; down to -1 for the opposite where [`Row::has_opposite`].
pub(super) trait Modifier: Send {
    /// What becomes of a color, levels 0 to 255.
    fn grade(&self, color: [f32; 3]) -> [f32; 3] {
        color
    }

    /// Whether [`Self::grade`] changes anything.
    fn grades(&self) -> bool {
        true
    }

    /// Hears what the grades of the prompt make of [`AIR`].
    fn learn(&mut self, _air: [f32; 3]) {}

    /// Whether it wants to [`Self::look`].
    fn looks(&self) -> bool {
        false
    }

    /// Sees the frame before anything was graded.
    fn look(&mut self, _scene: &Scene<'_>) {}

    /// Whether [`Self::paint`] changes anything.
    fn paints(&self) -> bool {
        false
    }

    /// Paints over `image`, which was graded already. `scene` is what it was before this.
    fn paint(&mut self, _scene: &Scene<'_>, _image: &mut Image) {}
}
