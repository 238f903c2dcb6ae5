// The routes of a small shop that is broken in seven ways. Each client's app adds its own set-up to it.
const fs = require('node:fs');
const http = require('node:http');
const express = require('express');
const pg = require('pg');

const app = express();
app.get('/health', (req, res) => res.send('ok\n'));

app.get('/profile/:number', function profile(req, res) {
  const people = { 1: { name: 'Ada' } };
  res.send(people[req.params.number + 1000].name);
});

app.get('/average', function average(req, res) {
  res.send(String(12n / BigInt([].length)));
});

app.get('/cart/:number', async function cart(req, res) {
  const [host, port] = process.env.CLOSED_DATABASE.split(':');
  const client = new pg.Client({ host, port, database: 'shop', user: 'shop', password: 'shop' });
  await client.connect();
  res.send(req.params.number);
});

app.get('/rates/:currency', async function rates(req, res) {
  res.send(await get(`http://${process.env.SLOW_UPSTREAM}/rates/${req.params.currency}`));
});

app.get('/stock/:sku', async function stock(req, res) {
  res.send(await get(`http://${process.env.CLOSED_UPSTREAM}/stock/${req.params.sku}`));
});

app.get('/export', function exportAll(req, res) {
  fs.writeFileSync('/dev/full', 'sku;amount\n');
  res.send('done');
});

app.get('/invoice/:number', function invoice(req, res) {
  res.send(require('invoice-pdf-writer').write(req.params.number));
});

function get(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part)).on('end', () => resolve(text));
    });
    request.setTimeout(200, () => request.destroy(new Error(`timeout of 200ms exceeded: GET ${url}`)));
    request.on('error', reject);
  });
}

module.exports = { app, serve: () => app.listen(Number(process.env.PORT), '127.0.0.1') };
