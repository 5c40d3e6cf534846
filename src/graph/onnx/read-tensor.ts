/** @file Tensors of ONNX files: their data inside the file or in another one beside it. */

import { open } from "node:fs/promises";
import path from "node:path";
import { ModelError, show, UnsupportedError } from "../../errors.js";
import { type DType, expectData, fromBytes, type TensorData, toTensorData } from "../dtype.js";
import { TensorProto_DataLocation as DataLocation, type GraphProto, type TensorProto } from "./generated/onnx_pb.js";
import { dataTypes } from "./proto.js";

export interface OnnxTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

const dtypesByCode = new Map(Object.entries(dataTypes).map(([dtype, code]) => [code as number, dtype as DType]));

/** The element type of an ONNX type code; `what` names what has it. */
export function readDType(code: number, what: string): DType {
  const dtype = dtypesByCode.get(code);
  if (dtype) return dtype;
  throw new UnsupportedError(
    `onnx: ${what} must have one of the element types ${[...dtypesByCode.values()].join(", ")}, got ONNX type ${code}.`,
  );
}

export function readTensor(tensor: TensorProto): OnnxTensor {
  const what = `onnx: tensor "${tensor.name}"`;
  const dtype = readDType(tensor.dataType, `tensor "${tensor.name}"`);
  const dims = tensor.dims.map(Number);
  const data = tensor.rawData.length > 0 ? fromBytes(dtype, tensor.rawData) : typedData(tensor, dtype);
  if (!data) throw new ModelError(`${what}: expected whole ${dtype} elements, got ${tensor.rawData.length} bytes.`);
  expectData(what, dtype, dims, data);
  return { dtype, dims, data };
}

/** The data of a tensor that is stored as numbers instead of bytes. */
function typedData(tensor: TensorProto, dtype: DType): TensorData {
  switch (dtype) {
    case "float32":
      return toTensorData(dtype, tensor.floatData);
    case "float64":
      return toTensorData(dtype, tensor.doubleData);
    case "int64":
      return BigInt64Array.from(tensor.int64Data);
    case "int32":
    case "int8":
    case "uint8":
    case "bool":
      return toTensorData(dtype, tensor.int32Data);
  }
}

/** Reads the external data of every tensor of a graph and of its loops' bodies into the messages. */
export async function loadExternalData(graph: GraphProto, folder: string | undefined): Promise<void> {
  for (const tensor of graph.initializer) {
    if (tensor.dataLocation === DataLocation.EXTERNAL) tensor.rawData = await readExternal(tensor, folder);
  }
  for (const { attribute } of graph.node) {
    for (const { g } of attribute) if (g) await loadExternalData(g, folder);
  }
}

async function readExternal(tensor: TensorProto, folder: string | undefined): Promise<Uint8Array> {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  const what = `onnx: tensor "${tensor.name}"`;
  if (folder === undefined) {
    throw new ModelError(`${what}: its data lies in ${show(location)}, which bytes in memory cannot lead to.`, {
      hint: "Read the model by its path.",
    });
  }
  const file = path.resolve(folder, location);
  if (location === "" || path.relative(folder, file).startsWith("..") || path.isAbsolute(location)) {
    throw new ModelError(`${what}: its data must lie beside the model, got ${show(location)}.`);
  }
  const handle = await open(file).catch((cause: unknown) => {
    throw new ModelError(`${what}: its data must lie in ${show(file)}, which cannot be opened.`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const offset = Number(entries.get("offset") ?? 0);
    const length = Number(entries.get("length") ?? size - offset);
    if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
      throw new ModelError(
        `${what}: its data must lie within the ${size} bytes of ${show(file)}, got offset ${offset} and length ${length}.`,
      );
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length)
      done += (await handle.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done)).bytesRead;
    return bytes;
  } finally {
    await handle.close();
  }
}
