// A page that is watched: whatever goes wrong in it is kept, with its weight and how much its layout shifted.

/** Bytes of a page with all that it loads, as sent; the stream of events is not counted. */
export const PAGE_BYTES_MAX = 100 * 1024;
/** Layout shift, cumulative: "good" by https://web.dev/articles/cls. */
export const SHIFT_MAX = 0.1;

/** Counts shifts of the layout, and tells of what the Content-Security-Policy refused. Runs before all scripts of a page. */
function witness() {
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifted += e.value;
  }).observe({ type: 'layout-shift', buffered: true });
  document.addEventListener('securitypolicyviolation', (e) => window.refused(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile ?? ''}`));
}

/** Watches all pages of a context; gives the list into which troubles go. */
export async function watch(context, base) {
  const troubles = [];
  const say = (what) => troubles.push(what);
  await context.exposeBinding('probed', (_, n) => say(`a probe ran: ${n}`));
  await context.exposeBinding('refused', (_, what) => say(`Content-Security-Policy refused ${what}`));
  await context.addInitScript(witness);
  context.on('page', (page) => {
    page.sent = 0;
    const at = () => page.url().slice(base.length);
    page.on('dialog', (d) => { say(`${at()}: a dialog: ${d.message()}`); d.dismiss().catch(() => {}); });
    page.on('pageerror', (e) => say(`${at()}: ${e.message}`));
    page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') say(`${at()}: console: ${m.text()} ${m.location().url ?? ''}`); });
    page.on('request', (r) => { if (!r.url().startsWith(base) && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) say(`${at()}: asks elsewhere: ${r.url()}`); });
    page.on('response', (r) => { if (r.status() >= 500) say(`${at()}: ${r.status()} from ${r.url()}`); });
    page.on('requestfinished', async (r) => {
      if (r.resourceType() === 'eventsource') return;
      const sizes = await r.sizes().catch(() => null);
      page.sent += sizes?.responseBodySize ?? 0;
    });
  });
  return troubles;
}

/** Goes to a page of ours: 200, within its weight, with a strict policy. */
export async function open(page, base, path) {
  page.sent = 0;
  const answer = await page.goto(base + path, { waitUntil: 'load' });
  if (answer.status() !== 200) throw new Error(`${path}: ${answer.status()}`);
  const policy = answer.headers()['content-security-policy'] ?? '';
  for (const word of ['unsafe-inline', 'unsafe-eval', 'http:', 'https:']) {
    if (policy.includes(word)) throw new Error(`${path}: the policy allows ${word}: ${policy}`);
  }
  if (!policy.includes("default-src 'none'") && !policy.includes("default-src 'self'")) throw new Error(`${path}: no strict policy: ${policy || 'none'}`);
  await page.waitForTimeout(50);
  if (page.sent > PAGE_BYTES_MAX) throw new Error(`${path}: ${page.sent} bytes, more than ${PAGE_BYTES_MAX}`);
  return answer;
}

/** No element of a probe is there; no link would run one. */
export async function harmless(page) {
  const found = await page.evaluate(() => {
    const bad = [...document.querySelectorAll('.probe')].map((e) => e.outerHTML);
    for (const e of document.querySelectorAll('[href],[src],[action],[formaction]')) {
      for (const a of ['href', 'src', 'action', 'formaction']) {
        if (/^\s*(javascript|data|vbscript):/i.test(e.getAttribute(a) ?? '')) bad.push(e.outerHTML);
      }
    }
    for (const e of document.querySelectorAll('*')) for (const a of e.attributes) if (a.name.startsWith('on') || a.name === 'style') bad.push(e.outerHTML);
    return bad.map((h) => h.slice(0, 200));
  });
  if (found.length) throw new Error(`${page.url()}: markup of a probe, or script or style of an element: ${found[0]} (${found.length})`);
}
