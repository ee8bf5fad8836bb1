/**
 * What runs in a session's thread, as source text: it must start from compiled code and from TypeScript alike, and a
 * file could only be one of the two. It knows nothing but ONNX Runtime: steps of graphs whose inputs are given, or come
 * from an earlier step and never leave the thread.
 */
export const SESSION_WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const ort = require(workerData.runtime);
const sessions = new Map();

async function open() {
  const described = {};
  for (const [name, path] of Object.entries(workerData.graphs)) {
    const session = await ort.InferenceSession.create(path, workerData.options);
    sessions.set(name, session);
    const plain = (list) => list.map(({ name, type, shape }) => ({ name, type, shape: [...(shape ?? [])] }));
    described[name] = { inputs: plain(session.inputMetadata), outputs: plain(session.outputMetadata) };
  }
  return described;
}

function feed(value, done) {
  if (value.step === undefined) return new ort.Tensor(value.type, value.data, value.dims);
  const tensor = done[value.step][value.output];
  if (value.flatten !== true) return tensor;
  const width = tensor.dims[tensor.dims.length - 1];
  return new ort.Tensor(tensor.type, tensor.data, [tensor.data.length / width, width]);
}

async function run({ steps, fetch }) {
  const done = [];
  for (const step of steps) {
    const feeds = {};
    for (const [name, value] of Object.entries(step.feeds)) feeds[name] = feed(value, done);
    done.push(await sessions.get(step.graph).run(feeds, step.outputs));
  }
  return fetch.map(({ step, output }) => {
    const { type, dims, data } = done[step][output];
    return { type, dims: [...dims], data };
  });
}

parentPort.on('message', async (message) => {
  if (message.close) {
    for (const session of sessions.values()) await session.release();
    parentPort.close();
    return;
  }
  try {
    const result = await run(message);
    const buffers = [...new Set(result.map((tensor) => tensor.data.buffer))];
    parentPort.postMessage({ id: message.id, result }, buffers);
  } catch (error) {
    parentPort.postMessage({ id: message.id, error: String(error && error.message ? error.message : error) });
  }
});

open().then(
  (described) => parentPort.postMessage({ ready: described }),
  (error) => parentPort.postMessage({ failed: String(error && error.message ? error.message : error) }),
);
`;
