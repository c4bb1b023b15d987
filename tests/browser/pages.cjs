// Looks at the pages of the portal in Chromium. See `scripts/browser --help`.
//
//   node pages.cjs CHROMIUM URL DATA

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const puppeteer = require('puppeteer-core');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const LANGUAGES = ['ca', 'el', 'en', 'es', 'hr', 'it', 'sl'];
const FORMS = [
  'verify-email', 'resend-verification', 'sign-in', 'redeem', 'recover-password', 'reset-password', 'confirm-email', 'restore-email',
  'accept-invitation',
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
    scripts: document.scripts.length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    styled: getComputedStyle(document.querySelector('main')).maxWidth !== 'none',
    focused: document.activeElement.className || document.activeElement.id,
    faults: document.querySelectorAll('.faults').length,
    small: [...document.querySelectorAll('nav a, .ways a, button, input')]
      .map((element) => element.getBoundingClientRect())
      .filter((box) => box.width < 24 || box.height < 24).length,
  }));
  if (seen.scripts > 0) faults.push(`${name}: has a script`);
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
    await page.$eval(`#${field}`, (input, text) => { input.value = text; }, value);
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

// The plain text of the newest letter to an address, once it is there.
async function letter(tenant, to) {
  const folder = path.join(data, 'mail', tenant);
  for (let tries = 0; tries < 300; tries += 1) {
    const files = fs.existsSync(folder) ? fs.readdirSync(folder).sort().reverse() : [];
    const found = files.map((file) => fs.readFileSync(path.join(folder, file), 'utf8')).find((text) => text.includes(`To: ${to}`));
    if (found) return plain(found);
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no letter to ${to}`);
}

// A teacher comes in by letter and page.
async function teacher(page, tenant, language) {
  const email = `${language}.${Date.now()}@school.example`;
  const form = { email, password: PASSWORD, givenName: 'Ana', surname: 'Kos', locale: language };
  const answer = await fetch(`${url}/${tenant}/v1/accounts`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(form),
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  const [, link, code] = /https?:\/\/[^/]+(\/\S+)#([A-Za-z0-9_-]{43})/.exec(await letter(tenant, email));
  await open(page, `${link}?language=${language}`);
  await send(page, { code }, `${language}: confirmed`);
  arrived(page, 'sign-in?done=verify-email');
  await send(page, { login: email, password: PASSWORD }, `${language}: account`);
  arrived(page, 'account');
  await open(page, `/${tenant}/change-password`);
  await send(page, { 'current-password': 'not it', 'new-password': 'short', 'new-password-again': 'short' },
    `${language}: weak password`);
  const next = 'quattro lune sul lago di notte';
  await send(page, { 'current-password': PASSWORD, 'new-password': next, 'new-password-again': next },
    `${language}: changed`);
  arrived(page, 'account?done=change-password');
  await open(page, `/${tenant}/sign-out`);
  await send(page, {}, `${language}: signed out`);
  arrived(page, 'sign-in?done=sign-out');
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
      await send(page, { code: 'not a code' }, `${language}: wrong code`);
      await open(page, `/it-hr/pairs/1?language=${language}`);
      await open(page, `/nowhere/sign-in`, `${language}: not there`);
      await teacher(page, 'it', language);
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
