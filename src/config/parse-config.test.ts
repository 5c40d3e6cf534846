import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type * as z from "zod";
import { ConfigError } from "../errors.js";
import { objectiveSchema } from "../losses/options.js";
import { contextConfigSchema } from "../recipes/context-options.js";
import { recipeSchema, studentSchema, teacherSchema } from "../recipes/options.js";
import { parseConfig } from "./parse-config.js";

const schemas = {
  "soft-labels": recipeSchema("soft-labels", {
    teacher: teacherSchema,
    student: studentSchema,
    objective: objectiveSchema,
  }),
  context: contextConfigSchema,
};

const good = `recipe: soft-labels
teacher: { model: models/teacher }
student:
  shape: { layers: 2, hiddenSize: 32, heads: 4, feedForwardSize: 64 }
data:
  train: train.jsonl
objective:
  soft:
    temperature: 2
  hard: { weight: 0.1 }
training:
  steps: 10
`;

function parse(text: string, overrides: string[] = []) {
  return parseConfig<z.output<(typeof schemas)[keyof typeof schemas]>>(
    { name: "x.yaml", text, overrides },
    schemas as never,
  );
}

function complaint(text: string, overrides: string[] = []): string {
  try {
    parse(text, overrides);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }
  throw new Error("the config was accepted");
}

/** The good config with one line replaced. */
function edited(line: string, replacement: string): string {
  expect(good).toContain(line);
  return good.replace(line, replacement);
}

describe("parseConfig", () => {
  it("fills in every default", () => {
    const config = parse(good);
    expect(config.training).toMatchObject({
      steps: 10,
      tokensPerStep: 8192,
      microBatchTokens: 2048,
      learningRate: 3e-4,
    });
    expect(config.objective).toEqual({
      soft: {
        kind: "divergence",
        weight: 1,
        divergence: "forward-kl",
        temperature: 2,
        scaleByTemperatureSquared: true,
      },
      hard: { kind: "cross-entropy", weight: 0.1, labelSmoothing: 0 },
    });
    expect(config).toMatchObject({ device: "cpu", threads: "auto", output: "runs/soft-labels" });
  });

  it("reads back the config that it writes", () => {
    const config = parse(good);
    expect(parse(stringify(config))).toEqual(config);
  });

  it("reports all problems at once, each with its line and what was probably meant", () => {
    const text = good
      .replace("temperature: 2", "temperature: two\n  alpha: 0.5")
      .replace("steps: 10", "step: 10\n  learning_rate: 1e-3\n  schedule: cosin\n  betas: [0.9, 1]")
      .concat("epochs: 3\n");
    expect(complaint(text)).toMatchInlineSnapshot(`
      "config: 8 problems in x.yaml
        objective.soft.temperature (line 9): expected a number above 0 or a section of keys and values, got "two"
        objective.alpha (line 10): unknown key; did you mean objective.soft.weight?
        training (line 12): expected how long to train, steps or epochs, got neither
        training.step (line 13): unknown key; did you mean training.steps?
        training.learning_rate (line 14): unknown key; did you mean training.learningRate?
        training.schedule (line 15): expected "constant", "linear" or "cosine", got "cosin"; did you mean "cosine"?
        training.betas.1 (line 16): expected a number of at least 0 and below 1, got 1
        epochs (line 17): unknown key; did you mean training.epochs?"
    `);
  });

  it.each([
    ["lr: 0.1", "training.learningRate"],
    ["batch_size: 8", "training.tokensPerStep"],
    ["sequenceLength: 64", "data.sequenceLength"],
    ["tempreature: 2", "objective.soft.temperature"],
    ["outputDirectory: x", "output"],
  ])("recognises %s at the top level", (line, meant) => {
    expect(complaint(good + line)).toContain(`did you mean ${meant}?`);
  });

  it("names the known keys where nothing is close", () => {
    expect(complaint(edited("hard: { weight: 0.1 }", "hard: { zzzz: 1 }"))).toContain(
      "objective.hard.zzzz (line 10): unknown key; expected kind, weight or labelSmoothing",
    );
  });

  it("tells a misspelt term from a term of the user's own", () => {
    expect(complaint(edited("  soft:", "  sotf:"))).toContain(
      "objective.sotf (line 8): unknown key; did you mean objective.soft?",
    );
    expect(complaint(edited("  hard: {", "  grounding: {"))).toContain(
      'objective.grounding.kind (line 10): missing; expected "divergence", "cross-entropy", "confidence" or "feature"',
    );
    const config = parse(edited("  hard: {", "  grounding: { kind: cross-entropy,"));
    expect(config.objective).toMatchObject({ grounding: { kind: "cross-entropy", weight: 0.1 } });
  });

  it("suggests the divergence that was meant", () => {
    expect(complaint(edited("temperature: 2", "divergence: reverse_kl"))).toContain(
      'got "reverse_kl"; did you mean "reverse-kl"?',
    );
  });

  it("refuses an option that the divergence does not have", () => {
    expect(complaint(edited("temperature: 2", "teacherWeight: 0.5"))).toContain(
      "objective.soft.teacherWeight (line 9): unknown key",
    );
  });

  it("needs an objective with a term", () => {
    const text = good.replace(/objective:[\s\S]*(?=training)/, "objective: {}\n");
    expect(complaint(text)).toContain("objective (line 7): expected at least one term, such as soft or hard, got none");
  });

  it("needs exactly one of steps and epochs", () => {
    expect(complaint(edited("steps: 10", "seed: 1"))).toContain(
      "training (line 11): expected how long to train, steps or epochs, got neither",
    );
    expect(complaint(edited("steps: 10", "steps: 10\n  epochs: 1"))).toContain("steps or epochs, got both");
  });

  it("needs batches of whole sequences", () => {
    const sequences = edited("train: train.jsonl", "train: train.jsonl\n  sequenceLength: 100");
    expect(parse(sequences).training).toMatchObject({ tokensPerStep: 8100, microBatchTokens: 2000 });
    expect(complaint(`${sequences}  tokensPerStep: 250\n  microBatchTokens: 1000\n`)).toContain(
      "training.tokensPerStep (line 14): expected a multiple of data.sequenceLength (100), such as 200 or 300, got 250",
    );
    expect(complaint(`${sequences}  tokensPerStep: 200\n  microBatchTokens: 1000\n`)).toContain(
      "training.microBatchTokens (line 15): expected at most training.tokensPerStep (200), got 1000",
    );
  });

  it("needs one start for the student, with heads that divide its width", () => {
    expect(complaint(edited("student:\n", "student:\n  model: x\n"))).toContain(
      "model, shape or from, got model and shape",
    );
    expect(complaint(edited("heads: 4", "heads: 5"))).toContain(
      "student.shape.heads (line 4): expected a divisor of hiddenSize (32), got 5",
    );
  });

  it("names a recipe that is missing, unknown or misspelt", () => {
    expect(complaint("teacher: { model: x }")).toContain('recipe: missing; expected "soft-labels" or "context"');
    expect(complaint(edited("recipe: soft-labels", "recipe: softlabels"))).toContain(
      'recipe (line 1): expected "soft-labels" or "context", got "softlabels"; did you mean "soft-labels"?',
    );
  });

  it.each([
    ["an empty file", "", "expected keys and values, got an empty file"],
    ["a lone word", "hello", 'expected keys and values, got "hello"'],
    ["a tab", "recipe: context\nteacher:\n\tmodel: x\n", "line 3: expected spaces for indentation, got a tab"],
    [
      "a key twice",
      "recipe: context\nrecipe: context\n",
      "recipe (line 2): expected a key once in a section, got it twice",
    ],
    ["two documents", "recipe: context\n---\na: 1\n", "line 2: expected one document, got another after `---`"],
  ])("explains %s", (_, text, message) => {
    expect(complaint(text)).toContain(message);
  });

  it("takes a side's prompt as a template or as messages", () => {
    const text = (side: string) => `recipe: context
teacher: { model: t, ${side} }
student: { model: s, prompt: "{{ input }}" }
data: { train: a.jsonl }
objective: { soft: {} }
training: { epochs: 1 }
`;
    const messages = [{ role: "user", content: "{{ input }}" }];
    expect(parse(text('prompt: "{{ input }}"')).teacher).toMatchObject({ prompt: "{{ input }}" });
    expect(parse(text('messages: [{ role: user, content: "{{ input }}" }]')).teacher).toMatchObject({
      prompt: { messages },
    });
    expect(complaint(text("precision: float32"))).toContain(
      "teacher (line 2): expected what this side sees, prompt or messages, got neither",
    );
    expect(complaint(text("prompt: { messages: [{ rol: user }] }"))).toContain(
      "teacher.prompt.messages.0.rol (line 2): unknown key",
    );
  });
});

describe("--set", () => {
  it("overrides and adds keys", () => {
    const config = parse(good, [
      "training.epochs=2",
      "training.clipNorm=null",
      "objective.soft.weight=0.9",
      "threads=1",
    ]);
    expect(config.training).toMatchObject({ epochs: 2, clipNorm: null });
    expect(config.training.steps).toBeUndefined();
    expect(config.objective).toMatchObject({ soft: { weight: 0.9, temperature: 2 } });
    expect(config.threads).toBe(1);
  });

  it("takes the place of a key that it excludes, unless both are set", () => {
    const { training } = parse(good, ["training.epochs=2"]);
    expect([training.steps, training.epochs]).toEqual([undefined, 2]);
    expect(complaint(good, ["training.epochs=2", "training.steps=3"])).toContain("steps or epochs, got both");
    expect(parse(good, ["training.seed="]).training.steps).toBe(parse(good).training.steps);
  });

  it("takes keys out", () => {
    expect(parse(good, ["objective.soft.temperature="]).objective).toMatchObject({ soft: { temperature: 1 } });
  });

  it("is named instead of a line where it is to blame", () => {
    const message = complaint(good, [
      "training.steps=many",
      "trainig.steps=1",
      "data.shufle=false",
      "threads",
      "seed=[1",
    ]);
    expect(message).toMatchInlineSnapshot(`
      "config: 5 problems in x.yaml
        --set: expected a.b=value, got "threads"
        --set seed=[1: expected a value in YAML, got "[1"
        data.shufle (--set data.shufle=false): unknown key; did you mean data.shuffle?
        training.steps (--set training.steps=many): expected a whole number above 0, got "many"
        trainig (--set trainig.steps=1): unknown key; did you mean training?"
    `);
  });
});
