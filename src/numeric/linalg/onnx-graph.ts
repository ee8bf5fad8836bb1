/**
 * Writes small ONNX models: just the parts of the protobuf schema (onnx.proto, IR version 8) that a handful of nodes
 * needs, so that the matrix kernels of ONNX Runtime can be used without a model file and without a protobuf library.
 */

/** A tensor that goes in or comes out; a string dimension is free. */
export interface GraphTensor {
  name: string;
  type: 'float32' | 'int32' | 'int64';
  dims: (number | string)[];
}

export interface GraphNode {
  op: string;
  inputs: string[];
  outputs: string[];
  /** Integers and lists of integers: all that the operators used here take. */
  attributes?: Record<string, number | number[]>;
}

const ELEMENT_TYPES = { float32: 1, int32: 6, int64: 7 } as const;
const OPSET = 17;
const IR_VERSION = 8;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

const integer = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];

const message = (field: number, ...parts: number[][]): number[] => {
  const body = parts.flat();
  return [...varint((field << 3) | 2), ...varint(body.length), ...body];
};

const text = (field: number, value: string): number[] => message(field, [...new TextEncoder().encode(value)]);

function attribute(name: string, value: number | number[]): number[] {
  return Array.isArray(value)
    ? message(5, text(1, name), ...value.map((one) => integer(8, one)), integer(20, 7))
    : message(5, text(1, name), integer(3, value), integer(20, 2));
}

function valueInfo(field: number, tensor: GraphTensor): number[] {
  const dims = tensor.dims.map((dim) => message(1, typeof dim === 'number' ? integer(1, dim) : text(2, dim)));
  const type = message(1, integer(1, ELEMENT_TYPES[tensor.type]), message(2, ...dims));
  return message(field, text(1, tensor.name), message(2, type));
}

/** Bytes of an ONNX model (opset 17) without weights. Attributes are non-negative integers. */
export function onnxModel(nodes: GraphNode[], inputs: GraphTensor[], outputs: GraphTensor[]): Uint8Array {
  const graph = message(
    7,
    ...nodes.map((node) =>
      message(
        1,
        ...node.inputs.map((name) => text(1, name)),
        ...node.outputs.map((name) => text(2, name)),
        text(4, node.op),
        ...Object.entries(node.attributes ?? {}).map(([name, value]) => attribute(name, value)),
      ),
    ),
    text(2, 'winnow'),
    ...inputs.map((tensor) => valueInfo(11, tensor)),
    ...outputs.map((tensor) => valueInfo(12, tensor)),
  );
  return Uint8Array.from([integer(1, IR_VERSION), graph, message(8, text(1, ''), integer(2, OPSET))].flat());
}
