/** @file The rows of a `sequence` run before they are written: with responses like the few that its writer writes now. */

import type { LoadedData, Tokenizer } from "../data/index.js";
import type { WrittenText } from "../writing/written-response.js";
import { documentOf, encodeResponses } from "./keep-responses.js";
import type { OpenedStudent } from "./open-models.js";
import { openHeldOut, splitWritten } from "./open-sequence-data.js";
import { sharedModelOf, type Writer } from "./open-writer.js";
import { makeWritingSampler, type SamplerOptions, type WritingTime } from "./sample-writing.js";
import type { SequenceConfig } from "./sequence-options.js";
import { asTexts, encodeAskedRows, readAskedRows, type WrittenRows } from "./write-responses.js";

export interface ImaginedSequence {
  /** What would be learned if every filter let everything through. */
  readonly data: LoadedData;
  /** Rows that are asked, and responses to them. */
  readonly rows: number;
  readonly responses: number;
  /** Of all responses; undefined where an endpoint writes them, which is not asked. */
  readonly writing: WritingTime | undefined;
}

/** @param student - opened; its tokenizer reads the responses. */
export async function imagineSequence(
  config: SequenceConfig,
  writer: Writer,
  student: Pick<OpenedStudent, "model"> & { readonly tokenizer: Tokenizer },
  options: SamplerOptions,
): Promise<ImaginedSequence> {
  const { tokenizer } = student;
  const heldOut = await openHeldOut(config, student);
  const { asked, weightlessRows } = await readAskedRows(config);
  const { rows, responses, time, sharesTokenizer } = await imagine();
  const encoded = await encodeResponses(config, { rows, responses }, { tokenizer, sharesTokenizer });
  const documents = encoded.map((one) => documentOf(one, tokenizer));
  const data = splitWritten(documents, weightlessRows, heldOut, config);
  return { data, rows: asked.length, responses: responses.length, writing: time };

  async function imagine(): Promise<
    Pick<WrittenRows, "rows" | "responses"> & { time?: WritingTime; sharesTokenizer: boolean }
  > {
    if (writer.kind === "endpoint") {
      return {
        rows: asked,
        responses: longestTexts(asked.length, config.generation, tokenizer),
        sharesTokenizer: true,
      };
    }
    const encoded = await encodeAskedRows(config, writer.model, asked);
    const sampler = makeWritingSampler(writer.model, encoded.tokenizer, config.generation, options);
    const written = await sampler.respond(encoded.rows.map(({ prompt }) => prompt));
    return {
      rows: encoded.rows.map(({ place }) => asked[place]!),
      responses: asTexts(written, encoded.tokenizer),
      time: sampler.time(),
      sharesTokenizer: sharedModelOf(writer, tokenizer) !== undefined,
    };
  }
}

/** Responses as long as they may become. */
function longestTexts(
  rows: number,
  { samples, maxTokens }: SequenceConfig["generation"],
  tokenizer: Tokenizer,
): readonly WrittenText[] {
  let id = 0;
  while (tokenizer.isSpecial(id)) id++;
  const tokenIds = new Array<number>(maxTokens).fill(id);
  const response = tokenizer.decode(tokenIds);
  return Array.from({ length: rows * samples }, (_, i) => {
    const place = { row: Math.floor(i / samples), sample: i % samples };
    return { ...place, response, finishReason: "stop", logProb: null, tokens: maxTokens, tokenIds };
  });
}
