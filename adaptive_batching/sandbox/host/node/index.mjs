// The Node runtime of the sandbox: AWS's own client (the folder aws-lambda-ric), started as Lambda's bootstrap does.
// The client changed with Node 24, which has no callbacks: the function's runtime decides which one runs.
import { createRequire } from "node:module";

const client = createRequire(import.meta.url)("./aws-lambda-ric/rapid-client.node");
const version = Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)?.[1] ?? 0);

// Since 2025, Lambda's Node 20 and 22 answer with this error if the event loop is empty and an async handler has not
// settled. The published client answers null. Its answer in that place is made within `beforeExit`, and replaced here.
const MESSAGE =
  "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that " +
  "was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes";
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");

async function runBefore24() {
  let isAsync = false;
  const neverSettled = (id) => {
    const error = { errorType: "Runtime.NodeJsExit", errorMessage: MESSAGE, trace: [`Runtime.NodeJsExit: ${MESSAGE}`] };
    return client.error(id, JSON.stringify(error), "");
  };
  process.on("beforeExit", () => client.replaceResponse(isAsync ? neverSettled : undefined));
  // The client asks the handler that it has loaded for this symbol, which tells here which function that is.
  Object.defineProperty(Function.prototype, STREAMING, {
    configurable: true,
    get() {
      isAsync = this?.constructor?.name === "AsyncFunction";
      return undefined;
    },
    set(value) {
      Object.defineProperty(this, STREAMING, { value, configurable: true, enumerable: true, writable: true });
    },
  });
  const { run } = await import("./aws-lambda-ric/3.3.0.mjs");
  try {
    await run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } finally {
    delete Function.prototype[STREAMING];
  }
  process.on("beforeExit", () => client.replaceResponse(undefined));
}

// Managed Instances run several requests at once, which only the newer one can.
if (version >= 24 || process.env.AWS_LAMBDA_MAX_CONCURRENCY) await import("./aws-lambda-ric/4.0.2.mjs");
else await runBefore24();
