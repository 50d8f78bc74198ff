//! The table of styles. A new one is a file and a row here, and words in the vocabulary.

use super::sculpture::{self, Sculpture};
use super::{
    Style, anime, ascii_art, blueprint, bricks, cartoon, chalkboard, charcoal, cinematic,
    claymation, comic, cyberpunk, dream, embroidery, engraving, game_boy, glitch, hologram,
    impressionist, infrared_film, low_poly, miniature, mosaic, neon, newsprint, night_vision, noir,
    oil_painting, paper_cut, pastel_drawing, pencil_sketch, pixel_art, pointillism, pop_art,
    risograph, stained_glass, thermal, topographic_map, ukiyo_e, vaporwave, vhs, vintage_film,
    vivid, watercolor, woodcut, x_ray,
};

/// How a style goes with others: a medium is what the picture is made of, a look is how it is
/// lit, shot or shown. One of each can be combined: "cyberpunk oil painting".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Medium,
    Look,
}

/// What is known of a style.
#[derive(Debug, Clone, Copy)]
pub struct StyleInfo {
    pub name: &'static str,
    pub kind: Kind,
    /// Whether the colors of the frame can be told from the result: light and weather then go
    /// before it, else after.
    pub keeps_color: bool,
    /// Whether a still picture moves in it, by intent.
    pub moves: bool,
    /// The paper or technique that it follows.
    pub technique: &'static str,
    pub(in crate::models) make: fn() -> Box<dyn Style>,
}

macro_rules! is {
    (color) => {
        true
    };
    (own) => {
        false
    };
    (moves) => {
        true
    };
    (rests) => {
        false
    };
}

macro_rules! rows {
    ($($name:literal, $kind:ident, $color:ident, $motion:ident, $make:expr, $technique:literal;)+) => {
        static STYLES: &[StyleInfo] = &[$(StyleInfo {
            name: $name,
            kind: Kind::$kind,
            keeps_color: is!($color),
            moves: is!($motion),
            technique: $technique,
            make: || Box::new($make),
        }),+];
    };
}

// "color" or "own": whether the frame's colors are kept. "moves" or "rests".
rows! {
    "vivid", Look, color, rests, vivid::Vivid::default(),
        "local contrast by the guided filter (He, Sun and Tang 2010)";
    "anime", Medium, color, rests, anime::Anime::default(),
        "cel shading over anisotropic Kuwahara (Kyprianidis 2009) with coherent lines (Kang 2007)";
    "cartoon", Medium, color, rests, cartoon::Cartoon::default(),
        "luminance quantization with bold lines (Winnemöller, Olsen and Gooch 2006)";
    "oil painting", Medium, color, rests, oil_painting::OilPainting::default(),
        "anisotropic Kuwahara with lit bristles by line integral convolution (Hertzmann 2002)";
    "impressionist", Medium, color, rests, impressionist::Impressionist::default(),
        "strokes along the flow (Haeberli 1990, Litwinowicz 1997)";
    "watercolor", Medium, color, rests, watercolor::Watercolor::default(),
        "pigment density, edge darkening and paper (Bousseau, Kaplan, Thollot and Sillion 2006)";
    "pastel drawing", Medium, color, rests, pastel_drawing::PastelDrawing::default(),
        "pigment on the tooth of colored paper (Murakami, Tsuruno and Genda 2006)";
    "pencil sketch", Medium, own, rests, pencil_sketch::PencilSketch::default(),
        "coherent lines and directional hatching (Lu, Xu and Jia 2012)";
    "charcoal", Medium, own, rests, charcoal::Charcoal::default(),
        "smudged tones on paper grain with XDoG lines (Winnemöller 2011)";
    "engraving", Medium, own, rests, engraving::Engraving::default(),
        "lines of varying width bent by tone (Ostromoukhov 1999)";
    "woodcut", Medium, own, rests, woodcut::Woodcut::default(),
        "thresholded flow lines (XDoG, Winnemöller, Kyprianidis and Olsen 2012)";
    "ukiyo e", Medium, own, rests, ukiyo_e::UkiyoE::default(),
        "flat inks of a small palette, key lines and graded bands (bokashi)";
    "comic", Medium, color, rests, comic::Comic::default(),
        "bold ink, four-step color and Ben-Day dots";
    "pop art", Medium, own, rests, pop_art::PopArt::default(),
        "four silkscreens of flat inks";
    "newsprint", Medium, own, rests, newsprint::Newsprint::default(),
        "clustered-dot halftone at 45 degrees (Ulichney 1987)";
    "pointillism", Medium, color, rests, pointillism::Pointillism::default(),
        "dots of divided color on a jittered grid (Haeberli 1990)";
    "mosaic", Medium, color, rests, mosaic::Mosaic::default(),
        "lit tesserae in Voronoi cells (Hausner 2001)";
    "stained glass", Medium, color, rests, stained_glass::StainedGlass::default(),
        "Voronoi panes in lead along edges (Mould 2003)";
    "low poly", Medium, color, rests, low_poly::LowPoly::default(),
        "mean colors of triangles, each lit by its own slope";
    "pixel art", Medium, color, rests, pixel_art::PixelArt::default(),
        "32 colors with Bayer dither (Bayer 1973)";
    "game boy", Medium, own, rests, game_boy::GameBoy::default(),
        "four greens with Bayer dither behind an LCD grid";
    "bricks", Medium, color, rests, bricks::Bricks::default(),
        "mean colors of squares in a toy's palette, under lit studs";
    "embroidery", Medium, color, rests, embroidery::Embroidery::default(),
        "cross stitches on linen";
    "ascii art", Medium, own, rests, ascii_art::AsciiArt::default(),
        "glyphs by brightness";
    "blueprint", Medium, own, rests, blueprint::Blueprint::default(),
        "coherent lines (Kang, Lee and Chui 2007) in white on a blue grid";
    "chalkboard", Medium, own, rests, chalkboard::Chalkboard::default(),
        "coherent lines and strokes broken by the board's grain";
    "neon", Medium, own, rests, neon::Neon::default(),
        "coherent edges as tubes with bloom";
    "cyberpunk", Look, color, rests, cyberpunk::Cyberpunk::default(),
        "split toning in magenta and cyan with bloom";
    "hologram", Look, own, moves, hologram::Hologram::default(),
        "rim light and running scan lines";
    "thermal", Medium, own, rests, thermal::Thermal::default(),
        "false color of smoothed luma (the palette of thermographs)";
    "night vision", Medium, own, rests, night_vision::NightVision::default(),
        "amplified green phosphor with noise and a round tube";
    "x ray", Medium, own, rests, x_ray::XRay::default(),
        "inverted film with detail amplified";
    "noir", Look, own, rests, noir::Noir::default(),
        "low-key black and white with grain";
    "cinematic", Look, color, rests, cinematic::Cinematic::default(),
        "split toning in teal and orange with halation";
    "vintage film", Look, own, moves, vintage_film::VintageFilm::default(),
        "toned film with grain, dust, scratches and gate weave";
    "vhs", Look, color, moves, vhs::Vhs::default(),
        "band-limited chroma, scan lines and head-switching noise";
    "glitch", Look, color, moves, glitch::Glitch,
        "displaced blocks and channels";
    "claymation", Medium, color, rests, claymation::Claymation::default(),
        "smoothed colors lit as relief, with finger marks";
    "paper cut", Medium, color, rests, paper_cut::PaperCut::default(),
        "layers of tone with cast shadows";
    "topographic map", Medium, own, rests, topographic_map::TopographicMap::default(),
        "contour lines and hypsometric tints of smoothed luma";
    "infrared film", Look, color, rests, infrared_film::InfraredFilm::default(),
        "false color of Aerochrome: green becomes magenta";
    "vaporwave", Look, own, rests, vaporwave::Vaporwave::default(),
        "gradient map from indigo over pink to cyan with scan lines";
    "dream", Look, color, rests, dream::Dream::default(),
        "the Orton effect: a blurred and lightened copy over the sharp one";
    "miniature", Look, color, rests, miniature::Miniature::default(),
        "a shallow plane of focus and toy colors (Held, Cooper, O'Brien and Banks 2010)";
    "risograph", Medium, own, rests, risograph::Risograph::default(),
        "two spot inks, screened and out of register";
    "marble", Medium, own, rests, Sculpture::new(&sculpture::MARBLE),
        "luma as relief, lit, in veined white";
    "bronze", Medium, own, rests, Sculpture::new(&sculpture::BRONZE),
        "luma as relief, lit, in brown metal";
    "gold metal", Medium, own, rests, Sculpture::new(&sculpture::GOLD),
        "luma as relief, lit, in gold";
    "chrome", Medium, own, rests, Sculpture::new(&sculpture::CHROME),
        "luma as relief that mirrors a horizon";
    "ice", Medium, own, rests, Sculpture::new(&sculpture::ICE),
        "luma as relief, lit through, with cracks";
    "stone", Medium, own, rests, Sculpture::new(&sculpture::STONE),
        "luma as relief, lit, in rough gray";
    "wood", Medium, own, rests, Sculpture::new(&sculpture::WOOD),
        "luma as relief, lit, in grained brown";
    "jade", Medium, own, rests, Sculpture::new(&sculpture::JADE),
        "luma as relief, lit, in clouded green";
    "porcelain", Medium, own, rests, Sculpture::new(&sculpture::PORCELAIN),
        "luma as relief, glazed, painted in cobalt";
    "patina", Medium, own, rests, Sculpture::new(&sculpture::PATINA),
        "luma as relief: brown copper, green where it is high";
}

/// Every style.
pub fn styles() -> &'static [StyleInfo] {
    STYLES
}

/// The style of that name.
pub fn find(name: &str) -> Option<&'static StyleInfo> {
    STYLES.iter().find(|style| style.name == name)
}

/// The names of all styles.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    STYLES.iter().map(|style| style.name)
}
