"""A client in the manner of wechatpayv3, by the standard library and cryptography, against the emulator:
python3 client.py calls|receive
"""
import base64
import hashlib
import http.client
import http.server
import json
import os
import secrets
import sys
import time
import urllib.parse

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ENV = os.environ
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


def read(variable):
    with open(ENV[variable], "rb") as f:
        return f.read()


class Client:
    def __init__(self):
        self.private = serialization.load_pem_private_key(read("WXPAY_PRIVATE_KEY_FILE"), None)
        self.platform = {}  # keys by name
        if ENV.get("WXPAY_PUBLIC_KEY_ID"):
            self.platform[ENV["WXPAY_PUBLIC_KEY_ID"]] = serialization.load_pem_public_key(read("WXPAY_PUBLIC_KEY_FILE"))
            return
        status, header, text = self.send("GET", "/v3/certificates")
        assert status == 200, text
        for one in json.loads(text)["data"]:
            pem = self.open(one["encrypt_certificate"])
            self.platform[one["serial_no"]] = x509.load_pem_x509_certificate(pem).public_key()
        self.verify(header, text)

    def send(self, method, uri, body="", signed=None, more=None):
        signed = body if signed is None else signed
        nonce, now = secrets.token_hex(16).upper(), str(int(time.time()))
        message = f"{method}\n{uri}\n{now}\n{nonce}\n{signed}\n".encode()
        signature = base64.b64encode(self.private.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()
        header = {
            "Content-Type": "application/json", "Accept": "application/json", "User-Agent": "wechatpay v3 api python sdk",
            "Authorization": f'WECHATPAY2-SHA256-RSA2048 mchid="{ENV["WXPAY_MCH_ID"]}",nonce_str="{nonce}",'
                             f'signature="{signature}",timestamp="{now}",serial_no="{ENV["WXPAY_SERIAL_NO"]}"',
        }
        header.update(more or {})
        base = urllib.parse.urlsplit(ENV["WXPAY_BASE_URL"])
        kind = http.client.HTTPSConnection if base.scheme == "https" else http.client.HTTPConnection
        connection = kind(base.hostname, base.port, timeout=30)
        connection.request(method, uri, body.encode() if isinstance(body, str) else body, header)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()

    def call(self, method, uri, body=None, more=None):
        status, header, text = self.send(method, uri, "" if body is None else json.dumps(body), more=more)
        if status < 300:
            self.verify(header, text)
        return status, json.loads(text) if text else None

    def upload(self, uri, meta, file, more):
        """A form in the order that a dictionary of parts has, meta as text without a Content-Type of its own."""
        text, boundary = json.dumps(meta), secrets.token_hex(16)
        form = (f'--{boundary}\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{text}\r\n'
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{meta["filename"]}"\r\n'
                f'Content-Type: text/csv\r\n\r\n{file}\r\n--{boundary}--\r\n').encode()
        status, header, answer = self.send("POST", uri, form, signed=text, more={**more, "Content-Type": f"multipart/form-data; boundary={boundary}"})
        if status < 300:
            self.verify(header, answer)
        return status, json.loads(answer)

    def verify(self, header, text):
        key = self.platform.get(header.get("wechatpay-serial"))
        if key is None or abs(time.time() - int(header["wechatpay-timestamp"])) > 300:
            raise InvalidSignature
        message = f'{header["wechatpay-timestamp"]}\n{header["wechatpay-nonce"]}\n{text}\n'.encode()
        key.verify(base64.b64decode(header["wechatpay-signature"]), message, padding.PKCS1v15(), hashes.SHA256())

    def open(self, sealed):
        return AESGCM(ENV["WXPAY_APIV3_KEY"].encode()).decrypt(
            sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), (sealed.get("associated_data") or "").encode())

    def seal(self, plain):
        return base64.b64encode(next(iter(self.platform.values())).encrypt(plain.encode(), OAEP)).decode()


def calls(client):
    tasks = "/v3/marketing/bank/packages/8473295/tasks"
    serial = {"Wechatpay-Serial": next(iter(client.platform))}

    status, answer = client.call("GET", tasks + "?offset=0&limit=5")
    assert (status, answer["data"]) == (200, []), answer

    status, answer = client.call("POST", "/v3/security/echo", {"echo_message": "你好", "encrypted_echo_message": client.seal("13800138000")}, serial)
    assert (status, answer["echo_message"]) == (200, "你好"), answer
    assert client.private.decrypt(base64.b64decode(answer["encrypted_echo_message"]), OAEP) == b"13800138000"

    status, _ = client.call("PATCH", "/v3/marketing/membercard-open/cards/" + ENV["CARD"], {"title": "新"}, serial)
    assert status == 204, status

    file = client.seal("62260001") + "\n"
    meta = {"filename": "autumn.csv", "sha256": hashlib.sha256(file.encode()).hexdigest(), "bank_type": "ICBC_DEBIT"}
    status, answer = client.upload(tasks, meta, file, serial)
    assert (status, answer.get("filename")) == (200, "autumn.csv"), answer

    status, answer = client.call("GET", tasks + "?limit=21")
    assert (status, answer["code"], answer["detail"]["field"]) == (400, "PARAM_ERROR", "/limit"), answer


def receive(client):
    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = 204
            try:
                client.verify({name.lower(): value for name, value in self.headers.items()}, text)
                if json.loads(client.open(json.loads(text)["resource"]))["echo_message"] != "hello":
                    status = 500
            except (InvalidSignature, ValueError):  # ValueError: the signature is no base64
                status = 401
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


{"calls": calls, "receive": receive}[sys.argv[1]](Client())
