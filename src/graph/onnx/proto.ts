/** @file Small constructors for the ONNX messages that limbeck writes. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Shape } from "../dims.js";
import type { DType, TensorData } from "../dtype.js";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./generated/onnx_pb.js";

/** The standard opset that is written and read. */
export const opsetVersion = 18;

/** ONNX Runtime's own ops. */
export const contribDomain = "com.microsoft";

export const dataTypes: Readonly<Record<DType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  int32: DataType.INT32,
  int64: DataType.INT64,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
};

/** An attribute: whole numbers are ints unless wrapped in {@link Float}. */
export type AttributeInput = number | string | readonly number[] | Float | GraphProto;

/** A number that ONNX must store as a float. */
export interface Float {
  readonly float: number;
}

export function makeAttribute(name: string, value: AttributeInput): AttributeProto {
  const make = (fields: MessageInitShape<typeof AttributeProtoSchema>) =>
    create(AttributeProtoSchema, { ...fields, name });
  if (typeof value === "number") return make({ type: AttributeType.INT, i: BigInt(value) });
  if (typeof value === "string") return make({ type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  if ("float" in value) return make({ type: AttributeType.FLOAT, f: value.float });
  if ("$typeName" in value) return make({ type: AttributeType.GRAPH, g: value });
  return make({ type: AttributeType.INTS, ints: value.map(BigInt) });
}

export function makeNode(
  opType: string,
  name: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeInput>>,
  domain: string,
): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => makeAttribute(key, value));
  return create(NodeProtoSchema, { opType, name, input: [...input], output: [...output], attribute, domain });
}

export function makeTensor(name: string, dtype: DType, dims: readonly number[], data: TensorData): TensorProto {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return create(TensorProtoSchema, { name, dataType: dataTypes[dtype], dims: dims.map(BigInt), rawData });
}

export function makeValueInfo(name: string, dtype: DType, shape: Shape): ValueInfoProto {
  const dim = shape.map((size) => ({
    value:
      typeof size === "number"
        ? { case: "dimValue" as const, value: BigInt(size) }
        : { case: "dimParam" as const, value: size },
  }));
  const type = { value: { case: "tensorType" as const, value: { elemType: dataTypes[dtype], shape: { dim } } } };
  return create(ValueInfoProtoSchema, { name, type });
}
