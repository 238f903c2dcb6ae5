// Carts, in Express, as somebody in a hurry writes it; below what is wrong with it, by operation and a word of the line.
const express = require('express');
const FAULTS = [
  ['POST /carts', 'items.map'],
  ['POST /carts', 'reduce(('],
  ['GET /carts/{id}/total', 'items.length'],
  ['GET /carts/{id}/total', 'toFixed'],
  ['GET /convert', 'NumberFormat'],
  ['GET /echo', 'decodeURIComponent'],
  ['GET /slow', ''],
];
const id = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };
const query = (name, schema) => ({ name, in: 'query', schema });
const item = { type: 'object', properties: { sku: { type: 'string' }, n: { type: 'integer' } } };
const cart = { type: 'object', properties: { items: { type: 'array', items: item }, coupon: { type: 'string' } } };
const ok = { 200: { description: 'ok' }, 404: { description: 'none' } };
const description = {
  openapi: '3.0.0', info: { title: 'carts', version: '1' }, paths: {
    '/carts': { post: { requestBody: { content: { 'application/json': { schema: cart } } }, responses: { 201: { description: 'made' } } } },
    '/carts/{id}': { get: { parameters: [id], responses: ok }, delete: { parameters: [id], responses: { 204: { description: 'gone' } } } },
    '/carts/{id}/total': { get: { parameters: [id, query('digits', { type: 'integer' })], responses: ok } },
    '/convert': { get: { parameters: [query('amount', { type: 'number' }), query('locale', { type: 'string' })], responses: ok } },
    '/slow': { get: { parameters: [query('n', { type: 'integer', minimum: 0, maximum: 30 })], responses: ok } },
    '/echo': { get: { parameters: [query('path', { type: 'string' })], responses: ok } },
  },
};

const app = express();
app.use(express.json());
const carts = new Map();
let next = 1;
app.get('/openapi.json', (q, r) => r.json(description));
app.get('/faults', (q, r) => r.json(FAULTS));
app.post('/carts', (q, r) => {
  const numbers = q.body.items.map((i) => i.n);
  const total = numbers.reduce((a, b) => a + b);
  const made = { id: String(next++), items: q.body.items, coupon: q.body.coupon, total };
  carts.set(made.id, made);
  r.status(201).json(made);
});
app.get('/carts/:id', (q, r) => (carts.has(q.params.id) ? r.json(carts.get(q.params.id)) : r.status(404).json({})));
app.delete('/carts/:id', (q, r) => {
  if (!carts.has(q.params.id)) return r.status(404).json({});
  carts.get(q.params.id).items = null;
  return r.status(204).end();
});
app.get('/carts/:id/total', (q, r) => {
  if (!carts.has(q.params.id)) return r.status(404).json({});
  const n = carts.get(q.params.id).items.length;
  const digits = q.query.digits === undefined ? 2 : Number(q.query.digits);
  return r.json({ total: n.toFixed(digits) });
});
app.get('/convert', (q, r) => {
  const format = new Intl.NumberFormat(q.query.locale || 'en');
  r.json({ shown: format.format(q.query.amount) });
});
app.get('/slow', (q, r) => {
  if (Number(q.query.n) < 0) return;
  r.json({ ok: true });
});
app.get('/echo', (q, r) => {
  const path = decodeURIComponent(q.query.path || '');
  r.json({ path });
});
app.listen(Number(process.env.PORT), '127.0.0.1');
