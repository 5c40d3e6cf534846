import { beforeAll, describe, expect, it } from "vitest";
import { golden } from "../../test/support/limbeck.js";
import { finetune } from "./finetune.js";
import { type OpenedTeacher, openStudent, openTeacher } from "./open-models.js";
import { studentSchema } from "./student-options.js";

const shape = { layers: 1, hiddenSize: 8, heads: 1, feedForwardSize: 8 };

describe("student:", () => {
  it.each([
    [{}, "expected where the student starts, model, shape or from, got none of them"],
    [{ from: "teacher", model: "x" }, "expected where the student starts, model, shape or from, got model and from"],
    [{ from: "teacher", layers: 0 }, "layers"],
    [{ from: "teacher", layers: [] }, "layers"],
    [{ from: "teacher", layers: 1.5 }, "layers"],
    [{ from: "teacher", chooseLayers: "importance" }, "expected only beside a number of layers"],
    [{ from: "teacher", layers: [0, 1], chooseLayers: "evenly" }, "expected only beside a number of layers"],
    [{ from: "teacher", tokenizer: "x" }, "expected only beside shape"],
    [{ model: "x", layers: 2 }, "expected only beside from: teacher"],
    [{ shape, heads: 2 }, "expected only beside from: teacher"],
    [{ model: "x", adapters: {}, freeze: ["head"] }, "expected no freeze beside adapters"],
    [{ model: "x", adapters: { rank: 0 } }, "rank"],
    [{ model: "x", adapters: { targets: [] } }, "targets"],
    [{ shape, adapters: {} }, "adapters of a new model would leave it random"],
  ])("is not %j", (student, problem) => {
    const { error } = studentSchema.safeParse(student);
    expect(error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n")).toContain(problem);
  });

  it("has adapters of PEFT's size, on all linear layers, unless the config says otherwise", () => {
    const { adapters } = studentSchema.parse({ model: "x", adapters: {} });
    expect(adapters).toEqual({ rank: 8, alpha: 16, targets: "all-linear" });
  });

  it("is not from a teacher in a recipe without one", () => {
    const config = { recipe: "finetune", student: { from: "teacher" }, data: { train: "x" }, training: { steps: 1 } };
    expect(finetune.config.safeParse(config).error?.message).toContain("expected a `model` to start from");
  });
});

describe("openStudent", () => {
  let teacher: OpenedTeacher;
  beforeAll(async () => {
    teacher = await openTeacher({ model: `${golden}students/teacher`, precision: "float32" });
  });
  const open = (student: object) => openStudent(studentSchema.parse(student), teacher, { seed: 0, sequenceLength: 32 });

  it.each([
    [{ layers: 5 }, "student.layers: expected 1 to 4, the teacher's, got 5."],
    [{ layers: [0, 4] }, "student.layers: expected ascending numbers from 0 to 3, got [0,4]."],
    [{ layers: [2, 1] }, "student.layers: expected ascending numbers from 0 to 3, got [2,1]."],
    [{ layers: [1, 1] }, "student.layers: expected ascending numbers from 0 to 3, got [1,1]."],
    [{ heads: 3 }, "student.heads: expected one of 2, 4, 6 (2 heads share one key/value head), got 3."],
    [{ heads: 8 }, "student.heads: expected one of 2, 4, 6 (2 heads share one key/value head), got 8."],
    [{ feedForwardSize: 25 }, "student.feedForwardSize: expected 1 to 24, the teacher's, got 25."],
    [{ adapters: { targets: ["q"] } }, "student.adapters.targets: expected ends of the names of linear layers"],
    [{ layers: 2, freeze: ["layers.3"] }, 'got "layers.3", of which the model has none.'],
    [{ freeze: ["*"] }, "student.freeze: expected something left to train"],
  ])("refuses %j", async (student, message) => {
    await expect(open({ from: "teacher", ...student })).rejects.toThrow(message);
  });

  it("says that a tied head is frozen with the embeddings", async () => {
    await expect(open({ from: "teacher", freeze: ["head"] })).rejects.toMatchObject({
      hint: "The head is the embedding table: freeze embeddings instead.",
    });
  });

  it("knows the sizes of a student whose parts are still to be chosen", async () => {
    const student = await open({ from: "teacher", layers: 2, chooseLayers: "importance", heads: 4 });
    expect(student.pending).toBeDefined();
    expect(student.model.config).toMatchObject({
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
    });
  });

  it("counts what is trained", async () => {
    const { trainedParameters } = await open({ from: "teacher", adapters: { rank: 2, targets: ["v_proj"] } });
    expect(trainedParameters).toBe(4 * 2 * (32 + 24));
  });
});
