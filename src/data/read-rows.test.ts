import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRows } from "./read-rows.js";
import type { SourceRow } from "./source-row.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-rows-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function collect(rows: AsyncIterable<SourceRow>): Promise<SourceRow[]> {
  const all: SourceRow[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

async function read(name: string, content: string | Uint8Array): Promise<SourceRow[]> {
  const file = join(folder, name);
  await writeFile(file, content);
  return collect(readRows(file));
}

const fieldsOf = (rows: SourceRow[]) => rows.map((row) => row.fields);
const linesOf = (rows: SourceRow[]) => rows.map((row) => row.line);

describe("readRows", () => {
  it("reads JSON lines: blank lines, carriage returns, a byte order mark, no final line break", async () => {
    const rows = await read("a.jsonl", '\ufeff{"text":"a"}\r\n\n{"text":"b\u2028c"}');
    expect(fieldsOf(rows)).toEqual([{ text: "a" }, { text: "b\u2028c" }]);
    expect(linesOf(rows)).toEqual([1, 3]);
  });

  it("puts together lines and characters that cross the pieces of a stream", async () => {
    const bytes = Buffer.from('{"text":"日本語"}\n{"text":"🙂"}\n');
    const pieces = Readable.from(Array.from(bytes, (byte) => Buffer.from([byte])));
    const rows = await collect(readRows("-", { standardInput: pieces }));
    expect(fieldsOf(rows)).toEqual([{ text: "日本語" }, { text: "🙂" }]);
    expect(rows[1]).toMatchObject({ file: "standard input", line: 2 });
  });

  it("reads an array of JSON objects", async () => {
    const rows = await read("a.json", '[{"text": "a"},\n {"prompt": "p", "response": "r"}]');
    expect(fieldsOf(rows)).toEqual([{ text: "a" }, { prompt: "p", response: "r" }]);
  });

  it("reads CSV with quoted commas, quotes and line breaks, and knows where rows start", async () => {
    const rows = await read("a.csv", 'prompt,response\r\na,b\r\n"x, y","say ""hi""\nthere"\r\nlast,one\r\n');
    expect(fieldsOf(rows)).toEqual([
      { prompt: "a", response: "b" },
      { prompt: "x, y", response: 'say "hi"\nthere' },
      { prompt: "last", response: "one" },
    ]);
    expect(linesOf(rows)).toEqual([2, 3, 5]);
  });

  it("makes one row of a text file", async () => {
    expect(fieldsOf(await read("a.txt", "one\n\ntwo\n"))).toEqual([{ text: "one\n\ntwo\n" }]);
    expect(fieldsOf(await read("a.md", "# head"))).toEqual([{ text: "# head" }]);
  });

  it("unpacks gzip in every format", async () => {
    expect(fieldsOf(await read("a.jsonl.gz", gzipSync('{"text":"a"}\n')))).toEqual([{ text: "a" }]);
    expect(fieldsOf(await read("a.csv.gz", gzipSync("text\na\n")))).toEqual([{ text: "a" }]);
    expect(fieldsOf(await read("a.txt.gz", gzipSync("a")))).toEqual([{ text: "a" }]);
  });

  it("reads the files of a glob by name, and sources in their order", async () => {
    await mkdir(join(folder, "many"), { recursive: true });
    for (const name of ["c", "a", "b"]) await writeFile(join(folder, "many", `${name}.jsonl`), `{"text":"${name}"}`);
    const pattern = join(folder, "many", "*.jsonl");
    expect(fieldsOf(await collect(readRows(pattern))).map((row) => row.text)).toEqual(["a", "b", "c"]);
    const twice = [join(folder, "many", "c.jsonl"), pattern];
    expect(fieldsOf(await collect(readRows(twice))).map((row) => row.text)).toEqual(["c", "a", "b", "c"]);
  });

  it("takes a file whose name looks like a glob for the file", async () => {
    expect(await read("[draft].jsonl", '{"text":"a"}')).toHaveLength(1);
  });

  it("names a missing file, a glob without match, a directory and an unknown format", async () => {
    const missing = (source: string) => collect(readRows(source));
    await expect(missing("no/such.jsonl")).rejects.toMatchObject({
      code: "DATA",
      message: /"no\/such\.jsonl" does not exist/,
    });
    await expect(missing("no/such/*.jsonl")).rejects.toThrow(/no file matches "no\/such\/\*\.jsonl"/);
    await expect(missing(folder)).rejects.toThrow(/got a directory/);
    await expect(read("a.parquet", "x")).rejects.toThrow(
      /format of ".*a\.parquet" is unknown; expected \.jsonl, \.json/,
    );
  });

  it.each(["empty.jsonl", "empty.json", "empty.csv", "empty.txt"])("refuses a file without rows: %s", async (name) => {
    const content = name.endsWith(".json") ? "[]" : name.endsWith(".csv") ? "prompt,response\n" : "\n";
    await expect(read(name, content)).rejects.toThrow(/holds no rows/);
    if (name !== "empty.json") await expect(read(name, "")).rejects.toThrow(/holds no rows/);
  });

  it("points at the line and the column where JSON ends", async () => {
    const rows = read("bad.jsonl", '{"text":"a"}\n\n{"text": "b", oops}\n{"text":"c"}\n');
    await expect(rows).rejects.toMatchObject({
      message: expect.stringMatching(/bad\.jsonl:3, column 15: expected JSON, got "\{\\"text\\": \\"b\\", oops\}"\.$/),
      details: { line: 3, column: 15 },
    });
    await expect(read("cut.jsonl", '{"text": "a"}\n{"text": "b')).rejects.toThrow(/cut\.jsonl:2, column 12/);
    await expect(read("bad.json", '[\n  {"text": "a"},\n  {"text": a}\n]')).rejects.toThrow(/bad\.json:3, column 12/);
  });

  it("keeps the rows before a malformed line readable", async () => {
    const file = join(folder, "late.jsonl");
    await writeFile(file, '{"text":"a"}\nnope\n');
    const rows = readRows(file);
    expect((await rows.next()).value).toMatchObject({ fields: { text: "a" } });
    await expect(rows.next()).rejects.toThrow(/late\.jsonl:2, column 1/);
  });

  it("refuses rows that are not objects", async () => {
    await expect(read("list.jsonl", "[1]\n")).rejects.toThrow(/list\.jsonl:1: a row must be an object, got an array/);
    await expect(read("word.jsonl", '"hi"\n')).rejects.toThrow(/got string "hi"/);
    await expect(read("object.json", '{"text": "a"}')).rejects.toThrow(/must hold an array of objects/);
  });

  it("says what is wrong with CSV, gzip and encodings", async () => {
    await expect(read("bad.csv", "a,b\n1,2\n1,2,3\n")).rejects.toThrow(/bad\.csv:3: expected comma-separated values/);
    const cut = gzipSync('{"text":"a"}\n'.repeat(1000)).subarray(0, 30);
    await expect(read("cut.jsonl.gz", cut)).rejects.toThrow(/cut\.jsonl\.gz" cannot be read: unexpected end of file/);
    await expect(read("plain.jsonl.gz", '{"text":"a"}')).rejects.toThrow(/cannot be read: incorrect header check/);
    await expect(read("latin.txt", Buffer.from([0x61, 0xe9, 0x62]))).rejects.toThrow(/latin\.txt" cannot be read/);
  });
});
