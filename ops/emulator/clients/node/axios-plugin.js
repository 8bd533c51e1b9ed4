// wechatpay-axios-plugin against the emulator: node axios-plugin.js calls|receive
const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { default: axios } = require('axios');
const {
  Wechatpay, Rsa, Aes, Formatter, Multipart,
} = require('wechatpay-axios-plugin');
const receive = require('./receiver');

const { env } = process;
const privateKey = Rsa.from(readFileSync(env.WXPAY_PRIVATE_KEY_FILE), Rsa.KEY_TYPE_PRIVATE);

function client(certs) {
  return new Wechatpay({
    baseURL: env.WXPAY_BASE_URL, mchid: env.WXPAY_MCH_ID, serial: env.WXPAY_SERIAL_NO, privateKey, certs,
  });
}

// keys returns the platform's keys by name: the public key, or the certificates, which are downloaded as the plugin's
// own command does it, by a client that learns to verify from the answer that it verifies.
async function keys() {
  if (env.WXPAY_PUBLIC_KEY_ID) {
    return { [env.WXPAY_PUBLIC_KEY_ID]: Rsa.from(readFileSync(env.WXPAY_PUBLIC_KEY_FILE), Rsa.KEY_TYPE_PUBLIC) };
  }
  const certs = { any: undefined };
  const wxpay = client(certs);
  const open = (text) => {
    JSON.parse(text).data.forEach(({ serial_no: serial, encrypt_certificate: sealed }) => {
      const pem = Aes.AesGcm.decrypt(sealed.ciphertext, env.WXPAY_APIV3_KEY, sealed.nonce, sealed.associated_data);
      certs[serial] = Rsa.from(pem, Rsa.KEY_TYPE_PUBLIC);
    });
    return text;
  };
  // The plugin copies what it is given, so the verifier is made here, of the object that open fills.
  const { default: Decorator } = require('wechatpay-axios-plugin').Decorator;
  await wxpay.v3.certificates.get({ transformResponse: [open, Decorator.responseVerifier(certs), JSON.parse] });
  delete certs.any;
  return certs;
}

async function calls() {
  const certs = await keys();
  const [serial] = Object.keys(certs);
  const wxpay = client(certs);
  const { tasks } = wxpay.v3.marketing.bank.packages._package_id_;

  let answer = await tasks.get({ package_id: '8473295', params: { offset: 0, limit: 5 } });
  assert.deepEqual(answer.data.data, []);

  answer = await wxpay.v3.security.echo.post(
    { echo_message: '你好 / "', encrypted_echo_message: Rsa.encrypt('13800138000', certs[serial]) },
    { headers: { 'Wechatpay-Serial': serial } },
  );
  assert.equal(answer.data.echo_message, '你好 / "');
  assert.equal(Rsa.decrypt(answer.data.encrypted_echo_message, privateKey), '13800138000');

  const card = env.CARD;
  answer = await wxpay.v3.marketing.membercardOpen.cards._card_id_.patch({ title: 'New' }, { card_id: card });
  assert.equal(answer.status, 204);

  // An upload with meta before the file, and one after it.
  const file = Buffer.from(`${Rsa.encrypt('62260001', certs[serial])}\n`);
  for (const [name, order] of [['first.csv', ['meta', 'file']], ['second.csv', ['file', 'meta']]]) {
    const meta = { filename: name, sha256: createHash('sha256').update(file).digest('hex'), bank_type: 'ICBC_DEBIT' };
    const form = new Multipart();
    order.forEach((part) => (part === 'meta' ? form.append('meta', JSON.stringify(meta)) : form.append('file', file, name)));
    answer = await tasks.post(form.getBuffer(), { package_id: '8473295', meta, headers: { ...form.getHeaders(), 'Wechatpay-Serial': serial } });
    assert.equal(answer.data.filename, name);
  }

  await assert.rejects(tasks.get({ package_id: '8473295', params: { limit: 21 } }), ({ response }) => {
    assert.equal(response.status, 400);
    assert.equal(response.data.code, 'PARAM_ERROR');
    assert.equal(response.data.detail.field, '/limit');
    return true;
  });

  // TPNS, by bare axios.
  answer = await axios.post(`${env.TPNS_BASE_URL}/v3/push/app`, {
    audience_type: 'token', token_list: ['t'], message_type: 'notify', message: { title: 'T', content: 'C' },
  }, { auth: { username: env.TPNS_ACCESS_ID, password: env.TPNS_SECRET_KEY } });
  assert.equal(answer.data.ret_code, 0);
}

async function open(certs, header, text) {
  const verified = Rsa.verify(
    Formatter.response(header['wechatpay-timestamp'], header['wechatpay-nonce'], text),
    header['wechatpay-signature'],
    certs[header['wechatpay-serial']],
  );
  if (!verified) throw new Error('the signature is wrong');
  const { resource } = JSON.parse(text);
  return JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, env.WXPAY_APIV3_KEY, resource.nonce, resource.associated_data));
}

if (process.argv[2] === 'receive') {
  keys().then((certs) => receive((header, text) => open(certs, header, text)));
} else {
  calls().catch((error) => {
    console.error(error.response ? `${error.response.status} ${JSON.stringify(error.response.data)}` : error);
    process.exit(1);
  });
}
