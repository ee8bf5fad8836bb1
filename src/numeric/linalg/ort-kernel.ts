import type { InferenceSession } from 'onnxruntime-node';
import { type GraphNode, type GraphTensor, onnxModel } from './onnx-graph.ts';

/** Threads of ONNX Runtime's kernels; 0: one a physical core. Results don't depend on it. */
export interface ThreadOptions {
  /** @default 0 */
  threads?: number;
}

/** A small graph of matrix operations, ready to run. Release it when done. */
export interface Kernel {
  run(feeds: Record<string, KernelTensor>): Promise<Record<string, Float32Array | Int32Array>>;
  release(): Promise<void>;
}

/** Row-major values with their dimensions. */
export interface KernelTensor {
  data: Float32Array | Int32Array | BigInt64Array;
  dims: number[];
}

/**
 * Tell ONNX Runtime to send nothing home: its builds report usage to their maker, and leave files in the folder for
 * temporary ones, unless this is set before the library is loaded. Set in the main thread, since the environment of
 * others is a copy that native code doesn't see.
 */
export function silenceRuntime(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/** Compiles a graph for the processor. */
export async function openKernel(
  nodes: GraphNode[],
  inputs: GraphTensor[],
  outputs: GraphTensor[],
  options: ThreadOptions = {},
): Promise<Kernel> {
  silenceRuntime();
  const runtime = await import('onnxruntime-node');
  const session: InferenceSession = await runtime.InferenceSession.create(onnxModel(nodes, inputs, outputs), {
    intraOpNumThreads: options.threads ?? 0,
    logSeverityLevel: 3,
    // Threads that spin while they wait take half of the processor's time from whoever needs it, this process too, and
    // save nothing.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  return {
    async run(feeds) {
      const tensors = Object.fromEntries(
        Object.entries(feeds).map(([name, { data, dims }]) => {
          if (data instanceof Float32Array) return [name, new runtime.Tensor('float32', data, dims)];
          if (data instanceof Int32Array) return [name, new runtime.Tensor('int32', data, dims)];
          return [name, new runtime.Tensor('int64', data, dims)];
        }),
      );
      const results = await session.run(tensors);
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, tensor.data as Float32Array | Int32Array]),
      );
    },
    release: () => session.release(),
  };
}
