/** @file The divergences that ship with limbeck, and how to find any by name. */

import "./forward-kl.js";
import "./hard-labels.js";
import "./reverse-kl.js";
import "./soft-cross-entropy.js";
import "./jsd.js";
import "./skew-kl.js";
import "./skew-reverse-kl.js";
import "./symmetric-kl.js";
import "./total-variation.js";
import "./alpha-beta.js";
import "./logits-mse.js";
import "./ranking.js";

export { defineDivergence, divergenceNames, findDivergence } from "./divergence.js";
