// What a merchant would build from Shopify's own package: it verifies each webhook, and `pg` stores it before the answer.
import express from 'express';
import pg from 'pg';
import { ApiVersion, DeliveryMethod, LogSeverity } from '@shopify/shopify-api';
import { shopifyApp } from '@shopify/shopify-app-express';
import { randomUUID } from 'node:crypto';

const path = '/webhooks/shopify/alpha';
const pool = new pg.Pool({ max: 10 });
const insert = {
  name: 'insert',
  text: `INSERT INTO deliveries (id, source_kind, source, dedupe_key, topic, webhook_id, headers, body)
    VALUES ($1, 'store', 'alpha', $2, $3, $2, $4, $5) ON CONFLICT DO NOTHING`,
};

async function store(topic, shop, body, webhookId) {
  const headers = { 'x-shopify-topic': topic, 'x-shopify-shop-domain': shop, 'x-shopify-webhook-id': webhookId };
  await pool.query({ ...insert, values: [randomUUID(), webhookId, topic, headers, Buffer.from(body)] });
}

const shopify = shopifyApp({
  api: {
    apiKey: 'alpha-client',
    apiSecretKey: process.env.PEER_SECRET,
    apiVersion: ApiVersion.July26,
    hostName: 'localhost',
    scopes: ['read_orders'],
    logger: { level: LogSeverity.Error },
  },
  auth: { path: '/auth', callbackPath: '/auth/callback' },
  webhooks: { path },
});
const handlers = { ORDERS_UPDATED: { deliveryMethod: DeliveryMethod.Http, callbackUrl: path, callback: store } };

const app = express();
app.disable('x-powered-by');
app.post(path, ...shopify.processWebhooks({ webhookHandlers: handlers }));
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
