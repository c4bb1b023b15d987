// A real OpenID Provider on a free port of this machine, for one test. It prints its issuer when it is ready, and ends when nobody reads
// what it prints any more. Whoever comes to sign in is the person whom the header `x-person` names, by `x-amr` and at the level `x-acr`.
//
//   node provider.mjs CLIENT_SECRET PUBLIC_URL_OF_THE_PAGES

import http from 'node:http';
import { Provider } from 'oidc-provider';

const [secret, pages] = process.argv.slice(2);
const LEVELS = ['urn:example:one', 'urn:example:two'];

// what it says of its defaults would go where nobody reads, which ends it
console.info = console.warn;

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'koine',
      client_secret: secret,
      redirect_uris: ['school', 'spid'].map((code) => `${pages}/provider/${code}`),
      post_logout_redirect_uris: [`${pages}/sign-in`],
      response_types: ['code'],
      grant_types: ['authorization_code'],
    }],
    pkce: { required: () => true },
    acrValues: LEVELS,
    claims: { openid: ['sub', 'acr', 'amr'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a key of the test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    // who has signed in has consented
    async loadExistingGrant(ctx) {
      const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
  });
  const speak = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return speak(request, response);
    const { 'x-person': accountId, 'x-amr': amr, 'x-acr': acr } = request.headers;
    await provider.interactionFinished(request, response, { login: { accountId, acr, amr: amr ? [amr] : undefined } });
  });
  console.log(`issuer ${issuer}`);
});
process.stdin.resume().on('end', () => process.exit());
