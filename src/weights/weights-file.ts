/** @file What a model folder needs of a file of weights, whatever its format. */

/** What a file says about one of its tensors. */
export interface StoredTensor {
  /** Element type, as the file's format spells it. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** An open file of tensors. Reads may overlap each other; `close` it when done. */
export interface WeightsFile extends AsyncDisposable {
  readonly path: string;
  readonly bytesOnDisk: number;
  names(): string[];
  has(name: string): boolean;
  /** @throws ModelError if there is no such tensor. */
  info(name: string): StoredTensor;
  /** The tensor in row-major order as float32, whatever it is stored as. */
  readFloat32(name: string): Promise<Float32Array>;
  /** The tensor's stored bytes, in order. A piece is overwritten when the next one is asked for. */
  readBytes(name: string): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}
