// Text of a hostile sender in every field that a wire can carry. Where one of these becomes markup, an element of class `probe` is
// on the page; where it becomes script, `probed()` is called.
import net from 'node:net';
import fs from 'node:fs';
import path from 'node:path';
import { access, error, event, key, lines, post } from './feed.mjs';

export const PROBES = [
  `<img class=probe src=x onerror=probed(1)>`,
  `"><svg class=probe onload=probed(2)><script>probed(3)</script>`,
  `'><b class='probe' onmouseover='probed(4)' autofocus tabindex=1 onfocus=probed(5)>`,
  `</title></textarea></style></script><i class=probe></i><script>probed(6)</script>`,
  `javascript:probed(7)`,
  `--><iframe class=probe srcdoc='<script>parent.probed(8)</script>'></iframe>`,
  `\u202e\u0000\u001b[31m{{constructor.constructor('probed(9)')()}}\${probed(10)}</`,
];

/** A word that search finds the probe's problem by. */
const named = (probe, i) => `Probe${i} ${probe}`;

const time = () => new Date().toISOString();

/** A Sentry event with the probe everywhere. */
function sentry(p, i) {
  return {
    release: p, environment: p, dist: p, server_name: p, transaction: p, logger: p, platform: 'python', culprit: p, message: p,
    fingerprint: [p], modules: { [p]: p },
    exception: { values: [{
      type: `Probe${i}`, value: named(p, i), module: p, mechanism: { type: 'flask', handled: false, description: p, help_link: p, data: { [p]: p } },
      stacktrace: { frames: [{ filename: p, abs_path: p, module: p, function: p, lineno: 1, in_app: true, context_line: p, pre_context: [p], post_context: [p], vars: { [p]: p } }] },
    }] },
    request: { url: `http://shop.example/${p}`, method: p, query_string: p, data: p, cookies: p, env: { [p]: p, REMOTE_ADDR: p }, headers: { Host: p, 'User-Agent': p, Referer: p, 'X-Request-Id': p, Cookie: p } },
    user: { id: p, username: p, email: p, ip_address: p },
    tags: { [p.slice(0, 30)]: p, url: p, transaction: p }, extra: { [p]: p },
    breadcrumbs: { values: [{ timestamp: Date.now() / 1000, category: p, message: p, type: p, level: p, data: { [p]: p } }] },
    contexts: { trace: { trace_id: p, span_id: p, op: p }, runtime: { name: p, version: p }, response: { status_code: 500 }, [p]: { [p]: p } },
    sdk: { name: p, version: p },
  };
}

const text = (key, value) => ({ key, value: { stringValue: value } });

/** OpenTelemetry: a failed span with an exception, and a log record. */
async function otlp(p, i) {
  const nano = `${Date.now()}000000`;
  const resource = { attributes: [text('service.name', p), text('service.version', p), text('deployment.environment.name', p), text('host.name', p)] };
  const scope = { name: p, version: p };
  const thrown = [text('exception.type', `OtlpProbe${i}`), text('exception.message', p), text('exception.stacktrace', `Traceback (most recent call last):\n  File "${p}", line 1, in ${p}\nOtlpProbe${i}: ${p}`)];
  const json = { 'Content-Type': 'application/json', Authorization: `Bearer ${key()}` };
  const hex = i.toString(16).padStart(32, 'a');
  await post('/v1/traces', JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans: [{
    traceId: hex, spanId: hex.slice(16), name: p, kind: 2, startTimeUnixNano: nano, endTimeUnixNano: nano, status: { code: 2, message: p },
    attributes: [text('http.request.method', 'GET'), text('http.route', `/otlp/${p}`), text('url.path', `/otlp/${p}`), text('url.full', p), text('user_agent.original', p), text('server.address', p), { key: 'http.response.status_code', value: { intValue: '500' } }],
    events: [{ name: 'exception', timeUnixNano: nano, attributes: thrown }],
  }] }] }] }), json);
  await post('/v1/logs', JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords: [{ timeUnixNano: nano, severityNumber: 17, severityText: p, body: { stringValue: p }, traceId: hex, spanId: hex.slice(16), attributes: thrown }] }] }] }), json);
}

/** A log entry of an app as its shippers send it, under each protocol's own names. */
async function entries(p, i) {
  const own = { level: 'error', method: 'GET', path: `/entry${i}/${p}`, status: 500, request_id: p, err: { type: `EntryProbe${i}`, message: p, stack: `EntryProbe${i}: ${p}\n    at ${p} (/srv/${p}:1:1)` }, logger: p, [p]: p };
  const json = { 'Content-Type': 'application/json' };
  await post('/api/v2/logs', JSON.stringify([{ ddsource: p, service: p, hostname: p, ddtags: `env:${p},version:${p}`, message: JSON.stringify({ ...own, path: `/dd${i}/${p}` }) }]), { ...json, 'DD-API-KEY': key() });
  await post('/', JSON.stringify([{ dt: time(), message: p, service: p, host: p, ...own, path: `/logtail${i}/${p}` }]), { ...json, Authorization: `Bearer ${key()}` });
  await post('/loki/api/v1/push', JSON.stringify({ streams: [{ stream: { service_name: p, job: p, [`l${i}`]: p }, values: [[`${Date.now()}000000`, JSON.stringify({ ...own, path: `/loki${i}/${p}` })]] }] }), { ...json, Authorization: `Bearer ${key()}` });
  await post('/_bulk', JSON.stringify({ index: { _index: p } }) + '\n' + JSON.stringify({ '@timestamp': time(), message: p, 'service.name': p, 'host.name': p, ...own, path: `/es${i}/${p}` }) + '\n', { ...json, Authorization: `Bearer ${key()}` });
  await post('/services/collector/event', JSON.stringify({ host: p, source: p, sourcetype: p, index: p, event: { ...own, path: `/hec${i}/${p}` }, fields: { [p]: p } }), { ...json, Authorization: `Splunk ${key()}` });
  await post('/gelf', JSON.stringify({ version: '1.1', host: p, short_message: p, full_message: p, level: 3, _status: 500, _method: 'GET', _path: `/gelf${i}/${p}`, _request_id: p, _service: p }), { ...json, Authorization: `Bearer ${key()}` });
  await lines(JSON.stringify({ ...own, time: time() }) + '\n', p);
}

/** Lines of logs with the probe as path, agent, upstream, host, id, message; over the API, over syslog, from a file whose name is hostile. */
async function logs(p, i) {
  const flat = p.replace(/["\n\u0000]/g, "'");
  const told = access({ path: `/line${i}/${flat.replaceAll(' ', '%20')}`, status: 502, agent: flat, upstream: flat, id: flat.replaceAll(' ', '_') })
    + error({ path: `/line${i}/${flat.replaceAll(' ', '%20')}`, says: `upstream sent ${flat} while reading response header from upstream`, upstream: `http://${flat}` })
    + `Traceback (most recent call last):\n  File "/srv/${flat}", line 1, in ${flat}\nLineProbe${i}: ${flat}\n`;
  await lines(told, `lines ${flat}`);
  fs.appendFileSync(path.join(process.env.LOGS, `${flat.replaceAll('/', '').slice(0, 100)}.log`), told);
  const [host, port] = process.env.SYSLOG.split(':');
  await new Promise((done, failed) => {
    const socket = net.connect(Number(port), host, () => socket.end(
      `<27>1 ${time()} ${flat.replaceAll(' ', '_')} ${flat.replaceAll(' ', '_').slice(0, 40)} 1 - [x@1 k="${flat.replaceAll(']', '')}"] ${told.split('\n')[0]}\n`));
    socket.on('close', done).on('error', failed);
  });
}

/** Sends all probes by all wires; gives how many bodies. */
export async function everywhere() {
  for (const [i, p] of PROBES.entries()) {
    await event(sentry(p, i));
    await otlp(p, i);
    await entries(p, i);
    await logs(p, i);
  }
}

/** What is shown as text where the probe is: control characters are made visible, so the part before them. */
export const shown = (p) => p.replace(/[\u0000-\u001f\u202a-\u202e].*$/su, '');
export { named };
