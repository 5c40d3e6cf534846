import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import {
  type ChatTemplate,
  loadChatTemplate,
  type Message,
  makeChatTemplate,
  splitConversation,
} from "./chat-template.js";
import { loadTokenizer } from "./tokenizer.js";

const golden = JSON.parse(await readFile("test/golden/tokenizers.json", "utf8")) as {
  conversations: {
    tokenizer: string;
    messages: Message[];
    rendered: string | { error: string };
    renderedWithGenerationPrompt: string | { error: string };
  }[];
};

async function templateOf(name: string): Promise<ChatTemplate> {
  return (await loadChatTemplate("auto", await loadTokenizer(`test/golden/tokenizers/${name}`)))!;
}

describe("ChatTemplate", () => {
  it.each(golden.conversations)("writes what transformers writes: $tokenizer", async (expected) => {
    const template = await templateOf(expected.tokenizer);
    for (const addGenerationPrompt of [false, true]) {
      const text = addGenerationPrompt ? expected.renderedWithGenerationPrompt : expected.rendered;
      const render = () => template.render(expected.messages, { addGenerationPrompt, where: "rows.jsonl:3" });
      if (typeof text === "string") expect(render()).toBe(text);
      else
        expect(render).toThrow(
          `data: rows.jsonl:3: the chat template refuses the row: ${text.error.replace(/\.$/, "")}`,
        );
    }
  });

  it("offers tojson, strftime_now and the special tokens", () => {
    const template = makeChatTemplate(
      "{{ bos_token }}{{ messages[0] | tojson }}{{ strftime_now('%Y') | length }}{% generation %}x{% endgeneration %}",
      { bos_token: "<s>" },
    );
    const messages = [{ role: "user", content: "é <b>" }];
    expect(template.render(messages, { addGenerationPrompt: false, where: "" })).toBe(
      '<s>{"role": "user", "content": "é <b>"}4x',
    );
  });
});

describe("loadChatTemplate", () => {
  it("gives none when asked for none", async () => {
    const tokenizer = await loadTokenizer("test/golden/tokenizers/chatml");
    expect(await loadChatTemplate("none", tokenizer)).toBeUndefined();
  });

  it("reads a file, and says when it is missing or is no template", async () => {
    const tokenizer = await loadTokenizer("test/golden/tokenizers/chatml");
    const template = await loadChatTemplate("test/golden/tokenizers/llama3/chat_template.jinja", tokenizer);
    const text = template!.render([{ role: "user", content: "x" }], { addGenerationPrompt: false, where: "" });
    expect(text).toContain("<|eot_id|>");
    await expect(loadChatTemplate("no/such.jinja", tokenizer)).rejects.toThrow(/"no\/such\.jinja" cannot be read/);
    expect(() => makeChatTemplate("{% for %}")).toThrow(/the chat template is not a Jinja template/);
  });
});

describe("splitConversation", () => {
  const conversation = golden.conversations[1]!.messages;

  it("joins turns that continue each other into the text of the whole conversation", async () => {
    for (const name of ["chatml", "llama3", "pieces"]) {
      const template = await templateOf(name);
      const [turns, ...others] = splitConversation(template, conversation, "");
      expect(others).toEqual([]);
      expect(turns).toHaveLength(2);
      const whole = template.render(conversation, { addGenerationPrompt: false, where: "" });
      expect(turns!.map((turn) => turn.prompt + turn.response).join("")).toBe(whole);
    }
  });

  it("makes every turn a document of its own where the template rewrites earlier ones", () => {
    const template = makeChatTemplate(
      "{% for m in messages %}[{{ m.role }}]" +
        "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}{{ m.content }};{% endfor %}" +
        "{% if add_generation_prompt %}[assistant]{% endif %}",
    );
    const documents = splitConversation(template, conversation, "");
    expect(documents.map((turns) => turns.length)).toEqual([1, 1]);
    expect(documents[1]![0]!.response).toBe('<think></think>6, "six" <b>é</b>;');
    expect(documents[1]![0]!.prompt).not.toContain("<think>");
  });

  it("refuses a template that does not continue its own generation prompt", () => {
    const template = makeChatTemplate(
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[model]{% endif %}",
    );
    expect(() => splitConversation(template, conversation, "rows.jsonl:7")).toThrow(
      /rows\.jsonl:7: the chat template must begin .* expected "model\]", got "assistant\] 4 "/,
    );
  });

  it("finds nothing to learn without an assistant's message", async () => {
    expect(splitConversation(await templateOf("chatml"), conversation.slice(0, 1), "")).toEqual([]);
  });
});
