/** @file What a model folder, a weights file or a tokenizer holds. */

import { readingLimit } from "../data/text-reader.js";
import { hasTokenizer, loadTokenizer } from "../data/tokenizer.js";
import { architectureOf, countParameters } from "../models/index.js";
import { promptSpec } from "../models/soft-prompt.js";
import { formatBytes, formatCount } from "../report/format.js";
import { openModelFolder, openSafetensors } from "../weights/index.js";
import { elementCount } from "../weights/safetensors-header.js";
import type { Inspection } from "./inspection.js";
import { oneLine, table } from "./terminal.js";

/** A model: what config.json says, checked against the weights. */
export async function inspectModel(path: string): Promise<Inspection> {
  await using folder = await openModelFolder(path);
  const architecture = architectureOf(folder.config);
  const shape = architecture.parse(folder.config);
  const { virtualTokens } = folder;
  const prompt = virtualTokens > 0 ? [promptSpec(shape, virtualTokens)] : [];
  const parameters = [...architecture.parameters(shape), ...prompt];
  for (const { name, shape: expected } of parameters) folder.expectShape(name, expected);
  const dtypes = [...new Set(folder.names().map((name) => folder.info(name).dtype))];
  const tokenizer = (await hasTokenizer(path)) ? await inspectTokenizer(path) : undefined;
  const count = countParameters(parameters);
  const { modelType, layers, hiddenSize, headWidth, tiedHead, classHead } = shape;
  const maxPositions = readingLimit(shape);
  return {
    kind: "model",
    facts: [
      ["type", modelType],
      ["parameters", formatCount(count)],
      [
        "shape",
        `${layers === 0 ? "" : `${layers} layers, `}hidden size ${hiddenSize}, up to ${maxPositions.toLocaleString("en-US")} positions`,
      ],
      classHead
        ? ["classes", classHead.classes.join(", ")]
        : [
            "output head",
            `${headWidth.toLocaleString("en-US")} wide, ${tiedHead ? "tied to the embeddings" : "with weights of its own"}`,
          ],
      ...(virtualTokens > 0
        ? [["soft prompt", `${virtualTokens} vectors before every text, and the base model's own weights`] as const]
        : []),
      ["weights", `${formatBytes(folder.bytesOnDisk)} as ${dtypes.join(" and ")}, in ${folder.names().length} tensors`],
      ...(tokenizer === undefined ? [["tokenizer", "none in the folder"] as const] : tokenizer.facts),
    ],
    data: {
      modelType,
      parameters: count,
      layers,
      hiddenSize,
      headWidth,
      tiedHead,
      maxPositions,
      classes: classHead?.classes ?? null,
      virtualTokens,
      bytesOnDisk: folder.bytesOnDisk,
      dtypes,
      tensors: folder.names().length,
      tokenizer: tokenizer?.data ?? null,
    },
  };
}

/** Every tensor of a safetensors file. */
export async function inspectWeights(path: string): Promise<Inspection> {
  await using file = await openSafetensors(path);
  const tensors = file.names().map((name) => ({ name, ...file.info(name) }));
  const elements = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const metadata = Object.entries(file.metadata);
  return {
    kind: "weights",
    facts: [
      ["tensors", `${tensors.length} with ${formatCount(elements)} elements`],
      ["size", formatBytes(file.bytesOnDisk)],
      ...(metadata.length === 0
        ? []
        : [["metadata", metadata.map(([key, value]) => `${key}=${value}`).join(", ")] as const]),
    ],
    more: table(
      tensors.map(({ name, dtype, shape }) => [
        oneLine(name, 52),
        dtype,
        shape.length === 0 ? "scalar" : shape.join(" × "),
      ]),
      [1],
    ),
    data: {
      elements,
      bytesOnDisk: file.bytesOnDisk,
      metadata: file.metadata,
      tensors: tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    },
  };
}

/** The tokenizer of a folder. */
export async function inspectTokenizer(folder: string): Promise<Inspection> {
  const { vocabSize, fingerprint, endTokenId, chatTemplate, prefixIds, ...tokenizer } = await loadTokenizer(folder);
  const endToken = endTokenId === undefined ? undefined : tokenizer.tokenText(endTokenId);
  const details = [
    `${vocabSize.toLocaleString("en-US")} ids`,
    endToken === undefined ? "no end token" : `ends with ${JSON.stringify(endToken)} (${endTokenId})`,
    chatTemplate === undefined ? "no chat template" : "a chat template",
  ];
  return {
    kind: "tokenizer",
    facts: [
      ["tokenizer", details.join(", ")],
      ["fingerprint", fingerprint.slice(0, 16)],
    ],
    data: {
      vocabSize,
      fingerprint,
      endTokenId: endTokenId ?? null,
      endToken: endToken ?? null,
      prefixIds,
      hasChatTemplate: chatTemplate !== undefined,
    },
  };
}
