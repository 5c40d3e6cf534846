/** @file Running graphs, checking their gradients, and running whole modules off the main thread. */

export {
  checkGradients,
  type GradientCheck,
  type GradientCheckOptions,
  type GradientComparison,
} from "./check-gradients.js";
export { type CompileOptions, compile, describeEngine, type Feeds, type Program } from "./executor.js";
export { serveWorker, type WorkerCall, type WorkerHandler } from "./serve-worker.js";
export { float32Tensor, float64Tensor, type HostTensor, int32Tensor, scalarOf } from "./tensor.js";
export { type CallOptions, startWorker, type WorkerHost, type WorkerOptions } from "./worker-host.js";
