import { describe, expect, it } from "vitest";
import { accuracyLead, majorityAnswers, measureClassWorth } from "./class-worth.js";

const none = -1;
/** Eight texts in four groups; the last two have no label. */
const texts = { targets: Int32Array.from([0, 0, 0, 1, 1, 0, none, none]), groups: [0, 0, 1, 1, 2, 2, 3, 3] };
const teacher = Int32Array.from([0, 0, 0, 1, 0, 0, 1, 0]);
const student = Int32Array.from([0, 1, 0, 0, 1, 0, 0, 0]);

describe("a teacher of classes", () => {
  it("leads by the difference of the accuracies on labelled texts", () => {
    const [rival] = measureClassWorth(teacher, [["student-before", student]], texts);
    expect(rival).toMatchObject({ name: "student-before", accuracy: 4 / 6, textsAhead: 1 });
    expect(rival!.lead.value).toBeCloseTo(5 / 6 - 4 / 6, 12);
  });

  it("has no lead over itself, and leads others by what they trail it", () => {
    expect(accuracyLead(teacher, teacher, texts)).toMatchObject({ value: 0, low: 0, high: 0 });
    expect(accuracyLead(student, teacher, texts)!.value).toBeCloseTo(-accuracyLead(teacher, student, texts)!.value, 12);
  });

  it("is beside nobody where no text has a label", () => {
    const unlabelled = { ...texts, targets: new Int32Array(8).fill(none) };
    expect(measureClassWorth(teacher, [["twin", student]], unlabelled)).toEqual([]);
  });

  it("is measured beside the commonest class of the training labels, those without a label left out", () => {
    expect([...majorityAnswers([none, none, none, 1, 1, 0], 2, 3)]).toEqual([1, 1, 1]);
    expect([...majorityAnswers([1, 0], 2, 2)]).toEqual([0, 0]);
  });
});
