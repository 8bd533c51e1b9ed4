import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** A client in the manner of the official Java SDK, by the JDK alone: java Client.java calls|receive */
public class Client {
  static final String TASKS = "/v3/marketing/bank/packages/8473295/tasks";

  final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  final PrivateKey key;
  final Map<String, PublicKey> platform = new LinkedHashMap<>();

  Client() throws Exception {
    key = KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(pem(env("WXPAY_PRIVATE_KEY_FILE"))));
    if (!env("WXPAY_PUBLIC_KEY_ID").isEmpty()) {
      platform.put(env("WXPAY_PUBLIC_KEY_ID"), KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(pem(env("WXPAY_PUBLIC_KEY_FILE")))));
      return;
    }
    // The list opens the keys that it is verified by.
    HttpResponse<String> list = send("GET", "/v3/certificates", "", "", Map.of());
    check(list.statusCode() == 200, "certificates: " + list.body());
    String certificate = open(list.body());
    platform.put(member(list.body(), "serial_no"), CertificateFactory.getInstance("X.509")
        .generateCertificate(new ByteArrayInputStream(certificate.getBytes(StandardCharsets.UTF_8))).getPublicKey());
    check(genuine(name -> list.headers().firstValue(name).orElse(""), list.body()), "the list is not genuine");
  }

  static String env(String name) {
    return System.getenv().getOrDefault(name, "");
  }

  static void check(boolean right, String what) {
    if (!right) {
      throw new IllegalStateException(what);
    }
  }

  static byte[] pem(String file) throws Exception {
    return Base64.getMimeDecoder().decode(Files.readString(Path.of(file)).replaceAll("-----[A-Z ]+-----", ""));
  }

  /** member is the first text under a name; enough JSON for what comes here. */
  static String member(String json, String name) {
    Matcher m = Pattern.compile("\"" + name + "\"\\s*:\\s*\"([^\"]*)\"").matcher(json);
    return m.find() ? m.group(1).replace("\\n", "\n").replace("\\/", "/") : "";
  }

  HttpResponse<String> send(String method, String uri, String body, String signed, Map<String, String> more) throws Exception {
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    String nonce = HexFormat.of().formatHex(random);
    String time = String.valueOf(System.currentTimeMillis() / 1000);
    Signature signature = Signature.getInstance("SHA256withRSA");
    signature.initSign(key);
    signature.update((method + "\n" + uri + "\n" + time + "\n" + nonce + "\n" + signed + "\n").getBytes(StandardCharsets.UTF_8));
    String authorization = "WECHATPAY2-SHA256-RSA2048 mchid=\"" + env("WXPAY_MCH_ID") + "\",nonce_str=\"" + nonce + "\",timestamp=\"" + time
        + "\",serial_no=\"" + env("WXPAY_SERIAL_NO") + "\",signature=\"" + Base64.getEncoder().encodeToString(signature.sign()) + "\"";
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(env("WXPAY_BASE_URL") + uri))
        .method(method, body.isEmpty() ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body))
        .setHeader("Authorization", authorization).setHeader("Accept", "application/json").setHeader("Content-Type", "application/json")
        .setHeader("User-Agent", "WechatPay-Java/0.2.17 (Linux/6) Java/17 Crypto/None HttpClient/Jdk");
    more.forEach(request::setHeader);
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> call(String method, String uri, String body, Map<String, String> more) throws Exception {
    return verified(send(method, uri, body, body, more));
  }

  /** A form whose meta has a length and no Content-Type. */
  HttpResponse<String> upload(String uri, String meta, String name, String file, Map<String, String> more) throws Exception {
    String boundary = "boundary-" + System.nanoTime();
    String form = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Length: " + meta.length() + "\r\n\r\n" + meta + "\r\n--" + boundary
        + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\nContent-Type: text/plain\r\nContent-Length: " + file.length()
        + "\r\n\r\n" + file + "\r\n--" + boundary + "--\r\n";
    Map<String, String> header = new LinkedHashMap<>(more);
    header.put("Content-Type", "multipart/form-data; boundary=" + boundary);
    return verified(send("POST", uri, form, meta, header));
  }

  HttpResponse<String> verified(HttpResponse<String> answer) throws Exception {
    check(answer.statusCode() >= 300 || genuine(name -> answer.headers().firstValue(name).orElse(""), answer.body()), "the answer is not genuine");
    return answer;
  }

  boolean genuine(Function<String, String> header, String text) throws Exception {
    PublicKey by = platform.get(header.apply("Wechatpay-Serial"));
    if (by == null) {
      return false;
    }
    Signature signature = Signature.getInstance("SHA256withRSA");
    signature.initVerify(by);
    signature.update((header.apply("Wechatpay-Timestamp") + "\n" + header.apply("Wechatpay-Nonce") + "\n" + text + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      return signature.verify(Base64.getDecoder().decode(header.apply("Wechatpay-Signature")));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      return false;
    }
  }

  /** open opens what the APIv3 key sealed in a list of certificates or a notification. */
  String open(String json) throws Exception {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(env("WXPAY_APIV3_KEY").getBytes(StandardCharsets.UTF_8), "AES"),
        new GCMParameterSpec(128, member(json, "nonce").getBytes(StandardCharsets.UTF_8)));
    cipher.updateAAD(member(json, "associated_data").getBytes(StandardCharsets.UTF_8));
    return new String(cipher.doFinal(Base64.getDecoder().decode(member(json, "ciphertext"))), StandardCharsets.UTF_8);
  }

  String seal(String plain) throws Exception {
    Cipher cipher = Cipher.getInstance("RSA/ECB/OAEPWithSHA-1AndMGF1Padding");
    cipher.init(Cipher.ENCRYPT_MODE, platform.values().iterator().next());
    return Base64.getEncoder().encodeToString(cipher.doFinal(plain.getBytes(StandardCharsets.UTF_8)));
  }

  void calls() throws Exception {
    Map<String, String> serial = Map.of("Wechatpay-Serial", platform.keySet().iterator().next());

    HttpResponse<String> answer = call("GET", TASKS + "?offset=0&limit=5", "", Map.of());
    check(answer.statusCode() == 200 && answer.body().contains("\"data\":[]"), answer.body());

    answer = call("POST", "/v3/security/echo", "{\"echo_message\":\"hello\",\"encrypted_echo_message\":\"" + seal("13800138000") + "\"}", serial);
    check(answer.statusCode() == 200 && member(answer.body(), "echo_message").equals("hello"), answer.body());
    Cipher cipher = Cipher.getInstance("RSA/ECB/OAEPWithSHA-1AndMGF1Padding");
    cipher.init(Cipher.DECRYPT_MODE, key);
    check(new String(cipher.doFinal(Base64.getDecoder().decode(member(answer.body(), "encrypted_echo_message")))).equals("13800138000"), answer.body());

    answer = call("PATCH", "/v3/marketing/membercard-open/cards/" + env("CARD"), "{\"title\":\"New\"}", Map.of());
    check(answer.statusCode() == 204, answer.body());

    String file = seal("62260001") + "\n";
    String sum = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(file.getBytes(StandardCharsets.UTF_8)));
    answer = upload(TASKS, "{\"filename\":\"autumn.csv\",\"sha256\":\"" + sum + "\",\"bank_type\":\"ICBC_DEBIT\"}", "autumn.csv", file, serial);
    check(answer.statusCode() == 200 && member(answer.body(), "filename").equals("autumn.csv"), answer.body());

    answer = call("GET", TASKS + "?limit=21", "", Map.of());
    check(answer.statusCode() == 400 && member(answer.body(), "code").equals("PARAM_ERROR") && member(answer.body(), "field").equals("/limit"), answer.body());
  }

  void receive() throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", exchange -> {
      String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      int status = 401;
      try {
        if (genuine(name -> String.valueOf(exchange.getRequestHeaders().getFirst(name)), text)) {
          status = member(open(text), "echo_message").equals("hello") ? 204 : 500;
        }
      } catch (Exception e) {
        status = 500;
      }
      exchange.sendResponseHeaders(status, -1);
      exchange.close();
    });
    server.start();
    System.out.println("http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }

  public static void main(String[] args) throws Exception {
    Client client = new Client();
    if (args[0].equals("receive")) {
      client.receive();
    } else {
      client.calls();
    }
  }
}
