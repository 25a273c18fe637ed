// Replaces the native module of AWS's Node runtime client, which needs a compiler: three calls of the Runtime API.
// The package loads it with require("./rapid-client.node"), which finds this folder.
"use strict";
const http = require("node:http");
const net = require("node:net");

const BASE = "/2018-06-01/runtime/invocation";
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
/** How often `next` is asked for while it is refused, and the milliseconds between. */
const ATTEMPTS = 100;
const PAUSE = 5;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** A connection for the next response. It is made beforehand, because `done` and `error` send before they return. */
let prepared;
/** Settled when the last response has been acknowledged. */
let acknowledged = Promise.resolve();

function prepare() {
  if (prepared && !prepared.destroyed) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), host);
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {}); // the environment has ended
      socket.unref(); // while it is idle it does not keep the event loop alive
      prepared = socket;
      resolve();
    });
  });
}

function post(where, body, headers) {
  const bytes = Buffer.from(body, "utf8");
  const head = [
    `POST ${BASE}/${where} HTTP/1.1`,
    `Host: ${host}:${port}`,
    "Connection: close",
    `Content-Length: ${bytes.length}`,
    ...Object.entries({ "Content-Type": "application/json", ...headers }).map(([name, value]) => `${name}: ${value}`),
  ];
  const socket = prepared && !prepared.destroyed ? prepared : net.connect(Number(port), host);
  prepared = undefined;
  socket.ref();
  acknowledged = new Promise((resolve) => {
    socket.on("error", resolve);
    socket.on("close", resolve);
  });
  socket.resume();
  // A connected socket passes the bytes to the kernel here and now: they arrive even if the process exits next.
  socket.write(Buffer.concat([Buffer.from(head.join("\r\n") + "\r\n\r\n", "latin1"), bytes]));
}

function ask() {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, path: `${BASE}/next`, agent }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => resolve({ answer, body: Buffer.concat(parts).toString("utf8") }));
    });
    request.on("error", reject);
    request.end();
  });
}

async function next() {
  await acknowledged;
  await prepare();
  for (let attempt = 1; ; attempt++) {
    const { answer, body } = await ask();
    if (answer.statusCode === 200) return { bodyJson: body, headers: answer.headers };
    // The end of a streamed response goes over another connection, and the client does not wait for it.
    if (attempt === ATTEMPTS) throw new Error(`Failed to get next invocation, error ${answer.statusCode}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/** What replaces the response while it is set: a function of the request's id. See `index.mjs`. */
let instead;

module.exports = {
  next,
  done(id, body) {
    if (instead) return instead(id);
    post(`${id}/response`, body, {});
    return null;
  },
  error(id, body, cause) {
    // AWS's client names no error type here; the cause is for X-Ray, and too large a header is not sent.
    post(`${id}/error`, body, cause && cause.length < 8192 ? { "Lambda-Runtime-Function-XRay-Error-Cause": cause } : {});
    return null;
  },
  replaceResponse(replacement) {
    instead = replacement;
  },
};
