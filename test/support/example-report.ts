/** @file A report as a run on the State of the Union addresses makes it, for tests; with names and tokens that try to be markup. */

import { createRandom } from "../../src/data/random.js";
import type { Estimate } from "../../src/evaluate/statistics.js";
import type { DifferingToken, Report } from "../../src/report/report.js";

const estimate = (value: number, low: number, high: number): Estimate => ({ value, low, high });

/** A curve that falls from `start` to `end`, with noise of a fixed seed. */
function falling(start: number, end: number, steps: readonly number[], noise: number): number[] {
  const random = createRandom(7);
  const last = Math.exp(-steps.at(-1)! / 70);
  return steps.map((step) => {
    const share = (Math.exp(-step / 70) - last) / (1 - last);
    return end + (start - end) * share + noise * (random.nextFloat() - 0.5);
  });
}

const steps = Array.from({ length: 300 }, (_, i) => i + 1);
const evaluatedAt = [0, 50, 100, 150, 200, 250, 300];

function history(firstLoss: number, lastLoss: number, perplexity: number, kl: number) {
  const losses = falling(firstLoss, lastLoss, steps, 0.5);
  const perplexities = falling(Math.log(4168), Math.log(perplexity), evaluatedAt, 0).map(Math.exp);
  const kls = falling(3.71, kl, evaluatedAt, 0);
  return {
    steps: steps.map((step, i) => ({ step, loss: losses[i]!, gradientNorm: 0.8, learningRate: 3e-3 })),
    evaluations: evaluatedAt.map((step, i) => ({
      step,
      loss: losses[Math.max(0, step - 1)]!,
      perplexity: perplexities[i]!,
      klTeacherStudent: kls[i]!,
    })),
    keptStep: 300,
  };
}

const top = (...entries: readonly [string, number][]) => entries.map(([text, probability]) => ({ text, probability }));

const tokensThatDiffer: readonly DifferingToken[] = [
  {
    before: "for the fiscal year ending June 30, 18",
    token: "86",
    after: ", the ordinary receipts of the Government were $336,439,727.06.",
    position: 412,
    kl: 4.8731,
    teacherTop: top(["86", 0.4127], ["85", 0.2214], ["87", 0.1179], ["84", 0.0655], ["88", 0.0311]),
    studentTop: top(["60", 0.0914], ["40", 0.0721], ["90", 0.0615], ["80", 0.0588], ["70", 0.0421]),
    origin: { file: "data/held-out.jsonl", line: 17 },
  },
  {
    before: "To the Senate and House of Representatives:\n\nThe Congress of the United",
    token: " States",
    after: " convenes under circumstances of unusual gravity.",
    position: 12,
    kl: 3.2194,
    teacherTop: top(
      [" States", 0.9961],
      [" Nations", 0.0021],
      [" Kingdom", 0.0007],
      [" State", 0.0002],
      ["States", 0.0001],
    ),
    studentTop: top([" of", 0.2107], [" States", 0.1455], [",", 0.0877], [" and", 0.0513], ["\n", 0.0402]),
    origin: { file: "data/held-out.jsonl", line: 4 },
  },
  {
    before: 'An address that says <b onclick="alert(1)">bold</b> & means "it", then\t',
    token: "</script>",
    after: "<script>document.title = 'taken'</script> and goes on.",
    position: 98,
    kl: 2.9417,
    teacherTop: top(
      ["</script>", 0.5],
      ["<b>", 0.25],
      ['" onload="alert(1)', 0.125],
      ["&lt;", 0.0625],
      ["\u202e", 0.03],
    ),
    studentTop: top(["<img src=x onerror=alert(1)>", 0.4], ["'", 0.2], ["", 0.1], ["   ", 0.05], ["\r\n\t", 0.02]),
    origin: { file: 'data/<i>"held"</i>.jsonl', line: 9 },
  },
  ...[" Congress", " Government", ".\n\n", " the", " Treaty", " 1,", " peace"].map(
    (token, i): DifferingToken => ({
      before: "and I can not too strongly recommend to your favorable consideration the report of the ",
      token,
      after: " which has been submitted to you at this session",
      position: 200 + 31 * i,
      kl: 2.61 - 0.09 * i,
      teacherTop: top(
        [token, 0.512 - 0.04 * i],
        [" Secretary", 0.131],
        [" Department", 0.084],
        [" committee", 0.03],
        [" War", 0.0088],
      ),
      studentTop: top(
        [" United", 0.2 - 0.01 * i],
        [" people", 0.09],
        [token, 0.061],
        [" same", 0.05],
        [" country", 0.0312],
      ),
      origin: { file: "data/held-out.jsonl", line: 21 + i },
    }),
  ),
];

/** Teacher, student before and after, and twin: the student is better than its twin. */
export const exampleReport: Report = {
  limbeckReport: 1,
  run: {
    recipe: "soft-labels",
    created: "2026-09-14T09:31:07.000Z",
    seconds: 203.4,
    limbeckVersion: "0.1.0",
    machine: "2 cores of an AMD EPYC, 8 GB, Linux x64, Node 20.20.2",
    device: "cpu",
    threads: 2,
    seed: 0,
    config: {
      recipe: "soft-labels",
      teacher: { model: "assets/sotu-teacher", precision: "float32" },
      student: { shape: { layers: 4, hidden: 128, heads: 4 } },
      data: { train: "data/train.jsonl", heldOut: "data/held-out.jsonl", sequenceLength: 256, packing: true },
      objective: { soft: { weight: 1, divergence: "forward-kl", temperature: 1 } },
      training: { steps: 300, tokensPerStep: 2048, learningRate: 0.003, schedule: "cosine", seed: 0, twin: true },
    },
  },
  data: {
    train: { rows: 208, tokens: 2_412_711, responseTokens: 2_412_503, droppedRows: 0 },
    heldOut: { rows: 23, tokens: 251_904, responseTokens: 251_881, droppedRows: 1 },
    waste: 0.0113,
  },
  models: [
    {
      role: "teacher",
      name: "sotu-teacher",
      parameters: 7_916_480,
      bytesOnDisk: 15_841_064,
      tokensPerSecond: 11_240.6,
      peakMemoryBytes: 412_000_000,
      perplexity: estimate(94.132, 88.71, 99.92),
      bitsPerByte: estimate(1.5147, 1.4911, 1.5386),
      klFromTeacher: null,
      top1Agreement: null,
    },
    {
      role: "student-before",
      name: "128 wide, 4 layers, random",
      parameters: 1_312_896,
      bytesOnDisk: 5_259_112,
      tokensPerSecond: 46_120,
      perplexity: estimate(4168.2, 4160.4, 4175.9),
      bitsPerByte: estimate(2.7782, 2.7519, 2.8034),
      klFromTeacher: { mean: estimate(3.7088, 3.6511, 3.7702), median: 3.4021, p99: 9.8832 },
      top1Agreement: estimate(0.0004, 0.0002, 0.0007),
    },
    {
      role: "student-after",
      name: "sotu-student",
      parameters: 1_312_896,
      bytesOnDisk: 5_259_112,
      tokensPerSecond: 46_307,
      peakMemoryBytes: 288_000_000,
      perplexity: estimate(161.24, 152.83, 170.11),
      bitsPerByte: estimate(1.6941, 1.6702, 1.7188),
      klFromTeacher: { mean: estimate(0.6127, 0.5988, 0.6271), median: 0.4413, p99: 2.7705 },
      top1Agreement: estimate(0.5131, 0.5064, 0.5202),
    },
    {
      role: "twin",
      name: "same start, no teacher",
      parameters: 1_312_896,
      bytesOnDisk: 5_259_112,
      tokensPerSecond: 46_255,
      perplexity: estimate(207.35, 197.02, 218.44),
      bitsPerByte: estimate(1.7777, 1.7521, 1.8042),
      klFromTeacher: { mean: estimate(0.9316, 0.9103, 0.9522), median: 0.6614, p99: 3.9127 },
      top1Agreement: estimate(0.4218, 0.4159, 0.4281),
    },
  ],
  gainOverTwin: estimate(0.2515, 0.2411, 0.2622),
  history: { student: history(4.4, 0.74, 161.24, 0.6127), twin: history(8.33, 5.31, 207.35, 0.9316) },
  tokensThatDiffer,
  warnings: [{ code: "few-held-out-rows", message: "23 held-out rows make wide intervals: more rows would say more." }],
};

/** The example with another gain over the twin, as a run has it that went differently. */
export function withGain(value: number, low: number | null, high: number | null): Report {
  return { ...exampleReport, gainOverTwin: { value, low, high } };
}

/** A report without a teacher: what `pretrain` makes. */
export const pretrainReport: Report = {
  ...exampleReport,
  run: { ...exampleReport.run, recipe: "pretrain" },
  models: exampleReport.models
    .filter(({ role }) => role === "student-before" || role === "student-after")
    .map((model) => ({ ...model, klFromTeacher: null, top1Agreement: null })),
  gainOverTwin: null,
  history: {
    student: {
      keptStep: 300,
      steps: exampleReport.history.student.steps,
      evaluations: exampleReport.history.student.evaluations.map(({ step, loss, perplexity }) => ({
        step,
        loss,
        perplexity,
      })),
    },
    twin: null,
  },
  tokensThatDiffer: [],
  warnings: [],
};
