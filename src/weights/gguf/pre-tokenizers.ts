/**
 * @file How byte-level tokenizers split text before byte-pair encoding, by the name that a GGUF file gives it.
 *
 * Expressions are those of the original tokenizer.json files, but for "default", which is llama.cpp's own.
 *
 * @see https://github.com/ggml-org/llama.cpp, src/llama-vocab.cpp
 */

/** The parts of a tokenizer.json that depend on the kind. */
export interface PreTokenizer {
  /** Split at the matches of each in turn; a match is a piece of its own. */
  readonly expressions: readonly string[];
  /** True where a whole piece that is in the vocabulary is a token, whatever the merges say. */
  readonly ignoresMerges: boolean;
  /** Whether a beginning token is added where the file does not say. */
  readonly addsBeginning: boolean;
  /** True where text is brought into Unicode's composed form first. */
  readonly composes: boolean;
}

const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const marksAndBlanks = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

const plain = { ignoresMerges: false, addsBeginning: false, composes: false };
const llama3: PreTokenizer = {
  ...plain,
  expressions: [`${contractions}|${words}|\\p{N}{1,3}|${marksAndBlanks}`],
  ignoresMerges: true,
  addsBeginning: true,
};

/** By `tokenizer.ggml.pre`. */
export const preTokenizers: { readonly [name: string]: PreTokenizer } = {
  default: {
    ...plain,
    expressions: ["[\\p{P}\\$\\+<=>\\^~\\|]+", gpt2, "\\p{N}+", "[0-9][0-9][0-9]"],
  },
  "gpt-2": { ...plain, expressions: [gpt2] },
  "llama-bpe": llama3,
  "llama-v3": llama3,
  llama3,
  qwen2: { ...plain, expressions: [`${contractions}|${words}|\\p{N}|${marksAndBlanks}`], composes: true },
  smollm: { ...plain, expressions: ["\\p{N}", gpt2] },
  tekken: {
    ...plain,
    expressions: [
      `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+|[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
    ],
    ignoresMerges: true,
    addsBeginning: true,
  },
};
