// Lets the test call the functions of a page, and gives pages what they have in common.

/** Answers calls with what the function of that name returns. */
export function serve(functions) {
  const socket = new WebSocket(`ws://${location.host}/control`);
  socket.onmessage = async ({ data }) => {
    const { name, arguments: options } = JSON.parse(data);
    try {
      const result = (await functions[name](options)) ?? null;
      socket.send(JSON.stringify({ result }));
    } catch (error) {
      socket.send(JSON.stringify({ error: `${error?.name}: ${error?.message ?? error}` }));
    }
  };
}

/** A stream of one colour, 30 frames per second. */
export function solid(colour, width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  let corner = 0;
  setInterval(() => {
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    // Only a picture that changes is captured.
    context.fillStyle = "white";
    context.fillRect((corner = (corner + 8) % 64), 0, 4, 4);
  }, 33);
  return canvas.captureStream(30);
}

const TOLERANCE = 24;
const MAX_FRAMES = 240;

function matches(centre, colour) {
  if (colour === "grey") return Math.max(...centre) - Math.min(...centre) <= TOLERANCE;
  return colour.every((part, index) => Math.abs(part - centre[index]) <= TOLERANCE);
}

/**
 * Plays a stream until so many frames had that colour in the centre, and that size if one is
 * given, or too many had not.
 */
export async function watch(stream, { colour, frames = 1, size = null }) {
  const video = document.createElement("video");
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
  document.body.append(video);
  const context = document.createElement("canvas").getContext("2d");
  await video.play();
  let seen = 0;
  let matching = 0;
  let centre = [];
  while (matching < frames && seen < MAX_FRAMES) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    seen += 1;
    context.drawImage(video, 0, 0, context.canvas.width, context.canvas.height);
    const { width, height } = context.canvas;
    centre = [...context.getImageData(width / 2, height / 2, 1, 1).data.slice(0, 3)];
    const fits = size === null || size.join() === [video.videoWidth, video.videoHeight].join();
    if (fits && matches(centre, colour)) matching += 1;
  }
  const last = [video.videoWidth, video.videoHeight];
  video.remove();
  return { matched: matching === frames, colour: centre, size: last };
}

/** Whether this browser can send H.264 at all. */
export function offers_h264() {
  const { codecs } = RTCRtpSender.getCapabilities("video");
  return codecs.some(({ mimeType }) => mimeType.toLowerCase() === "video/h264");
}
