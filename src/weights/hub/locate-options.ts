/** @file What finding a model may be told, and how it tells how far a download is. */

/** A kind of run event, so that recipes and commands show it as it is. */
export type LocateEvent =
  | {
      readonly type: "progress";
      readonly task: string;
      readonly done: number;
      readonly total: number;
      readonly unit: "bytes";
    }
  | { readonly type: "warning"; readonly code: string; readonly message: string };

export interface LocateOptions {
  /** What the model is for: all of it (unless given), or its tokenizer alone. */
  readonly need?: "model" | "tokenizer";
  /** Take only what is on this machine; unless given, as HF_HUB_OFFLINE says. */
  readonly offline?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: LocateEvent) => void) | undefined;
}

/** Tells the progress of several files as one. */
export interface DownloadProgress {
  begin(totalBytes: number): void;
  /** @param bytes - of this file that are here. */
  advance(file: string, bytes: number): void;
  note(message: string): void;
}

const eventEveryMs = 100;

export function progressOf(task: string, onEvent: LocateOptions["onEvent"]): DownloadProgress {
  const bytesOf = new Map<string, number>();
  let total = 0;
  let toldAt = 0;
  return {
    begin(totalBytes) {
      bytesOf.clear();
      total = totalBytes;
    },
    advance(file, bytes) {
      bytesOf.set(file, bytes);
      const done = [...bytesOf.values()].reduce((sum, here) => sum + here, 0);
      if (total === 0 || (done < total && Date.now() - toldAt < eventEveryMs)) return;
      toldAt = Date.now();
      onEvent?.({ type: "progress", task, done, total, unit: "bytes" });
    },
    note: (message) => onEvent?.({ type: "warning", code: "download", message }),
  };
}
