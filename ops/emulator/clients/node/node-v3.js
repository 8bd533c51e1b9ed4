// wechatpay-node-v3 against the emulator: node node-v3.js calls|receive
const assert = require('node:assert/strict');
const { createHash, createVerify } = require('node:crypto');
const { readFileSync } = require('node:fs');
const superagent = require('superagent');
const WxPay = require('wechatpay-node-v3');
const { PayRequest } = require('wechatpay-node-v3/dist/lib/pay-request');
const receive = require('./receiver');

const { env } = process;
const official = 'https://api.mch.weixin.qq.com';
const local = (url) => url.replace(official, env.WXPAY_BASE_URL);

// The package has the platform's host built in, and a way to send requests by something else.
class Local extends PayRequest {
  get(url, headers) { return super.get(local(url), headers); }

  post(url, params, headers) { return super.post(local(url), params, headers); }
}

const pay = new WxPay({
  appid: 'wx8888888888888888', mchid: env.WXPAY_MCH_ID, serial_no: env.WXPAY_SERIAL_NO, key: env.WXPAY_APIV3_KEY,
  publicKey: readFileSync(env.WXPAY_CERTIFICATE_FILE), privateKey: readFileSync(env.WXPAY_PRIVATE_KEY_FILE),
});
pay.createHttp(new Local());

// keys lets the package know the platform: by certificates it downloads them, the public key is handed to it.
async function keys() {
  if (env.WXPAY_PUBLIC_KEY_ID) {
    WxPay.certificates[env.WXPAY_PUBLIC_KEY_ID] = readFileSync(env.WXPAY_PUBLIC_KEY_FILE).toString();
  } else {
    const list = await pay.get_certificates(env.WXPAY_APIV3_KEY);
    assert.equal(list.length, 1);
    await pay.fetchCertificates(env.WXPAY_APIV3_KEY);
  }
  return Object.entries(WxPay.certificates)[0];
}

function call(method, path, body, more = {}) {
  const headers = pay.getHeaders(pay.buildAuthorization(method, official + path, body), { 'Content-Type': 'application/json', ...more });
  return method === 'GET' ? pay.httpService.get(official + path, headers) : pay.httpService.post(official + path, body, headers);
}

async function calls() {
  const [serial, key] = await keys();
  const path = '/v3/marketing/bank/packages/8473295/tasks';

  // An answer with its headers, for the verification that the package offers.
  const headers = pay.getHeaders(pay.buildAuthorization('GET', `${official}${path}?limit=5`), {});
  const raw = await superagent.get(`${env.WXPAY_BASE_URL}${path}?limit=5`).set(headers).buffer(true);
  const signed = {
    timestamp: raw.headers['wechatpay-timestamp'], nonce: raw.headers['wechatpay-nonce'], body: raw.text,
    serial: raw.headers['wechatpay-serial'], signature: raw.headers['wechatpay-signature'],
  };
  assert.equal(await pay.verifySign(signed), true);
  assert.equal(await pay.verifySign({ ...signed, body: `${raw.text} ` }), false);

  let answer = await call('POST', '/v3/security/echo', { echo_message: '你好', encrypted_echo_message: pay.publicEncrypt('13800138000', key) }, { 'Wechatpay-Serial': serial });
  assert.equal(answer.status, 200, answer.error);
  assert.equal(answer.data.echo_message, '你好');
  assert.equal(pay.privateDecrypt(answer.data.encrypted_echo_message), '13800138000');

  // As the package uploads: the file before meta, and superagent makes the form.
  const file = Buffer.from(`${pay.publicEncrypt('62260001', key)}\n`);
  const meta = { filename: 'autumn.csv', sha256: createHash('sha256').update(file).digest('hex'), bank_type: 'ICBC_DEBIT' };
  const { 'Content-Type': _, ...rest } = pay.getHeaders(pay.buildAuthorization('POST', official + path, meta), { 'Wechatpay-Serial': serial });
  answer = await superagent.post(env.WXPAY_BASE_URL + path).set(rest)
    .attach('file', file, { filename: 'autumn.csv', contentType: 'text/csv' }).field('meta', JSON.stringify(meta));
  assert.equal(answer.body.filename, 'autumn.csv');

  answer = await call('GET', `${path}?limit=21`);
  assert.equal(answer.status, 400);
  assert.equal(JSON.parse(answer.error).code, 'PARAM_ERROR');
}

async function open(header, text) {
  const key = WxPay.certificates[header['wechatpay-serial']];
  if (!key) throw new Error('nobody knows this key');
  const verified = createVerify('RSA-SHA256').update(`${header['wechatpay-timestamp']}\n${header['wechatpay-nonce']}\n${text}\n`)
    .verify(key, header['wechatpay-signature'], 'base64');
  if (!verified) throw new Error('the signature is wrong');
  const { resource } = JSON.parse(text);
  return pay.decipher_gcm(resource.ciphertext, resource.associated_data, resource.nonce);
}

if (process.argv[2] === 'receive') {
  keys().then(() => receive(open));
} else {
  calls().catch((error) => {
    console.error(error.response ? `${error.response.status} ${error.response.text}` : error);
    process.exit(1);
  });
}
