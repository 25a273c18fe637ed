// The Node runtime of the sandbox: a loop over the Runtime API. It writes the log format of Lambda's Node runtimes.
// A handler is in a CommonJS or ES module, and is an async function or takes a callback.
import http from "node:http";
import path from "node:path";
import util from "node:util";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const base = "/2018-06-01/runtime";
const connection = new http.Agent({ keepAlive: true, maxSockets: 1 });
const json = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
let requestId;

function call(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, method, path: base + where, headers, agent: connection }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function log(level, ...values) {
  const timestamp = new Date().toISOString();
  const message = util.format(...values);
  const line = json
    ? JSON.stringify({ timestamp, level, requestId, message: values.length === 1 ? values[0] : message })
    : `${timestamp}\t${requestId}\t${level}\t${message.replaceAll("\n", "\r")}`;
  process.stdout.write(line + "\n");
}

for (const [name, level] of Object.entries({ log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG" }))
  console[name] = (...values) => log(level, ...values);

function describe(error) {
  const known = error instanceof Error;
  const body = {
    errorType: known ? error.name : typeof error,
    errorMessage: known ? error.message : String(error),
    trace: known && error.stack ? error.stack.split("\n") : [],
  };
  return JSON.stringify(body);
}

async function load() {
  const dot = process.env._HANDLER.lastIndexOf(".");
  const module = path.resolve(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER.slice(0, dot));
  const file = [".mjs", ".cjs", ".js"].map((ending) => module + ending).find(existsSync);
  if (!file) throw named("Runtime.ImportModuleError", `Cannot find module '${path.basename(module)}'`);
  const loaded = await import(pathToFileURL(file));
  const name = process.env._HANDLER.slice(dot + 1);
  const handler = loaded[name] ?? loaded.default?.[name];
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${process.env._HANDLER} is undefined`);
  return handler;
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}

// awslambda.streamifyResponse marks a handler(event, responseStream, context). Its output is sent as it is written.
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
globalThis.awslambda = { streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: true }) };

function stream(handler, event, context) {
  return new Promise((resolve, reject) => {
    const headers = { "Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked",
      "Content-Type": "application/octet-stream" };
    const where = `${base}/invocation/${context.awsRequestId}/response`;
    const request = http.request({ host, port, method: "POST", path: where, headers, agent: connection }, (answer) => {
      answer.resume();
      answer.on("end", resolve);
    });
    request.setContentType = (type) => request.setHeader("Content-Type", type);
    request.on("error", reject);
    Promise.resolve(handler(event, request, context)).then(() => request.writableEnded || request.end(), (error) => {
      request.addTrailers({ "Lambda-Runtime-Function-Error-Type": "Function.Unhandled",
        "Lambda-Runtime-Function-Error-Body": Buffer.from(describe(error)).toString("base64") });
      request.end();
    });
  });
}

function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const done = (error, value) => (error ? reject(error) : resolve(value));
    const returned = handler(event, context, done);
    if (returned && typeof returned.then === "function") returned.then(resolve, reject);
    else if (handler.length < 3) resolve(returned);
  });
}

let handler;
try {
  handler = await load();
} catch (error) {
  log("ERROR", "Uncaught Exception", error);
  const type = String(error.name).startsWith("Runtime.") ? error.name : "Runtime.ImportModuleError";
  await call("POST", "/init/error", describe(error), { "Lambda-Runtime-Function-Error-Type": type });
  process.exit(1);
}

for (;;) {
  const next = await call("GET", "/invocation/next");
  requestId = next.headers["lambda-runtime-aws-request-id"];
  const deadline = Number(next.headers["lambda-runtime-deadline-ms"]);
  process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] ?? "";
  const context = {
    awsRequestId: requestId,
    invokedFunctionArn: next.headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    if (handler[STREAMING]) {
      await stream(handler, JSON.parse(next.body), context);
      continue;
    }
    const result = await run(handler, JSON.parse(next.body), context);
    await call("POST", `/invocation/${requestId}/response`, JSON.stringify(result ?? null));
  } catch (error) {
    log("ERROR", "Invoke Error", describe(error));
    await call("POST", `/invocation/${requestId}/error`, describe(error), {
      "Lambda-Runtime-Function-Error-Type": "Function.Unhandled",
    });
  }
}
