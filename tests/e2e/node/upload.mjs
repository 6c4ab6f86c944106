// Hands one file in with a stock tus-js-client: node upload.mjs ENDPOINT TOKEN FILE CHUNK_BYTES
import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import * as tus from "tus-js-client";

const [endpoint, token, path, chunk] = process.argv.slice(2);

const upload = new tus.Upload(createReadStream(path), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: Number(chunk),
  uploadSize: statSync(path).size,
  metadata: { filename: basename(path) },
  retryDelays: [0, 500, 1000],
  onError(error) {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess() {
    console.log(upload.url);
  },
});
upload.start();
