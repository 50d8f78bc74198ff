//! The model's state from the session's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::error::{Error, Result};
use crate::media::{Picture, still};
use crate::models::Control;
use crate::models::avatar::face::{Facing, Front, Given, Point, Profile};
use crate::session::{EncodedImage, Landmarks, State};

/// The last reference image, decoded: most updates change the prompt alone.
pub(super) type DecodedImage = (EncodedImage, Arc<Picture>);

/// How long a state may take. A client waits 15 s for an acknowledgement.
pub(super) const APPLY_LIMIT: Duration = Duration::from_secs(12);

/// A state that the model can take over.
pub(super) struct Prepared {
    pub(super) control: Control,
    pub(super) decoded: Option<DecodedImage>,
}

/// A state that is being prepared for a session without a model yet.
pub(super) struct Preparing {
    update: u64,
    image: Option<EncodedImage>,
    since: Instant,
    task: JoinHandle<Option<Result<Control>>>,
}

impl Preparing {
    pub(super) fn start(
        decoding: &Arc<Semaphore>,
        update: u64,
        state: State,
        known: Option<&Prepared>,
    ) -> Self {
        let (image, since) = (image_data(&state), Instant::now());
        let known = known.and_then(|known| known.decoded.clone());
        let task = tokio::spawn(prepare_beside(Arc::clone(decoding), state, known));
        Self { update, image, since, task }
    }

    /// The update and what became of it. `None`: the client was told meanwhile that it took too long.
    pub(super) async fn finished(&mut self) -> Option<(u64, Result<Prepared>)> {
        let control = (&mut self.task).await.ok().flatten()?;
        if self.since.elapsed() >= APPLY_LIMIT {
            return None;
        }
        let prepared = control.map(|control| Prepared {
            decoded: self.image.take().zip(control.image.clone()),
            control,
        });
        Some((self.update, prepared))
    }
}

/// Prepares a state. An image is decoded beside the runtime, and not many at a time; a prompt alone
/// waits for nobody's image. `None`: the service is ending.
pub(super) async fn prepare_beside(
    decoding: Arc<Semaphore>,
    state: State,
    known: Option<DecodedImage>,
) -> Option<Result<Control>> {
    let decoded = match (&state.image, &known) {
        (Some(image), Some((same, _))) => image.data == *same,
        (image, _) => image.is_none(),
    };
    if decoded {
        return Some(prepare(&state, known));
    }
    let _permit = decoding.acquire_owned().await.ok()?;
    tokio::task::spawn_blocking(move || prepare(&state, known)).await.ok()
}

/// Decodes what has to be decoded. Takes a while for a large image: not for a task of the runtime.
fn prepare(state: &State, known: Option<DecodedImage>) -> Result<Control> {
    let image = match (&state.image, known) {
        (None, _) => None,
        (Some(image), Some((same, picture))) if image.data == same => Some(picture),
        (Some(image), _) => {
            let bytes = BASE64_STANDARD.decode(image.data.as_str()).map_err(|error| {
                Error::invalid_input(format!("image_data: expected standard base64: {error}"))
            })?;
            Some(Arc::new(still::decode(&bytes)?))
        }
    };
    let landmarks = state.image.as_ref().and_then(|image| image.landmarks);
    if let (Some(landmarks), Some(picture)) = (landmarks, &image) {
        landmarks.check_inside(picture.width, picture.height)?;
    }
    Ok(Control {
        prompt: state.prompt.as_ref().map(|prompt| prompt.text.clone()),
        enhance: state.prompt.as_ref().is_some_and(|prompt| prompt.enhance),
        image,
        face: landmarks.and_then(face_of),
    })
}

/// What of a state's image tells it from another.
pub(super) fn image_data(state: &State) -> Option<EncodedImage> {
    state.image.as_ref().map(|image| image.data.clone())
}

/// A face where it was said to be; `None` where that can be no face, which checks do not let pass.
pub(crate) fn face_of(landmarks: Landmarks) -> Option<Given> {
    let point = |[x, y]: [f32; 2]| Point::new(x, y);
    let mouth = landmarks.mouth_left.zip(landmarks.mouth_right);
    let mouth = mouth.map(|(left, right)| [point(left), point(right)]);
    let chin = landmarks.chin.map(point);
    match (landmarks.left_eye.map(point), landmarks.right_eye.map(point)) {
        (Some(left), Some(right)) => Some(Given::Front(Front { eyes: [left, right], mouth, chin })),
        // Who looks to the right shows the left eye, and the other end of the lips is the front.
        (Some(eye), None) => mouth.map(|[corner, front]| {
            Given::Side(Profile::given(Facing::Right, eye, [front, corner], chin))
        }),
        (None, Some(eye)) => mouth.map(|[front, corner]| {
            Given::Side(Profile::given(Facing::Left, eye, [front, corner], chin))
        }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::PixelFormat;
    use crate::session::{Prompt, ReferenceImage};

    #[test]
    fn landmarks_have_to_be_inside_of_the_picture() {
        let file = still::encode(PixelFormat::Gray, &[90; 60 * 40], 60, 40).unwrap();
        let prepared = |right_eye| {
            let landmarks = Landmarks {
                left_eye: Some([20.0, 15.0]),
                right_eye: Some(right_eye),
                mouth_left: None,
                mouth_right: None,
                chin: None,
            };
            let data = BASE64_STANDARD.encode(&file).into();
            let image = ReferenceImage { data, landmarks: Some(landmarks) };
            prepare(&State { prompt: None, image: Some(image) }, None)
        };
        let face = prepared([40.0, 15.0]).unwrap().face.unwrap();
        let eyes = [Point::new(20.0, 15.0), Point::new(40.0, 15.0)];
        assert_eq!(face, Given::Front(Front { eyes, mouth: None, chin: None }));
        let error = prepared([61.0, 15.0]).err().unwrap().message;
        let expected = "right_eye: expected a place in the picture of 60 x 40 pixels, got 61, 15";
        assert!(error.contains(expected), "{error}");
    }

    #[tokio::test]
    async fn a_prompt_waits_for_nobodys_image() {
        let decoding = Arc::new(Semaphore::new(1));
        let _all = Arc::clone(&decoding).acquire_owned().await.unwrap();
        let prompt = Some(Prompt { text: "noir".into(), enhance: false });
        let picture = Arc::new(Picture { width: 1, height: 1, data: vec![0; 3] });
        let encoded = EncodedImage::from("AAAA".to_owned());
        let known = Some((encoded.clone(), Arc::clone(&picture)));
        for (image, known) in [(None, None), (None, known.clone()), (Some(encoded), known)] {
            let expected = image.as_ref().map(|_| Arc::clone(&picture));
            let state = State { prompt: prompt.clone(), image: image.map(Into::into) };
            // Nothing to wait for: done at the first look.
            let prepared = prepare_beside(Arc::clone(&decoding), state, known);
            let control = tokio::time::timeout(std::time::Duration::ZERO, prepared).await.unwrap();
            let control = control.unwrap().unwrap();
            assert_eq!(control.prompt.as_deref(), Some("noir"));
            assert_eq!(control.image.is_some(), expected.is_some());
        }
        let state = State { prompt, image: Some("AAAA".into()) };
        let waits = prepare_beside(decoding, state, None);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, waits).await.is_err());
    }
}
