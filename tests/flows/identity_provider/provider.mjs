// A certified OpenID provider over HTTPS on a free port of this machine, for as long as stdin is open.
// It is told what it is in one line of JSON; each further line makes it anew with other keys.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';

import { Provider } from 'oidc-provider';

console.info = console.error; // our own lines alone go to stdout

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const given = JSON.parse((await lines.next()).value);
const server = createServer({ key: readFileSync(given.keyFile), cert: readFileSync(given.certFile) });
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `https://localhost:${server.address().port}`;

function provide(keys) {
  const provider = new Provider(issuer, {
    clients: given.clients,
    jwks: { keys },
    cookies: { keys: ['only for a test'] },
    claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256'],
      idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'Ed25519', 'EdDSA'],
    },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: (_context, resource) => ({
          scope: '',
          audience: resource.replace('urn:audience:', ''),
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, ...(given.people[sub] ?? {}) }),
    }),
  });
  provider.on('server_error', (_context, error) => console.error(error));
  return provider.callback();
}

let answer = provide(given.keys);
server.on('request', (request, response) => answer(request, response));
console.log(JSON.stringify({ issuer }));
for await (const line of lines) {
  const told = JSON.parse(line);
  if (told.keys) answer = provide(told.keys);
  if (told.people) given.people = told.people;
  console.log(JSON.stringify({ issuer }));
}
server.closeAllConnections();
server.close();
