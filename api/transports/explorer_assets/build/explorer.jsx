import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import "./explorer.css";
import { storage } from "./storage.js";
import { claimsOf, keepToken, readToken, takeTokenFromAddress } from "./token.js";

// The answers in a stream of events. To stop is to hang up: a generator alone would wait for one more.
const answersOf = (response, line) => {
  async function* read() {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (let rest = ""; ; ) {
        const { done, value } = await reader.read();
        if (done) return;
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const [name, data] = event.split("\n");
          if (name === "event: next") yield JSON.parse(data.slice("data: ".length));
          if (name === "event: complete") return;
        }
      }
    } catch (fault) {
      if (!line.signal.aborted) throw fault;
    }
  }
  const answers = read();
  const stop = async () => (line.abort(), { done: true, value: undefined });
  return { [Symbol.asyncIterator]: () => ({ next: () => answers.next(), return: stop }) };
};

// One fetcher per token: a new one makes GraphiQL read the schema again.
const fetcherWith = (token) => async (parameters, { headers = {} } = {}) => {
  const said = new Headers(headers);
  if (token && !said.has("authorization")) said.set("authorization", `Bearer ${token}`);
  said.set("content-type", "application/json");
  // Events are for what has more than one answer.
  said.set(
    "accept",
    "application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0.8",
  );
  const line = new AbortController();
  const response = await fetch("/graphql", {
    method: "POST",
    headers: said,
    body: JSON.stringify(parameters),
    credentials: "omit",
    referrerPolicy: "no-referrer",
    signal: line.signal,
  });
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    return answersOf(response, line);
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 500)}` }] };
  }
};

const DAY_MS = 86_400_000;
const untilOf = (exp, leftMs) => {
  if (leftMs === Infinity) return "";
  const end = new Date(exp * 1000);
  const words =
    leftMs > DAY_MS
      ? end.toLocaleDateString()
      : end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return ` until ${words}`;
};

const Session = ({ token, setToken }) => {
  const { exp, role } = claimsOf(token);
  const leftMs = exp === undefined ? Infinity : exp * 1000 - Date.now();
  const [, tick] = useState(0);
  useEffect(() => {
    // setTimeout counts in 32 bits: a token that lives for weeks needs no alarm in this tab.
    if (leftMs <= 0 || leftMs > 2 ** 31 - 1) return undefined;
    const alarm = setTimeout(() => tick((count) => count + 1), leftMs + 50);
    return () => clearTimeout(alarm);
  }, [leftMs]);

  if (!token || leftMs <= 0) {
    return (
      <input
        className="valor-token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        aria-label="Bearer token"
        placeholder={token ? "Token expired: paste a new one" : "Paste a token"}
        title="`valor token` prints one"
        onChange={(event) => setToken(keepToken(event.target.value))}
      />
    );
  }
  return (
    <span className="valor-session">
      <span title="The token of this tab">{`${role ?? "Token"}${untilOf(exp, leftMs)}`}</span>
      <button type="button" title="Forget the token" onClick={() => setToken(keepToken(""))}>
        Forget
      </button>
    </span>
  );
};

const NEW_TAB = "# Ctrl-Space completes, Ctrl-Enter runs.\n\n";

const Explorer = () => {
  const [token, setToken] = useState(readToken);
  const fetcher = useMemo(() => fetcherWith(token), [token]);
  useEffect(() => {
    // The demo's link, opened again in a tab that is already here.
    const onHash = () => takeTokenFromAddress() && setToken(readToken());
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      shouldPersistHeaders={false}
      defaultQuery={NEW_TAB}
      defaultEditorToolsVisibility="variables"
    >
      <GraphiQL.Logo>
        <Session token={token} setToken={setToken} />
        <span className="valor-name">Valor IVX</span>
      </GraphiQL.Logo>
    </GraphiQL>
  );
};

const textOf = async (name) => {
  const response = await fetch(`/explorer/${name}`, { credentials: "omit" });
  return response.ok ? response.text() : "";
};

takeTokenFromAddress(); // before anything that could read the address
// GraphiQL brings back what it kept of the last visit; the first visit is given something to find.
// As properties they would be pressed upon every later visit, in a tab of their own.
if (storage.getItem("graphiql:tabState") === null) {
  const [query, variables] = await Promise.all([
    textOf("default.graphql"),
    textOf("default-variables.json"),
  ]);
  storage.setItem("graphiql:query", query.trimEnd());
  storage.setItem("graphiql:variables", variables.trimEnd());
}
createRoot(document.getElementById("explorer")).render(<Explorer />);
