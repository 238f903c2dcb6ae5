// What people do on the pages, one scenario after the other; each says what it holds. Started by `run`.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { FAILURES, FAULTS, aDay, event, failed, thrown } from './feed.mjs';
import * as hostile from './hostile.mjs';
import { SHIFT_MAX, harmless, open, watch } from './watched.mjs';

const { BASE, LINK, MODULES, CHROMIUM, SHOTS, ONLY } = process.env;
const require = createRequire(path.join(MODULES, 'x.js'));
const { chromium } = require('playwright-core');
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const ROOT = path.resolve(fileURLToPath(new URL('.', import.meta.url)), '../..');

/** What the pages are found by: the one place to change when they do. */
const S = {
  row: 'table.problems tr[data-problem]',
  rowOf: (id) => `table.problems tr[data-problem="${id}"]`,
  here: 'table.problems tr.here',
  title: 'a.title', state: '.state', class: '.class', count: '.count', pick: 'input[name=id]',
  bulk: (what) => `button[name=do][value=${what}]`,
  search: 'input[name=q]', help: 'dialog[open]',
  act: (what) => `form[action$="/${what}"] button`,
  note: 'form[action$="/notes"] [name=text]', assignee: 'form[action$="/assign"] [name=to]',
  evidence: 'ol.evidence li', way: 'figure.way-of-request svg', timeline: 'figure.timeline svg', copy: '[data-copy]', curl: 'pre.curl',
  explain: 'form#explain', file: 'form#explain input[type=file]', paste: 'form#explain textarea[name=text]',
  explainSend: 'form#explain button', report: '#report',
  next: 'a[rel=next]', wayLinks: 'nav.ways a', newProject: 'form[action="/setup/projects"]', green: '#waiting .green',
};
/** The list shows what is open, unless asked. */
const ALL = '/problems?state=all';
const PAGES = {
  problems: '/problems', service: '/service', setup: '/setup', explain: '/explain', learn: '/learn',
  cause: '/learn/database/connection-refused', status: '/learn/status/500',
};
const NAME = 'ada', PASSWORD = 'correct horse battery staple';
/** From a failure's arrival to its row on the page; the promise is a second, on a quiet machine. */
const LIVE_MS = 5000;
/** For what is on a page: it is there at once, or never. */
const WAIT_MS = 8000;

const LIVE = { type: 'IndexError', message: 'list index out of range', file: 'shop/live.py', name: 'live', route: '/live' };

let browser, done = false;
const contexts = [];

function check(fine, what) {
  if (!fine) throw new Error(what);
}

/** Waits until something holds. */
async function until(what, holds, ms = LIVE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await holds().catch(() => false);
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((r) => setTimeout(r, 50));
  }
}

/** A watched context, signed in where a state is given. */
async function context(options = {}) {
  const c = await browser.newContext({ baseURL: BASE, viewport: { width: 1280, height: 800 }, ...options });
  c.setDefaultTimeout(WAIT_MS);
  c.troubles = await watch(c, BASE);
  contexts.push(c);
  return c;
}

/** What an admin's page asks of the API. */
async function api(c, path, body) {
  const headers = { Origin: BASE };
  const answer = body === undefined ? await c.request.get(path, { headers }) : await c.request.post(path, { headers: { ...headers, 'Content-Type': 'application/json' }, data: body });
  check(answer.ok(), `${path}: ${answer.status()} ${(await answer.text()).slice(0, 200)}`);
  return answer.json();
}

async function problems(c) {
  return (await api(c, '/api/v1/problems?limit=500')).problems;
}

/** The problem whose title or culprit holds a word. */
async function problem(c, word) {
  return (await problems(c)).find((p) => JSON.stringify(p).includes(word));
}

/** The addresses of all rows, page after page. */
async function everyRow(page, at) {
  const found = [];
  for (let next = at; next;) {
    await open(page, BASE, next);
    await harmless(page);
    found.push(...await page.locator(S.row).evaluateAll((all, title) => all.map((r) => r.querySelector(title).getAttribute('href')), S.title));
    next = await page.locator(S.next).count() ? await page.locator(S.next).getAttribute('href') : null;
  }
  return found;
}

/** Leads from the list to a problem's page. */
async function openProblem(page, p) {
  await open(page, BASE, `${ALL}&q=${p.id}`);
  await open(page, BASE, await link(page, p));
}

const link = async (page, p) => page.locator(S.rowOf(p.id)).locator(S.title).getAttribute('href');

/** Pixels that a page is wider than its window, and what is. */
const beyond = (page) => page.evaluate(() => {
  const width = document.documentElement.clientWidth, by = document.documentElement.scrollWidth - width;
  const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > width + 1);
  return by > 1 ? `${by} pixels beyond the right edge: ${wide.slice(0, 3).map((e) => `${e.tagName.toLowerCase()}.${e.className}`).join(', ')}` : null;
});

/** The rules that are broken, with where. */
async function accessible(page, what) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'] }));
  return found.violations.map((v) => `${what}: ${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.any?.[0]?.message ?? ''}`).join('; ')}`);
}

const scenarios = {
  async 'sign in by the link of the first start'(t) {
    const page = await t.admin.newPage();
    await page.goto(LINK);
    await page.fill('input[name=name]', NAME);
    await page.fill('input[name=password]', PASSWORD);
    await page.click('button');
    await page.waitForLoadState();
    const me = await t.admin.request.get('/problems', { maxRedirects: 0 });
    check(me.status() === 200, `/problems answers ${me.status()} after the signing in`);
    // What the navigation names has to be there.
    await page.goto(`${BASE}${PAGES.problems}`);
    for (const [name, at] of [['alerts', '/alerts']]) {
      if (await page.locator(`nav a[href="${at}"]`).count()) PAGES[name] = at;
      else t.note(`no ${at} yet: not looked at`);
    }
    const stranger = await context();
    const other = await stranger.newPage();
    await other.goto(`${BASE}/problems`);
    check(/login|sign-in/.test(other.url()) || (await other.locator('input[name=password]').count()) > 0, `who is not signed in sees ${other.url()}`);
    await other.goto(`${BASE}/login`);
    await other.fill('input[name=name]', NAME);
    await other.fill('input[name=password]', PASSWORD);
    await other.click('button');
    await other.goto(`${BASE}/`);
    await other.waitForURL('**/problems');
    stranger.troubles.length = 0; // The first answer was 401, which the console tells.
  },

  async 'a day of failures becomes a list'(t) {
    await aDay();
    const sum = (list) => list.reduce((n, p) => n + p.count, 0);
    await until(`${FAILURES} failures are counted`, async () => sum(await problems(t.admin)) === FAILURES, 15_000);
    const known = await problems(t.admin);
    check(known.length === FAULTS.length + 1, `${known.length} problems of ${FAULTS.length + 1} causes`);
    const page = await t.admin.newPage();
    await open(page, BASE, PAGES.problems);
    const rows = await page.locator(S.row).count();
    check(rows === known.filter((p) => p.count > 0).length, `${rows} rows, ${known.length} problems`);
    for (const p of known) {
      const row = page.locator(S.rowOf(p.id));
      check((await row.locator(S.title).innerText()).trim().length > 3, `${p.id}: no title`);
      check((await row.locator(S.class).innerText()).toLowerCase().includes(p.verdict.class), `${p.id}: class ${await row.locator(S.class).innerText()}, not ${p.verdict.class}`);
      check((await row.locator(S.count).innerText()).replace(/\D/g, '').includes(String(p.count)), `${p.id}: count ${await row.locator(S.count).innerText()}, not ${p.count}`);
    }
    await harmless(page);
  },

  async 'a failure appears by itself, and nothing jumps'(t) {
    const page = await t.admin.newPage();
    await open(page, BASE, PAGES.problems);
    await page.evaluate(() => { window.same = true; });
    const before = await page.locator(S.row).count();
    const began = Date.now();
    await failed(LIVE);
    const p = await until('the API knows it', () => problem(t.admin, 'live.py'));
    await page.locator(S.rowOf(p.id)).waitFor({ timeout: LIVE_MS });
    t.note(`${Date.now() - began} ms from the envelope to the row`);
    check(await page.evaluate(() => window.same), 'the page was loaded anew');
    check((await page.locator(S.row).count()) === before + 1, 'more than one row is new');
    await failed(LIVE);
    await until('the count in the row is 2', async () => (await page.locator(S.rowOf(p.id)).locator(S.count).innerText()).includes('2'));
    const shifted = await page.evaluate(() => window.shifted);
    check(shifted < SHIFT_MAX, `the layout shifted by ${shifted}`);
  },

  async 'instants are shown by the reader\'s clock, where that is asked for'(t) {
    const page = await t.admin.newPage();
    const cdp = await t.admin.newCDPSession(page);
    await cdp.send('Emulation.setTimezoneOverride', { timezoneId: 'Asia/Kolkata' });
    const p = await problem(t.admin, 'profile.py');
    await openProblem(page, p);
    const when = page.locator('time.when').first();
    const utc = await when.innerText();
    const zone = page.locator('button.zone');
    const shows = async (offset, what) => {
      const shown = Date.parse(`${(await when.innerText()).replace(' ', 'T')}${offset}`);
      check(shown === Date.parse(`${utc.replace(' ', 'T')}Z`), `${what}: ${await when.innerText()} is not ${utc} UTC`);
    };
    await zone.click();
    await shows('+05:30', 'after the click');
    await page.reload();
    await shows('+05:30', 'on the next page');
    check((await page.locator('span.zone').innerText()).startsWith('Asia/'), 'the zone is not named');
    await failed(LIVE);
    await page.waitForTimeout(1000);
    await shows('+05:30', 'after what is live was put in place');
    await zone.click();
    check((await when.innerText()) === utc, 'UTC does not come back');
  },

  async 'a problem tells why, since when, where, and how to see it again'(t) {
    const page = await t.admin.newPage();
    await t.admin.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: BASE });
    await open(page, BASE, PAGES.problems);
    const p = await problem(t.admin, 'profile.py');
    await page.locator(S.rowOf(p.id)).locator(S.title).click();
    await page.waitForURL(`**/problems/**${p.id}`);
    check((await page.locator('h1').count()) === 1, 'there is not one h1');
    for (const name of ['evidence', 'way', 'timeline', 'curl']) check((await page.locator(S[name]).count()) > 0, `no ${S[name]}`);
    check((await page.locator(S.curl).first().innerText()).includes('curl'), 'pre.curl holds no curl');
    const text = await page.locator('main, body').first().innerText();
    check(text.includes('profile.py'), 'the culprit is not told');
    await page.locator(S.copy).first().click();
    const copied = await until('the clipboard holds Markdown', () => page.evaluate(() => navigator.clipboard.readText()));
    check(copied.includes('profile.py'), `copied: ${copied.slice(0, 100)}`);
    await page.locator(S.note).fill('Seen; Grace looks at it.');
    await page.locator(S.act('notes')).first().click();
    await page.getByText('Seen; Grace looks at it.').first().waitFor();
    await harmless(page);
  },

  async 'filter, search and sort make addresses that can be shared'(t) {
    const page = await t.admin.newPage();
    await open(page, BASE, `${PAGES.problems}?class=database`);
    const classes = await page.locator(`${S.row} ${S.class}`).allInnerTexts();
    check(classes.length > 0 && classes.every((c) => c.toLowerCase().includes('database')), `class=database shows ${classes}`);
    await open(page, BASE, PAGES.problems);
    const all = await page.locator(S.row).count();
    await page.fill(S.search, 'profile');
    await page.press(S.search, 'Enter');
    await page.waitForURL(/[?&]q=profile/);
    const found = await until('fewer rows', async () => { const n = await page.locator(S.row).count(); return n > 0 && n < all && n; });
    const other = await (await context({ storageState: await t.admin.storageState() })).newPage();
    await open(other, BASE, page.url().slice(BASE.length));
    check((await other.locator(S.row).count()) === found, 'the same address shows other rows elsewhere');
    await open(page, BASE, `${PAGES.problems}?sort=count`);
    const counts = (await page.locator(`${S.row} ${S.count}`).allInnerTexts()).map((c) => Number(c.replace(/\D/g, '')));
    check(counts.every((n, i) => i === 0 || counts[i - 1] >= n), `sort=count gives ${counts}`);
    await open(page, BASE, `${PAGES.problems}?q=nobody-ever-wrote-this`);
    check((await page.locator(S.row).count()) === 0, 'a word that is nowhere finds rows');
  },

  async 'resolve, and it comes again: regressed'(t) {
    const page = await t.admin.newPage();
    const fault = FAULTS[0];
    const p = await problem(t.admin, 'orders.py');
    await openProblem(page, p);
    await page.locator(S.act('resolve')).first().click();
    await until('the API says resolved', async () => (await problem(t.admin, 'orders.py')).state === 'resolved');
    const list = await t.admin.newPage();
    await open(list, BASE, `${PAGES.problems}?q=${encodeURIComponent(fault.type)}`);
    await failed({ ...fault, release: 'shop@1.5.0' });
    await until('the API says regressed', async () => (await problem(t.admin, 'orders.py')).state === 'regressed');
    await until('the row says regressed by itself', async () => (await list.locator(S.rowOf(p.id)).locator(S.state).innerText()).toLowerCase().includes('regress'));
  },

  async 'mute and reopen'(t) {
    const page = await t.admin.newPage();
    const p = await problem(t.admin, 'stats.py');
    await openProblem(page, p);
    const at = page.url().slice(BASE.length);
    await page.locator(S.act('mute')).first().click();
    await until('the API says muted', async () => (await problem(t.admin, 'stats.py')).state === 'muted');
    await open(page, BASE, at);
    await page.locator(S.act('reopen')).first().click();
    await until('the API says it is open', async () => !['muted', 'resolved'].includes((await problem(t.admin, 'stats.py')).state));
  },

  async 'several at once'(t) {
    const page = await t.admin.newPage();
    await open(page, BASE, PAGES.problems);
    const two = [await problem(t.admin, 'export.py'), await problem(t.admin, 'rates.internal')].map((p) => p ?? {});
    for (const p of two) await page.locator(S.rowOf(p.id)).locator(S.pick).check();
    await page.locator(S.bulk('resolve')).first().click();
    await until('both are resolved', async () => (await problems(t.admin)).filter((p) => two.some((x) => x.id === p.id) && p.state === 'resolved').length === 2);
    await open(page, BASE, `${PAGES.problems}?state=resolved`);
    for (const p of two) await page.locator(S.rowOf(p.id)).locator(S.pick).check();
    await page.locator(S.bulk('reopen')).first().click();
    await until('both are open', async () => (await problems(t.admin)).filter((p) => two.some((x) => x.id === p.id) && p.state !== 'resolved').length === 2);
  },

  async 'keys alone'(t) {
    const page = await t.admin.newPage();
    await open(page, BASE, PAGES.problems);
    const key = (k) => page.keyboard.press(k);
    const here = () => page.locator(S.here).getAttribute('data-problem');
    await key('j');
    const first = await here();
    await key('j');
    check((await here()) !== first, 'j does not move on');
    await key('k');
    check((await here()) === first, 'k does not move back');
    await key('?');
    await page.locator(S.help).waitFor();
    await key('Escape');
    await page.locator(S.help).waitFor({ state: 'detached' }).catch(() => page.locator(S.help).waitFor({ state: 'hidden' }));
    await key('/');
    check(await page.locator(S.search).evaluate((e) => e === document.activeElement), '/ does not go to the search');
    await page.keyboard.type('je');
    check((await page.locator(S.search).inputValue()).includes('je'), 'letters typed into the search are taken as commands');
    await open(page, BASE, PAGES.problems);
    const p = await problem(t.admin, 'export.py');
    for (let i = 0; i < 50 && (await here().catch(() => null)) !== p.id; i++) await key('j');
    const again = page.waitForEvent('load');
    await key('e');
    await again;
    await until('e resolves', async () => (await problem(t.admin, 'export.py')).state === 'resolved');
    await open(page, BASE, `${PAGES.problems}?q=stats`);
    await key('j');
    const muted = page.waitForEvent('load');
    await key('m');
    await muted;
    await until('m mutes', async () => (await problem(t.admin, 'stats.py')).state === 'muted');
    await open(page, BASE, PAGES.problems);
    await key('j');
    const one = await here();
    await key('Enter');
    await page.waitForURL(`**/problems/**${one}`);
    // The tabulator comes to the first title, and what has the focus is seen to have it.
    await open(page, BASE, PAGES.problems);
    let reached = false;
    for (let i = 0; i < 80 && !reached; i++) {
      await key('Tab');
      const seen = await page.evaluate(() => {
        const e = document.activeElement, s = getComputedStyle(e);
        if (e === document.body) return { ring: true };
        return { title: e.matches('a.title'), ring: (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none', what: e.outerHTML.slice(0, 80) };
      });
      check(seen.ring, `nothing shows that it has the focus: ${seen.what}`);
      reached = seen.title;
    }
    check(reached, 'the tabulator does not come to a title');
    await key('Enter');
    await page.waitForURL('**/problems/**');
  },

  async 'no script at all'(t) {
    const plain = await context({ javaScriptEnabled: false, storageState: await t.admin.storageState() });
    const page = await plain.newPage();
    await page.goto(`${BASE}${PAGES.problems}`);
    const p = await problem(t.admin, 'profile.py');
    await page.fill(S.search, 'profile');
    await page.press(S.search, 'Enter');
    await page.waitForURL(/[?&]q=profile/);
    await page.locator(S.rowOf(p.id)).locator(S.title).click();
    check((await page.locator('h1').count()) === 1, 'no problem page');
    check((await page.locator(S.evidence).count()) > 0, 'no evidence');
    check((await page.locator(S.way).count()) > 0, 'no diagram');
    await page.locator(S.act('resolve')).first().click();
    await until('resolved', async () => (await problem(t.admin, 'profile.py')).state === 'resolved');
    await page.goto(`${BASE}${PAGES.problems}?state=resolved`);
    await page.locator(S.rowOf(p.id)).locator(S.pick).check();
    await page.locator(S.bulk('reopen')).first().click();
    await until('open again', async () => (await problem(t.admin, 'profile.py')).state !== 'resolved');
    await page.goto(`${BASE}${PAGES.explain}`);
    await page.fill(S.paste, fs.readFileSync(path.join(ROOT, 'examples/checkout-502/logs/gateway.log'), 'utf8'));
    await page.locator(S.explainSend).first().click();
    await page.locator(S.report).waitFor();
    check((await page.locator(S.report).innerText()).length > 100, 'no report of what was pasted');
  },

  async 'drop a log, read the report, nothing is kept'(t) {
    const before = await problems(t.admin);
    const logs = fs.readdirSync(path.join(ROOT, 'examples/checkout-502/logs')).map((f) => path.join(ROOT, 'examples/checkout-502/logs', f));
    const page = await t.admin.newPage();
    await open(page, BASE, PAGES.explain);
    await page.setInputFiles(S.file, logs);
    if ((await page.locator(S.report).innerText().catch(() => '')).length < 100) await page.locator(S.explainSend).first().click().catch(() => {});
    await until('the report names the cause', async () => (await page.locator(S.report).innerText()).includes('charge_attempts'), 15_000);
    await harmless(page);
    await page.screenshot({ path: path.join(SHOTS, 'report-1280-light.png'), fullPage: true });
    await open(page, BASE, PAGES.explain);
    const dropped = await page.evaluateHandle((files) => {
      const all = new DataTransfer();
      for (const [name, text] of files) all.items.add(new File([text], name, { type: 'text/plain' }));
      return all;
    }, logs.map((f) => [path.basename(f), fs.readFileSync(f, 'utf8')]));
    for (const kind of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent(S.explain, kind, { dataTransfer: dropped });
    await until('the report of what was dropped', async () => (await page.locator(S.report).innerText()).includes('charge_attempts'), 15_000);
    const after = await problems(t.admin);
    check(after.length === before.length, `${after.length - before.length} problems were kept of what was only to be explained`);
  },

  async 'set-up shows the lines with this server in them, and sees the first event'(t) {
    const page = await t.admin.newPage();
    await open(page, BASE, PAGES.setup);
    const text = await page.locator('body').innerText();
    check(text.includes(process.env.DSN) || (await page.content()).includes(process.env.DSN), 'the DSN is not there');
    const ways = await page.locator(S.wayLinks).evaluateAll((all) => all.map((a) => a.getAttribute('href')));
    check(ways.length > 30, `${ways.length} ways to send`);
    for (const at of ways) {
      await open(page, BASE, at.split('#')[0]);
      const left = (await page.content()).match(/(?<![%{$])\{[a-z_]+\}/);
      check(!left, `${at}: ${left?.[0]} is not replaced`);
      await harmless(page);
    }
    await open(page, BASE, PAGES.setup);
    await page.locator(S.newProject).locator('input').first().fill('billing');
    await page.locator(S.newProject).locator('button').click();
    await page.waitForURL(/project=\d+/);
    const project = new URL(page.url()).searchParams.get('project');
    check(await page.locator(S.green).count() === 0, 'a new project has had an event');
    const { keys } = await api(t.admin, `/api/v1/projects/${project}/keys`);
    await event(thrown(FAULTS[2]), { project, with: keys[0].key });
    await page.locator(S.green).waitFor();
  },

  async 'every page, every width, both schemes: no violation, nothing beyond the edge'(t) {
    const bad = [];
    const listed = await problems(t.admin);
    const best = listed.find((p) => JSON.stringify(p).includes('127.0.0.1:3000')) ?? listed[0];
    const look = await t.admin.newPage();
    await open(look, BASE, `${PAGES.problems}?q=`);
    const pages = { ...PAGES, problem: await link(look, best), none: `${PAGES.problems}?q=nobody-ever-wrote-this` };
    const state = await t.admin.storageState();
    for (const scheme of ['light', 'dark']) {
      for (const [width, height, zoom] of [[390, 844, 1], [1280, 800, 1], [1920, 1080, 1], [640, 400, 2], [320, 640, 1]]) {
        const c = await context({ storageState: state, colorScheme: scheme, viewport: { width, height }, deviceScaleFactor: zoom, reducedMotion: 'reduce' });
        const page = await c.newPage();
        for (const [name, at] of Object.entries(pages)) {
          const what = `${name} at ${width} ${scheme}${zoom > 1 ? ', 200 %' : ''}`;
          try {
            await open(page, BASE, at);
          } catch (e) {
            bad.push(`${what}: ${e.message}`);
            continue;
          }
          const wide = await beyond(page);
          if (wide) bad.push(`${what}: ${wide}`);
          const shifted = await page.evaluate(() => window.shifted);
          if (shifted >= SHIFT_MAX) bad.push(`${what}: the layout shifted by ${shifted}`);
          if (width !== 320) {
            await page.screenshot({ path: path.join(SHOTS, `${name}-${zoom > 1 ? '1280-200%' : width}-${scheme}.png`), fullPage: true });
            // The window was as high as the page meanwhile: shrinking again moves the foot of a page, of the next one if it is there by then.
            await page.waitForFunction((h) => innerHeight === h, height);
            await page.evaluate(() => new Promise((r) => { requestAnimationFrame(() => requestAnimationFrame(r)); }));
          }
          if (width !== 1920) bad.push(...await accessible(page, what));
        }
        bad.push(...c.troubles.splice(0));
        await c.close();
      }
    }
    check(!bad.length, `${bad.length} faults\n    ${[...new Set(bad)].join('\n    ')}`);
  },

  async 'a script that comes late moves nothing'(t) {
    const c = await context({ storageState: await t.admin.storageState(), viewport: { width: 390, height: 844 } });
    const page = await c.newPage();
    await page.route('**/assets/why500.js', async (route) => {
      await new Promise((r) => setTimeout(r, 400));
      await route.continue();
    });
    const bad = [];
    for (const [name, at] of Object.entries({ ...PAGES, none: `${PAGES.problems}?q=nobody-ever-wrote-this` })) {
      await open(page, BASE, at);
      const shifted = await page.evaluate(() => window.shifted);
      if (shifted >= SHIFT_MAX / 10) bad.push(`${name}: the layout shifted by ${shifted}`);
    }
    bad.push(...c.troubles.splice(0));
    await c.close();
    check(!bad.length, bad.join('\n    '));
  },

  async 'hostile strings everywhere: nothing runs, all is shown as it is'(t) {
    await hostile.everywhere();
    const probes = hostile.PROBES;
    await api(t.admin, '/api/v1/deploys', { release: probes[0], environment: probes[1], service: probes[2] }).catch((e) => t.note(`no such deploy: ${e.message.slice(0, 100)}`));
    for (const p of probes) {
      await api(t.admin, '/api/v1/projects', { name: p.slice(0, 100) }).catch((e) => t.note(`no such project: ${e.message.slice(0, 100)}`));
    }
    await until('the problems of the probes', async () => (await problems(t.admin)).filter((p) => JSON.stringify(p).includes('robe')).length >= probes.length, 20_000);
    await new Promise((r) => setTimeout(r, 1500));
    const page = await t.admin.newPage();
    const list = await problems(t.admin);
    for (const p of list.slice(0, 10)) {
      await api(t.admin, `/api/v1/problems/${p.id}/notes`, { text: probes[0] + probes[1] });
      await api(t.admin, `/api/v1/problems/${p.id}/assign`, { to: probes[3] }).catch(() => {});
    }
    const look = async (at) => { await open(page, BASE, at); await page.waitForTimeout(30); await harmless(page); };
    const rows = await everyRow(page, ALL);
    check(rows.length === list.filter((p) => p.count > 0).length, `${rows.length} rows of ${list.length} problems`);
    let as_it_is = 0;
    for (const at of rows) {
      await look(at);
      const text = await page.locator('body').innerText();
      if (probes.some((p) => text.includes(hostile.shown(p).slice(0, 25).trimEnd()))) as_it_is++;
    }
    t.note(`${rows.length} problems looked at, ${as_it_is} show a probe as text`);
    check(as_it_is >= probes.length, 'the probes are not shown as text');
    for (const at of Object.values(PAGES)) await look(at);
    // Long words of strangers push nothing out of a phone's window.
    await page.setViewportSize({ width: 390, height: 844 });
    for (const at of [...Object.values(PAGES), ...rows.slice(0, 12)]) {
      await look(at);
      const wide = await beyond(page);
      check(!wide, `${at} at 390: ${wide}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    for (const p of probes) {
      for (const name of ['q', 'route', 'release', 'environment', 'project', 'sort', 'range', 'state', 'class', 'after']) {
        const answer = await page.goto(`${BASE}${PAGES.problems}?${name}=${encodeURIComponent(p)}`);
        check(answer.status() < 500, `${name}=${p}: ${answer.status()}`);
        await harmless(page);
      }
    }
    for (const id of (await api(t.admin, '/api/v1/projects')).projects.map((p) => p.id)) await look(`${PAGES.setup}?project=${id}`);
    await open(page, BASE, PAGES.explain);
    await page.setInputFiles(S.file, probes.map((p, i) => ({ name: `${p.replaceAll('/', '').slice(0, 60)}${i}.log`, mimeType: 'text/plain', buffer: Buffer.from(`Traceback (most recent call last):\n  File "/srv/${p}", line 1, in ${p}\nValueError: ${p}\n[error] GET /${p} 500 ${p}\n`) })));
    await page.locator(S.explainSend).first().click().catch(() => {});
    await page.waitForTimeout(1500);
    await harmless(page);
    // Live rows are made by script.
    await open(page, BASE, PAGES.problems);
    for (const [i, p] of probes.entries()) await event(thrown({ type: `Live${i} ${p}`, message: p, file: `shop/${p}.py`, name: p, route: `/${p}`, release: p }));
    await page.waitForTimeout(2500);
    await harmless(page);
    // What a 4xx of a hostile query says in the console is no trouble of the page's.
    t.admin.troubles.splice(0, t.admin.troubles.length, ...t.admin.troubles.filter((x) => !/status of 4\d\d/.test(x)));
  },
};

async function main() {
  fs.mkdirSync(SHOTS, { recursive: true });
  try {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])] });
    browser.on('disconnected', () => { if (!done) console.log('Chromium ended by itself'); });
  } catch (e) {
    console.log(`tests/browser: ${CHROMIUM} does not start: ${e.message.split('\n')[0]}`);
    return 2;
  }
  console.log(`Chromium ${browser.version()}`);
  const admin = await context();
  let bad = 0;
  const names = Object.keys(scenarios).filter((n, i) => i < 2 || n.includes(ONLY));
  for (const name of names) {
    const notes = [];
    const began = Date.now();
    let why = null;
    try {
      await scenarios[name]({ admin, note: (n) => notes.push(n) });
    } catch (e) {
      why = e.message;
    }
    const troubles = [...new Set(contexts.flatMap((c) => c.troubles.splice(0)))];
    if (!why && troubles.length) why = `${troubles.length} troubles\n    ${troubles.slice(0, 20).join('\n    ')}`;
    else if (troubles.length) why += `\n    besides: ${troubles.slice(0, 5).join('\n    ')}`;
    for (const page of admin.pages()) await page.close();
    if (why) bad++;
    console.log(`${why ? 'BAD ' : 'good'} ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)${notes.map((n) => `\n    ${n}`).join('')}${why ? `\n    ${why}` : ''}`);
  }
  done = true;
  await browser.close();
  console.log(`${names.length - bad} passed, ${bad} failed`);
  return bad ? 1 : 0;
}

process.exitCode = await main();
