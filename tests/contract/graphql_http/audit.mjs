// node audit.mjs URL [TOKEN]
// One line on stderr for each audit that is not ok, then one JSON object on stdout.
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);

const fetchFn = (address, options = {}) =>
  fetch(address, {
    ...options,
    headers: { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) },
  });

const audits = await auditServer({ url, fetchFn });

const counts = {};
const failures = [];
for (const { id, name, status, reason, response } of audits) {
  counts[status] = (counts[status] ?? 0) + 1;
  if (status === "ok") continue;
  // An audit may have read the body before it said no.
  const body = response.bodyUsed ? "" : (await response.text()).slice(0, 200);
  failures.push({ id, name, status, reason, answered: response.status, body });
  console.error(`${status} ${id} ${name}: ${reason}; answered ${response.status} ${body}`);
}
console.log(JSON.stringify({ audits: audits.length, counts, failures }));
