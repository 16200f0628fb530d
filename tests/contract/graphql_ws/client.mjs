// node client.mjs URL
// The official clients, told what to do by lines of JSON on stdin, telling what happens on stdout.
//   {"do": "open", "client": NAME, "token": TEXT, "url": TEXT, "kind": "ws" | "sse", "options": {…},
//    "undaunted": BOOLEAN}                          whatever breaks its connection, it tries again
//   {"do": "token", "client": NAME, "token": TEXT}    what it connects with from now on
//   {"do": "hold", "client": NAME}                    until then it has none, and waits for it
//   {"do": "follow", "client": NAME, "id": TEXT, "request": {query, variables, …}, "keep": BOOLEAN}
//                 keep: as docs/rooms.md says, the newest `seq` stands in `after`
//   {"do": "stop", "client": NAME, "id": TEXT}
//   {"do": "dispose", "client": NAME}
import { createInterface } from "node:readline";
import { createClient as createSseClient } from "graphql-sse";
import { createClient } from "graphql-ws";

const [origin] = process.argv.slice(2);
const clients = new Map();

const tell = (client, event, more = {}) =>
  console.log(JSON.stringify({ client, event, ...more }));

// An error is an Error, a close event, or GraphQL's errors: each as plain words.
const words = (error) =>
  Array.isArray(error)
    ? { errors: error.map(({ message, extensions }) => ({ message, extensions })) }
    : { code: error?.code ?? null, message: String(error?.message ?? error?.reason ?? error) };

// Waits are short: how long a client waits is its own affair, how often it tries is ours as well.
const retryWait = (retries) => new Promise((done) => setTimeout(done, 30 + 20 * retries));

function open({ client, token, url = origin, kind = "ws", undaunted = false, options = {} }) {
  const state = { token, stops: new Map() };
  clients.set(client, state);
  const connected = async () => ({ authorization: `Bearer ${await state.token}` });
  if (kind === "sse") {
    state.client = createSseClient({ url, headers: connected, retry: retryWait, ...options });
    return;
  }
  state.client = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: connected,
    retryWait,
    ...(undaunted && { shouldRetry: () => true, retryAttempts: Infinity }),
    ...options,
    on: {
      connecting: () => tell(client, "connecting"),
      connected: () => tell(client, "connected"),
      closed: ({ code, reason }) => tell(client, "closed", { code, reason }),
      ping: (received) => received && tell(client, "ping"),
    },
  });
}

function hold({ client }) {
  const { promise, resolve } = Promise.withResolvers();
  Object.assign(clients.get(client), { token: promise, give: resolve });
}

function giveToken({ client, token }) {
  const state = clients.get(client);
  state.give?.(token);
  state.token = token;
}

function follow({ client, id, request, keep = false }) {
  const state = clients.get(client);
  const next = (value) => {
    if (keep) request.variables.after = value.data.collaboration.seq;
    tell(client, "next", { id, value });
  };
  const stop = state.client.subscribe(request, {
    next,
    error: (error) => tell(client, "error", { id, ...words(error) }),
    complete: () => tell(client, "complete", { id }),
  });
  state.stops.set(id, stop);
}

const verbs = {
  open,
  follow,
  hold,
  token: giveToken,
  stop: ({ client, id }) => clients.get(client).stops.get(id)(),
  dispose: ({ client }) => clients.get(client).client.dispose(),
};

tell("", "ready");
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  verbs[command.do](command);
}
process.exit(0);
