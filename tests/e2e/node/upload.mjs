// Hands one file in with a stock tus-js-client: node upload.mjs SOURCE FILE OPTIONS_AS_JSON
import { createReadStream, readFileSync } from "node:fs";
import { basename } from "node:path";
import * as tus from "tus-js-client";

const [source, path, text] = process.argv.slice(2);
const sources = {
  file: () => createReadStream(path),
  buffer: () => readFileSync(path),
  stdin: () => process.stdin,
};

const upload = new tus.Upload(sources[source](), {
  ...JSON.parse(text),
  metadata: { filename: basename(path) },
  onError(error) {
    console.error(String(error));
    process.exit(1);
  },
  onSuccess() {
    console.log(upload.url);
  },
});
upload.start();
