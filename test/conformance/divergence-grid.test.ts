/**
 * @file Every divergence with every kind of teacher signal, cold and warm, through the chunked head in float64: its gradient is
 * that of its values, masks and weights do what they say, or it is refused with the reason.
 */

import { describe, expect, it } from "vitest";
import { gradients } from "../../src/autodiff/index.js";
import { rowDims } from "../../src/data/batch-feeds.js";
import * as g from "../../src/graph/index.js";
import { type ChunkedInputs, chunkedObjective } from "../../src/losses/chunked-head.js";
import { defineDivergence } from "../../src/losses/index.js";
import { objectiveSchema } from "../../src/losses/options.js";
import { divergenceNames, findDivergence } from "../../src/losses/registry.js";
import { compile, type HostTensor, scalarOf } from "../../src/runtime/index.js";
import {
  mixedHeadName,
  type SignalForm,
  signalInputs,
  type Tail,
  teacherHeadName,
} from "../../src/signals/signal-feeds.js";
import { absentLogProb } from "../../src/signals/teacher-signal.js";

/** One of a user's own, with nothing but its rows: it goes through the same grid. */
defineDivergence({
  name: "test-squared-hellinger",
  accepts: ["hidden", "dense", "sparse"],
  rows: ({ student, teacher }) => {
    const roots = (logProbs: g.Value) => g.exp(g.mul(logProbs, 0.5));
    const apart = g.sub(roots(teacher.logProbs), roots(student.logProbs));
    return g.mul(g.reduceSum(g.mul(apart, apart), { axes: [-1] }), 0.5);
  },
});

const [chunks, chunkRows, width, teacherHidden, k] = [2, 2, 6, 3, 3];
const rows = chunks * chunkRows;
const warmth = 2.5;

/** Options without which a divergence cannot be asked: three tokens are named. */
const options: Readonly<Record<string, object>> = { ranking: { topK: k, form: "logistic" } };

type Table = readonly (readonly number[])[];

/** Logits without ties or kinks nearby: irrational steps, wrapped into ±2. */
const table = (count: number, size: number, seed: number): Table =>
  Array.from({ length: count }, (_, row) =>
    Array.from({ length: size }, (_, column) => 4 * (((row * size + column + 1) * Math.SQRT2 * seed) % 1) - 2),
  );
const product = (left: Table, right: Table): Table =>
  left.map((row) => right.map((column) => row.reduce((sum, value, i) => sum + value * column[i]!, 0)));
const logSumExp = (values: readonly number[]) => Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));

const student = table(rows, width, 1.7);
const teacherStates = table(rows, teacherHidden, 2.3);
const teacherHead = table(width, teacherHidden, 3.1);
const teacherLogits = product(teacherStates, teacherHead);

interface Kind {
  readonly form: SignalForm;
  readonly feeds: Readonly<Record<string, HostTensor>>;
}

const floats = (dims: readonly number[], values: Table): HostTensor => ({
  dtype: "float64",
  dims,
  data: Float64Array.from(values.flat()),
});

/** The teacher's likeliest tokens; the last row has one fewer than there is room for. */
function sparse(tail: Tail): Kind {
  const order = teacherLogits.map((row) => [...row.keys()].sort((a, b) => row[b]! - row[a]!));
  const ids = order.map((row, i) => (i === rows - 1 ? [...row.slice(0, k - 1), row[0]!] : row.slice(0, k)));
  const logProbs = ids.map((row, i) =>
    row.map((id, place) =>
      i === rows - 1 && place === k - 1 ? absentLogProb : teacherLogits[i]![id]! - logSumExp(teacherLogits[i]!),
    ),
  );
  const normalizers = teacherLogits.map((row) => [logSumExp(row.map((z) => z / warmth)) - logSumExp(row) / warmth]);
  return {
    form: { kind: "sparse", headWidth: width, k, temperatures: [1, warmth], tail },
    feeds: {
      "teacher.ids": { dtype: "int32", dims: [chunks, chunkRows, k], data: Int32Array.from(ids.flat()) },
      "teacher.logProbs": floats([chunks, chunkRows, k], logProbs),
      [`teacher.logNormalizer_${warmth}`]: floats([chunks, chunkRows, 1], normalizers),
      ...(tail === "sampled" && {
        "teacher.importance": floats(
          [chunks, chunkRows, k],
          ids.map(() => [1, 0.4, 1.7]),
        ),
      }),
    },
  };
}

const kinds: Readonly<Record<string, Kind>> = {
  dense: {
    form: { kind: "dense", headWidth: width },
    feeds: { "teacher.logits": floats([chunks, chunkRows, width], teacherLogits) },
  },
  hidden: {
    form: { kind: "hidden", headWidth: width, hiddenSize: teacherHidden },
    feeds: {
      "teacher.hidden": floats([chunks, chunkRows, teacherHidden], teacherStates),
      [teacherHeadName]: floats([width, teacherHidden], teacherHead),
    },
  },
  "a mixture": {
    form: {
      kind: "mixture",
      headWidth: width,
      members: [
        { hiddenSize: teacherHidden, headWidth: width, share: 0.7 },
        { hiddenSize: 2, headWidth: width + 1, share: 0.3 },
      ],
    },
    feeds: {
      "teacher.hidden.0": floats([chunks, chunkRows, teacherHidden], teacherStates),
      "teacher.hidden.1": floats([chunks, chunkRows, 2], table(rows, 2, 1.9)),
      [mixedHeadName(0)]: floats([width, teacherHidden], teacherHead),
      [mixedHeadName(1)]: floats([width + 1, 2], table(width + 1, 2, 2.7)),
    },
  },
  "a top-k, tail bucket": sparse("bucket"),
  "a top-k, tail drop": sparse("drop"),
  "a top-k, tail renormalize": sparse("renormalize"),
  "a top-k, tail sampled": sparse("sampled"),
};

interface Result {
  readonly value: number;
  readonly gradient: readonly number[];
}

/** The sum of a divergence over weighted rows, and its gradient by the student's logits: at temperature 1, or warm. */
type Evaluate = (logits: Table, rowWeights: readonly number[], isWarm: boolean) => Promise<Result>;

async function withProgram(divergence: string, { form, feeds }: Kind, use: (evaluate: Evaluate) => Promise<void>) {
  const graph = new g.Graph();
  const input = (name: string, dims: readonly g.Dim[]) => graph.input(name, "float64", dims);
  const term = { kind: "divergence", divergence, ...options[divergence] };
  const objective = objectiveSchema.parse({ cold: term, warm: { ...term, temperature: warmth } });
  const identity = Array.from({ length: width * width }, (_, cell) => (cell % (width + 1) === 0 ? 1 : 0));
  const inputs: ChunkedInputs = {
    hidden: input("logits", [...rowDims, width]),
    headWeight: graph.constant("float64", [width, width], Float64Array.from(identity)),
    targetIds: graph.input("targetIds", "int32", rowDims),
    rowWeights: input("rowWeights", rowDims),
    teacher: signalInputs(graph, form, "float64"),
    termWeights: { cold: input("cold", []), warm: input("warm", []) },
  };
  const { total } = chunkedObjective(inputs, objective);
  const [gradient] = gradients(total, [inputs.hidden]) as [g.Value];
  const program = await compile(graph, { total, gradient }, { threads: 1 });
  try {
    await use(async (logits, rowWeights, isWarm) => {
      const scalar = (value: number) => floats([], [[value]]);
      const outputs = await program.run({
        ...feeds,
        logits: floats([chunks, chunkRows, width], logits),
        rowWeights: floats([chunks, chunkRows], [rowWeights]),
        targetIds: { dtype: "int32", dims: [chunks, chunkRows], data: new Int32Array(rows) },
        cold: scalar(isWarm ? 0 : 1),
        warm: scalar(isWarm ? 1 : 0),
      });
      return { value: scalarOf(outputs.total), gradient: Array.from(outputs.gradient.data as Float64Array) };
    });
  } finally {
    await program.dispose();
  }
}

/** Central differences in every logit. */
async function differences(evaluate: Evaluate, weights: readonly number[], isWarm: boolean): Promise<number[]> {
  const step = 1e-5;
  const slopes: number[] = [];
  for (let cell = 0; cell < rows * width; cell++) {
    const moved = async (by: number) => {
      const logits = student.map((row, i) => row.map((z, j) => (i * width + j === cell ? z + by : z)));
      return (await evaluate(logits, weights, isWarm)).value;
    };
    slopes.push(((await moved(step)) - (await moved(-step))) / (2 * step));
  }
  return slopes;
}

/** A step of 1e-5 leaves 1e-10 of the third derivative, and rounding 1e-16 · 100 / 1e-5 of values up to 100. */
const bySteps = { relative: 1e-6, absolute: 1e-8 };
const exact = { relative: 1e-11, absolute: 1e-13 };

/** Rows: half, masked, twice, thrice. */
const weights = [0.5, 0, 2, 3];
const times = (perRow: readonly number[], values: readonly number[]) =>
  values.map((value, cell) => perRow[Math.floor(cell / width)]! * value);

describe.each(divergenceNames())("%s", (divergence) => {
  const { accepts, refusal } = findDivergence(divergence)!;
  // Teachers that are mixed come as whole distributions.
  const takes = ({ form: { kind } }: Kind) => accepts.includes(kind === "mixture" ? "dense" : kind);
  const isDenseToo = accepts.includes("hidden") && accepts.includes("dense");
  // Hidden states are held against the logits that they become, whose gradient is checked.
  const taken = Object.entries(kinds).filter(([, kind]) => takes(kind) && !(isDenseToo && kind.form.kind === "hidden"));
  const refused = Object.entries(kinds).filter(([, kind]) => !takes(kind));

  it.each(taken)("of a teacher that gives %s has the gradient of its values, rows by their weight", (_, kind) =>
    withProgram(divergence, kind, async (evaluate) => {
      for (const isWarm of [false, true]) {
        const weighted = await evaluate(student, weights, isWarm);
        expect(weighted.gradient).toBeAllClose(await differences(evaluate, weights, isWarm), bySteps);

        const plain = await evaluate(student, [1, 1, 1, 1], isWarm);
        expect(weighted.gradient).toBeAllClose(times(weights, plain.gradient), exact);
        const alone = [0, 1, 2, 3].map((row) =>
          evaluate(
            student,
            [0, 1, 2, 3].map((each) => (each === row ? 1 : 0)),
            isWarm,
          ),
        );
        const values = (await Promise.all(alone)).map(({ value }) => value);
        const sum = (factors: readonly number[]) => values.reduce((total, value, i) => total + factors[i]! * value, 0);
        expect([weighted.value, plain.value]).toBeAllClose([sum(weights), sum([1, 1, 1, 1])], exact);

        const masked = await evaluate(student, [0, 0, 0, 0], isWarm);
        expect([masked.value, ...masked.gradient]).toBeAllClose(new Array(1 + rows * width).fill(0), exact);
      }
    }),
  );

  if (isDenseToo) {
    it("is the same of hidden states as of the logits that they become", async () => {
      const results: number[][] = [];
      for (const kind of [kinds.dense!, kinds.hidden!]) {
        await withProgram(divergence, kind, async (evaluate) => {
          const both = [await evaluate(student, weights, false), await evaluate(student, weights, true)];
          results.push(both.flatMap(({ value, gradient }) => [value, ...gradient]));
        });
      }
      expect(results[1]!).toBeAllClose(results[0]!, exact);
    });
  }

  it.each(refused)("of a teacher that gives %s is refused, and says why", async (_, kind) => {
    expect(refusal).toMatch(/.{30}/);
    await expect(withProgram(divergence, kind, async () => {})).rejects.toMatchObject({
      code: "OBJECTIVE",
      message: expect.stringContaining(refusal!) as string,
    });
  });
});
