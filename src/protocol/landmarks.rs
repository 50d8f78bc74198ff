//! Where the parts of a face are in a reference image, from whoever knows better than the service.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A place in pixels of the image as it is shown: x to the right and y down from its upper left
/// corner, after the file was turned as its EXIF data asks.
pub type Place = [f32; 2];

/// The least distance of the eyes, in pixels.
const LEAST_DISTANCE: f32 = 4.0;
/// How far a face may be turned on the shoulder: the rise of the line between the eyes, 35 degrees.
const STEEPEST: f32 = 0.7;
/// Where the middle of a mouth may be, in distances of the eyes below the line between them.
const MOUTH_BELOW: (f32, f32) = (0.5, 2.2);
/// How far beside the middle between the eyes it may be.
const MOUTH_BESIDE: f32 = 0.5;
/// How wide a mouth may be.
const MOUTH_WIDTH: (f32, f32) = (0.4, 1.6);
/// How much lower one corner may be than the other, in parts of the width.
const MOUTH_SLOPE: f32 = 0.4;
/// How far a chin may be beside the middle between the eyes, and below the mouth.
const CHIN_BESIDE: f32 = 0.8;
const CHIN_BELOW: (f32, f32) = (0.2, 2.5);
/// What is said where the eyes are so near to each other that the head may be turned aside.
const FROM_THE_SIDE: &str = "a face can speak that is turned aside by up to some 50 degrees; of one \
                             that is seen from the side give the one eye that is seen";
/// Where the mouth of a face is whose mouth is not known.
const USUAL_MOUTH: f32 = 1.15;

/// How far the front of the lips of a profile may be before their corner, in distances of the eyes.
const FRONT_AHEAD: (f32, f32) = (0.05, 0.6);
/// How far above or below the corner it may be.
const FRONT_BELOW: (f32, f32) = (-0.3, 0.3);
/// How far before the eye of a profile its chin may be.
const CHIN_AHEAD: (f32, f32) = (-1.0, 1.0);

/// Where the parts of a face are. Left is what is at the left of the picture.
///
/// A face that is seen from the side has one eye: who looks to the left of the picture shows the
/// right one, the right corner of the mouth, and at the left the place where the lips meet at the
/// outline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Landmarks {
    /// The center of an eye, as of the other. Of a profile that of the one that is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_eye: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_eye: Option<Place>,
    /// A corner of the mouth. Both are known, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mouth_left: Option<Place>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mouth_right: Option<Place>,
    /// The lowest place of the chin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chin: Option<Place>,
}

impl Landmarks {
    /// Whether this can be a face, wherever it is.
    ///
    /// # Errors
    ///
    /// `InvalidInput` that names the mark, what was expected and what came.
    pub fn check(&self) -> Result<()> {
        for (name, [x, y]) in self.places() {
            if !(x.is_finite() && y.is_finite()) {
                return Err(wrong(name, "finite numbers", &format!("{x}, {y}")));
            }
        }
        match (self.left_eye, self.right_eye) {
            (Some(left), Some(right)) => {
                check_eyes(left, right)?;
                self.check_mouth(left, right)
            }
            (Some(eye), None) => self.check_profile(eye, 1.0),
            (None, Some(eye)) => self.check_profile(eye, -1.0),
            (None, None) => {
                let expected = "both, or of a profile the one that is seen";
                Err(wrong("left_eye, right_eye", expected, "none"))
            }
        }
    }

    /// Whether all of it is inside a picture of that size.
    ///
    /// # Errors
    ///
    /// As [`Landmarks::check`].
    pub fn check_inside(&self, width: u32, height: u32) -> Result<()> {
        for (name, [x, y]) in self.places() {
            let inside = (0.0..=width as f32).contains(&x) && (0.0..=height as f32).contains(&y);
            if !inside {
                let expected = format!("a place in the picture of {width} x {height} pixels");
                return Err(wrong(name, &expected, &format!("{x}, {y}")).hint(
                    "places are pixels of the picture as it is shown, turned as its EXIF data asks",
                ));
            }
        }
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = (&'static str, Place)> {
        let places = [
            ("left_eye", self.left_eye),
            ("right_eye", self.right_eye),
            ("mouth_left", self.mouth_left),
            ("mouth_right", self.mouth_right),
            ("chin", self.chin),
        ];
        places.into_iter().filter_map(|(name, place)| Some((name, place?)))
    }

    /// A face that looks to the right (1) or left (-1) of the picture.
    fn check_profile(&self, eye: Place, sign: f32) -> Result<()> {
        let (eye_name, front, corner) = if sign > 0.0 {
            ("left_eye", ("mouth_right", self.mouth_right), ("mouth_left", self.mouth_left))
        } else {
            ("right_eye", ("mouth_left", self.mouth_left), ("mouth_right", self.mouth_right))
        };
        let ((front_name, Some(front)), (corner_name, Some(corner))) = (front, corner) else {
            let expected = format!(
                "the corner of the mouth ({}) and where the lips meet at the outline ({}), or both \
                 eyes",
                corner.0, front.0
            );
            return Err(wrong(eye_name, &expected, "one eye alone"));
        };
        let (across, down) = (corner[0] - eye[0], corner[1] - eye[1]);
        if across.hypot(down) < LEAST_DISTANCE || across.abs() > STEEPEST * down {
            let expected = format!("a place 4 pixels or more below {eye_name}");
            let got = format!("{across} to the right and {down} below");
            return Err(wrong(corner_name, &expected, &got)
                .hint("turn the picture if the face is turned by more than 35 degrees"));
        }
        // As if the other eye were beside this one.
        let unit = 1.0 / USUAL_MOUTH;
        let half = [0.5 * unit * down, -0.5 * unit * across];
        let eyes = [[eye[0] - half[0], eye[1] - half[1]], [eye[0] + half[0], eye[1] + half[1]]];
        let ahead = |place| {
            let (x, y) = inside(eyes[0], eyes[1], place);
            (sign * x, y)
        };
        let ((front_x, front_y), (corner_x, corner_y)) = (ahead(front), ahead(corner));
        let before = format!("before {corner_name}, where the face looks");
        expect(front_name, &before, front_x - corner_x, FRONT_AHEAD)?;
        expect(front_name, &format!("below {corner_name}"), front_y - corner_y, FRONT_BELOW)?;
        let Some(chin) = self.chin else { return Ok(()) };
        let (x, y) = ahead(chin);
        expect("chin", "below the mouth", y - corner_y, CHIN_BELOW)?;
        expect("chin", &format!("before {eye_name}"), x, CHIN_AHEAD)
    }

    fn check_mouth(&self, left_eye: Place, right_eye: Place) -> Result<()> {
        let inside = |place| inside(left_eye, right_eye, place);
        let mut mouth = USUAL_MOUTH;
        match (self.mouth_left, self.mouth_right) {
            (Some(left), Some(right)) => {
                let ((left_x, left_y), (right_x, right_y)) = (inside(left), inside(right));
                let (middle, width) = (f32::midpoint(left_x, right_x), right_x - left_x);
                mouth = f32::midpoint(left_y, right_y);
                expect("mouth_right", "to the right of mouth_left", width, MOUTH_WIDTH)
                    .map_err(|error| error.hint(FROM_THE_SIDE))?;
                expect("mouth_left, mouth_right", "below the eyes", mouth, MOUTH_BELOW)
                    .map_err(|error| error.hint(FROM_THE_SIDE))?;
                let beside = (-MOUTH_BESIDE, MOUTH_BESIDE);
                expect("mouth_left, mouth_right", "beside the middle of the eyes", middle, beside)?;
                let slope = (right_y - left_y) / width;
                expect(
                    "mouth_right",
                    "of its width lower than mouth_left",
                    slope,
                    (-MOUTH_SLOPE, MOUTH_SLOPE),
                )?;
            }
            (None, None) => {}
            (Some(_), None) => return Err(wrong("mouth_right", "it beside mouth_left", "none")),
            (None, Some(_)) => return Err(wrong("mouth_left", "it beside mouth_right", "none")),
        }
        let Some(chin) = self.chin else { return Ok(()) };
        let (x, y) = inside(chin);
        expect("chin", "below the mouth", y - mouth, CHIN_BELOW)?;
        expect("chin", "beside the middle of the eyes", x, (-CHIN_BESIDE, CHIN_BESIDE))
    }
}

fn check_eyes(left: Place, right: Place) -> Result<()> {
    let (across, down) = (right[0] - left[0], right[1] - left[1]);
    if across.hypot(down) < LEAST_DISTANCE {
        let got = format!("{:.1}", across.hypot(down));
        return Err(wrong("right_eye", "4 pixels or more from left_eye", &got).hint(FROM_THE_SIDE));
    }
    if down.abs() > STEEPEST * across {
        let expected = "a place to the right of left_eye at about its height";
        let got = format!("{across} to the right and {down} below");
        return Err(wrong("right_eye", expected, &got).hint(
            "left and right are those of the picture; turn it if the face is turned by more than 35 \
             degrees",
        ));
    }
    Ok(())
}

/// A place in the face: along the line between the eyes from its middle, and below it, in
/// distances of the eyes.
fn inside(left: Place, right: Place, place: Place) -> (f32, f32) {
    let (across, down) = (right[0] - left[0], right[1] - left[1]);
    let square = across * across + down * down;
    let x = place[0] - f32::midpoint(left[0], right[0]);
    let y = place[1] - f32::midpoint(left[1], right[1]);
    ((x * across + y * down) / square, (y * across - x * down) / square)
}

fn expect(name: &str, what: &str, got: f32, (least, most): (f32, f32)) -> Result<()> {
    if (least..=most).contains(&got) {
        return Ok(());
    }
    Err(wrong(
        name,
        &format!("{least} to {most} distances of the eyes {what}"),
        &format!("{got:.2}"),
    ))
}

fn wrong(name: &str, expected: &str, got: &str) -> Error {
    Error::invalid_input(format!("landmarks: {name}: expected {expected}, got {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Landmarks {
        Landmarks {
            left_eye: Some([100.0, 100.0]),
            right_eye: Some([200.0, 110.0]),
            mouth_left: Some([110.0, 220.0]),
            mouth_right: Some([190.0, 224.0]),
            chin: Some([145.0, 290.0]),
        }
    }

    #[test]
    fn a_face_is_taken_as_it_is() {
        let eyes = Landmarks { mouth_left: None, mouth_right: None, chin: None, ..face() };
        for face in [face(), eyes] {
            face.check().unwrap();
            face.check_inside(300, 300).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases: [(Landmarks, &str); 13] = [
            (
                Landmarks { left_eye: Some([f32::NAN, 1.0]), ..face() },
                "left_eye: expected finite numbers, got NaN, 1",
            ),
            (
                Landmarks { chin: Some([1.0, f32::INFINITY]), ..face() },
                "chin: expected finite numbers, got 1, inf",
            ),
            (
                Landmarks { right_eye: Some([100.0, 100.0]), ..face() },
                "right_eye: expected 4 pixels or more from left_eye, got 0.0",
            ),
            (
                Landmarks {
                    left_eye: Some([200.0, 110.0]),
                    right_eye: Some([100.0, 100.0]),
                    ..face()
                },
                "to the right of left_eye",
            ),
            (
                Landmarks { right_eye: Some([110.0, 200.0]), ..face() },
                "got 10 to the right and 100 below",
            ),
            (
                Landmarks { mouth_left: None, ..face() },
                "mouth_left: expected it beside mouth_right, got none",
            ),
            (
                Landmarks { mouth_right: None, ..face() },
                "mouth_right: expected it beside mouth_left, got none",
            ),
            (
                Landmarks { mouth_right: Some([111.0, 220.0]), ..face() },
                "mouth_right: expected 0.4 to 1.6 distances of the eyes to the right",
            ),
            (
                Landmarks {
                    mouth_left: Some([110.0, 20.0]),
                    mouth_right: Some([190.0, 20.0]),
                    ..face()
                },
                "below the eyes, got -0.",
            ),
            (
                Landmarks {
                    mouth_left: Some([210.0, 220.0]),
                    mouth_right: Some([290.0, 224.0]),
                    ..face()
                },
                "beside the middle",
            ),
            (Landmarks { mouth_right: Some([190.0, 290.0]), ..face() }, "lower than mouth_left"),
            (
                Landmarks { chin: Some([150.0, 215.0]), ..face() },
                "chin: expected 0.2 to 2.5 distances of the eyes below the mouth",
            ),
            (
                Landmarks { chin: Some([290.0, 290.0]), ..face() },
                "chin: expected -0.8 to 0.8 distances",
            ),
        ];
        for (face, words) in cases {
            let error = face.check().unwrap_err().message;
            assert!(error.starts_with("landmarks: ") && error.contains(words), "{words}: {error}");
        }
        let error = face().check_inside(300, 280).unwrap_err().message;
        assert!(
            error.contains(
                "chin: expected a place in the picture of 300 x 280 pixels, got 145, 290"
            ),
            "{error}"
        );
        let aside =
            Landmarks { left_eye: Some([140.0, 100.0]), right_eye: Some([170.0, 100.0]), ..face() };
        assert!(aside.check().unwrap_err().hint.unwrap().contains("one eye"));
        let side = Landmarks {
            left_eye: None,
            right_eye: Some([210.0, 240.0]),
            mouth_left: Some([166.0, 378.0]),
            mouth_right: Some([185.0, 381.0]),
            chin: Some([200.0, 472.0]),
        };
        side.check().unwrap();
        Landmarks { chin: None, ..side }.check().unwrap();
        for (face, words) in [
            (Landmarks { right_eye: None, ..side }, "right_eye: expected both, or of a profile"),
            (Landmarks { mouth_left: None, ..side }, "right_eye: expected the corner of the mouth"),
            (
                Landmarks { mouth_left: Some([190.0, 378.0]), ..side },
                "mouth_left: expected 0.05 to 0.6 distances of the eyes before mouth_right",
            ),
            (
                Landmarks { mouth_left: Some([60.0, 378.0]), ..side },
                "mouth_left: expected 0.05 to 0.6",
            ),
            (
                Landmarks { mouth_left: Some([166.0, 300.0]), ..side },
                "mouth_left: expected -0.3 to 0.3 distances of the eyes below mouth_right",
            ),
            (
                Landmarks { mouth_right: Some([210.0, 242.0]), ..side },
                "mouth_right: expected a place 4 pixels or more below right_eye",
            ),
            (Landmarks { chin: Some([200.0, 382.0]), ..side }, "chin: expected 0.2 to 2.5"),
            (Landmarks { chin: Some([20.0, 472.0]), ..side }, "chin: expected -1 to 1"),
        ] {
            let error = face.check().unwrap_err().message;
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(face().check_inside(199, 300).unwrap_err().message.contains("right_eye"));
    }
}
