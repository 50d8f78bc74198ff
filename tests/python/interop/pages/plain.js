// A connection made with nothing but the browser's own objects.

import { offers_h264, serve, solid, watch } from "./control.js";

let socket;
let connection;
let remote;
const messages = [];
const waiting = [];
const candidates = [];
let inspector;

function send(message) {
  socket.send(JSON.stringify(message));
}

function received(message) {
  const next = waiting.shift();
  if (next) next(message);
  else messages.push(message);
}

/** The next message of that type. */
async function until({ type }) {
  for (;;) {
    const message = messages.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
    if (message.type === type) return message;
    if (message.type === "closed") throw new Error(`closed with ${message.code}`);
  }
}

function connected() {
  return new Promise((resolve, reject) => {
    connection.onconnectionstatechange = () => {
      const state = connection.connectionState;
      if (state === "connected") resolve();
      if (state === "failed") reject(new Error("no network path"));
    };
  });
}

/** Puts the encoded frames of one direction through inspector.js. */
function inspect(end, options) {
  inspector ??= new Worker("inspector.js");
  const { port1, port2 } = new MessageChannel();
  end.transform = new RTCRtpScriptTransform(inspector, { ...options, port: port2 }, [port2]);
  return port1;
}

/** The first message of the inspector that is of that type. */
function reported(port, type) {
  return new Promise((resolve) => {
    port.onmessage = ({ data }) => data.type === type && resolve(data);
  });
}

let receiving;
let lost;

/** With `inspected` key frames can be asked for, and the frame number `lose` is not sent. */
async function connect(options) {
  const { url, key, model = "probe", prompt = null, inspected = false, lose } = options;
  const { width = 320, height = 240 } = options;
  const query = new URLSearchParams({ api_key: key, model });
  socket = new WebSocket(`${url}/v1/stream?${query}`);
  socket.onmessage = ({ data }) => received(JSON.parse(data));
  socket.onclose = ({ code }) => received({ type: "closed", code });
  await new Promise((resolve) => (socket.onopen = resolve));
  if (prompt === null) {
    send({ type: "set_image", image_data: null, prompt: null });
    await until({ type: "set_image_ack" });
  } else {
    send({ type: "prompt", prompt, enhance_prompt: true });
    await until({ type: "prompt_ack" });
  }
  connection = new RTCPeerConnection();
  const track = new Promise((resolve) => {
    connection.ontrack = (event) => {
      if (inspected) receiving = inspect(event.receiver, {});
      resolve(event.streams[0] ?? new MediaStream([event.track]));
    };
  });
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) candidates.push(candidate.candidate);
    send({ type: "ice-candidate", candidate });
  };
  const stream = solid("red", width, height);
  for (const part of stream.getTracks()) connection.addTrack(part, stream);
  // At once: the browser gives the frames to nobody who comes later.
  if (inspected) lost = reported(inspect(connection.getSenders()[0], { lose }), "lost");
  await keep_size();
  const up = connected();
  await connection.setLocalDescription();
  send({ type: "offer", sdp: connection.localDescription.sdp });
  const { sdp } = await until({ type: "answer" });
  await connection.setRemoteDescription({ type: "answer", sdp });
  await up;
  remote = await track;
  return { candidates };
}

/** Else the browser sends small pictures until it knows how much gets through. */
async function keep_size() {
  const [sender] = connection.getSenders();
  const degradationPreference = "maintain-resolution";
  await sender.setParameters({ ...sender.getParameters(), degradationPreference });
}

/** Goes on with pictures of another size. */
async function change_size({ width, height }) {
  const [track] = solid("red", width, height).getTracks();
  await connection.getSenders()[0].replaceTrack(track);
}

async function set_prompt({ text }) {
  send({ type: "prompt", prompt: text, enhance_prompt: true });
  const { prompt, success } = await until({ type: "prompt_ack" });
  return { prompt, success };
}

async function next_close() {
  for (;;) {
    const message = messages.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
    if (message.type === "closed") return message.code;
  }
}

/** Asks the service for a key frame (RFC 4585, PLI). */
async function request_key_frame() {
  const requested = reported(receiving, "requested");
  receiving.postMessage({});
  await requested;
}

/** Codec and counters of both directions. */
async function statistics() {
  const found = {};
  const report = await connection.getStats();
  for (const one of report.values()) {
    if (one.type !== "inbound-rtp" && one.type !== "outbound-rtp") continue;
    found[one.type] = {
      codec: report.get(one.codecId)?.mimeType,
      key_frames: one.keyFramesDecoded ?? one.keyFramesEncoded,
      requests: one.pliCount,
    };
  }
  return found;
}

serve({
  can_inspect: () => typeof RTCRtpScriptTransform !== "undefined",
  change_size,
  connect,
  next_close,
  offers_h264,
  lost: async () => (await lost).frame,
  request_key_frame,
  see: (expected) => watch(remote, expected),
  set_prompt,
  statistics,
  until,
});
