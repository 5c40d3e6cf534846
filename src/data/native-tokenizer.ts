/** @file The optional `tokenizers` package: the same ids as the built-in tokenizer, several times faster. */

/** The part of the package that is used. */
interface NativeModule {
  readonly Tokenizer: {
    fromString(json: string): NativeTokenizer;
  };
}

interface NativeTokenizer {
  encode(text: string, pair: null, options: { addSpecialTokens: boolean }): Promise<{ getIds(): number[] }>;
  disableTruncation(): void;
  disablePadding(): void;
}

/** Encodes texts without special tokens, on the engine's own threads. */
export type NativeEncoder = (texts: readonly string[]) => Promise<number[][]>;

// A name that the compiler cannot see through: the package is not a dependency.
const packageName: string = "tokenizers";

/** The native encoder for a tokenizer.json, or undefined where the package is not installed or does not run here. */
export async function loadNativeEncoder(json: string): Promise<NativeEncoder | undefined> {
  try {
    const { Tokenizer } = (await import(packageName)) as NativeModule;
    const tokenizer = Tokenizer.fromString(json);
    // Settings that training tools leave in the file and the built-in tokenizer ignores.
    tokenizer.disableTruncation();
    tokenizer.disablePadding();
    const encode = async (text: string): Promise<number[]> =>
      (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
    return (texts) => Promise.all(texts.map(encode));
  } catch {
    return undefined;
  }
}
