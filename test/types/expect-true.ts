/** @file Statements about types, checked by the compiler. */

/** Whether two types are the same, `readonly`, `?` and `any` included. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile where the statement is not `true`. */
export function expectTrue<_Statement extends true>(): void {}
