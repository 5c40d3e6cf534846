/** @file The divergences that ship with limbeck, and how to find any by name. */

import "./forward-kl.js";
import "./hard-labels.js";
import "./reverse-kl.js";
import "./soft-cross-entropy.js";

export { defineDivergence, divergenceNames, findDivergence } from "./divergence.js";
