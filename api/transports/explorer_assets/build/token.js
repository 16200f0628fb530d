// The bearer token of this browser tab. It arrives in the URL's fragment, which no browser sends
// to a server, or is pasted; it lives in sessionStorage and goes when the tab goes.
const KEY = "valor:token";

export const readToken = () => sessionStorage.getItem(KEY) ?? "";

export const keepToken = (text) => {
  const token = text.trim().replace(/^bearer\s+/i, "");
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
  return token;
};

// True when the address held a token; the address no longer holds it afterwards.
export const takeTokenFromAddress = () => {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  keepToken(given);
  return true;
};

// What a token says of itself, for the eye alone: the server is the one that verifies it.
export const claimsOf = (token) => {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? claims : {};
  } catch {
    return {}; // opaque to us: an API key, or not a token at all
  }
};
