// What goes into the server, as real bytes of its wires: failures with a cause, healthy requests, deploys.
import { randomUUID } from 'node:crypto';

const { BASE, DSN } = process.env;
const HOUR_MS = 3_600_000;

export const key = () => new URL(DSN).username;

/** Posts a body; throws where it is not taken in. */
export async function post(path, body, headers = {}) {
  const answer = await fetch(BASE + path, { method: 'POST', body, headers });
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return answer;
}

/** An event of a Sentry SDK in its envelope (https://develop.sentry.dev/sdk/data-model/envelopes/). */
export async function event(said, { project = new URL(DSN).pathname.slice(1), with: own = key() } = {}) {
  const id = randomUUID().replaceAll('-', '');
  const whole = { event_id: id, timestamp: Date.now() / 1000, platform: 'python', level: 'error', ...said };
  const lines = [{ event_id: id, dsn: DSN, sdk: { name: 'sentry.python.flask', version: '2.75.0' } }, { type: 'event' }, whole];
  await post(`/api/${project}/envelope/`, lines.map((l) => JSON.stringify(l)).join('\n') + '\n', {
    'Content-Type': 'application/x-sentry-envelope',
    'X-Sentry-Auth': `Sentry sentry_version=7, sentry_key=${own}, sentry_client=sentry.python/2.75.0`,
  });
}

/** An exception that nothing caught in a request. `at`: milliseconds before now. */
export function thrown({ type, message, file, name, line = 88, route, path = route, release = 'shop@1.4.0', at = 0, id = randomUUID() }) {
  return {
    timestamp: (Date.now() - at) / 1000,
    release,
    environment: 'production',
    server_name: 'web-1',
    transaction: route,
    logger: 'shop',
    exception: {
      values: [{
        type, value: message, mechanism: { type: 'flask', handled: false },
        stacktrace: { frames: [
          { filename: 'flask/app.py', abs_path: '/usr/lib/python3/flask/app.py', function: 'dispatch_request', lineno: 1800, in_app: false },
          { filename: file, abs_path: `/srv/shop/${file}`, function: name, lineno: line, in_app: true, context_line: `    return order.total()` },
        ] },
      }],
    },
    request: { url: `http://shop.example${path}`, method: 'GET', headers: { Host: 'shop.example', 'User-Agent': 'curl/8.5.0', 'X-Request-Id': id } },
    breadcrumbs: { values: [{ timestamp: (Date.now() - at) / 1000 - 1, category: 'query', message: 'SELECT * FROM orders' }] },
    tags: { region: 'eu' },
  };
}

/** Lines of a log, as they are. */
export const lines = (text, service = 'gateway') =>
  post(`/api/v1/ingest?service=${encodeURIComponent(service)}`, text, { Authorization: `Bearer ${key()}` });

const two = (n) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A line of nginx's access log, so many milliseconds ago. */
export function access({ method = 'GET', path, status, at = 0, upstream = '127.0.0.1:3000', agent = 'curl/8.5.0', id = randomUUID() }) {
  const d = new Date(Date.now() - at);
  const time = `${two(d.getUTCDate())}/${MONTHS[d.getUTCMonth()]}/${d.getUTCFullYear()}:${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())} +0000`;
  return `198.51.100.7 - - [${time}] "${method} ${path} HTTP/1.1" ${status} 157 "-" "${agent}" rt=0.012 us="${status}" uaddr="${upstream}" rid=${id} host=shop.example\n`;
}

/** A line of nginx's error log. */
export function error({ path, says, at = 0, upstream = 'http://127.0.0.1:3000' }) {
  const d = new Date(Date.now() - at);
  const time = `${d.getUTCFullYear()}/${two(d.getUTCMonth() + 1)}/${two(d.getUTCDate())} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
  return `${time} [error] 731#731: *4021 ${says}, client: 198.51.100.7, server: shop.example, request: "GET ${path} HTTP/1.1", upstream: "${upstream}${path}", host: "shop.example"\n`;
}

/** A request that failed, as the SDK and the proxy before it tell of it, with one id. */
export async function failed(fault) {
  const one = { ...fault, id: randomUUID() };
  await event(thrown(one));
  await lines(access({ path: one.path ?? one.route, status: 500, at: one.at, id: one.id }));
}

export const FAULTS = [
  { type: 'KeyError', message: "'shipping_address'", file: 'shop/orders.py', name: 'place_order', route: '/orders' },
  { type: 'AttributeError', message: "'NoneType' object has no attribute 'email'", file: 'shop/profile.py', name: 'profile', route: '/profile/<id>', path: '/profile/17' },
  { type: 'ZeroDivisionError', message: 'division by zero', file: 'shop/stats.py', name: 'average', route: '/average' },
  { type: 'OperationalError', message: 'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?', file: 'shop/db.py', name: 'connect', route: '/cart/<id>', path: '/cart/9' },
  { type: 'ReadTimeout', message: "HTTPConnectionPool(host='rates.internal', port=8080): Read timed out. (read timeout=2)", file: 'shop/rates.py', name: 'rates', route: '/rates/<code>', path: '/rates/EUR' },
  { type: 'OSError', message: '[Errno 28] No space left on device', file: 'shop/export.py', name: 'export', route: '/export' },
];

const times = (i) => 3 + 2 * i;
const AWAY = 12;
/** Failures of the day, each once. */
export const FAILURES = FAULTS.reduce((sum, _, i) => sum + times(i), AWAY);

/** A day of a shop: some faults now and then, a proxy whose upstream was away, a thousand requests that went well. */
export async function aDay() {
  const healthy = [];
  for (let i = 0; i < 1000; i++) healthy.push(access({ path: ['/', '/orders', '/cart/9', '/average'][i % 4], status: 200, at: (i % 20) * HOUR_MS + i }));
  await lines(healthy.join(''));
  for (const [i, fault] of FAULTS.entries()) {
    for (let n = 0; n < times(i); n++) await failed({ ...fault, at: ((n * 7) % 20) * HOUR_MS / 4 + 60_000 * i });
  }
  let away = '';
  for (let i = 0; i < AWAY; i++) {
    const at = 600_000 - i * 20_000;
    away += error({ path: `/quote/${i}`, says: 'connect() failed (111: Connection refused) while connecting to upstream', at });
    away += access({ path: `/quote/${i}`, status: 502, at });
  }
  await lines(away);
}
