// receive starts a receiver of notifications and prints where it is. It answers 204 if open, which gets the headers
// and the text of a notification and returns what was sealed in it, likes it.
const http = require('node:http');

module.exports = function receive(open) {
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      try {
        const opened = await open(request.headers, Buffer.concat(chunks).toString());
        if (opened.echo_message !== 'hello') throw new Error(`opened ${JSON.stringify(opened)}`);
        response.writeHead(204).end();
      } catch (error) {
        response.writeHead(401).end(String(error));
      }
    });
  });
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
};
