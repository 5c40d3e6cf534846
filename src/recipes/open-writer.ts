/** @file Who writes the responses of a `sequence` run: a model on this machine, or an endpoint. */

import type { Tokenizer } from "../data/index.js";
import { LimbeckError } from "../errors.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { type Endpoint, makeEndpoint } from "../writing/endpoint.js";
import type { EndpointOptions } from "../writing/endpoint-options.js";
import { type OpenedTeacher, openTeacher } from "./open-models.js";
import type { WriterOptions } from "./sequence-options.js";

export type Writer =
  | { readonly kind: "model"; readonly name: string; readonly model: OpenedTeacher }
  | {
      readonly kind: "endpoint";
      readonly name: string;
      readonly endpoint: Endpoint;
      readonly options: EndpointOptions;
    };

/** @throws LimbeckError `ENDPOINT` where the environment does not hold the key. */
export async function openWriter(options: WriterOptions, download: LocateOptions): Promise<Writer> {
  if ("model" in options) {
    const model = await openTeacher(options, download);
    return { kind: "model", name: model.name, model };
  }
  const { endpoint } = options;
  return {
    kind: "endpoint",
    name: `${endpoint.model} at ${new URL(endpoint.url).host}`,
    endpoint: makeEndpoint(endpoint, readKey(endpoint)),
    options: endpoint,
  };
}

/** The writer where it is a model with this tokenizer: its ids are learned as they were written, and the two can be compared. */
export function sharedModelOf(writer: Writer, { fingerprint }: Tokenizer): OpenedTeacher | undefined {
  if (writer.kind !== "model") return undefined;
  return writer.model.tokenizer?.fingerprint === fingerprint ? writer.model : undefined;
}

function readKey({ keyFrom }: EndpointOptions): string | undefined {
  if (keyFrom === undefined) return undefined;
  const key = process.env[keyFrom]?.trim();
  if (key) return key;
  throw new LimbeckError(
    "ENDPOINT",
    `writer: expected the endpoint's key in the environment variable ${keyFrom}, got none.`,
    {
      hint: `Set it before the command: ${keyFrom}=… limbeck …`,
    },
  );
}
