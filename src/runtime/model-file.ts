/** @file An ONNX file in a session of the engine, whoever wrote it: for files that go out, opened again as others open them. */

import os from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { LimbeckError, ModelError, show } from "../errors.js";
import type { DType, TensorData } from "../graph/dtype.js";
import type { Feeds } from "./feeds.js";
import type { HostTensor } from "./tensor.js";

/** An input or output as the file declares it: a number where a size is fixed, a name or −1 where it is open. */
export interface DeclaredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** An open file. Dispose it. */
export interface ModelFile {
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  /** All outputs by name. */
  run(feeds: Feeds): Promise<Readonly<Record<string, HostTensor>>>;
  dispose(): Promise<void>;
}

/**
 * Opens an ONNX file by its path, external data beside it.
 *
 * @throws ModelError where the engine cannot read it; LimbeckError `ENGINE` where it cannot run it.
 */
export async function openModelFile(path: string, { threads }: { readonly threads?: number } = {}): Promise<ModelFile> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(path, {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads ?? os.availableParallelism(),
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });
  } catch (cause) {
    throw new ModelError(`${show(path)}: expected an ONNX model that the engine runs, got: ${messageOf(cause)}`, {
      cause,
    });
  }
  return {
    inputs: session.inputMetadata.map(declare),
    outputs: session.outputMetadata.map(declare),
    async run(feeds) {
      const tensors = Object.entries(feeds).map(([name, { dtype, data, dims }]) => {
        return [name, new Tensor(dtype, data as Float32Array, dims)] as const;
      });
      try {
        const results = await session.run(Object.fromEntries(tensors));
        return Object.fromEntries(
          Object.entries(results).map(([name, { type, dims, data }]) => {
            return [name, { dtype: type as DType, dims, data: data as TensorData }];
          }),
        );
      } catch (cause) {
        throw new LimbeckError("ENGINE", `${show(path)}: the engine failed while running it: ${messageOf(cause)}`, {
          cause,
        });
      }
    },
    dispose: () => session.release(),
  };
}

function declare(metadata: InferenceSession.ValueMetadata): DeclaredTensor {
  const { name } = metadata;
  return metadata.isTensor
    ? { name, dtype: metadata.type, shape: metadata.shape }
    : { name, dtype: "not a tensor", shape: [] };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
