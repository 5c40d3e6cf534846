/** @file What a program is fed, checked against its inputs before the engine sees it. */

import { ShapeError } from "../errors.js";
import { type Dim, factorOf, printShape, symbolsOf } from "../graph/dims.js";
import { expectData } from "../graph/dtype.js";
import type { Input } from "../graph/graph.js";
import type { HostTensor } from "./tensor.js";

/** Tensors by input name. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** The sizes of symbols, bound by the inputs whose shapes hold them. */
export type SymbolSizes = ReadonlyMap<string, number>;

/**
 * Checks that every input is fed with its dtype and shape, one size per symbol.
 *
 * @throws ShapeError that names the input, what it must be, and what it got.
 */
export function checkFeeds(inputs: readonly Input[], feeds: Feeds): SymbolSizes {
  const sizes = new Map<string, number>();
  for (const input of inputs) {
    const tensor = feeds[input.name];
    if (!tensor) throw new ShapeError(`runtime: ${describe(input, sizes)}, got nothing.`);
    const { dtype, dims, data } = tensor;
    const fits =
      dtype === input.dtype &&
      dims.length === input.shape.length &&
      input.shape.every((dim, axis) => fitsDim(dim, dims[axis]!, sizes));
    if (!fits) {
      throw new ShapeError(`runtime: ${describe(input, sizes)}, got ${dtype} ${printShape(dims)}.`);
    }
    expectData(`runtime: input "${input.name}"`, dtype, dims, data);
  }
  return sizes;
}

/** Whether an axis may have a size; the first size of a symbol binds it. */
function fitsDim(dim: Dim, size: number, sizes: Map<string, number>): boolean {
  const symbols = symbolsOf(dim);
  if (dim === symbols[0] && !sizes.has(dim)) sizes.set(dim, size);
  const known = symbols.map((symbol) => sizes.get(symbol) ?? Number.NaN);
  const expected = known.reduce((product, each) => product * each, factorOf(dim));
  return expected === size || Number.isNaN(expected);
}

function describe({ name, dtype, shape }: Input, sizes: SymbolSizes): string {
  const known = shape.flatMap(symbolsOf).filter((symbol) => sizes.has(symbol));
  const bound = [...new Set(known)].map((symbol) => `${symbol}=${sizes.get(symbol)}`).join(", ");
  return `input "${name}" must be ${dtype} ${printShape(shape)}${bound === "" ? "" : ` with ${bound}`}`;
}
