// Looks at the pages of the portal in Chromium. See `scripts/browser --help`.
//
//   node pages.cjs CHROMIUM URL DATA

'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const puppeteer = require('puppeteer-core');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const LANGUAGES = ['ca', 'el', 'en', 'es', 'hr', 'it', 'sl'];
const FORMS = [
  'verify-email', 'resend-verification', 'sign-in', 'redeem', 'recover-password', 'reset-password', 'confirm-email', 'restore-email',
  'accept-invitation', 'confirm-teacher',
];
const PASSWORD = 'rain on the old iron bridge';

const [chromium, url, data] = process.argv.slice(2);
const faults = [];
let looked = 0;

// What axe finds on the page that is open.
async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations;
}

// A page that is wrong is seen as such: else the look is blind.
async function seesWhatIsWrong(browser) {
  const page = await browser.newPage();
  await page.setContent('<html><body><p style="color: #ccc">grey</p><input></body></html>');
  const found = (await violations(page)).map((violation) => violation.id);
  for (const id of ['color-contrast', 'label', 'html-has-lang']) {
    if (!found.includes(id)) faults.push(`axe-core does not see ${id}`);
  }
  await page.close();
}

// Looks at the page that is open.
async function look(page, name) {
  looked += 1;
  for (const violation of await violations(page)) {
    const where = violation.nodes.map((node) => node.target.join(' ')).join(', ');
    faults.push(`${name}: ${violation.id}: ${violation.help}: ${where}`);
  }
  const seen = await page.evaluate(() => ({
    // one script runs where a browser makes or uses a passkey, and none elsewhere
    scripts: document.scripts.length - (document.querySelector('[data-said]') ? 1 : 0),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    styled: getComputedStyle(document.querySelector('main')).maxWidth !== 'none',
    focused: document.activeElement.className || document.activeElement.id,
    faults: document.querySelectorAll('.faults').length,
    small: [...document.querySelectorAll('nav a, .ways a, button, input:not([type=hidden])')]
      .filter((element) => element.checkVisibility())
      .map((element) => element.getBoundingClientRect())
      .filter((box) => box.width < 24 || box.height < 24).length,
  }));
  if (seen.scripts !== 0) faults.push(`${name}: has ${seen.scripts} scripts too many`);
  if (seen.wide > 0) faults.push(`${name}: scrolls sideways by ${seen.wide} pixels`);
  if (!seen.styled) faults.push(`${name}: is without its style`);
  if (seen.small > 0) faults.push(`${name}: ${seen.small} targets are smaller than 24 pixels`);
  if (seen.faults > 0 && seen.focused !== 'faults') faults.push(`${name}: what is wrong is not where the page begins`);
}

async function open(page, address, name) {
  const answer = await page.goto(url + address, { waitUntil: 'load' });
  await look(page, name ?? address);
  return answer;
}

// Fills in fields by their names, sends the form, and looks at the page that comes.
async function send(page, fields, name) {
  for (const [field, value] of Object.entries(fields)) {
    await page.$eval(`#${field}`, (input, text) => {
      if (input.type === 'radio') document.querySelector(`[name=${input.name}][value="${text}"]`).checked = true;
      else input.value = text;
    }, value);
  }
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click('main button')]);
  await look(page, name);
}

function arrived(page, end) {
  if (!page.url().endsWith(end)) faults.push(`${page.url()} is not ${end}`);
}

// The plain text of a letter as it lies in the folder.
function plain(letter) {
  const [head, body] = letter.slice(letter.indexOf('Content-Type: text/plain')).split(/\r\n\r\n([^]*)/);
  const text = body.split('\r\n--')[0];
  if (/encoding: base64/i.test(head)) return Buffer.from(text, 'base64').toString();
  return text.replaceAll('=\r\n', '');
}

// What `pattern` finds in the newest letter to an address in which it is found, once it is there.
async function letter(tenant, to, pattern) {
  const folder = path.join(data, 'mail', tenant);
  for (let tries = 0; tries < 300; tries += 1) {
    const files = fs.existsSync(folder) ? fs.readdirSync(folder).sort().reverse() : [];
    for (const file of files) {
      const text = fs.readFileSync(path.join(folder, file), 'utf8');
      const found = text.includes(`To: ${to}`) && pattern.exec(plain(text));
      if (found) return found;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no letter to ${to} that says ${pattern}`);
}

// The path that the link of a letter leads to, and the code in it.
async function link(tenant, to, form) {
  const [, address, code] = await letter(tenant, to, new RegExp(`https?://[^/]+(/${tenant}/${form})#([A-Za-z0-9_-]{43})`));
  return [address, code];
}

// What the API answers to a request: a POST, where there is a body.
async function call(tenant, name, body, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const method = body ? 'POST' : 'GET';
  const answer = await fetch(`${url}/${tenant}/v1/${name}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

async function token(tenant, login, password) {
  return (await call(tenant, 'sessions', { login, password })).accessToken;
}

async function signIn(page, tenant, login, password, name) {
  await open(page, `/${tenant}/sign-in`);
  await send(page, { login, password }, `${name}: account`);
  arrived(page, `/${tenant}/account`);
}

async function signOut(page, tenant, name) {
  await open(page, `/${tenant}/sign-out`);
  await send(page, {}, `${name}: signed out`);
  arrived(page, 'sign-in?done=sign-out');
}

// What the page that is open shows once.
function once(page) {
  return page.$$eval('.once code', (shown) => shown.map((code) => code.textContent));
}

// What an app shows now that was told a secret in base 32 (RFC 6238).
function shown(secret) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const tag = crypto.createHmac('sha1', key).update(step).digest();
  return String((tag.readUInt32BE(tag[19] & 0xf) & 0x7fffffff) % 1000000).padStart(6, '0');
}

// Somebody protects an account with an app on the phone, loses the phone, and comes in by a recovery code.
async function phoneless(page, tenant, login, password, language) {
  await signIn(page, tenant, login, password, language);
  await open(page, `/${tenant}/begin-factor`);
  await send(page, { password }, `${language}: secret for the app`);
  const secret = (await once(page))[0].replaceAll(' ', '');
  await send(page, { 'shown-code': shown(secret) }, `${language}: recovery codes`);
  const recoveryCodes = await once(page);
  await signOut(page, tenant, language);
  await open(page, `/${tenant}/sign-in`);
  await send(page, { login, password }, `${language}: second factor`);
  arrived(page, `/${tenant}/confirm-factor`);
  await send(page, { 'app-code': 'not a code' }, `${language}: wrong second factor`);
  await send(page, { 'app-code': recoveryCodes[0] }, `${language}: recovery code`);
  arrived(page, `/${tenant}/account`);
  await open(page, `/${tenant}/replace-codes`);
  await send(page, { password }, `${language}: other recovery codes`);
  await open(page, `/${tenant}/end-sessions`);
  if (await page.$('#session')) await send(page, { session: 'all' }, `${language}: sessions ended`);
  await open(page, `/${tenant}/give-up-factor`);
  await send(page, { password }, `${language}: app given up`);
  arrived(page, 'account?done=give-up-factor');
  await signOut(page, tenant, language);
}

// Somebody adds a passkey on a device, signs in by it, and removes it.
async function passkey(page, tenant, login, password, language) {
  const client = await page.createCDPSession();
  await client.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await client.send('WebAuthn.addVirtualAuthenticator', { options });
  await signIn(page, tenant, login, password, language);
  await open(page, `/${tenant}/passkeys`);
  await send(page, {}, `${language}: passkey without a name`);
  await send(page, { 'passkey-name': 'Chromium', 'current-password': password }, `${language}: passkey begun`);
  await send(page, {}, `${language}: passkey added`);
  arrived(page, 'passkeys?done=add-passkey');
  await signOut(page, tenant, language);

  await open(page, `/${tenant}/sign-in-passkey`);
  await page.evaluate(() => { navigator.credentials.get = () => Promise.reject(new Error('the reader has changed their mind')); });
  await page.click('main button');
  await page.waitForSelector('[data-said="undone"]:not([hidden])');
  await look(page, `${language}: passkey not used`);
  await open(page, `/${tenant}/sign-in-passkey`);
  await send(page, {}, `${language}: signed in by a passkey`);
  arrived(page, `/${tenant}/account`);

  await open(page, `/${tenant}/passkeys`);
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.click('.ways a[href*="remove-passkey"]')]);
  await look(page, `${language}: passkey to remove`);
  await send(page, { 'current-password': password }, `${language}: passkey removed`);
  arrived(page, 'passkeys?done=remove-passkey');
  await signOut(page, tenant, language);
  await open(page, `/${tenant}/sign-in-passkey`);
  await send(page, {}, `${language}: removed passkey`);
  await client.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
  await client.detach();
}

// What somebody is told whose browser has no passkeys.
async function unable(context, tenant, language) {
  const page = await context.newPage();
  await page.evaluateOnNewDocument(() => { delete window.PublicKeyCredential; });
  await open(page, `/${tenant}/sign-in-passkey`, `${language}: no passkeys`);
  const said = await page.$eval('[data-said="unable"]', (element) => !element.hidden);
  if (!said) faults.push(`${language}: nobody says that the browser has no passkeys`);
  await page.close();
}

// A teacher comes in by letter and page, forgets the password, changes the address, and loses the phone.
async function teacher(page, tenant, language) {
  const email = `${language}.${Date.now()}@school.example`;
  await call(tenant, 'accounts', { email, password: PASSWORD, givenName: 'Ana', surname: 'Kos', locale: language });
  let [address, code] = await link(tenant, email, 'verify-email');
  await open(page, `${address}?language=${language}`);
  await send(page, { code, password: PASSWORD }, `${language}: confirmed`);
  arrived(page, 'sign-in?done=verify-email');
  await signIn(page, tenant, email, PASSWORD, language);
  await open(page, `/${tenant}/change-password`);
  await send(page, { 'current-password': 'not it', 'new-password': 'short', 'new-password-again': 'short' },
    `${language}: weak password`);
  let next = 'quattro lune sul lago di notte';
  await send(page, { 'current-password': PASSWORD, 'new-password': next, 'new-password-again': next },
    `${language}: changed`);
  arrived(page, 'account?done=change-password');
  await signOut(page, tenant, language);

  await open(page, `/${tenant}/recover-password`);
  await send(page, { email }, `${language}: recovery asked`);
  [address, code] = await link(tenant, email, 'reset-password');
  await open(page, address);
  next = 'sette stelle sopra il vecchio mulino';
  await send(page, { code, 'new-password': next, 'new-password-again': next }, `${language}: recovered`);
  arrived(page, 'sign-in?done=reset-password');

  const newEmail = `new.${email}`;
  await signIn(page, tenant, email, next, language);
  await open(page, `/${tenant}/change-email`);
  await send(page, { 'new-email': newEmail, password: next }, `${language}: another address asked for`);
  arrived(page, 'confirm-email?done=change-email');
  [address, code] = await link(tenant, newEmail, 'confirm-email');
  await open(page, address);
  await send(page, { code, password: next }, `${language}: new address`);
  arrived(page, 'sign-in?done=confirm-email');
  await signIn(page, tenant, newEmail, next, language);
  await signOut(page, tenant, language);
  await passkey(page, tenant, newEmail, next, language);
  await phoneless(page, tenant, newEmail, next, language);
}

// Somebody who is invited comes in by letter and page.
async function invited(page, tenant, role, language) {
  const known = fs.readFileSync(path.join(data, 'demo-coordinators.txt'), 'utf8').split('\n');
  const [, login, password] = known.find((line) => line.startsWith(`${tenant}  `)).split(/\s+/);
  const email = `${language}.${role.toLowerCase()}.${Date.now()}@people.example`;
  const central = await token(tenant, login, password);
  await call(tenant, 'invitations', { email, role, locale: language }, central);
  const [address, code] = await link(tenant, email, 'accept-invitation');
  await open(page, address);
  const name = `${language} ${tenant} ${role}`;
  await send(page, { code }, `${name}: without a name`);
  await send(page, { code, 'given-name': 'Eva', surname: 'Novak', 'own-password': PASSWORD }, `${name}: accepted`);
  arrived(page, 'sign-in?done=accept-invitation');
  await signIn(page, tenant, email, PASSWORD, name);
  if (role === 'ROLE_INTEGRATOR') await machine(page, tenant, email, central, name);
  await signOut(page, tenant, name);
}

// A technician, who is signed in, makes the token of a machine that a coordinator registers, and acts in a second role.
async function machine(page, tenant, email, central, name) {
  await open(page, `/${tenant}/make-token`, `${name}: no system yet`);
  const accountId = (await call(tenant, 'account', undefined, await token(tenant, email, PASSWORD))).id;
  const system = { accountId, name: 'Open data', purpose: 'A map.', scopes: ['teams.read'] };
  const { id } = await call(tenant, 'integrators', system, central);
  await open(page, `/${tenant}/make-token`);
  await send(page, {}, `${name}: token of nothing`);
  await send(page, { integrator: id, 'valid-days': '30' }, `${name}: secret of the token`);
  const secret = (await once(page))[0];
  await call(tenant, 'integrators:token', { secret });
  await call(tenant, 'mandates', { accountId, role: 'ROLE_JUROR' }, central);
  await open(page, `/${tenant}/switch-role`);
  const [, other] = await page.$$eval('[name=mandate]', (choices) => choices.map((choice) => choice.value));
  await send(page, { mandate: other }, `${name}: another role`);
  arrived(page, 'account?done=switch-role');
}

async function main() {
  const browser = await puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    defaultViewport: { width: 320, height: 640 },
  });
  try {
    await seesWhatIsWrong(browser);
    for (const language of LANGUAGES) {
      // each language in a profile of its own; every second one in the dark
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      const scheme = LANGUAGES.indexOf(language) % 2 ? 'dark' : 'light';
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      page.on('console', (message) => {
        // a form that is wrong is answered with a status of its own, which the console notes
        const text = message.text();
        if (message.type() === 'verbose') return;
        if (!/the server responded with a status of 4\d\d/.test(text)) faults.push(`${page.url()}: ${text}`);
      });
      page.on('request', (request) => {
        if (!request.url().startsWith(url)) faults.push(`${page.url()} asks ${request.url()}`);
      });
      for (const form of FORMS) {
        await open(page, `/it/${form}?language=${language}`);
        await send(page, {}, `${language} ${form}: empty`);
      }
      await open(page, `/it/verify-email`);
      await send(page, { code: 'not a code', password: PASSWORD }, `${language}: wrong code`);
      await open(page, `/it/provider/school?language=${language}`);
      await open(page, `/it-hr/pairs/1?language=${language}`);
      await open(page, `/nowhere/sign-in`, `${language}: not there`);
      await unable(context, 'it', language);
      await teacher(page, 'it', language);
      await invited(page, 'it', 'ROLE_COORDINATOR', language);
      await invited(page, 'it', 'ROLE_JUROR', language);
      await invited(page, 'it', 'ROLE_INTEGRATOR', language);
      await invited(page, 'it-hr', 'ROLE_COORDINATOR', language);
      await context.close();
    }
  } finally {
    await browser.close();
  }
  if (faults.length > 0) {
    console.error(`${faults.length} faults:\n  ${[...new Set(faults)].join('\n  ')}`);
    process.exit(1);
  }
  console.log(`pages in Chromium: ${looked} passed, 0 failed`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
