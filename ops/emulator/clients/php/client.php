<?php
// A client in the manner of the official PHP SDK (Guzzle over curl), against the emulator:
// php client.php calls|receive
declare(strict_types=1);

function env(string $name): string
{
    return (string) getenv($name);
}

function check(bool $right, string $what): void
{
    if (!$right) {
        throw new RuntimeException($what);
    }
}

final class Client
{
    public OpenSSLAsymmetricKey $private;
    /** @var array<string, OpenSSLAsymmetricKey> keys of the platform by name */
    public array $platform = [];

    public function __construct()
    {
        $this->private = openssl_pkey_get_private('file://' . env('WXPAY_PRIVATE_KEY_FILE'));
        if (env('WXPAY_PUBLIC_KEY_ID') !== '') {
            $this->platform[env('WXPAY_PUBLIC_KEY_ID')] = openssl_pkey_get_public('file://' . env('WXPAY_PUBLIC_KEY_FILE'));
            return;
        }
        // The list opens the keys that it is verified by.
        [$status, $text, $header] = $this->send('GET', '/v3/certificates', '', []);
        check($status === 200, "certificates: $status $text");
        foreach (json_decode($text, true)['data'] as $one) {
            $this->platform[$one['serial_no']] = openssl_pkey_get_public($this->open($one['encrypt_certificate']));
        }
        check($this->genuine($header, $text), 'the list of certificates is not signed by one of them');
    }

    /** A request with JSON or nothing; the answer is verified. */
    public function call(string $method, string $uri, ?array $body = null, array $more = []): array
    {
        $text = $body === null ? '' : json_encode($body); // with \u and \/, as json_encode does
        [$status, $answer, $header] = $this->send($method, $uri, $text, $more);
        check($status >= 300 || $this->genuine($header, $answer), "$uri: the answer is not genuine");
        return [$status, json_decode($answer, true)];
    }

    /** A form whose meta comes first and alone is signed; the file has no Content-Type, and curl sends chunks. */
    public function upload(string $uri, array $meta, string $file, array $more): array
    {
        $json = json_encode($meta);
        $boundary = bin2hex(random_bytes(20));
        $form = "--$boundary\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Length: " . strlen($json)
            . "\r\n\r\n$json\r\n--$boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{$meta['filename']}\"\r\nContent-Length: "
            . strlen($file) . "\r\n\r\n$file\r\n--$boundary--\r\n";
        [$status, $answer, $header] = $this->send('POST', $uri, $json, ["Content-Type: multipart/form-data; boundary=$boundary", ...$more], $form);
        check($status >= 300 || $this->genuine($header, $answer), "$uri: the answer is not genuine");
        return [$status, json_decode($answer, true)];
    }

    private function send(string $method, string $uri, string $signed, array $more, ?string $form = null): array
    {
        $nonce = bin2hex(random_bytes(16));
        $time = (string) time();
        openssl_sign("$method\n$uri\n$time\n$nonce\n$signed\n", $signature, $this->private, OPENSSL_ALGO_SHA256);
        $authorization = sprintf(
            'WECHATPAY2-SHA256-RSA2048 mchid="%s",serial_no="%s",timestamp="%s",nonce_str="%s",signature="%s"',
            env('WXPAY_MCH_ID'), env('WXPAY_SERIAL_NO'), $time, $nonce, base64_encode($signature)
        );
        $header = ["Authorization: $authorization", 'Accept: application/json, text/plain, application/x-gzip', 'User-Agent: wechatpay-php/1.4 GuzzleHttp/7', ...$more];
        if ($form === null) {
            $header[] = 'Content-Type: application/json; charset=utf-8';
        }
        $got = [];
        $options = [
            CURLOPT_CUSTOMREQUEST => $method, CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 30,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$got): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $got[strtolower(trim($name))] = trim($value);
                return strlen($line);
            },
        ];
        if ($form !== null) { // of unknown length, so that curl reads it piece by piece
            $stream = fopen('php://memory', 'w+');
            fwrite($stream, $form);
            rewind($stream);
            $options += [CURLOPT_UPLOAD => true, CURLOPT_READFUNCTION => fn ($curl, $_, int $n) => (string) fread($stream, $n)];
            $header[] = 'Transfer-Encoding: chunked';
            $header[] = 'Expect:';
        } elseif ($signed !== '') {
            $options[CURLOPT_POSTFIELDS] = $signed;
        }
        $curl = curl_init(env('WXPAY_BASE_URL') . $uri);
        curl_setopt_array($curl, $options + [CURLOPT_HTTPHEADER => $header]);
        $answer = curl_exec($curl);
        check($answer !== false, curl_error($curl));
        return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $answer, $got];
    }

    public function genuine(array $header, string $text): bool
    {
        $key = $this->platform[$header['wechatpay-serial'] ?? ''] ?? null;
        if ($key === null || abs(time() - (int) $header['wechatpay-timestamp']) > 300) {
            return false;
        }
        $signature = base64_decode($header['wechatpay-signature'], true);
        $message = "{$header['wechatpay-timestamp']}\n{$header['wechatpay-nonce']}\n$text\n";
        return $signature !== false && openssl_verify($message, $signature, $key, OPENSSL_ALGO_SHA256) === 1;
    }

    /** What the APIv3 key seals: a certificate, or the resource of a notification. */
    public function open(array $sealed): string
    {
        $bytes = base64_decode($sealed['ciphertext']);
        $plain = openssl_decrypt(substr($bytes, 0, -16), 'aes-256-gcm', env('WXPAY_APIV3_KEY'), OPENSSL_RAW_DATA, $sealed['nonce'], substr($bytes, -16), $sealed['associated_data'] ?? '');
        check($plain !== false, 'the APIv3 key does not open this');
        return $plain;
    }

    public function seal(string $plain): string
    {
        openssl_public_encrypt($plain, $sealed, reset($this->platform), OPENSSL_PKCS1_OAEP_PADDING);
        return base64_encode($sealed);
    }
}

function calls(Client $client): void
{
    $tasks = '/v3/marketing/bank/packages/8473295/tasks';
    $serial = 'Wechatpay-Serial: ' . array_key_first($client->platform);

    [$status, $list] = $client->call('GET', "$tasks?offset=0&limit=5");
    check($status === 200 && $list['data'] === [], 'list of tasks');

    [$status, $said] = $client->call('POST', '/v3/security/echo', ['echo_message' => '你好 / "', 'encrypted_echo_message' => $client->seal('13800138000')], [$serial]);
    openssl_private_decrypt(base64_decode($said['encrypted_echo_message'] ?? ''), $phone, $client->private, OPENSSL_PKCS1_OAEP_PADDING);
    check($status === 200 && $said['echo_message'] === '你好 / "' && $phone === '13800138000', 'self-test: ' . json_encode($said));

    [$status] = $client->call('PATCH', '/v3/marketing/membercard-open/cards/' . env('CARD'), ['title' => '新'], []);
    check($status === 204, "change of a card: $status");

    $file = $client->seal('62260001') . "\n";
    [$status, $task] = $client->upload($tasks, ['filename' => 'autumn.csv', 'sha256' => hash('sha256', $file), 'bank_type' => 'ICBC_DEBIT'], $file, [$serial]);
    check($status === 200 && $task['filename'] === 'autumn.csv', 'upload: ' . json_encode($task));

    [$status, $refusal] = $client->call('GET', "$tasks?limit=21");
    check($status === 400 && $refusal['code'] === 'PARAM_ERROR' && $refusal['detail']['field'] === '/limit', 'refusal: ' . json_encode($refusal));
}

/** Takes notifications, one connection after the other. */
function receive(Client $client): void
{
    $listener = stream_socket_server('tcp://127.0.0.1:0');
    echo 'http://', stream_socket_get_name($listener, false), "/\n";
    while ($peer = stream_socket_accept($listener, 600)) {
        fgets($peer); // request line
        $header = [];
        while (($line = trim((string) fgets($peer))) !== '') {
            [$name, $value] = explode(':', $line, 2);
            $header[strtolower($name)] = trim($value);
        }
        $text = (string) stream_get_contents($peer, (int) ($header['content-length'] ?? 0));
        $answer = '401 Unauthorized';
        if ($client->genuine($header, $text)) {
            $opened = json_decode($client->open(json_decode($text, true)['resource']), true);
            $answer = $opened['echo_message'] === 'hello' ? '204 No Content' : '500 Internal Server Error';
        }
        fwrite($peer, "HTTP/1.1 $answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        fclose($peer);
    }
}

$client = new Client();
($argv[1] ?? '') === 'receive' ? receive($client) : calls($client);
