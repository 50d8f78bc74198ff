// A connection made with nothing but the browser's own objects.

import { offers_h264, serve, solid, watch } from "./control.js";

let socket;
let connection;
let remote;
const messages = [];
const waiting = [];
const candidates = [];

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

async function connect({ url, key, model = "probe", prompt = null }) {
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
    connection.ontrack = (event) => resolve(event.streams[0] ?? new MediaStream([event.track]));
  });
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) candidates.push(candidate.candidate);
    send({ type: "ice-candidate", candidate });
  };
  const stream = solid("red", 320, 240);
  for (const part of stream.getTracks()) connection.addTrack(part, stream);
  const up = connected();
  await connection.setLocalDescription();
  send({ type: "offer", sdp: connection.localDescription.sdp });
  const { sdp } = await until({ type: "answer" });
  await connection.setRemoteDescription({ type: "answer", sdp });
  await up;
  remote = await track;
  return { candidates };
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

/** Codec and counters of both directions. */
async function statistics() {
  const found = {};
  const report = await connection.getStats();
  for (const one of report.values()) {
    if (one.type !== "inbound-rtp" && one.type !== "outbound-rtp") continue;
    const codec = report.get(one.codecId)?.mimeType;
    found[one.type] = { codec, frames: one.framesDecoded ?? one.framesEncoded, keys: one.keyFramesDecoded ?? one.keyFramesEncoded, pli: one.pliCount };
  }
  return found;
}

serve({
  connect,
  next_close,
  offers_h264,
  see: ({ colour, frames = 1 }) => watch(remote, colour, frames),
  set_prompt,
  statistics,
  until,
});
