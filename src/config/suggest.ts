/** @file "Did you mean": the known word closest to what was written. */

/** Words of other toolkits, by what they are called here. */
const foreignWords: Readonly<Record<string, string>> = {
  alpha: "objective.soft.weight",
  kdratio: "objective.soft.weight",
  softweight: "objective.soft.weight",
  hardweight: "objective.hard.weight",
  tau: "objective.soft.temperature",
  loss: "objective.soft.divergence",
  losstype: "objective.soft.divergence",
  kind: "objective.soft.divergence",
  lr: "training.learningRate",
  numepochs: "training.epochs",
  numtrainepochs: "training.epochs",
  maxsteps: "training.steps",
  warmup: "training.warmupSteps",
  lrscheduler: "training.schedule",
  lrschedulertype: "training.schedule",
  batchsize: "training.tokensPerStep",
  microbatchsize: "training.microBatchTokens",
  gradientaccumulationsteps: "training.microBatchTokens",
  maxgradnorm: "training.clipNorm",
  gradclip: "training.clipNorm",
  evalsteps: "training.evaluateEvery",
  savesteps: "training.checkpointEvery",
  maxlength: "data.sequenceLength",
  maxseqlength: "data.sequenceLength",
  contextlength: "data.sequenceLength",
  dataset: "data.train",
  validation: "data.heldOut",
  test: "data.heldOut",
  eval: "data.heldOut",
  chattemplate: "data.template",
  outputdir: "output",
  outputdirectory: "output",
  rundir: "output",
  numhiddenlayers: "student.shape.layers",
  numattentionheads: "student.shape.heads",
  numkeyvalueheads: "student.shape.keyValueHeads",
  intermediatesize: "student.shape.feedForwardSize",
  tiewordembeddings: "student.shape.tieEmbeddings",
  method: "recipe",
};

/** The candidate that a reader would take `word` for, or undefined when none is close. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  const plainWord = plain(word);
  const limit = Math.max(1, Math.floor(plainWord.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plainWord, plain(candidate));
    if (distance < bestDistance && distance < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * The path of the known key that an unknown key probably stands for: a sibling of nearly the same name, another toolkit's
 * word, or a key of nearly the same name in another section.
 *
 * @param path - the unknown key's dotted path.
 * @param knownPaths - dotted paths of all keys of the schema.
 */
export function closestPath(path: string, knownPaths: readonly string[]): string | undefined {
  const key = lastSegment(path);
  const section = path.slice(0, path.length - key.length);
  const siblings = knownPaths.filter((known) => known === section + lastSegment(known));
  const sibling = closest(key, siblings.map(lastSegment));
  if (sibling !== undefined) return section + sibling;
  const foreign = Object.hasOwn(foreignWords, plain(key)) ? foreignWords[plain(key)] : undefined;
  if (foreign !== undefined && knownPaths.includes(foreign)) return foreign;
  const elsewhere = closest(key, knownPaths.map(lastSegment));
  return elsewhere === undefined ? undefined : knownPaths.find((known) => lastSegment(known) === elsewhere);
}

function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** `learning_rate`, `learning-rate` and `learningRate` are the same word. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = last[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swaps = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = swaps ? beforeLast[column - 2]! + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min(last[column]! + 1, current[column - 1]! + 1, replaced, swapped));
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
