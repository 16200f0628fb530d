// GraphiQL keeps tabs, history and pane sizes in localStorage, and its history keeps headers too.
// A header may carry a token, so no header is ever written.
const HEADERS = "graphiql:headers";
const AS_TYPED = new Set(["graphiql:query", "graphiql:variables"]);

const withoutHeaders = (value) => {
  try {
    return JSON.stringify(JSON.parse(value, (key, inner) => (key === "headers" ? undefined : inner)));
  } catch {
    return value; // a number or a name
  }
};

export const storage = {
  getItem: (name) => localStorage.getItem(name),
  setItem: (name, value) => {
    if (name === HEADERS) return;
    localStorage.setItem(name, AS_TYPED.has(name) ? value : withoutHeaders(value));
  },
  removeItem: (name) => localStorage.removeItem(name),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};
