import { describe, expect, it } from "vitest";
import { loadChatTemplate, makeChatTemplate } from "./chat-template.js";
import { encodeRows, type RowEncoding } from "./encode-rows.js";
import { makePrompt } from "./prompt.js";
import type { SourceRow } from "./source-row.js";
import { loadTokenizer, type Tokenizer } from "./tokenizer.js";
import type { Span } from "./transfer-set.js";

const chatml = await loadTokenizer("test/golden/tokenizers/chatml");
const llama3 = await loadTokenizer("test/golden/tokenizers/llama3");
const chatTemplate = await loadChatTemplate("auto", chatml);

function rowsOf(...fields: Record<string, unknown>[]): SourceRow[] {
  return fields.map((row, index) => ({ fields: row, file: "rows.jsonl", line: index + 1 }));
}

function encodingOf(overrides: Partial<RowEncoding> = {}): RowEncoding {
  return { tokenizer: chatml, chatTemplate: undefined, sequenceLength: 256, ...overrides };
}

/** The text of a view, with what is learned in brackets. */
function mark(span: Span, tokenizer: Tokenizer): string {
  let text = "";
  for (let from = 0; from < span.ids.length; ) {
    const isLearned = span.responseMask[from];
    let to = from;
    while (to < span.ids.length && span.responseMask[to] === isLearned) to++;
    const part = tokenizer.decode(span.ids.subarray(from, to));
    text += isLearned ? `[${part}]` : part;
    from = to;
  }
  return text;
}

async function marked(row: Record<string, unknown>, overrides: Partial<RowEncoding> = {}): Promise<string[]> {
  const encoding = encodingOf(overrides);
  const { documents } = await encodeRows(rowsOf(row), encoding);
  return documents.map(({ student }) => mark(student, encoding.tokenizer!));
}

describe("encodeRows on {text}", () => {
  it("learns all tokens but the first, the end token included", async () => {
    expect(await marked({ text: "The people" })).toEqual(["T[he people<|im_end|>]"]);
  });

  it("puts the beginning token first where the tokenizer adds one, and only once", async () => {
    const expected = ["<|begin_of_text|>[The people<|end_of_text|>]"];
    expect(await marked({ text: "The people" }, { tokenizer: llama3 })).toEqual(expected);
    expect(await marked({ text: "<|begin_of_text|>The people" }, { tokenizer: llama3 })).toEqual(expected);
  });

  it("splits long text into windows that learn every token but the very first once", async () => {
    const text = "We the people hold that the government of the people is by the people. ".repeat(20);
    const { documents, report } = await encodeRows(rowsOf({ text }), encodingOf({ sequenceLength: 17 }));
    const whole = [...chatml.encode(text), chatml.endTokenId];
    const learned = documents.flatMap(({ student }) =>
      [...student.ids].filter((_, i) => student.responseMask[i] === 1),
    );
    expect(learned).toEqual(whole.slice(1));
    expect(documents.slice(0, -1).every(({ student }) => student.ids.length === 17)).toBe(true);
    expect(report.splitRows).toBe(1);
    const bytes = documents.reduce((sum, document) => sum + document.responseBytes!, 0);
    expect(bytes).toBe(Buffer.byteLength(text) - chatml.tokenBytes(whole.slice(0, 1) as number[]));
  });
});

describe("encodeRows on {prompt, response}", () => {
  it("tokenizes both apart, learns the response and the end token", async () => {
    const { documents } = await encodeRows(rowsOf({ prompt: "the sta", response: "te" }), encodingOf());
    const expected = [...chatml.encode("the sta"), ...chatml.encode("te"), chatml.endTokenId];
    expect([...documents[0]!.student.ids]).toEqual(expected);
    expect(await marked({ prompt: "the sta", response: "te" })).toEqual(["the sta[te<|im_end|>]"]);
    expect(documents[0]!.responseTokens).toBe(chatml.encode("te").length + 1);
    expect(documents[0]!.responseBytes).toBe(2);
    expect(documents[0]!.teacher).toBe(documents[0]!.student);
  });

  it("puts the beginning token before the prompt", async () => {
    expect(await marked({ prompt: "a", response: "b" }, { tokenizer: llama3 })).toEqual([
      "<|begin_of_text|>a[b<|end_of_text|>]",
    ]);
  });

  it("does not learn a first token that nothing comes before", async () => {
    expect(await marked({ prompt: "", response: "ab" })).toEqual(["a[b<|im_end|>]"]);
    expect(await marked({ prompt: "", response: "ab" }, { tokenizer: llama3 })).toEqual([
      "<|begin_of_text|>[ab<|end_of_text|>]",
    ]);
  });

  it("makes the prompt a user's message where there is a chat template", async () => {
    expect(await marked({ prompt: "Hi", response: "Yo" }, { chatTemplate })).toEqual([
      "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n" +
        "<|im_start|>assistant\n[Yo<|im_end|>]",
    ]);
  });

  it("drops and counts a response that does not fit, to the token", async () => {
    const fits = [...chatml.encode("abc"), ...chatml.encode("xyz")].length + 1;
    const rows = rowsOf({ prompt: "abc", response: "xyz" }, { prompt: "a", response: "x" });
    const exact = await encodeRows(rows, encodingOf({ sequenceLength: fits }));
    expect(exact.report.droppedResponses).toBe(0);
    const short = await encodeRows(rows, encodingOf({ sequenceLength: fits - 1 }));
    expect(short.report).toMatchObject({ rows: 2, droppedResponses: 1, rowsWithoutResponse: 0 });
    expect(short.documents).toHaveLength(1);
  });

  it("counts a row with an empty response, and fails when every row is one", async () => {
    const empty = { prompt: "a", response: "" };
    const { report } = await encodeRows(rowsOf(empty, { prompt: "a", response: "b" }), encodingOf());
    expect(report).toMatchObject({ rows: 2, rowsWithoutResponse: 1 });
    await expect(encodeRows(rowsOf(empty, empty), encodingOf())).rejects.toThrow(
      /at least one row with a response token, got none: of 2 rows 2 have none/,
    );
  });
});

describe("encodeRows on {messages}", () => {
  const messages = [
    { role: "user", content: "One" },
    { role: "assistant", content: "Two" },
    { role: "user", content: "Three" },
    { role: "assistant", content: "Four" },
  ];

  it("learns every assistant's turn through its end, and nothing between", async () => {
    expect(await marked({ messages: [{ role: "system", content: "S" }, ...messages] }, { chatTemplate })).toEqual([
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nOne<|im_end|>\n<|im_start|>assistant\n[Two<|im_end|>]\n" +
        "<|im_start|>user\nThree<|im_end|>\n<|im_start|>assistant\n[Four<|im_end|>]",
    ]);
  });

  it("has the ids of the whole conversation as one text where turns end in special tokens", async () => {
    for (const tokenizer of [chatml, llama3]) {
      const template = (await loadChatTemplate("auto", tokenizer))!;
      const { documents } = await encodeRows(rowsOf({ messages }), encodingOf({ tokenizer, chatTemplate: template }));
      const whole = tokenizer.encode(template.render(messages, { addGenerationPrompt: false, where: "" }));
      const { ids } = documents[0]!.student;
      expect([...ids]).toEqual(whole.slice(0, ids.length));
    }
  });

  it("ends the turn at the first special token after the content, though the content holds others", async () => {
    const template = makeChatTemplate(
      "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}<|im_end|>\n<|endoftext|>{% endif %}" +
        "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}",
    );
    const row = { prompt: "q", response: "a <|im_start|> b" };
    expect(await marked(row, { chatTemplate: template })).toEqual(["user: qassistant: [a <|im_start|> b<|im_end|>]"]);
  });

  it("keeps the first turns of a conversation that is too long, and counts the others", async () => {
    const full = await encodeRows(rowsOf({ messages }), encodingOf({ chatTemplate }));
    const sequenceLength = full.documents[0]!.student.ids.length - 1;
    const cut = await encodeRows(rowsOf({ messages }), encodingOf({ chatTemplate, sequenceLength }));
    expect(cut.report.droppedResponses).toBe(1);
    expect(mark(cut.documents[0]!.student, chatml)).toMatch(/\[Two<\|im_end\|>\]$/);
  });

  it("needs a chat template", async () => {
    await expect(encodeRows(rowsOf({ messages }), encodingOf())).rejects.toThrow(
      /rows\.jsonl:1: messages must be written/,
    );
  });
});

describe("encodeRows on {tokenIds}", () => {
  it("takes ids and mask as they are, without a tokenizer", async () => {
    const encoding = encodingOf({ tokenizer: undefined, sequenceLength: 4, vocabSize: 10 });
    const rows = rowsOf({ tokenIds: [9, 0, 0, 3, 4], responseMask: [1, 0, 1, 0, 1] }, { tokenIds: [5, 6, 7] });
    const { documents, report } = await encodeRows(rows, encoding);
    expect(documents.map(({ student }) => [...student.ids])).toEqual([
      [9, 0, 0, 3, 4],
      [5, 6, 7],
    ]);
    expect(documents.map(({ student }) => [...student.responseMask])).toEqual([
      [0, 0, 1, 0, 1],
      [0, 1, 1],
    ]);
    expect(documents[0]!.responseBytes).toBeUndefined();
    expect(report.longRows).toBe(1);
  });

  it("says which id or mask is wrong", async () => {
    const encode = (row: Record<string, unknown>) => encodeRows(rowsOf(row), encodingOf({ vocabSize: 10 }));
    await expect(encode({ tokenIds: [1, 10] })).rejects.toThrow(
      'rows.jsonl:1: "tokenIds[1]" must be an integer from 0 to 9, got 10.',
    );
    await expect(encode({ tokenIds: [1, 2.5] })).rejects.toThrow(/"tokenIds\[1\]" .* got 2\.5/);
    await expect(encode({ tokenIds: "1 2" })).rejects.toThrow(/"tokenIds" must be a list of token ids, got "1 2"/);
    await expect(encode({ tokenIds: [1, 2], responseMask: [1] })).rejects.toThrow(
      /one value per token id \(2\), got 1 values/,
    );
    await expect(encode({ tokenIds: [1, 2], responseMask: [0, 2] })).rejects.toThrow(
      /"responseMask\[1\]" must be 0 or 1, got 2/,
    );
  });

  it("counts rows of which nothing is learned", async () => {
    const { report } = await encodeRows(
      rowsOf({ tokenIds: [1] }, { tokenIds: [] }, { tokenIds: [1, 2], responseMask: [1, 0] }, { tokenIds: [1, 2] }),
      encodingOf(),
    );
    expect(report).toMatchObject({ rows: 4, rowsWithoutResponse: 3 });
  });
});

describe("encodeRows with two views", () => {
  const row = { context: "The government", input: "is it?", response: "It is strong." };
  const prompts = {
    teacher: makePrompt("{{ context }}\n{{ input }}\n", "teacher.prompt"),
    student: makePrompt("{{ input }}\n", "student.prompt"),
  };

  it("gives both sides the same response after their own prompt, final line break kept", async () => {
    const { documents } = await encodeRows(rowsOf(row), encodingOf({ prompts }));
    const [{ student, teacher }] = documents as [(typeof documents)[0]];
    expect(mark(student, chatml)).toBe("is it?\n[It is strong.<|im_end|>]");
    expect(mark(teacher, chatml)).toBe("The government\nis it?\n[It is strong.<|im_end|>]");
    const learned = (span: Span) => [...span.ids].filter((_, i) => span.responseMask[i] === 1);
    expect(learned(teacher)).toEqual(learned(student));
  });

  it("does not cut the teacher's view to the student's length", async () => {
    const long = { ...row, context: "The people. ".repeat(100) };
    const { documents, report } = await encodeRows(rowsOf(long), encodingOf({ prompts, sequenceLength: 40 }));
    expect(report.droppedResponses).toBe(0);
    expect(documents[0]!.teacher.ids.length).toBeGreaterThan(300);
  });

  it("learns a response's first token on neither side where one has nothing before it", async () => {
    const bare = { ...prompts, student: makePrompt("", "student.prompt") };
    const { documents } = await encodeRows(rowsOf(row), encodingOf({ prompts: bare }));
    expect(mark(documents[0]!.student, chatml)).toBe("I[t is strong.<|im_end|>]");
    expect(mark(documents[0]!.teacher, chatml)).toBe("The government\nis it?\nI[t is strong.<|im_end|>]");
  });

  it("writes messages by the chat template, and a string as a user's message", async () => {
    const chats = {
      teacher: makePrompt(
        {
          messages: [
            { role: "system", content: "{{ context }}" },
            { role: "user", content: "{{ input }}" },
          ],
        },
        "teacher.prompt",
      ),
      student: makePrompt("{{ input }}", "student.prompt"),
    };
    const { documents } = await encodeRows(rowsOf(row), encodingOf({ prompts: chats, chatTemplate }));
    expect(mark(documents[0]!.teacher, chatml)).toBe(
      "<|im_start|>system\nThe government<|im_end|>\n<|im_start|>user\nis it?<|im_end|>\n" +
        "<|im_start|>assistant\n[It is strong.<|im_end|>]",
    );
    expect(mark(documents[0]!.student, chatml)).toContain("<|im_start|>user\nis it?<|im_end|>");
    await expect(encodeRows(rowsOf(row), encodingOf({ prompts: chats }))).rejects.toThrow(
      /a prompt of messages must be written/,
    );
  });

  it("names the field that a row lacks, the template and the place", async () => {
    const wrong = { ...prompts, teacher: makePrompt("{{ contxt }}", "teacher.prompt") };
    await expect(encodeRows(rowsOf(row), encodingOf({ prompts: wrong }))).rejects.toThrow(
      'rows.jsonl:1: teacher.prompt uses the field "contxt", which the row does not have; it has ["context","input","response"].',
    );
    await expect(encodeRows(rowsOf({ context: "", input: "" }), encodingOf({ prompts }))).rejects.toThrow(
      'rows.jsonl:1: "response" must be a string, got undefined.',
    );
  });
});

describe("encodeRows on rows it cannot use", () => {
  it("names the place, the fields and the kinds there are", async () => {
    await expect(encodeRows(rowsOf({ text: "x" }, { question: "x", answer: "y" }), encodingOf())).rejects.toThrow(
      'rows.jsonl:2: a row must be {text}, {prompt, response}, {messages} or {tokenIds, responseMask?}, got the fields ["question","answer"].',
    );
    await expect(encodeRows(rowsOf({ text: "x", messages: [] }), encodingOf())).rejects.toThrow(/a row must be one of/);
    await expect(encodeRows(rowsOf({ text: 3 }), encodingOf())).rejects.toThrow(/"text" must be a string, got 3/);
  });

  it("needs a tokenizer for text", async () => {
    await expect(encodeRows(rowsOf({ text: "x" }), encodingOf({ tokenizer: undefined }))).rejects.toThrow(
      /rows\.jsonl:1: a row of text needs a tokenizer/,
    );
  });

  it("reports progress, and stops when that throws", async () => {
    const rows = rowsOf(...Array.from({ length: 130 }, () => ({ tokenIds: [1, 2] })));
    const seen: number[] = [];
    await encodeRows(rows, encodingOf(), ({ rows: done }) => seen.push(done));
    expect(seen).toEqual([64, 128, 130]);
    const stop = () => {
      throw new Error("stopped");
    };
    await expect(encodeRows(rows, encodingOf(), stop)).rejects.toThrow("stopped");
  });
});
