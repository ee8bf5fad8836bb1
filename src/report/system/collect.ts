import os from 'node:os';
import { userCacheFolder } from '../../base/files/cache-folder.ts';
import { pythonPlaces, SETUP_WORKER, workerEnvironment } from '../../worker/python.ts';
import { checkWorker, isSound, type WorkerCheck } from '../../worker/setup/check.ts';
import { freeBytes, hasNvidiaDriver } from '../../worker/setup/plan.ts';

/** One thing that Winnow needs, whether it works here, and the command for what doesn't. */
export interface SystemPart {
  name: string;
  works: boolean;
  /** Version, device or size; why it doesn't work. */
  detail: string;
  /** What needs it. */
  neededFor: string;
  /** Absent where nothing is missing, or nothing would help: a machine without a GPU. */
  command?: string | undefined;
}

export interface SystemStatus {
  parts: readonly SystemPart[];
  memory: { totalBytes: number; freeBytes: number };
  processors: number;
  /** Folders that Winnow writes to, with what is free there. */
  disk: readonly { folder: string; freeBytes: number }[];
}

const NODE_OLDEST = [20, 19] as const;
const ALL = 'everything';
const IN_PROCESS = 'losses and embeddings in process';

/** What works on this machine. Starts the worker's Python: some seconds. */
export async function systemStatus(folder: string): Promise<SystemStatus> {
  const native = await Promise.all([
    part('ONNX Runtime', IN_PROCESS, 'ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node', tryOnnx),
    part('sharp', 'images', 'npm install sharp', trySharp),
    part('DuckDB', 'signals and selections', 'npm install @duckdb/node-api', tryDuck),
  ]);
  return {
    parts: [node(), ...native, ...workerParts(lookForWorker())],
    memory: { totalBytes: os.totalmem(), freeBytes: os.freemem() },
    processors: os.availableParallelism(),
    disk: [...new Set([folder, userCacheFolder(), workerEnvironment()])].map((one) => ({
      folder: one,
      freeBytes: freeBytes(one),
    })),
  };
}

function node(): SystemPart {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const works = major > NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor >= NODE_OLDEST[1]);
  return {
    name: 'Node',
    works,
    detail: process.versions.node,
    neededFor: ALL,
    command: works ? undefined : `install Node ${NODE_OLDEST.join('.')} or newer`,
  };
}

/** A package that holds native code: it is there when it can be loaded and does one small thing. */
async function part(
  name: string,
  neededFor: string,
  command: string,
  attempt: () => Promise<string>,
): Promise<SystemPart> {
  try {
    return { name, works: true, detail: await attempt(), neededFor };
  } catch (error) {
    const detail = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    return { name, works: false, detail, neededFor, command };
  }
}

async function tryOnnx(): Promise<string> {
  const { env } = await import('onnxruntime-node');
  return env.versions.node ?? env.versions.common;
}

async function trySharp(): Promise<string> {
  const { default: sharp } = await import('sharp');
  await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .raw()
    .toBuffer();
  return `libvips ${sharp.versions.vips}`;
}

async function tryDuck(): Promise<string> {
  const { default: duckdb } = await import('@duckdb/node-api');
  return duckdb.version();
}

function lookForWorker(): WorkerCheck {
  const checks = pythonPlaces().map(checkWorker);
  return checks.find(isSound) ?? checks.find(({ pythonVersion }) => pythonVersion !== null) ?? checks.at(-1)!;
}

function workerParts(check: WorkerCheck): SystemPart[] {
  const neededFor = 'training, and signals that need gradients or attention';
  const { python, pythonVersion, torch, transformers, missing, devices } = check;
  const command = SETUP_WORKER;
  if (pythonVersion === null) {
    return [{ name: 'Python worker', works: false, detail: `not set up (${python})`, neededFor, command }];
  }
  const lacks = Object.entries(missing).map(([name, why]): SystemPart => {
    return { name: `Python package ${name}`, works: false, detail: why, neededFor, command };
  });
  const accelerators = devices.filter((device) => device !== 'cpu');
  return [
    { name: 'Python', works: true, detail: `${pythonVersion} (${python})`, neededFor },
    ...(torch === null ? [] : [{ name: 'torch', works: true, detail: torch, neededFor }]),
    ...(transformers === null ? [] : [{ name: 'transformers', works: true, detail: transformers, neededFor }]),
    ...lacks,
    {
      name: 'GPU',
      works: accelerators.length > 0,
      detail: accelerators.join(', ') || 'none that torch can use',
      neededFor: 'models of billions of parameters',
      command: accelerators.length === 0 && hasNvidiaDriver() ? `${SETUP_WORKER} --cuda` : undefined,
    },
  ];
}
