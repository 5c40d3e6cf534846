/** @file The tokenizer of a GGUF file as the files that a Hugging Face folder has: tokenizer.json and tokenizer_config.json. */

import { ModelError, show, UnsupportedError } from "../../errors.js";
import { makeByteLevel } from "./byte-level.js";
import { Metadata } from "./metadata.js";
import { openGguf } from "./reader.js";
import { makeSentencePiece } from "./sentence-piece.js";
import { type Defaults, type Made, readVocabulary, type Vocabulary } from "./vocabulary.js";

/**
 * Rebuilds the tokenizer's files from the metadata, by name; none where the file has no tokenizer.
 *
 * What GGUF does not keep is set as most models have it: added tokens take no blanks from around them, and every token that the
 * converter marked as a control token is special.
 *
 * @throws ModelError if the file is damaged; UnsupportedError for a tokenizer, or a way to split text, that is not read.
 */
export async function readGgufTokenizer(path: string): Promise<ReadonlyMap<string, string>> {
  await using file = await openGguf(path);
  const metadata = new Metadata(file);
  const model = modelOf(metadata);
  if (model === undefined) return new Map();
  const vocabulary = readVocabulary(metadata);
  const { definition, defaults } = makerOf(path, model)(metadata, vocabulary);
  const named = namedTokens(metadata, vocabulary, defaults);
  const files = {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: vocabulary.added,
      ...definition,
      post_processor: postProcessor(metadata, vocabulary, { named, addsBeginning: defaults.addsBeginning }),
    },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      ...Object.fromEntries(Object.entries(named).map(([name, id]) => [`${name}_token`, vocabulary.tokens[id]])),
      chat_template: metadata.text("tokenizer.chat_template"),
    },
  };
  return new Map(Object.entries(files).map(([name, value]) => [name, `${JSON.stringify(value)}\n`]));
}

/** True where a GGUF file has a tokenizer, of whatever kind. */
export async function hasGgufTokenizer(path: string): Promise<boolean> {
  await using file = await openGguf(path);
  return modelOf(new Metadata(file)) !== undefined;
}

/** Files of models that read no text say so in either of two ways. */
function modelOf(metadata: Metadata): string | undefined {
  const model = metadata.text("tokenizer.ggml.model");
  return model === "none" || model === "no_vocab" ? undefined : model;
}

type Maker = (metadata: Metadata, vocabulary: Vocabulary) => Made;

/** By `tokenizer.ggml.model`. */
const makers: { readonly [model: string]: Maker } = {
  gpt2: makeByteLevel,
  llama: makeSentencePiece,
};

function makerOf(path: string, model: string): Maker {
  if (Object.hasOwn(makers, model)) return makers[model]!;
  throw new UnsupportedError(
    `"${path}": tokenizer.ggml.model must be ${Object.keys(makers).join(" or ")}, got ${show(model)}.`,
    { hint: "Use the model's Hugging Face folder." },
  );
}

/** Ids of the tokens that have a name: `bos`, `eos`, `unk`, `pad`. */
function namedTokens(metadata: Metadata, { tokens }: Vocabulary, defaults: Defaults): Record<string, number> {
  const keys = { bos: "bos", eos: "eos", unk: "unknown", pad: "padding" };
  const named: Record<string, number> = {};
  for (const [name, key] of Object.entries(keys)) {
    const id =
      metadata.count(`tokenizer.ggml.${key}_token_id`) ?? defaults[name as keyof Omit<Defaults, "addsBeginning">];
    if (id === undefined) continue;
    if (id >= tokens.length) {
      throw new ModelError(
        `"${metadata.path}": tokenizer.ggml.${key}_token_id must be below the ${tokens.length} tokens, got ${id}.`,
      );
    }
    named[name] = id;
  }
  return named;
}

interface Ends {
  readonly named: Readonly<Record<string, number>>;
  readonly addsBeginning: boolean;
}

/** What is put before and after a text that asks for special tokens. */
function postProcessor(metadata: Metadata, { tokens }: Vocabulary, { named, addsBeginning }: Ends): unknown {
  const wanted = {
    bos: metadata.flag("tokenizer.ggml.add_bos_token") ?? addsBeginning,
    eos: metadata.flag("tokenizer.ggml.add_eos_token") ?? false,
  };
  const tokenOf = (name: "bos" | "eos") =>
    wanted[name] && named[name] !== undefined ? [{ id: tokens[named[name]]!, number: named[name] }] : [];
  const [before, after] = [tokenOf("bos"), tokenOf("eos")];
  if (before.length + after.length === 0) return null;
  const piece = (type: number) => (token: { readonly id: string }) => ({
    SpecialToken: { id: token.id, type_id: type },
  });
  const sequence = (id: string, type: number) => [
    ...before.map(piece(type)),
    { Sequence: { id, type_id: type } },
    ...after.map(piece(type)),
  ];
  return {
    type: "TemplateProcessing",
    single: sequence("A", 0),
    pair: [...sequence("A", 0), ...sequence("B", 1)],
    special_tokens: Object.fromEntries(
      [...before, ...after].map(({ id, number }) => [id, { id, ids: [number], tokens: [id] }]),
    ),
  };
}
