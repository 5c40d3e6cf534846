import { describe, expect, it } from "vitest";
import { makePrompt, promptOptionsSchema } from "./prompt.js";
import { parseTemplate } from "./template.js";

const fill = (template: string, fields: Record<string, unknown>) =>
  makePrompt(template, "student.prompt").render({ fields, file: "rows.csv", line: 4 });

describe("makePrompt", () => {
  it("fills a string's fields, with filters, conditions and loops", () => {
    expect(fill("{{ a | upper }}{% if b %}, {{ b }}{% endif %}", { a: "x", b: "y" })).toBe("X, y");
    expect(fill("{% for item in list %}{{ loop.index }}:{{ item.name }} {% endfor %}", { list: [{ name: "n" }] })).toBe(
      "1:n ",
    );
  });

  it("keeps a final line break of the text, and none after a block", () => {
    expect(fill("{{ a }}\n", { a: "x" })).toBe("x\n");
    expect(fill("{{ a }}\n\n", { a: "x" })).toBe("x\n\n");
    expect(fill("{{ a }}", { a: "x\n" })).toBe("x\n");
    expect(fill("{% if a %}x{% endif %}\n", { a: true })).toBe("x");
    expect(fill("{{ a -}}\n", { a: "x" })).toBe("x");
    expect(fill("", {})).toBe("");
  });

  it("fills messages", () => {
    const prompt = makePrompt({ messages: [{ role: "system", content: "{{ a }}\n" }] }, "teacher.prompt");
    expect(prompt.render({ fields: { a: "x" }, file: "", line: 1 })).toEqual([{ role: "system", content: "x\n" }]);
  });

  it("names a field that the row does not have, though not one that the template is prepared to miss", () => {
    expect(() => fill("{{ b }}", { a: "x" })).toThrow(
      'data: rows.csv:4: student.prompt uses the field "b", which the row does not have; it has ["a"].',
    );
    expect(fill("{% if b is defined %}{{ b }}{% endif %}{{ c | default('d') }}", {})).toBe("d");
    expect(fill("{% set b = 1 %}{{ b }}{% for c in [2] %}{{ c }}{% endfor %}", {})).toBe("12");
    expect(fill("{% macro m(x) %}{{ x }}{% endmacro %}{{ m('y') }}", {})).toBe("y");
  });

  it("is not troubled by fields that have the names of Jinja's own", () => {
    expect(fill("{{ a }}{{ range(2) | length }}", { a: "x", range: "1-2", none: 0 })).toBe("x2");
  });

  it("says which template is not one, and which refuses a row", () => {
    expect(() => makePrompt("{{ a", "teacher.prompt")).toThrow(
      /data: teacher\.prompt is not a Jinja template: .*; it begins "\{\{ a"/,
    );
    expect(() => fill("{{ a.b.c() }}", { a: "x" })).toThrow(/data: rows\.csv:4: student\.prompt refuses the row: /);
  });
});

describe("parseTemplate", () => {
  it("lists the names it needs", () => {
    const source =
      "{{ b.inner[i] }}{{ f(x=a) }}{{ d['k'] ~ b }}{% for m in ms if m.ok %}{{ loop.first }}{% endfor %}{{ t if u else v }}";
    expect([...parseTemplate(source, "t").requiredNames].sort()).toEqual(
      ["b", "i", "f", "a", "d", "ms", "t", "u", "v"].sort(),
    );
  });
});

describe("promptOptionsSchema", () => {
  it("takes a string or messages, nothing else", () => {
    expect(promptOptionsSchema.safeParse("{{ a }}").success).toBe(true);
    expect(promptOptionsSchema.safeParse({ messages: [{ role: "user", content: "" }] }).success).toBe(true);
    for (const wrong of [1, { messages: [] }, { messages: [{ role: "user" }] }, { messages: [], system: "" }]) {
      expect(promptOptionsSchema.safeParse(wrong).success).toBe(false);
    }
  });
});
