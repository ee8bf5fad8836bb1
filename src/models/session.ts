import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { WinnowError } from '../base/errors.ts';
import { silenceRuntime } from '../numeric/linalg/ort-kernel.ts';
import { checkGraph } from './graph-weights.ts';
import { SESSION_WORKER } from './session-worker.ts';

export type TensorData = Float32Array | BigInt64Array | Uint16Array | Uint8Array | Int32Array;

/** A dense tensor, row-major. `float16` is held as the bits of each number in a `Uint16Array`, `bool` as bytes. */
export interface Tensor {
  type: string;
  dims: number[];
  data: TensorData;
}

/** An output of an earlier step. `flatten` joins all axes but the last. */
export interface StepOutput {
  step: number;
  output: string;
  flatten?: boolean;
}

/** One run of a graph. `outputs`: which to compute; others cost nothing where the graph allows. */
export interface Step {
  graph: string;
  feeds: Record<string, Tensor | StepOutput>;
  outputs: string[];
}

export interface Port {
  name: string;
  type: string;
  /** A name where the size is free. */
  shape: (number | string)[];
}

export interface GraphPorts {
  inputs: Port[];
  outputs: Port[];
}

/** ONNX sessions in threads of their own, because a run blocks the thread that it is called from. */
export interface SessionPool {
  readonly size: number;
  ports(graph: string): GraphPorts | undefined;
  /** Run steps one after the other on one thread; resolves to the fetched outputs. Runs start in the order of calls. */
  run(steps: Step[], fetch: StepOutput[]): Promise<Tensor[]>;
  close(): Promise<void>;
}

export interface PoolOptions {
  /** Threads, each with every graph loaded. @default one a core */
  workers?: number;
  /** Cores a single run may use. @default 1 */
  threads?: number;
}

interface Job {
  steps: Step[];
  fetch: StepOutput[];
  resolve(tensors: Tensor[]): void;
  reject(error: Error): void;
}

interface Reply {
  id?: number;
  result?: Tensor[];
  error?: string;
  ready?: Record<string, GraphPorts>;
  failed?: string;
}

/**
 * Open graphs (name -> path of an .onnx file) on a pool of threads. One session a core with one thread each outruns one
 * session with all cores on small models: their operators are too short to be cut.
 *
 * @throws WinnowError RUNTIME_MISSING without onnxruntime-node, MODEL_UNREADABLE for a file it can't load, and those of
 * `checkGraph`.
 */
export async function openSessions(graphs: Record<string, string>, options: PoolOptions = {}): Promise<SessionPool> {
  const runtime = runtimePath();
  for (const path of Object.values(graphs)) checkGraph(path);
  silenceRuntime();
  const size = Math.max(1, options.workers ?? availableParallelism());
  const sessionOptions = {
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    logSeverityLevel: 4, // errors are thrown; printed too, they would break what the terminal shows
    extra: { session: { intra_op: { allow_spinning: (options.threads ?? 1) > 1 ? '1' : '0' } } },
  };
  const workers = Array.from({ length: size }, () => {
    const workerData = { runtime, graphs, options: sessionOptions };
    return new Worker(SESSION_WORKER, { eval: true, workerData });
  });
  const opening = workers.map(started);
  try {
    const described = await Promise.all(opening);
    return pool(workers, described[0]!);
  } catch (error) {
    // A thread that is ended while it opens a session takes the process with it.
    await Promise.allSettled(opening);
    await Promise.all(workers.map((worker) => worker.terminate()));
    throw new WinnowError({
      code: 'MODEL_UNREADABLE',
      message: `ONNX Runtime could not load ${Object.values(graphs).join(', ')}: ${(error as Error).message}`,
      hint: 'Check that the files are complete ONNX graphs; export them again if not.',
      cause: error,
    });
  }
}

function runtimePath(): string {
  try {
    return createRequire(import.meta.url).resolve('onnxruntime-node');
  } catch (cause) {
    throw new WinnowError({
      code: 'RUNTIME_MISSING',
      message: 'ONNX Runtime (onnxruntime-node) is not installed, and models run on it.',
      hint: 'Install with ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node.',
      cause,
    });
  }
}

function started(worker: Worker): Promise<Record<string, GraphPorts>> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (reply: Reply) => {
      worker.off('error', reject);
      if (reply.ready === undefined) reject(new Error(reply.failed));
      else resolve(reply.ready);
    });
  });
}

function pool(workers: Worker[], ports: Record<string, GraphPorts>): SessionPool {
  const waiting: Job[] = [];
  const idle = [...workers];
  const running = new Map<Worker, Job>();
  const gone = new Set<Worker>();

  function next(): void {
    while (waiting.length > 0 && idle.length > 0) {
      const job = waiting.shift()!;
      const worker = idle.shift()!;
      running.set(worker, job);
      worker.ref();
      worker.postMessage({ id: 0, steps: job.steps, fetch: job.fetch });
    }
    if (gone.size === workers.length)
      for (const job of waiting.splice(0)) job.reject(new Error('the sessions are closed'));
  }
  function settle(worker: Worker, act: (job: Job) => void): void {
    const job = running.get(worker);
    running.delete(worker);
    if (!gone.has(worker)) idle.push(worker);
    worker.unref();
    if (job !== undefined) act(job);
    next();
  }
  for (const worker of workers) {
    worker.unref();
    worker.on('message', (reply: Reply) => {
      settle(worker, (job) => {
        if (reply.result === undefined) job.reject(new Error(reply.error));
        else job.resolve(reply.result);
      });
    });
    worker.on('error', (error: unknown) => {
      gone.add(worker);
      settle(worker, (job) => job.reject(error instanceof Error ? error : new Error(String(error))));
    });
  }
  return {
    size: workers.length,
    ports: (graph) => ports[graph],
    run: (steps, fetch) =>
      new Promise((resolve, reject) => {
        waiting.push({ steps, fetch, resolve, reject });
        next();
      }),
    close: async () => {
      await Promise.all(
        workers.map((worker) => {
          if (gone.has(worker)) return undefined;
          gone.add(worker);
          const exit = new Promise((resolve) => worker.once('exit', resolve));
          worker.ref();
          worker.postMessage({ close: true });
          return exit;
        }),
      );
      next();
    },
  };
}

/** An int64 tensor from small whole numbers, without a BigInt for each. */
export function int64(values: ArrayLike<number>, dims: number[]): Tensor {
  const data = new BigInt64Array(values.length);
  const words = new Int32Array(data.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    words[2 * i] = value;
    words[2 * i + 1] = value < 0 ? -1 : 0;
  }
  return { type: 'int64', dims, data };
}

export function float32(data: Float32Array, dims: number[]): Tensor {
  return { type: 'float32', dims, data };
}
