/** @file Every op as a free function. */

export * from "./control.js";
export * from "./elementwise.js";
export type { Operand } from "./emit.js";
export * from "./indexing.js";
export * from "./layers.js";
export * from "./layout.js";
export * from "./products.js";
export * from "./quantized.js";
export * from "./reductions.js";
