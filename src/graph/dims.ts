/** @file Dimensions and shapes: numbers, named symbols ("tokens") and products of them ("2*batch*tokens"). */

import { ShapeError } from "../errors.js";

/** A size that is known now (a number) or when the program runs (a symbol, or a product such as "batch*tokens"). */
export type Dim = number | string;
export type Shape = readonly Dim[];

interface Monomial {
  readonly factor: number;
  readonly symbols: readonly string[];
}

function parse(dim: Dim): Monomial {
  if (typeof dim === "number") return { factor: dim, symbols: [] };
  let factor = 1;
  const symbols: string[] = [];
  for (const part of dim.split("*")) {
    if (/^\d+$/.test(part)) factor *= Number(part);
    else symbols.push(part);
  }
  return { factor, symbols: symbols.sort() };
}

function print({ factor, symbols }: Monomial): Dim {
  if (factor === 0 || symbols.length === 0) return factor;
  return (factor === 1 ? [] : [String(factor)]).concat(symbols).join("*");
}

/** The product of dims in canonical form; 1 for none. */
export function multiplyDims(...dims: readonly Dim[]): Dim {
  const parts = dims.map(parse);
  return print({
    factor: parts.reduce((product, part) => product * part.factor, 1),
    symbols: parts.flatMap((part) => part.symbols).sort(),
  });
}

/** The number of elements of a shape, as one dim. */
export function elementCount(shape: Shape): Dim {
  return multiplyDims(...shape);
}

/** The quotient `whole / part` where it is a whole monomial, otherwise undefined. */
export function divideDims(whole: Dim, part: Dim): Dim | undefined {
  const a = parse(whole);
  const b = parse(part);
  if (b.factor === 0 || a.factor % b.factor !== 0) return undefined;
  const symbols = [...a.symbols];
  for (const symbol of b.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return print({ factor: a.factor / b.factor, symbols });
}

/** The symbols that a dim is made of, without its number. */
export function symbolsOf(dim: Dim): readonly string[] {
  return parse(dim).symbols;
}

/** The whole-number factor of a dim. */
export function factorOf(dim: Dim): number {
  return parse(dim).factor;
}

export function sameDim(a: Dim, b: Dim): boolean {
  return a === b || multiplyDims(a) === multiplyDims(b);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => sameDim(dim, b[axis]!));
}

/** A shape as people write it: `[batch, 128, hidden]`. */
export function printShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The shape that numpy-style broadcasting of both gives, or undefined where they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (sameDim(left, right) || right === 1) result.push(left);
    else if (left === 1) result.push(right);
    else return undefined;
  }
  return result;
}

/** `axis` as an index from the front; throws where it lies outside the rank. */
export function resolveAxis(where: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ShapeError(`${where}: axis must be a whole number from ${-rank} to ${rank - 1}, got ${axis}.`);
  }
  return resolved;
}
