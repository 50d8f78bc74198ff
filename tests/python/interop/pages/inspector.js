// Between network and codec: loses an encoded frame, or asks for a key frame.

onrtctransform = ({ transformer }) => {
  const { lose, port } = transformer.options;
  let seen = 0;
  port.onmessage = async () => {
    await transformer.sendKeyFrameRequest();
    port.postMessage({ type: "requested" });
  };
  const pass = new TransformStream({
    transform(frame, controller) {
      const number = seen++;
      if (number === lose) port.postMessage({ type: "lost", frame: number });
      else controller.enqueue(frame);
    },
  });
  transformer.readable.pipeThrough(pass).pipeTo(transformer.writable);
};
